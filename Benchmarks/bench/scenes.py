"""Measurements that are not a cost per unit: memory, and what one kind of client does to another."""
import concurrent.futures
import json
import pathlib
import statistics
import subprocess
import time

import measure
import peers
import works


def settled(read, tolerance=8):
    """A reading that has stopped moving."""
    last = read()
    for _ in range(40):
        time.sleep(0.1)
        now = read()
        if abs(now - last) <= tolerance:
            return now
        last = now
    return last


def idle_memory(proxy, kind, count, warm=200):
    """Octets of the proxy's own memory that one more idle session costs, after EHLO (inside TLS where there is TLS)."""
    options = {"plain": [], "starttls": ["--tls", "starttls"], "implicit": ["--tls", "implicit"]}[kind]
    port = proxy.ports[kind]
    first = works.Held(port, warm, options)
    before = settled(lambda: measure.anonymous_kib(proxy.roots))
    rest = works.Held(port, count, options)
    after = settled(lambda: measure.anonymous_kib(proxy.roots))
    rest.release()
    first.release()
    return {"count": count, "bytes": (after - before) * 1024 / count}


def stalled_memory(make, directory, count):
    """Octets for a session whose backend has stopped reading in the middle of a 10 MB message."""
    backend = peers.StalledSink(directory, 0)
    proxy = make(directory, backend.ports["plain"], workers=1)
    before = settled(lambda: measure.anonymous_kib(proxy.roots))
    load = subprocess.Popen(
        [str(peers.LOAD), "run", str(proxy.ports["plain"]), "--sessions", str(count), "--concurrency", str(count),
         "--size", "10000000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    after = settled(lambda: measure.anonymous_kib(proxy.roots), tolerance=64)
    load.kill()
    load.wait()
    proxy.stop()
    backend.stop()
    return {"count": count, "bytes": (after - before) * 1024 / count}


def workers(make, directory, backend, scale):
    """Sessions a second with one worker and with two, and CPU for each."""
    result = {}
    for count in (1, 2):
        proxy = make(pathlib.Path(directory), backend.ports["plain"], workers=count)
        sessions = max(20, int(6000 * scale))
        works.run_load(proxy.ports["plain"], ["--sessions", "200"])
        before = measure.CPU(proxy.roots)
        seen = works.run_load(proxy.ports["plain"], ["--sessions", str(sessions), "--concurrency", "60"])
        used = measure.CPU(proxy.roots).since(before, sessions)
        result[str(count)] = {"per_second": sessions / seen["seconds"], **used, "session_us": seen["session_us"]}
        proxy.stop()
    return result


def crowd(proxy, idle, rate, seconds, turns):
    """Latency of accepted sessions at `rate` a second, without and with `idle` sessions beside them, in turn."""
    options = ["--rate", str(rate), "--sessions", str(int(rate * seconds))]
    port = proxy.ports["plain"]
    alone, beside, memory = [], [], 0
    for _ in range(turns):
        alone.append(works.run_load(port, options, tolerant=True))
        held = works.Held(port, idle)
        beside.append(works.run_load(port, options, tolerant=True))
        memory = max(memory, measure.anonymous_kib(proxy.roots))
        held.release()
    return {"idle": idle, "rate": rate, "turns": turns, "anonymous_kib": memory, **compared(alone, beside)}


def flood(proxy, leavers, rate, seconds, turns, kind=("plain", "--ending", "leave")):
    """Latency of accepted sessions while others come as fast as they can and are not served, in turn with quiet."""
    options = ["--rate", str(rate), "--sessions", str(int(rate * seconds))]
    port = proxy.ports["plain"]
    alone, beside, storms = [], [], []
    for _ in range(turns):
        alone.append(works.run_load(port, options, tolerant=True))
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            storm = other.submit(
                works.run_load, proxy.ports[kind[0]],
                [*kind[1:], "--sessions", str(leavers), "--concurrency", "50"], tolerant=True)
            beside.append(works.run_load(port, options, tolerant=True))
            storms.append(leavers / storm.result()["seconds"])
    return {"leavers": leavers, "leavers_per_second": statistics.median(storms), "rate": rate, "turns": turns,
            **compared(alone, beside)}


def compared(alone, beside):
    """Medians over all turns: one bad second of the machine is not the proxy's."""
    def median(runs, name):
        return round(statistics.median(run["session_us"][name] for run in runs))

    def latency(runs):
        return {name: median(runs, name) for name in ("p50", "p99")}

    ratios = [b["session_us"]["p99"] / a["session_us"]["p99"] for a, b in zip(alone, beside)]
    return {"alone": latency(alone), "beside": latency(beside), "p99_ratio": statistics.median(ratios),
            "p99_ratios": sorted(round(each, 2) for each in ratios),
            "failed": sum(run["failed"] for run in beside), "failed_alone": sum(run["failed"] for run in alone)}


def limits(keys=1_000_000):
    """One limit decision in a table of so many keys, alone and with two workers, and what a key weighs."""
    done = subprocess.run(
        [peers.HERE / ".build/release/limit-table", str(keys)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
