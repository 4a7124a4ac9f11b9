# SPDX-License-Identifier: Apache-2.0
"""Real packets, judged one by one.

Two tenants may use the same addresses, so an answer alone proves nothing: every workload answers with its name, and
every frame that reaches a workload is looked at. A probe is a UDP datagram with a token of its own; its outcome is who
answered, and where the token was seen arriving.
"""

import contextlib
import dataclasses
import itertools
import re
import selectors
import socket
import struct
import threading
import time

from .exchange import PATIENCE, SETTLE
from .fabric import ANSWER_PORT
from .shell import LabError

_ETH_P_ALL = 0x0003
_PACKET_OUTGOING = 4
_SO_RCVBUFFORCE = 33  # not in Python's socket module
_TOKEN = re.compile(rb"weft-probe:\d+;")
_numbers = itertools.count(1)

# Somewhere in each frame that `Traffic.inject` sends.
INJECTED = b"weft-injected"

BROADCAST = {4: "255.255.255.255", 6: "ff02::1"}


@dataclasses.dataclass
class Probe:
    source: object  # Workload
    address: str
    token: str
    answers: list = dataclasses.field(default_factory=list)  # names, in order of arrival
    seen: set = dataclasses.field(default_factory=set)        # names of the workloads that the request reached


def expected_answer(workloads, source, address):
    """Who must answer when `source` asks `address`: the workload of its own segment that has it, or nobody."""
    for workload in workloads:
        if workload.segment == source.segment and address in workload.addresses:
            return workload.name
    return None


def is_request(frame):
    """Is this frame a probe's request, rather than its answer or something else?"""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        header = 14 + (frame[14] & 15) * 4
        protocol = frame[23]
    elif kind == b"\x86\xdd":
        header, protocol = 54, frame[20]
    else:
        return False
    return protocol == 17 and frame[header + 2:header + 4] == struct.pack("!H", ANSWER_PORT)


class Tap:
    """All frames that arrive at a workload: on its own interface, or for a guest on the tap's far side."""

    def __init__(self, workload):
        self.workload = workload
        self._outgoing = workload.guest is not None
        place, device = (workload.host.namespace, workload.device) if self._outgoing else (workload.namespace, "eth0")
        with place.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            self.socket.bind((device, _ETH_P_ALL))
        self.socket.setblocking(False)

    def frames(self):
        while True:
            try:
                frame, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return
            if (address[2] == _PACKET_OUTGOING) == self._outgoing:
                yield frame


class Traffic:
    """Responders in all containers and taps on all workloads, in this one process. A context manager."""

    def __init__(self, workloads):
        self.workloads = list(workloads)
        self._selector = selectors.DefaultSelector()
        self._probes = {}
        self._marker, self._marked = None, []
        self._clients = {}
        self._sockets = []

    def __enter__(self):
        for workload in self.workloads:
            tap = Tap(workload)
            self._add(tap.socket, self._on_frames, tap)
            if workload.guest is None:
                self._listen(workload)
        return self

    def __exit__(self, *_):
        self._selector.close()
        for opened in self._sockets:
            opened.close()

    def _add(self, opened, handler, context):
        self._sockets.append(opened)
        opened.setblocking(False)
        self._selector.register(opened, selectors.EVENT_READ, (handler, context))

    def _udp(self, workload):
        opened = workload.namespace.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return opened

    def _listen(self, workload):
        server = self._udp(workload)
        server.bind(("::", ANSWER_PORT))
        self._add(server, self._on_request, workload)
        client = self._udp(workload)
        self._clients[workload.name] = client
        self._add(client, self._on_answer, workload)

    # ---- what arrives ----

    def _on_frames(self, tap):
        for frame in tap.frames():
            if self._marker and self._marker in frame:
                self._marked.append((tap.workload.name, frame))
            if is_request(frame):
                for token in _TOKEN.findall(frame):
                    probe = self._probes.get(token.decode())
                    if probe:
                        probe.seen.add(tap.workload.name)

    def _on_request(self, workload, opened):
        for data, sender in _datagrams(opened):
            try:
                opened.sendto(workload.name.encode() + b" " + data, sender)
            except OSError:
                pass  # the answer does not come, and that is noticed

    def _on_answer(self, _, opened):
        for data, _ in _datagrams(opened):
            name, _, token = data.decode(errors="replace").partition(" ")
            if token in self._probes:
                self._probes[token].answers.append(name)

    def pump(self, seconds, until=None):
        """Handle what arrives for so long, or until `until` says so; in the end, what has come by then."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (until and until()):
            self._handle(min(left, 0.1))
        self._handle(0)

    def _handle(self, seconds):
        for key, _ in self._selector.select(seconds):
            handler, context = key.data
            if handler == self._on_frames:
                handler(context)
            else:
                handler(context, key.fileobj)

    # ---- what is sent ----

    def probe(self, pairs, settle=SETTLE, until=None):
        """Send one probe for each (workload, address). Waits for all the answers that must come, or until `until(probes)`,
        then `settle` longer for those that must not."""
        probes = []
        for source, address in pairs:
            token = f"weft-probe:{next(_numbers)};"
            self._probes[token] = probe = Probe(source, address, token)
            probes.append(probe)
        due = [p for p in probes if expected_answer(self.workloads, p.source, p.address)]
        for probe in probes:
            if probe.source.guest is None:
                self._send(probe)
                self.pump(0.0005)
        for source in {p.source.name: p.source for p in probes if p.source.guest}.values():
            self._send_from_guest([p for p in probes if p.source is source])
        self.pump(PATIENCE, until=lambda: until(probes) if until else all(p.answers for p in due))
        self.pump(settle)
        return probes

    @contextlib.contextmanager
    def watch(self, marker):
        """Gather (workload name, frame) of each frame that arrives with these bytes inside, in the list given."""
        self._marker, self._marked = marker, []
        yield self._marked
        self._marker = None

    def inject(self, workload, frames, due=0):
        """Put raw frames on a container's interface, as a program with all rights inside it could. Answers a list of
        (workload name, frame): where frames with INJECTED inside arrived. So many as are `due` are waited for."""
        with workload.namespace.entered():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            wire.bind(("eth0", 0))
        with wire, self.watch(INJECTED) as arrived:
            for frame in frames:
                wire.send(frame)
                self.pump(0.002)
            self.pump(PATIENCE, until=lambda: len(arrived) >= due)
            self.pump(SETTLE)
        return arrived

    def flow(self, pairs, seconds, rate, events=()):
        """Ask at `rate` a second for so long; `events` are (second, function), each run at its time in a thread.
        Answers (sent, answered)."""
        probes, threads = [], []
        start = time.monotonic()
        events = sorted(events, key=lambda event: event[0])
        for source, address in itertools.cycle(pairs):
            now = time.monotonic() - start
            if now > seconds and not events and len(probes) > seconds * rate / 2:
                break
            if events and now >= events[0][0]:
                threads.append(_Event(events.pop(0)[1]))
            token = f"weft-probe:{next(_numbers)};"
            self._probes[token] = probe = Probe(source, address, token)
            probes.append(probe)
            self._send(probe)
            self.pump(max(0, len(probes) / rate - (time.monotonic() - start)))
        while any(thread.is_alive() for thread in threads):
            self.pump(0.05)
        for thread in threads:
            thread.finish()
        self.pump(PATIENCE, until=lambda: all(p.answers for p in probes))
        return len(probes), sum(1 for p in probes if len(p.answers) == 1)

    def _send(self, probe):
        target = probe.address if ":" in probe.address else f"::ffff:{probe.address}"
        # Link-local destinations need the interface; there is only eth0.
        scope = 0
        if target.startswith("ff02:"):
            with probe.source.namespace.entered():
                scope = socket.if_nametoindex("eth0")
        try:
            self._clients[probe.source.name].sendto(probe.token.encode(), (target, ANSWER_PORT, 0, scope))
        except OSError:
            pass  # not sent is not answered

    def _send_from_guest(self, probes):
        words = " ".join(f"'{p.address}' '{p.token}'" for p in probes)
        # The guest waits while this process answers for the containers, so its command is sent first and read later.
        due = sum(1 for p in probes if expected_answer(self.workloads, p.source, p.address))
        reply = probes[0].source.guest.start(
            f"workload probe {ANSWER_PORT} {PATIENCE * 1000:.0f} {due} {SETTLE * 1000:.0f} {words}")
        self.pump(2 * PATIENCE, until=reply.ready)
        for line in reply.output().splitlines():
            token, name = line.split()
            self._probes[token].answers.append(name)


class _Event(threading.Thread):
    """A thread whose failure is not lost."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self._function, self._failure = function, None
        self.start()

    def run(self):
        try:
            self._function()
        except Exception as failure:  # handed to whoever waits
            self._failure = failure

    def finish(self):
        self.join()
        if self._failure:
            raise self._failure


def _datagrams(opened):
    while True:
        try:
            yield opened.recvfrom(65536)
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            continue  # an ICMP error that belongs to an earlier datagram


@contextlib.contextmanager
def offloads(state, *places):
    """Checksums and segments are left to the devices of these containers, or to the uplinks of these hosts ("on"), or made
    before them ("off"); afterwards they are on."""
    try:
        for place in places:
            _set_offloads(place, state)
        yield
    finally:
        for place in places:
            _set_offloads(place, "on")


def _set_offloads(place, state):
    place.namespace.run("ethtool", "-K", "eth0", "tx", state, "tso", state, "gso", state, "gro", state)
    found = place.namespace.run("ethtool", "-k", "eth0")
    for feature in ("tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload"):
        if f"{feature}: {state}" not in found:  # some devices ignore it, and say nothing
            raise LabError(f"{feature} of eth0 in {place.namespace.name} cannot be switched {state}")


def all_pairs(workloads):
    """Every workload asks every address of every other network member and every foreign one, over both families."""
    addresses = sorted({a for w in workloads for a in w.addresses})
    return [(w, a) for w in workloads for a in addresses if a not in w.addresses]


@dataclasses.dataclass
class Verdict:
    """What a set of probes shows, a family at a time or altogether."""
    intended: int = 0      # probes that somebody must answer
    reached: int = 0       # of these: exactly the right one answered, exactly once, and no one else saw it
    forbidden: int = 0     # probes that nobody may answer
    leaked: int = 0        # of these: somebody answered, or saw it
    wrong: list = dataclasses.field(default_factory=list)  # sentences

    @property
    def good(self):
        return self.intended > 0 and self.reached == self.intended and self.leaked == 0 and not self.wrong


def judge(workloads, probes):
    verdict = Verdict()
    for probe in probes:
        expected = expected_answer(workloads, probe.source, probe.address)
        others = probe.seen - {expected}
        if expected:
            verdict.intended += 1
            if probe.answers == [expected] and probe.seen == {expected}:
                verdict.reached += 1
                continue
        else:
            verdict.forbidden += 1
            if not probe.answers and not probe.seen:
                continue
            verdict.leaked += 1
        if others or probe.answers != ([expected] if expected else []) or (expected and not probe.seen):
            verdict.wrong.append(f"{probe.source.name} asked {probe.address}: answered by {probe.answers or 'nobody'}, "
                                 f"seen at {sorted(probe.seen) or 'none'}, expected {expected or 'nobody'}")
    return verdict


def probe_all(traffic, warm=True):
    """All pairs, measured: the probes. The first packet to a host may find the underlay's neighbor unresolved, as on any
    IP network; `warm` asks once beforehand."""
    pairs = all_pairs(traffic.workloads)
    if warm:
        traffic.probe([(w, a) for w, a in pairs if expected_answer(traffic.workloads, w, a)], settle=0)
    return traffic.probe(pairs)
