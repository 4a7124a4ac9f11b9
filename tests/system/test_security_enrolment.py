# SPDX-License-Identifier: Apache-2.0
"""How a host comes to its certificate: an authority of the deployment, an invitation, joining, renewal, the end."""

import datetime
import json
import os
import re
import ssl
import stat
import subprocess
import time

import pytest

from controlling import Agent, Controller, Tls
from lab.checks import ping
from lab.fabric import CONTROLLER, Lab
from test_api_tls import ADDRESS, free_port


class Deployment:
    """What `weft ca init` makes, and a controller that signs with it."""

    def __init__(self, binary, folder, *options):
        self.binary, self.folder, self.ca = str(binary), folder, folder / "ca"
        self.made = self.weft("ca", "init", "--directory", self.ca, "--address", f"{ADDRESS},localhost")
        assert self.made.returncode == 0, self.made.stderr
        self.address = f"{ADDRESS}:{free_port()}"
        self.url = f"https://{self.address}"
        self.controller = Controller(
            binary, folder, "--listen", self.address, "--cert", self.ca / "controller.pem", "--key",
            self.ca / "controller.key", "--ca", self.ca / "authority.pem", "--authority-key", self.ca / "authority.key",
            *options)

    def weft(self, *words, **options):
        return subprocess.run([self.binary, *map(str, words)], capture_output=True, text=True, timeout=60, **options)

    def invite(self, host, *words):
        done = self.weft("host", "invite", host, "--controller", f"unix:{self.controller.socket}", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def join(self, code, name, *words):
        return self.weft("host", "join", "--code", code, "--controller", self.url, "--directory", self.folder / name, *words)

    def client(self, name):
        folder = self.folder / name
        return Tls(self.address, self.ca / "authority.pem", folder / "host.pem", folder / "host.key")

    def joined(self, host):
        done = self.join(self.invite(host), host)
        assert done.returncode == 0, done.stderr
        return self.client(host)


@pytest.fixture(scope="module")
def deployment(weft_binary, tmp_path_factory):
    folder = tmp_path_factory.mktemp("enrolment")
    deployment = Deployment(weft_binary, folder)
    yield deployment
    assert deployment.controller.stop() == 0, (folder / "log").read_text()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def certificate_text(path):
    return subprocess.run(["certtool", "-i", "--infile", str(path)], capture_output=True, text=True, check=True).stdout


# ---- the authority ----

def test_files_of_the_authority(deployment):
    for stem in ("authority", "controller", "admin"):
        assert mode(deployment.ca / f"{stem}.key") == 0o600 and mode(deployment.ca / f"{stem}.pem") == 0o644
    admin = Tls(deployment.address, deployment.ca / "authority.pem", deployment.ca / "admin.pem",
                deployment.ca / "admin.key")
    assert admin.put("/v1/tenants/by-admin", {}).status == 201
    assert admin.request("DELETE", "/v1/tenants/by-admin").status == 200
    assert "Certificate Authority (CA): TRUE" in certificate_text(deployment.ca / "authority.pem")


def test_nothing_is_overwritten(deployment):
    before = {path: path.read_bytes() for path in deployment.ca.iterdir()}
    again = deployment.weft("ca", "init", "--directory", deployment.ca, "--address", ADDRESS)
    assert again.returncode == 1 and "File exists" in again.stderr
    assert {path: path.read_bytes() for path in deployment.ca.iterdir()} == before


def test_more_certificates(deployment):
    for name, stem in (("weft-relay:r1", "relay-r1"), ("weft-host:by-hand", "host-by-hand")):
        assert deployment.weft("ca", "issue", name, "--directory", deployment.ca).returncode == 0
        assert mode(deployment.ca / f"{stem}.key") == 0o600
    by_hand = Tls(deployment.address, deployment.ca / "authority.pem", deployment.ca / "host-by-hand.pem",
                  deployment.ca / "host-by-hand.key")
    assert by_hand.put("/v1/hosts/by-hand", {"vtep": "192.0.2.77"}).status == 201
    deployment.controller.must("DELETE", "/v1/hosts/by-hand")
    for name in ("root", "weft-", "weft-../../x", "weft-host:a/b"):
        assert deployment.weft("ca", "issue", name, "--directory", deployment.ca).returncode == 1


# ---- joining ----

def test_a_host_joins(deployment):
    code = deployment.invite("h1")
    assert code.startswith("weft-join.h1.")
    listed = deployment.controller.must("GET", "/v1/enrolments/h1")
    assert "joined" not in listed and "digest" not in json.dumps(listed)
    done = deployment.join(code, "h1")
    assert done.returncode == 0 and "weft agent --host h1" in done.stdout
    assert mode(deployment.folder / "h1/host.key") == 0o600
    text = certificate_text(deployment.folder / "h1/host.pem")
    assert "weft-host:h1" in text and "TLS WWW Client" in text and "TLS WWW Server" not in text
    h1 = deployment.client("h1")
    assert h1.put("/v1/hosts/h1", {"vtep": "192.0.2.1"}).status == 201
    agent = Agent(h1, "h1")
    assert agent.status == 200 and agent.wait_revision(1)
    agent.close()
    assert h1.put("/v1/hosts/h2", {"vtep": "192.0.2.2"}).status == 403
    assert "joined" in deployment.controller.must("GET", "/v1/enrolments/h1")
    # Nothing secret is in what is kept or said.
    secret = code.split(".")[2]
    for file in (*deployment.folder.glob("weft.db*"), deployment.folder / "log"):
        assert secret.encode() not in file.read_bytes()


def refused(done, word):
    assert done.returncode == 1 and word in done.stderr, done.stderr


def test_a_code_works_once(deployment):
    code = deployment.invite("once")
    assert deployment.join(code, "once").returncode == 0
    first = (deployment.folder / "once/host.pem").read_bytes()
    refused(deployment.join(code, "thief"), "not valid")
    assert not (deployment.folder / "thief/host.key").exists()
    assert (deployment.folder / "once/host.pem").read_bytes() == first
    problem = json.loads(deployment.join(code, "thief", "--json").stderr)
    assert (problem["type"], problem["status"]) == ("urn:weft:problem:unauthenticated", 401), problem


def test_one_of_several_controllers_is_enough(deployment):
    """Whichever answers vouches for the authority and signs."""
    code = deployment.invite("patient")
    several = f"https://{ADDRESS}:1,{deployment.url},https://{ADDRESS}:2"
    done = deployment.join(code, "patient", "--controller", several)
    assert done.returncode == 0, done.stderr
    assert deployment.client("patient").get("/v1/hosts/patient").status == 403  # it is known as a host


def test_a_code_is_for_its_host(deployment):
    code = deployment.invite("h3")
    refused(deployment.join(code.replace(".h3.", ".h4."), "x"), "not valid")
    deployment.invite("h4")
    refused(deployment.join(code.replace(".h3.", ".h4."), "x"), "not valid")
    assert deployment.join(code, "h3").returncode == 0


def test_a_code_ends(deployment):
    code = deployment.invite("late", "--expires", "1s")
    end = datetime.datetime.fromisoformat(deployment.controller.must("GET", "/v1/enrolments/late")["expires"])
    time.sleep(max(0, end.timestamp() - time.time()) + 0.1)  # what is waited for is the wall clock itself
    refused(deployment.join(code, "late"), "not valid")
    revoked = deployment.invite("revoked")
    deployment.controller.must("DELETE", "/v1/enrolments/revoked")
    refused(deployment.join(revoked, "revoked"), "not valid")
    older = deployment.invite("again")
    newer = deployment.invite("again")
    refused(deployment.join(older, "again"), "not valid")
    assert deployment.join(newer, "again").returncode == 0


def test_a_code_must_be_good_for_a_while(deployment):
    for time_given, message in (("0s", "must last longer than 0s"), ("-5s", "not a duration"), ("9999999d", "the year 10000")):
        done = deployment.weft("host", "invite", "brief", "--expires", time_given, "--controller", deployment.url)
        assert done.returncode == 2 and "--expires: " in done.stderr and message in done.stderr, done.stderr
    for end in ("2026-01-01T00:00:00Z", "1970-01-01T00:00:01Z"):
        answer = deployment.controller.post("/v1/enrolments/brief/invite", {"expires": end})
        assert answer.status == 422 and answer["field"] == "expires" and "a time to come" in answer["detail"]
    assert deployment.controller.get("/v1/enrolments/brief").status == 404


@pytest.mark.parametrize("code", ["", "x", "weft-join.h1", "weft-join.h1.a.b", "@/nothing", "@/etc/passwd"])
def test_bad_codes(deployment, code):
    done = deployment.weft("host", "join", "--code", code, "--controller", deployment.url, "--directory",
                           deployment.folder / "bad")
    assert done.returncode in (1, 2) and done.stderr and not (deployment.folder / "bad/host.key").exists()


def test_another_authority_is_not_spoken_to(deployment, weft_binary, tmp_path):
    """The fingerprint in the code decides, before anything is sent."""
    impostor = Deployment(weft_binary, tmp_path)
    code = deployment.invite("careful")
    done = deployment.weft("host", "join", "--code", code, "--controller", impostor.url, "--directory",
                           deployment.folder / "careful")
    refused(done, "does not show the authority")
    assert "enrolments" not in (tmp_path / "log").read_text()
    assert impostor.controller.stop() == 0
    # A code can be used all the same, it has not been seen.
    assert deployment.join(code, "careful").returncode == 0
    elsewhere = deployment.invite("elsewhere")
    refused(deployment.weft("host", "join", "--code", elsewhere, "--controller",
                            f"https://127.0.0.2:{deployment.address.rsplit(':', 1)[1]}", "--directory",
                            deployment.folder / "elsewhere"), "cannot")
    refused(deployment.weft("host", "join", "--code", elsewhere, "--controller", f"unix:{deployment.controller.socket}",
                            "--directory", deployment.folder / "elsewhere"), "over TLS")


def make_request(folder, *template, key_options=("--key-type", "ecdsa", "--curve", "secp256r1")):
    key, file = folder / "r.key", folder / "r.template"
    subprocess.run(["certtool", "--generate-privkey", *key_options, "--outfile", str(key)], check=True, capture_output=True)
    file.write_text("\n".join(template) + "\n")
    return subprocess.run(["certtool", "--generate-request", "--load-privkey", str(key), "--template", str(file)],
                          check=True, capture_output=True, text=True).stdout


def test_what_a_request_says_does_not_count(deployment, tmp_path):
    """Only its key does: whoever was invited as a host is that host, whatever they ask for."""
    request = make_request(tmp_path, "cn = weft-admin", "unit = enrolment:0", "ca", "cert_signing_key", "tls_www_server")
    secret = deployment.invite("modest").split(".")[2]
    anonymous = Tls(deployment.address, deployment.ca / "authority.pem")
    answer = anonymous.post("/v1/enrolments/modest/join", {"secret": secret, "request": request})
    assert answer.status == 200, answer
    file = tmp_path / "signed.pem"
    file.write_text(answer["certificate"])
    text = certificate_text(file)
    assert "weft-host:modest" in text and "weft-admin" not in text and "CA): FALSE" in text
    assert "TLS WWW Server" not in text


def test_bad_requests(deployment, tmp_path):
    anonymous = Tls(deployment.address, deployment.ca / "authority.pem")
    secret = deployment.invite("picky").split(".")[2]
    good = make_request(tmp_path, "cn = x")
    weak = make_request(tmp_path, "cn = x", key_options=("--key-type", "rsa", "--bits", "1024"))
    path = "/v1/enrolments/picky/join"
    for body, status, field in (
            ({"secret": secret, "request": "x"}, 422, "request"), ({"secret": secret, "request": good[:-80]}, 422, "request"),
            ({"secret": secret, "request": weak}, 422, "request"), ({"secret": secret}, 422, "request"),
            ({"request": good}, 422, "secret"), ({"secret": 1, "request": good}, 422, "secret"),
            ({"secret": secret, "request": good, "more": 1}, 422, "more"),
            ({"secret": "", "request": good}, 401, None), ({"secret": secret[:-1], "request": good}, 401, None)):
        answer = anonymous.post(path, body)
        assert answer.status == status and answer.json.get("field") == field, (body, answer)
        assert secret not in answer.text
    absent = anonymous.post("/v1/enrolments/absent/join", {"secret": secret, "request": good})
    wrong = anonymous.post(path, {"secret": "A" * 43, "request": good})
    assert absent.status == 401 and absent.text == wrong.text
    assert anonymous.post(path, {"secret": secret, "request": good}).status == 200


def test_without_a_key_to_sign_with(weft_binary, deployment, tmp_path):
    controller = Controller(weft_binary, tmp_path)
    answer = controller.post("/v1/enrolments/h1/invite", {})
    assert answer.status == 409 and "--authority-key" in answer["detail"]
    assert controller.stop() == 0
    for key in (deployment.ca / "admin.key", "/nothing", __file__):
        done = deployment.weft("controller", "--store", f"sqlite:{tmp_path}/x.db", "--socket", tmp_path / "s", "--ca",
                               deployment.ca / "authority.pem", "--authority-key", key)
        assert done.returncode == 1 and done.stderr


# ---- the end ----

@pytest.mark.parametrize("end", ["DELETE /v1/hosts/gone", "DELETE /v1/enrolments/gone", "transaction", "rejoin"])
def test_certificates_end_with_the_host(deployment, end):
    gone = deployment.joined("gone")
    gone.must("PUT", "/v1/hosts/gone", {"vtep": "192.0.2.99"})
    agent = Agent(gone, "gone", acknowledge=False)
    assert agent.wait_revision(1)
    if end == "transaction":
        assert deployment.controller.transaction({"op": "delete", "kind": "host", "name": "gone"}).status == 200
    elif end == "rejoin":
        code = deployment.invite("gone")
        assert gone.put("/v1/hosts/gone", {"vtep": "192.0.2.99"}).status == 200  # not yet used
        assert deployment.join(code, "gone-again").returncode == 0
        assert deployment.client("gone-again").put("/v1/hosts/gone", {"vtep": "192.0.2.99"}).status == 200
    else:
        deployment.controller.must(*end.split())
    assert agent.wait(lambda agent: agent.ended)
    for method, path in (("GET", "/v1/hosts/gone/stream"), ("PUT", "/v1/hosts/gone"), ("POST", "/v1/hosts/gone/certificate")):
        answer = gone.request(method, path, None if method == "GET" else {})
        assert answer.status == 401 and "no longer enrolled" in answer["detail"], answer
    for path in ("/v1/hosts/gone", "/v1/enrolments/gone"):
        deployment.controller.request("DELETE", path)


def test_only_enrolments_are_renewed(deployment, tmp_path):
    request = make_request(tmp_path, "cn = x")
    joined = deployment.joined("renewer")
    answer = joined.post("/v1/hosts/renewer/certificate", {"request": request})
    assert answer.status == 200 and "BEGIN CERTIFICATE" in answer["certificate"]
    assert joined.post("/v1/hosts/other/certificate", {"request": request}).status == 403
    assert joined.post("/v1/hosts/renewer/certificate", {"request": "x"}).status == 422
    assert deployment.controller.post("/v1/hosts/renewer/certificate", {"request": request}).status == 403


# ---- all of it, with packets ----

class EnrolledAuthority:
    """The authority of a laboratory, made and used as a deployment's is."""

    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder / "ca"
        subprocess.run([lab.binary, "ca", "init", "--directory", str(self.folder), "--address",
                        lab.underlay_address(CONTROLLER)], check=True, capture_output=True)
        self.certificate = self.folder / "authority.pem"

    def issue(self, name, address=None):
        if name == "weft-controller":
            return self.folder / "controller.pem", self.folder / "controller.key"
        host = name.split(":")[1]
        folder = self.lab.folder / f"etc-{host}"
        code = self.lab.weft("host", "invite", host).strip().splitlines()[-1]
        subprocess.run(self.lab.hosts[host].namespace.words(
            self.lab.binary, "host", "join", "--code", code, "--controller", self.lab.url, "--directory", str(folder)),
            check=True, capture_output=True)
        return folder / "host.pem", folder / "host.key"


class EnrolledLab(Lab):
    LIFE = 8  # seconds of a host's certificate

    def make_authority(self):
        return EnrolledAuthority(self)

    def controller_options(self):
        return ["--authority-key", self.authority.folder / "authority.key", "--certificate-life", f"{self.LIFE}s"]


def serial(lab, host):
    return re.search(r"Serial Number.*: (\w+)", certificate_text(lab.certificate(f"weft-host:{host}")[0])).group(1)


def test_a_deployment_from_nothing(weft_binary):
    """Authority, invitations, agents that renew their certificates over more than a whole life of them, and packets that
    go on; then a host that is put out."""
    with EnrolledLab(hosts=2, binary=weft_binary) as lab:
        lab.apply("tenant: acme\nnetworks: {web: {subnets: [10.1.0.0/24]}}\nports: {a: {network: web}, b: {network: web}}\n")
        first, second = lab.container("acme", "a", "h1"), lab.container("acme", "b", "h2")
        lab.settle()
        assert ping(first, second.ipv4)
        token = lab.folder / "token"
        token.write_text(lab.weft("token", "create", "acme", "--role", "tenant-admin", "--tenant", "acme"))
        traced = lab.weft("trace", "acme/a", "b", "icmp", "--token-file", token)
        assert "reaches acme/ports/b on h2" in traced and "192.0.2" not in traced
        serials = {host: serial(lab, host) for host in lab.hosts}
        deadline = time.monotonic() + 3 * lab.LIFE + 20
        renewed = lab.folder / "controller.log"
        while any(renewed.read_text().count(f"host {host} has renewed") < 3 for host in lab.hosts):
            assert time.monotonic() < deadline, (lab.log("agent-h1"), lab.log("controller"))
            time.sleep(0.2)
        assert all(serial(lab, host) != serials[host] for host in lab.hosts)
        assert all(host.process.poll() is None for host in lab.hosts.values())
        lab.wait_connected()
        lab.apply("tenant: acme\nports: {c: {network: web, labels: {late: \"yes\"}}}\n")
        lab.settle()
        assert ping(first, second.ipv4)
        lab.api.delete("/v1/enrolments/h2")

        def put_out(_):
            return not lab.api.get("/v1/hosts/h2")["status"]["connected"]
        lab.wait(put_out, 10, "the host is still there")
        assert ping(first, second.ipv4)  # what is realized, stays


def test_tls_is_verified_by_who_joins(deployment):
    """The certificate of the controller is for its addresses."""
    context = ssl.create_default_context(cafile=str(deployment.ca / "authority.pem"))
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert Tls(deployment.address, deployment.ca / "authority.pem").get("/v1/status").status == 401
