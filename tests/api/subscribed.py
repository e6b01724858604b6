"""Brings an API test's world to where there are events, tries to deliver them, and another account."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from tests.api.conftest import ELEMENT, World
from tests.api.test_events import POLLING, _happen
from tidings.core.deliverycursor import DeliveryCursor, encode
from tidings.core.model import Attempt, DeliveryState, DeliveryWrite, LaneKind, Outcome

TOPIC = f"instance-1-{ELEMENT}-events"
URL = "https://app.example/hook"
DOWN = Outcome(503, "the receiver answered 503", None, "", 0.01)
TAKEN = Outcome(200, None, None, "{}", 0.01)

happen = _happen


async def subscribed(world: World, *topics: str, **config: Any) -> dict[str, Any]:
    """A subscription made by way of the API."""
    wanted = {"channel": "webhook", "topics": list(topics or ("ops",)), "config": {"url": URL, **config}}
    answer = await world.client("POST", "/notifications/subscriptions", wanted)
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    return made


async def posted(world: World, topic: str = "ops", **more: Any) -> int:
    """The number of a notification posted by way of the API."""
    answer = await world.client("POST", "/notifications", {"topic": topic, "message": "Hello", **more})
    assert answer.status == 200, answer.body
    return int(answer.json["id"])


async def tried(
    world: World, subscription_id: int, *outcomes: Outcome, log_id: int = 1, stop: str | None = None
) -> None:
    """The next notifications of the log are tried with these outcomes, one try each; `stop` deactivates afterwards."""
    now = world.clock[0]
    lanes = await world.store.claim(LaneKind.DELIVER, "w", now, now + 1000, 100)
    for lane in lanes:
        if lane.key != str(subscription_id):
            await world.store.release(lane, due_at=now)
    lane = next(each for each in lanes if each.key == str(subscription_id))
    found = (await world.store.log_after(log_id, 0, 100))[: len(outcomes)]
    writes = [
        DeliveryWrite(
            each.number,
            Attempt(1, now, outcome),
            DeliveryState.DELIVERED if outcome.ok else DeliveryState.RETRY,
            1,
            now + 3_600_000,
        )
        for each, outcome in zip(found, outcomes, strict=True)
    ]
    cursor = encode(DeliveryCursor(found[-1].last_sequence))
    if stop is not None:
        await world.store.deactivate(lane, writes, cursor, stop, now)
        return
    await world.store.commit_deliveries(
        lane, writes, cursor=cursor, seen=10**6, release=True, due_at=now, lease_until=now
    )


def given_to_another_account(tmp_path: Path, *tables: str) -> None:
    """All rows of these tables belong to account 2 from now on."""
    with sqlite3.connect(tmp_path / "t.sqlite3") as db:
        for table in tables:
            db.execute(f"update {table} set account_id = 2")
    db.close()


__all__ = [
    "DOWN",
    "POLLING",
    "TAKEN",
    "TOPIC",
    "URL",
    "given_to_another_account",
    "happen",
    "posted",
    "subscribed",
    "tried",
]
