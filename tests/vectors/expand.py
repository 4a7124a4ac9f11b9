#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turn the packet tables (*.yaml) into one JSON file of bytes for vector-run.

Packets are scapy expressions: a packet builder that shares no code with Weft, checksums included. README.md
describes the tables.

    expand.py OUTPUT.json TABLE.yaml...
"""

import ipaddress
import json
import sys

import yaml
from scapy import all as scapy
from scapy.contrib.geneve import GENEVE, GeneveOptions

GENEVE_PORT, VXLAN_PORT = 6081, 4789
OPTION_CLASS, OPTION_TYPE = 0xFF57, 1


PLURALS = {"policy": "policies", "address_set": "address_sets"}


class Thing:
    """An object of a topology, as expressions see it: web1.mac, web.vni, h2.vtep."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class Topology:
    """Objects as a user writes them, completed with what the controller would allocate."""

    def __init__(self, name, spec, others):
        like = others[spec["like"]].spec if "like" in spec else {}
        self.spec = {**like, **spec}
        self.name = name
        self.host = self.spec.get("host", "h1")
        self.objects = []
        self.things = {}
        devices = self.spec.get("devices", {})
        for key, (host, fields) in enumerate(self.spec["hosts"].items(), 1):
            self.add("host", None, host, {"managed": True, **fields, "key": key})
            self.things[host] = Thing(
                vtep=fields["vtep"],
                encap=fields.get("encap", "geneve"),
                mac=f"02:fe:00:00:00:{key:02x}",
                key=key,
                reach=self.spec.get("reach", {}).get(host, "neighbor"),
            )
        for stranger, fields in self.spec.get("strangers", {}).items():
            self.things[stranger] = Thing(**{"encap": "geneve", "mac": "02:fe:00:00:00:f0", "stranger": True, **fields})
        vni, key = 100, 0x1001
        for tenant, kinds in self.spec["tenants"].items():
            self.add("tenant", None, tenant, {})
            for network, fields in kinds["networks"].items():
                self.add("network", tenant, network, {**fields, "vni": vni})
                mac = "0e:57:ff:" + vni.to_bytes(3, "big").hex(":")  # of its own services
                self.things[network] = Thing(vni=vni, mtu=fields.get("mtu", 1400), mac=mac)
                vni += 1
            for port, fields in kinds["ports"].items():
                fields = {"mac": f"02:00:00:00:00:{key & 0xff:02x}", **fields, "key": key}
                fields.update(self.spec.get("fields", {}).get(port, {}))
                if "host" in fields:
                    fields.setdefault("device", f"d-{port}")
                self.add("port", tenant, port, fields)
                self.things[port] = self.port_thing(fields, devices.get(port, "peer"))
                key += 1
            for kind in ("policy", "address_set"):
                for name, fields in kinds.get(PLURALS[kind], {}).items():
                    self.add(kind, tenant, name, fields)
            for router, fields in kinds.get("routers", {}).items():
                self.add("router", tenant, router, {**fields, "key": key})
                self.things[router] = Thing(mac="0e:57:" + key.to_bytes(4, "big").hex(":"), key=key)
                key += 1

    def changed(self, changes):
        """Objects with other fields: {kind: {name: fields}}."""
        found = []
        for kinds, objects in changes.items():
            for name, fields in objects.items():
                old = next(o for o in self.objects if o["name"] == name and PLURALS.get(o["kind"], o["kind"] + "s") == kinds)
                found.append({**old, **fields})
        return found

    def add(self, kind, tenant, name, fields):
        if name in self.things:
            raise ValueError(f"{self.name}: the name {name} is used twice")
        self.objects.append({"kind": kind, **({"tenant": tenant} if tenant else {}), "name": name, **fields})

    def port_thing(self, fields, device):
        addresses = fields.get("addresses", [])
        four = [a for a in addresses if ":" not in a]
        six = [a for a in addresses if ":" in a]
        return Thing(
            mac=fields["mac"],
            ip=four[0] if four else None,
            ip6=six[0] if six else None,
            link_local=link_local(fields["mac"]),
            key=fields["key"],
            network=self.things[fields["network"]],
            host=fields.get("host"),
            device=device,
        )

    def expand(self):
        """What the runner needs: the objects, and the devices of this host."""
        local = [o for o in self.objects if o["kind"] == "port" and o.get("host") == self.host]
        devices = [{"port": o["name"], "device": o["device"], "kind": self.things[o["name"]].device} for o in local]
        devices += [{"port": name, "device": f"d-{name}", "kind": "peer"} for name in self.spec.get("stray", [])]
        without = [{"table": "network", "key": self.things[n].vni} for n in self.spec.get("without", {}).get("network", [])]
        without += [{"table": "remote", "key": self.things[n].key} for n in self.spec.get("without", {}).get("remote", [])]
        without += [{"table": table} for table in self.spec.get("without", {}).get("tables", [])]
        return {
            "name": self.name,
            "host": self.host,
            "underlay": self.spec.get("underlay", True),
            "underlay_mtu": self.spec.get("underlay_mtu", 1600),
            "objects": self.objects,
            "hosts": [
                {"name": name, "vtep": thing.vtep, "mac": thing.mac, "reach": thing.reach}
                for name, thing in self.things.items()
                if hasattr(thing, "vtep") and not hasattr(thing, "stranger")
            ],
            "devices": devices,
            "without": without,
        }


def link_local(mac):
    """RFC 4291, appendix A."""
    b = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.IPv6Address(bytes.fromhex("fe80" + "00" * 6) + bytes([b[0] ^ 2]) + b[1:3] + b"\xff\xfe" + b[3:]))


def outer(source, destination, port, sport, **fields):
    """Ethernet to UDP between two hosts, as a sending host builds it."""
    ethernet = scapy.Ether(src=source.mac, dst=destination.mac)
    udp = scapy.UDP(sport=sport, dport=port, chksum=0)
    if ":" in destination.vtep:
        ip = scapy.IPv6(src=source.vtep, dst=destination.vtep, hlim=64, **fields)
    else:
        ip = scapy.IP(src=source.vtep, dst=destination.vtep, id=0, flags="DF", ttl=64, **fields)
    return ethernet / ip / udp


def geneve(source, destination, vni, options=(), sport=50000, header=None, **fields):
    """The outer headers of a Geneve packet from host to host (RFC 8926). `options`: (class, type, data)."""
    options = [GeneveOptions(classid=c, type=t, data=d) for c, t, d in options]
    size = sum(4 + len(o.data) for o in options) // 4
    geneve_header = GENEVE(proto=0x6558, vni=vni, options=options, optionlen=size, **(header or {}))
    return outer(source, destination, GENEVE_PORT, sport, **fields) / geneve_header


def vxlan(source, destination, vni, sport=50000, flags=0x08, **fields):
    """The outer headers of a VXLAN packet from host to host (RFC 7348)."""
    return outer(source, destination, VXLAN_PORT, sport, **fields) / scapy.VXLAN(flags=flags, vni=vni)


def keys(source, destination):
    """Weft's Geneve option: both port keys, 0 where there is none."""
    numbers = [getattr(port, "key", port) for port in (source, destination)]
    return (OPTION_CLASS, OPTION_TYPE, b"".join(n.to_bytes(4, "big") for n in numbers))


def tunnel(source, destination, from_port, to_port, sport=50000, network=None, **fields):
    """From host to host as the receiving host wants it: its encapsulation, its family. `to_port` 0: a flooded frame.
    `network`: that of the receiver, if the frame was routed."""
    vni = (network or from_port.network).vni
    if destination.encap == "vxlan":
        return vxlan(source, destination, vni, sport, **fields)
    return geneve(source, destination, vni, [keys(from_port, to_port)], sport, **fields)


def eth(source, destination="ff:ff:ff:ff:ff:ff", **fields):
    return scapy.Ether(src=source.mac, dst=getattr(destination, "mac", destination), **fields)


def ip4(source, destination, **fields):
    """Ethernet and IPv4 from port to port."""
    return eth(source, destination) / scapy.IP(**{"src": source.ip, "dst": destination.ip, **fields})


def ip6(source, destination, **fields):
    """Ethernet and IPv6 from port to port."""
    return eth(source, destination) / scapy.IPv6(**{"src": source.ip6, "dst": destination.ip6, **fields})


def arp(source, address, **fields):
    """The question that a port sends to all: who has this address?"""
    asked = {"op": 1, "hwsrc": source.mac, "psrc": source.ip, "hwdst": "00:00:00:00:00:00", "pdst": address}
    return eth(source) / scapy.ARP(**{**asked, **fields})


def routed(packet, router, port, hops=1):
    """The frame after so many routers, the last of which sends it to a port."""
    frame = scapy.Ether(bytes(packet))
    frame.src, frame.dst = router.mac, getattr(port, "mac", port)
    if scapy.IPv6 in frame:
        frame[scapy.IPv6].hlim -= hops
    else:
        frame[scapy.IP].ttl -= hops
        del frame[scapy.IP].chksum
    return frame


def error(packet, source, message):
    """The ICMP error about a frame that an address sends back: `message` quotes 128 bytes (RFC 792, RFC 4443)."""
    data = bytes(packet)
    frame = scapy.Ether(data)
    ethernet = scapy.Ether(src=frame.dst, dst=frame.src)
    if frame.type == 0x86DD:
        quote = data[14:14 + 40 + int.from_bytes(data[18:20], "big")][:128]
        return ethernet / scapy.IPv6(src=source, dst=frame[scapy.IPv6].src, hlim=64) / message / scapy.Raw(quote)
    quote = data[14:14 + int.from_bytes(data[16:18], "big")][:128]
    ip = scapy.IP(src=source, dst=frame[scapy.IP].src, tos=0xC0, id=0, flags="DF", ttl=64)
    return ethernet / ip / message / scapy.Raw(quote)


def roomy(answer):
    """An ICMP error made of a frame that came out of a tunnel: zeros stand in the room that its quote has not filled."""
    frame = bytes(answer)
    return scapy.Raw(frame.ljust((54 if frame[12:14] == b"\x86\xdd" else 34) + 8 + 128, b"\0"))


def due(packet):
    """The frame, its innermost transport checksum still to be filled in: the sum over the pseudo header stands in its place."""
    data, at = bytearray(bytes(packet)), 14
    while True:
        ipv6 = data[at] >> 4 == 6
        end = at + (40 + int.from_bytes(data[at + 4:at + 6], "big") if ipv6 else int.from_bytes(data[at + 2:at + 4], "big"))
        protocol, transport = (data[at + 6], at + 40) if ipv6 else (data[at + 9], at + (data[at] & 15) * 4)
        if protocol == 60:  # destination options, of 8 bytes
            protocol, transport = data[transport], transport + 8
        if protocol not in (1, 58):
            break
        at = transport + 8  # what an error quotes
    pseudo = data[at + 8:at + 40] if ipv6 else data[at + 12:at + 20]
    pseudo += bytes([0, protocol]) + (end - transport).to_bytes(2, "big")
    total = sum(int.from_bytes(pseudo[i:i + 2], "big") for i in range(0, len(pseudo), 2))
    field = transport + (16 if protocol == 6 else 6)
    data[field:field + 2] = (total % 0xffff or 0xffff).to_bytes(2, "big")
    return scapy.Raw(bytes(data))


def echoed(packet):
    """The answer to an echo request, over whatever it carries."""
    frame = scapy.Ether(bytes(packet))
    frame.src, frame.dst = frame.dst, frame.src
    ip = frame.payload
    ip.src, ip.dst = ip.dst, ip.src
    if scapy.IPv6 in frame:
        ip.hlim = 64
        if scapy.ICMPv6EchoRequest in frame:
            frame[scapy.ICMPv6EchoRequest].type = 129
            del frame[scapy.ICMPv6EchoRequest].cksum
    else:
        ip.ttl = 64
        del ip.chksum
        if scapy.ICMP in frame:
            frame[scapy.ICMP].type = 0
            del frame[scapy.ICMP].chksum
    return frame


def raw(text):
    """Bytes in hex, for what scapy would not build."""
    return bytes.fromhex(text)


def cut(packet, length):
    """The first `length` bytes."""
    return bytes(packet)[:length]


def change(packet, offset, text):
    """The bytes of a packet with other bytes, in hex, at an offset."""
    data, new = bytes(packet), bytes.fromhex(text)
    return data[:offset] + new + data[offset + len(new):]


def ns(source, target, option=None, **fields):
    """Ethernet to ICMPv6: a port asks for the MAC of an address (RFC 4861, section 4.3)."""
    group = scapy.in6_getnsma(scapy.inet_pton(scapy.socket.AF_INET6, target))
    mac = scapy.in6_getnsmac(group)
    fields = {"src": source.ip6, "dst": scapy.inet_ntop(scapy.socket.AF_INET6, group), "hlim": 255, **fields}
    packet = eth(source, mac) / scapy.IPv6(**fields) / scapy.ICMPv6ND_NS(tgt=target)
    return packet / scapy.ICMPv6NDOptSrcLLAddr(lladdr=option) if option else packet


def na(source, destination, target, option=None, dst=None, **flags):
    """Ethernet to ICMPv6: a port tells its MAC (RFC 4861, section 4.4)."""
    ip = scapy.IPv6(src=target, dst=dst or destination.ip6, hlim=255)
    packet = eth(source, destination) / ip / scapy.ICMPv6ND_NA(tgt=target, **{"R": 0, "S": 0, "O": 0, **flags})
    return packet / scapy.ICMPv6NDOptDstLLAddr(lladdr=option or source.mac)


HELPERS = {
    f.__name__: f
    for f in (GENEVE, outer, geneve, vxlan, keys, tunnel, eth, ip4, ip6, arp, routed, error, roomy, due, echoed, raw, cut, change, ns, na, link_local)
}
SCAPY = {name: getattr(scapy, name) for name in dir(scapy) if not name.startswith("_")}


# For native runs alone: `tagged` (a VLAN tag beside the frame), `due` (a device has still to fill in its innermost transport
# checksum) and `faults` (what fails around forwarding).
OPTIONAL = ("gso", "only", "tagged", "due", "faults", "before", "after", "connections", "room")
STEP = ("from", "packet", "expect", "put", *OPTIONAL)


def build(expression, names, wild):
    value = eval(expression, {**SCAPY, **HELPERS, **names, "ANY": wild})  # tables are code of this project
    return bytes(value)


def masked(expression, names):
    """An expected frame: built twice, with the least and the greatest ANY; bytes that differ may be anything."""
    low, high = (build(expression, names, wild) for wild in (0, 0xFFFF))
    if len(low) != len(high):
        raise ValueError("the length depends on ANY")
    mask = bytes(0xFF if a == b else 0 for a, b in zip(low, high))
    return {"bytes": low.hex(), "mask": mask.hex()}


def expand_expectation(expect, names):
    if expect == "pass":
        return {"pass": True, "outputs": []}
    if isinstance(expect, dict) and "drop" in expect:
        outputs = expect.get("outputs", [])
        drop = {"reason": expect["drop"], "port": expect.get("port"), "ports": expect.get("ports"), "also": expect.get("also")}
    else:
        outputs, drop = expect, None
    rows = [next(iter(row.items())) for row in outputs]
    return {"drop": drop, "outputs": [{"to": to, **masked(expression, names)} for to, expression in rows]}


def expand_steps(case, topology, file, several):
    """A case is one step, or has a list of them; those behind the first continue."""
    unknown = set(case) - {"name", "shows", "topology", "steps", *STEP}
    if unknown:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    steps = [{**case, **step} for step in case.get("steps", [{}])]
    for step in case.get("steps", []):
        if set(step) - set(STEP):
            raise ValueError(f"unknown {', '.join(sorted(set(step) - set(STEP)))}")
    expanded = [expand_case(step, topology, file, several) for step in steps]
    for step in expanded[1:]:
        step["continues"] = True
    return expanded


def expand_case(case, topology, file, several):
    names = dict(topology.things)
    names["packet"] = build(case["packet"], names, 50000)
    expect = case["expect"]
    if isinstance(expect, list):  # `packet` is the frame as sent, its `/` that of scapy
        names["packet"] = scapy.Raw(names["packet"])
    expanded = {
        "name": case["name"] + (f" [{topology.name}]" if several else ""),
        "file": file,
        "topology": topology.name,
        "from": case["from"],
        "packet": bytes(names["packet"]).hex(),
        "expect": expand_expectation(expect, names),
    }
    for optional in OPTIONAL:
        if optional in case:
            expanded[optional] = case[optional]
    if "put" in case:
        expanded["put"] = topology.changed(case["put"])
    return expanded


def main():
    output, *files = sys.argv[1:]
    topologies, cases = {}, []
    tables = {file: yaml.safe_load(open(file)) for file in files}
    for table in tables.values():
        for name, spec in table.get("topologies", {}).items():
            topologies[name] = Topology(name, spec, topologies)
    for file, table in tables.items():
        for case in table.get("cases", []):
            chosen = case.get("topology", table.get("topology"))
            chosen = chosen if isinstance(chosen, list) else [chosen]
            for name in chosen:
                try:
                    cases += expand_steps(case, topologies[name], file.rsplit("/", 1)[-1], len(chosen) > 1)
                except Exception as cause:
                    sys.exit(f"{file}: {case.get('name')}: {type(cause).__name__}: {cause}")
    names = [case["name"] for case in cases if not case.get("continues")]
    for name in {name for name in names if names.count(name) > 1}:
        sys.exit(f"the case {name!r} is there twice")
    with open(output, "w") as out:
        json.dump({"topologies": [t.expand() for t in topologies.values()], "cases": cases}, out, indent=1)


main()
