"""What every store must keep of what providers send; joined to the rest."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.store.contract import MINUTE, NOW, created, cut_one_each, new_instance, page, plan
from tests.store.counting import CountingContract
from tidings.core.model import Change, EventType, LaneKind
from tidings.store.base import Store


def cut(*ids: int):
    return partial(cut_one_each, [created(each) for each in ids])


def cut_texts(*ids: str):
    return partial(cut_one_each, [Change(EventType.UNKNOWN, each, 1, NOW, b"{}") for each in ids])


class IngestContract(CountingContract):
    async def test_what_is_sent_stands_in_the_log_between_what_polls_find(self, store: Store):
        await store.create_instance(new_instance(), plan("contacts"), NOW)
        (lane,) = await self.claim(store)
        await store.commit_page(lane, page([created(1)], release=False, lease_until=NOW + MINUTE))
        made = await store.ingest(1, cut(2, 3), 2, NOW)
        await store.commit_page(lane, page([created(4)]))
        assert made is not None
        log = await store.log_after(1, 0, 10)
        assert [each.first_sequence for each in log] == [1, 2, 3, 4]
        assert list(log[1:3]) == list(made)
        assert len({each.number for each in log}) == 4

    async def test_sent_events_make_the_delivery_lane_due(self, store: Store):
        await store.create_instance(new_instance(), plan("contacts"), NOW)
        (lane,) = await self.claim(store, LaneKind.DELIVER)
        await store.release(lane, due_at=NOW + 60 * MINUTE)
        await store.ingest(1, cut(1), 1, NOW + 5)
        assert await store.next_due(LaneKind.DELIVER, NOW) == NOW + 5

    async def test_an_id_that_the_log_holds_adds_nothing_also_when_it_comes_many_times_at_once(self, store: Store):
        await store.create_instance(new_instance(), plan(), NOW)
        found = await asyncio.gather(*(store.ingest(1, cut(1), 1, NOW, known_id="n1") for _ in range(5)))
        assert sorted(map(len, filter(None, found))) == [1]
        assert None not in found
        assert len(await store.log_after(1, 0, 10)) == 1
        assert await store.ingest(1, cut(2), 1, NOW, known_id="other") != ()
        assert [each.first_sequence for each in await store.log_after(1, 0, 10)] == [1, 2]

    async def test_nothing_is_kept_for_an_instance_that_is_not_there(self, store: Store):
        await store.create_instance(new_instance(), plan(), NOW)
        await store.delete_instance(1, NOW)
        assert await store.ingest(1, cut(1), 1, NOW) is None
        assert await store.ingest(99, cut(1), 1, NOW) is None
        assert await store.log_after(1, 0, 10) == []

    async def test_a_cut_that_fails_leaves_no_gap(self, store: Store):
        await store.create_instance(new_instance(), plan(), NOW)

        def broken(first_sequence, first_number):
            raise ValueError("no")

        for attempt in (broken, cut(1)):
            await asyncio.gather(store.ingest(1, attempt, 1, NOW), return_exceptions=True)
        assert [each.first_sequence for each in await store.log_after(1, 0, 10)] == [1]

    async def test_what_tells_of_a_record_is_found_by_its_exact_id(self, store: Store):
        await store.create_instance(new_instance(), plan(), NOW)
        for each in ("5", "55", "a%b", "a_b", 'a"b', "aXb"):
            await store.ingest(1, cut_texts(each), 1, NOW)
        found = {
            each: await store.mentioning(1, "contacts", each, 1, 100, 10)
            for each in ("5", "a%b", "a_b", 'a"b', "nothing")
        }
        assert found == {"5": [1], "a%b": [3], "a_b": [4], 'a"b': [5], "nothing": []}
        assert await store.mentioning(1, "contacts", "5", 2, 100, 10) == []
        assert await store.mentioning(1, "incidents", "5", 1, 100, 10) == []
        assert await store.mentioning(2, "contacts", "5", 1, 100, 10) == []

    async def test_configurations_are_those_of_one_element_without_secrets(self, store: Store):
        await store.create_instance(new_instance(), plan(), NOW)
        await store.create_instance(new_instance(token="b", element_key="other"), plan(), NOW)
        await store.create_instance(new_instance(token="c", configuration={"company": "beta"}), plan(), NOW)
        await store.create_instance(new_instance(token="d"), plan(), NOW)
        await store.delete_instance(4, NOW)
        assert await store.configurations("connectwisecrmrest") == [
            (1, {"company": "acme", "event.notification.enabled": "true"}),
            (3, {"company": "beta"}),
        ]
        assert await store.configurations("none") == []
