"""What the commands print: JSON from each, who decides in each mode, hosts as their zone counts them."""
import json
import unittest

import firewall
import harness
import netlab

EVERY_MODE = {mode: f"mode: {mode}" for mode in firewall.MODES}
SHORT = {"lan": "mode: block, ipv6_prefix: 56", "guest": "mode: block"}


@firewall.needed
class Commands(firewall.Lab):
    def setUp(self):
        self.helper.command("off")
        self.folder = self.helper.root / "policy"
        self.folder.mkdir(exist_ok=True)

    def write(self, zones, extra=""):
        (self.folder / "policy.yaml").write_text(firewall.policy(zones, extra))

    def json(self, *words, status=0):
        done = self.helper.command(*words, "--json")
        self.assertEqual(done.returncode, status, done.stdout)
        return json.loads(done.stdout.splitlines()[0])

    def with_policy(self, *words, **options):
        return self.json(*words, "--policy", self.folder, **options)

    def test_each_prints_one_object_for_scripts(self):
        self.write({"lan": "mode: block"})
        plan = self.with_policy("plan")
        self.assertIn("add table inet portreeve", plan["operations"])
        check = self.with_policy("check")
        self.assertEqual((check["policy"], check["kernel"], check["findings"]), ("lab", "accepts it", []))
        applied = self.with_policy("apply", "--confirm", "600")
        self.assertEqual((applied["digest"], applied["confirm_within"]), (plan["digest"], 600))
        self.assertGreater(applied["operations"], 0)
        self.assertEqual(self.json("confirm"), {"policy": "lab", "digest": plan["digest"]})
        self.assertEqual(self.with_policy("plan")["operations"], [])
        self.assertEqual(self.with_policy("export")["digest"], plan["digest"])
        self.assertTrue(self.with_policy("export")["nft"].startswith("#"))
        self.assertEqual(self.json("allow", "10.60.1.77", "for", "2h", "moving"),
                         {"host": "10.60.1.77", "set": "allowed", "seconds": 7200, "reason": "moving"})
        self.assertEqual(self.json("deny", "fd60:1::77"), {"host": "fd60:1::/64", "set": "denied", "reason": ""})
        self.assertEqual(self.json("forget", "fd60:1::77"), {"host": "fd60:1::/64", "removed_from": ["denied"]})
        self.assertEqual(self.json("forget", "fd60:1::77", status=1)["removed_from"], [])
        self.assertEqual(self.attempt("neighbour", 4), "refused")
        who = harness.until("the record", lambda: [row for row in self.json("who", "--since", "1h")
                                                    if row["zone"] == "lan" and row["host"] == "10.60.1.11"])
        self.assertEqual(who[0]["top_destinations"], ["10.60.2.2"])
        status = self.json("status")
        self.assertTrue(status["applied"])
        self.assertGreater(status["counters"]["refused_lan"], 0)
        self.assertEqual(status["elements"]["mail_hosts4"], 1)
        explained = self.json("explain", "10.60.1.11")
        self.assertEqual(explained[0]["decided_by"]["chain"], "refuse_lan")
        self.assertEqual(self.json("off"), {"removed": True})
        self.assertEqual(self.json("off"), {"removed": False})
        self.assertFalse(self.json("status", status=1)["applied"])

    def test_the_helper_writes_lines_for_programs_when_asked(self):
        other = firewall.Helper(self.network, start=False)
        other.start("--json", wait=False)
        line = harness.until("its first line", lambda: other.said().splitlines())[0]
        other.stop()
        self.assertEqual(set(json.loads(line)), {"time", "message"})

    def test_the_text_of_status_has_every_counter(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        text = self.helper.command("status").stdout
        for counter in ("mail_ok", "relay_ok", "exempt_ok", "allowed_ok", "spoofed", "triangular", "refused_lan"):
            self.assertRegex(text, rf"(?m)^{counter} +\d+ +\d+$")

    def test_a_refused_host_stands_with_the_prefix_by_which_its_zone_counts(self):
        self.helper.apply(firewall.policy(SHORT))
        self.assertEqual(self.attempt(netlab.PLAIN, 6), "refused")
        self.assertEqual(self.attempt("guest", 6, role="guest"), "refused")
        self.assertEqual(self.attempt(netlab.PLAIN, 4), "refused")
        hosts = {"fd60:1::/56": "lan", "fd60:3::/64": "guest", "10.60.1.10": "lan"}
        def found():
            rows = {row["host"]: row for row in self.json("who")}
            return rows if all(rows.get(host, {}).get("zone") == zone for host, zone in hosts.items()) else None
        rows = harness.until("the records", found)
        self.assertNotIn("fd60:1::/64", rows)
        for host in hosts:
            self.assertGreater(rows[host]["attempts"], 0, "the kernel's count and the log's record are one row")

    def test_explain_names_the_rule_that_decides_in_each_mode(self):
        self.write(EVERY_MODE)
        expected = {
            "monitor": ("passes", "observe_monitor", "would_refuse_monitor"),
            "block": ("is refused with a TCP reset", "refuse_block", "refused_block"),
            "explain": ("goes to the gateway (port 10026)", "divert_explain", "intercepted_explain"),
            "relay": ("goes to the gateway (port 10025)", "divert_relay", "intercepted_relay"),
        }
        for source in ("10.60.1.10", "fd60:1::10"):
            rows = {row["zone"]: row for row in self.with_policy("explain", source)}
            self.assertEqual(set(rows), set(EVERY_MODE))
            for mode, (fate, chain, counter) in expected.items():
                with self.subTest(source=source, mode=mode):
                    row = rows[mode]
                    self.assertEqual((row["fate"], row["decided_by"]["chain"]), (fate, chain))
                    self.assertIn(counter, row["counters"])
                    self.assertIn(counter, row["decided_by"]["rule"])
            # A host that no meter has caught passes because nothing objects.
            self.assertEqual((rows["adaptive"]["fate"], rows["adaptive"].get("decided_by")), ("passes", None))

    def test_explain_names_the_list_that_lets_a_host_pass(self):
        self.write({"lan": "mode: block"})
        for source, target, chain, counter in (
            ("10.60.1.25", "192.0.2.1", "permitted", "mail_ok"), ("10.60.1.30", "192.0.2.1", "permitted", "exempt_ok"),
            ("10.60.1.10", "10.60.2.6", "to_relays", "relay_ok"), ("fd60:7::9", "2001:db8::1", "permitted", "exempt_ok"),
        ):
            row, = self.with_policy("explain", source, target)
            self.assertEqual((row["decided_by"]["chain"], row["counters"]), (chain, [counter]))
        text = self.helper.command("explain", "10.60.1.10", "--policy", self.folder).stdout
        self.assertRegex(text, r"(?m)^  decided in refuse_lan: .*reject with tcp reset")

    def test_explain_of_what_holds_knows_who_is_denied_by_hand(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        self.helper.command("deny", "10.60.1.25", "stolen")
        row, = self.json("explain", "10.60.1.25")
        self.assertEqual(row["fate"], "is refused with a TCP reset")
        self.helper.command("forget", "10.60.1.25")
        row, = self.json("explain", "10.60.1.25")
        self.assertEqual(row["counters"], ["mail_ok"])


if __name__ == "__main__":
    unittest.main()
