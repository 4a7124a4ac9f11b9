# SPDX-License-Identifier: Apache-2.0
"""A simulated fleet before a real controller: it ends as a fresh computation says, and a change costs what it changes."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from controlling import Controller
from lab.certificates import Authority
from lab.etcd import free_port

BINARY = os.environ.get("WEFT_BIN", "build/cli/weft")


def simulate(*options):
    done = subprocess.run([BINARY, "simulate", "--json", *map(str, options)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CHANGES = ("port-added", "label-changed", "port-moved", "rule-1000", "host-joins", "churn")


def test_fleet_end_to_end():
    """Every change, and then every host holds the rows that a fresh compiler makes of what the oracle says it needs."""
    result = simulate("--hosts", 100, "--ports", 2500, "--repeat", 3, "--check", 100, "--scenarios", ",".join(CHANGES))
    assert result["checked"]["hosts"] == 100 and result["checked"]["rows"] > 10000
    for name in CHANGES:
        assert result["scenarios"][name]["changes"] >= 3, name
    assert result["scenarios"]["rule-1000"]["hosts_told"] == 40  # all that have one of the 1,000 ports, and nobody else


def test_beginning_again():
    """The controller, and then the hosts too, lose what they hold, and come to hold it again."""
    result = simulate("--hosts", 50, "--ports", 2500, "--repeat", 1, "--check", 50, "--scenarios", "restart,cold")
    assert result["checked"]["hosts"] == 50
    for name in ("restart", "cold"):
        assert result["scenarios"][name]["receipts_s"] >= result["scenarios"][name]["loaded_s"] > 0
    assert result["scenarios"]["restart"]["rows_written"] == 0
    assert result["scenarios"]["cold"]["rows_written"] > 10000


def test_cost_follows_the_change():
    """The same changes at two sizes: as many hosts told, objects sent, rows written and reports made."""
    options = ("--repeat", 8, "--scenarios", "port-added,label-changed,port-moved,rule-1000")
    small, large = (simulate("--hosts", hosts, "--ports", ports, *options) for hosts, ports in ((80, 4000), (240, 12000)))
    for name, cost in small["scenarios"].items():
        for count in ("hosts_told", "objects_sent", "rows_written"):
            assert cost[count] == large["scenarios"][name][count], (name, count)


def test_light_hosts_acknowledge():
    """Hosts that do not compile are told as much, and every receipt is complete, after a restart of the controller too."""
    options = ("--hosts", 30, "--ports", 1000, "--repeat", 2, "--scenarios", "port-added,restart,cold", "--check", 30)
    light, heavy = (simulate(*options, "--full", full) for full in (5, 30))
    assert light["checked"]["hosts"] == 5 and heavy["checked"]["hosts"] == 30
    for count in ("hosts_told", "objects_sent"):
        assert light["scenarios"]["port-added"][count] == heavy["scenarios"]["port-added"][count]
    for scenario in ("restart", "cold"):
        assert light["scenarios"][scenario]["objects_sent"] == heavy["scenarios"][scenario]["objects_sent"], scenario


def test_over_tls_and_through_relays(weft_binary, tmp_path):
    """As in earnest: a controller that listens, relays before it, and certificates everywhere; more hosts than one
    address may have connections."""
    authority = Authority(tmp_path)
    ports = [free_port() for _ in range(3)]
    urls = [f"https://127.0.0.1:{port}" for port in ports]
    (admin, admin_key), server, *relays = (authority.issue(name, "127.0.0.1") for name in (
        "weft-admin", "weft-controller", "weft-relay:r1", "weft-relay:r2"))
    controller = Controller(weft_binary, tmp_path, "--listen", f"127.0.0.1:{ports[0]}", "--cert", server[0], "--key",
                            server[1], "--ca", authority.certificate)
    running = [subprocess.Popen(
        [weft_binary, "relay", "--name", f"r{number}", "--controller", urls[0], "--listen", f"127.0.0.1:{ports[number]}",
         "--cert", certificate, "--key", key, "--ca", authority.certificate], stdout=subprocess.PIPE, stderr=open(tmp_path / f"r{number}", "wb"))
        for number, (certificate, key) in enumerate(relays, 1)]
    try:
        assert all(b"ready" in relay.stdout.readline() for relay in running)
        result = simulate("--hosts", 600, "--full", 40, "--ports", 2000, "--repeat", 3, "--check", 40,
                          "--scenarios", "port-added,rule-1000",
                          "--url", urls[0], "--relays", ",".join(urls[1:]), "--cert", admin, "--key", admin_key,
                          "--ca", authority.certificate)
        assert result["checked"]["hosts"] == 40
        for scenario in ("port-added", "rule-1000"):
            assert result["scenarios"][scenario]["changes"] >= 3, scenario
        assert (tmp_path / "log").read_text().count(" is connected") == 2  # the relays, and no host
        hosts = [(tmp_path / name).read_text().count(" is connected") for name in ("r1", "r2")]
        assert hosts == [300, 300], hosts
    finally:
        for relay in running:
            relay.terminate()
        ended = [relay.wait(60) for relay in running] + [controller.stop()]
    assert ended == [0, 0, 0]


def refused(*options):
    done = subprocess.run([BINARY, "simulate", *map(str, options)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    return done.stderr


def test_bad_options():
    assert "hosts" in refused("--hosts", 0)
    assert 'no scenario "flood"' in refused("--scenarios", "cold,flood")
    assert "hosts: from 1 to 240 before https://192.0.2.1:1" in refused("--hosts", 241, "--url", "https://192.0.2.1:1")
    assert "cannot reach unix:/nowhere" in refused("--url", "unix:/nowhere")


def test_plan_is_transactions():
    """What would be sent, for others to build the same of."""
    done = subprocess.run([BINARY, "simulate", "--plan", "--hosts", "10", "--ports", "200"], capture_output=True, text=True,
                          timeout=60, check=True)
    operations = [operation for line in done.stdout.splitlines() for operation in json.loads(line)["operations"]]
    kinds = [operation["kind"] for operation in operations]
    assert kinds.count("host") == 10 and kinds.count("port") == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path, number):
    """Its folder and the controller that it started end with it, wherever it is."""
    with subprocess.Popen([BINARY, "simulate", "--hosts", "50", "--ports", "5000"], stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("weft-simulate-*/weft.sock")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        assert process.wait(60) == 1 and "interrupted" in process.stderr.read()
    assert len(children) == 1 and not Path(f"/proc/{children[0]}").exists()
    assert list(tmp_path.iterdir()) == []
