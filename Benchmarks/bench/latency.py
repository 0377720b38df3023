"""What clients that are not served, or do nothing, do to the latency of those that are served.

Sessions of one message begin on a schedule, however slow the proxy is, and what counts is the time from when a session
was due, and from every command to its reply. Every kind of client has a net of its own: see Sources.swift.
"""
import json
import statistics
import subprocess

import measure
import peers
import works

CLIENTS, IDLERS, FLOODERS = (("--sources", net) for net in ("127.2.0.0/22", "127.1.0.0/16", "127.3.0.0/18"))
#: What a flood does at Portreeve and others: its port, and how its sessions end.
LEAVERS, REFUSED = ("plain", "--ending", "leave"), ("submission", "--ending", "mail")
#: Connections of health checks that may fall into one measurement: one for each of three backends, twice.
PROBES = 6


def served(proxy, rate, seconds):
    options = ["--rate", str(rate), "--sessions", str(rate * seconds), *CLIENTS]
    return works.run_load(proxy.ports["plain"], options, tolerant=True)


def crowd(proxy, idle, rate, seconds, turns):
    """Sessions at `rate` a second, without and with `idle` sessions beside them, in turn."""
    alone, beside, memory = [], [], []
    for _ in range(turns):
        alone.append(served(proxy, rate, seconds))
        before = measure.anonymous_kib(proxy.roots)
        held = works.Held(proxy.ports["plain"], idle, IDLERS)
        memory.append((measure.anonymous_kib(proxy.roots) - before) / idle)
        beside.append(served(proxy, rate, seconds))
        held.release()
    return {"idle": idle, "rate": rate, "turns": turns, "kib_each": memory[0], **compared(alone, beside)}


class Flood:
    """Sessions that come until `end`, `rate` a second or (0) as fast as fifty at once can.

    Their clients have the lowest priority: in the world they are other machines, and here they would take the cores
    from the proxy, the backend and the clients that are measured.
    """

    def __init__(self, proxy, kind, rate):
        pace = ["--rate", str(rate)] if rate else ["--concurrency", "50"]
        self.child = subprocess.Popen(
            ["nice", "-n", "19", peers.LOAD, "run", str(proxy.ports[kind[0]]), "--endless", *kind[1:], *pace, *FLOODERS],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline().strip() != "ready":
            raise RuntimeError(f"a flood at {proxy.name}: {self.child.wait()}")

    def end(self):
        """What its clients saw."""
        return json.loads(self.child.communicate(timeout=60)[0])


def flood(proxy, backend, count, pace, rate, turns, kind=LEAVERS):
    """Sessions at `rate` a second, in turn without and during a flood of at least `count` that are not served.

    The flood comes at `pace` a second, or (0) as fast as it can for ten seconds; it begins before what is measured
    and ends after it.
    """
    seconds = max(1, count // pace) if pace else 10
    alone, beside, floods = [], [], []
    for _ in range(turns):
        alone.append(served(proxy, rate, seconds))
        before = backend.seen()
        other = Flood(proxy, kind, pace)
        beside.append(served(proxy, rate, seconds))
        floods.append(other.end())
        spare(proxy, before, backend.seen(), beside[-1], floods[-1])
    return {"flood": count, "pace": pace, "rate": rate, "turns": turns,
            "flood_per_second": statistics.median(each["done"] / each["seconds"] for each in floods),
            "flood_failed": sum(each["failed"] for each in floods), **compared(alone, beside)}


def spare(proxy, before, after, load, storm):
    """Fails if the backend has seen anything but the sessions that were served."""
    sessions = load["done"] + load["failed"]
    connections, transactions = (b - a for a, b in zip(before, after))
    if transactions > sessions or connections > sessions + PROBES:
        raise RuntimeError(
            f"{proxy.name}: during a flood of {storm['done']} the backend saw {connections} connections and "
            f"{transactions} transactions, of which {sessions} were meant for it")


def compared(alone, beside):
    """Medians over all turns: one bad second of the machine is not the proxy's. Ratios are of a turn each."""
    def latency(runs, kind):
        return {name: round(statistics.median(run[f"{kind}_us"][name] for run in runs)) for name in ("p50", "p99")}

    def ratio(kind):
        each = [b[f"{kind}_us"]["p99"] / a[f"{kind}_us"]["p99"] for a, b in zip(alone, beside)]
        return {"median": statistics.median(each), "low": min(each), "high": max(each)}

    kinds = ("greeting", "command", "session")
    return {"alone": {kind: latency(alone, kind) for kind in (*kinds, "late")},
            "beside": {kind: latency(beside, kind) for kind in (*kinds, "late")},
            "ratios": {kind: ratio(kind) for kind in kinds},
            "failed": sum(run["failed"] for run in beside), "failed_alone": sum(run["failed"] for run in alone)}
