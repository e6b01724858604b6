"""Incidents of delivering become notices: a real log, deliverer and store, a receiver that is a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.delivering import Lines, Post, Scene, answered, open_scene
from tidings.core.model import User
from tidings.core.notices import shown
from tidings.core.subscription import account_log
from tidings.engine.retention import DAY, Retention
from tidings.engine.watchdog import Watchdog
from tidings.store.subscribing import NewSubscription

SECOND, MINUTE = 1000, 60_000
FAILING, FAILED_NO_MORE = ("notice.opened", "delivery.failing"), ("notice.closed", "delivery.failing")
GIVEN_UP, GOES_ON = ("notice.opened", "delivery.deactivated"), ("notice.closed", "delivery.deactivated")


class Watched:
    """A scene, and a watchdog that looks every twenty seconds while time goes by."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.log = scene, Lines()
        self.restart()

    def restart(self) -> None:
        """A new process looks on."""
        self.dog = Watchdog(self.scene.store, clock=lambda: self.scene.now, log=self.log, tell=True)

    async def pass_by(self, milliseconds: int, *notifications: str) -> None:
        """Time goes by; with each of its looks these are logged."""
        for _ in range(0, milliseconds, 20 * SECOND):
            if notifications:
                await self.scene.log(*notifications)
            for _ in range(20):
                self.scene.now += SECOND
                await self.scene.turn()
            await self.dog.look()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event, fields["kind"]) for event, fields in self.log.lines if fields["kind"].startswith("delivery.")]

    async def reason(self, kind: str) -> str:
        return next(each.reason for each in await self.scene.store.open_notices() if each.kind == kind)


@pytest.fixture
async def watched(tmp_path: Path):
    scene = await open_scene(tmp_path)
    yield Watched(scene)
    await scene.store.close()


def answer(watched: Watched, status: int | None, **more: Any) -> None:
    watched.scene.receiver.answer = lambda post: answered(status, **more)


async def test_a_receiver_that_takes_what_it_gets_is_no_news(watched: Watched):
    await watched.pass_by(5 * MINUTE, "a", "b")
    assert watched.told == []


async def test_an_outage_that_mends_itself_is_no_news_though_the_breaker_has_opened(watched: Watched):
    answer(watched, 503)
    await watched.pass_by(100 * SECOND, *"abcdefghijkl")
    assert "breaker.opened" in [event for event, _ in watched.scene.lines.lines]
    answer(watched, 200)
    await watched.pass_by(5 * MINUTE)
    assert watched.told == []


async def test_a_receiver_that_is_down_is_told_once_and_once_when_it_has_recovered(watched: Watched):
    answer(watched, None, error="could not connect")
    await watched.pass_by(20 * MINUTE, *"abcdefghijkl")
    assert watched.told == [FAILING]
    reason = await watched.reason("delivery.failing")
    assert reason.startswith("nothing has arrived since 2026-09-21T14:13:")
    assert reason.endswith("; could not connect")
    watched.restart()
    await watched.pass_by(5 * MINUTE)
    assert watched.told == [FAILING]
    answer(watched, 200)
    await watched.pass_by(5 * MINUTE)
    assert watched.told == [FAILING, FAILED_NO_MORE]


async def test_a_receiver_that_answers_now_and_then_is_one_incident(watched: Watched):
    answer(watched, 503)
    await watched.pass_by(4 * MINUTE, *"abcdefghijkl")
    for _ in range(6):
        answer(watched, 200)
        await watched.pass_by(20 * SECOND)
        answer(watched, 503)
        await watched.pass_by(2 * MINUTE, *"abcdefghijkl")
    assert watched.told == [FAILING]


async def test_one_notification_that_is_never_accepted_is_told_though_all_others_arrive(watched: Watched):
    def picky(post: Post) -> Any:
        return answered(400 if "a" in post.records else 200)

    watched.scene.receiver.answer = picky
    await watched.scene.log("a")
    await watched.pass_by(5 * MINUTE, "b")
    assert watched.told == []
    await watched.pass_by(4 * MINUTE, "b")
    assert watched.told == [FAILING]
    assert (await watched.reason("delivery.failing")).startswith("answered 400; a notification is refused since 2026-")


async def test_a_subscription_that_was_given_up_is_told_at_once_with_its_reason(watched: Watched):
    answer(watched, 410)
    await watched.pass_by(20 * SECOND, "a")
    assert watched.told == [GIVEN_UP]
    (subscription,) = await watched.scene.store.subscriptions(1)
    assert await watched.reason("delivery.deactivated") == subscription.reason
    watched.restart()
    await watched.pass_by(3 * MINUTE)
    assert watched.told == [GIVEN_UP]


async def test_a_subscription_that_is_given_up_again_at_once_is_the_same_incident(watched: Watched):
    answer(watched, 410)
    await watched.pass_by(20 * SECOND, "a")
    (subscription,) = await watched.scene.store.subscriptions(1)
    await watched.scene.store.reactivate(subscription.id, watched.scene.now)
    await watched.dog.look()
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [GIVEN_UP]
    answer(watched, 200)
    await watched.scene.store.reactivate(subscription.id, watched.scene.now)
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [GIVEN_UP, GOES_ON]


async def test_who_was_failing_and_is_given_up_has_not_recovered(watched: Watched):
    answer(watched, 503)
    await watched.pass_by(4 * MINUTE, *"abcdefghijkl")
    answer(watched, 410)
    await watched.pass_by(5 * MINUTE)
    assert watched.told == [FAILING, GIVEN_UP]
    answer(watched, 503)
    (subscription,) = await watched.scene.store.subscriptions(1)
    await watched.scene.store.reactivate(subscription.id, watched.scene.now)
    await watched.pass_by(5 * MINUTE)
    assert watched.told == [FAILING, GIVEN_UP, GOES_ON]
    answer(watched, 200)
    await watched.pass_by(5 * MINUTE)
    assert watched.told == [FAILING, GIVEN_UP, GOES_ON, FAILED_NO_MORE]


async def test_with_the_policy_of_queueing_what_waits_for_a_person_is_told(watched: Watched):
    await watched.scene.store.change_account_settings(
        1, {"notification.webhook.failure.policy": "queue"}, watched.scene.now
    )
    answer(watched, 500)
    await watched.pass_by(2 * MINUTE, "a")
    assert watched.told == [FAILING]
    assert (await watched.reason("delivery.failing")).startswith("answered 500; nothing is sent before it is released")


async def test_what_was_dropped_is_told_with_how_much_until_the_subscription_goes_on(watched: Watched):
    scene = watched.scene
    answer(watched, 410)
    await watched.pass_by(20 * SECOND, "ab")
    scene.now += 31 * DAY
    await Retention(scene.store, days=30, clock=lambda: scene.now, log=scene.lines, pause=0.0).look()
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [GIVEN_UP, ("notice.opened", "delivery.dropped")]
    assert (await watched.reason("delivery.dropped")).startswith("2 events were dropped")
    (subscription,) = await scene.store.subscriptions(1)
    answer(watched, 200)
    await scene.store.reactivate(subscription.id, scene.now)
    await watched.pass_by(2 * MINUTE)
    assert sorted(watched.told[2:]) == [
        ("notice.closed", "delivery.deactivated"),
        ("notice.closed", "delivery.dropped"),
    ]


async def test_a_subscription_to_what_people_post_is_watched_as_well(watched: Watched):
    store, now = watched.scene.store, watched.scene.now
    user, _ = await store.first_user(lambda: User(0, 0, 0, "ann@example.com", "Ann", "Admin", "hash", "us==", "0rg"))
    account = user.account_id
    to = NewSubscription(account, account_log(account), ("ops",), "https://receiver.example/posts")
    made = await store.create_subscription(to, now)
    await store.stop(made.id, "stopped by hand", now)
    await watched.dog.look()
    (notice,) = await store.open_notices()
    assert (notice.instance_id, notice.subject, notice.reason) == (-account, str(made.id), "stopped by hand")
    assert shown(notice)["instanceId"] is None
    await store.delete_subscription(made.id, now)
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [GIVEN_UP, GOES_ON]


async def test_a_subscription_whose_instance_is_deleted_has_no_open_incident(watched: Watched):
    answer(watched, 410)
    await watched.pass_by(20 * SECOND, "a")
    await watched.scene.store.delete_instance(watched.scene.instance_id, watched.scene.now)
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [GIVEN_UP, GOES_ON]
