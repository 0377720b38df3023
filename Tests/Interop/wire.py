"""SMTP spoken by hand: a client that hides nothing, PROXY headers, and messages whose bytes a test can compare."""
import base64
import itertools
import socket
import ssl
import struct

_numbers = itertools.count(1)


class Closed(AssertionError):
    """The server closed where a reply was due."""


class Client:
    """One connection. Replies are (code, lines); everything is bytes except where a test writes a command."""

    def __init__(self, port, source=None, host="127.0.0.1", timeout=30.0, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.local = self.socket.getsockname()
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Closed(f"closed; unread: {bytes(self.buffer[-200:])!r}")
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        end = self.buffer.index(b"\n") + 1
        line = bytes(self.buffer[:end])
        del self.buffer[:end]
        return line

    def reply(self):
        """The next reply: its code and its lines without code and line end."""
        lines = []
        while True:
            line = self.line()
            lines.append(line[4:].rstrip(b"\r\n").decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def command(self, text):
        """Sends a line and awaits its reply."""
        self.send(text.encode() + b"\r\n")
        return self.reply()

    def expect(self, code, text=None):
        """Like `command` (or, without text, `reply`), and the code must be this one."""
        found, lines = self.command(text) if text is not None else self.reply()
        if found != code:
            raise AssertionError(f"{text!r}: {found} {lines}, not {code}")
        return lines

    def greet(self, helo="client.example.net"):
        """Greeting and EHLO; the capabilities."""
        self.expect(220)
        return self.expect(250, f"EHLO {helo}")

    def secure(self, implicit=False, name="mail.example.org"):
        """The handshake, after STARTTLS or at once. The certificate is a throw-away one and isn't verified."""
        if not implicit:
            self.expect(220, "STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def login(self, user="alice@example.org", password="secret"):
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.command(f"AUTH PLAIN {token}")

    def envelope(self, sender="someone@example.net", recipient="bob@example.org"):
        self.expect(250, f"MAIL FROM:<{sender}>")
        self.expect(250, f"RCPT TO:<{recipient}>")

    def data(self, message):
        """Sends a message by DATA; the reply to its end."""
        self.expect(354, "DATA")
        self.send(stuffed(message))
        return self.reply()

    def bdat(self, message, chunk=1 << 20):
        """Sends a message by BDAT in chunks; the reply to the last."""
        for start in range(0, len(message), chunk):
            piece = message[start:start + chunk]
            last = b" LAST" if start + chunk >= len(message) else b""
            self.send(b"BDAT %d%s\r\n" % (len(piece), last) + piece)
            code, lines = self.reply()
            if code != 250:
                break
        return code, lines

    def ended(self):
        """Whether the server closes without another byte."""
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLError):
            return True
        self.buffer += data
        return not data


def stuffed(message):
    """Dot-stuffed, with the end of data."""
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    out = message.replace(b"\r\n.", b"\r\n..")
    return (b"." + out if out.startswith(b".") else out) + b".\r\n"


def tag():
    """A Message-ID no other message of this run has."""
    return f"{next(_numbers)}.{id(_numbers)}@interop.example.net"


def message(body, ident=None):
    """Headers that Postfix has no reason to touch, an empty line, and `body` as it is."""
    ident = ident or tag()
    head = (
        "From: <someone@example.net>\r\nTo: <bob@example.org>\r\nSubject: interop\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{ident}>\r\n\r\n")
    return head.encode() + body


def proxy_v1(client, server, port=40000):
    return f"PROXY TCP4 {client} {server} {port} 25\r\n".encode()


def proxy_v2(client, server="127.0.0.1", port=40000):
    """A PROXY v2 header for a TCP client, IPv4 or IPv6 by the form of its address."""
    family, kind = (socket.AF_INET6, 0x21) if ":" in client else (socket.AF_INET, 0x11)
    if family == socket.AF_INET6:
        server = "::1"
    block = socket.inet_pton(family, client) + socket.inet_pton(family, server) + struct.pack("!HH", port, 25)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(block)) + block
