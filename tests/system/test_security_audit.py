# SPDX-License-Identifier: Apache-2.0
"""The audit log: every write that was accepted, with its revision; what was refused, in memory and in the log."""

import json
import subprocess

import pytest

from controlling import Bearer, Controller
from securing import World


@pytest.fixture(scope="module")
def world(weft_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    world = World(weft_binary, folder)
    yield world
    assert world.controller.stop() == 0, (folder / "log").read_text()


def records(client, query=""):
    return client.must("GET", f"/v1/audit{query}")["items"]


def last(client, query=""):
    return records(client, query)[-1]


def test_every_revision_has_its_record(world):
    newest = world.controller.revision()
    assert [record["revision"] for record in records(world.controller)] == list(range(1, newest + 1))
    for record in records(world.controller):
        assert record["operations"] and record["request"].split()[0] in ("PUT", "POST")


def test_who_what_from_where(world):
    acme = world.clients["tenant-admin"]
    made = acme.must("PUT", "/v1/tenants/acme/ports/a1", {"network": "web"})["revision"]
    assert last(world.controller) == {
        "revision": made, "time": last(world.controller)["time"], "who": "token:acme-admin", "role": "tenant-admin",
        "from": "127.0.0.1", "request": "PUT /v1/tenants/acme/ports/a1",
        "operations": [{"op": "create", "object": "acme/ports/a1"}]}
    changed = acme.must("PATCH", "/v1/tenants/acme/ports/a1", {"labels": {"a": "b"}})["revision"]
    assert last(world.controller)["operations"] == [{"op": "change", "object": "acme/ports/a1", "before": made}]
    world.controller.must("DELETE", "/v1/tenants/acme/ports/a1")
    record = last(world.controller)
    assert record["operations"] == [{"op": "delete", "object": "acme/ports/a1", "before": changed}]
    assert record["who"] == "socket" and record["from"].startswith("uid ")
    world.clients["host"].must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1", "encap": "vxlan"})
    assert last(world.controller)["who"] == "host:h1"


def test_what_changes_nothing_is_no_write(world):
    before = records(world.controller)
    assert world.controller.put("/v1/tenants/acme", world.controller.must("GET", "/v1/tenants/acme")).status == 200
    assert world.controller.put("/v1/tenants/acme/ports/x", {"network": "absent"}).status == 422
    assert world.controller.post("/v1/transactions", {"dry_run": True, "operations": [
        {"op": "put", "kind": "tenant", "name": "dry", "object": {}}]}).status == 200
    assert records(world.controller) == before


def test_a_tenants_people_see_theirs(world):
    put = [{"op": "put", "kind": "port", "tenant": tenant, "name": "both", "object": {"network": "web"}}
           for tenant in ("acme", "umbrella")]
    assert world.controller.transaction(*put).status == 201
    for role in ("tenant-admin", "tenant-reader"):
        seen = records(world.clients[role])
        assert "umbrella" not in json.dumps(seen)
        assert seen[-1]["operations"] == [{"op": "create", "object": "acme/ports/both"}]
        assert seen[-1]["who"] == "admin" and "from" not in seen[-1]
        assert any(record["who"] == "token:acme-admin" for record in seen)
        for tenant in ("umbrella", "absent"):
            assert world.clients[role].get(f"/v1/audit?tenant={tenant}").status == 404
    for record in records(world.controller, "?tenant=umbrella"):
        assert all(o["object"].startswith(("umbrella/", "tenants/umbrella")) for o in record["operations"])
    assert len(records(world.clients["reader"])) == world.controller.revision()


def test_parts(world):
    assert [record["revision"] for record in records(world.controller, "?since=3&until=6")] == [4, 5, 6]
    assert records(world.controller, "?since=6&until=3") == []
    newest = world.controller.revision()
    for query, status in (("since=x", 400), ("until=-1", 400), (f"since={newest + 1}", 404), ("tenant=A", 400),
                          ("nonsense=1", 400)):
        assert world.controller.get(f"/v1/audit?{query}").status == status, query


def test_refusals(world):
    acme, reader = world.clients["tenant-admin"], world.clients["tenant-reader"]
    assert acme.put("/v1/tenants/umbrella/ports/x", {"network": "web"}).status == 404
    assert reader.put("/v1/tenants/acme/ports/x", {"network": "web"}).status == 403
    assert acme.get("/v1/tenants/absent/ports").status == 404  # a read: not noted
    wrong = Bearer(world.anonymous, "weft.acme-admin." + "A" * 43)
    assert wrong.get("/v1/status").status == 401
    refused = world.controller.must("GET", "/v1/audit")["refused"][-3:]
    assert [(r["who"], r["status"], r["request"]) for r in refused] == [
        ("token:acme-admin", 404, "PUT /v1/tenants/umbrella/ports/x"),
        ("token:acme-reader", 403, "PUT /v1/tenants/acme/ports/x"), ("anonymous", 401, "GET /v1/status")]
    log = (world.folder / "log").read_text()
    assert "refused token:acme-reader from 127.0.0.1: PUT /v1/tenants/acme/ports/x: 403" in log
    assert "A" * 43 not in log
    assert {r["who"] for r in reader.must("GET", "/v1/audit")["refused"]} == {"token:acme-reader"}


def test_refusals_are_bounded_and_printable(world):
    for n in range(300):
        assert world.controller.request("DELETE", "/v1/tenants/%1b%5b31m").status == 400
    refused = world.controller.must("GET", "/v1/audit")["refused"]
    assert len(refused) == 256 and "\x1b" not in json.dumps(refused)


def test_large_transactions(world):
    operations = [{"op": "put", "kind": "address_set", "tenant": "acme", "name": f"s{n}",
                   "object": {"addresses": ["10.0.0.0/8"]}} for n in range(1500)]
    assert world.controller.transaction(*operations).status == 201
    record = last(world.controller)
    assert len(record["operations"]) == 1000 and record["more"] == 500
    deletes = [{"op": "delete", **{k: o[k] for k in ("kind", "tenant", "name")}} for o in operations]
    assert world.controller.transaction(*deletes).status == 200


def test_it_outlives_the_controller(weft_binary, tmp_path):
    controller = Controller(weft_binary, tmp_path)
    controller.must("PUT", "/v1/tenants/acme", {})
    controller.kill()
    controller.start()
    controller.must("DELETE", "/v1/tenants/acme")
    assert [record["operations"][0]["op"] for record in records(controller)] == ["create", "delete"]
    assert controller.stop() == 0


def test_on_the_command_line(world, weft_binary):
    def weft(*words):
        return subprocess.run([str(weft_binary), "audit", "--controller", f"unix:{world.controller.socket}", *words],
                              capture_output=True, text=True, timeout=60)

    table = weft("--until", "3").stdout.splitlines()
    assert table[0].split() == ["REVISION", "TIME", "WHO", "FROM", "REQUEST", "OBJECTS"] and len(table) == 4
    assert "create tokens/everything" in table[1]
    assert "umbrella" not in weft("--tenant", "acme").stdout.replace("/v1/tenants/umbrella", "")
    assert "STATUS" in weft("--refused").stdout
    assert json.loads(weft("--since", "1", "--until", "2", "--json").stdout)["items"][0]["revision"] == 2
    assert weft("--tenant", "a&b").returncode == 1
