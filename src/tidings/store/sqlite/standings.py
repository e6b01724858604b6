"""Where does each notification stand with each subscription?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidings.core.cutting import cut_for
from tidings.core.model import Attempt, DeliveryState, Moment, Notification
from tidings.core.subscription import Subscription
from tidings.store import rows
from tidings.store.sending import NEWEST, Standing
from tidings.store.sqlite.database import SQL, Database, one
from tidings.store.sqlite.subscriptions import start, subscription_row, subscription_rows

_OPEN = (DeliveryState.QUEUED, DeliveryState.RETRY)


class Standings(Database):
    """The store's part about where deliveries stand."""

    async def standings(self, account_id: int, number: int) -> Sequence[Standing]:
        def work(db: sqlite3.Connection) -> list[Standing]:
            row = db.execute(SQL["kept"], {"number": number, "account_id": account_id}).fetchone()
            if row is None:
                return []
            notification = rows.notification(row)
            found = subscription_rows(db, self._vault, instance_id=notification.instance_id)
            return [made for each in found for made in standings_with(db, each, [notification]).values()]

        return await self._read(work)

    async def deliveries(
        self,
        account_id: int,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        url: str | None = None,
        subscription_id: int | None = None,
        before: int = NEWEST,
        limit: int = 200,
    ) -> Sequence[Standing]:
        def work(db: sqlite3.Connection) -> list[Standing]:
            found: list[Standing] = []
            for each in self._selected(db, account_id, channel, url):
                if subscription_id in (None, each.id):
                    found += _newest(db, each, state, before, limit)
            return sorted(found, key=lambda made: (-made.number, made.subscription_id))[:limit]

        return await self._read(work)

    async def redeliver(
        self,
        account_id: int,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        url: str | None = None,
        now: Moment,
    ) -> Sequence[int]:
        def work(db: sqlite3.Connection) -> list[int]:
            gone_on: list[int] = []
            for each in self._selected(db, account_id, channel, url):
                states = [one_of for one_of in _OPEN if state in (None, one_of)]
                waits = any(_rows_in(db, each, one_of, NEWEST, 1) for one_of in states)
                if waits or (not each.active and DeliveryState.QUEUED in states):
                    start(db, each, now)
                    gone_on.append(each.id)
            return gone_on

        return await self._writer.run(work)

    async def redrive(self, subscription_id: int, since: Moment, now: Moment) -> int:
        def work(db: sqlite3.Connection) -> int:
            found = subscription_row(db, self._vault, subscription_id)
            if found is None:
                return 0
            failed = int(one(db, "failed_since", subscription_id=found.id, since=since)["n"])
            if failed:
                start(db, found, now)
            return failed

        return await self._writer.run(work)

    def _selected(
        self, db: sqlite3.Connection, account_id: int, channel: str | None, url: str | None
    ) -> list[Subscription]:
        found = subscription_rows(db, self._vault, account_id=account_id)
        return [each for each in found if channel in (None, each.channel) and url in (None, each.url)]


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a subscription is, and what becomes of what it was not sent yet."""

    offset: int
    untried: DeliveryState


def standings_with(
    db: sqlite3.Connection, subscription: Subscription, notifications: Sequence[Notification]
) -> dict[int, Standing]:
    """Where these stand with one subscription, by number; what it does not get is left out."""
    place = _place(db, subscription)
    values = {"subscription_id": subscription.id, "numbers": rows.numbers(n.number for n in notifications)}
    states = {row["number"]: DeliveryState(row["state"]) for row in db.execute(SQL["deliveries_of"], values)}
    attempts: dict[int, list[Attempt]] = {}
    for row in db.execute(SQL["attempts_of"], values):
        attempts.setdefault(row["number"], []).append(rows.attempt(row))
    found: dict[int, Standing] = {}
    for notification in notifications:
        number = notification.number
        tried = attempts.get(number, [])
        first = [each for each in tried if not each.replay_id]
        if number in states:
            state = states[number]
        elif first and first[-1].outcome.ok:
            state = DeliveryState.DELIVERED
        elif notification.last_sequence > place.offset and cut_for(subscription, notification) is not None:
            state = place.untried
        elif tried:
            state = DeliveryState.DELIVERED if tried[-1].outcome.ok else DeliveryState.CREATED
        else:
            continue
        at = tried[-1].at if tried else notification.created_at
        found[number] = Standing(number, subscription.id, state, notification.created_at, at, tuple(tried))
    return found


def _place(db: sqlite3.Connection, subscription: Subscription) -> _Place:
    key = {"instance_id": subscription.instance_id, "key": str(subscription.id)}
    lane = db.execute(SQL["delivery_offset"], key).fetchone()
    queueing = one(db, "is_queueing", subscription_id=subscription.id)["queueing"]
    # What comes after something that waits for a person waits as well, without a row.
    untried = DeliveryState.QUEUED if queueing or not subscription.active else DeliveryState.CREATED
    return _Place(lane["offset"] if lane else 0, untried)


def _newest(
    db: sqlite3.Connection, subscription: Subscription, state: DeliveryState | None, before: int, limit: int
) -> list[Standing]:
    """The newest in this state, at most so many: each state is looked for where it can be."""
    if state is DeliveryState.RETRY:
        return _read(db, subscription, _rows_in(db, subscription, state, before, limit))
    if state is DeliveryState.DELIVERED:
        return _walk(db, subscription, "attempted", state, before, limit)
    found = _walk(db, subscription, "log_down", state, before, limit) if state is None else []
    if state in (DeliveryState.CREATED, DeliveryState.QUEUED):
        found = _untried(db, subscription, state, before, limit)
        if state is DeliveryState.QUEUED:
            found += _read(db, subscription, _rows_in(db, subscription, state, before, limit))
    made = {each.number: each for each in found}
    return sorted(made.values(), key=lambda each: -each.number)[:limit]


def _rows_in(
    db: sqlite3.Connection, subscription: Subscription, state: DeliveryState, before: int, limit: int
) -> list[int]:
    values = {"subscription_id": subscription.id, "state": state, "before": before, "limit": limit}
    return [row["number"] for row in db.execute(SQL["deliveries_in_state"], values)]


def _untried(
    db: sqlite3.Connection, subscription: Subscription, state: DeliveryState, before: int, limit: int
) -> list[Standing]:
    """Of what lies beyond the offset, newest first."""
    place = _place(db, subscription)
    if place.untried is not state:
        return []
    return _walk(db, subscription, "log_down", state, before, limit, place.offset)


def _walk(
    db: sqlite3.Connection,
    subscription: Subscription,
    statement: str,
    state: DeliveryState | None,
    before: int,
    limit: int,
    offset: int = -1,
) -> list[Standing]:
    """Down from `before`, batch by batch, until there are enough or the offset is reached."""
    found: list[Standing] = []
    while len(found) < limit:
        values = {"instance_id": subscription.instance_id, "subscription_id": subscription.id}
        batch = db.execute(SQL[statement], values | {"before": before, "limit": limit}).fetchall()
        if not batch:
            break
        before = batch[-1]["number"]
        if statement == "log_down":
            notifications = [rows.notification(row) for row in batch]
        else:
            notifications = _notifications(db, (row["number"] for row in batch))
        beyond = [each for each in notifications if each.last_sequence > offset]
        made = standings_with(db, subscription, beyond)
        found += [made[each.number] for each in beyond if each.number in made]
        if state is not None:
            found = [each for each in found if each.state is state]
        if len(beyond) < len(notifications):
            break
    return found[:limit]


def _read(db: sqlite3.Connection, subscription: Subscription, numbers: Iterable[int]) -> list[Standing]:
    return list(standings_with(db, subscription, _notifications(db, numbers)).values())


def _notifications(db: sqlite3.Connection, numbers: Iterable[int]) -> list[Notification]:
    found = (db.execute(SQL["numbered"], {"number": number}).fetchone() for number in numbers)
    return [rows.notification(row) for row in found if row is not None]
