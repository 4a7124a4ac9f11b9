# SPDX-License-Identifier: Apache-2.0
"""A real virtual machine on a tap, beside containers."""

import pytest

from lab import Lab, checks
from lab.fabric import ROOT
from lab.traffic import Traffic, judge, probe_all

PLACES = {"acme/web1": "h1", "acme/web2": "h2", "acme/db1": "h1", "umbrella/web1": "h1", "umbrella/web2": "h2"}


@pytest.fixture(scope="module", params=["6.1", "6.12"])
def fabric(request):
    with Lab(hosts=2) as lab:
        lab.apply((ROOT / "examples/two-tenants.yaml").read_text())
        machine = lab.machine("acme", "vm1", "h2", series=request.param)
        containers = [lab.container(*name.split("/"), host) for name, host in PLACES.items()]
        lab.settle()
        machine.guest.wait_ready()
        with Traffic([machine, *containers]) as traffic:
            yield lab, traffic, machine, {c.name: c for c in containers}


def test_guest_runs_the_kernel_asked_for(fabric, request):
    _, _, machine, _ = fabric
    assert machine.guest.run("uname -r").startswith(request.node.callspec.params["fabric"] + ".")


def test_guest_and_containers_reach_each_other(fabric):
    _, traffic, _, _ = fabric
    verdict = judge(traffic.workloads, probe_all(traffic))
    assert verdict.good, "\n".join(verdict.wrong)
    assert verdict.forbidden > 0


@pytest.mark.parametrize("size", [56, 1330, 5000])
def test_ping_both_ways(fabric, size):
    _, _, machine, containers = fabric
    for name in ("acme/web1", "acme/web2"):
        container = containers[name]
        for address in machine.addresses:
            assert checks.ping(container, address, count=3, size=size)
        machine.guest.run(f"ping -c 3 -s {size} {container.ipv4}")
        machine.guest.run(f"ping6 -c 3 -s {size} {container.ipv6}")


def test_bulk_tcp_from_and_to_the_guest(fabric):
    """A file by HTTP each way, its sum compared: offloads of a tap included."""
    _, _, machine, containers = fabric
    machine.guest.run("mkdir -p /tmp/www && head -c 4000000 /dev/urandom >/tmp/www/file && httpd -p 8080 -h /tmp/www")
    there = machine.guest.run("md5sum </tmp/www/file").split()[0]
    fetch = ("import hashlib,urllib.request;"
             "print(hashlib.md5(urllib.request.urlopen('http://{}:8080/file',timeout=120).read()).hexdigest())")
    for name in ("acme/web1", "acme/web2"):
        assert containers[name].namespace.run("/usr/bin/python3", "-c", fetch.format(machine.ipv4)).strip() == there
        assert containers[name].namespace.run("/usr/bin/python3", "-c",
                                              fetch.format(f"[{machine.ipv6}]")).strip() == there
        download(machine, containers[name])


def download(machine, container):
    with container.namespace.popen(["/usr/bin/python3", "-m", "http.server", "--bind", "::", "8081", "--directory",
                                    str(ROOT / "tests/lab")], stdout=-1, stderr=-1) as server:
        try:
            url = f"http://{container.ipv4}:8081/traffic.py"
            assert checks.wait_until(lambda: checks.run(*container.namespace.words(
                "curl", "-sf", "-o", "/dev/null", "http://[::1]:8081/"), check=False).returncode == 0) is not None
            size = int(machine.guest.run(f"wget -q -O - {url} | wc -c"))
            assert size == (ROOT / "tests/lab/traffic.py").stat().st_size
        finally:
            server.kill()
