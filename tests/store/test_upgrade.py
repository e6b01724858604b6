"""Does yesterday's database open today, with all that was in it?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.core.test_notify import CONTEXT, changed
from tests.store.contract import NOW
from tidings.core.model import DeliveryState, LaneKind
from tidings.core.notify import cut
from tidings.core.subscription import Channel, Cut, SigningKey, Source
from tidings.store.migrations.upgrade import HEAD, upgrade_sqlite
from tidings.store.rows import notification_values
from tidings.store.secrets import Vault, load_vault
from tidings.store.sqlite import open_sqlite

ROWS = """
insert into organization values (1, x'00', x'01');
insert into account values (1, 1, 'a@b');
insert into lane values (1, 'poll', 1, 'contacts', 'ready', 0, 3, null, null, 0, null, 'g1', x'7b7d');
insert into lane values (2, 'deliver', 1, '5', 'ready', 0, 3, null, null, 0, null, '', x'7b226f6666736574223a327d');
insert into lane values (3, 'deliver', 2, '6', 'parked', 0, 3, null, null, 0, 'gone', '', x'7b226f6666736574223a317d');
insert into delivery values (5, 1, 'retry', 2, 17);
insert into attempt values (5, 1, 1, 11, 503, 'answered 503', null, '', 0.5);
insert into attempt values (5, 2, 1, 12, 200, null, null, '', 0.5);
"""


def written_by_0003(path: Path, vault: Vault) -> None:
    upgrade_sqlite(path, vault, "0003")
    db = sqlite3.connect(path)
    db.executescript(ROWS)
    for instance_id in (1, 2):
        values = (instance_id, vault.seal(b"{}", "instance.secrets"), vault.seal(b"t", "instance.token"), instance_id)
        db.execute(
            "insert into instance values"
            " (?, 1, 1, 'connectwisecrmrest', 'Acme', '[]', '{}', ?, ?, ?, 0, 1, 1, null, 1, 2)",
            values,
        )
    key = vault.seal(b'canary "key" [', "signature")
    subscription = "insert into subscription values (?, 1, ?, ?, 'https://a.example/', ?, ?, ?, 9)"
    db.execute(subscription, (5, 1, "instance-1-connectwisecrmrest-events", key, 1, None))
    db.execute(subscription, (6, 2, "instance-2-connectwisecrmrest-events", None, 0, "gone"))
    for nth in (1, 2):
        [made] = cut([changed(nth)], nth, nth, CONTEXT)
        names = ("number", "id", "instance_id", "resource", "first_sequence", "last_sequence", "created_at", "events")
        logged = notification_values(made) | {"instance_id": 1}
        marks = ", ".join(f":{name}" for name in (*names, "body"))
        db.execute(f"insert into notification values ({marks})", logged)
    db.commit()
    db.close()


async def test_a_database_of_the_third_schema_keeps_its_rows_and_its_subscriptions(tmp_path: Path):
    path, vault = tmp_path / "t.sqlite3", load_vault(tmp_path / "master.key")
    written_by_0003(path, vault)
    store = await open_sqlite(path, vault)
    try:
        first, second = await store.subscriptions()
        assert (first.id, first.topics, first.url) == (
            5,
            ("instance-1-connectwisecrmrest-events",),
            "https://a.example/",
        )
        assert first.keys == (SigningKey('canary "key" ['),)
        assert (first.source, first.channel, first.cuts, first.concurrency) == (
            Source.INSTANCE,
            Channel.WEBHOOK,
            (Cut(),),
            8,
        )
        assert (second.keys, second.active, second.reason) == ((), False, "gone")
        assert first.stopped_at is None
        assert second.stopped_at is not None
        assert second.stopped_at > NOW - 10**12
        summaries = await store.events(1)
        assert [each.state for each in summaries] == [DeliveryState.RETRY, DeliveryState.DELIVERED]
        assert [[a.replay_id for a in each.attempts] for each in summaries] == [[0], [0]]
        assert [(each.attempt, each.due_at) for each in await store.waiting(5, 9)] == [(2, 17)]
        assert [lane.key for lane in await store.lanes(LaneKind.DELIVER)] == ["5", "6"]
        log = await store.log(1)
        assert log is not None
        assert (log.account_id, log.last_sequence, log.dropped_sequence) == (1, 2, 0)
        assert await store.log(-1) is not None
    finally:
        await store.close()
    assert b"canary" not in path.read_bytes()


async def test_who_was_the_only_user_may_do_everything_and_is_found_as_before(tmp_path: Path):
    path, vault = tmp_path / "t.sqlite3", load_vault(tmp_path / "master.key")
    upgrade_sqlite(path, vault, "0005")
    with sqlite3.connect(path) as db:
        db.execute("insert into organization values (1, ?, x'01')", (vault.seal(b"0rg", "organization"),))
        db.execute("insert into account (id, organization_id, name) values (1, 1, 'a@b')")
        person = (vault.seal(b"us==", "user"), vault.lookup("us=="))
        db.execute("insert into person values (3, 1, 1, 'a@b', 'A', 'B', 'hash', ?, ?)", person)
    db.close()
    store = await open_sqlite(path, vault)
    try:
        user = await store.user_by_secret("us==")
        assert user is not None
        assert user == await store.user_by_email("A@B")
        assert (user.id, user.organization_secret, user.password_hash) == (3, "0rg", "hash")
        assert (user.active, user.account_active, user.in_default_account) == (True, True, True)
        assert user.roles == ("org-admin",)
        assert user.password_at == user.created_at > NOW - 10**12
        [account] = await store.accounts(1)
        assert (account.external_id, account.is_default, account.active) == ("default", True, True)
    finally:
        await store.close()


def test_a_new_database_and_an_upgraded_one_have_the_same_schema(tmp_path: Path):
    vault = load_vault(tmp_path / "master.key")
    written_by_0003(tmp_path / "old", vault)
    upgrade_sqlite(tmp_path / "old", vault)
    upgrade_sqlite(tmp_path / "new", vault)

    def schema(name: str) -> list[tuple[str, str]]:
        db = sqlite3.connect(tmp_path / name)
        found = db.execute("select name, sql from sqlite_master where sql is not null order by name").fetchall()
        [(version,)] = db.execute("select version_num from alembic_version")
        db.close()
        assert version == HEAD
        return found

    assert schema("old") == schema("new")
