"""How much may a receiver be sent at once and in a second, and what does a 429 change about it?"""

from __future__ import annotations

import msgspec

from tidings.core.model import Moment
from tidings.core.retry import LONGEST_REQUEST

LEAD = 200.0
"""Milliseconds by which a rate may be run ahead of: what is sent in a burst."""

_FIRST_HOLD, _LAST_HOLD = 1.0, 64.0


class Pace(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one receiver's capacity; stored with the lane's cursor.

    `at_once` is None as long as nothing is known against the subscription's own concurrency.
    """

    at_once: int | None = None
    answered: int = 0  #: successes since `at_once` last changed
    refusals: int = 0  #: 429s without a success between them
    held_until: Moment = 0  #: nothing is sent to this receiver before, since it asked for time
    sent_until: float = 0.0  #: when what was sent is used up at the subscription's rate


def throttled(pace: Pace, now: Moment, in_flight: int, retry_after: float | None = None) -> Pace:
    """After a 429 that came back while so many were in flight: half as many at once, and a pause for all of them.

    The pause is what `Retry-After` asks for, by an hour at the most; without one it is 1, 2, 4 … 64 seconds, growing
    with each 429. Those that answer requests from before the pause do not halve again.
    """
    if retry_after is None:
        retry_after = min(_FIRST_HOLD * 2.0 ** min(pace.refusals, 16), _LAST_HOLD)
    until = max(pace.held_until, now + round(1000 * min(retry_after, LONGEST_REQUEST)))
    if now < pace.held_until:
        return msgspec.structs.replace(pace, held_until=until)
    most = min(in_flight, pace.at_once or in_flight)
    return Pace(max(most // 2, 1), 0, pace.refusals + 1, until, pace.sent_until)


def answered(pace: Pace, now: Moment, concurrency: int) -> Pace:
    """After a success: when as many have arrived as go at once, one more may, up to the subscription's concurrency.

    What arrives during a pause was sent before it, and tells nothing.
    """
    if pace.at_once is None or now < pace.held_until:
        return pace
    if pace.answered + 1 < pace.at_once:
        return msgspec.structs.replace(pace, answered=pace.answered + 1, refusals=0)
    more = pace.at_once + 1
    return Pace(None if more >= concurrency else more, 0, 0, pace.held_until, pace.sent_until)


def sending(pace: Pace, now: Moment, rate: float | None) -> Pace:
    """After one was sent, at most `rate` a second; None is without limit."""
    if rate is None:
        return pace
    sent_until = max(pace.sent_until, float(now)) + 1000 / rate
    return msgspec.structs.replace(pace, sent_until=sent_until)


def opens_at(pace: Pace, now: Moment) -> Moment:
    """When something may be sent: `now`, or after a pause.

    Whoever has run ahead of its rate waits until all of that is used up, so that a slow receiver's lane is not woken
    for each notification.
    """
    ahead_until = round(pace.sent_until) if pace.sent_until - now > LEAD else now
    return max(pace.held_until, ahead_until, now)


def is_open(pace: Pace, now: Moment) -> bool:
    """Whether that moment has come."""
    return pace.held_until <= now and pace.sent_until - now <= LEAD
