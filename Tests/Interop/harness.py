"""What every interop test stands on: temporary places, free ports, waiting with a deadline, visible skips.

Nothing here knows Postfix or Portreeve; see postfix.py, daemon.py and scripted.py.
"""
import atexit
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "postfix-single-host"

# Long enough for a loaded machine with two cores; nothing waits this long when it works.
PATIENCE = 20.0


class Unmet(AssertionError):
    """What was waited for did not happen in time."""


def until(what, condition, patience=PATIENCE):
    """The first true value of `condition()`, asked again every 20 ms; `Unmet` naming `what` after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Unmet(f"{what}: not within {patience:.0f} s")
        time.sleep(0.02)


def free_ports(count):
    """`count` different ports of 127.0.0.1 that the kernel chose and nobody listens on."""
    held = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


_sources = itertools.count(1)


def source():
    """A loopback address that no other test uses as a client's, so that limits counted per client never mix tests up."""
    number = next(_sources)
    return f"127.1.{number // 250}.{number % 250 + 1}"


def place(prefix):
    """A temporary directory that every user may enter; removed at exit."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"portreeve-{prefix}-"))
    path.chmod(0o755)
    if not os.environ.get("KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def program(name):
    """The path of a program, in /usr/sbin too; None if it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def needs(*names):
    """Skips a test visibly where a program is missing."""
    lacking = [name for name in names if not program(name)]
    return unittest.skipIf(lacking, "not installed: " + ", ".join(lacking))


needs_root = unittest.skipIf(os.geteuid() != 0, "needs root: Postfix starts only as root")


def run(*command, patience=60, **options):
    """Runs a command to its end; its output and errors are text in `.stdout`."""
    return subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", stdin=options.pop("stdin", subprocess.DEVNULL), timeout=patience, **options)


class Child:
    """A process of ours, its output in a file; ended by its own id only."""

    def __init__(self, command, output, **options):
        self.output = pathlib.Path(output)
        with open(self.output, "ab") as sink:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, **options)
        self.pid = self.process.pid
        atexit.register(self.stop, signal.SIGKILL)

    @property
    def running(self):
        return self.process.poll() is None

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def stop(self, number=signal.SIGTERM, patience=PATIENCE):
        """Signals and waits; the exit status. A process that outstays `patience` is killed and reported."""
        if self.running:
            self.process.send_signal(number)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Unmet(f"{self.process.args[0]}: did not end within {patience:.0f} s of signal {number}")
        return self.process.returncode

    def memory(self, field="VmRSS"):
        """Bytes of a field of /proc/PID/status: VmRSS now, VmHWM the highest."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1)) * 1024


class Log:
    """A log file that others append to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self):
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def wait(self, pattern, patience=PATIENCE):
        """The first match of a pattern, as soon as it is there."""
        try:
            return until(pattern, lambda: re.search(pattern, self.text(), re.M), patience)
        except Unmet as unmet:
            raise Unmet(f"{unmet}\n--- end of {self.path}:\n{self.text()[-3000:]}") from None


def certificate(folder, name="mail.example.org"):
    """A key and a self-signed certificate for `name` in `folder`, as fullchain.pem and privkey.pem.

    As root the key is readable by the group "nogroup", as sync-certs would leave it for the daemon's group.
    """
    made = run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
        "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem")
    if made.returncode:
        raise RuntimeError(made.stdout)
    (folder / "privkey.pem").chmod(0o640)
    if os.geteuid() == 0:
        shutil.chown(folder / "privkey.pem", "root", "nogroup")


class Shared:
    """A fixture that is made once, at its first use, and ended when all tests have run."""

    def __init__(self, make):
        self.make, self.value, self.lock = make, None, threading.Lock()

    def __call__(self):
        with self.lock:
            if self.value is None:
                self.value = self.make()
                atexit.register(self.value.stop)
            return self.value
