"""What a decision of the policy engine costs: 1,000 rules, 200 at the asked stage, a list of 100,000 prefixes."""
import subprocess

import peers

#: Nanoseconds of one decision, and of loading 100,000 prefixes.
MOST, MOST_TO_LOAD = 2_000, 1_000_000_000
#: A thousand decisions make a thread's scratch memory once.
MOST_ALLOCATIONS = 8
PROGRAM = peers.HERE / ".build/release/decision-budget"


def measure():
    """Of each mix of rules {"ns", "allocations"}; nothing where the program was not built."""
    if not PROGRAM.exists():
        return {}
    lines = subprocess.run([PROGRAM], check=True, capture_output=True, text=True).stdout.split("\n")
    words = [line.split() for line in lines if line]
    return {mix: {"ns": int(time), "allocations": int(allocations)} for mix, time, allocations in words}


def rows(seen):
    """The budgets of the design: (what, against, most, measured), the last two as shares of `against`."""
    for mix, cost in seen.items():
        if mix == "load":
            yield "100,000 prefixes loaded", "1 s", 1.0, cost["ns"] / MOST_TO_LOAD
        else:
            yield f"decision, 200 rules: {mix}", "2 µs", 1.0, cost["ns"] / MOST
    if counts := [cost["allocations"] for mix, cost in seen.items() if mix != "load"]:
        yield "allocations of 1,000 decisions", "scratch", 1.0, max(counts) / MOST_ALLOCATIONS
