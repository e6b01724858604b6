"""How the file is opened, read and written: WAL, one writer thread, a few readers."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tidings.core.errors import LeaseLost
from tidings.core.model import Lane
from tidings.store.secrets import Vault
from tidings.store.snapshots import ReaderSnapshots, Snapshots
from tidings.store.sql import load
from tidings.store.writer import Writer

T = TypeVar("T")
SQL = (
    load()
    | load("trail.sql")
    | load("subscriptions.sql")
    | load("sending.sql")
    | load("replaying.sql")
    | load("counting.sql")
    | load("ingesting.sql")
    | load("usage.sql")
    | load("errands.sql")
    | load("bulk.sql")
    | load("oauth.sql")
    | load("clones.sql")
    | load("people.sql")
)
READERS = 3


class Database:
    """One file with its writing thread and its readers."""

    def __init__(self, path: Path, vault: Vault, synchronous: str = "full") -> None:
        self._path, self._vault, self._synchronous = path, vault, synchronous
        self._writer = Writer(self._connect)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._snapshots = Snapshots(SQL["dictionary"], SQL["add_dictionary"])
        self._expanders = ReaderSnapshots(SQL["dictionary"])

    def _connect(self) -> sqlite3.Connection:
        # The readers' connections are closed by whoever closes the store.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        # First, so that a second process waits instead of failing.
        connection.execute("pragma busy_timeout = 10000")
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {self._synchronous}")
        connection.execute("pragma cache_size = -16000")
        connection.execute("pragma temp_store = memory")
        return connection

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._connect()
                connection.execute("pragma query_only = on")
                self._open.append(connection)
            return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def derive(self, purpose: str) -> bytes:
        """What nobody knows who has not the master key: 32 bytes, always the same for a purpose."""
        return self._vault.derive(purpose)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown(wait=True)
        while self._open:
            self._open.pop().close()


def run(db: sqlite3.Connection, statement: str, /, **values: Any) -> int:
    """How many rows the named statement changed."""
    return db.execute(SQL[statement], values).rowcount


def run_id(db: sqlite3.Connection, statement: str, /, **values: Any) -> int:
    """The id of the row the named statement inserted."""
    found = db.execute(SQL[statement], values).lastrowid
    assert found is not None
    return found


def one(db: sqlite3.Connection, statement: str, /, **values: Any) -> sqlite3.Row:
    """The one row that the named statement returns."""
    row: sqlite3.Row = db.execute(SQL[statement], values).fetchone()
    return row


def still_held(db: sqlite3.Connection, lane: Lane) -> None:
    """Raises LeaseLost when the lane's fence has moved, or it was switched off or parked."""
    if not one(db, "holds_lane", id=lane.id, fence=lane.fence)["held"]:
        raise LeaseLost(f"lane {lane.id} ({lane.kind} {lane.key}) has passed to another worker")


def fenced(db: sqlite3.Connection, statement: str, lane: Lane, /, **values: Any) -> None:
    """Run a statement that writes only while the lane's fence stands."""
    if not run(db, statement, id=lane.id, fence=lane.fence, **values):
        raise LeaseLost(f"lane {lane.id} ({lane.kind} {lane.key}) has passed to another worker")
