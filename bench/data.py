#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Throughput and latency of Weft beside the usual ways, on this machine.

    ./dev bench [--rounds N] [--seconds S] [--json FILE]

All arms are measured in turn, round after round, so that what drifts hits all alike. A figure is the median over the
rounds of its ratio to a bare veth pair in the same round; the spread is the middle half. A second bare pair, measured
like any other arm, shows how far from 1.00 noise alone leads: a difference smaller than its band means nothing.
"""

import argparse
import contextlib
import json
import pathlib
import platform
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from lab import Lab, throughput  # noqa: E402
from lab.fabric import ROOT  # noqa: E402
from lab.throughput import Place  # noqa: E402

# (name, function, unit, better)
LOADS = [
    ("bulk TCP", throughput.bulk, "Gbit/s", "higher"),
    ("request-response, median", throughput.request_response, "µs", "lower"),
    ("connect-request-close", throughput.connect_request_close, "1/s", "higher"),
]
TUNNELS = {"geneve": "Geneve", "vxlan": "VXLAN"}
BARE, BAND = "bare veth", "bare veth again"


def weft_arms(lab):
    """{arm: (client, server)} of a deployment of two hosts: same host and across."""
    lab.apply(json.dumps({"tenant": "bench", "networks": {"n": {"subnets": ["10.1.1.0/24"]}},
                          "ports": {name: {"network": "n"} for name in ("client", "near", "far")}}))
    places = {}
    for name, host in (("client", "h1"), ("near", "h1"), ("far", "h2")):
        container = lab.container("bench", name, host)
        places[name] = Place(container.namespace, container.ipv4)
    lab.settle()
    same = {"Weft, same host": (places["client"], places["near"])} if lab.encap == "geneve" else {}
    return {**same, f"Weft, across by {TUNNELS[lab.encap]}": (places["client"], places["far"])}


def bridge_arms(lab):
    """Linux bridges on two hosts, joined by the kernel's VXLAN over the same underlay."""
    bridges = []
    for number in (11, 12):
        namespace = lab.new_namespace(f"bridge{number}", link_local=False)
        lab.connect_underlay(namespace, number, f"bridge{number}")
        peer = lab.underlay_address(23 - number)
        namespace.ip("link add br0 type bridge", "link set br0 mtu 1400 up",
                     f"link add vxlan0 mtu 1400 type vxlan id 7 dstport 4789 remote {peer} "
                     f"local {lab.underlay_address(number)} dev eth0", "link set vxlan0 master br0 up")
        bridges.append(namespace)

    def workload(bridge, number):
        namespace = lab.new_namespace(f"load{number}")
        bridge.ip(f"link add load{number} type veth peer name eth0 mtu 1400 netns {namespace.name}",
                  f"link set load{number} master br0 mtu 1400 up")
        namespace.ip("link set eth0 up", f"address add 10.1.1.{number}/24 dev eth0")
        return Place(namespace, f"10.1.1.{number}")
    client, near, far = workload(bridges[0], 1), workload(bridges[0], 2), workload(bridges[1], 3)
    return {"bridge, same host": (client, near), "bridge, across by VXLAN": (client, far)}


def summarize(values, reference):
    ratios = sorted(a / b for a, b in zip(values, reference))
    quarters = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    return {"median": statistics.median(values), "ratio": statistics.median(ratios),
            "low": quarters[0], "high": quarters[2], "values": values}


def measure(arms, rounds, seconds):
    results = []
    for name, function, unit, better in LOADS:
        values = throughput.interleave(arms, rounds, lambda c, s: function(c, s, seconds))
        table = {arm: summarize(values[arm], values[BARE]) for arm in arms}
        results.append({"load": name, "unit": unit, "better": better, "arms": table})
        show(results[-1])
    return results


def show(result):
    print(f"\n{result['load']} ({result['better']} is better)")
    print(f"  {'':26} {result['unit']:>9}   of bare   middle half")
    for arm, figures in result["arms"].items():
        print(f"  {arm:26} {figures['median']:9.1f}   {figures['ratio']:7.2f}   "
              f"{figures['low']:.2f} – {figures['high']:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="at least 5 for figures that mean something (7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (1)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build/bench.json", help="result file")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        geneve, vxlan = (stack.enter_context(Lab(hosts=2, encap=encap)) for encap in ("geneve", "vxlan"))
        arms = {BARE: throughput.bare_pair(geneve, 0), BAND: throughput.bare_pair(geneve, 1), **bridge_arms(geneve),
                **weft_arms(geneve), **weft_arms(vxlan)}
        results = measure(arms, options.rounds, options.seconds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"kernel": platform.release(), "rounds": options.rounds,
                                        "seconds": options.seconds, "results": results}, indent=1) + "\n")
    print(f"\n{options.rounds} rounds of {options.seconds:g} s, kernel {platform.release()}; written to {options.json}")


if __name__ == "__main__":
    main()
