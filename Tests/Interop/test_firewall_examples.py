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

    def test_the_providers_gateway_has_a_configuration_that_is_good(self):
        done = harness.run(firewall.PROGRAM.parent / "portreeve", "check", "-c", EXAMPLES / "isp-gateway/portreeve.yaml")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotRegex(done.stdout, "warning")

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

    def test_nft_loads_the_plan_and_the_kernel_then_has_what_we_would_send(self):
        folder = harness.place("plan")
        plan = f"{firewall.PROGRAM} plan --policy {POLICY} --socket {folder}/none --state {folder}/state"
        done = harness.run("unshare", "-n", "sh", "-ec", f"{plan} >{folder}/plan; nft -f {folder}/plan; {plan}")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Nothing to change", done.stdout)


@firewall.needed
class MachineTest(unittest.TestCase):
    """What `check` finds on the machine and no policy file can know."""

    def check(self, policy, *preparation):
        folder = harness.place("check")
        (folder / "policy.yaml").write_text(policy)
        command = f"{firewall.PROGRAM} check --policy {folder} --socket {folder}/none --state {folder}/state"
        done = harness.run("unshare", "-n", "sh", "-ec", "\n".join([*preparation, command]))
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_an_absent_interface_and_a_machine_that_forwards_nothing(self):
        said = self.check(firewall.policy({"lan": "mode: block"}))
        self.assertIn("[W331]: there is no interface 'lan0' now", said)
        self.assertIn("this machine forwards no packets", said)
        self.assertIn("lab is good (1 zone), and the kernel accepts it", said)

    def test_a_mail_host_entry_that_holds_a_whole_zone(self):
        said = self.check(
            firewall.policy({"lan": "mode: block"}),
            "ip link add lan0 type veth peer name peer0", "ip address add 10.60.1.25/32 dev lan0",
            "ip link set lan0 up", "sysctl -qw net.ipv4.ip_forward=1")
        self.assertIn("mail host entry 10.60.1.25 holds the whole net 10.60.1.25/32 of this zone", said)
        self.assertNotIn("there is no interface", said)
        self.assertNotIn("forwards no packets", said)
