"""What every store must keep of the calls of the API; joined to the contract of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.store.contract import MINUTE, NOW
from tidings.core.usage import Usage, UsageFilter
from tidings.store.base import Store
from tidings.store.usage import UsagePlace

EVER = UsageFilter(0, NOW + 1000 * MINUTE)


def called(nth: int = 0, **more) -> Usage:
    values: dict[str, Any] = {
        "request_id": f"{nth:024x}",
        "account_id": 1,
        "user_id": 1,
        "organization_id": 1,
        "at": NOW + nth * MINUTE,
        "took_for": 0.25,
        "method": "GET",
        "path": "/elements/api-v2/instances",
        "operation": "list_all",
        "status": 200,
        "address": "10.1.2.3",
    }
    return Usage(**(values | more))


class UsingContract:
    async def test_a_call_is_found_by_its_request_and_by_its_account_alone(self, store: Store):
        await store.add_usage([called(1, element_key="crm", instance_id=7), called(2, account_id=2)])
        found = await store.usage(1, f"{1:024x}")
        assert found is not None
        assert replace(found, number=0) == called(1, element_key="crm", instance_id=7)
        assert found.number > 0
        assert await store.usage(1, f"{2:024x}") is None
        assert await store.usage(1, "unknown") is None

    async def test_calls_are_listed_newest_first_from_any_place_on(self, store: Store):
        await store.add_usage(
            [called(nth) for nth in (3, 1, 2)] + [called(9, account_id=2), replace(called(2), status=1)]
        )
        listed = await store.usages(1, EVER)
        assert [each.at - NOW for each in listed] == [3 * MINUTE, 2 * MINUTE, 2 * MINUTE, MINUTE]
        seen: list[Usage] = []
        place = UsagePlace(2**62, 2**62)
        while found := await store.usages(1, EVER, after=place, limit=1):
            seen += found
            place = UsagePlace(found[0].at, found[0].number)
        assert seen == listed
        assert await store.usages(1, EVER, limit=2, skip=1) == listed[1:3]

    async def test_calls_are_chosen_by_time_element_instance_outcome_and_text(self, store: Store):
        await store.add_usage(
            [
                called(0),
                called(1, element_key="crm", instance_id=7, status=404),
                called(2, element_key="desk", instance_id=8, path="/elements/api-v2/100%_Ready"),
                called(3, element_key="crm", instance_id=9, status=399),
            ]
        )

        async def chosen(**how) -> list[int]:
            return sorted((each.at - NOW) // MINUTE for each in await store.usages(1, replace(EVER, **how)))

        assert await chosen(from_at=NOW + MINUTE, to_at=NOW + 2 * MINUTE) == [1, 2]
        assert await chosen(element_keys=("crm",)) == [1, 3]
        assert await chosen(element_keys=("crm", "desk"), instance_ids=(8, 9)) == [2, 3]
        assert await chosen(element_keys=()) == await chosen(instance_ids=()) == []
        assert (await chosen(ok=True), await chosen(ok=False)) == ([0, 2, 3], [1])
        assert await chosen(text="100%_r") == [2]
        assert await chosen(text="0%R") == []
        assert await chosen(text="LIST_ALL") == [0, 1, 2, 3]
        assert await chosen(text="desk") == [2]
        assert await chosen(text="\\") == []

    async def test_calls_are_counted_by_span_element_and_instance(self, store: Store):
        await store.add_usage(
            [
                called(0, took_for=0.5),
                called(0, took_for=1.5, status=500),
                called(1, element_key="crm", instance_id=7),
                called(1, element_key="crm", instance_id=8),
                called(1, account_id=2),
            ]
        )
        first = NOW - NOW % MINUTE
        plain, crm = await store.usage_tallies(1, EVER, MINUTE)
        assert (plain.bucket_at, plain.calls, plain.success, plain.element_key) == (first, 2, 1, None)
        assert (plain.shortest_for, plain.longest_for, plain.total_for) == (0.5, 1.5, 2.0)
        assert (crm.bucket_at, crm.calls, crm.element_key, crm.instance_id) == (first + MINUTE, 2, "crm", None)
        counted = await store.usage_tallies(1, replace(EVER, element_keys=("crm",)), MINUTE, by_instance=True)
        assert [(each.instance_id, each.calls) for each in counted] == [(7, 1), (8, 1)]
        assert await store.usage_tallies(3, EVER, MINUTE) == []

    async def test_old_calls_go_a_few_at_a_time(self, store: Store):
        await store.add_usage([called(nth) for nth in range(5)])
        assert [await store.purge_usage(NOW + 3 * MINUTE, 2) for _ in range(3)] == [2, 1, 0]
        assert [(each.at - NOW) // MINUTE for each in await store.usages(1, EVER)] == [4, 3]
