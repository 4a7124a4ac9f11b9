# SPDX-License-Identifier: Apache-2.0
"""What Weft wants to reach, and whether a run shows it. An aim that a run cannot judge is told as such, not left out."""

import dataclasses
import statistics

from .arms import ACROSS, BARE, LIMIT, RULES, SAME as SAME_HOST

SAME, GENEVE, VXLAN = "Weft, same host", "Weft + Geneve, across", "Weft + VXLAN, across"
RULED = "Weft + Geneve, 1,000 rules, across"
PATHS = (("Weft", SAME_HOST), ("Weft + Geneve", ACROSS))
PEERS = {SAME_HOST: "bridge + nftables", ACROSS: "bridge + nftables + VXLAN"}  # with connection tracking


@dataclasses.dataclass
class Finding:
    title: str
    aim: str
    found: str    # a ratio and its middle half, or why there is none
    verdict: str  # met, missed, undecided (the spread holds the aim), beyond the limit, not yet
    limit: str = ""  # what could be reached at best


def _load(data, key):
    return next((load for load in data["loads"] if load["key"] == key), None)


def _sign(at_most):
    return "≤" if at_most else "≥"


def _judge(title, aim, ratios, at_most=False, limit=None):
    """`ratios`: one a round. `limit`: the best that there can be."""
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else [middle] * 3
    met = middle <= aim if at_most else middle >= aim
    verdict = "undecided" if low < aim < high else "met" if met else "missed"
    if verdict == "missed" and limit and (limit > aim if at_most else limit < aim):
        verdict = "beyond the limit"
    return Finding(title, f"{_sign(at_most)} {aim:.2f}", f"{middle:.2f} ({low:.2f} – {high:.2f})", verdict,
                   f"{limit:.2f}" if limit else "")


def _not_yet(title, aim, why="not measured", at_most=False):
    return Finding(title, f"{_sign(at_most)} {aim:.2f}", why, "not yet")


def _why(data, load, arm):
    """Why there is no figure of this arm."""
    if not load:
        return "not measured"
    return load["failures"].get(arm) or next((why for name, why in data["absent"].items() if name in arm), "not measured")


def _quotients(over, arm, under, reference, figure):
    """Round by round: an arm under a load to another, perhaps under another; None: one was not measured."""
    if not over or not under or arm not in over["values"] or reference not in under["values"]:
        return None
    return [a[figure] / b[figure] for a, b in zip(over["values"][arm], under["values"][reference])]


def _ratio(data, key, figure, arm, title, aim, at_most=False, reference=None):
    """Of an arm to bare, or to bare under the load `reference`."""
    load, base = _load(data, key), _load(data, reference or key)
    ratios = _quotients(load, arm, base, BARE, figure)
    if not ratios:
        return _not_yet(f"{title}: {arm}", aim, _why(data, load, arm), at_most)
    best = _quotients(load, f"{LIMIT}, {arm.split(', ')[-1]}", base, BARE, figure)
    return _judge(f"{title}: {arm}", aim, ratios, at_most, statistics.median(best) if best else None)


def _to(data, key, figure, arm, reference, title, aim):
    """Of an arm to another under the same load. Of latencies the inverse, so that more is better."""
    load = _load(data, key)
    pair = (reference, arm) if figure == "p50" else (arm, reference)
    ratios = _quotients(load, pair[0], load, pair[1], figure)
    title = f"{title}, {load['title'].lower() if load else key}: {arm}"
    return _judge(title, aim, ratios) if ratios else _not_yet(title, aim, _why(data, load, arm))


FLAT = (("rr", "p50"), ("crr", "rate"), ("udp-new", "kpps"))


def _flat(data):
    """Neither rules nor routes cost more, the more there are."""
    found = []
    for key, figure in FLAT:
        for family, path in PATHS:
            few = f"{family}, 0 rules, {path}"
            found.append(_to(data, key, figure, f"{family}, {RULES[-1]:,} rules, {path}", few,
                             f"{RULES[-1]:,} rules to none", 0.97))
            found.append(_to(data, key, figure, f"{family}, 100,000 routes, {path}", f"{family}, routed, {path}",
                             "100,000 routes to two", 0.97))
    return found


def _ahead(data):
    """Of what a user would take instead, at every number of rules: the number at which the lead is least."""
    found = []
    for key, figure in FLAT:
        for family, path in PATHS:
            leads = [_to(data, key, figure, f"{family}, {rules:,} rules, {path}", f"{PEERS[path]}, {rules:,} rules, {path}",
                         f"To {PEERS[path]}", 1.0) for rules in RULES]
            leads = [lead for lead in leads if lead.verdict != "not yet"] or leads
            found.append(min(leads, key=lambda lead: float(lead.found.split()[0]) if lead.verdict != "not yet" else 0))
    return found


def _floods(data):
    """What a victim keeps beside a flood, to what a bare pair keeps beside the same flood on a pair of its own: that takes
    its part of the processors. And whether what was established lives."""
    found = []
    for flood, words in (("syn", "a SYN flood"), ("tuples", "a flood of random ports")):
        for key, aim in (("crr", 0.95), ("rr", 0.9)):
            flooded = _load(data, f"{key}-{flood}")
            for figure, speed in (("kept", ""), ("kept_slow", " of 20,000 a second")):
                for arm in (GENEVE, RULED):
                    kept = _quotients(flooded, arm, flooded, BARE, figure)
                    title = f"{'Connections' if key == 'crr' else 'Requests'} that a victim keeps beside {words}{speed}: {arm}"
                    found.append(_judge(title, aim, kept) if kept else _not_yet(title, aim, _why(data, flooded, arm)))
        found += [_lives(data, f"rr-{flood}", f"Own established connections of the sender of {words}", "survivors"),
                  _lossless(data, f"rr-{flood}", f"Segments of a victim sent again beside {words}")]
    return found


def _lives(data, key, title, member):
    load = _load(data, key)
    values = [v[member] for v in load["values"].get(RULED, []) if member in v] if load else []
    if not values:
        return Finding(f"{title}: {RULED}", "all", "not measured", "not yet")
    return Finding(f"{title}: {RULED}", "all", f"{statistics.mean(values):.0%}", "met" if min(values) == 1 else "missed")


def _lossless(data, key, title):
    load = _load(data, key)
    lost = [v["lost"] for v in load["values"].get(RULED, [])] if load else []
    if not lost:
        return Finding(f"{title}: {RULED}", "none", "not measured", "not yet")
    return Finding(f"{title}: {RULED}", "none", f"{sum(lost)}", "missed" if sum(lost) else "met")


def judge(result):
    data, guest = result["data"], result.get("guest")
    return [
        _ratio(data, "bulk", "gbit", SAME, "Bulk TCP", 0.97),
        *[_ratio(data, "bulk", "gbit", arm, "Bulk TCP", 0.95) for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "bulk-off", "gbit", arm, "Bulk TCP, offloads off, to bare with them", 0.45, reference="bulk")
          for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "rr", "p50", arm, "Request-response, median", 1.05, True) for arm in (SAME, GENEVE, VXLAN)],
        _ratio(data, "crr", "rate", SAME, "Connect, request, close", 0.90),
        *[_ratio(data, "crr", "rate", arm, "Connect, request, close", 0.85) for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "udp-new", "kpps", arm, "UDP, each of a new flow", 0.70) for arm in (GENEVE, VXLAN)],
        *_flat(data), *_ahead(data), *_floods(data), *_guest(guest), *_guest_flat(guest), *_guest_ahead(guest),
    ]


# ---- in a guest, where time is counted in instructions: the figures have no spread ----

def _rate(row):
    """More is better."""
    return 1 / row["ratio"] if row["unit"] == "µs" else row["ratio"]


def _guest(guest):
    """At best Weft is as fast as a bare pair."""
    title, aim = "To Open vSwitch's kernel datapath, in a guest", 1.2
    if not guest or not guest.get("ratios"):
        return [_not_yet(title, aim, (guest or {}).get("why", "not measured"))]
    found = []
    for name, ratio in guest["ratios"].items():
        limit = guest.get("limits", {}).get(name)
        verdict = "met" if ratio >= aim else "beyond the limit" if limit and limit < aim else "missed"
        found.append(Finding(f"{title}: {name}", f"≥ {aim:.2f}", f"{ratio:.2f}", verdict, f"{limit:.2f}" if limit else ""))
    return found


def _guest_pairs(guest, title, aim, pairs):
    """`pairs`: of arms, [(one, another)]. Under each load the pair whose quotient is least."""
    found = []
    for load, rows in ((guest or {}).get("loads") or {}).items():
        quotients = [(_rate(rows[arm]) / _rate(rows[other]), arm) for arm, other in pairs if {arm, other} <= rows.keys()]
        if quotients:
            ratio, arm = min(quotients)
            found.append(Finding(f"{title}, {load.lower()}, in a guest: {arm}", f"≥ {aim:.2f}", f"{ratio:.2f}",
                                 "met" if ratio >= aim else "missed"))
    return found


def _guest_flat(guest):
    return [finding for words, more, few in (("10,000 rules to none", "10,000 rules", "0 rules"),
                                             ("100,000 routes to two", "100,000 routes", "routed"))
            for family, path in PATHS
            for finding in _guest_pairs(guest, words, 0.97, [(f"{family}, {more}, {path}", f"{family}, {few}, {path}")])]


def _guest_ahead(guest):
    """At every number of rules: the number at which the lead is least."""
    return [finding for family, path in PATHS
            for finding in _guest_pairs(guest, f"To {PEERS[path]}", 1.0, [
                (f"{family}, {rules:,} rules, {path}", f"{PEERS[path]}, {rules:,} rules, {path}") for rules in RULES])]
