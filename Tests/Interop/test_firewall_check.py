"""`firewall check` on a router where something is wrong: each finding once, and gone once the cause is."""
import json
import socket
import subprocess
import unittest

import firewall
import harness
import netlab

RELAY = {"lan": "mode: relay"}


@firewall.needed
class Check(firewall.Lab):
    def setUp(self):
        self.helper.command("off")

    def check(self, zones, extra="", status=0, prefix=()):
        folder = self.helper.root / "checked"
        folder.mkdir(exist_ok=True)
        (folder / "policy.yaml").write_text(firewall.policy(zones, extra))
        done = harness.run(*self.network.command(
            "router", *prefix, firewall.PROGRAM, "check", "--policy", folder, "--json", "--socket", self.helper.socket,
            "--state", self.helper.state))
        self.assertEqual(done.returncode, status, done.stdout)
        self.assertTrue(done.stdout.startswith("{"), done.stdout)
        return json.loads(done.stdout.splitlines()[0])

    def found(self, zones, extra=""):
        """The messages about this machine, by code."""
        return {row["code"]: row["message"] for row in self.check(zones, extra)["findings"] if row["code"] > "W33"}

    def nft(self, *lines):
        self.network.nft("; ".join(lines))

    def test_a_machine_that_fits_has_no_finding(self):
        report = self.check({"lan": "mode: block", "guest": "mode: block"})
        self.assertEqual((report["findings"], report["not_looked_at"]), ([], []))
        self.assertEqual(report["kernel"], "accepts it")

    def test_an_interface_that_is_not_there_stands_at_the_zones_line(self):
        report = self.check({"lan": "mode: block", "ppp": "mode: block"})
        row, = report["findings"]
        self.assertEqual((row["code"], row["message"]), ("W331", "there is no interface 'ppp0' now"))
        self.assertEqual(row["line"], 8)
        self.assertTrue(row["hint"])

    def test_a_mail_host_outside_every_zone_and_one_that_is_this_machine(self):
        report = self.check({"guest": "mode: block"})
        messages = [row["message"] for row in report["findings"] if row["code"] == "W335"]
        self.assertEqual(messages, ["mail host 10.60.1.25 is behind 'lan0', which is in no zone",
                                    "mail host fd60:1::25 is behind 'lan0', which is in no zone"])
        self.network.ip("router", "addr", "add", "10.60.1.25/32", "dev", "lo")
        try:
            self.assertIn("is this machine", self.found({"lan": "mode: block"})["W335"])
        finally:
            self.network.ip("router", "addr", "del", "10.60.1.25/32", "dev", "lo")

    def test_a_default_drop_input_chain_until_it_accepts_the_mark(self):
        for accept in ("meta mark & 0xff == 0x25 accept", "meta mark 0x25 accept"):
            with self.subTest(accept=accept):
                self.nft("add table inet own",
                         "add chain inet own in { type filter hook input priority 0; policy drop; }")
                try:
                    self.assertIn("chain 'in' of table inet own", self.found(RELAY)["W347"])
                    self.assertNotIn("W347", self.found({"lan": "mode: block"}))
                    self.nft(f"add rule inet own in {accept}")
                    self.assertEqual(self.found(RELAY), {})
                finally:
                    self.nft("delete table inet own")

    def test_a_last_rule_that_refuses_counts_as_a_policy(self):
        self.nft("add table ip own", "add chain ip own in { type filter hook input priority 0; }",
                 "add rule ip own in tcp dport 22 drop")
        try:
            self.assertEqual(self.found(RELAY), {}, "a rule with a condition refuses nothing else")
            self.nft("add rule ip own in counter reject with icmp admin-prohibited")
            self.assertIn("chain 'in' of table ip own", self.found(RELAY)["W347"])
        finally:
            self.nft("delete table ip own")

    def test_foreign_rules_that_write_our_bits_of_the_mark(self):
        self.nft("add table inet own", "add chain inet own pre { type filter hook prerouting priority -150; }")
        try:
            self.nft("add rule inet own pre meta mark set meta mark and 0xffff00ff or 0x100",
                     "add rule inet own pre meta l4proto udp meta mark set ct mark")
            self.assertEqual(self.found(RELAY), {}, "other bits, and other protocols")
            self.nft("add rule inet own pre meta mark set 0x1")
            self.assertEqual(self.found(RELAY), {"W344": "chain 'pre' of table inet own writes packet marks"})
        finally:
            self.nft("delete table inet own")

    def test_foreign_routing_rules_and_tables(self):
        for family in ("-4", "-6"):
            with self.subTest(family=family):
                for words, code in ((("rule", "pref", "100", "lookup", "main"), "W342"),
                                    (("rule", "pref", "7", "lookup", "2525"), "W343"),
                                    (("rule", "pref", "7", "fwmark", "0x5", "lookup", "main"), "W344"),
                                    (("route", "blackhole", "default", "table", "2525"), "W343")):
                    kind, rest = words[0], words[1:]
                    self.network.ip("router", family, kind, "add", *rest)
                    try:
                        self.assertEqual(set(self.found(RELAY)), {code}, words)
                    finally:
                        self.network.ip("router", family, kind, "del", *rest)
        self.assertEqual(self.found(RELAY), {})

    def test_what_apply_made_is_no_foreigner(self):
        self.helper.apply(firewall.policy(RELAY))
        self.assertEqual(self.found(RELAY), {})

    def test_settings_that_need_the_guard_rule_once_it_is_gone(self):
        self.helper.apply(firewall.policy(RELAY))
        for name in ("net.ipv4.conf.all.src_valid_mark", "net.ipv4.tcp_fwmark_accept"):
            self.network.set(name, 1)
            self.network.ip("router", "rule", "del", "pref", "99")
            try:
                self.assertIn(name + " is 1", self.found(RELAY)["W346"])
                self.helper.apply(firewall.policy(RELAY))
                self.assertEqual(self.found(RELAY), {}, "apply puts the rule back")
            finally:
                self.network.set(name, 0)

    def test_a_log_group_that_another_program_reads_and_one_that_our_helper_reads(self):
        # struct nfgenmsg and NFULA_CFG_CMD with NFULNL_CFG_CMD_BIND, for group 77.
        reader = self.network.socket("router", socket.AF_NETLINK, socket.SOCK_RAW, 12)
        self.addCleanup(reader.close)
        reader.bind((0, 0))
        body = bytes([0, 0, 0, 77]) + b"\x05\x00\x01\x00\x01\x00\x00\x00"
        reader.send((len(body) + 16).to_bytes(4, "little") + b"\x01\x04\x05\x00" + bytes(8) + body)
        self.assertEqual(reader.recv(100)[16:20], bytes(4))
        self.assertIn("log group 77", self.found({"lan": "mode: block"}, "log_group: 77\n")["W341"])
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        self.assertEqual(self.found({"lan": "mode: block"}), {}, "our own helper is nobody else")

    def test_a_flowtable_carries_connections_past_us(self):
        try:
            self.nft("add table inet fw4", "add flowtable inet fw4 ft { hook ingress priority 0; devices = { lan0, wan0 }; }")
        except RuntimeError as error:
            self.skipTest(f"no flowtables in this kernel: {error}")
        try:
            self.assertIn("flowtable 'ft' of table inet fw4 carries connections of lan0", self.found({"lan": "mode: block"})["W348"])
            self.assertNotIn("W348", self.found({"guest": "mode: block"}))
        finally:
            self.nft("delete table inet fw4")

    def test_a_table_of_our_name_that_somebody_else_made(self):
        self.nft("add table inet portreeve", "add chain inet portreeve theirs")
        try:
            self.assertEqual(set(self.found({"lan": "mode: block"})), {"W345"})
        finally:
            self.nft("delete table inet portreeve")

    def test_addresses_that_can_be_borrowed(self):
        found = self.found({"lan": "mode: block"}, "spoofed: accept\n")
        self.assertEqual(found, {"W336": "a mail host's address can be borrowed by anybody on 'lan0'"})

    def test_forwarding_of_a_family_without_mail_hosts_and_no_forwarding_at_all(self):
        report = self.check({"lan": "mode: block"})
        self.assertEqual(report["findings"], [])
        self.network.set("net.ipv4.ip_forward", 0)
        self.network.set("net.ipv6.conf.all.forwarding", 0)
        try:
            self.assertEqual(set(self.found({"lan": "mode: block"})), {"W333"})
        finally:
            self.network.set("net.ipv4.ip_forward", 1)
            self.network.set("net.ipv6.conf.all.forwarding", 1)

    def test_without_privileges_it_says_what_it_could_not_look_at(self):
        folder = self.helper.root / "checked"
        for place in (self.helper.root, folder):
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        report = self.check({"ppp": "mode: block"}, status=1, prefix=(
            "setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"))
        self.assertIn("W331", {row["code"] for row in report["findings"]})
        self.assertTrue([line for line in report["not_looked_at"] if line.startswith("tables of other programs: no permission")],
                        report)
        self.assertRegex(report["kernel"], "this needs root")


if __name__ == "__main__":
    unittest.main()
