"""A backend that dies, babbles or falls silent in any state costs its own session a 4xx, and nobody else anything."""
import unittest

import daemon
import harness
import scripted
import wire

# What the client is doing when the backend fails, and where the client first learns of it.
STATES = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "EOD")

# Large enough that a body is under way when the backend goes.
BODY = wire.message(b"some line of text\r\n" * 20_000)

SHORT = "timeouts: { backend: { connect: 2s, greeting: 2s, reply: 2s, data_block: 2s, end_of_data: 2s } }\n"


@daemon.needed
class Faults(unittest.TestCase):
    def setUp(self):
        self.backend = scripted.Backend()
        self.addCleanup(self.backend.stop)
        self.portreeve = daemon.Portreeve(
            lambda root, ports: daemon.example(root, self.backend.mx, self.backend.submit, ports, timeouts=SHORT))
        self.addCleanup(self.portreeve.stop)
        # The self-test must have been content before anything goes wrong.
        self.settled()

    def settled(self):
        """Until a message passes."""
        def passes():
            with wire.Client(self.portreeve.mx, harness.source()) as client:
                client.greet()
                return self.attempt(client)[-1] == 250
        harness.until("a message passes", passes, 90)

    def attempt(self, client):
        """One transaction; its replies up to the first that is not good."""
        codes = []
        for command in ("MAIL FROM:<someone@example.net>", "RCPT TO:<bob@example.org>", "DATA"):
            codes.append(client.command(command)[0])
            if codes[-1] >= 400:
                return codes
        client.send(wire.stuffed(BODY))
        return codes + [client.reply()[0]]

    def fail_in(self, state, how):
        """The backend fails in `state`; the client gets a 4xx, and the session goes on once the backend is well again."""
        with wire.Client(self.portreeve.mx, harness.source()) as bystander:
            bystander.greet("bystander.example.net")
            self.backend.script[state] = how
            with wire.Client(self.portreeve.mx, harness.source(), timeout=60) as client:
                client.greet()
                codes = self.attempt(client)
                self.assertEqual(codes[-1] // 100, 4, codes)
                if state in ("RCPT", "MAIL", "EHLO", "GREETING"):
                    self.assertNotIn(354, codes)
                self.backend.script.clear()
                client.expect(250, "RSET")
                client.expect(250, "NOOP")
                harness.until("the same session works again", lambda: self.again(client), 90)
                client.expect(221, "QUIT")
            bystander.expect(250, "NOOP")
        self.assertTrue(self.portreeve.child.running)

    def again(self, client):
        codes = self.attempt(client)
        if codes[-1] != 250:
            client.expect(250, "RSET")
        return codes[-1] == 250

    def test_a_backend_that_is_killed_in_any_state(self):
        for state in STATES:
            with self.subTest(state):
                self.fail_in(state, scripted.KILL)

    def test_a_backend_that_closes_in_any_state(self):
        for state in STATES:
            with self.subTest(state):
                self.fail_in(state, scripted.CLOSE)

    def test_a_backend_that_babbles_in_any_state(self):
        for state in STATES:
            with self.subTest(state):
                self.fail_in(state, scripted.GARBAGE)
        self.assertLess(self.portreeve.child.memory("VmHWM"), daemon.BASE_MEMORY)

    def test_a_backend_that_never_answers(self):
        for state in ("GREETING", "RCPT", "EOD"):
            with self.subTest(state):
                self.fail_in(state, scripted.NEVER)

    def test_a_backend_that_promises_without_being_asked(self):
        for state, reply in (("MAIL", b"650 what\r\n"), ("RCPT", b"354 go\r\n"), ("DATA", b"250 ok\r\n"),
                             ("EOD", b"250 ok\n"), ("EOD", b"354 more\r\n")):
            with self.subTest(state, reply=reply):
                self.fail_in(state, reply)

    def test_a_backend_that_is_not_there_at_all(self):
        self.backend.stop()
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<someone@example.net>")
            client.expect(451, "RCPT TO:<bob@example.org>")
            self.assertGreaterEqual(client.command("DATA")[0], 400)
            client.expect(250, "NOOP")

    def test_a_refusal_after_the_data_reaches_the_client_as_it_is(self):
        self.backend.script["EOD"] = b"552 5.2.2 <bob@example.org>: mailbox full\r\n"
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            client.envelope()
            self.assertEqual(client.data(BODY), (552, ["5.2.2 <bob@example.org>: mailbox full"]))
            self.backend.script.clear()
            self.assertEqual(self.attempt(client), [250, 250, 354, 250])

    def test_a_login_whose_backend_dies_ends_the_session_with_421(self):
        with wire.Client(self.portreeve.submissions, harness.source()) as client:
            client.secure(implicit=True)
            client.greet()
            self.assertEqual(client.login()[0], 235)
            self.backend.kill()
            # The kernel tells the proxy of it when it gets to it; meanwhile commands are answered as before.
            try:
                harness.until("the loss is told", lambda: client.command("NOOP")[0] == 421)
            except (wire.Closed, ConnectionError):
                self.fail("closed without 421")
            self.assertTrue(client.ended())

    def test_a_backend_that_dies_during_auth_is_a_temporary_failure(self):
        self.backend.script["AUTH"] = scripted.KILL
        with wire.Client(self.portreeve.submissions, harness.source()) as client:
            client.secure(implicit=True)
            client.greet()
            self.assertEqual(client.login()[0], 454)
            self.backend.script.clear()
            harness.until("a login works again", lambda: client.login()[0] == 235, 90)


if __name__ == "__main__":
    unittest.main()
