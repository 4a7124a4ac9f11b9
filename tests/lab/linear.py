# SPDX-License-Identifier: Apache-2.0
"""Is a history of operations on registers linearizable? Is there, for each register, one order of its operations that
explains every answer, and in which an operation that had ended stands before all that began later?

The search is that of Wing and Gong (1993) with what Lowe added to it (2017): where the same operations have been put in
order with the same outcome before, there is no need to look further. Registers are judged one by one, which is enough:
linearizability is local (Herlihy and Wing, 1990).
"""

import dataclasses
import math

STEPS = 5_000_000  # of the search, for one register; then it is undecided, which is an error and no verdict
NEVER = math.inf   # when an operation ended of which no answer came
_UNSEEN = object()  # a value that nobody ever saw


@dataclasses.dataclass(frozen=True)
class Operation:
    """`value` was written or read; None: nothing is there. Times are of one clock.

    kind       outcome "ok"                     outcome "unknown"
    read       answered `value`                 -
    write      put `value`                      did that, or will, or never
    remove     what was there is gone           the same
    swap       put `value` for `expected`       the same, if `expected` is there then
    mismatch   a swap that was refused: `expected` was not there
    """

    key: str
    kind: str
    value: object
    began: float
    ended: float = NEVER
    outcome: str = "ok"
    expected: object = None

    def __str__(self):
        what = {"read": f"read {self.value}", "write": f"wrote {self.value}", "remove": "removed it",
                "swap": f"swapped {self.expected} for {self.value}", "mismatch": f"did not find {self.expected}"}
        ended = "…" if self.ended == NEVER else f"{self.ended:.6f}"
        unknown = " (no answer)" if self.outcome == "unknown" else ""
        return f"{self.began:.6f} to {ended}: {what[self.kind]}{unknown}"


class Undecided(Exception):
    pass


@dataclasses.dataclass
class Violation:
    key: str
    explained: list  # the longest order that was found, of operations that fit
    stuck: Operation  # that had ended, and fits nowhere behind it

    def __str__(self):
        lines = [f"{self.key} is not linearizable. These fit in this order, the last of {len(self.explained)}:"]
        lines += [f"  {operation}" for operation in self.explained[-12:]]
        return "\n".join([*lines, "and then, although it had ended, this does not:", f"  {self.stuck}"])


def _apply(operation, state):
    """(does it fit, the state after it)"""
    if operation.kind == "read":
        return state == operation.value, state
    if operation.kind == "write":
        return True, operation.value
    if operation.kind == "remove":
        return state is not None, None
    if operation.kind == "swap":
        return state == operation.expected, operation.value
    assert operation.kind == "mismatch", operation
    return state != operation.expected, state


class _Event:
    """A call, or the return that belongs to it, in a list from which both can be lifted and put back."""

    __slots__ = ("operation", "bit", "end", "rank", "before", "after")

    def __init__(self, operation, bit, end=None, rank=None):
        self.operation, self.bit, self.end, self.rank = operation, bit, end, rank


def _ranks(operations):
    """{number of an operation: (what it is like, how many such began before)}

    Of those without an answer that have the same effect, only the first of those that are left need be tried: writes of
    values that nobody ever saw, and removals. Else a few of them would double the search each.
    """
    seen = {operation.value for operation in operations if operation.kind == "read"}
    seen |= {operation.expected for operation in operations}
    counts, ranks = {}, {}
    for number, operation in enumerate(operations):
        if operation.outcome == "unknown" and operation.kind in ("write", "remove") and (
                operation.kind == "remove" or operation.value not in seen):
            ranks[number] = (operation.kind, counts.get(operation.kind, 0))
            counts[operation.kind] = ranks[number][1] + 1
    return ranks


def _events(operations):
    """The list's head. An operation without an answer has no return: it need not have happened."""
    timed, ranks = [], _ranks(operations)
    for number, operation in enumerate(operations):
        end = None
        if operation.ended != NEVER:
            end = _Event(operation, None)
            timed.append((operation.ended, 1, number, end))
        timed.append((operation.began, 0, number, _Event(operation, 1 << number, end, ranks.get(number))))
    head = last = _Event(None, None)
    head.before = None
    for *_, event in sorted(timed, key=lambda item: item[:3]):
        last.after, event.before = event, last
        last = event
    last.after = None
    return head


def _lift(event):
    event.before.after = event.after
    if event.after:
        event.after.before = event.before


def _put_back(event):
    event.before.after = event
    if event.after:
        event.after.before = event


def check_register(operations, initial=None):
    """The operations of one register. None, or a Violation."""
    head = _events(operations)
    left = sum(operation.ended != NEVER for operation in operations)
    state, done, chosen, seen, steps = initial, 0, [], set(), 0
    used = {"write": 0, "remove": 0}  # of those that are ranked
    longest, stuck = [], None
    event = head.after
    while left:
        steps += 1
        if steps > STEPS:
            raise Undecided(f"{operations[0].key}: no verdict after {STEPS} steps, {len(operations)} operations")
        if event and event.bit:
            fits, after = _apply(event.operation, state)
            if event.rank:
                kind, rank = event.rank
                fits, after = fits and used[kind] == rank, None if kind == "remove" else _UNSEEN
            if fits and (done | event.bit, after) not in seen:
                seen.add((done | event.bit, after))
                chosen.append((event, state))
                state, done = after, done | event.bit
                if event.rank:
                    used[event.rank[0]] += 1
                _lift(event)
                if event.end:
                    _lift(event.end)
                    left -= 1
                event = head.after
            else:
                event = event.after
            continue
        # Here an operation ends that has found no place: the last choice was wrong.
        if stuck is None or len(chosen) > len(longest):
            longest, stuck = [choice.operation for choice, _ in chosen], event.operation if event else stuck
        if not chosen:
            return Violation(operations[0].key, longest, stuck)
        event, state = chosen.pop()
        done &= ~event.bit
        if event.rank:
            used[event.rank[0]] -= 1
        if event.end:
            _put_back(event.end)
            left += 1
        _put_back(event)
        event = event.after
    return None


def check(history, initial=None):
    """All registers. None, or the first Violation."""
    registers = {}
    for operation in history:
        registers.setdefault(operation.key, []).append(operation)
    for key in sorted(registers):
        violation = check_register(sorted(registers[key], key=lambda operation: operation.began), initial)
        if violation:
            return violation
    return None
