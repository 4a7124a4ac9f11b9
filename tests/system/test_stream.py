# SPDX-License-Identifier: Apache-2.0
"""The stream: both sides hold the same, and find out where they do not."""

import socket
import subprocess
import threading
import time

import pytest

from controlling import Agent


def until(judge, seconds=60):
    """Wait until `judge()` is true; what it was."""
    deadline = time.monotonic() + seconds
    while not (found := judge()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


class Forger:
    """Stands between an agent and its controller, and replaces bytes once: by as many, so that nothing else moves."""

    def __init__(self, path, controller):
        self.path, self.controller = path, controller
        self.forgery = None  # (from, to), of what the controller says
        self.forged = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self.controller))
            except OSError:  # it has ended, and agents come again until they end too
                client.close()
                server.close()
                continue
            for pair in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, sink, forge):
        try:
            while data := source.recv(1 << 16):
                if forge and self.forgery and self.forgery[0] in data:
                    data = data.replace(*self.forgery)
                    self.forgery = None
                    self.forged.set()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def agents(weft_binary, tmp_path):
    """Real agents without a kernel datapath: start(host, vtep, controller)."""
    processes = []

    def start(host, vtep, *controllers, options=()):
        log = open(tmp_path / f"{host}.log", "ab")
        addresses = [word for controller in controllers for word in ("--controller", controller)]
        processes.append(subprocess.Popen(
            [str(weft_binary), "agent", "--host", host, "--vtep", vtep, "--provider", "native", *addresses, *options],
            stdout=log, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        assert process.wait(20) == 0


def status(controller, host):
    return controller.must("GET", f"/v1/hosts/{host}")["status"]


def test_a_divergence_is_found_counted_and_healed(controller, agents, tmp_path, weft_binary):
    """A byte on the way makes the agent hold another revision of one port than the controller believes."""
    forger = Forger(tmp_path / "forger", controller.socket)
    try:
        agents("h1", "192.0.2.1", f"unix:{forger.path}")
        assert until(lambda: controller.get("/v1/hosts/h1").status == 200 and status(controller, "h1").get("version"))
        controller.must("PUT", "/v1/tenants/acme", {})
        controller.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
        wanted = controller.revision() + 1
        forger.forgery = f',"revision":{wanted}}}}}'.encode(), f',"revision":{wanted - 1}}}}}'.encode()
        controller.must("PUT", "/v1/tenants/acme/ports/p1", {"network": "web", "host": "h1", "device": "none"})
        assert forger.forged.wait(10)
        assert until(lambda: status(controller, "h1").get("divergences") == 1)
        assert controller.get(f"/v1/revisions/{wanted}?wait=20s")["complete"]
        text = subprocess.run([str(weft_binary), "describe", "host", "h1", "--controller", f"unix:{controller.socket}"],
                              capture_output=True, text=True, timeout=60).stdout
        assert "Divergences:       1" in text
        # Healed: the next change finds nothing to complain of.
        controller.must("PUT", "/v1/tenants/acme/ports/p2", {"network": "web", "host": "h1", "device": "none2"})
        assert controller.get(f"/v1/revisions/{wanted + 1}?wait=20s")["complete"]
        assert status(controller, "h1")["divergences"] == 1
    finally:
        forger.close()


def test_a_ping_finds_it_too(controller):
    """While nothing changes the digest comes with each ping, and is that of the last commit."""
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    agent = Agent(controller, "h1")
    assert agent.wait_revision(controller.revision())
    lines = controller.lines("/v1/hosts/h1/stream")
    commit = lines.take(3)[-1]
    assert commit["type"] == "commit"
    ping = lines.next(pings=True)
    assert (ping["type"], ping["digest"]) == ("ping", commit["digest"])
    lines.close()
    agent.close()


# ---- what differs ----


def take_batch(lines):
    batch = [lines.next()]
    while batch[-1]["type"] != "commit":
        batch.append(lines.next())
    return batch


def test_one_rule_of_many_is_told_by_itself(controller):
    """To whoever can take it, of what it holds; whole to all others, and after coming back."""
    rules = [{"name": f"r{n}", "from": f"192.0.2.{n}", "ports": [f"tcp/{n + 1}"], "action": "allow"} for n in range(200)]
    path = "/v1/tenants/acme/policies/front"
    fill(controller, 4)
    controller.must("PUT", path, {"rules": rules})
    new, old = controller.lines("/v1/hosts/h1/stream?patches=1"), controller.lines("/v1/hosts/h2/stream")
    first = take_batch(new)
    take_batch(old)
    new.close()
    rules[100]["ports"] = ["tcp/9000"]
    changed = controller.must("PUT", path, {"rules": rules})["revision"]
    new = controller.lines("/v1/hosts/h1/stream?patches=1&" + "&".join(
        f"{k}={v}" for k, v in {"since": first[-1]["revision"], "digest": first[-1]["digest"],
                                "history": first[0]["history"]}.items()))
    for lines in (new, old):
        whole = take_batch(lines)[0]
        assert whole["type"] == "put" and len(whole["object"]["rules"]) == 200
    del rules[100]
    controller.must("PUT", path, {"rules": rules})
    patch, whole = take_batch(new)[0], take_batch(old)[0]
    assert whole["type"] == "put" and len(whole["object"]["rules"]) == 199
    assert patch == {"type": "patch", "kind": "policy", "tenant": "acme", "name": "front", "base": changed,
                     "revision": changed + 1, "patch": [{"op": "remove", "path": "/rules/100"}]}
    new.close()
    old.close()


# ---- coming back ----


def fill(controller, ports=200):
    controller.must("PUT", "/v1/tenants/acme", {})
    controller.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16"]})
    for host in ("h1", "h2"):
        controller.must("PUT", f"/v1/hosts/{host}", {"vtep": f"192.0.2.{host[1]}"})
    answer = controller.transaction(*(
        {"op": "put", "kind": "port", "tenant": "acme", "name": f"p{n}",
         "object": {"network": "web", "host": f"h{n % 2 + 1}", "device": f"t{n}"}} for n in range(ports)))
    assert answer.status < 300, answer


def come_back(controller, agent, **changed):
    """A stream from where the pretended agent left off; its lines up to the commit."""
    commit = agent.batches[-1][-1]
    place = {"since": commit["revision"], "digest": commit["digest"],
             "history": agent.batches[0][0]["history"], **changed}
    lines = controller.lines(f"/v1/hosts/{agent.host}/stream?" + "&".join(f"{k}={v}" for k, v in place.items()))
    batch = []
    while not batch or batch[-1]["type"] != "commit":
        batch.append(lines.next())
    lines.close()
    return batch


def test_who_comes_back_is_told_what_it_lacks(controller):
    fill(controller)
    agent = Agent(controller, "h1")
    assert agent.wait_revision(controller.revision())
    agent.close()
    revision = controller.revision()
    assert [line["type"] for line in come_back(controller, agent)] == ["commit"]
    # A change, one that does not concern it, a port that goes: one batch.
    controller.must("PATCH", "/v1/tenants/acme/ports/p1", {"labels": {"a": "b"}})
    controller.must("PUT", "/v1/tenants/acme/networks/other", {"subnets": ["10.9.0.0/24"]})
    controller.must("DELETE", "/v1/tenants/acme/ports/p2")
    batch = come_back(controller, agent)
    assert [line["type"] for line in batch] == ["put", "delete", "commit"]
    assert batch[-1]["revision"] == revision + 3
    # What it says it holds, it does not: a snapshot.
    for lie in ({"digest": "0123456789abcdef"}, {"history": "another"}, {"since": revision + 3}):
        assert [line["type"] for line in come_back(controller, agent, **lie)][:2] == ["snapshot", "put"]


def test_a_place_that_is_none(controller):
    fill(controller, 1)
    for query, complaint in (("since=1", "or none of them"), ("since=x&digest=0123456789abcdef&history=a", "since=x"),
                             ("since=1&digest=abc&history=a", "16 hexadecimal digits"), ("sinse=1", "sinse"), ("attempt=0", "attempt=0"),
                             ("attempt=9223372036854775808", "attempt="), ("patches=yes", "patches=1")):
        answer = controller.get(f"/v1/hosts/h1/stream?{query}")
        assert answer.status == 400 and complaint in answer["detail"], answer


def test_a_restarted_controller_says_one_line(controller):
    """All hosts come back at once; with nothing changed, nobody is told anything again."""
    fill(controller)
    agent = Agent(controller, "h1")
    assert agent.wait_revision(controller.revision())
    controller.kill()
    controller.start()
    batch = come_back(controller, agent)
    assert [line["type"] for line in batch] == ["commit"]
    assert (batch[0]["revision"], batch[0]["digest"]) == (controller.revision(), agent.batches[-1][-1]["digest"])
    # Another store that has come to the same revision with the same names is another history.
    agent.close()
    assert controller.stop() == 0
    for file in controller.folder.glob("weft.db*"):
        file.unlink()
    controller.start()
    fill(controller)
    assert come_back(controller, agent)[0]["type"] == "snapshot"


def test_agents_come_back_to_a_restarted_controller(controller, agents, tmp_path):
    """Real agents: their receipts are there again, and none has taken a snapshot."""
    fill(controller, 20)
    for n in (1, 2):
        agents(f"h{n}", f"192.0.2.{n}", f"unix:{controller.socket}")
    revision = controller.revision()
    assert controller.get(f"/v1/revisions/{revision}?wait=20s")["complete"]
    controller.kill()
    controller.start()
    assert controller.get(f"/v1/revisions/{revision}?wait=20s")["complete"]
    controller.must("DELETE", "/v1/tenants/acme/ports/p3")
    receipt = controller.get(f"/v1/revisions/{revision + 1}?wait=20s")
    assert receipt["complete"] and receipt["required"] == 2
    for n in (1, 2):
        log = (tmp_path / f"h{n}.log").read_text()
        assert log.count("connected to ") == 2 and log.count(", resumed") == 1
        assert status(controller, f"h{n}")["divergences"] == 0


def test_two_agents_of_one_host_are_told(controller, agents, tmp_path):
    """They take the stream from each other; both say what that looks like, and slow down."""
    for _ in range(2):
        agents("h1", "192.0.2.1", f"unix:{controller.socket}")
    log = tmp_path / "h1.log"
    assert until(lambda: "does another agent run as this host?" in log.read_text()), log.read_text()


def test_an_agent_whose_clock_was_set_back(controller, agents, tmp_path):
    """What the controller remembers of it is newer than all that its clock gives: it goes on from there."""
    tomorrow = int((time.time() + 86400) * 1e6)
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    before = Agent(controller, "h1", attempt=tomorrow)
    assert before.wait_revision(1)
    agents("h1", "192.0.2.1", f"unix:{controller.socket}")
    assert before.wait(lambda agent: agent.ended)
    assert until(lambda: status(controller, "h1").get("version") and status(controller, "h1")["connected"])
    assert "a newer stream than this one is known" in (tmp_path / "h1.log").read_text()
    late = Agent(controller, "h1", attempt=tomorrow)
    assert late.wait(lambda agent: agent.ended) and late.older == tomorrow + 1
