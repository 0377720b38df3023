"""The gateway beside the firewall's helper: bans of the one are dropped packets in the other's table."""
import shutil
import signal
import unittest

import daemon
import firewall
import harness

PORT = 2600
FAR = "fd60:9::10"


@daemon.needed
@firewall.needed
class Gateway(firewall.Lab):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A net behind a host of the LAN: the router's own nets hold the router itself, which nobody bans.
        cls.network.ip("lan", "addr", "add", f"{FAR}/128", "dev", "c0", "nodad")
        cls.network.ip("router", "-6", "route", "add", "fd60:9::/64", "via", "fd60:1::10")
        cls.root = harness.place("gateway")
        shutil.chown(cls.root, "nobody")
        (cls.root / "policy").mkdir()
        (cls.root / "policy" / "policy.yaml").write_text(firewall.policy({"lan": "mode: block"}))
        cls.file = cls.root / "portreeve.yaml"
        cls.file.write_text(f"""version: 1
hostname: gateway.example.org
domains: [example.org]
user: nobody
listeners:
  mx: {{ bind: ["10.60.1.1:{PORT}", "[fd60:1::1]:{PORT}"], backend: mx, policies: [inbound], tls: none }}
backends:
  mx: {{ servers: ["10.60.2.2:2526"], identity: proxy-v2 }}
bans: {{ never: [10.60.1.30] }}
firewall: {{ policy: policy, socket: {cls.helper.socket} }}
admin: {{ socket: {cls.root}/control.sock }}
state: {{ store: memory, path: {cls.root}/state }}
log: {{ to: {cls.root}/log }}
""")
        applied = cls.helper.command("apply", "-c", cls.file)
        if applied.returncode:
            raise RuntimeError(applied.stdout)
        cls.gateway = harness.Child(
            cls.network.command("router", daemon.PROGRAM, "run", "-c", cls.file, "--no-selftest"), cls.root / "output")
        cls.addClassCleanup(lambda: cls.gateway.running and cls.gateway.stop(signal.SIGINT))
        harness.until("its lines", lambda: cls.gateway.said().count("listens on") == 2 or not cls.gateway.running)
        if not cls.gateway.running:
            raise RuntimeError(cls.gateway.said())

    def bans(self, *words):
        done = harness.run(*self.network.command(
            "router", daemon.PROGRAM, "bans", *words, "-c", self.file))
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def greeting(self, family):
        source, target = {4: ("10.60.1.10", "10.60.1.1"), 6: (FAR, "fd60:1::1")}[family]
        return self.network.attempt(source, target, PORT)

    def held(self, family):
        return self.network.nft("list", "set", "inet", "portreeve", f"banned{family}")

    def wait_held(self, family, text, present=True):
        harness.until(f"the set {'with' if present else 'without'} {text}",
                      lambda: (text in self.held(family)) == present)

    def test_a_ban_costs_a_dropped_packet_until_it_is_lifted(self):
        for family, net in ((4, "10.60.1.10"), (6, "fd60:9::/64")):
            with self.subTest(family=family):
                self.assertTrue(self.greeting(family).startswith("220 "))
                self.bans("add", net, "--for", "1h")
                self.wait_held(family, net.split("/")[0])
                before = self.helper.counters()["banned"]
                self.assertEqual(self.greeting(family), "silence")
                self.assertGreater(self.helper.counters()["banned"], before)
                self.bans("remove", net)
                self.wait_held(family, net.split("/")[0], present=False)
                self.assertTrue(self.greeting(family).startswith("220 "))

    def test_a_helper_that_comes_back_is_told_of_every_ban(self):
        self.bans("add", "203.0.113.77", "--for", "1h")
        self.wait_held(4, "203.0.113.77")
        self.helper.command("off")
        self.helper.stop()
        harness.until("its complaint", lambda: "helper is gone" in self.gateway.said())
        self.assertTrue(self.greeting(4).startswith("220 "), "mail goes on without the helper")
        self.helper.start()
        self.assertEqual(self.helper.command("apply", "-c", self.file).returncode, 0)
        self.wait_held(4, "203.0.113.77")
        self.bans("remove", "203.0.113.77")

    def test_nobody_that_is_never_banned_gets_into_the_set(self):
        done = harness.run(*self.network.command(
            "router", daemon.PROGRAM, "bans", "add", "10.60.1.30", "--for", "1h", "-c", self.file))
        self.assertEqual(done.returncode, 1, done.stdout)
        # Even a gateway gone astray finds the helper's own list in the way.
        number, rest, _ = self.helper.ask(
            12, firewall.host("10.60.1.30") + (60_000).to_bytes(8, "big") + firewall.text("x"))
        self.assertRegex(firewall.sentence(number, rest), "never banned")

    def test_the_gateway_runs_without_any_capability(self):
        status = open(f"/proc/{self.gateway.pid}/status").read()
        self.assertRegex(status, r"CapEff:\s+0+\n")


if __name__ == "__main__":
    unittest.main()
