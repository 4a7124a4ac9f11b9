# SPDX-License-Identifier: Apache-2.0
"""The loads inside a virtual machine with Debian's kernel, which has the module of Open vSwitch that this one may lack.
QEMU counts time in instructions (-icount): what else the machine does has no say, and a ratio of rates is a ratio of
instructions for the same work. Memory is free in that count, so that caches have no say either."""

import json
import pathlib
import shutil
import statistics
import tempfile

from lab import Guest, LabError, find_binary

from . import weft
from .arms import ACROSS, SAME, firewall_rules
from .loads import LOADS

MODULES = ["openvswitch", "vport_geneve", "vxlan", "bridge", "br_netfilter", "nf_tables", "nft_ct", "nf_conntrack"]
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
RULES = (0, 1000, 10000)
# More arms for the loads that rules and routes may slow down. {name: (client, address of the server)}
MANY = {
    **{f"{family}, {rules:,} rules, {path}": (f"{prefix}{rules}-c", address)
       for prefix, families in (("nf", ("bridge + nftables", "bridge + nftables + VXLAN")), ("r", ("Weft", "Weft + Geneve")))
       for rules in RULES for family, path, address in zip(families, (SAME, ACROSS), SERVERS)},
    **{f"{family}, {words}, {path}": (f"{tenant}-c", address)
       for tenant, words in (("t0", "routed"), ("t100000", f"{weft.ROUTES:,} routes"))
       for family, path, address in (("Weft", SAME, "10.1.2.2"), ("Weft + Geneve", ACROSS, "10.1.2.3"))},
}
AGAINST = {"Weft, same host": "Open vSwitch kernel, same host",
           "Weft + Geneve, across": "Open vSwitch kernel + Geneve, across"}
KEYS = ("bulk", "bulk-off", "rr", "crr", "udp", "udp-new")
QUICK_KEYS = ("bulk", "rr", "crr", "udp-new")
ROUNDS, QUICK_ROUNDS = 3, 1  # a timer of a daemon may fall into one
QUICK_SETUP = ("bare", "limit", "bridge", "fabric", "openvswitch")
SETUP = (*QUICK_SETUP, *[f"filtered {rules}" for rules in RULES],
         *[f"ruled {rules}" for rules in RULES], "routed 0", f"routed {weft.ROUTES}", "settled")
MORE_MEMORY = 2048  # MB
SLOW = 10  # times longer an arm is given that has not answered at all: thousands of rules, one after the other


def _programs(build):
    names = ["ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ip", "ethtool", "tc", "nft"]
    # A program of the image has the name by which it is called, not that of what its link leads to.
    return [build / "bench/load/weft-load", find_binary(), *[pathlib.Path(shutil.which(name)) for name in names]]


def _needed(arm):
    """The daemons that an arm cannot do without: Open vSwitch asks its own of new flows."""
    return "vswitchd" if arm.startswith("Open vSwitch") else "none"


def _measure(guest, load, arm, seconds):
    client, address = (ARMS | MANY)[arm]
    for length in (seconds, SLOW * seconds):
        words = " ".join(map(str, load.arguments(address, length)))
        code, answer = guest.start(f"sh /bench.sh beside {_needed(arm)} nsenter --net=/run/netns/{client} weft-load {words}"
                                   ).result(timeout=120)
        if code == 0:
            return load.figures_of(json.loads(answer))
    raise LabError(f"guest: {load.title}: {arm}: {answer}")


def _offloads(guest, state):
    spaces = sorted({client for client, _ in ARMS.values()} | {client[:-1] + SERVERS[address] for client, address in ARMS.values()})
    guest.run("\n".join(f"nsenter --net=/run/netns/{s} ethtool -K eth0 tso {state} gso {state} gro off" for s in spaces))


def _arms(load, quick):
    return [*ARMS, *(MANY if load.rules and not quick else ())]


def _loads(quick):
    return [load for load in LOADS if load.key in (QUICK_KEYS if quick else KEYS)]


def steps(quick):
    return 1 + (QUICK_ROUNDS if quick else ROUNDS) * sum(len(_arms(load, quick)) for load in _loads(quick))


def _objects():
    """{name of a file: what Weft's tenants with rules and routes are}; the MACs are those of guest.sh."""
    def ports(places):
        return {name: {"network": network, "mac": f"0e:00:00:00:00:0{address[-1]}", "addresses": [address],
                       **weft.LIFTED}
                for name, (network, address) in places.items()}
    near = {"c": ("n", "10.1.1.1"), "n": ("n", "10.1.1.2"), "f": ("n", "10.1.1.3")}
    apart = {"c": ("n", "10.1.1.9"), "n": ("m", "10.1.2.2"), "f": ("m", "10.1.2.3")}
    subnets = {"n": {"subnets": ["10.1.1.0/24"]}, "m": {"subnets": ["10.1.2.0/24"]}}
    return {
        **{f"r{rules}": {"tenant": f"r{rules}", "networks": {"n": subnets["n"]}, "ports": ports(near),
                         "policies": weft.policy(rules)} for rules in RULES},
        **{f"t{routes}": {"tenant": f"t{routes}", "networks": subnets, "ports": ports(apart),
                          "routers": {"r": {"networks": ["n", "m"], "routes": weft.prefixes(routes)}}}
           for routes in (0, weft.ROUTES)},
    }


def _files(folder):
    """{file here: its name in the guest}"""
    files = {}
    for name, objects in _objects().items():
        files[folder / f"{name}.json"] = f"{name}.json"
        (folder / f"{name}.json").write_text(json.dumps(objects))
    for rules in RULES:
        files[folder / f"nf{rules}.nft"] = f"nf{rules}.nft"
        (folder / f"nf{rules}.nft").write_text(firewall_rules(rules))
    return files


def measure(guest, quick, seconds, progress):
    """{title of the load: {arm: {value, unit, ratio}}}"""
    found = {}
    for load in _loads(quick):
        figure, (_, unit, _) = next(iter(load.figures.items()))
        arms = _arms(load, quick)
        if load.segmented:
            _offloads(guest, "off")
        values = {arm: [] for arm in arms}
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            for arm in arms:
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
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder, here = pathlib.Path(name), pathlib.Path(__file__).parent
        guest = Guest("bench", folder, series="6.1", programs=_programs(build), memory=1024 if quick else MORE_MEMORY,
                      modules=MODULES, machine=["-icount", "shift=0,sleep=on"],
                      files={here / "guest.sh": "bench.sh", here / "guest.yaml": "bench.yaml",
                             here / "untracked.nft": "untracked.nft", SCHEMA: str(SCHEMA),
                             build / "bench/limit/limit.bpf.o": "limit.bpf.o", **({} if quick else _files(folder))})
        try:
            progress.step("in a guest: boot")
            kernel = guest.run("uname -r").strip()
            for part in QUICK_SETUP if quick else SETUP:
                guest.run(f"sh /bench.sh {part}", timeout=240)
            found = measure(guest, quick, 0.05 if quick else 0.15, progress)
        finally:
            guest.stop()
    return {"kernel": kernel, "clock": CLOCK, "loads": found, "ratios": ratios(found), "limits": limits(found)}
