# SPDX-License-Identifier: Apache-2.0
"""Faults of etcd and of controllers, and a judgement of all that clients were answered. The longer run is in the benchmark."""

import dataclasses
import random
import time

import pytest

from controlling import Controller
from lab import chaos, linear
from lab.etcd import Etcd
from lab.linear import Operation


@pytest.fixture(scope="module")
def attacked(weft_binary):
    """The short attack: each fault once."""
    return chaos.attack(weft_binary, 1, 1.5)


def test_nothing_is_lost_and_nothing_is_done_twice(attacked):
    result, clients = attacked
    assert result["linearizable"]
    assert [fault["fault"] for fault in result["faults"]] == [kind.name for kind in chaos.FAULTS]
    assert result["accepted"] > 100, result  # they went on between the faults
    kinds = {operation.kind for operation in clients.history}
    assert kinds == {"read", "write", "swap", "mismatch", "remove"}


def test_a_planted_violation_is_found(attacked):
    """The check can fail: one answer of thousands that is older than it may be is enough."""
    _, clients = attacked
    draw = random.Random(1)
    for _ in range(5):
        history = list(clients.history)
        written = [w for w in history if w.kind == "write" and w.outcome == "ok"]
        # A value, one that replaced it, and a read of the first after that.
        first = draw.choice([w for w in written if any(
            later.key == w.key and later.began > w.ended for later in written)])
        second = min((w for w in written if w.key == first.key and w.began > first.ended), key=lambda w: w.ended)
        history.append(Operation(first.key, "read", first.value, second.ended + 1e-6, second.ended + 2e-6))
        violation = linear.check(history)
        assert violation and violation.key == first.key


def test_a_planted_loss_is_found(attacked):
    _, clients = attacked
    accepted = [w for w in clients.writes if w.outcome == "ok" and w.value is not None]
    log = [(w.revision, w.key, w.value) for w in accepted]
    chaos.judge_log(log, accepted)
    with pytest.raises(chaos.Chaos, match="is at none"):
        chaos.judge_log(log[1:], accepted)
    with pytest.raises(chaos.Chaos, match="applied at revisions"):
        chaos.judge_log([*log, (log[-1][0] + 1, *log[0][1:])], accepted)
    with pytest.raises(chaos.Chaos, match="was refused and is there"):
        chaos.judge_log(log, [dataclasses.replace(accepted[0], outcome="refused"), *accepted[1:]])
    late = dataclasses.replace(accepted[0], revision=accepted[-1].revision + 1)
    with pytest.raises(chaos.Chaos, match="after"):
        chaos.judge_order(clients.history, [late, *accepted[1:]])


def test_stale_reads_are_found(weft_binary, tmp_path):
    """Reads that the API itself calls local, of a controller that hears nothing, are what the check is there to find."""
    folders = [tmp_path / "near", tmp_path / "far"]
    for folder in folders:
        folder.mkdir()
    with Etcd(tmp_path, 3) as cluster:
        cluster.lead(cluster.members[0])
        near = Controller(weft_binary, folders[0], store=f"etcd:{cluster.members[0].client},{cluster.members[1].client}")
        far = Controller(weft_binary, folders[1], store=f"etcd:{cluster.members[2].client}")
        history = []

        def write(value):
            began = time.monotonic()
            near.must("PUT", "/v1/tenants/t", {"description": value})
            history.append(Operation("t", "write", value, began, time.monotonic()))

        def read(consistency):
            began = time.monotonic()
            value = far.must("GET", f"/v1/tenants/t{consistency}")["description"]
            history.append(Operation("t", "read", value, began, time.monotonic()))

        write("1")
        read("")
        assert linear.check(history) is None
        cluster.members[2].pause()
        write("2")
        read("?consistency=local")
        cluster.members[2].resume()
        violation = linear.check(history)
        assert violation and violation.stuck.value == "1", history
        del history[-1]
        deadline = time.monotonic() + 60
        while far.get("/v1/tenants/t").status != 200:
            assert time.monotonic() < deadline
        read("")
        assert linear.check(history) is None and history[-1].value == "2"
        assert near.stop() == 0 and far.stop() == 0
