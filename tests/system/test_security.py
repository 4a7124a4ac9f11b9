# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles, tenants, tokens. Every route of the API, with every role."""

import json
import subprocess
import time

import pytest

from controlling import Agent, Bearer, Controller
from securing import World


@pytest.fixture(scope="module")
def world(weft_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("security")
    world = World(weft_binary, folder)
    yield world
    assert world.controller.stop() == 0, (folder / "log").read_text()


# ---- every route ----

PEOPLE = {"admin", "reader", "tenant-admin", "tenant-reader"}
READERS = {"admin", "reader"}
WRITERS = {"admin", "tenant-admin"}
AGENTS = {"admin", "host"}
SPEAKERS = {"admin", "host", "relay"}
CONTROLLERS = {"admin", "controller"}
ANYBODY = PEOPLE | {"host", "relay", "controller", "nobody"}
STREAMS = ("/stream", "/bulletin")
ADMIN = {"admin"}
IN_TENANT = ("networks", "ports", "routers", "address_sets", "policies")

# The decision for each route, written a second time: what is not here fails.
DECISIONS = {
    ("get", "/v1/status"): PEOPLE,
    ("get", "/v1/openapi.json"): PEOPLE,
    ("post", "/v1/transactions"): WRITERS,
    ("get", "/v1/audit"): PEOPLE,
    ("get", "/v1/revisions/{revision}"): PEOPLE,
    ("get", "/v1/hosts/{name}/stream"): AGENTS,
    ("post", "/v1/hosts/{name}/report"): AGENTS,
    ("post", "/v1/hosts/{name}/answers/{question}"): SPEAKERS,
    ("get", "/v1/relays/{relay}/stream"): {"admin", "relay"},
    ("post", "/v1/relays/{relay}/hosts"): {"admin", "relay"},
    ("post", "/v1/relays/{relay}/reports"): {"admin", "relay"},
    ("get", "/v1/hosts/{name}/interfaces"): PEOPLE,
    ("get", "/v1/peers/bulletin"): CONTROLLERS,
    ("post", "/v1/peers/hosts/{name}/question"): CONTROLLERS,
    ("post", "/v1/tokens/{name}/issue"): ADMIN,
    ("post", "/v1/enrolments/{name}/invite"): ADMIN,
    ("post", "/v1/enrolments/{name}/join"): ANYBODY,
    ("post", "/v1/hosts/{name}/certificate"): SPEAKERS,
    ("post", "/v1/tenants/{tenant}/ports/{name}/attach"): WRITERS,
    ("post", "/v1/tenants/{tenant}/ports/{name}/detach"): WRITERS,
    ("post", "/v1/tenants/{tenant}/trace"): PEOPLE,
    **{("get", f"/v1/{kind}"): PEOPLE for kind in ("tenants", "hosts", *IN_TENANT)},
    **{("get", f"/v1/{kind}/{{name}}"): PEOPLE for kind in ("tenants", "hosts")},
    **{(verb, "/v1/tenants/{name}"): WRITERS for verb in ("put", "patch")},
    **{(verb, "/v1/hosts/{name}"): SPEAKERS for verb in ("put", "patch")},
    **{("delete", f"/v1/{kind}/{{name}}"): ADMIN for kind in ("tenants", "hosts", "tokens", "enrolments")},
    **{("get", f"/v1/{kind}{rest}"): READERS for kind in ("tokens", "enrolments") for rest in ("", "/{name}")},
    **{(verb, f"/v1/{kind}/{{name}}"): ADMIN for kind in ("tokens", "enrolments") for verb in ("put", "patch")},
    **{("get", f"/v1/tenants/{{tenant}}/{kind}{rest}"): PEOPLE for kind in IN_TENANT for rest in ("", "/{name}")},
    **{(verb, f"/v1/tenants/{{tenant}}/{kind}/{{name}}"): WRITERS
       for kind in IN_TENANT for verb in ("put", "patch", "delete")},
}


def routes(world):
    paths = world.controller.must("GET", "/v1/openapi.json")["paths"]
    return {(method, path): set(operation["x-weft-roles"])
            for path, item in paths.items() for method, operation in item.items() if method != "parameters"}


def test_every_route_is_decided(world):
    assert routes(world) == DECISIONS


def ask(client, method, template):
    """Call a route with names that do not exist, save for tenant, host and what only reads; its status."""
    path = template.format(tenant="acme", revision=1, question=1, host="h1", relay="r1",
                           name="h1" if "/hosts/" in template else "acme" if template == "/v1/tenants/{name}"
                           else "none")
    if path.endswith(STREAMS):
        lines = client.lines(path)
        lines.close()
        return lines.response.status
    body = None if method in ("get", "delete") else {"vtep": "nonsense"}
    return client.request(method.upper(), path, body).status


@pytest.mark.parametrize("role", ["admin", "reader", "tenant-admin", "tenant-reader", "host", "relay", "controller",
                                  "nobody"])
def test_every_route_with_every_role(world, role):
    """Whoever may, gets to what the request means (here: nothing valid); whoever may not, is stopped before."""
    before = world.controller.dump()
    for (method, template), roles in DECISIONS.items():
        if method == "delete" and role == "admin":
            continue  # would delete
        if role == "relay" and template.startswith("/v1/hosts"):  # that are connected through it
            world.clients[role].must("PUT", "/v1/relays/r1/hosts", {"hosts": ["h1"]})
            through = world.clients[role].lines("/v1/relays/r1/stream")
            assert through.next()["type"] == "snapshot"
        status = ask(world.clients[role], method, template)
        if role in roles:
            assert status not in (401, 403), (method, template, status)
        else:
            assert status == 403, (method, template, status)
    assert world.controller.dump() == before


def test_every_route_without_any_role(world):
    for method, template in DECISIONS:
        if template.endswith(STREAMS):
            continue
        expected = 409 if DECISIONS[method, template] == ANYBODY else 401  # nobody joins here
        assert ask(world.anonymous, method, template) == expected, (method, template)


def test_host_is_only_itself(world):
    for method, template in DECISIONS:
        if not template.startswith("/v1/hosts/{name}"):
            continue
        path = template.format(name="h2", question=1)
        answer = world.clients["host"].request(method.upper(), path, None if method in ("get", "delete") else {})
        assert answer.status == 403, (method, template, answer)


# ---- what a tenant's people see ----

@pytest.fixture(params=["tenant-admin", "tenant-reader"])
def person(world, request):
    return world.clients[request.param]


def same_refusal(client, method, there, absent, body=None):
    """What is another tenant's is answered as what does not exist, but for the name."""
    answers = [client.request(method, path, body) for path in (there, absent)]
    assert answers[0].status == answers[1].status == 404, answers
    assert answers[0].text.replace("umbrella", "absent") == answers[1].text


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_tenant_does_not_exist(world, person, method):
    body = None if method in ("GET", "DELETE") else {}
    for rest in ("", "/ports/p1", "/networks/web"):
        same_refusal(person, method, f"/v1/tenants/umbrella{rest}", f"/v1/tenants/absent{rest}", body)


def test_nor_do_its_lists_and_actions(world, person):
    for rest in ("/ports", "/policies", "/ports?at=5", "/ports?watch=1", "/ports/p1?at=5"):
        same_refusal(person, "GET", f"/v1/tenants/umbrella{rest}", f"/v1/tenants/absent{rest}")
    for rest in ("/ports/p1/attach", "/ports/p1/detach", "/trace"):
        same_refusal(person, "POST", f"/v1/tenants/umbrella{rest}", f"/v1/tenants/absent{rest}", {})


def test_lists_over_all_tenants(world, person):
    at = world.controller.revision()
    for path in ("/v1/ports", "/v1/networks", "/v1/policies", f"/v1/ports?at={at}"):
        items = person.must("GET", path)["items"]
        assert items and {item["tenant"] for item in items} == {"acme"}, path
    assert [item["name"] for item in person.must("GET", "/v1/tenants")["items"]] == ["acme"]
    everything = world.clients["reader"].must("GET", "/v1/ports")["items"]
    assert {item["tenant"] for item in everything} == {"acme", "umbrella"}


def test_hosts_show_what_is_needed(world, person):
    at = world.controller.revision()
    hosts = person.must("GET", "/v1/hosts")["items"] + [person.must("GET", "/v1/hosts/h1")]
    for host in hosts:
        assert host == {"kind": "host", "name": "h1", "status": {"connected": False}}
    for host in person.must("GET", f"/v1/hosts?at={at}")["items"] + [person.must("GET", f"/v1/hosts/h1?at={at}")]:
        assert host == {"kind": "host", "name": "h1"}


def test_status_counts_what_is_seen(world, person):
    objects = person.must("GET", "/v1/status")["objects"]
    assert objects == {"tenants": 1, "hosts": 1, "networks": 1, "ports": 1, "routers": 0, "address_sets": 0,
                       "policies": 1}


def test_interfaces(world, person):
    agent = Agent(world.clients["host"], "h1")
    assert agent.wait_revision(1)
    names = ["acme-p1", "umbrella-p1", "acme-new", "eth1"]
    agent.report(interfaces=[{"name": name, "ifindex": n} for n, name in enumerate(names, 1)])
    seen = [item["name"] for item in person.must("GET", "/v1/hosts/h1/interfaces")["items"]]
    assert seen == ["acme-p1"]
    world.controller.must("PATCH", "/v1/tenants/acme", {"devices": "acme-*"})
    seen = [item["name"] for item in person.must("GET", "/v1/hosts/h1/interfaces")["items"]]
    assert seen == ["acme-new", "acme-p1"]
    world.controller.must("PATCH", "/v1/tenants/acme", {"devices": None})
    agent.close()


def test_watches_show_no_others(world, person):
    since = world.controller.revision()
    replayed = person.lines(f"/v1/ports?watch=1&since={since}")
    hosts = person.lines(f"/v1/hosts?watch=1&since={since}")
    for tenant in ("umbrella", "acme"):
        world.controller.must("PATCH", f"/v1/tenants/{tenant}/ports/p1", {"labels": {"of": tenant, "turn": str(since)}})
        world.controller.must("PUT", f"/v1/tenants/{tenant}/ports/p2", {"network": "web"})
        world.controller.must("DELETE", f"/v1/tenants/{tenant}/ports/p2")
    world.controller.must("PATCH", "/v1/hosts/h1", {"labels": {"rack": str(since)}})
    past = person.lines(f"/v1/ports?watch=1&since={since}")
    for lines in (replayed, past):
        seen = lines.take(3)
        assert [line["type"] for line in seen] == ["put", "put", "delete"]
        assert {line["object"]["tenant"] for line in seen} == {"acme"}
        lines.close()
    assert hosts.next()["object"] == {"kind": "host", "name": "h1"}
    hosts.close()


def test_receipts_speak_of_their_hosts_only(world, person):
    must = world.controller.must
    must("PUT", "/v1/hosts/h7", {"vtep": "192.0.2.7"})
    must("PUT", "/v1/tenants/umbrella/ports/far", {"network": "web", "host": "h7", "device": "umbrella-far"})
    revision = world.controller.revision()
    whole = must("GET", f"/v1/revisions/{revision}")
    assert {late["host"] for late in whole["pending"]} == {"h1", "h7"}
    theirs = person.must("GET", f"/v1/revisions/{revision}")
    assert {late["host"] for late in theirs["pending"]} == {"h1"}
    assert theirs["required"] == 1 and theirs["realized"] == 0
    waited = person.must("GET", f"/v1/revisions/{revision}?wait=50ms")
    assert {late["host"] for late in waited["pending"]} == {"h1"}
    must("DELETE", "/v1/tenants/umbrella/ports/far")
    must("DELETE", "/v1/hosts/h7")


# ---- what a tenant's administrator writes ----

@pytest.fixture
def acme(world):
    return world.clients["tenant-admin"]


def refused(world, client, method, path, body, status, **members):
    before = world.controller.dump()
    answer = client.request(method, path, body)
    assert answer.status == status, answer
    assert {name: answer.json.get(name) for name in members} == members, answer
    assert "umbrella" not in answer.json["detail"].replace("tenant umbrella", "")
    assert world.controller.dump() == before
    return answer


def test_writes_in_its_tenant(world, acme):
    assert acme.put("/v1/tenants/acme/ports/mine", {"network": "web"}).status == 201
    assert acme.request("PATCH", "/v1/tenants/acme", {"description": "ours"}).status == 200
    assert acme.request("PATCH", "/v1/tenants/acme/ports/mine", {"labels": {"a": "b"}}).status == 200
    answer = acme.transaction({"op": "delete", "kind": "port", "tenant": "acme", "name": "mine"})
    assert answer.status == 200 and answer["objects"] == []


def test_transactions_stay_in_its_tenant(world, acme):
    mine = {"op": "put", "kind": "port", "tenant": "acme", "name": "mine", "object": {"network": "web"}}
    for kind, tenant, name in (("port", "umbrella", "p1"), ("port", "absent", "p1"), ("tenant", None, "umbrella")):
        for op in ("put", "patch", "create", "delete"):
            other = {"op": op, "kind": kind, "name": name, **({"tenant": tenant} if tenant else {}),
                     **({} if op == "delete" else {"object": {}})}
            refused(world, acme, "POST", "/v1/transactions", {"operations": [mine, other]}, 404)
    compare = [{"kind": "port", "tenant": "umbrella", "name": "p1", "revision": 0}]
    refused(world, acme, "POST", "/v1/transactions", {"operations": [mine], "compare": compare}, 404)
    for other in ({"op": "put", "kind": "host", "name": "h9", "object": {"vtep": "192.0.2.9"}},
                  {"op": "delete", "kind": "tenant", "name": "acme"},
                  {"op": "put", "kind": "token", "name": "t", "object": {"role": "admin"}}):
        refused(world, acme, "POST", "/v1/transactions", {"operations": [mine, other]}, 403)


def test_fields_of_administrators(world, acme):
    for body in ({"quotas": {"ports": 5}}, {"devices": "*"}):
        field = next(iter(body))
        for method in ("PUT", "PATCH"):
            refused(world, acme, method, "/v1/tenants/acme", body, 403, field=field, object="tenants/acme")
    servers = {"subnets": ["10.9.9.0/24"], "dns_servers": ["192.0.2.53"]}  # asked from the hosts' own network
    refused(world, acme, "PUT", "/v1/tenants/acme/networks/asking", servers, 403, field="dns_servers",
            object="acme/networks/asking")
    for more in ({"connections": 1000000}, {"unanswered": 1000000}):  # the host's memory and time, which others share
        refused(world, acme, "PUT", "/v1/tenants/acme/ports/greedy", {"network": "web", **more}, 403,
                field=next(iter(more)), object="acme/ports/greedy")
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": {"ports": 50}})
    refused(world, acme, "PATCH", "/v1/tenants/acme", {"quotas": None}, 403, field="quotas")
    assert acme.put("/v1/tenants/acme", {"description": "whole"}).status == 200
    assert world.controller.must("GET", "/v1/tenants/acme")["quotas"] == {"ports": 50}
    world.controller.must("PATCH", "/v1/tenants/acme", {"quotas": None})


def test_places_are_given_by_administrators(world, acme):
    """A port that is put on an interface takes all of its traffic."""
    must = world.controller.must
    must("PUT", "/v1/tenants/acme/ports/mine", {"network": "web"})
    place = {"host": "h1", "device": "acme-mine"}
    port = {"network": "web", **place}
    for method, path, body in (("PUT", "/v1/tenants/acme/ports/mine", port),
                               ("PATCH", "/v1/tenants/acme/ports/mine", place),
                               ("POST", "/v1/tenants/acme/ports/mine/attach", place)):
        refused(world, acme, method, path, body, 403, field="device", object="acme/ports/mine")
        must("PATCH", "/v1/tenants/acme", {"devices": "acme-*"})
        refused(world, acme, method, path, {**body, "device": "eth1"}, 403, field="device")
        answer = acme.request(method, path, {**body, "device": "umbrella-p1"})
        assert answer.status == 403
        must("PATCH", "/v1/tenants/acme", {"devices": None})
    must("PATCH", "/v1/tenants/acme", {"devices": "*"})
    for method, path, body in (("PATCH", "/v1/tenants/acme/ports/mine", place),
                               ("POST", "/v1/tenants/acme/ports/mine/attach", place)):
        answer = acme.request(method, path, {**body, "device": "umbrella-p1"})
        assert answer.status == 409 and "another tenant" in answer["detail"], answer
        assert "umbrella" not in answer["detail"].replace("umbrella-p1", "") and "umbrella/" not in answer.text
    assert acme.request("PATCH", "/v1/tenants/acme/ports/mine", place).status == 200
    assert acme.post("/v1/tenants/acme/ports/mine/detach", {}).status == 200
    must("PATCH", "/v1/tenants/acme", {"devices": None})
    must("DELETE", "/v1/tenants/acme/ports/mine")


def test_a_refusal_says_what_is_not_allowed(world):
    answer = world.clients["tenant-reader"].post("/v1/transactions", {"operations": []})
    assert answer.status == 403 and answer["detail"] == "the role tenant-reader may not POST /v1/transactions", answer


def test_reader_writes_nothing(world):
    for role in ("reader", "tenant-reader"):
        refused(world, world.clients[role], "PUT", "/v1/tenants/acme/ports/x", {"network": "web"}, 403)
        refused(world, world.clients[role], "POST", "/v1/transactions", {"operations": []}, 403)


def test_trace_to_another_tenant(world, acme):
    answers = [acme.post("/v1/tenants/acme/trace", {"from": "p1", "to": f"{tenant}/p1"})
               for tenant in ("umbrella", "absent")]
    assert answers[0].status == 404 and answers[0].text.replace("umbrella", "absent") == answers[1].text
    admin = world.controller.post("/v1/tenants/acme/trace", {"from": "p1", "to": "umbrella/p1"})
    assert admin.status == 200


TRACE = {"verdict": "sent", "reason": None, "stages": [
    {"stage": "switch", "ok": True, "detail": "port p1 of umbrella", "object": "umbrella/ports/p1", "revision": 3,
     "frame": "00ff", "drift": [{"table": "station", "problem": "missing", "object": "umbrella/ports/p1"}]},
    {"stage": "egress", "ok": True, "detail": "rule 1 allows", "object": "acme/policies/front", "revision": 4,
     "rule": {"name": None, "index": 0}},
    {"stage": "underlay", "ok": True, "detail": "to 192.0.2.1", "frame": "00ff"}],
    "outputs": [{"underlay": False, "host": "h1", "device": "umbrella-p1", "port": "umbrella/ports/p1", "back": False,
                 "frame": "00ff"},
                {"underlay": False, "host": "h1", "device": "acme-p1", "port": "acme/ports/p1", "back": False}]}


def test_trace_shows_what_is_theirs(world, acme):
    """The answer of the agent speaks of another tenant: its sender learns that a packet got out, not to whom."""
    import threading
    agent = Agent(world.clients["host"], "h1")
    assert agent.wait_revision(1)
    results = {}

    def run(name, client):
        results[name] = client.must("POST", "/v1/tenants/acme/trace", {"from": "p1", "to": "10.0.0.77"})

    for name, client in (("acme", acme), ("admin", world.controller)):
        thread = threading.Thread(target=run, args=(name, client))
        thread.start()
        deadline = time.monotonic() + 60
        question = 0
        # The pretended agent reads questions as lines that end in no commit: numbers are counted on.
        while thread.is_alive() and time.monotonic() < deadline:
            question += 1
            world.clients["host"].post(f"/v1/hosts/h1/answers/{question % 20 + 1}", {**TRACE, "host": "h1"})
        thread.join()
    agent.close()
    text = json.dumps(results["acme"])
    assert "umbrella" not in text and "192.0.2" not in text and "frame" not in text and "drift" not in text
    assert [stage["stage"] for stage in results["acme"]["hosts"][0]["stages"]] == ["switch", "egress", "underlay"]
    assert results["acme"]["hosts"][0]["stages"][1]["object"] == "acme/policies/front"
    assert results["acme"]["reached"] == [{"port": "acme/ports/p1", "host": "h1"}]
    assert "umbrella/ports/p1" in json.dumps(results["admin"])


# ---- tokens ----

def test_wrong_tokens(world):
    good = world.clients["tenant-admin"].token
    name, secret = good.rsplit(".", 1)
    for token in ("", "x", "weft.", "weft..", f"weft.{secret}", f"{name}.", f"{name}.{secret[:-1]}", f"{name}.{secret}A",
                  f"{name}.{'A' * 43}", f"weft.acme-reader.{secret}", f"weft.absent.{secret}", f"WEFT.acme-admin.{secret}",
                  f"{good} {good}", "a" * 2000, f"weft.{'a' * 200}.{secret}"):
        answer = Bearer(world.anonymous, token).get("/v1/status")
        assert answer.status == 401 and answer["type"] == "urn:weft:problem:unauthenticated", (token, answer)
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert secret[:-1] not in answer.text
    for scheme in ("Basic", "bearer2", ""):
        answer = world.anonymous.get("/v1/status", headers={"Authorization": f"{scheme} {good}"})
        assert answer.status == 401
    assert world.anonymous.get("/v1/status", headers={"Authorization": f"bearer  {good}"}).status == 200


def test_token_counts_more_than_the_socket(world):
    """On the Unix socket too: who shows a token is who it says, and a wrong one is wrong."""
    assert Bearer(world.controller, world.clients["tenant-reader"].token).put("/v1/tenants/x", {}).status == 404
    assert Bearer(world.controller, "weft.x.y").get("/v1/status").status == 401


def test_secrets_are_shown_once(world):
    issued = world.controller.must("POST", "/v1/tokens/once/issue", {"role": "reader"})
    secret = issued["token"].rsplit(".", 1)[1]
    answers = [world.controller.get(path).text for path in
               ("/v1/tokens", "/v1/tokens/once", f"/v1/tokens?at={issued['revision']}",
                f"/v1/tokens/once?at={issued['revision']}")]
    answers.append(json.dumps({k: v for k, v in issued.items() if k != "token"}))
    patched = world.controller.must("PATCH", "/v1/tokens/once", {"description": "mine"})
    answers.append(json.dumps(patched))
    for text in answers:
        assert secret not in text and "digest" not in text
    assert Bearer(world.anonymous, issued["token"]).get("/v1/status").status == 200
    assert secret not in (world.folder / "log").read_text()
    for file in world.folder.glob("weft.db*"):
        assert secret.encode() not in file.read_bytes()
    assert world.controller.put("/v1/tokens/once", {"role": "reader", "digest": "00"}).status == 422
    world.controller.must("DELETE", "/v1/tokens/once")


def test_renewal_ends_the_secret_before(world):
    first = world.token("renewed", role="reader")
    again = world.controller.post("/v1/tokens/renewed/issue", {})
    assert again.status == 200
    second = Bearer(world.anonymous, again["token"])
    assert first.get("/v1/status").status == 401 and second.get("/v1/status").status == 200
    assert world.controller.post("/v1/tokens/renewed/issue", {"role": "admin"}).status == 409
    world.controller.must("DELETE", "/v1/tokens/renewed")


def test_a_token_without_secret_opens_nothing(world):
    world.controller.must("PUT", "/v1/tokens/bare", {"role": "admin"})
    for secret in ("", "A" * 43):
        assert Bearer(world.anonymous, f"weft.bare.{secret}").get("/v1/status").status == 401
    world.controller.must("DELETE", "/v1/tokens/bare")


@pytest.mark.parametrize("fields, field", [
    ({}, "role"), ({"role": "root"}, "role"), ({"role": "tenant-admin"}, "tenants"),
    ({"role": "tenant-admin", "tenants": []}, "tenants"), ({"role": "admin", "tenants": ["acme"]}, "tenants"),
    ({"role": "reader", "tenants": ["absent"]}, "tenants[0]"), ({"role": "reader", "expires": "tomorrow"}, "expires"),
    ({"role": "reader", "expires": "2026-02-31T00:00:00Z"}, "expires"), ({"role": "reader", "rate": 0}, "rate"),
])
def test_bad_tokens(world, fields, field):
    before = world.controller.dump()
    answer = world.controller.post("/v1/tokens/bad/issue", fields)
    assert answer.status == 422 and answer["field"] == field and "token" not in answer.json, answer
    assert world.controller.dump() == before


def test_revoking_ends_what_goes_on(world):
    for end in ("delete", "renew", "demote"):
        client = world.token("short", role="tenant-admin", tenants=["acme"])
        watch = client.lines("/v1/ports?watch=1")
        other = world.clients["tenant-reader"].lines("/v1/ports?watch=1")
        assert watch.response.status == 200
        if end == "delete":
            world.controller.must("DELETE", "/v1/tokens/short")
        elif end == "renew":
            world.controller.must("POST", "/v1/tokens/short/issue", {})
        else:
            world.controller.must("PATCH", "/v1/tokens/short", {"role": "reader"})
        assert ended(watch)
        world.controller.must("PATCH", "/v1/tenants/acme/ports/p1", {"labels": {"end": end}})
        assert other.next()["object"]["labels"]["end"] == end
        other.close()
        if end != "delete":
            world.controller.must("DELETE", "/v1/tokens/short")


def ended(lines):
    import http.client
    try:
        return lines.next() is None
    except (OSError, ValueError, http.client.HTTPException):
        return True


def test_expiry(world):
    def at(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    old = world.token("old", role="reader", expires=at(-5))
    assert old.get("/v1/status").status == 401
    soon = world.token("soon", role="reader", expires=at(4))
    watch = soon.lines("/v1/ports?watch=1")
    assert watch.response.status == 200
    assert ended(watch)
    answer = soon.get("/v1/status")
    assert answer.status == 401 and "expired" in answer["detail"]
    for name in ("old", "soon"):
        world.controller.must("DELETE", f"/v1/tokens/{name}")


def test_a_tenant_with_tokens_stays(world):
    """Else who had a token for one would have it for another that is given the same name."""
    world.controller.must("PUT", "/v1/tenants/brief", {})
    world.token("of-brief", role="reader", tenants=["brief"])
    answer = world.controller.request("DELETE", "/v1/tenants/brief")
    assert answer.status == 409 and "token of-brief" in answer["detail"]
    world.controller.must("DELETE", "/v1/tokens/of-brief")
    world.controller.must("DELETE", "/v1/tenants/brief")


def test_tokens_outlive_the_controller(weft_binary, tmp_path):
    controller = Controller(weft_binary, tmp_path)
    token = controller.must("POST", "/v1/tokens/kept/issue", {"role": "reader"})["token"]
    assert controller.stop() == 0
    controller.start()
    assert Bearer(controller, token).get("/v1/status").status == 200
    assert Bearer(controller, token).put("/v1/tenants/x", {}).status == 403
    assert controller.stop() == 0


def test_on_the_command_line(world, weft_binary, tmp_path):
    def weft(*words, **options):
        return subprocess.run([str(weft_binary), *words], capture_output=True, text=True, timeout=60, **options)

    socket = ["--controller", f"unix:{world.controller.socket}"]
    made = weft("token", "create", "ci", "--role", "tenant-admin", "--tenant", "acme", "--expires", "30d", *socket)
    assert made.returncode == 0 and made.stdout.startswith("weft.ci.") and len(made.stdout.splitlines()) == 1
    assert made.stdout.strip() not in made.stderr
    brief = weft("token", "create", "brief", "--role", "reader", "--expires", "0s", *socket)
    assert brief.returncode == 2 and "--expires: it must last longer than 0s" in brief.stderr  # and not for good
    file = tmp_path / "token"
    file.write_text(made.stdout)
    remote = ["--controller", f"https://{world.address}", "--ca", str(world.authority.certificate), "--token-file",
              str(file)]
    assert weft("get", "ports", "-o", "name", *remote).stdout.split() == ["acme/p1"]
    hosts = weft("get", "hosts", *remote)
    assert hosts.returncode == 0 and "h1" in hosts.stdout and "192.0.2.1" not in hosts.stdout
    assert "h1" in weft("describe", "host", "h1", *remote).stdout
    forbidden = weft("get", "tokens", *remote)
    assert forbidden.returncode == 1 and "tenant-admin may not" in forbidden.stderr
    assert "ci" in weft("get", "tokens", *socket).stdout
    renewed = weft("token", "renew", "ci", *socket)
    assert weft("get", "ports", *remote).returncode == 1
    assert weft("get", "ports", *remote[:-2], env={"WEFT_TOKEN_FILE": str(file)}).returncode == 1
    file.write_text(renewed.stdout)
    assert weft("get", "ports", *remote).returncode == 0
    assert weft("token", "revoke", "ci", *socket).returncode == 0
    late = weft("get", "ports", *remote)
    assert late.returncode == 1 and "not valid" in late.stderr and renewed.stdout.strip() not in late.stderr
    for bad in ("", "two words\n"):
        file.write_text(bad)
        assert "holds no token" in weft("get", "ports", *remote).stderr
    assert weft("token", "create", "x", *socket).returncode == 2
    assert weft("token", "burn", "x", *socket).returncode == 2


@pytest.mark.parametrize("role", ["reader", "tenant-admin", "tenant-reader"])
def test_all_is_what_one_may_see(world, weft_binary, role):
    """`get all` and `describe` leave out what is not for this client, and do not fail for it."""
    (world.folder / "token").write_text(world.clients[role].token)

    def weft(*words):
        done = subprocess.run([weft_binary, *words, "--controller", f"https://{world.address}", "--ca",
                               world.authority.certificate, "--token-file", world.folder / "token"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout
    for words in (["get", "all"], ["get", "all", "-t", "acme"], ["get", "all", "-o", "name"], ["get"],
                  ["describe", "tenant", "acme"], ["describe", "port", "acme/p1"], ["describe", "host", "h1"]):
        shown = weft(*words)
        assert ("umbrella" in shown) <= (role == "reader"), shown
        assert ("secret-rack" in shown) <= (role == "reader"), shown
