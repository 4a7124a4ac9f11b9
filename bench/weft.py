# SPDX-License-Identifier: Apache-2.0
"""Weft as arms: a deployment of two hosts with a controller and agents, as a user would have it."""

import json

from lab.shell import run

from .arms import ACROSS, RULES, SAME, Absent, Arm
from .loads import Place

# What later parts of Weft will bring: (kind of object that must be known, the arm).
WANTED = [("policy", "Weft, firewall rules"), ("router", "Weft, between two networks"), ("nat", "Weft, NAT"),
          ("loadbalancer", "Weft, virtual address")]


def knows(lab, kind):
    return run(lab.binary, "explain", kind, check=False).returncode == 0


def absent(lab):
    return [Absent(name, f"not yet: weft knows no {kind}") for kind, name in WANTED if not knows(lab, kind)]


def tenant(lab, name, networks, ports, **more):
    """Apply a tenant with these ports {name: (host, network)}; their Places."""
    lab.apply(json.dumps({"tenant": name, "networks": {n: {"subnets": [s]} for n, s in networks.items()},
                          "ports": {p: {"network": network} for p, (_, network) in ports.items()}, **more}))
    places = {}
    for port, (host, _) in ports.items():
        container = lab.container(name, port, host)
        places[port] = Place(container.namespace, container.ipv4)
    return places


def policy(rules):
    """`rules` rules that nothing matches, and one that lets all in: what bridges get from nftables."""
    drops = [{"direction": "ingress", "action": "drop", "from": f"10.200.{i // 250 % 250}.{i % 250}",
              "ports": [f"tcp/{20000 + i % 40000}"]} for i in range(rules)]
    return {"firewall": {"rules": drops + [{"direction": "ingress", "action": "allow", "from": "any"}]}}


TRIO = {"c": ("h1", "n"), "n": ("h1", "n"), "f": ("h2", "n")}


def plain(ground):
    """One network, by the encapsulation of the laboratory; that with Geneve stands for the same host too."""
    lab = ground.lab
    places = tenant(lab, "bench", {"n": "10.1.1.0/24"}, {**TRIO, "x": ("h1", "n"), "y": ("h2", "n")})
    lab.settle()
    client = places["c"]
    flood = places["x"], ground.sink(places["y"], places["x"])
    arms = [Arm(f"Weft + {'Geneve' if lab.encap == 'geneve' else 'VXLAN'}", ACROSS, client,
                ground.serve(places["f"]), flood=flood)]
    if lab.encap == "geneve":
        arms.insert(0, Arm("Weft", SAME, client, ground.serve(places["n"])))
    return arms


def routed(ground):
    """The client on one network, the servers on another."""
    lab = ground.lab
    if not knows(lab, "router"):
        return []
    places = tenant(lab, "routed", {"n": "10.1.1.0/24", "m": "10.1.2.0/24"},
                    {"c": ("h1", "n"), "n": ("h1", "m"), "f": ("h2", "m")},
                    routers={"r": {"networks": ["n", "m"]}})
    lab.settle()
    for place, gateway in ((places["c"], "10.1.1.1"), (places["n"], "10.1.2.1"), (places["f"], "10.1.2.1")):
        place.namespace.ip(f"route replace default via {gateway}")
    return [Arm("Weft, routed", SAME, places["c"], ground.serve(places["n"])),
            Arm("Weft + Geneve, routed", ACROSS, places["c"], ground.serve(places["f"]))]


def ruled(ground):
    """A tenant for each number of rules."""
    lab = ground.lab
    if not knows(lab, "policy"):
        return []
    arms = []
    for rules in RULES:
        places = tenant(lab, f"r{rules}", {"n": "10.1.1.0/24"}, TRIO, policies=policy(rules))
        lab.settle(60)
        only = rules != 1000
        arms += [Arm("Weft", SAME, places["c"], ground.serve(places["n"]), rules, only_rules=only),
                 Arm("Weft + Geneve", ACROSS, places["c"], ground.serve(places["f"]), rules, only_rules=only)]
    return arms
