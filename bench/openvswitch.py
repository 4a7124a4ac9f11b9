# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch with its userspace datapath, and OVN on it. Each instance has a database and a daemon of its own.

One switch on one host is tuned: userspace-tso-enable lets superpackets through. A tunnel of this version carries none, so
that the workloads across hosts segment for themselves, and fill in their checksums.
"""

import pathlib

from lab.shell import run

from .arms import ACROSS, SAME, Arm

SCHEMA = pathlib.Path("/usr/share/openvswitch/vswitch.ovsschema")
OVN_SCHEMAS = pathlib.Path("/usr/share/ovn")


def daemon(ground, name, words, environment=(), namespace=None):
    """A daemon in the foreground; what it says goes to a file of its name."""
    words = ["env", *environment, *map(str, words)]
    return ground.lab.spawn(name, namespace.words(*words) if namespace else words)


def database(ground, name, schema, folder):
    """An ovsdb-server with this schema; its address."""
    folder.mkdir(exist_ok=True)
    path, socket = folder / f"{name}.db", folder / f"{name}.sock"
    run("ovsdb-tool", "create", path, schema)
    daemon(ground, f"{folder.name}-{name}", ["ovsdb-server", path, f"--remote=punix:{socket}",
                                              f"--unixctl={folder}/{name}.ctl"])
    ground.lab.wait(lambda _: socket.exists(), 10, f"ovsdb-server for {name} did not start")
    return f"unix:{socket}"


class Switch:
    """Open vSwitch in a namespace."""

    def __init__(self, ground, name, tso=False):
        self.ground, self.name = ground, name
        self.namespace = ground.namespace(name)
        self.folder = ground.lab.folder / name
        self.environment = [f"OVS_RUNDIR={self.folder}", f"OVS_LOGDIR={self.folder}", f"OVS_DBDIR={self.folder}"]
        self.database = database(ground, "db", SCHEMA, self.folder)
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   f"other_config:userspace-tso-enable={'true' if tso else 'false'}")
        daemon(ground, f"{name}-vswitchd", ["ovs-vswitchd", self.database, f"--unixctl={self.folder}/vswitchd.ctl"],
               self.environment, self.namespace)

    def vsctl(self, *words):
        return self.namespace.run("env", *self.environment, "ovs-vsctl", f"--db={self.database}", "--timeout=15", *words)

    def bridge(self, name, *settings):
        self.vsctl("--may-exist", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", *settings)

    def uplink(self, number):
        """The cable "direct" becomes a port of a bridge that holds its address, as a tunnel wants it."""
        self.bridge("br-phy")
        self.vsctl("add-port", "br-phy", "direct")
        self.namespace.ip("address flush dev direct", f"address add 203.0.113.{number}/24 dev br-phy",
                          "link set br-phy up")

    def workload(self, name, address, segmented, bridge="br-int", mac=None, settings=()):
        place = self.ground.workload(self.namespace, name, address, mac)
        self.vsctl("add-port", bridge, name, *(["--", "set", "interface", name, *settings] if settings else []))
        if segmented:
            place.namespace.run("ethtool", "-K", "eth0", "tx", "off")
        return place


def same_host(ground):
    switch = Switch(ground, "ovs0", tso=True)
    switch.bridge("br-int")
    client, server = (switch.workload(f"ovs0-{n}", f"10.1.1.{n}", segmented=False) for n in (1, 2))
    return [Arm("Open vSwitch userspace, TSO", SAME, client, ground.serve(server))]


def across(ground):
    switches = [Switch(ground, f"ovs{number}") for number in (1, 2)]
    ground.lab.join(*[switch.namespace for switch in switches])
    places = []
    for number, switch in enumerate(switches, 1):
        switch.uplink(number)
        switch.bridge("br-int")
        switch.vsctl("add-port", "br-int", "tunnel", "--", "set", "interface", "tunnel", "type=geneve",
                     f"options:remote_ip=203.0.113.{3 - number}", "options:key=7")
        places.append(switch.workload(f"ovs{number}-1", f"10.1.1.{number}", segmented=True))
    return [Arm("Open vSwitch userspace + Geneve", ACROSS, places[0], ground.serve(places[1]))]


def ovn(ground):
    """One logical switch over two hosts, with a controller on each."""
    folder = ground.lab.folder / "ovn"
    folder.mkdir()
    north = database(ground, "nb", OVN_SCHEMAS / "ovn-nb.ovsschema", folder)
    south = database(ground, "sb", OVN_SCHEMAS / "ovn-sb.ovsschema", folder)
    environment = [f"OVN_RUNDIR={folder}", f"OVN_LOGDIR={folder}", f"OVN_DBDIR={folder}"]
    daemon(ground, "ovn-northd", ["ovn-northd", f"--ovnnb-db={north}", f"--ovnsb-db={south}",
                                  f"--unixctl={folder}/northd.ctl"], environment)
    nbctl = lambda *words: run("ovn-nbctl", f"--db={north}", "--timeout=15", *words)  # noqa: E731
    nbctl("ls-add", "n")
    switches = [chassis(ground, number, south) for number in (1, 2)]
    ground.lab.join(*[switch.namespace for switch in switches])
    for number, switch in enumerate(switches, 1):
        switch.uplink(number)
    places = {}
    for number, (name, switch) in enumerate({"c": switches[0], "n": switches[0], "f": switches[1]}.items(), 1):
        mac = f"0e:00:00:00:00:0{number}"
        nbctl("lsp-add", "n", name, "--", "lsp-set-addresses", name, f"{mac} 10.1.1.{number}", "--",
              "lsp-set-port-security", name, f"{mac} 10.1.1.{number}")
        places[name] = switch.workload(f"ovn-{name}", f"10.1.1.{number}", True, mac=mac,
                                       settings=[f"external_ids:iface-id={name}"])
    ground.lab.wait(lambda _: run("ovn-sbctl", f"--db={south}", "show").count("Port_Binding") == len(places), 20,
                    f"OVN did not bind its ports:\n{ground.lab.log('ovn1-controller')}")
    nbctl("--wait=hv", "sync")
    client = places["c"]
    return [Arm("OVN 23.03 userspace", SAME, client, ground.serve(places["n"])),
            Arm("OVN 23.03 userspace + Geneve", ACROSS, client, ground.serve(places["f"]))]


def chassis(ground, number, south):
    switch = Switch(ground, f"ovn{number}")
    switch.bridge("br-int", "fail-mode=secure")
    switch.vsctl("set", "Open_vSwitch", ".", f"external_ids:system-id=chassis{number}",
                 f"external_ids:ovn-remote={south}", "external_ids:ovn-encap-type=geneve",
                 f"external_ids:ovn-encap-ip=203.0.113.{number}", "external_ids:ovn-bridge-datapath-type=netdev")
    daemon(ground, f"ovn{number}-controller", ["ovn-controller", switch.database],
           [*switch.environment, f"OVN_RUNDIR={switch.folder}"], switch.namespace)
    return switch
