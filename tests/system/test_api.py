# SPDX-License-Identifier: Apache-2.0
"""The REST API, row by row of docs/design/api.md, over the Unix socket."""

import json
import os
import stat
import threading
import time

import pytest

from controlling import Agent, digest


def make_acme(controller):
    """A tenant with two networks, one port on each, and two hosts."""
    answer = controller.transaction(
        {"op": "put", "kind": "tenant", "name": "acme", "object": {}},
        {"op": "put", "kind": "network", "tenant": "acme", "name": "web",
         "object": {"subnets": ["10.1.1.0/24", "fd00:1:1::/64"]}},
        {"op": "put", "kind": "network", "tenant": "acme", "name": "db", "object": {"subnets": ["10.1.2.0/24"]}},
        {"op": "put", "kind": "port", "tenant": "acme", "name": "web1", "object": {"network": "web"}},
        {"op": "put", "kind": "port", "tenant": "acme", "name": "db1", "object": {"network": "db"}},
        {"op": "put", "kind": "host", "name": "h1", "object": {"vtep": "192.0.2.1"}},
        {"op": "put", "kind": "host", "name": "h2", "object": {"vtep": "192.0.2.2"}})
    assert answer.status == 201, answer
    return answer.json


WEB1 = "/v1/tenants/acme/ports/web1"
TAP = {"name": "tap0", "ifindex": 7, "kind": "tun", "mac": "02:00:00:00:00:07", "mtu": 1500, "up": True, "role": None}
UPLINK = {**TAP, "name": "eth0", "ifindex": 2, "kind": "veth", "role": "underlay"}


# ---- objects ----


def test_socket_mode(controller):
    mode = os.stat(controller.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_status(controller):
    status = controller.get("/v1/status")
    assert status.status == 200
    assert status["revision"] == 0 and status["hosts_connected"] == 0
    kinds = ["tenants", "hosts", "networks", "ports", "routers", "address_sets", "policies", "tokens", "enrolments"]
    assert status["objects"] == dict.fromkeys(kinds, 0)
    make_acme(controller)
    assert controller.get("/v1/status")["objects"] == {
        **dict.fromkeys(kinds, 0), "tenants": 1, "hosts": 2, "networks": 2, "ports": 2}


def test_openapi(controller):
    document = controller.get("/v1/openapi.json").json
    assert document["openapi"].startswith("3.")
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    for row in (("post", "/v1/transactions"), ("get", "/v1/revisions/{revision}"), ("get", "/v1/status"),
                ("get", "/v1/hosts/{name}/stream"), ("post", "/v1/hosts/{name}/report"), ("put", "/v1/hosts/{name}"),
                ("post", "/v1/tenants/{tenant}/ports/{name}/attach"), ("delete", "/v1/tenants/{tenant}/ports/{name}")):
        assert row in described, row
    # Every name in braces is a parameter of the operation or of its path.
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                named = {p["name"] for p in item.get("parameters", []) + operation.get("parameters", [])
                         if p["in"] == "path"}
                assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, (method, path)


def test_put_creates_then_replaces(controller):
    created = controller.put("/v1/tenants/acme", {"description": "first"})
    assert created.status == 201
    assert (created["changed"], created["created"], created["revision"]) == (1, 1, 1)
    assert created["objects"] == [{"kind": "tenant", "name": "acme", "revision": 1, "description": "first"}]
    assert created.headers["Weft-Revision"] == "1"
    replaced = controller.put("/v1/tenants/acme", {"description": "second"})
    assert replaced.status == 200
    assert (replaced["changed"], replaced["created"], replaced["revision"]) == (1, 0, 2)
    same = controller.put("/v1/tenants/acme", {"description": "second"})
    assert same.status == 200
    assert same.json == {"revision": 2, "changed": 0, "created": 0, "objects": []}


def test_get_put_round_trip_changes_nothing(controller):
    make_acme(controller)
    before = controller.dump()
    for path in ("/v1/tenants/acme", "/v1/hosts/h1", "/v1/tenants/acme/networks/web", WEB1):
        answer = controller.put(path, controller.get(path).json)
        assert answer.status == 200 and answer["changed"] == 0, answer
    assert controller.dump() == before


def test_sticky_fields_stay(controller):
    make_acme(controller)
    before = controller.get(WEB1).json
    answer = controller.put(WEB1, {"network": "web", "labels": {"tier": "web"}})
    assert answer["changed"] == 1
    after = controller.get(WEB1).json
    assert (after["mac"], after["addresses"]) == (before["mac"], before["addresses"])
    assert after["labels"] == {"tier": "web"}


def test_lists(controller):
    make_acme(controller)
    controller.must("PUT", "/v1/tenants/umbrella", {})
    controller.must("PUT", "/v1/tenants/umbrella/networks/web", {"subnets": ["10.1.1.0/24"]})
    names = lambda path: [item["name"] for item in controller.must("GET", path)["items"]]
    assert names("/v1/tenants") == ["acme", "umbrella"]
    assert names("/v1/hosts") == ["h1", "h2"]
    assert names("/v1/tenants/acme/networks") == ["db", "web"]
    assert names("/v1/tenants/umbrella/networks") == ["web"]
    assert names("/v1/tenants/umbrella/ports") == []
    assert names("/v1/networks") == ["db", "web", "web"]
    assert names("/v1/ports") == ["db1", "web1"]
    assert controller.get("/v1/ports")["revision"] == controller.revision()
    assert controller.get("/v1/tenants/nobody/ports").status == 404


def test_patch_merges(controller):
    make_acme(controller)
    controller.must("PATCH", WEB1, {"labels": {"a": "1", "b": "2"}})
    answer = controller.request("PATCH", WEB1, {"labels": {"a": None, "c": "3"}})
    assert answer.status == 200
    assert controller.get(WEB1)["labels"] == {"b": "2", "c": "3"}
    assert controller.request("PATCH", "/v1/tenants/acme/ports/none", {}).status == 404


def test_delete(controller):
    make_acme(controller)
    used = controller.request("DELETE", "/v1/tenants/acme/networks/web")
    assert used.status == 409 and used["type"] == "urn:weft:problem:in-use"
    assert used["object"] == "acme/networks/web" and "web1" in used["detail"]
    done = controller.request("DELETE", WEB1)
    assert done.status == 200
    assert (done["changed"], done["created"], done["objects"]) == (1, 0, [])
    assert controller.get(WEB1).status == 404
    assert controller.request("DELETE", WEB1).status == 404
    assert controller.request("DELETE", "/v1/tenants/acme/networks/web").status == 200


def test_past(controller):
    make_acme(controller)
    first = controller.revision()
    controller.must("PATCH", WEB1, {"labels": {"a": "1"}})
    controller.must("DELETE", WEB1)
    last = controller.revision()
    assert "labels" not in controller.get(f"{WEB1}?at={first}").json
    assert controller.get(f"{WEB1}?at={first + 1}")["labels"] == {"a": "1"}
    assert controller.get(f"{WEB1}?at={first + 1}")["revision"] == first + 1
    assert controller.get(f"{WEB1}?at={last}").status == 404
    then = controller.get(f"/v1/tenants/acme/ports?at={first}").json
    assert then["revision"] == first and [item["name"] for item in then["items"]] == ["db1", "web1"]
    assert [item["name"] for item in controller.get(f"/v1/ports?at={last}")["items"]] == ["db1"]
    future = controller.get(f"/v1/ports?at={last + 1}")
    assert future.status == 404 and future["type"] == "urn:weft:problem:future-revision"
    for wrong in ("0", "-1", "x", "", "1.5", "99999999999999999999"):
        assert controller.get(f"/v1/ports?at={wrong}").status == 400, wrong


def test_past_of_a_tenant_that_is_called_like_a_kind(controller):
    controller.must("PUT", "/v1/tenants/hosts", {})
    controller.must("PUT", "/v1/tenants/hosts/networks/web", {"subnets": ["10.0.0.0/24"]})
    controller.must("PUT", "/v1/hosts/networks", {"vtep": "192.0.2.1"})
    at = controller.revision()
    assert [item["name"] for item in controller.get(f"/v1/hosts?at={at}")["items"]] == ["networks"]
    assert [item["name"] for item in controller.get(f"/v1/networks?at={at}")["items"]] == ["web"]


# ---- transactions ----


def test_transaction_is_one_revision(controller):
    answer = make_acme(controller)
    assert (answer["revision"], answer["changed"], answer["created"]) == (1, 7, 7)
    assert {item["revision"] for item in answer["objects"]} == {1}


def test_transaction_is_all_or_nothing(controller):
    make_acme(controller)
    before = controller.dump()
    answer = controller.transaction(
        {"op": "delete", "kind": "port", "tenant": "acme", "name": "web1"},
        {"op": "put", "kind": "port", "tenant": "acme", "name": "web9", "object": {"network": "none"}})
    assert answer.status == 422 and answer["object"] == "acme/ports/web9" and answer["field"] == "network"
    assert controller.dump() == before


def test_transaction_operations(controller):
    make_acme(controller)
    answer = controller.transaction(
        {"op": "create", "kind": "tenant", "name": "acme", "object": {"description": "not taken"}},
        {"op": "create", "kind": "tenant", "name": "other", "object": {"description": "taken"}},
        {"op": "patch", "kind": "port", "tenant": "acme", "name": "web1", "object": {"labels": {"a": "1"}}},
        {"op": "delete", "kind": "port", "tenant": "acme", "name": "db1"},
        {"op": "delete", "kind": "network", "tenant": "acme", "name": "db"})
    assert answer.status == 201 and (answer["changed"], answer["created"]) == (4, 1)
    assert "description" not in controller.get("/v1/tenants/acme").json
    assert controller.get("/v1/tenants/other")["description"] == "taken"
    assert controller.get(WEB1)["labels"] == {"a": "1"}
    assert controller.get("/v1/tenants/acme/networks/db").status == 404


def test_transaction_dry_run(controller):
    """It is judged like any other, told what it would be given, and leaves nothing behind."""
    make_acme(controller)
    before = controller.dump()
    operations = [{"op": "patch", "kind": "port", "tenant": "acme", "name": "web1", "object": {"labels": {"a": "1"}}},
                  {"op": "put", "kind": "port", "tenant": "acme", "name": "web9", "object": {"network": "web"}},
                  {"op": "delete", "kind": "port", "tenant": "acme", "name": "db1"}]
    answer = controller.transaction(*operations, dry_run=True)
    assert answer.status == 200 and (answer["revision"], answer["changed"], answer["created"]) == (1, 3, 1)
    changes = {(change["after"] or change["before"])["name"]: change for change in answer["changes"]}
    assert changes["db1"]["after"] is None and changes["web9"]["before"] is None
    assert changes["web1"]["after"]["labels"] == {"a": "1"}
    assert controller.dump() == before
    refused = controller.transaction({"op": "delete", "kind": "network", "tenant": "acme", "name": "web"}, dry_run=True)
    assert refused.status == 409 and controller.dump() == before
    assert controller.transaction(*operations, dry_run=False)["changed"] == 3
    assert controller.get("/v1/tenants/acme/ports/web9")["mac"] == changes["web9"]["after"]["mac"]


def test_transaction_compare(controller):
    make_acme(controller)
    revision = controller.get(WEB1)["revision"]
    patch = {"op": "patch", "kind": "port", "tenant": "acme", "name": "web1", "object": {"labels": {"a": "1"}}}
    compare = {"kind": "port", "tenant": "acme", "name": "web1"}
    assert controller.transaction(patch, compare=[{**compare, "revision": revision}]).status == 200
    before = controller.dump()
    for stale in (revision, 0, revision + 5):
        answer = controller.transaction(patch, compare=[{**compare, "revision": stale}])
        assert answer.status == 409 and answer["type"] == "urn:weft:problem:stale"
        assert answer["object"] == "acme/ports/web1"
    absent = {"kind": "host", "name": "h9", "revision": 3}
    assert controller.transaction(patch, compare=[absent]).status == 409
    assert controller.dump() == before
    unchanged = {**patch, "object": {"labels": {"a": "2"}}}
    assert controller.transaction(unchanged, compare=[{**absent, "revision": 0}]).status == 200


def test_empty_transaction(controller):
    make_acme(controller)
    assert controller.transaction().json == {"revision": 1, "changed": 0, "created": 0, "objects": []}


def test_thousand_ports_are_one_revision(controller):
    controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1"})
    operations = [{"op": "create", "kind": "tenant", "name": "acme", "object": {}}]
    for n in range(10):
        operations.append({"op": "put", "kind": "network", "tenant": "acme", "name": f"n{n}",
                           "object": {"subnets": [f"10.{n}.0.0/16", f"fd00:{n}::/64"]}})
        for p in range(100):
            operations.append({"op": "put", "kind": "port", "tenant": "acme", "name": f"p{n}-{p}",
                               "object": {"network": f"n{n}", "host": "h1", "device": f"tap{n}-{p}"}})
    agent = Agent(controller, "h1")
    try:
        before = controller.revision()
        answer = controller.transaction(*operations)
        assert answer.status == 201, answer
        assert (answer["revision"], answer["changed"], answer["created"]) == (before + 1, 1011, 1011)
        receipt = controller.get(f"/v1/revisions/{before + 1}?wait=60s").json
        assert receipt["complete"] and receipt["required"] == receipt["realized"] == 1
        again = controller.transaction(*operations)
        assert again.json == {"revision": before + 1, "changed": 0, "created": 0, "objects": []}
        assert controller.revision() == before + 1
        assert len(agent.batches) == 2  # the snapshot, and the one batch
        ports = controller.get("/v1/ports")["items"]
        assert len({(port["network"], port["mac"]) for port in ports}) == 1000
        assert len({(port["network"], a) for port in ports for a in port["addresses"]}) == 2000
    finally:
        agent.close()


# ---- watch ----


def watch(controller, path, since=None):
    return controller.lines(f"{path}?watch=1" + (f"&since={since}" if since is not None else ""))


def test_watch_live(controller):
    make_acme(controller)
    lines = watch(controller, "/v1/tenants/acme/ports")
    assert lines.response.status == 200
    controller.must("PATCH", WEB1, {"labels": {"a": "1"}})
    controller.must("PUT", "/v1/tenants/acme/networks/more", {"subnets": ["10.9.0.0/24"]})  # not of this list
    controller.must("DELETE", WEB1)
    put, delete = lines.take(2)
    assert put["type"] == "put" and put["revision"] == 2
    assert put["object"]["labels"] == {"a": "1"} and put["object"]["revision"] == 2
    assert delete == {"type": "delete", "revision": 4,
                      "object": {"kind": "port", "tenant": "acme", "name": "web1"}}
    lines.close()


def test_watch_resumes(controller):
    make_acme(controller)
    for n in range(5):
        controller.must("PATCH", WEB1, {"labels": {"n": str(n)}})
    controller.must("DELETE", WEB1)
    whole = watch(controller, "/v1/ports", since=0)
    seen = whole.take(8)
    assert [line["revision"] for line in seen] == [1, 1, 2, 3, 4, 5, 6, 7]
    assert seen[-1]["type"] == "delete"
    whole.close()
    rest = watch(controller, "/v1/ports", since=4)
    assert rest.take(3) == seen[5:]
    controller.must("PUT", WEB1, {"network": "web"})
    line = rest.next()
    assert line["revision"] == 8 and line["object"]["name"] == "web1"
    rest.close()


def test_watch_of_another_tenant_is_silent(controller):
    make_acme(controller)
    controller.must("PUT", "/v1/tenants/umbrella", {})
    lines = watch(controller, "/v1/tenants/umbrella/networks", since=0)
    controller.must("DELETE", WEB1)
    controller.must("PUT", "/v1/tenants/umbrella/networks/n", {"subnets": ["10.0.0.0/24"]})
    assert lines.next()["object"]["tenant"] == "umbrella"
    lines.close()


def test_watch_refused(controller):
    make_acme(controller)
    assert controller.get("/v1/ports?watch=1&since=99").status == 404
    for query in ("watch=2", "watch=1&since=x", "watch=1&since=-1", "since=1", "watch=1&at=1", "wtach=1"):
        answer = controller.get(f"/v1/ports?{query}")
        assert answer.status == 400, (query, answer)


def test_watchers_that_left_are_forgotten(controller):
    make_acme(controller)
    descriptors = lambda: len(os.listdir(f"/proc/{controller.process.pid}/fd"))
    before = descriptors()
    for lines in [watch(controller, "/v1/ports") for _ in range(50)]:
        lines.close()
    deadline = time.monotonic() + 60
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert descriptors() <= before


def test_slow_watcher_is_dropped(controller):
    make_acme(controller)
    lines = watch(controller, "/v1/tenants")
    big = "x" * 250
    operations = lambda n: [{"op": "put", "kind": "tenant", "name": f"t{i}", "object": {"description": f"{n}{big}"}}
                            for i in range(4000)]
    for n in range(15):  # about 1.3 MB each
        assert controller.transaction(*operations(n)).status < 300
    last = None
    with pytest.raises(Exception):  # the answer breaks off in the middle
        while True:
            line = lines.next()
            assert line, "the answer ended as if it were whole"
            last = line["revision"]
    assert last < controller.revision()
    lines.close()
    resumed = watch(controller, "/v1/tenants", since=controller.revision() - 1)
    assert len(resumed.take(4000)) == 4000
    resumed.close()


# ---- agents ----


def test_stream_snapshot_and_batches(controller):
    make_acme(controller)
    controller.must("PATCH", WEB1, {"host": "h1", "device": "tap0"})
    agent = Agent(controller, "h1")
    assert agent.wait_revision(2)
    snapshot = agent.batches[0]
    assert [line["type"] for line in snapshot] == ["snapshot", "put", "put", "put", "commit"]
    assert [line["object"]["kind"] for line in snapshot[1:-1]] == ["host", "network", "port"]
    port = snapshot[3]["object"]
    assert port["key"] > 0 and port["revision"] == 2 and snapshot[2]["object"]["vni"] > 0

    controller.must("PATCH", WEB1, {"labels": {"a": "1"}})
    controller.must("PUT", "/v1/tenants/acme/networks/other", {"subnets": ["10.9.0.0/24"]})  # not for this host
    controller.must("POST", f"{WEB1}/detach", {})
    assert agent.wait_revision(5)
    assert [line["type"] for line in agent.batches[1]] == ["put", "commit"]
    assert [batch[-1]["revision"] for batch in agent.batches] == [2, 3, 5]
    assert {"type": "delete", "kind": "port", "tenant": "acme", "name": "web1"} in agent.batches[2]
    assert list(agent.objects) == [("host", None, "h1")]
    agent.close()


def test_stream_of_no_host(controller):
    answer = controller.get("/v1/hosts/h9/stream")
    assert answer.status == 404 and answer["object"] == "hosts/h9"
    assert controller.post("/v1/hosts/h9/report", {}).status == 404


def test_stream_newer_ends_older(controller):
    make_acme(controller)
    older = Agent(controller, "h1")
    assert older.wait_revision(1)
    newer = Agent(controller, "h1")
    assert older.wait(lambda agent: agent.ended)
    assert newer.wait_revision(1)
    assert controller.get("/v1/status")["hosts_connected"] == 1
    assert controller.get("/v1/hosts/h1")["status"]["connected"] is True
    newer.close()
    older.close()


def test_stream_pings(controller):
    make_acme(controller)
    lines = controller.lines("/v1/hosts/h1/stream")
    types = [lines.next(pings=True)["type"] for _ in range(4)]
    assert types == ["snapshot", "put", "commit", "ping"]
    lines.close()


def memory_of(process):
    """Resident, in bytes."""
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_slow_agents_cost_nothing_and_delay_nobody(controller):
    """Four that do not read, while 25 MB of changes go to another: what they have not read is not kept for each."""
    make_acme(controller)
    hosts = [f"slow{n}" for n in range(4)]
    for n, host in enumerate(hosts):
        controller.must("PUT", f"/v1/hosts/{host}", {"vtep": f"192.0.2.{100 + n}"})
        controller.must("PUT", f"/v1/tenants/acme/ports/{host}", {"network": "web", "host": host, "device": "t"})
    labels = lambda n: {f"l{i}": f"{n}-{'x' * 50}" for i in range(60)}
    ports = lambda n: [{"op": "put", "kind": "port", "tenant": "acme", "name": f"p{i}",
                        "object": {"network": "web", "host": "h1", "device": f"t{i}", "labels": labels(n)}}
                       for i in range(240)]
    agent = Agent(controller, "h1")
    stalled = [controller.lines(f"/v1/hosts/{host}/stream") for host in hosts]
    assert controller.transaction(*ports(0)).status < 300
    before = memory_of(controller.process)
    for n in range(25):  # about a megabyte each
        assert controller.transaction(*ports(n)).status < 300
        assert agent.wait_revision(controller.revision())
    assert memory_of(controller.process) - before < 100 << 20  # what the store and the backlog take
    assert controller.get("/v1/status")["hosts_connected"] == 5
    # They go on from where they were.
    held = {}
    while (line := stalled[3].next())["type"] != "commit" or line["revision"] < controller.revision():
        if line["type"] == "put":
            held[line["object"]["kind"], line["object"]["name"]] = line["object"]
    assert held["port", "p7"]["labels"] == labels(24)
    assert digest(held.values()) == line["digest"]
    for lines in stalled:
        lines.close()
    agent.close()


def test_host_status_follows_the_connection(controller):
    make_acme(controller)
    status = lambda: controller.get("/v1/hosts/h1")["status"]
    assert status()["connected"] is False
    agent = Agent(controller, "h1")
    assert agent.wait_revision(1)
    deadline = time.monotonic() + 10
    while status().get("realized_revision") != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    agent.report(agent={"version": "0.1.0", "kernel": "6.1.0", "rows": 12, "writes": 3, "repairs": 0,
                        "warnings": ["mtu"]}, drops={"no-such-port": {"packets": 1, "bytes": 60}})
    deadline = time.monotonic() + 60
    while status()["realized_revision"] != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    seen = status()
    assert seen["connected"] and seen["realized_revision"] == 1 and seen["rows"] == 12
    assert seen["warnings"] == ["mtu"] and seen["drops"]["no-such-port"]["packets"] == 1
    agent.close()
    deadline = time.monotonic() + 60
    while status()["connected"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert status()["connected"] is False
    assert 0 <= status()["since_ms"] < 60000


def test_port_status(controller):
    make_acme(controller)
    state = lambda: controller.get(WEB1)["status"]["state"]
    assert state() == "unplaced"
    controller.must("PATCH", WEB1, {"host": "h1", "device": "tap0"})
    assert state() == "host-offline"
    agent = Agent(controller, "h1", acknowledge=False)
    assert agent.wait_revision(2)
    assert state() == "pending"
    port = {"tenant": "acme", "name": "web1", "state": "missing-device", "problem": "no tap0"}
    agent.report(realized=2, ports=[port])
    assert state() == "missing-device"
    assert controller.get(WEB1)["status"]["problem"] == "no tap0"
    agent.report(ports=[{**port, "state": "realized", "problem": None, "ifindex": 7,
                         "counters": {"from_port_packets": 5}, "drops": {"spoofed-mac": {"packets": 3, "bytes": 180}}}])
    status = controller.get(WEB1)["status"]
    assert status["state"] == "realized" and status["realized_revision"] == 2 and status["ifindex"] == 7
    assert status["counters"] == {"from_port_packets": 5} and status["drops"]["spoofed-mac"]["packets"] == 3
    controller.must("PATCH", WEB1, {"labels": {"a": "1"}})  # the host has not realized this
    assert state() == "pending"
    agent.report(realized=3)
    assert state() == "realized"
    agent.report(ports=[])
    assert state() == "pending"
    agent.close()


def test_report_ignores_what_it_does_not_know(controller):
    make_acme(controller)
    report = lambda body: controller.post("/v1/hosts/h1/report", body)
    assert report({"realized": 1, "future": [1], "agent": {"new": 1}, "ports": []}).status == 200
    for wrong in ({"realized": "1"}, {"realized": 99}, {"realized": -1}, {"ports": {}}, {"ports": [1]},
                  {"ports": [{"name": "web1", "state": "realized"}]}, {"interfaces": [{"ifindex": 1}]},
                  {"failure": 1}, {"agent": []}):
        answer = report(wrong)
        assert answer.status == 422 and answer["field"], wrong


def test_reports_of_differences(controller):
    """After a complete list only what differs is told; without one before, differences are refused."""
    make_acme(controller)
    path = "/v1/hosts/h1/report"
    web, db = ({"tenant": "acme", "name": name, "state": "realized", "ifindex": 7} for name in ("web1", "db1"))
    for early in ({"ports_changed": [web]}, {"interfaces_gone": ["tap0"]}):
        assert controller.post(path, early).status == 409
    assert controller.post(path, {"ports_gone": [1], "ports": []}).status == 422
    controller.must("POST", path, {"interfaces": [UPLINK, TAP], "ports": [web]})
    tap1 = {**TAP, "name": "tap1"}
    controller.must("POST", path, {"interfaces_changed": [tap1, {**UPLINK, "mtu": 9000}], "interfaces_gone": ["tap0", "tap9"]})
    assert controller.get("/v1/hosts/h1/interfaces")["items"] == [{**UPLINK, "mtu": 9000}, tap1]
    controller.must("POST", path, {"ports_changed": [{**web, "ifindex": 8}], "ports_gone": ["acme/db1"]})
    controller.must("PUT", "/v1/tenants/acme/ports/web1", {"network": "web", "host": "h1", "device": "tap1"})
    status = controller.get("/v1/tenants/acme/ports/web1")["status"]
    assert status["ifindex"] == 8 and status["state"] == "host-offline"
    controller.must("POST", path, {"ports": [db]})
    assert "ifindex" not in controller.get("/v1/tenants/acme/ports/web1")["status"]


def test_interfaces(controller):
    make_acme(controller)
    empty = controller.get("/v1/hosts/h1/interfaces").json
    assert empty == {"host": "h1", "connected": False, "items": []}
    controller.must("POST", "/v1/hosts/h1/report", {"interfaces": [UPLINK, TAP]})
    assert controller.get("/v1/hosts/h1/interfaces")["items"] == [UPLINK, TAP]
    assert controller.get("/v1/hosts/h9/interfaces").status == 404


def test_attach_and_detach(controller):
    make_acme(controller)
    attach = lambda path=WEB1, **place: controller.post(f"{path}/attach", {"host": "h1", "device": "tap0", **place})
    offline = attach()
    assert offline.status == 409 and offline["type"] == "urn:weft:problem:host-offline"
    assert offline["object"] == "hosts/h1"
    agent = Agent(controller, "h1")
    assert agent.wait_revision(1)
    absent = attach()
    assert absent.status == 404 and absent["type"] == "urn:weft:problem:interface-not-found"
    assert "h1" in absent["detail"] and "tap0" in absent["detail"]
    agent.report(interfaces=[UPLINK, TAP, {**TAP, "name": "tap1", "ifindex": 8},
                             {**TAP, "name": "lo", "ifindex": 1, "kind": "", "mac": "00:00:00:00:00:00"}])
    before = controller.dump()
    assert attach(host="h9").status == 404
    assert attach(device="eth0").status == 409
    assert attach(device="lo").status == 422
    assert attach(path="/v1/tenants/acme/ports/none").status == 404
    assert attach(device=7).status == 422
    assert attach(more=1).status == 422
    assert controller.post(f"{WEB1}/attach", {"host": "h1"}).status == 422
    assert controller.dump() == before

    done = attach()
    assert done.status == 200 and done["changed"] == 1
    assert (done["objects"][0]["host"], done["objects"][0]["device"]) == ("h1", "tap0")
    same = attach()
    assert same.status == 200 and same["changed"] == 0 and same["revision"] == done["revision"]
    taken = attach(path="/v1/tenants/acme/ports/db1")
    assert taken.status == 409 and taken["object"] == "acme/ports/web1"
    elsewhere = attach(device="tap1")
    assert elsewhere.status == 409 and elsewhere["object"] == "acme/ports/web1" and "tap0" in elsewhere["detail"]

    addresses = controller.get(WEB1)["addresses"]
    detached = controller.post(f"{WEB1}/detach", {})
    assert detached.status == 200 and detached["changed"] == 1
    port = controller.get(WEB1).json
    assert "host" not in port and "device" not in port and port["addresses"] == addresses
    assert controller.post(f"{WEB1}/detach", {})["changed"] == 0
    assert controller.post(f"{WEB1}/detach", {"x": 1}).status == 422
    assert attach(path="/v1/tenants/acme/ports/db1").status == 200
    agent.close()


# ---- receipts ----


def test_receipt_waits_for_hosts(controller):
    make_acme(controller)
    controller.must("PATCH", WEB1, {"host": "h1", "device": "tap0"})
    agent = Agent(controller, "h1", acknowledge=False)
    assert agent.wait_revision(2)
    receipt = controller.get("/v1/revisions/2").json
    assert (receipt["revision"], receipt["complete"], receipt["required"], receipt["realized"]) == (2, False, 1, 0)
    assert receipt["pending"][0]["host"] == "h1" and receipt["pending"][0]["connected"] is True
    began = time.monotonic()
    threading.Timer(0.5, lambda: agent.report(realized=2)).start()
    answer = controller.get("/v1/revisions/2?wait=60s")
    assert answer["complete"] and answer["pending"] == []
    assert time.monotonic() - began > 0.4
    assert controller.get("/v1/revisions/2?wait=60s")["complete"]
    agent.close()


def test_receipt_is_partial_at_the_deadline(controller):
    make_acme(controller)
    began = time.monotonic()
    receipt = controller.get("/v1/revisions/1?wait=300ms").json
    assert time.monotonic() - began > 0.25
    assert not receipt["complete"] and receipt["required"] == 2
    assert [late["host"] for late in receipt["pending"]] == ["h1", "h2"]
    assert all(not late["connected"] for late in receipt["pending"])


def test_receipt_tells_failures(controller):
    make_acme(controller)
    controller.must("POST", "/v1/hosts/h1/report", {"realized": 0, "failure": "no room for port web1"})
    late = controller.get("/v1/revisions/1")["pending"][0]
    assert late["host"] == "h1" and late["failure"] == "no room for port web1"


def test_receipt_forgets_removed_hosts(controller):
    make_acme(controller)
    controller.must("POST", "/v1/hosts/h1/report", {"realized": 1})
    threading.Timer(0.3, lambda: controller.must("DELETE", "/v1/hosts/h2")).start()
    receipt = controller.get("/v1/revisions/1?wait=60s").json
    assert receipt["complete"] and receipt["required"] == 1


def test_receipt_does_not_wait_for_foreign_hosts(controller):
    answer = controller.put("/v1/hosts/foreign", {"vtep": "192.0.2.9", "managed": False})
    assert controller.get(f"/v1/revisions/{answer['revision']}?wait=60s")["complete"]


def test_receipt_of_the_future(controller):
    make_acme(controller)
    answer = controller.get("/v1/revisions/2?wait=60m", timeout=60)
    assert answer.status == 404 and answer["type"] == "urn:weft:problem:future-revision"
    assert controller.get("/v1/revisions/x").status == 400
    for wait in ("30", "x", "2h", "-1s", ""):
        assert controller.get(f"/v1/revisions/1?wait={wait}").status == 400, wait


def test_many_wait_at_once(controller):
    make_acme(controller)
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(controller.get("/v1/revisions/1?wait=60s").json))
               for _ in range(40)]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    for host in ("h1", "h2"):
        controller.must("POST", f"/v1/hosts/{host}/report", {"realized": 1})
    for thread in waiting:
        thread.join(20)
    assert len(answers) == 40 and all(answer["complete"] for answer in answers)


def test_one_line_is_one_object(controller):
    """Streams are newline-delimited JSON, whatever is in the objects."""
    controller.must("PUT", "/v1/tenants/acme", {"description": "two\nlines and \u00e4"})
    lines = watch(controller, "/v1/tenants", since=0)
    raw = lines.response.readline()
    assert raw.endswith(b"\n") and json.loads(raw)["object"]["description"] == "two\nlines and \u00e4"
    lines.close()
