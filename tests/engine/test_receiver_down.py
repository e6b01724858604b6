"""What happens to a lane whose receiver is down, back, overloaded, or limited by its owner?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.delivering import KEY, NOW, URL, Scene, Watched, answered, open_scene
from tidings.core.cursor import NEVER
from tidings.core.deliverycursor import decode
from tidings.core.model import DeliveryState, FailurePolicy, LanePlan, LaneState
from tidings.store.base import Store

DAY, HOUR = 86_400_000, 3_600_000


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    opened = await open_scene(tmp_path)
    yield opened
    await opened.store.close()


def refused(post: Any):
    return answered(None, error="could not connect")


def letters(number: int, first: int = 0x4E00) -> list[str]:
    return [chr(first + n) for n in range(number)]


async def live(scene: Scene, until: int, *, every: int = 0, **options: Any) -> None:
    """Work the lane whenever it is due, as the dispatcher does, with a new deliverer each time.

    `every` so many milliseconds at the most, where a test has days to get through.
    """
    for _ in range(2_000):
        lane = await scene.lane()
        if lane.due_at > until or lane.state is not LaneState.READY:
            scene.now = until
            return
        scene.now = max(scene.now, lane.due_at)
        await scene.turn(scene.deliverer(**options))
        scene.now += every
    raise AssertionError("the lane is due again and again")


async def is_open(scene: Scene) -> bool:
    return decode((await scene.lane()).cursor).breaker.is_open


class Subscribed(Watched):
    """The store with a subscription that asks for something of its own."""

    def __init__(self, store: Store, **wishes: Any) -> None:
        super().__init__(store)
        self.wishes = wishes

    async def subscription(self, subscription_id: int):
        found = await self._store.subscription(subscription_id)
        return found and replace(found, **self.wishes)


async def test_a_receiver_that_was_down_for_three_days_gets_everything_at_once_and_in_order_when_it_is_back(
    scene: Scene,
):
    scene.receiver.answer = refused
    for day in range(3):
        await scene.log(*letters(30), *(each + "x" for each in letters(5, 0x5E00)))
        await live(scene, NOW + (day + 1) * DAY - 1, every=HOUR)
    assert await is_open(scene)
    back_at = scene.now
    scene.receiver.answer = lambda post: answered()
    await live(scene, scene.now + 61_000)
    assert len(scene.receiver.accepted) == 3 * 35
    assert scene.now - back_at <= 61_000
    for record in [*letters(30), "x"]:
        sequences = [post.sequence for post in scene.receiver.accepted if record in post.records]
        assert sequences == sorted(sequences)
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}
    assert (await scene.lane()).due_at == NEVER


async def test_while_a_receiver_is_down_nothing_new_is_read_and_it_is_asked_twice_a_minute_at_the_most(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(4))
    await live(scene, NOW + 120_000)
    assert await is_open(scene)
    offset, asked = decode((await scene.lane()).cursor).offset, len(scene.receiver.posts)
    await scene.log(*letters(50, 0x6E00))
    await live(scene, NOW + 720_000)
    assert decode((await scene.lane()).cursor).offset == offset
    assert 9 <= len(scene.receiver.posts) - asked <= 20
    assert {post.records[0] for post in scene.receiver.posts} == set(letters(4))


async def test_a_receiver_that_is_down_for_a_few_seconds_is_tried_by_the_schedule_of_each(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(12))
    await live(scene, NOW + 20_000)
    assert not await is_open(scene)
    assert [scene.sent().count(each) for each in letters(12)] == [3] * 12


async def test_probes_count_for_nothing_until_a_scheduled_try_is_due(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(4))
    await live(scene, NOW + 3_600_000)
    tries = {delivery.attempt for delivery in await scene.store.waiting(1, 10)}
    assert max(tries) <= 6
    assert len(scene.receiver.posts) > 60


async def test_a_receiver_that_stays_away_is_given_up_when_the_schedule_is_used_up(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(4))
    await live(scene, NOW + 5 * DAY, every=HOUR)
    [subscription] = await scene.store.subscriptions()
    assert subscription.reason is not None
    assert "failed 10 times; the last time: could not connect" in subscription.reason
    assert {state for state, _ in (await scene.statuses()).values()} == {"queued"}


async def test_a_notification_that_is_never_accepted_does_not_keep_a_receiver_down(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(4))
    await live(scene, NOW + 600_000)
    assert await is_open(scene)
    scene.receiver.answer = lambda post: answered(500 if post.records == ["一"] else 200)
    await scene.log("new")
    await live(scene, scene.now + 121_000)
    assert not await is_open(scene)
    states = {records: state for records, (state, _) in (await scene.statuses()).items()}
    assert states["一"] == "retry"
    assert {state for records, state in states.items() if records != "一"} == {"delivered"}


async def test_what_a_receiver_never_accepts_is_tried_at_most_twice_as_often_as_its_schedule_says(scene: Scene):
    scene.receiver.answer = lambda post: answered(500 if post.records == ["p"] else 200)
    await scene.log("p")
    for _ in range(300):
        await scene.log("a", "b")
        await live(scene, scene.now + 1_000)
    assert scene.sent().count("p") <= 2 * 5
    assert len(scene.receiver.accepted) == 600


async def test_after_one_success_what_failed_meanwhile_is_due_soon(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(3))
    await live(scene, NOW + 50_000)
    assert not await is_open(scene)
    assert (await scene.lane()).due_at == NOW + 84_000
    scene.receiver.answer = lambda post: answered()
    await scene.log("x")
    await live(scene, scene.now + 4_000)
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}


async def test_what_is_due_since_the_receiver_is_back_stays_due_when_the_worker_dies(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(20))
    await live(scene, NOW + DAY, every=HOUR)
    scene.receiver.answer = lambda post: answered()
    scene.now = (await scene.lane()).due_at

    class Died(Exception):
        pass

    async def die(after: bool) -> None:
        if after:
            raise Died

    with pytest.raises(Died):
        await scene.turn(scene.deliverer(Watched(scene.store, commit_deliveries=die)))
    before = await scene.statuses()
    waiting = {records for records, (state, _) in before.items() if state == "retry"}
    assert waiting
    assert waiting < set(before)
    known = {post.id: post.body for post in scene.receiver.posts}
    first = len(scene.receiver.posts)
    scene.now += 31_000
    await live(scene, scene.now)
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}
    # What was acknowledged before is not sent again, and all else once, as it was.
    again = scene.receiver.posts[first:]
    assert sorted("".join(post.records) for post in again) == sorted(waiting)
    assert {post.id: post.body for post in again}.items() <= known.items()


async def test_a_429_holds_the_whole_lane_and_halves_what_is_sent_at_once(scene: Scene):
    left = 1

    def answer(post: Any):
        nonlocal left
        left, first = 0, left
        return answered(429, retry_after=40) if first else answered()

    scene.receiver.answer = answer
    await scene.log(*letters(60))
    await live(scene, NOW + 39_999)
    assert len(scene.receiver.posts) == 8
    pace = decode((await scene.lane()).cursor).pace
    assert (pace.at_once, pace.held_until) == (4, NOW + 40_000)
    await scene.log("new")
    await live(scene, NOW + 41_000)
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}


async def test_a_receiver_that_only_wants_less_is_not_taken_for_one_that_is_down(scene: Scene):
    scene.receiver.answer = lambda post: answered(429)
    await scene.log(*letters(12))
    await live(scene, NOW + 600_000)
    assert not await is_open(scene)


async def test_a_subscription_with_a_rate_gets_no_more_than_that(scene: Scene):
    await scene.log(*letters(60))
    at: list[int] = []

    def answer(post: Any):
        at.append(scene.now - NOW)
        return answered()

    scene.receiver.answer = answer
    limited = Subscribed(scene.store, rate=10.0)
    while (due_at := (await scene.lane()).due_at) != NEVER:
        scene.now = max(scene.now, due_at)
        await scene.turn(scene.deliverer(limited))
    assert len(at) == 60
    assert 5_000 <= at[-1] <= 6_500
    assert max(sum(start <= moment < start + 1_000 for moment in at) for start in range(0, 6_000, 100)) <= 13


async def test_a_subscription_may_have_less_in_flight_and_a_schedule_of_its_own(scene: Scene):
    hung = scene.receiver.hang("a")
    await scene.log("a", "b", "c")
    shy = Subscribed(scene.store, concurrency=1, schedule=(7.0,))
    running = asyncio.create_task(scene.turn(scene.deliverer(shy)))
    await scene.a_while()
    assert scene.sent() == ["a"]
    scene.receiver.answer = lambda post: answered(503)
    hung.set()
    await running
    assert (await scene.lane()).due_at == NOW + 7_000
    scene.now += 7_000
    await scene.turn(scene.deliverer(shy))
    [subscription] = await scene.store.subscriptions()
    assert subscription.reason is not None
    assert "failed 2 times" in subscription.reason


async def test_under_the_policy_queue_a_failure_stops_the_lane_until_somebody_releases_it(scene: Scene):
    queueing = Subscribed(scene.store, policy=FailurePolicy.QUEUE)
    scene.receiver.answer = lambda post: answered(503 if "a" in post.records else 200)
    await scene.log("a", "ab", "c")
    await scene.turn(scene.deliverer(queueing))
    assert (await scene.lane()).due_at == NEVER
    scene.receiver.answer = lambda post: answered()
    await scene.log("d")
    await scene.turn(scene.deliverer(queueing))
    scene.now += DAY
    assert await scene.turn(scene.deliverer(queueing)) == 0
    states = {records: state for records, (state, _) in (await scene.statuses()).items()}
    assert states == {"a": "queued", "ab": "queued", "c": "delivered", "d": "queued"}
    # As an instance that is changed releases it.
    instance = await scene.store.instance(scene.instance_id)
    assert instance is not None
    await scene.store.update_instance(instance, LanePlan(("contacts",), {"contacts": "g"}, URL, KEY), scene.now)
    await scene.turn(scene.deliverer(queueing))
    assert sorted(scene.sent()[2:]) == ["a", "ab", "d"]
    assert ["".join(post.records) for post in scene.receiver.accepted if "a" in post.records] == ["a", "ab"]
    assert {state for state, _ in (await scene.statuses()).values()} == {DeliveryState.DELIVERED.value}


async def test_bodies_are_held_for_what_is_tried_for_the_first_time_and_for_no_longer(scene: Scene):
    scene.receiver.answer = refused
    await scene.log(*letters(100))
    hung = scene.receiver.hang("z")
    await scene.log("z")
    deliverer = scene.deliverer(window=20, backlog=200)
    running = asyncio.create_task(scene.turn(deliverer))
    while "z" not in scene.sent():
        await asyncio.sleep(0)
    await scene.a_while()
    [notification] = [each for each in await scene.store.log_after(1, 0, 200) if each.events[0].record_id == "z"]
    assert deliverer.room.used == len(notification.body)
    hung.set()
    await running
    assert deliverer.room.used == 0


async def test_a_lane_that_may_hold_a_single_body_still_delivers_everything_in_order(scene: Scene):
    scene.receiver.answer = lambda post: answered(200 if scene.now > NOW else 503)
    await scene.log("a", *["ab"] * 10, "c", "d")
    narrow = {"lane_bytes": 1, "all_bytes": 1}
    await live(scene, NOW + 60_000, **narrow)
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}
    sequences = [post.sequence for post in scene.receiver.accepted if "a" in post.records]
    assert sequences == sorted(sequences)
    assert len(scene.receiver.accepted) == 13
