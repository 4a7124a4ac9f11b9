# SPDX-License-Identifier: Apache-2.0
"""Loads: what is sent from the client of an arm to its server, and the figures that come of it. CPU 0 is the client's,
CPU 1 the server's."""

import contextlib
import dataclasses
import itertools
import json
import subprocess

FLOOD_RATE = 20000  # packets a second
MORE, LESS = "more is better", "less is better"


class Place:
    """One end of a measurement: a namespace and the address to reach it by."""

    def __init__(self, namespace, address):
        self.namespace, self.address = namespace, address


@dataclasses.dataclass
class Load:
    key: str
    title: str
    words: list              # of weft-load
    figures: dict            # {key of the figure: (title, unit, MORE or LESS)}
    segmented: bool = False  # offloads off
    flood: str = None        # beside it
    rules: bool = False      # also measured over the number of rules

    def run(self, arm, program, seconds):
        """{figure: value} of one measurement, and the distribution of latencies under "quantiles"."""
        words = [program, *self.words, arm.server.address, "--cpu", 0, "--seconds", seconds]
        if self.key == "udp-new":
            words += ["--first", next(_tuples)]
        with self._beside(arm, program, seconds):
            answer = json.loads(arm.client.namespace.run(*words, timeout=seconds + 20))
        return self.figures_of(answer)

    def figures_of(self, answer):
        if "quantiles_us" not in answer:
            (name,) = self.figures
            return {name: answer["gbit_per_second"] if "gbit_per_second" in answer
                    else answer["packets_per_second"] / 1000}
        quantiles = {q: value for q, value in answer["quantiles_us"]}
        known = {"p50": quantiles[0.5], "p99": quantiles[0.99], "rate": answer["per_second"]}
        return {**{name: known[name] for name in self.figures}, "quantiles": answer["quantiles_us"]}

    @contextlib.contextmanager
    def _beside(self, arm, program, seconds):
        if not self.flood:
            yield
            return
        sender, target = arm.flood
        words = sender.namespace.words(program, "flood", target.address, "--kind", self.flood, "--rate", FLOOD_RATE,
                                       "--cpu", 1, "--seconds", seconds + 0.2)
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as flood:
            yield
        if flood.returncode:
            raise RuntimeError(f"the flood beside {arm.name} failed")

    @contextlib.contextmanager
    def prepared(self, arms):
        """Offloads as this load wants them, and afterwards as they were; {arm: why that cannot be}."""
        spaces = {p.namespace.name: p.namespace for arm in arms for p in (arm.client, arm.server)} if self.segmented else {}
        was = {name: [f for f in OFFLOADS if _offload(space, f)] for name, space in spaces.items()}
        refused = {name for name in spaces if not _set_offloads(spaces[name], was[name], "off")}
        try:
            yield {arm.name: "its offloads cannot be switched off" for arm in arms
                   if {arm.client.namespace.name, arm.server.namespace.name} & refused}
        finally:
            for name, space in spaces.items():
                _set_offloads(space, was[name], "on")


OFFLOADS = {"tso": "tcp-segmentation-offload", "gso": "generic-segmentation-offload", "gro": "generic-receive-offload"}


def _offload(namespace, feature):
    return f"{OFFLOADS[feature]}: on" in namespace.run("ethtool", "-k", "eth0")


def _set_offloads(namespace, features, state):
    """False: the device refuses."""
    words = [word for feature in features for word in (feature, state)]
    return not words or not namespace.run("ethtool", "-K", "eth0", *words, check=False).returncode


# Each measurement takes up where the last one ended, so that no port pair is met again soon.
_tuples = itertools.count(0, 1_000_003)

GBIT = {"gbit": ("throughput", "Gbit/s", MORE)}
PACKETS = {"kpps": ("packets", "1,000/s", MORE)}
CONNECTIONS = {"rate": ("connections", "1/s", MORE)}

LOADS = [
    Load("bulk", "Bulk TCP, one stream", ["bulk"], GBIT),
    Load("bulk4", "Bulk TCP, four streams", ["bulk", "--parallel", 4], GBIT),
    Load("bulk-off", "Bulk TCP, offloads off", ["bulk"], GBIT, segmented=True),
    Load("rr", "Request-response", ["rr"], {"p50": ("median", "µs", LESS), "p99": ("99th percentile", "µs", LESS)}),
    Load("crr", "Connect, request, close, 16 at a time", ["crr", "--parallel", 16], CONNECTIONS, rules=True),
    Load("udp", "Small UDP packets, one flow", ["udp", "--tuples", "one"], PACKETS),
    Load("udp-new", "Small UDP packets, each of a new flow", ["udp", "--tuples", "new"], PACKETS, rules=True),
    Load("crr-syn", "Connect, request, close, beside a SYN flood", ["crr", "--parallel", 16], CONNECTIONS, flood="syn"),
    Load("crr-tuples", "Connect, request, close, beside a flood of random ports", ["crr", "--parallel", 16], CONNECTIONS,
         flood="udp"),
]
