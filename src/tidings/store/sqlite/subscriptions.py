"""Who wants the events of which log: subscriptions with their lanes, and the settings of accounts."""

from __future__ import annotations

import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tidings.core.accountsettings import SECRET
from tidings.core.deliverycursor import DeliveryCursor, decode, encode
from tidings.core.model import DeliveryState, FailurePolicy, LaneKind, LaneState, Moment
from tidings.core.notices import Stuck
from tidings.core.subscription import Channel, Cut, Subscription
from tidings.store import rows
from tidings.store.secrets import Vault
from tidings.store.sqlite.database import SQL, Database, one, run, run_id
from tidings.store.subscribing import Log, NewSubscription

QUEUE, RETRY = FailurePolicy.QUEUE, FailurePolicy.RETRY


class Subscriptions(Database):
    """The store's part about subscriptions."""

    async def create_subscription(self, new: NewSubscription, now: Moment) -> Subscription:
        return await self._writer.run(lambda db: add_subscription(db, self._vault, new, now))

    async def subscription(self, subscription_id: int) -> Subscription | None:
        return await self._read(lambda db: subscription_row(db, self._vault, subscription_id))

    async def subscriptions(
        self, account_id: int | None = None, *, instance_id: int | None = None, topic: str | None = None
    ) -> Sequence[Subscription]:
        def work(db: sqlite3.Connection) -> list[Subscription]:
            found = subscription_rows(db, self._vault, account_id=account_id, instance_id=instance_id)
            return [each for each in found if topic is None or topic in each.topics]

        return await self._read(work)

    async def update_subscription(
        self, subscription_id: int, change: Callable[[Subscription, int], Subscription], now: Moment
    ) -> Subscription | None:
        def work(db: sqlite3.Connection) -> Subscription | None:
            found = subscription_row(db, self._vault, subscription_id)
            if found is None:
                return None
            last_sequence = one(db, "last_sequence", instance_id=found.instance_id)["last_sequence"]
            changed = replace(change(found, last_sequence), id=found.id)
            run(db, "change_subscription", id=found.id, **rows.subscription_values(changed, self._vault))
            _begin_anew(db, self._vault, found, now)
            return subscription_row(db, self._vault, found.id)

        return await self._writer.run(work)

    async def delete_subscription(self, subscription_id: int, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            found = subscription_row(db, self._vault, subscription_id)
            if found is None:
                return False
            if (lane := _lane(db, found)) is not None:
                run(db, "switch_lane_off", id=lane["id"])
            return bool(run(db, "delete_subscription", id=found.id, now=now))

        return await self._writer.run(work)

    async def reactivate(self, subscription_id: int, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            found = subscription_row(db, self._vault, subscription_id)
            if found is None:
                return False
            start(db, found, now)
            return True

        return await self._writer.run(work)

    async def stop(self, subscription_id: int, reason: str, now: Moment) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            found = subscription_row(db, self._vault, subscription_id)
            if found is None:
                return False
            run(db, "stop_subscription", id=found.id, reason=reason, now=now)
            run(db, "queue_deliveries", subscription_id=found.id)
            run(db, "rouse_replays", subscription_id=found.id, now=now)
            run(db, "stop_lane", instance_id=found.instance_id, key=str(found.id), reason=reason)
            return True

        return await self._writer.run(work)

    async def stuck(self) -> Sequence[Stuck]:
        def stuck(row: sqlite3.Row) -> Stuck:
            error = row["error"] or f"answered {row['status']}"
            return Stuck(row["id"], row["since_at"], row["tries"], error, queued=row["state"] == DeliveryState.QUEUED)

        return await self._read(lambda db: [stuck(row) for row in db.execute(SQL["stuck"])])

    async def log(self, log_id: int) -> Log | None:
        def work(db: sqlite3.Connection) -> Log | None:
            row = db.execute(SQL["log"], {"id": log_id}).fetchone()
            return Log(**dict(row)) if row else None

        return await self._read(work)

    async def logs(self) -> Sequence[Log]:
        return await self._read(lambda db: [Log(**dict(row)) for row in db.execute(SQL["logs"])])

    async def account_settings(self, account_id: int) -> Mapping[str, str]:
        return await self._read(lambda db: _settings(db, self._vault, account_id))

    async def change_account_settings(
        self, account_id: int, changes: Mapping[str, str | None], now: Moment
    ) -> Mapping[str, str]:
        def work(db: sqlite3.Connection) -> Mapping[str, str]:
            before = _settings(db, self._vault, account_id)
            those = subscription_rows(db, self._vault, account_id=account_id)
            for name, value in changes.items():
                if value is None:
                    run(db, "drop_account_setting", account_id=account_id, name=name)
                else:
                    if name in SECRET:
                        value = b64encode(self._vault.seal(value.encode(), rows.SETTING)).decode()
                    run(db, "write_account_setting", account_id=account_id, name=name, value=value)
            after = _settings(db, self._vault, account_id)
            if after != before:
                for each in those:
                    _begin_anew(db, self._vault, each, now)
            return after

        return await self._writer.run(work)


def add_subscription(db: sqlite3.Connection, vault: Vault, new: NewSubscription, now: Moment) -> Subscription:
    """Insert a subscription with its lane, inside a write."""
    log = db.execute(SQL["log"], {"id": new.instance_id}).fetchone()
    if log is None:
        raise LookupError(f"there is no log {new.instance_id}")
    after = log["last_sequence"] if new.after is None else new.after
    wanted = replace(new.filter, resources=new.topics) if new.instance_id < 0 else new.filter
    made = Subscription(
        id=0,
        account_id=new.account_id,
        instance_id=new.instance_id,
        topics=new.topics,
        url=new.url,
        active=True,
        reason=None,
        created_at=now,
        channel=new.channel,
        source=new.source,
        keys=new.keys,
        headers=new.headers,
        basic=new.basic,
        cuts=(Cut(after, new.format, wanted),),
        own_policy=new.own_policy,
        schedule=new.schedule,
        jitter=new.jitter,
        rate=new.rate,
        concurrency=new.concurrency,
    )
    key = {"account_id": made.account_id, "instance_id": made.instance_id}
    how = {"channel": made.channel, "source": made.source, "now": now}
    subscription_id = one(db, "add_subscription", **key, **how, **rows.subscription_values(made, vault))["id"]
    if made.channel is Channel.WEBHOOK:
        lane = run_id(
            db,
            "add_lane",
            kind=LaneKind.DELIVER,
            instance_id=made.instance_id,
            key=str(subscription_id),
            due_at=now,
            generation="",
        )
        # It hears what happens from now on, not what was logged before it came, unless it asks for that.
        run(db, "set_cursor", id=lane, cursor=encode(DeliveryCursor(after)))
    found = subscription_row(db, vault, subscription_id)
    assert found is not None
    return found


def start(db: sqlite3.Connection, subscription: Subscription, now: Moment) -> None:
    """Let a subscription go on, inside a write."""
    run(db, "start_subscription", id=subscription.id)
    run(db, "unqueue_deliveries", subscription_id=subscription.id, now=now)
    run(db, "hasten_deliveries", subscription_id=subscription.id, now=now)
    lane = _lane(db, subscription)
    if lane is not None and lane["state"] != LaneState.OFF:
        cursor = encode(DeliveryCursor(decode(lane["cursor"]).offset))
        run(db, "reopen_lane", id=lane["id"], cursor=cursor, now=now)


def subscription_row(db: sqlite3.Connection, vault: Vault, subscription_id: int) -> Subscription | None:
    row = db.execute(SQL["subscription"], {"id": subscription_id}).fetchone()
    return rows.subscription(row, vault) if row else None


def subscription_rows(
    db: sqlite3.Connection, vault: Vault, *, account_id: int | None = None, instance_id: int | None = None
) -> list[Subscription]:
    """By id: those of a log, of an account, or all."""
    if instance_id is not None:
        found = db.execute(SQL["subscriptions_of_log"], {"instance_id": instance_id})
    elif account_id is not None:
        found = db.execute(SQL["subscriptions_of_account"], {"account_id": account_id})
    else:
        found = db.execute(SQL["every_subscription"])
    made = (rows.subscription(row, vault) for row in found.fetchall())
    return [each for each in made if account_id is None or each.account_id == account_id]


def _begin_anew(db: sqlite3.Connection, vault: Vault, before: Subscription, now: Moment) -> None:
    """A subscription has changed: whoever works for it drops its work and looks at it anew. Where failures no longer
    wait for a person, those that do are tried again, so that nothing passes them."""
    after = subscription_row(db, vault, before.id)
    if after is not None and after.active and (before.policy, after.policy) == (QUEUE, RETRY):
        run(db, "unqueue_deliveries", subscription_id=before.id, now=now)
    if (lane := _lane(db, before)) is not None:
        run(db, "rouse_lane", id=lane["id"], now=now)
    run(db, "rouse_replays", subscription_id=before.id, now=now)


def _lane(db: sqlite3.Connection, subscription: Subscription) -> sqlite3.Row | None:
    values = {"instance_id": subscription.instance_id, "key": str(subscription.id)}
    row: sqlite3.Row | None = db.execute(SQL["delivery_lane"], values).fetchone()
    return row


def _settings(db: sqlite3.Connection, vault: Vault, account_id: int) -> dict[str, str]:
    found = {row["name"]: row["value"] for row in db.execute(SQL["account_settings"], {"account_id": account_id})}
    secret = {name: vault.open(b64decode(found[name]), rows.SETTING).decode() for name in SECRET & found.keys()}
    return found | secret
