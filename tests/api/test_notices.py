"""What needs attention, as the API lists it."""

from __future__ import annotations

import pytest

from tests.api.conftest import NOW, World
from tests.api.test_errors import assert_error

PARKED = "polling.parked"


async def noticed(world: World, *subjects: tuple[int, str, str]) -> None:
    for subject in subjects:
        await world.store.turn_notices({subject: "keys refused"}, (), NOW, tell=False)


async def test_without_incidents_the_list_is_empty(world: World) -> None:
    listed = await world.client("GET", "/notices")
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")


async def test_notices_are_listed_newest_first_with_why_and_when(world: World) -> None:
    await world.instance()
    await noticed(world, (1, PARKED, "contacts"), (1, "polling.disabled", ""))
    await world.store.turn_notices({}, [1], NOW + 60_000, tell=False)
    listed = await world.client("GET", "/notices")
    assert listed.json == [
        {
            "id": 2,
            "instanceId": 1,
            "kind": "polling.disabled",
            "subject": None,
            "reason": "keys refused",
            "openedDate": "2026-09-21T14:13:20Z",
            "closedDate": None,
        },
        {
            "id": 1,
            "instanceId": 1,
            "kind": PARKED,
            "subject": "contacts",
            "reason": "keys refused",
            "openedDate": "2026-09-21T14:13:20Z",
            "closedDate": "2026-09-21T14:14:20Z",
        },
    ]
    assert [each["id"] for each in (await world.client("GET", "/notices?open=true")).json] == [2]


async def test_notices_come_a_page_at_a_time_and_nothing_is_repeated(world: World) -> None:
    await world.instance()
    await noticed(world, *((1, PARKED, name) for name in "abcde"))
    first = await world.client("GET", "/notices?pageSize=2")
    await noticed(world, (1, PARKED, "f"))
    second = await world.client("GET", f"/notices?pageSize=2&nextPage={first.headers['elements-next-page-token']}")
    last = await world.client("GET", "/notices?pageSize=2&page=3")
    assert [[each["subject"] for each in page.json] for page in (first, second, last)] == [
        ["e", "d"],
        ["c", "b"],
        ["b", "a"],
    ]
    assert "elements-next-page-token" not in last.headers


async def test_notices_can_be_asked_for_one_instance_and_only_for_ones_own(world: World) -> None:
    await world.instance()
    await world.instance(name="Other")
    await noticed(world, (1, PARKED, "contacts"), (2, PARKED, "contacts"))
    assert [each["instanceId"] for each in (await world.client("GET", "/notices?instanceId=2")).json] == [2]
    assert_error(await world.client("GET", "/notices?instanceId=3"), 404)


@pytest.mark.parametrize("query", ["open=perhaps", "instanceId=x", "pageSize=0", "nextPage=x", f"instanceId={2**70}"])
async def test_a_question_that_cannot_be_understood_is_refused_by_name(world: World, query: str) -> None:
    answer = await world.client("GET", f"/notices?{query}")
    assert answer.status in (400, 404)
    assert answer.status == 404 or answer.message.startswith(query.partition("=")[0])
