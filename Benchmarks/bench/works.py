"""The work that is measured. Every work is done by every proxy that can do it, in turn, as often as there are rounds."""
import dataclasses
import json
import subprocess

import measure
import peers


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    #: What `unit` costs is what the table shows.
    unit: str
    #: Which of a proxy's ports it uses.
    kind: str
    #: Units at scale 1, and how they become options of reeve-load.
    count: int
    options: object
    #: Names of the proxies that do not take part.
    without: tuple = ()
    #: Only Portreeve and those that can refuse take part.
    only: tuple = ()


def sessions(*more, concurrency=20):
    return lambda count: ["--sessions", str(count), "--concurrency", str(concurrency), *more]


def kept(size, channels, *more):
    def options(count):
        return ["--sessions", str(channels), "--messages", str(max(1, count // channels)), "--concurrency",
                str(channels), "--size", str(size), *more]
    return options


FOREIGN = ("--ending", "rcpt", "--recipient", "victim@elsewhere.example")
STARTTLS, IMPLICIT = ("--tls", "starttls"), ("--tls", "implicit")

WORKS = [
    Work("session", "session of one message (1 KB)", "plain", 4000, sessions()),
    Work("session, XCLIENT", "session of one message (1 KB)", "xclient", 4000, sessions()),
    Work("kept 1 KB", "message", "plain", 10000, kept(1000, 20)),
    Work("100 KB", "message", "plain", 1000, kept(100_000, 10)),
    Work("1 MB", "message", "plain", 160, kept(1_000_000, 8)),
    Work("10 MB", "message", "plain", 16, kept(10_000_000, 4)),
    Work("starttls", "session with a full handshake", "starttls", 1200, sessions(*STARTTLS)),
    Work("starttls resumed", "session with a resumed handshake", "starttls", 1200, sessions(*STARTTLS, "--resume")),
    Work("implicit", "session with a full handshake", "implicit", 1200, sessions(*IMPLICIT)),
    Work("implicit resumed", "session with a resumed handshake", "implicit", 1200, sessions(*IMPLICIT, "--resume")),
    Work("implicit 1 MB", "message", "implicit", 160, kept(1_000_000, 8, *IMPLICIT)),
    Work("submission", "session with a full handshake and a login", "submission", 1200, sessions(*STARTTLS, "--login"),
         only=("portreeve",)),
    Work("refused: no TLS", "session", "submission", 4000, sessions("--ending", "mail"), only=("portreeve",)),
    Work("refused: no AUTH", "session", "submission", 1200, sessions("--ending", "mail", *STARTTLS),
         only=("portreeve",)),
    Work("refused: relay", "session", "plain", 4000, sessions(*FOREIGN), only=("portreeve", "postfix")),
    Work("session, limits", "session of one message (1 KB)", "limited", 4000, sessions()),
    Work("connect and leave", "connection", "plain", 6000, sessions("--ending", "leave")),
]
#: Postfix starts a process for each of some sessions; it does its work in fewer units.
SLOW = {"postfix": 0.25}


def takes_part(work, proxy):
    return work.kind in proxy.ports and proxy.name not in work.without and (not work.only or proxy.name in work.only)


def units(work, proxy, scale):
    return max(20, int(work.count * scale * SLOW.get(proxy.name, 1)))


def run_load(port, options, timeout=240, tolerant=False):
    """reeve-load's own report; unless `tolerant`, it fails if a session did not go as its steps say."""
    done = subprocess.run(
        [str(peers.LOAD), "run", str(port), *options], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode and not (tolerant and done.stdout.startswith("{")):
        raise RuntimeError(f"reeve-load {' '.join(options)}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def perform(work, proxy, backend, scale):
    """One measurement: CPU of the proxy and of the backend for a unit, and what the clients saw."""
    count = units(work, proxy, scale)
    before, before_backend = measure.CPU(proxy.roots), measure.CPU(backend.roots)
    seen = run_load(proxy.ports[work.kind], work.options(count))
    after, after_backend = measure.CPU(proxy.roots), measure.CPU(backend.roots)
    if "--resume" in work.options(count) and seen["resumed"] < 0.9 * count:
        raise RuntimeError(f"{work.name} at {proxy.name}: only {seen['resumed']} of {count} were resumed")
    return {
        "count": count, **after.since(before, count), "backend_us": after_backend.since(before_backend, count)["us"],
        "per_second": count / seen["seconds"], "session_us": seen["session_us"], "message_us": seen["message_us"],
    }


class Held:
    """Idle sessions that stay open until `release`."""

    def __init__(self, port, count, options=(), timeout_note=""):
        self.child = subprocess.Popen(
            [str(peers.LOAD), "hold", str(port), "--sessions", str(count), "--messages", "0", "--concurrency", "50",
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline().strip() != "ready":
            raise RuntimeError(f"idle sessions at {port}{timeout_note}: {self.child.wait()}")

    def release(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()
