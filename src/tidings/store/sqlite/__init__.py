"""The store on SQLite: one file, synchronous FULL, commits in groups; a module for each part of the contract."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tidings.store.migrations.upgrade import upgrade_sqlite
from tidings.store.secrets import Vault
from tidings.store.sqlite.accounts import Accounts
from tidings.store.sqlite.bulks import Bulks
from tidings.store.sqlite.clones import Clones
from tidings.store.sqlite.counting import Counting
from tidings.store.sqlite.deliveries import Deliveries
from tidings.store.sqlite.errands import Errands
from tidings.store.sqlite.figures import Figures
from tidings.store.sqlite.grants import Grants
from tidings.store.sqlite.ingesting import Ingesting
from tidings.store.sqlite.instances import Instances
from tidings.store.sqlite.lanes import Lanes
from tidings.store.sqlite.notices import Notices
from tidings.store.sqlite.people import People
from tidings.store.sqlite.posted import Posted
from tidings.store.sqlite.records import Records
from tidings.store.sqlite.replays import Replays
from tidings.store.sqlite.retention import Retention
from tidings.store.sqlite.standings import Standings
from tidings.store.sqlite.subscriptions import Subscriptions
from tidings.store.sqlite.trail import Trail
from tidings.store.sqlite.usages import Usages

__all__ = ["SqliteStore", "open_sqlite"]


class SqliteStore(
    People,
    Accounts,
    Instances,
    Clones,
    Lanes,
    Records,
    Trail,
    Subscriptions,
    Deliveries,
    Standings,
    Posted,
    Ingesting,
    Replays,
    Retention,
    Notices,
    Counting,
    Usages,
    Errands,
    Bulks,
    Grants,
    Figures,
):
    """Keeps every promise of `Store`."""


async def open_sqlite(path: Path, vault: Vault, *, synchronous: str = "full") -> SqliteStore:
    """Open, and bring to the current schema, the database at `path`; its folder is made when missing."""
    await asyncio.to_thread(_prepare, path, vault)
    return SqliteStore(path, vault, synchronous)


def _prepare(path: Path, vault: Vault) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Customers' records are for the owner of the file alone; SQLite gives its other files the same mode.
    path.touch(0o600)
    upgrade_sqlite(path, vault)
