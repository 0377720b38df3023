#!/usr/bin/env python3
"""A daemon built with a sanitizer, under many sessions at once while everything that can change does.

    PORTREEVE=.build-tsan/debug/portreeve sanitized.py [SECONDS]

Clients of every kind talk to it from many threads; meanwhile it reloads, takes new certificates, reopens its log,
tells its status, loses its backends' connections and at last is drained with messages in flight. Any report of a sanitizer
fails, and so does a run in which too little happened.
"""
import collections
import itertools
import os
import random
import re
import signal
import sys
import threading
import time

import daemon
import harness
import scripted
import wire

CLIENTS = 16
REPORT = re.compile(r"(WARNING|ERROR): \w*Sanitizer|Fatal error")

# How often each kind of session and a reload must have come to its end for the run to prove something.
LEAST = 10


class Crowd:
    """Clients in threads of their own until they are told to stop; counts which sessions came to their end."""

    def __init__(self, portreeve):
        self.portreeve = portreeve
        self.done = collections.Counter()
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.kinds = [self.message, self.chunks, self.secured, self.login, self.implicit, self.rude, self.early]
        self.threads = [threading.Thread(target=self._go, args=(number,)) for number in range(CLIENTS)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                raise AssertionError("a client waits for ever")

    def _go(self, number):
        dice = random.Random(number)
        for turn in itertools.count(number):
            if self.stopped.is_set():
                return
            kind = self.kinds[turn % len(self.kinds)]
            try:
                kind(dice)
                with self.lock:
                    self.done[kind.__name__] += 1
            except (OSError, AssertionError, wire.Closed):
                pass  # Its backend was killed, or the daemon is going; what counts is that some succeed.

    def client(self, port):
        return wire.Client(port, harness.source(), timeout=20)

    def message(self, dice):
        with self.client(self.portreeve.mx) as client:
            client.greet()
            for _ in range(dice.randrange(1, 4)):
                client.envelope()
                self.taken(client.data(wire.message(b"x" * dice.randrange(1, 200_000) + b"\r\n")))
            client.expect(221, "QUIT")

    def chunks(self, dice):
        with self.client(self.portreeve.mx) as client:
            client.greet()
            client.envelope()
            self.taken(client.bdat(wire.message(b"y\r\n" * dice.randrange(1, 20_000)), chunk=5000))
            client.expect(221, "QUIT")

    def secured(self, dice):
        with self.client(self.portreeve.mx) as client:
            client.greet()
            client.secure()
            client.expect(250, "EHLO again.example.net")
            client.envelope()
            self.taken(client.data(wire.message(b"z\r\n")))
            client.expect(221, "QUIT")

    def login(self, dice):
        self._login(self.portreeve.submission, implicit=False)

    def implicit(self, dice):
        self._login(self.portreeve.submissions, implicit=True)

    def _login(self, port, implicit):
        with self.client(port) as client:
            if implicit:
                client.secure(implicit=True)
                client.greet()
            else:
                client.greet()
                client.secure()
                client.expect(250, "EHLO again.example.net")
            self.taken(client.login(), 235)
            client.envelope("alice@example.org")
            self.taken(client.data(wire.message(b"from alice\r\n")))
            client.expect(221, "QUIT")

    def rude(self, dice):
        """Leaves in the middle, with a reset."""
        with self.client(self.portreeve.mx) as client:
            client.greet()
            client.envelope()
            client.expect(354, "DATA")
            client.send(b"half a messa")
            scripted.reset(client.socket)

    def early(self, dice):
        """Talks before it is greeted, and nonsense."""
        with self.client(self.portreeve.submission) as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            client.reply()

    def taken(self, reply, code=250):
        if reply[0] != code:
            raise AssertionError(reply)


def configure(backend, text, turn):
    """The configuration of this turn: limits and timeouts move, so that every reload changes something."""
    protocol = {"drain": "10s", "max_recipients": str(100 + turn), "connection_rate": "100000/min"}
    return lambda root, ports: text + daemon.example(root, backend.mx, backend.submit, ports, protocol=protocol)


def disturb(portreeve, backend, seconds):
    """Changes what can be changed, again and again; how often each was done."""
    done = collections.Counter()
    process = portreeve.child.process
    end = time.monotonic() + seconds
    for turn in itertools.count():
        if time.monotonic() > end:
            return done
        if not portreeve.child.running:
            raise AssertionError("the daemon has ended")
        action = ("reload", "certificate", "status", "reopen", "sever")[turn % 5]
        if action == "reload":
            portreeve.file.write_text(configure(backend, HEAD, turn)(portreeve.root, portreeve.ports))
            process.send_signal(signal.SIGHUP)
        elif action == "certificate":
            harness.certificate(portreeve.root)
            process.send_signal(signal.SIGHUP)
        elif action == "status":
            harness.run(daemon.PROGRAM, "status", "-c", portreeve.file)
        elif action == "reopen":
            process.send_signal(signal.SIGUSR1)
        else:
            backend.kill()
        done[action] += 1
        time.sleep(0.1)


# More workers than this machine may have cores: what is shared between them is what this is about.
HEAD = "workers: 4\n"


def main(seconds):
    reason = daemon.why_not()
    if reason:
        print(f"SKIP sanitized: {reason}")
        return 1
    # Reports go on: all of them are wanted. The exit status would hide behind that of the daemon.
    os.environ["TSAN_OPTIONS"] = "halt_on_error=0 second_deadlock_stack=1"
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
    backend = scripted.Backend()
    portreeve = daemon.Portreeve(configure(backend, HEAD, 0))
    crowd = Crowd(portreeve)
    crowd.start()
    try:
        done = disturb(portreeve, backend, seconds)
        # Drained with the crowd still there.
        status = portreeve.stop()
    finally:
        crowd.stop()
        backend.stop()
    said = portreeve.child.said()
    reports = [line for line in said.splitlines() if REPORT.search(line)]
    print(f"sessions: {dict(crowd.done)}; changes: {dict(done)}; exit status {status}")
    done["reloaded"] = len(re.findall(r"^portreeve: reloaded", said, re.M))
    idle = [name for name in (*(kind.__name__ for kind in crowd.kinds), "reloaded") if (crowd.done + done)[name] < LEAST]
    if reports:
        print(said[-60_000:])
    print(f"RESULT {sum(crowd.done.values())} sessions, {len(reports)} reports")
    if idle:
        print(f"too few of: {', '.join(idle)}")
    return 1 if reports or status or idle else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20))
