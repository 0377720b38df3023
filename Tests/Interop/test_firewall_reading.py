"""An applied policy whose files change: lists by themselves, rules when asked, nothing from a file with an error."""
import datetime
import json
import re
import signal
import unittest

import firewall
import harness
import netlab

POLICY = """version: 1
policy: lab
kind: egress
mode: enforce
zones:
  lan: {{ interfaces: [lan0], mode: {mode} }}
lists:
  mail_hosts: {{ type: cidr, file: lists/hosts.txt }}
  exempt:     {{ type: cidr, file: lists/exempt.txt, expires: required }}
"""


@firewall.needed
class Reading(firewall.Lab):
    def setUp(self):
        if not self.helper.child.running:
            self.helper.start()
        self.helper.command("off")
        self.folder = self.helper.root / "policy"
        (self.folder / "lists").mkdir(parents=True, exist_ok=True)
        self.write("lists/hosts.txt", "10.60.1.25\nfd60:1::25\n")
        self.write("lists/exempt.txt", "")
        self.write("policy.yaml", POLICY.format(mode="block"))
        self.apply()

    def write(self, name, text):
        """As careful programs write: beside the file, then by rename."""
        new = self.folder / (name + ".new")
        new.write_text(text)
        new.rename(self.folder / name)

    def apply(self):
        done = self.helper.command("apply", "--policy", self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)

    def said_after(self, action, pattern):
        """Waits for a line that an action causes."""
        before = len(self.helper.said())
        action()
        return harness.until(pattern, lambda: re.search(pattern, self.helper.said()[before:]))

    def status(self):
        return json.loads(self.helper.command("status", "--json").stdout)

    def test_a_changed_list_is_taken_and_everything_else_stays(self):
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        refused = self.helper.counters()["refused_lan"]
        self.helper.command("allow", "10.60.1.11", "for", "1h", "by hand")
        handles = re.findall(r"# handle \d+", self.network.nft("-a", "list", "chain", "inet", "portreeve", "refuse_lan"))
        self.said_after(
            lambda: self.write("lists/hosts.txt", "10.60.1.10\n10.60.1.25\nfd60:1::/64\n"),
            r"policy lab read again: \d+ operations?\n")
        for family in (4, 6):
            self.assertEqual(self.attempt(netlab.PLAIN, family), "passed")
        self.assertEqual(self.helper.counters()["refused_lan"], refused)
        self.assertIn("10.60.1.10", self.network.nft("list", "set", "inet", "portreeve", "seen4"))
        self.assertIn("by hand", self.network.nft("list", "set", "inet", "portreeve", "allowed4"))
        self.assertEqual(handles, re.findall(
            r"# handle \d+", self.network.nft("-a", "list", "chain", "inet", "portreeve", "refuse_lan")))
        reading = self.status()["last_reading"]
        self.assertTrue(reading["taken"])
        self.assertIn("read again", reading["message"])

    def test_what_was_read_survives_the_helper(self):
        self.said_after(lambda: self.write("lists/hosts.txt", "10.60.1.10\n"), "read again: ")
        self.helper.stop(signal.SIGKILL)
        self.network.nft("flush", "ruleset")
        self.helper.start()
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        self.assertEqual(self.attempt(netlab.MAIL, 4), "refused")

    def test_what_changed_while_no_helper_ran_is_read_at_its_start(self):
        self.helper.stop()
        self.write("lists/hosts.txt", "10.60.1.10\n")
        self.helper.start()
        harness.until("read", lambda: "read again" in self.helper.said())
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")

    def test_a_bad_file_leaves_the_old_one_in_force(self):
        for name, text in (("lists/hosts.txt", "10.60.1.999\n"), ("policy.yaml", "version: 1\nkind: egress\nzones: 7\n")):
            with self.subTest(file=name):
                good = (self.folder / name).read_text()
                self.said_after(lambda: self.write(name, text), r"not read again: the files have errors. What is applied stays.")
                self.assertRegex(self.helper.said(), rf"{name}:\d+:\d+: error\[E\d+\]")
                self.assertEqual(self.attempt(netlab.MAIL, 4), "passed")
                self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
                self.assertFalse(self.status()["last_reading"]["taken"])
                self.said_after(lambda: self.helper.child.process.send_signal(signal.SIGHUP), "not read again")
                self.write(name, good)
        self.said_after(lambda: self.helper.child.process.send_signal(signal.SIGHUP), "read again: nothing to change")

    def test_changed_rules_wait_for_a_word_and_a_signal_is_one(self):
        self.said_after(lambda: self.write("policy.yaml", POLICY.format(mode="monitor")), "changed in more than its lists")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        self.said_after(lambda: self.helper.child.process.send_signal(signal.SIGHUP), r"read again: \d+ operations")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")

    def test_a_change_that_waits_for_confirmation_is_left_alone(self):
        self.write("policy.yaml", POLICY.format(mode="monitor"))
        self.assertEqual(self.helper.command("apply", "--policy", self.folder, "--confirm", "600").returncode, 0)
        self.said_after(lambda: self.write("lists/hosts.txt", "10.60.1.10\n"), "a change waits for its confirmation")
        self.assertEqual(self.helper.command("confirm").returncode, 0)
        self.said_after(lambda: self.helper.child.process.send_signal(signal.SIGHUP), "read again: ")

    def test_an_exemption_ends_with_its_day_and_does_not_begin_anew_with_a_restart(self):
        tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).date().isoformat()
        self.said_after(lambda: self.write("lists/exempt.txt", f"10.60.1.10 until {tomorrow} # moving\n"), "read again: ")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        left = self.left()
        self.assertLessEqual(left, 2 * 86_400)
        self.helper.stop()
        # As if the plan had been written an hour earlier: the file says when it was made.
        self.network.nft("flush", "ruleset")
        self.helper.start()
        self.assertLessEqual(self.left(), left)
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        self.said_after(lambda: self.write("lists/exempt.txt", ""), "read again: ")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def left(self):
        """Seconds that the exemption still has in the kernel."""
        text = self.network.nft("list", "set", "inet", "portreeve", "exempt4")
        units = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0}
        words = re.search(r"expires ([0-9a-z]+)", text).group(1)
        return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|[dhms])", words))

    def test_the_policy_of_a_configuration_is_followed_too(self):
        file = self.helper.root / "portreeve.yaml"
        file.write_text("""version: 1
hostname: gateway.example.org
domains: [example.org]
listeners:
  mx: { bind: ["127.0.0.1:2600"], backend: mx, policies: [inbound], tls: none }
backends:
  mx: { servers: ["127.0.0.1:2526"], identity: proxy-v2 }
firewall: { policy: policy }
""")
        self.assertEqual(self.helper.command("apply", "-c", file).returncode, 0)
        self.said_after(lambda: self.write("lists/hosts.txt", "10.60.1.10\n"), "read again: ")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")


if __name__ == "__main__":
    unittest.main()
