# SPDX-License-Identifier: Apache-2.0
"""Weft as arms: a deployment of two hosts with a controller and agents, as a user would have it."""

import json

from lab.shell import run

from .arms import ACROSS, SAME, Absent, Arm
from .loads import Place

# What is to be measured once Weft has it: (kind of object, the arm).
WANTED = [("nat", "Weft, NAT"), ("load_balancer", "Weft, virtual address")]
ROUTES = 100000


def knows(lab, kind):
    return run(lab.binary, "explain", kind, check=False).returncode == 0


def absent(lab):
    return [Absent(name, f"weft knows {kind}, and this benchmark has no arm for it" if knows(lab, kind)
                   else f"not yet: weft knows no {kind}") for kind, name in WANTED]


TRIO = {"c": ("h1", "n"), "n": ("h1", "n"), "f": ("h2", "n")}
FLOODED = {"x": ("h1", "n"), "y": ("h2", "n")}  # a flood goes from x to y
LIFTED = {"unanswered": 1000000}  # ever new tuples are a flood themselves: of ports that do not flood, it is let through


def tenant(lab, name, networks, ports, **more):
    """Apply a tenant with these ports {name: (host, network)}; their Places."""
    lab.apply(json.dumps({"tenant": name, "networks": {n: {"subnets": [s]} for n, s in networks.items()},
                          "ports": {p: {"network": network, **(LIFTED if p not in FLOODED else {})}
                                    for p, (_, network) in ports.items()}, **more}))
    places = {}
    for port, (host, _) in ports.items():
        container = lab.container(name, port, host)
        places[port] = Place(container.namespace, container.ipv4)
    return places


def policy(rules):
    """In each direction `rules` rules that nothing matches, and one that lets all pass: what bridges get from nftables, but
    that a connection is judged twice, where it leaves and where it arrives."""
    def both(other, **fields):
        return [{"direction": "ingress", "from": other, **fields}, {"direction": "egress", "to": other, **fields}]
    drops = [rule for i in range(rules) for rule in both(f"10.200.{i // 250 % 250}.{i % 250}", action="drop",
                                                         ports=[f"tcp/{20000 + i % 40000}"])]
    return {"firewall": {"rules": drops + both("any", action="allow")}}


def flooder(ground, places):
    return places["x"], ground.sink(places["y"], places["x"])


def plain(ground):
    """One network, by the encapsulation of the laboratory; that with Geneve stands for the same host too."""
    lab = ground.lab
    places = tenant(lab, "bench", {"n": "10.1.1.0/24"}, {**TRIO, **FLOODED})
    lab.settle()
    client = places["c"]
    arms = [Arm(f"Weft + {'Geneve' if lab.encap == 'geneve' else 'VXLAN'}", ACROSS, client,
                ground.serve(places["f"]), flood=flooder(ground, places), joined=True)]
    if lab.encap == "geneve":
        arms.insert(0, Arm("Weft", SAME, client, ground.serve(places["n"])))
    return arms


def prefixes(count):
    """So many routes of a router, none of which the loads take."""
    return [{"to": f"10.{2 + i // 4096}.{i // 16 % 256}.{i % 16 * 16}/28", "via": ["10.1.2.2"]} for i in range(count)]


def routed(ground, routes=0):
    """The client on one network, the servers on another; between them a router that knows so many prefixes besides."""
    lab = ground.lab
    places = tenant(lab, f"routed{routes}", {"n": "10.1.1.0/24", "m": "10.1.2.0/24"},
                    {"c": ("h1", "n"), "n": ("h1", "m"), "f": ("h2", "m")},
                    routers={"r": {"networks": ["n", "m"], "routes": prefixes(routes)}})
    lab.settle(120)
    for place, gateway in ((places["c"], "10.1.1.1"), (places["n"], "10.1.2.1"), (places["f"], "10.1.2.1")):
        place.namespace.ip(f"route replace default via {gateway}")
    words = f", {routes:,} routes" if routes else ", routed"
    return [Arm(f"Weft{words}", SAME, places["c"], ground.serve(places["n"])),
            Arm(f"Weft + Geneve{words}", ACROSS, places["c"], ground.serve(places["f"]))]


def ruled(ground, rules):
    """A tenant with so many rules; 1,000 stand for firewalls wherever the number does not matter."""
    lab = ground.lab
    usual = rules == 1000
    places = tenant(lab, f"r{rules}", {"n": "10.1.1.0/24"}, {**TRIO, **(FLOODED if usual else {})},
                    policies=policy(rules))
    lab.settle(120)
    return [Arm("Weft", SAME, places["c"], ground.serve(places["n"]), rules, only_rules=not usual),
            Arm("Weft + Geneve", ACROSS, places["c"], ground.serve(places["f"]), rules, only_rules=not usual,
                flood=flooder(ground, places) if usual else None, joined=True)]
