# SPDX-License-Identifier: Apache-2.0
"""The check of histories: what it must let pass, and what it must not."""

import random

import pytest

from lab.linear import NEVER, Operation, check


def op(kind, value, began, ended=NEVER, expected=None, key="x"):
    outcome = "unknown" if ended == NEVER else "ok"
    return Operation(key, kind, value, began, ended, outcome, expected)


GOOD = {
    "nothing": [],
    "one after the other": [op("read", None, 0, 1), op("write", 1, 2, 3), op("read", 1, 4, 5)],
    "reads beside a write, the new value and then still the old": [
        op("write", 1, 0, 1), op("write", 2, 2, 9), op("read", 1, 3, 4), op("read", 2, 5, 6)],
    "two writes at once, in either order": [op("write", 1, 0, 9), op("write", 2, 1, 8), op("read", 1, 10, 11)],
    "a write without an answer that was done": [op("write", 1, 0, 1), op("write", 2, 2), op("read", 2, 3, 4)],
    "that was done late": [op("write", 1, 0, 1), op("write", 2, 2), op("read", 1, 3, 4), op("read", 2, 5, 6)],
    "and that was not": [op("write", 1, 0, 1), op("write", 2, 2), op("read", 1, 3, 4), op("write", 3, 5, 6),
                         op("read", 3, 7, 8)],
    "a swap": [op("write", 1, 0, 1), op("swap", 2, 2, 3, expected=1), op("mismatch", 3, 4, 5, expected=1)],
    "a swap refused for a write beside it": [op("write", 1, 0, 1), op("write", 2, 2, 9),
                                             op("mismatch", 3, 3, 4, expected=1)],
    "refused for a write without an answer": [op("write", 1, 0, 1), op("write", 2, 2),
                                              op("mismatch", 3, 3, 4, expected=1)],
    "a removal": [op("write", 1, 0, 1), op("remove", None, 2, 3), op("read", None, 4, 5)],
    "registers by themselves": [op("write", 1, 0, 1), op("read", None, 2, 3, key="y")],
    "at the same instant is at once": [op("write", 1, 0, 5), op("read", None, 5, 6)],
}

BAD = {
    "a read of what nobody wrote": [op("write", 1, 0, 1), op("read", 2, 2, 3)],
    "a lost write": [op("write", 1, 0, 1), op("read", None, 2, 3)],
    "a stale read": [op("write", 1, 0, 1), op("write", 2, 2, 3), op("read", 1, 4, 5)],
    "new and then old": [op("write", 1, 0, 1), op("write", 2, 2, 9), op("read", 2, 3, 4), op("read", 1, 5, 6)],
    "seen before it began": [op("read", 1, 0, 1), op("write", 1, 2, 3)],
    "done twice": [op("write", 1, 0, 1), op("write", 2, 2, 3), op("write", 3, 4, 5), op("read", 2, 6, 7)],
    "no answer, done twice": [op("write", 1, 0, 1), op("write", 2, 2), op("read", 2, 3, 4), op("write", 3, 5, 6),
                              op("read", 2, 7, 8)],
    "two swaps of one value": [op("write", 1, 0, 1), op("swap", 2, 2, 9, expected=1), op("swap", 3, 3, 8, expected=1)],
    "a swap refused without cause": [op("write", 1, 0, 1), op("mismatch", 2, 2, 3, expected=1)],
    "a removal of nothing": [op("remove", None, 0, 1)],
    "a removal that did not": [op("write", 1, 0, 1), op("remove", None, 2, 3), op("read", 1, 4, 5)],
    "in one register of many": [op("write", 1, 0, 1), op("read", 1, 2, 3), op("write", 1, 0, 1, key="y"),
                                op("read", None, 2, 3, key="y")],
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name):
    assert check(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_bad(name):
    violation = check(BAD[name])
    assert violation and violation.stuck in BAD[name]
    assert "not linearizable" in str(violation)


def simulated(seed, count=200, clients=5):
    """A history of a register that is right: each operation happens at one moment between its begin and its end."""
    draw, state, serial, history = random.Random(seed), None, 0, []
    moments = sorted((draw.uniform(0, 100), client) for client in range(clients) for _ in range(count // clients))
    free = [0.0] * clients
    for number, (moment, client) in enumerate(moments):
        serial += 1
        following = next((later for later, who in moments[number + 1:] if who == client), moment + 2)
        began, ended = draw.uniform(free[client], moment), draw.uniform(moment, following)
        free[client] = ended
        kind = draw.choice(["read", "read", "write", "swap", "remove"])
        expected = draw.choice([state, serial])
        if kind == "read":
            history.append(op("read", state, began, ended))
        elif kind == "write" and draw.random() < 0.2:  # no answer, and perhaps never done
            history.append(op("write", serial, began))
            state = draw.choice([state, serial])
        elif kind == "write":
            history.append(op("write", serial, began, ended))
            state = serial
        elif kind == "swap" and expected == state:
            history.append(op("swap", serial, began, ended, expected))
            state = serial
        elif kind == "swap":
            history.append(op("mismatch", serial, began, ended, expected))
        elif state is not None:
            history.append(op("remove", None, began, ended))
            state = None
        else:
            history.append(op("read", None, began, ended))
    return history


@pytest.mark.parametrize("seed", range(12))
def test_random_histories(seed):
    """A right history passes; with one read that answers what had been overwritten before it began, it does not."""
    history = simulated(seed)
    assert check(history) is None
    reads = [number for number, read in enumerate(history) if read.kind == "read"]
    for number in random.Random(seed).sample(reads, 5):
        read = history[number]
        before = [w for w in history if w.kind == "write" and w.outcome == "ok" and w.ended < read.began]
        between = [w for w in before if before and w.began > before[0].ended]
        if not between:
            continue
        planted = list(history)
        planted[number] = op("read", before[0].value, read.began, read.ended)
        assert check(planted), planted[number]
