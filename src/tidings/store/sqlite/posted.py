"""What people have posted, and what of any notification they have acknowledged or hidden."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tidings.core.model import LaneKind, Moment, Notification
from tidings.core.posted import Post, cut_post
from tidings.core.subscription import account_log
from tidings.core.topics import instance_in
from tidings.store import rows
from tidings.store.sending import NEWEST, Kept
from tidings.store.sqlite.database import SQL, Database, one, run


class Posted(Database):
    """The store's part about notifications as the platform's notifications API has them."""

    async def post_notification(self, account_id: int, post: Post, now: Moment) -> Notification:
        return await self._writer.run(lambda db: add_post(db, account_id, post, now))

    async def kept(self, account_id: int, number: int) -> Kept | None:
        def work(db: sqlite3.Connection) -> Kept | None:
            row = db.execute(SQL["kept"], {"number": number, "account_id": account_id}).fetchone()
            return _kept(row) if row else None

        return await self._read(work)

    async def kept_of_topics(
        self, account_id: int, topics: Sequence[str], *, before: int = NEWEST, limit: int = 200
    ) -> Sequence[Kept]:
        def work(db: sqlite3.Connection) -> list[Kept]:
            found: list[Kept] = []
            for topic in dict.fromkeys(topics):
                instance_id = _instance_of(db, account_id, topic)
                values = {"before": before, "limit": limit, "topic": topic}
                if instance_id is not None:
                    named = db.execute(SQL["kept_of_instance"], values | {"instance_id": instance_id})
                    found += map(_kept, named)
                posted = db.execute(SQL["kept_of_topic"], values | {"instance_id": account_log(account_id)})
                found += map(_kept, posted)
            return sorted(found, key=lambda each: -each.notification.number)[:limit]

        return await self._read(work)

    async def acknowledge(self, account_id: int, number: int) -> bool:
        values = {"account_id": account_id, "number": number}
        return bool(await self._writer.run(lambda db: run(db, "acknowledge", **values)))

    async def hide(self, account_id: int, number: int, now: Moment) -> bool:
        values = {"account_id": account_id, "number": number, "now": now}
        return bool(await self._writer.run(lambda db: run(db, "hide", **values)))


def add_post(db: sqlite3.Connection, account_id: int, post: Post, now: Moment) -> Notification:
    """Append a notification to an account's log, inside a write."""
    row = db.execute(SQL["take_account_sequence"], {"account_id": account_id}).fetchone()
    if row is None:
        raise LookupError(f"there is no account {account_id}")
    number = one(db, "take_numbers", n=1)["value"]
    made = cut_post(post, account_id, number, row["last_sequence"], now)
    db.execute(SQL["add_notification"], rows.notification_values(made))
    run(db, "wake_lanes", kind=LaneKind.DELIVER, instance_id=made.instance_id, now=now)
    return made


def _instance_of(db: sqlite3.Connection, account_id: int, topic: str) -> int | None:
    """The account's instance whose events are this topic."""
    named = instance_in(topic)
    if named is None:
        return None
    instance_id, element_key = named
    values = {"id": instance_id, "token_lookup": None, "account_id": account_id}
    row = db.execute(SQL["instance_by"], values).fetchone()
    return row["id"] if row and row["element_key"] == element_key else None


def _kept(row: sqlite3.Row) -> Kept:
    return Kept(rows.notification(row), bool(row["acknowledged"]))
