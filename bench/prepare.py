"""What is in a data directory before a server starts to work on it?"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.engine import make_instance
from tidings.app import first_user, open_store
from tidings.core.model import LaneKind, Moment
from tidings.settings import load
from tidings.store.sqlite import SqliteStore

HOUR = 3_600_000


def now() -> Moment:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[SqliteStore]:
    """The store of a data directory, with the first user in it; beside a running server it is for reading."""
    settings = load({"data": data, "admin_password": "a-password-of-the-bench"})
    store = await open_store(settings)
    try:
        await first_user(store, settings)
        yield store
    finally:
        await store.close()


async def one_instance(data: Path, account: Mapping[str, str], **configuration: str) -> int:
    """One instance that is due at once; returns its id."""
    async with opened(data) as store:
        return (await make_instance(store, account, now(), **configuration)).id


async def many_instances(data: Path, account: Mapping[str, str], count: int) -> None:
    """Instances of three resources each, none of whose lanes is due within the hour."""
    async with opened(data) as store:
        for number in range(count):
            name = f"Company {number}"
            await make_instance(store, account, now(), name=name, event__objects="contacts,incidents,organizations")
        for kind in LaneKind:
            for lane in await store.claim(kind, "bench", now(), now() + HOUR, 4 * count):
                await store.release(lane, due_at=now() + HOUR)
