#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo: three hosts, two tenants with the same addresses, a third with a router and a policy; real packets.

Each check prints one line; the last line is `demo: N passed, N failed`.
"""

import statistics
import sys
import time

from lab import Lab, LabError
from lab import checks, exchange, throughput, tiers
from lab.fabric import ROOT
from lab.traffic import Traffic, expected_answer, judge, probe_all

EXAMPLE = ROOT / "examples/two-tenants.yaml"

PLACES = {
    "acme/web1": "h1", "acme/web2": "h1", "acme/web3": "h2", "acme/db1": "h1", "acme/db2": "h3",
    "umbrella/web1": "h1", "umbrella/web2": "h2", "umbrella/web3": "h3", "umbrella/db1": "h2", "umbrella/db2": "h3",
}
MACHINE = ("acme/vm1", "h3")

AUDIT_SECONDS = 2
ROUNDS, MOST_ROUNDS = 15, 30
SUPERPACKET = 10_000  # bytes: far more than any MTU


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.start = time.monotonic()
        self._green, self._red, self._dim, self._plain = (
            ("\033[32m", "\033[31m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "", ""))

    def title(self, text):
        print(f"\n{text}", flush=True)

    def check(self, good, text, detail=""):
        mark = f"{self._green}✓{self._plain}" if good else f"{self._red}✗{self._plain}"
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(f"  {mark} {text:<58} {self._dim}{detail}{self._plain}".rstrip(), flush=True)

    def lines(self, sentences, limit=8):
        for sentence in sentences[:limit]:
            print(f"      {sentence}")
        if len(sentences) > limit:
            print(f"      … and {len(sentences) - limit} more")

    def finish(self):
        print(f"\n{time.monotonic() - self.start:.0f} s")
        print(f"demo: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def deploy(lab, report):
    report.title("Three hosts, a controller, two tenants with the same subnets")
    report.check(len(lab.hosts) == 3, "three agents hold their streams over TLS", lab.url)
    before = lab.api.revision()
    start = time.monotonic()
    lab.weft("apply", "-f", EXAMPLE, "--wait")
    seconds = time.monotonic() - start
    after = lab.api.revision()
    report.check(after == before + 1, "weft apply --wait: one file, one revision", f"revision {after}, {seconds:.2f} s")
    machine = lab.machine(*MACHINE[0].split("/"), MACHINE[1], attach=False)
    workloads = [lab.container(*name.split("/"), host, attach=False) for name, host in PLACES.items()]
    for workload in [*workloads, machine]:
        lab.weft("attach", workload.name, "--dev", workload.device, "--host", workload.host.name)
    receipt = lab.settle()
    report.check(receipt["complete"], "ten containers and one virtual machine attached",
                 f"revision {receipt['revision']} realized by {receipt['realized']} of {receipt['required']} hosts")
    start = time.monotonic()
    machine.guest.wait_ready()
    report.check(True, "the virtual machine has booted", machine.guest.run("uname -r").strip())
    return [*workloads, machine]


def show_matrix(workloads, probes):
    """Who was reached by whom, beside who should be: 4 and 6 for the families."""
    names = [w.name for w in workloads]

    def cells(source, reached):
        row = []
        for name in names:
            families = {("6" if ":" in a else "4") for s, a, n in reached if s == source and n == name}
            row.append(f"{''.join(sorted(families)) or '·':>2}")
        return " ".join(row)
    measured = {(p.source.name, p.address, name) for p in probes for name in p.seen}
    expected = {(p.source.name, p.address, expected_answer(workloads, p.source, p.address)) for p in probes}
    legend = " ".join(f"{chr(ord('a') + n):>2}" for n in range(len(names)))
    print(f"\n  {'':18} {'measured':<{len(legend)}}     expected\n  {'':18} {legend}     {legend}")
    for number, name in enumerate(names):
        print(f"  {chr(ord('a') + number)} {name:<16} {cells(name, measured)}     {cells(name, expected)}")
    print()


def reachability(report, traffic):
    report.title("Who reaches whom: each workload asks every address, and hears who answers")
    probes = probe_all(traffic)
    show_matrix(traffic.workloads, probes)
    for family, name in ((4, "IPv4"), (6, "IPv6")):
        verdict = judge(traffic.workloads, [p for p in probes if (":" in p.address) == (family == 6)])
        report.check(verdict.reached == verdict.intended > 0, f"{name}: intended pairs reach each other",
                     f"{verdict.reached} of {verdict.intended}")
        report.check(verdict.leaked == 0 and verdict.forbidden > 0, f"{name}: other addresses are silent",
                     f"{verdict.leaked} of {verdict.forbidden} answered or seen")
        report.lines(verdict.wrong)
    wrong = checks.check_broadcast(traffic)
    report.check(not wrong, "broadcast and multicast reach all of their network alone")
    report.lines(wrong)


def bad_frames(lab, report, traffic, by_name):
    report.title("Malformed and spoofed packets")
    source, target = by_name["acme/web1"], by_name["acme/web3"]
    for title, result in (
            ("frames from a container", checks.check_frames(lab, traffic, source, target)),
            ("tunnel packets on the underlay", checks.check_tunnels(lab, traffic, source, target))):
        cases, arrived, uncounted = result
        report.check(not arrived, f"{len(cases)} bad {title}: none arrives", ", ".join(arrived))
        reasons = list(dict.fromkeys(reason for _, reason in cases))
        report.check(not uncounted, "  each counted under its name", f"{len(reasons)} reasons")
        report.lines([f"{r}: expected {n}, counted {c}" for r, (n, c) in uncounted.items()])


def show_tiers(measured, expected):
    """What is open between each two, beside what should be."""
    names = list(tiers.PLACES)

    def cells(source, reached):
        row = []
        for target in names:
            kinds = {kind for s, t, kind, _ in reached if (s, t) == (source, target)}
            ports = sorted((kind.removeprefix("tcp/") for kind in kinds), key=lambda port: (len(port), port))
            row.append(f"{','.join(ports) or '·':>6}")
        return " ".join(row)
    legend = " ".join(f"{name:>6}" for name in names)
    print(f"\n  {'':6} {'measured':<{len(legend)}}     expected\n  {'':6} {legend}     {legend}")
    for name in names:
        print(f"  {name:<6} {cells(name, measured)}     {cells(name, expected)}")
    print()


def check_tiers(report, containers, tier_of):
    measured, expected, asked = tiers.matrix(containers, tier_of)
    show_tiers(measured, expected)
    report.check(expected and expected <= measured, "what the policy allows is open",
                 f"{len(measured & expected)} of {len(expected)}")
    report.check(measured <= expected, "nothing else is", f"{len(measured - expected)} of {asked - len(expected)}")


def policies(lab, report):
    report.title("A third tenant: a router joins three networks, a policy says who may connect to whom")
    lab.apply(tiers.EXAMPLE.replace("tenant: acme", "tenant: shop"), "--wait")
    containers = {port: lab.container("shop", port, host, attach=False) for port, host in tiers.PLACES.items()}
    tiers.join(lab, containers.values())
    web1, web2, app1, db1 = (containers[port] for port in ("web1", "web2", "app1", "db1"))
    with exchange.Prober(web1, db1.ipv4, 9) as prober:
        prober.send(ttl=1)
        error = prober.error()
    report.check(error and error[:3] == (11, 0, web1.gateway()), "the router names itself where a TTL ends",
                 error[2] if error else "")
    check_tiers(report, containers, tiers.TIERS)
    with exchange.talking(app1, db1, db1.ipv4, 5432) as (near, far):
        alive = exchange.says(near, far) and exchange.says(far, near)
        report.check(alive, "app1 has a connection to db1")
        lab.api.patch("/v1/tenants/shop/ports/app1", {"labels": {"tier": "web"}})
        lab.api.patch("/v1/tenants/shop/ports/web2", {"labels": {"tier": "app"}})
        lab.settle()
        report.title(f"Two labels change: app1 is of the web tier now, {web2.port} of the application's")
        for end in (near, far):
            end.settimeout(exchange.SETTLE)
        report.check(not exchange.says(near, far) and not exchange.says(far, near), "the connection has ended with its right")
    check_tiers(report, containers, {**tiers.TIERS, "app1": "web", "web2": "app"})


def speed(lab, report, by_name):
    report.title("TCP throughput, one stream, beside a bare veth pair in turn")
    place = {name: throughput.Place(w.namespace, w.ipv4) for name, w in by_name.items() if w.guest is None}
    far = place["acme/web3"]
    arms = {"bare": throughput.bare_pair(lab, by_name["acme/web3"].mtu),
            "same host": (place["acme/web1"], place["acme/web2"]),
            "across hosts": (place["acme/web1"], far)}
    least = {"same host": 0.95, "across hosts": 0.90}
    before = throughput.received(far)
    values = {name: [] for name in arms}
    # Where noise leaves it open, measure on: the median of more rounds tells.
    for _ in range(MOST_ROUNDS // ROUNDS):
        for name, measured in throughput.interleave(arms, ROUNDS, throughput.bulk).items():
            values[name] += measured
        ratios = {name: throughput.ratio(values[name], values["bare"]) for name in least}
        if all(ratios[name] >= least[name] for name in least):
            break
    packets, size = (after - earlier for after, earlier in zip(throughput.received(far), before))
    bare = statistics.median(values["bare"])
    for name, ratio in ratios.items():
        report.check(ratio >= least[name], f"{name}: at least {least[name]:.2f} of bare",
                     f"{ratio:.2f}   {statistics.median(values[name]):.1f} of {bare:.1f} Gbit/s, "
                     f"{len(values[name])} rounds")
    report.check(packets > 0 and size / packets > SUPERPACKET, "superpackets cross the underlay whole",
                 f"{size / max(packets, 1):,.0f} bytes a packet")


def drift(report, traffic, by_name):
    report.title("Drift: somebody changes the kernel behind the agent's back")
    source, target = by_name["acme/web1"], by_name["acme/web3"]
    host = source.host
    repairs = host.status()["repairs"]
    rows = checks.pinned_rows(host, "station")
    for row in rows:
        checks.delete_row(host, "station", row)
    report.check(not checks.ping(source, target.ipv4, wait=0.3), f"{len(rows)} rows deleted with bpftool: traffic stops")
    took = checks.wait_until(lambda: len(checks.pinned_rows(host, "station")) == len(rows), AUDIT_SECONDS * 3)
    report.check(took is not None and checks.ping(source, target.ipv4), "the agent puts them back",
                 f"after {took:.1f} s" if took is not None else "")
    checks.detach_programs(host.namespace, source.device)
    report.check(not checks.ping(source, target.ipv4, wait=0.3), "a program detached: traffic stops")
    took = checks.wait_until(lambda: checks.ping(source, target.ipv4, wait=0.3), AUDIT_SECONDS * 3)
    report.check(took is not None, "the agent attaches it again", f"after {took:.1f} s" if took is not None else "")
    counted = checks.wait_until(lambda: host.status()["repairs"] - repairs >= len(rows) + 1, 4) is not None
    report.check(counted, "repairs are counted", f"{host.status()['repairs'] - repairs}")


def survive(lab, report, traffic, by_name):
    report.title("Every Weft process killed while traffic flows")
    pairs = [(by_name["acme/web1"], by_name["acme/web2"].ipv4), (by_name["acme/web1"], by_name["acme/web3"].ipv6),
             (by_name["umbrella/web2"], by_name["umbrella/web3"].ipv4)]
    sent, answered = traffic.flow(pairs, 1.5, 300, [(0.3, lab.kill_all)])
    report.check(sent == answered > 0, "kill -9 of the controller and all agents: no packet lost",
                 f"{sent - answered} of {sent}")
    sent, answered = traffic.flow(pairs, 1.5, 300, [(0.1, lab.restart_all)])
    report.check(sent == answered > 0, "all started again: no packet lost", f"{sent - answered} of {sent}")
    lab.settle()
    written = {name: host.status() for name, host in lab.hosts.items()}
    report.check(all(s["writes"] == 0 and s["rows"] > 0 for s in written.values()), "the restart wrote no map row",
                 ", ".join(f"{n} {s['writes']} of {s['rows']}" for n, s in written.items()))
    verdict = judge(traffic.workloads, probe_all(traffic))
    report.check(verdict.good, "and everybody reaches whom they should",
                 f"{verdict.reached} of {verdict.intended}, {verdict.leaked} of {verdict.forbidden} others")
    report.lines(verdict.wrong)


def explain_keep(lab, by_name):
    web1 = by_name["acme/web1"]
    print(f"""
Kept. Look around:
  {lab.binary} get ports -o wide --controller unix:{lab.socket}
  {lab.binary} describe port acme/web1 --controller unix:{lab.socket}
  nsenter --net={web1.namespace.path} ping {by_name['acme/web3'].ipv4}
  logs in {lab.folder}
Clean up:
  /usr/bin/python3 {ROOT}/tests/lab clean {lab.run_id}
""")


def demo(lab, report):
    workloads = deploy(lab, report)
    by_name = {w.name: w for w in workloads}
    with Traffic(workloads) as traffic:
        reachability(report, traffic)
        bad_frames(lab, report, traffic, by_name)
        drift(report, traffic, by_name)
        survive(lab, report, traffic, by_name)
    policies(lab, report)
    speed(lab, report, by_name)
    return by_name


def main(words):
    report = Report()
    lab = Lab(hosts=3, audit=AUDIT_SECONDS, keep="--keep" in words, macvlan=True)
    try:
        with lab:
            by_name = demo(lab, report)
            if lab.keep:
                explain_keep(lab, by_name)
    except LabError as error:
        report.check(False, "the laboratory", str(error))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
