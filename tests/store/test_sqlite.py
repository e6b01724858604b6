"""SQLite keeps the contract, and what is special to a file on a disk."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from tests.store.bulk import BulkContract
from tests.store.cloning import CloningContract
from tests.store.contract import NOW, created, new_instance, page, plan, row
from tests.store.errands import ErrandContract
from tests.store.ingesting import IngestContract
from tests.store.oauth import GrantContract
from tests.store.people import PeopleContract
from tests.store.using import UsingContract
from tidings.core.errors import InvalidInput
from tidings.core.model import LaneKind
from tidings.store.secrets import Vault, load_vault
from tidings.store.sqlite import open_sqlite


@pytest.fixture
async def store(tmp_path):
    opened = await open_sqlite(tmp_path / "tidings.sqlite3", load_vault(tmp_path / "master.key"))
    yield opened
    await opened.close()


class TestSqlite(CloningContract, IngestContract, PeopleContract):
    pass


class TestUsage(UsingContract):
    pass


class TestErrands(ErrandContract):
    pass


class TestBulk(BulkContract):
    pass


class TestGrants(GrantContract):
    pass


async def test_what_was_committed_is_there_when_the_file_is_opened_again(tmp_path):
    vault = load_vault(tmp_path / "master.key")
    first = await open_sqlite(tmp_path / "t.sqlite3", vault)
    await first.create_instance(new_instance(), plan("contacts"), NOW)
    (lane,) = await first.claim(LaneKind.POLL, "w", NOW, NOW + 1000, 1)
    bodies = {i: b'{"id":%d,"name":"a record long enough for a dictionary"}' % i for i in range(200)}
    await first.commit_page(lane, page([created(1)], [row(i, body) for i, body in bodies.items()]))
    await first.close()
    second = await open_sqlite(tmp_path / "t.sqlite3", load_vault(tmp_path / "master.key"))
    assert await second.snapshots(lane.id, bodies) == bodies
    assert len(await second.log_after(1, 0, 10)) == 1
    await second.close()


async def test_no_secret_stands_in_clear_in_any_file(tmp_path, store):
    await store.create_instance(new_instance(), plan("contacts"), NOW)
    for path in tmp_path.iterdir():
        assert b"canary" not in path.read_bytes(), path


async def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "t.sqlite3"
    with sqlite3.connect(path) as db:
        db.execute("create table alembic_version (version_num text)")
        db.execute("insert into alembic_version values ('9999')")
    db.close()
    with pytest.raises(InvalidInput, match="newer Tidings"):
        await open_sqlite(path, load_vault(tmp_path / "k"))


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "t.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(InvalidInput, match="no SQLite database"):
        await open_sqlite(path, load_vault(tmp_path / "k"))


def test_the_master_key_is_for_its_owner_alone_and_a_new_one_on_top_still_opens_the_old(tmp_path):
    path = tmp_path / "master.key"
    old = load_vault(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = old.seal(b"secret", "purpose")
    path.write_text("k2:" + "A" * 43 + "=\n" + path.read_text())
    new = load_vault(path)
    assert new.open(sealed, "purpose") == b"secret"
    assert new.lookup("x") == old.lookup("x")
    assert new.seal(b"secret", "purpose").startswith(b"k2\0")


def test_a_sealed_secret_opens_only_for_its_purpose_and_with_its_key(tmp_path):
    vault = Vault({"k1": b"1" * 32})
    sealed = vault.seal(b"secret", "one")
    with pytest.raises(InvalidInput):
        vault.open(sealed, "another")
    with pytest.raises(InvalidInput):
        Vault({"k1": b"2" * 32}).open(sealed, "one")
    with pytest.raises(InvalidInput, match="no key named"):
        Vault({"k9": b"2" * 32}).open(sealed, "one")


async def test_the_database_is_for_its_owner_alone(tmp_path, store):
    await store.create_instance(new_instance(), plan("contacts"), NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


async def test_a_secret_setting_of_an_account_is_not_in_the_file_in_clear(tmp_path):
    store = await open_sqlite(tmp_path / "t.sqlite3", load_vault(tmp_path / "master.key"))
    await store.change_account_settings(1, {"notices.key": "canary-notices-key", "x": "y"}, NOW)
    await store.close()
    assert not [each for each in tmp_path.iterdir() if b"canary-notices-key" in each.read_bytes()]
