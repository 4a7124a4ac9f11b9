# SPDX-License-Identifier: Apache-2.0
"""Who may do what over TLS by a certificate. Tokens: test_security.py."""

import http.client
import resource
import socket
import ssl
import subprocess
import time

import pytest

from controlling import Agent, Controller, Tls

ADDRESS = "127.0.0.1"


class Authority:
    """A certificate authority made with certtool."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name = folder, name
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        self._key(self.key)
        self._certtool(f"cn = {name}\nca\ncert_signing_key\nexpiration_days = 2\n", "--generate-self-signed",
                       "--load-privkey", self.key, "--outfile", self.certificate)

    def _key(self, path):
        subprocess.run(["certtool", "--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile",
                        str(path)], check=True, capture_output=True)

    def _certtool(self, template, *options):
        path = self.folder / "template"
        path.write_text(template)
        subprocess.run(["certtool", "--template", str(path), *map(str, options)], check=True, capture_output=True)

    def issue(self, stem, *lines):
        """(certificate, key) of what these lines of a template say."""
        key, certificate = self.folder / f"{self.name}-{stem}.key", self.folder / f"{self.name}-{stem}.pem"
        self._key(key)
        usual = [] if any("expiration" in line for line in lines) else ["expiration_days = 2"]
        self._certtool("\n".join([*lines, *usual]) + "\n", "--generate-certificate", "--load-privkey", key,
                       "--load-ca-certificate", self.certificate, "--load-ca-privkey", self.key,
                       "--outfile", certificate)
        return certificate, key


# Runs the words behind it on a machine that trusts the authorities in the folder $1.
TRUSTING = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$1" /etc/ssl/certs; shift; exec "$@"', "-"]


def free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


class World:
    pass


@pytest.fixture(scope="module")
def world(weft_binary, tmp_path_factory):
    world = World()
    folder = tmp_path_factory.mktemp("tls")
    world.authority, world.stranger = Authority(folder), Authority(folder, "stranger")
    certificate, key = world.authority.issue("server", "cn = weft-controller", f"ip_address = {ADDRESS}",
                                             "tls_www_server", "signing_key")
    world.address = f"{ADDRESS}:{free_port()}"
    world.controller = Controller(weft_binary, folder, "--listen", world.address, "--cert", certificate, "--key", key,
                                  "--ca", world.authority.certificate)
    client = ["tls_www_client", "signing_key"]

    def connect(stem, *lines, authority=world.authority):
        return Tls(world.address, world.authority.certificate, *authority.issue(stem, *lines, *client))

    world.connect = connect
    world.admin = connect("admin", "cn = weft-admin")
    world.h1 = connect("h1", "cn = weft-host:h1")
    world.h2 = connect("h2", "cn = weft-host:h2")
    world.controller.must("PUT", "/v1/tenants/acme", {})
    world.controller.must("PUT", "/v1/hosts/h1", {"vtep": "192.0.2.1", "labels": {"rack": "r1"}})
    yield world
    assert world.controller.stop() == 0, (folder / "log").read_text()


def refused_connection(client):
    """No request gets through: the handshake, or the first read after it, fails."""
    with pytest.raises((ssl.SSLError, ConnectionResetError, BrokenPipeError, OSError)) as raised:
        client.get("/v1/status", timeout=60)
    assert not isinstance(raised.value, TimeoutError)


def test_administrator(world):
    assert world.admin.get("/v1/status").status == 200
    assert world.admin.put("/v1/tenants/umbrella", {}).status in (200, 201)
    assert world.admin.request("DELETE", "/v1/tenants/umbrella").status == 200


def test_no_certificate(world):
    """Who shows none gets in, for a token's sake, and is asked for one."""
    nobody = Tls(world.address, world.authority.certificate)
    for method, path in (("GET", "/v1/status"), ("PUT", "/v1/tenants/x"), ("GET", "/v1/nothing")):
        answer = nobody.request(method, path, None if method == "GET" else {})
        assert answer.status == 401 and answer["type"] == "urn:weft:problem:unauthenticated", answer
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="weft"'


def test_certificate_of_a_stranger(world):
    refused_connection(world.connect("admin", "cn = weft-admin", authority=world.stranger))


def test_certificate_that_expired(world):
    refused_connection(world.connect("old", "cn = weft-admin", 'activation_date = "2020-01-01 00:00:00"',
                                     'expiration_date = "2021-01-01 00:00:00"'))


def test_certificate_of_a_server(world):
    """One that is made for servers only does not make an administrator of who has it."""
    certificate, key = world.authority.issue("impostor", "cn = weft-admin", "tls_www_server", "signing_key")
    refused_connection(Tls(world.address, world.authority.certificate, certificate, key))


def test_the_authority_that_is_given_is_the_only_one(world, weft_binary, tmp_path):
    """Whom the machine trusts besides does not make a controller, neither for people nor for daemons."""
    system = tmp_path / "system"
    system.mkdir()
    (system / "authority.pem").write_bytes(world.authority.certificate.read_bytes())
    certificate, key = world.authority.issue("relay", "cn = weft-relay:r1", "tls_www_client", "signing_key")
    reach = ["--controller", f"https://{world.address}", "--cert", str(certificate), "--key", str(key), "--ca"]
    weft, relay = [*TRUSTING, str(system), str(weft_binary)], ["relay", "--name", "r1", "--socket", str(tmp_path / "s")]
    done = subprocess.run([*weft, "get", "tenants", *reach, world.stranger.certificate], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "is --ca the authority" in done.stderr, done
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([*weft, *relay, *reach, world.stranger.certificate], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while "certificate" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    assert process.wait(60) == 0
    log = (tmp_path / "log").read_text()
    assert "certificate" in log and "connected to" not in log


def test_plain_http_does_not_exist(world):
    host, port = world.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: weft\r\n\r\n")
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
        assert not answer.startswith(b"HTTP")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions(world, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    host, port = world.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(connection)


@pytest.mark.parametrize("lines", [("cn = somebody",), ("cn = weft-admin2",), ("cn = weft-host:",), ("cn = WEFT-ADMIN",),
                                   ("organization = weft-admin",), ('dn = "CN=weft-admin,CN=weft-host:h1"',),
                                   ("cn = somebody", "dns_name = weft-admin")])
def test_nobody(world, lines):
    """A certificate of the authority with another name gets in, and may do nothing."""
    client = world.connect("nobody", *lines)
    before = world.controller.dump()
    for method, path in (("GET", "/v1/status"), ("GET", "/v1/hosts/h1/stream"), ("POST", "/v1/hosts/h1/report"),
                         ("PUT", "/v1/hosts/h1"), ("PUT", "/v1/tenants/x"), ("GET", "/v1/nothing"),
                         ("GET", "/v1/ports?watch=1")):
        answer = client.request(method, path, None if method == "GET" else {})
        assert answer.status == 403 and answer["type"] == "urn:weft:problem:forbidden", (method, path, answer)
    assert world.controller.dump() == before


def test_host_reads_its_stream_and_reports(world):
    agent = Agent(world.h1, "h1")
    assert agent.status == 200 and agent.wait_revision(1)
    agent.report(interfaces=[], realized=agent.batches[-1][-1]["revision"])
    world.controller.must("PATCH", "/v1/hosts/h1", {"labels": {"rack": "r2"}})
    assert agent.wait(lambda agent: agent.objects["host", None, "h1"]["labels"] == {"rack": "r2"})
    world.controller.must("PATCH", "/v1/hosts/h1", {"labels": {"rack": "r1"}})
    agent.close()
    deadline = time.monotonic() + 60
    while world.controller.get("/v1/hosts/h1")["status"]["connected"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert world.controller.get("/v1/hosts/h1")["status"]["connected"] is False


def test_large_snapshot_over_tls(world):
    """A stream is whole, however its parts are cut."""
    operations = [{"op": "put", "kind": "tenant", "name": "big", "object": {}},
                  {"op": "put", "kind": "network", "tenant": "big", "name": "n", "object": {"subnets": ["10.0.0.0/8"]}}]
    operations += [{"op": "put", "kind": "port", "tenant": "big", "name": f"p{n}",
                    "object": {"network": "n", "host": "h1", "device": f"t{n}", "labels": {"l": "x" * 50}}}
                   for n in range(3000)]
    assert world.admin.transaction(*operations).status == 201
    agent = Agent(world.h1, "h1")
    assert agent.wait_revision(world.controller.revision(), 30)
    assert len(agent.objects) == 3002
    agent.close()
    deletes = [{"op": "delete", **{k: v for k, v in operation.items() if k in ("kind", "tenant", "name")}}
               for operation in operations]
    assert world.admin.transaction(*deletes).status == 200


def test_host_may_do_nothing_else(world):
    before = world.controller.dump()
    for method, path in (("GET", "/v1/status"), ("GET", "/v1/hosts/h1"), ("GET", "/v1/hosts"), ("GET", "/v1/ports"),
                         ("DELETE", "/v1/hosts/h1"), ("GET", "/v1/hosts/h2/stream"), ("POST", "/v1/hosts/h2/report"),
                         ("POST", "/v1/hosts/h2/answers/1"), ("POST", "/v1/tenants/acme/trace"),
                         ("PUT", "/v1/hosts/h2"), ("PATCH", "/v1/hosts/h2"), ("GET", "/v1/hosts/h1/interfaces"),
                         ("PUT", "/v1/tenants/acme"), ("POST", "/v1/transactions"), ("GET", "/v1/revisions/1"),
                         ("GET", "/v1/openapi.json"), ("GET", "/v1/nothing"), ("GET", "/v1/hosts/h1%2Fstream")):
        body = None if method in ("GET", "DELETE") else {}
        answer = world.h1.request(method, path, body)
        assert answer.status == 403, (method, path, answer)
    assert world.controller.dump() == before


def test_host_registers_itself(world):
    created = world.h2.put("/v1/hosts/h2", {"vtep": "192.0.2.22"})
    assert created.status == 201
    moved = world.h2.put("/v1/hosts/h2", {"vtep": "192.0.2.23", "encap": "vxlan"})
    assert moved.status == 200 and moved["objects"][0]["vtep"] == "192.0.2.23"
    world.controller.must("DELETE", "/v1/hosts/h2")


def test_host_leaves_what_people_wrote(world):
    answer = world.h1.put("/v1/hosts/h1", {"vtep": "192.0.2.1", "encap": "geneve"})
    assert answer.status == 200 and answer["changed"] == 0
    assert world.controller.get("/v1/hosts/h1")["labels"] == {"rack": "r1"}
    before = world.controller.dump()
    for body in ({"vtep": "192.0.2.1", "labels": {}}, {"managed": False}, {"key": 9}):
        for method in ("PUT", "PATCH"):
            answer = world.h1.request(method, "/v1/hosts/h1", body)
            assert answer.status == 403, answer
    assert world.controller.dump() == before


def test_connections_of_one_address_are_bounded(world):
    """One client cannot take all there are: another of the same authority, from elsewhere, still gets in."""
    host, port = world.address.rsplit(":", 1)
    held = []
    for _ in range(300):
        connection = socket.create_connection((host, int(port)), timeout=60)
        held.append(connection)
    elsewhere = world.controller.get("/v1/status")
    assert elsewhere.status == 200
    context = ssl.create_default_context(cafile=str(world.authority.certificate))
    context.load_cert_chain(*map(str, world.authority.issue("again", "cn = weft-admin", "tls_www_client",
                                                            "signing_key")))
    with socket.create_connection((host, int(port)), timeout=60, source_address=("127.0.0.2", 0)) as connection:
        with context.wrap_socket(connection, server_hostname=host) as secure:
            secure.sendall(b"GET /v1/status HTTP/1.1\r\nHost: weft\r\n\r\n")
            assert secure.recv(64).startswith(b"HTTP/1.1 200")
    assert turned_away(world) >= 300 - 256
    for connection in held:
        connection.close()


def turned_away(world):
    return world.controller.must("GET", "/v1/status")["controllers"][0]["turned_away"]


def test_handshakes_under_way_are_bounded(world, weft_binary):
    """Whoever only connects, from many addresses, gives way to those who ask for something, and those who are in stay."""
    host, port = world.address.rsplit(":", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    context = ssl.create_default_context(cafile=str(world.authority.certificate))
    context.load_cert_chain(*map(str, world.authority.issue("early", "cn = weft-admin", "tls_www_client", "signing_key")))

    def ask(secure):
        secure.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: weft\r\n\r\n")
        answer = http.client.HTTPResponse(secure)
        answer.begin()
        assert answer.status == 200 and answer.read()

    def enter(address):
        return context.wrap_socket(socket.create_connection((host, int(port)), 60, (address, 0)), server_hostname=host)

    before, held = turned_away(world), []
    early = enter("127.0.0.2")
    try:
        ask(early)
        held = [socket.create_connection((host, int(port)), 60, (f"127.0.1.{number // 256 + 1}", 0)) for number in range(1024)]
        for _ in range(3):
            with enter("127.0.0.3") as late:
                ask(late)
        ask(early)
        assert turned_away(world) > before
        text = subprocess.run([str(weft_binary), "status", "--controller", f"unix:{world.controller.socket}"],
                              capture_output=True, text=True, timeout=60, check=True).stdout
        assert "\nTurned away: " in text
        assert held[0].recv(1) == b""  # the oldest was closed
    finally:
        for connection in (early, *held):
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("missing", ["--cert", "--key", "--ca"])
def test_tls_files_are_needed(weft_binary, world, tmp_path, missing):
    certificate, key = world.authority.issue("other", "cn = x", "tls_www_server", "signing_key")
    files = {"--cert": certificate, "--key": key, "--ca": world.authority.certificate}
    command = [str(weft_binary), "controller", "--store", f"sqlite:{tmp_path}/weft.db",
               "--socket", str(tmp_path / "s"), "--listen", f"{ADDRESS}:{free_port()}"]
    for option, path in files.items():
        if option != missing:
            command += [option, str(path)]
    for more in ([], [missing, str(tmp_path / "nothing")], [missing, __file__]):
        done = subprocess.run(command + more, capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and done.stderr.strip()
    assert not (tmp_path / "s").exists()
