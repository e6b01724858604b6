"""What is counted and measured of the store, for whoever watches it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tidings.store.base import Backlog, StoreFigures
from tidings.store.sqlite.database import SQL, Database

NOTHING = 2**63 - 1


class Figures(Database):
    """The store's part about itself."""

    async def backlogs(self) -> Sequence[Backlog]:
        def backlog(row: sqlite3.Row) -> Backlog:
            oldest_at = None if row["oldest_at"] == NOTHING else row["oldest_at"]
            return Backlog(row["id"], row["instance_id"], bool(row["active"]), row["events"], oldest_at)

        return await self._read(lambda db: [backlog(row) for row in db.execute(SQL["backlogs"])])

    async def figures(self) -> StoreFigures:
        writer = self._writer
        files = [self._path, self._path.with_name(self._path.name + "-wal")]
        size = await asyncio.to_thread(lambda: sum(map(_size, files)))
        return StoreFigures(writer.waiting, writer.commits, writer.commit_for, size, writer.failure)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
