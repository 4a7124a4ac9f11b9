# SPDX-License-Identifier: Apache-2.0
"""etcd and controllers under faults, with a check of the API's history (tests/lab/chaos.py).

    result = chaos.run(build, quick, step)

`build` is the build's folder, `step(text)` is called steps(quick) times. Raises
lab.chaos.Chaos if an accepted write was lost or applied twice, or the history is not linearizable.
"""

import types

from lab import chaos

ROUNDS, SECONDS = {True: 1, False: 2}, {True: 2, False: 5}


def steps(quick):
    return 1 + ROUNDS[quick] * len(chaos.FAULTS)


def run(build, quick, step):
    """{"operations": N, "accepted": N, "unknown": N, "refused": N, "linearizable": true, "faults": [{"fault": name,
    "seconds": S, "longest_without_write": S}…]…}. About 30 seconds, or 100."""
    result, _ = chaos.attack(build / "cli/weft", ROUNDS[quick], SECONDS[quick], types.SimpleNamespace(step=step))
    return result
