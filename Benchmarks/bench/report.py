"""The results as text, and as a picture."""
import statistics

import budgets


def spread(values, form="{:.0f}"):
    """`median (least-greatest)`."""
    if not values:
        return "-"
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(min(values))}-{form.format(max(values))})" if len(values) > 1 else middle


def table(head, rows):
    widths = [max(len(str(line[i])) for line in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"

    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def costs(results, proxies):
    rows = []
    for work, by in results["works"].items():
        cells = [spread([each["us"] for each in by.get(proxy, [])]) for proxy in proxies]
        rows.append([f"{work}: {results['units'][work]}", *cells])
    return table(["CPU µs of the proxy", *proxies], rows)


def split(results, proxies):
    def cell(rounds):
        user, system = (statistics.median(each[field] for each in rounds) for field in ("user", "system"))
        return f"{user:.0f}+{system:.0f}"

    rows = [[work, *(cell(by[proxy]) if by.get(proxy) else "-" for proxy in proxies)]
            for work, by in results["works"].items()]
    return table(["user + system, µs", *proxies], rows)


def ratios(results, proxies):
    rows = []
    for work in results["works"]:
        ours = budgets.cost(results, work, "portreeve")
        cells = []
        for proxy in proxies:
            ratio = budgets.paired(ours, budgets.cost(results, work, proxy))
            cells.append(f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})" if ratio else "-")
        if any(cell != "-" for cell in cells):
            rows.append([work, *cells])
    return table(["Portreeve's CPU against", *proxies], rows)


def latencies(results, proxies):
    """Added milliseconds: the median session through a proxy less the median session without one."""
    rows = []
    for work, by in results["works"].items():
        for name in ("p50", "p99"):
            def median(proxy):
                seen = [each["session_us"][name] / 1000 for each in by.get(proxy, []) if each["session_us"]]
                return statistics.median(seen) if seen else None
            base = median("direct") if work in ("session", "connect and leave") else None
            if work not in ("session", "starttls", "implicit", "connect and leave"):
                continue
            cells = [f"{median(p) - (base or 0):+.2f}" if base is not None and median(p) is not None and p != "direct"
                     else f"{median(p):.2f}" if median(p) is not None else "-" for p in proxies]
            rows.append([f"{work}, {name}", *cells])
    return table(["ms a session (+: added to direct)", *proxies], rows)


def throughput(results, proxies):
    rows = [[work, *(spread([each["per_second"] for each in by.get(proxy, [])]) for proxy in proxies)]
            for work, by in results["works"].items()]
    return table(["units a second", *proxies], rows)


def memory(results):
    rows = [[f"idle, {kind}", proxy, str(each["count"]), f"{each['bytes'] / 1024:.2f}"]
            for kind, by in results["idle"].items() for proxy, each in by.items()]
    rows += [["backend stopped reading", proxy, str(each["count"]), f"{each['bytes'] / 1024:.1f}"]
             for proxy, each in results["stalled"].items()]
    return table(["memory", "proxy", "sessions", "KiB each"], rows) if rows else ""


def verdicts(results):
    rows = [[each["what"], each["against"], f"{each['most']:.2f}",
             f"{each['median']:.2f} ({each['low']:.2f}-{each['high']:.2f})", "held" if each["held"] else "missed"]
            for each in results["budgets"]]
    return table(["budget", "against", "at most", "measured", ""], rows)


def tails(results):
    """Latency of clients that are served, without and with others that are not."""
    measured = [(f"{proxy}: {each['idle']} idle sessions", each) for proxy, each in results["crowd"].items()]
    measured += [(f"{each['proxy']}: {budgets.flood_name(each)}", each) for each in results["flood"]]
    rows = []
    for what, each in measured:
        for kind in ("greeting", "command", "session"):
            alone, beside, ratio = each["alone"][kind], each["beside"][kind], each["ratios"][kind]
            rows.append([
                what if kind == "greeting" else "", kind, f"{alone['p50']} / {alone['p99']}",
                f"{beside['p50']} / {beside['p99']}",
                f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})"])
    return table(["latency, µs: p50 / p99", "of a", "alone", "beside them", "p99, times"], rows) if rows else ""


def notes(results):
    """What the tables have no column for."""
    lines = []
    for proxy, each in results["crowd"].items():
        lines.append(
            f"{proxy}, {each['rate']} sessions a second beside {each['idle']} idle ones: {each['failed']} failed; "
            f"{each['kib_each']:.2f} KiB for each idle one; {late(each)}")
    for each in results["flood"]:
        lines.append(
            f"{each['proxy']}, {each['rate']} sessions a second, {budgets.flood_name(each)} "
            f"({each['flood_per_second']:.0f} a second came): {each['failed']} failed, the backend saw none of the "
            f"flood; {late(each)}")
    for proxy, each in results["workers"].items():
        one, two = each["1"], each["2"]
        lines.append(
            f"{proxy}: 1 worker {one['per_second']:.0f} sessions a second ({one['us']:.0f} µs each), "
            f"2 workers {two['per_second']:.0f} ({two['us']:.0f} µs each)")
    return "\n".join("* " + line for line in lines)


def late(each):
    return f"the loader's own lateness, p99: {each['alone']['late']['p99']} and {each['beside']['late']['p99']} µs"


def text(results):
    proxies = results["proxies"]
    others = [each for each in proxies if not each.startswith(("direct", "portreeve"))]
    parts = [
        f"{results['machine']}, {results['rounds']} rounds, scale {results['scale']}; "
        f"load average {results['load'][0]:.1f} before, {results['load'][1]:.1f} after. Median (least-greatest).",
        *([costs(results, proxies), split(results, proxies), ratios(results, others), throughput(results, proxies),
           latencies(results, proxies)] if results["works"] else []),
        memory(results), tails(results), notes(results), verdicts(results),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def document(results):
    """What stands between the marks of docs/PERFORMANCE.md."""
    proxies = results["proxies"]
    others = [each for each in proxies if not each.startswith(("direct", "portreeve"))]
    first = (f"{results['machine']}; {results['rounds']} rounds, scale {results['scale']}, load average "
             f"{results['load'][0]:.1f} before and {results['load'][1]:.1f} after. Medians with the least and greatest round.")
    parts = [first, verdicts(results), costs(results, proxies), ratios(results, others),
             "User and system time:", split(results, proxies),
             "Latency, with loader, proxy and backend on the same machine:", latencies(results, proxies),
             memory(results), tails(results), notes(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_document(results, path):
    """Puts the results between the marks of a document."""
    begin, end = "<!-- results -->\n", "<!-- end of results -->\n"
    old = path.read_text()
    head, rest = old.split(begin, 1)
    path.write_text(head + begin + "\n" + document(results) + "\n" + end + rest.split(end, 1)[1])


def plot(results, path):
    """CPU of each work for every proxy, in proportion to Portreeve's. False if there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    works = [work for work, by in results["works"].items() if len([p for p in by if p != "direct"]) > 1]
    proxies = [each for each in results["proxies"] if each != "direct"]
    figure, axes = pyplot.subplots(figsize=(11, 0.8 * len(works) + 1.5))
    height = 0.8 / len(proxies)
    for index, proxy in enumerate(proxies):
        places, values, errors = [], [], ([], [])
        for place, work in enumerate(works):
            ratio = budgets.paired(
                budgets.cost(results, work, proxy), budgets.cost(results, work, "portreeve"))
            if ratio:
                places.append(place + index * height)
                values.append(ratio["median"])
                errors[0].append(ratio["median"] - ratio["low"])
                errors[1].append(ratio["high"] - ratio["median"])
        axes.errorbar(values, places, xerr=errors, fmt="o", markersize=5, linewidth=0.8, label=proxy)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(works))], works)
    axes.invert_yaxis()
    axes.set_xlabel("CPU for the same work, Portreeve = 1 (log scale; a dot is the median, its line spans all rounds)")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return True
