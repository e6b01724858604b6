"""Held deletes: shown, released, refused."""

from __future__ import annotations

from tests.api.conftest import NOW, World
from tests.api.lanes import cursor_of, lane_of, park, work
from tests.api.test_errors import assert_error

URL = "/hubs/crm/{}?where=lastUpdated>'${{gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}}'"
POLLING = {
    "event.notification.enabled": True,
    "event.poller.configuration": {
        "contacts": {"url": URL.format("contacts"), "idField": "id", "sweepInterval": "5"},
        "company/configurations": {"url": URL.format("configurations"), "idField": "id", "sweepInterval": "0"},
    },
}
HELD = "/instances/1/polling/held"


async def _hold(world: World, *resources: str) -> None:
    await world.instance(configuration=POLLING)
    for resource in resources:
        await work(
            world,
            resource,
            due_at=NOW + 60_000,
            baselined=True,
            poll_at=NOW + 60_000,
            sweep_at=NOW + 120_000,
            held=300,
            held_at=NOW - 1500,
            held_ids=(7, "A-8"),
        )
    world.woken.clear()


async def test_held_deletes_are_listed_by_resource_and_none_is_an_empty_list(world: World) -> None:
    await world.instance(configuration=POLLING)
    listed = await world.client("GET", HELD)
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")
    await _hold(world, "contacts")
    listed = await world.client("GET", HELD)
    assert listed.json == [
        {"resource": "contacts", "count": 300, "objectIds": ["7", "A-8"], "heldDate": "2026-09-21T14:13:18Z"}
    ]
    assert listed.headers["elements-returned-count"] == "1"


async def test_released_deletes_are_looked_for_again_at_once_and_may_be_announced(world: World) -> None:
    await _hold(world, "contacts", "company/configurations")
    (_, configurations) = (await world.client("GET", HELD)).json
    released = await world.client("PUT", f"{HELD}/company/configurations")
    assert (released.status, released.json) == (200, configurations)
    cursor = await cursor_of(world, "company/configurations")
    assert (cursor.held, cursor.released, cursor.sweep_at) == (0, True, NOW)
    assert (await lane_of(world, "company/configurations")).due_at == NOW
    assert world.woken == [1]
    assert [each["resource"] for each in (await world.client("GET", HELD)).json] == ["contacts"]
    assert (await cursor_of(world, "contacts")).held == 300


async def test_refused_deletes_are_not_announced_and_the_next_sweep_keeps_its_distance(world: World) -> None:
    await _hold(world, "contacts")
    refused = await world.client("DELETE", f"{HELD}/contacts")
    assert (refused.status, refused.json["count"]) == (200, 300)
    cursor = await cursor_of(world, "contacts")
    assert (cursor.held, cursor.held_ids, cursor.released) == (0, (), False)
    assert cursor.sweep_at == NOW + 5 * 60_000
    assert world.woken == [1]
    assert (await world.client("GET", HELD)).json == []


async def test_a_resource_that_is_swept_no_more_is_not_swept_because_its_deletes_were_refused(world: World) -> None:
    await _hold(world, "company/configurations")
    await world.client("DELETE", f"{HELD}/company/configurations")
    assert (await cursor_of(world, "company/configurations")).sweep_at > NOW + 10**12


async def test_nothing_can_be_decided_where_nothing_is_held(world: World) -> None:
    await _hold(world, "contacts")
    assert (await world.client("PUT", f"{HELD}/contacts")).status == 200
    for method in ("PUT", "DELETE"):
        for resource in ("contacts", "company/configurations", "moons", "a/b/c"):
            assert_error(await world.client(method, f"{HELD}/{resource}"), 404)
    assert world.woken == [1]


async def test_held_deletes_of_a_parked_resource_wait_until_it_is_enabled(world: World) -> None:
    await _hold(world, "contacts")
    await park(world, "contacts", "keys refused")
    answer = await world.client("PUT", f"{HELD}/contacts")
    assert_error(answer, 409)
    assert "keys refused" in answer.message
    assert (await cursor_of(world, "contacts")).held == 300
    await world.client("PUT", "/instances/1/polling/enabled")
    assert (await world.client("PUT", f"{HELD}/contacts")).status == 200
