# SPDX-License-Identifier: Apache-2.0
"""What a run of the control plane has found: aims, tables, pictures."""

import html
import math

from .. import ROOT, plot
from ..aims import Finding

DOCS = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench control: written by ./dev bench control -->", "<!-- /bench control -->"

CHANGES = {"port-added": "One port added", "label-changed": "One label changed", "port-moved": "One port moved",
           "rule-1000": "One rule, 1,000 ports", "rule-10000": "One rule, 10,000 ports",
           "host-joins": "A host joins, ten ports", "churn": "Eight changes at any time"}
# What a rule of 1,000 ports asks of 40 hosts, each in life on a machine of its own.
ONE_COMPILES, ALL_COMPILE = "one of 40 hosts compiles", "all 40 compile, one after the other"
SINGLE = ("port-added", "label-changed", "port-moved")


def done(run):
    """The runs that have a result."""
    return [each for each in run["sizes"] if "result" in each]


def scenario(each, name):
    return each["result"]["scenarios"].get(name)


# ---- aims ----

def below(title, aim, value, unit, bad="not measured"):
    """Met if the value is below the aim."""
    if value is None:
        return Finding(title, f"< {aim:g} {unit}", bad, "not yet")
    return Finding(title, f"< {aim:g} {unit}", f"{value:,.1f} {unit}", "met" if value < aim else "missed")


def times(title, aim, ratio, noise):
    """Met if OVN takes so many times as long. Undecided where the machine alone could make the difference."""
    if ratio is None:
        return Finding(title, f"≥ {aim} ×", "not measured", "not yet")
    verdict = "undecided" if ratio / noise < aim < ratio * noise else "met" if ratio >= aim else "missed"
    return Finding(title, f"≥ {aim} ×", f"{ratio:.0f} × (noise {noise:.2f})", verdict)


def one_compiling(each):
    """The rule of many hosts of which one compiles."""
    return each.get("one", {}).get("result", {}).get("scenarios", {}).get("rule-1000")


def judge(run):
    found = []
    for each in done(run):
        title = each["size"]["title"]
        for name in SINGLE:
            cost = scenario(each, name)
            found.append(below(f"{CHANGES[name]}, p99: {title}", 9, cost and cost["p99_ms"], "ms"))
        for what, cost in ((ONE_COMPILES, one_compiling(each)), (ALL_COMPILE, scenario(each, "rule-1000"))):
            found.append(below(f"{CHANGES['rule-1000']}, p99, {what}: {title}", 10, cost and cost["p99_ms"], "ms"))
    found += judge_largest(run) + judge_same(run)
    for each in run["beside"]:
        found += judge_beside(each)
    return found


def judge_largest(run):
    """A million ports; in a quick run there are fewer, and nothing to judge."""
    large = next((each for each in done(run) if each["size"]["ports"] >= 1000000), None)
    scenarios = large["result"]["scenarios"] if large else {}
    started = scenarios.get("cold", {}).get("memory", {})
    rested = large["result"]["memory"] if large else {}
    return [below("A million ports, controller and hosts from nothing to all receipts", 60,
                  scenarios.get("cold", {}).get("receipts_s"), "s"),
            below("A million ports, the controller restarted, to all receipts", 60,
                  scenarios.get("restart", {}).get("receipts_s"), "s"),
            below("A million ports, memory of the controller by port, just started", 2000,
                  started.get("controller_port_bytes"), "bytes"),
            below("A million ports, memory of the controller by port, in the end", 2000,
                  rested.get("controller_port_bytes"), "bytes")]


def judge_same(run):
    """The same changes at the two largest sizes: time, and what is told and written."""
    sizes, found = done(run)[-2:], []
    rule = CHANGES["rule-1000"]
    compared = [*[(CHANGES[name], [scenario(each, name) for each in sizes]) for name in SINGLE],
                (f"{rule}, {ONE_COMPILES}", [one_compiling(each) for each in sizes]),
                (f"{rule}, {ALL_COMPILE}", [scenario(each, "rule-1000") for each in sizes])]
    for title, costs in compared:
        if len(costs) < 2 or None in costs:
            found.append(Finding(f"{title}: the larger to the smaller, p50", "≤ 1.25", "not measured", "not yet"))
            continue
        ratio = costs[1]["p50_ms"] / costs[0]["p50_ms"]
        counts = [[cost[count] for count in ("hosts_told", "objects_sent")] for cost in costs]
        found += [Finding(f"{title}: the larger to the smaller, p50", "≤ 1.25", f"{ratio:.2f}",
                          "met" if ratio <= 1.25 else "missed"),
                  Finding(f"{title}: hosts told and objects sent, at both", "the same",
                          " and ".join(f"{told:.1f}, {sent:.1f}" for told, sent in counts),
                          "met" if counts[0] == counts[1] else "missed")]
    return found


def ratios(each):
    """{what: (OVN to Weft, noise, Weft's result)} of one size; nothing where one of the two failed."""
    if "why" in each["ovn"] or "result" not in each["weft"] or "result" not in each["again"]:
        return {}
    first, again = ({**run["result"]["scenarios"]} for run in (each["weft"], each["again"]))
    found = {}
    for name in ("port-added", "rule-1000"):
        pair = [first[name]["p50_ms"], again[name]["p50_ms"]]
        found[name] = (each["ovn"][name]["p50_ms"] / max(pair), max(pair) / min(pair), first[name])
        if name == "rule-1000" and "result" in each["one"]:
            one = each["one"]["result"]["scenarios"][name]
            found["rule-1000-one"] = (each["ovn"][name]["p50_ms"] / one["p50_ms"], max(pair) / min(pair), one)
    pair = [first["cold"]["receipts_s"], again["cold"]["receipts_s"]]
    found["cold"] = (each["ovn"]["cold_s"] / max(pair), max(pair) / min(pair), first["cold"])
    one = each["one"].get("result", {}).get("scenarios", {}).get("cold")
    if one:
        found["cold-one"] = (each["ovn"]["cold_s"] / one["receipts_s"], max(pair) / min(pair), one)
    return found


def judge_beside(each):
    found, ports = ratios(each), f"{each['size']['ports']:,} ports"
    aims = (("port-added", "one port added", 100), ("rule-1000", "one rule of 1,000 ports", 100),
            ("rule-1000-one", "one rule of 1,000 ports, one host compiling in both", 100), ("cold", "cold, with all hosts of ours", 20),
            ("cold-one", "cold, one host of ours compiling", 20))
    return [times(f"OVN to Weft, {title}, {ports}", aim, *found.get(name, (None, 1))[:2]) for name, title, aim in aims]


# ---- tables ----

def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |",
                      *["| " + " | ".join(row) + " |" for row in rows]]) + "\n"


def change_rows(run):
    rows = []
    for each in done(run):
        costs = [(title, scenario(each, name)) for name, title in CHANGES.items()]
        costs.insert(4, (f"the same, {ONE_COMPILES}", one_compiling(each)))
        for title, cost in costs:
            if cost:
                rows.append([each["size"]["title"], title, f"{cost['p50_ms']:.1f}", f"{cost['p99_ms']:.1f}",
                             *([f"{cost[count]:,.1f}" for count in ("hosts_told", "objects_sent", "rows_written")]
                               if cost["hosts_told"] else ["–"] * 3),
                             *([f"{cost['controller_cpu_ms']:.2f}", f"{cost['hosts_cpu_ms']:.2f}",
                                f"{cost['bytes_down'] + cost['bytes_up']:,.0f}"] if cost["hosts_told"] else ["–"] * 3)])
    return rows


CHANGE_HEAD = ["", "change", "p50 ms", "p99 ms", "hosts told", "objects sent", "rows written", "controller's CPU, ms",
               "all hosts' CPU, ms", "bytes"]


def start_rows(run):
    rows = []
    for each in done(run):
        fill, scenarios, memory = (each["result"][part] for part in ("fill", "scenarios", "memory"))
        cold, again = scenarios.get("cold", {}), scenarios.get("restart", {})
        started = cold.get("memory", {})
        rows.append([each["size"]["title"], f"{fill['receipts_s']:.1f}", f"{cold.get('loaded_s', 0):.1f}",
                     f"{cold.get('receipts_s', 0):.1f}", f"{again.get('receipts_s', 0):.1f}",
                     f"{cold.get('bytes_down', 0) / each['size']['hosts'] / 1000:,.0f}",
                     f"{cold.get('bytes_up', 0) / each['size']['hosts'] / 1000:,.1f}",
                     f"{started.get('controller_bytes', 0) / 1e6:,.0f}", f"{started.get('controller_port_bytes', 0):,.0f}",
                     f"{memory.get('controller_bytes', 0) / 1e6:,.0f}", f"{memory.get('controller_port_bytes', 0):,.0f}",
                     f"{memory['host_bytes'] / 1000:,.0f}" if "host_bytes" in memory else "–"])
    return rows


START_HEAD = ["", "filled, s", "store loaded, s", "cold to all receipts, s", "controller restarted, s", "KB down a host, cold",
              "KB up a host", "controller just started, MB", "bytes a port", "in the end, MB", "bytes a port",
              "KB a host that compiles"]


def beside_rows(run):
    rows = []
    for each in run["beside"]:
        ports = f"{each['size']['ports']:,} ports"
        if "why" in each["ovn"]:
            rows.append([ports, f"OVN failed: {each['ovn']['why'].splitlines()[0][:80]}", "–", "–", "–"])
            continue
        for name, (ratio, noise, weft) in ratios(each).items():
            ours = f"{weft['p50_ms']:.1f} ms" if not name.startswith("cold") else f"{weft['receipts_s']:.2f} s"
            ovn = each["ovn"].get(name.removesuffix("-one"), {})
            theirs = (f"{ovn['p50_ms']:,.0f} ms ({ovn['low_ms']:,.0f} – {ovn['high_ms']:,.0f})" if ovn
                      else f"{each['ovn']['cold_s']:.1f} s")
            rows.append([ports, BESIDE.get(name) or CHANGES[name], ours, theirs, f"{ratio:.0f} × (noise {noise:.2f})"])
        memory = each["ovn"]["memory"]
        if "result" in each["weft"]:
            controller = each["weft"]["result"]["memory"]["controller_bytes"]
            both = memory["northd"] + memory["sb"]
            rows.append([ports, "Memory: the controller; northd and the southbound database", f"{controller / 1e6:.0f} MB",
                         f"{memory['northd'] / 1e6:.0f} + {memory['sb'] / 1e6:.0f} MB", f"{both / controller:.1f} ×"])
    return rows


BESIDE = {"cold": "Cold: northd; Weft and all its hosts", "cold-one": "Cold: northd; Weft, all its hosts connected, one compiling",
          "rule-1000-one": "One rule, 1,000 ports, one host compiling in both"}
BESIDE_HEAD = ["", "", "Weft", "OVN", "OVN to Weft"]


def chaos_lines(run):
    chaos = run.get("chaos") or {"why": "not run"}
    if "why" in chaos:
        return f"Not measured: {chaos['why']}\n"
    word = "can be put into one order" if chaos.get("linearizable") else "**contradict one another**"
    return (f"{chaos.get('operations', 0):,} operations, {chaos.get('accepted', 0):,} accepted, {chaos.get('unknown', 0):,} "
            f"without an answer: what all clients were answered {word}.\n")


def markdown(result):
    run, env = result["control"], result["environment"]
    failures = [f"- {each['size']['title']}: {each['why']}\n" for each in run["sizes"] if "why" in each]
    return "\n".join([
        f"Measured {env['date']}{' in a quick run' if result['quick'] else ''} on {env['processor']}, {env['processors']} processors ({env['virtual']}), Linux "
        f"{env['kernel']}, load {env['load_before']:.1f} before; commit {env['commit']}. OVN {env['OVN']}.\n",
        "#### Aims\n", table(["", "aim", "found", ""], [[f.title, f.aim, f.found, f"**{f.verdict}**"] for f in judge(run)]),
        "#### Changes\n", table(CHANGE_HEAD, change_rows(run)), *failures,
        "#### Beginning\n", table(START_HEAD, start_rows(run)),
        "#### Beside OVN\n", table(BESIDE_HEAD, beside_rows(run)),
        "#### Under faults\n", chaos_lines(run)])


def write_docs(result):
    text = DOCS.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    DOCS.write_text(f"{before}{BEGIN}\n\n{markdown(result)}\n{END}{after}")


def show(result):
    run = result["control"]
    for title, head, rows in (("Changes", CHANGE_HEAD, change_rows(run)), ("Beginning", START_HEAD, start_rows(run)),
                              ("Beside OVN", BESIDE_HEAD, beside_rows(run))):
        widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
        print(f"\n{title}")
        for line in [head, *rows]:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)))
    for each in run["sizes"]:
        if "why" in each:
            print(f"  {each['size']['title']}: {each['why']}")
    print(f"\nUnder faults: {chaos_lines(run)}\nAims")
    for f in judge(run):
        print(f"  {f.verdict:10} {f.title:78} {f.aim:>12}  {f.found}")


def condensed(run):
    """Without single values, for git."""
    def thin(node):
        if isinstance(node, dict):
            return {key: thin(value) for key, value in node.items() if key != "samples_ms"}
        if isinstance(node, list):
            return [thin(value) for value in node]
        return round(node, 3) if isinstance(node, float) else node
    return thin(run)


# ---- pictures ----

def short(power, unit):
    """10 to that power, in the unit or a larger one."""
    larger = {"ms": ["ms", "s"], "B": ["B", "KB", "MB"]}.get(unit, [unit])
    steps = min(max(power // 3, 0), len(larger) - 1)
    return f"{10 ** (power - 3 * steps):g} {larger[steps]}"


def logarithmic(curves, x_title, y_title, unit):
    """Lines over two logarithmic axes: {name: [(x, y)]}."""
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    axes = plot.Axes(min(xs) / 1.5, max(xs) * 1.5, max(high - low, 1), x_title, y_title, height=380)
    for power in range(math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs))) + 1):
        if min(xs) / 1.5 <= 10 ** power <= max(xs) * 1.5:
            axes.x_tick(10 ** power, f"{10 ** power:,}")
    for power in range(low, high + 1):
        axes.y_tick(power - low, short(power, unit))
    for name, points in curves.items():
        axes.curve(name, [(x, math.log10(y) - low) for x, y in sorted(points)], dots=True)
    return axes.svg()


def latency_curves(run, name):
    curves = {"Weft, p50": [], "Weft, p99": [], "OVN, p50": []}
    for each in done(run):
        cost = scenario(each, name)
        if cost:
            curves["Weft, p50"].append((each["size"]["ports"], cost["p50_ms"]))
            curves["Weft, p99"].append((each["size"]["ports"], cost["p99_ms"]))
    for each in run["beside"]:
        if name in each["ovn"]:
            curves["OVN, p50"].append((each["size"]["ports"], each["ovn"][name]["p50_ms"]))
    return {title: points for title, points in curves.items() if points}


def start_curves(run):
    curves = {"Weft, cold to all receipts": [(each["size"]["ports"], scenario(each, "cold")["receipts_s"])
                                             for each in done(run) if scenario(each, "cold")],
              "OVN, northd alone": [(each["size"]["ports"], each["ovn"]["cold_s"]) for each in run["beside"]
                                    if "cold_s" in each["ovn"]]}
    return {title: points for title, points in curves.items() if points}


def memory_curves(run):
    curves = {"Weft, controller": [(each["size"]["ports"], each["result"]["memory"]["controller_port_bytes"])
                                   for each in done(run)],
              "OVN, northd and southbound": [
                  (each["size"]["ports"], (each["ovn"]["memory"]["northd"] + each["ovn"]["memory"]["sb"]) /
                   each["size"]["ports"]) for each in run["beside"] if "memory" in each["ovn"]]}
    return {title: points for title, points in curves.items() if points}


def page_section(result, html_table):
    run = result["control"]
    parts = ["<h2>The control plane</h2>"]
    for name in ("port-added", "rule-1000"):
        curves = latency_curves(run, name)
        if curves:
            parts.append(f"<h3>{html.escape(CHANGES[name])}</h3>" + logarithmic(curves, "ports", "until realized", "ms"))
    for title, curves, unit in (("Cold start", start_curves(run), "s"), ("Memory by port", memory_curves(run), "B")):
        if curves:
            parts.append(f"<h3>{title}</h3>" + logarithmic(curves, "ports", title.lower(), unit))
    for title, head, rows in (("Changes", CHANGE_HEAD, change_rows(run)), ("Beginning", START_HEAD, start_rows(run)),
                              ("Beside OVN", BESIDE_HEAD, beside_rows(run))):
        parts.append(f"<h3>{title}</h3>" + html_table(head, [[html.escape(cell) for cell in row] for row in rows]))
    return "".join(parts)
