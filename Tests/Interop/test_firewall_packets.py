"""Real packets through every mode: who passes, who is refused, in IPv4 and IPv6 alike."""
import socket
import unittest

import firewall
import netlab

SYN, SYN_ACK = 0x02, 0x12


@firewall.needed
class Packets(firewall.Lab):
    def check(self, mode, plain, borrowed, triangular):
        """Everybody towards every port with every zone in `mode`, in both families."""
        self.helper.apply(firewall.policy({"lan": f"mode: {mode}", "guest": f"mode: {mode}"}))
        for family in (4, 6):
            with self.subTest(family=family):
                self.check_family(family, plain, borrowed, triangular)

    def check_family(self, family, plain, borrowed, triangular):
        addresses = netlab.ADDRESSES[family]
        self.assertEqual(self.attempt(netlab.PLAIN, family), plain)
        for who in (netlab.MAIL, netlab.EXEMPT):
            self.assertEqual(self.attempt(who, family), "passed", who)
        self.assertEqual(self.attempt(netlab.PLAIN, family, "relay"), "passed")
        for port in (465, 587):
            for who in (netlab.PLAIN, netlab.MAIL, netlab.EXEMPT):
                self.assertEqual(self.attempt(who, family, port=port), "passed", (who, port))
        self.assertEqual(self.arrives(
            ("out", "s0"), ("guest", addresses[netlab.MAIL], addresses["server"], 4000, 25, SYN)), borrowed)
        self.assertEqual(self.arrives(
            ("lan", "c0"), ("out", addresses["server"], addresses[netlab.PLAIN], 25, 4001, SYN_ACK)), triangular)
        for source, target in (("server", netlab.MAIL), ("server", netlab.EXEMPT), ("relay", netlab.PLAIN)):
            self.assertTrue(self.arrives(
                ("lan", "c0"), ("out", addresses[source], addresses[target], 25, 4002, SYN_ACK)), (source, target))

    def arrives(self, where, segment):
        wire = self.network.listen_for(*where)
        try:
            self.network.throw(*segment)
            wanted = segment[1:]
            return wire.seen(lambda found: found == wanted)
        finally:
            wire.close()

    def test_monitor_lets_everything_pass_and_counts_what_would_be_refused(self):
        self.check("monitor", "passed", True, True)
        self.assertGreater(self.helper.counters()["would_refuse_lan"], 0)

    def test_block_refuses_everybody_but_the_listed(self):
        self.check("block", "refused", False, False)
        self.assertGreater(self.helper.counters()["spoofed"], 0)
        self.assertGreater(self.helper.counters()["triangular"], 0)

    def test_adaptive_lets_a_host_talk_until_it_is_caught(self):
        # An adaptive host may talk, so answers to it are expected.
        self.check("adaptive", "passed", False, True)

    def test_explain_without_a_listener_refuses_as_block_does(self):
        self.check("explain", "refused", False, False)

    def test_relay_without_a_listener_refuses_as_block_does(self):
        self.check("relay", "refused", False, False)

    def test_a_monitored_file_refuses_nobody_whatever_its_zones_say(self):
        self.helper.apply(firewall.policy({"lan": "mode: block", "guest": "mode: block"}, mode="monitor"))
        for family in (4, 6):
            self.assertEqual(self.attempt(netlab.PLAIN, family), "passed")

    def test_allow_and_deny_work_with_the_next_packet_and_forget_each_other(self):
        self.helper.apply(firewall.policy({"lan": "mode: block"}))
        for family in (4, 6):
            with self.subTest(family=family):
                # A host of a /64 stands for all of it, the mail host and its neighbour included.
                who = firewall.host(netlab.ADDRESSES[family][netlab.PLAIN])
                self.assertEqual(self.helper.ask(9, who + b"\0" + firewall.text("the printer"))[0], 0)
                self.assertEqual(self.attempt(netlab.PLAIN, family), "passed")
                self.assertEqual(self.helper.ask(10, who + b"\0" + firewall.text("no more"))[0], 0)
                self.assertEqual(self.attempt(netlab.PLAIN, family), "refused")
                self.assertEqual(self.helper.ask(11, b"\x01" + who)[0], 0)
                self.assertEqual(self.helper.ask(11, b"\x01" + who)[0], 1, "forgotten twice")

    def test_the_meters_catch_who_begins_too_much_and_a_64_counts_as_one_host(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.helper.command("off")
                self.helper.apply(firewall.policy({"lan": "mode: adaptive, attempts: 6/h burst 4"}))
                # IPv6 privacy addresses escape nothing; IPv4 neighbours are hosts of their own.
                sources = [netlab.PLAIN, "neighbour"] if family == 6 else [netlab.PLAIN]
                results = [self.attempt(sources[n % len(sources)], family) for n in range(8)]
                self.assertEqual(results[:4], ["passed"] * 4)
                self.assertEqual(results[-1], "refused")
                other = self.attempt("neighbour", family)
                self.assertEqual(other, "refused" if family == 6 else "passed")
                self.assertEqual(self.attempt(netlab.MAIL, family), "passed")
                who = firewall.host(netlab.ADDRESSES[family][netlab.PLAIN])
                self.assertEqual(self.helper.ask(9, who + b"\0" + firewall.text("cleaned"))[0], 0)
                self.assertEqual(self.attempt(netlab.PLAIN, family), "passed")

    def test_connections_from_before_are_cut_with_a_reset(self):
        for family in (4, 6):
            with self.subTest(family=family):
                self.helper.command("off")
                kind = socket.AF_INET if family == 4 else socket.AF_INET6
                with self.network.socket("lan", kind, socket.SOCK_STREAM) as one:
                    one.settimeout(5)
                    one.bind((netlab.ADDRESSES[family][netlab.PLAIN], 0))
                    one.connect((netlab.ADDRESSES[family]["server"], 25))
                    self.assertIn(b"220", one.recv(100))
                    self.helper.apply(firewall.policy({"lan": "mode: block"}))
                    one.sendall(b"EHLO spam\r\n")
                    with self.assertRaises(ConnectionResetError):
                        one.recv(100)


if __name__ == "__main__":
    unittest.main()
