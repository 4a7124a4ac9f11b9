# SPDX-License-Identifier: Apache-2.0
"""The data path: all arms under all loads."""

import contextlib

from lab import Lab

from . import arms as kernel_arms
from . import method, openvswitch, weft
from .arms import Absent, Ground
from .loads import LOADS

# Loads that say something for every arm; the rest of the rules' arms have only those that show rules.
QUICK = {"rounds": 3, "seconds": 0.2}
FULL = {"rounds": 7, "seconds": 0.5}


def build(geneve, vxlan, program, progress):
    """(arms, absent): what can be set up, and what cannot and why."""
    ground, other = Ground(geneve, program), Ground(vxlan, program)
    builders = [
        ("bare veth", lambda: kernel_arms.bare(ground, kernel_arms.BARE)),
        ("bare veth again", lambda: kernel_arms.bare(ground, kernel_arms.AGAIN)),
        ("Linux bridge", lambda: kernel_arms.bridges(ground, "br")),
        *[(f"bridge + nftables, {rules:,} rules", lambda rules=rules: kernel_arms.ruled(ground, rules))
          for rules in kernel_arms.RULES],
        ("macvlan", lambda: kernel_arms.macvlan(ground)),
        ("Open vSwitch, same host", lambda: openvswitch.same_host(ground)),
        ("Open vSwitch, across", lambda: openvswitch.across(ground)),
        ("OVN", lambda: openvswitch.ovn(ground)),
        ("Weft + Geneve", lambda: weft.plain(ground)),
        ("Weft + VXLAN", lambda: weft.plain(other)),
        ("Weft, routed", lambda: weft.routed(ground)),
        ("Weft, firewall rules", lambda: weft.ruled(ground)),
    ]
    arms, absent = [], weft.absent(geneve)
    for name, builder in builders:
        progress.step(f"set up: {name}")
        try:
            arms += builder()
        except Exception as error:
            if name.startswith(("Weft", "bare")):
                raise
            absent.append(Absent(name, f"could not be set up: {str(error)[:500]}"))
    return arms, absent


def chosen(load, arms):
    """The arms that this load is measured on."""
    if load.flood:
        return [arm for arm in arms if arm.flood and not arm.only_rules]
    return [arm for arm in arms if load.rules or not arm.only_rules]


def run(program, quick, only=None):
    options = QUICK if quick else FULL
    loads = [load for load in LOADS if not only or load.key in only]
    setup = method.Progress(17)
    with contextlib.ExitStack() as stack:
        labs = [stack.enter_context(Lab(hosts=2, encap=encap, direct=True)) for encap in ("geneve", "vxlan")]
        arms, absent = build(*labs, program, setup)
        setup.end()
        progress = method.Progress(options["rounds"] * sum(len(chosen(load, arms)) for load in loads))
        results = []
        for load in loads:
            values, failures = method.measure(load, chosen(load, arms), options["rounds"], options["seconds"], program,
                                              progress)
            table, band = method.summarize(load, values)
            results.append({"key": load.key, "title": load.title,
                            "figures": {k: {"title": t, "unit": u, "better": b} for k, (t, u, b) in load.figures.items()},
                            "summary": table, "band": band, "values": values, "failures": failures})
        progress.end()
    described = {a.name: {"family": a.family, "path": a.path, "rules": a.rules, "only_rules": a.only_rules} for a in arms}
    return {**options, "arms": described, "absent": {a.name: a.reason for a in absent}, "loads": results}
