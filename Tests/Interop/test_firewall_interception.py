"""Interception as the helper makes it possible: sockets handed over a unix-domain socket, packets handed over by TPROXY.

The gateway here is a few lines of Python without any capability of its own: what is tested is the rule set, the policy
routing and the sockets, in the settings of a router that are known to break such a thing.
"""
import contextlib
import socket
import threading
import time
import unittest

import firewall
import harness
import netlab


class Gateway:
    """Answers intercepted connections on the helper's sockets: with a 554, or by what the outside says."""

    def __init__(self, helper, purpose):
        self.helper, self.purpose = helper, purpose
        self.sessions = []
        self.listeners = [helper.listener(purpose, family) for family in (4, 6)]
        for listener in self.listeners:
            listener.setblocking(True)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, peer = listener.accept()
                self.sessions.append((peer[0], *connection.getsockname()[:2]))
                threading.Thread(target=self._answer, args=(connection, peer), daemon=True).start()

    def _answer(self, connection, peer):
        with connection, contextlib.suppress(OSError):
            if self.purpose == firewall.EXPLAIN:
                connection.sendall(f"554 {peer[0]} may not\r\n".encode())
                return
            target = connection.getsockname()
            try:
                onward = self.helper.upstream(peer[0], target[0], target[1])
                onward.setblocking(True)
                onward.settimeout(2)
                onward.connect((target[0], target[1]))
                connection.sendall(onward.recv(1000))
                onward.close()
            except OSError as error:
                connection.sendall(f"421 {error}\r\n".encode())

    def stop(self):
        for listener in self.listeners:
            # A thread that waits in accept keeps the socket; this wakes it.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


class ByHand:
    """Sockets as the helper makes them, where it must not run: its table is loaded by hand, with a rule left out."""

    IP_TRANSPARENT, IPV6_TRANSPARENT, SO_MARK = 19, 75, 36
    PORTS = {firewall.RELAY: 10025, firewall.EXPLAIN: 10026}

    def __init__(self, network):
        self.network = network

    def _socket(self, family):
        one = self.network.socket("router", socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, self.SO_MARK, 0x2500)
        level, option = (socket.IPPROTO_IP, self.IP_TRANSPARENT) if family == 4 else (
            socket.IPPROTO_IPV6, self.IPV6_TRANSPARENT)
        one.setsockopt(level, option, 1)
        return one

    def listener(self, purpose, family):
        one = self._socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1" if family == 4 else "::1", self.PORTS[purpose]))
        one.listen(16)
        return one

    def upstream(self, client, target, port=25):
        one = self._socket(6 if ":" in client else 4)
        one.bind((client, 0))
        return one


@firewall.needed
class Interception(firewall.Lab):
    def setUp(self):
        self.gateway = None
        self.addCleanup(lambda: self.gateway and self.gateway.stop())

    def intercept(self, mode):
        self.helper.apply(firewall.policy({"lan": f"mode: {mode}"}))
        self.gateway = Gateway(self.helper, firewall.RELAY if mode == "relay" else firewall.EXPLAIN)

    def relays(self):
        """Both families reach the outside through the gateway, with their own address."""
        for family in (4, 6):
            with self.subTest(family=family):
                addresses = netlab.ADDRESSES[family]
                before = len(self.gateway.sessions)
                self.assertEqual(self.attempt(netlab.PLAIN, family, patience=3), "passed")
                self.assertEqual(
                    self.gateway.sessions[before:], [(addresses[netlab.PLAIN], addresses["server"], 25)])

    def test_explained_sessions_know_the_client_and_where_it_wanted_to_go(self):
        self.intercept("explain")
        for family in (4, 6):
            with self.subTest(family=family):
                addresses = netlab.ADDRESSES[family]
                said = self.attempt(netlab.PLAIN, family)
                self.assertEqual(said, f"554 {addresses[netlab.PLAIN]} may not\r\n")
                self.assertIn((addresses[netlab.PLAIN], addresses["server"], 25), self.gateway.sessions)

    def test_relayed_sessions_keep_the_clients_address(self):
        self.intercept("relay")
        self.relays()

    def test_mail_hosts_relays_exemptions_and_other_ports_pass_by(self):
        self.intercept("relay")
        for family in (4, 6):
            with self.subTest(family=family):
                for who in (netlab.MAIL, netlab.EXEMPT):
                    self.assertEqual(self.attempt(who, family), "passed")
                self.assertEqual(self.attempt(netlab.PLAIN, family, "relay"), "passed")
                for port in (465, 587):
                    self.assertEqual(self.attempt(netlab.PLAIN, family, port=port), "passed")
        self.assertEqual(self.gateway.sessions, [])

    def test_a_gateway_that_is_gone_closes_the_port(self):
        self.intercept("relay")
        self.relays()
        self.gateway.stop()
        for family in (4, 6):
            harness.until("refused", lambda: self.attempt(netlab.PLAIN, family) == "refused", 5)
        self.assertGreater(self.moved("no_listener", lambda: self.attempt(netlab.PLAIN, 4)), 0)

    def test_with_address_translation_and_connection_tracking(self):
        self.network.nft("add", "table", "ip", "nat")
        self.network.nft("add", "chain", "ip", "nat", "post", "{ type nat hook postrouting priority srcnat; }")
        self.network.nft("add", "rule", "ip", "nat", "post", "oifname", "wan0", "masquerade")
        try:
            self.intercept("relay")
            said = self.attempt(netlab.PLAIN, 4, patience=3)
            self.assertEqual(said, "220 outside.example sees 10.60.2.1\r\n", "translated, not leaked")
            self.assertEqual(self.attempt(netlab.PLAIN, 6, patience=3), "passed")
            self.assertEqual(self.attempt(netlab.MAIL, 4), "220 outside.example sees 10.60.2.1\r\n")
        finally:
            self.network.nft("delete", "table", "ip", "nat")

    def test_settings_of_routers_that_break_marked_packets(self):
        for names in (("net.ipv4.conf.all.rp_filter",), ("net.ipv4.conf.all.src_valid_mark",),
                      ("net.ipv4.tcp_fwmark_accept",),
                      ("net.ipv4.conf.all.src_valid_mark", "net.ipv4.tcp_fwmark_accept", "net.ipv4.conf.all.rp_filter")):
            with self.subTest(settings=names):
                for name in names:
                    self.network.set(name, 1)
                try:
                    self.intercept("relay")
                    self.relays()
                    self.gateway.stop()
                finally:
                    for name in names:
                        self.network.set(name, 0)

    def test_without_the_guard_rule_a_validated_mark_is_silent(self):
        """What the guard rule is for: were it not needed, it should go."""
        self.intercept("relay")
        self.network.set("net.ipv4.conf.all.src_valid_mark", 1)
        self.network.ip("router", "rule", "del", "pref", "99")
        try:
            self.assertEqual(self.attempt(netlab.PLAIN, 4, patience=1.5), "silence")
        finally:
            self.network.set("net.ipv4.conf.all.src_valid_mark", 0)
            # Applying again puts the rule back.
            self.helper.apply(firewall.policy({"lan": "mode: relay"}))
        self.relays()

    def test_an_error_from_the_outsides_network_comes_at_once(self):
        self.intercept("relay")
        for family, protocol in ((4, "icmp"), (6, "icmpv6")):
            reject = harness.run(*self.network.command(
                "out", "nft", f"add table inet closed; add chain inet closed in {{ type filter hook input priority 0; }}; "
                f"add rule inet closed in tcp dport 25 reject with icmpx admin-prohibited"))
            self.assertEqual(reject.returncode, 0, reject.stdout)
            try:
                began = time.monotonic()
                said = self.attempt(netlab.PLAIN, family, patience=3)
                self.assertTrue(said.startswith("421 "), said)
                self.assertNotIn("timed out", said)
            finally:
                harness.run(*self.network.command("out", "nft", "delete", "table", "inet", "closed"))

    def test_a_default_drop_input_chain_is_silent_until_it_accepts_the_mark(self):
        self.intercept("relay")
        self.network.nft("add table inet own; add chain inet own in { type filter hook input priority 0; policy drop; }; "
                         "add rule inet own in meta l4proto icmpv6 accept; add rule inet own in tcp sport 25 accept")
        try:
            for family in (4, 6):
                self.assertEqual(self.attempt(netlab.PLAIN, family, patience=1.5), "silence")
            self.network.nft("add", "rule", "inet", "own", "in", "meta", "mark", "&", "0xff", "==", "0x25", "accept")
            self.relays()
        finally:
            self.network.nft("delete", "table", "inet", "own")

    # Without the rules that lead packets back to the gateway

    @contextlib.contextmanager
    def by_hand(self, is_left_out):
        """The table of a relayed zone without some of its lines, and a gateway beside it."""
        folder = self.helper.root / "policy"
        self.helper.apply(firewall.policy({"lan": "mode: relay"}))
        exported = harness.run(firewall.PROGRAM, "export", "--policy", folder)
        self.assertEqual(exported.returncode, 0, exported.stdout)
        lines = [line for line in exported.stdout.splitlines() if not line.startswith("portreeve-firewall: ")]
        kept = [line for line in lines if not is_left_out(line)]
        self.assertLess(len(kept), len(lines))
        self.helper.command("off")
        file = self.helper.root / "by-hand.nft"
        file.write_text("\n".join(kept) + "\n")
        rules = [["rule", verb, "pref", pref, *match] for verb in ("add", "del") for pref, match in (
            ("99", ["iif", "lo", "fwmark", "0x25/0xff", "lookup", "main"]),
            ("100", ["fwmark", "0x25/0xff", "lookup", "2525"]))]
        try:
            self.network.nft("-f", file)
            for family in ("-4", "-6"):
                for rule in rules[:2]:
                    self.network.ip("router", family, *rule)
                self.network.ip("router", family, "route", "add", "local", "default", "dev", "lo", "table", "2525")
            self.gateway = Gateway(ByHand(self.network), firewall.RELAY)
            yield
        finally:
            for family in ("-4", "-6"):
                for rule in rules[2:]:
                    self.network.ip("router", family, *rule)
                self.network.ip("router", family, "route", "flush", "table", "2525")
            self.network.nft("delete", "table", "inet", "portreeve")

    def test_loaded_by_hand_it_relays_as_well(self):
        with self.by_hand(lambda line: "counter name no_listener" in line):
            self.relays()

    def test_without_the_rule_for_our_own_packets_nothing_gets_through(self):
        with self.by_hand(lambda line: "socket transparent" in line):
            for family in (4, 6):
                self.assertIn(self.attempt(netlab.PLAIN, family, patience=1.5), ("silence", "refused"))
            self.assertEqual(self.gateway.sessions, [])

    def test_without_the_rule_for_errors_the_gateway_waits_in_vain(self):
        """What the rules for ICMP are for: were they not needed, they should go."""
        made = harness.run(*self.network.command(
            "out", "nft", "add table inet closed; add chain inet closed in { type filter hook input priority 0; }; "
            "add rule inet closed in tcp dport 25 reject with icmpx admin-prohibited"))
        self.assertEqual(made.returncode, 0, made.stdout)
        try:
            with self.by_hand(lambda line: "icmp" in line and "socket transparent" in line):
                for family in (4, 6):
                    self.assertEqual(self.attempt(netlab.PLAIN, family, patience=4), "421 timed out\r\n")
        finally:
            harness.run(*self.network.command("out", "nft", "delete", "table", "inet", "closed"))

    def test_relayed_with_the_routers_own_address(self):
        self.helper.apply(firewall.policy({"lan": "mode: relay, upstream: own"}))
        self.gateway = Gateway(self.helper, firewall.RELAY)
        for family, router in ((4, "10.60.2.1"), (6, "fd60:2::1")):
            self.assertEqual(
                self.attempt(netlab.PLAIN, family, patience=3), f"220 outside.example sees {router}\r\n")

    # What is handed out

    def test_sockets_are_for_configured_zones_and_port_25_of_others_only(self):
        self.helper.apply(firewall.policy({"lan": "mode: relay", "guest": "mode: block"}))
        good = ("10.60.1.10", "10.60.2.2")
        self.helper.upstream(*good).close()
        for client, target, port, why in (
            ("10.60.3.10", "10.60.2.2", 25, "relayed zone"), ("10.60.1.10", "10.60.2.2", 587, "not port 25"),
            ("10.60.1.10", "10.60.1.1", 25, "local address"), ("10.60.1.10", "127.0.0.1", 25, "local address"),
            ("10.60.1.10", "fd60:2::2", 25, "family"), ("fd60:3::10", "fd60:2::2", 25, "relayed zone"),
            ("203.0.113.9", "10.60.2.2", 25, ""),
        ):
            with self.subTest(client=client, target=target, port=port):
                with self.assertRaisesRegex(PermissionError, why):
                    self.helper.upstream(client, target, port)
        with self.assertRaisesRegex(PermissionError, "no zone"):
            self.helper.listener(firewall.EXPLAIN, 4)
        self.helper.command("off")
        with self.assertRaisesRegex(PermissionError, "no zone"):
            self.helper.listener(firewall.RELAY, 4)

    def test_the_listener_is_reached_through_the_filter_only(self):
        self.intercept("relay")
        with self.network.socket("lan", socket.AF_INET, socket.SOCK_STREAM) as one:
            one.settimeout(1)
            with self.assertRaises(OSError):
                one.connect(("10.60.1.1", 10025))
        self.assertEqual(self.gateway.sessions, [])


if __name__ == "__main__":
    unittest.main()
