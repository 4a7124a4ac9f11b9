# SPDX-License-Identifier: Apache-2.0
"""Several controllers at once, all active, on one store."""

import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from controlling import Agent, Controller, Tls
from lab.certificates import Authority
from lab.etcd import Etcd, free_port


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    with Etcd(tmp_path_factory.mktemp("store")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.controller = authority.issue("weft-controller", "127.0.0.1")
    return authority


def wait_until(judge, seconds=60):
    deadline = time.monotonic() + seconds
    while not judge():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Deployment:
    """Controllers on one store, that speak to each other."""

    def __init__(self, binary, folder, store, authority, count=2):
        self.folder, self.controllers = folder, []
        certificate, key = authority.controller
        for number in range(1, count + 1):
            place = folder / f"c{number}"
            place.mkdir()
            address = f"127.0.0.1:{free_port()}"
            controller = Controller(binary, place, "--listen", address, "--cert", certificate, "--key", key,
                                    "--ca", authority.certificate, store=store)
            controller.url = f"https://{address}"
            self.controllers.append(controller)

    def __iter__(self):
        return iter(self.controllers)

    def __getitem__(self, index):
        return self.controllers[index]

    def wait_met(self, seconds=60):
        """Until each follows every other."""
        urls = {controller.url for controller in self}
        for controller in self:
            wait_until(lambda: {other["url"] for other in controller.must("GET", "/v1/status")["controllers"]
                                if other["connected"]} == urls, seconds)

    def weft(self, *words, code=0):
        """The command line, with all of them to choose from, on their sockets."""
        addresses = ",".join(f"unix:{controller.socket}" for controller in self)
        done = subprocess.run([self[0].binary, *map(str, words), "--controller", addresses], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == code, done.stderr
        return done

    def stop(self):
        for controller in self.controllers:
            if controller.process.poll() is None:
                assert controller.stop() == 0, (controller.folder / "log").read_text()


@pytest.fixture
def deployment(weft_binary, tmp_path, etcd, authority):
    """Two controllers on a store of their own."""
    controllers = Deployment(weft_binary, tmp_path, f"{etcd.url}?prefix={tmp_path.name}", authority)
    yield controllers
    controllers.stop()


def desired(controller):
    """All desired state, without the revision of the store."""
    return controller.dump()[1]


def test_what_one_writes_the_other_reads(deployment):
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    assert second.get("/v1/tenants/acme").status == 200  # at once
    second.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16", "fd00::/64"]})
    for number in range(10):
        first.must("PUT", f"/v1/tenants/acme/ports/a{number}", {"network": "web"})
        second.must("PUT", f"/v1/tenants/acme/ports/b{number}", {"network": "web"})
    assert desired(first) == desired(second)
    # What the other made is judged as one's own: references, use, revisions.
    answer = second.request("DELETE", "/v1/tenants/acme")
    assert answer.status == 409 and "refer" in answer["detail"]
    first.must("DELETE", "/v1/tenants/acme/ports/b3")
    assert second.get("/v1/tenants/acme/ports/b3").status == 404
    assert second.request("DELETE", "/v1/tenants/acme/ports/b3").status == 404
    revision = first.must("GET", "/v1/tenants/acme/ports/b4")["revision"]
    changed = first.must("PATCH", "/v1/tenants/acme/ports/b4", {"labels": {"x": "1"}})["revision"]
    compare = {"kind": "port", "tenant": "acme", "name": "b4", "revision": revision}
    stale = second.transaction({"op": "delete", "kind": "port", "tenant": "acme", "name": "b4"}, compare=[compare])
    assert stale.status == 409 and stale["type"].endswith(":stale") and str(changed) in stale["detail"]
    # The past is the same too, whoever wrote it.
    at = f"/v1/ports?at={changed - 1}"
    assert first.get(at).json == second.get(at).json
    assert first.get("/v1/ports?at=99999999")["type"].endswith(":future-revision")


def test_watch_brings_what_others_write(deployment):
    first, second = deployment
    since = first.must("PUT", "/v1/tenants/acme", {})["revision"]
    live = second.lines("/v1/tenants?watch=1")
    names = [f"t{number}" for number in range(20)]
    for number, name in enumerate(names):
        deployment[number % 2].must("PUT", f"/v1/tenants/{name}", {})
    lines = live.take(len(names))
    assert [line["object"]["name"] for line in lines] == names
    revisions = [line["revision"] for line in lines]
    assert revisions == sorted(set(revisions))
    for controller in deployment:
        replay = controller.lines(f"/v1/tenants?watch=1&since={since}")
        assert replay.take(len(names)) == lines
        replay.close()
    live.close()


def test_agents_of_one_get_what_the_other_writes(deployment):
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    first.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
    second.get("/v1/hosts")  # it has taken that in
    agent = Agent(second, "h1")
    revision = first.must("PUT", "/v1/tenants/acme/ports/web1",
                          {"network": "web", "host": "h1", "device": "tap0"})["revision"]
    assert agent.wait_revision(revision)
    assert ("port", "acme", "web1") in agent.objects
    receipt = second.get(f"/v1/revisions/{revision}?wait=10s").json
    assert receipt["complete"] and receipt["required"] == 1
    agent.close()


def test_concurrent_writers(deployment):
    """Numbers and addresses are given once, whoever gives them; every accepted write is there, once."""
    deployment[0].must("PUT", "/v1/tenants/acme", {})
    deployment[0].must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.0.0.0/16", "fd00::/64"]})
    accepted, counted, faults = {}, [], []

    def write(writer):
        controller = deployment[writer % 2]
        for number in range(25):
            name = f"w{writer}-{number}"
            answer = controller.put(f"/v1/tenants/acme/ports/{name}", {"network": "web"})
            if answer.status == 201:
                accepted[name] = answer.json
            else:
                faults.append(answer)
            # All count up one object, by compare and swap.
            while True:
                tenant = controller.must("GET", "/v1/tenants/acme")
                value = int(tenant.get("description") or "0") + 1
                answer = controller.transaction(
                    {"op": "patch", "kind": "tenant", "name": "acme", "object": {"description": str(value)}},
                    compare=[{"kind": "tenant", "name": "acme", "revision": tenant["revision"]}])
                if answer.status == 200:
                    counted.append(value)
                    break
                if answer.status != 409 or not answer["type"].endswith(":stale"):
                    faults.append(answer)
                    break

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert not faults, faults[:3]
    assert sorted(counted) == list(range(1, 101))
    assert deployment[1].must("GET", "/v1/tenants/acme")["description"] == "100"
    assert desired(deployment[0]) == desired(deployment[1])
    check_numbers(deployment[0], accepted)
    assert len(accepted) == 100


def check_numbers(controller, accepted):
    """Every accepted write is there as it was answered, and no key, MAC or address was given twice."""
    ports = {port["name"]: port for port in controller.must("GET", "/v1/ports")["items"]}
    for name, answer in accepted.items():
        stored = {k: v for k, v in ports[name].items() if k != "status"}
        assert stored == answer["objects"][0]
    revisions = [answer["revision"] for answer in accepted.values()]
    assert len(set(revisions)) == len(revisions)
    for member in ("key", "mac"):
        values = [port[member] for port in ports.values()]
        assert len(set(values)) == len(values)
    addresses = [address for port in ports.values() for address in port["addresses"]]
    assert len(set(addresses)) == len(addresses)


def test_killed_in_the_middle_of_writes(weft_binary, tmp_path, etcd, authority):
    """What was answered is there; what was not is there once or not at all; the others go on."""
    controllers = Deployment(weft_binary, tmp_path, f"{etcd.url}?prefix={tmp_path.name}", authority, 3)
    controllers[0].must("PUT", "/v1/tenants/acme", {})
    controllers[0].must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.0.0.0/16"]})
    accepted, unknown, faults, stopping = {}, [], [], threading.Event()

    def write(writer):
        number = 0
        while not stopping.is_set():
            controller, name = controllers[(writer + number) % 3], f"w{writer}-{number}"
            number += 1
            try:
                answer = controller.put(f"/v1/tenants/acme/ports/{name}", {"network": "web"})
            except (OSError, http.client.HTTPException, ValueError):
                unknown.append(name)
                time.sleep(0.01)
                continue
            if answer.status == 201:
                accepted[name] = answer.json
            else:
                faults.append(answer)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        for killed in controllers:
            for act in (killed.kill, killed.start):
                enough = len(accepted) + 10
                wait_until(lambda: len(accepted) >= enough, 60)
                act()
    finally:
        stopping.set()
    for writer in writers:
        writer.join(60)
    assert not faults, faults[:3]
    assert unknown and len(accepted) >= 60
    assert desired(controllers[0]) == desired(controllers[1]) == desired(controllers[2])
    check_numbers(controllers[1], accepted)
    names = {port["name"] for port in controllers[0].must("GET", "/v1/ports")["items"]}
    assert names <= set(accepted) | set(unknown)
    controllers.stop()


def test_store_that_hesitates(deployment, etcd):
    """A write whose answer is long in coming is answered in the end, and done once."""
    first, second = deployment
    before, answers = first.must("PUT", "/v1/tenants/acme", {})["revision"], []
    etcd.members[0].pause()
    writer = threading.Thread(target=lambda: answers.append(first.put("/v1/tenants/late", {})))
    writer.start()
    writer.join(3)
    assert not answers
    etcd.members[0].resume()
    writer.join(60)
    assert answers[0].status == 201, answers
    assert second.must("GET", "/v1/tenants/late")["revision"] == answers[0]["revision"]
    log = second.must("GET", f"/v1/audit?since={before}")["items"]
    assert [(item["request"], item["revision"]) for item in log] == [("PUT /v1/tenants/late", answers[0]["revision"])]


def test_store_that_stands_still(deployment, etcd):
    """Nothing is written and nothing is known for certain, what is known goes on; then all goes on."""
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    first.must("PUT", "/v1/hosts/h2", {"vtep": "192.0.2.2"})
    second.get("/v1/hosts")
    agent = Agent(second, "h1")
    relay = first.lines("/v1/relays/r1/stream")
    first.must("PUT", "/v1/relays/r1/hosts", {"hosts": ["h2"]})
    watch = second.lines("/v1/tenants?watch=1")
    before = desired(first)
    etcd.members[0].pause()
    try:
        began = time.monotonic()
        answer = first.put("/v1/tenants/late", {})
        assert answer.status == 503 and answer["type"].split(":")[-1] in ("unavailable", "outcome-unknown"), answer
        assert second.get("/v1/status").json["revision"]
        answer = second.get("/v1/tenants")
        assert answer.status == 503 and "consistency=local" in answer["detail"], answer
        assert second.must("GET", "/v1/tenants?consistency=local")["items"][0]["name"] == "acme"
        assert second.must("GET", "/v1/tenants/acme?consistency=local")["name"] == "acme"
        assert second.must("GET", "/v1/revisions/1?wait=1ms")["revision"] == 1
        agent.report(interfaces=[{"name": "tap0", "ifindex": 7}])
        assert second.must("GET", "/v1/hosts/h1/interfaces")["connected"]
        # Whether there is such a revision nobody can say; what needs no asking is taken all the same.
        future = {"realized": 9000000000000000000}
        assert second.post("/v1/hosts/h1/report", future).status == 503
        reports = [{"host": "h2", "report": report} for report in ({"realized": 1}, future)]
        results = first.must("POST", "/v1/relays/r1/reports", {"reports": reports})["results"]
        assert [result["status"] for result in results] == [200, 503]
        assert second.get("/v1/tenants?consistency=no").status == 400
        shown = deployment.weft("get", "tenants")
        assert "acme" in shown.stdout and "the store cannot be reached" in shown.stderr
        assert re.search(r"^Store: .* does not answer for ", deployment.weft("status").stdout, re.MULTILINE)
        assert time.monotonic() - began < 60
    finally:
        etcd.members[0].resume()
    deadline = time.monotonic() + 60
    while first.put("/v1/tenants/later", {}).status >= 300:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    after = desired(second)
    names = {tenant["name"] for tenant in after["tenants"]}
    assert {"acme", "later"} <= names <= {"acme", "late", "later"}
    assert after["hosts"] == before["hosts"]
    seen = {line["object"]["name"] for line in watch.take(len(names) - 1)}
    assert seen == names - {"acme"}
    assert not agent.ended
    agent.close()
    relay.close()
    watch.close()


def test_hosts_are_known_wherever_they_are_connected(deployment):
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/tenants/acme", {})
    for number in (1, 2):
        first.must("PUT", f"/v1/hosts/h{number}", {"vtep": f"192.0.2.{number}"})
    first.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
    second.get("/v1/hosts")
    agents = [Agent(first, "h1"), Agent(second, "h2")]
    agents[0].report(interfaces=[{"name": "tap0", "ifindex": 7}])
    for controller in deployment:
        wait_until(lambda: controller.must("GET", "/v1/status")["hosts"]["connected"] == 2)
    # Attached at the one that the host is not connected to, whose interfaces it knows all the same.
    wait_until(lambda: second.must("GET", "/v1/hosts/h1/interfaces")["items"])
    second.must("PUT", "/v1/tenants/acme/ports/web1", {"network": "web"})
    answer = second.must("POST", "/v1/tenants/acme/ports/web1/attach", {"host": "h1", "device": "tap0"})
    assert second.must("GET", f"/v1/revisions/{answer['revision']}?wait=10s")["complete"]
    agents[0].report(ports=[{"tenant": "acme", "name": "web1", "state": "realized", "ifindex": 7,
                             "counters": {"to_port_packets": 3}}])
    for controller in deployment:
        wait_until(lambda: controller.must("GET", "/v1/tenants/acme/ports/web1")["status"]["state"] == "realized")
        port = controller.must("GET", "/v1/tenants/acme/ports/web1")
        assert port["status"]["counters"]["to_port_packets"] == 3
    # A host that stops answering is late at both, and by name.
    agents[1].acknowledge = False
    revision = first.must("PUT", "/v1/tenants/acme/ports/web2",
                          {"network": "web", "host": "h2", "device": "tap1"})["revision"]
    for controller in deployment:
        receipt = controller.must("GET", f"/v1/revisions/{revision}?wait=200ms")
        late = receipt["pending"][0]
        assert late["host"] == "h2" and late["connected"] and late["since_ms"] >= 200
    agents[1].close()
    for controller in deployment:
        wait_until(lambda: controller.must("GET", "/v1/status")["hosts"]["connected"] == 1)
        late = controller.must("GET", f"/v1/revisions/{revision}")["pending"][0]
        assert late["host"] == "h2" and not late["connected"]
        attention = controller.must("GET", "/v1/status")["hosts"]["attention"]
        assert [(host["host"], host["connected"], host["late"]) for host in attention] == [("h2", False, True)]
    agents[0].close()


def test_much_to_tell(deployment):
    """More than may wait unread on a connection, to a controller that has just started, and news meanwhile."""
    first, second = deployment
    hosts = [f"h{number}" for number in range(40)]
    first.transaction(*[{"op": "put", "kind": "host", "name": name, "object": {"vtep": f"192.0.2.{n + 1}"}}
                        for n, name in enumerate(hosts)])
    agents = [Agent(first, name) for name in hosts]
    second.kill()
    interfaces = [{"name": f"tap{n}", "ifindex": n, "kind": "x" * 1000} for n in range(500)]
    for agent in agents:
        agent.report(interfaces=interfaces)
    second.start()
    for agent in agents:
        agent.report(interfaces_gone=["tap7"])
    wait_until(lambda: second.must("GET", "/v1/status")["hosts"]["connected"] == len(hosts), 60)
    for name in reversed(hosts):
        wait_until(lambda: len(second.must("GET", f"/v1/hosts/{name}/interfaces")["items"]) == 499, 60)
    for agent in agents:
        agent.close()


def test_a_host_that_moves(deployment):
    """Its newest stream counts, the older one ends, and receipts go on, however fast it moves."""
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    second.get("/v1/hosts")
    # Each is opened before any word of the last can have come.
    agents = [Agent(deployment[attempt % 2], "h1", attempt=attempt) for attempt in range(1, 31)]
    assert all(agent.wait(lambda agent: agent.ended) for agent in agents[:-1])
    # One that arrives after a newer one has no stream, wherever it arrives.
    for controller in deployment:
        late = Agent(controller, "h1", attempt=29)
        assert late.wait(lambda agent: agent.ended) and late.older == 30 and not late.batches
    revision = first.must("PATCH", "/v1/hosts/h1", {"labels": {"moved": "yes"}})["revision"]
    for controller in deployment:
        assert controller.must("GET", f"/v1/revisions/{revision}?wait=30s")["complete"]
        wait_until(lambda: {other["url"]: other["hosts"] for other in controller.must("GET", "/v1/status")["controllers"]}
                   == {first.url: int(agents[-1].client is first), second.url: int(agents[-1].client is second)})
    assert not agents[-1].ended and agents[-1].older is None
    agents[-1].close()


def test_a_host_that_acknowledges_the_future(deployment, etcd):
    """It would be done with all that comes; one that is only ahead of the controller that it comes to is not refused."""
    first, second = deployment
    revision = first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})["revision"]
    relay = second.lines("/v1/relays/r1/stream")
    second.must("PUT", "/v1/relays/r1/hosts", {"hosts": ["h1"]})
    bundle = lambda *reports: second.must(  # noqa: E731
        "POST", "/v1/relays/r1/reports", {"reports": [{"host": "h1", "report": report} for report in reports]})["results"]
    for future in (revision + 1000, 9000000000000000000):
        answer = second.post("/v1/hosts/h1/report", {"realized": future})
        assert answer.status == 422 and answer["field"] == "realized" and str(future) in answer["detail"]
        results = bundle({"realized": revision}, {"realized": future})
        assert results[0] == {"status": 200} and results[1]["status"] == 422 and results[1]["field"] == "realized"
    assert second.must("GET", "/v1/hosts/h1")["status"]["realized_revision"] == revision
    # What the other has just written: whether or not the news of it has come, it is there.
    for number in range(20):
        revision = first.must("PATCH", "/v1/hosts/h1", {"labels": {"number": str(number)}})["revision"]
        if number % 2:
            assert second.post("/v1/hosts/h1/report", {"realized": revision}).status == 200
        else:
            assert bundle({"realized": revision}) == [{"status": 200}]
        assert second.must("GET", f"/v1/revisions/{revision}?wait=0s")["complete"]
    relay.close()


def test_two_that_say_they_are_one_attempt(deployment):
    """Nobody knows the newest, but they never both stay; those that come back have other numbers."""
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    second.get("/v1/hosts")
    twins = [Agent(controller, "h1", attempt=7) for controller in deployment]
    wait_until(lambda: any(twin.ended for twin in twins))
    for twin in twins:
        twin.close()


def test_a_controller_that_dies_takes_its_hosts_away(deployment):
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    agent = Agent(first, "h1")
    connected = lambda: second.must("GET", "/v1/hosts/h1")["status"]  # noqa: E731
    wait_until(lambda: connected()["connected"])
    first.kill()
    wait_until(lambda: not connected()["connected"])
    revision = second.must("PATCH", "/v1/hosts/h1", {"labels": {"x": "1"}})["revision"]
    receipt = second.must("GET", f"/v1/revisions/{revision}?wait=100ms")
    assert receipt["pending"][0]["host"] == "h1" and not receipt["pending"][0]["connected"]
    agent.close()
    agent = Agent(second, "h1")
    assert second.must("GET", f"/v1/revisions/{revision}?wait=10s")["complete"]
    first.start()
    deployment.wait_met()
    wait_until(lambda: first.must("GET", "/v1/hosts/h1")["status"]["connected"])
    assert first.must("GET", f"/v1/revisions/{revision}")["complete"]
    agent.close()


def test_only_controllers_read_the_bulletin(deployment, authority):
    first = deployment[0]
    address = first.url.removeprefix("https://")
    for name, status in (("weft-controller", 200), ("weft-admin", 200), ("weft-host:h1", 403)):
        certificate, key = authority.issue(name, "127.0.0.1")
        client = Tls(address, authority.certificate, certificate, key)
        lines = client.lines("/v1/peers/bulletin")
        assert lines.response.status == status
        lines.close()
        if name == "weft-controller":
            assert client.get("/v1/tenants").status == 403
            assert client.put("/v1/tenants/acme", {}).status == 403


def test_left_behind_further_than_history_reaches(deployment):
    """A controller that was stopped while the others went on and the history was dropped reads everything anew."""
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    first.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
    for number in range(4):
        first.must("PUT", f"/v1/tenants/acme/ports/p{number}",
                   {"network": "web", "host": "h1", "device": f"tap{number}"})
    old = second.must("GET", "/v1/ports")["revision"]
    agent = Agent(second, "h1")
    assert agent.wait_revision(old)
    second.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, second.process.pid, os.WSTOPPED | os.WNOWAIT)
    first.must("DELETE", "/v1/tenants/acme/ports/p1")
    first.must("PATCH", "/v1/tenants/acme/ports/p2", {"labels": {"x": "1"}})
    first.must("DELETE", "/v1/tenants/acme/ports/p3")
    first.must("PUT", "/v1/tenants/acme/ports/p3", {"network": "web"})
    first.must("PUT", "/v1/tenants/acme/ports/p4", {"network": "web", "host": "h1", "device": "tap4"})
    done = subprocess.run([first.binary, "store", "compact", first.store], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    second.process.send_signal(signal.SIGCONT)
    assert desired(second) == desired(first)
    newest = second.revision()
    assert agent.wait_revision(newest)
    assert sorted(name for kind, _, name in agent.objects if kind == "port") == ["p0", "p2", "p4"]
    assert agent.objects["port", "acme", "p2"]["labels"] == {"x": "1"}
    for controller in deployment:
        assert controller.get(f"/v1/ports?watch=1&since={old}")["type"].endswith(":compacted")
        assert controller.get(f"/v1/ports?at={old}").status == 410
    # Both go on from there.
    second.must("PUT", "/v1/tenants/acme/ports/p5", {"network": "web"})
    first.must("PUT", "/v1/tenants/acme/ports/p6", {"network": "web"})
    assert desired(second) == desired(first)
    agent.close()


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """The clock of the day of every process that is started from here on; jump(seconds) from the real time."""
    shim, offset = tmp_path / "clock.so", tmp_path / "clock"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", "-o", shim,
                    pathlib.Path(__file__).parents[1] / "lab/clock.c"], check=True)

    def jump(seconds):
        new = tmp_path / "clock.new"
        new.write_text(str(seconds))
        new.rename(offset)
    jump(0)
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    monkeypatch.setenv("WEFT_TEST_CLOCK", str(offset))
    return jump


def test_clock_that_jumps(clock, deployment):
    """Stamps follow it; nothing else does."""
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    second.get("/v1/hosts")
    agent = Agent(second, "h1")
    for day, jump in enumerate((3 * 86400, 3600, 5 * 86400, 0)):
        clock(jump)
        before = first.must("PUT", f"/v1/tenants/t{day}", {})["revision"] - 1
        stamp = datetime.datetime.fromisoformat(first.must("GET", f"/v1/audit?since={before}")["items"][0]["time"])
        assert abs(stamp.timestamp() - time.time() - jump) < 60
        agent.acknowledge = False
        revision = first.must("PATCH", "/v1/hosts/h1", {"labels": {"day": str(day)}})["revision"]
        for controller in deployment:
            began = time.monotonic()
            receipt = controller.must("GET", f"/v1/revisions/{revision}?wait=300ms")
            assert time.monotonic() - began > 0.2
            assert not receipt["complete"] and 200 <= receipt["pending"][0]["since_ms"] < 60000
        agent.acknowledge = True
        agent.report(realized=revision)
        for controller in deployment:
            assert controller.must("GET", f"/v1/revisions/{revision}?wait=20s")["complete"]
            status = controller.must("GET", "/v1/status")
            assert all(other["connected"] and other["since_ms"] < 60000 for other in status["controllers"])
            assert status["hosts"]["connected"] == 1
    assert not agent.ended
    assert desired(first) == desired(second)
    logs = "".join((controller.folder / "log").read_text() for controller in deployment)
    assert "not connected" not in logs
    agent.close()


def test_tokens_are_good_everywhere(deployment, authority):
    """A token is known to every controller as soon as it has been issued, and to none when it is gone."""
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    anybody = Tls(second.url.removeprefix("https://"), authority.certificate)
    for turn in range(5):
        secret = first.must("POST", "/v1/tokens/ci/issue", {"role": "reader"})["token"]
        headers = {"Authorization": f"Bearer {secret}"}
        assert anybody.get("/v1/tenants/acme", headers=headers).status == 200
        assert anybody.request("DELETE", "/v1/tenants/acme", headers=headers).status == 403
        first.must("DELETE", "/v1/tokens/ci")
        second.get("/v1/tenants")  # it has taken that in
        assert anybody.get("/v1/tenants/acme", headers=headers).status == 401


def test_an_answer_is_not_taken_for_a_refusal(deployment):
    """What people write may look like a problem that is worth trying elsewhere."""
    word = "urn:weft:problem:unavailable"
    assert word in deployment.weft("token", "create", "t", "--role", "reader", "--description", word, "--json").stdout


def test_a_watch_outlives_its_controller(deployment):
    """`weft get --watch` goes on at another, or the same one started anew: every change once, in order."""
    first, second = deployment
    first.must("PUT", "/v1/tenants/acme", {})
    second.get("/v1/tenants")
    addresses = ",".join(f"unix:{controller.socket}" for controller in deployment)
    with subprocess.Popen([first.binary, "get", "tenants", "--watch", "--json", "--controller", addresses],
                          stdout=subprocess.PIPE, text=True) as watch:
        def shown():
            return json.loads(watch.stdout.readline())["object"].get("description")
        try:
            assert shown() is None
            for number, (dead, alive) in enumerate([(first, second), (second, first)]):
                alive.must("PUT", "/v1/tenants/acme", {"description": f"before {number}"})
                dead.kill()
                alive.must("PUT", "/v1/tenants/acme", {"description": f"after {number}"})
                assert [shown(), shown()] == [f"before {number}", f"after {number}"]
                dead.start()
        finally:
            watch.terminate()


def test_command_line(deployment):
    first, second = deployment
    deployment.wait_met()
    first.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    second.get("/v1/hosts")
    agent = Agent(second, "h1")
    wait_until(lambda: first.must("GET", "/v1/status")["hosts"]["connected"] == 1)
    for _ in range(4):  # whichever of them answers
        shown = deployment.weft("status").stdout
        assert re.search(rf"^{second.url} +(answers|connected) +[0-9.ms]+ +1$", shown, re.MULTILINE), shown
        assert re.search(r"^Hosts: +1 of 1 connected, 0 late$", shown, re.MULTILINE), shown
    agent.acknowledge = False
    revision = first.must("PATCH", "/v1/hosts/h1", {"labels": {"x": "1"}})["revision"]
    agent.close()
    first.kill()
    for _ in range(4):  # one of the two addresses is dead
        late = deployment.weft("wait", "--revision", revision, "--timeout", "100ms", code=1).stderr
        assert re.search(r"^h1 .* not connected for [0-9.]+s$", late, re.MULTILINE), late
    shown = deployment.weft("status").stdout
    assert re.search(rf"^{first.url} +not connected ", shown, re.MULTILINE), shown
    assert re.search(r"^h1 +not connected +[0-9.]+s ", shown, re.MULTILINE), shown
    assert re.search(r"^Receipts: +1 outstanding$", shown, re.MULTILINE), shown
