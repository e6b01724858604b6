"""What a person was told of, and what their receiver has not acknowledged yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from tidings.core.model import Moment
from tidings.core.notices import Notice, Subject
from tidings.store import rows
from tidings.store.base import Untold
from tidings.store.sqlite.database import SQL, Database, run


class Notices(Database):
    """The store's part about notices."""

    async def open_notices(self) -> Sequence[Notice]:
        return await self._read(lambda db: [rows.notice(row) for row in db.execute(SQL["open_notices"])])

    async def turn_notices(
        self, opening: Mapping[Subject, str], closing: Sequence[int], now: Moment, *, tell: bool
    ) -> tuple[Sequence[Notice], Sequence[Notice]]:
        def work(db: sqlite3.Connection) -> tuple[list[Notice], list[Notice]]:
            opened, closed = list[Notice](), list[Notice]()
            for notice_id in closing:
                end = {"id": notice_id, "now": now, "told": 0 if tell else 2}
                closed += [rows.notice(row) for row in db.execute(SQL["close_notice"], end).fetchall()]
            for (instance_id, kind, subject), reason in opening.items():
                about = {"instance_id": instance_id, "kind": kind, "subject": subject, "reason": reason}
                values = about | {"now": now, "told": 0 if tell else 1}
                opened += [rows.notice(row) for row in db.execute(SQL["open_notice"], values).fetchall()]
            return opened, closed

        return await self._writer.run(work)

    async def notices(
        self,
        account_id: int,
        *,
        instance_id: int | None = None,
        open_only: bool = False,
        before: int | None = None,
        limit: int = 200,
        skip: int = 0,
    ) -> Sequence[Notice]:
        values = {
            "account_id": account_id,
            "instance_id": instance_id,
            "open_only": open_only,
            "before": before,
            "limit": limit,
            "skip": skip,
        }
        return await self._read(lambda db: [rows.notice(row) for row in db.execute(SQL["notices"], values)])

    async def drop_notices(self, account_id: int, before: Moment, limit: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            values = {"account_id": account_id, "before": before}
            return run(db, "drop_notices", **values, limit=limit) + run(db, "end_telling", **values)

        return await self._writer.run(work)

    async def untold(self, now: Moment, limit: int) -> Sequence[Untold]:
        values = {"now": now, "limit": limit}
        return await self._read(
            lambda db: [
                Untold(rows.notice(row), closing=row["told"] > 0, tries=row["tries"])
                for row in db.execute(SQL["untold"], values)
            ]
        )

    async def told(self, untold: Untold) -> None:
        values = {"id": untold.notice.id, "told": 2 if untold.closing else 1}
        await self._writer.run(lambda db: run(db, "told", **values) and None)

    async def not_told(self, untold: Untold, due_at: Moment) -> None:
        values = {"id": untold.notice.id, "told": 1 if untold.closing else 0, "due_at": due_at}
        await self._writer.run(lambda db: run(db, "not_told", **values) and None)
