# SPDX-License-Identifier: Apache-2.0
"""Throughput between two places. The machine is noisy: only ratios within one interleaved run count."""

import json
import statistics
import subprocess

from .shell import LabError, run

CONGESTION_CONTROL = "cubic"  # Debian's; BBR, a machine's own choice, paces by a timer, which would be measured instead
BYTES = 768 << 20  # a third of a second: short beside what the machine's neighbours do, long beside TCP's slow start


class Place:
    """One end of a measurement: a namespace and the address to reach it by."""

    def __init__(self, namespace, address):
        self.namespace, self.address = namespace, address


def bare_pair(lab, mtu):
    """Two namespaces joined by a veth pair and nothing else: the limit that others are held against. `mtu`: that of the
    workloads, as it decides how many bytes TCP hands over in one superpacket."""
    left, right = lab.new_namespace("bare-a"), lab.new_namespace("bare-b")
    left.ip(f"link add eth0 mtu {mtu} type veth peer name eth0 mtu {mtu} netns {right.name}",
            "link set eth0 up", "address add 198.51.100.1/24 dev eth0")
    right.ip("link set eth0 up", "address add 198.51.100.2/24 dev eth0")
    return Place(left, "198.51.100.1"), Place(right, "198.51.100.2")


def bulk(client, server):
    """One TCP stream by iperf3, of so many bytes; Gbit/s as the receiver counts them. Client and server on a processor
    each."""
    with server.namespace.popen(["taskset", "-c", "1", "iperf3", "--forceflush", "-s", "-1", "-B", server.address],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            if not any("listening" in line for line in iter(process.stdout.readline, "")):
                raise LabError("iperf3 did not start")
            answer = client.namespace.run("taskset", "-c", "0", "iperf3", "-C", CONGESTION_CONTROL, "-J", "-n", BYTES,
                                          "-c", server.address, timeout=60)
        finally:
            process.kill()
    return json.loads(answer)["end"]["sum_received"]["bits_per_second"] / 1e9


def received(place):
    """(packets, bytes) that the network card of a place has received."""
    counters = json.loads(run("ip", "-n", place.namespace.name, "-j", "-s", "link", "show", "eth0"))[0]["stats64"]["rx"]
    return counters["packets"], counters["bytes"]


def interleave(arms, rounds, measure):
    """Measure each arm once a round, in turn; {name: [values]}. `arms`: {name: (client, server)}."""
    values = {name: [] for name in arms}
    for _ in range(rounds):
        for name, (client, server) in arms.items():
            values[name].append(measure(client, server))
    return values


def ratio(values, reference):
    """Median of the ratios within each round: what drifts slowly cancels out."""
    return statistics.median(a / b for a, b in zip(values, reference))
