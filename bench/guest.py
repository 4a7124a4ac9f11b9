# SPDX-License-Identifier: Apache-2.0
"""The loads inside a virtual machine with Debian's kernel, which has the module of Open vSwitch that this one may lack.
QEMU counts time in instructions (-icount): what else the machine does has no say, and a ratio of rates is a ratio of
instructions for the same work. Memory is free in that count, so that caches have no say either."""

import json
import pathlib
import shutil
import statistics
import tempfile

from lab import Guest, find_binary

from .loads import LOADS

MODULES = ["openvswitch", "vport_geneve", "vxlan", "bridge", "br_netfilter"]
CLOCK = "time counted in instructions (QEMU -icount), one processor"
SCHEMA = pathlib.Path("/usr/share/openvswitch/vswitch.ovsschema")
ARMS = {  # name: (client, address of the server)
    "bare veth": ("bare-c", "10.1.1.2"),
    "redirect alone, same host": ("limit-c", "10.1.1.2"),
    "redirect alone, across": ("limit1-c", "10.1.1.3"),
    "Linux bridge, same host": ("br-c", "10.1.1.2"),
    "Linux bridge + VXLAN, across": ("br-c", "10.1.1.3"),
    "Open vSwitch kernel, same host": ("ovs-c", "10.1.1.2"),
    "Open vSwitch kernel + Geneve, across": ("ovs-c", "10.1.1.3"),
    "Weft, same host": ("weft-c", "10.1.1.2"),
    "Weft + Geneve, across": ("weft-c", "10.1.1.3"),
}
SERVERS = {"10.1.1.2": "n", "10.1.1.3": "f"}  # the last letters of their namespaces
AGAINST = {"Weft, same host": "Open vSwitch kernel, same host",
           "Weft + Geneve, across": "Open vSwitch kernel + Geneve, across"}
KEYS = ("bulk", "bulk-off", "rr", "crr", "udp", "udp-new")
QUICK_KEYS = ("bulk", "rr", "crr", "udp-new")
ROUNDS, QUICK_ROUNDS = 3, 1  # a timer of a daemon may fall into one
SETUP = ("bare", "limit", "bridge", "fabric", "openvswitch")


def _programs(build):
    names = ["ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ip", "ethtool", "tc"]
    # A program of the image has the name by which it is called, not that of what its link leads to.
    return [build / "bench/load/weft-load", find_binary(), *[pathlib.Path(shutil.which(name)) for name in names]]


def _measure(guest, load, arm, seconds):
    client, address = ARMS[arm]
    words = " ".join(map(str, [*load.words, address, "--seconds", seconds]))
    return load.figures_of(json.loads(guest.run(f"nsenter --net=/run/netns/{client} weft-load {words}", timeout=120)))


def _offloads(guest, state):
    spaces = sorted({client for client, _ in ARMS.values()} | {client[:-1] + SERVERS[address] for client, address in ARMS.values()})
    guest.run("\n".join(f"nsenter --net=/run/netns/{s} ethtool -K eth0 tso {state} gso {state} gro off" for s in spaces))


def steps(quick):
    return 1 + (len(QUICK_KEYS) * QUICK_ROUNDS if quick else len(KEYS) * ROUNDS) * len(ARMS)


def measure(guest, keys, rounds, seconds, progress):
    """{title of the load: {arm: {value, unit, ratio}}}"""
    found = {}
    for load in (load for load in LOADS if load.key in keys):
        figure, (_, unit, _) = next(iter(load.figures.items()))
        if load.segmented:
            _offloads(guest, "off")
        values = {arm: [] for arm in ARMS}
        for _ in range(rounds):
            for arm in ARMS:
                progress.step(f"in a guest: {load.title}: {arm}")
                values[arm].append(_measure(guest, load, arm, seconds)[figure])
        if load.segmented:
            _offloads(guest, "on")
        middle = {arm: statistics.median(v) for arm, v in values.items()}
        found[load.title] = {arm: {"value": value, "unit": unit, "ratio": value / middle["bare veth"]}
                             for arm, value in middle.items()}
    return found


def _against(found, fraction):
    """{what: `fraction` of the two rows, Weft's and that of Open vSwitch's kernel datapath}; of latencies the inverse, so
    that more is better."""
    answer = {}
    for title, rows in found.items():
        for arm, other in AGAINST.items():
            ratio = fraction(rows[arm]["ratio"], rows[other]["ratio"])
            answer[f"{title}, {arm.split(', ')[1]}"] = 1 / ratio if rows[arm]["unit"] == "µs" else ratio
    return answer


def ratios(found):
    return _against(found, lambda weft, other: weft / other)


def limits(found):
    """Of a bare pair: more can nobody reach who takes packets where Weft does."""
    return _against(found, lambda _, other: 1 / other)


def run(build, quick, progress):
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        here = pathlib.Path(__file__).parent
        guest = Guest("bench", folder, series="6.1", programs=_programs(build), memory=1024, modules=MODULES,
                      files={here / "guest.sh": "bench.sh", here / "guest.yaml": "bench.yaml", SCHEMA: str(SCHEMA),
                             build / "bench/limit/limit.bpf.o": "limit.bpf.o"},
                      machine=["-icount", "shift=0,sleep=on"])
        try:
            progress.step("in a guest: boot")
            kernel = guest.run("uname -r").strip()
            guest.run(f"sh /bench.sh {' '.join(SETUP)}", timeout=240)
            found = measure(guest, QUICK_KEYS, QUICK_ROUNDS, 0.05, progress) if quick \
                else measure(guest, KEYS, ROUNDS, 0.05, progress)
        finally:
            guest.stop()
    return {"kernel": kernel, "clock": CLOCK, "loads": found, "ratios": ratios(found), "limits": limits(found)}
