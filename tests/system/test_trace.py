# SPDX-License-Identifier: Apache-2.0
"""weft trace in a deployment: what it says against what packets do."""

import json
import re
import signal

import pytest

from lab import Lab, checks

DESIRED = """
tenant: acme
networks:
  web: {subnets: [10.1.0.0/24, "fd00:1::/64"]}
  db: {subnets: [10.2.0.0/24]}
routers:
  gate: {networks: [web, db]}
ports:
  web1: {network: web, addresses: [10.1.0.11, "fd00:1::11"]}
  web2: {network: web, addresses: [10.1.0.12, "fd00:1::12"]}
  web3: {network: web, addresses: [10.1.0.13, "fd00:1::13"]}
  db1: {network: db, addresses: [10.2.0.21]}
  idle: {network: web, addresses: [10.1.0.99]}
"""

PLACES = {"web1": "h1", "web2": "h1", "web3": "h2", "db1": "h2"}


@pytest.fixture(scope="module")
def deployment():
    # No look for drift comes while these tests make some.
    with Lab(hosts=2, audit=600) as lab:
        lab.apply(DESIRED)
        workloads = {name: lab.container("acme", name, host) for name, host in PLACES.items()}
        lab.settle()
        yield lab, workloads


class Trace:
    def __init__(self, lab, *words):
        result = lab.weft("trace", *words, "--json", check=False)
        assert result.returncode in (0, 1), result.stderr
        self.reaches = result.returncode == 0
        self.answer = json.loads(result.stdout)
        self.summary, self.verdict = self.answer["summary"], self.answer["verdict"]
        self.hosts = {host["host"]: host for host in self.answer["hosts"]}

    def stages(self, host):
        return [stage["stage"] for stage in self.hosts[host]["stages"]]

    def stage(self, host, name):
        return next(stage for stage in self.hosts[host]["stages"] if stage["stage"] == name)

    def drift(self):
        return [drift for host in self.hosts.values() for stage in host["stages"] for drift in stage.get("drift", [])]


@pytest.mark.parametrize("family", ["4", "6"])
def test_same_host(deployment, family):
    lab, _ = deployment
    trace = Trace(lab, "web1", "web2", "tcp/80", "--family", family)
    assert trace.reaches
    assert trace.summary == "reaches acme/ports/web2 on h1"
    assert trace.stages("h1")[0] == "port" and trace.stages("h1")[-1] == "deliver"
    assert trace.stage("h1", "switch")["object"] == "acme/ports/web2"
    assert trace.stage("h1", "switch")["revision"] == lab.api.port("acme", "web2")["revision"]
    assert trace.drift() == []


def test_other_host(deployment):
    lab, _ = deployment
    trace = Trace(lab, "web1", "web3", "udp/53")
    assert trace.reaches
    assert trace.summary == "reaches acme/ports/web3 on h2"
    assert trace.stages("h1")[-1] == "encapsulate"
    assert trace.stage("h1", "encapsulate")["object"] == "hosts/h2"
    assert trace.stages("h2")[0] == "tunnel"
    assert trace.stages("h2")[-1] == "deliver"
    assert trace.drift() == []


def test_routed(deployment):
    lab, workloads = deployment
    workloads["web1"].namespace.ip("route replace 10.2.0.0/24 via 10.1.0.1")
    workloads["db1"].namespace.ip("route replace 10.1.0.0/24 via 10.2.0.1")
    trace = Trace(lab, "web1", "db1", "icmp")
    assert trace.reaches == checks.ping(workloads["web1"], workloads["db1"].ipv4) is True
    assert trace.summary == "reaches acme/ports/db1 on h2"
    assert trace.stage("h1", "route")["object"] == "acme/routers/gate"
    assert trace.drift() == []
    text = lab.weft("trace", "web1", "db1", "--packets")
    assert re.search(r"^ +- +ipv4 +10.1.0.11 > 10.2.0.21, ttl 64", text, re.MULTILINE)
    assert re.search(r"^ +\+ +ipv4 +10.1.0.11 > 10.2.0.21, ttl 63", text, re.MULTILINE)


def test_time_to_live(deployment):
    lab, _ = deployment
    trace = Trace(lab, "web1", "db1", "--ttl", "1")
    assert trace.answer["reason"] == "ttl-exceeded"
    assert trace.answer["stage"] == "route"
    assert trace.summary.startswith("dropped on h1 at route (ttl-exceeded)")
    assert trace.summary.endswith("the sender is told")


def test_router_answers(deployment):
    lab, workloads = deployment
    assert checks.ping(workloads["web1"], "10.1.0.1")
    trace = Trace(lab, "web1", "10.1.0.1")
    assert trace.verdict == "answered"


def test_unknown_address(deployment):
    lab, _ = deployment
    trace = Trace(lab, "web1", "10.1.0.77", "tcp/80")
    assert not trace.reaches
    assert trace.answer["reason"] == "unknown-neighbor"
    assert trace.hosts["h1"]["asked"] == "10.1.0.77"


def test_attached_nowhere(deployment):
    lab, _ = deployment
    assert Trace(lab, "web1", "idle").answer["reason"] in ("unknown-unicast", "unknown-neighbor")
    refused = lab.weft("trace", "idle", "web1", check=False)
    assert refused.returncode == 1
    assert "attached to no interface" in refused.stderr


def test_too_large(deployment):
    lab, _ = deployment
    trace = Trace(lab, "web1", "web2", "udp/9", "--size", "1401")
    assert trace.answer["reason"] == "mtu-exceeded"


POLICY = """
tenant: acme
policies:
  fence:
    rules:
      - {name: ping, from: any, to: any, ports: [icmp/8], priority: 2000, action: allow}
      - {name: no-database, from: 10.1.0.0/24, to: 10.2.0.0/24, action: drop}
      - {name: told, from: any, to: any, ports: [tcp/25], action: reject}
"""


@pytest.fixture
def policy(deployment):
    lab, workloads = deployment
    lab.apply(POLICY)
    lab.settle()
    yield lab.api.get("/v1/tenants/acme/policies/fence")["revision"]
    lab.api.delete("/v1/tenants/acme/policies/fence")
    lab.settle()


def connects(source, address, port, seconds=30):
    """What a TCP connection comes to: "open", "refused" or, of so many seconds, "silence"."""
    program = (f"import socket\ns = socket.socket(); s.settimeout({seconds})\n"
               f"try:\n s.connect(({address!r}, {port})); print('open')\n"
               "except TimeoutError:\n print('silence')\nexcept OSError:\n print('refused')")
    return source.namespace.run("/usr/bin/python3", "-c", program).strip()


def test_denied_by_rule(deployment, policy):
    """On the host of the destination, where its rules are asked."""
    lab, workloads = deployment
    trace = Trace(lab, "web1", "db1", "tcp/5432")
    assert trace.verdict == "dropped"
    assert trace.summary.startswith(
        f"dropped on h2 by rule 2 (no-database) of policy acme/policies/fence, revision {policy}: ")
    assert trace.answer["rule"] == {"name": "no-database", "index": 1}
    assert trace.drift() == []
    assert connects(workloads["web1"], workloads["db1"].ipv4, 5432, 1) == "silence"


def test_allowed_by_rule(deployment, policy):
    lab, workloads = deployment
    trace = Trace(lab, "web1", "web3")
    assert trace.reaches and checks.ping(workloads["web1"], workloads["web3"].ipv4)
    assert trace.stage("h2", "ingress")["rule"] == {"name": "ping", "index": 0}
    assert trace.stage("h2", "ingress")["revision"] == policy


@pytest.mark.parametrize("target, host", [("web2", "h1"), ("web3", "h2")])
def test_rejected_by_rule(deployment, policy, target, host):
    """On the sender's own host, and on another."""
    lab, workloads = deployment
    trace = Trace(lab, "web1", target, "tcp/25")
    assert trace.verdict == "dropped"
    assert trace.answer["host"] == host
    assert trace.answer["rule"] == {"name": "told", "index": 2}
    assert trace.summary.endswith("the sender is told")
    assert connects(workloads["web1"], workloads[target].ipv4, 25) == "refused"


def test_denied_by_default(deployment, policy):
    lab, workloads = deployment
    trace = Trace(lab, "web1", "web2", "tcp/80")
    assert trace.answer["reason"] == "denied-by-default"
    assert f"by the default of policy acme/policies/fence, revision {policy}" in trace.summary
    assert connects(workloads["web1"], workloads["web2"].ipv4, 80, 1) == "silence"


def test_known_connection(deployment, policy):
    """Of echo requests with the identifier of a ping that runs, the connection is known."""
    lab, workloads = deployment
    address = workloads["web2"].ipv4
    assert Trace(lab, "web1", "web2", "--source-port", "777").stage("h1", "connection")["detail"] == "none"
    workloads["web1"].namespace.run("ping", "-c", "3", "-i", "0.2", "-e", "777", address)
    trace = Trace(lab, "web1", "web2", "--source-port", "777")
    assert trace.stage("h1", "connection")["detail"] == "an established one"
    assert trace.stage("h1", "connection")["rule"] == {"name": "ping", "index": 0}
    assert trace.stages("h1")[-1] == "deliver" and "ingress" not in trace.stages("h1")


def test_drift_is_seen(deployment):
    """A row that is gone from the kernel's map: the trace drops as packets do, and says whose row it is."""
    lab, workloads = deployment
    host = workloads["web1"].host
    for row in checks.pinned_rows(host, "station"):
        checks.delete_row(host, "station", row)
    assert not checks.ping(workloads["web1"], workloads["web2"].ipv4, wait=0.3)
    trace = Trace(lab, "web1", "web2")
    assert not trace.reaches
    assert trace.answer["reason"] == "unknown-unicast"
    assert [(drift["table"], drift["problem"], drift["object"]) for drift in trace.drift()] == [
        ("station", "missing", "acme/ports/web2")]
    text = lab.weft("trace", "web1", "web2", check=False).stdout
    assert "the row of table station is missing" in text
    host.kill_agent()
    host.start_agent()  # it reads everything back
    lab.wait_connected()
    lab.settle()
    assert Trace(lab, "web1", "web2").reaches


def test_offline_host(deployment):
    """What is known of the hosts before it is told."""
    lab, workloads = deployment
    host = workloads["web3"].host
    host.kill_agent()
    lab.wait(lambda _: not host.status()["connected"], 60, "h2 did not leave")
    trace = Trace(lab, "web1", "web3")
    assert not trace.reaches
    assert trace.summary == "not known: host h2: it is not connected"
    assert trace.stages("h1")[-1] == "encapsulate"
    assert Trace(lab, "web1", "web2").reaches
    assert Trace(lab, "web3", "web1").summary == "not known: host h2: it is not connected"
    host.start_agent()
    lab.wait_connected()
    lab.settle()
    assert Trace(lab, "web1", "web3").reaches


def test_silent_host(deployment):
    """An agent that is stopped, its stream still open, is waited for no longer than five seconds."""
    lab, workloads = deployment
    process = workloads["web3"].host.process
    process.send_signal(signal.SIGSTOP)
    try:
        trace = Trace(lab, "web1", "web3")
    finally:
        process.send_signal(signal.SIGCONT)
    assert trace.summary == "not known: host h2: its agent did not answer"


@pytest.mark.parametrize("body, field", [
    ({}, "from"),
    ({"from": "web1"}, "to"),
    ({"from": "nobody", "to": "web1"}, "from"),
    ({"from": "web1", "to": "nobody"}, "to"),
    ({"from": "web1", "to": "web2", "family": 5}, "family"),
    ({"from": "db1", "to": "web2", "family": 6}, "to"),
    ({"from": "db1", "to": "fd00:1::11"}, "from"),
    ({"from": "web1", "to": "10.1.0.12", "family": 6}, "to"),
    ({"from": "web1", "to": "web2", "protocol": "tcp"}, "protocol"),
    ({"from": "web1", "to": "web2", "protocol": "tcp/1-2"}, "protocol"),
    ({"from": "web1", "to": "web2", "protocol": "icmpv6/128"}, "protocol"),
    ({"from": "web1", "to": "web2", "protocol": "nonsense"}, "protocol"),
    ({"from": "web1", "to": "web2", "ttl": 0}, "ttl"),
    ({"from": "web1", "to": "web2", "source_port": 65536}, "source_port"),
    ({"from": "web1", "to": "web2", "size": "big"}, "size"),
    ({"from": "web1", "to": "web2", "speed": 3}, "speed"),
])
def test_bad_questions(deployment, body, field):
    lab, _ = deployment
    status, problem = lab.api.request("POST", "/v1/tenants/acme/trace", body)
    assert status in (404, 422)
    assert problem["field"] == field


def test_answers_nobody_waits_for(deployment):
    lab, _ = deployment
    status, problem = lab.api.request("POST", "/v1/hosts/h1/answers/12345", {})
    assert status == 404
    assert "nobody waits" in problem["detail"]
