# SPDX-License-Identifier: Apache-2.0
"""What is asked of a deployment, by the demo and by the tests alike."""

import collections
import json
import pathlib
import socket
import struct
import subprocess
import time

from .frames import forbidden_frames, forbidden_tunnels
from .shell import run
from .traffic import BROADCAST, INJECTED

HOOKS = pathlib.Path(__file__).with_name("hooks.py")
LIMIT = 60  # seconds for what must come about, however busy the machine


def drops(answer):
    """{reason: packets} of an object as the API gives it."""
    return {reason: count["packets"] for reason, count in answer["status"].get("drops", {}).items()}


def _wait_drops(lab, path, expected):
    """Read the drops until each counter has reached what is expected, or for as long as counters may take."""
    return drops(lab.api.wait_for(path, lambda answer: all(drops(answer).get(reason, 0) >= count
                                                           for reason, count in expected.items())))


def _expect(before, reasons):
    expected = {}
    for reason in reasons:
        expected[reason] = expected.get(reason, before.get(reason, 0)) + 1
    return expected


def check_frames(lab, traffic, source, target):
    """Inject every forbidden frame. ([(title, reason)], where frames arrived, {reason: (expected, counted)} that differ)"""
    frames = forbidden_frames(source, target)
    path = f"/v1/tenants/{source.tenant}/ports/{source.port}"
    expected = _expect(drops(lab.api.get(path)), [reason for _, reason, _ in frames])
    arrived = traffic.inject(source, [frame for _, _, frame in frames])
    counted = _wait_drops(lab, path, expected)
    return ([(title, reason) for title, reason, _ in frames], [name for name, _ in arrived],
            {r: (n, counted.get(r, 0)) for r, n in expected.items() if counted.get(r, 0) != n})


def check_tunnels(lab, traffic, source, target, port=6081):
    """Send every forbidden tunnel packet to the host of `target`, from a host's address or from a stranger's."""
    vni = lab.api.get(f"/v1/tenants/{target.tenant}/networks/{target.network.split('/')[1]}")["vni"]
    packets = forbidden_tunnels(source, target, vni)
    path = f"/v1/hosts/{target.host.name}"
    expected = _expect(drops(lab.api.get(path)), [reason for _, reason, _, _ in packets])
    family = socket.AF_INET6 if ":" in target.host.vtep else socket.AF_INET
    with traffic.watch(INJECTED) as arrived:
        for _, _, known, packet in packets:
            place = source.host.namespace if known else lab.controller_namespace
            with place.socket(family, socket.SOCK_DGRAM) as sender:
                sender.sendto(packet, (target.host.vtep, port))
        traffic.pump(0.3)
    counted = _wait_drops(lab, path, expected)
    return ([(title, reason) for title, reason, _, _ in packets], [name for name, _ in arrived],
            {r: (n, counted.get(r, 0)) for r, n in expected.items() if counted.get(r, 0) != n})


def check_broadcast(traffic):
    """Every container asks everybody: each member of its network must see it, once, and nobody else. Sentences on what is
    wrong."""
    wrong = []
    for family, address in BROADCAST.items():
        sources = [w for w in traffic.workloads if w.guest is None]
        members = {source: {w.name for w in traffic.workloads if w.network == source.network and w is not source}
                   for source in sources}
        probes = traffic.probe([(source, address) for source in sources],
                               until=lambda probes: all(members[p.source] <= p.seen for p in probes))
        for probe in probes:
            if probe.seen != members[probe.source]:
                wrong.append(f"IPv{family} broadcast of {probe.source.name}: seen at {sorted(probe.seen)}, "
                             f"expected {sorted(members[probe.source])}")
    return wrong


# ---- drift ----

def pinned_rows(host, table):
    """Rows of a table as the kernel holds them: [key bytes as bpftool writes them]."""
    rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", host.state / "v1" / table))
    return [row["key"] for row in rows]


def _dump(host, table):
    """Rows of a table: [(key, value)], both bytes."""
    rows = json.loads(run("bpftool", "-j", "map", "dump", "pinned", host.state / "v1" / table))
    return [tuple(bytes(int(byte, 16) for byte in row[part]) for part in ("key", "value")) for row in rows]


def unbalanced(host):
    """What ports and tenants count of their connections and what is there, where that differs: {who: (counted, there)}."""
    there, counted = collections.Counter(), collections.Counter()
    for _, value in _dump(host, "connection"):
        *ports, tenant = struct.unpack_from("=II", value, 16) + struct.unpack_from("=I", value, 44)
        there.update(f"port {port}" for port in ports if port)
        there.update(f"connections of {whose}" for whose in {tenant, 0} if tenant)
    for key, _ in _dump(host, "embryo"):
        tenant = struct.unpack_from("=I", key, 4)[0] >> 10
        there.update(f"buckets of {whose}" for whose in {tenant, 0} if tenant)
    for key, value in _dump(host, "usage"):
        counted[f"port {struct.unpack('=I', key)[0]}"] = struct.unpack("=I", value)[0]
    for key, value in _dump(host, "share"):
        tenant, rows = struct.unpack("=I", key)[0], struct.unpack_from("=II", value)
        counted.update({f"{what} of {tenant}": count for what, count in zip(("connections", "buckets"), rows)})
    return {who: (counted[who], there[who]) for who in counted | there if counted[who] != there[who]}


def delete_row(host, table, key):
    run("bpftool", "map", "delete", "pinned", host.state / "v1" / table, "key", "hex",
        *[byte.removeprefix("0x") for byte in key])


def programs(namespace, device):
    """The BPF programs at the ingress of a device: [{"id", "name", ...}]."""
    return json.loads(namespace.run("python3", HOOKS, "list", device))


def detach_programs(namespace, device):
    namespace.run("python3", HOOKS, "detach", device)


def wait_until(judge, seconds=LIMIT):
    """How long it took until `judge` was content; None: never."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if judge():
            return time.monotonic() - start
        time.sleep(0.05)
    return None


def ping(container, address, count=1, size=56, wait=20):
    """True when all the echoes came back; the last one within `wait` seconds."""
    command = ["ping", "-q", "-n", "-i", "0.05", "-c", str(count), "-s", str(size), "-W", str(wait), address]
    return subprocess.run(container.namespace.words(*command), capture_output=True).returncode == 0
