# SPDX-License-Identifier: Apache-2.0
"""A cluster of etcd on the loopback interface, with members that can be stopped and killed."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request


def free_port(address="127.0.0.1"):
    with socket.socket() as opened:
        opened.bind((address, 0))
        return opened.getsockname()[1]


class Place:
    """Where a member runs: `launch` starts a process there, as subprocess.Popen does; `entered` makes a context in which
    sockets reach it. Without `ports`, two that are free here."""

    def __init__(self, address="127.0.0.1", launch=subprocess.Popen, entered=contextlib.nullcontext, ports=None):
        self.address, self.launch, self.entered = address, launch, entered
        self.ports = ports or (free_port(address), free_port(address))


class Member:
    def __init__(self, cluster, name, place):
        self.cluster, self.name, self.place = cluster, name, place
        self.client, self.peer = (f"{scheme}://{place.address}:{port}"
                                  for scheme, port in zip((cluster.scheme, "http"), place.ports))
        self.data = cluster.folder / name  # may be moved to another file system before the start
        self.process = None

    def start(self):
        members = ",".join(f"{member.name}={member.peer}" for member in self.cluster.members)
        with open(self.cluster.folder / f"{self.name}.log", "ab") as log:
            self.process = self.place.launch(
                ["etcd", "--name", self.name, "--data-dir", self.data, "--listen-client-urls", self.client,
                 "--advertise-client-urls", self.client, "--listen-peer-urls", self.peer,
                 "--initial-advertise-peer-urls", self.peer, "--initial-cluster", members,
                 "--initial-cluster-state", "new", "--log-level", "error", *self.cluster.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def ask(self, path, body=None):
        request = urllib.request.Request(f"{self.client}{path}", json.dumps(body or {}).encode())
        with self.place.entered(), urllib.request.urlopen(request, timeout=5, context=self.cluster.tls) as answer:
            return json.load(answer)

    def is_leader(self):
        status = self.ask("/v3/maintenance/status")
        return status["leader"] == status["header"]["member_id"]

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        """It goes on existing and does not answer."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)


class Etcd:
    """With `with`: started, and ended in the end; nothing is left but the folder.

    `sync`: as in earnest, what is committed survives the machine. `ca`, `cert` and `key` are a client's, for https.
    """

    def __init__(self, folder, members=1, *, places=None, sync=False, scheme="http", options=(), ca=None, cert=None,
                 key=None):
        self.folder = folder / "etcd"
        self.folder.mkdir()
        self.scheme, self.options, self.tls = scheme, [*options, *([] if sync else ["--unsafe-no-fsync"])], None
        if ca:
            self.tls = ssl.create_default_context(cafile=ca)
            self.tls.load_cert_chain(cert, key)
        places = places or [Place() for _ in range(members)]
        self.members = [Member(self, f"m{number}", place) for number, place in enumerate(places, 1)]
        self.url = "etcd:" + ",".join(member.client for member in self.members)

    def __enter__(self):
        for member in self.members:
            member.start()
        self.wait_ready()
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.kill()

    def wait_ready(self, seconds=60):
        """Until each member commits."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                for member in self.members:
                    member.ask("/v3/kv/put", {"key": "cmVhZHk=", "value": ""})
                return
            except (OSError, urllib.error.URLError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def leader(self):
        return next(member for member in self.members if member.process.poll() is None and member.is_leader())

    def lead(self, member):
        """Make this member the leader."""
        leader = self.leader()
        if leader is not member:
            leader.ask("/v3/maintenance/transfer-leadership",
                       {"targetID": member.ask("/v3/maintenance/status")["header"]["member_id"]})
