"""Does the state of many records stay within its limit on disk?"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from bench.bulk import Pattern, plain_patterns
from bench.size import MOST_EACH, measured, weigh

RECORDS = 20_000


async def test_what_polling_needs_of_a_record_takes_150_bytes_at_most():
    size = await measured(RECORDS, plain_patterns())
    assert size.state / RECORDS <= MOST_EACH
    assert size.snapshots / RECORDS > 50, "contents were kept as well"


def test_the_weight_without_snapshots_is_that_of_all_other_pages(tmp_path):
    with closing(sqlite3.connect(tmp_path / "x.db")) as db:
        for table in ("record", "snapshot", "dictionary"):
            db.execute(f"create table {table} (body blob)")
        db.execute("insert into record values (zeroblob(40960))")
        db.execute("insert into snapshot values (zeroblob(409600))")
        db.commit()
    size = weigh(tmp_path / "x.db", 1)
    assert 40_960 <= size.state < 81_920
    assert 409_600 <= size.snapshots < 450_560


def test_a_pattern_keeps_all_of_a_contact_but_its_id_and_its_stamp():
    pattern = Pattern.of(b'{"id":7,"a":{"id":8},"_info":{"lastUpdated":"2019-01-16T10:17:45Z","updatedBy":"x"}}')
    assert pattern == Pattern(b',"a":{"id":8},"_info":{"lastUpdated":', b',"updatedBy":"x"}}')
    with pytest.raises(ValueError, match="no id and stamp"):
        Pattern.of(b"{}")
