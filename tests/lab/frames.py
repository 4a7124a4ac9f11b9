# SPDX-License-Identifier: Apache-2.0
"""Frames that must never arrive anywhere: malformed and spoofed, each with the drop reason that must count it."""

import logging
import struct

from .traffic import INJECTED

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import (ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptUnknown, IPv6,  # noqa: E402
                                IPv6ExtHdrDestOpt)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

FOREIGN_MAC = "02:de:ad:be:ef:01"


def forbidden_frames(source, target):
    """[(what it is, reason, frame)]: what the container `source` might send towards `target`, on its own network."""
    ether = Ether(src=source.mac, dst=target.mac)
    udp = UDP(sport=9, dport=9) / Raw(INJECTED)
    ipv4 = IP(src=source.ipv4, dst=target.ipv4)
    ipv6 = IPv6(src=source.ipv6, dst=target.ipv6)
    arp = {"hwsrc": source.mac, "psrc": source.ipv4, "hwdst": target.mac, "pdst": target.ipv4}
    # A neighbor discovery option that nobody knows carries the marker without breaking the message.
    option = ICMPv6NDOptUnknown(type=253, len=2, data=INJECTED.ljust(14, b"\0"))
    nd = IPv6(src=source.ipv6, dst=target.ipv6, hlim=255)
    extensions = ipv6
    for _ in range(9):
        extensions = extensions / IPv6ExtHdrDestOpt()
    cases = [
        ("source MAC of another", "spoofed-mac", Ether(src=target.mac, dst=target.mac) / ipv4 / udp),
        ("IPv4 source of another", "spoofed-ip", ether / IP(src="10.1.1.250", dst=target.ipv4) / udp),
        ("IPv6 source of another", "spoofed-ip", ether / IPv6(src="fd00:1:1::fa", dst=target.ipv6) / udp),
        ("ARP reply for another's address", "spoofed-arp",
         ether / ARP(op=2, **{**arp, "psrc": "10.1.1.250"}) / Raw(INJECTED)),
        ("ARP reply with another's MAC", "spoofed-arp",
         ether / ARP(op=2, **{**arp, "hwsrc": FOREIGN_MAC}) / Raw(INJECTED)),
        ("ND advertisement for another's address", "spoofed-nd",
         ether / nd / ICMPv6ND_NA(tgt="fd00:1:1::fa", R=0) / ICMPv6NDOptDstLLAddr(lladdr=source.mac) / option),
        ("ND advertisement with hop limit 64", "bad-nd",
         ether / IPv6(src=source.ipv6, dst=target.ipv6, hlim=64) / ICMPv6ND_NA(tgt=source.ipv6, R=0) / option),
        ("ND solicitation for a multicast address", "bad-nd", ether / nd / ICMPv6ND_NS(tgt="ff02::1") / option),
        ("multicast source MAC", "bad-ethernet", Ether(src="03:00:00:00:00:01", dst=target.mac) / ipv4 / udp),
        ("VLAN tag", "vlan-tagged", ether / Dot1Q(vlan=7) / ipv4 / udp),
        ("bridge protocol address", "reserved-multicast",
         Ether(src=source.mac, dst="01:80:c2:00:00:00") / ipv4 / udp),
        ("ARP of a foreign protocol type", "bad-arp", ether / ARP(op=1, ptype=0x0801, **arp) / Raw(INJECTED)),
        ("IPv6 in an IPv4 frame", "bad-ip-version", Ether(src=source.mac, dst=target.mac, type=0x0800) / ipv6 / udp),
        ("IPv4 header of 16 bytes", "bad-ip-header", ether / IP(src=source.ipv4, dst=target.ipv4, ihl=4) / udp),
        ("IPv4 length beyond the frame", "bad-ip-length", ether / IP(src=source.ipv4, dst=target.ipv4, len=900) / udp),
        ("IPv6 length beyond the frame", "bad-ip-length",
         ether / IPv6(src=source.ipv6, dst=target.ipv6, plen=900) / udp),
        ("IPv4 source 127.0.0.1", "bad-ip-address", ether / IP(src="127.0.0.1", dst=target.ipv4) / udp),
        ("fragment beyond 65,535 bytes", "bad-fragment",
         ether / IP(src=source.ipv4, dst=target.ipv4, frag=8191, proto=17) / Raw(INJECTED)),
        ("nine extension headers", "bad-extension-headers", ether / extensions / udp),
        ("TCP header cut off", "bad-transport-header",
         ether / IP(src=source.ipv4, dst=target.ipv4, proto=6) / Raw(INJECTED)),
        ("unknown destination MAC", "unknown-unicast", Ether(src=source.mac, dst=FOREIGN_MAC) / ipv4 / udp),
    ]
    frames = [(title, reason, bytes(frame)) for title, reason, frame in cases]
    ends = struct.pack("!6s6sH", bytes.fromhex(target.mac.replace(":", "")),
                       bytes.fromhex(source.mac.replace(":", "")), 0x0800)
    frames.append(("frame that ends in the IPv4 header", "truncated", ends + b"\x45" + INJECTED))
    return frames


def geneve(vni, inner, *, version=0, options=b"", critical=False):
    """A Geneve header (RFC 8926, section 3.4) and what it carries."""
    return struct.pack("!BBHI", version << 6 | len(options) // 4, 0x40 if critical else 0, 0x6558, vni << 8) \
        + options + inner


def forbidden_tunnels(source, target, vni):
    """[(what it is, reason, is from a known host, UDP payload)]: what arrives at the Geneve port of the target's host.
    `source` and `target` are workloads of network `vni`."""
    inner = bytes(Ether(src=source.mac, dst=target.mac) / IP(src=source.ipv4, dst=target.ipv4)
                  / UDP(sport=9, dport=9) / Raw(INJECTED))
    unknown_option = struct.pack("!HBB", 0x0102, 0x80 | 7, 1) + b"\0\0\0\0"  # the high bit of the type: critical
    return [
        ("tunnel from an unknown host", "unknown-vtep", False, geneve(vni, inner)),
        ("Geneve of version 1", "bad-tunnel-header", True, geneve(vni, inner, version=1)),
        ("unknown critical option", "critical-option", True, geneve(vni, inner, options=unknown_option, critical=True)),
        ("network that does not exist", "unknown-network", True, geneve(0xfffff0, inner)),
    ]
