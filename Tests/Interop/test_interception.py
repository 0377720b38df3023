"""Intercepted sessions carried by the real gateway: hosts of one zone are told why, hosts of another are passed on.

The mail server that clients mean is a Postfix in the outside namespace; packets are real, in IPv4 and IPv6.
"""
import contextlib
import re
import shutil
import signal
import socket
import ssl
import unittest

import daemon
import firewall
import harness
import netlab
import outside

URL = "https://isp.example/port25"
POLICY = """\
version: 1
policy: outbound
limits:
  mails: { key: client.ip, rate: 1/h, burst: 3 }
rules:
  - id: forged
    at: mail
    when: sender.domain == "forged.example"
    action: reject
    reply: "554 5.7.1 Not with this sender"
  - id: too-much
    at: mail
    when: sender.domain == "bulk.example"
    over: mails
    action: defer
    reply: "450 4.7.1 Too much mail from you"
  - id: no-virus
    at: message
    when: has(message.subject) and message.subject == "virus"
    action: reject
    reply: "554 5.7.1 Not with this content"
default: accept
"""
ZONES = {"lan": "mode: relay", "guest": "mode: explain"}


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Client:
    """SMTP by hand, from an address of a namespace."""

    def __init__(self, network, family, who=netlab.PLAIN, role="lan", target="server", port=25):
        addresses = netlab.ADDRESSES[family]
        self.socket = network.socket(role, socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        self.socket.settimeout(harness.PATIENCE)
        self.socket.bind((addresses[who], 0))
        self.socket.connect((addresses.get(target, target), port))
        self.lines = self.socket.makefile("rb")

    def reply(self):
        """A whole reply, lines without CRLF; empty at the end of the connection."""
        lines = []
        while True:
            line = self.lines.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return lines
            lines.append(line)
            if line[3:4] != "-":
                return lines

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def starttls(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="mx.outside.example")
        self.lines = self.socket.makefile("rb")

    def close(self):
        self.lines.close()
        self.socket.close()


@daemon.needed
@firewall.needed
@harness.needs("postfix", "openssl", "swaks")
class Interception(firewall.Lab):
    @classmethod
    def setUpClass(cls):
        cls.network = netlab.Network()
        cls.addClassCleanup(cls.network.stop)
        # Port 25 of the outside is the real server's.
        cls.network.serve((465, 587))
        cls.outside = outside.Outside(cls.network)
        cls.addClassCleanup(cls.outside.stop)
        cls.helper = firewall.Helper(cls.network)
        cls.addClassCleanup(lambda: cls.helper.child.running and cls.helper.stop())
        cls.warm()
        cls.root = harness.place("gateway")
        shutil.chown(cls.root, "nobody")
        for name, text in (("egress", firewall.policy(ZONES)), ("outbound", POLICY)):
            (cls.root / name).mkdir()
            (cls.root / name / "policy.yaml").write_text(text)
        cls.file = cls.root / "portreeve.yaml"
        cls.configure()
        cls.applied()
        cls.log = harness.Log(cls.root / "log")
        cls.gateway = harness.Child(
            cls.network.command("router", daemon.PROGRAM, "run", "-c", cls.file), cls.root / "output")
        cls.addClassCleanup(lambda: cls.gateway.running and cls.gateway.stop(signal.SIGINT))
        harness.until("its line", lambda: "intercepts" in cls.gateway.said() or not cls.gateway.running)
        if not cls.gateway.running:
            raise RuntimeError(cls.gateway.said())
        cls.await_service()

    @classmethod
    def configure(cls, listener=""):
        cls.file.write_text(f"""version: 1
hostname: gateway.example.org
user: nobody
listeners:
  egress:
    intercept: true
    policies: [outbound]
    explain: {{ text: ["Port 25 is closed.", "Use 587."], url: "{URL}" }}
    protocol: {{ connection_rate: 10000/min, max_sessions_per_client: 20 }}{listener}
policies: [outbound]
firewall: {{ policy: egress, socket: {cls.helper.socket} }}
admin: {{ socket: {cls.root}/control.sock }}
state: {{ store: memory, path: {cls.root}/state }}
log: {{ to: {cls.root}/log }}
""")

    @classmethod
    def applied(cls, zones=None):
        if zones:
            (cls.root / "egress" / "policy.yaml").write_text(firewall.policy(zones))
        done = cls.helper.command("apply", "-c", cls.file)
        if done.returncode:
            raise RuntimeError(done.stdout)

    @classmethod
    def greets(cls, family, role="lan"):
        """The first line that a client gets; what went wrong in other cases."""
        with contextlib.suppress(OSError), contextlib.closing(
                Client(cls.network, family, "guest" if role == "guest" else netlab.PLAIN, role)) as one:
            return (one.reply() or ["closed"])[0]
        return "refused"

    @classmethod
    def await_service(cls):
        for family in (4, 6):
            harness.until("the outside's greeting", lambda: cls.greets(family).startswith("220 mx.outside"))
            harness.until("an explanation", lambda: cls.greets(family, "guest").startswith("554"))

    def client(self, family, *arguments, **options):
        one = Client(self.network, family, *arguments, **options)
        self.addCleanup(one.close)
        return one

    def introduced(self, family, **options):
        one = self.client(family, **options)
        self.assertEqual(one.reply()[0], "220 mx.outside.example ESMTP Postfix")
        return one, one.say("EHLO bot.example")

    def status(self):
        done = harness.run(*self.network.command("router", daemon.PROGRAM, "status", "-c", self.file))
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    # Told why

    def test_an_explained_host_reads_the_operators_text_and_url(self):
        for family in (4, 6):
            with self.subTest(family=family):
                address = netlab.ADDRESSES[family]["guest"]
                before = self.outside.log.text().count(f"[{address}]")
                one = self.client(family, "guest", "guest")
                greeting = one.reply()
                self.assertEqual(greeting[:2], ["554-5.7.1 Port 25 is closed.", "554-5.7.1 Use 587."])
                self.assertRegex(greeting[2], rf"^554 5\.7\.1 {re.escape(URL)} sid=\w{{10}}$")
                for line in ("EHLO bot.example", "MAIL FROM:<a@b.example>", "STARTTLS"):
                    self.assertEqual(one.say(line), ["503 5.5.1 Error: connection was refused, send QUIT"])
                self.assertEqual(one.say("QUIT"), ["221 2.0.0 Bye"])
                self.assertEqual(one.reply(), [])
                self.log.wait(rf"reject: CONNECT from unknown\[{address}\]: 554 5\.7\.1 .*Port 25.*rule=protocol/explain")
                # The server that was meant hears nothing.
                self.assertEqual(self.outside.log.text().count(f"[{address}]"), before)

    def test_swaks_shows_the_explanation(self):
        done = harness.run(*self.network.command(
            "guest", "swaks", "--server", "10.60.2.2", "--local-interface", "10.60.3.10", "--to", "x@outside.example",
            "--from", "a@b.example", "--timeout", "10"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"554 5.7.1 {URL}", done.stdout)

    # Passed on

    def test_mail_arrives_with_the_clients_address_and_name(self):
        for family in (4, 6):
            with self.subTest(family=family):
                one, offer = self.introduced(family)
                address = netlab.ADDRESSES[family][netlab.PLAIN]
                self.assertEqual(offer[0], "250-mx.outside.example", "the server's own words")
                words = {line[4:].split()[0] for line in offer[1:]}
                self.assertLessEqual({"PIPELINING", "STARTTLS", "8BITMIME", "SIZE", "DSN"}, words)
                self.assertFalse({"XCLIENT", "ETRN"} & words, "what could not be followed is not offered")
                for line, code in (("MAIL FROM:<a@b.example>", "250"), ("RCPT TO:<x@outside.example>", "250"),
                                   ("DATA", "354"), ("Subject: hello\r\n\r\nbody\r\n.", "250")):
                    self.assertEqual(one.say(line)[-1][:3], code, line)
                self.assertEqual(one.say("QUIT"), ["221 2.0.0 Bye"])
                self.outside.log.wait(rf"client=unknown\[{re.escape(address)}\]")
                self.log.wait(rf"client=unknown\[{re.escape(address)}\].*relay=\S*{'10.60.2.2' if family == 4 else 'fd60:2::2'}")
        self.assertIn("not passed on: ETRN", self.log.text())

    def test_starttls_reaches_the_server_and_everything_after_it_too(self):
        for family in (4, 6):
            with self.subTest(family=family):
                one, _ = self.introduced(family)
                self.assertEqual(one.say("STARTTLS"), ["220 2.0.0 Ready to start TLS"])
                one.starttls()
                self.assertIn("mx.outside.example", str(one.socket.getpeercert(True)), "the server's certificate")
                self.assertEqual(one.say("EHLO inside.example")[0], "250-mx.outside.example")
                # A rule of ours refuses this sender in clear; inside TLS nobody but the server reads it.
                for line, code in (("MAIL FROM:<a@forged.example>", "250"), ("RCPT TO:<x@outside.example>", "250"),
                                   ("DATA", "354")):
                    self.assertEqual(one.say(line)[-1][:3], code, line)
                body = "".join(f"line {number}\r\n" for number in range(60000))
                self.assertEqual(one.say(f"Subject: long\r\n\r\n{body}.")[-1][:3], "250")
                self.assertEqual(one.say("QUIT"), ["221 2.0.0 Bye"])
                self.assertEqual(one.reply(), [], "the server's close is the client's")
                self.log.wait(rf"{re.escape(netlab.ADDRESSES[family][netlab.PLAIN])}\]: TLS passed on, relay=")
        self.outside.log.wait(r"disconnect from unknown\[10\.60\.1\.10\] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1")

    def test_openssl_and_swaks_speak_tls_with_the_server(self):
        for family in (4, 6):
            addresses = netlab.ADDRESSES[family]
            with self.subTest(family=family):
                done = harness.run(*self.network.command(
                    "lan", "openssl", "s_client", "-connect", at(addresses["server"], 25), "-bind",
                    at(addresses[netlab.PLAIN], 0), "-starttls", "smtp", "-CAfile",
                    self.outside.root / "fullchain.pem", "-verify_return_error", "-brief"))
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn("Verification: OK", done.stdout)
        done = harness.run(*self.network.command(
            "lan", "swaks", "--server", "10.60.2.2", "--local-interface", "10.60.1.10", "--tls", "--to",
            "x@outside.example", "--from", "a@b.example", "--timeout", "20"))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_rules_hold_until_starttls(self):
        one, _ = self.introduced(4)
        self.assertRegex(one.say("MAIL FROM:<a@forged.example>")[0], "^554 5.7.1 Not with this sender sid=")
        self.log.wait(r"reject: MAIL from unknown\[10\.60\.1\.10\].*rule=outbound/forged")
        replies = []
        for _ in range(4):
            replies.append(one.say("MAIL FROM:<a@bulk.example>")[0][:3])
            one.say("RSET")
        self.assertEqual(replies, ["250", "250", "250", "450"], "three at once, then one an hour")
        for line, code in (("MAIL FROM:<a@b.example>", "250"), ("RCPT TO:<x@outside.example>", "250"), ("DATA", "354"),
                           ("Subject: virus\r\n\r\nx\r\n.", "554"), ("EHLO bot.example", "250"),
                           ("MAIL FROM:<a@b.example>", "250"), ("RCPT TO:<x@outside.example>", "250"), ("QUIT", "221")):
            self.assertEqual(one.say(line)[-1][:3], code, line)

    def test_the_server_refuses_as_it_would_without_us(self):
        one, _ = self.introduced(4)
        one.say("MAIL FROM:<a@b.example>")
        self.assertRegex(one.say("RCPT TO:<x@elsewhere.example>")[0], "^[45]54 5?4?.*Relay access denied")
        self.assertEqual(one.say("XCLIENT ADDR=192.0.2.1")[0][:3], "500")

    def test_a_server_that_is_not_there_is_421_at_once(self):
        """A reset and an error of the outside's network both come through: packets of our side are told by their socket."""
        for reason in ("icmpx admin-prohibited", "tcp reset"):
            made = harness.run(*self.network.command(
                "out", "nft", "add table inet shut; add chain inet shut in { type filter hook input priority 0; }; "
                f"add rule inet shut in tcp dport 25 reject with {reason}"))
            self.assertEqual(made.returncode, 0, made.stdout)
            try:
                for family in (4, 6):
                    with self.subTest(reason=reason, family=family):
                        self.assertRegex(self.greets(family), r"^421 4\.4\.1 gateway\.example\.org ")
            finally:
                harness.run(*self.network.command("out", "nft", "delete", "table", "inet", "shut"))
        self.assertRegex(self.log.text(), r"warning: backend 10\.60\.2\.2:25: connect failed: ")
        self.assertNotIn("timeout during connect", self.log.text())

    def test_this_machines_own_mail_is_not_intercepted(self):
        for family, own in ((4, "10.60.2.1"), (6, "fd60:2::1")):
            with self.network.socket("router", socket.AF_INET if family == 4 else socket.AF_INET6) as one:
                one.settimeout(harness.PATIENCE)
                one.connect((netlab.ADDRESSES[family]["server"], 25))
                self.assertIn(b"220 mx.outside.example", one.recv(200))
            self.assertNotIn(f"connect from unknown[{own}]", self.log.text())

    def test_other_ports_and_hosts_are_untouched(self):
        for family in (4, 6):
            for port in (465, 587):
                self.assertEqual(self.attempt(netlab.PLAIN, family, port=port), "passed")
            with contextlib.closing(Client(self.network, family, netlab.MAIL)) as one:
                self.assertIn("mx.outside.example", one.reply()[0])
            address = re.escape(netlab.ADDRESSES[family][netlab.MAIL])
            self.outside.log.wait(rf"connect from unknown\[{address}\]")
            self.assertNotRegex(self.log.text(), rf"connect from unknown\[{address}\]")
        # UDP to port 25 is nobody's business.
        with self.network.socket("out", socket.AF_INET, socket.SOCK_DGRAM) as there, \
                self.network.socket("lan", socket.AF_INET, socket.SOCK_DGRAM) as here:
            there.bind(("10.60.2.2", 25))
            there.settimeout(harness.PATIENCE)
            here.sendto(b"hello", ("10.60.2.2", 25))
            self.assertEqual(there.recvfrom(100)[0], b"hello")

    def test_our_own_address_upstream(self):
        self.applied(ZONES | {"lan": "mode: relay, upstream: own"})
        try:
            for family, router in ((4, "10.60.2.1"), (6, "fd60:2::1")):
                with self.subTest(family=family):
                    one, _ = self.introduced(family)
                    one.say("QUIT")
                    self.outside.log.wait(rf"disconnect from unknown\[{re.escape(router)}\] ehlo=1 quit=1")
        finally:
            self.applied(ZONES)

    # Nothing but the filter leads here

    def test_the_router_itself_does_not_get_in(self):
        for family, loopback in ((4, "127.0.0.1"), (6, "::1")):
            with self.network.socket("router", socket.AF_INET if family == 4 else socket.AF_INET6) as one:
                one.settimeout(harness.PATIENCE)
                one.connect((loopback, 10025))
                self.assertEqual(one.recv(100), b"554 5.7.1 Error: this is no mail server\r\n")
                self.assertEqual(one.recv(100), b"")

    def test_the_gateway_has_no_capability(self):
        status = open(f"/proc/{self.gateway.pid}/status").read()
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"Uid:\s+65534\b")

    # What happens when

    def test_a_helper_that_is_gone_costs_421_and_comes_back(self):
        kept, _ = self.introduced(4)
        self.helper.stop(signal.SIGKILL)
        try:
            harness.until("its complaint", lambda: "helper is gone" in self.gateway.said())
            self.assertIn("intercepts: the helper is away, 421", self.status())
            for family in (4, 6):
                self.assertRegex(self.greets(family), r"^421 4\.3\.0 ")
                self.assertRegex(self.greets(family, "guest"), r"^421 4\.3\.0 ")
            self.assertEqual(kept.say("NOOP"), ["250 2.0.0 Ok"])
            self.assertEqual(kept.say("MAIL FROM:<a@b.example>")[0][:3], "250")
            self.assertEqual(
                kept.say("RCPT TO:<x@outside.example>")[0][:3], "250", "a session that goes on has its socket")
        finally:
            self.helper.start()
        self.await_service()
        harness.until("its status", lambda: re.search(r"^egress +intercepts +outbound", self.status(), re.M))

    def test_a_policy_that_is_applied_later_brings_its_sockets(self):
        self.helper.command("off")
        self.assertNotIn("554", self.greets(4, "guest"))
        self.applied()
        self.await_service()

    def test_a_reload_keeps_sessions(self):
        one, _ = self.introduced(4)
        spliced, _ = self.introduced(6)
        spliced.say("STARTTLS")
        spliced.starttls()
        self.configure(listener="\n    # changed")
        done = harness.run(*self.network.command("router", daemon.PROGRAM, "reload", "-c", self.file))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(one.say("MAIL FROM:<a@b.example>")[0][:3], "250")
        self.assertEqual(one.say("RCPT TO:<x@outside.example>")[0][:3], "250")
        self.assertEqual(spliced.say("EHLO still.here")[0], "250-mx.outside.example")
        self.await_service()

    def test_a_client_has_so_many_sessions(self):
        held = [self.client(4, "neighbour") for _ in range(20)]
        for one in held:
            self.assertEqual(one.reply()[0][:3], "220")
        self.assertRegex(self.client(4, "neighbour").reply()[0], "^421 .*too many connections")


if __name__ == "__main__":
    unittest.main()
