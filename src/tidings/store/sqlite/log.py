"""How do events get to the end of an instance's log? The one way for those that are found and those that are sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from tidings.core.model import LaneKind, Moment, Notification
from tidings.store import rows
from tidings.store.sqlite.database import SQL, one, run


def append(
    db: sqlite3.Connection,
    instance_id: int,
    events: int,
    cut: Callable[[int, int], Sequence[Notification]],
    now: Moment,
) -> Sequence[Notification]:
    """Put so many events there, and make the log's delivery lanes due; part of the caller's transaction.

    `cut` is given the first sequence and the first number.
    """
    first_sequence = one(db, "take_sequences", n=events, instance_id=instance_id)["last_sequence"] - events + 1
    # A notification holds one event at the least, so as many numbers are enough; those not used are skipped.
    first_number = one(db, "take_numbers", n=events)["value"] - events + 1
    made = cut(first_sequence, first_number)
    db.executemany(SQL["add_notification"], [rows.notification_values(value) for value in made])
    run(db, "wake_lanes", kind=LaneKind.DELIVER, instance_id=instance_id, now=now)
    return made
