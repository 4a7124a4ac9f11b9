# SPDX-License-Identifier: Apache-2.0
"""Interoperability: a real Open vSwitch ends our tunnels, reads our Geneve option, and sends back."""

import json
import re
import time

import pytest

from lab import Lab, checks

CLASS, TYPE = 0xff57, 1
OVS_NUMBER = 100  # host part of its underlay address


class OpenVSwitch:
    """Its own database and daemon (userspace datapath), with files in one folder, in one namespace."""

    def __init__(self, lab, namespace):
        self.namespace = namespace
        self.folder = lab.folder / "ovs"
        self.folder.mkdir()
        self._environment = ["env", f"OVS_RUNDIR={self.folder}", f"OVS_LOGDIR={self.folder}", f"OVS_DBDIR={self.folder}"]
        database = self.folder / "conf.db"
        self.run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
        self._spawn(lab, "ovsdb-server", database, f"--remote=punix:{self.folder}/db.sock")
        self._await("db.sock")
        self.vsctl("--no-wait", "init")
        self._spawn(lab, "ovs-vswitchd", f"unix:{self.folder}/db.sock")

    def _spawn(self, lab, program, *words):
        log = f"--log-file={self.folder}/{program}.log"
        return lab.spawn(program, self.namespace.words(*self._environment, program, log, f"--pidfile={self.folder}/"
                                                       f"{program}.pid", f"--unixctl={self.folder}/{program}.ctl",
                                                       *words))

    def _await(self, name):
        assert checks.wait_until((self.folder / name).exists) is not None, f"no {name}"

    def run(self, *words):
        return self.namespace.run(*self._environment, *words, timeout=60)

    def vsctl(self, *words):
        return self.run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=60", *words)

    def ofctl(self, *words):
        return self.run("ovs-ofctl", *words)


@pytest.fixture(params=["geneve", "vxlan"])
def peer(request):
    """A Weft host h1 with a container, and an Open vSwitch that plays an unmanaged host with another workload."""
    encap = request.param
    with Lab(hosts=1, encap=encap) as lab:
        namespace = lab.new_namespace("ovs")
        lab.connect_underlay(namespace, OVS_NUMBER)
        lab.apply(json.dumps({
            "hosts": {"ovs": {"vtep": lab.underlay_address(OVS_NUMBER), "encap": encap, "managed": False}}}))
        lab.apply(json.dumps({
            "tenant": "acme", "networks": {"web": {"subnets": ["10.1.1.0/24", "fd00:1:1::/64"]}},
            "ports": {"near": {"network": "web"}, "far": {"network": "web", "host": "ovs"}}}))
        container = lab.container("acme", "near", "h1")
        lab.settle()
        switch = OpenVSwitch(lab, namespace)
        far = far_workload(lab, switch)
        yield lab, encap, switch, container, far


def far_workload(lab, switch):
    """A namespace behind Open vSwitch with the addresses of acme/far."""
    port = lab.api.port("acme", "far")
    place = lab.new_namespace("far")
    switch.namespace.ip(f"link add far type veth peer name eth0 address {port['mac']} mtu 1400 "
                        f"netns {place.name}", "link set far up")
    lengths = {4: 24, 6: 64}
    place.ip("link set eth0 up",
             *[f"address add {a}/{lengths[6 if ':' in a else 4]} dev eth0" for a in port["addresses"]])
    # Software checksums: the userspace datapath does not complete those that the kernel left to hardware.
    place.run("ethtool", "-K", "eth0", "tx", "off")
    return {"namespace": place, **port}


def bridge(lab, encap, switch, near, far):
    """One bridge that holds the underlay address, one that ends the tunnel, and the flows between tunnel and workload."""
    underlay, vni = lab.underlay_address(OVS_NUMBER), lab.api.get("/v1/tenants/acme/networks/web")["vni"]
    switch.vsctl("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev", "--",
                 "add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail-mode=secure", "--",
                 "add-port", "br-phy", "eth0", "--", "add-port", "br-int", "far", "--",
                 "add-port", "br-int", "tunnel", "--", "set", "interface", "tunnel", f"type={encap}",
                 f"options:remote_ip={lab.hosts['h1'].vtep}", f"options:key={vni}")
    switch.namespace.ip("address flush dev eth0", f"address add {underlay}/24 dev br-phy", "link set br-phy up")
    if encap == "geneve":
        switch.ofctl("add-tlv-map", "br-int", f"{{class={CLASS:#x},type={TYPE:#x},len=8}}->tun_metadata0")
    keys = f"{near['key']:#010x}{far['key']:08x}"
    back = f"{far['key']:#010x}{near['key']:08x}"
    match = f"tun_metadata0={keys}," if encap == "geneve" else ""
    load = f"set_field:{back}->tun_metadata0," if encap == "geneve" else ""
    switch.ofctl("add-flow", "br-int", f"priority=10,in_port=tunnel,{match}ip,actions=far")
    switch.ofctl("add-flow", "br-int", f"priority=10,in_port=tunnel,{match}ipv6,actions=far")
    switch.ofctl("add-flow", "br-int", "priority=5,in_port=tunnel,arp,actions=far")
    switch.ofctl("add-flow", "br-int", f"priority=10,in_port=far,actions={load}tunnel")


def flow_packets(switch, protocol):
    flows = switch.ofctl("dump-flows", "br-int", f"in_port=tunnel,{protocol}")
    return sum(int(n) for n in re.findall(r"n_packets=(\d+)", flows))


def test_open_vswitch_ends_the_tunnel(peer):
    lab, encap, switch, container, far = peer
    bridge(lab, encap, switch, lab.api.port("acme", "near"), far)
    ipv4, ipv6 = sorted(far["addresses"], key=lambda a: ":" in a)
    for protocol, address in (("ip", ipv4), ("ipv6", ipv6)):
        assert checks.wait_until(lambda: checks.ping(container, address, wait=0.5)) is not None
        time.sleep(1)  # Open vSwitch brings its flow counters up to date twice a second
        before = flow_packets(switch, protocol)
        assert checks.ping(container, address, count=10)
        # Only packets whose option holds both keys match the flow, so it is Open vSwitch that read them.
        assert checks.wait_until(lambda: flow_packets(switch, protocol) - before >= 10) is not None
    for address in container.addresses:
        assert far["namespace"].run("ping", "-q", "-c", "10", "-i", "0.05", "-W", "20", address)
