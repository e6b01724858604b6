"""What people change while deliveries are on their way: does whoever works on them notice, and does nothing get lost?

Each of these was found by a seeded history (tests/simulation/test_delivery.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.delivering import LEASE, NOW, Lines, Post, Receiver, Scene, Watched, answered, open_scene
from tidings.core.model import EventType, FailurePolicy, Lane, LaneKind, LaneState, User
from tidings.core.posted import Post as Posted
from tidings.core.replay import ReplayState
from tidings.core.subscription import Filter, account_log, changed_cut
from tidings.engine.dispatch import Dispatcher
from tidings.engine.replay import Replayer
from tidings.store.sending import NewReplay
from tidings.store.subscribing import NewSubscription

OTHER = "https://other.example/hook"


class Tolerant(Receiver):
    """One that takes any body."""

    async def __call__(self, url, headers, body, /):
        post = Post(url, headers, body)
        self.posts.append(post)
        return self.answer(post)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    opened = await open_scene(tmp_path)
    yield opened
    await opened.store.close()


async def with_policy(scene: Scene, policy: FailurePolicy | None) -> None:
    await scene.store.update_subscription(1, lambda found, last: replace(found, own_policy=policy), scene.now)


async def test_what_is_posted_has_the_same_id_when_it_is_tried_again(scene: Scene):
    scene.receiver = Tolerant(lambda post: answered(503))
    user, _ = await scene.store.first_user(lambda: User(0, 0, 0, "a@b", "A", "B", "h", "s", "o"))
    await scene.store.create_subscription(
        NewSubscription(user.account_id, account_log(user.account_id), ("ops",), OTHER), NOW
    )
    await scene.store.post_notification(user.account_id, Posted("low", "ops", "text", "me"), NOW)
    for _ in range(3):
        await scene.turn()
        scene.now += 64_000
    assert len(scene.receiver.posts) == 3
    assert len({post.id for post in scene.receiver.posts}) == 1


@pytest.mark.parametrize("whose", ["the subscription's", "the account's"])
async def test_when_failures_no_longer_wait_for_a_person_nothing_passes_those_that_did(scene: Scene, whose: str):
    name = "notification.webhook.failure.policy"
    if whose == "the account's":
        await scene.store.change_account_settings(1, {name: "queue"}, scene.now)
    else:
        await with_policy(scene, FailurePolicy.QUEUE)
    scene.receiver.answer = lambda post: answered(503)
    await scene.log("a")
    await scene.turn()
    await scene.log("a")
    assert await scene.turn() == 0 or scene.sent() == ["a"]
    scene.receiver.answer = lambda post: answered()
    if whose == "the account's":
        await scene.store.change_account_settings(1, {name: "retry"}, scene.now)
    else:
        await with_policy(scene, FailurePolicy.RETRY)
    await scene.turn()
    assert [post.sequence for post in scene.receiver.posts] == [1, 1, 2]


async def test_whoever_goes_on_begins_every_schedule_anew(scene: Scene):
    await scene.store.update_subscription(1, lambda found, last: replace(found, schedule=(4.0,)), scene.now)
    scene.receiver.answer = lambda post: answered(503)
    await scene.log("a")
    await scene.turn()
    await scene.store.reactivate(1, scene.now)
    await scene.turn()
    assert (await scene.lane()).state is LaneState.READY, "that was its first try since it goes on"
    scene.now += 4_000
    await scene.turn()
    assert (await scene.lane()).state is LaneState.PARKED


async def replaying(
    scene: Scene, subscription_id: int, last: int, replayer: Replayer
) -> tuple[int, asyncio.Task[None]]:
    made = await scene.store.create_replay(NewReplay(1, scene.instance_id, subscription_id, 1, last), scene.now)
    [lane] = await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + round(LEASE * 1000), 1)
    return made.id, asyncio.create_task(replayer.run(lane))


@pytest.mark.parametrize("change", ["stop", "key"])
async def test_a_replay_that_runs_notices_that_its_subscription_was_changed(scene: Scene, change: str):
    await scene.log(*"abcdefgh")
    await scene.turn()
    scene.receiver.posts.clear()
    held = scene.receiver.hang("a")
    replayer = Replayer(scene.store, scene.receiver, clock=lambda: scene.now, log=scene.lines, concurrency=1)
    replay, running = await replaying(scene, 1, 8, replayer)
    await scene.a_while()
    if change == "stop":
        await scene.store.stop(1, "somebody stopped it", scene.now)
    else:
        await scene.store.update_subscription(1, lambda found, last: replace(found, keys=()), scene.now)
    held.set()
    await running
    unaware = len(scene.receiver.posts)
    assert unaware <= 2, "what it had begun when it was told, and no more"
    lanes = await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + 1, 1)
    for lane in lanes:
        await replayer.run(lane)
    found = await scene.store.replay(replay)
    assert found is not None
    if change == "stop":
        assert (found.state, len(scene.receiver.posts)) == (ReplayState.FAILED, unaware)
    else:
        assert found.state is ReplayState.DONE
        assert ["webhook-signature" in post.headers for post in scene.receiver.posts[unaware:]] == [False] * 8


async def test_a_replay_of_parts_of_notifications_goes_on_after_each(scene: Scene):
    scene.receiver = Tolerant()
    only = Filter(types=(EventType.UPDATED,), changed=("/n",))
    made = await scene.store.create_subscription(NewSubscription(1, scene.instance_id, ("t",), OTHER, filter=only), NOW)
    await log_parts(scene, 3)
    await scene.turn()
    scene.receiver.posts.clear()
    replayer = Replayer(scene.store, scene.receiver, clock=lambda: scene.now, log=scene.lines, concurrency=1, window=4)
    new = NewReplay(1, scene.instance_id, made.id, 1, 6, None, 1.0)
    replay = await scene.store.create_replay(new, scene.now)
    for _ in range(9):
        for lane in await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + 1, 1):
            await replayer.run(lane)
        scene.now += 1_000
    found = await scene.store.replay(replay.id)
    assert found is not None
    assert (found.state, found.reason, found.sent) == (ReplayState.DONE, None, 3)


async def log_parts(scene: Scene, count: int) -> None:
    """Notifications of two events, of which the filter passes the first."""
    from functools import partial

    from tidings.core.model import Change, FieldChange
    from tidings.core.notify import NotifyContext, cut
    from tidings.store.base import PageCommit

    [lane] = await scene.store.claim(LaneKind.POLL, "poller", scene.now, scene.now + 60_000, 1)
    context = NotifyContext(scene.instance_id, NOW, "A", (), "e", "crm", 1, 1, 1, "contacts", scene.now, scene.now, 2)
    changes = []
    for nth in range(count):
        differs = (FieldChange("/n", 0, 1),)
        changes.append(Change(EventType.UPDATED, f"p{nth}", nth, None, b"{}", differs))
        changes.append(Change(EventType.UPDATED, f"q{nth}", nth, None, b"{}", (FieldChange("/m", 0, 1),)))
    page = PageCommit(b"{}", scene.now, (), changes, partial(cut, context=context), due_at=scene.now)
    await scene.store.commit_page(lane, page)


class OneLane:
    """A store whose lane is taken from its holder whenever somebody says so."""

    def __init__(self) -> None:
        self.fence, self.free = 0, True

    async def claim(self, kind: LaneKind, owner: str, *more: Any) -> list[Lane]:
        if not self.free:
            return []
        self.fence, self.free = self.fence + 1, False
        return [Lane(1, kind, 1, "1", LaneState.READY, 0, self.fence, owner, None, 0, None, "", b"")]

    async def next_due(self, *more: Any) -> None:
        return None

    async def release(self, *more: Any, **named: Any) -> None:
        return None


async def test_a_dispatcher_that_gets_a_lane_again_ends_its_former_work_on_it_and_loses_track_of_none():
    store, working, ended = OneLane(), [], []

    async def run(lane: Lane) -> None:
        working.append(lane.fence)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(lane.fence)

    dispatcher = Dispatcher(store, LaneKind.DELIVER, run, clock=lambda: 0, owner="w", log=Lines(), look_every=3_600_000)  # type: ignore[arg-type]
    loop = asyncio.create_task(dispatcher.loop())
    for _ in range(2):
        store.free = True
        dispatcher.wake()
        for _ in range(10):
            await asyncio.sleep(0)
    assert (working, ended) == ([1, 2], [1])
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert ended == [1, 2], "whoever stops waits for all of its work"


async def test_what_was_logged_after_a_filter_was_changed_is_not_sent_by_the_former_one(scene: Scene):
    scene.receiver = Tolerant()
    await scene.store.update_subscription(1, lambda found, last: found, scene.now)
    held = asyncio.Event()

    async def log_after(done: bool) -> None:
        if not done:
            await held.wait()

    deliverer = scene.deliverer(Watched(scene.store, log_after=log_after))
    [lane] = await scene.claim()
    running = asyncio.create_task(deliverer.run(lane))
    await scene.a_while()
    nothing = Filter(types=(EventType.DELETED,))
    await scene.store.update_subscription(
        1, lambda found, last: replace(found, cuts=changed_cut(found.cuts, last, found.format, nothing)), scene.now
    )
    await scene.log("a")
    held.set()
    await running
    await scene.turn()
    assert scene.receiver.posts == []
