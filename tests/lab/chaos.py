# SPDX-License-Identifier: Apache-2.0
"""A control plane under attack: three members of etcd in namespaces of their own, controllers that share them, clients
that write and read through the API, and one fault after the other. In the end the history of all answers is judged.

What must hold, whatever fails: the history is linearizable; every accepted write is in the log of changes exactly once, at
the revision that was answered; what was refused is not in it; and all controllers say the same.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import random
import subprocess
import threading
import time
import urllib.error

from . import linear
from .api import Api, _Connection
from .etcd import Etcd, Place
from .linear import Operation
from .namespace import Namespace
from .record import Record
from .shell import LabError, run

MEMBERS, CONTROLLERS, CLIENTS, KEYS = 3, 3, 6, 24
SEED = 11
DISK_MB = 144       # etcd allocates two segments of its log ahead, 64 MB each
RECOVERY = 60       # seconds, at most
REQUEST = 30        # seconds a client waits for an answer
ADDRESSES = ["192.0.2.1", "192.0.2.2", "[2001:db8:ff::3]"]
SWITCH = ["192.0.2.250/24", "2001:db8:ff::250/64"]


class Chaos(Exception):
    """What must never be, has been."""


# ---- the deployment ----

class Controller:
    def __init__(self, world, number, endpoints):
        self.world, self.name = world, f"c{number}"
        self.socket = world.record.folder / f"{self.name}.sock"
        self.api = Api(self.socket)
        self.store = "etcd:" + ",".join(endpoints)
        self.words = [world.binary, "controller", "--store", self.store, "--socket", self.socket]

    def start(self):
        with open(self.world.record.folder / f"{self.name}.log", "ab") as log:
            self.process = self.world.record.process(
                self.world.switch.popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def kill(self):
        self.process.kill()
        self.process.wait(20)
        self.socket.unlink(missing_ok=True)

    def is_ready(self):
        if self.process.poll() is not None:
            self.start()  # it gave up while etcd was away
            return False
        try:
            return self.api.request("GET", "/v1/tenants", timeout=10)[0] == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False


class World:
    """With `with`: everything runs, and in the end nothing is left."""

    def __init__(self, binary):
        self.binary = pathlib.Path(binary)
        self.record = Record.new()
        self.namespaces = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.record.destroy()
            raise
        return self

    def __exit__(self, *_):
        self.record.destroy()

    def _namespace(self, name):
        namespace = Namespace(f"weft-{self.record.run}-{name}")
        self.record.namespace(namespace.name)
        return namespace.create(link_local=False)

    def _start(self):
        self.switch = self._namespace("switch")
        self.switch.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up",
                       *[f"address add {address} dev br0 nodad" for address in SWITCH])
        self.etcd = Etcd(self.record.folder, places=[self._place(n) for n in range(1, MEMBERS + 1)], sync=True)
        # One member keeps its data on a small disk.
        self.small = self.etcd.members[0]
        self.small.data = self.record.folder / "disk" / "data"
        self.small.data.parent.mkdir()
        self.record.mount(self.small.data.parent)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "weft-chaos", self.small.data.parent)
        for member in self.etcd.members:
            member.start()
        self.etcd.wait_ready()
        endpoints = [member.client for member in self.etcd.members]
        self.controllers = [Controller(self, n + 1, endpoints[n % MEMBERS:] + endpoints[:n % MEMBERS])
                            for n in range(CONTROLLERS)]
        for controller in self.controllers:
            controller.start()
        self.wait_healthy()

    def _place(self, number):
        """A member's own network: an uplink to the switch, with IPv4 and IPv6."""
        namespace = self._namespace(f"m{number}")
        self.namespaces.append(namespace)
        self.switch.ip(f"link add m{number} type veth peer name eth0 netns {namespace.name}",
                       f"link set m{number} master br0 up")
        namespace.ip("link set eth0 up", f"address add 192.0.2.{number}/24 dev eth0",
                     f"address add 2001:db8:ff::{number}/64 dev eth0 nodad")
        return Place(ADDRESSES[number - 1], lambda words, **how: self.record.process(namespace.popen(words, **how)),
                     self.switch.entered, (2379, 2380))

    def namespace_of(self, member):
        return self.namespaces[self.etcd.members.index(member)]

    def compact(self):
        """Forget all history, under everybody's feet; the revision at which it begins now."""
        answer = self.switch.run(self.binary, "store", "compact", self.controllers[0].store, "--json")
        return json.loads(answer)["compacted"]

    def wait_healthy(self):
        """Until every member commits and every controller answers."""
        deadline = time.monotonic() + RECOVERY
        while True:
            if not any(m.process.poll() is not None for m in self.etcd.members):
                with contextlib.suppress(OSError, urllib.error.URLError, http.client.HTTPException):
                    self.etcd.wait_ready(1)
                    if all([controller.is_ready() for controller in self.controllers]):
                        return
            if time.monotonic() > deadline:
                raise LabError(f"no recovery within {RECOVERY} s: see {self.record.folder}\n{self.logs()}")
            time.sleep(0.05)

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
                         for path in sorted(self.record.folder.rglob("*.log")))


# ---- faults ----

class Fault:
    """`strike` and, some seconds later, `heal`."""

    def __init__(self, world):
        self.world = world

    def strike(self):
        self.leader = self.world.etcd.leader()


class LeaderKilled(Fault):
    name = "leader killed"

    def strike(self):
        super().strike()
        self.leader.kill()

    def heal(self):
        self.leader.start()


class LeaderStopped(Fault):
    """As a virtual machine that is not scheduled: its connections stay."""

    name = "leader stopped for a while"

    def strike(self):
        super().strike()
        self.leader.pause()

    def heal(self):
        self.leader.resume()


class LeaderCutOff(Fault):
    name = "leader cut off from all"

    def _link(self, state):
        number = self.world.etcd.members.index(self.leader) + 1
        self.world.switch.ip(f"link set m{number} {state}")

    def strike(self):
        super().strike()
        self._link("down")

    def heal(self):
        self._link("up")


class LeaderAlone(Fault):
    """Clients reach it, the other members do not: it takes what it cannot commit."""

    name = "leader cut off from the other members"

    def strike(self):
        super().strike()
        self.world.namespace_of(self.leader).run(
            "nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
                   "add rule inet cut in tcp dport 2380 drop; add rule inet cut in tcp sport 2380 drop")

    def heal(self):
        self.world.namespace_of(self.leader).run("nft", "delete table inet cut")


class DiskFull(Fault):
    name = "disk of the leader full"

    def strike(self):
        self.leader = self.world.small
        self.world.etcd.lead(self.leader)
        self.filler = self.leader.data.parent / "filler"
        with contextlib.suppress(OSError), open(self.filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            while True:
                file.write(b"x")

    def heal(self):
        self.filler.unlink()
        self.died = self.leader.process.poll() is not None
        if self.died:
            self.leader.start()


class ControllerKilled(Fault):
    name = "controller killed"

    def strike(self):
        self.controller = random.Random(time.monotonic_ns()).choice(self.world.controllers)
        self.controller.kill()

    def heal(self):
        self.controller.start()


FAULTS = [LeaderKilled, ControllerKilled, LeaderCutOff, DiskFull, LeaderAlone, LeaderStopped]


# ---- clients ----

@dataclasses.dataclass
class Write:
    """A write as its client knows it: what it wrote (None: a removal), and the revision that was answered."""

    key: str
    value: object
    outcome: str
    revision: object = None


class Clients:
    def __init__(self, world, seed=SEED):
        self.world, self.seed = world, seed
        self.history, self.writes, self.faults = [], [], []
        self.accepted_at = []  # when writes were answered
        self.refused = 0
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._ending.set()
        for thread in self._threads:
            thread.join(REQUEST + 30)

    def _ask(self, controller, method, path, body=None):
        """(what became of it, status, answer): "answered", "refused" (nothing was done) or "unknown"."""
        try:
            status, answer = controller.api.request(method, path, body, timeout=REQUEST)
        except (FileNotFoundError, ConnectionRefusedError):
            return "refused", None, None
        except (OSError, http.client.HTTPException, ValueError):
            return "unknown", None, None
        problem = (answer or {}).get("type", "") if status >= 400 else ""
        if status == 503:
            return "unknown" if problem.endswith("outcome-unknown") else "refused", status, answer
        if status not in (200, 201, 404, 409):
            with self._lock:
                self.faults.append(f"{method} {path}: {status} {answer}")
        return "answered", status, answer

    def read(self, controller, key):
        """The object, or None where it is not there; False: no answer."""
        began = time.monotonic()
        outcome, status, answer = self._ask(controller, "GET", f"/v1/tenants/{key}")
        if outcome != "answered" or status not in (200, 404):
            return False
        value = answer["description"] if status == 200 else None
        self._note(Operation(key, "read", value, began, time.monotonic()))
        return answer if status == 200 else None

    def _note(self, operation, write=None):
        with self._lock:
            self.history.append(operation)
            if write:
                self.writes.append(write)
                if write.outcome == "ok":
                    self.accepted_at.append(operation.ended)

    def _settle(self, kind, key, value, began, outcome, answer, expected=None):
        """A write that was done, or of which no answer came; one that was refused leaves no trace."""
        if outcome == "refused":
            with self._lock:
                self.refused += 1
                self.writes.append(Write(key, value, "refused"))
            return
        known = outcome == "answered"
        self._note(Operation(key, kind, value, began, time.monotonic() if known else linear.NEVER,
                             "ok" if known else "unknown", expected),
                   Write(key, value, "ok" if known else "unknown", answer["revision"] if known else None))

    def write(self, controller, key, value):
        began = time.monotonic()
        outcome, _, answer = self._ask(controller, "PUT", f"/v1/tenants/{key}", {"description": value})
        self._settle("write", key, value, began, outcome, answer)

    def remove(self, controller, key):
        began = time.monotonic()
        outcome, status, answer = self._ask(controller, "DELETE", f"/v1/tenants/{key}")
        if status == 404:
            self._note(Operation(key, "read", None, began, time.monotonic()))
        else:
            self._settle("remove", key, None, began, outcome, answer)

    def swap(self, controller, key, value):
        found = self.read(controller, key)
        if not found:
            return
        began = time.monotonic()
        outcome, status, answer = self._ask(controller, "POST", "/v1/transactions", {
            "operations": [{"op": "put", "kind": "tenant", "name": key, "object": {"description": value}}],
            "compare": [{"kind": "tenant", "name": key, "revision": found["revision"]}]})
        expected = found["description"]
        if status == 409:
            self._note(Operation(key, "mismatch", value, began, time.monotonic(), expected=expected),
                       Write(key, value, "refused"))
        else:
            self._settle("swap", key, value, began, outcome, answer, expected)

    def _run(self, number):
        draw = random.Random(self.seed * 1000 + number)
        serial = 0
        while not self._ending.is_set():
            serial += 1
            controller, key = draw.choice(self.world.controllers), f"t{draw.randrange(KEYS)}"
            value, chance = f"{number}-{serial}", draw.random()
            try:
                if chance < 0.4:
                    self.read(controller, key)
                elif chance < 0.7:
                    self.write(controller, key, value)
                elif chance < 0.92:
                    self.swap(controller, key, value)
                else:
                    self.remove(controller, key)
            except (KeyError, TypeError) as error:
                with self._lock:
                    self.faults.append(f"an answer that is not understood: {error!r}")
            if not controller.socket.exists():
                time.sleep(0.01)


# ---- judging ----

def changes(controller, since):
    """[(revision, key, value)] of all that changed after `since`: the log, as a watch replays it."""
    api = controller.api
    api.put("/v1/tenants/the-end", {"description": str(time.monotonic_ns())})
    connection = _Connection(controller.socket, REQUEST)
    found = []
    try:
        connection.request("GET", f"/v1/tenants?watch=1&since={since}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise Chaos(f"the log cannot be read: {answer.read()[:300]}")
        while True:
            line = json.loads(answer.readline())
            if line["type"] == "ping":
                continue
            name = line["object"]["name"]
            if name == "the-end":
                return found
            found.append((line["revision"], name, line["object"]["description"] if line["type"] == "put" else None))
    finally:
        connection.close()


def judge_log(log, writes, since=0):
    """Every accepted write once, at its revision; of the others none that was refused, and none twice. The log begins
    after `since`."""
    at = {}
    for revision, key, value in log:
        at.setdefault((key, value), []).append(revision)
    removals = {(key, revision) for revision, key, value in log if value is None}
    for write in writes:
        if write.outcome == "ok" and write.revision <= since:
            continue
        revisions = at.get((write.key, write.value), [])
        what = f"{write.key} = {write.value}"
        if write.value is None:
            if write.outcome == "ok" and (write.key, write.revision) not in removals:
                raise Chaos(f"the removal of {write.key} at revision {write.revision} was accepted and is lost")
        elif len(revisions) > 1:
            raise Chaos(f"{what} was written once and applied at revisions {revisions}")
        elif write.outcome == "ok" and revisions != [write.revision]:
            raise Chaos(f"{what} was accepted at revision {write.revision} and is at {revisions or 'none'}")
        elif write.outcome == "refused" and revisions:
            raise Chaos(f"{what} was refused and is there, at revision {revisions[0]}")


def judge_order(history, writes):
    """Revisions follow time: a write that was answered has a lower one than any that begins later."""
    revision_of = {(write.key, write.value): write.revision for write in writes
                   if write.outcome == "ok" and write.value is not None}
    done = [(operation, revision_of[operation.key, operation.value]) for operation in history
            if operation.kind in ("write", "swap") and operation.outcome == "ok"]
    ended = sorted(done, key=lambda item: item[0].ended)
    newest, position = 0, 0
    for operation, revision in sorted(done, key=lambda item: item[0].began):
        while position < len(ended) and ended[position][0].ended < operation.began:
            newest = max(newest, ended[position][1])
            position += 1
        if revision <= newest:
            raise Chaos(f"{operation.key} = {operation.value} got revision {revision}, after {newest} had been answered")


def judge(world, clients, since):
    if clients.faults:
        raise Chaos(f"{len(clients.faults)} answers that must not be, the first: {clients.faults[0][:500]}")
    # What is there in the end, through every controller.
    for controller in world.controllers:
        for number in range(KEYS):
            if clients.read(controller, f"t{number}") is False:
                raise Chaos(f"{controller.name} does not answer after all is well again")
    logs = [changes(controller, since) for controller in world.controllers]
    if any(log != logs[0] for log in logs[1:]):
        raise Chaos("the controllers tell different logs")
    judge_log(logs[0], clients.writes, since)
    judge_order(clients.history, clients.writes)
    violation = linear.check(clients.history)
    if violation:
        raise Chaos(str(violation))


# ---- the run ----

def _gap(accepted, began, ended):
    """The longest time without an accepted write between the two, seconds."""
    times = [began, *sorted(at for at in accepted if began < at < ended), ended]
    return max(after - before for before, after in zip(times, times[1:]))


def attack(binary, rounds, seconds, progress=None):
    """Each fault `rounds` times, for so many seconds each. The result as JSON has it; raises Chaos if what must hold did
    not. `progress.step(text)` is called before each fault, and once before all."""
    result = {"members": MEMBERS, "controllers": CONTROLLERS, "clients": CLIENTS, "objects": KEYS, "faults": []}
    with World(binary) as world:
        clients = Clients(world)
        clients.start()
        try:
            if progress:
                progress.step("history compacted")
            time.sleep(seconds)
            since = world.compact()
            for _ in range(rounds):
                for kind in FAULTS:
                    fault = kind(world)
                    if progress:
                        progress.step(fault.name)
                    began = time.monotonic()
                    fault.strike()
                    time.sleep(seconds)
                    fault.heal()
                    world.wait_healthy()
                    time.sleep(0.3)
                    ended = time.monotonic()
                    result["faults"].append({
                        "fault": fault.name, "seconds": round(ended - began, 2),
                        "longest_without_write": round(_gap(list(clients.accepted_at), began, ended), 3)})
        finally:
            clients.stop()
        world.wait_healthy()
        began = time.monotonic()
        judge(world, clients, since)
        outcomes = [write.outcome for write in clients.writes]
        result |= {"operations": len(clients.history), "accepted": outcomes.count("ok"),
                   "unknown": outcomes.count("unknown"), "refused": clients.refused, "linearizable": True,
                   "judged_in_s": round(time.monotonic() - began, 2)}
        if os.environ.get("WEFT_CHAOS_HISTORY"):
            pathlib.Path(os.environ["WEFT_CHAOS_HISTORY"]).write_text(
                "".join(f"{json.dumps(dataclasses.asdict(o))}\n" for o in clients.history))
        return result, clients
