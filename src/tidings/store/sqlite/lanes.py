"""Lanes: who is due, who holds what, until when."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from tidings.core.model import Lane, LaneKind, Moment
from tidings.core.trail import Entry
from tidings.store import rows
from tidings.store.sqlite.database import SQL, Database, fenced, run
from tidings.store.sqlite.trail import add_entry


class Lanes(Database):
    """The store's part about lanes."""

    async def claim(self, kind: LaneKind, owner: str, now: Moment, lease_until: Moment, limit: int) -> Sequence[Lane]:
        values = {"kind": kind, "owner": owner, "now": now, "lease_until": lease_until, "limit": limit}
        found = await self._writer.run(lambda db: db.execute(SQL["claim"], values).fetchall())
        return sorted((rows.lane(row) for row in found), key=lambda lane: (lane.due_at, lane.id))

    async def void_leases(self) -> None:
        await self._writer.run(lambda db: run(db, "void_leases") and None)

    async def next_due(self, kind: LaneKind, now: Moment) -> Moment | None:
        row = await self._read(lambda db: db.execute(SQL["next_due"], {"kind": kind}).fetchone())
        return None if row["at"] is None else int(row["at"])

    async def lanes(self, kind: LaneKind | None = None, instance_id: int | None = None) -> Sequence[Lane]:
        return await self._read(lambda db: [rows.lane(row) for row in lane_rows(db, kind, instance_id)])

    async def renew(self, lane: Lane, lease_until: Moment) -> None:
        await self._writer.run(lambda db: fenced(db, "renew_lane", lane, lease_until=lease_until))

    async def release(
        self,
        lane: Lane,
        *,
        due_at: Moment,
        cursor: bytes | None = None,
        attempt: int = 0,
        reason: str | None = None,
        entry: Entry | None = None,
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "release_lane", lane, cursor=cursor, due_at=due_at, attempt=attempt, reason=reason)
            add_entry(db, lane.id, entry)

        await self._writer.run(work)

    async def park(self, lane: Lane, reason: str, cursor: bytes | None = None, entry: Entry | None = None) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "park_lane", lane, reason=reason, cursor=cursor)
            add_entry(db, lane.id, entry)

        await self._writer.run(work)

    async def park_all(self, lane: Lane, reason: str, cursor: bytes | None = None, entry: Entry | None = None) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "park_lane", lane, reason=reason, cursor=cursor)
            add_entry(db, lane.id, entry)
            run(db, "park_lanes", kind=lane.kind, instance_id=lane.instance_id, reason=reason)

        await self._writer.run(work)

    async def amend(self, lane_id: int, change: Callable[[bytes], bytes], now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            row = db.execute("select cursor from lane where id = ? and state = 'ready'", (lane_id,)).fetchone()
            if row is None:
                return False
            run(db, "amend_lane", id=lane_id, cursor=change(row["cursor"]), now=now)
            return True

        return await self._writer.run(work)

    async def hurry(self, lane_id: int, change: Callable[[Lane], bytes | None], now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            row = db.execute(SQL["idle_lane"], {"id": lane_id}).fetchone()
            cursor = None if row is None else change(rows.lane(row))
            if cursor is None:
                return False
            run(db, "amend_lane", id=lane_id, cursor=cursor, now=now)
            return True

        return await self._writer.run(work)

    async def wake(self, kind: LaneKind, instance_id: int, now: Moment) -> None:
        await self._writer.run(lambda db: run(db, "wake_lanes", kind=kind, instance_id=instance_id, now=now) and None)


def lane_rows(db: sqlite3.Connection, kind: LaneKind | None, instance_id: int | None) -> list[sqlite3.Row]:
    return db.execute(SQL["lanes"], {"kind": kind, "instance_id": instance_id}).fetchall()
