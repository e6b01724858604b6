"""Which notifications may be sent now, without any record's events arriving out of order?

A notification waits while it shares a record with an earlier one that is unfinished, whether that one failed, is in
flight or waits itself (design.md section 7); all others pass.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from tidings.core.model import Moment


@dataclass(slots=True)
class _Place:
    number: int
    records: tuple[Hashable, ...]
    due_at: Moment
    blockers: int = 0  #: in how many of its records' queues somebody stands before it
    behind: list[_Place] = field(default_factory=list)  #: who comes next in each queue where somebody does
    in_flight: bool = False
    is_due: bool = False  #: whether it stands in `_due`


class Order:
    """The unfinished notifications of one subscription, each in the queue of every record that it speaks of.

    Whoever stands first in all of its queues may go once it is due. Each step costs as much as the notification has
    records, however many are unfinished.
    """

    def __init__(self) -> None:
        self._places: dict[int, _Place] = {}
        self._last: dict[Hashable, _Place] = {}  # the end of each record's queue
        # Of those that nobody blocks: who is due, by sequence, and who will be, by time. An entry of `_later` counts
        # only as long as it agrees with its place.
        self._due: list[int] = []
        self._later: list[tuple[Moment, int]] = []

    def add(self, number: int, records: Iterable[Hashable], due_at: Moment) -> None:
        """Put one behind all others; numbers grow in the order of sequence."""
        place = self._places[number] = _Place(number, tuple(set(records)), due_at)
        for record in place.records:
            before = self._last.get(record)
            if before is not None:
                before.behind.append(place)
                place.blockers += 1
            self._last[record] = place
        if not place.blockers:
            heappush(self._later, (due_at, number))

    def take(self, now: Moment) -> int | None:
        """The earliest in sequence of those that may be sent now; it is in flight from here on."""
        while self._later and self._later[0][0] <= now:
            due_at, number = heappop(self._later)
            if self._counts(due_at, number):
                self._places[number].is_due = True
                heappush(self._due, number)
        if not self._due:
            return None
        number = heappop(self._due)
        place = self._places[number]
        place.in_flight, place.is_due = True, False
        return number

    def start(self, number: int) -> None:
        """One of those that nobody blocks is in flight, whether it was due or not."""
        place = self._places[number]
        if place.is_due:
            self._due.remove(number)
            heapify(self._due)
        place.in_flight, place.is_due = True, False

    def is_in_flight(self, number: int) -> bool:
        return self._places[number].in_flight

    def free(self) -> list[int]:
        """Those that nobody blocks and that are not in flight, due or not, by sequence; looks at all of them."""
        return [place.number for place in self._places.values() if not place.blockers and not place.in_flight]

    def wait(self, number: int, due_at: Moment) -> None:
        """What was in flight has failed, and may be sent again at `due_at`."""
        place = self._places[number]
        place.in_flight, place.due_at = False, due_at
        heappush(self._later, (due_at, number))

    def hasten(self, number: int, due_at: Moment) -> None:
        """One that waits may be sent at `due_at` already; changes nothing when it is in flight or due before."""
        place = self._places[number]
        if not place.in_flight and due_at < place.due_at:
            place.due_at = due_at
            if not place.blockers:
                heappush(self._later, (due_at, number))

    def remove(self, number: int) -> None:
        """One that was in flight has arrived: those behind it move up."""
        place = self._places.pop(number)
        for record in place.records:
            if self._last[record] is place:
                del self._last[record]
        for following in place.behind:
            following.blockers -= 1
            if not following.blockers:
                heappush(self._later, (following.due_at, following.number))

    def next_due(self) -> Moment | None:
        """When the next may be sent, were none of those in flight ever to end; None when there is none."""
        if self._due:
            return self._places[self._due[0]].due_at
        while self._later and not self._counts(*self._later[0]):
            heappop(self._later)
        return self._later[0][0] if self._later else None

    def _counts(self, due_at: Moment, number: int) -> bool:
        place = self._places.get(number)
        return place is not None and not place.in_flight and not place.is_due and place.due_at == due_at
