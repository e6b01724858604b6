"""Which notifications may be sent now, without any record's events arriving out of order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tidings.core.model import Moment


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an unfinished notification stands: in flight, or waiting until `due_at`.

    `records` are those that it speaks of (`Notification.records`).
    """

    number: int
    records: frozenset[tuple[str, str]]
    due_at: Moment
    in_flight: bool = False


def sendable(unfinished: Iterable[Standing], now: Moment) -> Iterator[int]:
    """The numbers of those that may be sent now, the earliest first; `unfinished` comes in the order of sequence.

    A notification waits while it shares a record with an earlier one that is unfinished, whether that one failed, is
    in flight or waits itself (design.md section 7); all others pass. All the numbers may be in flight together.
    """
    return (standing.number for standing in _unblocked(unfinished) if not standing.in_flight and standing.due_at <= now)


def next_due(unfinished: Iterable[Standing]) -> Moment | None:
    """When the next of them may be sent, were none of those in flight ever to end; None when there is none."""
    return min((standing.due_at for standing in _unblocked(unfinished) if not standing.in_flight), default=None)


def _unblocked(unfinished: Iterable[Standing]) -> Iterator[Standing]:
    spoken_of: set[tuple[str, str]] = set()
    for standing in unfinished:
        if spoken_of.isdisjoint(standing.records):
            yield standing
        spoken_of |= standing.records
