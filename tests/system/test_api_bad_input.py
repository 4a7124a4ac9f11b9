# SPDX-License-Identifier: Apache-2.0
"""What is wrong is refused with a problem that names it, and nothing has changed."""

import json
import socket
import threading

import pytest

from controlling import Agent, Controller

WEB = "/v1/tenants/acme/networks/web"
WEB1 = "/v1/tenants/acme/ports/web1"
LIMIT = 32 << 20


@pytest.fixture(scope="module")
def acme(weft_binary, tmp_path_factory):
    """One controller for all cases: a case that changed anything would show in the next."""
    controller = Controller(weft_binary, tmp_path_factory.mktemp("acme"))
    controller.must("PUT", "/v1/tenants/acme", {})
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    controller.must("PUT", WEB, {"subnets": ["10.1.1.0/24", "fd00:1:1::/64"]})
    controller.must("PUT", WEB1, {"network": "web", "mac": "02:00:00:00:00:01", "addresses": ["10.1.1.5"],
                                  "host": "h1", "device": "tap0"})
    yield controller
    assert controller.stop() == 0, (controller.folder / "log").read_text()


@pytest.fixture(autouse=True)
def nothing_changes(acme):
    before = acme.dump()
    yield
    assert acme.dump() == before


def problem(answer, status, object=None, field=None, says=None):
    """A well-formed problem document with these members."""
    statuses = status if isinstance(status, tuple) else (status,)
    assert answer.status in statuses, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer["status"] == answer.status and answer["type"].startswith("urn:weft:problem:")
    assert answer["title"] and answer["detail"]
    if object:
        assert answer["object"] == object, answer
    if field:
        assert answer["field"] == field, answer
    if says:
        assert says in answer["detail"], answer
    return answer


# (what, path, body, status, object, field)
FIELDS = [
    ("unknown field", WEB1, {"network": "web", "colour": "red"}, 422, "acme/ports/web1", "colour"),
    ("wrong type: text for a list", WEB1, {"network": "web", "addresses": "10.1.1.5"}, 422, "acme/ports/web1",
     "addresses"),
    ("wrong type: number for a text", WEB1, {"network": 7}, 422, "acme/ports/web1", "network"),
    ("wrong type: text for a number", WEB, {"mtu": "1500"}, 422, "acme/networks/web", "mtu"),
    ("wrong type: list for labels", WEB1, {"network": "web", "labels": []}, 422, "acme/ports/web1", "labels"),
    ("number out of range", WEB, {"subnets": ["10.1.1.0/24"], "mtu": 70000}, 422, "acme/networks/web", "mtu"),
    ("fraction", WEB, {"mtu": 1500.5}, 422, "acme/networks/web", "mtu"),
    ("unknown choice", WEB, {"unknown_unicast": "maybe"}, 422, "acme/networks/web", "unknown_unicast"),
    ("missing field", "/v1/tenants/acme/ports/new", {}, 422, "acme/ports/new", "network"),
    ("overlapping subnets", "/v1/tenants/acme/networks/new", {"subnets": ["10.0.0.0/8", "10.1.0.0/16"]}, 422,
     "acme/networks/new", None),
    ("host bits", "/v1/tenants/acme/networks/new", {"subnets": ["10.0.0.1/24"]}, 422, "acme/networks/new",
     "subnets[0]"),
    ("no address", "/v1/tenants/acme/networks/new", {"subnets": ["300.0.0.0/24"]}, 422, "acme/networks/new",
     "subnets[0]"),
    ("address outside its subnet", "/v1/tenants/acme/ports/new", {"network": "web", "addresses": ["10.9.9.9"]}, 422,
     "acme/ports/new", "addresses[0]"),
    ("the network's address", "/v1/tenants/acme/ports/new", {"network": "web", "addresses": ["10.1.1.0"]}, 422,
     "acme/ports/new", "addresses[0]"),
    ("the broadcast address", "/v1/tenants/acme/ports/new", {"network": "web", "addresses": ["10.1.1.255"]}, 422,
     "acme/ports/new", "addresses[0]"),
    ("multicast MAC", "/v1/tenants/acme/ports/new", {"network": "web", "mac": "01:00:5e:00:00:01"}, 422,
     "acme/ports/new", "mac"),
    ("duplicate MAC", "/v1/tenants/acme/ports/new", {"network": "web", "mac": "02:00:00:00:00:01"}, 409,
     "acme/ports/new", "mac"),
    ("duplicate address", "/v1/tenants/acme/ports/new", {"network": "web", "addresses": ["10.1.1.5"]}, 409,
     "acme/ports/new", "addresses[0]"),
    ("dangling network", "/v1/tenants/acme/ports/new", {"network": "none"}, 422, "acme/ports/new", "network"),
    ("dangling host", "/v1/tenants/acme/ports/new", {"network": "web", "host": "h9", "device": "tap1"}, 422,
     "acme/ports/new", "host"),
    ("dangling tenant", "/v1/tenants/nobody/networks/new", {}, 422, "nobody/networks/new", None),
    ("interface that is a port already", "/v1/tenants/acme/ports/new",
     {"network": "web", "host": "h1", "device": "tap0"}, 409, "acme/ports/new", "device"),
    ("tunnel endpoint of another", "/v1/hosts/h2", {"vtep": "192.0.2.1"}, 409, "hosts/h2", "vtep"),
    ("server's own field", WEB, {"subnets": ["10.1.1.0/24", "fd00:1:1::/64"], "vni": 9999}, 422, "acme/networks/web",
     "vni"),
    ("name that disagrees", WEB1, {"network": "web", "name": "web2"}, 422, "acme/ports/web1", "name"),
    ("subnet that ports use", WEB, {"subnets": ["10.2.0.0/16"]}, (409, 422), None, None),
    ("network cannot change", WEB1, {"network": "other"}, (409, 422), "acme/ports/web1", "network"),
]


@pytest.mark.parametrize("path, body, status, object, field", [case[1:] for case in FIELDS],
                         ids=[case[0] for case in FIELDS])
def test_field(acme, path, body, status, object, field):
    problem(acme.put(path, body), status, object, field)
    # The same in a transaction, behind an operation that would be fine by itself.
    parts = path.split("/")
    subject = {"kind": parts[-2][:-1], "name": parts[-1], **({"tenant": parts[3]} if len(parts) > 4 else {})}
    answer = acme.transaction({"op": "put", "kind": "tenant", "name": "fine", "object": {}},
                              {"op": "put", "object": body, **subject})
    problem(answer, status, object, field)


def test_delete_in_use(acme):
    problem(acme.request("DELETE", WEB), 409, "acme/networks/web", says="port web1 of tenant acme refers to it in network")
    problem(acme.request("DELETE", "/v1/tenants/acme"), 409, "tenants/acme")
    problem(acme.request("DELETE", "/v1/hosts/h1"), 409, "hosts/h1", says="port web1 of tenant acme refers to it in host")
    problem(acme.request("DELETE", "/v1/tenants/acme/ports/none"), 404, "acme/ports/none")


@pytest.mark.parametrize("raw, line, column", [
    (b"{", 1, None), (b'{"description": "x"', 1, None), (b'{\n  "description": tru\n}', 2, None),
    (b'{"a": 1,}', 1, None), (b'{"a": "\xff"}', 1, None), (b'{"a": "\\u0000"}', 1, None), (b'{} {}', 1, None),
    (b'{"description": "x",\n "description": "y"}', 2, None), (b"[" * 100000, 1, None), (b"\0", 1, None),
    (b'{"a": 1e999}', 1, None), (b'{"a": 99999999999999999999}', 1, None),
], ids=["brace", "truncated", "word", "comma", "utf-8", "zero", "two", "duplicate", "deep", "nul", "float", "integer"])
def test_syntax(acme, raw, line, column):
    for method, path in (("PUT", "/v1/tenants/acme"), ("PATCH", WEB1), ("POST", "/v1/transactions")):
        answer = problem(acme.request(method, path, raw=raw), 400)
        assert answer["line"] == line and answer["column"] >= 0


@pytest.mark.parametrize("body", [[], "x", 1, None, True])
def test_body_that_is_no_object(acme, body):
    raw = json.dumps(body).encode()
    for method, path in (("PUT", "/v1/tenants/acme"), ("PATCH", WEB1), ("POST", "/v1/transactions")):
        answer = acme.request(method, path, raw=raw)
        # A scalar is no JSON text to the strict, and no object to anybody.
        problem(answer, (400, 422))


@pytest.mark.parametrize("body, field", [
    ({}, "operations"),
    ({"operations": {}}, "operations"),
    ({"operations": [], "more": 1}, "more"),
    ({"operations": [1]}, "operations[0]"),
    ({"operations": [{"op": "put"}]}, "operations[0].kind"),
    ({"operations": [{"op": "put", "kind": "ports", "name": "x"}]}, "operations[0].kind"),
    ({"operations": [{"op": "put", "kind": "port", "name": "x", "object": {}}]}, "operations[0].tenant"),
    ({"operations": [{"op": "put", "kind": "tenant", "tenant": "a", "name": "x", "object": {}}]},
     "operations[0].tenant"),
    ({"operations": [{"op": "upsert", "kind": "tenant", "name": "x", "object": {}}]}, "operations[0].op"),
    ({"operations": [{"op": "put", "kind": "tenant", "name": "x"}]}, "operations[0].object"),
    ({"operations": [{"op": "put", "kind": "tenant", "name": "X!", "object": {}}]}, "operations[0].name"),
    ({"operations": [{"op": "delete", "kind": "tenant", "name": "acme", "object": {}}]}, "operations[0].object"),
    ({"operations": [{"op": "put", "kind": "tenant", "name": "x", "object": {}, "if": 1}]}, "operations[0].if"),
    ({"operations": [], "compare": 1}, "compare"),
    ({"operations": [], "dry_run": 1}, "dry_run"),
    ({"operations": [], "compare": [{"kind": "tenant", "name": "acme"}]}, "compare[0].revision"),
])
def test_transaction_form(acme, body, field):
    problem(acme.post("/v1/transactions", body), 422, field=field)


def test_transaction_names_an_object_twice(acme):
    put = {"op": "put", "kind": "tenant", "name": "new", "object": {}}
    problem(acme.transaction(put, put), 409, "tenants/new")


@pytest.mark.parametrize("name", ["a%00", "%2e%2e%2fetc", "a%2Fb", "%ff%fe", "%C3%A4", "%", "%zz", "UPPER", "-a", "a b",
                                  "a%20b", "..", "a" * 64, "a" * 5000, "%F0%9F%90%81", "a%0d%0aX-Evil:1"])
def test_names(acme, name):
    for method, path in (("PUT", f"/v1/tenants/{name}"), ("GET", f"/v1/tenants/{name}/ports"),
                         ("DELETE", f"/v1/hosts/{name}"), ("PUT", f"/v1/tenants/acme/ports/{name}")):
        if " " in path:
            continue  # no request line can carry it
        answer = acme.request(method, path, {} if method == "PUT" else None)
        problem(answer, 400)


def test_paths_and_methods(acme):
    for path in ("/", "/v1", "/v2/tenants", "/v1/nothing", "/v1/tenant/acme", "/v1/tenants/acme/hosts"):
        problem(acme.get(path), 404)
    answer = problem(acme.request("POST", WEB1, {}), 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PUT", "PATCH", "DELETE"}
    assert problem(acme.get("/v1/transactions"), 405).headers["Allow"] == "POST"
    problem(acme.put("/v1/tenants", {}), 405)
    problem(acme.request("BREW", "/v1/status"), 405)


def test_every_answer_carries_the_revision(acme):
    revision = str(acme.revision())
    for answer in (acme.get("/v1/status"), acme.get("/v1/none"), acme.put(WEB1, {"x": 1}),
                   acme.request("PUT", WEB, raw=b"x" * 10)):
        assert answer.headers["Weft-Revision"] == revision


# ---- bodies that are too large ----


def read_answer(connection):
    """Status and body of what the server said before it hung up."""
    text = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_announced_too_large(acme):
    """Nothing of 100 MB is sent before the answer comes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(acme.socket))
        connection.sendall(b"PUT /v1/tenants/acme HTTP/1.1\r\nHost: weft\r\nContent-Length: 104857600\r\n\r\n")
        status, document = read_answer(connection)
        assert status == 413 and document["type"] == "urn:weft:problem:too-large"


def test_hundred_megabytes(acme):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(acme.socket))
        connection.sendall(b"PUT /v1/tenants/acme HTTP/1.1\r\nHost: weft\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        sent = 0
        try:
            while sent < 100 << 20:
                connection.sendall(chunk)
                sent += 1 << 20
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 40 << 20, "it read on beyond its limit"
        status, document = read_answer(connection)
        assert status == 413 and document["type"] == "urn:weft:problem:too-large"


def test_large_but_allowed(acme):
    body = b'{"description": "fine"' + b" " * (LIMIT - 23) + b"}"
    assert len(body) == LIMIT
    assert acme.request("POST", "/v1/transactions", raw=body).status == 422  # understood, and then refused
    problem(acme.request("POST", "/v1/transactions", raw=body + b" "), 413)


def test_many_large_at_once(acme):
    """The memory that bodies take is bounded, whoever sends them."""
    def half_a_body():
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(acme.socket))
        connection.sendall(b"PUT /v1/tenants/acme HTTP/1.1\r\nHost: weft\r\nContent-Length: %d\r\n\r\n" % LIMIT)
        try:
            connection.sendall(b" " * (LIMIT - 1))
        except (BrokenPipeError, ConnectionResetError):
            return connection, read_answer(connection)[0]
        return connection, None

    held = [half_a_body() for _ in range(12)]
    refused = [status for _, status in held if status]
    assert refused and set(refused) == {503}
    resident = next(int(line.split()[1]) for line in open(f"/proc/{acme.process.pid}/status")
                    if line.startswith("VmRSS"))
    assert resident < 1 << 20, "more than a gigabyte"
    assert acme.get("/v1/status").status == 200
    for connection, _ in held:
        connection.close()


# ---- clients that misbehave ----


@pytest.mark.parametrize("request_text", [
    b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /v1/status HTTP/1.1\r\n\r\n",
    b"PUT /v1/tenants/x HTTP/1.1\r\nHost: w\r\nContent-Length: -1\r\n\r\n{}",
    b"PUT /v1/tenants/x HTTP/1.1\r\nHost: w\r\nContent-Length: x\r\n\r\n{}",
    b"PUT /v1/tenants/x HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: w\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: w\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
])
def test_garbage(acme, request_text):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(acme.socket))
        try:
            connection.sendall(request_text)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        assert not answer or answer.split()[1].startswith((b"4", b"5")), answer
    assert acme.get("/v1/status").status == 200


@pytest.mark.parametrize("beginning", [
    b"\x16\x03\x01\x00\xa5", b"G", b"GET /v1/status HTTP/1.1\r\nHost:",
    b"PUT /v1/tenants/x HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\n{",
])
def test_unfinished(acme, beginning):
    """What never becomes a request is waited for (a minute) beside the others, and changes nothing."""
    before = acme.dump()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(acme.socket))
        connection.sendall(beginning)
        assert acme.get("/v1/status").status == 200
    assert acme.get("/v1/status").status == 200
    assert acme.dump() == before


def test_many_idle_connections(acme):
    """One client that opens all it can does not stop the others that are connected."""
    agent = Agent(acme, "h1")
    assert agent.wait_revision(acme.revision())
    idle = []
    for _ in range(900):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(acme.socket))
        idle.append(connection)
    assert acme.get("/v1/status").status == 200
    assert not agent.ended
    for connection in idle:
        connection.close()
    agent.close()


def test_attach_of_what_is_not_there(acme):
    agent = Agent(acme, "h1")
    assert agent.wait_revision(acme.revision())
    agent.report(interfaces=[{"name": "tap0", "ifindex": 7, "role": "port"}])
    acme_port = "/v1/tenants/acme/ports/web1/attach"
    answer = problem(acme.post(acme_port, {"host": "h1", "device": "tap9"}), (404, 409))
    assert "tap" in answer["detail"]
    problem(acme.post(acme_port, {"host": "h1"}), 422, field="device")
    problem(acme.post("/v1/tenants/acme/ports/none/attach", {"host": "h1", "device": "tap0"}), 404,
            "acme/ports/none")
    agent.close()


def test_writers_at_once_do_not_mix(acme):
    """Refused and accepted writes from many clients: every one is answered for itself."""
    statuses = []

    def write(n):
        statuses.append(acme.put(WEB1, {"network": "web", "wrong": n}).status)
        statuses.append(acme.put("/v1/tenants/acme", {}).status)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 30 + [422] * 30
