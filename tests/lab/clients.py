# SPDX-License-Identifier: Apache-2.0
"""DHCP clients as people run them. Each tells its script what it was given; here that goes to a file, and the addresses
to the interface. /etc of this machine is left alone."""

import pathlib
import shlex

from .checks import wait_until
from .shell import LabError

UDHCPC_SCRIPT = """#!/bin/sh
case "$1" in
bound | renew)
	ip address replace "$ip/$mask" dev "$interface"
	[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
	[ -z "$router" ] || ip route replace default via "$router"
	;;
esac
env >{lease}.new && mv {lease}.new {lease}.$1
"""

DHCLIENT_SCRIPT = """#!/bin/sh
case "$reason" in
BOUND | RENEW | REBIND | REBOOT)
	ip address replace "$new_ip_address/$new_subnet_mask" dev "$interface"
	[ -z "$new_interface_mtu" ] || ip link set "$interface" mtu "$new_interface_mtu"
	[ -z "$new_routers" ] || ip route replace default via "$new_routers"
	;;
BOUND6 | RENEW6 | REBIND6)
	ip address replace "$new_ip6_address/$new_ip6_prefixlen" dev "$interface"
	;;
PREINIT | PREINIT6)
	exit 0
	;;
esac
env >{lease}.new && mv {lease}.new {lease}.$reason
"""


class Client:
    """A client that runs in a container until it is stopped. `lease(event)` is what it told its script."""

    def __init__(self, container, name, script, words):
        self.folder = pathlib.Path(container.host.lab.folder)
        self.base = self.folder / f"{name}-{container.port}"
        self.forget()
        path = self.base.with_suffix(".sh")
        path.write_text(script.replace("{lease}", shlex.quote(str(self.base))))
        path.chmod(0o755)
        self.log = open(self.base.with_suffix(".log"), "ab")
        words = [str(word).replace("SCRIPT", str(path)).replace("BASE", str(self.base)) for word in words]
        self.process = container.host.lab.record.process(
            container.namespace.popen(words, stdout=self.log, stderr=self.log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def forget(self):
        """What was told so far."""
        for path in self.folder.glob(f"{self.base.name}.[a-zA-Z]*"):
            if path.suffix not in (".sh", ".log", ".conf", ".leases"):
                path.unlink()

    def lease(self, event, seconds=60):
        path = self.base.with_suffix(f".{event}")
        if wait_until(path.exists, seconds) is None:
            raise LabError(f"{self.base.name}: no {event}:\n{self.base.with_suffix('.log').read_text()[-2000:]}")
        return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def udhcpc(container, *words):
    """busybox udhcpc; it stays in the foreground, renews at SIGUSR1 and releases at SIGUSR2."""
    return Client(container, "udhcpc", UDHCPC_SCRIPT, [
        "busybox", "udhcpc", "-f", "-i", "eth0", "-s", "SCRIPT", "-t", "10", "-T", "1", "-O", "mtu", "-O", "121", *words])


def dhclient(container, family=4, *words):
    """ISC's dhclient, for IPv4 or IPv6."""
    name = f"dhclient{family}"
    base = pathlib.Path(container.host.lab.folder) / f"{name}-{container.port}"
    options = {4: "subnet-mask, broadcast-address, routers, domain-name, domain-name-servers, interface-mtu, "
                  "rfc3442-classless-static-routes, host-name",
               6: "dhcp6.name-servers, dhcp6.domain-search"}[family]
    base.with_suffix(".conf").write_text(
        "option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;\n"
        f"request {options};\ntimeout 60; retry 2; initial-interval 1; initial-delay 0;\n")
    return Client(container, name, DHCLIENT_SCRIPT, [
        "dhclient", f"-{family}", "-d", "-v", "--no-pid", "-sf", "SCRIPT", "-lf", "BASE.leases", "-cf", "BASE.conf",
        *words, "eth0"])
