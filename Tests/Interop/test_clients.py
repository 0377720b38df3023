"""Clients that people use, through Portreeve to Postfix, and what Postfix learns about them."""
import re
import smtplib
import ssl
import unittest

import daemon
import harness
import postfix
import wire


def throwaway():
    """A TLS context that asks no questions: the certificate is a throw-away one."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Clients:
    """Every test twice: in front of the example's Postfix, and of one without its smtpd_forbid_* lines."""

    @classmethod
    def setUpClass(cls):
        cls.postfix = cls.backend()
        cls.portreeve = cls.front()

    def setUp(self):
        self.source = harness.source()

    def swaks(self, port, *arguments, expect=0):
        ident = wire.tag()
        done = harness.run(
            "swaks", "--server", "127.0.0.1", "--port", port, "--local-interface", self.source, "--helo",
            "swaks.example.net", "--from", "alice@example.org", "--to", "bob@example.org", "--header",
            f"Message-Id: <{ident}>", *arguments)
        self.assertEqual(done.returncode, expect, done.stdout)
        return self.postfix.delivered.wait(ident) if not expect else done.stdout

    # swaks ends with 24 when no recipient was accepted, 23 when MAIL was refused.

    @harness.needs("swaks")
    def test_swaks_with_starttls_on_25(self):
        self.swaks(self.portreeve.mx, "--tls", "--from", "someone@example.net")

    @harness.needs("swaks")
    def test_swaks_with_pipelining_on_25(self):
        self.swaks(self.portreeve.mx, "--pipeline", "--from", "someone@example.net")

    @harness.needs("swaks")
    def test_swaks_with_starttls_and_plain_and_login_on_587(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.swaks(
                    self.portreeve.submission, "--tls", "--auth", mechanism, "--auth-user", "alice@example.org",
                    "--auth-password", "secret")

    @harness.needs("swaks")
    def test_swaks_with_implicit_tls_and_plain_and_login_on_465(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.swaks(
                    self.portreeve.submissions, "--tlsc", "--auth", mechanism, "--auth-user", "alice@example.org",
                    "--auth-password", "secret")

    @harness.needs("swaks")
    def test_swaks_is_refused_without_tls_on_587(self):
        said = self.swaks(self.portreeve.submission, expect=23)
        self.assertRegex(said, r"<\*\* 530 5\.7\.0 ")

    def test_smtplib_with_starttls_on_587(self):
        ident = wire.tag()
        with smtplib.SMTP(
                "127.0.0.1", self.portreeve.submission, "smtplib.example.net", 30,
                source_address=(self.source, 0)) as client:
            client.starttls(context=throwaway())
            client.login("alice@example.org", "secret")
            client.sendmail("alice@example.org", ["bob@example.org"], wire.message(b"hello\r\n", ident))
        self.assertTrue(self.postfix.delivered.wait(ident).endswith(wire.message(b"hello\r\n", ident)))

    def test_smtplib_with_implicit_tls_sends_twice_on_one_session(self):
        with smtplib.SMTP_SSL(
                "127.0.0.1", self.portreeve.submissions, "smtplib.example.net", timeout=30, context=throwaway(),
                source_address=(self.source, 0)) as client:
            client.login("alice@example.org", "secret")
            for _ in range(2):
                ident = wire.tag()
                client.sendmail("alice@example.org", ["bob@example.org"], wire.message(b"hello\r\n", ident))
                self.postfix.delivered.wait(ident)

    def test_a_wrong_password_is_refused_and_the_right_one_still_works(self):
        with wire.Client(self.portreeve.submissions, self.source) as client:
            client.secure(implicit=True)
            client.greet()
            self.assertEqual(client.login(password="wrong")[0], 535)
            self.assertEqual(client.login()[0], 235)

    @harness.needs("curl")
    def test_curl_with_starttls_and_with_smtps(self):
        for scheme, port in (("smtp", self.portreeve.submission), ("smtps", self.portreeve.submissions)):
            with self.subTest(scheme):
                ident = wire.tag()
                file = harness.place("curl") / "message"
                file.write_bytes(wire.message(b"hello from curl\r\n", ident))
                done = harness.run(
                    "curl", "-sS", "--insecure", "--ssl-reqd", "--interface", self.source, "--user",
                    "alice@example.org:secret", "--mail-from", "alice@example.org", "--mail-rcpt", "bob@example.org",
                    "--upload-file", file, f"{scheme}://127.0.0.1:{port}/curl.example.net")
                self.assertEqual((done.returncode, done.stdout), (0, ""))
                self.assertTrue(self.postfix.delivered.wait(ident).endswith(file.read_bytes()))

    def test_s_client_verifies_the_certificate_with_starttls_and_implicitly(self):
        for port, extra in ((self.portreeve.mx, ["-starttls", "smtp"]), (self.portreeve.submissions, [])):
            done = harness.run(
                "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-bind", f"{self.source}:0", "-servername",
                "mail.example.org", "-verify_hostname", "mail.example.org", "-CAfile",
                self.portreeve.root / "fullchain.pem", *extra)
            self.assertIn("Verify return code: 0 (ok)", done.stdout)

    def test_old_tls_is_refused_and_1_2_is_not(self):
        for version, good in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            with self.subTest(version):
                done = harness.run(
                    "openssl", "s_client", "-connect", f"127.0.0.1:{self.portreeve.submissions}", version, "-cipher",
                    "DEFAULT:@SECLEVEL=0", "-bind", f"{self.source}:0")
                self.assertEqual("Cipher is (NONE)" not in done.stdout, good, done.stdout[-1000:])

    def test_auth_is_hidden_before_tls_and_refused(self):
        with wire.Client(self.portreeve.submission, self.source) as client:
            offered = client.greet()
            self.assertIn("STARTTLS", offered)
            self.assertNotRegex(" ".join(offered), r"\bAUTH\b")
            self.assertEqual(client.login()[0] // 100, 5)
        with wire.Client(self.portreeve.submission, self.source) as client:
            client.greet()
            client.secure()
            self.assertRegex("\n".join(client.expect(250, "EHLO x.example.net")), r"(?m)^AUTH .*\bPLAIN\b")

    def test_xclient_is_neither_offered_nor_taken(self):
        with wire.Client(self.portreeve.submission, self.source) as client:
            self.assertNotRegex(" ".join(client.greet()), "XCLIENT|XFORWARD")
            self.assertEqual(client.command("XCLIENT ADDR=192.0.2.1")[0] // 100, 5)

    def test_postfix_learns_address_port_and_helo_of_a_client_on_25(self):
        ident = wire.tag()
        with wire.Client(self.portreeve.mx, self.source) as client:
            client.greet("outside.example.net")
            client.envelope()
            code, lines = client.data(wire.message(b"x\r\n", ident))
            self.assertEqual(code, 250)
            address, port = client.local
        queue_id = re.search(r"queued as (\w+)", lines[0]).group(1)
        self.postfix.log.wait(rf"postfix/mx/smtpd\[\d+\]: {queue_id}: client=\S+\[{re.escape(address)}\]:{port}$")
        received = self.postfix.delivered.wait(ident).replace(b"\r\n\t", b" ")
        self.assertIn(b"from outside.example.net (", received)
        self.assertIn(f"[{address}]".encode(), received)

    def test_postfix_learns_address_port_helo_and_login_of_a_user_on_465(self):
        ident = wire.tag()
        with wire.Client(self.portreeve.submissions, self.source) as client:
            client.secure(implicit=True)
            client.greet("inside.example.net")
            self.assertEqual(client.login()[0], 235)
            client.envelope("alice@example.org", "someone@example.com")
            code, lines = client.data(wire.message(b"x\r\n", ident))
            self.assertEqual(code, 250)
            address, port = client.local
        queue_id = re.search(r"queued as (\w+)", lines[0]).group(1)
        self.postfix.log.wait(
            rf"postfix/submit/smtpd\[\d+\]: {queue_id}: client=\S+\[{re.escape(address)}\]:{port}, "
            r"sasl_method=PLAIN, sasl_username=alice@example\.org")
        # One grep follows the message: our own line names Postfix's queue id.
        self.portreeve.log.wait(rf"sasl_username=alice@example\.org.*queued_as={queue_id}")

    def test_an_outsider_cannot_relay(self):
        for recipient in ("someone@example.com", "someone%example.com@example.org", "example.com!someone@example.org",
                          '"someone@example.com"@example.org', "@example.org:someone@example.com"):
            with self.subTest(recipient), wire.Client(self.portreeve.mx, self.source) as client:
                client.greet()
                client.expect(250, "MAIL FROM:<alice@example.org>")
                self.assertEqual(client.command(f"RCPT TO:<{recipient}>")[0] // 100, 5)
                self.assertEqual(client.command("DATA")[0] // 100, 5)
        with wire.Client(self.portreeve.submission, self.source) as client:
            client.greet()
            client.secure()
            client.expect(250, "EHLO x.example.net")
            client.expect(530, "MAIL FROM:<alice@example.org>")

    def test_an_unknown_recipient_is_refused_in_the_words_of_postfix(self):
        with wire.Client(self.portreeve.mx, self.source) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<someone@example.net>")
            code, lines = client.command("RCPT TO:<nobody@example.org>")
            self.assertEqual(code, 550)
            self.assertIn("User unknown", lines[0])


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class InFrontOfTheExample(Clients, unittest.TestCase):
    backend, front = staticmethod(postfix.strict), staticmethod(daemon.strict)


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class InFrontOfALenientPostfix(Clients, unittest.TestCase):
    backend, front = staticmethod(postfix.lenient), staticmethod(daemon.lenient)


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot", "swaks")
class BehindALoadBalancer(unittest.TestCase):
    """proxy_from: a PROXY header from there is believed and required."""

    @classmethod
    def setUpClass(cls):
        cls.postfix = postfix.strict()
        cls.portreeve = daemon.before(cls.postfix, listener=", proxy_from: [127.0.0.0/8]")
        cls.addClassCleanup(cls.portreeve.stop)

    def test_swaks_with_a_proxy_header_of_either_version(self):
        for version in ("1", "2"):
            with self.subTest(version):
                ident = wire.tag()
                done = harness.run(
                    "swaks", "--server", "127.0.0.1", "--port", self.portreeve.mx, "--tls", "--helo",
                    "swaks.example.net", "--from", "someone@example.net", "--to", "bob@example.org", "--header",
                    f"Message-Id: <{ident}>", "--proxy-version", version, "--proxy-family",
                    "TCP4" if version == "1" else "AF_INET", "--proxy-source", f"192.0.2.{version}",
                    "--proxy-source-port", "4000" + version, "--proxy-dest", "192.0.2.200", "--proxy-dest-port", "25")
                self.assertEqual(done.returncode, 0, done.stdout)
                self.postfix.delivered.wait(ident)
                self.postfix.log.wait(rf"client=\S+\[192\.0\.2\.{version}\]:4000{version}$")

    def test_an_ipv6_client_behind_it_reaches_postfix_as_ipv6(self):
        with wire.Client(self.portreeve.submissions) as client:
            client.send(wire.proxy_v2("2001:db8::25", port=40025))
            client.secure(implicit=True)
            client.greet()
            self.assertEqual(client.login()[0], 235)
        self.postfix.log.wait(r"postfix/submit/smtpd.*connect from \S+\[2001:db8::25\]:40025")

    def test_a_client_without_a_header_is_not_served(self):
        with wire.Client(self.portreeve.mx) as client:
            client.send(b"EHLO direct.example.net\r\n")
            self.assertTrue(client.ended())


if __name__ == "__main__":
    unittest.main()
