"""Which records a sweep lists, and what it makes of those that have left the user's filter."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World
from tidings.engine import listing

BOUND = "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"


def polled(resource: str, condition: str) -> dict[str, str]:
    """The configuration of an instance that polls `resource`, and of it what meets `condition`."""
    dates = {"updatedDateField": "_info.lastUpdated", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"}
    url = f"/hubs/crm/{resource}?where={BOUND} AND {condition}"
    entry = {"url": url, "idField": "id", "datesConfiguration": dates}
    return {"event.objects": resource, "event.poller.configuration": json.dumps({resource: entry})}


@pytest.fixture
async def contacts(tmp_path):
    """A hundred contacts that are polled as long as they are not closed."""
    async with World(tmp_path, **polled("contacts", "title!='Closed'")) as world:
        for key in range(1, 101):
            world.provider.put(key, START - 900 * MINUTE + key * SECOND, title="Open")
        await world.run()
        yield world


def asked_by_id(world: World) -> list[str]:
    return [
        path for path in (each.split("?")[0] for each in world.provider.requests) if path.rsplit("/", 1)[1].isdigit()
    ]


def swept(world: World) -> list[str]:
    return [each for each in world.provider.requests if "fields=id" in each and "orderBy=id%20desc" not in each]


async def test_many_that_leave_the_filter_at_once_are_neither_held_nor_announced_nor_asked_for(contacts):
    world = contacts
    for key in range(1, 31):
        world.provider.put(key, title="Closed")
    world.provider.requests.clear()
    for _ in range(4):
        await world.later(31 * MINUTE)
    assert swept(world)
    assert not any("conditions" in each for each in swept(world))
    assert not (await world.cursor()).held
    assert await world.events() == []
    assert not set(asked_by_id(world)) - {f"/v4_6_release/apis/3.0/company/contacts/{100}"}, (
        "but for the poll's control"
    )


async def test_a_record_that_is_deleted_after_it_left_the_filter_is_announced(contacts):
    world = contacts
    world.provider.put(7, title="Closed")
    await world.later(31 * MINUTE)
    del world.provider.rows[7]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert await world.events() == [("DELETED", 7)]


async def test_a_record_that_is_flagged_as_it_leaves_the_filter_is_deleted_once_and_read_once(tmp_path):
    async with World(tmp_path, **polled("organizations", "status!='Inactive'")) as world:
        for key in range(1, 6):
            world.provider.put(key, START - 900 * MINUTE, deletedFlag=False, status="Active")
        await world.run()
        world.provider.put(3, deletedFlag=True, status="Inactive")
        await world.later(31 * MINUTE)
        assert await world.events() == [("DELETED", 3)]
        world.provider.requests.clear()
        for _ in range(3):
            await world.later(31 * MINUTE)
        assert await world.events() == [("DELETED", 3)]
        assert not [each for each in asked_by_id(world) if each.endswith("/3")]
        world.provider.put(3, deletedFlag=False, status="Active")
        await world.later(MINUTE)
        assert await world.events() == [("DELETED", 3), ("CREATED", 3)]


async def test_a_flag_that_moves_no_stamp_is_found_by_the_sweep_without_any_conditions(tmp_path):
    async with World(tmp_path, **{"event.objects": "organizations"}) as world:
        for key in range(1, 6):
            world.provider.put(key, START - 900 * MINUTE, deletedFlag=False)
        await world.run()
        world.provider.rows[3]["deletedFlag"] = True
        await world.later(31 * MINUTE)
        assert await world.events() == [("DELETED", 3)]
        world.provider.requests.clear()
        await world.later(31 * MINUTE)
        assert await world.events() == [("DELETED", 3)]
        assert not [each for each in asked_by_id(world) if each.endswith("/3")]


async def test_a_flag_that_is_cleared_before_it_is_looked_at_changes_nothing(tmp_path):
    async with World(tmp_path, **polled("organizations", "status!='Inactive'")) as world:
        for key in range(1, 6):
            world.provider.put(key, START - 900 * MINUTE, deletedFlag=False, status="Active")
        await world.run()
        world.provider.put(3, deletedFlag=True, status="Inactive")

        def clear_it(request: web.Request) -> None:
            if request.path.endswith("/1"):
                world.provider.put(3, deletedFlag=False)

        world.provider.before = clear_it
        await world.later(31 * MINUTE)
        assert await world.events() == []
        world.provider.before = lambda request: None
        del world.provider.rows[3]
        await world.later(31 * MINUTE)
        await world.later(2 * MINUTE)
        assert await world.events() == [("DELETED", 3)], "it is still in view"


async def test_where_all_would_be_far_more_than_what_is_known_the_filter_is_sent_and_leavers_go_out_of_view(
    contacts, monkeypatch
):
    world = contacts
    monkeypatch.setattr(listing, "LISTED_ALWAYS", 50)
    for key in range(1000, 1500):
        world.provider.put(key, START - 900 * MINUTE, title="Closed")
    world.provider.put(5, title="Closed")
    world.provider.requests.clear()
    await world.later(31 * MINUTE)
    assert swept(world)
    assert all("Closed" in each for each in swept(world))
    assert [each for each in asked_by_id(world) if each.endswith("/5")], "whether it is alive is asked once"
    world.provider.requests.clear()
    for _ in range(3):
        await world.later(31 * MINUTE)
    assert not [each for each in asked_by_id(world) if each.endswith("/5")]
    assert await world.events() == []
    # Listed without the filter, it stays out of view; a poll brings it back.
    monkeypatch.setattr(listing, "LISTED_ALWAYS", 20_000)
    world.provider.requests.clear()
    await world.later(31 * MINUTE)
    assert not any("conditions" in each for each in swept(world))
    assert not [each for each in asked_by_id(world) if each.endswith("/5")]
    world.provider.put(5, title="Reopened")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 5)]
    del world.provider.rows[5]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert (await world.events())[1:] == [("DELETED", 5)]


async def test_a_provider_that_does_not_count_is_swept_with_the_filter(contacts):
    world = contacts
    world.provider.before = lambda request: (
        web.json_response({"message": "no such route"}, status=404) if request.path.endswith("/count") else None
    )
    world.provider.requests.clear()
    del world.provider.rows[7]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert all("Closed" in each for each in swept(world))
    assert await world.events() == [("DELETED", 7)]


@pytest.mark.parametrize("always", [20_000, 0], ids=["without-the-filter", "with-the-filter"])
async def test_a_narrowed_role_is_held_either_way(contacts, monkeypatch, always):
    world = contacts
    monkeypatch.setattr(listing, "LISTED_ALWAYS", always)
    monkeypatch.setattr(listing, "LISTED_TIMES", 1 if always else 0)
    kept = {key: world.provider.rows.pop(key) for key in range(1, 31)}
    world.provider.requests.clear()
    await world.later(31 * MINUTE)
    assert any("conditions" in each for each in swept(world)) == (not always)
    assert (await world.cursor()).held == 30
    world.provider.rows |= kept
    await world.later(31 * MINUTE)
    assert not (await world.cursor()).held
    assert await world.events() == []


async def test_a_record_that_no_list_shows_though_it_is_alive_comes_back_into_view_with_the_list(contacts):
    world = contacts
    world.provider.hidden.add(5)
    await world.later(31 * MINUTE)
    world.provider.requests.clear()
    await world.later(31 * MINUTE)
    assert not [each for each in asked_by_id(world) if each.endswith("/5")]
    world.provider.hidden.clear()
    await world.later(31 * MINUTE)
    del world.provider.rows[5]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert await world.events() == [("DELETED", 5)]


async def test_a_sweep_goes_on_as_it_began_though_the_collection_has_grown(contacts, monkeypatch):
    world = contacts
    world.provider.page_cap = 40
    failing = [True]
    world.provider.before = lambda request: (
        web.Response(status=503)
        if failing[0] and "fields=id&pageSize" in str(request.rel_url) and "pageId=40" in str(request.rel_url)
        else None
    )
    await world.later(31 * MINUTE)
    long = (await world.cursor()).long
    assert long is not None
    assert (long.unfiltered, long.position) == (True, "40")
    failing[0] = False
    monkeypatch.setattr(listing, "LISTED_ALWAYS", 0)
    monkeypatch.setattr(listing, "LISTED_TIMES", 0)
    world.provider.requests.clear()
    await world.later(MINUTE)
    assert swept(world)
    assert not any("conditions" in each for each in swept(world))


@asynccontextmanager
async def listed_by_number(folder, *, takes_ids: bool):
    """Twelve contacts of a provider that pages by number, three rows a page; the baseline is done."""
    async with World(folder) as world:
        world.provider.numbered, world.provider.page_cap, world.provider.takes_ids = True, 3, takes_ids
        for key in range(1, 13):
            world.provider.put(key, START - 900 * MINUTE + key * SECOND)
        await world.run()
        for _ in range(3):
            await world.later(MINUTE)
        assert (await world.cursor()).baselined
        yield world


@pytest.mark.parametrize("takes_ids", [True, False])
async def test_a_list_that_pages_by_number_is_swept_by_conditions_on_the_id_or_else_by_its_pages(tmp_path, takes_ids):
    async with listed_by_number(tmp_path, takes_ids=takes_ids) as world:
        del world.provider.rows[5]
        world.provider.requests.clear()
        await world.later(31 * MINUTE)
        await world.later(2 * MINUTE)
        assert await world.events() == [("DELETED", 5)]
        assert any("page=2" in each for each in swept(world)) == (not takes_ids)
        assert any("id%20%3E%207" in each for each in swept(world)) == takes_ids


async def test_a_list_by_number_of_any_size_is_swept_where_the_provider_takes_conditions_on_the_id(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tidings.engine.sweep.REMEMBERED", 5)
    async with listed_by_number(tmp_path, takes_ids=True) as world:
        del world.provider.rows[5]
        await world.later(31 * MINUTE)
        await world.later(2 * MINUTE)
        assert await world.events() == [("DELETED", 5)]


async def test_what_is_inserted_and_deleted_between_two_pages_moves_nothing_out_of_a_sweeps_sight(tmp_path):
    async with listed_by_number(tmp_path, takes_ids=True) as world:

        def delete_what_was_read(request: web.Request) -> None:
            if "id%20%3E%203" in request.raw_path:
                world.provider.rows.pop(1, None)

        world.provider.before = delete_what_was_read
        await world.later(31 * MINUTE)
        assert not (await world.cursor()).missed_once, "nobody was missed because a row moved to an earlier page"
        await world.later(31 * MINUTE)
        await world.later(2 * MINUTE)
        assert await world.events() == [("DELETED", 1)]
