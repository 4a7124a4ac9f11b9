#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside a guest: set up one kind of arms, guest.sh KIND [WORDS], and leave them. For each arm a client in the
# namespace ARM-c, a server near it in ARM-n and one across in ARM-f: 10.1.1.1, .2 and .3.
set -eu
mkdir -p /run/netns /run/daemons /var/run

# busybox would take its own.
ip() {
	/usr/local/bin/ip "$@"
}

# space NAME: a namespace whose interfaces have no addresses of their own. Where the module of Open vSwitch is, each namespace
# tracks connections, asked or not, and all share one table: none shall but those with a firewall.
space() {
	ip netns add "$1"
	nsenter --net="/run/netns/$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; /usr/local/bin/ip link set lo up'
	nsenter --net="/run/netns/$1" nft -f /untracked.nft
}

# daemon GROUP SPACE COMMAND...: in the background; SPACE: a namespace, or "" for none of its own
daemon() {
	daemon_group=$1
	daemon_space=$2
	shift 2
	nsenter ${daemon_space:+--net="/run/netns/$daemon_space"} "$@" &
	echo $! >>"/run/daemons/$daemon_group"
}

# beside GROUP COMMAND...: while all daemons but those of GROUP stand still, so that none wakes up in a measurement
beside() {
	beside_others=$(find /run/daemons -type f ! -name "$1" -exec cat {} +)
	shift
	trap - EXIT
	beside_code=0
	# shellcheck disable=SC2086 # numbers
	kill -STOP $beside_others
	"$@" || beside_code=$?
	# shellcheck disable=SC2086
	kill -CONT $beside_others
	exit $beside_code
}

# cable A B: two hosts by a veth pair
cable() {
	ip -n "$1" link add direct mtu 1500 type veth peer name direct mtu 1500 netns "$2"
	ip -n "$1" link set direct up
	ip -n "$2" link set direct up
	ip -n "$1" address add 203.0.113.1/24 dev direct
	ip -n "$2" address add 203.0.113.2/24 dev direct
}

# serve SPACE: the other end of all loads
serve() {
	nsenter --net="/run/netns/$1" weft-load serve >/dev/null 2>&1 &
}

# workload HOST NAME NUMBER [INDEX]: joined to its host by the device NAME; it is 10.1.1.NUMBER, or in $network
workload() {
	space "$2"
	# shellcheck disable=SC2086 # two words or none
	ip -n "$1" link add "$2" ${4:+index $4} mtu 1400 type veth peer name eth0 address "0e:00:00:00:00:0$3" mtu 1400 netns "$2"
	ip -n "$1" link set "$2" up
	ip -n "$2" link set eth0 up
	ip -n "$2" address add "10.1.${network:-1}.$3/24" dev eth0
	if [ "$3" != 1 ]; then
		serve "$2"
	fi
}

# hosts ARM: two hosts, and the workloads on them
hosts() {
	space "$1-1"
	space "$1-2"
	cable "$1-1" "$1-2"
	workload "$1-1" "$1-c" 1
	workload "$1-1" "$1-n" 2
	workload "$1-2" "$1-f" 3
}

bare() {
	space bare-c
	space bare-n
	ip -n bare-c link add eth0 mtu 1400 type veth peer name eth0 mtu 1400 netns bare-n
	ip -n bare-c link set eth0 up
	ip -n bare-n link set eth0 up
	ip -n bare-c address add 10.1.1.1/24 dev eth0
	ip -n bare-n address add 10.1.1.2/24 dev eth0
	serve bare-n
}

# hand HOST DEVICE SECTION: its program hands packets on, to the device whose index has the last bit turned
hand() {
	nsenter --net="/run/netns/$1" /usr/local/bin/tc qdisc add dev "$2" clsact
	nsenter --net="/run/netns/$1" /usr/local/bin/tc filter add dev "$2" ingress bpf direct-action object-file /limit.bpf.o section "tc/$3"
}

# The least that programs can do: same host in limit-c and limit-n, across in limit1-c and limit1-f.
limit() {
	space limit
	workload limit limit-c 1 1000
	workload limit limit-n 2 1001
	hand limit limit-c in
	hand limit limit-n in
	space limit1-1
	space limit1-2
	ip -n limit1-1 link add direct index 1001 mtu 1400 type veth peer name direct index 1001 mtu 1400 netns limit1-2
	workload limit1-1 limit1-c 1 1000
	workload limit1-2 limit1-f 3 1000
	for number in 1 2; do
		ip -n "limit1-$number" link set direct up
		hand "limit1-$number" direct in
	done
	hand limit1-1 limit1-c on
	hand limit1-2 limit1-f on
}

# set_sysctl SPACE NAME VALUE
set_sysctl() {
	nsenter --net="/run/netns/$1" sh -c "echo $3 >/proc/sys/net/$2"
}

# bridges ARM: on both hosts, and the kernel's VXLAN between them
bridges() {
	hosts "$1"
	for number in 1 2; do
		ip -n "$1-$number" link add br0 type bridge mcast_snooping 0
		ip -n "$1-$number" link set br0 up
		ip -n "$1-$number" link add vxlan0 mtu 1400 type vxlan id 7 dstport 4789 \
			local "203.0.113.$number" remote "203.0.113.$((3 - number))" dev direct
		ip -n "$1-$number" link set vxlan0 master br0 up
		set_sysctl "$1-$number" bridge/bridge-nf-call-iptables 0
	done
	ip -n "$1-1" link set "$1-c" master br0
	ip -n "$1-1" link set "$1-n" master br0
	ip -n "$1-2" link set "$1-f" master br0
}

bridge() {
	bridges br
}

# filtered RULES: bridges with a firewall of connection tracking
filtered() {
	bridges "nf$1"
	for number in 1 2; do
		set_sysctl "nf$1-$number" bridge/bridge-nf-call-iptables 1
		nsenter --net="/run/netns/nf$1-$number" nft flush ruleset
		nsenter --net="/run/netns/nf$1-$number" nft -f "/nf$1.nft"
		set_sysctl "nf$1-$number" netfilter/nf_conntrack_udp_timeout 1
		set_sysctl "nf$1-$number" netfilter/nf_conntrack_tcp_timeout_time_wait 1
	done
}

# vsctl NUMBER WORDS...
vsctl() {
	vsctl_number=$1
	shift
	OVS_RUNDIR="/tmp/ovs$vsctl_number" ovs-vsctl --db="unix:/tmp/ovs$vsctl_number/db.sock" --timeout=20 "$@"
}

# The kernel's datapath: the daemon sees only the first packet of a flow.
openvswitch() {
	hosts ovs
	# Open vSwitch 3.1 takes the machine for one without processors in the first ten seconds of its life.
	while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.5; done
	for number in 1 2; do
		folder="/tmp/ovs$number"
		mkdir "$folder"
		export OVS_RUNDIR="$folder" OVS_LOGDIR="$folder" OVS_DBDIR="$folder"
		ovsdb-tool create "$folder/conf.db" /usr/share/openvswitch/vswitch.ovsschema
		daemon ovsdb "" ovsdb-server "$folder/conf.db" "--remote=punix:$folder/db.sock" "--unixctl=$folder/db.ctl" \
			>"$folder/db.log" 2>&1
		while [ ! -e "$folder/db.sock" ]; do sleep 0.1; done
		vsctl "$number" --no-wait init
		daemon vswitchd "ovs-$number" ovs-vswitchd "unix:$folder/db.sock" "--unixctl=$folder/vswitchd.ctl" \
			>"$folder/vswitchd.log" 2>&1
		vsctl "$number" add-br br0 -- add-port br0 tunnel -- set interface tunnel type=geneve \
			"options:remote_ip=203.0.113.$((3 - number))" options:key=7
	done
	vsctl 1 add-port br0 ovs-c -- add-port br0 ovs-n
	vsctl 2 add-port br0 ovs-f
}

export WEFT_CONTROLLER=unix:/tmp/weft.sock

# attach TENANT PREFIX: its ports c, n and f, by the devices PREFIX-c, PREFIX-n and PREFIX-f
attach() {
	for port in c n f; do
		host=h1
		[ $port != f ] || host=h2
		until weft attach "$1/$port" --host $host --dev "$2-$port"; do sleep 0.5; done
	done
}

fabric() {
	hosts weft
	daemon weft "" weft controller --store sqlite:/tmp/weft.db --socket /tmp/weft.sock >/tmp/controller.log 2>&1
	while [ ! -S /tmp/weft.sock ]; do sleep 0.1; done
	for number in 1 2; do
		daemon weft "" weft agent --netns "/run/netns/weft-$number" --host "h$number" --vtep "203.0.113.$number" \
			--state "/sys/fs/bpf/h$number" --audit 1h >"/tmp/agent$number.log" 2>&1
	done
	weft apply -f /bench.yaml
	attach bench weft
	settled
}

# ruled RULES: one more tenant on the fabric
ruled() {
	workload weft-1 "r$1-c" 1
	workload weft-1 "r$1-n" 2
	workload weft-2 "r$1-f" 3
	weft apply -f "/r$1.json"
	attach "r$1" "r$1"
}

# routed ROUTES: the client on one network, the servers on another
routed() {
	workload weft-1 "t$1-c" 9
	network=2
	workload weft-1 "t$1-n" 2
	workload weft-2 "t$1-f" 3
	network=1
	ip -n "t$1-c" route add default via 10.1.1.1
	ip -n "t$1-n" route add default via 10.1.2.1
	ip -n "t$1-f" route add default via 10.1.2.1
	weft apply -f "/t$1.json"
	attach "t$1" "t$1"
}

settled() {
	weft wait --timeout 120s
}

complain() {
	echo "the arms could not be set up"
	tail -n 5 /tmp/*.log /tmp/ovs*/*.log
}

trap complain EXIT
"$@"
trap - EXIT
