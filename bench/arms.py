# SPDX-License-Identifier: Apache-2.0
"""Arms: each a client and a server, and something that joins them. Those of the kernel alone are made here.

Across hosts means: two namespaces with a tunnel over one veth pair, the same for all arms. Every workload has an MTU of
1400 bytes, so that what a tunnel's header takes from the payload of a packet is left out of the ratios.
"""

import dataclasses

from lab import Lab, checks

from .loads import Place

MTU = 1400
SAME, ACROSS = "same host", "across"
BARE, AGAIN, LIMIT = "bare veth", "bare veth again", "redirect alone"
RULES = (0, 100, 1000, 10000)


@dataclasses.dataclass
class Arm:
    family: str          # what it is: the bars of a family have one color
    path: str            # SAME, ACROSS, or "" for both
    client: Place
    server: Place
    rules: int = None    # firewall rules that each new connection passes
    flood: tuple = None  # (Place, address): where a flood beside it comes from and goes to
    only_rules: bool = False  # an arm for the curves over the number of rules, and nothing else
    joined: bool = False  # where the flood comes from reaches the server too

    @property
    def name(self):
        words = [self.family]
        if self.rules is not None:
            words.append(f"{self.rules:,} rules")
        if self.path:
            words.append(self.path)
        return ", ".join(words)


@dataclasses.dataclass
class Absent:
    """An arm that is wanted and cannot be measured, and why."""
    name: str
    reason: str


class Ground:
    """Makes namespaces and servers for arms; the laboratory takes them down. `build`: where programs are."""

    def __init__(self, lab: Lab, build):
        self.lab, self.build, self.program = lab, build, build / "bench/load/weft-load"

    def namespace(self, name, link_local=False):
        return self.lab.new_namespace(name, link_local)

    def workload(self, switch, name, address, mac=None, index=None):
        """A namespace `name` with this address, joined to the namespace `switch`: device `name` there, eth0 inside."""
        namespace = self.namespace(name)
        with_mac = f"address {mac} " if mac else ""
        with_index = f"index {index} " if index else ""
        switch.ip(f"link add {name} {with_index}mtu {MTU} type veth peer name eth0 {with_mac}mtu {MTU} netns {namespace.name}",
                  f"link set {name} up")
        namespace.ip("link set eth0 up", f"address add {address}/24 dev eth0")
        return Place(namespace, address)

    def serve(self, place):
        """Start the server of all loads there."""
        name = place.namespace.name.removeprefix(f"weft-{self.lab.run_id}-")
        process = self.lab.spawn(f"serve-{name}", place.namespace.words(self.program, "serve", "--cpu", 1))
        self.lab.wait(lambda _: "ready" in self.lab.log(f"serve-{name}") or process.poll() is not None, 5,
                      f"the server of {name} did not start")
        return place

    def sink(self, place, sender):
        """Let what the sender's flood asks for go unanswered, as in a flood from many addresses."""
        place.namespace.ip(f"route add blackhole {sender.address}/32")
        return place


def bare(ground, name):
    """Two namespaces and a veth pair: the limit that all others are held against. And one more pair for floods."""
    pairs = []
    for kind in ("load", "flood"):
        prefix = f"{name.replace(' ', '-')}-{kind}"
        client = ground.namespace(f"{prefix}-a")
        server = Place(ground.namespace(f"{prefix}-b"), "198.51.100.2")
        client.ip(f"link add eth0 mtu {MTU} type veth peer name eth0 mtu {MTU} netns {server.namespace.name}",
                  "link set eth0 up", "address add 198.51.100.1/24 dev eth0")
        server.namespace.ip("link set eth0 up", f"address add {server.address}/24 dev eth0")
        pairs.append((Place(client, "198.51.100.1"), server))
    (client, server), (attacker, target) = pairs
    return [Arm(name, "", client, ground.serve(server), flood=(attacker, ground.sink(target, attacker)))]


def limit(ground):
    """Hosts whose only program hands packets on, unseen (limit/limit.bpf.c): what no other in its place can beat."""
    first, second = 1000, 1001  # indexes of the two devices that a program hands between

    def hand(host, device, section):
        host.run("python3", checks.HOOKS, "attach", device, ground.build / "bench/limit/limit.bpf.o", f"tc/{section}")

    def workload(host, name, number, index, section):
        place = ground.workload(host, name, f"10.1.1.{number}", index=index)
        hand(host, name, section)
        return place

    one = ground.namespace("limit")
    client, near = workload(one, "limit-c", 1, first, "in"), workload(one, "limit-n", 2, second, "in")
    hosts = [ground.namespace(f"limit{number}") for number in (1, 2)]
    hosts[0].ip(f"link add direct index {second} mtu {MTU} type veth peer name direct index {second} mtu {MTU} "
                f"netns {hosts[1].name}")
    ends = []
    for number, host in enumerate(hosts, 1):
        ends.append(workload(host, f"limit{number}-w", number, first, "on"))
        host.ip("link set direct up")
        hand(host, "direct", "in")
    return [Arm(LIMIT, SAME, client, ground.serve(near)), Arm(LIMIT, ACROSS, ends[0], ground.serve(ends[1]))]


def firewall_rules(rules):
    """For nft: `rules` rules that a connection of the loads passes without a match, then one that accepts it; later packets
    by connection tracking."""
    lines = [f"tcp dport {20000 + i % 40000} ip saddr 10.200.{i // 250 % 250}.{i % 250} drop" for i in range(rules)]
    body = "\n".join(["ct state established,related accept", "ct state invalid drop", *lines, "ct state new accept"])
    return f"table ip weft {{\n chain forward {{\n  type filter hook forward priority 0; policy drop;\n{body}\n }}\n}}\n"


def firewall(namespace, rules):
    """On bridged packets this kernel tracks connections in the IP hooks (br_netfilter)."""
    namespace.sysctl("net/bridge/bridge-nf-call-iptables", 1)
    # Entries of one measurement would fill the table, of a fixed size for the whole machine, in the next.
    namespace.sysctl("net/netfilter/nf_conntrack_udp_timeout", 1)
    namespace.sysctl("net/netfilter/nf_conntrack_tcp_timeout_time_wait", 1)
    namespace.run("nft", "-f", "-", text_input=firewall_rules(rules))


def bridges(ground, prefix, rules=None, floods=False):
    """Linux bridges on two hosts with the kernel's VXLAN between them; `rules`: with a firewall of so many."""
    hosts = [ground.namespace(f"{prefix}{number}") for number in (1, 2)]
    ground.lab.join(*hosts)
    for number, host in enumerate(hosts, 1):
        host.ip("link add br0 type bridge mcast_snooping 0", f"link set br0 mtu {MTU} up",
                f"link add vxlan0 mtu {MTU} type vxlan id 7 dstport 4789 local 203.0.113.{number} "
                f"remote 203.0.113.{3 - number} dev direct", "link set vxlan0 master br0 up")
        if rules is None:
            host.sysctl("net/bridge/bridge-nf-call-iptables", 0)
        else:
            firewall(host, rules)

    def workload(number, host, name):
        place = ground.workload(hosts[host], f"{prefix}-{name}", f"10.1.1.{number}")
        hosts[host].ip(f"link set {prefix}-{name} master br0")
        return place

    client, near, far = workload(1, 0, "c"), workload(2, 0, "n"), workload(3, 1, "f")
    flood = None
    if floods:
        attacker = workload(4, 0, "x")
        flood = attacker, ground.sink(workload(5, 1, "y"), attacker)
    family, over = ("Linux bridge", "Linux bridge + VXLAN")
    if rules is not None:
        family, over = ("bridge + nftables", "bridge + nftables + VXLAN")
    return [Arm(family, SAME, client, ground.serve(near), rules), Arm(over, ACROSS, client, ground.serve(far), rules, flood)]


def macvlan(ground):
    """Two macvlans in bridge mode on one device."""
    host = ground.namespace("macvlan")
    host.ip(f"link add parent mtu {MTU} type veth peer name idle", "link set parent up", "link set idle up")
    places = []
    for number in (1, 2):
        namespace = ground.namespace(f"macvlan{number}")
        host.ip(f"link add mv{number} link parent mtu {MTU} type macvlan mode bridge",
                f"link set mv{number} netns {namespace.name}")
        namespace.ip(f"link set mv{number} name eth0", "link set eth0 up",
                     f"address add 10.1.1.{number}/24 dev eth0")
        places.append(Place(namespace, f"10.1.1.{number}"))
    return [Arm("macvlan", SAME, places[0], ground.serve(places[1]))]


def ruled(ground, rules):
    """Bridges with a firewall of so many rules; 1,000 stand for firewalls wherever the number does not matter."""
    arms = bridges(ground, f"nf{rules}", rules, floods=rules == 1000)
    for arm in arms:
        arm.only_rules = rules != 1000
    return arms
