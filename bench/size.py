"""How much of the disk do a million records take: what polling needs of each, and what their contents add?"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import limits
from bench.bulk import Bulk, Pattern
from bench.engine import Engine
from bench.figures import Bar, Figure
from bench.processes import cores, sandbox
from bench.scale import Scale

MEGABYTE = 1_000_000
MOST_EACH = 150  #: bytes: 150 MB for a million
PATTERNS = 5000  #: different contacts, which the records repeat under ids and stamps of their own

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes on disk, after a checkpoint: the file without the contents of records, and what those add."""

    state: int
    snapshots: int


async def figures(scale: Scale) -> list[Figure]:
    """The database file of one instance that has read every contact once."""
    records = scale.many_contacts or scale.contacts
    with sandbox(min(PATTERNS, records), cores()[1]) as (account, _):
        contacts = [bytes(raw) for page in limits.pages(account) for raw in _split(page)]
    size = await measured(records, [Pattern.of(contact) for contact in contacts])
    state, added = size.state / MEGABYTE, size.snapshots / MEGABYTE
    raw = sum(map(len, contacts)) / len(contacts)
    most = MOST_EACH * records / MEGABYTE
    return [
        Figure(
            f"size: {records:,} contacts of {raw:,.0f} bytes, read once",
            f"{state:,.1f} MB without snapshots ({size.state / records:.0f} bytes a record); "
            f"snapshots add {added:,.0f} MB ({size.snapshots / records:.0f} bytes a record)",
            bars=(Bar(f"<= {most:,.0f} MB without snapshots", state <= most, gate=True),),
        )
    ]


async def measured(records: int, patterns: Sequence[Pattern]) -> Size:
    """Reads so many records through the real poller and store, and weighs the file."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        async with Bulk(records, patterns).serving() as provider, Engine(Path(folder), provider.account) as engine:
            read = await engine.first_read()
        if read != records:
            raise RuntimeError(f"{read} of {records} records were read")
        return weigh(Path(folder) / "tidings.db", records)


def weigh(database: Path, records: int) -> Size:
    """What the tables with the contents take, by the pages that become free without them; the file is spoilt by it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        for table in ("record", "snapshot"):
            [kept] = db.execute(f"select count(*) from {table}").fetchone()
            if kept != records:
                raise RuntimeError(f"{kept} rows of {table} for {records} records")
        before = _used(db)
        db.execute("pragma secure_delete=off")
        db.execute("drop table snapshot")
        db.execute("drop table dictionary")
        after = _used(db)
    return Size(after, before - after)


def _used(db: sqlite3.Connection) -> int:
    names = ("page_size", "page_count", "freelist_count")
    page, pages, free = (db.execute(f"pragma {name}").fetchone()[0] for name in names)
    return int(page * (pages - free))
