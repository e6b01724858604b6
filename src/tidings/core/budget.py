"""May a provider's tenant be asked now, and what does its answer change?

Two limits: requests in any 60 seconds, as a provider counts them, so that a whole minute's worth may go at once; and
requests under way at the same time, which adapts. A 429 closes the tenant for everybody until its `Retry-After` has
passed, then one request at a time finds out whether it is open again. Slow answers make fewer go at once, too.

Moments are seconds on a clock that never goes back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from tidings.core.retry import LONGEST_REQUEST

WINDOW = 60
HALF_MINUTE = 30.0  #: the first wait after a 429 that names none (spec connectwise.md 5.1); each further one doubles it
LONGEST_GUESS = 600.0
SHORTEST_REST = 1.0  #: a provider that says "again in 0 s" is not taken at its word
GROWS_AFTER = 50  #: good answers in a row until one more request may be under way
SLOW_TIMES, SLOW_FLOOR, SLOW_IN_A_ROW = 4.0, 1.0, 3
PASSED_AT_MOST = 8  #: a waiting priority lets so many more urgent requests pass, then one of its own goes
_MEMORY = 32  #: answers after which the usual latency has mostly forgotten what was before


class Priority(IntEnum):
    """Who goes first when not all can."""

    ASKED = 0  #: somebody waits for the answer: credentials that are tried, a call of the API
    POLL = 1
    LONG = 2  #: what may take its time: baseline, settle pass, sweep, audit


#: The share of the requests a minute that a priority has for itself, whatever the others use.
SHARES = (0.1, 0.2, 0.1)

Counts = tuple[int, int, int]  #: requests by priority
NOBODY: Counts = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant may be asked at the most; `requests_a_minute` None counts nothing."""

    requests_a_minute: int | None
    concurrent: int


class Budget(msgspec.Struct, frozen=True):
    """What is known of one tenant."""

    allowed: int  #: requests that may be under way at once, now
    in_flight: int = 0
    window: tuple[tuple[int, Counts], ...] = ()  #: requests sent, by the second, oldest first
    used: Counts = NOBODY  #: the sum of the window
    closed_until: float = 0.0
    probing: bool = False  #: after a 429 and not yet known to be open again
    round: int = 0  #: counts the 429s, but not those that were under way together
    refusals: int = 0  #: rounds in a row without an answer between them
    good: int = 0  #: answers in a row since `allowed` changed
    slow: int = 0  #: slow ones in a row
    usual: float | None = None  #: latency in seconds


def full(limits: Limits) -> Budget:
    """The budget of a tenant that nobody has asked yet."""
    return Budget(allowed=limits.concurrent)


def opens_at(budget: Budget, limits: Limits, priority: Priority, now: float) -> float:
    """The earliest moment at which a request may go: `now`, later, or infinity when one under way has to end first.

    It may turn out later still, because others go in between or a 429 comes.
    """
    at = max(now, budget.closed_until, _has_room_at(budget, limits, priority, now))
    if at > now:
        return at
    return math.inf if budget.in_flight >= (1 if budget.probing else budget.allowed) else now


def spend(budget: Budget, priority: Priority, now: float) -> Budget:
    """The budget after a request has gone."""
    second = math.floor(now)
    window, used = budget.window, budget.used
    while window and window[0][0] + 1 + WINDOW <= now:
        used = _minus(used, window[0][1])
        window = window[1:]
    one = _ONE[priority]
    if window and window[-1][0] >= second:
        window = (*window[:-1], (window[-1][0], _plus(window[-1][1], one)))
    else:
        window = (*window, (second, one))
    return msgspec.structs.replace(budget, window=window, used=_plus(used, one), in_flight=budget.in_flight + 1)


def answered(budget: Budget, limits: Limits, sent_in: int, took: float) -> Budget:
    """The budget after an answer that was neither a 429 nor a server error; it took so many seconds.

    An answer to a request of an earlier round, from before the last 429, says nothing about now.
    """
    if sent_in != budget.round:
        return ended(budget)
    usual = took if budget.usual is None else budget.usual
    is_slow = took > max(SLOW_FLOOR, SLOW_TIMES * usual)
    slow, good, allowed = (budget.slow + 1, 0, budget.allowed) if is_slow else (0, budget.good + 1, budget.allowed)
    if slow >= SLOW_IN_A_ROW:
        slow, allowed = 0, max(1, allowed - 1)
    elif good >= GROWS_AFTER:
        good, allowed = 0, min(limits.concurrent, allowed + 1)
    return msgspec.structs.replace(
        budget,
        in_flight=budget.in_flight - 1,
        probing=False,
        refusals=0,
        allowed=allowed,
        good=good,
        slow=slow,
        usual=usual + (took - usual) / _MEMORY,
    )


def refused(budget: Budget, sent_in: int, retry_after: float | None, now: float) -> Budget:
    """The budget after a 429: closed for `retry_after` seconds (an hour at the most), or for as long as we guess.

    Of requests of one round, which were under way together, only the first 429 makes fewer go at once.
    """
    is_new = sent_in == budget.round
    refusals = budget.refusals + is_new
    guess = min(HALF_MINUTE * 2.0 ** min(max(refusals - 1, 0), 16), LONGEST_GUESS)
    rest = min(max(guess if retry_after is None else retry_after, SHORTEST_REST), LONGEST_REQUEST)
    return msgspec.structs.replace(
        budget,
        in_flight=budget.in_flight - 1,
        closed_until=max(budget.closed_until, now + rest),
        probing=True,
        round=budget.round + is_new,
        refusals=refusals,
        allowed=max(1, budget.allowed // 2) if is_new else budget.allowed,
        good=0,
        slow=0,
    )


def ended(budget: Budget) -> Budget:
    """The budget after a request that came to nothing: no answer, a server error, or nobody waits for it any more."""
    return msgspec.structs.replace(budget, in_flight=budget.in_flight - 1, good=0)


def requests_left(budget: Budget, limits: Limits, now: float) -> int | None:
    """How many requests may still go in this minute: 0 while a 429 has closed the tenant, None where none are counted.
    Those that a priority has for itself are among them.
    """
    if now < budget.closed_until:
        return 0
    if limits.requests_a_minute is None:
        return None
    recent = sum(sum(counts) for second, counts in budget.window if second + 1 + WINDOW > now)
    return max(0, limits.requests_a_minute - recent)


def is_untouched(budget: Budget, limits: Limits, now: float) -> bool:
    """Whether nothing would be different if the budget were forgotten, but for the usual latency."""
    quiet = budget.in_flight == 0 and not budget.probing and budget.allowed == limits.concurrent
    return quiet and (not budget.window or budget.window[-1][0] + 1 + WINDOW <= now)


def turns(passed: Counts) -> Sequence[Priority]:
    """In which order the waiting are looked at; `passed` says how many requests each priority has let pass."""
    return sorted(Priority, key=lambda each: (passed[each] < PASSED_AT_MOST, each))


def let_pass(passed: Counts, waiting: Counts, gone: Priority) -> Counts:
    """`passed` after a request of priority `gone` went while so many were `waiting`."""
    asked, poll, long = (0 if each is gone or not waiting[each] else passed[each] + (each > gone) for each in Priority)
    return asked, poll, long


def _has_room_at(budget: Budget, limits: Limits, priority: Priority, now: float) -> float:
    limit = limits.requests_a_minute
    if limit is None:
        return now
    used, at = budget.used, now
    for second, counts in budget.window:
        # Whole seconds are counted, so the last request of one is out of the window a second after the first.
        over_at = float(second + 1 + WINDOW)
        if over_at > now:
            if _room(used, limit, priority) > 0:
                return at
            at = over_at
        used = _minus(used, counts)
    return at


def _room(used: Counts, limit: int, priority: Priority) -> int:
    """How many more may go, when what the others have for themselves and have not used is kept for them."""
    kept = sum(max(0, int(SHARES[each] * limit) - used[each]) for each in Priority if each is not priority)
    return limit - sum(used) - kept


_ONE: tuple[Counts, Counts, Counts] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def _plus(left: Counts, right: Counts) -> Counts:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def _minus(left: Counts, right: Counts) -> Counts:
    return left[0] - right[0], left[1] - right[1], left[2] - right[2]
