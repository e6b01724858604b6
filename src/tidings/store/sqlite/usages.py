"""Who has called what: calls of the API, kept in batches, listed, counted and purged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tidings.core.model import Moment
from tidings.core.usage import Usage, UsageFilter, UsageTally
from tidings.store.sqlite.database import SQL, Database, run
from tidings.store.usage import LATEST, UsagePlace


class Usages(Database):
    """The store's part about the calls of the API."""

    async def add_usage(self, calls: Sequence[Usage]) -> None:
        values = [asdict(each) for each in calls]
        await self._writer.run(lambda db: db.executemany(SQL["add_usage"], values) and None)

    async def usage(self, account_id: int, request_id: str) -> Usage | None:
        values = {"account_id": account_id, "request_id": request_id}
        row = await self._read(lambda db: db.execute(SQL["usage_of_request"], values).fetchone())
        return Usage(**dict(row)) if row else None

    async def usages(
        self, account_id: int, wanted: UsageFilter, *, after: UsagePlace = LATEST, limit: int = 100, skip: int = 0
    ) -> Sequence[Usage]:
        place = {"after_at": after.at, "after_number": after.number, "limit": limit, "skip": skip}
        values = _wanted(account_id, wanted) | place | {"ok": wanted.ok, "text": _pattern(wanted.text)}
        return await self._read(lambda db: [Usage(**dict(row)) for row in db.execute(SQL["usages"], values)])

    async def usage_tallies(
        self, account_id: int, wanted: UsageFilter, span_for: int, *, by_instance: bool = False
    ) -> Sequence[UsageTally]:
        values = _wanted(account_id, wanted) | {"span_for": span_for, "by_instance": by_instance}

        def work(db: sqlite3.Connection) -> list[UsageTally]:
            return [UsageTally(**dict(row)) for row in db.execute(SQL["tally_usage"], values)]

        return await self._read(work)

    async def purge_usage(self, before: Moment, limit: int) -> int:
        return await self._writer.run(lambda db: run(db, "purge_usage", before=before, limit=limit))


def _wanted(account_id: int, wanted: UsageFilter) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "from_at": wanted.from_at,
        "to_at": wanted.to_at,
        "element_keys": None if wanted.element_keys is None else json.dumps(wanted.element_keys),
        "instance_ids": None if wanted.instance_ids is None else json.dumps(wanted.instance_ids),
    }


def _pattern(text: str | None) -> str | None:
    if text is None:
        return None
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return f"%{text.lower()}%"
