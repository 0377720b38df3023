"""What is left when something breaks: the old policy or the new one, whole, and in `block` never an open port."""
import json
import os
import pathlib
import shutil
import signal
import sys
import time
import unittest

import faulty
import firewall
import harness
import netlab

FAULTY = pathlib.Path(faulty.__file__).resolve()
BLOCK = {"lan": "mode: block", "guest": "mode: block"}
# What docs/FIREWALL.md promises for kernels without owned tables.
RESTORED_WITHIN = 2.0


@firewall.needed
class Chaos(firewall.Lab):
    def setUp(self):
        if not self.helper.child.running:
            self.helper.start()
        self.helper.command("off")
        self.helper.apply(firewall.policy(BLOCK))

    def rules(self):
        """The lines of nft's list, without what counts and fills by itself; objects stand in the order in which they were made."""
        listed = self.network.nft("-s", "-t", "list", "table", "inet", "portreeve")
        # Who owns it stands in the first lines.
        return sorted(line.strip() for line in listed.splitlines()[1:] if not line.startswith("\tflags"))

    def failing(self, fault, *words):
        return self.network.command("router", sys.executable, FAULTY, fault, firewall.PROGRAM, *words,
                                    "--socket", self.helper.socket, "--state", self.helper.state)

    # The helper's end

    @unittest.skipUnless(faulty.is_possible(), "no filter of system calls for this machine")
    def test_a_command_that_dies_between_sending_and_reading_leaves_the_new_policy_whole(self):
        before = self.rules()
        folder = self.helper.root / "policy"
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        after = self.rules()
        self.assertNotEqual(before, after)
        self.helper.apply(firewall.policy(BLOCK))
        self.helper.stop()
        (folder / "policy.yaml").write_text(firewall.policy({"lan": "mode: block"}))
        done = harness.run(*self.failing("dies-before-answer", "apply", "--policy", folder))
        self.assertEqual(done.returncode, -signal.SIGSYS, done.stdout)
        self.assertEqual(self.rules(), after, "the kernel has done all of it before the answer is read")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        # Nobody confirmed what the dead command sent: the next helper returns to what was.
        self.helper.start()
        self.assertEqual(self.rules(), before)
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    @unittest.skipUnless(faulty.is_possible(), "no filter of system calls for this machine")
    def test_a_helper_that_dies_between_sending_and_reading_is_followed_by_one_that_takes_over(self):
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        counted = self.helper.counters()["refused_lan"]
        self.helper.stop(signal.SIGKILL)
        # Without a table it has to send one; with an orphaned one it has to make it its own.
        for flush in (False, True):
            with self.subTest(flush=flush):
                if flush:
                    self.network.nft("flush", "ruleset")
                done = harness.run(*self.failing("dies-before-answer", "serve", "--gateway-user", "nobody"))
                self.assertEqual(done.returncode, -signal.SIGSYS, done.stdout)
                if not flush:
                    self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        self.helper.start()
        for family in (4, 6):
            self.assertEqual(self.attempt(netlab.PLAIN, family), "refused")
            self.assertEqual(self.attempt(netlab.MAIL, family), "passed")
        self.assertLessEqual(self.helper.counters()["refused_lan"], counted + 2)

    def test_a_second_helper_on_the_same_socket_ends_and_says_so(self):
        second = harness.Child(self.network.command(
            "router", firewall.PROGRAM, "serve", "--socket", self.helper.socket, "--state", self.helper.state,
            "--gateway-user", "nobody"), self.helper.root / "second")
        harness.until("its end", lambda: not second.running)
        self.assertEqual(second.process.returncode, 1)
        self.assertEqual(len(second.said().splitlines()), 1, second.said())
        self.assertIn(str(self.helper.socket), second.said())
        self.assertIn("refused_lan", self.helper.counters(), "the first one still answers")

    # Foreign hands

    def test_a_foreign_flush_is_restored_in_time_and_the_culprit_named(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.helper.command("off")
                # A table without owner, as all are before Linux 6.9.
                self.network.nft("add", "table", "inet", "portreeve")
                self.helper.apply(firewall.policy(BLOCK))
                restored = self.helper.said().count("restored")
                self.network.nft("flush", "ruleset")
                flushed = time.monotonic()
                while self.attempt(netlab.PLAIN, family, patience=0.2) == "passed":
                    self.assertLess(time.monotonic() - flushed, RESTORED_WITHIN)
                harness.until("its line", lambda: self.helper.said().count("restored") > restored)
                self.assertRegex(self.helper.said().splitlines()[-1], r"process \d+ \(nft\) changed our table: restored")
                status = json.loads(self.helper.command("status", "--json").stdout)
                self.assertRegex(status["last_culprit"], r"process \d+ \(nft\)")
                self.assertGreater(status["repairs"], 0)

    def test_an_owned_table_is_never_open_while_others_flush(self):
        if "owner" not in self.network.nft("list", "table", "inet", "portreeve").split("\n")[1]:
            self.skipTest("tables have no owners before Linux 6.9")
        refused = self.helper.counters()["refused_lan"]
        for _ in range(5):
            harness.run(*self.network.command("router", "nft", "flush", "ruleset"))
            harness.run(*self.network.command("router", "nft", "delete", "table", "inet", "portreeve"))
            self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        self.assertEqual(self.helper.counters()["refused_lan"], refused + 5)

    # A machine that cannot

    COMMANDS = (("plan",), ("apply",), ("status",), ("who",), ("allow", "10.0.0.1"), ("deny", "10.0.0.1"), ("off",),
                ("forget", "10.0.0.1"), ("explain", "10.0.0.1"), ("serve",))

    def sentence(self, *words):
        """The one line that a command fails with."""
        if words[-1] in ("plan", "apply"):
            words += ("--policy", harness.REPOSITORY / "policies" / "residential-egress")
        place = harness.place("nowhere")
        place.chmod(0o755)
        done = harness.run(*words, "--socket", place / "none.sock", "--state", place / "state")
        self.assertEqual(done.returncode, 1, (words, done.stdout))
        self.assertEqual(len(done.stdout.splitlines()), 1, (words, done.stdout))
        return done.stdout

    def test_without_the_capability_every_command_says_so_in_one_sentence(self):
        for words in self.COMMANDS:
            with self.subTest(command=words):
                said = self.sentence(*self.network.command(
                    "router", "setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", firewall.PROGRAM, *words))
                self.assertRegex(said, "^portreeve-firewall: no permission to change nf_tables: run as root")

    @unittest.skipUnless(faulty.is_possible(), "no filter of system calls for this machine")
    def test_without_nf_tables_every_command_says_so_in_one_sentence(self):
        for words in self.COMMANDS:
            with self.subTest(command=words):
                said = self.sentence(*self.network.command(
                    "router", sys.executable, FAULTY, "no-netfilter", firewall.PROGRAM, *words))
                self.assertRegex(said, "^portreeve-firewall: this kernel has no nf_tables")

    # What the helper may do

    def test_the_helper_is_confined_and_keeps_one_capability(self):
        status = pathlib.Path(f"/proc/{self.helper.child.pid}/status").read_text()
        self.assertRegex(status, r"CapEff:\s+0+1000\n")
        self.assertRegex(status, r"CapBnd:\s+0+1000\n")
        self.assertRegex(status, r"NoNewPrivs:\s+1\n")
        self.assertRegex(status, r"Seccomp:\s+2\n")


if __name__ == "__main__":
    unittest.main()
