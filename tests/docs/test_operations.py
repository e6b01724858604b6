"""Do the operator's commands do what docs/operations.md says?"""

from __future__ import annotations

import json
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.docs.session import Session, environment
from tidings.api.meter import COUNTED
from tidings.api.metrics import GAUGES
from tidings.core.notices import Notice, NoticeKind
from tidings.engine.tell import message
from tidings.store.base import Untold


def secrets(data: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "tidings", "secrets", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_every_series_of_the_example_rules_is_published():
    (rules,) = (each.text for each in blocks((ROOT / "docs/operations.md").read_text()) if "yaml" in each.kind)
    named = set(re.findall(r"tidings_\w+", rules))
    assert len(named) > 5
    assert named - {each.name for each in (*GAUGES, *COUNTED)} == set()


def test_every_kind_of_notice_is_explained():
    page = (ROOT / "docs/operations.md").read_text().partition("## Watching it")[2].partition("### ")[0]
    assert [kind for kind in NoticeKind if f"`{kind}`" not in page] == []


def test_the_example_of_a_notice_has_the_members_of_a_real_one():
    (example,) = (each.text for each in blocks((ROOT / "docs/operations.md").read_text()) if "json" in each.kind)
    said = json.loads(example)
    notice = Notice(12, 1, 7, NoticeKind.PARKED, "contacts", said["notice"]["reason"], 1_790_000_000_000, None)
    _, body = message(Untold(notice, closing=False, tries=0))
    assert json.loads(body) == said


def test_a_backup_opens_a_rotated_key_opens_what_was_sealed_before_and_a_file_is_made_smaller(tmp_path: Path):
    before = secrets(tmp_path / "tidings-data")
    page = (ROOT / "docs/operations.md").read_text()
    backup, rotation, shrinking = (each.text for each in blocks(page) if "bash" in each.kind)
    database = tmp_path / "tidings-data/tidings.db"
    with closing(sqlite3.connect(database)) as db:
        db.executescript("create table big as select randomblob(1000000) as a; drop table big;")
    size = database.stat().st_size
    session = Session(tmp_path, {}, environment())
    try:
        session.run(backup)
        session.run(rotation)
        session.run(shrinking)
    finally:
        session.close()
    assert database.stat().st_size < size - 900_000
    key = tmp_path / "tidings-data/master.key"
    assert [line.partition(":")[0] for line in key.read_text().splitlines()] == ["k2", "k1"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert secrets(tmp_path / "tidings-data") == before
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "tidings-backup.db").rename(restored / "tidings.db")
    (tmp_path / "tidings-backup.key").rename(restored / "master.key")
    assert secrets(restored) == before
