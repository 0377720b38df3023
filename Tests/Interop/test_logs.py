"""Tools made for Postfix's log read ours unmodified."""
import re
import unittest

import daemon
import harness
import postfix
import wire


@daemon.needed
@harness.needs_root
@harness.needs("postfix", "dovecot")
class LogTools(unittest.TestCase):
    """One daemon, a known number of events, then the tools on its log."""

    @classmethod
    def setUpClass(cls):
        cls.postfix = postfix.strict()
        cls.portreeve = daemon.before(cls.postfix)
        cls.addClassCleanup(cls.portreeve.stop)
        cls.relayer, cls.guesser, cls.user = harness.source(), harness.source(), harness.source()
        for _ in range(3):
            with wire.Client(cls.portreeve.mx, cls.relayer) as client:
                client.greet()
                client.expect(250, "MAIL FROM:<someone@example.net>")
                client.expect(554, "RCPT TO:<someone@example.com>")
                client.expect(221, "QUIT")
        for _ in range(2):
            with wire.Client(cls.portreeve.submissions, cls.guesser) as client:
                client.secure(implicit=True)
                client.greet()
                client.login(password="wrong")
                client.expect(221, "QUIT")
        with wire.Client(cls.portreeve.submissions, cls.user) as client:
            client.secure(implicit=True)
            client.greet()
            client.login()
            client.envelope("alice@example.org")
            client.data(wire.message(b"x\r\n"))
            client.expect(221, "QUIT")
        cls.portreeve.log.wait(rf"disconnect from \S+\[{re.escape(cls.user)}\]")

    def matched(self, mode):
        done = harness.run(
            "fail2ban-regex", "--print-all-matched", self.portreeve.log.path,
            f"/etc/fail2ban/filter.d/postfix.conf[mode={mode}]")
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.partition("Matched line(s)")[2].partition("Missed line(s)")[0]

    @harness.needs("fail2ban-regex")
    def test_fail2ban_finds_who_tries_to_relay(self):
        self.assertEqual(len(re.findall(rf"reject: RCPT from \S+\[{re.escape(self.relayer)}\]", self.matched("more"))), 3)

    @harness.needs("fail2ban-regex")
    def test_fail2ban_finds_who_guesses_passwords_and_spares_the_user(self):
        found = self.matched("auth")
        self.assertEqual(len(re.findall(rf"\[{re.escape(self.guesser)}\]: SASL PLAIN authentication failed", found)), 2)
        self.assertNotIn(self.user, found)

    @harness.needs("pflogsumm")
    def test_pflogsumm_counts_the_rejects(self):
        done = harness.run("pflogsumm", "--syslog-name=postfix-portreeve", self.portreeve.log.path)
        self.assertEqual(done.returncode, 0, done.stdout)
        rejects = len(re.findall("NOQUEUE: reject: ", self.portreeve.log.text()))
        self.assertRegex(done.stdout, rf"(?m)^\s+{rejects}\s+rejected \(")
        self.assertRegex(done.stdout, rf"Relay access denied \(total: \d+\)\n\s+3\s+{re.escape(self.relayer)}")

    def test_no_password_is_in_the_log(self):
        for word in ("wrong", "secret", "AGFsaWNl"):
            self.assertNotIn(word, self.portreeve.log.text())

    def test_a_log_line_cannot_be_forged(self):
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            client.send(b"MAIL FROM:<\"a\x0bb\x1b[31m\"@example.net>\r\n")
            client.reply()
            client.command("RCPT TO:<\"x\\\ny\"@example.com>")
        text = self.portreeve.log.text()
        self.assertNotRegex(text, r"[\x00-\x08\x0b-\x1f\x7f]")
        for line in text.splitlines():
            self.assertRegex(line, r"^\S+.* postfix-portreeve/smtpd\[\d+\]: ")

    def test_every_refusal_names_its_rule_and_session(self):
        refusals = re.findall(r"(?m)^.*NOQUEUE: reject.*$", self.portreeve.log.text())
        self.assertGreaterEqual(len(refusals), 3)
        for line in refusals:
            self.assertRegex(line, r" proto=ESMTP helo=<[^>]*> rule=\S+ sid=\w+$")


if __name__ == "__main__":
    unittest.main()
