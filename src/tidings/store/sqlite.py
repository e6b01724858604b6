"""The store on SQLite: one file, WAL, synchronous FULL, one writer thread and a few readers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tidings.core.errors import LeaseLost
from tidings.core.model import (
    Delivery,
    DeliveryState,
    DeliveryWrite,
    Instance,
    Known,
    Lane,
    LaneKind,
    LanePlan,
    Moment,
    Notification,
    RecordId,
    Subscription,
    User,
)
from tidings.store import rows
from tidings.store.base import DeliverySummary, NewInstance, PageCommit
from tidings.store.migrations.upgrade import upgrade_sqlite
from tidings.store.secrets import Vault
from tidings.store.snapshots import ReaderSnapshots, Snapshots
from tidings.store.sql import load
from tidings.store.writer import Writer

T = TypeVar("T")
SQL = load()
READERS = 3
CHUNK = 1000  #: ids in one `in (…)`; a constant, so that its statement is compiled once
FAR = 253402300799000  #: 9999-12-31T23:59:59Z: not due until something happens


async def open_sqlite(path: Path, vault: Vault, *, synchronous: str = "full") -> SqliteStore:
    """Open, and bring to the current schema, the database at `path`; its folder is made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(upgrade_sqlite, path)
    return SqliteStore(path, vault, synchronous)


class SqliteStore:
    """Keeps every promise of `Store`."""

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

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.close()
        self._readers.shutdown(wait=True)
        while self._open:
            self._open.pop().close()

    # People

    async def first_user(self, make: Callable[[], User]) -> tuple[User, bool]:
        def work(db: sqlite3.Connection) -> tuple[User, bool]:
            found = self._user(db)
            if found is not None:
                return found, False
            new = make()
            sealed = self._vault.seal(new.organization_secret.encode(), rows.ORGANIZATION)
            lookup = self._vault.lookup(new.organization_secret)
            organization_id = one(db, "add_organization", secret=sealed, secret_lookup=lookup)["id"]
            account_id = one(db, "add_account", organization_id=organization_id, name=new.email)["id"]
            run(
                db,
                "add_user",
                organization_id=organization_id,
                account_id=account_id,
                email=new.email,
                first_name=new.first_name,
                last_name=new.last_name,
                password_hash=new.password_hash,
                secret=self._vault.seal(new.secret.encode(), rows.USER),
                secret_lookup=self._vault.lookup(new.secret),
            )
            made = self._user(db)
            assert made is not None
            return made, True

        return await self._writer.run(work)

    def _user(
        self,
        db: sqlite3.Connection,
        *,
        user_id: int | None = None,
        email: str | None = None,
        lookup: bytes | None = None,
    ) -> User | None:
        row = db.execute(SQL["user_by"], {"id": user_id, "email": email, "secret_lookup": lookup}).fetchone()
        return rows.user(row, self._vault) if row else None

    async def user_by_email(self, email: str) -> User | None:
        return await self._read(lambda db: self._user(db, email=email))

    async def user_by_secret(self, secret: str) -> User | None:
        return await self._read(lambda db: self._user(db, lookup=self._vault.lookup(secret)))

    async def user(self, user_id: int) -> User | None:
        return await self._read(lambda db: self._user(db, user_id=user_id))

    async def open_session(self, token: str, user_id: int, until: Moment) -> None:
        lookup = self._vault.lookup(token)
        await self._writer.run(
            lambda db: run(db, "add_session", token_lookup=lookup, user_id=user_id, until_at=until) and None
        )

    async def user_by_session(self, token: str, now: Moment) -> User | None:
        def work(db: sqlite3.Connection) -> User | None:
            row = db.execute(SQL["session_user"], {"token_lookup": self._vault.lookup(token), "now": now}).fetchone()
            return self._user(db, user_id=row["user_id"]) if row else None

        return await self._read(work)

    # Instances

    async def create_instance(self, new: NewInstance, plan: LanePlan, now: Moment) -> Instance:
        def work(db: sqlite3.Connection) -> Instance:
            row = one(
                db,
                "add_instance",
                account_id=new.account_id,
                user_id=new.user_id,
                token=self._vault.seal(new.token.encode(), rows.TOKEN),
                token_lookup=self._vault.lookup(new.token),
                now=now,
                **self._instance_values(new),
            )
            made = self._instance(db, row["id"])
            self._reconcile(db, made, plan, now)
            return made

        return await self._writer.run(work)

    async def update_instance(self, instance: Instance, plan: LanePlan, now: Moment) -> Instance:
        def work(db: sqlite3.Connection) -> Instance:
            changed = run(
                db,
                "change_instance",
                id=instance.id,
                revision=instance.revision,
                now=now,
                **self._instance_values(instance),
            )
            if not changed:
                raise LeaseLost(f"instance {instance.id} was changed or deleted by somebody else meanwhile")
            made = self._instance(db, instance.id)
            self._reconcile(db, made, plan, now)
            return made

        return await self._writer.run(work)

    def _instance_values(self, value: Instance | NewInstance) -> dict[str, Any]:
        return {
            "element_key": value.element_key,
            "name": value.name,
            "tags": json.dumps(list(value.tags)),
            "configuration": json.dumps(dict(value.configuration)),
            "secrets": self._vault.seal(json.dumps(dict(value.secrets)).encode(), rows.SECRETS),
            "disabled": int(value.disabled),
        }

    def _reconcile(self, db: sqlite3.Connection, instance: Instance, plan: LanePlan, now: Moment) -> None:
        """Bring lanes and subscription in line with the plan."""
        have = {(row["kind"], row["key"]): row["id"] for row in self._lane_rows(db, None, instance.id)}
        want = {(LaneKind.POLL.value, name): plan.generations.get(name, "") for name in plan.resources}
        subscription = db.execute(
            SQL["subscription_by"], {"id": None, "account_id": None, "instance_id": instance.id}
        ).fetchone()
        if plan.callback_url:
            sealed = self._vault.seal(plan.signature_key.encode(), rows.SIGNATURE) if plan.signature_key else None
            if subscription is None:
                topic = f"instance-{instance.id}-{instance.element_key}-events"
                subscription_id = one(
                    db,
                    "add_subscription",
                    account_id=instance.account_id,
                    instance_id=instance.id,
                    topic=topic,
                    url=plan.callback_url,
                    signature_key=sealed,
                    now=now,
                )["id"]
            else:
                subscription_id = subscription["id"]
                run(db, "change_subscription", id=subscription_id, url=plan.callback_url, signature_key=sealed)
                run(db, "unqueue_deliveries", subscription_id=subscription_id, now=now)
            want[(LaneKind.DELIVER.value, str(subscription_id))] = ""
        for (kind, key), generation in want.items():
            if (kind, key) in have:
                run(db, "ready_lane", id=have[kind, key], due_at=now, generation=generation)
                continue
            lane = run_id(
                db, "add_lane", kind=kind, instance_id=instance.id, key=key, due_at=now, generation=generation
            )
            if kind == LaneKind.DELIVER:
                # A receiver that is new hears what happens from now on, not what was logged before it came.
                cursor = json.dumps({"offset": instance.last_sequence}).encode()
                run(db, "set_cursor", id=lane, cursor=cursor)
        for name, lane_id in have.items():
            if name not in want:
                run(db, "switch_lane_off", id=lane_id)

    async def delete_instance(self, instance_id: int, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            gone = run(db, "delete_instance", id=instance_id, now=now)
            for row in self._lane_rows(db, None, instance_id):
                run(db, "switch_lane_off", id=row["id"])
            return bool(gone)

        return await self._writer.run(work)

    def _instance(self, db: sqlite3.Connection, instance_id: int) -> Instance:
        return rows.instance(self._instance_rows(db, instance_id=instance_id)[0], self._vault)

    def _instance_rows(
        self,
        db: sqlite3.Connection,
        *,
        instance_id: int | None = None,
        lookup: bytes | None = None,
        account_id: int | None = None,
    ) -> list[sqlite3.Row]:
        return db.execute(
            SQL["instance_by"], {"id": instance_id, "token_lookup": lookup, "account_id": account_id}
        ).fetchall()

    async def instance(self, instance_id: int) -> Instance | None:
        def work(db: sqlite3.Connection) -> Instance | None:
            found = self._instance_rows(db, instance_id=instance_id)
            return rows.instance(found[0], self._vault) if found else None

        return await self._read(work)

    async def instance_by_token(self, token: str) -> Instance | None:
        def work(db: sqlite3.Connection) -> Instance | None:
            found = self._instance_rows(db, lookup=self._vault.lookup(token))
            return rows.instance(found[0], self._vault) if found else None

        return await self._read(work)

    async def instances(self, account_id: int | None = None) -> Sequence[Instance]:
        return await self._read(
            lambda db: [rows.instance(row, self._vault) for row in self._instance_rows(db, account_id=account_id)]
        )

    async def purge(self, limit: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            for row in db.execute(SQL["deleted_instances"]).fetchall():
                # Snapshots and records find their lane by its row, so lanes go after them, and the instance last.
                for step in (
                    "purge_snapshots",
                    "purge_records",
                    "purge_attempts",
                    "purge_deliveries",
                    "purge_notifications",
                    "purge_dictionaries",
                    "purge_lanes",
                    "purge_subscriptions",
                ):
                    removed = run(db, step, instance_id=row["id"], limit=limit)
                    if removed:
                        return removed
                run(db, "purge_instance", instance_id=row["id"])
                return 1
            return 0

        return await self._writer.run(work)

    # Lanes

    async def claim(self, kind: LaneKind, owner: str, now: Moment, lease_until: Moment, limit: int) -> Sequence[Lane]:
        values = {"kind": kind, "owner": owner, "now": now, "lease_until": lease_until, "limit": limit}
        found = await self._writer.run(lambda db: db.execute(SQL["claim"], values).fetchall())
        return sorted((rows.lane(row) for row in found), key=lambda lane: (lane.due_at, lane.id))

    async def void_leases(self) -> None:
        await self._writer.run(lambda db: run(db, "void_leases") and None)

    async def next_due(self, kind: LaneKind, now: Moment) -> Moment | None:
        row = await self._read(lambda db: db.execute(SQL["next_due"], {"kind": kind}).fetchone())
        return None if row["at"] is None else int(row["at"])

    def _lane_rows(self, db: sqlite3.Connection, kind: LaneKind | None, instance_id: int | None) -> list[sqlite3.Row]:
        return db.execute(SQL["lanes"], {"kind": kind, "instance_id": instance_id}).fetchall()

    async def lanes(self, kind: LaneKind | None = None, instance_id: int | None = None) -> Sequence[Lane]:
        return await self._read(lambda db: [rows.lane(row) for row in self._lane_rows(db, kind, instance_id)])

    async def renew(self, lane: Lane, lease_until: Moment) -> None:
        await self._writer.run(lambda db: fenced(db, "renew_lane", lane, lease_until=lease_until))

    async def release(
        self, lane: Lane, *, due_at: Moment, cursor: bytes | None = None, attempt: int = 0, reason: str | None = None
    ) -> None:
        await self._writer.run(
            lambda db: fenced(db, "release_lane", lane, cursor=cursor, due_at=due_at, attempt=attempt, reason=reason)
        )

    async def park(self, lane: Lane, reason: str, cursor: bytes | None = None) -> None:
        await self._writer.run(lambda db: fenced(db, "park_lane", lane, reason=reason, cursor=cursor))

    async def wake(self, kind: LaneKind, instance_id: int, now: Moment) -> None:
        await self._writer.run(lambda db: run(db, "wake_lanes", kind=kind, instance_id=instance_id, now=now) and None)

    # Records

    async def known(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, Known]:
        wanted = list(ids)

        def work(db: sqlite3.Connection) -> dict[RecordId, Known]:
            cursor = db.cursor()
            cursor.row_factory = None  # plain tuples: the hot path
            found: dict[RecordId, Known] = {}
            for chunk in chunks(wanted):
                for row in cursor.execute(KNOWN, (lane_id, *chunk)):
                    found[row[0]] = Known._make(row[1:])
            return found

        return await self._read(work)

    async def hashes(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, generation: int, limit: int
    ) -> Mapping[bytes, Moment | None]:
        values = {"lane_id": lane_id, "after": after, "upto": upto, "generation": generation, "limit": limit}

        def work(db: sqlite3.Connection) -> dict[bytes, Moment | None]:
            cursor = db.cursor()
            cursor.row_factory = None  # plain tuples: the hot path
            return dict(cursor.execute(SQL["hashes"], values))

        return await self._read(work)

    async def snapshots(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, bytes]:
        wanted = list(ids)

        def work(db: sqlite3.Connection) -> dict[RecordId, bytes]:
            codecs = self._expanders.codecs
            return {
                row["record_id"]: codecs.expand(db, lane_id, row["body"])
                for chunk in chunks(wanted)
                for row in db.execute(BODIES, (lane_id, *chunk))
            }

        return await self._read(work)

    async def live_ids(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, serial: int
    ) -> Sequence[RecordId]:
        values = {"lane_id": lane_id, "after": after, "upto": upto, "serial": serial}
        return await self._read(lambda db: [row[0] for row in db.execute(SQL["live_ids"], values)])

    async def live_count(self, lane_id: int) -> int:
        return await self._read(lambda db: int(db.execute(SQL["live_count"], {"lane_id": lane_id}).fetchone()["n"]))

    async def commit_page(self, lane: Lane, page: PageCommit) -> Sequence[Notification]:
        def work(db: sqlite3.Connection) -> Sequence[Notification]:
            if page.release:
                fenced(
                    db, "release_lane", lane, cursor=page.cursor, due_at=page.due_at, attempt=page.attempt, reason=None
                )
            else:
                fenced(db, "hold_lane", lane, cursor=page.cursor, lease_until=page.lease_until, attempt=page.attempt)
            self._write_records(db, lane.id, page)
            return self._append(db, lane.instance_id, page)

        try:
            return await self._writer.run(work)
        except BaseException:
            self._snapshots.forget(lane.id)
            raise

    def _write_records(self, db: sqlite3.Connection, lane_id: int, page: PageCommit) -> None:
        if not page.records:
            return
        db.executemany(
            SQL["write_record"],
            [
                (lane_id, r.id, r.raw_hash, r.stamp_at, r.rev, r.gone, r.missing, r.generation, page.serial)
                for r in page.records
            ],
        )
        fresh = [(r.id, r.snapshot) for r in page.records if r.snapshot is not None]
        bodies = self._snapshots.compress(db, lane_id, [body for _, body in fresh])
        db.executemany(
            SQL["write_snapshot"], [(lane_id, key, body) for (key, _), body in zip(fresh, bodies, strict=True)]
        )

    def _append(self, db: sqlite3.Connection, instance_id: int, page: PageCommit) -> Sequence[Notification]:
        if not page.changes or page.cut is None:
            return ()
        n = len(page.changes)
        first_sequence = one(db, "take_sequences", n=n, instance_id=instance_id)["last_sequence"] - n + 1
        # A notification holds one change at the least, so n numbers are enough; those not used are skipped.
        first_number = one(db, "take_numbers", n=n)["value"] - n + 1
        cut = page.cut(page.changes, first_sequence, first_number)
        db.executemany(SQL["add_notification"], [rows.notification_values(value) for value in cut])
        run(db, "wake_lanes", kind=LaneKind.DELIVER, instance_id=instance_id, now=page.now)
        return cut

    # Delivery

    def _subscriptions(
        self, db: sqlite3.Connection, subscription_id: int | None, account_id: int | None, instance_id: int | None
    ) -> list[Subscription]:
        values = {"id": subscription_id, "account_id": account_id, "instance_id": instance_id}
        return [rows.subscription(row, self._vault) for row in db.execute(SQL["subscription_by"], values)]

    async def subscription(self, subscription_id: int) -> Subscription | None:
        found = await self._read(lambda db: self._subscriptions(db, subscription_id, None, None))
        return found[0] if found else None

    async def subscriptions(self, account_id: int | None = None) -> Sequence[Subscription]:
        return await self._read(lambda db: self._subscriptions(db, None, account_id, None))

    async def waiting(self, subscription_id: int, limit: int) -> Sequence[Delivery]:
        values = {"subscription_id": subscription_id, "limit": limit}
        return await self._read(
            lambda db: [
                Delivery(
                    subscription_id=subscription_id,
                    notification=rows.notification(row),
                    state=DeliveryState(row["state"]),
                    attempt=row["attempt"],
                    due_at=row["due_at"],
                )
                for row in db.execute(SQL["waiting"], values)
            ]
        )

    async def log_after(self, instance_id: int, sequence: int, limit: int) -> Sequence[Notification]:
        values = {"instance_id": instance_id, "sequence": sequence, "limit": limit}
        return await self._read(lambda db: [rows.notification(row) for row in db.execute(SQL["log_after"], values)])

    async def commit_deliveries(
        self,
        lane: Lane,
        writes: Sequence[DeliveryWrite],
        *,
        cursor: bytes,
        seen: int,
        release: bool,
        due_at: Moment,
        lease_until: Moment,
        attempt: int = 0,
    ) -> None:
        def work(db: sqlite3.Connection) -> None:
            if release:
                newest = one(db, "last_sequence", instance_id=lane.instance_id)["last_sequence"]
                at = 0 if newest > seen else due_at
                fenced(db, "release_lane", lane, cursor=cursor, due_at=at, attempt=attempt, reason=None)
            else:
                fenced(db, "hold_lane", lane, cursor=cursor, lease_until=lease_until, attempt=attempt)
            self._write_deliveries(db, int(lane.key), writes)

        await self._writer.run(work)

    def _write_deliveries(self, db: sqlite3.Connection, subscription_id: int, writes: Sequence[DeliveryWrite]) -> None:
        for write in writes:
            number = write.notification_number
            if write.attempt is not None:
                run(db, "write_attempt", **rows.attempt_values(subscription_id, number, write.attempt))
            if write.state is DeliveryState.DELIVERED:
                run(db, "drop_delivery", subscription_id=subscription_id, number=number)
            else:
                run(
                    db,
                    "write_delivery",
                    subscription_id=subscription_id,
                    number=number,
                    state=write.state,
                    attempt=write.attempts,
                    due_at=write.due_at,
                )

    async def deactivate(self, lane: Lane, writes: Sequence[DeliveryWrite], cursor: bytes, reason: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            fenced(db, "park_lane", lane, reason=reason, cursor=cursor)
            self._write_deliveries(db, int(lane.key), writes)
            run(db, "queue_deliveries", subscription_id=int(lane.key))
            run(db, "stop_subscription", id=int(lane.key), reason=reason)

        await self._writer.run(work)

    # Reading the log

    async def events(
        self, instance_id: int, *, after: int | None = None, limit: int = 200, newest_first: bool = False
    ) -> Sequence[DeliverySummary]:
        def work(db: sqlite3.Connection) -> list[DeliverySummary]:
            name = "log_before" if newest_first else "log_after"
            values = {"instance_id": instance_id, "sequence": after or 0, "limit": limit}
            return self._summaries(db, instance_id, [rows.notification(row) for row in db.execute(SQL[name], values)])

        return await self._read(work)

    async def event(self, instance_id: int, notification_id: str) -> DeliverySummary | None:
        def work(db: sqlite3.Connection) -> DeliverySummary | None:
            row = db.execute(SQL["notification"], {"instance_id": instance_id, "id": notification_id}).fetchone()
            return self._summaries(db, instance_id, [rows.notification(row)])[0] if row else None

        return await self._read(work)

    def _summaries(
        self, db: sqlite3.Connection, instance_id: int, found: Sequence[Notification]
    ) -> list[DeliverySummary]:
        subscription = next(iter(self._subscriptions(db, None, None, instance_id)), None)
        if subscription is None:
            return [DeliverySummary(n, None, DeliveryState.CREATED, ()) for n in found]
        values = {"subscription_id": subscription.id, "numbers": rows.numbers(n.number for n in found)}
        states = {row["number"]: DeliveryState(row["state"]) for row in db.execute(SQL["deliveries_of"], values)}
        attempts: dict[int, list[Any]] = {}
        for row in db.execute(SQL["attempts_of"], values):
            attempts.setdefault(row["number"], []).append(rows.attempt(row))

        def state(number: int) -> DeliveryState:
            if number in states:
                return states[number]
            tried = attempts.get(number, [])
            return DeliveryState.DELIVERED if tried and tried[-1].outcome.ok else DeliveryState.CREATED

        return [DeliverySummary(n, subscription.id, state(n.number), tuple(attempts.get(n.number, ()))) for n in found]


def _in_chunk(columns: str, table: str) -> str:
    marks = ",".join("?" * CHUNK)
    return f"select {columns} from {table} where lane_id = ? and record_id in ({marks})"


KNOWN = _in_chunk("record_id, raw_hash, stamp_at, rev, gone, missing, generation", "record")
BODIES = _in_chunk("record_id, body", "snapshot")


def chunks(ids: Sequence[RecordId]) -> Iterable[list[RecordId | None]]:
    """Pieces of exactly CHUNK, the last filled up with null, which matches nothing."""
    for start in range(0, len(ids), CHUNK):
        piece: list[RecordId | None] = list(ids[start : start + CHUNK])
        yield piece + [None] * (CHUNK - len(piece))


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


def fenced(db: sqlite3.Connection, statement: str, lane: Lane, /, **values: Any) -> None:
    """Run a statement that writes only while the lane's fence stands."""
    if not run(db, statement, id=lane.id, fence=lane.fence, **values):
        raise LeaseLost(f"lane {lane.id} ({lane.kind} {lane.key}) has passed to another worker")
