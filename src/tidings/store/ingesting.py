"""What a store promises about events that are sent to us: who may get them, and that they enter the log whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tidings.core.model import Moment, Notification


class ArrivalCutter(Protocol):
    """Cuts what arrived into notifications, given the sequence and number of the first; pure (core/ingested.py)."""

    def __call__(self, first_sequence: int, first_number: int) -> Sequence[Notification]: ...


class IngestStore(Protocol):
    """The part of the store about what is sent to us."""

    async def ingest(
        self, instance_id: int, cut: ArrivalCutter, events: int, now: Moment, known_id: str | None = None
    ) -> Sequence[Notification] | None:
        """Append so many events to the instance's log, as its pages are: with its next sequences, all or nothing, its
        delivery lanes due. Returns what was cut; nothing where the log holds a notification with the id `known_id`, and
        None, changing nothing, where there is no such instance any more.
        """

    async def mentioning(
        self, instance_id: int, resource: str, record_id: str, first: int, end: int, limit: int
    ) -> Sequence[int]:
        """Which of an instance's notifications with first <= number < end tell of a record, in order."""

    async def configurations(self, element_key: str) -> Sequence[tuple[int, Mapping[str, str | None]]]:
        """What the instances of an element of the catalog are configured with, without secrets, by id."""
