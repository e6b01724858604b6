"""What every store must keep of subscriptions, posts, replays and retention; joined to the contract of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import orjson
import pytest

from tests.store.contract import MINUTE, NOW, StoreContract, created, cut_one_each, new_instance, outcome, page, plan
from tidings.core.breaker import Breaker
from tidings.core.cutting import id_for
from tidings.core.deliverycursor import DeliveryCursor, decode, encode
from tidings.core.errors import LeaseLost
from tidings.core.model import (
    Attempt,
    DeliveryState,
    DeliveryWrite,
    EventType,
    FailurePolicy,
    LaneKind,
    LaneState,
    User,
)
from tidings.core.notify import notification_id
from tidings.core.posted import Post
from tidings.core.replay import ReplayState
from tidings.core.subscription import (
    Basic,
    Channel,
    Cut,
    Filter,
    Format,
    SigningKey,
    Source,
    account_log,
    changed_cut,
)
from tidings.store.base import Store
from tidings.store.sending import NewReplay
from tidings.store.subscribing import NewSubscription

URL = "https://other.example/hook"
POLICY = "notification.webhook.failure.policy"


def wanted(**more) -> NewSubscription:
    values: dict[str, Any] = {"account_id": 1, "instance_id": 1, "topics": ("t",), "url": URL}
    return NewSubscription(**(values | more))


def wrote(number: int, status: int, state: DeliveryState, **more) -> DeliveryWrite:
    return DeliveryWrite(number, Attempt(1, NOW, outcome(status), **more), state, 1, NOW)


class SubscribingContract(StoreContract):
    async def account(self, store: Store) -> int:
        user, _ = await store.first_user(lambda: User(0, 0, 0, "a@b", "A", "B", "hash", "s", "o"))
        return user.account_id

    async def lane_of(self, store: Store, subscription_id: int):
        lanes = await store.lanes(LaneKind.DELIVER)
        return next(lane for lane in lanes if lane.key == str(subscription_id))

    async def acknowledge_all(self, store: Store, subscription_id: int, *writes: DeliveryWrite, offset: int):
        for lane in await self.claim(store, LaneKind.DELIVER, now=NOW + 5 * MINUTE):
            if lane.key == str(subscription_id):
                cursor = encode(DeliveryCursor(offset))
                await store.commit_deliveries(
                    lane, writes, cursor=cursor, seen=10**6, release=True, due_at=NOW, lease_until=0
                )
            else:
                await store.release(lane, due_at=lane.due_at)

    # Subscriptions

    async def test_a_subscription_comes_back_as_it_was_made_beside_the_instances_own(self, store: Store):
        lane = await self.polling(store)
        await store.commit_page(lane, page([created(1), created(2)]))
        asked = wanted(
            keys=(SigningKey("old", NOW + 5), SigningKey("new")),
            headers={"X-Key": "canary-header"},
            basic=Basic("me", "canary-basic"),
            format=Format.CLOUDEVENTS,
            filter=Filter(("contacts",), (EventType.UPDATED,), ("/status/name",)),
            own_policy=FailurePolicy.QUEUE,
            schedule=(1.0, 2.5),
            rate=2.5,
            concurrency=2,
            jitter=0.5,
        )
        made = await store.create_subscription(asked, NOW)
        assert made == await store.subscription(made.id)
        assert {name: getattr(made, name) for name in ("keys", "headers", "basic", "schedule", "rate", "jitter")} == {
            name: getattr(asked, name) for name in ("keys", "headers", "basic", "schedule", "rate", "jitter")
        }
        assert made.cuts == (Cut(2, asked.format, asked.filter),)
        assert (made.policy, made.source, made.active, made.stopped_at) == (FailurePolicy.QUEUE, Source.API, True, None)
        assert [made.keys_at(NOW), made.keys_at(NOW + 5)] == [["old", "new"], ["new"]]
        own, other = await store.subscriptions(1)
        assert (own.source, other.id) == (Source.INSTANCE, made.id)
        assert decode((await self.lane_of(store, made.id)).cursor).offset == 2
        assert [each.id for each in await store.subscriptions(1, topic="t")] == [made.id]
        assert [each.id for each in await store.subscriptions(instance_id=1)] == [own.id, made.id]
        assert await store.subscriptions(2) == []
        with pytest.raises(LookupError, match="99"):
            await store.create_subscription(wanted(instance_id=99), NOW)

    async def test_a_subscription_may_begin_at_any_place_and_only_webhooks_have_a_lane(self, store: Store):
        await self.polling(store)
        early = await store.create_subscription(wanted(after=0), NOW)
        assert decode((await self.lane_of(store, early.id)).cursor).offset == 0
        mailed = await store.create_subscription(wanted(channel=Channel.EMAIL), NOW)
        assert mailed.channel is Channel.EMAIL
        assert str(mailed.id) not in {lane.key for lane in await store.lanes(LaneKind.DELIVER)}

    async def test_a_change_of_the_configuration_leaves_other_subscriptions_and_their_lanes_alone(self, store: Store):
        await store.create_instance(new_instance(), plan("contacts", url=None), NOW)
        made = await store.create_subscription(wanted(), NOW)
        before = await self.lane_of(store, made.id)
        for url in (None, "http://127.0.0.1:9/hook", "http://127.0.0.1:9/2", None):
            instance = await store.instance(1)
            assert instance is not None
            await store.update_instance(instance, plan("contacts", url=url), NOW + MINUTE)
            assert await self.lane_of(store, made.id) == before
            assert await store.subscription(made.id) == made
        assert [(each.source, each.stopped_at) for each in await store.subscriptions(1)] == [
            (Source.API, None),
            (Source.INSTANCE, NOW + MINUTE),
        ]

    async def test_the_instances_own_subscription_follows_and_its_former_key_signs_on_for_the_overlap(
        self, store: Store
    ):
        await self.polling(store)
        instance = await store.instance(1)
        assert instance is not None
        new = replace(
            plan("contacts"),
            signature_key="another",
            key_overlap_for=60.0,
            callback_headers={"X-A": "b"},
            callback_login=("me", "pw"),
        )
        await store.update_instance(instance, new, NOW)
        (own,) = await store.subscriptions(1)
        assert [own.keys_at(at) for at in (NOW, NOW + MINUTE)] == [["canary-signature-key", "another"], ["another"]]
        assert (own.headers, own.basic) == ({"X-A": "b"}, Basic("me", "pw"))
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, new, NOW + 1)
        assert (await store.subscriptions(1))[0].keys == own.keys

    async def test_a_changed_subscription_is_read_anew_by_its_worker_and_keeps_what_was_cut(self, store: Store):
        lane = await self.polling(store)
        made = await store.create_subscription(wanted(), NOW)
        (worker,) = [each for each in await self.claim(store, LaneKind.DELIVER) if each.key == str(made.id)]
        await store.commit_page(lane, page([created(1), created(2)]))

        def change(found, last_sequence):
            narrow = Filter(types=(EventType.DELETED,))
            return replace(found, url=URL + "2", cuts=changed_cut(found.cuts, last_sequence, found.format, narrow))

        changed = await store.update_subscription(made.id, change, NOW)
        assert changed is not None
        assert changed.url == URL + "2"
        assert [(cut.after, cut.filter.types) for cut in changed.cuts] == [(0, ()), (2, (EventType.DELETED,))]
        assert changed.cut_at(2).changes_nothing
        assert changed.cut_at(3).filter == changed.filter
        with pytest.raises(LeaseLost):
            await store.renew(worker, NOW + MINUTE)
        assert await store.update_subscription(99, change, NOW) is None

    async def test_a_deleted_subscription_is_gone_at_once_and_its_rows_are_purged(self, store: Store):
        await self.delivering(store)
        (own,) = await store.subscriptions(1)
        made = await store.create_subscription(wanted(after=0), NOW)
        number = (await store.log_after(1, 0, 1))[0].number
        await self.acknowledge_all(store, made.id, wrote(number, 503, DeliveryState.RETRY), offset=1)
        assert await store.delete_subscription(made.id, NOW)
        assert not await store.delete_subscription(made.id, NOW)
        assert [each.id for each in await store.subscriptions(1)] == [own.id]
        assert (await self.lane_of(store, made.id)).state is LaneState.OFF
        while await store.purge(1):
            pass
        assert [lane.key for lane in await store.lanes(LaneKind.DELIVER)] == [str(own.id)]
        assert await store.waiting(made.id, 10) == []
        assert len(await store.log_after(1, 0, 10)) == 3

    async def test_a_person_stops_a_subscription_and_lets_it_go_on_with_all_that_waits_due(self, store: Store):
        deliver = await self.delivering(store)
        number = (await store.log_after(1, 0, 1))[0].number
        late = msgspec.structs.replace(wrote(number, 503, DeliveryState.RETRY), due_at=NOW + 99 * MINUTE, attempts=7)
        cursor = encode(DeliveryCursor(1, Breaker(12, NOW, NOW + 99 * MINUTE)))
        await store.commit_deliveries(
            deliver, [late], cursor=cursor, seen=3, release=True, due_at=NOW + 99 * MINUTE, lease_until=0
        )
        subscription_id = int(deliver.key)
        assert await store.stop(subscription_id, "on holiday", NOW + 1)
        found = await store.subscription(subscription_id)
        assert found is not None
        assert (found.active, found.reason, found.stopped_at) == (False, "on holiday", NOW + 1)
        assert [each.state for each in await store.events(1)] == [DeliveryState.QUEUED] * 3
        assert await self.claim(store, LaneKind.DELIVER, now=NOW + 200 * MINUTE) == []
        assert await store.reactivate(subscription_id, NOW + 2)
        assert not await store.reactivate(99, NOW)
        found = await store.subscription(subscription_id)
        assert found is not None
        assert (found.active, found.reason, found.stopped_at) == (True, None, None)
        (waiting,) = await store.waiting(subscription_id, 10)
        assert (waiting.attempt, waiting.due_at) == (0, NOW + 2)
        (again,) = await self.claim(store, LaneKind.DELIVER, now=NOW + 2)
        assert decode(again.cursor) == DeliveryCursor(1)

    async def test_an_accounts_policy_is_in_force_where_a_subscription_has_none(self, store: Store):
        await self.polling(store)
        made = await store.create_subscription(wanted(own_policy=FailurePolicy.RETRY), NOW)
        worker, _ = await self.claim(store, LaneKind.DELIVER)
        assert await store.account_settings(1) == {}
        assert await store.change_account_settings(1, {POLICY: "queue", "x": "y"}, NOW) == {POLICY: "queue", "x": "y"}
        own, other = await store.subscriptions(1)
        assert (own.policy, own.own_policy) == (FailurePolicy.QUEUE, None)
        assert (other.id, other.policy) == (made.id, FailurePolicy.RETRY)
        with pytest.raises(LeaseLost):
            await store.renew(worker, NOW + MINUTE)
        assert await store.change_account_settings(1, {POLICY: None}, NOW) == {"x": "y"}
        assert (await store.subscriptions(1))[0].policy is FailurePolicy.RETRY
        assert await store.account_settings(2) == {}

    # What people post

    async def test_what_is_posted_stands_in_the_accounts_own_log_and_wakes_its_subscriptions(self, store: Store):
        account_id = await self.account(store)
        log_id = account_log(account_id)
        new = wanted(account_id=account_id, instance_id=log_id, topics=("ops",))
        made = await store.create_subscription(new, NOW)
        assert made.filter.resources == ("ops",)
        first, second = [
            await store.post_notification(account_id, Post("low", topic, "Hello", "me"), NOW) for topic in ("ops", "b")
        ]
        assert await store.log_after(log_id, 0, 10) == [first, second]
        assert [each.first_sequence for each in (first, second)] == [1, 2]
        assert orjson.loads(first.body)["message"] == "Hello"
        log = await store.log(log_id)
        assert log is not None
        assert (log.last_sequence, log.oldest_sequence, log in await store.logs()) == (2, 1, True)
        assert len(await self.claim(store, LaneKind.DELIVER)) == 1
        assert [each.number for each in await store.standings(account_id, first.number)] == [first.number]
        assert await store.standings(account_id, second.number) == []
        with pytest.raises(LookupError, match="99"):
            await store.post_notification(99, Post("low", "t", "m", "f"), NOW)

    async def test_notifications_are_listed_by_topic_a_page_at_a_time_acknowledged_and_hidden(self, store: Store):
        account_id = await self.account(store)
        lane = await self.polling(store)
        await store.commit_page(lane, page([created(1), created(2)]))
        posts = [await store.post_notification(account_id, Post("low", "ops", "m", "f"), NOW) for _ in range(3)]
        events = "instance-1-connectwisecrmrest-events"

        async def listed(*topics, **more):
            return [each.notification.number for each in await store.kept_of_topics(account_id, topics, **more)]

        assert await listed("ops") == [each.number for each in reversed(posts)]
        assert await listed("ops", before=posts[1].number) == [posts[0].number]
        assert len(await listed(events)) == 2
        assert len(await listed(events, "ops", limit=4)) == 4
        assert await listed("instance-1-other-events") == await listed("unknown") == []
        assert await store.acknowledge(account_id, posts[0].number)
        assert not await store.acknowledge(account_id + 1, posts[0].number)
        kept = await store.kept(account_id, posts[0].number)
        assert kept is not None
        assert (kept.acknowledged, kept.notification) == (True, posts[0])
        assert await store.hide(account_id, posts[0].number, NOW)
        assert not await store.hide(account_id, posts[0].number, NOW)
        assert await store.kept(account_id, posts[0].number) is None
        assert len(await listed("ops")) == 2

    # Where deliveries stand

    async def test_each_subscription_has_a_standing_of_its_own_and_none_in_what_it_does_not_get(self, store: Store):
        await self.delivering(store)
        (own,) = await store.subscriptions(1)
        other = await store.create_subscription(wanted(after=0), NOW)
        picky = await store.create_subscription(wanted(after=0, filter=Filter(types=(EventType.DELETED,))), NOW)
        first, second, third = await store.log_after(1, 0, 10)
        await store.void_leases()
        writes = (wrote(first.number, 200, DeliveryState.DELIVERED), wrote(second.number, 503, DeliveryState.RETRY))
        await self.acknowledge_all(store, other.id, *writes, offset=2)
        standings = {
            n.number: {each.subscription_id: each.state.value for each in await store.standings(1, n.number)}
            for n in (first, second, third)
        }
        assert list(standings.values()) == [
            {own.id: "created", other.id: "delivered"},
            {own.id: "created", other.id: "retry"},
            {own.id: "created", other.id: "created"},
        ]
        assert picky.id not in standings[first.number]
        summaries = await store.events(1)
        assert [each.subscription_id for each in summaries] == [own.id] * 3
        assert [len(each.standings) for each in summaries] == [2, 2, 2]

        async def numbers(**asked):
            return [each.number for each in await store.deliveries(1, subscription_id=other.id, **asked)]

        assert await numbers(state=DeliveryState.DELIVERED) == [first.number]
        assert await numbers(state=DeliveryState.RETRY) == [second.number]
        assert await numbers(state=DeliveryState.CREATED) == [third.number]
        assert await numbers(state=DeliveryState.QUEUED) == []
        assert await numbers() == [third.number, second.number, first.number]
        assert await numbers(before=third.number, limit=1) == [second.number]
        assert await numbers(url="http://127.0.0.1:9/hook") == await numbers(channel="sms") == []
        assert len(await store.deliveries(1, channel="webhook", url=URL)) == 3
        assert await store.deliveries(2) == []

    async def test_what_is_queued_is_delivered_again_by_its_conditions(self, store: Store):
        deliver = await self.delivering(store)
        number = (await store.log_after(1, 0, 1))[0].number
        await store.deactivate(deliver, [wrote(number, 410, DeliveryState.RETRY)], b'{"offset":1}', "gone", NOW)
        other = await store.create_subscription(wanted(), NOW)
        assert await store.redeliver(1, now=NOW, channel="sms") == []
        assert await store.redeliver(1, now=NOW, url=URL) == []
        assert await store.redeliver(1, now=NOW, state=DeliveryState.RETRY) == []
        assert await store.redeliver(2, now=NOW) == []
        url, queued = "http://127.0.0.1:9/hook", DeliveryState.QUEUED
        assert await store.redeliver(1, channel="webhook", state=queued, url=url, now=NOW) == [int(deliver.key)]
        assert [each.notification.number for each in await store.waiting(int(deliver.key), 9)] == [number]
        assert {lane.key for lane in await self.claim(store, LaneKind.DELIVER)} == {deliver.key, str(other.id)}

    # Replays

    async def test_a_replay_has_a_lane_of_its_own_and_its_tries_are_told_apart(self, store: Store):
        await self.delivering(store)
        (own,) = await store.subscriptions(1)
        number = (await store.log_after(1, 0, 1))[0].number
        made = await store.create_replay(NewReplay(1, 1, own.id, 1, 3, (number,), 5.0), NOW)
        assert made == await store.replay(made.id)
        assert (made.state, made.position, made.numbers) == (ReplayState.RUNNING, 0, (number,))
        (lane,) = await self.claim(store, LaneKind.REPLAY)
        assert (lane.key, lane.instance_id) == (str(made.id), 1)
        going = replace(made, position=1, sent=1)
        lane = replace(lane, cursor=b'{"number":1}')
        tries = [(number, Attempt(1, NOW, outcome(), made.id))]
        await store.commit_replay(lane, going, tries, release=False, due_at=0, lease_until=NOW + MINUTE)
        assert await store.replay(made.id) == going
        summary = (await store.events(1))[0]
        assert (summary.state, summary.attempts) == (DeliveryState.CREATED, ())
        assert [each.replay_id for each in summary.standings[0].attempts] == [made.id]
        done = replace(going, state=ReplayState.DONE, finished_at=NOW + 1)
        await store.commit_replay(lane, done, [], release=True, due_at=NOW, lease_until=0)
        assert [(each.state, each.cursor) for each in await store.lanes(LaneKind.REPLAY)] == [
            (LaneState.OFF, b'{"number":1}')
        ]
        assert not await store.stop_replay(made.id, "enough", NOW)
        second = await store.create_replay(NewReplay(1, 1, own.id, 1, 3), NOW)
        (lane,) = await self.claim(store, LaneKind.REPLAY)
        assert await store.stop_replay(second.id, "enough", NOW + 2)
        with pytest.raises(LeaseLost):
            await store.commit_replay(lane, second, tries, release=True, due_at=0, lease_until=0)
        listed = await store.replays(1)
        assert [(each.id, each.state, each.reason) for each in listed] == [
            (second.id, ReplayState.STOPPED, "enough"),
            (made.id, ReplayState.DONE, None),
        ]
        assert await store.replays(1, instance_id=1, before=second.id) == listed[1:]
        assert await store.replays(2) == await store.replays(1, instance_id=2) == []

    async def test_where_a_notification_stands_is_found_by_id_by_sequence_and_by_time(self, store: Store):
        lane = await self.polling(store)
        for nth in range(40):
            at = NOW + 1000 * (nth // 2)

            def cut_at(changes, first_sequence, first_number, at=at):
                each = cut_one_each(changes, first_sequence, first_number)
                together = tuple(event for one in each for event in one.events)
                return [
                    msgspec.structs.replace(
                        each[0], id=notification_id("s", first_sequence), events=together, created_at=at
                    )
                ]

            changes = [created(100 * nth + each) for each in range(1 + nth % 3)]
            going_on = {"release": False, "lease_until": NOW + MINUTE}
            await store.commit_page(lane, page(changes, cut=cut_at, **going_on))
        log = await store.log_after(1, 0, 100)
        other = await store.create_subscription(wanted(after=0), NOW)
        cut = id_for(log[3].id, other.id)
        found = await store.places(1, [log[3].id, cut, "no id", log[-1].id])
        assert [found[each].number for each in (log[3].id, cut, log[-1].id)] == [
            log[3].number,
            log[3].number,
            log[-1].number,
        ]
        assert len(found) == 3
        assert await store.places(2, [log[3].id]) == {}
        for notification in log:
            for sequence in range(notification.first_sequence, notification.last_sequence + 1):
                place = await store.place_of(1, sequence)
                assert place is not None
                assert (place.number, place.first_sequence) == (notification.number, notification.first_sequence)
        last = log[-1].last_sequence
        assert await store.place_of(1, last + 1) is None
        for moment in range(NOW - 500, NOW + 21_000, 500):
            expected = next((each.number for each in log if each.created_at >= moment), None)
            place = await store.place_since(1, moment)
            assert (place and place.number) == expected
        assert await store.place_since(2, NOW) is None
        assert await store.count_log(1, 1, last) == len(log)
        assert await store.count_log(1, log[3].first_sequence, log[5].first_sequence) == 3
        assert await store.count_log(1, 5, 4) == await store.count_log(2, 1, last) == 0

    # Retention

    async def test_what_is_old_goes_a_little_at_a_time_unless_somebody_has_not_got_it(self, store: Store):
        await self.delivering(store, events=5)
        (own,) = await store.subscriptions(1)
        numbers = [each.number for each in await store.log_after(1, 0, 10)]
        assert (await store.drop_before(1, NOW + 1, 10)).notifications == 0
        await store.void_leases()
        writes = [wrote(number, 200, DeliveryState.DELIVERED) for number in numbers[:4]]
        writes[2] = wrote(numbers[2], 503, DeliveryState.RETRY)
        await self.acknowledge_all(store, own.id, *writes, offset=4)
        assert (await store.drop_before(1, NOW, 10)).notifications == 0
        one = await store.drop_before(1, NOW + 1, 1)
        assert (one.notifications, one.sequence, one.lost) == (1, 1, {})
        assert (await store.drop_before(1, NOW + 1, 10)).sequence == 2
        assert (await store.drop_before(1, NOW + 1, 10)).notifications == 0
        log = await store.log(1)
        assert log is not None
        assert (log.dropped_sequence, log.oldest_sequence, log.last_sequence) == (2, 3, 5)
        assert [each.number for each in await store.log_after(1, 0, 10)] == numbers[2:]
        instance = await store.instance(1)
        assert instance is not None
        assert instance.dropped_sequence == 2

    async def test_a_stopped_subscription_holds_its_events_until_it_was_stopped_for_as_long(self, store: Store):
        deliver = await self.delivering(store, events=3)
        number = (await store.log_after(1, 0, 1))[0].number
        failed = wrote(number, 410, DeliveryState.RETRY)
        await store.deactivate(deliver, [failed], b'{"offset":1}', "gone", NOW + MINUTE)
        assert (await store.drop_before(1, NOW + MINUTE, 10)).notifications == 0
        gone = await store.drop_before(1, NOW + MINUTE + 1, 10)
        assert (gone.notifications, gone.sequence, gone.lost) == (3, 3, {int(deliver.key): 3})
        assert await store.events(1) == []
        assert await store.reactivate(int(deliver.key), NOW + 2 * MINUTE)
        assert await store.waiting(int(deliver.key), 9) == []

    async def test_what_a_running_replay_is_to_send_stays_until_it_is_over(self, store: Store):
        await self.delivering(store, events=3)
        (own,) = await store.subscriptions(1)
        await store.void_leases()
        numbers = [each.number for each in await store.log_after(1, 0, 10)]
        writes = [wrote(number, 200, DeliveryState.DELIVERED) for number in numbers]
        await self.acknowledge_all(store, own.id, *writes, offset=3)
        running = await store.create_replay(NewReplay(1, 1, own.id, 2, 3), NOW)
        gone = await store.drop_before(1, NOW + 1, 10)
        assert (gone.notifications, gone.sequence) == (1, 1)
        assert await store.stop_replay(running.id, "by hand", NOW)
        assert (await store.drop_before(1, NOW + 1, 10)).notifications == 2

    async def test_an_accounts_log_is_dropped_like_any_other(self, store: Store):
        account_id = await self.account(store)
        for _ in range(3):
            await store.post_notification(account_id, Post("low", "ops", "m", "f"), NOW)
        assert (await store.drop_before(account_log(account_id), NOW + 1, 2)).notifications == 2
        log = await store.log(account_log(account_id))
        assert log is not None
        assert (log.oldest_sequence, log.last_sequence) == (3, 3)
