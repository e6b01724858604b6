"""Into which spans of time is a window divided, for counting what happened in each?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tidings.core.errors import InvalidInput
from tidings.core.model import Moment

INTERVALS: Final[Mapping[str, int]] = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""Milliseconds of each; all begin at whole ones in UTC."""

MOST_BUCKETS: Final = 12_000
_ENOUGH: Final = 200  #: more than these, and the next longer interval is taken where the caller names none


@dataclass(frozen=True, slots=True)
class Window:
    """The moments from `from_at` to `to_at`, both included, in buckets of `span_for` milliseconds."""

    from_at: Moment
    to_at: Moment
    span_for: int

    def begins(self) -> Iterator[Moment]:
        """When each bucket begins; the first may begin before the window, and the last may end after it."""
        yield from range(self.bucket_of(self.from_at), self.to_at + 1, self.span_for)

    def bucket_of(self, moment: Moment) -> Moment:
        return moment - moment % self.span_for


def window(from_at: Moment, to_at: Moment, interval: str | None) -> Window:
    """The window in buckets of that interval, or of the shortest that makes no more than a couple of hundred.

    Raises InvalidInput when it ends before it begins, or has too many buckets.

    >>> len(list(window(1_790_000_012_345, 1_790_003_612_345, "minute").begins()))
    61
    """
    if from_at > to_at:
        raise InvalidInput("from", "is later than to; write an earlier moment")
    if interval is None:
        spans = INTERVALS.values()
        span_for = next((span for span in spans if (to_at - from_at) // span < _ENOUGH), INTERVALS["day"])
    elif interval in INTERVALS:
        span_for = INTERVALS[interval]
    else:
        raise InvalidInput("interval", f"is {interval[:40]!r}: write one of {', '.join(INTERVALS)}")
    made = Window(from_at, to_at, span_for)
    buckets = (to_at - made.bucket_of(from_at)) // span_for + 1
    if buckets > MOST_BUCKETS:
        raise InvalidInput(
            "interval",
            f"would divide this window into {buckets} buckets, {MOST_BUCKETS} are the most; write a longer one",
        )
    return made
