"""The fixtures hold what the other tests build on: asked directly, without Portreeve in between."""
import base64
import unittest

import harness
import postfix
import scripted
import wire


@harness.needs_root
@harness.needs("postfix", "dovecot")
class PostfixOfTheExample(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = postfix.strict()

    def test_postfix_reads_the_example_without_a_warning(self):
        said = harness.run(harness.program("postfix"), "-c", self.postfix.root / "etc", "check").stdout
        self.assertEqual(said, "")
        self.assertNotRegex(self.postfix.log.text(), "unused parameter")

    def test_the_mx_service_wants_a_proxy_header(self):
        with wire.Client(self.postfix.mx) as client:
            client.send(b"EHLO direct.example.net\r\n")
            self.assertEqual(client.reply()[0], 421)

    def test_the_mx_service_believes_a_proxy_header(self):
        ident = wire.tag()
        with wire.Client(self.postfix.mx) as client:
            client.send(wire.proxy_v2("192.0.2.77", port=41234))
            client.greet("outside.example.net")
            client.envelope()
            self.assertEqual(client.data(wire.message(b"hello\r\n", ident))[0], 250)
        self.postfix.log.wait(r"postfix/mx/smtpd\[\d+\]: \w+: client=unknown\[192\.0\.2\.77\]:41234")
        kept = self.postfix.delivered.wait(ident)
        self.assertIn(b"from outside.example.net (unknown [192.0.2.77])", kept.replace(b"\r\n\t", b" "))
        self.assertTrue(kept.endswith(wire.message(b"hello\r\n", ident)))

    def test_the_mx_service_believes_a_proxy_header_of_an_ipv6_client(self):
        with wire.Client(self.postfix.mx) as client:
            client.send(wire.proxy_v2("2001:db8::77", port=41235))
            client.greet()
        self.postfix.log.wait(r"connect from unknown\[2001:db8::77\]:41235")

    def test_the_mx_service_never_relays(self):
        with wire.Client(self.postfix.mx) as client:
            client.send(wire.proxy_v2("127.0.0.1"))
            client.greet()
            client.expect(250, "MAIL FROM:<>")
            client.expect(554, "RCPT TO:<someone@example.com>")

    def test_the_submission_service_wants_a_login_even_from_loopback(self):
        with wire.Client(self.postfix.submit) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<alice@example.org>")
            client.expect(554, "RCPT TO:<someone@example.com>")

    def test_the_submission_service_believes_xclient_and_a_login(self):
        ident = wire.tag()
        with wire.Client(self.postfix.submit) as client:
            self.assertIn("XCLIENT", " ".join(client.greet("proxy.example.net")))
            client.expect(220, "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.78 PORT=41236")
            capabilities = client.expect(250, "EHLO inside.example.net")
            self.assertIn("AUTH PLAIN LOGIN", capabilities)
            self.assertEqual(client.login()[0], 235)
            client.envelope("alice@example.org")
            self.assertEqual(client.data(wire.message(b"x\r\n", ident))[0], 250)
        self.postfix.log.wait(
            r"postfix/submit/smtpd.*client=unknown\[192\.0\.2\.78\]:41236, sasl_method=PLAIN, "
            r"sasl_username=alice@example\.org")
        self.assertIn(b"from inside.example.net", self.postfix.delivered.wait(ident))

    def test_a_wrong_password_is_refused_at_once(self):
        with wire.Client(self.postfix.submit) as client:
            client.greet()
            self.assertEqual(client.login(password="wrong")[0], 535)
            client.expect(334, "AUTH LOGIN")
            client.expect(334, base64.b64encode(b"bob@example.org").decode())
            client.expect(235, base64.b64encode(b"hidden").decode())

    def test_message_bytes_come_back_as_they_were_sent(self):
        for name, body in {
            "long": b"x" * 5000 + b"\r\n", "dots": b".\r\n..\r\n...x\r\n", "8-bit": bytes(range(128, 256)) + b"\r\n",
        }.items():
            with self.subTest(name), wire.Client(self.postfix.mx) as client:
                ident = wire.tag()
                client.send(wire.proxy_v2("192.0.2.79"))
                client.greet()
                client.envelope()
                self.assertEqual(client.bdat(wire.message(body, ident), 700)[0], 250)
                self.assertTrue(self.postfix.delivered.wait(ident).endswith(b"\r\n\r\n" + body))

    def test_only_the_lenient_postfix_ends_a_message_at_bare_newlines(self):
        for one, codes in ((self.postfix, [250, 221]), (postfix.lenient(), [250, 500])):
            with wire.Client(one.mx) as client:
                client.send(wire.proxy_v2("192.0.2.80"))
                client.greet()
                client.envelope()
                client.expect(354, "DATA")
                client.send(b"Subject: x\r\n\r\nx\n.\nSMUGGLED\r\n.\r\nQUIT\r\n")
                self.assertEqual([client.reply()[0] for _ in codes], codes)

    def test_only_the_lenient_postfix_takes_what_is_sent_before_pipelining_was_offered(self):
        for one, code in ((self.postfix, 554), (postfix.lenient(), 250)):
            with wire.Client(one.mx) as client:
                client.send(wire.proxy_v2("192.0.2.81"))
                client.expect(220)
                client.send(b"EHLO early.example.net\r\nMAIL FROM:<>\r\n")
                self.assertEqual(client.reply()[0], code)


class ScriptedBackend(unittest.TestCase):
    def setUp(self):
        self.backend = scripted.Backend()
        self.addCleanup(self.backend.stop)

    def test_it_takes_a_message_behaves_and_does_not_relay(self):
        with wire.Client(self.backend.mx) as client:
            client.send(wire.proxy_v2("192.0.2.1"))
            client.greet()
            client.envelope()
            client.expect(554, "RCPT TO:<someone@example.com>")
            self.assertEqual(client.data(b"x\r\n.\r\n")[0], 250)
        with wire.Client(self.backend.mx) as client:
            client.send(b"EHLO direct\r\n\r\n\r\n")
            self.assertEqual(client.reply()[0], 421)

    def test_it_resets_on_cue_and_when_it_is_killed(self):
        self.backend.script["RCPT"] = scripted.KILL
        with wire.Client(self.backend.submit) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<a@example.org>")
            with self.assertRaises(ConnectionResetError):
                client.command("RCPT TO:<bob@example.org>")
        with wire.Client(self.backend.submit) as client:
            client.greet()
            self.backend.kill()
            with self.assertRaises(ConnectionResetError):
                client.line()

    def test_it_can_fall_silent_and_babble(self):
        self.backend.script.update({"MAIL": scripted.NEVER, "EHLO": scripted.GARBAGE})
        with wire.Client(self.backend.submit, timeout=0.2) as client:
            client.expect(220)
            with self.assertRaises(TimeoutError):
                client.command("MAIL FROM:<a@example.org>")
        with wire.Client(self.backend.submit) as client:
            client.expect(220)
            client.send(b"EHLO x\r\n")
            with self.assertRaises(wire.Closed):
                client.line()
        self.assertGreater(len(client.buffer), 1 << 20)


if __name__ == "__main__":
    unittest.main()
