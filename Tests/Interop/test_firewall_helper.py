"""The helper among others: who may ask it what, what it leaves behind, and what happens when somebody interferes."""
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import unittest

import firewall
import harness
import netlab

BLOCK = {"lan": "mode: block", "guest": "mode: block"}


@firewall.needed
class Helper(firewall.Lab):
    def setUp(self):
        if not self.helper.child.running:
            self.helper.start()
        self.helper.command("off")
        self.helper.apply(firewall.policy(BLOCK))

    # Changes

    def test_applying_twice_sends_the_kernel_nothing_the_second_time(self):
        before = self.network.nft("-a", "list", "table", "inet", "portreeve")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        refused = self.helper.counters()["refused_lan"]
        self.helper.apply(firewall.policy(BLOCK))
        after = self.network.nft("-a", "list", "table", "inet", "portreeve")
        handles = re.compile(r"# handle \d+")
        self.assertEqual(handles.findall(before), handles.findall(after))
        self.assertEqual(self.helper.counters()["refused_lan"], refused)

    def test_off_leaves_nothing_of_ours_and_nothing_of_others_touched(self):
        self.network.nft("add", "table", "ip", "others")
        self.network.nft("add", "set", "ip", "others", "kept", "{ type ipv4_addr; elements = { 192.0.2.1 }; }")
        self.network.ip("router", "rule", "add", "pref", "500", "fwmark", "0x7", "lookup", "main")
        others = self.network.nft("list", "table", "ip", "others")
        self.helper.apply(firewall.policy({"lan": "mode: relay"}))
        self.assertIn("100:", self.rules())
        self.helper.command("off")
        self.assertEqual(self.network.nft("list", "ruleset"), others)
        self.assertEqual(re.findall(r"^(\d+):", self.rules(), re.M), ["0", "500", "32766", "32767"])
        self.assertEqual(harness.run("ip", "-n", self.network.names["router"], "route", "show", "table", "2525").stdout
                         .replace("Error: ipv4: FIB table does not exist.\nDump terminated\n", ""), "")
        self.network.nft("delete", "table", "ip", "others")
        self.network.ip("router", "rule", "del", "pref", "500")

    def rules(self):
        return harness.run("ip", "-n", self.network.names["router"], "rule", "show").stdout

    def test_routing_rules_are_ours_by_name_and_set_once_in_both_families(self):
        for _ in range(2):
            self.helper.apply(firewall.policy({"lan": "mode: relay"}))
        for family in ("-4", "-6"):
            shown = harness.run("ip", family, "-n", self.network.names["router"], "rule", "show").stdout
            ours = [line.split() for line in shown.splitlines() if line.startswith(("99:", "100:"))]
            self.assertEqual([line[0] for line in ours], ["99:", "100:"])
            for line in ours:
                self.assertEqual(line[-2:], ["proto", "125"])

    def test_offenders_and_counters_survive_a_new_plan_and_a_restart(self):
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        counted = self.helper.counters()["refused_lan"]
        self.helper.apply(firewall.policy(BLOCK, extra="log_group: 26\n"))
        self.assertEqual(self.helper.counters()["refused_lan"], counted)
        self.helper.stop()
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused", "rules stay when the helper ends")
        self.helper.start()
        self.assertEqual(self.helper.counters()["refused_lan"], counted + 1)
        self.assertIn("10.60.1.10", self.network.nft("list", "set", "inet", "portreeve", "seen4"))

    def test_who_tried_is_known_with_when_whereto_and_from_which_machine(self):
        for family in (4, 6):
            self.assertEqual(self.attempt(netlab.PLAIN, family), "refused")
        link = harness.run("ip", "-n", self.network.names["lan"], "link", "show", "c0").stdout
        hardware = re.search(r"link/ether (\S+)", link).group(1)
        for family in (4, 6):
            addresses = netlab.ADDRESSES[family]
            found = harness.until("the record", lambda: self.offender(addresses[netlab.PLAIN], addresses["server"]))
            self.assertIn(b"lan0", found)
            self.assertIn(hardware.encode(), found)

    def offender(self, source, target):
        """The octets about a host in the answer to "who tried", once the log's record of it has arrived."""
        number, rest, _ = self.helper.ask(6, struct.pack("!Q", 0))
        self.assertEqual(number, 5)
        at = rest.find(firewall.host(source))
        return at >= 0 and firewall.octets(target) in rest[at:] and rest[at:]

    def test_records_come_as_they_happen_to_one_who_asks_for_them(self):
        with self.helper.connect() as one:
            self.assertEqual(firewall.exchange(one, bytes([1, 15]))[0], 0)
            self.assertEqual(self.attempt("guest", 4, role="guest"), "refused")
            number, rest, _ = self.next(one)
            self.assertEqual(number, 9)
            self.assertIn(firewall.octets("10.60.3.10"), rest)
            self.assertIn(b"guest", rest)

    @staticmethod
    def next(one):
        header = one.recv(4, socket.MSG_WAITALL)
        body = one.recv(struct.unpack("!I", header)[0], socket.MSG_WAITALL)
        return body[1], body[2:], []

    # Who may ask

    def test_octets_that_are_no_request_get_one_answer_and_the_end(self):
        for body in (b"", b"\x01", b"\x02\x00", b"\x01\x63", b"\x01\x07\x09", b"\x01\x00trailing"):
            with self.subTest(body=body), self.helper.connect() as one:
                number, rest, _ = firewall.exchange(one, body)
                self.assertEqual((number, rest[0]), (1, 6), rest)
                self.assertEqual(one.recv(1), b"")
        with self.helper.connect() as one:
            one.sendall(struct.pack("!I", 0xFFFFFFFF))
            self.assertEqual(one.recv(1), b"", "a length beyond every bound")

    def test_the_gateways_user_gets_numbers_and_no_changes(self):
        script = (
            "import sys, socket, struct\n"
            "one = socket.socket(socket.AF_UNIX); one.connect(sys.argv[1])\n"
            "try: one.sendall(struct.pack('!I', 2) + bytes([1, int(sys.argv[2])])); print(one.recv(6)[5:].hex())\n"
            "except (BrokenPipeError, ConnectionResetError): pass")
        os.chmod(self.helper.root, 0o755)
        answers = {}
        for who in ("nobody", "daemon"):
            for tag in (5, 4):
                answers[who, tag] = harness.run(
                    "setpriv", "--reuid", who, "--regid", "nogroup", "--clear-groups", "python3", "-c", script,
                    self.helper.socket, tag).stdout.strip()
        self.assertEqual(answers["nobody", 5], "04")
        self.assertEqual(answers["nobody", 4], "01", "a refusal")
        # Nobody else is heard at all: the connection ends without an octet.
        self.assertEqual((answers["daemon", 5], answers["daemon", 4]), ("", ""))
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def test_without_the_capability_it_says_so_in_one_sentence(self):
        done = harness.run(*self.network.command(
            "router", "setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", firewall.PROGRAM, "serve",
            "--socket", "/tmp/never.sock", "--state", "/tmp/never"))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"^portreeve-firewall: no permission to change nf_tables[^\n]*\n$")

    # Interference

    def persistent(self):
        """Whether this kernel lets a table outlive its owner (Linux 6.9)."""
        return "owner" in self.network.nft("list", "table", "inet", "portreeve").split("\n")[1]

    def test_another_programs_flush_does_not_open_the_port(self):
        harness.run(*self.network.command("router", "nft", "flush", "ruleset"))
        harness.until("the table", lambda: "portreeve" in self.network.nft("list", "tables"))
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        self.assertEqual(self.attempt(netlab.PLAIN, 6), "refused")

    def without_owner(self):
        """Our policy in a table that was made by hand: it has no owner, as none has before Linux 6.9."""
        self.helper.command("off")
        self.network.nft("add", "table", "inet", "portreeve")
        self.helper.apply(firewall.policy(BLOCK))

    def test_a_table_without_owner_is_restored_and_the_culprit_named(self):
        for interference in (("flush", "ruleset"), ("flush", "chain", "inet", "portreeve", "forward"),
                             ("delete", "table", "inet", "portreeve"),
                             ("flush", "set", "inet", "portreeve", "mail_hosts4"),
                             ("add", "rule", "inet", "portreeve", "forward", "accept")):
            with self.subTest(interference=interference):
                self.without_owner()
                restored = self.helper.said().count("restored")
                self.network.nft(*interference)
                harness.until("restored", lambda: self.helper.said().count("restored") > restored)
                self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
                self.assertEqual(self.attempt(netlab.MAIL, 4), "passed")
        self.assertRegex(self.helper.said(), r"process \d+ \(nft\) changed our table: restored with \d+ operations")

    def test_what_was_allowed_by_hand_comes_back_with_a_restored_table(self):
        self.without_owner()
        who = firewall.host("10.60.1.10")
        self.helper.ask(9, who + b"\1" + struct.pack("!I", 3600) + firewall.text("until the move"))
        self.network.nft("flush", "ruleset")
        harness.until("restored", lambda: "restored" in self.helper.said())
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        self.helper.ask(11, b"\0" + who)

    def test_a_killed_helper_leaves_the_port_closed_and_the_next_one_takes_over(self):
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        counted = self.helper.counters()["refused_lan"]
        self.helper.stop(signal.SIGKILL)
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        self.helper.start()
        self.assertEqual(self.helper.counters()["refused_lan"], counted + 1)
        self.assertEqual(self.attempt(netlab.MAIL, 4), "passed")

    def test_a_helper_that_finds_the_table_gone_puts_the_confirmed_policy_back(self):
        self.helper.stop(signal.SIGKILL)
        self.network.nft("flush", "ruleset")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed", "nobody guards")
        self.helper.start()
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def test_a_second_helper_does_not_take_the_table_of_the_first(self):
        second = firewall.Helper(self.network, start=False)
        shutil.copytree(self.helper.state, second.state)
        if not self.persistent():
            self.skipTest("tables have no owners before Linux 6.9")
        second.start(wait=False)
        harness.until("its end", lambda: not second.child.running)
        self.assertEqual(second.child.process.returncode, 1)
        self.assertIn("belongs to another process", second.said())
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def test_a_command_that_is_killed_leaves_the_old_policy_or_the_new_one_whole(self):
        self.helper.command("off")
        self.helper.stop()
        many = ", ".join(f"10.70.{number // 250}.{number % 250 * 2 % 250}" for number in range(2000))
        policies = [firewall.policy(BLOCK), firewall.policy(BLOCK).replace("[10.60.1.25,", f"[{many}, 10.60.1.25,")]
        whole = set()
        for text in policies:
            self.helper.apply(text)
            whole.add(self.shape())
        self.assertEqual(len(whole), 2)
        for milliseconds in range(0, 120, 6):
            folder = self.helper.root / "policy"
            (folder / "policy.yaml").write_text(policies[milliseconds // 6 % 2])
            one = harness.Child(self.network.command(
                "router", firewall.PROGRAM, "apply", "--policy", folder, "--socket", self.helper.socket, "--state",
                self.helper.state), self.helper.root / "killed")
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(milliseconds / 1000)
            one.stop(signal.SIGKILL)
            self.assertIn(self.shape(), whole)

    def shape(self):
        """Everything of the table but numbers that change by themselves."""
        listed = self.network.nft("list", "table", "inet", "portreeve")
        listed = re.sub(r"flags [^;\n]*\n", "", listed.replace("# progname", ""), count=0)
        return hash(re.sub(r"packets \d+ bytes \d+|expires \w+", "", listed))

    # Confirmation

    def test_what_nobody_confirms_is_taken_back(self):
        self.helper.apply(firewall.policy({"lan": "mode: monitor"}), "--confirm", "5")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        harness.until("taken back", lambda: "taken back" in self.helper.said())
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def test_what_waits_for_a_confirmation_is_taken_back_by_the_next_helper_too(self):
        self.helper.apply(firewall.policy({"lan": "mode: monitor"}), "--confirm", "600")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "passed")
        self.helper.stop(signal.SIGKILL)
        self.helper.start()
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")

    def test_a_first_policy_that_nobody_confirms_goes_altogether(self):
        self.helper.command("off")
        self.helper.apply(firewall.policy(BLOCK), "--confirm", "600")
        self.helper.stop(signal.SIGKILL)
        self.helper.start()
        self.assertEqual(self.network.nft("list", "ruleset"), "")


if __name__ == "__main__":
    unittest.main()
