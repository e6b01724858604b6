"""Do the operator's commands do what docs/operations.md says?"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.docs.session import Session, environment


def secrets(data: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "tidings", "secrets", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_a_backup_opens_and_a_rotated_key_still_opens_what_was_sealed_before(tmp_path: Path):
    before = secrets(tmp_path / "tidings-data")
    backup, rotation = (each.text for each in blocks((ROOT / "docs/operations.md").read_text()) if "bash" in each.kind)
    session = Session(tmp_path, {}, environment())
    try:
        session.run(backup)
        session.run(rotation)
    finally:
        session.close()
    key = tmp_path / "tidings-data/master.key"
    assert [line.partition(":")[0] for line in key.read_text().splitlines()] == ["k2", "k1"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert secrets(tmp_path / "tidings-data") == before
    restored = tmp_path / "restored"
    restored.mkdir()
    (tmp_path / "tidings-backup.db").rename(restored / "tidings.db")
    (tmp_path / "tidings-backup.key").rename(restored / "master.key")
    assert secrets(restored) == before
