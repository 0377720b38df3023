#!/usr/bin/env python3
"""Runs the protocol vectors against the daemon: one run for each configuration that the cases ask for.

    vectors.py [--only REGEX] [-v]          VECTORS=FOLDER of run_vectors.py and vectors.json, PORTREEVE=PROGRAM

run_vectors.py plays the client and the backend of a case. A MUST that fails is a failure unless vector-exceptions.txt lists
it with a reason; one that is listed there and passes is a failure too, and so is every difference from vector-skips.txt.
"""
import argparse
import collections
import concurrent.futures
import importlib.util
import json
import os
import pathlib
import re
import sys
import time
import types

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import daemon
import harness
import wire

VECTORS = pathlib.Path(os.environ.get("VECTORS") or harness.REPOSITORY.parent / "shared/vectors")

# The cases mostly wait, so that several daemons side by side cost two cores little.
SIDE_BY_SIDE = 4

# A case's `config` key -> the key of `protocol:` and how its value is written.
PROTOCOL = {
    "auth_fail_delay_ms": ("auth_fail_delay", "{}ms"),
    "chunking": ("chunking", "{}"),
    "data_grace_s": ("data_grace", "{}s"),
    "data_min_rate": ("min_data_rate", "{}"),
    "greeting_delay_ms": ("greet_wait", "{}ms"),
    "ipv6_prefix": ("client_prefix", "{{ ipv6: {} }}"),
    "line_endings": ("bare_newline", "{}"),
    "max_connection_rate_per_min": ("connection_rate", "{}/min"),
    "max_connections": ("max_sessions", "{}"),
    "max_connections_per_ip": ("max_sessions_per_client", "{}"),
    "max_errors": ("max_errors", "{}"),
    "max_message_size": ("max_message_size", "{}B"),
    "max_recipients": ("max_recipients", "{}"),
    "max_size_excess": ("max_size_excess", "{}B"),
}

# ... and of `timeouts.client:`, in seconds.
TIMEOUTS = {
    "command_deadline_s": "command_deadline", "command_timeout_s": "command", "tls_handshake_timeout_s": "tls_handshake",
}

# What a case's `policy` asks for, as a policy file; None where the built-in policies do it.
POLICIES = {
    "relay25 accepts only known local recipients": None,
    "reject sender domain blocked.test":
        '{ id: blocked, at: mail, when: sender.domain == "blocked.test", action: reject, reply: "550 5.7.1 Refused" }',
    "reject subject refuse-me at end-of-data":
        '{ id: subject, at: message, when: has(message.subject) and message.subject == "refuse-me", action: reject, '
        'reply: "550 5.7.1 Refused" }',
    "sender must belong to login":
        '{ id: owner, at: mail, when: auth.ok and sender.address != auth.user, action: reject, '
        'reply: "553 5.7.1 Not your address" }',
}

ROOMY = {"max_sessions": "1000", "max_sessions_per_client": "1000", "connection_rate": "100000/min", "drain": "1s"}


class Unsupported(Exception):
    """This build has no way to be configured for a case; the text says why."""


def load_runner():
    """run_vectors.py as a module."""
    spec = importlib.util.spec_from_file_location("run_vectors", VECTORS / "run_vectors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def configuration(root, ports, backend_port, config, backend):
    """The portreeve.yaml for one configuration of the cases."""
    protocol, client, listener, first, folders = dict(ROOMY), {}, "", "", ""
    for key, value in config.items():
        text = json.dumps(value) if isinstance(value, bool) else str(value)
        if key in PROTOCOL:
            name, shape = PROTOCOL[key]
            protocol[name] = shape.format(text)
        elif key in TIMEOUTS:
            client[TIMEOUTS[key]] = f"{text}s"
        elif key == "proxy_protocol":
            trusted = config.get("trusted_proxy", True)
            # The runner waits 4 s for a header that never ends to be given up; the default is longer.
            client["proxy_header"] = "3s"
            listener = f", proxy_from: [{'127.0.0.0/8' if trusted else '192.0.2.0/24'}]"
        elif key == "policy" and value in POLICIES:
            if POLICIES[value]:
                first, folders = "case, ", "policies: [case]\n"
                (root / "case").mkdir(exist_ok=True)
                (root / "case/policy.yaml").write_text(
                    f"version: 1\npolicy: case\nrules:\n  - {POLICIES[value]}\ndefault: accept\n")
        elif key != "trusted_proxy":
            raise Unsupported(f"config {key}")
    tls = ", tls: starttls, verify: false" if "tls" in backend else ""
    if "dns_ptr" in backend:
        raise Unsupported("backend dns_ptr")
    timeouts = f"timeouts: {{ client: {daemon.block(client)} }}\n" if client else ""
    return f"""\
version: 1
hostname: mx.test
domains: [example.com]
user: nobody
listeners:
  relay25:        {{ bind: ["127.0.0.1:{ports['mx']}"], backend: mock, policies: [{first}inbound]{listener} }}
  submission587:  {{ bind: ["127.0.0.1:{ports['submission']}"], backend: mock, policies: [{first}submission] }}
  submissions465: {{ bind: ["127.0.0.1:{ports['submissions']}"], tls: implicit, backend: mock, policies: [{first}submission] }}
certificates:
  - {{ names: [mx.test], chain: {root}/fullchain.pem, key: {root}/privkey.pem }}
backends:
  mock: {{ servers: ["127.0.0.1:{backend_port}"], identity: xclient, auth: relay, realm: example.com{tls} }}
{folders}admin: {{ socket: {root}/control.sock }}
log: {{ format: postfix, to: {root}/portreeve.log }}
protocol: {daemon.block(protocol)}
{timeouts}"""


class Group:
    """Cases that one daemon can serve. A case that breaks its backend has a group of its own."""

    def __init__(self, cases):
        self.cases = cases
        self.config, self.backend = cases[0].get("config", {}), cases[0].get("backend", {})

    def run(self, runner, verbose):
        """A result for each case: (id, tier, outcome, why)."""
        port = harness.free_ports(1)[0]
        mock = runner.Backend(port)
        try:
            portreeve = daemon.Portreeve(
                lambda root, ports: configuration(root, ports, port, self.config, self.backend), ["--no-selftest"])
        except Unsupported as unsupported:
            return [(case["id"], case["tier"], "skip", str(unsupported)) for case in self.cases]
        except RuntimeError as error:
            if "not in this version" in str(error):
                return [(case["id"], case["tier"], "skip", self.absent()) for case in self.cases]
            return [(case["id"], case["tier"], "error", str(error)[:600]) for case in self.cases]
        results = []
        try:
            if "tls" not in self.backend:
                self.probed(portreeve)
            for case in self.cases:
                results.append(self.one(case, portreeve, mock, runner, verbose))
            portreeve.stop()
        except (AssertionError, OSError) as error:
            # Beside the cases: the daemon did not come up as it should, or did not end.
            results.append((f"{self.cases[0]['id']}'s daemon", "MUST", "error", str(error)[:600]))
        finally:
            mock.stop()
        return results

    def absent(self):
        """What the daemon said it does not have, in a word."""
        return "policy files are not in this version" if "policy" in self.config else "not in this version"

    def probed(self, portreeve):
        """Until the daemon knows its backend: what it offers is the test of it."""
        def offers():
            with wire.Client(portreeve.mx) as client:
                if self.config.get("trusted_proxy"):
                    client.send(wire.proxy_v1("127.0.0.9", "127.0.0.1"))
                return "8BITMIME" in client.greet()
        if not self.config.get("greeting_delay_ms"):
            harness.until("8BITMIME in the EHLO reply", offers)

    def one(self, case, portreeve, mock, runner, verbose):
        asked = types.SimpleNamespace(
            addr={"relay25": ("127.0.0.1", portreeve.mx), "submission587": ("127.0.0.1", portreeve.submission),
                  "submissions465": ("127.0.0.1", portreeve.submissions)},
            supports=set(self.config) | {"xclient", "tls"}, accept_normalize=False)
        started = time.monotonic()
        try:
            runner.one(case, asked, mock)
            outcome, why = "pass", ""
        except runner.Skip as skip:
            outcome, why = "skip", str(skip)
        except runner.Fail as fail:
            outcome, why = "fail", str(fail)
        except Exception as error:  # whatever a case trips over is that case's result
            outcome, why = "error", repr(error)
        if not portreeve.child.running:
            outcome, why = "error", f"the daemon died: {portreeve.child.said()[-400:]}"
            portreeve._start()
        if verbose:
            print(f"{case['id']} {case['tier']} {outcome} {time.monotonic() - started:.1f} s {why[:160]}", flush=True)
        return case["id"], case["tier"], outcome, why


def groups(cases):
    """The cases by what they need; those that need nothing are dealt out, so that they run side by side."""
    special, plain = collections.OrderedDict(), []
    for case in cases:
        if case.get("backend"):
            special[case["id"]] = [case]
        elif case.get("config"):
            special.setdefault(json.dumps(case["config"], sort_keys=True), []).append(case)
        else:
            plain.append(case)
    dealt = [plain[start::SIDE_BY_SIDE] for start in range(SIDE_BY_SIDE)]
    return [Group(cases) for cases in [*dealt, *special.values()] if cases]


def listed(name):
    """id -> reason, of a file beside this one; an entry without a reason ends the run."""
    found = {}
    for number, line in enumerate((HERE / name).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        ident, _, reason = line.partition(" ")
        if not reason.strip():
            sys.exit(f"{name}:{number}: {ident} has no reason")
        found[ident] = reason.strip()
    return found


def judge(results, exceptions, skips):
    """What is wrong, a line each. `results` are (id, tier, outcome, why)."""
    for ident, tier, outcome, why in results:
        bad = outcome in ("fail", "error")
        if outcome == "error" or bad and tier == "MUST" and ident not in exceptions:
            yield f"{ident} {tier} {outcome}: {why}"
        if ident in exceptions and outcome == "pass":
            yield f"{ident} passes, but vector-exceptions.txt lists it"
        if outcome == "skip" and ident not in skips:
            yield f"{ident} was skipped ({why}), but vector-skips.txt does not list it"
        if outcome != "skip" and ident in skips:
            yield f"{ident} ran, but vector-skips.txt lists it"
        if outcome == "skip" and ident in skips and skips[ident] != why:
            yield f"{ident} was skipped for another reason than vector-skips.txt says: {why}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=".", metavar="REGEX")
    parser.add_argument("-v", action="store_true", dest="verbose")
    options = parser.parse_args()
    if not (VECTORS / "run_vectors.py").exists():
        print(f"SKIP every vector: no run_vectors.py in {VECTORS} (VECTORS=FOLDER)\nRESULT nothing ran")
        return 0
    reason = daemon.why_not()
    if reason:
        print(f"SKIP every vector: {reason}\nRESULT nothing ran")
        return 0

    exceptions, skips = listed("vector-exceptions.txt"), listed("vector-skips.txt")
    cases = json.loads((VECTORS / "vectors.json").read_text(encoding="utf-8"))
    unknown = (exceptions.keys() | skips.keys()) - {case["id"] for case in cases}
    cases = [case for case in cases if re.search(options.only, case["id"])]
    runner = load_runner()
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        running = [pool.submit(group.run, runner, options.verbose) for group in groups(cases)]
        results = sorted(result for one in running for result in one.result())

    wrong = [*judge(results, exceptions, skips), *(f"{ident} is listed, but there is no such case" for ident in sorted(unknown))]
    count = collections.Counter(outcome for _, _, outcome, _ in results)
    for ident, tier, outcome, why in results:
        if outcome == "skip":
            print(f"SKIP {ident} {tier}: {why}")
        elif outcome == "fail" and (tier != "MUST" or ident in exceptions):
            print(f"note: {ident} {tier} fails{' as listed: ' + exceptions[ident] if ident in exceptions else ': ' + why}")
    for line in wrong:
        print(f"WRONG {line}")
    print(f"RESULT {len(results)} vectors: {count['pass']} pass, {count['fail'] + count['error']} fail, "
          f"{count['skip']} skipped, {len(wrong)} not as expected")
    return 1 if wrong or not results else 0


if __name__ == "__main__":
    sys.exit(main())
