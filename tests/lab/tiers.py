# SPDX-License-Identifier: Apache-2.0
"""examples/three-tier.yaml as a deployment: who may connect to whom there, and who does."""

from .exchange import Services
from .fabric import ROOT

EXAMPLE = (ROOT / "examples/three-tier.yaml").read_text()
PLACES = {"web1": "h1", "web2": "h2", "app1": "h1", "db1": "h3"}
TIERS = {port: port[:-1] for port in PLACES}

# Asked of every pair. The first four are what somebody may.
KINDS = ("tcp/80", "tcp/443", "tcp/8080", "tcp/5432", "tcp/22", "udp/80", "udp/5432", "icmp")

# From the tier on the left to that on the right; "any": whoever it is.
_ALLOWED = {("any", "web"): {"tcp/80", "tcp/443"}, ("web", "app"): {"tcp/8080"}, ("app", "db"): {"tcp/5432"}}


def allowed(tiers, source, target, kind):
    return any(kind in _ALLOWED.get((tier, tiers[target]), ()) for tier in (tiers[source], "any"))


def join(lab, containers):
    """Attach containers, each behind its tenant's router "main"."""
    for container in containers:
        container.join(f"{container.tenant}/main")
        lab.attach(container)
    lab.settle()
    # The first packet to a host may find the underlay's neighbor unresolved, as on any IP network.
    for host in lab.hosts.values():
        for other in lab.hosts.values():
            if host is not other:
                host.namespace.run("ping", "-q", "-n", "-c", "1", "-W", "2", other.vtep, check=False)


def matrix(containers, tiers):
    """Each container of {port: container} asks every other for all kinds, over the families that both have.
    (measured, expected, how many were asked): sets of (source, target, kind, address)."""
    attempts = {}
    for source, asking in containers.items():
        families = {":" in address for address in asking.addresses}
        for target, asked in containers.items():
            for address in asked.addresses if source != target else ():
                if (":" in address) in families:
                    attempts.update({(asking, address, kind): (source, target, kind, address) for kind in KINDS})
    due = {attempt for attempt, names in attempts.items() if allowed(tiers, *names[:3])}
    with Services(containers.values(), KINDS) as services:
        reached = services.reached(attempts, due)
    return {attempts[a] for a in reached}, {attempts[a] for a in due}, len(attempts)
