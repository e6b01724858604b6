"""What every store must keep; a backend's test class adds a `store` fixture."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import orjson
import pytest

from tidings.core.errors import LeaseLost
from tidings.core.model import (
    Attempt,
    Change,
    DeliveryState,
    DeliveryWrite,
    Event,
    EventType,
    LaneKind,
    LanePlan,
    LaneState,
    Notification,
    Outcome,
    RecordId,
    RecordWrite,
)
from tidings.core.trail import Entry, Verdict, encode
from tidings.store.base import NewInstance, PageCommit, Store

NOW = 1_790_000_000_000
MINUTE = 60_000


def new_instance(**changes):
    values: dict[str, Any] = {
        "account_id": 1,
        "user_id": 1,
        "element_key": "connectwisecrmrest",
        "name": "Acme",
        "tags": ("Acme",),
        "configuration": {"company": "acme", "event.notification.enabled": "true"},
        "secrets": {"private.key": "canary-private-key"},
        "token": "canary-token",
    }
    return NewInstance(**(values | changes))


def plan(*resources, url="http://127.0.0.1:9/hook", generation="g1"):
    return LanePlan(resources, dict.fromkeys(resources, generation), url, "canary-signature-key")


def cut_one_each(changes, first_sequence, first_number):
    return [
        Notification(
            number=first_number + i,
            id=f"n{first_sequence + i}",
            instance_id=1,
            resource="contacts",
            created_at=NOW,
            events=(Event(f"e{first_sequence + i}", first_sequence + i, change.type, str(change.record_id)),),
            body=orjson.dumps({"id": change.record_id}),
        )
        for i, change in enumerate(changes)
    ]


def created(record_id):
    return Change(EventType.CREATED, record_id, 1, NOW, b'{"id":%d}' % record_id)


def row(record_id, body=b"{}", **changes):
    values = {
        "id": record_id,
        "raw_hash": b"h",
        "stamp_at": NOW,
        "rev": 1,
        "gone": 0,
        "missing": 0,
        "generation": 1,
        "snapshot": body,
    }
    return RecordWrite(**(values | changes))


def page(changes=(), records=(), **more):
    return PageCommit(
        **(
            {
                "cursor": b'{"at":1}',
                "now": NOW,
                "records": records,
                "changes": changes,
                "cut": cut_one_each,
                "due_at": NOW + MINUTE,
                "serial": 1,
            }
            | more
        )
    )


def outcome(status=200):
    return Outcome(status, None, None, "", 0.01)


class StoreContract:
    async def claim(self, store: Store, kind=LaneKind.POLL, now=NOW, limit=10, owner="w1"):
        return await store.claim(kind, owner, now, now + MINUTE, limit)

    async def polling(self, store: Store, *resources):
        await store.create_instance(new_instance(), plan(*(resources or ("contacts",))), NOW)
        return (await self.claim(store))[0]

    # Instances

    async def test_an_instance_comes_back_as_it_was_given(self, store: Store):
        made = await store.create_instance(new_instance(), plan("contacts"), NOW)
        assert made == await store.instance(made.id) == await store.instance_by_token("canary-token")
        assert made.secrets == {"private.key": "canary-private-key"}
        assert [i.id for i in await store.instances(1)] == [made.id]
        assert await store.instances(2) == []

    async def test_of_two_changes_to_one_revision_the_second_is_refused(self, store: Store):
        made = await store.create_instance(new_instance(), plan(), NOW)
        await store.update_instance(dataclasses.replace(made, name="first"), plan(), NOW)
        with pytest.raises(LeaseLost):
            await store.update_instance(dataclasses.replace(made, name="second"), plan(), NOW)
        found = await store.instance(made.id)
        assert found is not None
        assert found.name == "first"

    async def test_a_deleted_instance_is_gone_with_its_token_and_is_purged(self, store: Store):
        lane = await self.polling(store)
        await store.commit_page(lane, page([created(1)], [row(1)]))
        assert await store.delete_instance(1, NOW)
        assert not await store.delete_instance(1, NOW)
        assert await store.instance(1) is None
        assert await store.instance_by_token("canary-token") is None
        assert await self.claim(store, now=NOW + MINUTE * 9) == []
        while await store.purge(1):
            pass
        assert await store.lanes() == []
        assert await store.known(lane.id, [1]) == {}
        assert await store.log_after(1, 0, 10) == []

    # Lanes

    async def test_no_two_workers_hold_one_lane(self, store: Store):
        await store.create_instance(new_instance(), plan(*(f"r{i}" for i in range(20))), NOW)
        taken = await asyncio.gather(*(self.claim(store, limit=3, owner=f"w{i}") for i in range(10)))
        ids = [lane.id for lanes in taken for lane in lanes]
        assert len(ids) == len(set(ids)) == 20

    async def test_the_longest_due_lane_is_claimed_first(self, store: Store):
        await store.create_instance(new_instance(), plan("late"), NOW)
        await store.create_instance(new_instance(token="t2"), plan("early"), NOW - MINUTE)
        assert [lane.key for lane in await self.claim(store, limit=1)] == ["early"]

    async def test_an_expired_lease_is_taken_over_and_the_first_holder_cannot_write(self, store: Store):
        first = await self.polling(store)
        assert await self.claim(store, owner="w2") == []
        (second,) = await self.claim(store, owner="w2", now=NOW + MINUTE)
        assert second.fence > first.fence
        for write in (
            store.commit_page(first, page([created(1)], [row(1)])),
            store.renew(first, NOW + 9 * MINUTE),
            store.release(first, due_at=NOW),
            store.park(first, "tired"),
        ):
            with pytest.raises(LeaseLost):
                await write
        assert await store.known(first.id, [1]) == {}
        assert await store.log_after(1, 0, 10) == []
        await store.commit_page(second, page([created(1)], [row(1)]))

    async def test_a_lane_that_was_given_back_is_nobodys_to_write(self, store: Store):
        lane = await self.polling(store)
        await store.release(lane, due_at=NOW)
        for write in (
            store.renew(lane, NOW + MINUTE),
            store.release(lane, due_at=NOW),
            store.commit_page(lane, page()),
        ):
            with pytest.raises(LeaseLost):
                await write
        assert len(await self.claim(store)) == 1

    async def test_voided_leases_are_free_at_once_and_their_holders_cannot_write(self, store: Store):
        lane = await self.polling(store)
        await store.void_leases()
        with pytest.raises(LeaseLost):
            await store.renew(lane, NOW + MINUTE)
        assert len(await self.claim(store, owner="w2")) == 1

    async def test_next_due_counts_a_held_lane_from_the_end_of_its_lease(self, store: Store):
        assert await store.next_due(LaneKind.POLL, NOW) is None
        lane = await self.polling(store)
        assert await store.next_due(LaneKind.POLL, NOW) == NOW + MINUTE
        await store.release(lane, due_at=NOW + 5)
        assert await store.next_due(LaneKind.POLL, NOW) == NOW + 5

    async def test_a_parked_lane_rests_until_the_instance_is_changed(self, store: Store):
        lane = await self.polling(store)
        await store.park(lane, "the provider refused the keys", cursor=b"kept")
        assert await self.claim(store, now=NOW + 99 * MINUTE) == []
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts"), NOW)
        (woken,) = await self.claim(store)
        assert (woken.cursor, woken.parked_reason, woken.state) == (b"kept", None, LaneState.READY)

    async def test_all_lanes_of_an_instance_park_together_and_wake_together(self, store: Store):
        lane = await self.polling(store, "contacts", "incidents")
        await store.create_instance(new_instance(token="other"), plan("contacts"), NOW)
        await store.park_all(lane, "the provider refuses")
        states = [(found.instance_id, found.state) for found in await store.lanes(LaneKind.POLL)]
        assert states == [(1, LaneState.PARKED), (1, LaneState.PARKED), (2, LaneState.READY)]
        assert [found.state for found in await store.lanes(LaneKind.DELIVER, 1)] == [LaneState.READY]
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts", "incidents"), NOW)
        assert len(await self.claim(store)) == 3

    async def test_a_resource_taken_out_and_put_back_goes_on_where_it_was(self, store: Store):
        lane = await self.polling(store, "contacts", "incidents")
        await store.commit_page(lane, page(cursor=b"kept"))
        for resources in ((), ("contacts", "incidents")):
            instance = await store.instance(1)
            assert instance is not None
            await store.update_instance(instance, plan(*resources), NOW)
            assert len(await self.claim(store)) == len(resources)
        assert [found.cursor for found in await store.lanes(LaneKind.POLL)] == [b"kept", b""]

    async def test_a_change_of_configuration_moves_the_fence_and_hands_over_the_generation(self, store: Store):
        lane = await self.polling(store)
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts", generation="g2"), NOW)
        with pytest.raises(LeaseLost):
            await store.commit_page(lane, page())
        assert [found.generation for found in await self.claim(store)] == ["g2"]

    async def test_a_person_amends_a_lane_and_its_worker_drops_its_work(self, store: Store):
        lane = await self.polling(store)
        await store.commit_page(lane, page(cursor=b"1", release=False, lease_until=NOW + MINUTE))
        assert await store.amend(lane.id, lambda cursor: cursor + b"2", NOW)
        with pytest.raises(LeaseLost):
            await store.commit_page(lane, page())
        assert [found.cursor for found in await self.claim(store)] == [b"12"]
        assert not await store.amend(999, lambda cursor: cursor, NOW)

    async def test_a_lane_is_hurried_only_while_nobody_holds_it_and_only_if_that_is_wanted(self, store: Store):
        lane = await self.polling(store)
        assert not await store.hurry(lane.id, lambda found: b"never", NOW)
        await store.commit_page(lane, page(cursor=b"1", release=False, lease_until=NOW + MINUTE))
        await store.release(lane, due_at=NOW + 9 * MINUTE, attempt=2, reason="503")
        seen = []

        def refuse(found):
            seen.append((found.attempt, found.due_at, found.cursor))

        assert not await store.hurry(lane.id, refuse, NOW)
        assert seen == [(2, NOW + 9 * MINUTE, b"1")]
        assert await self.claim(store) == []
        assert await store.hurry(lane.id, lambda found: found.cursor + b"2", NOW)
        (claimed,) = await self.claim(store)
        assert claimed.cursor == b"12"
        await store.park(claimed, "keys refused")
        assert not await store.hurry(lane.id, lambda found: b"3", NOW)
        assert not await store.hurry(999, lambda found: b"3", NOW)

    async def test_a_hint_lane_stays_and_is_due_with_each_change_until_its_instance_is_deleted(self, store: Store):
        hinted = dataclasses.replace(plan("contacts"), hints=True)
        made = await store.create_instance(new_instance(), hinted, NOW)
        (lane,) = await self.claim(store, LaneKind.HINT)
        await store.release(lane, due_at=NOW + 99 * MINUTE, cursor=b"kept")
        for wanted in (hinted, plan("contacts"), LanePlan()):
            made = await store.update_instance(made, wanted, NOW)
            (lane,) = await self.claim(store, LaneKind.HINT)
            assert lane.cursor == b"kept"
            await store.release(lane, due_at=NOW + 99 * MINUTE)
        await store.delete_instance(made.id, NOW)
        assert [found.state for found in await store.lanes(LaneKind.HINT)] == [LaneState.OFF]
        await store.create_instance(new_instance(token="other"), plan("contacts"), NOW)
        assert len(await store.lanes(LaneKind.HINT)) == 1

    # Pages

    async def test_a_page_is_committed_whole_or_not_at_all(self, store: Store):
        lane = await self.polling(store)

        def breaks(changes, first_sequence, first_number):
            raise RuntimeError("cut")

        with pytest.raises(RuntimeError, match="cut"):
            await store.commit_page(lane, page([created(1)], [row(1)], cut=breaks))
        assert await store.known(lane.id, [1]) == {}
        assert (await store.lanes(LaneKind.POLL))[0].cursor == b""
        (notification,) = await store.commit_page(lane, page([created(1)], [row(1)]))
        assert notification.first_sequence == 1

    async def test_sequences_have_no_gap_whoever_commits(self, store: Store):
        await store.create_instance(new_instance(), plan("contacts", "incidents"), NOW)
        lanes = await self.claim(store)

        async def commit(lane, start):
            for i in range(10):
                await store.commit_page(
                    lane, page([created(start + i), created(100 + start + i)], release=False, lease_until=NOW + MINUTE)
                )

        await asyncio.gather(*(commit(lane, 1000 * i) for i, lane in enumerate(lanes)))
        log = await store.log_after(1, 0, 100)
        assert [n.first_sequence for n in log] == list(range(1, 41))
        assert len({n.number for n in log}) == 40

    async def test_records_and_snapshots_come_back_as_written(self, store: Store):
        lane = await self.polling(store)
        body = b'{"id":%d,"name":"Somebody of some length so that a dictionary pays","n":%d}'
        records = [row(i, body % (i, i * i)) for i in range(1, 1501)] + [row("text-id", b'{"id":"text-id"}')]
        await store.commit_page(lane, page(records=records, release=False, lease_until=NOW + MINUTE))
        known = await store.known(lane.id, [1, 1500, 9999, "text-id"])
        assert set(known) == {1, 1500, "text-id"}
        assert known[1].raw_hash == b"h"
        found = await store.snapshots(lane.id, [*range(1, 1501), "text-id"])
        assert found == {r.id: r.snapshot for r in records}
        await store.commit_page(lane, page(records=[row(1, None, rev=2, gone=1)], serial=2))
        assert (await store.snapshots(lane.id, [1]))[1] == body % (1, 1)
        assert (await store.known(lane.id, [1]))[1].rev == 2
        assert await store.live_count(lane.id) == 1500

    async def test_live_ids_are_those_known_before_the_sweep_began(self, store: Store):
        lane = await self.polling(store)
        await store.commit_page(
            lane, page(records=[row(i) for i in (2, 10, 9, 30)], release=False, lease_until=NOW + MINUTE)
        )
        await store.commit_page(lane, page(records=[row(9), row(11), row(10, gone=1)], serial=2))
        assert await store.live_ids(lane.id, None, None, 1) == [2, 30]
        out_of_view, swept = row(2, missing=-1), row(30, gone=1, missing=2)
        (again,) = await self.claim(store, now=NOW + 2 * MINUTE)
        await store.commit_page(again, page(records=[out_of_view, swept], serial=1))
        assert await store.live_ids(lane.id, None, None, 1) == []
        assert await store.live_ids(lane.id, None, None, 1, hidden=True) == [2, 30]
        assert await store.live_ids(lane.id, 2, 11, 2) == [9, 11]
        assert await store.live_ids(lane.id, 2, 11, 2, hidden=True) == []

    async def test_hashes_are_those_of_records_that_are_as_they_were_last_read(self, store: Store):
        lane = await self.polling(store)
        records = [row(key, raw_hash=f"hash of {key!r}".encode(), stamp_at=10) for key in (2, 9, 10, "10", 30)]
        others = [{"gone": 1}, {"missing": 1}, {"generation": 2}]
        records += [row(3 + nth, raw_hash=b"%d" % nth, **other) for nth, other in enumerate(others)]
        await store.commit_page(lane, page(records=records))

        async def found(after: RecordId | None, upto: RecordId | None, generation: int = 1, limit: int = 99):
            return [each.decode() for each in await store.hashes(lane.id, after, upto, generation, limit)]

        everything = ["hash of 2", "hash of 9", "hash of 10", "hash of 30", "hash of '10'"]
        assert await found(None, None) == everything
        assert await found(None, None, limit=2) == everything[:2]
        assert await found(2, 10) == ["hash of 9", "hash of 10"]
        assert await found(None, 9) == everything[:2]
        assert await found(10, None) == everything[3:]
        assert await found(None, None, generation=2) == ["2"]
        assert await store.hashes(lane.id, 2, 9, 1, 99) == {b"hash of 9": (10, 9)}

    # The trail

    async def test_a_page_leaves_its_entry_with_the_numbers_of_what_was_cut_in_its_commit(self, store: Store):
        lane = await self.polling(store)
        assert await store.trail_since(lane.id) is None
        entry = Entry("poll", NOW - 5, NOW - 1, 1, 2, 0, encode([7, 8], {8: Verdict.CREATED}), at=NOW, serial=1)
        notifications = await store.commit_page(lane, page([created(8)], [row(8)], entry=entry))
        kept = dataclasses.replace(entry, numbers=tuple(each.number for each in notifications))
        assert await store.trail(lane.id, 0, NOW) == [kept]
        (told,) = await store.events_numbered(1, kept.numbers)
        assert told.notification == notifications[0]
        assert await store.events_numbered(2, kept.numbers) == []

    async def test_a_failure_is_kept_with_the_release_and_with_what_parks_the_lane(self, store: Store):
        lane = await self.polling(store)
        entries = [
            Entry("poll", failure="the provider is down", status=503, next_at=NOW + 9, at=NOW + nth, serial=4)
            for nth in range(3)
        ]
        await store.release(lane, due_at=NOW, entry=entries[0])
        (lane,) = await self.claim(store)
        await store.park(lane, "refused", entry=entries[1])
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts"), NOW)
        (lane,) = await self.claim(store)
        await store.park_all(lane, "refused", entry=entries[2])
        assert await store.trail(lane.id, 0, NOW + 9) == entries

    async def test_a_worker_that_lost_its_lane_leaves_no_entry(self, store: Store):
        lane = await self.polling(store)
        await self.claim(store, now=NOW + 2 * MINUTE, owner="w2")
        entry = Entry("poll", at=NOW, serial=1)
        for write in (
            store.commit_page(lane, page(entry=entry)),
            store.release(lane, due_at=NOW, entry=entry),
            store.park(lane, "why", entry=entry),
            store.park_all(lane, "why", entry=entry),
        ):
            with pytest.raises(LeaseLost):
                await write
        assert await store.trail(lane.id, 0, NOW) == []

    async def left_behind(self, store: Store, count=5):
        lane = await self.polling(store)
        for serial in range(1, count + 1):
            entry = Entry("poll", page=1, at=NOW + serial // 2, serial=serial)
            held = page(entry=entry, serial=serial, release=False, lease_until=NOW + MINUTE)
            await store.commit_page(lane, held)
        return lane

    async def test_a_trail_is_read_by_its_time_and_from_any_place(self, store: Store):
        lane = await self.left_behind(store)

        async def serials(from_at: int, to_at: int, **more: Any) -> list[int]:
            return [each.serial for each in await store.trail(lane.id, from_at, to_at, **more)]

        assert await serials(0, NOW + 9) == [1, 2, 3, 4, 5]
        assert await serials(NOW + 1, NOW + 1) == [2, 3]
        assert await serials(0, NOW + 9, after=(NOW + 1, 2), limit=2) == [3, 4]
        assert await serials(NOW + 3, NOW + 9) == []
        assert await store.trail_since(lane.id) == NOW

    async def test_what_is_old_is_purged_a_little_at_a_time_and_the_rest_with_its_instance(self, store: Store):
        lane = await self.left_behind(store)
        assert [await store.purge_trail(NOW + 2, 2) for _ in range(3)] == [2, 1, 0]
        assert [each.serial for each in await store.trail(lane.id, 0, NOW + 9)] == [4, 5]
        await store.delete_instance(1, NOW)
        while await store.purge(1):
            pass
        assert await store.trail(lane.id, 0, NOW + 9) == []

    # Deliveries

    async def delivering(self, store: Store, events=3):
        lane = await self.polling(store)
        assert await store.commit_page(lane, page([created(i) for i in range(1, events + 1)]))
        return (await self.claim(store, LaneKind.DELIVER))[0]

    async def test_a_commit_with_events_makes_the_delivery_lane_due(self, store: Store):
        poll = await self.polling(store)
        (deliver,) = await self.claim(store, LaneKind.DELIVER)
        await store.commit_deliveries(
            deliver, [], cursor=b"{}", seen=0, release=True, due_at=NOW + 99 * MINUTE, lease_until=0
        )
        assert await self.claim(store, LaneKind.DELIVER) == []
        await store.commit_page(poll, page([created(1)]))
        assert len(await self.claim(store, LaneKind.DELIVER)) == 1

    async def test_events_that_came_while_the_worker_looked_away_wake_the_lane(self, store: Store):
        deliver = await self.delivering(store)
        await store.commit_deliveries(
            deliver, [], cursor=b"{}", seen=2, release=True, due_at=NOW + 99 * MINUTE, lease_until=0
        )
        assert len(await self.claim(store, LaneKind.DELIVER)) == 1

    async def test_a_change_that_is_none_of_the_receivers_leaves_what_is_on_its_way(self, store: Store):
        deliver = await self.delivering(store)
        instance = await store.instance(1)
        assert instance is not None
        renamed = await store.update_instance(dataclasses.replace(instance, tags=("other",)), plan("contacts"), NOW)
        await store.renew(deliver, NOW + MINUTE)
        await store.update_instance(renamed, plan("contacts", url="https://other.example/"), NOW)
        with pytest.raises(LeaseLost):
            await store.renew(deliver, NOW + MINUTE)

    async def test_a_new_receiver_starts_at_the_end_of_the_log(self, store: Store):
        await store.create_instance(new_instance(), plan("contacts", url=None), NOW)
        (poll,) = await self.claim(store)
        await store.commit_page(poll, page([created(1), created(2)]))
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts"), NOW)
        (deliver,) = await self.claim(store, LaneKind.DELIVER)
        assert orjson.loads(deliver.cursor) == {"offset": 2}

    async def test_what_failed_waits_and_what_succeeded_is_forgotten(self, store: Store):
        deliver = await self.delivering(store)
        first, second, _ = await store.log_after(1, 0, 10)
        refused = DeliveryWrite(first.number, Attempt(1, NOW, outcome(503)), DeliveryState.RETRY, 1, NOW + 4000)
        taken = DeliveryWrite(second.number, Attempt(1, NOW, outcome()), DeliveryState.DELIVERED, 1, 0)
        await store.commit_deliveries(
            deliver, [refused, taken], cursor=b'{"offset":2}', seen=3, release=False, due_at=0, lease_until=NOW + MINUTE
        )
        (waiting,) = await store.waiting(int(deliver.key), 10)
        assert (waiting.notification, waiting.attempt, waiting.due_at) == (first.outline(), 1, NOW + 4000)
        states = [summary.state for summary in await store.events(1)]
        assert states == [DeliveryState.RETRY, DeliveryState.DELIVERED, DeliveryState.CREATED]
        again = DeliveryWrite(first.number, Attempt(2, NOW + 4000, outcome()), DeliveryState.DELIVERED, 2, 0)
        await store.commit_deliveries(
            deliver, [again], cursor=b'{"offset":2}', seen=3, release=True, due_at=0, lease_until=0
        )
        assert await store.waiting(int(deliver.key), 10) == []
        summary = await store.event(1, first.id)
        assert summary is not None
        assert [a.outcome.status for a in summary.attempts] == [503, 200]
        assert await store.event(1, "unknown") is None

    async def test_the_log_is_read_from_either_end_and_from_any_place(self, store: Store):
        await self.delivering(store, events=5)

        async def sequences(**asked):
            return [summary.notification.first_sequence for summary in await store.events(1, **asked)]

        assert await sequences(after=2) == [3, 4, 5]
        assert await sequences(after=1, skip=1, limit=2) == [3, 4]
        assert await sequences(newest_first=True) == [5, 4, 3, 2, 1]
        assert await sequences(newest_first=True, before=4, limit=2) == [3, 2]
        assert await sequences(newest_first=True, before=5, skip=3) == [1]
        assert await sequences(newest_first=True, before=1) == []

    async def test_a_notification_is_read_by_its_number(self, store: Store):
        await self.delivering(store)
        for notification in await store.log_after(1, 0, 10):
            assert await store.notification(notification.number) == notification
        with pytest.raises(LookupError, match="999"):
            await store.notification(999)

    async def test_the_log_is_read_up_to_so_many_bytes_and_one_notification_at_least(self, store: Store):
        await self.delivering(store)
        first, second, _ = await store.log_after(1, 0, 10)
        size = len(first.body)
        assert await store.log_after(1, 0, 10, 1) == [first]
        assert await store.log_after(1, 0, 10, size) == [first]
        assert await store.log_after(1, 0, 10, size + 1) == [first, second]

    async def test_the_last_of_several_writes_about_one_notification_says_where_it_stands(self, store: Store):
        deliver = await self.delivering(store)
        first, second, _ = await store.log_after(1, 0, 10)
        passed = DeliveryWrite(first.number, None, DeliveryState.RETRY, 0, NOW)
        arrived = DeliveryWrite(first.number, Attempt(1, NOW, outcome()), DeliveryState.DELIVERED, 1, NOW)
        refused = DeliveryWrite(
            second.number, Attempt(1, NOW, outcome(503)), DeliveryState.RETRY, 1, NOW, had_row=False
        )
        again = DeliveryWrite(second.number, Attempt(1, NOW, outcome(502)), DeliveryState.RETRY, 1, NOW + 1)
        await store.commit_deliveries(
            deliver,
            [passed, arrived, refused, again],
            cursor=b"{}",
            seen=3,
            release=False,
            due_at=0,
            lease_until=NOW + MINUTE,
        )
        (waiting,) = await store.waiting(int(deliver.key), 10)
        assert (waiting.notification.id, waiting.due_at) == (second.id, NOW + 1)
        summaries = await store.events(1)
        assert [[a.outcome.status for a in summary.attempts] for summary in summaries] == [[200], [503, 502], []]

    async def test_what_comes_after_something_queued_shows_as_queued_without_a_row(self, store: Store):
        deliver = await self.delivering(store)
        first, second, _ = await store.log_after(1, 0, 10)
        assert not await store.is_queueing(int(deliver.key))
        arrived = DeliveryWrite(first.number, Attempt(1, NOW, outcome()), DeliveryState.DELIVERED, 1, NOW)
        refused = DeliveryWrite(second.number, Attempt(1, NOW, outcome(503)), DeliveryState.QUEUED, 1, NOW)
        await store.commit_deliveries(
            deliver, [arrived, refused], cursor=b'{"offset":2}', seen=3, release=True, due_at=NOW, lease_until=0
        )
        assert await store.is_queueing(int(deliver.key))
        assert await store.waiting(int(deliver.key), 10) == []
        states = [summary.state for summary in await store.events(1)]
        assert states == [DeliveryState.DELIVERED, DeliveryState.QUEUED, DeliveryState.QUEUED]

    async def test_tries_are_numbered_on_when_a_stopped_subscription_begins_its_schedule_anew(self, store: Store):
        deliver = await self.delivering(store)
        first = (await store.log_after(1, 0, 1))[0]
        for number, status in ((1, 503), (2, 410), (1, 200)):
            write = DeliveryWrite(first.number, Attempt(number, NOW, outcome(status)), DeliveryState.DELIVERED, 1, NOW)
            await store.commit_deliveries(
                deliver, [write], cursor=b"{}", seen=3, release=False, due_at=0, lease_until=NOW + MINUTE
            )
        summary = await store.event(1, first.id)
        assert summary is not None
        assert [(a.number, a.outcome.status) for a in summary.attempts] == [(1, 503), (2, 410), (3, 200)]
        assert summary.state is DeliveryState.DELIVERED

    async def test_a_stopped_subscription_keeps_its_queue_and_goes_on_when_the_instance_is_changed(self, store: Store):
        deliver = await self.delivering(store)
        first = (await store.log_after(1, 0, 1))[0]
        write = DeliveryWrite(first.number, Attempt(10, NOW, outcome(410)), DeliveryState.RETRY, 10, NOW)
        await store.deactivate(deliver, [write], b'{"offset":1}', "the receiver answered 410", NOW)
        subscription = await store.subscription(int(deliver.key))
        assert subscription is not None
        assert (subscription.active, subscription.reason) == (False, "the receiver answered 410")
        assert await store.waiting(subscription.id, 10) == []
        assert await self.claim(store, LaneKind.DELIVER, now=NOW + 9 * MINUTE) == []
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts"), NOW)
        assert [d.notification.id for d in await store.waiting(subscription.id, 10)] == [first.id]
        assert len(await self.claim(store, LaneKind.DELIVER)) == 1

    async def test_a_changed_callback_url_is_used_from_then_on(self, store: Store):
        deliver = await self.delivering(store)
        instance = await store.instance(1)
        assert instance is not None
        await store.update_instance(instance, plan("contacts", url="http://127.0.0.1:9/other"), NOW)
        subscription = await store.subscription(int(deliver.key))
        assert subscription is not None
        assert (subscription.url, subscription.keys_at(NOW)) == ("http://127.0.0.1:9/other", ["canary-signature-key"])
        assert len(await store.subscriptions(1)) == 1

    # Notices

    async def noticed(self, store: Store, *subjects, now=NOW, tell=True):
        return await store.turn_notices(dict.fromkeys(subjects, "the provider said no"), (), now, tell=tell)

    async def test_a_notice_is_open_once_for_each_subject_and_opens_anew_after_it_was_closed(self, store: Store):
        await self.polling(store)
        subject = (1, "polling.parked", "contacts")
        (opened,), closed = await self.noticed(store, subject)
        assert (opened.about, opened.account_id, opened.opened_at, opened.closed_at) == (subject, 1, NOW, None)
        assert (opened.reason, closed) == ("the provider said no", [])
        assert await self.noticed(store, subject, now=NOW + 1) == ([], [])
        (other,), _ = await self.noticed(store, (1, "polling.parked", "incidents"))
        assert await store.open_notices() == [opened, other]
        opened_none, (closed,) = await store.turn_notices({}, [opened.id], NOW + 2, tell=True)
        assert (opened_none, closed.id, closed.closed_at) == ([], opened.id, NOW + 2)
        assert await store.turn_notices({}, [opened.id], NOW + 3, tell=True) == ([], [])
        (again,), _ = await self.noticed(store, subject, now=NOW + 4)
        assert again.id > other.id
        assert [each.id for each in await store.open_notices()] == [other.id, again.id]

    async def test_one_notice_can_be_closed_and_another_opened_for_its_subject_at_once(self, store: Store):
        await self.polling(store)
        subject = (1, "polling.stale", "contacts")
        (first,), _ = await self.noticed(store, subject)
        (second,), (closed,) = await store.turn_notices({subject: "again"}, [first.id], NOW + 1, tell=True)
        assert (closed.id, second.about) == (first.id, subject)

    async def test_nothing_is_noticed_of_an_instance_that_is_deleted_and_its_notices_go_with_it(self, store: Store):
        await self.polling(store)
        await self.noticed(store, (1, "polling.parked", "contacts"))
        await store.delete_instance(1, NOW)
        assert await self.noticed(store, (1, "polling.parked", "incidents")) == ([], [])
        while await store.purge(100):
            pass
        assert await store.notices(1) == []

    async def test_notices_are_listed_newest_first_for_their_account_alone(self, store: Store):
        await self.polling(store)
        await store.create_instance(new_instance(token="another"), plan("contacts"), NOW)
        await store.create_instance(new_instance(token="a stranger's", account_id=2), plan("contacts"), NOW)
        for instance_id in (1, 2, 3):
            await self.noticed(store, (instance_id, "polling.parked", "contacts"))
        await store.turn_notices({}, [1], NOW, tell=True)

        async def listed(account_id=1, **asked):
            return [each.id for each in await store.notices(account_id, **asked)]

        assert await listed() == [2, 1]
        assert await listed(account_id=2) == [3]
        assert await listed(open_only=True) == [2]
        assert await listed(instance_id=1) == [1]
        assert await listed(limit=1) == [2]
        assert await listed(before=2) == [1]
        assert await listed(skip=1) == [1]

    async def test_the_receiver_of_notices_is_told_of_the_opening_and_then_of_the_closing(self, store: Store):
        await self.polling(store)
        (notice,), _ = await self.noticed(store, (1, "polling.parked", "contacts"))
        (due,) = await store.untold(NOW, 10)
        assert (due.notice, due.closing, due.tries) == (notice, False, 0)
        await store.not_told(due, NOW + 4000)
        assert await store.untold(NOW, 10) == []
        await store.turn_notices({}, [notice.id], NOW + 1000, tell=True)
        assert await store.untold(NOW + 1000, 10) == []
        (due,) = await store.untold(NOW + 4000, 10)
        assert (due.closing, due.tries, due.notice.closed_at) == (False, 1, NOW + 1000)
        await store.told(due)
        (due,) = await store.untold(NOW + 1000, 10)
        assert (due.closing, due.tries) == (True, 0)
        await store.told(due)
        assert await store.untold(NOW + 10**9, 10) == []

    async def test_an_open_notice_that_was_told_of_has_nothing_more_to_tell_until_it_is_closed(self, store: Store):
        await self.polling(store)
        (notice,), _ = await self.noticed(store, (1, "polling.parked", "contacts"))
        await store.told((await store.untold(NOW, 10))[0])
        assert await store.untold(NOW + 10**9, 10) == []
        await store.turn_notices({}, [notice.id], NOW + 5, tell=True)
        assert await store.untold(NOW + 4, 10) == []
        assert [each.closing for each in await store.untold(NOW + 5, 10)] == [True]

    async def test_what_nobody_was_to_be_told_of_is_not_told_later(self, store: Store):
        await self.polling(store)
        subject = (1, "polling.parked", "contacts")
        (notice,), _ = await self.noticed(store, subject, tell=False)
        assert await store.untold(NOW, 10) == []
        await store.turn_notices({}, [notice.id], NOW, tell=False)
        assert await store.untold(NOW, 10) == []
        (notice,), _ = await self.noticed(store, subject, tell=False)
        await store.turn_notices({}, [notice.id], NOW, tell=True)
        assert [each.closing for each in await store.untold(NOW, 10)] == [True]

    # Figures

    async def test_a_backlog_counts_what_lies_beyond_the_offset_and_what_failed_before_it(self, store: Store):
        lane = await self.polling(store)
        (none,) = await store.backlogs()
        assert (none.subscription_id, none.instance_id, none.active, none.events, none.oldest_at) == (1, 1, 1, 0, None)
        notifications = await store.commit_page(lane, page([created(1), created(2), created(3)]))
        (all_of_them,) = await store.backlogs()
        assert (all_of_them.events, all_of_them.oldest_at) == (3, NOW)
        (delivering,) = await self.claim(store, LaneKind.DELIVER)
        failed, delivered = (
            DeliveryWrite(each.number, Attempt(1, NOW, outcome(status)), state, 1, NOW)
            for each, status, state in zip(
                notifications, (500, 200), (DeliveryState.RETRY, DeliveryState.DELIVERED), strict=False
            )
        )
        await store.commit_deliveries(
            delivering,
            [failed, delivered],
            cursor=b'{"offset":2}',
            seen=3,
            release=True,
            due_at=NOW,
            lease_until=NOW,
        )
        (left,) = await store.backlogs()
        assert (left.events, left.oldest_at) == (2, NOW)

    async def test_the_store_says_how_large_it_is_and_how_its_commits_went(self, store: Store):
        before = await store.figures()
        await self.polling(store)
        after = await store.figures()
        assert after.commits > before.commits
        assert after.commit_for > before.commit_for
        assert after.bytes > 0
        assert (after.waiting_writes, after.failure) == (0, None)
