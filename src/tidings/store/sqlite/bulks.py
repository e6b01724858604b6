"""Bulk jobs: what they are about, how far they are, and which rows failed; their rows stand in files."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from tidings.core.bulk import BulkJob, BulkStatus, Direction, Part, RowError, Wanted
from tidings.core.model import Lane, LaneKind, Moment
from tidings.store.bulk import NewBulk
from tidings.store.sqlite.database import SQL, Database, fenced, one, run, run_id

_NEWEST = 2**63 - 1


class Bulks(Database):
    """The store's part about bulk jobs."""

    async def create_bulk(self, new: NewBulk, now: Moment) -> BulkJob:
        def work(db: sqlite3.Connection) -> BulkJob:
            bulk_id = one(
                db,
                "add_bulk",
                account_id=new.account_id,
                user_id=new.user_id,
                instance_id=new.instance_id,
                resource=new.object_name,
                direction=new.direction,
                wanted=msgspec.json.encode(new.wanted).decode(),
                file=new.file,
                callback=new.callback,
                request_id=new.request_id,
                schedule=new.schedule,
                now=now,
                parts=_written(new.parts),
                place=new.place,
            )["id"]
            key = {"kind": LaneKind.BULK, "instance_id": new.instance_id, "key": str(bulk_id)}
            run_id(db, "add_lane", **key, due_at=now, generation="")
            return _job(one(db, "bulk", id=bulk_id))

        return await self._writer.run(work)

    async def bulk(self, bulk_id: int) -> BulkJob | None:
        row = await self._read(lambda db: db.execute(SQL["bulk"], {"id": bulk_id}).fetchone())
        return _job(row) if row else None

    async def bulks(
        self, instance_id: int, *, schedule: str | None = None, before: int | None = None, limit: int = 200
    ) -> Sequence[BulkJob]:
        of = {"instance_id": instance_id, "schedule": schedule}
        values = of | {"before": _NEWEST if before is None else before, "limit": limit}
        return await self._read(lambda db: [_job(row) for row in db.execute(SQL["bulks"], values)])

    async def commit_bulk(
        self,
        lane: Lane,
        job: BulkJob,
        errors: Sequence[RowError] = (),
        *,
        release: bool,
        due_at: Moment = 0,
        lease_until: Moment = 0,
        attempt: int = 0,
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            if release:
                fenced(db, "release_lane", lane, cursor=None, due_at=due_at, attempt=attempt, reason=job.error)
            else:
                fenced(db, "hold_lane", lane, cursor=lane.cursor, lease_until=lease_until, attempt=attempt)
            run(
                db,
                "write_bulk",
                id=job.id,
                status=job.status,
                parts=_written(job.parts),
                place=job.place,
                records=job.records,
                failed=job.failed,
                error=job.error,
                tries=job.tries,
                begun_at=job.begun_at,
                ended_at=job.ended_at,
            )
            for each in errors:
                said = {"said": each.message, "status": each.status, "provider_said": each.providerMessage}
                run(db, "add_bulk_error", bulk_id=job.id, number=each.row, **said)

        await self._writer.run(work)

    async def end_bulk(self, lane: Lane) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "release_lane", lane, cursor=None, due_at=0, attempt=0, reason=None)
            run(db, "drop_bulk_lane", instance_id=lane.instance_id, id=int(lane.key))

        await self._writer.run(work)

    async def cancel_bulk(self, bulk_id: int, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            if not run(db, "cancel_bulk", id=bulk_id, now=now):
                return False
            row = one(db, "bulk", id=bulk_id)
            run(db, "rouse_bulk_lane", instance_id=row["instance_id"], id=bulk_id, now=now)
            return True

        return await self._writer.run(work)

    async def bulk_errors(self, bulk_id: int, after: int, limit: int) -> Sequence[RowError]:
        values = {"bulk_id": bulk_id, "after": after, "limit": limit}
        return await self._read(lambda db: [RowError(*row) for row in db.execute(SQL["bulk_errors"], values)])

    async def removable_bulks(self, before: Moment, limit: int) -> Sequence[BulkJob]:
        values = {"before": before, "limit": limit}
        return await self._read(lambda db: [_job(row) for row in db.execute(SQL["removable_bulks"], values)])

    async def drop_bulk(self, bulk_id: int) -> None:
        def work(db: sqlite3.Connection) -> None:
            row = one(db, "bulk", id=bulk_id)
            if row is not None:
                run(db, "drop_bulk_lane", instance_id=row["instance_id"], id=bulk_id)
                run(db, "drop_bulk_errors", id=bulk_id)
                run(db, "drop_bulk", id=bulk_id)

        await self._writer.run(work)

    async def bulk_files(self) -> frozenset[str]:
        return await self._read(lambda db: frozenset(row["file"] for row in db.execute(SQL["bulk_files"])))


def _written(parts: Sequence[Part]) -> str:
    return msgspec.json.encode(parts).decode()


def _job(row: sqlite3.Row) -> BulkJob:
    values = dict(row)
    parts = tuple(msgspec.json.decode(values.pop("parts"), type=list[Part]))
    wanted = msgspec.json.decode(values.pop("wanted"), type=Wanted)
    values["object_name"] = values.pop("resource")
    direction, status = Direction(values.pop("direction")), BulkStatus(values.pop("status"))
    return BulkJob(**values, direction=direction, status=status, wanted=wanted, parts=parts)
