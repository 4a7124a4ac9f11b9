# SPDX-License-Identifier: Apache-2.0
"""What a client can use up: quotas of tenants, rates, connections and watches; and hosts that say what is not theirs."""

import json

import pytest

from controlling import Agent, Bearer, Controller
from securing import World


@pytest.fixture(scope="module")
def world(weft_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    world = World(weft_binary, folder)
    yield world
    assert world.controller.stop() == 0, (folder / "log").read_text()


@pytest.fixture
def acme(world):
    return world.clients["tenant-admin"]


# ---- quotas ----

OBJECTS = {
    "networks": {"subnets": ["10.9.0.0/24"]}, "ports": {"network": "web"}, "routers": {"networks": []},
    "address_sets": {"addresses": ["10.0.0.0/8"]}, "policies": {"rules": []},
}


@pytest.mark.parametrize("quota", OBJECTS)
def test_quotas_of_objects(world, acme, quota):
    have = len(acme.must("GET", f"/v1/tenants/acme/{quota}")["items"])
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": {quota: have + 1}})
    path = f"/v1/tenants/acme/{quota}"
    assert acme.put(f"{path}/q1", OBJECTS[quota]).status == 201
    for client in (acme, world.controller):
        before = world.controller.dump()
        answer = client.put(f"{path}/q2", OBJECTS[quota])
        assert answer.status == 403 and answer["type"] == "urn:weft:problem:quota", answer
        assert answer["object"] == f"acme/{quota}/q2" and f"quotas.{quota}" in answer["detail"]
        assert world.controller.dump() == before
    # Others have theirs; what is there can be changed, and makes room when it goes.
    assert world.controller.put(f"/v1/tenants/umbrella/{quota}/q1", OBJECTS[quota]).status == 201
    assert acme.put(f"{path}/q1", OBJECTS[quota]).status == 200
    kind = {"policies": "policy"}.get(quota, quota[:-1])
    swap = acme.transaction({"op": "delete", "kind": kind, "tenant": "acme", "name": "q1"},
                            {"op": "put", "kind": kind, "tenant": "acme", "name": "q2", "object": OBJECTS[quota]})
    assert swap.status == 201, swap
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": {quota: 0}})
    assert acme.put(f"{path}/q2", OBJECTS[quota]).status == 200
    acme.must("DELETE", f"{path}/q2")
    assert acme.put(f"{path}/q2", OBJECTS[quota]).status == 403
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": None})
    assert "quotas" not in world.controller.must("GET", "/v1/tenants/acme")
    world.controller.must("DELETE", f"/v1/tenants/umbrella/{quota}/q1")


@pytest.mark.parametrize("quota, path, field, few, many", [
    ("rules", "policies/p", "rules", {"rules": [{"action": "allow"}] * 2}, {"rules": [{"action": "allow"}] * 6}),
    ("prefixes", "address_sets/s", "addresses", {"addresses": ["10.0.0.0/8"]},
     {"addresses": [f"10.{n}.0.0/16" for n in range(9)]}),
])
def test_quotas_of_what_is_in_objects(world, acme, quota, path, field, few, many):
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": {quota: 5}})
    assert acme.put(f"/v1/tenants/acme/{path}", few).status == 201
    answer = acme.put(f"/v1/tenants/acme/{path}", many)
    assert answer.status == 403 and answer["field"] == field, answer
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": None})
    assert acme.put(f"/v1/tenants/acme/{path}", many).status == 200
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": {quota: 5}})
    assert acme.put(f"/v1/tenants/acme/{path}", few).status == 200
    acme.must("DELETE", f"/v1/tenants/acme/{path}")
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": None})


@pytest.mark.parametrize("quotas, field", [({"port": 1}, "quotas.port"), ({"ports": -1}, "quotas.ports"),
                                           ({"ports": "1"}, "quotas.ports"), ([1], "quotas")])
def test_bad_quotas(world, quotas, field):
    answer = world.controller.put("/v1/tenants/acme", {"quotas": quotas})
    assert answer.status == 422 and answer["field"] == field


def test_quotas_are_counted_anew_at_the_start(weft_binary, tmp_path):
    controller = Controller(weft_binary, tmp_path)
    controller.must("PUT", "/v1/tenants/acme", {"quotas": {"networks": 2}})
    controller.must("PUT", "/v1/tenants/acme/networks/a", {"subnets": ["10.1.0.0/24"]})
    controller.kill()
    controller.start()
    assert controller.put("/v1/tenants/acme/networks/b", {"subnets": ["10.2.0.0/24"]}).status == 201
    assert controller.put("/v1/tenants/acme/networks/c", {"subnets": ["10.3.0.0/24"]}).status == 403
    assert controller.stop() == 0


# ---- rates ----

def too_many(answer):
    assert answer.status == 429 and answer["type"] == "urn:weft:problem:rate", answer
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    return True


def test_requests_a_second(world):
    slow = world.token("slow", role="reader", rate=1)
    statuses = [slow.get("/v1/tenants/acme") for _ in range(15)]
    assert statuses[0].status == 200 and too_many(statuses[-1])
    # One that is refused costs the others nothing.
    assert world.clients["reader"].get("/v1/tenants/acme").status == 200
    world.controller.must("PATCH", "/v1/tokens/slow", {"rate": 1000})
    world.controller.must("DELETE", "/v1/tokens/slow")


def test_written_objects_a_second(world):
    writer = world.token("writer", role="tenant-admin", tenants=["acme"], write_rate=1)
    sets = [{"op": "put", "kind": "address_set", "tenant": "acme", "name": f"w{n}",
             "object": {"addresses": ["10.0.0.0/8"]}} for n in range(100)]
    assert writer.transaction(*sets).status == 201  # as a whole, and paid for afterwards
    answer = writer.put("/v1/tenants/acme/address_sets/w0", {"addresses": ["10.0.0.0/9"]})
    assert too_many(answer) and int(answer.headers["Retry-After"]) > 60
    assert writer.get("/v1/tenants/acme/address_sets/w0").status == 200
    for name in sets:
        assert world.controller.request("DELETE", f"/v1/tenants/acme/address_sets/{name['name']}").status == 200
    world.controller.must("DELETE", "/v1/tokens/writer")


def test_the_people_of_a_tenant_share_its_rates(world):
    """However many tokens they have; those of others, and administrators, are not held up."""
    first, second = (world.token(name, role="tenant-admin", tenants=["acme"], rate=1000) for name in ("one", "two"))
    both = world.token("both", role="tenant-admin", tenants=["acme", "umbrella"], rate=1000)
    assert first.request("PATCH", "/v1/tenants/acme", {"rate": 1000})["field"] == "rate"
    world.controller.must("PATCH", "/v1/tenants/acme", {"write_rate": 1})
    sets = [{"op": "put", "kind": "address_set", "tenant": "acme", "name": f"s{n}",
             "object": {"addresses": ["10.0.0.0/8"]}} for n in range(40)]
    assert first.transaction(*sets).status == 201
    refused = second.put("/v1/tenants/acme/address_sets/s0", {"addresses": ["10.0.0.0/9"]})
    assert too_many(refused) and refused["detail"] == "tenant:acme writes more than 1 objects a second"
    assert too_many(both.put("/v1/tenants/umbrella/address_sets/s0", {"addresses": ["10.0.0.0/9"]}))
    assert second.get("/v1/tenants/acme/address_sets/s0").status == 200
    for name in sets:
        assert world.controller.request("DELETE", f"/v1/tenants/acme/address_sets/{name['name']}").status == 200
    world.controller.must("PATCH", "/v1/tenants/acme", {"write_rate": None, "rate": 1})
    statuses = [client.get("/v1/tenants/acme").status for client in (first, second) * 8]
    assert statuses[0] == 200 and statuses[-2:] == [429, 429], statuses
    assert world.clients["reader"].get("/v1/tenants/acme").status == 200
    world.controller.must("PATCH", "/v1/tenants/acme", {"rate": None})
    assert second.get("/v1/tenants/acme").status == 200
    for name in ("one", "two", "both"):
        world.controller.must("DELETE", f"/v1/tokens/{name}")


def test_wrong_tokens_are_counted_by_address(world):
    wrong = Bearer(world.anonymous, "weft.acme-admin." + "A" * 43)
    for _ in range(3000):
        status = wrong.get("/v1/status").status
        if status == 429:
            break
        assert status == 401
    assert status == 429
    assert world.clients["tenant-admin"].get("/v1/status").status == 200


def test_watches_and_waits_at_once(world):
    greedy = world.token("greedy", role="tenant-admin", tenants=["acme"], rate=1000)
    held = [greedy.lines("/v1/ports?watch=1") for _ in range(64)]
    assert {lines.response.status for lines in held} == {200}
    changed = world.controller.must("PATCH", "/v1/tenants/acme/ports/p1", {"labels": {"held": "64"}})
    revision = changed["revision"]
    for path in ("/v1/ports?watch=1", f"/v1/ports?watch=1&since={revision}", f"/v1/revisions/{revision}?wait=1s"):
        too_many(greedy.get(path))
    other = world.clients["tenant-reader"].lines("/v1/ports?watch=1")
    assert other.response.status == 200
    other.close()
    for lines in held:
        lines.close()
    world.controller.must("DELETE", "/v1/tokens/greedy")


def test_connections_at_once(world):
    crowd = world.token("crowd", role="reader", rate=1000)
    connections, statuses = [], []
    for _ in range(135):
        connection = crowd.connect(30)
        connection.request("GET", "/v1/tenants/acme", headers=crowd.headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        connections.append(connection)
    assert statuses[0] == 200 and statuses[-1] == 429
    assert world.clients["reader"].get("/v1/tenants/acme").status == 200
    for connection in connections:
        connection.close()
    world.controller.must("DELETE", "/v1/tokens/crowd")


# ---- hosts that say what is not theirs ----

def test_a_host_that_lies_about_ports_of_others(world):
    must = world.controller.must
    must("PUT", "/v1/hosts/h9", {"vtep": "192.0.2.9"})
    liar = world.certificate("weft-host:h9")
    honest = Agent(world.clients["host"], "h1")
    assert honest.wait_revision(1)
    revision = world.controller.revision()
    lie = {"tenant": "acme", "name": "p1", "state": "failed", "problem": "on fire", "counters": {"from_port_packets": 9}}
    liar.must("POST", "/v1/hosts/h9/report", {"realized": revision, "ports": [lie], "rules": [
        {"policy": "acme/policies/front", "revision": 1, "name": None, "index": 0, "packets": 99, "bytes": 99}]})
    status = must("GET", "/v1/tenants/acme/ports/p1")["status"]
    assert "on fire" not in json.dumps(status) and "counters" not in status
    rules = must("GET", "/v1/tenants/acme/policies/front")["status"]["rules"]
    assert all(rule["packets"] == 0 for rule in rules)
    assert must("GET", "/v1/hosts/h9")["status"]["foreign_ports"] == 1
    assert "foreign_ports" not in must("GET", "/v1/hosts/h1")["status"]
    log = (world.folder / "log").read_text()
    assert "host h9 reports on port p1 of tenant acme, which is on host h1" in log
    # What is not anybody's, or not yet known to the host, is no lie.
    liar.must("POST", "/v1/hosts/h9/report", {"ports": [{"tenant": "acme", "name": "nothing", "state": "realized"}]})
    must("PATCH", "/v1/tenants/acme/ports/p1", {"labels": {"newer": "yes"}})
    liar.must("POST", "/v1/hosts/h9/report", {"ports_changed": [lie]})
    assert must("GET", "/v1/hosts/h9")["status"]["foreign_ports"] == 1
    honest.close()
    must("DELETE", "/v1/hosts/h9")


@pytest.mark.parametrize("report, status, field", [
    ({"ports": [{"tenant": "a", "name": "b", "state": "realized"}] * 66000}, 422, "ports"),
    ({"interfaces": [{"name": f"i{n}"} for n in range(66000)]}, 422, "interfaces"),
    ({"agent": {"x": "y" * (9 << 20)}}, 413, None),
    ({"ports": [{"tenant": 1, "name": "b", "state": "realized"}]}, 422, "ports[0].tenant"),
    ({"ports": [[]]}, 422, "ports[0]"), ({"realized": -1}, 422, "realized"), ({"realized": 1 << 40}, 422, "realized"),
    ({"rules": {}}, 422, "rules"),
])
def test_reports_that_are_too_large_or_wrong(world, report, status, field):
    answer = world.clients["host"].post("/v1/hosts/h1/report", report)
    assert answer.status == status and answer.json.get("field") == field, answer


def test_a_host_is_held_to_a_rate(world):
    flood = world.certificate("weft-host:h1")
    connection = flood.connect(30)
    statuses = set()
    for _ in range(1600):
        connection.request("POST", "/v1/hosts/h1/report", b"{}")
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
        if answer.status == 429:
            break
    assert statuses == {200, 429}
    connection.close()
