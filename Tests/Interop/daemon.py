"""The program under test: `portreeve run` with a portreeve.yaml made from the example's, and the sizes tests may count on.

PORTREEVE names the program (default .build/release/portreeve). A build without the command `run` skips, visibly.
"""
import os
import pathlib
import re
import signal
import unittest

import harness
import postfix

PROGRAM = pathlib.Path(os.environ.get("PORTREEVE") or harness.REPOSITORY / ".build/release/portreeve")

# What test clients on one machine need and the defaults forbid.
ROOMY = {
    "max_sessions": "20000", "max_sessions_per_client": "20000", "connection_rate": "100000/min",
    "max_message_size": "60MB", "max_errors": "20", "drain": "1s",
}

# Resident memory that the daemon may reach, whatever a few peers do. (test_load.py says what each of many may add.)
BASE_MEMORY = 64 << 20


def why_not():
    """Why there is no daemon to test; None if there is one."""
    if not PROGRAM.exists():
        return f"not built: {PROGRAM}"
    if not re.search(r"^\s+run\b", harness.run(PROGRAM, "--help").stdout, re.M):
        return "this build has no `portreeve run`"
    return None


def needed(test):
    """Decorates what cannot run without the daemon."""
    reason = why_not()
    return unittest.skipIf(reason, reason)(test) if reason else test


def block(settings):
    """`{a: b, c: d}` of a dictionary of ready YAML values."""
    return "{ " + ", ".join(f"{key}: {value}" for key, value in settings.items()) + " }"


def example(root, mx, submit, ports, protocol=None, timeouts="", listener=""):
    """The example's portreeve.yaml for this machine; `listener` is added to each listener, `timeouts` is lines of YAML."""
    text = (harness.EXAMPLE / "portreeve.yaml").read_text()
    log, control = root / "portreeve.log", root / "control.sock"
    for pattern, value in (
        (r"/run/portreeve-tls/", f"{root}/"),
        (r"/run/portreeve/control\.sock", str(control)),
        (r"to: syslog", f"to: {log}"),
        (r"user: _portreeve", "user: nobody"),
        (r", protocol: \{ greet_wait: 3s \}", ""),
        (r"127\.0\.0\.1:10025", f"127.0.0.1:{mx}"),
        (r"127\.0\.0\.1:10587", f"127.0.0.1:{submit}"),
        (r"port: 25\b", f'bind: ["127.0.0.1:{ports["mx"]}"], policies: [inbound]{listener}'),
        (r"port: 587\b", f'bind: ["127.0.0.1:{ports["submission"]}"], policies: [submission]{listener}'),
        (r"port: 465\b", f'bind: ["127.0.0.1:{ports["submissions"]}"], tls: implicit, policies: [submission]{listener}'),
    ):
        text, count = re.subn(pattern, lambda _: value, text)
        if not count:
            raise RuntimeError(f"the example no longer has {pattern}")
    return f"{text}\nprotocol: {block(ROOMY | (protocol or {}))}\n{timeouts}"


class Portreeve:
    """A running daemon in a directory of its own. `.mx`, `.submission`, `.submissions` are its ports."""

    def __init__(self, configure, arguments=()):
        """`configure(root, ports)` gives the text of portreeve.yaml."""
        self.root = harness.place("daemon")
        if os.geteuid() == 0:
            harness.shutil.chown(self.root, "nobody")
        harness.certificate(self.root)
        names = ("mx", "submission", "submissions")
        self.ports = dict(zip(names, harness.free_ports(len(names))))
        self.mx, self.submission, self.submissions = self.ports.values()
        self.log = harness.Log(self.root / "portreeve.log")
        self.file = self.root / "portreeve.yaml"
        text = configure(self.root, self.ports)
        if os.geteuid() != 0:
            text = re.sub(r"^user: .*\n", "", text, flags=re.M)
        self.file.write_text(text)
        self.arguments = list(arguments)
        self._start()

    def _start(self):
        self.child = harness.Child(
            [PROGRAM, "run", "-c", self.file, *self.arguments], self.root / "output", cwd=self.root)
        harness.until("one line for each listener", lambda: self._ready() or not self.child.running)
        if not self.child.running:
            raise RuntimeError(f"portreeve run ended ({self.child.process.returncode}): {self.child.said()}\n{self.file.read_text()}")

    def _ready(self):
        said = self.child.said()
        return all(re.search(rf"listens on \S*:{port}\b", said) for port in self.ports.values())

    def stop(self):
        """SIGTERM; the exit status. The daemon must still have been there."""
        if not self.child.running:
            raise AssertionError(f"portreeve had died ({self.child.process.returncode}):\n{self.child.said()[-3000:]}")
        return self.child.stop(signal.SIGTERM, patience=60)


def before(one, **options):
    """A daemon in front of a Postfix."""
    return Portreeve(lambda root, ports: example(root, one.mx, one.submit, ports, **options))


strict = harness.Shared(lambda: before(postfix.strict()))
lenient = harness.Shared(lambda: before(postfix.lenient()))
