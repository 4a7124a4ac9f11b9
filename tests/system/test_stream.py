# SPDX-License-Identifier: Apache-2.0
"""The stream: both sides hold the same, and find out where they do not."""

import socket
import subprocess
import threading
import time

import pytest

from controlling import Agent


def until(judge, seconds=20):
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
            server.connect(str(self.controller))
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
                              capture_output=True, text=True, timeout=20).stdout
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
