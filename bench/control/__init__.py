# SPDX-License-Identifier: Apache-2.0
"""The control plane: what a change costs, before a controller with many simulated hosts, and in OVN for the same topology.

    fleet.py    `weft simulate` at several sizes
    ovn.py      the same topology in OVN, ovsdb.py what speaks to its databases
    findings.py aims, tables, pictures
    chaos.py    etcd and controllers under faults
"""

import dataclasses

from .. import method
from . import chaos, findings, fleet, ovn

__all__ = ["run", "findings"]


@dataclasses.dataclass(frozen=True)
class Size:
    hosts: int
    ports: int
    full: int    # hosts that compile; the others only read and acknowledge
    repeat: int  # of each change
    title: str

    @property
    def key(self):
        return f"{self.hosts}/{self.ports}/{self.full}"


def size(hosts, ports, full, repeat):
    light = "" if full == hosts else f", {full:,} of them compiling"
    return Size(hosts, ports, full, repeat, f"{hosts:,} hosts, {ports:,} ports{light}")


SIZES = {True: [size(100, 5000, 100, 60), size(1000, 50000, 100, 60)],
         False: [size(100, 5000, 100, 200), size(1000, 50000, 1000, 200), size(1000, 50000, 100, 200),
                 size(10000, 1000000, 1000, 200)]}
# The same in OVN, and the repetitions there.
BESIDE = {True: [(size(40, 2000, 40, 60), 5)], False: [(size(40, 2000, 40, 200), 10), (size(200, 10000, 200, 200), 5)]}


def steps(quick):
    beside = sum(2 + ovn.steps(repeat) for _, repeat in BESIDE[quick])
    return len(SIZES[quick]) + beside + chaos.steps(quick)


def run(build, quick):
    """{"sizes": [{"size", "result"}], "beside": [{"size", "weft", "again", "ovn"}], "chaos"}"""
    progress = method.Progress(steps(quick))
    binary = build / "cli/weft"
    result = {"sizes": [], "beside": []}
    try:
        for each in SIZES[quick]:
            progress.step(each.title)
            result["sizes"].append({"size": dataclasses.asdict(each), **fleet.attempt(binary, each)})
        for each, repeat in BESIDE[quick]:
            result["beside"].append(beside(binary, each, repeat, progress))
        result["chaos"] = attempt(lambda: chaos.run(build, quick, progress))
    finally:
        progress.end()
    return result


def beside(binary, each, repeat, progress):
    """Weft before and after OVN: how far the two are apart is what the machine alone does."""
    progress.step(f"Weft, {each.ports:,} ports")
    first = fleet.attempt(binary, each)
    other = attempt(lambda: ovn.run(binary, each.hosts, each.ports, repeat, progress.step))
    progress.step(f"Weft again, {each.ports:,} ports")
    return {"size": dataclasses.asdict(each), "weft": first, "again": fleet.attempt(binary, each), "ovn": other}


def attempt(part):
    """The part's answer, or {"why"} it has none: the rest of the run stands."""
    try:
        return part()
    except Exception as error:
        return {"why": str(error)[:500]}
