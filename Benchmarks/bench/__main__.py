"""Portreeve beside its peers: the same work, on one machine, in one run, in turn. Run it with `make bench`.

It prints tables of medians and spreads, and writes results.txt, results.json and results.png. Ratios count, not
microseconds. It exits 0 whatever the ratios are; with --check a missed budget makes it exit 1.
"""
import argparse
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile

import budgets
import decisions
import latency
import measure
import peers
import report
import scenes
import works


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is repeated (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="work of one measurement (1)")
    parser.add_argument("--only", help="works whose names contain this, no scenes unless --scenes names them")
    parser.add_argument("--scenes", type=lambda text: text.split(","), help="only these, and no works unless --only "
                        f"names them; comma-separated, of {', '.join(SCENES)}")
    parser.add_argument("--peers", help="comma-separated names of proxies")
    parser.add_argument("--idle", type=int, default=4000, help="idle sessions for the memory figures (4000)")
    parser.add_argument("--crowd", type=int, default=15000, help="idle sessions beside live ones (15000)")
    parser.add_argument("--turns", type=int, default=3, help="how often crowd and flood alternate with quiet (3)")
    parser.add_argument("--out", type=pathlib.Path, default=peers.HERE / "results", help="folder for the results")
    parser.add_argument("--document", action="store_true", help="write the tables into docs/PERFORMANCE.md")
    parser.add_argument("--from", dest="earlier", type=pathlib.Path, metavar="RESULTS.JSON",
                        help="measure nothing, show these results")
    parser.add_argument("--check", action="store_true", help="exit 1 if a budget is missed")
    return parser.parse_args()


def certificate(root):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "60",
         "-subj", "/CN=mail.example.com", "-addext", "subjectAltName=DNS:mail.example.com",
         "-keyout", root / "key.pem", "-out", root / "cert.pem"], check=True, capture_output=True)
    (root / "key.pem").chmod(0o644)


def machine():
    model = next((line.split(":")[1].strip() for line in measure.read("/proc/cpuinfo").splitlines()
                  if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def say(text):
    print(text, file=sys.stderr, flush=True)


def start(running, root, chosen):
    """Adds the backend and every proxy that can run here to `running`, by name."""
    backend = running["direct"] = peers.Sink(root, 0)
    for make in peers.ALL[1:]:
        if chosen and make.name not in chosen:
            continue
        if reason := make.missing():
            say(f"SKIP {make.name}: {reason}")
            continue
        running[make.name] = make(root, backend.ports["plain"])


def measure_works(results, running, options):
    names = list(running)
    chosen = [work for work in works.WORKS if options.only in work.name] if options.only else \
        [] if options.scenes else works.WORKS
    for turn in range(options.rounds):
        for work in chosen:
            results["units"][work.name] = work.unit
            # Every round begins with another proxy, so that none is always the one after a pause.
            for name in names[turn % len(names):] + names[:turn % len(names)]:
                proxy = running[name]
                if not works.takes_part(work, proxy):
                    continue
                if turn == 0:
                    works.perform(work, proxy, running["direct"], options.scale / 10)
                seen = works.perform(work, proxy, running["direct"], options.scale)
                results["works"].setdefault(work.name, {}).setdefault(name, []).append(seen)
            say(f"round {turn + 1} of {options.rounds}: {work.name}")


def idle(results, running, options, root):
    makers = {make.name: make for make in peers.ALL}
    for kind in ("plain", "starttls", "implicit"):
        for name, proxy in running.items():
            if name == "direct" or kind not in proxy.ports:
                continue
            # A process each: a hundred tell as much as thousands. Fresh processes keep no memory of earlier work.
            count = 100 if name == "postfix" else options.idle
            fresh = makers[name](root, running["direct"].ports["plain"])
            warm = 20 if name == "postfix" else 200
            results["idle"].setdefault(kind, {})[name] = scenes.idle_memory(fresh, kind, count, warm)
            fresh.stop()


def stalled(results, running, _, root):
    for make in peers.ALL[1:]:
        if make.name in running and make.name != "postfix" and "plain" in make.kinds:
            results["stalled"][make.name] = scenes.stalled_memory(make, root, 100)


def workers(results, running, options, root):
    for make in (peers.NginxMail, peers.Portreeve):
        if make.name in running:
            results["workers"][make.name] = scenes.workers(make, root, running["direct"], options.scale)


def crowd(results, running, options, _):
    for name in ("nginx mail", "portreeve"):
        if name in running:
            results["crowd"][name] = latency.crowd(running[name], options.crowd, 500, 5, options.turns)


def flood(results, running, options, _):
    for name, kinds in (("nginx mail", [latency.LEAVERS]), ("portreeve", [latency.LEAVERS, latency.REFUSED])):
        if name not in running:
            continue
        for kind in kinds:
            for pace in (2000, 0):
                results["flood"].append({"proxy": name, "refused": kind is latency.REFUSED, **latency.flood(
                    running[name], running["direct"], 20000, pace, 300, options.turns, kind)})


def decide(results, *_):
    results["decisions"] = decisions.measure()


def limits(results, *_):
    results["limits"] = scenes.limits()


SCENES = {"decisions": decide, "idle": idle, "stalled": stalled, "workers": workers, "crowd": crowd, "flood": flood,
          "limits": limits}


def measure_scenes(results, running, options, root):
    for name, scene in SCENES.items():
        if name in options.scenes if options.scenes else not options.only:
            scene(results, running, options, root)
            say(f"scene: {name}")


def save(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.txt").write_text(report.text(results))
    if not report.plot(results, folder / "results.png"):
        say("SKIP results.png: no python3-matplotlib")


def main():
    options = arguments()
    if unknown := set(options.scenes or []) - set(SCENES):
        sys.exit(f"bench: no scene {', '.join(sorted(unknown))}; there are {', '.join(SCENES)}")
    if options.earlier:
        return conclude(json.loads(options.earlier.read_text()), options)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.crowd > most - 2000:
        options.crowd = most - 2000
        say(f"only {options.crowd} idle sessions: the limit of open files is {most}")
    chosen = set(options.peers.split(",")) | {"portreeve"} if options.peers else None
    results = {"machine": machine(), "rounds": options.rounds, "scale": options.scale, "load": [os.getloadavg()[0]],
               "works": {}, "units": {}, "idle": {}, "stalled": {}, "workers": {}, "crowd": {}, "flood": []}
    with tempfile.TemporaryDirectory(prefix="reeve-bench-") as name:
        root = pathlib.Path(name)
        root.chmod(0o755)
        certificate(root)
        running = {}
        try:
            start(running, root, chosen)
            results["proxies"] = list(running)
            measure_works(results, running, options)
            # Kept at once: what the scenes do to a machine may break them.
            results["load"].append(os.getloadavg()[0])
            results["budgets"] = budgets.judge(results)
            save(results, options.out)
            measure_scenes(results, running, options, root)
        finally:
            for proxy in running.values():
                proxy.stop()
    results["load"][1] = os.getloadavg()[0]
    results["budgets"] = budgets.judge(results)
    save(results, options.out)
    return conclude(results, options)


def conclude(results, options):
    print(report.text(results))
    if options.document:
        report.write_document(results, peers.REPOSITORY / "docs/PERFORMANCE.md")
    return 1 if options.check and not all(each["held"] for each in results["budgets"]) else 0


if __name__ == "__main__":
    sys.exit(main())
