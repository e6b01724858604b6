"""What is kept of an API call, and into which spans of time are calls counted? (spec platform.md 5.6)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from tidings.core.errors import InvalidInput
from tidings.core.model import Moment
from tidings.core.timebuckets import INTERVALS

DAY: Final = INTERVALS["day"]
LONG_INTERVALS: Final = ("week", "month", "quarter", "year")
_FEW: Final = 100  #: so many spans, and the next longer interval is taken where the caller names none


@dataclass(frozen=True, slots=True)
class Usage:
    """One call that is over: who called what, how it ended, and how long it took (seconds).

    The path is without its query, which holds what users look for. `operation` is what answered it; `element_key` and
    `instance_id` are of the instance that the call was about. `number` is the store's, 0 before it is kept.
    """

    request_id: str
    account_id: int
    user_id: int
    organization_id: int
    at: Moment
    took_for: float
    method: str
    path: str
    operation: str
    status: int
    address: str
    element_key: str | None = None
    instance_id: int | None = None
    number: int = 0

    @property
    def ok(self) -> bool:
        return self.status < 400


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which calls of an account are meant; None says nothing. `text` is looked for in the path, the operation, the
    element's key and the request's id, whatever its letters' case."""

    from_at: Moment
    to_at: Moment
    element_keys: tuple[str, ...] | None = None
    instance_ids: tuple[int, ...] | None = None
    ok: bool | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class UsageTally:
    """How many calls there were in the span that begins at `bucket_at`, how many succeeded, and how long they took."""

    bucket_at: Moment
    calls: int
    success: int
    shortest_for: float
    longest_for: float
    total_for: float
    element_key: str | None = None
    instance_id: int | None = None

    def with_more(self, other: UsageTally) -> UsageTally:
        """This span's, with those of another span of the same element and instance added."""
        return replace(
            self,
            calls=self.calls + other.calls,
            success=self.success + other.success,
            shortest_for=min(self.shortest_for, other.shortest_for),
            longest_for=max(self.longest_for, other.longest_for),
            total_for=self.total_for + other.total_for,
        )


def interval_of(name: str | None, from_at: Moment, to_at: Moment) -> str:
    """The interval that was asked for, or the shortest that makes no more than a hundred of the time between.

    Raises InvalidInput.
    """
    if name is None:
        return next((each for each, span in INTERVALS.items() if (to_at - from_at) // span < _FEW), "month")
    if name not in (*INTERVALS, *LONG_INTERVALS):
        raise InvalidInput("interval", f"is {name[:40]!r}: write one of {', '.join((*INTERVALS, *LONG_INTERVALS))}")
    return name


def span_of(interval: str) -> int:
    """The milliseconds by which an interval can be counted first; `folded` makes longer ones of days."""
    return INTERVALS.get(interval, DAY)


def begin_of(moment: Moment, interval: str) -> Moment:
    """When the week (from Monday), month, quarter or year of a moment begins, in UTC.

    >>> begin_of(1_502_131_598_999, "quarter") == int(datetime(2017, 7, 1, tzinfo=UTC).timestamp() * 1000)
    True
    """
    day = datetime.fromtimestamp(moment // 1000, UTC).replace(hour=0, minute=0, second=0)
    if interval == "week":
        return moment - moment % DAY - day.weekday() * DAY
    month = {"month": day.month, "quarter": day.month - (day.month - 1) % 3, "year": 1}[interval]
    return int(day.replace(month=month, day=1).timestamp()) * 1000


def folded(tallies: Iterable[UsageTally], interval: str) -> list[UsageTally]:
    """Tallies of spans of `span_of(interval)` as those of the interval, in their order."""
    if interval in INTERVALS:
        return list(tallies)
    found: dict[tuple[Moment, str | None, int | None], UsageTally] = {}
    for each in tallies:
        begun = replace(each, bucket_at=begin_of(each.bucket_at, interval))
        key = (begun.bucket_at, begun.element_key, begun.instance_id)
        found[key] = found[key].with_more(begun) if key in found else begun
    return list(found.values())


def by_bucket(tallies: Iterable[UsageTally]) -> Mapping[Moment, list[UsageTally]]:
    """The tallies of each span, in order of time."""
    found: dict[Moment, list[UsageTally]] = {}
    for each in sorted(tallies, key=lambda tally: tally.bucket_at):
        found.setdefault(each.bucket_at, []).append(each)
    return found
