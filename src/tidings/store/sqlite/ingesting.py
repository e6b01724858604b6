"""What is sent to us, on its way into the log of its instance."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence

import orjson

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

    async def mentioning(
        self, instance_id: int, resource: str, record_id: str, first: int, end: int, limit: int
    ) -> Sequence[int]:
        # A record's id is the last of what is kept of an event (rows.notification_values).
        sought = re.sub(r"([!%_])", r"!\1", orjson.dumps(record_id).decode())
        values = {
            "instance_id": instance_id,
            "resource": resource,
            "sought": f"%,{sought}]%",
            "first": first,
            "end": end,
            "limit": limit,
        }
        return await self._read(lambda db: [row["number"] for row in db.execute(SQL["mentioning"], values)])

    async def configurations(self, element_key: str) -> Sequence[tuple[int, Mapping[str, str | None]]]:
        def work(db: sqlite3.Connection) -> list[tuple[int, Mapping[str, str | None]]]:
            found = db.execute(SQL["configurations"], {"element_key": element_key})
            return [(row["id"], json.loads(row["configuration"])) for row in found]

        return await self._read(work)
