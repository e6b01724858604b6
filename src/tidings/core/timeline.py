"""What does a lane's trail tell of one record? Who saw it, who did not bring it, and what failed meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tidings.core.model import Moment
from tidings.core.trail import Entry, Verdict, find


@dataclass(frozen=True, slots=True)
class Sighting:
    """One page with a verdict on the record, or one look at it by its id."""

    entry: Entry
    verdict: Verdict

    @property
    def had_it(self) -> bool:
        """Whether the record came; if not, it was missed, withheld, or found deleted when asked for by its id."""
        by_id = self.entry.date_at is None
        return self.verdict not in WITHOUT_IT and not (by_id and self.verdict in (Verdict.DELETED, Verdict.STILL_GONE))


@dataclass(frozen=True, slots=True)
class Failure:
    """One try that failed: whether the record would have come nobody knows."""

    entry: Entry


@dataclass(slots=True)
class Silence:
    """Whole readings in a row that did not bring the record.

    `since_at` and `since_until` are the earliest and the latest stamp that one of them asked from, None where none
    asked by stamp; `everything` says that one asked for all there is.
    """

    at: Moment
    until: Moment
    readings: Counter[str] = field(default_factory=Counter)
    since_at: Moment | None = None
    since_until: Moment | None = None
    everything: bool = False

    def add(self, entry: Entry) -> None:
        """Count the reading whose last page left `entry`."""
        self.until = entry.at
        self.readings[entry.reading] += 1
        since_at = entry.since_at
        if since_at is None:
            self.everything = True
            return
        self.since_at = since_at if self.since_at is None else min(since_at, self.since_at)
        self.since_until = since_at if self.since_until is None else max(since_at, self.since_until)


Item: TypeAlias = Sighting | Failure | Silence

#: What has an event, if anything has.
ANNOUNCED = frozenset({Verdict.CREATED, Verdict.UPDATED, Verdict.DELETED, Verdict.TOUCHED, Verdict.FIRST_SEEN})

#: What is said of a record that did not come.
WITHOUT_IT = frozenset(
    {
        *(Verdict.MISSING_ONCE, Verdict.NO_ANSWER, Verdict.FORBIDDEN, Verdict.INCONCLUSIVE, Verdict.HELD),
        Verdict.UNREADABLE,
    }
)

#: What leaves the record known as it was before.
KEEPS = frozenset(
    {
        *(Verdict.UNCHANGED, Verdict.LISTED, Verdict.INCONCLUSIVE, Verdict.HELD, Verdict.NO_ANSWER),
        *(Verdict.FORBIDDEN, Verdict.OUTSIDE, Verdict.LEFT, Verdict.UNREADABLE, Verdict.UNMOVED),
    }
)


class Timeline:
    """The items of one record, in order, from the entries that are `put` in, in order."""

    def __init__(self, record: str) -> None:
        self.items: list[Item] = []
        self._record = record
        # By kind of reading: whether the record was on a page of the one in progress, whose first page is known.
        self._seen: dict[str, bool] = {}

    def put(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._put(entry)

    def _put(self, entry: Entry) -> None:
        if entry.failure is not None:
            self.items.append(Failure(entry))
            return
        verdict = find(entry.seen, self._record)
        if verdict is not None:
            self.items.append(Sighting(entry, verdict))
        # What is asked for by id belongs to the listing before it, and has no date of a page.
        if entry.page <= 1 and entry.date_at is not None:
            self._seen[entry.reading] = False
        if verdict is not None and entry.reading in self._seen:
            self._seen[entry.reading] = True
        if entry.ended and self._seen.pop(entry.reading, True) is False:
            self._silent(entry)

    def _silent(self, entry: Entry) -> None:
        last = self.items[-1] if self.items else None
        if not isinstance(last, Silence):
            last = Silence(entry.at, entry.at)
            self.items.append(last)
        last.add(entry)

    def since_written(self) -> int:
        """The index from which on nothing has changed what is known of the record."""
        for index in range(len(self.items) - 1, -1, -1):
            item = self.items[index]
            if isinstance(item, Sighting) and item.verdict not in KEEPS:
                return index
        return 0


#: Readings as a sentence counts them.
NAMES: Mapping[str, tuple[str, str]] = {
    "probe": ("probe", "probes"),
    "baseline": ("baseline", "baselines"),
    "poll": ("poll", "polls"),
    "settle": ("settle pass", "settle passes"),
    "sweep": ("sweep", "sweeps"),
    "audit": ("audit", "audits"),
}


def name_of(reading: str, count: int = 1) -> str:
    """The reading in words; `count` 1 without its number.

    >>> name_of("settle"), name_of("poll", 3)
    ('settle pass', '3 polls')
    """
    one, many = NAMES.get(reading, ("reading", "readings"))
    return one if count == 1 else f"{count} {many}"
