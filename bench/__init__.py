# SPDX-License-Identifier: Apache-2.0
"""The benchmark: Weft beside what a user would pick instead. `./dev bench`; how it measures: docs/performance.md.

    arms.py         what is measured: places to send from and to, and the ways between them that others offer
    openvswitch.py  Open vSwitch and OVN as arms
    weft.py         Weft as arms
    loads.py        what is sent
    method.py       the order of measurements, and what the figures say
    packet.py       the cost of one packet by itself
    guest.py        the same loads inside a virtual machine, beside Open vSwitch's kernel module
    control/        the control plane: simulated hosts, OVN with the same topology, etcd under faults
    plot.py         pictures
    report.py       the page, the table, the aims
    load/           the load generators
    packet/         programs that run one packet over and over
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench/results"

sys.path.insert(0, str(ROOT / "tests"))
