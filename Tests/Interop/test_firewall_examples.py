"""The firewall's examples show themselves, and its texts are what nft makes of them."""
import re
import unittest

import firewall
import harness

EXAMPLES = harness.REPOSITORY / "examples"
POLICY = harness.REPOSITORY / "policies" / "residential-egress"


def rules(text):
    """Each rule of nft's debug output: its chain and its expressions."""
    found, rule = [], None
    for line in text.splitlines():
        head = re.match(r"inet portreeve (\S+)$", line)
        if head:
            rule = [head.group(1)]
            found.append(rule)
        elif line.startswith("  [ ") and rule is not None:
            rule.append(line)
        elif not line.strip():
            rule = None
    return found


@firewall.needed
class ExamplesTest(unittest.TestCase):
    def shows(self, name):
        script = EXAMPLES / name / "show.sh"
        done = harness.run("env", f"PORTREEVE_FIREWALL={firewall.PROGRAM}", script)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("WRONG", done.stdout)
        self.assertGreater(done.stdout.count("  ok  "), 10, done.stdout)
        self.assertIn("Off: the table is gone.", done.stdout)

    def test_the_providers_gateway(self):
        self.shows("isp-gateway")

    def test_the_router_at_home(self):
        self.shows("home-router")


@firewall.needed
class TextsTest(unittest.TestCase):
    def exported(self, *words):
        done = harness.run(firewall.PROGRAM, "export", "--policy", POLICY, *words)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_nft_compiles_the_export_to_the_bytecode_that_we_send(self):
        file = harness.place("export") / "rules.nft"
        file.write_text(self.exported())
        compiled = harness.run("unshare", "-n", "nft", "--debug=netlink", "-f", file)
        self.assertEqual(compiled.returncode, 0, compiled.stdout)
        ours = rules(self.exported("--bytecode"))
        self.assertGreater(len(ours), 30)
        self.assertEqual(ours, rules(compiled.stdout))
