"""A backend that misbehaves on cue: an SMTP server whose every verb can be scripted.

    Backend({"RCPT": KILL, "DATA": b"354 go\\r\\n"})

A script maps a verb (GREETING, EHLO, XCLIENT, AUTH, MAIL, RCPT, DATA, BODY, EOD, RSET, QUIT, ...) to the bytes of the reply,
or to a function of the line that gives them, or to KILL (reset the connection), CLOSE (orderly), NEVER (read on, answer nothing) or GARBAGE (a megabyte without a line end).
BODY is asked after the first bytes of a message, EOD after its end.
"""
import socket
import struct
import threading

import harness

KILL, CLOSE, NEVER, GARBAGE = "kill", "close", "never", "garbage"

CAPABILITIES = (
    b"250-backend.example.org\r\n250-PIPELINING\r\n250-SIZE 60000000\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
    b"250-AUTH PLAIN LOGIN\r\n250-CHUNKING\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT REVERSE_NAME\r\n")

WELL_BEHAVED = {
    "GREETING": b"220 backend.example.org ESMTP\r\n", "EHLO": CAPABILITIES, "HELO": b"250 backend.example.org\r\n",
    "XCLIENT": b"220 backend.example.org ESMTP\r\n", "AUTH": b"235 2.7.0 ok\r\n", "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n", "DATA": b"354 go\r\n", "EOD": b"250 2.0.0 queued as SCRIPTED\r\n",
    "RSET": b"250 2.0.0 ok\r\n", "NOOP": b"250 2.0.0 ok\r\n", "QUIT": b"221 2.0.0 bye\r\n",
}


class Ended(Exception):
    """This connection is over."""


class Backend:
    """Listens twice: `.mx` for connections that begin with a PROXY v2 header, `.submit` for those that don't.

    It refuses foreign recipients, so that the self-test of the program under test can be content; with RELAY in the
    script it does not.
    """

    def __init__(self, script=None):
        self.script = dict(script or {})
        self.verbs, self.connections = [], set()
        self.changed = threading.Condition()
        self.listeners = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(2)]
        self.mx, self.submit = (one.getsockname()[1] for one in self.listeners)
        for one, proxied in zip(self.listeners, (True, False)):
            threading.Thread(target=self._accept, args=(one, proxied), daemon=True).start()

    def stop(self):
        for one in self.listeners:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # a test has closed it already
            one.close()
        self.kill()

    def kill(self):
        """Resets every connection there is, as the kernel does for a process that died."""
        with self.changed:
            doomed = list(self.connections)
        for connection in doomed:
            reset(connection)

    def wait(self, verb, patience=harness.PATIENCE):
        """Until this verb has been heard since the last `forget`."""
        with self.changed:
            if not self.changed.wait_for(lambda: verb in self.verbs, patience):
                raise harness.Unmet(f"the backend never heard {verb}, only {self.verbs}")

    def forget(self):
        with self.changed:
            self.verbs.clear()

    def _accept(self, listener, proxied):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(connection, proxied), daemon=True).start()

    def _session(self, connection, proxied):
        with self.changed:
            self.connections.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                if proxied and not proxy_header(connection, stream):
                    return
                self._answer(connection, stream, "GREETING")
                self._converse(connection, stream)
        except (Ended, OSError, ValueError):
            pass
        finally:
            with self.changed:
                self.connections.discard(connection)

    def _converse(self, connection, stream):
        for line in stream:
            verb = line.split()[0].decode("ascii", "replace").upper() if line.split() else ""
            if verb == "RCPT" and b"@example.org" not in line.lower() and "RELAY" not in self.script:
                connection.sendall(b"554 5.7.1 Relay access denied\r\n")
            elif verb == "BDAT":
                stream.read(int(line.split()[1]))
                self._answer(connection, stream, "EOD")
            else:
                said = self._answer(connection, stream, verb, line)
                if verb == "DATA" and said.startswith(b"354"):
                    self._message(connection, stream)
                if verb == "QUIT":
                    return

    def _message(self, connection, stream):
        first = True
        for line in stream:
            if first and "BODY" in self.script:
                self._answer(connection, stream, "BODY")
            first = False
            if line == b".\r\n":
                self._answer(connection, stream, "EOD")
                return
        raise Ended

    def _answer(self, connection, stream, verb, line=b""):
        """Sends what the script (or good behaviour) says; returns it."""
        reply = self.script.get(verb, WELL_BEHAVED.get(verb, b"502 5.5.2 what?\r\n"))
        if callable(reply):
            reply = reply(line)
        with self.changed:
            self.verbs.append(verb)
            self.changed.notify_all()
        if reply == KILL:
            reset(connection)
            raise Ended
        if reply == CLOSE:
            raise Ended
        if reply == NEVER:
            while stream.read1(1 << 16):
                pass
            raise Ended
        if reply == GARBAGE:
            connection.sendall(b"\xff\x00garbage" * (1 << 17))
            raise Ended
        connection.sendall(reply)
        return reply


def reset(connection):
    """Makes the coming close an RST, and ends whatever read its thread is in."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass


def proxy_header(connection, stream):
    """Reads a PROXY v2 header; answers 421, as Postfix does, where there is none."""
    start = stream.read(12)
    if start != b"\r\n\r\n\0\r\nQUIT\n":
        connection.sendall(b"421 4.3.2 No PROXY header\r\n")
        return False
    stream.read(struct.unpack("!BBH", stream.read(4))[2])
    return True
