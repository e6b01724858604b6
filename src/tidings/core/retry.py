"""When to try again."""

from __future__ import annotations

from collections.abc import Sequence

SCHEDULE: tuple[float, ...] = tuple(4**x for x in range(1, 10))
"""Seconds before each retry of a notification: 4, 16, 64 … 262144, nine of them (spec platform.md 4.11)."""

LONGEST_REQUEST = 3600.0
"""The longest `Retry-After` that is honoured, in seconds, by receivers and providers alike."""

_FIRST_BACKOFF, _LAST_BACKOFF = 5.0, 720.0
_SPREAD = 0.25


def receiver_wait(
    tries: int,
    retry_after: float | None = None,
    *,
    schedule: Sequence[float] = SCHEDULE,
    jitter: float = 0.0,
    dice: float = 0.0,
) -> float | None:
    """Seconds until the next try of a notification after `tries` that failed; None when its schedule is used up.

    A receiver's `Retry-After` makes the wait longer, never shorter than the schedule, and by no more than an hour: one
    wrong header must not hold a notification back for days. `jitter` is the share of the wait that may be added, and
    `dice` (0 to below 1) how much of that share is: receivers on one host that failed together do not
    come back together.

    >>> [receiver_wait(tries) for tries in (1, 2, 9, 10)]
    [4.0, 16.0, 262144.0, None]
    >>> receiver_wait(1, retry_after=120.0)
    120.0
    """
    if tries > len(schedule):
        return None
    wait = max(float(schedule[tries - 1]), min(retry_after or 0.0, LONGEST_REQUEST))
    return wait * (1 + jitter * dice)


def poll_backoff(failures: int, dice: float, retry_after: float | None = None) -> float:
    """Seconds until a provider is asked again after `failures` in a row: 5, 10, 20 … at most 15 minutes.

    Up to a quarter is added by `dice` (0 to below 1), so that lanes which failed together do not come back together. A
    `Retry-After` is a floor, of an hour at the most.
    """
    step = min(_FIRST_BACKOFF * 2.0 ** min(failures - 1, 16), _LAST_BACKOFF)
    return max(step, min(retry_after or 0.0, LONGEST_REQUEST)) * (1 + _SPREAD * dice)


def throttled_wait(wait: float, dice: float) -> float:
    """Seconds until a lane whose turn it was not asks again, `wait` at the least; up to a quarter more by `dice`."""
    return wait * (1 + _SPREAD * dice)
