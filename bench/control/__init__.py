# SPDX-License-Identifier: Apache-2.0
"""The control plane: what a change costs, before a controller with many simulated hosts, and in OVN for the same topology.

    fleet.py    `weft simulate` at several sizes
    ovn.py      the same topology in OVN, ovsdb.py what speaks to its databases
    findings.py aims, tables, pictures
    chaos.py    etcd and controllers under faults
"""

import dataclasses
import pathlib
import tempfile

from .. import method
from . import chaos, findings, fleet, ovn

__all__ = ["run", "findings"]


@dataclasses.dataclass(frozen=True)
class Size:
    hosts: int
    ports: int
    full: int    # hosts that compile, first those that changes concern; the others read, acknowledge and report
    repeat: int  # of each change; of those that take long 50 at most
    title: str
    seconds: int  # that it takes, about

    @property
    def one_seconds(self):
        return self.seconds // 4  # with one host that compiles, on the store that is there

    @property
    def key(self):
        return f"{self.hosts}/{self.ports}/{self.full}"


def size(hosts, ports, full, repeat, seconds):
    light = "" if full == hosts else f", {full:,} of them compiling"
    return Size(hosts, ports, full, repeat, f"{hosts:,} hosts, {ports:,} ports{light}", seconds)


SIZES = {True: [size(100, 5000, 100, 60, 25), size(1000, 50000, 1000, 60, 75)],
         False: [size(100, 5000, 100, 200, 60), size(1000, 50000, 1000, 200, 110), size(10000, 1000000, 1000, 200, 360)]}
# The same in OVN, and the repetitions there.
BESIDE = {True: (size(40, 2000, 40, 60, 15), 5), False: (size(200, 10000, 200, 100, 30), 7)}
# What OVN is held against.
COMPARED = ("--scenarios", "cold,port-added,rule-1000")


def steps(quick):
    each, repeat = BESIDE[quick]
    return sum(size.seconds + size.one_seconds for size in SIZES[quick]) + 3 * each.seconds + OVN_SECONDS * ovn.steps(repeat) + \
        CHAOS_SECONDS * chaos.steps(quick)


OVN_SECONDS, CHAOS_SECONDS = 6, 8  # of a step, about


def run(build, quick):
    """{"sizes": [{"size", "result", "one"}], "beside": [{"size", "weft", "again", "one", "ovn"}], "chaos"}"""
    progress = method.Progress(steps(quick))
    binary = build / "cli/weft"
    result = {"sizes": [], "beside": []}
    try:
        for each in SIZES[quick]:
            result["sizes"].append({"size": dataclasses.asdict(each), **at_size(binary, each, progress)})
        result["beside"].append(beside(binary, *BESIDE[quick], progress))
        result["chaos"] = attempt(lambda: chaos.run(build, quick, lambda what: progress.step(what, CHAOS_SECONDS)))
    finally:
        progress.end()
    return result


def weft(binary, each, title, progress, *options):
    progress.step(title, each.seconds)
    return fleet.attempt(binary, each, lambda what: progress.say(f"{title}: {what}"), *options)


def at_size(binary, each, progress):
    """All changes; and, on the same store and after the same changes, a rule of many hosts of which one compiles: the others
    would at the same time, each on its own machine, and only acknowledge."""
    with tempfile.TemporaryDirectory(prefix="weft-control-") as folder:
        store = ("--store", f"sqlite:{pathlib.Path(folder) / 'weft.db'}")
        found = weft(binary, each, each.title, progress, *store)
        if "result" in found:
            one = dataclasses.replace(each, full=1, seconds=each.one_seconds)
            found["one"] = weft(binary, one, f"{each.title}, one compiling", progress, *store, "--filled",
                                "--scenarios", ",".join((*findings.SINGLE, "rule-1000")))
    return found


def beside(binary, each, repeat, progress):
    """Weft before and after OVN: how far the two are apart is what the machine alone does. And with one host that compiles,
    as OVN has one at a change, and none at a cold start."""
    ports, one = f"{each.ports:,} ports", dataclasses.replace(each, full=1)
    found = {"size": dataclasses.asdict(each), "weft": weft(binary, each, f"Weft, {ports}", progress, *COMPARED)}
    found["ovn"] = attempt(lambda: ovn.run(binary, each.hosts, each.ports, repeat,
                                           lambda what: progress.step(what, OVN_SECONDS)))
    found["again"] = weft(binary, each, f"Weft again, {ports}", progress, *COMPARED)
    found["one"] = weft(binary, one, f"Weft, one host compiling, {ports}", progress, "--scenarios", "cold,rule-1000")
    return found


def attempt(part):
    """The part's answer, or {"why"} it has none: the rest of the run stands."""
    try:
        return part()
    except Exception as error:
        return {"why": str(error)[:500]}
