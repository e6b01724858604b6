"""What readings left behind: written with a page's commit or a lane's release, read to explain, purged when old."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from tidings.core.model import Moment
from tidings.core.trail import Entry
from tidings.store import rows
from tidings.store.base import DeliverySummary
from tidings.store.sqlite.database import SQL, run
from tidings.store.sqlite.deliveries import Deliveries


class Trail(Deliveries):
    """The store's part about the trail of a lane."""

    async def trail(
        self, lane_id: int, from_at: Moment, to_at: Moment, after: tuple[Moment, int] = (-1, 0), limit: int = 500
    ) -> Sequence[Entry]:
        values = {
            "lane_id": lane_id,
            "from_at": max(from_at, after[0]),
            "to_at": to_at,
            "after_at": after[0],
            "after_serial": after[1],
            "limit": limit,
        }
        return await self._read(lambda db: [_entry(row) for row in db.execute(SQL["trail"], values)])

    async def trail_since(self, lane_id: int) -> Moment | None:
        def work(db: sqlite3.Connection) -> Moment | None:
            at: Moment | None = db.execute(SQL["trail_since"], {"lane_id": lane_id}).fetchone()["at"]
            return at

        return await self._read(work)

    async def events_numbered(self, instance_id: int, numbers: Iterable[int]) -> Sequence[DeliverySummary]:
        values = {"instance_id": instance_id, "numbers": rows.numbers(numbers)}

        def work(db: sqlite3.Connection) -> list[DeliverySummary]:
            found = [rows.notification(row) for row in db.execute(SQL["notifications_numbered"], values)]
            return self._summaries(db, instance_id, found)

        return await self._read(work)

    async def purge_trail(self, before: Moment, limit: int) -> int:
        return await self._writer.run(lambda db: run(db, "purge_old_trail", before=before, limit=limit))


def add_entry(db: sqlite3.Connection, lane_id: int, entry: Entry | None, numbers: Sequence[int] = ()) -> None:
    """Inside a write transaction; does nothing where there is nothing to tell."""
    if entry is None:
        return
    run(
        db,
        "add_entry",
        lane_id=lane_id,
        at=entry.at,
        serial=entry.serial,
        reading=entry.reading,
        since_at=entry.since_at,
        date_at=entry.date_at,
        page=entry.page,
        rows=entry.rows,
        outside=entry.outside,
        ended=int(entry.ended),
        numbers=rows.numbers(numbers) if numbers else None,
        status=entry.status,
        next_at=entry.next_at,
        failure=entry.failure,
        seen=entry.seen or None,
    )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        reading=row["reading"],
        since_at=row["since_at"],
        date_at=row["date_at"],
        page=row["page"],
        rows=row["rows"],
        outside=row["outside"],
        seen=row["seen"] or b"",
        failure=row["failure"],
        status=row["status"],
        next_at=row["next_at"],
        at=row["at"],
        serial=row["serial"],
        ended=bool(row["ended"]),
        numbers=tuple(json.loads(row["numbers"])) if row["numbers"] else (),
    )
