# SPDX-License-Identifier: Apache-2.0
"""Clients that vanish: whatever a connection was at, it is gone when its client is, and so is what it counted."""

import os
import resource
import select
import socket
import ssl
import time

import pytest

from controlling import UnixConnection
from securing import World

HOSTS = 60
PORTS = 1500  # of one network: a snapshot is more than sockets hold
PER_ADDRESS = 256
LISTENING = 2  # sockets, that the controller has when nobody is there


@pytest.fixture(scope="module")
def world(weft_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("connections")
    world = World(weft_binary, folder)
    world.administrator = world.authority.issue("crowd", "cn = weft-admin", "tls_www_client", "signing_key")
    hosts = [{"op": "put", "kind": "host", "name": f"c{n}", "object": {"vtep": f"192.0.2.{n + 10}"}} for n in range(HOSTS)]
    ports = [{"op": "put", "kind": "port", "tenant": "acme", "name": f"c{n}", "object":
              {"network": "crowd", "host": f"c{n % HOSTS}", "device": f"crowd{n}", "labels": {"of": "x" * 50}}}
             for n in range(PORTS)]
    world.controller.must("PUT", "/v1/tenants/acme/networks/crowd", {"subnets": ["10.64.0.0/16"]})
    for operations in (hosts, ports):
        assert world.controller.transaction(*operations).status == 201
    yield world
    assert world.controller.stop() == 0, (folder / "log").read_text()


def sockets(world):
    """How many the controller has open."""
    folder = f"/proc/{world.controller.process.pid}/fd"
    count = 0
    for name in os.listdir(folder):
        try:
            count += os.readlink(f"{folder}/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return count


def until(judge, seconds=60):
    """Wait until `judge()` is true; what it was."""
    deadline = time.monotonic() + seconds
    while not (found := judge()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def connected(world):
    items = world.controller.must("GET", "/v1/hosts")["items"]
    return sum(item.get("status", {}).get("connected", False) for item in items)


def unix(world):
    client = UnixConnection(world.controller.socket, 60)
    client.connect()
    return client.sock


def tcp(world):
    host, port = world.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 60)


def tls(world):
    context = ssl.create_default_context(cafile=str(world.authority.certificate))
    context.load_cert_chain(*map(str, world.administrator))
    return context.wrap_socket(tcp(world), server_hostname=world.address.rsplit(":", 1)[0])


def ask(client, path, method="GET", more=""):
    client.sendall(f"{method} {path} HTTP/1.1\r\nHost: weft\r\n{more}\r\n".encode())
    return client


def read_until(client, what):
    text = b""
    while what not in text:
        part = client.recv(1 << 16)
        assert part, text[-300:]
        text = text[-100:] + part
    return client


def nothing(client, n):
    pass


def half_a_head(client, n):
    client.sendall(b"GET /v1/hosts HTTP/1.1\r\nHost: we")


def half_a_body(client, n):
    ask(client, "/v1/tenants/other", "PUT", "Content-Length: 1000\r\n").sendall(b'{"description": "')


def watching(client, n):
    read_until(ask(client, "/v1/tenants?watch=1"), b"\r\n\r\n")


def snapshot(client, n):
    read_until(ask(client, f"/v1/hosts/c{n}/stream"), b'"snapshot"')


def idle(client, n):
    read_until(ask(client, f"/v1/hosts/c{n}/stream"), b'"commit"')


def request_not_read(client, n):
    ask(client, f"/v1/hosts/c{n}/stream")


STATES = [nothing, half_a_head, half_a_body, watching, request_not_read, snapshot, idle]


@pytest.mark.parametrize("connect", [unix, tls])
def test_clients_vanish(world, connect):
    """In every state of a connection, and of what it asked."""
    assert until(lambda: sockets(world) == LISTENING), sockets(world)
    per_state = HOSTS if connect is unix else 30  # fewer than an address may have
    for state in STATES:
        clients = []
        for n in range(per_state):
            clients.append(connect(world))
            state(clients[-1], n)
        assert until(lambda: sockets(world) >= LISTENING + per_state), (state, sockets(world))
        if state in (snapshot, idle):
            assert until(lambda: connected(world) == per_state), (state, connected(world))
        for client in clients:
            client.close()
        assert until(lambda: sockets(world) == LISTENING), (state, sockets(world))
        assert until(lambda: not connected(world)), (state, connected(world))


def test_waiting_clients_vanish(world):
    assert until(lambda: sockets(world) == LISTENING), sockets(world)
    path = f"/v1/revisions/{world.controller.must('GET', '/v1/status')['revision']}?wait=10m"
    clients = [ask(unix(world), path) for _ in range(200)]
    assert until(lambda: sockets(world) == LISTENING + 200), sockets(world)
    for client in clients:
        client.close()
    assert until(lambda: sockets(world) == LISTENING), sockets(world)


def test_clients_vanish_before_they_are_accepted(world):
    """The controller has no descriptors left: others wait, ask, go; when there are some again everybody is served."""
    assert until(lambda: sockets(world) == LISTENING), sockets(world)
    pid = world.controller.process.pid
    limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    room = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 50  # the limit is of the number of a descriptor
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (room, limit[1]))
    clients = [ask(unix(world), f"/v1/hosts/c{n % HOSTS}/stream") for n in range(300)]
    assert until(lambda: sockets(world) > LISTENING + 20)
    assert sockets(world) <= room
    for client in clients:
        client.close()
    assert world.controller.must("GET", "/v1/status")
    assert until(lambda: sockets(world) == LISTENING), sockets(world)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)


def closed(client):
    return bool(select.select([client], [], [], 0)[0]) and not client.recv(1)


def test_connections_of_an_address(world):
    """As many as may be, over all servers; the rest are closed, and room is made by those that go."""
    assert until(lambda: sockets(world) == LISTENING), sockets(world)
    for _ in range(2):
        clients = [tcp(world) for _ in range(PER_ADDRESS + 40)]
        assert until(lambda: sum(map(closed, clients)) == 40), sum(map(closed, clients))
        assert sockets(world) == LISTENING + PER_ADDRESS
        for client in clients:
            client.close()
        assert until(lambda: sockets(world) == LISTENING), sockets(world)
    assert world.clients["reader"].get("/v1/status").status == 200
