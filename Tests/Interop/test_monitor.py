"""Monitoring a whole process or file: no rule decides, everything is told, and what must not slip through does not."""
import unittest

import daemon
import harness
import policies
import postfix
import wire

# As a site would write it, but for its mode.
SUBMISSION = """\
version: 1
policy: trial
mode: monitor
rules:
  - { id: login, at: mail, when: not auth.ok, action: reject, reply: "530 5.7.0 Login first" }
  - { id: routing, at: rcpt, when: rcpt.has_routing, action: reject, reply: "554 5.7.1 No routing" }
  - { id: ours, at: rcpt, when: not auth.ok and rcpt.domain not in lists.our_domains, action: reject, reply: "554 5.7.1 Not ours" }
  - { id: slow, at: rcpt, delay: 60s }
  - { id: wanted, at: auth, when: tls.active, action: accept }
default: reject
default_reply: "554 5.7.1 By default"
"""


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class MonitoredProcess(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postfix = postfix.strict()
        cls.portreeve = daemon.Portreeve(
            lambda root, ports: daemon.example(root, cls.postfix.mx, cls.postfix.submit, ports), ["--monitor"])
        cls.addClassCleanup(cls.portreeve.stop)

    def warned(self, source, stage, rule):
        return self.portreeve.log.wait(rf"NOQUEUE: reject_warning: {stage} from \S+\[{source}\]: .* rule={rule} sid=")

    def test_it_says_so_when_it_starts(self):
        self.assertIn("portreeve: monitoring: no rule decides", self.portreeve.child.said())

    def test_relaying_is_refused_by_postfix_and_our_refusal_is_logged(self):
        source = harness.source()
        with wire.Client(self.portreeve.mx, source) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<someone@example.net>")
            lines = client.expect(554, "RCPT TO:<someone@example.com>")
            self.assertIn("Relay access denied", lines[-1])
            self.assertNotIn(" sid=", lines[-1], "the reply is Postfix's own")
            client.expect(250, "RCPT TO:<bob@example.org>")
        self.warned(source, "RCPT", "inbound/no-relay")

    def test_mail_without_a_login_is_left_to_postfix(self):
        source = harness.source()
        with wire.Client(self.portreeve.submission, source) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<alice@example.org>")
            code, lines = client.command("RCPT TO:<someone@example.com>")
            self.assertEqual(code // 100, 5, lines)
        self.warned(source, "MAIL", r"submission/\S+")

    def test_passwords_stay_out_of_clear_text(self):
        with wire.Client(self.portreeve.submission, harness.source()) as client:
            self.assertFalse([line for line in client.greet() if line.startswith("AUTH")])
            self.assertEqual(client.login()[0], 538)
            client.secure()
            self.assertTrue([line for line in client.expect(250, "EHLO again") if line.startswith("AUTH")])
            self.assertEqual(client.login()[0], 235)
            client.envelope("alice@example.org")
            self.assertEqual(client.data(wire.message(b"monitored\r\n"))[0], 250)

    def test_the_protocol_stays_enforced(self):
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            client.expect(503, "RCPT TO:<bob@example.org>")
            client.envelope()
            client.expect(354, "DATA")
            client.send(b"Subject: x\r\n\r\nbare\nline\r\n.\r\n")
            self.assertEqual(client.reply()[0], 550)


@daemon.needed
class MonitoredFile(unittest.TestCase):
    def site(self, **options):
        one = policies.Site({"trial": {"policy.yaml": SUBMISSION}}, **options)
        self.addCleanup(one.stop)
        return one

    def test_its_rules_only_report_and_its_default_too(self):
        one = self.site()
        with wire.Client(one.portreeve.mx, "127.9.20.1") as client:
            client.greet()
            client.expect(250, "MAIL FROM:<someone@example.net>")
            client.expect(250, "RCPT TO:<bob@example.org>")
            self.assertIn("Relay access denied", client.expect(554, "RCPT TO:<bob@example.com>")[-1])
        harness.until("three warnings", lambda: len(self.rules(one)) >= 3)
        self.assertEqual(set(self.rules(one)), {"trial/login", "trial/ours", "trial/default"})

    def rules(self, one):
        return sorted({found["rule.name"] for found in one.logged(event__action="would-refuse", source__ip="127.9.20.1")})

    def test_a_policy_without_a_plain_rule_gets_one_against_passwords_in_clear(self):
        one = self.site()
        with wire.Client(one.portreeve.submission, "127.9.20.2") as client:
            self.assertFalse([line for line in client.greet() if line.startswith("AUTH")])
            self.assertEqual(client.login()[0], 538)
        found = harness.until("the refusal", lambda: one.logged(event__action="refused", source__ip="127.9.20.2"))
        self.assertEqual(found[0]["rule.name"], "protocol/auth-without-tls")

    def test_check_says_that_relaying_is_left_to_the_backend(self):
        one = self.site()
        done = harness.run(daemon.PROGRAM, "check", "-c", one.portreeve.file)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("warning[W305]: listener 'mx' leaves relaying to its backend: trial only monitors", done.stdout)


@daemon.needed
class Proof(unittest.TestCase):
    def starts(self, wanted, **options):
        with self.assertRaises(RuntimeError) as failure:
            policies.Site({"trial": {"policy.yaml": SUBMISSION}}, **options)
        self.assertIn(wanted, str(failure.exception))

    def test_a_backend_that_relays_is_not_served(self):
        self.starts("it relays for strangers", script={"RELAY": True})
        self.starts("it relays for strangers", script={"RELAY": True}, arguments=["--monitor"])

    def test_nothing_is_monitored_without_the_self_test(self):
        self.starts("--monitor needs the self-test", arguments=["--monitor", "--no-selftest"])
        self.starts("monitoring a whole policy needs the self-test", arguments=["--no-selftest"])


if __name__ == "__main__":
    unittest.main()
