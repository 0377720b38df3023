"""The budgets of the design: what Portreeve may cost in proportion to a peer, or to itself, in the same run."""
import statistics

import decisions

#: (what, work, peer, the peer's work, most)
RATIOS = [
    ("one-message session, PROXY v2 sent", "session", "haproxy", "session", 1.0),
    ("one-message session, PROXY v2 sent", "session", "nginx mail", "session", 0.7),
    ("one-message session, XCLIENT sent", "session, XCLIENT", "haproxy", "session", 1.0),
    ("one-message session, XCLIENT sent", "session, XCLIENT", "nginx mail", "session", 0.7),
    ("message on a kept session, 1 KB", "kept 1 KB", "nginx stream", "kept 1 KB", 1.0),
    ("1 MB message", "1 MB", "nginx stream", "1 MB", 1.1),
    ("STARTTLS session", "starttls", "nginx mail", "starttls", 1.0),
    ("implicit TLS session", "implicit", "haproxy", "implicit", 1.1),
]
#: A refused session against the accepted one on the same kind of connection; CPU of proxy and backend together.
REFUSED = [
    ("refused session: no TLS", "refused: no TLS", "session", 0.5),
    ("refused session: relay", "refused: relay", "session", 0.5),
    ("refused session: no AUTH", "refused: no AUTH", "submission", 0.5),
]
#: One event charged to a limit, in a table of a million keys that two workers use.
LIMIT_NANOSECONDS = 300
#: Limits in Redis against the same in memory; CPU of the proxy alone.
SHARED = ("session with limits in Redis", "session, limits", "portreeve redis", "portreeve limits", 1.3)
#: p99 beside a crowd of idle sessions or during a flood, against the same without them.
TAIL = 2.0
MEMORY = [("idle session", "plain", 0.5), ("idle session inside TLS", "starttls", 0.9)]


def paired(ours, theirs):
    """Median, least and greatest of the ratios, round by round: both were measured within the same minute."""
    ratios = [a / b for a, b in zip(ours, theirs) if b > 0]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)} if ratios else None


def cost(results, work, proxy, *fields):
    rounds = results["works"].get(work, {}).get(proxy, [])
    return [sum(each[field] for field in fields or ("us",)) for each in rounds]


def row(what, against, most, ratio):
    return {"what": what, "against": against, "most": most, **ratio, "held": ratio["median"] <= most}


def flood_name(each):
    kind = "are refused" if each["refused"] else "come and leave"
    return f"{each['flood']} {kind}, " + (f"{each['pace']} a second" if each["pace"] else "as fast as they can")


def tails(results):
    if each := results["crowd"].get("portreeve"):
        yield row(f"p99 of a command beside {each['idle']} idle sessions", "without them", TAIL,
                  each["ratios"]["command"])
    for each in results["flood"]:
        if each["proxy"] == "portreeve":
            yield row(f"p99 of a session while {flood_name(each)}", "without them", TAIL, each["ratios"]["session"])


def judge(results):
    """One row for each budget that this run can speak of."""
    rows = []
    for what, work, peer, their_work, most in RATIOS:
        if ratio := paired(cost(results, work, "portreeve"), cost(results, their_work, peer)):
            rows.append(row(what, peer, most, ratio))
    for what, refused, accepted, most in REFUSED:
        both = ("us", "backend_us")
        if ratio := paired(cost(results, refused, "portreeve", *both), cost(results, accepted, "portreeve", *both)):
            rows.append(row(what, f"own {accepted}", most, ratio))
    what, work, shared, own, most = SHARED
    if ratio := paired(cost(results, work, shared), cost(results, work, own)):
        rows.append(row(what, "the same in memory", most, ratio))
    for what, kind, most in MEMORY:
        memory = results["idle"].get(kind, {})
        if "portreeve" in memory and "nginx mail" in memory:
            ratio = paired([memory["portreeve"]["bytes"]], [memory["nginx mail"]["bytes"]])
            if ratio:
                rows.append(row(what, "nginx mail", most, ratio))
    rows += tails(results)
    for what, against, most, share in decisions.rows(results.get("decisions", {})):
        rows.append(row(what, against, most, {"median": share, "low": share, "high": share}))
    if limits := results.get("limits"):
        share = limits["ns_two_workers"] / LIMIT_NANOSECONDS
        rows.append(row(
            "limit decision, two workers", f"{LIMIT_NANOSECONDS} ns at {limits['keys']} keys", 1.0,
            {"median": share, "low": share, "high": share}))
    return rows
