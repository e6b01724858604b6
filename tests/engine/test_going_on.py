"""Where does a lane go on when something came between: another filter, a refusal, a page that was not what it seemed?

Each was found by a history of `tests/simulation/` and is told here in a few lines.
"""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World


@pytest.fixture
async def world(tmp_path):
    async with World(tmp_path) as world:
        yield world


def refused(request: web.Request) -> web.Response:
    return web.json_response({"code": "InvalidObject", "message": "no"}, status=400)


def honest(request: web.Request) -> None:
    return None


async def another_filter(world: World) -> None:
    """One that lets the same records through."""
    entry = {
        "url": "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND id>0",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    await world.configure(**{"event.poller.configuration": json.dumps({"contacts": entry})})


async def half_baselined(world: World) -> World:
    """A world whose baseline stands before its third page."""
    world.provider.page_cap = 2
    for key in range(1, 7):
        world.provider.put(key, START - 900 * MINUTE, firstName="old")
    world.provider.before = lambda request: refused(request) if "pageId=4" in str(request.rel_url) else None
    await world.run()
    cursor = await world.cursor()
    assert cursor.main is not None
    assert (cursor.main.kind, cursor.main.position) == ("baseline", "4")
    return world


async def test_a_filter_changed_during_the_baseline_keeps_where_watching_began(world):
    await half_baselined(world)
    world.now += 10 * SECOND
    world.provider.put(7, firstName="new")
    world.provider.put(6, firstName="changed before it was read")
    world.provider.before = honest
    await another_filter(world)
    await world.later(MINUTE)
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", 7), ("UPDATED", 6)]


async def test_a_refused_page_keeps_what_was_read_before_it(world):
    await half_baselined(world)
    world.provider.before = honest
    world.provider.requests.clear()
    world.provider.put(7, firstName="new")
    await world.later(MINUTE)
    assert "pageId=4" in world.provider.requests[0]
    await world.later(MINUTE)
    assert await world.events() == [("CREATED", 7)]


async def test_a_lane_that_has_to_go_by_page_numbers_keeps_where_watching_began(world):
    for key in range(1, 7):
        world.provider.put(key, START - 900 * MINUTE, firstName="old")
    world.provider.numbered = True
    world.provider.page_cap = 2

    def people(request):
        if "pageId=2" in str(request.rel_url):
            world.now += 10 * SECOND
            world.provider.put(7, firstName="new")

    world.provider.before = people
    await world.run()
    for _ in range(3):
        await world.later(MINUTE)
    assert (await world.cursor()).numbered
    assert await world.events() == [("CREATED", 7)]


async def test_a_record_of_the_future_made_before_another_filter_is_announced(world):
    world.provider.put(1, START - 900 * MINUTE)
    await world.run()
    world.provider.put(2, START + 600 * MINUTE, firstName="from tomorrow")
    await another_filter(world)
    await world.later(MINUTE)
    assert await world.events() == [("CREATED", 2)]


async def test_a_record_shown_late_after_another_filter_is_announced(world):
    world.provider.put(1, START - 900 * MINUTE)
    await world.run()
    world.provider.put(2, world.now, firstName="late")
    world.provider.hidden.add(2)
    world.now += 30 * SECOND
    world.provider.put(1, firstName="sets the watermark")
    await world.later(MINUTE)
    world.provider.hidden.clear()
    await another_filter(world)
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 1), ("CREATED", 2)]


async def test_failures_are_counted_from_the_last_page_that_was_read(world):
    world.provider.page_cap = 2
    for key in range(1, 7):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")
    asked: list[str] = []

    def every_second_request(request):
        asked.append(str(request.rel_url))
        return web.Response(status=503) if len(asked) % 2 == 0 else None

    world.provider.before = every_second_request
    for _ in range(3):
        await world.later(MINUTE)
        assert (await world.lane()).attempt <= 1


@pytest.mark.parametrize("lie", ["empty", "repeated"])
async def test_what_is_read_around_a_poisoned_record_is_looked_at_twice(world, lie):
    for key in range(1, 31):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    for key in range(1, 31):
        world.provider.put(key, firstName="edited")
    lied: list[int] = []

    def poisoned(request):
        if "pageSize" not in request.query or request.query.get("orderBy"):
            return None
        after, size = int(request.query.get("pageId", 0)), int(request.query["pageSize"])
        if request.query.get("fields") == "id":
            if lie == "repeated" and after < 17:
                rows = [{"id": after}, {"id": after + 1}] if after else [{"id": 1}]
                return web.json_response(rows, headers={"Link": f'<http://x/?pageId={after + 1}>; rel="next"'})
            return None
        if after < 17 <= after + size:
            return web.json_response({"message": "String was not recognized as a valid Boolean."}, status=500)
        if lie == "empty" and size < 100 and not lied:
            lied.append(1)
            return web.json_response([])
        return None

    world.provider.before = poisoned
    for _ in range(5):
        await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 31) if key != 17]


@pytest.mark.parametrize("hours", [1, 12])
async def test_a_filter_in_another_zone_is_noticed_though_the_record_that_should_come_back_was_edited(world, hours):
    world.provider.filter_shift = hours * 60 * MINUTE
    world.provider.page_cap = 2
    for key in range(1, 7):
        world.provider.put(key, START - 900 * MINUTE + key * SECOND)

    def people(request):
        if "pageId=6" in str(request.rel_url):
            world.now += 10 * SECOND
            world.provider.put(6, firstName="edited after it was read")
            world.now += 10 * SECOND

    world.provider.before = people
    await world.run()
    assert (await world.cursor()).widened


async def test_a_filter_that_goes_wrong_when_its_control_is_edited_is_noticed(world):
    for key in range(1, 7):
        world.provider.put(key, START - 10 * SECOND * key)
    await world.run()
    world.provider.filter_shift = 60 * MINUTE
    world.provider.put(1, firstName="the control")
    world.provider.put(2, firstName="another")
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", 1), ("UPDATED", 2)]


async def test_a_filter_is_tried_anew_when_it_is_another(world):
    world.provider.put(1, START + 600 * MINUTE)
    await world.run()
    assert (await world.cursor()).widened  # nothing is there to try it with
    world.provider.put(2, firstName="to try it with")
    await another_filter(world)
    await world.later(MINUTE)
    assert not (await world.cursor()).widened


async def test_a_filter_that_nothing_meets_yet_is_tried_by_the_first_record_that_does(world):
    world.provider.put(1, START - 900 * MINUTE)
    await world.run()
    assert (await world.cursor()).control_id == 1
    del world.provider.rows[1]
    await another_filter(world)
    await world.later(MINUTE)
    assert (await world.cursor()).widened
    world.provider.put(2, firstName="the first that meets it")
    await world.later(MINUTE)
    cursor = await world.cursor()
    assert cursor.control_id == 2
    assert not cursor.widened


async def test_a_filter_that_cannot_be_tried_stays_what_it_was_taken_for(world):
    world.provider.filter_shift = 60 * MINUTE
    for key in range(1, 4):
        world.provider.put(key, START - 900 * MINUTE + key * SECOND)
    await world.run()
    assert (await world.cursor()).widened

    def people(request):
        if "id = 3" in request.query.get("conditions", ""):
            world.provider.put(3, START - 901 * MINUTE)  # by a server whose clock is behind
        return None

    world.provider.before = people
    await another_filter(world)
    await world.later(MINUTE)
    assert (await world.cursor()).widened


async def narrowed(world: World) -> World:
    """A world whose filter lets through only what is not flagged, with five old records."""
    entry = {
        "url": "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND deletedFlag='false'",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    await world.configure(**{"event.poller.configuration": json.dumps({"contacts": entry})})
    for key in range(1, 6):
        world.provider.put(key, START - 10 * SECOND * key, deletedFlag=False)
    await world.run()
    await world.later(MINUTE)
    return world


async def test_a_control_that_an_edit_takes_out_of_the_users_filter_speaks_for_nothing(world):
    await narrowed(world)
    assert (await world.cursor()).control_id == 1
    world.provider.put(1, deletedFlag=True)
    await world.later(MINUTE)
    await world.later(MINUTE)
    assert not (await world.cursor()).widened


async def test_a_control_that_lists_leave_out_speaks_for_nothing(world):
    for key in range(1, 6):
        world.provider.put(key, START - 10 * SECOND * key)
    await world.run()
    world.provider.hidden.add(1)
    await world.later(MINUTE)
    await world.later(MINUTE)
    assert not (await world.cursor()).widened


async def test_a_control_that_fails_its_page_speaks_for_nothing(world):
    for key in range(1, 6):
        world.provider.put(key, START - 10 * SECOND * key)
    await world.run()

    def poisoned(request):
        after = int(request.query.get("pageId", "0"))
        whole = request.query.get("fields") is None and "pageSize" in request.query
        return web.json_response({"message": "no"}, status=500) if whole and after < 1 else None

    world.provider.before = poisoned
    for _ in range(5):
        await world.later(MINUTE)
    cursor = await world.cursor()
    assert cursor.unreadable == (1,)
    assert not cursor.widened


@pytest.mark.parametrize("page_cap", [1, 2])
async def test_an_honest_filter_is_trusted_though_pages_are_capped(world, page_cap):
    world.provider.page_cap = page_cap
    for key in range(1, 6):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    cursor = await world.cursor()
    assert cursor.control_id == 5
    assert not cursor.widened


async def test_pages_by_number_that_have_shifted_are_read_anew(world):
    world.provider.numbered = True
    world.provider.page_cap = 1
    for key in range(1, 4):
        world.provider.put(key, START - 900 * MINUTE)
    for _ in range(4):
        await world.later(MINUTE)
    assert (await world.cursor()).baselined
    world.provider.put(2, firstName="edited")
    world.provider.put(3, firstName="edited")

    def people(request):
        if "page=2" in str(request.rel_url) and "Updated" in str(request.rel_url):
            world.provider.put(1, firstName="comes before what was read")

    world.provider.before = people
    for _ in range(3):
        await world.later(MINUTE)
    assert sorted(set(await world.events())) == [("UPDATED", 1), ("UPDATED", 2), ("UPDATED", 3)]


async def test_a_record_missed_once_and_found_again_has_to_be_missed_twice_anew(world):
    for key in range(1, 13):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    for _ in range(3):
        kept = world.provider.rows.pop(5)
        await world.later(31 * MINUTE)
        world.provider.rows[5] = kept
        await world.later(31 * MINUTE)
        assert await world.events() == []
    del world.provider.rows[5]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert await world.events() == [("DELETED", 5)]


async def test_a_record_restored_while_a_sweep_looks_for_it_can_be_deleted_again(world):
    for key in range(1, 13):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    gone = world.provider.rows.pop(5)

    def restore(request):
        if request.path.endswith("/5") and gone:
            world.provider.put(5, **{name: value for name, value in gone.items() if name not in ("id", "_info")})
            gone.clear()

    world.provider.before = restore
    await world.later(31 * MINUTE)
    assert gone == {}
    del world.provider.rows[5]
    for _ in range(3):
        await world.later(31 * MINUTE)
    assert await world.events() == [("DELETED", 5)]


async def test_the_look_at_a_filter_does_not_believe_an_empty_answer_at_once(world):
    world.provider.filter_shift = 60 * MINUTE
    for key in range(1, 4):
        world.provider.put(key, START - 900 * MINUTE + key * SECOND)
    lied: list[str] = []

    def lie_once(request):
        conditions = request.query.get("conditions", "")
        if conditions == "id = 3" and not lied:
            lied.append(conditions)
            return web.json_response([])
        return None

    world.provider.before = lie_once
    await world.run()
    assert lied
    assert (await world.cursor()).widened


async def test_many_records_that_go_missing_during_a_sweep_are_held_by_the_next(world):
    world.provider.page_cap = 30
    for key in range(1, 61):
        world.provider.put(key, START - 900 * MINUTE)
    await world.run()
    kept: dict[int, dict] = {}

    def narrow(request):
        if "fields=id" in str(request.rel_url) and "pageId=30" in str(request.rel_url) and not kept:
            kept.update({key: world.provider.rows.pop(key) for key in (*range(2, 12), *range(40, 49))})

    world.provider.before = narrow
    await world.later(31 * MINUTE)
    for _ in range(3):
        await world.later(2 * MINUTE)
    world.provider.rows |= kept
    await world.later(31 * MINUTE)
    assert await world.events() == []
    assert not (await world.cursor()).held


async def test_a_filter_in_another_zone_is_noticed_in_a_table_that_was_empty(world):
    world.provider.filter_shift = 12 * 60 * MINUTE
    await world.run()
    world.provider.put(1, firstName="the first")
    await world.later(MINUTE)
    assert await world.events() == [("CREATED", 1)]
    assert (await world.cursor()).widened


async def test_the_first_record_of_a_table_that_was_empty_proves_its_filter(world):
    await world.run()
    world.provider.put(1, firstName="the first")
    await world.later(MINUTE)
    assert await world.events() == [("CREATED", 1)]
    assert not (await world.cursor()).widened


def down(request: web.Request) -> web.Response:
    return web.Response(status=503)


async def late_while_the_provider_is_down(world: World) -> None:
    """Record 2 is stamped now, comes into view ten minutes later, and nothing can be read for five hours."""
    world.provider.put(1, START - 900 * MINUTE)
    await world.run()
    world.provider.put(2, firstName="late")
    world.provider.hidden.add(2)
    world.now += 5 * MINUTE
    world.provider.put(1, firstName="sets the watermark")
    await world.later(MINUTE)
    world.provider.before = down
    await world.later(5 * MINUTE)
    world.provider.hidden.clear()
    await world.later(300 * MINUTE)
    world.provider.put(1, firstName="sets it five hours on")
    world.provider.before = honest


async def test_what_came_into_view_while_nothing_could_be_read_is_found_by_the_next_settle_pass(world):
    await late_while_the_provider_is_down(world)
    await world.later(15 * MINUTE)
    await world.later(15 * MINUTE)
    assert await world.events() == [("UPDATED", 1), ("UPDATED", 1), ("CREATED", 2)]


async def test_what_came_into_view_while_nothing_could_be_read_is_announced_though_the_filter_is_another(world):
    await late_while_the_provider_is_down(world)
    await world.later(15 * MINUTE)
    await another_filter(world)
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 1), ("UPDATED", 1), ("CREATED", 2)]


async def test_a_row_almost_as_late_as_the_settle_window_is_found_whatever_the_interval(world):
    await world.configure(**{"event.poller.settle_interval": 25})
    world.provider.put(1, START - 900 * MINUTE)
    await world.run()
    world.provider.put(2, firstName="late")
    world.provider.hidden.add(2)
    for minute in range(80):
        await world.later(MINUTE)
        world.provider.put(1, firstName=f"minute {minute}")
        if minute == 54:
            world.provider.hidden.clear()
    assert ("CREATED", 2) in await world.events()
