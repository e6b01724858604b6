"""What is counted while work is done: the port through which the engine tells, and a meter that does not listen."""

from __future__ import annotations

from collections.abc import Sequence

from tidings.core.cursor import ReadingKind
from tidings.core.model import Change


class Meter:
    """Hears what happens; this one forgets it. Each call takes microseconds at the most and raises nothing."""

    def page_committed(self, kind: ReadingKind, rows: int, changes: Sequence[Change]) -> None:
        """One page of a reading is in the store, with what it changed."""

    def reading_ended(self, kind: ReadingKind, outcome: str) -> None:
        """A reading is `complete`, or a try of it `failed`, was `throttled`, or its keys were `refused`."""

    def attempt_ended(self, outcome: str, took_for: float) -> None:
        """One POST to a receiver came to `delivered`, `retry` or `queued`, in so many seconds."""

    def dropped(self, notifications: int, lost: int) -> None:
        """Retention has removed so many notifications, with so many events that a stopped subscription had not got."""

    def request_ended(self, outcome: str, took_for: float) -> None:
        """One request to a provider was `answered`, `refused`, `throttled`, `forbidden` (keys or address), its record
        `not_found`, or it `failed`, in so many seconds."""
