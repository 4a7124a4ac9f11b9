# SPDX-License-Identifier: Apache-2.0
"""Moving a store from one engine to another, and etcd over TLS."""

import json
import subprocess

import pytest

from controlling import Controller
from lab.etcd import Etcd
from test_api_tls import TRUSTING, Authority


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    with Etcd(tmp_path_factory.mktemp("store")) as cluster:
        yield cluster


@pytest.fixture
def weft(weft_binary):
    def run(*words, code=0, **options):
        result = subprocess.run([weft_binary, *map(str, words)], capture_output=True, text=True, timeout=120, **options)
        assert result.returncode == code, result
        return result.stdout if code == 0 else result.stderr
    return run


def fill(controller):
    controller.must("PUT", "/v1/tenants/acme", {"description": "„Kette“ & Schuß"})
    controller.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.1.0.0/16", "fd00::/64"]})
    operations = [{"op": "put", "kind": "port", "tenant": "acme", "name": f"p{number}", "object": {"network": "web"}}
                  for number in range(300)]
    assert controller.transaction(*operations).status < 300
    controller.must("DELETE", "/v1/tenants/acme/ports/p7")


def test_from_sqlite_to_etcd_and_back(weft_binary, weft, tmp_path, etcd):
    """The same objects, with the same revisions, keys, MACs and addresses, and then on from there."""
    url, last = f"{etcd.url}?prefix={tmp_path.name}", None
    saved = [tmp_path / f"{number}.json" for number in range(3)]
    for number, store in enumerate(["sqlite:{}/weft.db", url, "sqlite:{}/weft.db"]):
        folder = tmp_path / f"c{number}"
        folder.mkdir()
        store = store.format(folder)
        if number:
            assert "imported" in weft("store", "import", store, saved[number - 1])
        controller = Controller(weft_binary, folder, store=store)
        if not number:
            fill(controller)
            if store.startswith("sqlite"):
                assert "in use by another process" in weft("store", "export", store, code=1)
        assert last in (None, controller.dump())
        last = controller.dump()
        assert controller.stop() == 0
        assert json.loads(weft("store", "export", store, saved[number], "--json"))["revision"] == last[0]
        assert weft("store", "export", store) == saved[number].read_text()
        assert saved[number].stat().st_mode & 0o777 == 0o600
    assert saved[0].read_text() == saved[1].read_text() == saved[2].read_text()
    # It goes on: the next revision, and numbers that nobody had.
    controller = Controller(weft_binary, tmp_path / "c1", store=url)
    answer = controller.must("PUT", "/v1/tenants/acme/ports/new", {"network": "web"})
    assert answer["revision"] == last[0] + 1
    ports = controller.must("GET", "/v1/ports")["items"]
    assert len({port["key"] for port in ports}) == len({port["mac"] for port in ports}) == 300
    assert controller.get("/v1/ports?at=1").status == 410  # history began with the import
    assert "is not empty" in weft("store", "import", url, saved[0], code=1)
    assert controller.stop() == 0


def test_controllers_stay_behind(weft, tmp_path):
    """Those that ran on the store are none of the other's: its controllers would follow them."""
    process = '{"key": "controllers/https://192.0.2.1:6640", "revision": 1, "value": "0.1.0"}\n'
    tenant = '{"key": "objects/tenants/acme", "revision": 2, "value": "{}"}\n'
    header, text, out = '{"weft": "store", "format": 1, "revision": 2}\n', tmp_path / "text", tmp_path / "out"
    text.write_text(f'{header}{process}{tenant}{{"end": true, "keys": 2}}\n')
    weft("store", "import", f"sqlite:{tmp_path}/weft.db", text)
    weft("store", "export", f"sqlite:{tmp_path}/weft.db", out)
    assert out.read_text() == f'{header}{tenant}{{"end": true, "keys": 1}}\n'


def test_a_text_that_is_cut_short(weft_binary, weft, tmp_path, controller, etcd):
    fill(controller)
    store, saved, part = controller.store, tmp_path / "saved.json", tmp_path / "part.json"
    assert controller.stop() == 0
    weft("store", "export", store, saved)
    lines = saved.read_text().splitlines(keepends=True)
    part.write_text("".join(lines[:100]))
    target = f"sqlite:{tmp_path}/target.db"
    assert "part.json:100: the text is cut short" in weft("store", "import", target, part, code=1)
    part.write_text("".join(lines)[:-3])
    assert f"part.json:{len(lines)}: the text is cut short" in weft("store", "import", target, part, code=1)
    part.write_text(saved.read_text().replace('"format": 1', '"format": 2', 1))
    problem = json.loads(weft("store", "import", target, part, "--json", code=1))
    assert problem["code"] == "EPROTO" and problem["line"] == 1 and problem["file"].endswith("part.json")
    # Nothing of all that was imported, and where there was no store there is none; one that was there stays.
    assert not list(tmp_path.glob("target.db*"))
    elsewhere = f"{etcd.url}?prefix=cut-short"
    assert "of format 2" in weft("store", "import", elsewhere, part, code=1)
    assert "there is no store cut-short" in weft("store", "export", elsewhere, code=1)
    empty = tmp_path / "empty.json"
    empty.write_text('{"weft": "store", "format": 1, "revision": 0}\n{"end": true, "keys": 0}\n')
    for url in (target, elsewhere):
        weft("store", "import", url, empty)
        weft("store", "import", url, part, code=1)
        assert weft("store", "export", url) == empty.read_text()
    # From standard input too:
    weft("store", "import", target, input=saved.read_text())
    assert weft("store", "export", target) == saved.read_text()


def test_what_is_not_there(weft, tmp_path, etcd):
    store, target = f"sqlite:{tmp_path}/none.db", f"{etcd.url}?prefix=none"
    assert "there is no store" in weft("store", "export", store, code=1)
    assert "there is no store none in etcd" in weft("store", "export", target, code=1)
    assert list(tmp_path.iterdir()) == []
    assert "cannot read" in weft("store", "import", store, tmp_path / "none.json", code=1)
    assert list(tmp_path.iterdir()) == []
    assert "is no store" in weft("store", "export", "oracle:x", code=1)
    assert "none of export, import, compact" in weft("store", "move", store, code=2)


def test_ten_thousand_objects_are_one_revision(weft_binary, tmp_path, etcd):
    """Whatever etcd's limits, which are its own here; another controller has all of it or nothing."""
    store, controllers = f"{etcd.url}?prefix={tmp_path.name}", []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        controllers.append(Controller(weft_binary, tmp_path / name, store=store))
    one, other = controllers
    one.must("PUT", "/v1/tenants/acme", {})
    before = one.must("PUT", "/v1/tenants/acme/networks/web", {"subnets": ["10.0.0.0/8", "fd00::/64"]})["revision"]
    watch = other.lines("/v1/tenants?watch=1")
    answer = one.transaction(
        {"op": "put", "kind": "tenant", "name": "acme", "object": {"description": "with ten thousand ports"}},
        *[{"op": "put", "kind": "port", "tenant": "acme", "name": f"p{number}",
           "object": {"network": "web", "labels": {"number": str(number)}}} for number in range(10_000)])
    assert answer.status == 201 and answer["revision"] == before + 1, answer
    assert watch.next()["revision"] == before + 1
    watch.close()
    ports = other.must("GET", "/v1/tenants/acme/ports?consistency=local")["items"]
    assert len(ports) == 10_000 and {port["revision"] for port in ports} == {before + 1}
    assert other.must("GET", f"/v1/ports?at={before}")["items"] == []
    # Deleted at once, too.
    answer = other.transaction(*[{"op": "delete", "kind": "port", "tenant": "acme", "name": port["name"]}
                                 for port in ports])
    assert answer["revision"] == before + 2 and one.must("GET", "/v1/ports")["items"] == []
    assert one.stop() == 0 and other.stop() == 0


def test_compact(weft_binary, weft, tmp_path, etcd):
    """All history goes, also under a controller that goes on; what lives stays."""
    store = f"{etcd.url}?prefix={tmp_path.name}"
    controller = Controller(weft_binary, tmp_path, store=store)
    fill(controller)
    before = controller.dump()
    assert controller.get("/v1/ports?at=1").status == 200
    answer = json.loads(weft("store", "compact", store, "--json"))
    assert answer["compacted"] == before[0]
    assert controller.dump() == before
    # Consistent reads take in the compaction too.
    assert controller.get("/v1/ports?at=1").status == 410
    assert controller.get(f"/v1/ports?at={before[0]}").status == 200
    assert controller.must("PUT", "/v1/tenants/acme/ports/new", {"network": "web"})["revision"] == before[0] + 1
    assert controller.stop() == 0
    assert "one word too many" in weft("store", "compact", store, "x", code=2)


def test_etcd_over_tls(weft_binary, weft, tmp_path):
    """Both sides show certificates; without the right ones there is no connection, and the error says why."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    address = ['ip_address = "127.0.0.1"', "tls_www_server", "tls_www_client"]
    certificate, key = authority.issue("etcd", 'cn = "etcd"', *address)
    own, own_key = authority.issue("weft", 'cn = "weft"', "tls_www_client")
    other, other_key = stranger.issue("weft", 'cn = "weft"', "tls_www_client")
    options = ["--cert-file", certificate, "--key-file", key, "--trusted-ca-file", authority.certificate,
               "--client-cert-auth"]
    with Etcd(tmp_path, scheme="https", options=options, ca=authority.certificate, cert=own, key=own_key) as cluster:
        url = f"{cluster.url}?ca={authority.certificate}"
        folder = tmp_path / "c1"
        folder.mkdir()
        controller = Controller(weft_binary, folder, store=f"{url}&cert={own}&key={own_key}")
        controller.must("PUT", "/v1/tenants/acme", {})
        assert controller.stop() == 0
        assert "acme" in weft("store", "export", f"{url}&cert={own}&key={own_key}")
        for wrong in (url, f"{url}&cert={other}&key={other_key}", f"{cluster.url}?ca={stranger.certificate}",
                      cluster.url):
            message = weft("store", "export", f"{wrong}{'&' if '?' in wrong else '?'}timeout=1", code=1)
            assert f"etcd at {cluster.members[0].client}" in message, message
        # Whom the machine trusts besides has not signed etcd's certificate.
        system = tmp_path / "system"
        system.mkdir()
        (system / "etcd.pem").write_bytes(authority.certificate.read_bytes())
        done = subprocess.run(
            [*TRUSTING, system, weft_binary, "store", "export",
             f"{cluster.url}?ca={stranger.certificate}&cert={own}&key={own_key}&timeout=1"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "certificate" in done.stderr, done
        assert "cert and key" in weft("store", "export", f"{url}&cert={own}", code=1)
