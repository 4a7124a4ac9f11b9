# SPDX-License-Identifier: Apache-2.0
"""Relays: hosts behind one are as if they were connected to a controller, whoever dies."""

import subprocess
import threading
import time

import pytest

from controlling import Agent, Client, Controller, Tls, UnixConnection, digest
from lab.certificates import Authority
from lab.etcd import free_port
from test_security_enrolment import Deployment, make_request


def until(judge, seconds=60):
    """Wait until `judge()` is true; what it was."""
    deadline = time.monotonic() + seconds
    while not (found := judge()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


class Relay(Client):
    """A relay process, and a client on its socket."""

    def __init__(self, binary, folder, name, controllers, *options):
        self.name, self.socket, self.log = name, folder / f"{name}.sock", folder / f"{name}.log"
        self.command = [str(binary), "relay", "--name", name, "--socket", str(self.socket),
                        "--controller", controllers, *map(str, options)]
        super().__init__(lambda timeout: UnixConnection(self.socket, timeout))
        self.start()

    def start(self):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        assert until(self.socket.exists), self.log.read_text()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait(20)


class Fleet:
    """Processes that end with the test."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.relays, self.agents = binary, folder, [], {}

    def relay(self, name, controllers, *options):
        self.relays.append(Relay(self.binary, self.folder, name, controllers, *options))
        return self.relays[-1]

    def agent(self, host, controllers):
        log = open(self.folder / f"{host}.log", "ab")
        self.agents[host] = subprocess.Popen(
            [str(self.binary), "agent", "--host", host, "--vtep", f"192.0.2.{host[1:]}", "--provider", "native",
             "--controller", controllers], stdout=log, stderr=log)

    def log_of(self, host):
        return (self.folder / f"{host}.log").read_text()

    def stop(self):
        for agent in self.agents.values():
            agent.terminate()
        assert [agent.wait(20) for agent in self.agents.values()] == [0] * len(self.agents)
        for relay in self.relays:
            assert relay.stop() in (0, -9), relay.log.read_text()  # in good order, or killed by the test


@pytest.fixture
def fleet(weft_binary, tmp_path):
    fleet = Fleet(weft_binary, tmp_path)
    yield fleet
    fleet.stop()


def status(controller, host):
    answer = controller.get(f"/v1/hosts/{host}")
    return answer["status"] if answer.status == 200 else {}


def make_ports(controller, hosts, count=30):
    controller.must("PUT", "/v1/tenants/acme", {})
    controller.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
    answer = controller.transaction(*(
        {"op": "put", "kind": "port", "tenant": "acme", "name": f"p{n}",
         "object": {"network": "web", "host": hosts[n % len(hosts)], "device": f"t{n}"}} for n in range(count)))
    assert answer.status < 300, answer
    return answer["revision"]


def receipt(controller, revision):
    return controller.get(f"/v1/revisions/{revision}?wait=20s").json


def reported(controller, hosts):
    """All hosts are connected and have told who they are."""
    return until(lambda: all(status(controller, host).get("connected") and status(controller, host).get("version")
                             for host in hosts))


def test_agents_behind_a_relay(controller, fleet):
    """They register, are told, acknowledge, report, and forget, as without one."""
    hosts = [f"h{n}" for n in range(1, 5)]
    relay = fleet.relay("r1", f"unix:{controller.socket}")
    for host in hosts:
        fleet.agent(host, f"unix:{relay.socket}")
    assert reported(controller, hosts)
    revision = make_ports(controller, hosts)
    found = receipt(controller, revision)
    assert found["complete"] and found["required"] == 4
    assert until(lambda: controller.get("/v1/tenants/acme/ports/p1")["status"]["state"] == "missing-device")
    assert status(controller, "h2")["realized_revision"] == revision
    # One that goes is missed, and nobody waits for it longer than asked; one that comes back has what it lacks.
    fleet.agents["h4"].kill()
    fleet.agents.pop("h4").wait()
    assert until(lambda: not status(controller, "h4")["connected"])
    controller.must("DELETE", "/v1/tenants/acme/ports/p0")
    late = controller.get(f"/v1/revisions/{revision + 1}?wait=500ms").json
    assert not late["complete"] and [each["host"] for each in late["pending"]] == ["h4"]
    fleet.agent("h4", f"unix:{relay.socket}")
    assert receipt(controller, revision + 1)["complete"]
    assert all(status(controller, host)["divergences"] == 0 for host in hosts)


def test_an_object_goes_to_a_relay_once(controller):
    """A relay that is only pretended: what its hosts need is one set, and changes with them."""
    hosts = ["h1", "h2", "h3"]
    for n, host in enumerate(hosts):
        controller.must("PUT", f"/v1/hosts/{host}", {"vtep": f"192.0.2.{n + 1}"})
    make_ports(controller, hosts[:2])
    answer = controller.put("/v1/relays/r1/hosts", {"hosts": hosts + ["h9", {"host": "h3", "enrolment": "gone"}]})
    assert answer.json == {"unknown": ["h9"], "refused": ["h3"], "older": []}
    lines = controller.lines("/v1/relays/r1/stream")
    batch = [lines.next()]
    while batch[-1]["type"] != "commit":
        batch.append(lines.next())
    objects = {(line["object"]["kind"], line["object"]["name"]): line["object"] for line in batch[1:-1]}
    assert len(objects) == 3 + 1 + 30 and batch[-1]["digest"] == digest(objects.values())
    ports = [line for line in batch[1:-1] if line["object"]["kind"] == "port"]
    assert len(ports) == 30
    assert sorted(line["host"] for line in lines.take(3)) == hosts
    assert all(status(controller, host)["connected"] for host in hosts)
    # A host more brings its own object and port to all.
    controller.must("PUT", "/v1/hosts/h4", {"vtep": "192.0.2.4"})
    controller.must("PUT", "/v1/tenants/acme/ports/q", {"network": "web", "host": "h4", "device": "q"})
    assert [line["type"] for line in lines.take(3)] == ["put", "put", "commit"]
    controller.must("POST", "/v1/relays/r1/hosts", {"joined": ["h4"], "left": ["h1"]})
    assert lines.next() == {"type": "joined", "host": "h4"}  # and nothing else: all of it was there
    assert not status(controller, "h1")["connected"] and status(controller, "h4")["connected"]
    # Reports are taken of the hosts that are behind it, each judged by itself.
    reports = [{"host": "h4", "report": {"realized": 1}}, {"host": "h1", "report": {"realized": 1}},
               {"host": "h2", "report": {"realized": "x"}}, {"host": "h2"}]
    answer = controller.must("POST", "/v1/relays/r1/reports", {"reports": reports})
    assert [result["status"] for result in answer["results"]] == [200, 403, 422, 422]
    # A question to a host goes by the relay, and so does word that a host is elsewhere.
    direct = controller.lines("/v1/hosts/h2/stream?attempt=9000000000000000")
    assert lines.next() == {"type": "yield", "host": "h2", "attempt": 9000000000000000}
    direct.close()
    lines.close()
    assert until(lambda: not any(status(controller, host)["connected"] for host in hosts))
    for body, field in (({"hosts": "h1"}, "hosts"), ({"hosts": ["h1", 7]}, "hosts[1]"), ({"hosts": ["-"]}, "hosts[0]"),
                        ({"hosts": [{"host": "h1", "enrolment": "x" * 99}]}, "hosts[0]"), ({"hosts": [{}]}, "hosts[0]"),
                        ({"hosts": [{"host": "h1", "attempt": -1}]}, "hosts[0]"), ({"hosts": [], "attempt": 0}, "attempt")):
        answer = controller.put("/v1/relays/r1/hosts", body)
        assert answer.status == 422 and answer["field"] == field


def test_which_stream_is_newer_does_not_depend_on_when_it_is_told(controller):
    """A relay that is only pretended, and says things late."""
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    put = lambda relay, attempt, *hosts: controller.must(  # noqa: E731
        "PUT", f"/v1/relays/{relay}/hosts", {"attempt": attempt, "hosts": list(hosts)})
    host = lambda attempt: {"host": "h1", "attempt": attempt}  # noqa: E731
    assert put("r1", 10, host(5))["older"] == []
    relay = controller.lines("/v1/relays/r1/stream?attempt=10")
    while relay.next()["type"] != "joined":
        pass
    direct = Agent(controller, "h1", attempt=6)
    assert relay.next() == {"type": "yield", "host": "h1", "attempt": 6} and direct.wait_revision(1)
    # The relay has not read that yet, and speaks of the older one again; and so does another.
    assert put("r1", 10, host(5))["older"] == [host(6)]
    assert put("r2", 10, host(4))["older"] == [host(6)]
    assert status(controller, "h1")["connected"] and not direct.ended
    # What the relay said before its newest stream is out of date, however late it comes.
    assert put("r1", 12, host(7))["older"] == [] and direct.wait(lambda agent: agent.ended)
    newer = controller.lines("/v1/relays/r1/stream?attempt=12")
    while newer.next()["type"] != "joined":
        pass
    assert put("r1", 11) == {"unknown": [], "refused": [], "older": []}
    assert controller.must("POST", "/v1/relays/r1/hosts", {"attempt": 11, "joined": [host(8)], "left": ["h1"]})["older"] == []
    assert status(controller, "h1")["connected"]
    assert controller.lines("/v1/relays/r1/stream?attempt=11").take(2) == [{"type": "older", "attempt": 12}, None]
    for lines in (relay, newer):
        lines.close()


def test_a_host_that_moves_between_relays(controller, fleet):
    """As fast as it can: the newest stream stays, the older ones end, and one that comes late is told."""
    relays = [fleet.relay(name, f"unix:{controller.socket}") for name in ("r1", "r2")]
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    places = [*relays, controller]
    agents = [Agent(places[attempt % 3], "h1", attempt == 30, attempt) for attempt in range(1, 31)]
    assert all(agent.wait(lambda agent: agent.ended) for agent in agents[:-1])
    assert agents[-1].wait_revision(1)
    for place in places:
        late = Agent(place, "h1", attempt=29)
        assert late.wait(lambda agent: agent.ended) and late.older == 30
    revision = controller.must("PATCH", "/v1/hosts/h1", {"labels": {"moved": "yes"}})["revision"]
    assert receipt(controller, revision)["complete"] and not agents[-1].ended
    agents[-1].close()


def test_questions_and_answers(controller, fleet):
    """A trace asks a pretended agent behind the relay."""
    relay = fleet.relay("r1", f"unix:{controller.socket}")
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    make_ports(controller, ["h1"], 2)
    agent = Agent(relay, "h1")
    assert agent.wait_revision(controller.revision())
    agent.report(interfaces=[{"name": "t0", "ifindex": 7}, {"name": "t1", "ifindex": 8}], ports=[])
    asked = []

    def answer():
        asked.append(agent.questions.get(timeout=60))
        found = {"host": "h1", "verdict": "host", "stages": [], "outputs": []}
        asked.append(relay.post(f"/v1/hosts/h1/answers/{asked[0]['id']}", found).status)

    answerer = threading.Thread(target=answer)
    answerer.start()
    found = controller.must("POST", "/v1/tenants/acme/trace", {"from": "p0", "to": "p1"})
    answerer.join(20)
    assert asked[0]["port"] == "p0" and asked[1] == 200
    assert found["hosts"][0]["host"] == "h1" and "problem" not in found["hosts"][0]
    assert relay.post("/v1/hosts/h1/answers/99", {}).status == 404
    assert relay.get("/v1/tenants").status == 404
    agent.close()


def test_a_relay_dies(controller, fleet):
    """Its hosts go on to another one, and receipts with them."""
    hosts = [f"h{n}" for n in range(1, 5)]
    relays = [fleet.relay(name, f"unix:{controller.socket}") for name in ("r1", "r2")]
    for host in hosts:
        fleet.agent(host, ",".join(f"unix:{relay.socket}" for relay in relays))
    assert reported(controller, hosts)
    revision = make_ports(controller, hosts)
    assert receipt(controller, revision)["complete"]
    relays[0].kill()
    controller.must("DELETE", "/v1/tenants/acme/ports/p0")
    assert receipt(controller, revision + 1)["complete"]
    relays[0].start()
    relays[1].kill()
    controller.must("DELETE", "/v1/tenants/acme/ports/p1")
    assert receipt(controller, revision + 2)["complete"]
    assert until(lambda: all(status(controller, host)["connected"] for host in hosts))
    assert all(status(controller, host)["divergences"] == 0 for host in hosts)


def test_a_controller_dies(controller, fleet):
    """The relay comes back to it; its hosts have noticed nothing, and all that they reported is there again."""
    hosts = [f"h{n}" for n in range(1, 5)]
    relay = fleet.relay("r1", f"unix:{controller.socket}")
    for host in hosts:
        fleet.agent(host, f"unix:{relay.socket}")
    assert reported(controller, hosts)
    revision = make_ports(controller, hosts)
    assert receipt(controller, revision)["complete"]
    controller.kill()
    # One that leaves meanwhile is missed by the next.
    fleet.agents["h1"].kill()
    fleet.agents.pop("h1").wait()
    controller.start()
    assert until(lambda: all(status(controller, host)["connected"] for host in hosts[1:]))
    assert not status(controller, "h1")["connected"]
    fleet.agent("h1", f"unix:{relay.socket}")
    assert receipt(controller, revision)["complete"]
    assert reported(controller, hosts)
    controller.must("DELETE", "/v1/tenants/acme/ports/p0")
    assert receipt(controller, revision + 1)["complete"]
    for host in hosts[1:]:
        assert fleet.log_of(host).count("connected to ") == 1
    assert relay.log.read_text().count(", resumed") >= 1


def test_who_is_who(weft_binary, tmp_path, fleet):
    """Over TLS: a relay checks who a host is, and a controller who a relay is, and for whom it speaks."""
    authority = Authority(tmp_path)
    ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    controller_files = authority.issue("weft-controller", "127.0.0.1")
    relay_files = authority.issue("weft-relay:r1", "127.0.0.1")
    host_files = {host: authority.issue(f"weft-host:{host}") for host in ("h1", "h2")}
    files = lambda pair: ("--cert", pair[0], "--key", pair[1], "--ca", authority.certificate)  # noqa: E731
    controller = Controller(weft_binary, tmp_path, "--listen", ports[0], *files(controller_files))
    try:
        fleet.relay("r1", f"https://{ports[0]}", "--listen", ports[1], *files(relay_files))
        h1 = Tls(ports[1], authority.certificate, *host_files["h1"])
        assert h1.put("/v1/hosts/h1", {"vtep": "192.0.2.1"}).status == 201
        controller.must("PUT", "/v1/hosts/h2", {"vtep": "192.0.2.2"})
        agent = Agent(h1, "h1")
        assert agent.wait_revision(1)
        agent.report(agent={"version": "1"})
        assert status(controller, "h1")["version"] == "1" and status(controller, "h1")["connected"]
        for request in (("GET", "/v1/hosts/h2/stream"), ("POST", "/v1/hosts/h2/report", {}),
                        ("PUT", "/v1/hosts/h2", {"vtep": "192.0.2.9"})):
            assert h1.request(*request).status == 403
        # The relay itself, at the controller: itself, and hosts that are connected through it.
        relay = Tls(ports[0], authority.certificate, *relay_files)
        assert relay.put("/v1/relays/r2/hosts", {"hosts": []}).status == 403
        assert relay.post("/v1/hosts/h2/report", {}).status == 403
        assert relay.post("/v1/hosts/h1/answers/1", {}).status == 404  # nobody has asked
        assert relay.post("/v1/hosts/h2/answers/1", {}).status == 403
        answer = relay.must("POST", "/v1/relays/r1/reports", {"reports": [{"host": "h2", "report": {}}]})
        assert answer["results"][0]["status"] == 403
        stranger = Tls(ports[0], authority.certificate, *host_files["h1"])
        assert stranger.put("/v1/relays/r1/hosts", {"hosts": []}).status == 403
        agent.close()
    finally:
        for each in fleet.relays:
            each.stop()
        controller.stop()


def test_enrolments_hold_through_a_relay(weft_binary, tmp_path, fleet):
    """A host that joined by invitation renews its certificate through the relay, and is out when it is no longer enrolled."""
    deployment = Deployment(weft_binary, tmp_path)
    try:
        done = deployment.weft("ca", "issue", "weft-relay:r1", "--directory", deployment.ca, "--address", "127.0.0.1")
        assert done.returncode == 0, done.stderr
        address = f"127.0.0.1:{free_port()}"
        fleet.relay("r1", deployment.url, "--listen", address, "--cert", deployment.ca / "relay-r1.pem", "--key",
                    deployment.ca / "relay-r1.key", "--ca", deployment.ca / "authority.pem")
        deployment.joined("h1")
        through = Tls(address, deployment.ca / "authority.pem", tmp_path / "h1/host.pem", tmp_path / "h1/host.key")
        through.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
        agent = Agent(through, "h1")
        assert agent.wait_revision(1)
        request = make_request(tmp_path, "cn = x")
        assert "BEGIN CERTIFICATE" in through.must("POST", "/v1/hosts/h1/certificate", {"request": request})["certificate"]
        deployment.controller.must("DELETE", "/v1/enrolments/h1")
        assert agent.wait(lambda agent: agent.ended)
        assert Agent(through, "h1").status == 401
    finally:
        for each in fleet.relays:
            each.stop()
        deployment.controller.stop()
