"""A network of its own for firewall tests: clients, a router under test, servers; all in namespaces made here.

      lan  10.60.1.10 plain   .25 mail host   .30 exempt      router          out  10.60.2.2 server   .6 relay
           fd60:1::10         ::25            fd60:7::30   lan0    wan0            fd60:2::2          ::6
      guest  10.60.3.10 plain, and .25's address borrowed  guest0
             fd60:3::10

Sockets are made inside a namespace by a thread that enters it for the moment; used they can be from anywhere.
Runs as root, and as root of a user namespace (see test_firewall_unprivileged.py).
"""
import contextlib
import ctypes
import os
import pathlib
import select
import socket
import struct
import threading
import time

import harness

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

PLAIN, MAIL, EXEMPT = "plain", "mail host", "exempt"
ADDRESSES = {
    4: {PLAIN: "10.60.1.10", MAIL: "10.60.1.25", EXEMPT: "10.60.1.30", "server": "10.60.2.2", "relay": "10.60.2.6",
        "guest": "10.60.3.10", "neighbour": "10.60.1.11"},
    6: {PLAIN: "fd60:1::10", MAIL: "fd60:1::25", EXEMPT: "fd60:7::30", "server": "fd60:2::2", "relay": "fd60:2::6",
        "guest": "fd60:3::10", "neighbour": "fd60:1::11"},
}
PORTS = (25, 465, 587)


def setns(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Network:
    """Made at construction, gone after `stop()`."""

    def __init__(self):
        self.names = {role: f"pr{os.getpid()}{role}" for role in ("lan", "guest", "router", "out")}
        for name in self.names.values():
            self._ip("netns", "add", name)
        self.paths = {role: f"/run/netns/{name}" for role, name in self.names.items()}
        for role in self.names:
            self.ip(role, "link", "set", "lo", "up")
        for role, near, far in (("lan", "c0", "lan0"), ("guest", "g0", "guest0"), ("out", "s0", "wan0")):
            self._ip("link", "add", near, "netns", self.names[role], "type", "veth", "peer", "name", far,
                     "netns", self.names["router"])
        self._addresses()
        self.servers = []
        self.stopped = False

    def _addresses(self):
        for role, device, addresses in (
            ("lan", "c0", ["10.60.1.10/24", "10.60.1.11/24", "10.60.1.25/24", "10.60.1.30/24",
                           "fd60:1::10/64", "fd60:1::11/64", "fd60:1::25/64", "fd60:7::30/64"]),
            ("guest", "g0", ["10.60.3.10/24", "10.60.1.25/32", "fd60:3::10/64", "fd60:1::25/128"]),
            ("out", "s0", ["10.60.2.2/24", "10.60.2.6/24", "fd60:2::2/64", "fd60:2::6/64"]),
            ("router", "lan0", ["10.60.1.1/24", "fd60:1::1/64", "fd60:7::1/64"]),
            ("router", "guest0", ["10.60.3.1/24", "fd60:3::1/64"]),
            ("router", "wan0", ["10.60.2.1/24", "fd60:2::1/64"]),
        ):
            for address in addresses:
                self.ip(role, "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
            self.ip(role, "link", "set", device, "up")
        for role, four, six in (("lan", "10.60.1.1", "fd60:1::1"), ("guest", "10.60.3.1", "fd60:3::1"),
                                ("out", "10.60.2.1", "fd60:2::1")):
            self.ip(role, "route", "add", "default", "via", four)
            self.ip(role, "-6", "route", "add", "default", "via", six)
        self.set("net.ipv4.ip_forward", 1)
        self.set("net.ipv6.conf.all.forwarding", 1)
        # The filter's own test for borrowed addresses is under test, not the kernel's.
        for device in ("all", "default", "lan0", "guest0", "wan0"):
            self.set(f"net.ipv4.conf.{device}.rp_filter", 0)

    def set(self, name, value, role="router"):
        """A sysctl of a namespace; the name's dots separate directories."""
        with self.inside(role):
            pathlib.Path("/proc/sys/" + name.replace(".", "/")).write_text(str(value))

    @staticmethod
    def _ip(*arguments):
        made = harness.run("ip", *arguments)
        if made.returncode:
            raise RuntimeError(f"ip {' '.join(arguments)}: {made.stdout}")

    def ip(self, role, *arguments):
        self._ip("-n", self.names[role], *arguments)

    def command(self, role, *words):
        """Words that run a program inside; `ip netns exec` would mount /sys, which a user namespace may not."""
        return ["nsenter", f"--net={self.paths[role]}", *words]

    def nft(self, *words, stdin=None):
        """`nft` on the router: what it printed; raises if it failed."""
        done = harness.run(*self.command("router", "nft", *words))
        if done.returncode:
            raise RuntimeError(f"nft {' '.join(words)}: {done.stdout}")
        return done.stdout

    @contextlib.contextmanager
    def inside(self, role):
        """This thread is in the namespace of `role` meanwhile."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(self.paths[role], "rb") as there:
            setns(there.fileno())
            try:
                yield
            finally:
                setns(home.fileno())

    def socket(self, role, *kind):
        with self.inside(role):
            return socket.socket(*kind)

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        for server in self.servers:
            server.close()
        for name in self.names.values():
            harness.run("ip", "netns", "del", name)

    # Conversations

    def serve(self, ports=PORTS):
        """A greeting from every port of the outside's addresses: who connected, as the server saw it."""
        for family, wildcard in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            for port in ports:
                listener = self.socket("out", family, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((wildcard, port))
                listener.listen(64)
                self.servers.append(listener)
                threading.Thread(target=self._greet, args=(listener,), daemon=True).start()

    def _greet(self, listener):
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection, peer), daemon=True).start()

    @staticmethod
    def _converse(connection, peer):
        with connection, contextlib.suppress(OSError):
            connection.sendall(f"220 outside.example sees {peer[0]}\r\n".encode())
            while octets := connection.recv(1000):
                connection.sendall(octets)

    def attempt(self, source, target, port, role="lan", patience=4.0):
        """What a connection from `source` comes to: "passed" (the server's greeting), "refused", "silence", or the text.

        The patience is that of a client whose first SYN is lost; who expects silence gives less.
        """
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        with self.socket(role, family, socket.SOCK_STREAM) as one:
            one.settimeout(patience)
            one.bind((source, 0))
            try:
                one.connect((target, port))
                text = one.recv(500).decode("utf-8", "replace")
            except ConnectionRefusedError:
                return "refused"
            except (TimeoutError, socket.timeout):
                return "silence"
            except OSError as error:
                return f"error {error}"
        if text == f"220 outside.example sees {source}\r\n":
            return "passed"
        return text or "closed"

    def listen_for(self, role, device):
        """A `Wire`: every packet that arrives at a device."""
        return Wire(self.socket(role, socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(3)), device)

    def throw(self, role, source, target, sport, dport, flags):
        """One TCP segment with these flags, whatever anybody's connections say."""
        segment = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 5 << 4, flags, 8192, 0, 0)
        six = ":" in target
        family = socket.AF_INET6 if six else socket.AF_INET
        pseudo = socket.inet_pton(family, source) + socket.inet_pton(family, target)
        pseudo += struct.pack("!II", len(segment), 6) if six else struct.pack("!HH", 6, len(segment))
        total = sum(struct.unpack(f"!{len(pseudo + segment) // 2}H", pseudo + segment))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        segment = segment[:16] + struct.pack("!H", ~total & 0xFFFF) + segment[18:]
        with self.socket(role, family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.bind((source, 0))
            raw.sendto(segment, (target, 0))


class Wire:
    """Packets that arrive at a device, as (source, destination, sport, dport, flags)."""

    def __init__(self, raw, device):
        self.raw = raw
        self.raw.bind((device, 3))
        self.raw.setblocking(False)

    def seen(self, what, patience=0.5):
        """Whether a segment comes for which `what(segment)` holds; nothing is waited for longer than `patience`."""
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.raw], [], [], left)[0] and what(self._segment(self.raw.recv(2000))):
                return True
        return False

    @staticmethod
    def _segment(packet):
        if packet[0] >> 4 == 4 and packet[9] == 6:
            family, source, target, at = socket.AF_INET, packet[12:16], packet[16:20], (packet[0] & 15) * 4
        elif packet[0] >> 4 == 6 and packet[6] == 6:
            family, source, target, at = socket.AF_INET6, packet[8:24], packet[24:40], 40
        else:
            return None
        sport, dport = struct.unpack("!HH", packet[at:at + 4])
        return socket.inet_ntop(family, source), socket.inet_ntop(family, target), sport, dport, packet[at + 13] & 0x3F

    def close(self):
        self.raw.close()
