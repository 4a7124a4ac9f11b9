# SPDX-License-Identifier: Apache-2.0
"""The service manager's files: that they are well formed, and that the daemons need no more than they grant."""

import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lab import checks
from lab.fabric import BPF, mount_bpf
from lab.namespace import Namespace
from lab.shell import run

ANYBODY = "65534"
WISHES = "tenant: acme\nnetworks: {web: {subnets: [10.1.1.0/24], dhcp: true}}\nports: {web1: {network: web}}\n"


@pytest.fixture
def units(build_folder, weft_binary, tmp_path):
    """{name: path} of the units, with the program where it is."""
    paths = {}
    for source in (build_folder / "packaging/systemd").glob("*.service"):
        paths[source.stem] = tmp_path / source.name
        text, count = re.subn(r"(?m)^ExecStart=\S+", f"ExecStart={weft_binary}", source.read_text())
        assert count == 1
        paths[source.stem].write_text(text)
    assert {"weft-agent", "weft-controller", "weft-relay"} == set(paths)
    return paths


def test_units_are_well_formed(units):
    assert subprocess.run(["systemd-analyze", "verify", *units.values()], capture_output=True, text=True,
                          check=False).stderr == ""


@pytest.mark.parametrize("name, tenths", [("weft-controller", 15), ("weft-relay", 15), ("weft-agent", 30)])
def test_exposure(units, name, tenths):
    """What systemd-analyze counts, from 0 to 100, is not more than it was."""
    run("systemd-analyze", "security", "--offline=true", f"--threshold={tenths}", units[name])


def settings(unit, name):
    return re.findall(rf"(?m)^{name}=(.*)$", unit.read_text())


def granted(unit):
    """Words that run what follows with the capabilities of the unit, and no others."""
    names = " ".join(settings(unit, "CapabilityBoundingSet")).split()
    return ["--bounding-set", ",".join(["-all", *[f"+{name.removeprefix('CAP_').lower()}" for name in names]])]


@pytest.fixture
def place():
    """A folder that anybody may enter, and a namespace with an uplink and an interface for a port."""
    mount_bpf()
    folder = Path(tempfile.mkdtemp(prefix="weft-packaging-"))
    folder.chmod(0o755)
    namespace = Namespace(folder.name)
    try:
        namespace.create()
        namespace.ip("link add eth0 type veth peer name uplink", "link set eth0 up", "link set uplink up",
                     "address add 192.0.2.1/24 dev eth0", "link add tap0 type veth peer name guest", "link set tap0 up")
        yield folder, namespace
    finally:
        run("ip", "netns", "del", namespace.name, check=False)
        shutil.rmtree(folder)


def test_what_is_granted_is_enough(units, weft_binary, place):
    """The controller and a relay as a user without any privilege; the agent as root that lacks nearly all."""
    folder, namespace = place
    program = folder / "weft"
    shutil.copy(weft_binary, program)
    store, state = folder / "store", BPF / folder.name
    store.mkdir()
    shutil.chown(store, int(ANYBODY), int(ANYBODY))
    store.chmod(0o750)
    for name in ("weft-controller", "weft-relay"):
        assert settings(units[name], "User") and settings(units[name], "CapabilityBoundingSet") == [""]
    assert settings(units["weft-relay"], "User") != settings(units["weft-controller"], "User")
    socket = f"unix:{store}/weft.sock"

    def start(name, words, *command):
        out = open(folder / f"{name}.log", "w", encoding="utf-8")
        return subprocess.Popen(namespace.words("setpriv", *words, *granted(units[f"weft-{name}"]), "--", program, name,
                                                *command), stdout=out, stderr=out)

    def weft(*words):
        return run(program, *words, "--controller", socket)

    def wait_ready(name):
        log = folder / f"{name}.log"
        deadline = time.monotonic() + 60
        while "ready:" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    nobody = ["--reuid", ANYBODY, "--regid", ANYBODY, "--clear-groups", "--no-new-privs"]
    daemons = [start("controller", nobody, "--store", f"sqlite:{store}/weft.db", "--socket", store / "weft.sock")]
    try:
        wait_ready("controller")
        daemons.append(start("relay", nobody, "--controller", socket, "--name", "r1", "--socket", store / "relay.sock"))
        wait_ready("relay")
        daemons.append(start("agent", ["--groups", ANYBODY, "--no-new-privs"], "--controller",
                             f"unix:{store}/relay.sock", "--host", "h1",
                             "--vtep", "192.0.2.1", "--state", state))
        wait_ready("agent")
        (folder / "wishes.yaml").write_text(WISHES)
        weft("apply", "-f", folder / "wishes.yaml", "--wait")
        answer = json.loads(weft("attach", "acme/web1", "--dev", "tap0", "--host", "h1", "--wait", "--json"))
        assert answer["receipt"]["realized"] == 1 and answer["remarks"] == []
        host = json.loads(weft("get", "host", "h1", "-o", "json"))
        assert host["status"]["warnings"] == []
        assert namespace.run("cat", "/proc/sys/net/ipv6/conf/tap0/disable_ipv6") == "1\n"
        assert [program["name"] for program in checks.programs(namespace, "tap0")] == ["weft_from_port"]
    finally:
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)
        run(program, "down", "--netns", namespace.path, "--state", state)
    assert [daemon.returncode for daemon in daemons] == [0, 0, 0]
    assert not state.exists()
    assert "warning" not in (folder / "agent.log").read_text()
