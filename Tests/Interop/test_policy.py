"""A policy with every feature, asked over the wire by the running daemon."""
import time
import unittest

import daemon
import harness
import policies
import wire


def mail(subject="interop", sender="alice@example.org", froms=1):
    head = f"From: <{sender}>\r\n" * froms + f"To: <bob@example.org>\r\nSubject: {subject}\r\n\r\n"
    return head.encode() + b"text\r\n"


@daemon.needed
class EveryFeature(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = policies.Site({
            "everything": {"policy.yaml": policies.EVERYTHING, "lists/blocked.txt": policies.BLOCKED},
            "behind": {"policy.yaml": policies.BEHIND},
        })
        cls.addClassCleanup(cls.site.stop)

    def client(self, source, port=None, **options):
        client = wire.Client(port or self.site.portreeve.mx, source, **options)
        self.addCleanup(client.close)
        return client

    def greeted(self, source, helo="client.example.net"):
        client = self.client(source)
        client.greet(helo)
        return client

    def user(self, source, login="alice@example.org"):
        """A session with a login, inside TLS from the first byte."""
        client = self.client(source, self.site.portreeve.submissions)
        client.secure(implicit=True)
        client.greet()
        if login:
            code, lines = client.login(login)
            self.assertEqual(code, 235, lines)
        return client

    # MARK: Connections

    def test_a_list_file_with_expiry_decides_at_connect(self):
        for source, isBlocked in (("127.9.1.1", True), ("127.9.1.2", True), ("127.9.1.3", False)):
            client = self.client(source)
            code, lines = client.reply()
            self.assertEqual(code, 554 if isBlocked else 220, source)
            if isBlocked:
                self.assertIn(f"5.7.1 {source} is blocked", lines[0])
                client.expect(503, "MAIL FROM:<a@example.net>")
                client.expect(221, "QUIT")

    def test_drop_at_connect_says_why_and_closes(self):
        client = self.client("127.9.2.7")
        code, lines = client.reply()
        self.assertEqual((code, lines[0].startswith("4.3.2 Not from 127.9.2.7/32")), (421, True), lines)
        self.assertTrue(client.ended())

    def test_helo_is_matched_and_shown(self):
        client = self.client("127.9.3.1")
        client.expect(220)
        self.assertIn("5.7.1 You are not localhost", client.expect(550, "EHLO LocalHost")[-1])
        client.expect(250, "EHLO localhost.example.net")

    def test_a_tag_given_at_helo_is_seen_at_rcpt(self):
        client = self.greeted("127.9.3.2", "[127.9.3.2]")
        client.expect(250, "MAIL FROM:<a@example.net>")
        self.assertIn("5.7.1 Odd", client.expect(550, "RCPT TO:<bob@example.org>")[-1])
        client.expect(221, "QUIT")
        harness.until("the session's end", lambda: self.site.logged(**{"event.action": "session-end", "source.ip": "127.9.3.2"}))

    def test_starttls_is_refused_to_some(self):
        client = self.greeted("127.9.3.3", "old.example.net")
        self.assertIn("5.7.0 No TLS for old.example.net", client.expect(554, "STARTTLS")[-1])
        client.expect(250, "EHLO new.example.net")
        client.secure()
        client.expect(250, "EHLO new.example.net")

    # MARK: Logins

    def test_auth_is_neither_offered_nor_taken_without_tls(self):
        client = self.client("127.9.4.1", self.site.portreeve.submission)
        self.assertFalse([line for line in client.greet() if line.startswith("AUTH")])
        self.assertIn("5.7.11 TLS first", client.expect(538, "AUTH PLAIN")[-1])
        client.secure()
        self.assertTrue([line for line in client.expect(250, "EHLO again") if line.startswith("AUTH")])

    def test_a_login_is_refused_by_name_before_the_backend_hears_it(self):
        self.site.backend.forget()
        client = self.user("127.9.4.2", login=None)
        code, lines = client.login("mallory", "secret")
        self.assertEqual((code, lines[0].startswith("4.7.0 Not now")), (454, True), lines)
        self.assertNotIn("AUTH", self.site.backend.verbs)

    def test_logins_are_limited_the_same_for_right_and_wrong_passwords(self):
        for attempt, expected in enumerate((235, 235, 454)):
            client = self.user("127.9.4.3", login=None)
            code, lines = client.login(password=f"word{attempt}")
            self.assertEqual(code, expected, lines)
        self.assertRegex(lines[0], r"^4\.7\.0 Too many logins, retry in (60|59)min")

    def test_the_second_wrong_password_ends_the_session_and_asks_for_a_ban(self):
        self.site.backend.script["AUTH"] = b"535 5.7.8 no\r\n"
        self.addCleanup(self.site.backend.script.clear)
        client = self.user("127.9.4.4", login=None)
        self.assertEqual(client.login(password="wrong")[0], 535)
        code, lines = client.login(password="wrong")
        self.assertEqual((code, lines[0].startswith("4.7.0 Enough, alice@example.org")), (421, True), lines)
        self.assertTrue(client.ended())
        harness.until("the ban", lambda: self.site.logged(**{"event.action": "ban", "source.ip": "127.9.4.4"}))

    # MARK: MAIL

    def test_sizes_are_compared_and_shown(self):
        client = self.greeted("127.9.5.1")
        self.assertIn("5.3.4 2000000 is too much", client.expect(552, "MAIL FROM:<a@example.net> SIZE=2000000")[-1])
        client.expect(250, "MAIL FROM:<a@example.net>")

    def test_a_limit_may_count_octets(self):
        client = self.greeted("127.9.5.2")
        client.expect(250, "MAIL FROM:<a@example.net> SIZE=900")
        client.expect(250, "RSET")
        self.assertRegex(client.expect(452, "MAIL FROM:<a@example.net> SIZE=900")[-1], r"4\.3\.1 Too much, retry in \d+(s|min)")
        client.expect(250, "MAIL FROM:<a@example.net> SIZE=90")

    def test_partners_use_tls(self):
        client = self.greeted("127.9.5.3")
        for domain in ("partner.example", "sub.Partner.Example"):
            self.assertIn(f"5.7.0 {domain.lower()} uses TLS", client.expect(530, f"MAIL FROM:<a@{domain}>")[-1])
        client.expect(250, "MAIL FROM:<a@notpartner.example>")
        client.expect(250, "RSET")
        client.secure()
        client.expect(250, "EHLO client.example.net")
        client.expect(250, "MAIL FROM:<a@partner.example>")

    def test_a_map_says_whose_address_it_is(self):
        client = self.user("127.9.5.4", "bob@example.org")
        self.assertIn("5.7.1 <sales@example.org> is not bob@example.org's", client.expect(553, "MAIL FROM:<sales@example.org>")[-1])
        client.expect(250, "MAIL FROM:<Info@Example.org>")
        client.expect(250, "RSET")
        client.expect(250, "MAIL FROM:<>")

    # MARK: RCPT

    def test_first_decisive_rule_of_the_first_policy_wins_and_skip_goes_to_the_next(self):
        client = self.greeted("127.9.6.1")
        client.expect(250, "MAIL FROM:<a@example.net>")
        client.expect(250, 'RCPT TO:<"vip"@example.org>')
        self.assertIn("5.7.1 <user%example.com@example.org>: no routing", client.expect(554, "RCPT TO:<user%example.com@example.org>")[-1])
        client.expect(250, "RCPT TO:<postmaster@example.org>")
        self.assertIn("5.7.1 Behind", client.expect(550, "RCPT TO:<abuse@example.org>")[-1])
        self.assertIn("5.7.1 Not ours", client.expect(554, "RCPT TO:<bob@example.com>")[-1])

    def test_limits_pass_a_burst_and_name_the_wait(self):
        client = self.greeted("127.9.6.2")
        client.expect(250, "MAIL FROM:<a@example.net>")
        client.expect(250, "RCPT TO:<meter1@example.org>")
        # The limit of one message for each pair of addresses.
        self.assertRegex(client.expect(450, "RCPT TO:<meter1@example.org>")[-1], r"4\.7\.1 Retry in (60|59)min")
        client.expect(250, "RCPT TO:<meter2@example.org>")
        self.assertRegex(client.expect(450, "RCPT TO:<meter3@example.org>")[-1], r"4\.7\.1 Retry in ([1-9]|10)s")
        self.assertIn("4.7.1 None left", client.expect(450, "RCPT TO:<meter@example.org>")[-1])

    def test_a_refused_recipient_gives_back_what_it_reserved(self):
        client = self.greeted("127.9.7.1")
        client.expect(250, "MAIL FROM:<b@example.net>")
        # The backend refuses what is not ours; the pair's only event is given back each time.
        for _ in range(2):
            client.expect(554, "RCPT TO:<meter7@example.com>")
            client.expect(250, "RSET")
            client.expect(250, "MAIL FROM:<b@example.net>")

    def test_a_monitored_rule_decides_nothing_and_is_logged(self):
        client = self.greeted("127.9.6.4")
        client.expect(250, "MAIL FROM:<a@example.net>")
        client.expect(250, "RCPT TO:<watched@example.org>")
        one = harness.until("the warning", lambda: self.site.logged(**{"event.action": "would-refuse", "source.ip": "127.9.6.4"}))[0]
        self.assertEqual((one["rule.name"], one["smtp.reply.code"], one["smtp.mode"]), ("everything/watched", 550, "monitor"))

    def test_a_delay_holds_one_reply_and_a_tarpit_every_later_one(self):
        client = self.greeted("127.9.6.5")
        client.expect(250, "MAIL FROM:<a@example.net>")
        for recipient, waits in (("slow", True), ("bob", False), ("tar", True), ("alice", True)):
            start = time.monotonic()
            client.expect(250, f"RCPT TO:<{recipient}@example.org>")
            if waits:
                self.assertGreaterEqual(time.monotonic() - start, 0.99, recipient)

    def test_a_session_is_dropped_after_two_unknown_recipients(self):
        client = self.greeted("127.9.7.2")
        client.expect(250, "MAIL FROM:<a@example.net>")
        client.expect(554, "RCPT TO:<nobody@example.com>")
        self.assertIn("4.7.1 2 unknown", client.expect(421, "RCPT TO:<nobody2@example.com>")[-1])
        self.assertTrue(client.ended())

    # MARK: Content

    def send(self, client, message, sender="alice@example.org"):
        client.envelope(sender)
        return client.data(message)

    def test_the_header_from_is_checked_and_the_backend_sees_no_end(self):
        client = self.user("127.9.8.1")
        self.site.backend.forget()
        code, lines = self.send(client, mail(sender="boss@example.com"))
        self.assertEqual((code, lines[0].startswith("5.7.1 From <boss@example.com>")), (550, True), lines)
        self.assertNotIn("EOD", self.site.backend.verbs)

    def test_two_from_fields_are_refused(self):
        client = self.greeted("127.9.8.2")
        code, lines = self.send(client, mail(froms=2), "a@example.net")
        self.assertEqual((code, lines[0].startswith("5.7.1 2 From fields")), (550, True), lines)
        code, _ = self.send(client, mail(froms=1), "a@example.net")
        self.assertEqual(code, 250)

    def test_the_subject_is_looked_up_in_a_list(self):
        client = self.greeted("127.9.8.3")
        self.assertEqual(self.send(client, mail("Casino"), "a@example.net")[0], 451)
        self.assertEqual(self.send(client, mail("Casino royale"), "a@example.net")[0], 250)

    def test_chunks_are_refused_at_message_too(self):
        client = self.greeted("127.9.8.4")
        client.envelope("a@example.net")
        self.site.backend.forget()
        self.assertEqual(client.bdat(mail("Viagra"), chunk=40)[0], 451)

    def test_data_is_refused_after_two_messages(self):
        client = self.greeted("127.9.8.5")
        for _ in range(2):
            self.assertEqual(self.send(client, mail(), "a@example.net")[0], 250)
        client.envelope("a@example.net")
        self.assertIn("5.7.1 Only two", client.expect(554, "DATA")[-1])

    # MARK: The log

    def test_every_decision_names_its_rule_and_the_policys_hash(self):
        client = self.greeted("127.9.8.6")
        client.expect(250, "MAIL FROM:<a@example.net>")
        client.expect(554, "RCPT TO:<bob@example.com>")
        client.expect(250, "RCPT TO:<bob@example.org>")

        def stages():
            found = self.site.logged(**{"source.ip": "127.9.8.6"})
            return found if [one for one in found if one.get("smtp.stage") == "rcpt_reply"] else None

        for one in harness.until("the decisions", stages):
            if one["event.action"] in ("accepted", "refused"):
                self.assertRegex(one.get("rule.version", ""), r"^[0-9a-f]{16}$", one)


if __name__ == "__main__":
    unittest.main()
