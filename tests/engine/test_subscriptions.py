"""Does each subscription of a log get what it asked for, and the others what they asked for?"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.engine.delivering import KEY, NOW, Post, Receiver, Scene, Watched, answered, open_scene
from tidings.core.deliverycursor import decode
from tidings.core.model import EventType, LaneKind
from tidings.core.posted import Post as Posted
from tidings.core.signing import platform_signature, standard_signature
from tidings.core.subscription import Basic, Filter, Format, SigningKey, account_log, changed_cut, rotated
from tidings.store.base import Store
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
    opened = await open_scene(tmp_path, Tolerant())
    yield opened
    await opened.store.close()


def subscribing(scene: Scene, **more) -> NewSubscription:
    values: dict[str, Any] = {"account_id": 1, "instance_id": scene.instance_id, "topics": ("t",), "url": OTHER}
    return NewSubscription(**(values | {"after": 0} | more))


def sent_to(scene: Scene, url: str) -> list[Post]:
    return [post for post in scene.receiver.posts if post.url == url]


async def offset(scene: Scene, subscription_id: int) -> int:
    lanes = await scene.store.lanes(LaneKind.DELIVER)
    return next(decode(lane.cursor).offset for lane in lanes if lane.key == str(subscription_id))


async def test_a_filter_passes_what_it_names_and_the_offset_passes_the_rest(scene: Scene):
    none = await scene.store.create_subscription(subscribing(scene, filter=Filter(types=(EventType.DELETED,))), NOW)
    await scene.log("ab", "c")
    await scene.turn()
    assert sent_to(scene, OTHER) == []
    assert await offset(scene, none.id) == 3
    await scene.store.update_subscription(
        none.id,
        lambda found, last: replace(found, cuts=changed_cut(found.cuts, last, found.format, Filter())),
        scene.now,
    )
    await scene.log("d")
    await scene.turn()
    assert [post.records for post in sent_to(scene, OTHER)] == [["d"]]


async def test_what_was_cut_has_the_same_id_and_bytes_at_every_try_and_the_log_goes_unchanged_to_others(scene: Scene):
    only = Filter(types=(EventType.UPDATED,), resources=("contacts",))
    scene.receiver.answer = lambda post: answered(503 if post.url == OTHER and scene.now == NOW else 200)
    await scene.store.create_subscription(subscribing(scene, filter=only), NOW)
    await scene.log("ab")
    await scene.turn()
    scene.now += 4_000
    await scene.turn()
    first, second = sent_to(scene, OTHER)
    assert (first.id, first.body) == (second.id, second.body)
    [notification] = await scene.store.log_after(scene.instance_id, 0, 9)
    [own] = [post for post in scene.receiver.posts if post.url != OTHER]
    assert (own.id, own.body) == (notification.id, notification.body)
    assert first.id == json.loads(first.body)["message"]["eventId"] != notification.id
    found = await scene.store.event(scene.instance_id, first.id)
    assert found is not None
    assert found.notification == notification


async def test_cloud_events_go_as_one_or_as_a_batch_with_their_media_type(scene: Scene):
    await scene.store.create_subscription(subscribing(scene, format=Format.CLOUDEVENTS, keys=(SigningKey("k"),)), NOW)
    await scene.log("a", "bc")
    await scene.turn()
    one, batch = sent_to(scene, OTHER)
    assert one.headers["Content-Type"] == "application/cloudevents+json"
    assert batch.headers["Content-Type"] == "application/cloudevents-batch+json"
    assert json.loads(one.body)["subject"] == "contacts/a"
    assert [each["subject"] for each in json.loads(batch.body)] == ["contacts/b", "contacts/c"]
    assert batch.headers["Elements-Webhook-Signature"] == platform_signature("k", batch.body)


async def test_while_keys_are_changed_both_sign_and_then_the_new_one_alone(scene: Scene):
    made = await scene.store.create_subscription(subscribing(scene, keys=(SigningKey("old"),)), NOW)
    await scene.store.update_subscription(
        made.id, lambda found, _: replace(found, keys=rotated(found.keys, "new", scene.now, 60)), scene.now
    )
    await scene.log("a")
    await scene.turn()
    scene.now += 60_000
    await scene.log("b")
    await scene.turn()
    both, alone = sent_to(scene, OTHER)
    assert both.headers["Elements-Webhook-Signature"] == platform_signature("old", both.body)
    assert alone.headers["Elements-Webhook-Signature"] == platform_signature("new", alone.body)
    for post, keys in ((both, ["old", "new"]), (alone, ["new"])):
        at = int(post.headers["webhook-timestamp"])
        signatures = [standard_signature(key, post.id, at, post.body) for key in keys]
        assert post.headers["webhook-signature"].split() == signatures


async def test_headers_and_login_are_sent_and_kept_out_of_what_the_receiver_answers(scene: Scene):
    login = base64.b64encode(b"me:canary-password").decode()
    said = f"{KEY} canary-header Bearer-free {login} canary-password canary-key"
    refused = msgspec.structs.replace(answered(400, error=said), answer=said)
    scene.receiver.answer = lambda post: refused if post.url == OTHER else answered()
    new = subscribing(
        scene,
        headers={"X-Api-Key": "Bearer canary-header"},
        basic=Basic("me", "canary-password"),
        keys=(SigningKey("canary-key"), SigningKey("canary-former", NOW - 1)),
    )
    made = await scene.store.create_subscription(new, NOW)
    await scene.log("a")
    await scene.turn()
    [post] = sent_to(scene, OTHER)
    assert (post.headers["X-Api-Key"], post.headers["Authorization"]) == ("Bearer canary-header", f"Basic {login}")
    [standing] = await scene.store.deliveries(1, subscription_id=made.id)
    kept = repr(standing.attempts) + repr(scene.lines.lines)
    assert "canary-header" not in kept
    assert "canary-password" not in kept
    assert "canary-key" not in kept
    assert login not in kept
    assert "canary" not in repr(made).replace("canary-instance", "")


async def test_a_subscription_of_an_accounts_log_gets_what_is_posted_on_its_topics(scene: Scene):
    from tidings.core.model import User

    user, _ = await scene.store.first_user(lambda: User(0, 0, 0, "a@b", "A", "B", "h", "s", "o"))
    log_id = account_log(user.account_id)
    new = subscribing(scene, account_id=user.account_id, instance_id=log_id, topics=("ops", "money"))
    await scene.store.create_subscription(new, NOW)
    for topic in ("ops", "other", "money"):
        await scene.store.post_notification(user.account_id, Posted("low", topic, f"about {topic}", "me"), NOW)
    await scene.turn()
    assert [json.loads(post.body)["message"] for post in sent_to(scene, OTHER)] == ["about ops", "about money"]


class Reading(Watched):
    """Notes from where the log is read, and fails at the so-manieth read."""

    def __init__(self, store: Store, dies_at: int | None = None) -> None:
        super().__init__(store)
        self.reads: list[int] = []
        self.dies_at = dies_at

    async def log_after(self, instance_id: int, sequence: int, *more: Any, **named: Any):
        if len(self.reads) == self.dies_at:
            raise ConnectionAbortedError
        self.reads.append(sequence)
        return await self._store.log_after(instance_id, sequence, *more, **named)


async def test_a_log_of_which_nothing_passes_is_gone_through_even_by_workers_that_die_on_the_way(scene: Scene):
    made = await scene.store.create_subscription(subscribing(scene, filter=Filter(types=(EventType.DELETED,))), NOW)
    await scene.log(*(chr(0x4E00 + n) for n in range(60)))

    async def work(dies_at: int | None) -> list[int]:
        reading = Reading(scene.store, dies_at)
        for lane in await scene.claim():
            if lane.key == str(made.id):
                with suppress(ConnectionAbortedError):
                    await scene.deliverer(reading, window=10, far=20).run(lane)
        scene.now += 31_000
        return reading.reads

    assert await work(6) == [0, 5, 10, 15, 20, 25]
    assert await offset(scene, made.id) == 20
    assert await work(6) == [20, 25, 30, 35, 40, 45]
    assert await work(None) == [40, 45, 50, 55, 60]
    assert await offset(scene, made.id) == 60
    # Nothing has come since: nobody looks again.
    assert await work(None) == []


async def test_what_waits_for_a_retry_does_not_let_the_log_behind_it_be_read_again_and_again(scene: Scene):
    only = Filter(changed=("/wanted",))
    made = await scene.store.create_subscription(subscribing(scene, filter=only), NOW)
    scene.receiver.answer = lambda post: answered(503)
    await scene.log("a", "a", changed="/wanted")
    await scene.log(*(chr(0x4E00 + n) for n in range(60)), changed="/other")
    seen: list[Any] = []
    while len(seen) < 4:
        reading = Reading(scene.store)
        for lane in await scene.claim():
            if lane.key == str(made.id):
                await scene.deliverer(reading, window=10, far=20).run(lane)
                seen.append(reading.reads)
                scene.now = max(scene.now, (await scene.store.lanes(LaneKind.DELIVER))[-1].due_at)
    assert seen[0] == [*range(0, 61, 5)]
    assert all(reads in ([], [62]) for reads in seen[1:])
    scene.receiver.answer = lambda post: answered()
    scene.now += 3_600_000
    await scene.turn()
    assert await offset(scene, made.id) == 62
    assert [post.records for post in sent_to(scene, OTHER)][-2:] == [["a"], ["a"]]
