"""Is a receiver down, when is it tried again, and is what waited for it due now that it is back?"""

from __future__ import annotations

import msgspec

from tidings.core.model import Moment
from tidings.core.retry import LONGEST_REQUEST

FAILURES, SPAN, TRIES = 10, 60_000, 3
"""It opens after this many failures in a row that span so many milliseconds, at a notification's third try or later:
never before its tries after 4 and 16 seconds (design.md section 7)."""

OUTAGE, PAUSE = 3, 60_000
"""What fewer failures than open it leave waiting is due early as well when these many came in a row, once in so many
milliseconds: a few notifications that are never accepted are no outage."""

PROBE, MOST = 30_000, 60_000
"""Milliseconds between two probes: the dice say how many from the first to the second."""


class Breaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one receiver; stored with the lane's cursor.

    Open (`probe_at` is set), nothing is read from the log, and the notifications that have waited longest are the
    probes, in turn, so that one which can never be accepted does not keep the receiver down. `back` from the first
    success after an outage until everything that waited has been tried: all of it is due, in order.
    """

    failures: int = 0  #: in a row, …
    since_at: Moment = 0  #: … the first of them
    probe_at: Moment | None = None
    probes: int = 0  #: since it opened
    back: bool = False
    back_at: Moment = 0  #: when the receiver was last found to be back

    @property
    def is_open(self) -> bool:
        return self.probe_at is not None


def failed(
    breaker: Breaker, tries: int, now: Moment, *, retry_after: float | None = None, dice: float = 0.0
) -> Breaker:
    """After a try that failed: the notification's how-manieth scheduled one, or an extra one after so many.

    A `Retry-After` puts the next probe off, by an hour at the most.
    """
    failures = breaker.failures + 1
    since_at = breaker.since_at if breaker.failures else now
    opens = failures >= FAILURES and now - since_at >= SPAN and tries >= TRIES
    if not (breaker.is_open or opens):
        return Breaker(failures, since_at, back_at=breaker.back_at)
    wait = PROBE + (MOST - PROBE) * dice
    asked = 1000 * min(retry_after or 0.0, LONGEST_REQUEST)
    probe_at = now + round(max(wait, asked))
    return Breaker(failures, since_at, probe_at, breaker.probes + breaker.is_open, back_at=breaker.back_at)


def succeeded(breaker: Breaker, now: Moment) -> Breaker:
    """After a try that arrived."""
    if not breaker.failures:
        return breaker
    if breaker.is_open or (breaker.failures >= OUTAGE and now - breaker.back_at >= PAUSE):
        return Breaker(back=True, back_at=now)
    return Breaker(back_at=breaker.back_at)


def drained(breaker: Breaker) -> Breaker:
    """After everything that had waited was tried."""
    return msgspec.structs.replace(breaker, back=False) if breaker.back else breaker
