"""Measurements that are not a cost per unit: memory, a second worker, a large table."""
import json
import pathlib
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


def limits(keys=1_000_000):
    """One limit decision in a table of so many keys, alone and with two workers, and what a key weighs."""
    done = subprocess.run(
        [peers.HERE / ".build/release/limit-table", str(keys)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
