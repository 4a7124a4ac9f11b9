# SPDX-License-Identifier: Apache-2.0
"""How it is measured. The machine is noisy, so that an absolute figure means little: each is a ratio to the bare pair in
the same round. Rounds visit all arms in turn, A B C A B C, each round beginning one arm further on. A second bare pair
is an arm like any other: how far from 1.00 it strays is the noise band.
"""

import datetime
import os
import platform
import re
import statistics
import subprocess
import sys
import time

from .arms import AGAIN, BARE


def measure(load, arms, rounds, seconds, program, progress):
    """{arm: [figures, one a round]}. An arm that fails is left out, and why is told."""
    values = {arm.name: [] for arm in arms}
    with load.prepared(arms) as failures:
        for number in range(rounds):
            start = number % len(arms)
            for arm in arms[start:] + arms[:start]:
                progress.step(f"{load.title}: {arm.name}")
                if arm.name in failures:
                    continue
                try:
                    values[arm.name].append(_twice(lambda: load.run(arm, program, seconds)))
                except Exception as error:  # a peer that breaks, however it does, must not end the others
                    failures[arm.name] = str(error)[:500]
    for name in failures:
        del values[name]
    return values, failures


def _twice(attempt):
    """Userspace switches now and then lose what a load begins with."""
    try:
        return attempt()
    except Exception:
        return attempt()


def ratios(values, reference, figure):
    return [a[figure] / b[figure] for a, b in zip(values, reference)]


def summary(values, reference, figure):
    """Median of the ratios within the rounds, their middle half and extremes."""
    found = sorted(ratios(values, reference, figure))
    low, _, high = statistics.quantiles(found, n=4, method="inclusive") if len(found) > 1 else found * 3
    return {"value": statistics.median(v[figure] for v in values), "ratio": statistics.median(found),
            "low": low, "high": high, "least": found[0], "most": found[-1]}


def summarize(load, values):
    """{figure: {arm: summary}} and the noise band of each figure."""
    table, band = {}, {}
    for figure in load.figures:
        table[figure] = {arm: summary(v, values[BARE], figure) for arm, v in values.items()}
        again = table[figure].get(AGAIN, {"least": 1, "most": 1})
        band[figure] = [min(again["least"], 1), max(again["most"], 1)]
    return table, band


class Progress:
    """One line that says how far it is and how long it will take; on no terminal, a line a minute at most."""

    def __init__(self, total):
        self.total, self.done, self.part, self.start = max(total, 1), 0, 0, time.monotonic()
        self.terminal, self._told = sys.stderr.isatty(), 0

    def step(self, what, weight=1):
        """What follows is `weight` of the total."""
        self.part = self.done
        self.done += weight
        self.say(what)

    def say(self, what):
        """More about the step that is under way."""
        now = time.monotonic()
        part = self.part / self.total
        left = (now - self.start) * (1 - part) / part if part > 0.02 else None
        tail = f"{int(left) // 60}:{int(left) % 60:02} left" if left is not None else ""
        if self.terminal:
            bar = "█" * int(part * 24) + "░" * (24 - int(part * 24))
            print(f"\r\033[K{bar} {part:4.0%}  {what[:70]}  {tail}", end="", file=sys.stderr, flush=True)
        elif now - self._told > 60:
            self._told = now
            print(f"{part:4.0%}  {what}  {tail}", file=sys.stderr, flush=True)

    def end(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _first(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else "?"


def _answer(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=10).stdout
    except OSError:
        return ""


def environment(root):
    """What the figures may depend on."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "kernel": platform.release(),
        "processor": _first(r"^model name\s*: (.*)", open("/proc/cpuinfo").read()),
        "processors": os.cpu_count(),
        "virtual": _answer("systemd-detect-virt", "--vm").strip() or "?",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": os.getloadavg()[0],
        "system": _first(r'^PRETTY_NAME="(.*)"', open("/etc/os-release").read()),
        "compiler": _first(r"(.*)", _answer("cc", "--version")),
        "clang": _first(r"(.*)", _answer("clang", "--version")),
        "Open vSwitch": _first(r"\) ([\d.]+)", _answer("ovs-vswitchd", "--version")),
        "OVN": _first(r"(\d+\.\d+\.\d+)", _answer("ovn-controller", "--version")),
        "commit": _answer("git", "-C", str(root), "describe", "--always", "--dirty").strip(),
    }
