"""A redis-server of our own: a port that the kernel chose, a directory of its own, ended by its own id.

`commands()` counts what it was asked, so that a test can say what did not reach it.
"""
import signal
import socket

import harness

needed = harness.needs("redis-server")


class Redis:
    """Options are redis-server's own, such as `requirepass="x"`."""

    def __init__(self, port=None, **options):
        self.root = harness.place("redis")
        self.port = port or harness.free_ports(1)[0]
        self.options = {
            "port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "daemonize": "no",
            "dir": str(self.root), **options}
        self.start()

    def start(self):
        words = [harness.program("redis-server")]
        for name, value in self.options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        self.child = harness.Child(words, self.root / "output", cwd=self.root)
        harness.until("redis-server listens", lambda: self._answers() or not self.child.running)
        if not self.child.running:
            raise RuntimeError(self.child.said())

    def _answers(self):
        try:
            return self.ask("PING") in (b"+PONG", b"-NOAUTH Authentication required.")
        except OSError:
            return False

    def ask(self, *words):
        """The first line of the answer to a command; of a bulk answer its text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            with connection.makefile("rb") as stream:
                if password := self.options.get("requirepass"):
                    connection.sendall(request("AUTH", password))
                    stream.readline()
                connection.sendall(request(*words))
                line = stream.readline().rstrip(b"\r\n")
                return stream.read(int(line[1:])) if line[:1] == b"$" and line != b"$-1" else line

    def commands(self, name="evalsha"):
        """How often this command was called."""
        for line in self.ask("INFO", "commandstats").decode().splitlines():
            if line.startswith(f"cmdstat_{name}:"):
                return int(line.split("calls=")[1].split(",")[0])
        return 0

    def freeze(self):
        self.child.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.child.stop(signal.SIGKILL)

    def stop(self):
        if self.child.running:
            self.thaw()
        self.kill()


def request(*words):
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
