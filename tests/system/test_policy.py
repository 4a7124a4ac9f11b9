# SPDX-License-Identifier: Apache-2.0
"""Policies and connections with real packets: what is allowed arrives, what is not does not, and each drop is counted."""

import contextlib
import json
import pathlib
import socket
import subprocess
import threading
import time

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Raw

from lab import Lab, checks, tiers
from lab.exchange import (PATIENCE, SETTLE, Prober, Services, Stream, echo_request, is_echo_reply, open_udp, outcome,
                          says, talking)
from lab.traffic import INJECTED, Traffic, offloads

FAMILIES = (4, 6)


def of(container, family):
    return container.ipv4 if family == 4 else container.ipv6


# ---- three tiers ----

@pytest.fixture(scope="module", params=[("ipv4", "geneve"), ("ipv6", "vxlan")], ids=lambda p: f"{p[1]}-over-{p[0]}")
def shop(request):
    """(lab, {port: container}) of the example."""
    underlay, encap = request.param
    with Lab(hosts=3, underlay=underlay, encap=encap) as lab:
        lab.apply(tiers.EXAMPLE)
        containers = {port: lab.container("acme", port, host, attach=False) for port, host in tiers.PLACES.items()}
        tiers.join(lab, containers.values())
        yield lab, containers


def assert_matrix(containers, tier_of=tiers.TIERS):
    measured, expected, asked = tiers.matrix(containers, tier_of)
    assert measured == expected
    assert 10 < len(expected) < asked / 4


def test_three_tiers(shop):
    assert_matrix(shop[1])


def test_a_label_that_changes_moves_the_rights(shop):
    """web2 becomes a member of the application tier, and returns."""
    lab, containers = shop
    path = "/v1/tenants/acme/ports/web2"
    try:
        lab.api.patch(path, {"labels": {"tier": "app"}})
        lab.settle()
        assert_matrix(containers, {**tiers.TIERS, "web2": "app"})
    finally:
        lab.api.patch(path, {"labels": {"tier": "web"}})
        lab.settle()
    assert_matrix(containers)


def test_a_connection_ends_with_the_label_that_allowed_it(shop):
    lab, containers = shop
    app, db = containers["app1"], containers["db1"]
    path = "/v1/tenants/acme/ports/app1"
    with talking(app, db, db.ipv4, 5432) as (near, far):
        assert says(near, far) and says(far, near)
        try:
            lab.api.patch(path, {"labels": {"tier": "other"}})
            lab.settle()
            for end in (near, far):
                end.settimeout(SETTLE)
            assert not says(near, far)
            assert not says(far, near)
        finally:
            lab.api.patch(path, {"labels": {"tier": "app"}})
            lab.settle()


def test_judged_without_any_weft_process(shop):
    """New connections, and those under way; the restart writes no row."""
    lab, containers = shop
    app, db = containers["app1"], containers["db1"]
    with talking(app, db, db.ipv4, 5432) as (near, far):
        assert says(near, far)
        lab.kill_all()
        try:
            assert says(near, far) and says(far, near)
            assert_matrix(containers)
        finally:
            lab.restart_all()
            lab.settle()
        assert says(near, far) and says(far, near)
    assert {host.status()["writes"] for host in lab.hosts.values()} == {0}
    assert_matrix(containers)


@pytest.mark.parametrize("without", ["nothing", "offload", "offload-below"])
@pytest.mark.parametrize("source, target, family", [("app1", "db1", 4), ("web1", "web2", 6)])
def test_reject_tells_senders_on_other_hosts(shop, source, target, family, without):
    """TCP that begins and TCP under way, UDP small and large: through the router, and within a network. Checksums are left
    to whoever comes last, made by the sender, or made by the underlay's device."""
    lab, containers = shop
    client, server = containers[source], containers[target]
    address, path = of(server, family), "/v1/tenants/acme/policies/told"

    def rule(action):
        where = f"tier={tiers.TIERS[target]}"
        lab.api.put(path, {"applies_to": where, "rules": [
            {"from": "any", "to": where, "ports": ["tcp/81", "udp/82"], "action": action, "priority": 9999}]})
        lab.settle()
    plain = {"nothing": [], "offload": [client], "offload-below": [client.host, server.host]}[without]
    with offloads("off", *plain):
        try:
            rule("allow")
            with talking(client, server, address, 81) as (near, far):
                assert says(near, far) and says(far, near)
                rule("reject")
                with pytest.raises(ConnectionResetError):
                    near.send(b"weft")
                    near.recv(100)
            with Services([server], ["tcp/81", "udp/82"]):
                assert outcome(client, address, 81, seconds=PATIENCE) == "refused"
                for size in (1, 26, 46, 47, 100, 1200):
                    with Prober(client, address, 82) as prober:
                        prober.send(size)
                        assert (prober.error() or ())[:3] == (*((3, 13) if family == 4 else (1, 1)), address), size
        finally:
            lab.api.delete(path)
            lab.settle()


# ---- two tenants with equal addresses ----

TENANT = """
tenant: {tenant}
networks:
  near: {{subnets: [10.2.1.0/24, "fd00:2:1::/64"]}}
  there: {{subnets: [10.2.2.0/24, "fd00:2:2::/64"]}}
  apart: {{subnets: [10.2.3.0/24]}}
routers:
  main: {{networks: [near, there]}}
ports:
  client1: {{network: near, labels: {{role: client}}}}
  client2: {{network: near, labels: {{role: client}}}}
  neighbor: {{network: near, labels: {{role: neighbor}}}}
  server1: {{network: there, labels: {{role: server}}}}
  server2: {{network: there, labels: {{role: server}}}}
  asking: {{network: apart}}
  counted: {{network: apart, labels: {{role: counted}}}}
"""
PLACES = {"client1": "h1", "client2": "h2", "neighbor": "h1", "server1": "h1", "server2": "h2",
          "asking": "h2", "counted": "h1"}  # those of `apart` are for exact counts: no other test speaks to them
TENANTS = ("acme", "umbrella")
SERVERS = ("server1", "server2")  # for client1: on its own host, and on the other
NOTHING = {"to": "any", "from": "any", "action": "drop", "priority": 0}


def let(ports, **more):
    """A rule that lets clients reach servers."""
    return {"to": "role=server", "from": "role=client", "ports": ports, "action": "allow", **more}


@pytest.fixture(scope="module")
def fabric():
    with Lab(hosts=2) as lab:
        lab.apply("---".join(TENANT.format(tenant=tenant) for tenant in TENANTS))
        containers = {(tenant, port): lab.container(tenant, port, host, attach=False)
                      for tenant in TENANTS for port, host in PLACES.items()}
        tiers.join(lab, containers.values())
        yield lab, containers


@pytest.fixture
def acme(fabric):
    return {port: container for (tenant, port), container in fabric[1].items() if tenant == "acme"}


@pytest.fixture
def rule(fabric):
    """rule([rules], tenant=…, name=…, fields of the policy…): from now until the end of the test."""
    lab, made = fabric[0], set()

    def put(rules, tenant="acme", name="law", **fields):
        path = f"/v1/tenants/{tenant}/policies/{name}"
        lab.api.put(path, {"rules": rules, **fields})
        made.add(path)
        lab.settle()
    yield put
    for path in made:
        lab.api.delete(path)
    lab.settle()


@pytest.fixture
def drops(fabric):
    """drops("client1"): {reason: packets} of a port of acme since the test began."""
    def read(port):
        return checks.drops(fabric[0].api.get(f"/v1/tenants/acme/ports/{port}"))
    before = {port: read(port) for port in PLACES}
    return lambda port: {reason: count - before[port].get(reason, 0) for reason, count in read(port).items()
                         if count > before[port].get(reason, 0)}


def test_two_tenants_without_policies(fabric):
    """What the other tests deny is possible where nothing denies it."""
    containers = fabric[1]
    attempts = [(containers[tenant, source], address, kind) for tenant in TENANTS
                for source, target in (("client1", "server1"), ("server2", "client1"), ("neighbor", "client2"))
                for address in containers[tenant, target].addresses for kind in ("tcp/80", "udp/53", "icmp")]
    with Services(containers.values(), ["tcp/80", "udp/53"]) as services:
        assert services.reached(attempts, attempts) == set(attempts)


# ---- connections ----

@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_replies_pass_and_nothing_new_comes_back(acme, rule, server, family):
    rule([let(["tcp/80"]), NOTHING])
    client, server = acme["client1"], acme[server]
    with Services([client], ["tcp/80", "tcp/5000"]), \
            talking(client, server, of(server, family), 80) as (near, far):
        for _ in range(3):
            assert says(near, far) and says(far, near)
        assert outcome(server, of(client, family), 80) == "silent"
        assert outcome(server, of(client, family), 5000) == "silent"
        assert says(near, far) and says(far, near)
    with Services([client], ["tcp/5000"]):
        # Not even from the port that replies come from.
        assert outcome(server, of(client, family), 5000, source_port=80) == "silent"


@pytest.mark.parametrize("established, lives", [("stop", False), ("keep", True)])
@pytest.mark.parametrize("server", SERVERS)
def test_a_rule_that_goes(acme, rule, server, established, lives):
    """Established connections stop with the rule that allowed them, or live on; new ones do not begin either way."""
    client, server = acme["client1"], acme[server]
    with contextlib.ExitStack() as stack:
        rule([let(["tcp/80", "udp/53"]), NOTHING], established=established)
        pairs = []
        for family in FAMILIES:
            near, far = stack.enter_context(talking(client, server, of(server, family), 80))
            assert says(near, far) and says(far, near)
            pairs.append((near, far))
        rule([let(["udp/53"]), NOTHING], established=established)
        for near, far in pairs:
            for end in (near, far):
                end.settimeout(PATIENCE if lives else SETTLE)
            assert says(near, far) is lives
            assert says(far, near) is lives
        with Services([server], ["udp/53", "tcp/8080"]) as services:
            due = [(client, address, "udp/53") for address in server.addresses]
            assert services.reached(due, due) == set(due)
        assert outcome(client, server.ipv4, 80) == "silent"


@pytest.mark.parametrize("server", SERVERS)
def test_udp_and_echo_as_connections(acme, rule, server):
    rule([let(["udp/53", "icmp/8", "icmpv6/128"]), NOTHING])
    client, server = acme["client1"], acme[server]
    kinds = ["udp/53", "udp/54"]
    with Services([client, server], kinds) as services:
        due = [(client, address, kind) for address in server.addresses for kind in ("udp/53", "icmp")]
        others = [(client, address, "udp/54") for address in server.addresses]
        others += [(server, address, kind) for address in client.addresses for kind in (*kinds, "icmp")]
        assert services.reached(due + others, due) == set(due)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_an_answer_that_nobody_asked_for(acme, rule, server, family):
    """An echo reply, and a datagram from a server's port; one that was asked for may be repeated."""
    rule([let(["udp/53", "icmp/8", "icmpv6/128"]), NOTHING])
    client, server = acme["client1"], acme[server]
    address = of(client, family)
    with raw_icmp(client, address) as receiver, raw_icmp(server, address) as sender:
        sender.sendto(echo_request(address, 77, kind=0 if family == 4 else 129), (address, 0))
        assert not any(is_echo_reply(packet, address, 77) for packet in packets_of(receiver))
    with open_udp(client, address, 5300) as near, open_udp(server, address, 53) as far:
        near.settimeout(SETTLE)
        far.sendto(b"unasked", (address, 5300))
        with pytest.raises(TimeoutError):
            near.recv(100)
        near.settimeout(PATIENCE)
        near.sendto(b"asked", (of(server, family), 53))
        assert far.recv(100) == b"asked"
        for _ in range(3):
            far.sendto(b"answer", (address, 5300))
            assert near.recv(100) == b"answer"


def raw_icmp(container, address):
    opened = container.namespace.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_RAW,
        socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP)
    opened.settimeout(SETTLE)
    return opened


def packets_of(receiver):
    """All that comes in a while."""
    with contextlib.suppress(TimeoutError):
        while True:
            yield receiver.recv(65536)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_icmp_errors_follow_their_connection(acme, rule, server, family):
    """The error about what the client has sent reaches it, though no rule allows ICMP; one about nothing does not."""
    rule([let(["udp/53"]), NOTHING])
    client, server = acme["client1"], acme[server]
    with Prober(client, of(server, family), 53) as prober:
        prober.send()
        assert prober.error()[:3] == (*((3, 3) if family == 4 else (1, 4)), of(server, family))
    with Traffic([client, server]) as traffic:
        quoted = UDP(sport=5301, dport=53) / Raw(INJECTED)
        if family == 4:
            error = IP(src=server.ipv4, dst=client.ipv4) / ICMP(type=3, code=3) / IP(
                src=client.ipv4, dst=server.ipv4) / quoted
        else:
            error = IPv6(src=server.ipv6, dst=client.ipv6) / ICMPv6DestUnreach(code=4) / IPv6(
                src=client.ipv6, dst=server.ipv6) / quoted
        assert inject_ip(traffic, server, error) == []
        with open_udp(client, of(server, family), 5301) as asked:
            asked.sendto(b"asked", (of(server, family), 53))
            traffic.pump(SETTLE)
            assert inject_ip(traffic, server, error, due=1) == [client.name]


def inject_ip(traffic, source, packet, due=0):
    """Send it to the router of the source's network; the names of the workloads where INJECTED arrived."""
    router = source.namespace.run("ip", "-j", "neighbor", "show", "dev", "eth0")
    macs = {entry["lladdr"] for entry in json.loads(router) if entry.get("lladdr", "").startswith("0e:57")}
    assert len(macs) == 1
    header = bytes.fromhex(macs.pop().replace(":", "") + source.mac.replace(":", ""))
    frame = header + (b"\x08\x00" if packet.version == 4 else b"\x86\xdd") + bytes(packet)
    return [name for name, _ in traffic.inject(source, [frame], due)]


@pytest.mark.parametrize("server", SERVERS)
def test_equal_addresses_share_no_connection(fabric, rule, server):
    """The same five-tuple in two tenants: one may, the other may not, and then the other way round."""
    containers = fabric[1]
    for may, must_not in (TENANTS, reversed(TENANTS)):
        rule([let(["tcp/80"]), NOTHING], tenant=may)
        rule([NOTHING], tenant=must_not)
        client, target = containers[may, "client1"], containers[may, server]
        with talking(client, target, target.ipv4, 80, source_port=33000) as (near, far):
            assert says(near, far) and says(far, near)
            with Services([containers[must_not, server]], ["tcp/80"]):
                assert outcome(containers[must_not, "client1"], target.ipv4, 80, source_port=33000) == "silent"
            assert says(near, far) and says(far, near)


# ---- fragments ----

@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_fragments_follow_the_first(fabric, acme, rule, drops, server, family):
    """Large datagrams to a port that is allowed arrive and are answered; to another port, no part of them arrives."""
    name = f"large-{server}-{family}"
    rule([let(["udp/53"]), let(["udp/54"], action="drop", name=name), NOTHING])
    client, target = acme["client1"], acme[server]
    address = of(target, family)
    text = INJECTED * 600
    with Services([target], ["udp/53"]), open_udp(client, address) as opened:
        for _ in range(5):
            opened.sendto(text, (address, 53))
            assert opened.recv(65536) == text
    with Traffic([client, target]) as traffic, open_udp(client, address) as opened, traffic.watch(INJECTED) as arrived:
        for _ in range(5):
            opened.sendto(text, (address, 54))
        traffic.pump(SETTLE)
        assert arrived == []
    # Six fragments each. Those behind the first name no port, and are counted where they are noticed.
    port = "client1" if server == "server1" else server
    assert checks.wait_until(lambda: rule_packets(fabric[0])[name] == 5
                             and drops(port).get("fragment-without-first") == 25) is not None, \
        (rule_packets(fabric[0]), drops(port))


def rule_packets(lab):
    """{name of the rule: packets}."""
    answer = lab.api.get("/v1/tenants/acme/policies/law")
    return {entry["name"]: entry["packets"] for entry in answer["status"]["rules"] if entry["name"]}


def test_a_fragment_without_its_first(acme, rule):
    rule([let(["udp/53"]), NOTHING])
    client, server = acme["client1"], acme["server1"]
    assert not checks.ping(client, server.ipv4, wait=SETTLE)  # denied; but the router's MAC is known now
    fragment = IP(src=client.ipv4, dst=server.ipv4, id=4711, frag=185, proto=17) / Raw(INJECTED)
    with Traffic([client, server]) as traffic:
        assert inject_ip(traffic, client, fragment) == []


# ---- what a denied sender is told, and what is counted ----

@pytest.fixture(params=["on", "off"])
def offload(request, acme):
    """Checksums and segments are left to the device of client1, or made before it."""
    with offloads(request.param, acme["client1"]):
        yield


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_reject_tells_the_sender(acme, rule, offload, server, family):
    rule([let(["tcp/81", "udp/82"], action="reject"), NOTHING])
    client, server = acme["client1"], acme[server]
    with Services([server], ["tcp/81", "tcp/83", "udp/82"]):
        assert outcome(client, of(server, family), 81, seconds=PATIENCE) == "refused"
        assert outcome(client, of(server, family), 83) == "silent"
        with Prober(client, of(server, family), 82) as prober:
            prober.send()
            assert prober.error()[:3] == (*((3, 13) if family == 4 else (1, 1)), of(server, family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("server", SERVERS)
def test_reject_of_what_a_port_may_not_send(acme, rule, server, family):
    rule([{**NOTHING, "direction": "egress", "from": "role=client", "ports": ["tcp/81", "udp/82"], "action": "reject"}],
         applies_to="role=client", default="allow")
    client, server = acme["client1"], acme[server]
    with Services([server], ["tcp/81", "tcp/83"]):
        assert outcome(client, of(server, family), 81, seconds=PATIENCE) == "refused"
        assert outcome(client, of(server, family), 83, seconds=PATIENCE) == "open"
    with Prober(client, of(server, family), 82) as prober:
        prober.send()
        assert prober.error()[:3] == (*((3, 13) if family == 4 else (1, 1)), of(server, family))


def test_each_rule_counts_and_each_drop_has_its_cause(fabric, acme, rule, drops):
    lab = fabric[0]
    # Multicast listener reports come now and then, and are no part of the sum.
    anybody = {"from": "any", "to": "any"}
    rule([{**anybody, "ports": ["udp/53"], "action": "allow", "name": "ask"},
          {**anybody, "ports": ["udp/98"], "action": "drop", "name": "never"},
          {**anybody, "ports": ["icmpv6"], "action": "allow"}], applies_to="role=counted")
    client, server = acme["asking"], acme["counted"]
    with Services([server], ["udp/53"]):
        for port, count in ((53, 3), (98, 7), (99, 5)):
            for _ in range(count):
                with open_udp(client, server.ipv4) as opened:  # each of a port of its own: a connection
                    opened.sendto(b"weft", (server.ipv4, port))
                    if port == 53:
                        for _ in range(4):
                            assert opened.recv(100) == b"weft"
                            opened.sendto(b"weft", (server.ipv4, port))
    expected = {"ask": 3, "never": 7, "default": 5}
    assert checks.wait_until(lambda: rule_packets(lab) == expected) is not None, rule_packets(lab)
    reasons = {"denied-by-rule": 7, "denied-by-default": 5}
    assert checks.wait_until(lambda: drops("counted") == reasons) is not None, drops("counted")
    assert drops("asking") == {}
    rows = [line.split() for line in lab.weft("describe", "policy", "acme/law").splitlines()]
    for name, count in expected.items():
        assert [row[-2] for row in rows if row[:1] == [name]] == [str(count)]


def test_rules_that_are_logged(fabric, acme, rule):
    """Each denied packet and each new connection, in the log of the agent and in the status of the policy; the others not."""
    lab = fabric[0]
    anybody = {"from": "any", "to": "any"}
    rule([{**anybody, "ports": ["tcp/53"], "action": "allow", "name": "opens", "log": True},
          {**anybody, "ports": ["udp/98"], "action": "drop", "name": "denies", "log": True},
          {**anybody, "ports": ["udp/99"], "action": "drop", "name": "quiet"},
          {**anybody, "ports": ["icmpv6"], "action": "allow"}], applies_to="role=counted")
    client, server = acme["asking"], acme["counted"]
    with talking(client, server, server.ipv4, 53, source_port=4000) as (near, far):
        for _ in range(5):
            assert says(near, far) and says(far, near)
    with open_udp(client, server.ipv4, 4001) as opened:
        for port in (98, 99, 98):
            opened.sendto(b"weft", (server.ipv4, port))
    opens = {"host": "h1", "port": "acme/ports/counted", "action": "allow",
             "packet": f"tcp {client.ipv4}:4000 > {server.ipv4}:53"}
    denies = {**opens, "action": "drop", "packet": f"udp {client.ipv4}:4001 > {server.ipv4}:98"}

    def logged():
        rules = lab.api.get("/v1/tenants/acme/policies/law")["status"]["rules"]
        return {entry["name"]: [{k: line[k] for k in opens} for line in entry["log"]] for entry in rules if "log" in entry}
    expected = {"opens": [opens], "denies": [denies] * 2}
    assert checks.wait_until(lambda: logged() == expected) is not None, logged()
    rows = [line.split(maxsplit=5)[1:] for line in lab.weft("describe", "policy", "acme/law").splitlines()]
    assert rows.count(["denies", "h1", "acme/ports/counted", "drop", denies["packet"]]) == 2
    said = lab.log("agent-h1")
    assert said.count(f"(denies) of policy acme/policies/law, revision {lab.api.revision()}: "
                      f"drop {denies['packet']}, at acme/ports/counted") == 2
    # A flood of them is counted, and no flood of lines.
    with open_udp(client, server.ipv4, 4001) as opened:
        for _ in range(3000):
            opened.sendto(b"weft", (server.ipv4, 98))
    assert checks.wait_until(lambda: rule_packets(lab)["denies"] == 3002) is not None, rule_packets(lab)
    assert len(logged()["denies"]) <= 16
    lines = (lab.folder / "agent-h1.log").read_text().count("(denies) of policy")
    assert 10 <= lines < 1500


def test_broadcast_obeys_each_receiver(acme, rule):
    """Everybody of the network hears it, until a policy says who may."""
    listeners = {"client2": acme["client2"], "neighbor": acme["neighbor"]}

    def heard(due):
        """Who hears what. What is `due` is waited for."""
        result = set()
        for address in ("255.255.255.255", "ff02::1"):
            with contextlib.ExitStack() as stack:
                opened = {port: stack.enter_context(open_udp(container, address, 7905))
                          for port, container in listeners.items()}
                sender = stack.enter_context(open_udp(acme["client1"], address))
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                scope = ()
                if ":" in address:
                    with acme["client1"].namespace.entered():
                        scope = (0, socket.if_nametoindex("eth0"))
                sender.sendto(b"weft", (address, 7905, *scope))
                for port, receiver in opened.items():
                    receiver.settimeout(PATIENCE if (port, address) in due else SETTLE)
                    with contextlib.suppress(TimeoutError):
                        receiver.recv(100)
                        result.add((port, address))
        return result
    everybody = {(port, address) for port in listeners for address in ("255.255.255.255", "ff02::1")}
    assert heard(everybody) == everybody
    rule([{"to": "role=client", "from": "any", "ports": ["udp/7905"], "action": "allow"}, NOTHING])
    clients = {(port, address) for port, address in everybody if port == "client2"}
    assert heard(clients) == clients
    rule([NOTHING])
    assert heard(set()) == set()


# ---- changes under traffic ----

def mixture_rules(action):
    """Two rule sets, which differ in every rule, and what they have in common:

    udp/6001  passes neither: the first drops it on its way in, the second on its way out. The first's way out and the
              second's way in together would let it through.
    udp/6002  passes neither: dropped before what would allow it, in both, but by other rules in another order.
    udp/6003, tcp/80  pass both, by other rules.
    """
    out = {"direction": "egress", "from": "role=client", "to": "any"}
    into = {"direction": "ingress", "from": "any", "to": "role=server"}
    first = [{**out, "action": action, "ports": ["udp/6001", "udp/6002", "udp/6003"]},
             {**out, "action": "allow", "ports": ["tcp/80"]},
             {**into, "action": "drop", "ports": ["udp/6001"], "priority": 3000},
             {**into, "action": "drop", "ports": ["udp/6002"], "priority": 2000},
             {**into, "action": action, "ports": ["udp/6000-6009"]},
             {**into, "action": "allow", "ports": ["tcp"], "priority": 10}]
    second = [{**out, "action": "drop", "ports": ["udp/6001"], "priority": 9},
              {**out, "action": action, "ports": ["udp/6002-6100", "udp/5900-6000"], "priority": 8},
              {**out, "action": "allow", "ports": ["tcp/1-1000"], "priority": 7},
              {**into, "action": action, "ports": ["udp/6001"], "priority": 6},
              {**into, "action": "drop", "ports": ["udp/6002", "udp/7000"], "priority": 5},
              {**into, "action": action, "from": "role=client", "ports": ["udp"], "priority": 4},
              {**into, "action": "allow", "from": "role=client", "ports": ["tcp/80"], "priority": 3}]
    return first, second


class Questions(threading.Thread):
    """Datagrams from one container to ports of another, in turn, until `finish`; those that arrive are counted."""

    def __init__(self, client, server, address, ports):
        super().__init__(daemon=True)
        self.address, self.ports = address, ports
        self._end = threading.Event()
        self._servers = {port: open_udp(server, address, port) for port in ports}
        for opened in self._servers.values():
            opened.setblocking(False)
        self._clients = [open_udp(client, address) for _ in range(64)]
        self.sent = dict.fromkeys(ports, 0)
        self.arrived = dict.fromkeys(ports, 0)
        self.start()

    def run(self):
        turn = 0
        while not self._end.is_set():
            for port in self.ports:
                self._clients[turn % len(self._clients)].sendto(b"weft", (self.address, port))
                self.sent[port] += 1
            turn += 1
            self._drain()
            time.sleep(0.0002)

    def _drain(self):
        for port, opened in self._servers.items():
            with contextlib.suppress(BlockingIOError):
                while opened.recv(100):
                    self.arrived[port] += 1

    def finish(self, due):
        """Send no more. All that were sent to port `due` are waited for."""
        self._end.set()
        self.join()
        checks.wait_until(lambda: self._drain() or self.arrived[due] == self.sent[due], PATIENCE)
        time.sleep(SETTLE)
        self._drain()
        for opened in (*self._servers.values(), *self._clients):
            opened.close()


CHANGES = 40


@pytest.mark.parametrize("action", ["allow", "allow-stateless"])
def test_no_packet_is_judged_by_a_mixture(acme, rule, action):
    """Datagrams through both directions' rules on one host, and bulk TCP there and across, while the rules change."""
    sets = mixture_rules(action)
    rule(sets[0])
    client, server = acme["client1"], acme["server1"]
    questions = [Questions(client, server, address, (6001, 6002, 6003)) for address in server.addresses]
    streams = [Stream(client, target, of(target, family), 80, rate=10 << 20)
               for target in (server, acme["server2"]) for family in FAMILIES]
    try:
        for number in range(CHANGES):
            rule(sets[(number + 1) % 2])
            before = [asked.sent[6001] for asked in questions]
            assert checks.wait_until(lambda: all(asked.sent[6001] >= sent + 10
                                                 for asked, sent in zip(questions, before))) is not None
    finally:
        for asked in questions:
            asked.finish(due=6003)
        wrong = [stream.finish() for stream in streams]
    assert wrong == [[] for _ in streams]
    for asked in questions:
        assert asked.sent[6001] >= 10 * CHANGES
        assert asked.arrived == {6001: 0, 6002: 0, 6003: asked.sent[6003]}


# ---- floods ----

@pytest.mark.parametrize("kind", ["syn", "udp"])
def test_a_flood_hurts_nobody_else(build_folder, acme, rule, drops, kind):
    """Random connections from one port: those of others begin and go on without a loss, and so do its own old ones."""
    program = pathlib.Path(build_folder) / "bench/load/weft-load"
    rule([{"to": "role=server", "from": "any", "ports": ["tcp", "udp"], "action": "allow"}, NOTHING])
    flooder, client, server, other = (acme[port] for port in ("neighbor", "client1", "server1", "server2"))
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(talking(flooder, server, server.ipv4, 81))
        others = [stack.enter_context(talking(acme[near], target, of(target, family), 90 + number))
                  for number, (near, target, family) in enumerate(
                      [("client1", server, 4), ("client1", other, 6), ("client2", server, 6)])]
        services = stack.enter_context(Services([server, other], ["tcp/80", "udp/53"]))
        # One that has been asked and has not answered yet: half a connection.
        near = stack.enter_context(open_udp(client, server.ipv4, 5302))
        far = stack.enter_context(open_udp(server, server.ipv4, 5303))
        near.sendto(b"asked", (server.ipv4, 5303))
        assert far.recv(100) == b"asked"
        for ends in (own, *others):
            assert says(*ends) and says(*reversed(ends))

        attempts = [(acme[name], address, what) for name in ("client1", "client2") for target in (server, other)
                    for address in target.addresses for what in ("tcp/80", "udp/53")]
        flood = stack.enter_context(flooder.namespace.popen(
            [program, "flood", server.ipv4, "--kind", kind, "--port", "80", "--rate", "100000", "--seconds", "3"],
            stdout=subprocess.PIPE))
        asked = answered = 0
        missing = []
        with open_udp(client, other.ipv4) as asking:
            while flood.poll() is None:
                for _ in range(20):
                    asking.sendto(b"%d" % asked, (other.ipv4, 53))
                    with contextlib.suppress(TimeoutError):
                        answered += asking.recv(100) == b"%d" % asked
                    asked += 1
                missing += set(attempts) - services.reached(attempts, attempts)
                for ends in (own, *others):
                    assert says(*ends) and says(*reversed(ends))
        assert flood.returncode == 0
        sent = json.loads(flood.stdout.read())["packets"]
        assert sent > 10000
        assert missing == []
        assert asked == answered >= 20
        for ends in (own, *others):
            assert says(*ends) and says(*reversed(ends))
        far.sendto(b"answer", (client.ipv4, 5302))
        assert near.recv(100) == b"answer"
    time.sleep(2.5)  # longer than a report takes
    for port in ("client1", "client2", "server2"):
        assert not drops(port).keys() - {"denied-by-rule"}, drops(port)  # multicast listener reports
    assert sent - 20000 < drops("neighbor")["unanswered"] < sent  # 1,000 a second pass, and 2,000 at once


# ---- after all of this ----

def test_what_is_counted_is_there(fabric):
    """Connections that began, ended, were forbidden and forgotten, on several processors: ports and tenants count those that are."""
    for host in fabric[0].hosts.values():
        found = []
        assert checks.wait_until(lambda: not found.append(checks.unbalanced(host)) and not found[-1], 10) is not None, found[-1]
        assert len(checks.pinned_rows(host, "embryo")) > 0
