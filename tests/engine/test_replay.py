"""Does what is sent again arrive as the first time, in order, at its rate, and without harm to the subscription?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.delivering import LEASE, NOW, Post, Receiver, Scene, answered, open_scene
from tidings.core.model import DeliveryState, LaneKind, LaneState
from tidings.core.replay import Replay, ReplayState
from tidings.core.subscription import Filter, Format
from tidings.engine.attempts import REPLAY_HEADER
from tidings.engine.replay import Replayer
from tidings.store.sending import NewReplay
from tidings.store.subscribing import NewSubscription

OTHER = "https://other.example/hook"


class Anything(Receiver):
    """One that takes any body, and answers what a test says."""

    async def __call__(self, url, headers, body, /):
        post = Post(url, headers, body)
        self.posts.append(post)
        await asyncio.sleep(0)
        return self.answer(post)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    opened = await open_scene(tmp_path)
    yield opened
    await opened.store.close()


async def replaying(scene: Scene, first: int = 1, last: int | None = None, **more) -> Replay:
    """What was logged is delivered, and from here on sent again."""
    await scene.turn()
    scene.receiver.posts.clear()
    log = await scene.store.log(scene.instance_id)
    assert log is not None
    (own, *_) = await scene.store.subscriptions()
    new = NewReplay(1, scene.instance_id, own.id, first, log.last_sequence if last is None else last)
    return await scene.store.create_replay(replace(new, **more), scene.now)


async def turn(scene: Scene, replayer: Replayer | None = None, **options) -> int:
    """Claim the replays that are due and work them; returns how many."""
    lanes = await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + round(LEASE * 1000), 10)
    for lane in lanes:
        await (replayer or made(scene, **options)).run(lane)
    return len(lanes)


def made(scene: Scene, **options) -> Replayer:
    return Replayer(scene.store, scene.receiver, clock=lambda: scene.now, log=scene.lines, lease_for=LEASE, **options)


async def stands(scene: Scene, replay: Replay) -> Replay:
    found = await scene.store.replay(replay.id)
    assert found is not None
    return found


async def due_at(scene: Scene) -> int:
    [lane] = await scene.store.lanes(LaneKind.REPLAY)
    return lane.due_at


async def test_what_was_sent_is_sent_again_with_its_id_and_bytes_and_the_replays_header(scene: Scene):
    await scene.log("ab", "c", "a")
    await scene.turn()
    first = [(post.id, post.body) for post in scene.receiver.posts]
    replay = await replaying(scene)
    assert await turn(scene) == 1
    assert [(post.id, post.body) for post in scene.receiver.posts] == first
    assert {post.headers[REPLAY_HEADER] for post in scene.receiver.posts} == {str(replay.id)}
    ended = await stands(scene, replay)
    assert (ended.state, ended.sent, ended.failed, ended.position) == (ReplayState.DONE, 3, 0, 4)
    assert ended.finished_at == NOW
    assert await turn(scene) == 0
    assert scene.lines.lines[-1][0] == "replay.ended"


async def test_a_first_delivery_has_no_replays_header(scene: Scene):
    await scene.log("a")
    await scene.turn()
    assert REPLAY_HEADER not in scene.receiver.posts[0].headers


async def test_only_what_begins_in_its_span_is_sent(scene: Scene):
    await scene.log("a", "bc", "d", "e")
    replay = await replaying(scene, 2, 4)
    await turn(scene)
    assert scene.sent() == ["bc", "d"]
    assert (await stands(scene, replay)).position == 4


async def test_only_those_that_are_named_are_sent(scene: Scene):
    await scene.log("a", "b", "c", "d", "e")
    numbers = [each.number for each in await scene.store.log_after(scene.instance_id, 0, 10)]
    replay = await replaying(scene, 2, 5, numbers=(numbers[1], numbers[4]))
    await turn(scene)
    assert scene.sent() == ["b", "e"]
    assert (await stands(scene, replay)).state is ReplayState.DONE


async def test_an_empty_span_is_done_at_once(scene: Scene):
    await scene.log("a")
    replay = await replaying(scene, 2, 1)
    await turn(scene)
    ended = await stands(scene, replay)
    assert (ended.state, ended.sent, scene.sent()) == (ReplayState.DONE, 0, [])


async def test_its_tries_are_told_apart_and_the_first_delivery_stays_what_it_was(scene: Scene):
    await scene.log("a")
    replay = await replaying(scene)
    await turn(scene)
    [summary] = await scene.store.events(scene.instance_id)
    assert (summary.state, len(summary.attempts)) == (DeliveryState.DELIVERED, 1)
    assert [each.replay_id for each in summary.standings[0].attempts] == [0, replay.id]


async def test_it_keeps_to_its_rate(scene: Scene):
    await scene.log(*"abcdefghijklmnopqrstuvwxyz")
    replay = await replaying(scene, rate=10.0)
    times = list[int]()
    while (await stands(scene, replay)).state is ReplayState.RUNNING:
        scene.now = max(scene.now, await due_at(scene))
        await turn(scene)
        times += [scene.now] * (len(scene.receiver.posts) - len(times))
    assert scene.sent() == [*"abcdefghijklmnopqrstuvwxyz"]
    assert all(sum(since <= at < since + 1000 for at in times) <= 13 for since in times)
    assert times[-1] - NOW >= 2_200


async def test_the_slower_of_its_rate_and_its_subscriptions_counts(scene: Scene):
    await scene.log("a", "b", "c", "d", "e", "f")
    await scene.turn()
    (own,) = await scene.store.subscriptions()
    await scene.store.update_subscription(own.id, lambda found, _: replace(found, rate=2.0), scene.now)
    await replaying(scene, rate=1000.0)
    await turn(scene)
    assert len(scene.receiver.posts) < 6
    assert await due_at(scene) > scene.now


async def test_what_fails_is_tried_again_while_the_rest_passes_and_its_records_wait(scene: Scene):
    await scene.log("a", "b", "ac", "d")
    replay = await replaying(scene)
    scene.receiver.answer = lambda post: answered(503 if "a" in post.records and scene.now == NOW else 200)
    await turn(scene)
    assert scene.sent() == ["a", "b", "d"]
    assert (await stands(scene, replay)).sent == 2
    assert await due_at(scene) == NOW + 4_000
    scene.now += 4_000
    await turn(scene)
    assert scene.sent() == ["a", "b", "d", "a", "ac"]
    assert (await stands(scene, replay)).state is ReplayState.DONE


async def test_a_replay_that_fails_for_good_says_why_and_leaves_the_subscription_alone(scene: Scene):
    await scene.log("a", "b")
    replay = await replaying(scene)
    scene.receiver.answer = lambda post: answered(400 if post.records == ["a"] else 200, error="answered 400")
    for _ in range(20):
        await turn(scene)
        if (ended := await stands(scene, replay)).state is not ReplayState.RUNNING:
            break
        scene.now = await due_at(scene)
    assert (ended.state, ended.sent, ended.failed) == (ReplayState.FAILED, 1, 1)
    assert ended.reason is not None
    assert ended.reason.endswith("failed 10 times; the last time: answered 400")
    assert scene.now - NOW == sum(4**x for x in range(1, 10)) * 1000
    [subscription] = await scene.store.subscriptions()
    assert (subscription.active, (await scene.lane()).state) == (True, LaneState.READY)
    await scene.log("c")
    await scene.turn()
    assert scene.sent()[-1] == "c"


async def test_a_receiver_that_is_gone_ends_it_at_once(scene: Scene):
    await scene.log("a", "b", "c")
    replay = await replaying(scene)
    scene.receiver.answer = lambda post: answered(410)
    await turn(scene)
    ended = await stands(scene, replay)
    assert (ended.state, ended.failed) == (ReplayState.FAILED, 1)
    assert "410" in (ended.reason or "")
    [subscription] = await scene.store.subscriptions()
    assert subscription.active


async def test_a_receiver_that_is_down_is_probed_and_gets_the_rest_when_it_is_back(scene: Scene):
    await scene.log(*"abcdefghijklmnopqrst")
    replay = await replaying(scene)
    scene.receiver.answer = lambda post: answered(503 if scene.now < NOW + 600_000 else 200)
    while scene.now < NOW + 600_000:
        await turn(scene)
        scene.now = max(await due_at(scene), scene.now + 1)
    tries = len(scene.receiver.posts)
    assert tries < 100
    waited = 0
    while (await stands(scene, replay)).state is ReplayState.RUNNING:
        await turn(scene)
        waited = scene.now - NOW - 600_000
        scene.now = max(await due_at(scene), scene.now + 1)
    assert len({post.id for post in scene.receiver.accepted}) == 20
    assert (await stands(scene, replay)).sent == 20
    assert waited < 60_000


async def test_no_more_than_a_window_of_it_is_unfinished(scene: Scene):
    await scene.log(*"abcdefgh")
    await replaying(scene)
    scene.receiver.answer = lambda post: answered(503)
    await turn(scene, window=3)
    assert len(scene.receiver.posts) == 3


async def test_a_worker_that_is_stopped_stores_what_has_arrived_and_another_sends_the_rest_once(scene: Scene):
    await scene.log("a", "b", "c", "d")
    replay = await replaying(scene)
    scene.receiver.hang("b")
    [lane] = await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + 30_000, 10)
    task = asyncio.create_task(made(scene).run(lane))
    await scene.a_while()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sorted(scene.sent()) == ["a", "b", "c", "d"]
    assert (await stands(scene, replay)).sent == 3
    scene.receiver.hung.clear()
    await turn(scene)
    assert sorted(scene.sent()) == ["a", "b", "b", "c", "d"]
    assert (await stands(scene, replay)).state is ReplayState.DONE


async def test_a_worker_that_dies_repeats_only_what_no_commit_has_seen(scene: Scene):
    await scene.log(*"abcdef")
    numbers = tuple(each.number for each in await scene.store.log_after(scene.instance_id, 0, 10))
    for some in (None, numbers):
        replay = await replaying(scene, numbers=some)
        scene.receiver.hang("b")
        [lane] = await scene.store.claim(LaneKind.REPLAY, "w", scene.now, scene.now + 30_000, 10)
        task = asyncio.create_task(made(scene).run(lane))
        await scene.a_while()
        await scene.store.void_leases()  # nobody told it: its commits are refused from now on
        again = asyncio.create_task(turn(scene))
        await scene.a_while()
        assert scene.sent().count("b") == 2
        assert sorted(scene.sent()) == ["a", "b", "b", "c", "d", "e", "f"]
        scene.receiver.hung.pop("b").set()
        await asyncio.gather(task, again)
        ended = await stands(scene, replay)
        assert (ended.state, ended.sent) == (ReplayState.DONE, 6)


async def test_a_replay_that_somebody_stops_sends_nothing_more(scene: Scene):
    await scene.log("a", "b")
    replay = await replaying(scene, rate=1.0)
    await turn(scene)
    sent = len(scene.receiver.posts)
    assert await scene.store.stop_replay(replay.id, "enough", scene.now)
    scene.now += 60_000
    assert await turn(scene) == 0
    assert len(scene.receiver.posts) == sent
    assert (await stands(scene, replay)).state is ReplayState.STOPPED


async def test_to_a_subscription_that_was_stopped_nothing_is_sent(scene: Scene):
    await scene.log("a")
    replay = await replaying(scene)
    await scene.store.stop(replay.subscription_id, "a person said so", scene.now)
    await turn(scene)
    ended = await stands(scene, replay)
    assert (ended.state, scene.sent()) == (ReplayState.FAILED, [])
    assert "a person said so" in (ended.reason or "")


async def test_what_is_no_longer_kept_is_not_passed_over_in_silence(scene: Scene):
    await scene.log("a", "b", "c")
    numbers = tuple(each.number for each in await scene.store.log_after(scene.instance_id, 0, 10))
    await scene.turn()
    await scene.store.drop_before(scene.instance_id, scene.now + 1, 2)
    for some in (None, numbers[1:]):
        replay = await replaying(scene, 2, numbers=some)
        await turn(scene)
        ended = await stands(scene, replay)
        assert (ended.state, scene.sent()) == (ReplayState.FAILED, [])
        assert "no longer kept" in (ended.reason or "")


async def test_another_subscription_gets_its_own_cut_under_its_own_id(tmp_path: Path):
    scene = await open_scene(tmp_path, Anything())
    try:
        await scene.log("ab", "c")
        only = NewSubscription(1, scene.instance_id, ("t",), OTHER, format=Format.CLOUDEVENTS, after=0)
        other = await scene.store.create_subscription(only, NOW)
        await scene.turn()
        first = [(post.id, post.body) for post in scene.receiver.posts if post.url == OTHER]
        await replaying(scene, subscription_id=other.id)
        await turn(scene)
        assert [(post.id, post.body) for post in scene.receiver.posts] == first
        assert {post.url for post in scene.receiver.posts} == {OTHER}
    finally:
        await scene.store.close()


async def test_what_a_filter_does_not_pass_is_passed_over(scene: Scene):
    await scene.log("a", "b")
    nothing = NewSubscription(1, scene.instance_id, ("t",), OTHER, filter=Filter(resources=("companies",)), after=0)
    other = await scene.store.create_subscription(nothing, NOW)
    replay = await replaying(scene, subscription_id=other.id)
    await turn(scene)
    ended = await stands(scene, replay)
    assert (ended.state, ended.sent, ended.position) == (ReplayState.DONE, 0, 2)


async def test_a_receiver_that_is_sent_too_much_gets_its_pause(scene: Scene):
    await scene.log("a", "b")
    replay = await replaying(scene)
    scene.receiver.answer = lambda post: answered(429 if scene.now == NOW else 200, retry_after=30.0)
    await turn(scene)
    assert await due_at(scene) == NOW + 30_000
    scene.now += 30_000
    await turn(scene)
    assert (await stands(scene, replay)).state is ReplayState.DONE
