"""Clones of elements: which has an account?"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tidings.core.errors import LeaseLost
from tidings.core.model import ElementClone, Moment
from tidings.store import rows
from tidings.store.cloning import NewClone
from tidings.store.sqlite.database import SQL, Database, run


class Clones(Database):
    """The store's part about clones."""

    async def add_clone(self, new: NewClone, now: Moment) -> ElementClone | None:
        def work(db: sqlite3.Connection) -> ElementClone | None:
            values = {name: getattr(new, name) for name in ("account_id", "element_key", "key", "name", "description")}
            row = db.execute(SQL["add_clone"], values | {"now": now}).fetchone()
            return None if row is None else clone_rows(db, new.account_id, row["id"])[0]

        return await self._writer.run(work)

    async def clones(self, account_id: int) -> Sequence[ElementClone]:
        return await self._read(lambda db: clone_rows(db, account_id))

    async def change_clone(self, clone: ElementClone) -> bool:
        values = {"name": clone.name, "description": clone.description, "active": int(clone.active)}
        return await self._writer.run(lambda db: bool(run(db, "change_clone", **_which(clone), **values)))

    async def delete_clone(self, clone: ElementClone) -> bool:
        return await self._writer.run(lambda db: bool(run(db, "delete_clone", **_which(clone))))


def clone_rows(db: sqlite3.Connection, account_id: int, row_id: int | None = None) -> list[ElementClone]:
    found = db.execute(SQL["clones"], {"account_id": account_id, "id": row_id}).fetchall()
    return [rows.clone(row) for row in found]


def row_of(db: sqlite3.Connection, clone: ElementClone | None) -> int | None:
    """The row that an instance of this clone refers to; raises LeaseLost when it was deleted meanwhile."""
    if clone is None:
        return None
    if not clone_rows(db, clone.account_id, rows.clone_row(clone.id)):
        raise LeaseLost(f"the element {clone.key} was deleted by somebody else meanwhile")
    return rows.clone_row(clone.id)


def _which(clone: ElementClone) -> dict[str, int]:
    return {"id": rows.clone_row(clone.id), "account_id": clone.account_id}
