# SPDX-License-Identifier: Apache-2.0
"""What a run has found: on the terminal, as a page, and as tables in the documentation."""

import html
import statistics

from . import ROOT, aims, control, packet, plot
from .arms import RULES

DOCS = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench: written by ./dev bench -->", "<!-- /bench -->"


def cell(s):
    return f"{s['ratio']:.2f} ({s['low']:.2f} – {s['high']:.2f})"


def plain_arms(data):
    return [name for name, arm in data["arms"].items() if not arm["only_rules"]]


# ---- terminal ----

def show(result):
    data = result.get("data")
    for load in data["loads"] if data else []:
        for key, figure in load["figures"].items():
            low, high = load["band"][key]
            print(f"\n{load['title']}: {figure['title']}, {figure['better']}; noise {low:.2f} – {high:.2f}")
            for arm, s in load["summary"][key].items():
                print(f"  {arm:52} {plot.quantity(s['value']):>9} {figure['unit']:8} {cell(s)}")
            for arm, why in load["failures"].items():
                print(f"  {arm:52} failed: {why}")
    if "packet" in result:
        print("\nOne packet by itself")
        if "why" in result["packet"]:
            print(f"  {result['packet']['why']}")
        for kind, count, change in packet.changes(result["packet"]):
            print(f"  {kind:40} {result['packet']['ns'].get(kind, 0):5} ns  {count:6} instructions  {percent(change)}")
    if "guest" in result:
        for line in guest_lines(result["guest"]):
            print(line)
    if data:
        print("\nAims")
        for f in aims.judge(result):
            print(f"  {f.verdict:16} {f.title:98} {f.aim:>7}  {f.found}{f'; limit {f.limit}' if f.limit else ''}")
        for name, why in data["absent"].items():
            print(f"  {'absent':16} {name}: {why}")


def percent(change):
    return "new" if change is None else f"{change:+.1%}" if abs(change) >= 0.0005 else "="


def guest_lines(guest):
    lines = [f"\nIn a guest (Linux {guest.get('kernel', '?')}), {guest.get('clock', '')}"]
    for title, rows in guest.get("loads", {}).items():
        lines.append(f"  {title}")
        lines += [f"    {arm:44} {plot.quantity(v['value']):>9} {v['unit']:8} {v['ratio']:.2f}" for arm, v in rows.items()]
    return lines + ([f"  {guest['why']}"] if guest.get("why") else [])


# ---- documentation ----

def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |",
                      *["| " + " | ".join(row) + " |" for row in rows]]) + "\n"


def arms_table(data):
    columns = [(load, key) for load in data["loads"] if not load["key"].endswith(("-syn", "-tuples"))
               for key in load["figures"] if key != "p99"]
    rows = []
    for arm in plain_arms(data):
        cells = [cell(load["summary"][key][arm]) if arm in load["summary"][key] else "–" for load, key in columns]
        rows.append([f"**{arm}**" if arm.startswith("Weft") else arm, *cells])
    rows.append(["*noise*", *["{:.2f} – {:.2f}".format(*load["band"][key]) for load, key in columns]])
    heads = [f"{load['title']}{' (p50, less is better)' if key == 'p50' else ''}" for load, key in columns]
    return table(["", *heads], rows)


def floods_table(data):
    loads = [load for load in data["loads"] if load["key"].endswith(("-syn", "-tuples"))]
    arms = dict.fromkeys(arm for load in loads for arm in load["summary"]["kept"])
    rows = [[load["title"], arm, *[kept(load["summary"][key].get(arm)) for key in load["figures"]]]
            for load in loads for arm in arms]
    return table(["", "", "as fast as it goes", "20,000 packets a second"], rows) if rows else "Not measured.\n"


def kept(s):
    return f"{s['value']:.2f}; {cell(s)}" if s else "–"


def rules_table(data):
    rows = []
    for load in data["loads"]:
        for name, points in rule_points(data, load).items():
            ratios = dict(points)
            rows.append([load["title"], name, *[f"{ratios[n]:.2f}" if n in ratios else "–" for n in RULES]])
    return table(["load", "", *[f"{n:,} rules" for n in RULES]], rows) if rows else "Not measured.\n"


def rule_points(data, load):
    """{arm without its number of rules: [(rules, ratio)]}"""
    curves = {}
    for name, arm in data["arms"].items():
        summary = load["summary"].get(next(iter(load["figures"])), {})
        if arm["rules"] is not None and name in summary:
            curves.setdefault(f"{arm['family']}, {arm['path']}", []).append((arm["rules"], summary[name]["ratio"]))
    return {name: sorted(points) for name, points in curves.items() if len(points) > 1}


def packet_table(result):
    if "why" in result:
        return f"{result['why']}\n"
    rows = [[kind, str(result["ns"].get(kind, "–")), f"{count:,}", percent(change)]
            for kind, count, change in packet.changes(result)]
    return table(["packet", "ns in this kernel", "instructions, native", "to the baseline"], rows)


def guest_table(guest):
    if not guest.get("loads"):
        return f"{guest.get('why', 'Not measured.')}\n"
    every = set.intersection(*[set(rows) for rows in guest["loads"].values()])
    ruled = {title: rows for title, rows in guest["loads"].items() if rows.keys() - every}
    parts = [guest_rows(guest["loads"], lambda arm: arm in every)]
    if ruled:
        parts += ["With rules and routes:\n", guest_rows(ruled, lambda arm: arm not in every)]
    return "\n".join(parts)


def guest_rows(loads, wanted):
    arms = dict.fromkeys(arm for rows in loads.values() for arm in rows if wanted(arm))
    return table(["", *loads], [[arm, *[f"{rows[arm]['ratio']:.2f}" if arm in rows else "–" for rows in loads.values()]]
                                for arm in arms])


LIMIT_NOTE = ("*Limit*: what a program reaches that stands where Weft's stand and only hands each packet on, unseen; in the "
              "guest, what a bare veth pair would reach. An aim beyond it cannot be met by a better program.\n")


FLOODS_NOTE = ("The victim's rate beside the flood, to its own without one just before; and that to what a bare pair keeps "
               "beside the same flood on a pair of its own, which takes its part of the processors there too.\n")


def markdown(result):
    data, env = result["data"], result["environment"]
    parts = [
        f"Measured {env['date']} on {env['processor']}, {env['processors']} processors ({env['virtual']}), Linux "
        f"{env['kernel']}, load {env['load_before']:.1f} before; {data['rounds']} rounds of {data['seconds']:g} s; commit "
        f"{env['commit']}. Open vSwitch {env['Open vSwitch']}, OVN {env['OVN']}.\n",
        "### Aims\n", LIMIT_NOTE,
        table(["", "aim", "found", "limit", ""], [[f.title, f.aim, f.found, f.limit, f"**{f.verdict}**"]
                                                  for f in aims.judge(result)]),
        "### All arms\n", "Ratios to bare veth: the median of the rounds, and their middle half.\n", arms_table(data),
        *[f"- {name}: {why}" for name, why in data["absent"].items()], "",
        "### Beside floods\n", FLOODS_NOTE, floods_table(data),
        "### Number of firewall rules\n", rules_table(data)]
    if "packet" in result:
        parts += ["### One packet by itself\n", packet_table(result["packet"])]
    if "guest" in result:
        parts += ["### In a guest, beside Open vSwitch's kernel module\n", guest_note(result["guest"]),
                  guest_table(result["guest"])]
    return "\n".join(parts)


def guest_note(guest):
    return f"Linux {guest.get('kernel', '?')}; {guest.get('clock', '')}. Ratios to bare veth.\n"


def write_docs(result):
    text = DOCS.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    DOCS.write_text(f"{before}{BEGIN}\n\n{markdown(result)}\n{END}{after}")


# ---- page ----

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1040px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.7em}h2{margin-top:2em;border-bottom:1px solid #ddd}table{border-collapse:collapse;font-size:13px}
td,th{border:1px solid #ddd;padding:3px 8px;text-align:left}svg{max-width:100%;height:auto}
.met{color:#070}.missed{color:#b00;font-weight:600}.undecided,.not,.beyond{color:#960}p.note{color:#555}"""


def html_table(head, rows):
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in cells) + "</tr>"
    return f"<table>{line('th', head)}{''.join(line('td', row) for row in rows)}</table>"


def load_section(data, load):
    names = set(plain_arms(data))
    parts = [f"<h2>{html.escape(load['title'])}</h2>"]
    for key, figure in load["figures"].items():
        rows = [(name, s) for name, s in load["summary"][key].items() if name in names]
        parts.append(f"<p class=note>{figure['title']}: ratio to bare veth, {figure['better']}. Shaded: what noise alone "
                     "does. Black: the middle half of the rounds. Red: the aim.</p>")
        parts.append(plot.bars(rows, load["band"][key], figure["unit"], AIM_MARKS.get((load["key"], key), {})))
    curves = rule_points(data, load)
    if curves:
        parts.append("<h3>over the number of firewall rules</h3>"
                     + plot.rule_curves(curves, load["band"][next(iter(load["figures"]))]))
    if load["key"] == "rr":
        parts.append("<h3>distribution</h3>" + plot.distributions(
            {name: quantiles(values) for name, values in load["values"].items() if name in names}))
    parts += [f"<p class=note>{html.escape(name)} failed: {html.escape(why)}</p>"
              for name, why in load["failures"].items()]
    return "".join(parts)


AIM_MARKS = {
    ("bulk", "gbit"): {aims.SAME: 0.97, aims.GENEVE: 0.95, aims.VXLAN: 0.95},
    ("rr", "p50"): {aims.SAME: 1.05, aims.GENEVE: 1.05, aims.VXLAN: 1.05},
    ("crr", "rate"): {aims.SAME: 0.90, aims.GENEVE: 0.85, aims.VXLAN: 0.85},
    ("udp-new", "kpps"): {aims.GENEVE: 0.70, aims.VXLAN: 0.70},
}


def quantiles(values):
    """Of all rounds: at each quantile the median."""
    return [(points[0][0], statistics.median(us for _, us in points))
            for points in zip(*[value["quantiles"] for value in values])]


def guest_section(guest):
    parts = ["<h2>In a guest, beside Open vSwitch's kernel module</h2>", f"<p class=note>{guest_note(guest)}</p>"]
    for title, rows in guest.get("loads", {}).items():
        unit = next(iter(rows.values()))["unit"]
        flat = [(name, {**v, "low": v["ratio"], "high": v["ratio"]}) for name, v in rows.items()]
        parts += [f"<h3>{html.escape(title)}</h3>", plot.bars(flat, (1, 1), unit, {})]
    return "".join(parts) + (f"<p>{html.escape(guest['why'])}</p>" if guest.get("why") else "")


def page(result):
    env = result["environment"]
    parts = [f"<h1>Weft beside what one would use instead</h1><p>{env['date']}, {html.escape(env['processor'])}, "
             f"{env['processors']} processors, Linux {env['kernel']}.</p>"]
    if "data" in result:
        parts += data_sections(result)
    if "control" in result:
        parts.append(control.findings.page_section(result, html_table))
    parts += ["<h2>Environment</h2>", html_table(["", ""], [[html.escape(k), html.escape(str(v))] for k, v in env.items()])]
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>Weft: benchmark {env['date']}</title>"
            f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n")


def data_sections(result):
    data = result["data"]
    findings = [[html.escape(f.title), f.aim, html.escape(f.found), f.limit,
                 f'<span class="{f.verdict.split()[0]}">{f.verdict}</span>']
                for f in aims.judge(result)]
    parts = [f"<p>{data['rounds']} rounds of {data['seconds']:g} s.</p>",
             f"<h2>Aims</h2><p class=note>{LIMIT_NOTE}</p>", html_table(["", "aim", "found", "limit", ""], findings),
             *[load_section(data, load) for load in data["loads"]]]
    if data["absent"]:
        parts += ["<h2>Absent</h2>", html_table(["", "why"], [[html.escape(a), html.escape(w)]
                                                              for a, w in data["absent"].items()])]
    if "packet" in result and "why" in result["packet"]:
        parts.append(f"<h2>One packet by itself</h2><p>{html.escape(result['packet']['why'])}</p>")
    elif "packet" in result:
        rows = [[html.escape(k), str(result["packet"]["ns"].get(k, "–")), f"{n:,}", percent(c)]
                for k, n, c in packet.changes(result["packet"])]
        parts += ["<h2>One packet by itself</h2>",
                  html_table(["packet", "ns in this kernel", "instructions, native", "to the baseline"], rows)]
    if "guest" in result:
        parts.append(guest_section(result["guest"]))
    return parts


def condensed(result):
    """A run without its single measurements, to be kept in the tree."""
    data = {**result["data"], "loads": [{k: v for k, v in load.items() if k != "values"}
                                        for load in result["data"]["loads"]]}
    findings = [vars(f) for f in aims.judge(result)]
    return {**result, "data": data, "aims": findings}
