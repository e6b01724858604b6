"""How much happened when?"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from tidings.core.model import Moment
from tidings.store.counting import Tally
from tidings.store.sqlite.database import SQL, Database, one

_OUT_OF_ORDER: Final = 60_000
"""Milliseconds by which what was committed later may be stamped earlier."""


class Counting(Database):
    """The store's part about counting."""

    async def tallies(
        self, instance_ids: Sequence[int], from_at: Moment, to_at: Moment, span_for: int, *, outcomes: bool = False
    ) -> Sequence[Tally]:
        def work(db: sqlite3.Connection) -> list[Tally]:
            first, end = _numbers_between(db, from_at, to_at)
            values = {"first": first, "end": end, "from_at": from_at, "to_at": to_at, "span_for": span_for}
            statement = "tally_outcomes" if outcomes else "tally"
            return [
                Tally(instance_id, row["bucket_at"], row["events"], row["success"] or 0, row["failed"] or 0)
                for instance_id in instance_ids
                for row in db.execute(SQL[statement], values | {"instance_id": instance_id})
            ]

        return await self._read(work)

    async def numbers_between(self, from_at: Moment, to_at: Moment) -> tuple[int, int]:
        return await self._read(lambda db: _numbers_between(db, from_at, to_at))


def _numbers_between(db: sqlite3.Connection, from_at: Moment, to_at: Moment) -> tuple[int, int]:
    return _first_since(db, from_at - _OUT_OF_ORDER), _first_since(db, to_at + _OUT_OF_ORDER + 1)


def _first_since(db: sqlite3.Connection, moment: Moment) -> int:
    """The number of the first notification that was logged then or later, or that will be: halving finds it."""
    low, high = 1, one(db, "last_number")["value"] + 1
    while low < high:
        middle = (low + high) // 2
        found = db.execute(SQL["logged_from"], {"number": middle}).fetchone()
        if found is None or found["created_at"] >= moment:
            high = middle
        else:
            low = found["number"] + 1
    return low
