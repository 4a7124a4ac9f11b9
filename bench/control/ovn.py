# SPDX-License-Identifier: Apache-2.0
"""The same logical topology in OVN: its northbound database, ovn-northd and one real ovn-controller with an Open vSwitch.

What `weft simulate --plan` would send is read and put into OVN's terms: a network is a logical switch, a router a logical
router, a policy a port group with an ACL for each rule and one that drops the rest. All addresses are written out, as a
cloud's plugin does. The ports of one host are there for ovn-controller to bind; of the others nobody asks more than northd.
"""

import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from .ovsdb import Database, fields, many

OVN_SCHEMAS = pathlib.Path("/usr/share/ovn")
SWITCH_SCHEMA = pathlib.Path("/usr/share/openvswitch/vswitch.ovsschema")
BATCH = 2000  # operations of a transaction
DONE_SECONDS = 900


# ---- the plan, in OVN's terms ----

def read_plan(binary, hosts, ports):
    """{kind: [(tenant, name, fields)]} of what `weft simulate` would send."""
    text = subprocess.run([binary, "simulate", "--plan", "--hosts", str(hosts), "--ports", str(ports)], check=True,
                          capture_output=True, text=True).stdout
    plan = {}
    for line in text.splitlines():
        for operation in json.loads(line)["operations"]:
            plan.setdefault(operation["kind"], []).append(
                (operation.get("tenant"), operation["name"], operation["object"]))
    return plan


class Model:
    """Rows of OVN_Northbound that follow from a plan. Rows refer to one another by the names that they get in it."""

    def __init__(self, plan):
        self.operations, self.members, self.next_address = [], {}, {}
        self.ports, self.switches = {}, {}
        for tenant, name, network in plan["network"]:
            self.switches[tenant, name] = {"name": f"{tenant}.{name}", "subnet": network["subnets"][0].split(".")[1],
                                           "ports": [], "number": len(self.switches)}
        for tenant, name, port in plan["port"]:
            self.add_port(tenant, name, port)
        for tenant, name, router in plan.get("router", []):
            self.add_router(tenant, name, router["networks"])
        for switch in self.switches.values():
            self.insert("Logical_Switch", {"name": switch["name"], "ports": many(switch["ports"])})
        for tenant, name, policy in plan["policy"]:
            self.add_policy(tenant, name, policy)

    def insert(self, table, row, name=None):
        self.operations.append({"op": "insert", "table": table, "row": row, **({"uuid-name": name} if name else {})})
        return ["named-uuid", name] if name else None

    def addresses(self, key):
        """MAC and addresses of the network's next port."""
        switch = self.switches[key]
        number = self.next_address[key] = self.next_address.get(key, 1) + 1
        mac = f"02:00:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        return (f"{mac} 10.{switch['subnet']}.{number >> 8}.{number & 255} "
                f"fd00:0:0:{int(switch['subnet']):x}::{number:x}")

    def port_row(self, tenant, name, port):
        addresses = self.addresses((tenant, port["network"]))
        return {"name": f"{tenant}.{name}", "addresses": addresses, "port_security": addresses}

    def add_port(self, tenant, name, port):
        row = self.port_row(tenant, name, port)
        reference = self.insert("Logical_Switch_Port", row, f"p{len(self.ports)}")
        self.switches[tenant, port["network"]]["ports"].append(reference)
        self.ports[tenant, name] = {"reference": reference, "name": row["name"], **port}
        for label, value in port["labels"].items():
            self.members.setdefault((tenant, f"{label}={value}"), []).append(reference)

    def add_router(self, tenant, name, networks):
        joined = []
        for network in networks:
            switch = self.switches[tenant, network]
            port = f"{tenant}.{name}.{network}"
            mac = f"0e:57:00:{switch['number'] >> 16:02x}:{switch['number'] >> 8 & 255:02x}:{switch['number'] & 255:02x}"
            joined.append(self.insert("Logical_Router_Port", {
                "name": port, "mac": mac, "networks": many([f"10.{switch['subnet']}.0.1/16",
                                                            f"fd00:0:0:{int(switch['subnet']):x}::1/64"])},
                f"r{switch['number']}"))
            switch["ports"].append(self.insert("Logical_Switch_Port", {
                "name": f"{port}.peer", "type": "router", "addresses": "router", "options": fields({"router-port": port})},
                f"q{switch['number']}"))
        self.insert("Logical_Router", {"name": f"{tenant}.{name}", "ports": many(joined)})

    def add_policy(self, tenant, name, policy):
        group = f"{tenant}_{name}"
        acls = []
        for number, rule in enumerate(policy["rules"]):
            acls.append(self.insert("ACL", acl_row(tenant, group, number, rule), f"a{len(self.operations)}"))
        acls.append(self.insert("ACL", {"direction": "to-lport", "priority": 900, "action": "drop",
                                        "match": f"outport == @{group} && ip"}, f"a{len(self.operations)}"))
        members = self.members.get((tenant, policy["applies_to"]), [])
        self.insert("Port_Group", {"name": group, "ports": many(members), "acls": many(acls)})


def acl_row(tenant, group, number, rule):
    match = f"outport == @{group} && ip"
    if "=" in rule["from"]:
        match += f" && ip4.src == ${tenant}_{rule['from'].split('=')[1]}_ip4"
    elif rule["from"] != "any":
        match += f" && ip4.src == {rule['from']}"
    protocol, service = rule["ports"][0].split("/")
    return {"direction": "to-lport", "priority": 1000, "action": "allow-related", "name": f"{group}_{number}"[:63],
            "match": f"{match} && {protocol}.dst == {service}"}


# ---- the processes ----

class Ovn:
    """Both databases, northd and one chassis, in a folder of their own and a network namespace that is nobody's."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-bench-ovn-"))
        self.processes = {}
        self.environment = {**os.environ, **{f"{product}_{kind}DIR": str(self.folder) for product in ("OVS", "OVN")
                                             for kind in ("RUN", "LOG", "DB")}}
        self.start_database("nb", OVN_SCHEMAS / "ovn-nb.ovsschema")
        self.start_database("sb", OVN_SCHEMAS / "ovn-sb.ovsschema")
        self.north = Database(self.folder / "nb.sock", "OVN_Northbound")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, *words):
        log = open(self.folder / f"{name}.out", "wb")
        self.processes[name] = subprocess.Popen([*map(str, words)], stdout=log, stderr=log, env=self.environment)

    def start_database(self, name, schema):
        path, socket = self.folder / f"{name}.db", self.folder / f"{name}.sock"
        subprocess.run(["ovsdb-tool", "create", path, schema], check=True)
        self.start(name, "ovsdb-server", path, f"--remote=punix:{socket}", f"--unixctl={self.folder}/{name}.ctl")
        end = time.monotonic() + 10
        while not socket.exists():
            if time.monotonic() > end:
                raise RuntimeError(f"ovsdb-server for {name} does not start")
            time.sleep(0.01)

    def memory(self, name):
        for line in open(f"/proc/{self.processes[name].pid}/status"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) << 10
        return 0

    def fill(self, model):
        """All in one transaction: rows refer to one another by the names that they have in it."""
        self.north.transact([{"op": "insert", "table": "NB_Global", "row": {}}, *model.operations])

    def start_northd(self):
        self.start("northd", "ovn-northd", f"--ovnnb-db=unix:{self.folder}/nb.sock",
                   f"--ovnsb-db=unix:{self.folder}/sb.sock", f"--unixctl={self.folder}/northd.ctl")

    def start_chassis(self, names):
        """A host that has these ports."""
        self.start_database("switch", SWITCH_SCHEMA)
        vsctl = ["ovs-vsctl", f"--db=unix:{self.folder}/switch.sock", "--no-wait"]
        words = [*vsctl, "init", "--", "set", "Open_vSwitch", ".", "external_ids:system-id=chassis1",
                 f"external_ids:ovn-remote=unix:{self.folder}/sb.sock", "external_ids:ovn-encap-type=geneve",
                 "external_ids:ovn-encap-ip=203.0.113.1", "external_ids:ovn-bridge-datapath-type=netdev",
                 # Everything at once, as a host with many networks is told to.
                 "--", "add-br", "br-int", "--", "set", "bridge", "br-int", "fail-mode=secure", "datapath_type=netdev"]
        subprocess.run(words, check=True, env=self.environment)
        for start in range(0, len(names), 50):
            words = list(vsctl)
            for number, name in enumerate(names[start:start + 50], start):
                words += ["--", "add-port", "br-int", f"v{number}", "--", "set", "interface", f"v{number}", "type=dummy",
                          f"external_ids:iface-id={name}"]
            subprocess.run(words, check=True, env=self.environment)
        self.start("vswitchd", "unshare", "--net", "ovs-vswitchd", f"unix:{self.folder}/switch.sock",
                   "--enable-dummy=override", f"--unixctl={self.folder}/vswitchd.ctl")
        self.start("controller", "ovn-controller", f"unix:{self.folder}/switch.sock")

    # ---- until it is done ----

    def sequence(self, column):
        rows = self.north.transact([{"op": "select", "table": "NB_Global", "where": [], "columns": [column]}])
        return rows[0]["rows"][0][column] if rows[0]["rows"] else 0

    def watch(self):
        self.north.monitor("NB_Global", ["nb_cfg", "sb_cfg", "hv_cfg"])

    def timed(self, operations, columns=("sb_cfg", "hv_cfg")):
        """{column: seconds} from the transaction until northd, and the hypervisor, have taken it."""
        self.north.updates.clear()
        wanted = self.sequence("nb_cfg") + 1
        start, seconds = time.monotonic(), {}
        self.north.transact([*operations, {"op": "mutate", "table": "NB_Global", "where": [],
                                           "mutations": [["nb_cfg", "+=", 1]]}])
        while set(seconds) != set(columns):
            update = self.north.next_update(DONE_SECONDS)
            if update is None:
                raise RuntimeError(f"OVN is not done after {DONE_SECONDS} s: {sorted(set(columns) - set(seconds))}")
            for row in update.get("NB_Global", {}).values():
                for column in columns:
                    if row.get("new", {}).get(column, 0) >= wanted:
                        seconds.setdefault(column, time.monotonic() - start)
        return seconds


# ---- the changes ----

def find(table, name):
    return {"table": table, "where": [["name", "==", name]]}


def port_added(model, own, number):
    """A port more on the network of one of a small tenant that the host has, in the groups that its labels choose; and what
    takes it away."""
    small = [(tenant, port) for (tenant, _), port in model.ports.items()
             if port["host"] == own and "group" not in port["labels"]]
    tenant, like = small[number * 7 % len(small)]
    row = model.port_row(tenant, f"x{number}", like)
    switch = model.switches[tenant, like["network"]]["name"]
    new = ["named-uuid", "new"]
    group = f"{tenant}_{like['labels']['role']}"
    add = [{"op": "insert", "table": "Logical_Switch_Port", "row": row, "uuid-name": "new"},
           {"op": "mutate", **find("Logical_Switch", switch), "mutations": [["ports", "insert", ["set", [new]]]]},
           {"op": "mutate", **find("Port_Group", group), "mutations": [["ports", "insert", ["set", [new]]]]}]
    return add, (row["name"], switch, group)


def port_removed(north, added):
    name, switch, group = added
    found = north.transact([{"op": "select", **find("Logical_Switch_Port", name), "columns": ["_uuid"]}])
    uuid = found[0]["rows"][0]["_uuid"]
    return [{"op": "mutate", **find(table, where), "mutations": [["ports", "delete", ["set", [uuid]]]]}
            for table, where in (("Logical_Switch", switch), ("Port_Group", group))]


def rule_changed(number):
    """The one rule of the group of 1,000 ports."""
    rule = {"from": "192.0.2.0", "ports": [f"tcp/{8000 + number}"]}
    return [{"op": "update", **find("ACL", "group1000_group_0"),
             "row": acl_row("group1000", "group1000_group", 0, rule)}]


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"p50_ms": middle * 1000, "low_ms": low * 1000, "high_ms": high * 1000, "changes": len(values)}


def run(binary, hosts, ports, repeat, step):
    """What OVN takes for the plan of so many hosts and ports. `step` is told what is under way."""
    step(f"OVN, {ports:,} ports: filled")
    model = Model(read_plan(binary, hosts, ports))
    own = next(port["host"] for (tenant, _), port in model.ports.items() if tenant == "group1000")
    with Ovn() as ovn:
        ovn.fill(model)
        ovn.watch()
        step(f"OVN, {ports:,} ports: cold")
        start = time.monotonic()
        ovn.start_northd()
        ovn.timed([], ["sb_cfg"])
        cold = time.monotonic() - start
        step(f"OVN, {ports:,} ports: a host")
        ovn.start_chassis([port["name"] for port in model.ports.values() if port["host"] == own])
        start = time.monotonic()
        ovn.timed([])
        chassis = time.monotonic() - start
        added, rules = [], []
        for number in range(repeat):
            step(f"OVN, {ports:,} ports: changes")
            operations, what = port_added(model, own, number)
            added.append(ovn.timed(operations)["hv_cfg"])
            ovn.timed(port_removed(ovn.north, what))
            rules.append(ovn.timed(rule_changed(number))["hv_cfg"])
        return {"hosts": hosts, "ports": ports, "cold_s": cold, "chassis_s": chassis, "port-added": spread(added),
                "rule-1000": spread(rules),
                "memory": {name: ovn.memory(name) for name in ("northd", "nb", "sb", "controller")}}


def steps(repeat):
    return 3 + repeat
