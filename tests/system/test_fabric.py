# SPDX-License-Identifier: Apache-2.0
"""Whole deployments: who reaches whom, over every kind of tunnel and underlay, and what happens when things go wrong."""

import json
import time

import pytest

from lab import Lab, checks
from lab.fabric import ROOT
from lab.throughput import Place, bulk, received
from lab.traffic import Traffic, judge, probe_all

EXAMPLE = (ROOT / "examples/two-tenants.yaml").read_text()

PLACES = {
    "acme/web1": "h1", "acme/web2": "h1", "acme/web3": "h2", "acme/vm1": "h3", "acme/db1": "h1", "acme/db2": "h3",
    "umbrella/web1": "h1", "umbrella/web2": "h2", "umbrella/web3": "h3", "umbrella/db1": "h2", "umbrella/db2": "h3",
}


def populate(lab):
    """The example's ports, each a container; {name: workload}."""
    lab.apply(EXAMPLE)
    containers = [lab.container(*name.split("/"), host, attach=False) for name, host in PLACES.items()]
    for container in containers:
        lab.attach(container)
    lab.settle()
    return {c.name: c for c in containers}


@pytest.fixture(scope="module", params=[("ipv4", "geneve"), ("ipv4", "vxlan"), ("ipv6", "geneve"), ("ipv6", "vxlan")],
                ids=lambda p: f"{p[1]}-over-{p[0]}")
def fabric(request):
    underlay, encap = request.param
    with Lab(hosts=3, underlay=underlay, encap=encap, audit=2) as lab:
        yield lab, populate(lab)


@pytest.fixture
def traffic(fabric):
    with Traffic(fabric[1].values()) as traffic:
        yield traffic


def assert_all_pairs(traffic):
    verdict = judge(traffic.workloads, probe_all(traffic))
    assert verdict.good, "\n".join(verdict.wrong)
    assert verdict.forbidden > 0


def test_everybody_reaches_whom_they_should(traffic):
    assert_all_pairs(traffic)


def test_broadcast_stays_in_its_network(traffic):
    assert checks.check_broadcast(traffic) == []


@pytest.mark.parametrize("size", [0, 1372 - 40, 8000, 60000])
def test_packets_of_every_size(fabric, size):
    """Up to the MTU, and beyond it as fragments."""
    _, workloads = fabric
    source = workloads["acme/web1"]
    for target in (workloads["acme/web2"], workloads["acme/web3"]):
        for address in target.addresses:
            assert checks.ping(source, address, count=3, size=size), f"{size} bytes to {target.name} {address}"


def test_bad_frames_arrive_nowhere(fabric, traffic):
    lab, workloads = fabric
    cases, arrived, uncounted = checks.check_frames(lab, traffic, workloads["acme/web1"], workloads["acme/web3"])
    assert len(cases) > 15
    assert arrived == []
    assert uncounted == {}


def test_bad_tunnel_packets_arrive_nowhere(fabric, traffic):
    lab, workloads = fabric
    cases, arrived, uncounted = checks.check_tunnels(lab, traffic, workloads["acme/web1"], workloads["acme/web3"])
    assert cases
    assert arrived == []
    assert uncounted == {}


def test_bulk_tcp_arrives_whole(fabric):
    """One megabyte, both families, same host and across: superpackets included."""
    _, workloads = fabric
    source = workloads["acme/web1"]
    for target in (workloads["acme/web2"], workloads["acme/web3"]):
        for address in target.addresses:
            assert transfer(source, target, address) == 1 << 20


def test_superpackets_stay_whole(fabric):
    """Bulk TCP across hosts arrives in packets far larger than any MTU."""
    _, workloads = fabric
    source, target = (Place(workloads[name].namespace, workloads[name].ipv4) for name in ("acme/web1", "acme/web3"))
    before = received(target)
    assert bulk(source, target) > 0
    packets, size = (after - earlier for after, earlier in zip(received(target), before))
    assert size / packets > 10_000


def transfer(source, target, address):
    """Bytes that came through a TCP connection."""
    receive = ("import socket,sys; s=socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET,2,1); "
               "s.bind(('::',7900)); s.listen(); print('up',flush=True); c=s.accept()[0]; n=0\n"
               "while d:=c.recv(1<<16): n+=len(d)\nprint(n)")
    send = (f"import socket; s=socket.create_connection(({address!r},7900),60); s.sendall(bytes(1<<20)); "
            "s.shutdown(1)")
    with target.namespace.popen(["/usr/bin/python3", "-c", receive], stdout=-1, text=True) as server:
        try:
            assert server.stdout.readline() == "up\n"
            source.namespace.run("/usr/bin/python3", "-c", send, timeout=120)
            return int(server.stdout.readline())
        finally:
            server.kill()


def test_drift_is_repaired(fabric):
    lab, workloads = fabric
    source, target = workloads["acme/web1"], workloads["acme/web3"]
    host = source.host
    before = host.status()["repairs"]
    rows = checks.pinned_rows(host, "station")
    assert rows
    for row in rows:
        checks.delete_row(host, "station", row)
    checks.detach_programs(host.namespace, source.device)
    assert not checks.ping(source, target.ipv4, wait=0.3)
    assert checks.wait_until(lambda: checks.ping(source, target.ipv4, wait=0.3)) is not None
    assert checks.wait_until(lambda: len(checks.pinned_rows(host, "station")) == len(rows)) is not None
    assert checks.wait_until(lambda: host.status()["repairs"] >= before + len(rows) + 1) is not None


def test_device_disappears_and_returns(fabric):
    lab, workloads = fabric
    container = workloads["acme/web2"]
    path = "/v1/tenants/acme/ports/web2"
    container.unplug()
    gone = lab.api.wait_for(path, lambda port: port["status"]["state"] == "missing-device")
    assert gone["status"]["state"] == "missing-device"
    assert not checks.ping(workloads["acme/web1"], container.ipv4, wait=0.3)
    container.plug()
    back = lab.api.wait_for(path, lambda port: port["status"]["state"] == "realized")
    assert back["status"]["state"] == "realized"
    assert checks.wait_until(lambda: checks.ping(workloads["acme/web1"], container.ipv4, wait=0.3)) is not None


def test_everything_killed_and_started_again(fabric, traffic):
    """No packet is lost, and the restart writes no row."""
    lab, workloads = fabric
    pairs = [(workloads["acme/web1"], workloads["acme/web2"].ipv6), (workloads["acme/web1"], workloads["acme/web3"].ipv4)]
    for source, address in pairs:
        assert checks.ping(source, address)
    sent, answered = traffic.flow(pairs, 1.0, 200, [(0.2, lab.kill_all)])
    assert sent == answered > 100
    sent, answered = traffic.flow(pairs, 1.0, 200, [(0.1, lab.restart_all)])
    assert sent == answered > 100
    lab.settle()
    for host in lab.hosts.values():
        status = host.status()
        assert status["rows"] > 0
        assert status["writes"] == 0


def test_detached_port_is_silent(fabric):
    lab, workloads = fabric
    source, target = workloads["umbrella/db1"], workloads["umbrella/db2"]
    assert checks.ping(source, target.ipv4)
    lab.api.detach("umbrella", "db2")
    lab.settle()
    assert not checks.ping(source, target.ipv4, wait=0.3)
    lab.attach(target)
    lab.settle()
    assert checks.ping(source, target.ipv4)


# ---- scale ----

NETWORKS, PORTS = 10, 1000


def test_a_thousand_ports():
    """One transaction, one revision, one receipt that all hosts realized it; applied again, nothing is written."""
    with Lab(hosts=3) as lab:
        peers = lab.new_namespace("peers")
        for host in lab.hosts.values():
            own = [n for n in range(PORTS) if f"h{n % 3 + 1}" == host.name]
            host.namespace.ip(*[f"link add p{n} up type veth peer name p{n} netns {peers.name}"
                                for n in own])
        document = json.dumps({
            "tenant": "acme",
            "networks": {f"n{n}": {"subnets": [f"10.{n}.0.0/16", f"fd00:{n}::/64"]} for n in range(NETWORKS)},
            "ports": {f"p{n}": {"network": f"n{n % NETWORKS}", "host": f"h{n % 3 + 1}", "device": f"p{n}"}
                      for n in range(PORTS)}})
        before = lab.api.revision()
        lab.apply(document, "--wait=120s")
        revision = lab.api.revision()
        assert revision == before + 1
        receipt = lab.api.receipt(revision)
        assert receipt["complete"] and receipt["required"] == receipt["realized"] == 3

        def all_realized(_):
            ports = lab.api.get("/v1/ports")["items"]
            return len(ports) == PORTS and all(p["status"]["state"] == "realized" for p in ports)
        lab.wait(all_realized, 60, "not all ports are realized")
        for host in lab.hosts.values():
            # Each host has ports of every network, so each needs the MAC of every port.
            assert len(checks.pinned_rows(host, "station")) == PORTS
            # Its IPv4, its IPv6 and its link-local address.
            assert len(checks.pinned_rows(host, "neighbor")) == 3 * PORTS
        before = told_writes(lab)
        assert all(before.values())
        lab.apply(document, "--wait")
        assert lab.api.revision() == revision
        assert told_writes(lab) == before


def told_writes(lab):
    """{host: writes to its tables}, once the reports that are under way have come."""
    before = None
    while before != (before := {name: host.status()["writes"] for name, host in lab.hosts.items()}):
        time.sleep(3)  # longer than a report takes
    return before
