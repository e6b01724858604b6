"""The event log as it is delivered and shown: subscriptions, deliveries, attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from tidings.core.cutting import id_for
from tidings.core.model import (
    Delivery,
    DeliveryState,
    DeliveryWrite,
    Lane,
    Moment,
    Notification,
)
from tidings.core.subscription import Source, Subscription
from tidings.store import rows
from tidings.store.base import DeliverySummary
from tidings.store.secrets import Vault
from tidings.store.sqlite.database import SQL, Database, fenced, one, run, still_held
from tidings.store.sqlite.standings import standings_with
from tidings.store.sqlite.subscriptions import subscription_rows


class Deliveries(Database):
    """The store's part about deliveries."""

    async def waiting(self, subscription_id: int, limit: int) -> Sequence[Delivery]:
        values = {"subscription_id": subscription_id, "limit": limit}
        return await self._read(
            lambda db: [
                Delivery(
                    subscription_id=subscription_id,
                    notification=rows.outline(row),
                    state=DeliveryState(row["state"]),
                    attempt=row["attempt"],
                    due_at=row["due_at"],
                )
                for row in db.execute(SQL["waiting"], values)
            ]
        )

    async def notification(self, number: int) -> Notification:
        def work(db: sqlite3.Connection) -> Notification:
            row = db.execute(SQL["numbered"], {"number": number}).fetchone()
            if row is None:
                raise LookupError(f"there is no notification {number}")
            return rows.notification(row)

        return await self._read(work)

    async def is_queueing(self, subscription_id: int) -> bool:
        return await self._read(lambda db: _is_queueing(db, subscription_id))

    async def log_after(
        self, instance_id: int, sequence: int, limit: int, most_bytes: int | None = None, *, lane: Lane | None = None
    ) -> Sequence[Notification]:
        values = {"instance_id": instance_id, "sequence": sequence, "limit": limit, "skip": 0}

        def work(db: sqlite3.Connection) -> list[Notification]:
            found: list[Notification] = []
            size = 0
            for row in db.execute(SQL["log_after"], values):
                found.append(rows.notification(row))
                size += len(found[-1].body)
                if most_bytes is not None and size >= most_bytes:
                    break
            if lane is not None:  # asked last: what was logged after the lane was lost is not handed out
                still_held(db, lane)
            return found

        return await self._read(work)

    async def commit_deliveries(
        self,
        lane: Lane,
        writes: Sequence[DeliveryWrite],
        *,
        cursor: bytes,
        seen: int,
        release: bool,
        due_at: Moment,
        lease_until: Moment,
        attempt: int = 0,
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            if release:
                newest = one(db, "last_sequence", instance_id=lane.instance_id)["last_sequence"]
                at = 0 if newest > seen else due_at
                fenced(db, "release_lane", lane, cursor=cursor, due_at=at, attempt=attempt, reason=None)
            else:
                fenced(db, "hold_lane", lane, cursor=cursor, lease_until=lease_until, attempt=attempt)
            self._write_deliveries(db, int(lane.key), writes)

        await self._writer.run(work)

    def _write_deliveries(self, db: sqlite3.Connection, subscription_id: int, writes: Sequence[DeliveryWrite]) -> None:
        tried = [(write.notification_number, write.attempt) for write in writes if write.attempt is not None]
        db.executemany(SQL["write_attempt"], [rows.attempt_values(subscription_id, *each) for each in tried])
        # Of several writes about one notification the last one says where it stands.
        last = {write.notification_number: write for write in writes}.values()
        gone = [
            (subscription_id, w.notification_number) for w in last if w.had_row and w.state == DeliveryState.DELIVERED
        ]
        stays = [
            (subscription_id, w.notification_number, w.state, w.attempts, w.due_at)
            for w in last
            if w.state != DeliveryState.DELIVERED
        ]
        db.executemany(SQL["drop_delivery"], gone)
        db.executemany(SQL["write_delivery"], stays)

    async def deactivate(
        self, lane: Lane, writes: Sequence[DeliveryWrite], cursor: bytes, reason: str, now: Moment
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "park_lane", lane, reason=reason, cursor=cursor)
            self._write_deliveries(db, int(lane.key), writes)
            run(db, "queue_deliveries", subscription_id=int(lane.key))
            run(db, "rouse_replays", subscription_id=int(lane.key), now=now)
            run(db, "stop_subscription", id=int(lane.key), reason=reason, now=now)

        await self._writer.run(work)

    # Reading the log

    async def events(
        self,
        instance_id: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 200,
        skip: int = 0,
        newest_first: bool = False,
    ) -> Sequence[DeliverySummary]:
        name, sequence = ("log_before", before) if newest_first else ("log_after", after or 0)
        values = {"instance_id": instance_id, "sequence": sequence, "limit": limit, "skip": skip}

        def work(db: sqlite3.Connection) -> list[DeliverySummary]:
            return self._summaries(db, instance_id, [rows.notification(row) for row in db.execute(SQL[name], values)])

        return await self._read(work)

    async def event(self, instance_id: int, notification_id: str) -> DeliverySummary | None:
        def work(db: sqlite3.Connection) -> DeliverySummary | None:
            ids = [notification_id]
            with suppress(ValueError):  # a receiver that gets a cut of its own knows it by that one's id
                ids += [id_for(notification_id, each.id) for each in _own_first(db, self._vault, instance_id)]
            for known in ids:
                row = db.execute(SQL["notification"], {"instance_id": instance_id, "id": known}).fetchone()
                if row is not None:
                    return self._summaries(db, instance_id, [rows.notification(row)])[0]
            return None

        return await self._read(work)

    def _summaries(
        self, db: sqlite3.Connection, instance_id: int, found: Sequence[Notification]
    ) -> list[DeliverySummary]:
        standings = [standings_with(db, each, found) for each in _own_first(db, self._vault, instance_id)]

        def summary(notification: Notification) -> DeliverySummary:
            each = tuple(made[notification.number] for made in standings if notification.number in made)
            if not each:
                return DeliverySummary(notification, None, DeliveryState.CREATED, ())
            first = tuple(attempt for attempt in each[0].attempts if not attempt.replay_id)
            return DeliverySummary(notification, each[0].subscription_id, each[0].state, first, each)

        return [summary(notification) for notification in found]


def _own_first(db: sqlite3.Connection, vault: Vault, instance_id: int) -> list[Subscription]:
    """A log's subscriptions, that of the instance's configuration before all others."""
    found = subscription_rows(db, vault, instance_id=instance_id)
    return sorted(found, key=lambda each: (each.source is not Source.INSTANCE, each.id))


def _is_queueing(db: sqlite3.Connection, subscription_id: int) -> bool:
    return bool(one(db, "is_queueing", subscription_id=subscription_id)["queueing"])
