"""Two daemons on a Redis that speaks TLS, and on a Redis Cluster of three nodes."""
import unittest

import daemon
import harness
import rediserver
import test_store


@daemon.needed
@rediserver.needed
@harness.needs("openssl")
class Secured(test_store.Together):
    """The second daemon trusts another authority, so it must not say a word to the server."""

    @classmethod
    def setUpClass(cls):
        cls.keys = harness.place("store-keys")
        harness.certificate(cls.keys, "store.example.org")
        other = harness.place("other-keys")
        harness.certificate(other, "store.example.org")
        cls.authorities = [cls.keys / "fullchain.pem", other / "fullchain.pem"]
        cls.tls_port = harness.free_ports(1)[0]
        cls.store = {
            "tls_port": cls.tls_port, "tls_cert_file": cls.keys / "fullchain.pem",
            "tls_key_file": cls.keys / "privkey.pem", "tls_ca_cert_file": cls.keys / "fullchain.pem",
            "tls_auth_clients": "no"}
        super().setUpClass()

    @classmethod
    def url(cls):
        return f"rediss://127.0.0.1:{cls.tls_port}/0"

    @classmethod
    def configuration(cls, root, ports):
        authority = cls.authorities[len(cls.daemons)]
        return super().configuration(root, ports).replace(
            '/0" }', f'/0", tls_name: store.example.org, ca: "{authority}" }}')

    def test_limits_are_charged_under_tls_and_a_strangers_certificate_is_refused(self):
        harness.until("the first daemon is in", lambda: self.status(0)["state"] == "up")
        address = self.address()
        client = self.session(0, address)
        codes = [self.mail(client, "shared") for _ in range(test_store.BURST + 5)]
        self.assertEqual(codes.count(250), test_store.BURST)
        self.assertGreaterEqual(self.redis.commands(), test_store.BURST)
        self.assertEqual(self.status(1)["state"], "lost")
        self.assertRegex(self.status(1)["reason"], "tls_verify")
        self.assertEqual(self.mail(self.session(1, self.address()), "closed"), 451)


@daemon.needed
@rediserver.needed
class Clustered(test_store.Together):
    @classmethod
    def setUpClass(cls):
        cls.nodes = []
        for _ in range(3):
            node = rediserver.Redis(
                cluster_enabled="yes", cluster_port=harness.free_ports(1)[0], cluster_node_timeout=2000,
                cluster_require_full_coverage="no")
            cls.nodes.append(node)
            cls.addClassCleanup(node.stop)
        for index, node in enumerate(cls.nodes):
            node.ask("CLUSTER", "ADDSLOTSRANGE", index * 16384 // 3, (index + 1) * 16384 // 3 - 1)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            node.ask("CLUSTER", "MEET", "127.0.0.1", cls.nodes[0].port, cls.nodes[0].options["cluster_port"])
        harness.until("the Cluster stands", lambda: all(
            b"cluster_state:ok" in node.ask("CLUSTER", "INFO") and b"cluster_known_nodes:3" in node.ask("CLUSTER", "INFO")
            for node in cls.nodes))
        super().setUpClass()

    @classmethod
    def url(cls):
        return f"redis://127.0.0.1:{cls.nodes[1].port}/0"

    @classmethod
    def configuration(cls, root, ports):
        return super().configuration(root, ports).replace(
            '/0" }', f'/0", servers: ["127.0.0.1:{cls.nodes[2].port}"] }}')

    def test_clients_on_all_nodes_have_one_limit_each_and_a_lost_node_ends_no_session(self):
        self.await_store("up")
        addresses = [self.address() for _ in range(12)]
        for address in addresses:
            clients = [self.session(number, address) for number in range(2)]
            codes = [self.mail(clients[number % 2], "shared") for number in range(test_store.BURST + 6)]
            self.assertEqual(codes.count(250), test_store.BURST, address)
        self.assertTrue(all(node.commands() > test_store.BURST for node in self.nodes))
        sessions = [self.session(0, self.address()) for _ in range(12)]
        self.nodes[0].kill()
        harness.until("the loss is told", lambda: self.status(0)["state"] == "lost")
        codes = [self.mail(session, "closed") for session in sessions]
        self.assertEqual(set(codes), {250, 451})
        self.nodes[0].start()
        self.await_store("up")
        harness.until("all are served", lambda: all(self.mail(session, "closed") == 250 for session in sessions))


if __name__ == "__main__":
    unittest.main()
