"""What of a log is old enough to go, and who still waits for it?"""

from __future__ import annotations

import sqlite3
import time

from tidings.core.model import Moment
from tidings.core.subscription import Channel, Subscription
from tidings.store import rows
from tidings.store.sending import Dropped
from tidings.store.sqlite.database import SQL, Database, one, run
from tidings.store.sqlite.subscriptions import subscription_rows


class Retention(Database):
    """The store's part about what is kept for how long."""

    async def drop_before(self, log_id: int, before: Moment, limit: int) -> Dropped:
        def work(db: sqlite3.Connection) -> Dropped:
            began = time.perf_counter()
            offsets: dict[int, int] = {}
            bound: int | None = one(db, "replayed_from", instance_id=log_id)["bound"]
            for each in subscription_rows(db, self._vault, instance_id=log_id):
                offset, acknowledged = _reached(db, each)
                if offset is None:
                    continue
                if each.stopped_at is not None and each.stopped_at < before:
                    offsets[each.id] = offset
                else:
                    bound = acknowledged if bound is None else min(bound, acknowledged)
            gone: list[sqlite3.Row] = []
            for row in db.execute(SQL["droppable"], {"instance_id": log_id, "limit": limit}):
                if row["created_at"] >= before or (bound is not None and row["last_sequence"] > bound):
                    break
                gone.append(row)
            if not gone:
                return Dropped(0, None, {}, time.perf_counter() - began)
            numbers = rows.numbers(row["number"] for row in gone)
            lost = {}
            for subscription_id, offset in offsets.items():
                key = {"subscription_id": subscription_id, "numbers": numbers, "offset": offset}
                beyond = sum(r["last_sequence"] - r["first_sequence"] + 1 for r in gone if r["last_sequence"] > offset)
                if events := one(db, "open_of", **key)["events"] + beyond:
                    lost[subscription_id] = events
                    run(db, "lose_events", id=subscription_id, events=events)
            for row in db.execute(SQL["every_subscription_of_log"], {"instance_id": log_id}).fetchall():
                run(db, "drop_attempts", subscription_id=row["id"], numbers=numbers)
                run(db, "drop_deliveries", subscription_id=row["id"], numbers=numbers)
            run(db, "drop_notifications", numbers=numbers)
            sequence = gone[-1]["last_sequence"]
            run(db, "dropped_of_account" if log_id < 0 else "dropped_of_instance", log_id=log_id, sequence=sequence)
            return Dropped(len(gone), sequence, lost, time.perf_counter() - began)

        return await self._writer.run(work)


def _reached(db: sqlite3.Connection, subscription: Subscription) -> tuple[int | None, int]:
    """A subscription's offset (None when nothing is delivered to it), and up to where it has acknowledged all."""
    key = {"instance_id": subscription.instance_id, "key": str(subscription.id)}
    lane = db.execute(SQL["delivery_offset"], key).fetchone()
    if lane is None or subscription.channel is not Channel.WEBHOOK:
        return None, 0
    oldest = db.execute(SQL["oldest_open"], {"subscription_id": subscription.id}).fetchone()
    offset = int(lane["offset"])
    return offset, offset if oldest is None else min(offset, oldest["first_sequence"] - 1)
