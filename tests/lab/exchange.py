# SPDX-License-Identifier: Apache-2.0
"""Conversations between containers, held by this process: a socket belongs to the namespace that it was opened in.

Addresses are given as text, of either family. Nothing here judges how long something took: what must come is waited for
with patience, what must not come is given a while after that. Nothing lives on, either: connections end by reset. One that
is closed in good order while a rule cuts it off would send its farewell again for a minute and more, into other tests.
"""

import contextlib
import hashlib
import selectors
import socket
import struct
import threading
import time

PATIENCE = 30.0  # seconds for what must come, however busy the machine
SETTLE = 0.4     # seconds for what must not

_IP_RECVERR, _IPV6_RECVERR, _MSG_ERRQUEUE = 11, 25, 0x2000
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DO = 10, 23, 2
_IP_MTU, _IPV6_MTU = 14, 24
_IP_RECVTTL = 12


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _open(container, address, kind):
    """A socket of the container in the family of `address`, and of no other."""
    opened = container.namespace.socket(family_of(address), kind)
    if kind == socket.SOCK_STREAM:
        _end_by_reset(opened)  # what a listener accepts, too
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return opened


def _end_by_reset(opened):
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def open_udp(container, address, port=0):
    """A UDP socket of the container, in the family of `address`, which the other end has."""
    opened = _open(container, address, socket.SOCK_DGRAM)
    opened.bind(("", port))
    opened.settimeout(PATIENCE)
    return opened


def listen(container, address, port):
    """A TCP listener of the container, in the family of `address`."""
    opened = _open(container, address, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("", port))
    opened.listen(64)
    opened.settimeout(PATIENCE)
    return opened


def connect(container, address, port, source_port=0, seconds=PATIENCE):
    """A TCP connection; raises OSError: refused, unreachable, or TimeoutError."""
    opened = _open(container, address, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source_port:
            opened.bind(("", source_port))
        opened.settimeout(seconds)
        opened.connect((address, port))
    except BaseException:
        opened.close()
        raise
    opened.settimeout(PATIENCE)
    return opened


def outcome(container, address, port, source_port=0, seconds=SETTLE):
    """What a connection attempt comes to: "open", "refused", "unreachable" or "silent"."""
    try:
        connect(container, address, port, source_port, seconds).close()
        return "open"
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "unreachable"


@contextlib.contextmanager
def talking(client, server, address, port, source_port=0):
    """A TCP connection: both its sockets, the client's first."""
    with contextlib.ExitStack() as stack:
        with listen(server, address, port) as listener:
            near = stack.enter_context(connect(client, address, port, source_port))
            far = stack.enter_context(listener.accept()[0])
        far.settimeout(PATIENCE)
        yield near, far


def says(near, far, text=b"weft"):
    """Does this text come from one socket to the other? What must not come is given SETTLE: set the time-out before."""
    try:
        near.send(text)
        return far.recv(len(text)) == text
    except OSError:
        return False


# ---- who may connect to whom ----

class Services:
    """The same services at every container: TCP that accepts, UDP that answers. A context manager.

    `kinds`: ["tcp/80", "udp/53", "icmp"], of which ICMP needs no server."""

    def __init__(self, containers, kinds):
        self.containers, self.kinds = list(containers), list(kinds)
        self._selector = selectors.DefaultSelector()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._opened = []

    def __enter__(self):
        for container in self.containers:
            for protocol, port in [kind.split("/") for kind in self.kinds if "/" in kind]:
                self._open(container, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM, int(port))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for opened in self._opened:
            opened.close()

    def _open(self, container, kind, port):
        opened = container.namespace.socket(socket.AF_INET6, kind)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            opened.listen(64)
        opened.setblocking(False)
        self._opened.append(opened)
        self._selector.register(opened, selectors.EVENT_READ)

    def _serve(self):
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                with contextlib.suppress(OSError):
                    if key.fileobj.type == socket.SOCK_STREAM:
                        key.fileobj.accept()[0].close()
                    else:
                        data, sender = key.fileobj.recvfrom(65536)
                        key.fileobj.sendto(data, sender)

    def reached(self, attempts, due):
        """Of these (source, address, kind), the set of those that came to a connection or an answer. Those that are
        `due` are waited for, then the others get a while."""
        due = set(due)
        waiting, reached = {}, set()
        try:
            for attempt in attempts:
                waiting[self._begin(*attempt)] = attempt
            deadline = time.monotonic() + PATIENCE
            while not due <= reached and time.monotonic() < deadline:
                self._poll(waiting, reached, 0.05)
            end = time.monotonic() + SETTLE
            while (left := end - time.monotonic()) > 0:
                self._poll(waiting, reached, left)
        finally:
            for opened in waiting:
                opened.close()
        return reached

    @staticmethod
    def _begin(source, address, kind):
        family = family_of(address)
        protocol, _, port = kind.partition("/")
        if protocol == "icmp":
            opened = source.namespace.socket(
                family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP)
            opened.setblocking(False)
            opened.connect((address, 0))
            with contextlib.suppress(OSError):
                opened.send(echo_request(address, opened.fileno()))
        elif protocol == "tcp":
            opened = source.namespace.socket(family, socket.SOCK_STREAM)
            _end_by_reset(opened)
            opened.setblocking(False)
            opened.connect_ex((address, int(port)))
        else:
            opened = source.namespace.socket(family, socket.SOCK_DGRAM)
            opened.setblocking(False)
            opened.connect((address, int(port)))
            with contextlib.suppress(OSError):
                opened.send(b"weft")
        return opened

    @staticmethod
    def _poll(waiting, reached, seconds):
        time.sleep(min(seconds, 0.05))
        for opened, attempt in waiting.items():
            if attempt in reached:
                continue
            with contextlib.suppress(OSError):
                if attempt[2].startswith("tcp/"):
                    opened.getpeername()
                    reached.add(attempt)
                elif attempt[2] == "icmp":
                    if is_echo_reply(opened.recv(65536), attempt[1], opened.fileno()):
                        reached.add(attempt)
                elif opened.recv(65536) == b"weft":
                    reached.add(attempt)


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def echo_request(address, identifier, kind=None):
    """An ICMP or ICMPv6 message; for IPv6 the kernel puts the checksum in."""
    kind = kind if kind is not None else 128 if ":" in address else 8
    body = struct.pack("!BBHHH", kind, 0, 0, identifier, 1) + b"weft"
    return body if ":" in address else body[:2] + struct.pack("!H", _checksum(body)) + body[4:]


def is_echo_reply(packet, address, identifier):
    """Raw IPv4 sockets hand over the IP header too."""
    if ":" not in address:
        packet = packet[(packet[0] & 15) * 4:]
    kind, _, _, found = struct.unpack("!BBHH", packet[:6])
    return kind == (129 if ":" in address else 0) and found == identifier


@contextlib.contextmanager
def answering(places, port):
    """At each of these (container, address), UDP to this port is answered with the container's name."""
    servers, stop = {}, threading.Event()

    def serve():
        while not stop.is_set():
            for key, _ in selector.select(0.05):
                with contextlib.suppress(OSError):
                    key.fileobj.sendto(servers[key.fileobj].name.encode(), key.fileobj.recvfrom(65536)[1])
    selector = selectors.DefaultSelector()
    thread = threading.Thread(target=serve, daemon=True)
    try:
        for container, address in places:
            server = _open(container, address, socket.SOCK_DGRAM)
            servers[server] = container
            server.bind((address, port))
            server.setblocking(False)
            selector.register(server, selectors.EVENT_READ)
        thread.start()
        yield
    finally:
        stop.set()
        if thread.ident:
            thread.join()
        for server in servers:
            server.close()


# ---- bulk ----

class Stream(threading.Thread):
    """TCP from one container to another, as fast as it goes or `rate` bytes a second, until `finish`, or until `size`
    bytes are sent. Each block differs from the others, so that a byte lost, doubled or changed anywhere is found."""

    BLOCK = 1 << 16

    def __init__(self, client, server, address, port, size=None, rate=None):
        super().__init__(daemon=True)
        self._size, self._rate = size, rate
        self._listener = listen(server, address, port)
        self._near = connect(client, address, port)
        self._far, _ = self._listener.accept()
        self._far.settimeout(PATIENCE)
        self._near.settimeout(PATIENCE)
        self._end = threading.Event()
        self.sent = self.received = 0
        self._hashes = hashlib.sha1(), hashlib.sha1()
        self._failures = []
        self._receiver = threading.Thread(target=self._guard, args=(self._receive,), daemon=True)
        self.start()
        self._receiver.start()

    def run(self):
        self._guard(self._send)

    def _guard(self, function):
        try:
            function()
        except OSError as failure:
            self._failures.append(f"{function.__name__[1:]}: {failure or type(failure).__name__}")

    def _send(self):
        start = time.monotonic()
        while not self._end.is_set() and (self._size is None or self.sent < self._size):
            block = hashlib.sha1(str(self.sent).encode()).digest() * (self.BLOCK // 20)
            self._near.sendall(block)
            self._hashes[0].update(block)
            self.sent += len(block)
            if self._rate:
                self._end.wait(max(0, self.sent / self._rate - (time.monotonic() - start)))
        self._near.shutdown(socket.SHUT_WR)

    def _receive(self):
        while data := self._far.recv(1 << 18):
            self._hashes[1].update(data)
            self.received += len(data)

    def finish(self):
        """Send no more; what went wrong: a list of sentences, empty if all bytes arrived."""
        if self._size is None:
            self._end.set()
        self.join(60)
        self._receiver.join(60)
        for opened in (self._near, self._far, self._listener):
            opened.close()
        wrong = list(self._failures)
        if self.sent == 0 or self.received != self.sent:
            wrong.append(f"{self.received} of {self.sent} bytes arrived")
        elif self._hashes[0].digest() != self._hashes[1].digest():
            wrong.append(f"not the same {self.sent} bytes arrived")
        return wrong


def transfer(client, server, address, port, size):
    """Send so many bytes through TCP; what went wrong."""
    return Stream(client, server, address, port, size).finish()


# ---- ICMP errors ----

class Prober:
    """A connected UDP socket that hears the ICMP errors about what it sends: (type, code, from whom, value)."""

    def __init__(self, container, address, port, source_port=0):
        self.ipv6 = ":" in address
        self.address = address
        self.level = socket.IPPROTO_IPV6 if self.ipv6 else socket.IPPROTO_IP
        self.socket = open_udp(container, address, source_port)
        self.socket.setsockopt(self.level, _IPV6_RECVERR if self.ipv6 else _IP_RECVERR, 1)
        self.socket.connect((address, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def do_not_fragment(self):
        self.socket.setsockopt(self.level, _IPV6_MTU_DISCOVER if self.ipv6 else _IP_MTU_DISCOVER, _PMTUDISC_DO)

    def mtu(self):
        """What the kernel has learned of the path."""
        return self.socket.getsockopt(self.level, _IPV6_MTU if self.ipv6 else _IP_MTU)

    def send(self, size=8, ttl=64):
        self.socket.setsockopt(self.level, socket.IPV6_UNICAST_HOPS if self.ipv6 else socket.IP_TTL, ttl)
        self.socket.send(bytes(size))

    def error(self, seconds=PATIENCE):
        """The next error, or None."""
        self.socket.settimeout(seconds)
        try:
            _, ancillary, _, _ = self.socket.recvmsg(65536, 1024, _MSG_ERRQUEUE)
        except TimeoutError:
            return None
        data = next(data for level, _, data in ancillary if level == self.level)
        _, _, kind, code, _, value, _ = struct.unpack("=IBBBBII", data[:16])
        offender = data[24:40] if self.ipv6 else data[20:24]
        return kind, code, socket.inet_ntop(socket.AF_INET6 if self.ipv6 else socket.AF_INET, offender), value


def arriving_ttl(source, target, address, port):
    """TTL or hop limit with which a UDP packet arrives that was sent with 64; None: it did not arrive."""
    ipv6 = ":" in address
    level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
    with open_udp(target, address, port) as receiver, open_udp(source, address) as sender:
        receiver.setsockopt(level, socket.IPV6_RECVHOPLIMIT if ipv6 else _IP_RECVTTL, 1)
        sender.setsockopt(level, socket.IPV6_UNICAST_HOPS if ipv6 else socket.IP_TTL, 64)
        sender.sendto(b"weft", (address, port))
        try:
            _, ancillary, _, _ = receiver.recvmsg(64, 64)
        except TimeoutError:
            return None
    return struct.unpack("=i", ancillary[0][2])[0]
