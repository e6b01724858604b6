"""What does a first run announce, whatever comes between?"""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, START, World, iso

DAY = 24 * 60 * MINUTE
SINCE = START - 30 * DAY


def put(world: World, key: int, days_old: float, created_days: float | None = None, **members) -> None:
    world.provider.put(key, round(START - days_old * DAY), **members)
    entered = days_old if created_days is None else created_days
    world.provider.rows[key]["_info"]["dateEntered"] = iso(round(START - entered * DAY))


async def six(tmp_path, **configuration) -> World:
    world = World(tmp_path, **{"event.objects": "organizations", "event.poller.first_run": iso(SINCE)} | configuration)
    await world.__aenter__()
    world.provider.page_cap = 2
    put(world, 1, 40)
    put(world, 2, 20)
    put(world, 3, 20, created_days=40)
    put(world, 4, 30)
    put(world, 5, 31)
    put(world, 6, 1, created_days=900)
    put(world, 7, 1, deletedFlag=True)
    return world


EXPECTED = [("CREATED", 2), ("UPDATED", 3), ("CREATED", 4), ("UPDATED", 6)]


@pytest.fixture
async def world(tmp_path):
    world = await six(tmp_path)
    yield world
    await world.__aexit__()


def honest(request: web.Request) -> None:
    return None


async def test_what_is_stamped_since_the_date_is_announced_and_what_is_older_is_learned(world):
    await world.run()
    assert await world.events() == EXPECTED
    seen = {e["objectId"]: e.get("firstSeen", False) for m in await world.messages() for e in m["events"]}
    assert seen == {"2": False, "3": True, "4": False, "6": True}
    for _ in range(3):
        await world.later(MINUTE)
    assert await world.events() == EXPECTED
    put(world, 1, 0, created_days=40, name="learned, and then changed")
    world.provider.put(1, world.now)
    await world.later(MINUTE)
    assert await world.events() == [*EXPECTED, ("UPDATED", 1)]


async def test_what_is_stamped_in_the_second_in_which_watching_begins_is_announced(world):
    put(world, 8, 0)
    await world.run()
    assert sorted(await world.events(), key=lambda event: event[1]) == [*EXPECTED, ("CREATED", 8)]


async def test_a_change_during_the_first_run_is_announced_beside_what_was_there(world):
    def people(request):
        if "pageId=2" in str(request.rel_url):
            world.now += 10_000
            world.provider.put(1, name="edited after it was learned")
            world.provider.put(5, name="edited before it was read")

    world.provider.before = people
    await world.run()
    world.provider.before = honest
    await world.later(MINUTE)
    assert sorted(await world.events(), key=lambda event: event[1]) == [
        ("UPDATED", 1),
        ("CREATED", 2),
        ("UPDATED", 3),
        ("CREATED", 4),
        ("UPDATED", 5),
        ("UPDATED", 6),
    ]


@pytest.mark.parametrize("first_run", ["backfill", iso(SINCE)])
async def test_a_first_run_that_failed_half_way_goes_on_and_repeats_nothing(tmp_path, first_run):
    world = await six(tmp_path, **{"event.poller.first_run": first_run})
    world.provider.before = lambda request: web.Response(status=503) if "pageId=4" in str(request.rel_url) else None
    await world.run()
    half = await world.events()
    assert half
    # What dies in the middle is taken over by somebody who knows only what is stored.
    world.poller = world.new_poller()
    world.provider.before = honest
    await world.later(MINUTE)
    events = await world.events()
    assert events[: len(half)] == half
    assert len(events) == len(set(events)) == (6 if first_run == "backfill" else 4)
    await world.__aexit__()


async def other_filter(world: World) -> None:
    entry = {
        "url": "/hubs/crm/organizations?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND id>0",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    await world.configure(**{"event.poller.configuration": json.dumps({"organizations": entry})})


@pytest.mark.parametrize("first_run", ["backfill", iso(SINCE)])
async def test_another_filter_during_a_first_run_loses_none_of_its_events_and_repeats_none(tmp_path, first_run):
    world = await six(tmp_path, **{"event.poller.first_run": first_run})
    world.provider.before = lambda request: web.Response(status=503) if "pageId=4" in str(request.rel_url) else None
    await world.run()
    world.provider.before = honest
    await other_filter(world)
    for _ in range(3):
        await world.later(MINUTE)
    events = [key for _, key in await world.events()]
    assert sorted(events) == ([1, 2, 3, 4, 5, 6] if first_run == "backfill" else [2, 3, 4, 6])
    await world.__aexit__()


async def test_another_first_run_changes_nothing_once_a_resource_is_learned(world):
    await world.run()
    await world.configure(**{"event.poller.first_run": "backfill"})
    for _ in range(3):
        await world.later(MINUTE)
    await other_filter(world)
    for _ in range(3):
        await world.later(MINUTE)
    assert await world.events() == EXPECTED


async def test_a_resource_that_is_added_later_has_its_own_first_run(tmp_path):
    async with World(tmp_path) as world:
        put(world, 1, 900)
        put(world, 2, 1)
        await world.run()
        await world.later(100 * DAY)
        assert await world.events() == []
        await world.configure(
            **{"event.objects": "contacts,organizations", "event.poller.first_run": iso(START - 10 * DAY)}
        )
        await world.run()
        # This provider has the same records in every resource.
        assert await world.events() == [("CREATED", 2)]
        (message,) = await world.messages()
        assert message["events"][0]["objectType"] == "organizations"
