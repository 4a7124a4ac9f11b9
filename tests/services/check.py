#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ask the services as clients would, and read their answers: scapy builds and takes apart every packet.

    check.py SERVICES-RUN
"""

import ipaddress
import json
import random
import subprocess
import sys
import tempfile
import unittest

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Confirm, DHCP6_Decline, DHCP6_InfoRequest, DHCP6_Rebind,
                                DHCP6_RelayForward, DHCP6_Release, DHCP6_Renew, DHCP6_Reply, DHCP6_Request,
                                DHCP6_Solicit, DHCP6OptClientId, DHCP6OptDNSDomains, DHCP6OptDNSServers, DHCP6OptIA_NA,
                                DHCP6OptIA_PD, DHCP6OptIAAddress, DHCP6OptInfoRefreshTime, DHCP6OptPref,
                                DHCP6OptRapidCommit, DHCP6OptServerId, DHCP6OptStatusCode, DUID_LL)
from scapy.layers.dns import DNS, DNSQR, DNSRR, DNSRROPT
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDNSSL, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                                ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import Ether

PROGRAM = sys.argv.pop(1)
LEASE = 24 * 3600


def network(name, vni, **fields):
    return {"kind": "network", "tenant": "acme", "name": name, "vni": vni, **fields}


def port(name, key, network_name, *addresses):
    return {"kind": "port", "tenant": "acme", "name": name, "network": network_name, "key": key,
            "mac": f"02:00:00:00:00:{key:02x}", "addresses": list(addresses)}


def router(name, key, *networks):
    return {"kind": "router", "tenant": "acme", "name": name, "key": key, "networks": list(networks)}


OBJECTS = [
    network("web", 1, subnets=["10.1.1.0/24", "fd00:1:1::/64"], mtu=1400, dhcp=True, dns_domain="acme.test"),
    network("auto", 2, subnets=["10.1.2.0/24", "fd00:1:2::/64"], mtu=1390, slaac=True),
    network("alone", 3, subnets=["10.1.3.0/24", "10.9.0.0/20", "fd00:1:3::/64"], mtu=1280, dhcp=True),
    network("both", 4, subnets=["fd00:1:4::/64", "fd00:1:5::/64"], dhcp=True, slaac=True),
    network("dark", 5, subnets=["10.1.6.0/24", "fd00:1:6::/64"]),
    network("taken", 6, subnets=["10.1.7.0/24"], dhcp=True),
    network("far", 7, subnets=["10.2.0.0/16"]),
    port("web1", 1, "web", "10.1.1.5", "fd00:1:1::5"),
    port("web2", 2, "web", "10.1.1.6", "fd00:1:1::6"),
    port("mute", 3, "web"),
    port("auto1", 4, "auto", "10.1.2.5", "fd00:1:2:0:0:ff:fe00:4"),
    port("alone1", 5, "alone", "10.1.3.5", "fd00:1:3::5", "fd00:1:3::55"),
    port("both1", 6, "both", "fd00:1:4::6"),
    port("dark1", 7, "dark", "10.1.6.5", "fd00:1:6::5"),
    port("taken1", 8, "taken", "10.1.7.1"),
    port("taken2", 9, "taken", "10.1.7.2"),
    port("web.front", 10, "web", "10.1.1.7"),
    port("same1", 11, "dark", "10.1.1.5"),
    router("main", 7, {"network": "web"}, {"network": "auto"}),
    router("a-newer-one", 9, {"network": "web", "addresses": ["10.1.1.254"]}, {"network": "far"}),
]
PORTS = {o["name"]: o for o in OBJECTS if o["kind"] == "port"}
ROUTER_MAC, NETWORK_MAC = "0e:57:00:00:00:07", "0e:57:ff:00:00:{:02x}"


def link_local(mac):
    b = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.IPv6Address(bytes.fromhex("fe80" + "00" * 6) + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:]))


class Services(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(OBJECTS, cls.objects)
        cls.objects.flush()
        cls.program = subprocess.Popen([PROGRAM, cls.objects.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)

    @classmethod
    def tearDownClass(cls):
        cls.program.stdin.close()
        cls.program.stdout.close()
        assert cls.program.wait() == 0
        cls.objects.close()

    def say(self, line):
        self.program.stdin.write(line + "\n")
        self.program.stdin.flush()
        word, _, rest = self.program.stdout.readline().rstrip("\n").partition(" ")
        self.assertTrue(word, "services-run ended")
        return word, bytes.fromhex(rest)

    def ask(self, service, name, frame):
        return self.say(f"{service} {PORTS[name]['key']} {bytes(frame).hex()}")

    def answer(self, service, name, frame):
        """The answer, whose checksums must hold."""
        word, data = self.ask(service, name, frame)
        self.assertEqual(word, "answered")
        return self.decode(data)

    def decode(self, data):
        packet = Ether(data)
        again = Ether(data)
        for layer in again.iterpayloads():
            for field in ("chksum", "cksum", "len", "plen"):
                if field in layer.fields and not isinstance(layer, (DNS, BOOTP)):
                    if field in ("chksum", "cksum") or isinstance(layer, (IP, IPv6, UDP)):
                        delattr(layer, field)
        self.assertEqual(bytes(again), data, "lengths and checksums")
        return packet


# ---- DHCP for IPv4 ----

def dhcp4(name, kind, *options, src="0.0.0.0", dst="255.255.255.255", flags=0, mac=None, **bootp):
    mac = mac or PORTS[name]["mac"]
    fields = {"op": 1, "htype": 1, "hlen": 6, "xid": 0x1234ABCD, "chaddr": bytes.fromhex(mac.replace(":", "")),
              "flags": flags, **bootp}
    return (Ether(src=PORTS[name]["mac"], dst="ff:ff:ff:ff:ff:ff") / IP(src=src, dst=dst) / UDP(sport=68, dport=67) /
            BOOTP(**fields) / DHCP(options=[("message-type", kind), *options, "end"]))


def options4(packet):
    return {o[0]: (o[1] if len(o) == 2 else o[1:]) for o in packet[DHCP].options if isinstance(o, tuple)}


class Dhcp4(Services):
    def test_discover(self):
        client = bytes([1]) + bytes.fromhex("020000000001")
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", ("client_id", client), ("param_req_list", [1, 3, 12])))
        self.assertEqual((packet.src, packet.dst), (ROUTER_MAC, PORTS["web1"]["mac"]))
        self.assertEqual((packet[IP].src, packet[IP].dst, packet[IP].ttl), ("10.1.1.1", "10.1.1.5", 64))
        self.assertEqual((packet[UDP].sport, packet[UDP].dport), (67, 68))
        bootp = packet[BOOTP]
        self.assertEqual((bootp.op, bootp.xid, bootp.yiaddr, bootp.ciaddr, bootp.giaddr),
                         (2, 0x1234ABCD, "10.1.1.5", "0.0.0.0", "0.0.0.0"))
        options = options4(packet)
        self.assertEqual(options, {
            "message-type": 2, "server_id": "10.1.1.1", "client_id": client, "lease_time": LEASE,
            "renewal_time": LEASE // 2, "rebinding_time": LEASE * 7 // 8, "subnet_mask": "255.255.255.0",
            "router": "10.1.1.1", "name_server": "10.1.1.1", "interface-mtu": 1400,
            "broadcast_address": "10.1.1.255", "domain": b"acme.test", "hostname": b"web1"})
        self.assertGreaterEqual(len(packet[UDP].payload), 300)

    def test_request(self):
        cases = [
            # What is asked, with what header, and the answer: 5 yes, 6 no, None silence.
            ([("server_id", "10.1.1.1"), ("requested_addr", "10.1.1.5")], {}, 5),
            ([("server_id", "10.1.1.1"), ("requested_addr", "10.1.1.6")], {}, 6),
            ([("server_id", "10.1.1.1")], {}, 6),
            ([("server_id", "10.1.1.9"), ("requested_addr", "10.1.1.5")], {}, None),
            ([("requested_addr", "10.1.1.5")], {}, 5),
            ([("requested_addr", "10.77.1.5")], {}, 6),
            ([], {"ciaddr": "10.1.1.5"}, 5),
            ([], {"ciaddr": "10.1.1.6"}, 6),
            ([], {}, None),
        ]
        for options, header, expected in cases:
            with self.subTest(options=options, header=header):
                question = dhcp4("web1", "request", *options, **header)
                if expected is None:
                    self.assertEqual(self.ask("dhcpv4", "web1", question)[0], "silent")
                    continue
                packet = self.answer("dhcpv4", "web1", question)
                told = options4(packet)
                self.assertEqual(told["message-type"], expected)
                self.assertEqual(told["server_id"], "10.1.1.1")
                if expected == 6:
                    self.assertEqual(packet[BOOTP].yiaddr, "0.0.0.0")
                    self.assertNotIn("lease_time", told)
                    self.assertEqual((packet.dst, packet[IP].dst), ("ff:ff:ff:ff:ff:ff", "255.255.255.255"))
                else:
                    self.assertEqual(packet[BOOTP].yiaddr, "10.1.1.5")
                    self.assertEqual(told["lease_time"], LEASE)
                    self.assertEqual(packet[IP].dst, "10.1.1.5")

    def test_where_the_answer_goes(self):
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", flags=0x8000))
        self.assertEqual((packet.dst, packet[IP].dst), ("ff:ff:ff:ff:ff:ff", "255.255.255.255"))
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "request", src="10.1.1.5", dst="10.1.1.1",
                                                    ciaddr="10.1.1.5"))
        self.assertEqual((packet.dst, packet[IP].dst), (PORTS["web1"]["mac"], "10.1.1.5"))

    def test_inform(self):
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "inform", src="10.1.1.5", ciaddr="10.1.1.5"))
        told = options4(packet)
        self.assertEqual((told["message-type"], packet[BOOTP].yiaddr), (5, "0.0.0.0"))
        self.assertEqual((told["name_server"], told["interface-mtu"]), ("10.1.1.1", 1400))
        self.assertNotIn("lease_time", told)

    def test_rapid_commit(self):
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", (80, b"")))
        told = options4(packet)
        self.assertEqual((told["message-type"], told["lease_time"]), (5, LEASE))
        self.assertIn(b"\x50\x00", bytes(packet[DHCP]))

    def test_classless_routes(self):
        # The default first, the other router's other networks behind it; only for who asks.
        packet = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", ("param_req_list", [121])))
        routes = bytes.fromhex("00 0a010101  10 0a02 0a0101fe".replace(" ", ""))
        self.assertIn(bytes([121, len(routes)]) + routes, bytes(packet[DHCP]))
        packet = self.answer("dhcpv4", "alone1", dhcp4("alone1", "discover", ("param_req_list", [121])))
        routes = bytes.fromhex("140a090000000000")  # 10.9.0.0/20 is on the link
        self.assertIn(bytes([121, len(routes)]) + routes, bytes(packet[DHCP]))
        self.assertNotIn("router", options4(packet))

    def test_without_a_router(self):
        packet = self.answer("dhcpv4", "alone1", dhcp4("alone1", "discover"))
        told = options4(packet)
        self.assertEqual(packet.src, NETWORK_MAC.format(3))
        self.assertEqual((told["server_id"], told["name_server"], told["domain"]),
                         ("10.1.3.1", "10.1.3.1", b"acme.internal"))

    def test_where_a_port_has_the_first_address(self):
        told = options4(self.answer("dhcpv4", "taken2", dhcp4("taken2", "discover")))
        self.assertEqual(told["server_id"], "169.254.0.1")
        self.assertNotIn("name_server", told)

    def test_silence(self):
        for name, question in {
            "web1": dhcp4("web1", "discover", mac="02:00:00:00:00:77"), "mute": dhcp4("mute", "discover"),
        }.items():
            self.assertEqual(self.ask("dhcpv4", name, question)[0], "silent")
        self.assertEqual(self.ask("dhcpv4", "web1", dhcp4("web1", "discover", giaddr="10.1.1.9"))[0], "silent")
        for kind in ("release", "decline"):
            self.assertEqual(self.ask("dhcpv4", "web1", dhcp4("web1", kind, ciaddr="10.1.1.5"))[0], "silent")

    def test_malformed(self):
        good = dhcp4("web1", "discover")
        headers = Ether(src=good.src, dst=good.dst) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
        bootp = bytes(good[BOOTP])[:240]
        for payload in (b"", bootp[:239], bootp, bootp + b"\xff", bootp + b"\x35", bootp + b"\x35\x02\x01\x01",
                        bootp + b"\x35\x01\x09\xff", bootp + b"\x35\x01\x01\x32\x03abc\xff",
                        bootp + b"\x35\x01\x01\x3d\x40abc\xff", bootp + b"\x35\x00", bootp + b"\x39\x01\x01\x35\x01\x01",
                        b"\x02" + bootp[1:] + b"\x35\x01\x01\xff", bootp[:1] + b"\x06" + bootp[2:] + b"\x35\x01\x01\xff",
                        bootp[:2] + b"\x10" + bootp[3:] + b"\x35\x01\x01\xff",
                        bootp[:236] + b"nope" + b"\x35\x01\x01\xff"):
            self.assertEqual(self.ask("dhcpv4", "web1", headers / payload)[0], "malformed", payload[236:])

    def test_a_client_with_little_room(self):
        wide = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", ("max_dhcp_size", 1500)))
        small = self.answer("dhcpv4", "web1", dhcp4("web1", "discover", ("max_dhcp_size", 10)))
        self.assertEqual(bytes(wide[DHCP]), bytes(small[DHCP]))


# ---- DHCP for IPv6 ----

CLIENT = DUID_LL(lladdr="02:00:00:00:00:01")


def server_duid(vni):
    return DUID_LL(lladdr=NETWORK_MAC.format(vni))


def dhcp6(name, message, *options, dst="ff02::1:2", client=True):
    mac = PORTS[name]["mac"]
    packet = (Ether(src=mac, dst="33:33:00:01:00:02") / IPv6(src=link_local(mac), dst=dst) /
              UDP(sport=546, dport=547) / message(trid=0xABCDEF))
    if client:
        packet = packet / DHCP6OptClientId(duid=CLIENT)
    for option in options:
        packet = packet / option
    return packet


def ia(number=7, *addresses):
    return DHCP6OptIA_NA(iaid=number, ianaopts=[DHCP6OptIAAddress(addr=a, preflft=9, validlft=9) for a in addresses])


def given(packet):
    """{iaid: ({address: valid lifetime}, status)}"""
    found, layer = {}, packet
    while layer:
        if isinstance(layer, DHCP6OptIA_NA):
            addresses = {o.addr: o.validlft for o in layer.ianaopts if isinstance(o, DHCP6OptIAAddress)}
            status = [o.statuscode for o in layer.ianaopts if isinstance(o, DHCP6OptStatusCode)]
            found[layer.iaid] = (addresses, status[0] if status else None)
        layer = layer.payload
    return found


VALID = 2 * LEASE


class Dhcp6(Services):
    def server(self, vni=1):
        return DHCP6OptServerId(duid=server_duid(vni))

    def test_solicit(self):
        packet = self.answer("dhcpv6", "web1", dhcp6("web1", DHCP6_Solicit, ia()))
        mac = NETWORK_MAC.format(1)
        self.assertEqual((packet.src, packet.dst), (mac, PORTS["web1"]["mac"]))
        self.assertEqual((packet[IPv6].src, packet[IPv6].dst), (link_local(mac), link_local(PORTS["web1"]["mac"])))
        self.assertEqual((packet[UDP].sport, packet[UDP].dport), (547, 546))
        self.assertEqual(packet[DHCP6_Advertise].trid, 0xABCDEF)
        self.assertEqual(bytes(packet[DHCP6OptClientId].duid), bytes(CLIENT))
        self.assertEqual(bytes(packet[DHCP6OptServerId].duid), bytes(server_duid(1)))
        self.assertEqual(packet[DHCP6OptPref].prefval, 255)
        self.assertEqual(given(packet), {7: ({"fd00:1:1::5": VALID}, None)})
        self.assertEqual(packet[DHCP6OptDNSServers].dnsservers, ["fd00:1:1::1"])
        self.assertEqual(packet[DHCP6OptDNSDomains].dnsdomains, ["acme.test."])

    def test_rapid_commit(self):
        packet = self.answer("dhcpv6", "web1", dhcp6("web1", DHCP6_Solicit, ia(), DHCP6OptRapidCommit()))
        self.assertIn(DHCP6_Reply, packet)
        self.assertIn(DHCP6OptRapidCommit, packet)
        self.assertEqual(given(packet), {7: ({"fd00:1:1::5": VALID}, None)})

    def test_request_renew_rebind(self):
        for message, server in ((DHCP6_Request, True), (DHCP6_Renew, True), (DHCP6_Rebind, False)):
            options = [self.server()] if server else []
            packet = self.answer("dhcpv6", "web1", dhcp6("web1", message, *options, ia(7, "fd00:1:1::5")))
            self.assertIn(DHCP6_Reply, packet)
            self.assertEqual(given(packet), {7: ({"fd00:1:1::5": VALID}, None)})
            # What the client should not have is taken from it.
            packet = self.answer("dhcpv6", "web1", dhcp6("web1", message, *options, ia(7, "fd00:1:1::99")))
            self.assertEqual(given(packet), {7: ({"fd00:1:1::5": VALID, "fd00:1:1::99": 0}, None)})

    def test_all_addresses_in_the_first_association(self):
        packet = self.answer("dhcpv6", "alone1", dhcp6("alone1", DHCP6_Solicit, ia(1), ia(2), DHCP6OptIA_PD(iaid=3)))
        self.assertEqual(given(packet), {1: ({"fd00:1:3::5": VALID, "fd00:1:3::55": VALID}, None), 2: ({}, 2)})
        self.assertEqual(packet[DHCP6OptIA_PD].iapdopt[0].statuscode, 6)
        packet = self.answer("dhcpv6", "mute", dhcp6("mute", DHCP6_Solicit, ia(1)))
        self.assertEqual(given(packet), {1: ({}, 2)})

    def test_confirm(self):
        for addresses, status in ((["fd00:1:1::5"], 0), (["fd00:1:1::99"], 0), (["fd00:9::5"], 4)):
            packet = self.answer("dhcpv6", "web1", dhcp6("web1", DHCP6_Confirm, ia(7, *addresses)))
            self.assertEqual(packet[DHCP6OptStatusCode].statuscode, status)
        self.assertEqual(self.ask("dhcpv6", "web1", dhcp6("web1", DHCP6_Confirm, ia()))[0], "silent")

    def test_release_and_decline(self):
        for message in (DHCP6_Release, DHCP6_Decline):
            packet = self.answer("dhcpv6", "web1", dhcp6("web1", message, self.server(), ia(7, "fd00:1:1::5")))
            self.assertEqual(packet[DHCP6OptStatusCode].statuscode, 0)
            self.assertEqual(given(packet), {7: ({}, 0)})

    def test_information(self):
        packet = self.answer("dhcpv6", "web1", dhcp6("web1", DHCP6_InfoRequest, client=False))
        self.assertEqual(packet[DHCP6OptDNSServers].dnsservers, ["fd00:1:1::1"])
        self.assertEqual(packet[DHCP6OptInfoRefreshTime].reftime, LEASE)
        self.assertEqual(given(packet), {})

    def test_unicast_is_sent_back(self):
        question = dhcp6("web1", DHCP6_Renew, self.server(), ia(7, "fd00:1:1::5"), dst=link_local(NETWORK_MAC.format(1)))
        packet = self.answer("dhcpv6", "web1", question)
        self.assertEqual(packet[DHCP6OptStatusCode].statuscode, 5)
        self.assertEqual(given(packet), {})

    def test_silence(self):
        other = DHCP6OptServerId(duid=DUID_LL(lladdr="02:00:00:00:00:99"))
        for message in (DHCP6_Request, DHCP6_Renew, DHCP6_Release, DHCP6_Decline):
            self.assertEqual(self.ask("dhcpv6", "web1", dhcp6("web1", message, other, ia()))[0], "silent")
        self.assertEqual(self.ask("dhcpv6", "web1", dhcp6("web1", DHCP6_InfoRequest, other))[0], "silent")

    def test_malformed(self):
        for question in (
            dhcp6("web1", DHCP6_Solicit, ia(), client=False),
            dhcp6("web1", DHCP6_Solicit, self.server(), ia()),
            dhcp6("web1", DHCP6_Request, ia()),
            dhcp6("web1", DHCP6_Rebind, self.server(), ia()),
            dhcp6("web1", DHCP6_InfoRequest, ia()),
            dhcp6("web1", DHCP6_Advertise, ia()),
            dhcp6("web1", DHCP6_Reply, ia()),
        ):
            self.assertEqual(self.ask("dhcpv6", "web1", question)[0], "malformed", question.summary())
        relayed = dhcp6("web1", DHCP6_Solicit, ia())
        relayed[UDP].remove_payload()
        self.assertEqual(self.ask("dhcpv6", "web1", relayed / DHCP6_RelayForward())[0], "malformed")
        good = bytes(dhcp6("web1", DHCP6_Solicit, ia(7, "fd00:1:1::5"))[UDP].payload)
        for cut in range(len(good)):
            packet = relayed.copy() / good[:cut]
            self.assertIn(self.ask("dhcpv6", "web1", packet)[0], ("malformed", "answered"))
            if cut not in (4 + 4 + 10,):  # between two options
                self.assertEqual(self.ask("dhcpv6", "web1", packet)[0], "malformed", cut)


# ---- router advertisements ----

def solicitation(name, source=None, option=True, **fields):
    mac = PORTS[name]["mac"]
    packet = (Ether(src=mac, dst="33:33:00:00:00:02") /
              IPv6(**{"src": source or link_local(mac), "dst": "ff02::2", "hlim": 255, **fields}) / ICMPv6ND_RS())
    return packet / ICMPv6NDOptSrcLLAddr(lladdr=mac) if option else packet


class Advertisements(Services):
    def test_where_dhcp_gives_addresses(self):
        packet = self.answer("router", "web1", solicitation("web1"))
        self.assertEqual((packet.src, packet.dst), (ROUTER_MAC, PORTS["web1"]["mac"]))
        self.assertEqual((packet[IPv6].src, packet[IPv6].dst, packet[IPv6].hlim),
                         (link_local(ROUTER_MAC), link_local(PORTS["web1"]["mac"]), 255))
        ra = packet[ICMPv6ND_RA]
        self.assertEqual((ra.M, ra.O, ra.routerlifetime, ra.chlim), (1, 1, 65535, 64))
        self.assertEqual(packet[ICMPv6NDOptSrcLLAddr].lladdr, ROUTER_MAC)
        self.assertEqual(packet[ICMPv6NDOptMTU].mtu, 1400)
        prefix = packet[ICMPv6NDOptPrefixInfo]
        self.assertEqual((prefix.prefix, prefix.prefixlen, prefix.L, prefix.A), ("fd00:1:1::", 64, 1, 0))
        self.assertEqual(packet[ICMPv6NDOptRDNSS].dns, ["fd00:1:1::1"])
        self.assertEqual(packet[ICMPv6NDOptDNSSL].searchlist, ["acme.test."])

    def test_where_ports_make_their_addresses(self):
        packet = self.answer("router", "auto1", solicitation("auto1"))
        ra, prefix = packet[ICMPv6ND_RA], packet[ICMPv6NDOptPrefixInfo]
        self.assertEqual((ra.M, ra.O, prefix.A, prefix.validlifetime, prefix.preferredlifetime),
                         (0, 0, 1, 2592000, 604800))

    def test_both_and_without_a_router(self):
        packet = self.answer("router", "both1", solicitation("both1"))
        ra = packet[ICMPv6ND_RA]
        self.assertEqual((ra.M, ra.O, ra.routerlifetime), (0, 1, 0))
        self.assertEqual(packet.src, NETWORK_MAC.format(4))
        first = packet[ICMPv6NDOptPrefixInfo]
        self.assertEqual([first.prefix, first.payload.prefix], ["fd00:1:4::", "fd00:1:5::"])

    def test_who_has_no_address_is_told_with_all(self):
        packet = self.answer("router", "web1", solicitation("web1", "::", option=False))
        self.assertEqual((packet.dst, packet[IPv6].dst), ("33:33:00:00:00:01", "ff02::1"))
        word, data = self.say(f"unasked {PORTS['web1']['key']}")
        self.assertEqual((word, bytes(self.decode(data))), ("answered", bytes(packet)))

    def test_silence(self):
        self.assertEqual(self.ask("router", "dark1", solicitation("dark1"))[0], "silent")
        self.assertEqual(self.say(f"unasked {PORTS['dark1']['key']}")[0], "silent")

    def test_malformed(self):
        broken = bytearray(bytes(solicitation("web1")))
        broken[14 + 40 + 2] ^= 1  # the checksum
        for question in (
            solicitation("web1", hlim=64),
            solicitation("web1", "::"),
            solicitation("web1", option=False) / b"\x01\x00\x00\x00\x00\x00\x00\x00",
            solicitation("web1", option=False) / b"\x01\x02\x00\x00\x00\x00\x00\x00",
            solicitation("web1", option=False) / b"\x01",
            broken,
        ):
            self.assertEqual(self.ask("router", "web1", question)[0], "malformed")


# ---- DNS ----

def dns(name, question, kind="A", dst="10.1.1.1", qclass=1, size=None, **fields):
    record = PORTS[name]
    source = record["addresses"][0 if ":" not in dst else 1]
    extra = DNSRROPT(rclass=size) if size else None
    ip = IPv6(src=source, dst=dst) if ":" in dst else IP(src=source, dst=dst)
    return (Ether(src=record["mac"], dst=ROUTER_MAC) / ip / UDP(sport=40000, dport=53) /
            DNS(id=0x4242, rd=1, qd=DNSQR(qname=question, qtype=kind, qclass=qclass), ar=extra, **fields))


def records(section, count):
    """[(name, type, data)]"""
    found = []
    for i in range(count):
        record = section[i] if isinstance(section, list) else section.getlayer(DNSRR, i + 1) or section
        found.append((record.rrname.decode(), record.type, getattr(record, "rdata", None)))
    return found


class Dns(Services):
    def resolve(self, name, question, kind="A", **options):
        packet = self.answer("dns", name, dns(name, question, kind, **options))
        answer = packet[DNS]
        self.assertEqual((answer.id, answer.qr, answer.aa, answer.ra, answer.rd), (0x4242, 1, 1, 1, 1))
        self.assertEqual((packet[UDP].sport, packet[UDP].dport), (53, 40000))
        return answer.rcode, records(answer.an, answer.ancount), answer

    def test_own_names(self):
        self.assertEqual(self.resolve("web1", "auto1.acme.test")[1], [("auto1.acme.test.", 1, "10.1.2.5")])
        for question in ("web2.acme.test", "web2.web.acme.test", "WEB2.ACME.test"):
            rcode, found, _ = self.resolve("web1", question)
            self.assertEqual((rcode, found), (0, [(f"{question}.", 1, "10.1.1.6")]))
        rcode, found, _ = self.resolve("web1", "web2.acme.test", "AAAA", dst="fd00:1:1::1")
        self.assertEqual((rcode, found), (0, [("web2.acme.test.", 28, "fd00:1:1::6")]))
        for question in ("web.front.acme.test", "web.front.web.acme.test"):
            self.assertEqual(self.resolve("web1", question)[1], [(f"{question}.", 1, "10.1.1.7")])

    def test_where_it_goes(self):
        packet = self.answer("dns", "web1", dns("web1", "web2.acme.test", dst="fd00:1:1::1"))
        self.assertEqual((packet.src, packet.dst), (ROUTER_MAC, PORTS["web1"]["mac"]))
        self.assertEqual((packet[IPv6].src, packet[IPv6].dst), ("fd00:1:1::1", "fd00:1:1::5"))

    def test_names_that_are_nobodys(self):
        # Nor of ports that no router of the network reaches.
        for question in ("nobody.acme.test", "web2.auto.acme.test", "a.b.c.acme.test", "x.web2.acme.test",
                         "auto1.web.acme.test", "dark1.acme.test", "dark1.dark.acme.test", "dark.acme.test"):
            rcode, found, answer = self.resolve("web1", question)
            self.assertEqual((rcode, found, answer.nscount), (3, [], 1), question)
            self.assertEqual(answer.ns.type, 6)

    def test_names_without_such_records(self):
        for question, kind in (("web2.acme.test", "MX"), ("acme.test", "A"), ("web.acme.test", "A"),
                               ("web.front.acme.test", "AAAA")):
            rcode, found, answer = self.resolve("web1", question, kind)
            self.assertEqual((rcode, found, answer.nscount), (0, [], 1), question)

    def test_addresses(self):
        self.assertEqual(self.resolve("web1", "6.1.1.10.in-addr.arpa", "PTR")[1],
                         [("6.1.1.10.in-addr.arpa.", 12, b"web2.acme.test.")])
        six = ipaddress.ip_address("fd00:1:1::6").reverse_pointer
        self.assertEqual(self.resolve("web1", six, "PTR")[1], [(f"{six}.", 12, b"web2.acme.test.")])
        # Of two ports with one address, that within reach.
        self.assertEqual(self.resolve("web1", "5.1.1.10.in-addr.arpa", "PTR")[1][0][2], b"web1.acme.test.")
        self.assertEqual(self.resolve("web1", "77.1.1.10.in-addr.arpa", "PTR")[:2], (3, []))
        for question in ("8.8.8.8.in-addr.arpa", "5.6.1.10.in-addr.arpa", "1.1.10.in-addr.arpa", "300.1.1.10.in-addr.arpa",
                         "06.1.1.10.in-addr.arpa", "6.1.1.10.x.in-addr.arpa", "1.ip6.arpa"):
            self.assertEqual(self.ask("dns", "web1", dns("web1", question, "PTR"))[0], "forward", question)

    def forward(self, question, **options):
        word, data = self.ask("dns", "web1", dns("web1", question, **options))
        self.assertEqual(word, "forward")
        return DNS(data)

    def test_forward(self):
        query = self.forward("www.example", size=4096)
        self.assertEqual((query.id, query.qr, query.rd, query.qdcount, query.ancount, query.arcount),
                         (0, 0, 1, 1, 0, 1))
        self.assertEqual((query.qd.qname, query.qd.qtype, query.qd.qclass), (b"www.example.", 1, 1))
        self.assertEqual(query.ar.rclass, 1400 - 28)  # what fits in a packet
        self.assertEqual(self.forward("www.example").arcount, 0)

    def test_replies(self):
        query = self.forward("www.example")
        record = DNSRR(rrname="www.example.", ttl=9, rdata="198.51.100.7")
        right = DNS(id=0, qr=1, rd=1, ra=1, qd=query.qd, an=record)
        word, data = self.say(f"reply {bytes(right).hex()}")
        packet = self.decode(data)
        self.assertEqual((word, packet[DNS].id, packet[DNS].aa), ("answered", 0x4242, 0))
        self.assertEqual(records(packet[DNS].an, 1), [("www.example.", 1, "198.51.100.7")])
        self.assertEqual((packet[IP].src, packet[IP].dst, packet[UDP].dport), ("10.1.1.1", "10.1.1.5", 40000))
        other = DNSQR(qname="other.example", qtype="A")
        for wrong in (DNS(id=1, qr=1, qd=query.qd, an=record), DNS(id=0, qr=0, qd=query.qd),
                      DNS(id=0, qr=1, qd=other, an=record), DNS(id=0, qr=1, qd=None),
                      DNS(id=0, qr=1, qd=DNSQR(qname="www.example", qtype="AAAA"))):
            self.assertEqual(self.say(f"reply {bytes(wrong).hex()}")[0], "ignored")
        for cut in range(len(bytes(right))):
            self.assertEqual(self.say(f"reply {bytes(right)[:cut].hex()}")[0], "ignored")

    def test_a_reply_that_is_too_long(self):
        query = self.forward("www.example")
        record = DNSRR(rrname="www.example.", type="TXT", ttl=9, rdata=[b"x" * 255] * 3)
        long = DNS(id=0, qr=1, rd=1, ra=1, qd=query.qd, an=record)
        packet = self.decode(self.say(f"reply {bytes(long).hex()}")[1])
        self.assertEqual((packet[DNS].tc, packet[DNS].ancount, packet[DNS].id), (1, 0, 0x4242))
        self.assertEqual(packet[DNS].qd.qname, b"www.example.")

    def test_failure(self):
        self.forward("www.example")
        for word, rcode in (("fail", 2), ("refuse", 5)):
            packet = self.decode(self.say(word)[1])
            self.assertEqual((packet[DNS].rcode, packet[DNS].id, packet[DNS].qr), (rcode, 0x4242, 1))

    def test_refusal(self):
        for options, rcode in (({"kind": "AXFR"}, 5), ({"qclass": 3}, 5), ({"opcode": 5}, 4)):
            packet = self.answer("dns", "web1", dns("web1", "acme.test", **options))
            self.assertEqual(packet[DNS].rcode, rcode)

    def test_malformed(self):
        good = dns("web1", "web2.acme.test")
        two = dns("web1", "web2.acme.test")
        two[DNS].qd = DNSQR(qname="a.test") / DNSQR(qname="b.test")
        two[DNS].qdcount = 2
        self.assertEqual(self.ask("dns", "web1", two)[0], "malformed")
        self.assertEqual(self.ask("dns", "web1", dns("web1", "web2.acme.test", qr=1))[0], "malformed")
        payload = bytes(good[DNS])
        headers = good.copy()
        headers[UDP].remove_payload()
        for cut in range(len(payload)):
            self.assertEqual(self.ask("dns", "web1", headers / payload[:cut])[0], "malformed", cut)
        loop = payload[:12] + b"\xc0\x0c\x00\x01\x00\x01"
        self.assertEqual(self.ask("dns", "web1", headers / loop)[0], "malformed")


# ---- frames ----

class Frames(Services):
    def test_malformed(self):
        good = bytes(dhcp4("web1", "discover"))
        for cut in range(0, 14 + 20 + 8 + 240, 7):
            self.assertEqual(self.ask("dhcpv4", "web1", good[:cut])[0], "malformed")
        fragment = dhcp4("web1", "discover")
        fragment[IP].flags = "MF"
        tcp = dhcp4("web1", "discover")
        tcp[IP].proto = 6
        for frame in (fragment, tcp):
            self.assertEqual(self.ask("dhcpv4", "web1", frame)[0], "malformed")

    def test_padding_is_no_part_of_it(self):
        good = dhcp4("web1", "discover")
        self.assertEqual(self.ask("dhcpv4", "web1", good), self.ask("dhcpv4", "web1", bytes(good) + b"\x35" * 30))

    def test_what_is_changed_at_random(self):
        """Whatever comes, the program goes on, and what it answers is sound."""
        chance = random.Random(1)
        seeds = [("dhcpv4", dhcp4("web1", "request", ("requested_addr", "10.1.1.5"), ("param_req_list", [1, 3, 121]))),
                 ("dhcpv6", dhcp6("web1", DHCP6_Renew, DHCP6OptServerId(duid=server_duid(1)), ia(7, "fd00:1:1::99"))),
                 ("router", solicitation("web1")), ("dns", dns("web1", "web2.acme.test", size=1232))]
        for _ in range(3000):
            service, seed = chance.choice(seeds)
            data = bytearray(bytes(seed))
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(14, len(data))] = chance.choice([0, 1, 255, chance.randrange(256)])
            word, answer = self.ask(service, "web1", data[:chance.choice([len(data), chance.randrange(len(data))])])
            self.assertIn(word, ("answered", "silent", "malformed", "forward"))
            if word == "answered":
                Ether(answer)


if __name__ == "__main__":
    unittest.main(verbosity=0)
