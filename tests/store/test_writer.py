"""What the one writer says of itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tidings.store.writer import Writer


class Full(sqlite3.Connection):
    """A disk that is full while `full` says so."""

    full = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql == "commit" and Full.full:
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, *values)


async def test_a_commit_that_could_not_be_made_is_remembered_until_something_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "t.db", isolation_level=None, check_same_thread=False, factory=Full)

    writer = Writer(connect)
    await writer.run(lambda db: db.execute("create table t (n integer)"))
    assert writer.failure is None
    monkeypatch.setattr(Full, "full", True)
    with pytest.raises(sqlite3.OperationalError):
        await writer.run(lambda db: db.execute("insert into t values (1)"))
    assert writer.failure == "database or disk is full"
    monkeypatch.setattr(Full, "full", False)
    await writer.run(lambda db: db.execute("select 1"))
    assert writer.failure == "database or disk is full"
    await writer.run(lambda db: db.execute("insert into t values (1)"))
    assert (writer.failure, writer.waiting) == (None, 0)
    assert writer.commits == 4
    writer.close()


async def test_a_disk_that_is_full_in_the_middle_of_a_write_is_told_as_that_and_keeps_nothing_of_the_group(
    tmp_path: Path,
) -> None:
    writer = Writer(lambda: sqlite3.connect(tmp_path / "t.db", isolation_level=None, check_same_thread=False))
    await writer.run(lambda db: db.execute("create table t (n integer, body blob)"))
    pages = await writer.run(lambda db: db.execute("pragma page_count").fetchone()[0])
    await writer.run(lambda db: db.execute(f"pragma max_page_count = {pages + 2}").fetchall())
    small, large = b"x", b"x" * 1_000_000

    def put(body: bytes) -> Callable[[sqlite3.Connection], object]:
        return lambda db: db.execute("insert into t values (1, ?)", (body,))

    jobs = [writer.run(put(body)) for body in (small, large)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert {str(each) for each in outcomes if isinstance(each, Exception)} == {"database or disk is full"}
    assert writer.failure == "database or disk is full"
    kept = await writer.run(lambda db: db.execute("select count(*) from t").fetchone()[0])
    assert kept == sum(not isinstance(each, Exception) for each in outcomes)
    await writer.run(lambda db: db.execute("insert into t values (1, ?)", (small,)))
    assert writer.failure is None
    writer.close()
