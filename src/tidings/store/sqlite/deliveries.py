"""The event log as it is delivered and shown: subscriptions, deliveries, attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from tidings.core.model import (
    Delivery,
    DeliveryState,
    DeliveryWrite,
    Lane,
    Moment,
    Notification,
)
from tidings.store import rows
from tidings.store.base import DeliverySummary
from tidings.store.sqlite.database import SQL, Database, fenced, one, run
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
        self, instance_id: int, sequence: int, limit: int, most_bytes: int | None = None
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
            row = db.execute(SQL["notification"], {"instance_id": instance_id, "id": notification_id}).fetchone()
            return self._summaries(db, instance_id, [rows.notification(row)])[0] if row else None

        return await self._read(work)

    def _summaries(
        self, db: sqlite3.Connection, instance_id: int, found: Sequence[Notification]
    ) -> list[DeliverySummary]:
        subscription = next(iter(subscription_rows(db, self._vault, instance_id=instance_id)), None)
        if subscription is None:
            return [DeliverySummary(n, None, DeliveryState.CREATED, ()) for n in found]
        values = {"subscription_id": subscription.id, "numbers": rows.numbers(n.number for n in found)}
        states = {row["number"]: DeliveryState(row["state"]) for row in db.execute(SQL["deliveries_of"], values)}
        # Under the policy `queue`, what comes after something that waits for a person waits as well, without a row.
        untried = DeliveryState.CREATED
        if subscription.active and _is_queueing(db, subscription.id):
            untried = DeliveryState.QUEUED
        attempts: dict[int, list[Any]] = {}
        for row in db.execute(SQL["attempts_of"], values):
            attempts.setdefault(row["number"], []).append(rows.attempt(row))

        def state(number: int) -> DeliveryState:
            if number in states:
                return states[number]
            tried = attempts.get(number, [])
            return DeliveryState.DELIVERED if tried and tried[-1].outcome.ok else untried

        return [DeliverySummary(n, subscription.id, state(n.number), tuple(attempts.get(n.number, ()))) for n in found]


def _is_queueing(db: sqlite3.Connection, subscription_id: int) -> bool:
    return bool(one(db, "is_queueing", subscription_id=subscription_id)["queueing"])
