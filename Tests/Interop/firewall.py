"""`portreeve-firewall serve` on the router of a netlab, the commands beside it, and its socket as a program sees it.

PORTREEVE names the program `portreeve`; the helper is found beside it.
"""
import contextlib
import ipaddress
import os
import re
import signal
import socket
import struct
import unittest

import daemon
import harness
import netlab

PROGRAM = daemon.PROGRAM.parent / "portreeve-firewall"
MODES = ("monitor", "adaptive", "block", "explain", "relay")
RELAY, EXPLAIN = 0, 1


def why_not():
    """Why nothing of the firewall can be tested here; None if it can."""
    if not PROGRAM.exists():
        return f"not built: {PROGRAM}"
    if not re.search(r"^\s+apply\b", harness.run(PROGRAM, "--help").stdout, re.M):
        return "this build of portreeve-firewall has no `apply`"
    lacking = [name for name in ("ip", "nft", "nsenter") if not harness.program(name)]
    if lacking:
        return "not installed: " + ", ".join(lacking)
    if os.geteuid() != 0:
        return "needs root, or a user namespace (test_firewall_unprivileged.py)"
    probe = harness.run("ip", "netns", "add", f"pr{os.getpid()}probe")
    harness.run("ip", "netns", "del", f"pr{os.getpid()}probe")
    return f"no network namespaces here: {probe.stdout.strip()}" if probe.returncode else None


def needed(test):
    reason = why_not()
    return unittest.skipIf(reason, reason)(test) if reason else test


def policy(zones, extra="", mode="enforce"):
    """The text of an egress policy for the netlab: `zones` is a dictionary of YAML values by interface name."""
    lines = "\n".join(f"  {name}: {{ interfaces: [{name}0], {body} }}" for name, body in zones.items())
    return f"""version: 1
policy: lab
kind: egress
description: What the tests of packets run
mode: {mode}
zones:
{lines}
lists:
  mail_hosts: {{ type: cidr, items: [10.60.1.25, "fd60:1::25"] }}
  relays:     {{ type: cidr, items: [10.60.2.6, "fd60:2::6"] }}
  exempt:     {{ type: cidr, items: [10.60.1.30, "fd60:7::/64"] }}
{extra}"""


class Helper:
    """The helper on the router; its files in a directory of its own."""

    def __init__(self, network, start=True):
        self.network = network
        self.root = harness.place("firewall")
        self.socket, self.state = self.root / "helper.sock", self.root / "state"
        self.child = None
        self.starts = 0
        if start:
            self.start()

    def start(self, *arguments, wait=True):
        self.starts += 1
        self.child = harness.Child(
            self.network.command("router", PROGRAM, "serve", "--socket", self.socket, "--state", self.state,
                                 "--gateway-user", "nobody", *arguments), self.root / f"output{self.starts}")
        if wait:
            harness.until("a policy or none", lambda: "polic" in self.said() or not self.child.running)
            if not self.child.running:
                raise RuntimeError(f"the helper ended: {self.said()}")

    def said(self):
        return self.child.said()

    def stop(self, number=signal.SIGTERM):
        return self.child.stop(number)

    def command(self, *words):
        """A command of the program on the router, with the helper's socket: the finished process."""
        # An export is of the policy alone.
        where = () if words[0] == "export" else ("--socket", self.socket, "--state", self.state)
        return harness.run(*self.network.command("router", PROGRAM, *words, *where))

    def apply(self, text, *words):
        """Applies the text of a policy; what the command printed."""
        folder = self.root / "policy"
        folder.mkdir(exist_ok=True)
        (folder / "policy.yaml").write_text(text)
        done = self.command("apply", "--policy", folder, *words)
        if done.returncode:
            raise RuntimeError(f"apply: {done.stdout}\n{text}")
        return done.stdout

    # The socket, octet by octet

    def connect(self):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(10)
        one.connect(str(self.socket))
        return one

    def ask(self, tag, body=b""):
        """A request by its number; the reply's number, the octets after it, and the descriptors that came along."""
        with self.connect() as one:
            return exchange(one, bytes([1, tag]) + body)

    def handed(self, tag, body):
        """The socket that a request brings; a refusal raises with its sentence."""
        number, rest, descriptors = self.ask(tag, body)
        if number != 8:
            raise PermissionError(sentence(number, rest))
        return socket.socket(fileno=descriptors[0])

    def listener(self, purpose, family):
        return self.handed(13, bytes([purpose, 2 if family == 4 else 10]))

    def upstream(self, client, target, port=25):
        return self.handed(14, octets(client) + octets(target) + struct.pack("!H", port))

    def counters(self):
        """Packets by name of counter."""
        number, rest, _ = self.ask(5)
        assert number == 4, (number, rest)
        counts, at = {}, 4
        for _ in range(struct.unpack("!I", rest[:4])[0]):
            length = struct.unpack("!I", rest[at:at + 4])[0]
            name = rest[at + 4:at + 4 + length].decode()
            at += 4 + length
            counts[name] = struct.unpack("!Q", rest[at:at + 8])[0]
            at += 16
        return counts


def octets(address):
    """An address as the helper's socket has it: 16 octets, IPv4 mapped into IPv6."""
    address = ipaddress.ip_address(address)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def host(address):
    """One host: an IPv4 address or an IPv6 /64."""
    address = ipaddress.ip_address(address)
    return octets(address) + b"\x20" if address.version == 4 else address.packed[:8] + bytes(8) + b"\x40"


def text(words):
    return struct.pack("!I", len(words.encode())) + words.encode()


def exchange(one, body):
    one.sendall(struct.pack("!I", len(body)) + body)
    data, descriptors = b"", []
    while len(data) < 4 or len(data) < 4 + struct.unpack("!I", data[:4])[0]:
        part, found, _, _ = socket.recv_fds(one, 65536, 4)
        descriptors += found
        if not part:
            raise ConnectionError("the helper closed the connection")
        data += part
    return data[5], data[6:4 + struct.unpack("!I", data[:4])[0]], descriptors


def sentence(number, rest):
    """What a refusal says; empty for any other reply."""
    return rest[5:].decode() if number == 1 else ""


class Lab(unittest.TestCase):
    """Tests that share a network and a helper."""

    @classmethod
    def setUpClass(cls):
        cls.network = netlab.Network()
        cls.addClassCleanup(cls.network.stop)
        cls.network.serve()
        cls.helper = Helper(cls.network)
        cls.addClassCleanup(lambda: cls.helper.child.running and cls.helper.stop())
        cls.warm()

    @classmethod
    def warm(cls):
        """The first IPv6 packet of a new link waits for neighbours and for the routers' own addresses."""
        for family in (4, 6):
            for role, source in (("lan", netlab.PLAIN), ("guest", "guest")):
                addresses = netlab.ADDRESSES[family]
                for target in ("server", "relay"):
                    harness.until("the network", lambda: cls.network.attempt(
                        addresses[source], addresses[target], 587, role) == "passed")

    def attempt(self, who, family, target="server", port=25, role="lan", **options):
        addresses = netlab.ADDRESSES[family]
        return self.network.attempt(addresses[who], addresses[target], port, role, **options)

    def moved(self, counter, action):
        """By how much a counter rises over an action."""
        before = self.helper.counters().get(counter, 0)
        action()
        return self.helper.counters().get(counter, 0) - before
