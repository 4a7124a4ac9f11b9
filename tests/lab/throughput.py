# SPDX-License-Identifier: Apache-2.0
"""Throughput and latency between two places. The machine is noisy: only ratios within one interleaved run count."""

import contextlib
import json
import statistics
import subprocess

from .fabric import workload_program
from .shell import LabError, run


class Place:
    """One end of a measurement: a namespace and the address to reach it by."""

    def __init__(self, namespace, address):
        self.namespace, self.address = namespace, address


CONGESTION_CONTROL = "cubic"  # Debian's; BBR, a machine's own choice, paces by a timer, which would be measured instead


def bare_pair(lab, mtu, number=0):
    """Two namespaces joined by a veth pair and nothing else: the limit that others are held against. `mtu`: that of the
    workloads, as it decides how many bytes TCP hands over in one superpacket."""
    left, right = lab.new_namespace(f"bare{number}a"), lab.new_namespace(f"bare{number}b")
    left.ip(f"link add eth0 mtu {mtu} type veth peer name eth0 mtu {mtu} netns {right.name}",
            "link set eth0 up", "address add 198.51.100.1/24 dev eth0")
    right.ip("link set eth0 up", "address add 198.51.100.2/24 dev eth0")
    return Place(left, "198.51.100.1"), Place(right, "198.51.100.2")


@contextlib.contextmanager
def _server(place, words, ready):
    """A server process on CPU 1, until the block ends."""
    with place.namespace.popen(["taskset", "-c", "1", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True) as process:
        try:
            while ready:
                line = process.stdout.readline()
                if not line:
                    raise LabError(f"{words[0]} did not start")
                if ready in line:
                    break
            yield process
        finally:
            process.kill()


def bulk(client, server, seconds=1):
    """One TCP stream by iperf3, for whole seconds; Gbit/s as the receiver counts them."""
    with _server(server, ["iperf3", "--forceflush", "-s", "-1", "-B", server.address], "listening"):
        answer = client.namespace.run("taskset", "-c", "0", "iperf3", "-C", CONGESTION_CONTROL, "-J", "-t", round(seconds),
                                      "-c", server.address, timeout=seconds + 20)
    return json.loads(answer)["end"]["sum_received"]["bits_per_second"] / 1e9


def _transactions(kind, client, server, seconds):
    program = str(workload_program())
    port = "7778"
    with _server(server, [program, "serve", "server", port], "serving"):
        answer = client.namespace.run("taskset", "-c", "0", program, kind, server.address, port, seconds,
                                      timeout=seconds + 20)
    return json.loads(answer)


def request_response(client, server, seconds=1.0):
    """TCP request-response; median round trip in microseconds."""
    return _transactions("rr", client, server, seconds)["p50_us"]


def connect_request_close(client, server, seconds=1.0):
    """A TCP connection for each request; connections a second."""
    answer = _transactions("crr", client, server, seconds)
    return answer["transactions"] / answer["seconds"]


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
