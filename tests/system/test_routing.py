# SPDX-License-Identifier: Apache-2.0
"""Routers with real packets: two tenants with equal addresses, equal networks and equal routers.

                 left (mtu 1400)    right (mtu 1280)
                        \\            /
                         router main
                              |
                      transit (mtu 1300)
                              |
                        router border
                              |
                       far (mtu 1400)
"""

import pytest

from lab import Lab, checks
from lab.exchange import SETTLE, Prober, Stream, answering, arriving_ttl, open_udp, transfer
from lab.traffic import Traffic, judge, offloads, probe_all

TENANT = """
tenant: {tenant}
networks:
  left: {{subnets: [10.1.1.0/24, "fd00:1:1::/64"], mtu: 1400}}
  right: {{subnets: [10.1.2.0/24, "fd00:1:2::/64"], mtu: 1280}}
  transit: {{subnets: [10.1.9.0/24, "fd00:1:9::/64"], mtu: 1300}}
  far: {{subnets: [10.1.3.0/24, "fd00:1:3::/64"], mtu: 1400}}
  lonely: {{subnets: [10.1.4.0/24, "fd00:1:4::/64"]}}
routers:
  main:
    networks: [left, right, {{network: transit, addresses: [10.1.9.1, "fd00:1:9::1"]}}]
    routes:
      - {{to: 10.1.3.0/24, via: [10.1.9.2]}}
      - {{to: "fd00:1:3::/64", via: ["fd00:1:9::2"]}}
      - {{to: 10.50.0.0/16, via: [10.1.2.101, 10.1.2.102]}}
      - {{to: "fd50::/16", via: ["fd00:1:2::101", "fd00:1:2::102"]}}
      - {{to: 10.66.0.0/16, action: drop}}
      - {{to: "fd66::/16", action: drop}}
      - {{to: 10.67.0.0/16, action: reject}}
      - {{to: "fd67::/16", action: reject}}
      - {{to: 10.68.0.0/16, via: [10.1.9.2]}}
      - {{to: "fd68::/16", via: ["fd00:1:9::2"]}}
      - {{to: 10.50.0.0/16, from: 10.1.1.0/24, ports: [udp/7999], via: [10.1.2.102]}}
  border:
    networks: [{{network: transit, addresses: [10.1.9.2, "fd00:1:9::2"]}}, far]
    routes:
      - {{to: 0.0.0.0/0, via: [10.1.9.1]}}
      - {{to: "::/0", via: ["fd00:1:9::1"]}}
ports:
  left1: {{network: left}}
  left2: {{network: left}}
  right1: {{network: right}}
  right2: {{network: right}}
  way1: {{network: right, addresses: [10.1.2.101, "fd00:1:2::101"], security: [{{addresses: [10.50.0.0/16, "fd50::/16"]}}]}}
  way2: {{network: right, addresses: [10.1.2.102, "fd00:1:2::102"], security: [{{addresses: [10.50.0.0/16, "fd50::/16"]}}]}}
  far1: {{network: far}}
  lonely1: {{network: lonely}}
"""

PLACES = {"left1": "h1", "left2": "h2", "right1": "h1", "right2": "h2", "way1": "h2", "way2": "h3", "far1": "h3",
          "lonely1": "h1"}
TENANTS = ("acme", "umbrella")
BEYOND = ("10.50.0.1", "fd50::1")  # both ways lead there
FAMILIES = (4, 6)


def of(container, family):
    return container.ipv4 if family == 4 else container.ipv6


@pytest.fixture(scope="module", params=[("ipv4", "geneve"), ("ipv6", "vxlan")], ids=lambda p: f"{p[1]}-over-{p[0]}")
def fabric(request):
    underlay, encap = request.param
    with Lab(hosts=3, underlay=underlay, encap=encap) as lab:
        lab.apply("---".join(TENANT.format(tenant=tenant) for tenant in TENANTS))
        workloads = {}
        for tenant in TENANTS:
            for port, host in PLACES.items():
                container = workloads[f"{tenant}/{port}"] = lab.container(tenant, port, host, attach=False)
                if port != "lonely1":
                    container.join(f"{tenant}/main")
                if port.startswith("way"):
                    container.namespace.ip(*[f"address add {address} dev lo" for address in BEYOND])
        for container in workloads.values():
            lab.attach(container)
        lab.settle()
        warm(workloads)
        yield lab, workloads


def warm(workloads):
    """The first packet to a host may find the underlay's neighbor unresolved, as on any IP network."""
    for target in ("left2", "right2", "far1", "way2"):
        for source in ("left1", "right1", "left2"):
            checks.ping(workloads[f"acme/{source}"], workloads[f"acme/{target}"].ipv4, wait=1)


@pytest.fixture
def acme(fabric):
    return {name.split("/")[1]: container for name, container in fabric[1].items() if name.startswith("acme/")}


@pytest.fixture
def drops(fabric):
    """drops("left1"): {reason: packets} of a port of acme, from now on."""
    lab = fabric[0]

    def read(port):
        return checks.drops(lab.api.get(f"/v1/tenants/acme/ports/{port}"))
    before = {port: read(port) for port in PLACES}
    return lambda port: {reason: count - before[port].get(reason, 0) for reason, count in read(port).items()
                         if count > before[port].get(reason, 0)}


def test_everybody_reaches_whom_they_should(fabric):
    """Over networks and hosts and both routers; the right one, once, nobody else, and never the other tenant's."""
    with Traffic(fabric[1].values()) as traffic:
        verdict = judge(traffic.workloads, probe_all(traffic))
    assert verdict.good, "\n".join(verdict.wrong)
    assert verdict.forbidden > 0


@pytest.fixture(params=["on", "off"])
def offload(request, acme):
    """Checksums and segments are left to the device of left1, or made before it."""
    with offloads(request.param, acme["left1"]):
        yield


@pytest.mark.parametrize("source, target, ttl", [
    ("left1", "left2", 64), ("left1", "right1", 63), ("left1", "right2", 63), ("left1", "far1", 62),
    ("far1", "left2", 62)])
def test_each_router_takes_one_off(acme, source, target, ttl):
    for family in FAMILIES:
        assert arriving_ttl(acme[source], acme[target], of(acme[target], family), 7900) == ttl


def test_routers_answer_echo(acme, offload):
    """At the addresses of their networks, also of those that lie beyond another router."""
    for address in ("10.1.1.1", "fd00:1:1::1", "10.1.2.1", "fd00:1:2::1", "10.1.9.1", "fd00:1:9::1", "10.1.9.2",
                    "fd00:1:9::2", "10.1.3.1", "fd00:1:3::1"):
        assert checks.ping(acme["left1"], address, count=3), address
    for size in (0, 1000, 1372 - 20):
        assert checks.ping(acme["left1"], "10.1.1.1", size=size)
        assert checks.ping(acme["left1"], "fd00:1:1::1", size=size)
    assert not checks.ping(acme["left1"], "10.1.4.1", wait=SETTLE)  # has no router


def test_routers_serve_nothing_else(acme, drops, offload):
    with Prober(acme["left1"], "10.1.1.1", 9) as prober:
        prober.send()
        assert prober.error()[:3] == (3, 3, "10.1.1.1")
    with Prober(acme["left1"], "fd00:1:1::1", 9) as prober:
        prober.send()
        assert prober.error()[:3] == (1, 4, "fd00:1:1::1")
    assert checks.wait_until(lambda: drops("left1").get("router-address") == 2) is not None, drops("left1")


def test_routers_name_themselves_on_the_way(acme, drops, offload):
    """What traceroute does: one hop more each time."""
    for family, hops, kind in ((4, ("10.1.1.1", "10.1.9.2"), (11, 0)),
                               (6, ("fd00:1:1::1", "fd00:1:9::2"), (3, 0))):
        with Prober(acme["left1"], of(acme["far1"], family), 33434) as prober:
            for ttl, router in enumerate(hops, 1):
                prober.send(ttl=ttl)
                assert prober.error()[:3] == (*kind, router)
            prober.send(ttl=3)  # and at last the target itself: nobody listens there
            kind = (3, 3) if family == 4 else (1, 4)
            assert prober.error()[:3] == (*kind, of(acme["far1"], family))
    assert checks.wait_until(lambda: drops("left1").get("ttl-exceeded") == 4) is not None, drops("left1")


# The first router answers for what it finds out itself, the second for what only it can.
UNREACHABLE = [
    ("nobody there", ("10.1.2.77", "fd00:1:2::77"), "unknown-next-hop", ((3, 1, "10.1.1.1"), (1, 3, "fd00:1:1::1"))),
    ("nobody there, far away", ("10.1.3.77", "fd00:1:3::77"), "unknown-next-hop",
     ((3, 1, "10.1.9.2"), (1, 3, "fd00:1:9::2"))),
    ("no route", ("8.8.8.8", "2001:db8:8::8"), "no-route", ((3, 0, "10.1.1.1"), (1, 0, "fd00:1:1::1"))),
    ("rejected", ("10.67.1.1", "fd67::1"), "route-rejects", ((3, 1, "10.1.1.1"), (1, 6, "fd00:1:1::1"))),
]


@pytest.mark.parametrize("what, addresses, reason, expected", UNREACHABLE, ids=lambda p: p if isinstance(p, str) else "")
def test_unreachable(acme, drops, offload, what, addresses, reason, expected):
    for address, error in zip(addresses, expected):
        with Prober(acme["left1"], address, 9) as prober:
            prober.send()
            assert (prober.error() or (None,) * 3)[:3] == error
    assert checks.wait_until(lambda: drops("left1").get(reason) == 2) is not None, drops("left1")


@pytest.mark.parametrize("addresses, reason", [(("10.66.0.1", "fd66::1"), "route-drops"),
                                               (("10.68.0.1", "fd68::1"), "routing-loop")])
def test_silently_dropped(acme, drops, addresses, reason):
    """A black hole, and routes that lead in a circle."""
    for address in addresses:
        with Prober(acme["left1"], address, 9) as prober:
            prober.send()
            assert prober.error(SETTLE) is None
    assert checks.wait_until(lambda: drops("left1").get(reason) == 2) is not None, drops("left1")


# ---- MTU ----

@pytest.mark.parametrize("target, mtu, routers", [("right1", 1280, ("10.1.1.1", "fd00:1:1::1")),
                                                  ("right2", 1280, ("10.1.1.1", "fd00:1:1::1")),
                                                  ("far1", 1300, ("10.1.1.1", "fd00:1:1::1"))])
def test_senders_are_told_the_mtu(acme, drops, target, mtu, routers, offload):
    told_the_mtu(acme, target, mtu, routers)
    assert checks.wait_until(lambda: drops("left1").get("mtu-exceeded") == 2) is not None, drops("left1")


def told_the_mtu(acme, target, mtu, routers):
    for family, router, kind in ((4, routers[0], (3, 4)), (6, routers[1], (2, 0))):
        headers = 28 if family == 4 else 48
        forget_paths(acme["left1"])
        with Prober(acme["left1"], of(acme[target], family), 7901) as prober:
            prober.do_not_fragment()
            prober.send(1400 - headers)
            assert prober.error() == (*kind, router, mtu)
            assert prober.mtu() == mtu
        with open_udp(acme[target], router, 7901) as receiver, \
                Prober(acme["left1"], of(acme[target], family), 7901) as prober:
            prober.send(mtu - headers)
            assert len(receiver.recv(2000)) == mtu - headers


def forget_paths(container):
    for family in FAMILIES:
        container.namespace.run("ip", f"-{family}", "route", "flush", "cache")


@pytest.mark.parametrize("state", ["on", "off"])
@pytest.mark.parametrize("source, target", [("left1", "right1"), ("left1", "right2"), ("left1", "far1"),
                                            ("far1", "left2")])
def test_bulk_tcp_finds_its_mtu_and_arrives_whole(acme, drops, source, target, state):
    """Both ends of the way to far have an MTU of 1400, and transit has less: nothing but ICMP tells TCP."""
    ends = acme[source], acme[target]
    with offloads(state, *ends):
        for container in ends:
            forget_paths(container)
        for family in FAMILIES:
            assert transfer(*ends, of(acme[target], family), 7902, 8 << 20) == []
    if "far1" in (source, target):
        assert checks.wait_until(lambda: drops(source).get("mtu-exceeded", 0) >= 2) is not None


# ---- routes ----

FLOWS = 64


def test_next_hops_share_the_flows(acme):
    """Each next hop gets some of many flows, a flow always the same one, and its answers come back."""
    places = [(acme[way], address) for way in ("way1", "way2") for address in BEYOND]
    for source in ("left1", "left2", "far1"):
        with answering(places, 7903):
            for address in BEYOND:
                chosen = {}
                for flow in range(FLOWS):
                    with open_udp(acme[source], address) as opened:
                        opened.connect((address, 7903))
                        answers = set()
                        for _ in range(3):
                            opened.send(b"who?")
                            answers.add(opened.recv(100).decode())
                    assert len(answers) == 1
                    chosen[flow] = answers.pop()
                counts = {name: list(chosen.values()).count(name) for name in ("acme/way1", "acme/way2")}
                assert sum(counts.values()) == FLOWS
                assert min(counts.values()) >= FLOWS // 8, counts


def test_a_policy_route_goes_before_the_prefix(acme):
    """To this one port, from left alone, all flows take the second way."""
    places = [(acme[way], "10.50.0.1") for way in ("way1", "way2")]
    answers = {}
    with answering(places, 7999):
        for source in ("left1", "far1"):
            for _ in range(FLOWS):
                with open_udp(acme[source], "10.50.0.1") as opened:
                    opened.connect(("10.50.0.1", 7999))
                    opened.send(b"who?")
                    answers.setdefault(source, set()).add(opened.recv(100).decode())
    assert answers == {"left1": {"acme/way2"}, "far1": {"acme/way1", "acme/way2"}}


# ---- what changes ----

def test_a_port_that_moves_stays_reachable(fabric):
    """A port is taken off its host and attached on another, and back: everybody finds it where it is."""
    lab, workloads = fabric
    moving = workloads["acme/right2"]
    others = [workloads[f"acme/{name}"] for name in ("left1", "left2", "right1", "far1")]
    for host in ("h3", "h1", "h2"):
        lab.api.detach("acme", "right2")
        moving.unplug()
        moving.host = lab.hosts[host]
        moving.plug()
        lab.attach(moving)
        lab.settle()
        for other in others:
            checks.ping(other, moving.ipv4, wait=1)  # the underlay's neighbor
            for address in moving.addresses:
                assert checks.ping(other, address, count=3), f"{other.name} to {address} on {host}"
            for address in other.addresses:
                assert checks.ping(moving, address, count=3), f"{address} on {host} to {other.name}"


def test_a_route_that_changes(fabric, acme):
    """The static route to far is taken away and given back, the other tenant's stays."""
    lab, workloads = fabric
    path = "/v1/tenants/acme/routers/main"
    routes = lab.api.get(path)["routes"]
    far = acme["far1"].ipv4
    assert checks.ping(acme["left1"], far)
    lab.api.patch(path, {"routes": [route for route in routes if not route["to"].startswith(("10.1.3.", "fd00:1:3:"))]})
    lab.settle()
    try:
        assert not checks.ping(acme["left1"], far, wait=SETTLE)
        assert checks.ping(workloads["umbrella/left1"], far)
    finally:
        lab.api.patch(path, {"routes": routes})
        lab.settle()
    assert checks.ping(acme["left1"], far)


def test_routing_goes_on_without_any_weft_process(fabric, acme):
    """Packets, ICMP errors, echo and bulk TCP under way; and the restart writes no row."""
    lab, _ = fabric
    streams = [Stream(acme["left1"], acme[target], acme[target].ipv6, 7904, rate=20 << 20) for target in ("right2", "far1")]
    lab.kill_all()
    try:
        assert checks.ping(acme["left1"], acme["far1"].ipv4, count=3)
        assert checks.ping(acme["left1"], "10.1.9.2", count=3)
        with Prober(acme["left1"], acme["right1"].ipv4, 9) as prober:
            prober.send(ttl=1)
            assert prober.error()[:3] == (11, 0, "10.1.1.1")
    finally:
        lab.restart_all()
    lab.settle()
    assert [stream.finish() for stream in streams] == [[], []]
    assert {host.status()["writes"] for host in lab.hosts.values()} == {0}
