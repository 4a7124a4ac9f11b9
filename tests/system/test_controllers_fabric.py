# SPDX-License-Identifier: Apache-2.0
"""Several controllers with real agents and real packets: hosts move over, and traffic never notices."""

import json
import time

import pytest

from lab.exchange import Stream
from lab.several import SeveralControllers

DESIRED = """
tenant: acme
networks:
  web: {subnets: [10.1.0.0/24, "fd00:1::/64"]}
ports:
  web1: {network: web, addresses: [10.1.0.11, "fd00:1::11"]}
  web2: {network: web, addresses: [10.1.0.12, "fd00:1::12"]}
  web3: {network: web, addresses: [10.1.0.13, "fd00:1::13"]}
"""


@pytest.fixture(scope="module")
def lab():
    with SeveralControllers(hosts=3) as lab:
        lab.apply(DESIRED)
        lab.workloads = {f"web{n}": lab.container("acme", f"web{n}", f"h{n}") for n in (1, 2)}
        lab.settle()
        yield lab


@pytest.fixture
def flows(lab):
    """TCP over IPv4 and IPv6 from host to host, all through the test; every byte must arrive."""
    web1, web2 = lab.workloads["web1"], lab.workloads["web2"]
    streams = [Stream(web1, web2, address, 7000, rate=1 << 18) for address in ("10.1.0.12", "fd00:1::12")]
    yield streams
    assert [stream.finish() for stream in streams] == [[], []]


def until(judge, seconds=60):
    deadline = time.monotonic() + seconds
    while not judge():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def all_connected(controller, count=3):
    return controller.api.get("/v1/status")["hosts"]["connected"] == count


def trace(controller):
    return json.loads(controller.weft("trace", "acme/web1", "acme/web2", "icmp", "--json", check=False).stdout)


def realized_everywhere(lab, revision, controllers):
    for controller in controllers:
        receipt = controller.api.receipt(revision, 30)
        assert receipt["complete"] and receipt["required"] > 0, receipt


def test_everything_is_known_at_each(lab):
    first, second = lab.controllers
    for controller in lab.controllers:
        until(lambda: all_connected(controller))
    assert first.hosts() + second.hosts() == 3
    # Whichever host is asked, and wherever it is connected: the same answer.
    answers = [trace(controller) for controller in lab.controllers]
    assert answers[0]["verdict"] == "reaches" and len(answers[0]["hosts"]) == 2
    assert [answer["summary"] for answer in answers] == [answers[0]["summary"]] * 2
    ports = [controller.api.get("/v1/tenants/acme/ports/web2") for controller in lab.controllers]
    assert ports[0]["status"]["state"] == ports[1]["status"]["state"] == "realized"
    assert ports[0]["status"]["ifindex"] == ports[1]["status"]["ifindex"]


def test_hosts_of_a_killed_controller_move_over(lab, flows):
    for killed in lab.controllers:
        survivor = next(controller for controller in lab.controllers if controller is not killed)
        killed.kill()
        until(lambda: survivor.hosts() == 3)
        revision = survivor.api.patch("/v1/tenants/acme/ports/web2", {"labels": {"turn": killed.name}})["revision"]
        realized_everywhere(lab, revision, [survivor])
        assert trace(survivor)["verdict"] == "reaches"
        killed.start()
        until(lambda: all_connected(killed))
        realized_everywhere(lab, revision, lab.controllers)
    # What the second one has written all the same reaches packets.
    web3 = lab.container("acme", "web3", "h3")
    lab.settle()
    done = Stream(lab.workloads["web1"], web3, "10.1.0.13", 7001, size=1 << 16)
    assert done.finish() == []


def test_store_that_stands_still(lab, flows):
    member = lab.etcd.members[0]
    before = [stream.received for stream in flows]
    member.pause()
    try:
        # An agent that starts anew finds its host, though nothing can be written.
        host = lab.hosts["h2"]
        host.kill_agent()
        host.start_agent()
        survivor = lab.controllers[0]
        until(lambda: all_connected(survivor))
        assert trace(survivor)["verdict"] == "reaches"
        status, answer = survivor.api.request("PATCH", "/v1/tenants/acme/ports/web2", {"labels": {}})
        assert status == 503, answer
    finally:
        member.resume()
    assert all(stream.received > was for stream, was in zip(flows, before))

    def written():
        status, _ = lab.api.request("PATCH", "/v1/tenants/acme/ports/web2", {"labels": {"after": "all"}})
        return status == 200
    until(written)
    realized_everywhere(lab, lab.api.revision(), lab.controllers)
