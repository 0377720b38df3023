"""Traps of nftables that packets can show, each with what becomes of it here."""
import contextlib
import re
import socket
import struct
import threading
import unittest

import firewall
import harness
import netlab

BLOCK = {"lan": "mode: block", "guest": "mode: block"}
# The size of the sets that count hosts.
FULL = 65_536
ESTABLISHED = "01"


@firewall.needed
class Pitfalls(firewall.Lab):
    def setUp(self):
        self.helper.command("off")

    # Resets

    def open(self, family):
        """A connection that exists before the policy: the client's end, with the greeting read."""
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        one = self.network.socket("lan", kind, socket.SOCK_STREAM)
        self.addCleanup(one.close)
        one.settimeout(5)
        one.bind((netlab.ADDRESSES[family][netlab.PLAIN], 0))
        one.connect((netlab.ADDRESSES[family]["server"], 25))
        self.assertIn(b"220", one.recv(100))
        return one

    def state_outside(self, family, port):
        """What the server's kernel thinks of the connection from this port of the client's."""
        with self.network.inside("out"):
            table = open("/proc/thread-self/net/tcp" + ("6" if family == 6 else "")).read()
        row = re.search(rf":0019 [0-9A-F]+:{port:04X} ([0-9A-F]{{2}})", table)
        return row and row.group(1)

    def test_a_reset_goes_to_the_client_only_and_the_server_keeps_its_end(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.helper.command("off")
                one = self.open(family)
                port = one.getsockname()[1]
                self.helper.apply(firewall.policy(BLOCK))
                one.sendall(b"EHLO spam\r\n")
                with self.assertRaises(ConnectionResetError):
                    one.recv(100)
                self.assertEqual(self.state_outside(family, port), ESTABLISHED)

    def test_connections_from_before_go_on_where_the_policy_keeps_them(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.helper.command("off")
                one = self.open(family)
                self.helper.apply(firewall.policy(BLOCK, "existing: keep\n"))
                one.sendall(b"EHLO old\r\n")
                self.assertEqual(one.recv(100), b"EHLO old\r\n")
                self.assertEqual(self.attempt(netlab.PLAIN, family), "refused")

    # Full sets

    def fill(self, name, family, first="10.128.0.0"):
        """Fills a set to its size with hosts that nobody has; the table has no owner here, so nft may."""
        start = int.from_bytes(socket.inet_aton(first), "big")
        hosts = (socket.inet_ntoa(struct.pack("!I", start + n)) if family == 4 else f"fdff:{n >> 16:x}:{n & 0xffff:x}::"
                 for n in range(FULL))
        hosts = list(hosts)
        self.network.nft("flush", "set", "inet", "portreeve", name)
        file = self.helper.root / "fill.nft"
        # A packet may have put somebody into it since; the last places are taken one by one.
        file.write_text(f"add element inet portreeve {name} {{ {', '.join(hosts[:-8])} }}\n")
        self.network.nft("-f", str(file))
        full = False
        for host in hosts[-8:] + ["10.127.0.1" if family == 4 else "fdfe::"]:
            done = harness.run(*self.network.command(
                "router", "nft", "add", "element", "inet", "portreeve", name, "{", host, "}"))
            full = done.returncode != 0
        self.assertTrue(full, "one more than its size")

    def without_owner(self, zones):
        self.network.nft("add", "table", "inet", "portreeve")
        self.helper.apply(firewall.policy(zones))

    def test_a_full_set_of_evidence_refuses_nobody_less(self):
        self.without_owner(BLOCK)
        for family in (4, 6):
            with self.subTest(family=family):
                for name in ("seen", "logged"):
                    self.fill(f"{name}{family}", family)
                before = self.helper.counters()["refused_lan"]
                self.assertEqual(self.attempt(netlab.PLAIN, family), "refused")
                self.assertGreater(self.helper.counters()["refused_lan"], before, "counted, though nobody knows who")
                self.assertEqual(self.attempt(netlab.MAIL, family), "passed")

    def test_a_full_meter_measures_no_newcomer_and_a_caught_host_stays_refused(self):
        self.without_owner({"lan": "mode: adaptive, attempts: 6/h burst 2"})
        results = [self.attempt(netlab.PLAIN, 4) for _ in range(4)]
        self.assertEqual(results[-1], "refused")
        self.fill("rate4_lan", 4)
        self.fill("fan4_lan", 4)
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        # The next host meets a full meter: it is not measured, which an adaptive zone's words allow.
        self.assertEqual([self.attempt("neighbour", 4) for _ in range(4)], ["passed"] * 4)

    # What counts

    def test_packets_of_a_connection_are_not_attempts(self):
        self.helper.apply(firewall.policy({"lan": "mode: adaptive, attempts: 6/h burst 2"}))
        one = self.open(4)
        for number in range(20):
            one.sendall(b"%d\r\n" % number)
            self.assertEqual(one.recv(100), b"%d\r\n" % number)
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed", "the second of two")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused", "the third")

    def test_a_host_behind_anothers_address_translation_is_seen_as_that(self):
        self.helper.apply(firewall.policy(BLOCK))
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        # A router in the LAN that gives its own address, which is a mail host's, to those behind it.
        harness.run(*self.network.command("lan", "nft", (
            "add table ip lan; add chain ip lan post { type nat hook postrouting priority 100; }; "
            "add rule ip lan post ip saddr 10.60.1.10 snat to 10.60.1.25")))
        try:
            self.assertEqual(self.attempt(netlab.PLAIN, 4), "220 outside.example sees 10.60.1.25\r\n")
        finally:
            harness.run(*self.network.command("lan", "nft", "delete", "table", "ip", "lan"))

    # Interception

    def explained(self):
        """A listener for explained sessions in this process, which outlives the helper."""
        listener = self.helper.listener(firewall.EXPLAIN, 4)
        self.addCleanup(listener.close)
        listener.setblocking(True)

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    one, _ = listener.accept()
                    with one, contextlib.suppress(OSError):
                        one.sendall(b"554 no\r\n")
                        one.settimeout(5)
                        while one.recv(100):
                            pass

        threading.Thread(target=answer, daemon=True).start()

    def test_the_counter_of_an_intercepted_zone_counts_connections(self):
        self.helper.apply(firewall.policy({"lan": "mode: explain"}))
        self.explained()
        with self.network.socket("lan", socket.AF_INET, socket.SOCK_STREAM) as one:
            one.settimeout(5)
            one.bind((netlab.ADDRESSES[4][netlab.PLAIN], 0))
            one.connect((netlab.ADDRESSES[4]["server"], 25))
            self.assertEqual(one.recv(100), b"554 no\r\n")
            for _ in range(10):
                one.sendall(b"QUIT\r\n")
        self.assertEqual(self.helper.counters()["intercepted_lan"], 1)

    # Fragments

    def fragments(self):
        """A SYN in two fragments: the ports stand in the first, the second has none."""
        source, target = (socket.inet_aton(netlab.ADDRESSES[4][who]) for who in (netlab.PLAIN, "server"))
        segment = struct.pack("!HHIIBBHHH", 4321, 25, 7, 0, 6 << 4, 2, 8192, 0, 0) + b"\x02\x04\x05\xb4" + bytes(8)
        for offset, part in ((0, segment[:24]), (24, segment[24:])):
            more = 0x2000 if offset == 0 else 0
            yield struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), 77, more | offset // 8, 64, 6, 0, source, target) + part

    def test_the_first_fragment_is_refused_so_nothing_is_put_together_behind_us(self):
        self.helper.apply(firewall.policy(BLOCK))
        wire = self.network.socket("out", socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3))
        self.addCleanup(wire.close)
        wire.bind(("s0", 3))
        wire.settimeout(5)
        before = self.helper.counters()["refused_lan"]
        with self.network.socket("lan", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for fragment in self.fragments():
                raw.sendto(fragment, (netlab.ADDRESSES[4]["server"], 0))
        self.assertEqual(self.helper.counters()["refused_lan"], before + 1)
        # Only the second may have come through; what is asked for next shows that nothing else is on its way.
        self.assertEqual(self.attempt(netlab.MAIL, 4), "passed")
        arrived = []
        with contextlib.suppress(BlockingIOError):
            wire.setblocking(False)
            while True:
                packet = wire.recv(2000)
                if packet[4:6] == b"\x00\x4d" and packet[12:16] == socket.inet_aton(netlab.ADDRESSES[4][netlab.PLAIN]):
                    arrived.append(struct.unpack("!H", packet[6:8])[0] & 0x1FFF)
        self.assertNotIn(0, arrived)

    # Names

    def test_zones_may_have_the_names_of_nfts_own_words(self):
        words = ("meter", "limit", "last", "counter", "set")
        zones = {word: "mode: block" for word in words}
        self.helper.apply(firewall.policy(zones))
        listed = self.network.nft("list", "table", "inet", "portreeve")
        for word in words:
            self.assertIn(f"chain zone_{word} ", listed)
        folder = self.helper.root / "policy"
        text = self.helper.root / "exported.nft"
        text.write_text(self.helper.command("export", "--policy", folder).stdout)
        self.helper.command("off")
        self.network.nft("-f", str(text))
        self.network.nft("delete", "table", "inet", "portreeve")


@firewall.needed
class ThisMachine(firewall.Lab):
    """This machine's own mail, by the user whose process sends it."""

    LOCAL = "local: { uids: [0, daemon], mode: %s }\n"
    TRY = """
import socket, sys
one = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
one.settimeout(1)
try:
    one.connect((sys.argv[1], int(sys.argv[2])))
    print("passed" if one.recv(100).startswith(b"220") else "closed")
except ConnectionRefusedError: print("refused")
except TimeoutError: print("silence")
"""

    def send(self, user, target, port=25):
        done = harness.run(*self.network.command(
            "router", "setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", "python3", "-c", self.TRY, target,
            port))
        return done.stdout.strip()

    def test_named_users_send_and_others_do_not(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}, self.LOCAL % "block"))
        for family in (4, 6):
            addresses = netlab.ADDRESSES[family]
            with self.subTest(family=family):
                self.assertEqual(self.send("daemon", addresses["server"]), "passed")
                refused = self.helper.counters()["refused_local"]
                self.assertEqual(self.send("nobody", addresses["server"]), "refused")
                self.assertGreater(self.helper.counters()["refused_local"], refused)
                self.assertEqual(self.send("nobody", addresses["relay"]), "passed", "everybody reaches the relays")
                for port in (465, 587):
                    self.assertEqual(self.send("nobody", addresses["server"], port), "passed")
                self.assertEqual(self.attempt(netlab.MAIL, family), "passed", "forwarded mail is another matter")
        offender = harness.until("the record", lambda: re.search(
            r"10\.60\.2\.1 +local +refuse", self.helper.command("who").stdout))
        self.assertTrue(offender)

    def test_a_monitored_machine_counts_and_lets_send(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}, self.LOCAL % "monitor"))
        for family in (4, 6):
            counted = self.helper.counters()["would_refuse_local"]
            self.assertEqual(self.send("nobody", netlab.ADDRESSES[family]["server"]), "passed")
            self.assertGreater(self.helper.counters()["would_refuse_local"], counted)

    def test_without_the_word_no_rule_is_made(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        self.assertNotIn("hook output", self.network.nft("list", "table", "inet", "portreeve"))
        self.assertEqual(self.send("nobody", netlab.ADDRESSES[4]["server"]), "passed")

    def test_loopback_is_nobodys_mail(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}, self.LOCAL % "block"))
        with self.network.socket("router", socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("127.0.0.1", 25))
            listener.listen()
            # Connected by the kernel, though nobody greets.
            self.assertEqual(self.send("nobody", "127.0.0.1"), "silence")


if __name__ == "__main__":
    unittest.main()
