# SPDX-License-Identifier: Apache-2.0
"""Loads: what is sent from the client of an arm to its server, and the figures that come of it. CPU 0 is the client's,
CPU 1 the server's."""

import contextlib
import dataclasses
import itertools
import json
import socket
import subprocess

FLOODS = {"kept": None, "kept_slow": 20000}  # packets a second; None: as many as go
OWN = 16  # established connections of who floods
PORT = 5000  # of servers
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
        calm = self._measure(arm, program, seconds)
        if not self.flood:
            return calm
        found = {"lost": 0}
        for key, rate in FLOODS.items():
            with self._beside(arm, program, seconds, rate) as beside:
                flooded = self._measure(arm, program, seconds)
            found |= {key: flooded["rate"] / calm["rate"], f"{key}_beside": beside["flood"],
                      "lost": found["lost"] + (flooded["lost"] or 0)}
            if "survivors" in beside:
                found["survivors"] = min(beside["survivors"], found.get("survivors", 1))
        return found

    def _measure(self, arm, program, seconds):
        words = [program, *self.arguments(arm.server.address, seconds), "--cpu", 0]
        return self.figures_of(json.loads(arm.client.namespace.run(*words, timeout=seconds + 20)))

    def arguments(self, address, seconds):
        """Of weft-load, for one measurement."""
        first = ["--first", next(_tuples)] if self.key == "udp-new" else []
        return [*self.words, address, "--seconds", seconds, *first]

    def figures_of(self, answer):
        if "quantiles_us" not in answer:
            (name,) = self.figures
            return {name: answer["gbit_per_second"] if "gbit_per_second" in answer
                    else answer["packets_per_second"] / 1000}
        quantiles = {q: value for q, value in answer["quantiles_us"]}
        return {"p50": quantiles[0.5], "p99": quantiles[0.99], "rate": answer["per_second"],
                "lost": answer.get("retransmitted"), "quantiles": answer["quantiles_us"]}

    @contextlib.contextmanager
    def _beside(self, arm, program, seconds, rate):
        """The flood. Yields what is filled in at the end: how many packets it sent a second, "flood", and of the sender's
        own connections the part that lives, "survivors"."""
        found = {}
        sender, target = arm.flood
        words = sender.namespace.words(program, "flood", target.address, "--kind", self.flood, "--cpu", 1,
                                       "--seconds", seconds + 0.2, *(["--rate", rate] if rate else []))
        with contextlib.ExitStack() as stack:
            own = [stack.enter_context(_talk(sender, arm.server)) for _ in range(OWN if arm.joined else 0)]
            flood = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE))
            yield found
            answer, _ = flood.communicate()
            if own:
                found["survivors"] = sum(map(_answers, own)) / len(own)
        if flood.returncode:
            raise RuntimeError(f"the flood beside {arm.name} failed")
        found["flood"] = json.loads(answer)["packets_per_second"]

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


def _talk(place, server):
    """An established connection to a server of loads, which answers each byte with itself."""
    connection = place.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(2)
    connection.connect((server.address, PORT))
    if not _answers(connection):
        raise RuntimeError(f"{server.address} does not answer the sender of the flood")
    return connection


def _answers(connection):
    try:
        connection.sendall(b"e")
        return connection.recv(1) == b"e"
    except OSError:
        return False


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

KEPT = {"kept": ("rate, to that without a flood", "", MORE),
        "kept_slow": ("rate beside 20,000 packets a second, to that without", "", MORE)}

LOADS = [
    Load("bulk", "Bulk TCP, one stream", ["bulk"], GBIT),
    Load("bulk4", "Bulk TCP, four streams", ["bulk", "--parallel", 4], GBIT),
    Load("bulk-off", "Bulk TCP, offloads off", ["bulk"], GBIT, segmented=True),
    Load("rr", "Request-response", ["rr"], {"p50": ("median", "µs", LESS), "p99": ("99th percentile", "µs", LESS)},
         rules=True),
    Load("crr", "Connect, request, close, 16 at a time", ["crr", "--parallel", 16], CONNECTIONS, rules=True),
    Load("udp", "Small UDP packets, one flow", ["udp", "--tuples", "one"], PACKETS),
    Load("udp-new", "Small UDP packets, each of a new flow", ["udp", "--tuples", "new"], PACKETS, rules=True),
    *[Load(f"{key}-{flood}", f"{title}, beside a flood of {what}", words, KEPT, flood=kind)
      for key, title, words in (("rr", "Request-response", ["rr"]),
                                ("crr", "Connect, request, close", ["crr", "--parallel", 16]))
      for flood, kind, what in (("syn", "syn", "SYNs"), ("tuples", "udp", "random ports"))],
]
