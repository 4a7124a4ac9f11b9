# SPDX-License-Identifier: Apache-2.0
"""What tenants share on a host: one that takes all that it can get leaves room for the others."""

import socket
import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from lab import Lab, checks
from lab.exchange import Services, outcome, says, talking

TENANT = """
tenant: {tenant}
networks:
  flat: {{subnets: [10.3.1.0/24, "fd00:3:1::/64"]}}
ports:
  client: {{network: flat}}
  server: {{network: flat}}
  {more}
policies:
  open: {{rules: [{{from: any, to: any, action: allow}}]}}
"""
PAIRS = 3  # of ports, with 65,536 connections between them at most: more than half of the table of the host
GREEDY = "\n  ".join(f"{end}{pair}: {{network: flat}}" for pair in range(PAIRS) for end in ("near", "far"))
ROWS = 262144


@pytest.fixture(scope="module")
def lab():
    with Lab(hosts=1) as lab:
        lab.apply("---".join(TENANT.format(tenant=tenant, more=more)
                             for tenant, more in (("acme", ""), ("umbrella", GREEDY))))
        yield lab


@pytest.fixture(scope="module")
def containers(lab):
    names = [("acme", "client"), ("acme", "server"), ("umbrella", "client"), ("umbrella", "server"),
             *[("umbrella", f"{end}{pair}") for pair in range(PAIRS) for end in ("near", "far")]]
    made = {(tenant, port): lab.container(tenant, port, "h1", attach=False) for tenant, port in names}
    for container in made.values():
        lab.attach(container)
    lab.settle()
    return made


def raw(container):
    """Sends frames as they are. Nobody in the container looks at what comes in."""
    container.namespace.run("nft", "add table netdev deaf; add chain netdev deaf in "
                            "{ type filter hook ingress device eth0 priority 0; policy drop; }")
    with container.namespace.entered():
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.bind(("eth0", 0))
    return opened


def datagram(source, target):
    """A frame whose two UDP ports are still to be written."""
    frame = Ether(src=source.mac, dst=target.mac) / IP(src=source.ipv4, dst=target.ipv4) / UDP(chksum=0)
    return bytearray(bytes(frame))


def converse(near, far, count):
    """Question, answer, and another question, of as many connections."""
    there, back = datagram(near, far), datagram(far, near)
    ports = struct.Struct("!HH")
    with raw(near) as asks, raw(far) as answers:
        for number in range(count):
            a, b = 1024 + number % 32768, 1024 + number // 32768
            ports.pack_into(there, 34, a, b)
            ports.pack_into(back, 34, b, a)
            asks.send(there)
            answers.send(back)
            asks.send(there)


def test_a_tenant_that_takes_all_it_can_get(lab, containers):
    """Half of the table of connections is one tenant's; another with the same addresses begins as many as it likes."""
    near, far = containers["umbrella", "client"], containers["umbrella", "server"]
    with talking(near, far, far.ipv6, 90) as early:
        for pair in range(PAIRS):
            converse(containers["umbrella", f"near{pair}"], containers["umbrella", f"far{pair}"], ROWS // 2 // PAIRS + 1000)
        client, server = containers["acme", "client"], containers["acme", "server"]
        attempts = [(client, address, kind) for address in server.addresses for kind in ("tcp/80", "udp/53")]
        with Services([server], ["tcp/80", "udp/53"]) as services:
            assert services.reached(attempts, attempts) == set(attempts)
        for address in server.addresses:
            with talking(client, server, address, 81) as ends:
                assert says(*ends) and says(*reversed(ends))
        assert says(*early) and says(*reversed(early))

        def is_named(host):  # what was refused before the agent's first count is not of now: so more is, meanwhile
            return outcome(near, far.ipv4, 91) != "silent" or "tenant umbrella: " in str(host["status"]["warnings"])

        warnings = str(lab.api.wait_for("/v1/hosts/h1", is_named)["status"]["warnings"])
        assert "tenant umbrella: " in warnings and "acme" not in warnings
        assert outcome(near, far.ipv4, 91) == "silent"
    path = f"/v1/tenants/umbrella/ports/near{PAIRS - 1}"
    assert checks.drops(lab.api.wait_for(path, lambda port: "connection-share" in checks.drops(port)))
    assert not checks.drops(lab.api.get("/v1/tenants/acme/ports/client")).keys() & {"connection-share", "connection-table-full"}
