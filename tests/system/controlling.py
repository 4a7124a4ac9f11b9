# SPDX-License-Identifier: Apache-2.0
"""A controller of one's own, a client that shows every byte of the protocol, and an agent that is only pretended."""

import http.client
import json
import queue
import socket
import ssl
import subprocess
import threading
import time
from urllib.parse import quote


class Answer:
    """Status, headers and decoded JSON of a response."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()
        self.json = json.loads(self.text) if self.text else None

    def __repr__(self):
        return f"{self.status} {self.text[:400]}"

    def __getitem__(self, member):
        return self.json[member]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("weft", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """Speaks to a controller; `connect` makes a new connection of http.client."""

    headers = {}  # of every request

    def __init__(self, connect):
        self.connect = connect

    def request(self, method, path, body=None, *, raw=None, headers=None, timeout=60):
        """`body` is sent as JSON, `raw` as it is (bytes, or an iterable: then in chunks)."""
        connection = self.connect(timeout)
        try:
            data = raw if body is None else json.dumps(body).encode()
            try:
                connection.request(method, path, data, {**self.headers, **(headers or {})})
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was answered before all of it was sent
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def put(self, path, body):
        return self.request("PUT", path, body)

    def post(self, path, body):
        return self.request("POST", path, body)

    def must(self, method, path, body=None):
        """A request that has to succeed; its JSON."""
        answer = self.request(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer}"
        return answer.json

    def transaction(self, *operations, **more):
        return self.post("/v1/transactions", {"operations": list(operations), **more})

    def revision(self):
        return self.must("GET", "/v1/status")["revision"]

    def dump(self):
        """All desired state and the revision: what a refused request must leave as it is."""
        lists = {}
        for kind in ("tenants", "hosts", "networks", "ports"):
            items = self.must("GET", f"/v1/{kind}")["items"]
            lists[kind] = [{k: v for k, v in item.items() if k != "status"} for item in items]
        return self.revision(), lists

    def lines(self, path, timeout=60):
        return Lines(self, path, timeout)


class Lines:
    """A streaming response, line by line; a line is awaited `timeout` seconds."""

    def __init__(self, client, path, timeout):
        self.connection = client.connect(timeout)
        self.connection.request("GET", path, headers=client.headers)
        self.response = self.connection.getresponse()

    def next(self, pings=False):
        """The next line decoded, None at the end."""
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = json.loads(line)
            if pings or line["type"] != "ping":
                return line

    def take(self, count):
        return [self.next() for _ in range(count)]

    def close(self):
        # Not only the file: http.client keeps the socket alive as long as the response is.
        self.response.close()
        self.connection.close()


class Controller(Client):
    def __init__(self, binary, folder, *options, store=None):
        self.binary, self.folder, self.options = str(binary), folder, options
        self.store = store or f"sqlite:{folder}/weft.db"
        self.socket = folder / "weft.sock"
        self.process = None
        super().__init__(lambda timeout: UnixConnection(self.socket, timeout))
        self.start()

    def start(self):
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "controller", "--store", self.store, "--socket", str(self.socket),
             *map(str, self.options)], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.get("/v1/status")
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "the controller does not answer"
                time.sleep(0.02)

    def stop(self):
        """End it in order; its exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait(60)


class Tls(Client):
    """A client over TLS with this certificate (None: without any)."""

    def __init__(self, address, authority, certificate=None, key=None):
        host, port = address.rsplit(":", 1)
        context = ssl.create_default_context(cafile=str(authority))
        if certificate:
            context.load_cert_chain(str(certificate), str(key))
        super().__init__(
            lambda timeout: http.client.HTTPSConnection(host, int(port), timeout=timeout, context=context))


def digest(objects):
    """Of a set of objects, as model/digest.h defines it."""
    mask = (1 << 64) - 1

    def mix(value):
        value = ((value ^ value >> 30) * 0xbf58476d1ce4e5b9) & mask
        value = ((value ^ value >> 27) * 0x94d049bb133111eb) & mask
        return value ^ value >> 31

    total = 0
    for each in objects:
        kind = {"policy": "policies"}.get(each["kind"], each["kind"] + "s")
        path = "/".join(filter(None, (each.get("tenant"), kind, each["name"])))
        hashed = 0xcbf29ce484222325
        for byte in path.encode():
            hashed = ((hashed ^ byte) * 0x100000001b3) & mask
        total += mix((mix(hashed) + each["revision"]) & mask)
    return f"{total & mask:016x}"


class Bearer(Client):
    """A client that shows a token, over whatever `inner` speaks."""

    def __init__(self, inner, token):
        super().__init__(inner.connect)
        self.token, self.headers = token, {"Authorization": f"Bearer {token}"}


class Agent(threading.Thread):
    """A host as the controller sees it: reads its stream, acknowledges each batch, reports what it is told to."""

    def __init__(self, client, host, acknowledge=True, attempt=None):
        super().__init__(daemon=True)
        self.client, self.host, self.acknowledge = client, host, acknowledge
        self.path = f"/v1/hosts/{quote(host)}"
        self.changed = threading.Condition()
        self.objects, self.batches, self.ended = {}, [], False
        self.questions = queue.Queue()
        self.diverged = []  # commits whose digest is not that of the objects
        self.older = None  # what it was told of a newer stream
        self.refused = []  # acknowledgements that were
        self.stream = client.lines(f"{self.path}/stream" + (f"?attempt={attempt}" if attempt else ""), timeout=60)
        self.status = self.stream.response.status
        self.start()

    def run(self):
        batch = []
        try:
            while (line := self.stream.next()) is not None:
                if line["type"] == "trace":
                    self.questions.put(line)
                if line["type"] == "older":
                    self.older = line["attempt"]
                if line["type"] in ("trace", "report", "older"):
                    continue
                batch.append(line)
                if line["type"] == "commit":
                    self._take(batch)
                    batch = []
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the connection broke, or the test closed it
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def _take(self, batch):
        with self.changed:
            for line in batch:
                if line["type"] == "snapshot":
                    self.objects = {}
                elif line["type"] == "put":
                    named = line["object"]
                    self.objects[named["kind"], named.get("tenant"), named["name"]] = named
                elif line["type"] == "delete":
                    del self.objects[line["kind"], line.get("tenant"), line["name"]]
            if batch[-1]["digest"] != digest(self.objects.values()):
                self.diverged.append(batch[-1])
            self.batches.append(batch)
            self.changed.notify_all()
        if self.acknowledge:
            answer = self.client.post(f"{self.path}/report", {"realized": batch[-1]["revision"]})
            if answer.status != 200:  # as of one that is elsewhere by now
                self.refused.append(answer)

    def report(self, **members):
        return self.client.must("POST", f"{self.path}/report", members)

    def wait(self, judge, seconds=60):
        """Until `judge(self)` is true; whether it was."""
        with self.changed:
            return self.changed.wait_for(lambda: judge(self), seconds)

    def wait_revision(self, revision, seconds=60):
        return self.wait(lambda agent: agent.batches and agent.batches[-1][-1]["revision"] >= revision, seconds)

    def close(self):
        # From outside the thread that reads: shut the socket, and the reader sees the end.
        try:
            self.stream.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self.join(60)
        assert not self.diverged and not self.refused
