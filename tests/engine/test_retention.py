"""What is too old goes, a little at a time, and never what somebody still waits for: a real log, a clock in hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.delivering import Scene, answered, open_scene
from tidings.core.accountsettings import RETENTION
from tidings.engine.meter import Meter
from tidings.engine.retention import DAY, Retention, days_kept
from tidings.store.sending import Dropped

ACCOUNT = 1


class Counted(Meter):
    def __init__(self) -> None:
        self.dropped_notifications = self.lost = 0

    def dropped(self, notifications: int, lost: int) -> None:
        self.dropped_notifications += notifications
        self.lost += lost


@pytest.fixture
async def scene(tmp_path: Path):
    scene = await open_scene(tmp_path)
    await scene.store.change_account_settings(ACCOUNT, {}, scene.now)
    yield scene
    await scene.store.close()


def retention(scene: Scene, **more: Any) -> Retention:
    settings: dict[str, Any] = {"days": 30.0, "clock": lambda: scene.now, "log": scene.lines, "pause": 0.0} | more
    return Retention(scene.store, **settings)


async def kept(scene: Scene) -> list[str]:
    found = await scene.store.log_after(scene.instance_id, 0, 1000)
    return ["".join(event.record_id for event in each.events) for each in found]


async def test_what_was_delivered_goes_when_it_is_older_than_it_is_kept_and_the_log_says_so(scene: Scene):
    await scene.log("ab", "c")
    await scene.turn()
    scene.now += 29 * DAY
    await scene.log("d")
    await scene.turn()
    scene.now += 1 * DAY
    meter = Counted()
    await retention(scene, meter=meter).look()
    assert await kept(scene) == ["ab", "c", "d"]
    scene.now += 1
    await retention(scene, meter=meter).look()
    assert await kept(scene) == ["d"]
    assert (meter.dropped_notifications, meter.lost) == (2, 0)
    told = [fields for event, fields in scene.lines.lines if event == "retention.dropped"]
    assert told == [
        {
            "instance": scene.instance_id,
            "account": ACCOUNT,
            "notifications": 2,
            "events": 3,
            "oldest_sequence": 4,
            "undelivered": {},
        }
    ]
    log = await scene.store.log(scene.instance_id)
    assert log is not None
    assert (log.oldest_sequence, log.oldest_at) == (4, scene.now - 1 * DAY - 1)


async def test_what_an_active_subscription_has_not_got_stays_however_old_it_is(scene: Scene):
    scene.receiver.answer = lambda post: answered(200 if "b" in post.records else 500)
    await scene.log("a", "b")
    await scene.turn()
    scene.now += 1000 * DAY
    await scene.log("c")
    await retention(scene).look()
    assert await kept(scene) == ["a", "b", "c"]
    scene.receiver.answer = lambda post: answered()
    await scene.turn()
    await scene.turn()
    await retention(scene).look()
    assert await kept(scene) == ["c"]


async def test_a_stopped_subscription_holds_its_events_for_as_long_from_when_it_was_stopped(scene: Scene):
    await scene.log("a")
    scene.now += 40 * DAY
    scene.receiver.answer = lambda post: answered(410)
    await scene.turn()
    await scene.log("b")
    scene.now += 30 * DAY
    meter = Counted()
    await retention(scene, meter=meter).look()
    assert await kept(scene) == ["a", "b"]
    scene.now += 1
    await retention(scene, meter=meter).look()
    assert (await kept(scene), meter.lost) == ([], 2)
    (subscription,) = await scene.store.subscriptions(ACCOUNT)
    assert (subscription.active, subscription.dropped_events) == (False, 2)
    await scene.store.reactivate(subscription.id, scene.now)
    (subscription,) = await scene.store.subscriptions(ACCOUNT)
    assert subscription.dropped_events == 0
    scene.receiver.answer = lambda post: answered()
    await scene.log("c")
    await scene.turn()
    assert scene.sent()[-1] == "c"


@pytest.mark.parametrize(("days", "left"), [("0", ["a"]), ("365", ["a"]), ("0.5", []), (None, [])])
async def test_an_account_says_for_how_long_and_nought_is_for_ever(scene: Scene, days: str | None, left: list[str]):
    await scene.store.change_account_settings(ACCOUNT, {RETENTION: days}, scene.now)
    await scene.log("a")
    await scene.turn()
    scene.now += 100 * DAY
    await retention(scene).look()
    assert await kept(scene) == left


async def test_the_servers_default_may_be_to_keep_for_ever(scene: Scene):
    await scene.log("a")
    await scene.turn()
    scene.now += 1000 * DAY
    await retention(scene, days=0.0).look()
    assert await kept(scene) == ["a"]
    assert (days_kept({}, 0.0), days_kept({RETENTION: "7"}, 0.0)) == (0.0, 7.0)


async def test_notices_that_are_over_go_as_well_and_those_that_are_not_stay(scene: Scene):
    store = scene.store
    about = [(scene.instance_id, "polling.parked", resource) for resource in ("contacts", "incidents")]
    (first, _), _ = await store.turn_notices(dict.fromkeys(about, "401"), (), scene.now, tell=True)
    await store.turn_notices({}, [first.id], scene.now + 1000, tell=True)
    scene.now += 30 * DAY + 1000
    await retention(scene).look()
    assert [each.subject for each in await store.notices(ACCOUNT)] == ["incidents", "contacts"]
    assert [each.notice.subject for each in await store.untold(scene.now, 9)] == ["contacts"]
    scene.now += 1
    await retention(scene).look()
    assert [each.subject for each in await store.notices(ACCOUNT)] == ["incidents"]
    assert list(await store.untold(scene.now, 9)) == []


async def test_a_batch_that_keeps_others_waiting_is_followed_by_smaller_ones_and_quick_ones_by_larger(scene: Scene):
    await scene.log("a")
    scene.now += 100 * DAY
    asked: list[int] = []
    took = [0.5, 0.5, 0.5, 0.001, 0.001, 0.015, 0.015]

    class Slow:
        logs, account_settings = scene.store.logs, scene.store.account_settings
        drop_notices = scene.store.drop_notices

        async def drop_before(self, log_id: int, before: int, limit: int) -> Dropped:
            if log_id < 0 or not took:
                return Dropped(0, None, {})
            asked.append(limit)
            return Dropped(limit, len(asked), {}, took.pop(0))

    store: Any = Slow()
    await Retention(store, days=30, clock=lambda: scene.now, log=scene.lines, pause=0.0).look()
    assert asked == [50, 5, 1, 1, 2, 4, 4]


async def test_many_are_dropped_in_several_batches_and_one_look(scene: Scene):
    await scene.log(*["a"] * 130)
    while await scene.turn():
        pass
    scene.now += 31 * DAY
    await retention(scene, hold_for=1000.0).look()
    assert await kept(scene) == []


async def test_a_store_that_fails_is_logged_and_looked_at_again(scene: Scene):
    looked = asyncio.Event()

    class Broken:
        async def logs(self) -> Any:
            if scene.lines.lines:
                looked.set()
            raise OSError("disk full")

    store: Any = Broken()
    looking = asyncio.create_task(Retention(store, days=1, clock=lambda: 0, log=scene.lines, look_every=0.0).loop())
    await asyncio.wait_for(looked.wait(), 10)
    looking.cancel()
    assert scene.lines.lines[0][0] == "retention.failed"
