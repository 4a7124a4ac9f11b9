# SPDX-License-Identifier: Apache-2.0
"""What Weft does to the machine that it runs on: what it asks for, what it leaves behind, how it goes."""

import json
import signal
import subprocess

import pytest

from lab import Lab, checks
from lab.shell import LabError, run

WISHES = """\
tenant: acme
networks:
  web: {subnets: [10.1.1.0/24, "fd00:1:1::/64"]}
ports:
  web1: {network: web}
  web2: {network: web}
"""


def without(*capabilities):
    """Words that run what follows as root that lacks these."""
    return ["setpriv", "--bounding-set", ",".join(f"-{name}" for name in capabilities), "--"]


@pytest.mark.parametrize("lacks, missing", [
    (["all"], "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_NET_RAW"),
    (["bpf", "sys_admin", "net_raw"], "CAP_BPF, CAP_NET_RAW"),
])
def test_what_is_missing_is_named_before_anything_is_made(weft_binary, tmp_path, lacks, missing):
    folder = tmp_path / "made"
    state = f"/sys/fs/bpf/{tmp_path.name}"
    for words in (["up", "--store", f"sqlite:{folder}/weft.db", "--socket", folder / "weft.sock", "--state", state],
                  ["agent", "--controller", f"unix:{folder}/weft.sock", "--state", state],
                  ["down", "--state", state]):
        done = run(*without(*lacks), weft_binary, *words, check=False, timeout=20)
        assert done.returncode == 1
        assert done.stderr.endswith(f"needs root, or the capabilities that are missing here: {missing}\n")
        assert done.stderr.count("\n") == 1
        assert not folder.exists()
        assert run("ls", "/sys/fs/bpf").find(tmp_path.name) < 0


@pytest.fixture(scope="module")
def lab():
    with Lab(hosts=2) as lab:
        lab.apply(WISHES)
        lab.containers = [lab.container("acme", port, host) for port, host in (("web1", "h1"), ("web2", "h2"))]
        lab.settle()
        yield lab


def ipv6_is_off(container):
    return container.host.namespace.run("cat", f"/proc/sys/net/ipv6/conf/{container.device}/disable_ipv6") == "1\n"


def down(lab, host, *words):
    return run(lab.binary, "down", "--netns", host.namespace.path, "--state", host.state, "--json", *words, check=False)


def stop(host):
    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(60) == 0


def test_an_agent_takes_over_what_the_one_before_left(lab):
    """A port that goes while no agent runs: the next one finds the program of the last, and takes it off."""
    container = lab.containers[0]
    assert checks.programs(container.host.namespace, container.device)
    assert ipv6_is_off(container)
    stop(container.host)
    lab.weft("detach", "acme/web1")
    assert checks.programs(container.host.namespace, container.device)
    container.host.start_agent()
    assert checks.wait_until(lambda: not checks.programs(container.host.namespace, container.device)) is not None
    assert checks.wait_until(lambda: not ipv6_is_off(container)) is not None
    lab.attach(container)
    lab.settle()
    assert checks.ping(container, lab.containers[1].ipv4)


def test_an_agent_of_another_version_takes_over(lab):
    """Tables of another layout than the new agent's are made anew; packets flow until its programs replace the old ones."""
    container, other = lab.containers
    host, pin = container.host, container.host.state / "v1/station"
    stop(host)
    before = json.loads(run("bpftool", "-j", "map", "show", "pinned", pin))
    pin.unlink()
    run("bpftool", "map", "create", pin, "type", "hash", "key", before["bytes_key"], "value", before["bytes_value"] + 8,
        "entries", 100, "name", "station")
    assert checks.ping(container, other.ipv4)
    host.start_agent()

    def filled():
        try:
            return checks.pinned_rows(host, "station")
        except LabError:
            return None  # between the old table and the new one there is none

    assert checks.wait_until(filled) is not None
    now = json.loads(run("bpftool", "-j", "map", "show", "pinned", pin))
    assert now["id"] != before["id"]
    assert [now[name] for name in ("bytes_value", "max_entries")] == [
        before[name] for name in ("bytes_value", "max_entries")]

    def programs():
        return {f["id"] for f in checks.programs(host.namespace, container.device)}
    assert checks.wait_until(lambda: any(
        now["id"] in json.loads(run("bpftool", "-j", "prog", "show", "id", number))["map_ids"]
        for number in programs())) is not None
    assert checks.ping(container, other.ipv4, count=5)


def test_down_leaves_nothing(lab):
    container, other = lab.containers
    host = container.host
    neighbors = ["ip", "neighbour", "show", "proto", "247"]
    assert checks.ping(container, other.ipv4)
    assert host.namespace.run(*neighbors)

    refused = down(lab, host)
    assert refused.returncode == 1
    assert json.loads(refused.stderr)["detail"] == f"an agent is running on {host.state}"
    assert checks.ping(container, other.ipv4)

    stop(host)
    for expected in ([("eth0", "underlay"), (container.device, "port")], []):
        done = down(lab, host)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["state"] == str(host.state)
        assert sorted((i["name"], i["role"]) for i in answer["interfaces"]) == sorted(expected)
        assert not checks.programs(host.namespace, "eth0")
        assert not checks.programs(host.namespace, container.device)
        assert "clsact" not in host.namespace.run("tc", "qdisc", "show")
        assert not ipv6_is_off(container)
        assert not host.namespace.run(*neighbors)
        assert not host.state.exists()
    assert not checks.ping(container, other.ipv4, wait=0.3)
    assert checks.programs(other.host.namespace, other.device)

    host.start_agent()
    assert checks.wait_until(lambda: checks.ping(container, other.ipv4, wait=0.3)) is not None


def test_one_agent_a_state_folder(lab):
    host = lab.containers[1].host
    second = run(lab.binary, "agent", "--netns", host.namespace.path, "--host", "h9", "--controller", lab.url,
                 "--state", host.state, check=False, timeout=20)
    assert (second.returncode, second.stderr) == (1, f"error: an agent is running on {host.state}\n")
    assert subprocess.run(["test", "-e", host.state / "v1/station"], check=False).returncode == 0


def test_what_the_host_uses_is_no_port(lab):
    """A management interface, a member of a bridge: neither by attach, nor by a file that names it."""
    host = lab.hosts["h1"]
    host.namespace.ip("link add mgmt type veth peer name mgmt0", "address add 198.51.100.1/24 dev mgmt",
                      "link set mgmt up", "link add br0 type bridge",
                      "link add member type veth peer name member0", "link set member master br0 up")
    lab.apply("tenant: acme\nports:\n  taken: {network: web}\n")
    cases = {"mgmt": "carries addresses of the host", "member": "belongs to a bridge, bond or VRF"}

    def uses():
        items = lab.api.get("/v1/hosts/h1/interfaces")["items"]
        return {i["name"]: i["use"] for i in items if i["name"] in cases}
    assert checks.wait_until(lambda: uses() == cases) is not None
    for device, use in cases.items():
        lab.weft("detach", "acme/taken")
        status, answer = lab.api.request("POST", "/v1/tenants/acme/ports/taken/attach",
                                         {"host": "h1", "device": device})
        assert (status, answer["detail"]) == (409, f"interface {device} of host h1 {use}")
        lab.apply(f"tenant: acme\nports:\n  taken: {{network: web, host: h1, device: {device}}}\n")

        def problem():
            return lab.api.get("/v1/tenants/acme/ports/taken")["status"].get("problem")
        assert checks.wait_until(lambda: problem() == f"the device {use}") is not None
        assert not checks.programs(host.namespace, device)
        assert f"the device {use}" in lab.weft("get", "ports", "-t", "acme", "-o", "wide")
    # It is one when the host has let go of it; and stays one whatever the host does.
    host.namespace.ip("link set member nomaster")
    assert checks.wait_until(lambda: checks.programs(host.namespace, "member")) is not None
    host.namespace.ip("address add 198.51.100.2/24 dev member")
    assert checks.wait_until(lambda: "carries" in (uses()["member"] or "")) is not None
    assert checks.programs(host.namespace, "member")


def test_what_became_of_a_port_is_told_below_the_receipt(lab):
    """The hosts have realized what they can, and the port does not work all the same."""
    path = lab.folder / "remarked.yaml"
    path.write_text("tenant: acme\nports:\n  remarked: {network: web, host: h2, device: tap7}\n")
    words = [lab.binary, "apply", "-f", path, "--wait", "--controller", f"unix:{lab.socket}"]
    done = run(*words, check=False)
    assert done.returncode == 0, done.stderr
    assert "realized by" in done.stdout
    assert "warning: acme/ports/remarked: host h2 has no interface tap7 [missing-device]\n" in done.stderr
    assert run(lab.binary, "wait", "--controller", f"unix:{lab.socket}", check=False).stderr == done.stderr
    path.write_text(path.read_text().replace("tap7", "eth0"))
    answer = json.loads(run(*words, "--json"))
    assert answer["receipt"]["complete"]
    assert answer["remarks"] == [{"object": "acme/ports/remarked", "remark": "problem",
                                  "detail": "the device carries the VTEP of the host"}]


def test_warnings_follow_what_they_are_about(lab):
    """The MTU of a network, that of the underlay: told when it is too small, and not any more when it is not."""
    host = lab.hosts["h2"]

    def warns(*parts):
        def judge():
            found = lab.api.get("/v1/hosts/h2")["status"]["warnings"]
            return len(found) == len(parts) and all(part in text for part, text in zip(parts, found))
        return checks.wait_until(judge) is not None

    def set_mtu(mtu):
        lab.api.request("PATCH", "/v1/tenants/acme/networks/web", {"mtu": mtu})

    set_mtu(1400)
    assert warns()
    set_mtu(9000)
    assert warns("network acme/web: mtu 9000 needs an underlay of")
    set_mtu(1400)
    assert warns()
    host.namespace.ip("link set eth0 mtu 1400")
    assert warns("eth0 has 1400")
    host.namespace.ip("link set eth0 mtu 1500")
    assert warns()
