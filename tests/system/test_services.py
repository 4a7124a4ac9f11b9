# SPDX-License-Identifier: Apache-2.0
"""DHCP, router advertisements and DNS, asked by the clients that people run."""

import ipaddress
import json
import signal
import socket

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether

from lab import Lab, checks
from lab.clients import dhclient, udhcpc
from lab.exchange import PATIENCE, SETTLE
from lab.nameserver import NameServer

OUTSIDE = "192.0.2.250"  # the controller's place in the underlay, where the name server runs
LEASE = 24 * 3600

DOCUMENT = f"""
tenant: acme
networks:
  web:
    subnets: [10.1.1.0/24, "fd00:1:1::/64"]
    mtu: 1380
    dhcp: true
    dns_domain: acme.test
    dns_servers: [{OUTSIDE}]
  auto: {{subnets: [10.1.2.0/24, "fd00:1:2::/64"], slaac: true, mtu: 1390}}
  alone: {{subnets: [10.1.3.0/24, "fd00:1:3::/64"], dhcp: true, dns_servers: []}}
  plain: {{subnets: [10.1.4.0/24, "fd00:1:4::/64"]}}
routers:
  main: {{networks: [web, auto]}}
ports:
  web1: {{network: web}}
  web2: {{network: web}}
  web3: {{network: web}}
  web4: {{network: web}}
  web5: {{network: web}}
  vm1: {{network: web}}
  auto1: {{network: auto}}
  alone1: {{network: alone}}
  alone2: {{network: alone}}
  plain1: {{network: plain}}
  plain2: {{network: plain}}
"""

PLACES = {"web1": "h1", "web2": "h2", "web3": "h1", "web4": "h1", "web5": "h2", "auto1": "h1", "alone1": "h1",
          "alone2": "h2", "plain1": "h1", "plain2": "h2"}
CONFIGURED = ("web5", "plain1", "plain2", "alone2")

NAMES = {"www.example": "198.51.100.7", "long.example": [b"x" * 250] * 8}


@pytest.fixture(scope="module")
def fabric():
    with Lab(hosts=2) as lab:
        lab.apply(DOCUMENT)
        containers = {}
        for port, host in PLACES.items():
            container = lab.container("acme", port, host, attach=False, configure=port in CONFIGURED)
            containers[port] = container
        for container in containers.values():
            lab.attach(container)
        lab.settle()
        # What this one does not ask, it was told by hand.
        web5 = containers["web5"]
        web5.namespace.ip(*[f"route replace default via {gateway(web5, family)}" for family in (4, 6)])
        with NameServer(lab.controller_namespace, OUTSIDE, NAMES) as server:
            yield lab, containers, server


def gateway(container, family=4):
    """The first host address of its subnet."""
    address = container.ipv4 if family == 4 else container.ipv6
    prefix = next(p for p in container.prefixes if p.startswith(f"{address}/"))
    return str(ipaddress.ip_interface(prefix).network[1])


def addresses(container, family=6):
    """Global addresses of eth0, as the kernel holds them."""
    links = json.loads(container.namespace.run("ip", "-j", f"-{family}", "address", "show", "dev", "eth0", "scope",
                                               "global"))
    return sorted(a["local"] for link in links for a in link.get("addr_info", []) if "local" in a)


# ---- DHCP for IPv4 ----

def test_udhcpc(fabric):
    _, containers, _ = fabric
    web1 = containers["web1"]
    with udhcpc(web1) as client:
        lease = client.lease("bound")
        assert lease["ip"] == web1.ipv4
        assert lease["mask"] == "24"
        assert lease["router"] == lease["serverid"] == lease["dns"] == gateway(web1)
        assert lease["domain"] == "acme.test"
        assert lease["mtu"] == "1380"
        assert lease["broadcast"] == "10.1.1.255"
        assert int(lease["lease"]) == LEASE
        # Renewal, to the server alone; then the address given back and asked for anew: it is the same.
        client.process.send_signal(signal.SIGUSR1)
        assert client.lease("renew")["ip"] == web1.ipv4
        client.forget()
        client.process.send_signal(signal.SIGUSR2)
        client.lease("deconfig")
        client.process.send_signal(signal.SIGUSR1)
        assert client.lease("bound")["ip"] == web1.ipv4
    assert checks.ping(web1, gateway(web1))
    assert checks.ping(web1, containers["web5"].ipv4)
    # The MTU that it was told is the network's: what it sends fits.
    assert checks.ping(web1, containers["web5"].ipv4, size=1380 - 28)


def test_dhclient(fabric):
    _, containers, _ = fabric
    web2 = containers["web2"]
    with dhclient(web2) as client:
        lease = client.lease("BOUND")
    assert lease["new_ip_address"] == web2.ipv4
    assert lease["new_subnet_mask"] == "255.255.255.0"
    assert lease["new_routers"] == lease["new_domain_name_servers"] == gateway(web2)
    assert lease["new_domain_name"] == "acme.test"
    assert lease["new_interface_mtu"] == "1380"
    assert lease["new_dhcp_lease_time"] == str(LEASE)
    assert lease["new_host_name"] == "web2"
    with dhclient(web2) as client:  # it remembers: INIT-REBOOT
        assert client.lease("REBOOT")["new_ip_address"] == web2.ipv4


def test_an_address_of_another_is_refused(fabric):
    _, containers, _ = fabric
    web3 = containers["web3"]
    with udhcpc(web3, "-r", containers["web1"].ipv4) as client:
        assert client.lease("bound")["ip"] == web3.ipv4


def test_a_network_without_a_router(fabric):
    _, containers, _ = fabric
    alone1 = containers["alone1"]
    with udhcpc(alone1) as client:
        lease = client.lease("bound")
        assert lease["ip"] == alone1.ipv4
        assert "router" not in lease
        assert lease["serverid"] == lease["dns"] == gateway(alone1)
        assert lease["domain"] == "acme.internal"
        client.process.send_signal(signal.SIGUSR1)
        assert client.lease("renew")["ip"] == alone1.ipv4
    assert checks.ping(alone1, containers["alone2"].ipv4)


def test_the_same_lease_from_another_agent(fabric):
    """An agent that is killed and started anew keeps no leases, and says the same; without one, packets flow."""
    lab, containers, _ = fabric
    web1 = containers["web1"]
    host = web1.host
    with udhcpc(web1) as client:
        before = client.lease("bound")
        host.kill_agent()
        assert checks.ping(web1, containers["web5"].ipv4)
        client.forget()
        host.start_agent()
        lab.wait_connected()
        client.process.send_signal(signal.SIGUSR1)
        after = client.lease("renew")
    told = ("ip", "mask", "router", "dns", "serverid", "domain", "mtu", "lease")
    assert {k: after[k] for k in told} == {k: before[k] for k in told}


# ---- IPv6 ----

def test_dhclient_for_ipv6(fabric):
    _, containers, _ = fabric
    web3 = containers["web3"]
    with dhclient(web3, 6) as client:
        lease = client.lease("BOUND6")
        assert lease["new_ip6_address"] == web3.ipv6
        assert lease["new_dhcp6_name_servers"] == gateway(web3, 6)
        assert lease["new_dhcp6_domain_search"].rstrip(".") == "acme.test"
    with dhclient(web3, 6) as client:  # it remembers: CONFIRM
        assert client.lease("BOUND6")["new_ip6_address"] == web3.ipv6
    assert checks.ping(web3, containers["web5"].ipv6)


def test_dhclient_asks_for_information_alone(fabric):
    _, containers, _ = fabric
    auto1 = containers["alone1"]
    with dhclient(auto1, 6, "-S") as client:
        lease = client.lease("RENEW6")
    assert lease["new_dhcp6_name_servers"] == gateway(auto1, 6)


def test_the_kernel_makes_its_address(fabric):
    """SLAAC: the address that the kernel makes is the one that the port has."""
    _, containers, _ = fabric
    auto1 = containers["auto1"]
    auto1.namespace.sysctl("net/ipv6/conf/eth0/accept_ra", 2)
    auto1.namespace.ip("link set eth0 down", "link set eth0 up")
    assert checks.wait_until(lambda: addresses(auto1) == [auto1.ipv6]) is not None, addresses(auto1)
    routes = auto1.namespace.run("ip", "-6", "route", "show", "default")
    assert "proto ra" in routes and "via fe80::" in routes
    assert auto1.namespace.run("cat", "/proc/sys/net/ipv6/conf/eth0/mtu").strip() == "1390"
    assert checks.wait_until(lambda: checks.ping(auto1, containers["web5"].ipv6)) is not None


def test_no_address_is_made_where_dhcp_gives_them(fabric):
    _, containers, _ = fabric
    web4 = containers["web4"]
    web4.namespace.sysctl("net/ipv6/conf/eth0/accept_ra", 2)
    web4.namespace.ip("link set eth0 down", "link set eth0 up")
    assert checks.wait_until(
        lambda: "proto ra" in web4.namespace.run("ip", "-6", "route", "show", "default")) is not None
    assert addresses(web4) == []


def test_what_changes_is_advertised_at_once(fabric):
    """A new MTU reaches the kernel of a port without its asking."""
    lab, containers, _ = fabric
    auto1 = containers["auto1"]
    auto1.namespace.sysctl("net/ipv6/conf/eth0/accept_ra", 2)
    lab.api.patch("/v1/tenants/acme/networks/auto", {"mtu": 1300})
    try:
        read = lambda: auto1.namespace.run("cat", "/proc/sys/net/ipv6/conf/eth0/mtu").strip()  # noqa: E731
        assert checks.wait_until(lambda: read() == "1300") is not None
    finally:
        lab.api.patch("/v1/tenants/acme/networks/auto", {"mtu": 1390})


# ---- a guest ----

def test_a_guest_asks_by_itself(fabric):
    lab, containers, _ = fabric
    machine = lab.machine("acme", "vm1", "h2", configure=False)
    lab.settle()
    machine.guest.wait_ready()
    script = ("#!/bin/sh\\n[ $1 = bound ] && ip address add $ip/$mask dev $interface && "
              "ip link set $interface mtu $mtu && ip route add default via $router && echo nameserver $dns >/etc/resolv.conf\\n")
    machine.guest.run(f"mkdir -p /etc && printf '{script}' >/tmp/script && chmod +x /tmp/script")
    machine.guest.run("udhcpc -n -q -i eth0 -s /tmp/script -O mtu -T 1 -t 10")
    assert machine.ipv4 in machine.guest.run("ip address show dev eth0")
    machine.guest.run(f"ping -c 2 {containers['web5'].ipv4}")
    assert containers["web5"].ipv4 in machine.guest.run("nslookup web5.acme.test")


# ---- DNS ----

def dig(container, *words, server=None):
    server = server or gateway(container)
    return container.namespace.run("dig", f"@{server}", "+tries=1", "+time=30", *words)


def short(container, *words, **options):
    return dig(container, "+short", *words, **options).split()


@pytest.mark.parametrize("family", [4, 6])
def test_own_names(fabric, family):
    _, containers, _ = fabric
    web5, web2 = containers["web5"], containers["web2"]
    server = gateway(web5, family)
    for name in ("web2.acme.test", "WEB2.Acme.test", "web2.web.acme.test"):
        assert short(web5, name, "A", server=server) == [web2.ipv4]
        assert short(web5, name, "AAAA", server=server) == [web2.ipv6]
    for address in web2.addresses:
        assert short(web5, "-x", address, server=server) == ["web2.acme.test."]
    for name in ("nobody.acme.test", "web2.auto.acme.test"):
        answer = dig(web5, name, server=server)
        assert "status: NXDOMAIN" in answer and "SOA" in answer
    assert "status: NOERROR" in dig(web5, "web2.acme.test", "MX", server=server)
    assert "status: NXDOMAIN" in dig(web5, "-x", "10.1.1.250", server=server)
    # By routers, and no further.
    assert short(web5, "auto1.acme.test", server=server) == [containers["auto1"].ipv4]
    assert "status: NXDOMAIN" in dig(web5, "plain1.acme.test", server=server)


def test_other_names_are_asked_elsewhere(fabric):
    _, containers, server = fabric
    web5 = containers["web5"]
    server.asked.clear()
    for _ in range(8):
        assert short(web5, "www.example") == ["198.51.100.7"]
    assert "status: NXDOMAIN" in dig(web5, "nothing.example")
    assert {name for name, _, _ in server.asked} == {"www.example", "nothing.example"}
    # Neither the port nor the id can be guessed.
    assert len({port for _, port, _ in server.asked}) > 6
    assert len({number for _, _, number in server.asked}) > 6


def test_a_long_answer_is_cut_where_it_must(fabric):
    _, containers, _ = fabric
    web5 = containers["web5"]
    assert " tc" in dig(web5, "+ignore", "+bufsize=600", "long.example", "TXT")
    assert " tc" in dig(web5, "+ignore", "+noedns", "long.example", "TXT")


def test_where_nobody_is_to_be_asked(fabric):
    _, containers, _ = fabric
    alone2 = containers["alone2"]
    assert "status: REFUSED" in dig(alone2, "www.example")
    assert short(alone2, "alone1.acme.internal") == [containers["alone1"].ipv4]


def test_servers_that_do_not_answer(fabric):
    lab, containers, server = fabric
    web5 = containers["web5"]
    lab.api.patch("/v1/tenants/acme/networks/web", {"dns_servers": ["192.0.2.99", OUTSIDE]})
    lab.settle()
    try:
        assert short(web5, "www.example") == ["198.51.100.7"]
        lab.api.patch("/v1/tenants/acme/networks/web", {"dns_servers": ["192.0.2.99"]})
        lab.settle()
        assert "status: SERVFAIL" in dig(web5, "www.example")
    finally:
        lab.api.patch("/v1/tenants/acme/networks/web", {"dns_servers": [OUTSIDE]})
        lab.settle()


def test_a_port_has_so_many_questions_open(fabric):
    """Where nobody answers, the questions of a port wait, and those beyond its share fail at once: before the others."""
    lab, containers, _ = fabric
    web5 = containers["web5"]
    lab.api.patch("/v1/tenants/acme/networks/web", {"dns_servers": ["192.0.2.99"]})
    lab.settle()
    failed = []
    try:
        with web5.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((gateway(web5), 53))
            sender.settimeout(PATIENCE)
            for number in range(60):
                sender.send(number.to_bytes(2, "big") + bytes.fromhex("01000001000000000000") +
                            b"\x03www\x07example\0\0\x01\0\x01")
            while len(failed) < 60:
                answer = sender.recv(2000)
                assert answer[3] & 15 == 2  # SERVFAIL
                failed.append(int.from_bytes(answer[:2], "big"))
    finally:
        lab.api.patch("/v1/tenants/acme/networks/web", {"dns_servers": [OUTSIDE]})
        lab.settle()
    assert failed[:60 - 32] == list(range(32, 60))
    assert sorted(failed) == list(range(60))


def test_the_agent_says_what_it_served(fabric):
    lab, containers, _ = fabric
    web5 = containers["web5"]
    before = web5.host.status()["services"]["dns"]["answered"]
    assert short(web5, "web2.acme.test")
    assert checks.wait_until(lambda: web5.host.status()["services"]["dns"]["answered"] > before) is not None


# ---- what ports must not say, and how much they may ask ----

def send(container, frame):
    with container.namespace.entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("eth0", 0))
    with sender:
        sender.send(bytes(frame))


def heard(container, port, seconds=PATIENCE):
    """A socket that hears what comes to this UDP port of the container."""
    receiver = container.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", port))
    receiver.settimeout(seconds)
    return receiver


def drops_of(lab, port):
    return checks.drops(lab.api.get(f"/v1/tenants/acme/ports/{port}"))


def offer(source):
    ether = Ether(src=source.mac, dst="ff:ff:ff:ff:ff:ff")
    return ether / IP(src=source.ipv4, dst="255.255.255.255") / UDP(sport=67, dport=68) / BOOTP(op=2) / DHCP(
        options=[("message-type", "offer"), "end"])


def advertisement(source):
    ether = Ether(src=source.mac, dst="33:33:00:00:00:01")
    b = bytes.fromhex(source.mac.replace(":", ""))
    local = ipaddress.IPv6Address(bytes.fromhex("fe80" + "00" * 6) + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:])
    return ether / IPv6(src=str(local), dst="ff02::1", hlim=255) / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(
        prefix="fd00:bad::", prefixlen=64)


def test_spoofed_servers_are_dropped(fabric):
    lab, containers, _ = fabric
    web5 = containers["web5"]
    before = drops_of(lab, "web5")
    with heard(containers["web1"], 68, SETTLE) as receiver:
        send(web5, offer(web5))
        with pytest.raises(TimeoutError):
            receiver.recv(2000)
    send(web5, advertisement(web5))
    for reason in ("spoofed-dhcp", "spoofed-ra"):
        assert checks.wait_until(
            lambda: drops_of(lab, "web5").get(reason, 0) == before.get(reason, 0) + 1) is not None, reason
    assert "fd00:bad::" not in containers["web4"].namespace.run("ip", "-6", "route")


def test_a_network_that_serves_nothing_leaves_it_to_its_ports(fabric):
    _, containers, _ = fabric
    plain1, plain2 = containers["plain1"], containers["plain2"]
    with heard(plain2, 68) as receiver:
        send(plain1, offer(plain1))
        assert receiver.recv(2000)
    plain2.namespace.sysctl("net/ipv6/conf/eth0/accept_ra", 2)
    send(plain1, advertisement(plain1))
    assert checks.wait_until(lambda: "fd00:bad::" in plain2.namespace.run("ip", "-6", "route")) is not None


def test_a_flood_of_questions_is_limited(fabric):
    """A port that asks far too much is dropped at the datapath; another port is answered meanwhile."""
    lab, containers, _ = fabric
    alone2, web5 = containers["alone2"], containers["web5"]
    query = bytes.fromhex("000101000001000000000000") + b"\x06alone1\x04acme\x08internal\0\0\x01\0\x01"
    with alone2.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((gateway(alone2), 53))
        for count in range(6000):
            sender.send(query)
            if count % 1000 == 999:
                assert short(web5, "web2.acme.test") == [containers["web2"].ipv4]
    assert checks.wait_until(lambda: drops_of(lab, "alone2").get("punt-limited", 0) > 3000) is not None
    assert drops_of(lab, "web5").get("punt-limited", 0) == 0
