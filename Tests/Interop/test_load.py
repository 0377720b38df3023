"""Clients that are many, silent, deaf or endless: memory stays bounded and others are served."""
import pathlib
import re
import resource
import shutil
import signal
import socket
import unittest

import daemon
import harness
import scripted
import wire

SILENT = 10_000
HUNDRED_MEGABYTES = 100 << 20

# Memory that a session without a byte may cost us; plaintext.
SILENT_MEMORY = 8 << 10


def descriptors():
    """How many descriptors this process (and what it starts) may open, after asking for all it can have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


class Served(unittest.TestCase):
    """A daemon in front of a scripted backend, and whether it serves strangers."""

    @classmethod
    def setUpClass(cls):
        cls.backend = scripted.Backend()
        cls.addClassCleanup(cls.backend.stop)
        cls.limit = descriptors()

    @classmethod
    def start(cls, **options):
        return daemon.Portreeve(
            lambda root, ports: daemon.example(root, cls.backend.mx, cls.backend.submit, ports, **options))

    def passes(self, portreeve):
        """Whether a stranger's message passes at this moment."""
        with wire.Client(portreeve.mx, harness.source()) as client:
            client.greet()
            client.expect(250, "MAIL FROM:<someone@example.net>")
            return client.command("RCPT TO:<bob@example.org>")[0] == 250 and client.data(b"x\r\n")[0] == 250

    def unharmed(self, most=daemon.BASE_MEMORY):
        self.assertTrue(self.portreeve.child.running, self.portreeve.child.said()[-2000:])
        self.assertLess(self.portreeve.child.memory("VmHWM"), most)
        self.assertTrue(self.passes(self.portreeve))


@daemon.needed
class Load(Served):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portreeve = cls.start()
        cls.addClassCleanup(cls.portreeve.stop)

    def setUp(self):
        harness.until("a message passes", lambda: self.passes(self.portreeve))

    def test_a_line_of_100_mb_instead_of_a_command(self):
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            code = self.pour(client, b"x" * (1 << 20), HUNDRED_MEGABYTES)
            self.assertIn(code, (None, 500, 421))
        self.unharmed()

    def test_a_line_of_100_mb_in_a_message_is_too_much(self):
        with wire.Client(self.portreeve.mx, harness.source(), timeout=120) as client:
            client.greet()
            client.envelope()
            client.expect(354, "DATA")
            code = self.pour(client, b"x" * (1 << 20), HUNDRED_MEGABYTES, b"\r\n.\r\n")
            self.assertIn(code, (None, 552, 421))
        self.unharmed()

    def test_a_bdat_chunk_of_100_mb_is_too_much(self):
        with wire.Client(self.portreeve.mx, harness.source(), timeout=120) as client:
            client.greet()
            client.envelope()
            client.send(b"BDAT %d LAST\r\n" % HUNDRED_MEGABYTES)
            code = self.pour(client, b"x" * (1 << 20), HUNDRED_MEGABYTES, b"")
            self.assertIn(code, (None, 552, 421))
        self.unharmed()

    def pour(self, client, block, size, end=b"\r\n"):
        """Sends `size` bytes and `end`; the reply's code, or None if the server had had enough."""
        try:
            for _ in range(size // len(block)):
                client.send(block)
            client.send(end)
            return client.reply()[0]
        except (ConnectionError, wire.Closed):
            return None

    def test_a_client_that_reads_nothing(self):
        with wire.Client(self.portreeve.mx, harness.source(), timeout=2, receive_buffer=4096) as client:
            try:
                for _ in range(10_000):
                    client.send(b"EHLO deaf.example.net\r\n" * 500)
                self.fail("115 MB of commands were taken from a client that reads no reply")
            except (TimeoutError, ConnectionError):
                pass
            self.unharmed()

    def test_20_clients_inside_a_message_hold_nobody_up(self):
        one = harness.source()
        for _ in range(20):
            client = wire.Client(self.portreeve.mx, one)
            self.addCleanup(client.close)
            client.greet()
            client.envelope()
            client.expect(354, "DATA")
            client.send(b"Subject: never ends\r\n")
        with wire.Client(self.portreeve.mx, one, timeout=5) as client:
            client.greet()
        self.unharmed()

    def test_clients_that_stop_in_the_handshake(self):
        clients = []
        for _ in range(200):
            client = wire.Client(self.portreeve.submissions, harness.source())
            clients.append(client)
            client.send(b"\x16\x03\x01\x02\x00\x01\x00")
        self.unharmed()
        for client in clients:
            client.close()


@daemon.needed
class Silence(Served):
    """With a daemon of its own, whose highest memory says nothing about the other tests."""

    def test_10000_clients_that_say_nothing(self):
        if self.limit < SILENT + 1000:
            self.skipTest(f"ulimit -n is {self.limit}")
        self.portreeve = self.start()
        self.addCleanup(self.portreeve.stop)
        harness.until("a message passes", lambda: self.passes(self.portreeve))
        before = self.portreeve.child.memory()
        clients = []
        try:
            for number in range(SILENT):
                clients.append(wire.Client(self.portreeve.mx, f"127.2.{number % 200}.{number // 200 + 1}"))
            for client in clients:
                client.expect(220)
            self.assertLess(self.portreeve.child.memory() - before, SILENT * SILENT_MEMORY)
            self.unharmed(daemon.BASE_MEMORY + SILENT * SILENT_MEMORY)
        finally:
            for client in clients:
                client.close()
        self.unharmed(daemon.BASE_MEMORY + SILENT * SILENT_MEMORY)


@daemon.needed
class Limits(Served):
    """Each with a daemon of its own, as its sessions are counted."""

    def test_sessions_of_one_client_are_counted(self):
        portreeve = self.limited(max_sessions_per_client="10")
        one, other = harness.source(), harness.source()
        held = [wire.Client(portreeve.mx, one) for _ in range(10)]
        for client in held:
            self.addCleanup(client.close)
            client.expect(220)
        with wire.Client(portreeve.mx, one) as client:
            self.assertEqual(client.reply()[0], 421)
            self.assertTrue(client.ended())
        with wire.Client(portreeve.mx, other) as client:
            client.greet()
        held[0].expect(221, "QUIT")
        self.assertTrue(held[0].ended())
        harness.until("a place is free again", lambda: self.greeting(portreeve, one) == 220)

    def test_connections_of_one_client_have_a_rate(self):
        portreeve = self.limited(connection_rate="10/min")
        one = harness.source()
        codes = [self.greeting(portreeve, one) for _ in range(30)]
        self.assertEqual(codes[0], 220)
        self.assertIn(421, codes)
        self.assertEqual(self.greeting(portreeve, harness.source()), 220)

    def test_ipv6_clients_of_one_prefix_are_one_client(self):
        portreeve = self.start(
            protocol={"max_sessions_per_client": "10", "client_prefix": "{ ipv6: 64 }"},
            listener=", proxy_from: [127.0.0.0/8]")
        self.addCleanup(portreeve.stop)
        codes = []
        for address in [*(f"2001:db8:1::{number:x}" for number in range(1, 12)), "2001:db8:2::1"]:
            client = wire.Client(portreeve.mx)
            self.addCleanup(client.close)
            client.send(wire.proxy_v2(address))
            codes.append(client.reply()[0])
        self.assertEqual(codes, [220] * 10 + [421, 220])

    def test_sessions_are_counted_in_all_and_those_there_are_go_on(self):
        portreeve = self.limited(max_sessions="50")
        held = [wire.Client(portreeve.mx, harness.source()) for _ in range(50)]
        for client in held:
            self.addCleanup(client.close)
            client.greet()
        with wire.Client(portreeve.mx, harness.source(), timeout=3) as client:
            try:
                self.assertEqual(client.reply()[0], 421)
            except TimeoutError:
                pass  # It may as well wait in the kernel's queue.
        for client in held:
            client.expect(250, "NOOP")

    def limited(self, **protocol):
        portreeve = self.start(protocol=protocol)
        self.addCleanup(portreeve.stop)
        return portreeve

    def greeting(self, portreeve, source):
        with wire.Client(portreeve.mx, source) as client:
            return client.reply()[0]


@daemon.needed
class Process(unittest.TestCase):
    def setUp(self):
        self.backend = scripted.Backend()
        self.addCleanup(self.backend.stop)
        self.portreeve = daemon.Portreeve(
            lambda root, ports: daemon.example(
                root, self.backend.mx, self.backend.submit, ports, protocol={"drain": "30s"}))
        self.addCleanup(lambda: self.portreeve.child.running and self.portreeve.child.stop())

    @harness.needs_root
    def test_started_as_root_it_keeps_nothing_of_root(self):
        status = pathlib.Path(f"/proc/{self.portreeve.child.pid}/status").read_text()
        nobody = shutil._get_uid("nobody")
        self.assertEqual(re.search(r"^Uid:\s+(.*)$", status, re.M).group(1).split(), [str(nobody)] * 4)
        self.assertNotIn("0", re.search(r"^Gid:\s+(.*)$", status, re.M).group(1).split())
        self.assertNotIn("0", re.search(r"^Groups:\s*(.*)$", status, re.M).group(1).split())
        for which in ("CapEff", "CapPrm", "CapAmb"):
            self.assertRegex(status, rf"(?m)^{which}:\s+0+$")

    def test_sigterm_says_421_to_idle_sessions_and_finishes_a_message(self):
        harness.until("a transaction begins", lambda: self.begin())
        with wire.Client(self.portreeve.mx, harness.source()) as idle:
            idle.greet()
            self.busy.expect(354, "DATA")
            self.portreeve.child.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.reply()[0], 421)
            self.assertTrue(idle.ended())
            self.busy.send(wire.stuffed(wire.message(b"finished\r\n")))
            self.assertEqual(self.busy.reply()[0], 250)
        self.assertEqual(self.portreeve.child.process.wait(60), 0)

    def test_sigterm_answers_those_who_wait_at_the_door(self):
        child = self.portreeve.child.process
        child.send_signal(signal.SIGSTOP)
        try:
            waiting = [wire.Client(self.portreeve.mx, harness.source()) for _ in range(400)]
        finally:
            child.send_signal(signal.SIGTERM)
            child.send_signal(signal.SIGCONT)
        for client in waiting:
            self.addCleanup(client.close)
            while client.reply()[0] == 220:
                pass
            self.assertTrue(client.ended())
        self.assertEqual(child.wait(60), 0)

    def test_a_client_that_ends_without_quit_is_answered_to_its_end(self):
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            client.send(b"NOOP\r\nNOOP\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            client.expect(250)
            client.expect(250)
            self.assertTrue(client.ended())

    def begin(self):
        self.busy = wire.Client(self.portreeve.mx, harness.source())
        self.addCleanup(self.busy.close)
        self.busy.greet()
        self.busy.expect(250, "MAIL FROM:<someone@example.net>")
        return self.busy.command("RCPT TO:<bob@example.org>")[0] == 250

    def test_sighup_takes_a_new_certificate_and_drops_no_session(self):
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()
            old = self.fingerprint()
            harness.certificate(self.portreeve.root)
            self.portreeve.child.process.send_signal(signal.SIGHUP)
            harness.until("the new certificate", lambda: self.fingerprint() != old)
            client.expect(250, "NOOP")

    def fingerprint(self):
        with wire.Client(self.portreeve.submissions, harness.source()) as client:
            client.secure(implicit=True)
            return client.socket.getpeercert(binary_form=True)

    def test_a_broken_file_is_refused_at_reload_and_the_old_one_stays(self):
        self.portreeve.file.write_text("version: 1\nlistenners: {}\n")
        self.portreeve.child.process.send_signal(signal.SIGHUP)
        harness.until("the complaint", lambda: "listenners" in self.portreeve.child.said() + self.portreeve.log.text())
        with wire.Client(self.portreeve.mx, harness.source()) as client:
            client.greet()


if __name__ == "__main__":
    unittest.main()
