"""What is known of each record, and the commit of one page of a reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from tidings.core.model import Known, Lane, Moment, Notification, RecordId
from tidings.store.base import PageCommit
from tidings.store.sqlite.database import SQL, Database, fenced
from tidings.store.sqlite.log import append
from tidings.store.sqlite.trail import add_entry

CHUNK = 1000  #: ids in one `in (…)`; a constant, so that its statement is compiled once


class Records(Database):
    """The store's part about records."""

    async def known(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, Known]:
        wanted = list(ids)

        def work(db: sqlite3.Connection) -> dict[RecordId, Known]:
            cursor = db.cursor()
            cursor.row_factory = None  # plain tuples: the hot path
            found: dict[RecordId, Known] = {}
            for chunk in chunks(wanted):
                for row in cursor.execute(KNOWN, (lane_id, *chunk)):
                    found[row[0]] = Known._make(row[1:])
            return found

        return await self._read(work)

    async def hashes(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, generation: int, limit: int
    ) -> Mapping[bytes, tuple[Moment | None, RecordId]]:
        values = {"lane_id": lane_id, "after": after, "upto": upto, "generation": generation, "limit": limit}

        def work(db: sqlite3.Connection) -> dict[bytes, tuple[Moment | None, RecordId]]:
            cursor = db.cursor()
            cursor.row_factory = None  # plain tuples: the hot path
            return {raw_hash: (stamp_at, key) for raw_hash, stamp_at, key in cursor.execute(SQL["hashes"], values)}

        return await self._read(work)

    async def snapshots(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, bytes]:
        wanted = list(ids)

        def work(db: sqlite3.Connection) -> dict[RecordId, bytes]:
            codecs = self._expanders.codecs
            return {
                row["record_id"]: codecs.expand(db, lane_id, row["body"])
                for chunk in chunks(wanted)
                for row in db.execute(BODIES, (lane_id, *chunk))
            }

        return await self._read(work)

    async def live_ids(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, serial: int, *, hidden: bool = False
    ) -> Sequence[RecordId]:
        values = {"lane_id": lane_id, "after": after, "upto": upto, "serial": serial, "hidden": hidden}
        return await self._read(lambda db: [row[0] for row in db.execute(SQL["live_ids"], values)])

    async def live_count(self, lane_id: int) -> int:
        return await self._read(lambda db: int(db.execute(SQL["live_count"], {"lane_id": lane_id}).fetchone()["n"]))

    async def commit_page(self, lane: Lane, page: PageCommit) -> Sequence[Notification]:
        def work(db: sqlite3.Connection) -> Sequence[Notification]:
            if page.release:
                fenced(
                    db,
                    "release_lane",
                    lane,
                    cursor=page.cursor,
                    due_at=page.due_at,
                    attempt=page.attempt,
                    reason=page.reason,
                )
            else:
                fenced(db, "hold_lane", lane, cursor=page.cursor, lease_until=page.lease_until, attempt=page.attempt)
            self._write_records(db, lane.id, page)
            cut = self._append(db, lane.instance_id, page)
            add_entry(db, lane.id, page.entry, [each.number for each in cut])
            return cut

        try:
            return await self._writer.run(work)
        except BaseException:
            self._snapshots.forget(lane.id)
            raise

    def _write_records(self, db: sqlite3.Connection, lane_id: int, page: PageCommit) -> None:
        if not page.records:
            return
        db.executemany(
            SQL["write_record"],
            [
                (lane_id, r.id, r.raw_hash, r.stamp_at, r.rev, r.gone, r.missing, r.generation, page.serial)
                for r in page.records
            ],
        )
        fresh = [(r.id, r.snapshot) for r in page.records if r.snapshot is not None]
        bodies = self._snapshots.compress(db, lane_id, [body for _, body in fresh])
        db.executemany(
            SQL["write_snapshot"], [(lane_id, key, body) for (key, _), body in zip(fresh, bodies, strict=True)]
        )

    def _append(self, db: sqlite3.Connection, instance_id: int, page: PageCommit) -> Sequence[Notification]:
        if not page.changes or page.cut is None:
            return ()
        return append(db, instance_id, len(page.changes), partial(page.cut, page.changes), page.now)


def _in_chunk(columns: str, table: str) -> str:
    marks = ",".join("?" * CHUNK)
    return f"select {columns} from {table} where lane_id = ? and record_id in ({marks})"


KNOWN = _in_chunk("record_id, raw_hash, stamp_at, rev, gone, missing, generation", "record")
BODIES = _in_chunk("record_id, body", "snapshot")


def chunks(ids: Sequence[RecordId]) -> Iterable[list[RecordId | None]]:
    """Pieces of exactly CHUNK, the last filled up with null, which matches nothing."""
    for start in range(0, len(ids), CHUNK):
        piece: list[RecordId | None] = list(ids[start : start + CHUNK])
        yield piece + [None] * (CHUNK - len(piece))
