# SPDX-License-Identifier: Apache-2.0
"""A name server of the world outside, as a network namespace sees it: it knows a few names and says what was asked."""

import socket
import threading

from scapy.layers.dns import DNS, DNSRR


class NameServer:
    """Answers UDP on port 53 of `address`. `names`: {name: IPv4 address, or bytes that a text record holds}; for others
    NXDOMAIN. `asked`: the questions so far, as (name, source port, id)."""

    def __init__(self, namespace, address, names, rcode=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.names, self.rcode, self.asked = names, rcode, []
        self.socket = namespace.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.socket.settimeout(0.1)
        self.stopping = False
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while not self.stopping:
            try:
                data, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            query = DNS(data)
            name = query.qd.qname.decode().rstrip(".").lower()
            self.asked.append((name, client[1], query.id))
            value = self.names.get(name)
            records = None
            if isinstance(value, str):
                records = DNSRR(rrname=query.qd.qname, type="A", ttl=60, rdata=value)
            elif value:
                records = DNSRR(rrname=query.qd.qname, type="TXT", ttl=60, rdata=value)
            rcode = self.rcode if self.rcode is not None else (0 if value else 3)
            self.socket.sendto(bytes(DNS(id=query.id, qr=1, rd=query.rd, ra=1, rcode=rcode, qd=query.qd, an=records)),
                               client)
