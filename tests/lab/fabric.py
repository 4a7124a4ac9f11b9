# SPDX-License-Identifier: Apache-2.0
"""A deployment in one machine: an underlay, a controller, hosts with agents, containers and guests.

    underlay   a bridge in a namespace of its own; each host and the controller have an uplink "eth0" to it. Or, for
               measurements, a switch of macvlan: it hands a frame from uplink to uplink in one step, as a cable does,
               where a bridge between two veth pairs takes a tenth of the throughput by itself, with no Weft at all
    host       a namespace with an agent, which speaks TLS to the controller across the underlay
    workload   a container (a namespace joined to its host by a veth) or a QEMU guest on a tap

Nothing outside of the namespaces is touched but the BPF file system, where each agent has a folder of its own.
"""

import ipaddress
import os
import pathlib
import signal
import subprocess
import sys
import time

from . import record as records
from .api import Api
from .certificates import Authority
from .guest import Guest
from .namespace import Namespace
from .shell import LabError, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
BPF = pathlib.Path("/sys/fs/bpf")
API_PORT = 6640
ANSWER_PORT = 7777  # where every workload answers with its name
CONTROLLER = 250    # host part of its underlay address

# Prefixes for documentation (RFC 5737, RFC 3849): nobody routes them.
UNDERLAYS = {"ipv4": ("192.0.2.{}", 24), "ipv6": ("2001:db8:ff::{}", 64)}
DIRECT = "203.0.113.{}"  # on a link of two hosts


def find_binary():
    return pathlib.Path(os.environ.get("WEFT_BIN", ROOT / "build/cli/weft"))


def mount_bpf():
    if not any(line.split()[1:3] == [str(BPF), "bpf"] for line in open("/proc/self/mounts")):
        run("mount", "-t", "bpf", "bpf", BPF)


def workload_program():
    """The small static program that runs in guests and benchmarks, compiled when its source is newer."""
    source = pathlib.Path(__file__).with_name("workload.c")
    program = ROOT / ".cache/workload"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(exist_ok=True)
        part = program.with_suffix(f".{os.getpid()}")
        run("cc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-o", part, source)
        part.rename(program)
    return program


def _end_by_exception():
    """Let a signal that ends the process unwind it, so that laboratories are taken down."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


class Host:
    def __init__(self, lab, name, number):
        self.lab, self.name = lab, name
        self.vtep = lab.underlay_address(number)
        self.namespace = lab.new_namespace(name, link_local=False)
        self.state = lab.pins / name
        self.process = None
        lab.connect_underlay(self.namespace, number)

    def start_agent(self):
        lab = self.lab
        certificate, key = lab.certificate(f"weft-host:{self.name}")
        self.process = lab.spawn(f"agent-{self.name}", [
            lab.binary, "agent", "--netns", self.namespace.path, "--host", self.name, "--controller", lab.url,
            "--cert", certificate, "--key", key, "--ca", lab.authority.certificate,
            "--vtep", self.vtep, "--encap", lab.encap, "--state", self.state, "--audit", f"{lab.audit}s"])

    def kill_agent(self):
        self.process.kill()
        self.process.wait()

    def status(self):
        return self.lab.api.get(f"/v1/hosts/{self.name}")["status"]

    def tap(self, device):
        self.namespace.ip(f"tuntap add dev {device} mode tap", f"link set {device} up")


class Workload:
    """A container or a guest that is a port: `name` is "tenant/port", `device` its end on the host."""

    def __init__(self, host, tenant, port, device, fields, network):
        self.host, self.tenant, self.port, self.device = host, tenant, port, device
        self.name = f"{tenant}/{port}"
        self.network = f"{tenant}/{fields['network']}"
        self.segment = self.network  # what routers join; in it, addresses are unique
        self.mac, self.addresses, self.mtu = fields["mac"], fields["addresses"], network["mtu"]
        self.prefixes = [_with_length(address, network["subnets"]) for address in self.addresses]

    def gateway(self, family=4):
        """Where the router of its network is, unless it says otherwise: the first host address of the subnet."""
        address = self.ipv4 if family == 4 else self.ipv6
        prefix = next(p for p in self.prefixes if p.startswith(f"{address}/"))
        return str(ipaddress.ip_interface(prefix).network[1])

    @property
    def ipv4(self):
        return next(a for a in self.addresses if ":" not in a)

    @property
    def ipv6(self):
        return next(a for a in self.addresses if ":" in a)


def _with_length(address, subnets):
    """10.0.0.2 of 10.0.0.0/24 -> 10.0.0.2/24."""
    for subnet in map(ipaddress.ip_network, subnets):
        if ipaddress.ip_address(address) in subnet:
            return f"{address}/{subnet.prefixlen}"
    raise LabError(f"{address} is in none of {subnets}")


class Container(Workload):
    guest = None

    def __init__(self, host, tenant, port, device, fields, network, configure):
        super().__init__(host, tenant, port, device, fields, network)
        self.namespace = host.lab.new_namespace(f"{tenant}-{port}")
        self.configure = configure
        self.routes = ["route add 0.0.0.0/0 dev eth0", "route add ::/0 dev eth0"]
        self.plug()

    def plug(self):
        """Make the veth pair. The addresses are what the port says; a default route makes the container ask for
        every address in the world, so that isolation is the fabric's doing and not its own."""
        self.host.namespace.ip(
            f"link add {self.device} type veth peer name eth0 address {self.mac} mtu {self.mtu} "
            f"netns {self.namespace.name}", f"link set {self.device} mtu {self.mtu} up")
        if not self.configure:
            self.namespace.ip("link set eth0 up")
            return
        self.namespace.ip("link set eth0 up", *[f"address add {p} dev eth0" for p in self.prefixes], *self.routes)

    def join(self, segment):
        """Its network has a router, whose networks are this segment: what is elsewhere, is sent there."""
        self.segment = segment
        families = {6 if ":" in address else 4 for address in self.addresses}
        self.routes = [f"route replace default via {self.gateway(family)}" for family in sorted(families)]
        self.namespace.ip(*self.routes)

    def unplug(self):
        self.host.namespace.ip(f"link del {self.device}")


class VirtualMachine(Workload):
    def __init__(self, host, tenant, port, device, fields, network, configure, series):
        super().__init__(host, tenant, port, device, fields, network)
        lab = host.lab
        host.tap(device)
        nic = {"tap": device, "mac": self.mac, "addresses": self.prefixes if configure else [], "mtu": self.mtu}
        self.guest = Guest(
            f"{tenant}-{port}", lab.folder, lambda words, **how: lab.record.process(host.namespace.popen(words, **how)),
            series=series, nic=nic, answer=self.name, port=ANSWER_PORT, programs=[workload_program()])
        lab.guests.append(self.guest)


class Lab:
    """Use as a context manager. `hosts`: how many; `audit`: seconds between two looks for drift; `keep`: leave it all
    running at the end, unless that is a failure; `direct`: the two hosts have a link of their own for tunnels; `macvlan`:
    so is the underlay, whose offloads cannot be switched off then. The agents have connected when it is entered."""

    def __init__(self, hosts=3, underlay="ipv4", encap="geneve", mtu=1500, audit=10, binary=None, keep=False,
                 direct=False, macvlan=False):
        self.audit, self.keep, self.direct, self.macvlan = audit, keep, direct, macvlan
        self.binary = str(binary or find_binary())
        self.encap, self.mtu = encap, mtu
        self._address, self._length = UNDERLAYS[underlay]
        self._host_count = hosts
        self.guests, self.workloads, self.hosts = [], {}, {}
        self.controller = None
        self._certificates = {}

    # ---- life ----

    def __enter__(self):
        mount_bpf()
        _end_by_exception()
        self.record = records.Record.new()
        self.run_id, self.folder = self.record.run, self.record.folder
        self.pins = BPF / f"weft-{self.run_id}"
        try:
            self.record.pin(self.pins)
            self.pins.mkdir()
            self._start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, failure, *_):
        if failure or not self.keep:
            self.destroy()
        else:
            self.record.keep()

    def destroy(self):
        for guest in self.guests:
            guest.stop()
        self.record.destroy()

    def _start(self):
        self.authority = self.make_authority()
        self.underlay = self.new_namespace("underlay", link_local=False)
        if self.macvlan:
            self.underlay.ip(f"link add trunk mtu {self.mtu} type veth peer name end", "link set end up", "link set trunk up")
        else:
            self.underlay.ip("link add br0 type bridge mcast_snooping 0", f"link set br0 mtu {self.mtu} up")
        self.controller_namespace = self.new_namespace("controller")
        self.connect_underlay(self.controller_namespace, CONTROLLER)
        self.socket = self.folder / "weft.sock"
        self.api = Api(self.socket)
        address = self.underlay_address(CONTROLLER)
        self.listen = f"[{address}]:{API_PORT}" if ":" in address else f"{address}:{API_PORT}"
        self.url = f"https://{self.listen}"
        for number in range(1, self._host_count + 1):
            self.hosts[f"h{number}"] = Host(self, f"h{number}", number)
        if self.direct:
            self.join(*[host.namespace for host in self.hosts.values()])
            for number, host in enumerate(self.hosts.values(), 1):
                host.vtep = DIRECT.format(number)
        self.start_controller()
        for host in self.hosts.values():
            host.start_agent()
        self.wait_connected()

    def start_controller(self):
        certificate, key = self.certificate("weft-controller", self.underlay_address(CONTROLLER))
        self.controller = self.spawn("controller", self.controller_namespace.words(
            self.binary, "controller", "--store", f"sqlite:{self.folder}/weft.db", "--socket", self.socket,
            "--listen", self.listen, "--cert", certificate, "--key", key,
            "--ca", self.authority.certificate, *self.controller_options()))
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.api.get("/v1/status")
            except OSError:
                if self.controller.poll() is not None or time.monotonic() > deadline:
                    raise LabError(f"the controller did not start:\n{self.log('controller')}") from None
                time.sleep(0.02)

    def wait_connected(self, seconds=60):
        """Until every host's agent has its stream."""
        for name in self.hosts:
            def connected(_):
                status, answer = self.api.request("GET", f"/v1/hosts/{name}")
                return status == 200 and answer["status"]["connected"]
            self.wait(connected, seconds, f"host {name} did not connect:\n{self.log(f'agent-{name}')}")

    def wait(self, judge, seconds, message):
        deadline = time.monotonic() + seconds
        while not judge(None):
            if time.monotonic() > deadline:
                raise LabError(message)
            time.sleep(0.05)

    def processes(self):
        """Every weft process of this laboratory."""
        return [self.controller, *[host.process for host in self.hosts.values()]]

    def kill_all(self):
        for process in self.processes():
            process.kill()
        for process in self.processes():
            process.wait()

    def restart_all(self):
        self.socket.unlink(missing_ok=True)
        self.start_controller()
        for host in self.hosts.values():
            host.start_agent()
        self.wait_connected()

    # ---- parts ----

    def make_authority(self):
        return Authority(self.folder)

    def controller_options(self):
        """More words for the controller."""
        return []

    def new_namespace(self, name, link_local=True):
        namespace = Namespace(f"weft-{self.run_id}-{name}")
        self.record.namespace(namespace.name)
        return namespace.create(link_local)

    def underlay_address(self, number):
        return self._address.format(number)

    def connect_underlay(self, namespace, number):
        """Give a namespace its uplink "eth0"."""
        if self.macvlan:
            self.underlay.ip(
                f"link add link trunk name eth0 mtu {self.mtu} netns {namespace.name} type macvlan mode bridge")
        else:
            self.underlay.ip(f"link add up{number} mtu {self.mtu} type veth peer name eth0 mtu {self.mtu} "
                             f"netns {namespace.name}", f"link set up{number} master br0 up")
        namespace.ip("link set eth0 addrgenmode eui64", "link set eth0 up",
                     f"address add {self.underlay_address(number)}/{self._length} dev eth0")

    def join(self, first, second):
        """Two namespaces by a veth pair "direct", as by a cable: no switch stands between."""
        first.ip(f"link add direct mtu {self.mtu} type veth peer name direct mtu {self.mtu} netns {second.name}")
        for number, namespace in enumerate((first, second), 1):
            namespace.ip("link set direct addrgenmode eui64", "link set direct up",
                         f"address add {DIRECT.format(number)}/24 dev direct")

    def certificate(self, name, address=None):
        if name not in self._certificates:
            self._certificates[name] = self.authority.issue(name, address)
        return self._certificates[name]

    def spawn(self, name, words):
        """Start a Weft process; what it says goes to a file of this name."""
        with open(self.folder / f"{name}.log", "ab") as log:
            return self.record.process(subprocess.Popen(list(map(str, words)), stdin=subprocess.DEVNULL, stdout=log,
                                                        stderr=log, start_new_session=True))

    def log(self, name, size=3000):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-size:] if path.exists() else ""

    # ---- use ----

    def weft(self, *words, **options):
        """The command line, on the controller's socket."""
        return run(self.binary, *words, "--controller", f"unix:{self.socket}", **options)

    def apply(self, text, *words):
        path = self.folder / "applied.yaml"
        path.write_text(text)
        return self.weft("apply", "-f", path, *words)

    def _make(self, kind, tenant, port, host, configure, *extra):
        fields = self.api.port(tenant, port)
        network = self.api.get(f"/v1/tenants/{tenant}/networks/{fields['network']}")
        device = f"{tenant}-{port}"[:15]
        workload = kind(self.hosts[host], tenant, port, device, fields, network, configure, *extra)
        self.workloads[workload.name] = workload
        return workload

    def container(self, tenant, port, host, attach=True, configure=True):
        """A container for a port that exists; attached to it. `configure`: give it its addresses, else it may ask."""
        container = self._make(Container, tenant, port, host, configure)
        if attach:
            self.attach(container)
        return container

    def machine(self, tenant, port, host, series="6.1", attach=True, configure=True):
        """A guest for a port that exists. It is still booting when this returns."""
        machine = self._make(VirtualMachine, tenant, port, host, configure, series)
        if attach:
            self.attach(machine)
        return machine

    def attach(self, workload):
        """Once the host's agent reports the device."""
        host = workload.host.name

        def reported(_):
            answer = self.api.get(f"/v1/hosts/{host}/interfaces")
            return any(i["name"] == workload.device for i in answer["items"])
        self.wait(reported, 60, f"host {host} does not report {workload.device}:\n{self.log(f'agent-{host}')}")
        return self.api.attach(workload.tenant, workload.port, host, workload.device)

    def settle(self, seconds=60):
        """Until every host has realized the newest revision; the receipt."""
        receipt = self.api.receipt(self.api.revision(), seconds)
        if not receipt["complete"]:
            logs = "\n".join(self.log(f"agent-{p['host']}") for p in receipt["pending"])
            raise LabError(f"not realized: {receipt}\n{logs}")
        return receipt
