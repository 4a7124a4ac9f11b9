# SPDX-License-Identifier: Apache-2.0
"""The data path: all arms under all loads."""

import collections
import contextlib

from lab import Lab

from . import arms as kernel_arms
from . import method, openvswitch, weft
from .arms import Absent, Ground
from .loads import LOADS

QUICK = {"rounds": 3, "seconds": 0.1}
FULL = {"rounds": 7, "seconds": 0.5}
QUICK_RULES = (0, 1000, 10000)
NOT_QUICK = ("bulk4", "rr-syn", "crr-tuples")
FAILURES = 2  # an arm that has failed under so many loads is not measured any more: each failure takes its time


def builders(geneve, vxlan, build, quick):
    """[(name, what makes the arms)]"""
    ground, other = Ground(geneve, build), Ground(vxlan, build)
    numbers = QUICK_RULES if quick else kernel_arms.RULES
    return [
        ("bare veth", lambda: kernel_arms.bare(ground, kernel_arms.BARE)),
        ("bare veth again", lambda: kernel_arms.bare(ground, kernel_arms.AGAIN)),
        ("redirect alone", lambda: kernel_arms.limit(ground)),
        ("Linux bridge", lambda: kernel_arms.bridges(ground, "br")),
        *[(f"bridge + nftables, {rules:,} rules", lambda rules=rules: kernel_arms.ruled(ground, rules))
          for rules in numbers],
        ("macvlan", lambda: kernel_arms.macvlan(ground)),
        ("Open vSwitch, same host", lambda: openvswitch.same_host(ground)),
        ("Open vSwitch, across", lambda: openvswitch.across(ground)),
        ("OVN", lambda: openvswitch.ovn(ground)),
        ("Weft + Geneve", lambda: weft.plain(ground)),
        ("Weft + VXLAN", lambda: weft.plain(other)),
        ("Weft, routed", lambda: weft.routed(ground)),
        (f"Weft, {weft.ROUTES:,} routes", lambda: weft.routed(ground, weft.ROUTES)),
        *[(f"Weft, {rules:,} rules", lambda rules=rules: weft.ruled(ground, rules)) for rules in numbers],
    ]


def build(makers, progress):
    """(arms, absent): what can be set up, and what cannot and why."""
    arms, absent = [], []
    for name, maker in makers:
        progress.step(f"set up: {name}")
        try:
            arms += maker()
        except Exception as error:  # whatever it is, it must not end the others
            if name == kernel_arms.BARE:  # to which all are held
                raise
            absent.append(Absent(name, f"could not be set up: {str(error)[:500]}"))
    return arms, absent


def chosen(load, arms):
    """The arms that this load is measured on."""
    if load.flood:
        return [arm for arm in arms if arm.flood and not arm.only_rules]
    return [arm for arm in arms if load.rules or not arm.only_rules]


def turns(load, options):
    """(rounds, seconds of each): what a victim keeps is a quotient of quotients, and strays more than they do."""
    rounds, seconds = options["rounds"], options["seconds"]
    return (2 * rounds, seconds / 2) if load.flood and options is FULL else (rounds, seconds)


def measure(loads, arms, options, program, progress):
    """(the results of all loads, absent): without the bare pair there is nothing to hold others against."""
    results, absent, failed = [], [], collections.Counter()
    for load in loads:
        usable = [arm for arm in chosen(load, arms) if failed[arm.name] < FAILURES]
        values, failures = method.measure(load, usable, *turns(load, options), program, progress)
        failed.update(failures.keys())
        if kernel_arms.BARE not in values:
            absent.append(Absent(load.title, f"the bare pair failed: {failures[kernel_arms.BARE]}"))
            continue
        failures |= {arm.name: "failed under other loads" for arm in chosen(load, arms) if arm not in usable}
        table, band = method.summarize(load, values)
        results.append({"key": load.key, "title": load.title,
                        "figures": {k: {"title": t, "unit": u, "better": b} for k, (t, u, b) in load.figures.items()},
                        "summary": table, "band": band, "values": values, "failures": failures})
    return results, absent


def run(folder, quick, only=None):
    """`folder`: of the build."""
    options = QUICK if quick else FULL
    loads = [load for load in LOADS if (load.key in only if only else not quick or load.key not in NOT_QUICK)]
    program = folder / "bench/load/weft-load"
    with contextlib.ExitStack() as stack:
        labs = [stack.enter_context(Lab(hosts=2, encap=encap, direct=True)) for encap in ("geneve", "vxlan")]
        makers = builders(*labs, folder, quick)
        setup = method.Progress(len(makers))
        arms, absent = build(makers, setup)
        absent += weft.absent(labs[0])
        setup.end()
        progress = method.Progress(sum(turns(load, options)[0] * len(chosen(load, arms)) for load in loads))
        results, missing = measure(loads, arms, options, program, progress)
        progress.end()
    described = {a.name: {"family": a.family, "path": a.path, "rules": a.rules, "only_rules": a.only_rules} for a in arms}
    return {**options, "arms": described, "absent": {a.name: a.reason for a in absent + missing}, "loads": results}
