"""What do a provider, a clock and a full disk do to a poll? Cases of docs/faults.md that no other file tells."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World, iso

HOUR = 60 * MINUTE
LONG_AGO = START - 900 * MINUTE


@pytest.fixture(params=[False, True], ids=["page-by-page", "reading-ahead"])
async def world(tmp_path, request):
    async with World(tmp_path, read_ahead=request.param) as world:
        yield world


async def started(world: World, rows=5) -> World:
    """A world whose baseline is done, with `rows` old records."""
    for key in range(1, rows + 1):
        world.provider.put(key, LONG_AGO + key * SECOND, firstName=f"n{key}")
    await world.run()
    await world.later(MINUTE)
    assert await world.events() == []
    return world


def answered(status: int, body: str, **headers: str) -> web.Response:
    return web.Response(status=status, text=body, headers=headers)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<!doctype html><title>Maintenance</title>"),
        (200, '[{"id": 2, "firstName": "ch'),
        (200, ""),
        (200, "{}"),
        (200, "null"),
        (302, ""),
        (400, '{"code": "InvalidObject", "message": "conditions"}'),
        (403, '{"code": "Forbidden", "message": "You do not have security permission"}'),
        (403, "<html>Request blocked</html>"),
        (404, "<html>IIS</html>"),
        (408, ""),
        (500, "A timeout has occured. Please try again."),
        (502, "<html>Bad Gateway</html>"),
        (503, ""),
    ],
)
async def test_whatever_is_answered_instead_of_a_page_the_cursor_stays_and_nothing_is_lost(world, status, body):
    await started(world)
    before = await world.cursor()
    world.provider.put(2, firstName="changed")
    world.provider.before = lambda request: answered(status, body)
    await world.later(MINUTE)
    after, lane = await world.cursor(), await world.lane()
    assert after.watermark_at == before.watermark_at
    assert lane.parked_reason, "nobody is told why"
    assert lane.due_at >= world.now + 5 * SECOND or lane.state == "parked"
    world.provider.before = lambda request: None
    await world.configure()
    await world.later(20 * MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_one_403_of_a_gateway_parks_nothing_and_is_tried_again(world):
    await started(world)
    world.provider.put(2, firstName="changed")
    world.provider.before = lambda request: answered(403, "<html>Request blocked</html>")
    await world.later(MINUTE)
    lane = await world.lane()
    assert (lane.state, (await world.cursor()).refused) == ("ready", 1)
    assert lane.due_at <= world.now + 10 * SECOND
    world.provider.before = lambda request: None
    await world.later(10 * SECOND)
    assert await world.events() == [("UPDATED", 2)]


DENIED = (
    '{"code": "Security", "message": "You do not have security permission to perform this action.", "errors": null}'
)


async def test_a_permission_that_was_taken_away_is_asked_for_again_and_nothing_is_lost_when_it_is_back(world):
    await started(world)
    world.provider.put(2, firstName="changed")
    world.provider.before = lambda request: answered(403, DENIED)
    asked = len(world.provider.requests)
    await world.later(3 * 60 * MINUTE)
    lane = await world.lane()
    assert lane.state == "ready"
    assert "You do not have security permission" in (lane.parked_reason or "")
    assert len(world.provider.requests) - asked <= 30, "nobody hammers a provider that said no"
    world.provider.before = lambda request: None
    await world.later(15 * MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_a_connection_that_breaks_within_an_answer_loses_nothing(world):
    await started(world)
    world.provider.put(2, firstName="changed")

    def broken(request):
        request.transport.close()
        return answered(200, "[]")

    world.provider.before = broken
    await world.later(MINUTE)
    assert await world.events() == []
    world.provider.before = lambda request: None
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_thousands_of_records_with_one_stamp_are_read_to_the_end_and_leave_nothing_to_remember(tmp_path):
    async with World(tmp_path) as world:
        world.provider.page_cap = 500
        for key in range(1, 2602):
            world.provider.put(key, LONG_AGO, firstName="old")
        await world.run()
        for key in range(1, 2602):
            world.provider.put(key, firstName="all of them in one second")
        await world.later(MINUTE)
        assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 2602)]
        await world.later(MINUTE)
        await world.later(31 * MINUTE)
        assert len(await world.events()) == 2601
        assert len((await world.lane()).cursor) < 1500


@pytest.mark.parametrize("ahead", [-HOUR, -5 * MINUTE, 5 * MINUTE, HOUR])
async def test_the_providers_clock_may_be_an_hour_from_ours(world, ahead):
    world.provider.clock = lambda: world.now + ahead
    for key in range(1, 4):
        world.provider.put(key, LONG_AGO, firstName="old")
    await world.run()
    for minute in range(3):
        world.provider.put(2, firstName=f"edited {minute}")
        world.provider.put(10 + minute, firstName="new")
        await world.later(MINUTE)
    kinds = [("UPDATED", 2), ("CREATED", 10), ("UPDATED", 2), ("CREATED", 11), ("UPDATED", 2), ("CREATED", 12)]
    assert await world.events() == kinds
    watermark_at = (await world.cursor()).watermark_at
    assert watermark_at is not None
    assert watermark_at <= world.provider.clock()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_our_clock_may_jump_in_the_middle_of_a_poll(world, jump):
    world.provider.page_cap = 2
    await started(world, rows=6)
    true_at = [world.now]
    world.provider.clock = lambda: true_at[0]
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")
    jumped: list[int] = []

    def at_the_second_page(request):
        if "pageId=2" in str(request.rel_url) and not jumped:
            jumped.append(1)
            world.now += jump

    world.provider.before = at_the_second_page
    for _ in range(3):
        true_at[0] += MINUTE
        await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 7)]
    true_at[0] += MINUTE
    world.provider.put(3, firstName="once more")
    await world.later(MINUTE + (HOUR if jump < 0 else 0))
    assert (await world.events())[6:] == [("UPDATED", 3)]


async def test_stamps_may_be_written_in_many_ways_on_one_page(world):
    await started(world)
    at = iso(world.now).removesuffix("Z")
    forms = [f"{at}Z", f"{at}+00:00", f"{at}.000Z", f"{at}.1234567Z", f"{at}"]
    for key, form in enumerate(forms, 1):
        world.provider.put(key, firstName="edited")
        world.provider.rows[key]["_info"]["lastUpdated"] = form
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 6)]
    watermark_at = (await world.cursor()).watermark_at
    assert watermark_at is not None
    assert 0 <= watermark_at - (world.now - MINUTE) < SECOND
    await world.later(MINUTE)
    assert len(await world.events()) == 5


async def test_the_newest_record_may_go_and_floods_nobody(world):
    await started(world, rows=20)
    world.provider.put(20, firstName="the newest")
    await world.later(MINUTE)
    del world.provider.rows[20]
    for _ in range(3):
        await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 20)]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert await world.events() == [("UPDATED", 20), ("DELETED", 20)]


async def test_two_who_poll_one_instance_at_once_do_it_once(world):
    await started(world)
    world.provider.put(2, firstName="changed")
    world.now += MINUTE
    world.provider.requests.clear()
    await asyncio.gather(world.run(), world.run(), world.run())
    assert await world.events() == [("UPDATED", 2)]
    assert len(world.provider.requests) == len(set(world.provider.requests)) + 1  # the empty page is asked for twice


async def test_each_resource_has_a_cursor_of_its_own(tmp_path):
    async with World(tmp_path, **{"event.objects": "contacts,incidents"}) as world:
        await started(world)
        world.provider.put(2, firstName="changed")
        world.provider.before = lambda request: answered(503, "") if "contacts" in request.path else None
        await world.later(MINUTE)
        assert [m["raw"]["objectType"] for m in await world.messages()] == ["incidents"]
        assert ((await world.cursor("contacts")).watermark_at or 0) < (
            (await world.cursor("incidents")).watermark_at or 0
        )
        world.provider.before = lambda request: None
        await world.later(MINUTE)
        assert [m["raw"]["objectType"] for m in await world.messages()] == ["incidents", "contacts"]


async def test_a_poll_that_takes_longer_than_its_interval_is_one_poll(world):
    world.provider.page_cap = 1
    await started(world, rows=6)
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")

    def slow(request):
        world.now += 2 * MINUTE if len(world.provider.requests) <= 8 else 0

    world.provider.before = slow
    world.provider.requests.clear()
    await world.later(MINUTE)
    pages = [each.partition("pageId=")[2] for each in world.provider.requests[:8]]
    assert pages == ["", "1", "2", "3", "4", "5", "6", "6"]
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 7)]


async def test_a_full_disk_loses_nothing_and_polling_goes_on_when_there_is_room(world):
    await started(world)
    pages = await world.store._writer.run(lambda db: db.execute("pragma page_count").fetchone()[0])
    await world.store._writer.run(lambda db: db.execute(f"pragma max_page_count = {pages}").fetchall())
    for key in range(1, 300):
        world.provider.put(key, firstName="edited " + json.dumps([key] * 200))
    before = await world.cursor()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await world.later(MINUTE)
    assert await world.events() == []
    assert (await world.cursor()).watermark_at == before.watermark_at
    await world.store._writer.run(lambda db: db.execute("pragma max_page_count = 1000000").fetchall())
    await world.later(MINUTE)
    known = {key for kind, key in await world.events()}
    assert known == set(range(1, 300))
    assert len(await world.events()) == 299
