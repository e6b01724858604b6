"""Does everything arrive, in order, once unless something died, and does the trouble of one stay its own?"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.engine.delivering import KEY, NOW, URL, Post, Receiver, Scene, Watched, answered, open_scene
from tidings import webhooks
from tidings.core.cursor import NEVER
from tidings.core.errors import LeaseLost
from tidings.core.model import LaneKind, LanePlan, LaneState
from tidings.engine.deliver import Deliverer


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    opened = await open_scene(tmp_path)
    yield opened
    await opened.store.close()


def failing(*records: str, status: int | None = 503, times: int = 10**9, retry_after: float | None = None):
    """Refuses the first `times` notifications that speak of one of these records."""
    left = times

    def answer(post: Post):
        nonlocal left
        if left and set(records) & set(post.records):
            left -= 1
            return answered(status, error=f"answered {status}", retry_after=retry_after)
        return answered()

    return answer


async def test_a_notification_arrives_as_it_stands_in_the_log_signed_over_its_exact_bytes(scene: Scene):
    await scene.log("ab")
    assert await scene.turn() == 1
    [post] = scene.receiver.posts
    [notification] = await scene.store.log_after(scene.instance_id, 0, 10)
    assert (post.url, post.id, post.body) == (URL, notification.id, notification.body)
    webhooks.verify(post.headers, post.body, KEY, clock=lambda: int(post.headers["webhook-timestamp"]))
    assert await scene.statuses() == {"ab": ("delivered", [200])}


async def test_when_all_has_arrived_the_lane_rests_until_there_is_something_new(scene: Scene):
    await scene.log("a", "b")
    assert await scene.turn() == 1
    assert (await scene.lane()).due_at == NEVER
    assert await scene.turn() == 0
    await scene.log("c")
    assert await scene.turn() == 1
    assert scene.sent() == ["a", "b", "c"]


async def test_a_refused_delivery_is_tried_again_and_then_arrives(scene: Scene):
    scene.receiver.answer = failing("a", times=1)
    await scene.log("a")
    assert await scene.turn() == 1
    assert await scene.statuses() == {"a": ("retry", [503])}
    scene.now += 3_999
    assert await scene.turn() == 0
    scene.now += 1
    assert await scene.turn() == 1
    first, second = scene.receiver.posts
    assert (first.id, first.body) == (second.id, second.body)
    assert await scene.statuses() == {"a": ("delivered", [503, 200])}


async def test_no_answer_is_a_failure_like_any_other(scene: Scene):
    scene.receiver.answer = failing("a", status=None, times=1)
    await scene.log("a")
    await scene.turn()
    assert await scene.statuses() == {"a": ("retry", [None])}
    scene.now += 4_000
    await scene.turn()
    assert await scene.statuses() == {"a": ("delivered", [None, 200])}


async def test_a_receiver_that_asks_for_time_gets_it(scene: Scene):
    scene.receiver.answer = failing("a", times=1, retry_after=90)
    await scene.log("a")
    await scene.turn()
    assert (await scene.lane()).due_at == NOW + 90_000


async def until_it_gives_up(scene: Scene) -> list[int]:
    """Seconds between the tries, until the lane parks."""
    waits = []
    while (lane := await scene.lane()).state is LaneState.READY:
        waits.append((lane.due_at - scene.now) // 1000)
        scene.now = lane.due_at
        assert await scene.turn() == 1
    return waits


async def test_after_nine_retries_the_subscription_stops_and_says_why(scene: Scene):
    scene.receiver.answer = failing("a")
    await scene.log("a")
    await scene.turn()
    assert await until_it_gives_up(scene) == [4**x for x in range(1, 10)]
    [subscription] = await scene.store.subscriptions()
    assert not subscription.active
    assert subscription.reason is not None
    assert subscription.reason.endswith("failed 10 times; the last time: answered 503")
    assert (await scene.lane()).parked_reason == subscription.reason
    assert await scene.statuses() == {"a": ("queued", [503] * 10)}
    assert scene.lines.lines[-1][0] == "subscription.deactivated"
    await scene.log("b")
    assert await scene.turn() == 0
    assert len(scene.receiver.posts) == 10


async def test_a_receiver_that_is_gone_is_left_alone_at_once(scene: Scene):
    scene.receiver.answer = failing("b", status=410)
    await scene.log("a", "b", "bc")
    await scene.turn()
    [subscription] = await scene.store.subscriptions()
    assert subscription.reason == "the receiver answered 410 Gone: it wants no more notifications"
    assert scene.sent() == ["a", "b"]
    assert await scene.statuses() == {"a": ("delivered", [200]), "b": ("queued", [410]), "bc": ("queued", [])}


async def test_the_end_of_a_subscription_is_stored_with_its_reason_or_not_at_all(scene: Scene):
    scene.receiver.answer = failing("b", status=410)
    release = scene.receiver.hang("a")
    await scene.log("a", "b", "c")
    running = asyncio.create_task(scene.turn(scene.deliverer(concurrency=2)))
    while not scene.lines.lines:
        await asyncio.sleep(0)
    await scene.a_while()
    assert await scene.statuses() == {"a": ("created", []), "b": ("created", []), "c": ("created", [])}
    release.set()
    await running
    assert await scene.statuses() == {"a": ("delivered", [200]), "b": ("queued", [410]), "c": ("queued", [])}
    [subscription] = await scene.store.subscriptions()
    assert not subscription.active


async def test_what_waits_when_a_subscription_stops_is_sent_in_order_when_it_is_active_again(scene: Scene):
    scene.receiver.answer = failing("a")
    await scene.log("a", "ab", "c")
    await scene.turn()
    await until_it_gives_up(scene)
    await scene.log("bd")
    scene.receiver.answer = lambda post: answered()
    instance = await scene.store.instance(scene.instance_id)
    assert instance is not None
    plan = LanePlan(("contacts",), {"contacts": "g"}, URL, KEY)
    await scene.store.update_instance(instance, plan, scene.now)
    await scene.turn()
    assert ["".join(p.records) for p in scene.receiver.accepted] == ["c", "a", "ab", "bd"]


async def test_a_later_notification_of_the_same_record_waits_and_all_others_pass(scene: Scene):
    scene.receiver.answer = failing("a", times=1)
    await scene.log("a", "ab", "bc", "d")
    await scene.turn()
    assert scene.sent() == ["a", "d"]
    statuses = await scene.statuses()
    assert {records: state for records, (state, _) in statuses.items()} == {
        "a": "retry",
        "ab": "retry",
        "bc": "retry",
        "d": "delivered",
    }
    scene.now += 4_000
    await scene.turn()
    assert scene.sent() == ["a", "d", "a", "ab", "bc"]
    assert [statuses for _, statuses in (await scene.statuses()).values()] == [[503, 200], [200], [200], [200]]


async def test_no_two_notifications_of_one_record_are_in_flight_together(scene: Scene):
    release = scene.receiver.hang("a")
    await scene.log("a", "a", "b")
    running = asyncio.create_task(scene.turn())
    while len(scene.receiver.accepted) < 1:
        await asyncio.sleep(0)
    assert scene.sent() == ["a", "b"]
    release.set()
    await running
    assert scene.sent() == ["a", "b", "a"]


async def test_a_retry_becomes_due_while_another_try_takes_long(scene: Scene):
    scene.receiver.answer = failing("a", times=1)
    release = scene.receiver.hang("b")
    await scene.log("a", "b")
    running = asyncio.create_task(scene.turn(scene.deliverer(look_for=0.01)))
    while len(scene.lines.lines) < 1:
        await asyncio.sleep(0)
    scene.now += 4_000
    while scene.sent().count("a") < 2:
        await asyncio.sleep(0)
    release.set()
    await running
    assert scene.sent() == ["a", "b", "a"]
    assert await scene.statuses() == {"a": ("delivered", [503, 200]), "b": ("delivered", [200])}


async def test_new_notifications_are_found_while_an_old_one_takes_long(scene: Scene):
    release = scene.receiver.hang("a")
    await scene.log("a")
    running = asyncio.create_task(scene.turn(scene.deliverer(look_for=0.01)))
    while not scene.receiver.posts:
        await asyncio.sleep(0)
    await scene.log("b", "ac")
    while len(scene.receiver.accepted) < 1:
        await asyncio.sleep(0)
    assert scene.sent() == ["a", "b"]
    release.set()
    await running
    await scene.turn()  # when "ac" was logged too late to be seen, the lane is due again
    assert scene.sent() == ["a", "b", "ac"]


async def test_what_is_logged_while_the_lane_is_given_back_is_not_forgotten(scene: Scene):
    logged = False

    async def just_before(after: bool) -> None:
        nonlocal logged
        if not after and not logged:
            logged = True
            await scene.log("b")

    await scene.log("a")
    await scene.turn(scene.deliverer(Watched(scene.store, commit_deliveries=just_before)))
    assert scene.sent() == ["a"]
    assert await scene.turn() == 1
    assert scene.sent() == ["a", "b"]


async def test_what_was_in_flight_when_a_worker_died_is_sent_again_with_the_same_id_and_bytes(scene: Scene):
    scene.receiver.hang("a")
    await scene.log("a", "b", "ac")
    committed = asyncio.Event()

    async def tell(after: bool) -> None:
        if after:
            committed.set()

    watched = Watched(scene.store, commit_deliveries=tell)
    dead = asyncio.create_task(scene.turn(scene.deliverer(watched)))
    await committed.wait()
    scene.receiver.hung.clear()
    scene.now += 31_000
    assert await scene.turn() == 1
    posts = scene.receiver.posts
    assert ["".join(post.records) for post in posts] == ["a", "b", "a", "ac"]
    assert (posts[0].id, posts[0].body) == (posts[2].id, posts[2].body)
    assert await scene.statuses() == {"a": ("delivered", [200]), "b": ("delivered", [200]), "ac": ("delivered", [200])}
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)


async def test_a_worker_that_lost_its_lane_drops_its_work_and_cancels_what_is_in_flight(scene: Scene):
    release = scene.receiver.hang("a")
    scene.receiver.hang("b")
    await scene.log("a", "b")
    late = asyncio.create_task(scene.turn())
    while len(scene.receiver.posts) < 2:
        await asyncio.sleep(0)
    scene.now += 31_000
    [lane] = await scene.claim("another")
    release.set()
    await late
    assert [post.records for post in scene.receiver.cancelled] == [["b"]]
    assert await scene.statuses() == {"a": ("created", []), "b": ("created", [])}
    await scene.store.renew(lane, scene.now + 1)


async def test_the_lease_is_held_while_a_try_takes_long(scene: Scene):
    release = scene.receiver.hang("a")
    renewals = 0

    async def count(after: bool) -> None:
        nonlocal renewals
        renewals += after
        scene.now += 5
        if renewals == 5:
            release.set()

    await scene.log("a")
    watched = Watched(scene.store, renew=count)
    await scene.turn(scene.deliverer(watched, lease_for=0.03))
    assert renewals >= 5
    assert await scene.statuses() == {"a": ("delivered", [200])}


async def test_a_lease_that_cannot_be_renewed_ends_the_work(scene: Scene):
    scene.receiver.hang("a")

    async def lost(after: bool) -> None:
        raise LeaseLost("taken over")

    await scene.log("a")
    await scene.turn(scene.deliverer(Watched(scene.store, renew=lost), lease_for=0.03))
    assert [post.records for post in scene.receiver.cancelled] == [["a"]]


async def test_a_worker_that_is_stopped_stores_what_has_arrived_and_gives_the_lane_back(scene: Scene):
    scene.receiver.hang("b")
    await scene.log("a", "b", "c")
    running = asyncio.create_task(scene.turn())
    while len(scene.receiver.accepted) < 2:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    statuses = await scene.statuses()
    assert (statuses["a"], statuses["b"], statuses["c"]) == (
        ("delivered", [200]),
        ("retry", []),
        ("delivered", [200]),
    )
    scene.receiver.hung.clear()
    assert await scene.turn() == 1
    assert scene.sent() == ["a", "b", "c", "b"]


async def test_outcomes_that_come_in_during_a_commit_go_into_the_next_one_together(scene: Scene):
    commits = 0
    first = asyncio.Event()

    async def slow(after: bool) -> None:
        nonlocal commits
        if not after:
            commits += 1
            if commits == 1:
                await first.wait()

    letters = [chr(0x4E00 + n) for n in range(100)]
    await scene.log(*letters)
    watched = Watched(scene.store, commit_deliveries=slow)
    running = asyncio.create_task(scene.turn(scene.deliverer(watched, window=200)))
    while len(scene.receiver.accepted) < 95:
        await asyncio.sleep(0)
    first.set()
    await running
    assert commits <= 4
    assert {state for state, _ in (await scene.statuses()).values()} == {"delivered"}


async def test_what_has_arrived_is_stored_soon_though_other_tries_hang(scene: Scene):
    release = [scene.receiver.hang(record) for record in "ac"]
    stored = asyncio.Event()

    async def tell(after: bool) -> None:
        if after:
            stored.set()

    await scene.log("a", "b", "c")
    deliverer = scene.deliverer(Watched(scene.store, commit_deliveries=tell), look_for=3600.0, lease_for=10_800.0)
    running = asyncio.create_task(scene.turn(deliverer))
    async with asyncio.timeout(20):
        await stored.wait()  # "b"
        stored.clear()
        release[1].set()
        await stored.wait()  # "c", just after a commit
    assert [state for state, _ in (await scene.statuses()).values()] == ["retry", "delivered", "delivered"]
    release[0].set()
    await running


async def test_what_arrives_in_quick_succession_is_stored_together(scene: Scene):
    stored: list[int] = []

    async def note(after: bool) -> None:
        if not after:
            stored.append(len(scene.receiver.accepted))

    letters = [chr(0x4E00 + n) for n in range(100)]
    await scene.log(*letters)
    await scene.turn(scene.deliverer(Watched(scene.store, commit_deliveries=note), window=40, commit_every=3600.0))
    assert all(many >= 20 for many in map(lambda now, before: now - before, stored[:-1], [0, *stored]))
    assert stored[-1] == 100


async def test_no_more_than_a_window_runs_ahead_of_the_commits(scene: Scene):
    stuck = asyncio.Event()

    async def stall(after: bool) -> None:
        if not after:
            await stuck.wait()

    await scene.log(*(chr(0x4E00 + n) for n in range(100)))
    watched = Watched(scene.store, commit_deliveries=stall)
    options = {"window": 10, "concurrency": 4, "look_for": 0.01}
    running = asyncio.create_task(scene.turn(scene.deliverer(watched, **options)))
    await scene.a_while()
    ahead = len(scene.receiver.posts)
    stuck.set()
    await running
    assert ahead <= 3 * 10
    assert len(scene.receiver.posts) == 100


async def test_a_dead_receiver_is_not_asked_for_everything_and_gets_it_all_when_it_is_back(scene: Scene):
    scene.receiver.answer = lambda post: answered(None, error="could not connect")
    letters = [chr(0x4E00 + n) for n in range(100)]
    await scene.log(*letters)
    deliverer = scene.deliverer(window=10, backlog=20, concurrency=4)
    await scene.turn(deliverer)
    assert len(set(scene.sent())) <= 20 + 10
    # Nothing to do until the first retry, although the log has more.
    assert await scene.turn(deliverer) == 0
    scene.receiver.answer = lambda post: answered()
    scene.now += 4_000
    while await scene.turn(deliverer):
        pass
    assert sorted("".join(p.records) for p in scene.receiver.accepted) == letters


async def test_more_rows_than_fit_in_the_window_are_all_delivered_before_the_log_goes_on(scene: Scene):
    scene.receiver.answer = lambda post: answered(500)
    letters = [chr(0x4E00 + n) for n in range(60)]
    await scene.log(*letters)
    await scene.turn(scene.deliverer(backlog=50))
    await scene.log("x")
    scene.receiver.answer = lambda post: answered()
    scene.now += 4_000
    smaller = scene.deliverer(window=4, backlog=4, concurrency=1)
    while await scene.turn(smaller):
        pass
    accepted = ["".join(p.records) for p in scene.receiver.accepted]
    assert sorted(accepted) == sorted([*letters, "x"])
    assert accepted[-1] == "x"


@pytest.mark.parametrize("known", [True, False])
async def test_without_an_active_subscription_nothing_is_sent_and_the_lane_rests(scene: Scene, known: bool):
    class Unsubscribed(Watched):
        async def subscription(self, subscription_id: int):
            found = await scene.store.subscription(subscription_id)
            return replace(found, active=False) if known and found else None

    await scene.log("a")
    await scene.turn(scene.deliverer(Unsubscribed(scene.store)))
    assert scene.receiver.posts == []
    assert (await scene.lane()).due_at == NEVER


async def test_one_wide_line_tells_of_each_attempt_and_no_secret(scene: Scene):
    scene.receiver.answer = failing("a", times=1)
    await scene.log("ab")
    await scene.turn()
    scene.now += 4_000
    await scene.turn()
    (first, one), (second, two) = scene.lines.lines
    assert first == second == "delivery.attempted"
    assert one == {
        "instance": scene.instance_id,
        "subscription": 1,
        "notification": scene.receiver.posts[0].id,
        "resource": "contacts",
        "first_sequence": 1,
        "last_sequence": 2,
        "attempt": 1,
        "status": 503,
        "error": "answered 503",
        "took_ms": 10,
        "outcome": "retry",
        "next_in_ms": 4_000,
    }
    assert (two["attempt"], two["status"], two["outcome"], two["next_in_ms"]) == (2, 200, "delivered", None)
    assert "canary" not in str(scene.lines.lines)
    assert "sha256" not in str(scene.lines.lines)


class Died(Exception):
    """The process is gone: nothing after this is stored."""


async def test_a_lane_whose_last_try_dies_while_it_reads_on_is_not_laid_to_rest(scene: Scene):
    class Deadly(Receiver):
        async def __call__(self, url, headers, body, /):
            raise Died

    well, scene.receiver = scene.receiver, Deadly()
    await scene.log("a")
    (lane,) = await scene.claim()
    with pytest.raises(Died):
        await scene.deliverer(window=2).run(lane)
    scene.receiver = well
    scene.now += 31_000
    await scene.turn()
    assert scene.sent() == ["a"]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_fails_or_dies_everything_arrives_and_each_record_in_order(tmp_path: Path, seed: int):
    dice = random.Random(seed)
    deadly = seed % 3 != 0
    scene = await open_scene(tmp_path)
    deaths = 0

    async def perhaps_die(after: bool) -> None:
        nonlocal deaths
        if deadly and (dice.random() < 0.15 or not deaths):
            deaths += 1
            raise Died

    class Deadly(Receiver):
        async def __call__(self, url, headers, body, /):
            await asyncio.sleep(0)
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            outcome = await super().__call__(url, headers, body)
            if dice.random() < 0.03:
                await perhaps_die(True)
            return outcome

    scene.receiver = Deadly(lambda post: answered(503 if dice.random() < 0.2 else 200))
    watched = Watched(scene.store, commit_deliveries=perhaps_die)
    options = {"window": dice.choice((6, 40)), "concurrency": dice.choice((1, 3, 8)), "backlog": dice.choice((8, 100))}
    total = 0
    for round_ in range(10_000):
        if round_ < 12:
            new = ["".join(dice.sample("abcdefghij", dice.randint(1, 3))) for _ in range(dice.randrange(8))]
            total += len(new)
            await scene.log(*new)
        for lane in await scene.claim():
            deliverer: Deliverer = scene.deliverer(watched, **options)
            try:
                await deliverer.run(lane)
            except Died:
                scene.now += 31_000
        due_at = await scene.store.next_due(LaneKind.DELIVER, scene.now)
        assert due_at is not None
        if due_at == NEVER and round_ >= 12:
            break
        scene.now = max(scene.now, due_at if due_at != NEVER else 0) + dice.randrange(2) * 1_000

    accepted = scene.receiver.accepted
    assert {post.id: post for post in accepted} == {post.id: post for post in scene.receiver.posts}
    assert len({post.id for post in accepted}) == total
    assert (
        len({(post.id, post.body, post.headers["Elements-Webhook-Signature"]) for post in scene.receiver.posts})
        == total
    )
    if not deadly:
        assert len(accepted) == total
    else:
        assert deaths
    firsts = list({post.id: post for post in reversed(accepted)}.values())[::-1]
    for record in "abcdefghij":
        sequences = [post.sequence for post in firsts if record in post.records]
        assert sequences == sorted(sequences)
    assert {state for state, _ in (await scene.statuses()).values()} <= {"delivered"}
    await scene.store.close()


async def test_a_receiver_that_says_our_key_back_does_not_get_it_into_the_log(scene: Scene):
    scene.receiver.answer = lambda post: msgspec.structs.replace(
        answered(500), error=f"answered 500: {KEY}", answer=f"your key is {KEY}"
    )
    await scene.log("a")
    await scene.turn()
    [summary] = await scene.store.events(scene.instance_id)
    kept = summary.attempts[0].outcome
    assert KEY not in f"{kept.answer}{kept.error}"
    assert kept.answer == "your key is ********"
