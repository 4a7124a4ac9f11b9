# SPDX-License-Identifier: Apache-2.0
"""What Weft wants to reach, and whether a run shows it. An aim that a run cannot judge is told as such, not left out."""

import dataclasses
import statistics

from .arms import BARE

SAME, GENEVE, VXLAN = "Weft, same host", "Weft + Geneve, across", "Weft + VXLAN, across"


@dataclasses.dataclass
class Finding:
    title: str
    aim: str
    found: str    # a ratio and its middle half, or why there is none
    verdict: str  # met, missed, undecided (the spread holds the aim), not yet


def _load(data, key):
    return next((load for load in data["loads"] if load["key"] == key), None)


def _judge(title, aim, ratios, at_most=False):
    """`ratios`: one a round."""
    sign = "≤" if at_most else "≥"
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else [middle] * 3
    met = middle <= aim if at_most else middle >= aim
    verdict = "undecided" if low < aim < high else "met" if met else "missed"
    return Finding(title, f"{sign} {aim:.2f}", f"{middle:.2f} ({low:.2f} – {high:.2f})", verdict)


def _ratio(data, key, figure, arm, title, aim, at_most=False, reference=None):
    """Of an arm to bare, round by round, or to bare under the load `reference`."""
    load, base = _load(data, key), _load(data, reference or key)
    if not load or not base or arm not in load["values"]:
        return Finding(f"{title}: {arm}", f"{'≤' if at_most else '≥'} {aim:.2f}", "not measured", "not yet")
    ratios = [a[figure] / b[figure] for a, b in zip(load["values"][arm], base["values"][BARE])]
    return _judge(f"{title}: {arm}", aim, ratios, at_most)


def _kept(data, key, title, arm):
    """What a victim keeps beside a flood, to what a bare pair keeps beside the same flood on a pair of its own: that takes
    its part of the processors."""
    calm, flooded = _load(data, "crr"), _load(data, key)
    if not calm or not flooded or arm not in flooded["values"]:
        return Finding(f"{title}: {arm}", "≥ 0.95", "not measured", "not yet")
    kept = {name: [a["rate"] / b["rate"] for a, b in zip(flooded["values"][name], calm["values"][name])]
            for name in (arm, BARE)}
    return _judge(f"{title}: {arm}", 0.95, [a / b for a, b in zip(kept[arm], kept[BARE])])


def _rules(data, key, figure, family, path):
    load = _load(data, key)
    few, many = f"{family}, 0 rules, {path}", f"{family}, 10,000 rules, {path}"
    title = f"10,000 rules to none, {load['title'].lower() if load else key}: {family}, {path}"
    if not load or many not in load["values"]:
        return Finding(title, "≥ 0.97", "not yet: Weft knows no policies here", "not yet")
    return _judge(title, 0.97, [a[figure] / b[figure] for a, b in zip(load["values"][many], load["values"][few])])


def judge(result):
    data = result["data"]
    findings = [
        _ratio(data, "bulk", "gbit", SAME, "Bulk TCP", 0.97),
        *[_ratio(data, "bulk", "gbit", arm, "Bulk TCP", 0.95) for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "bulk-off", "gbit", arm, "Bulk TCP, offloads off, to bare with them", 0.45, reference="bulk")
          for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "rr", "p50", arm, "Request-response, median", 1.05, True) for arm in (SAME, GENEVE, VXLAN)],
        _ratio(data, "crr", "rate", SAME, "Connect, request, close", 0.90),
        *[_ratio(data, "crr", "rate", arm, "Connect, request, close", 0.85) for arm in (GENEVE, VXLAN)],
        *[_ratio(data, "udp-new", "kpps", arm, "UDP, each of a new flow", 0.70) for arm in (GENEVE, VXLAN)],
        *[_rules(data, key, figure, family, path) for key, figure in (("crr", "rate"), ("udp-new", "kpps"))
          for family, path in (("Weft", "same host"), ("Weft + Geneve", "across"))],
        _kept(data, "crr-syn", "What a victim keeps beside a SYN flood", GENEVE),
        _kept(data, "crr-tuples", "What a victim keeps beside a flood of random ports", GENEVE),
    ]
    return findings + _guest(result.get("guest"))


def _guest(guest):
    """Virtual time of a guest counts instructions: the figures have no spread."""
    title = "To Open vSwitch's kernel datapath, in a guest"
    if not guest or not guest.get("ratios"):
        return [Finding(title, "≥ 1.20", (guest or {}).get("why", "not measured"), "not yet")]
    return [Finding(f"{title}: {name}", "≥ 1.20", f"{ratio:.2f}", "met" if ratio >= 1.2 else "missed")
            for name, ratio in guest["ratios"].items()]
