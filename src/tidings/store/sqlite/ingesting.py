"""What is sent to us, on its way into the log of its instance."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from tidings.core.model import Moment, Notification
from tidings.store.ingesting import ArrivalCutter
from tidings.store.sqlite.database import SQL, Database, one
from tidings.store.sqlite.log import append


class Ingesting(Database):
    """The store's part about what is sent to us."""

    async def ingest(
        self, instance_id: int, cut: ArrivalCutter, events: int, now: Moment, known_id: str | None = None
    ) -> Sequence[Notification] | None:
        def work(db: sqlite3.Connection) -> Sequence[Notification] | None:
            found = one(db, "receiving", instance_id=instance_id, known_id=known_id)
            if not found["there"]:
                return None
            return () if found["known"] else append(db, instance_id, events, cut, now)

        return await self._writer.run(work)

    async def configurations(self, element_key: str) -> Sequence[tuple[int, Mapping[str, str | None]]]:
        def work(db: sqlite3.Connection) -> list[tuple[int, Mapping[str, str | None]]]:
            found = db.execute(SQL["configurations"], {"element_key": element_key})
            return [(row["id"], json.loads(row["configuration"])) for row in found]

        return await self._read(work)
