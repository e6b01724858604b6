"""What does each reading leave behind of the records that it saw, and of a try that failed?"""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, START, World
from tidings.core.model import LaneKind
from tidings.core.trail import Entry, Verdict, decode

LONG_AGO = START - 900 * MINUTE
WEEK = 8 * 24 * 60 * MINUTE


@pytest.fixture
async def world(tmp_path):
    """Contact 1 was there before the watching began; nothing is swept unless a test says so."""
    async with World(tmp_path, **{"event.poller.sweep_interval": "1000000"}) as world:
        world.provider.put(1, LONG_AGO, firstName="a")
        await world.run()
        yield world


async def trail(world: World) -> list[Entry]:
    return list(await world.store.trail((await world.lane()).id, 0, world.now))


async def said(world: World, key: int = 1) -> list[tuple[str, Verdict]]:
    """Which reading said what of a record, in order."""
    return [(each.reading, found[str(key)]) for each in await trail(world) if str(key) in (found := decode(each.seen))]


async def newly_said(world: World, key: int = 1, wait: int = MINUTE) -> list[Verdict]:
    before = len(await said(world, key))
    await world.later(wait)
    return [verdict for _, verdict in (await said(world, key))[before:]]


async def test_a_baseline_learns_and_a_poll_tells_its_event(world):
    assert await said(world) == [("baseline", Verdict.LEARNED)]
    world.now += MINUTE
    world.provider.put(1, firstName="b")
    assert await newly_said(world, wait=0) == [Verdict.UPDATED]
    (entry,) = [each for each in await trail(world) if each.numbers]
    (notification,) = await world.store.log_after(world.instance_id, 0, 10)
    assert (entry.reading, entry.numbers, entry.rows) == ("poll", (notification.number,), 1)
    assert [each.ended for each in (await trail(world))[-2:]] == [False, True]
    assert entry.since_at is not None
    assert entry.since_at <= START
    assert entry.date_at == world.now
    assert await newly_said(world) == [Verdict.UNCHANGED]


async def test_a_new_record_is_created_and_one_that_was_hidden_is_seen_for_the_first_time(tmp_path):
    async with World(tmp_path) as world:
        world.provider.put(5, LONG_AGO)
        await world.run()
        world.provider.put(4, START + 1)
        world.provider.put(6, START + 1)
        await world.later(MINUTE)
        assert (await said(world, 6))[0] == ("poll", Verdict.CREATED)
        assert (await said(world, 4))[0] == ("poll", Verdict.FIRST_SEEN)


async def test_a_touch_is_ignored_by_contacts_and_told_so(world):
    world.now += MINUTE
    world.provider.put(1)
    assert (await newly_said(world))[:1] == [Verdict.TOUCH_IGNORED]
    assert await world.events() == []


async def test_a_touch_is_announced_where_the_resource_announces_touches(tmp_path):
    async with World(tmp_path, **{"event.poller.touched": "contacts"}) as world:
        world.provider.put(1, LONG_AGO, firstName="a")
        await world.run()
        world.now += MINUTE
        world.provider.put(1)
        assert (await newly_said(world))[:1] == [Verdict.TOUCHED]


async def test_only_volatile_fields_differ(world):
    world.provider.rows[1]["_info"]["updatedBy"] = "else"
    assert Verdict.VOLATILE in await newly_said(world, wait=WEEK)
    assert await world.events() == []


async def test_an_audit_of_unchanged_pages_names_every_record_of_them(tmp_path):
    async with World(tmp_path, **{"event.poller.sweep_interval": "1000000"}) as world:
        world.provider.page_cap = 20
        for key in range(1, 61):
            world.provider.put(key, LONG_AGO, firstName=f"n{key}")
        await world.run()
        await world.later(WEEK)
        audited = [each for each in await trail(world) if each.reading == "audit" and each.seen]
        assert [list(decode(each.seen)) for each in audited] == [
            [str(key) for key in range(start, start + 20)] for start in (1, 21, 41)
        ]
        assert {verdict for each in audited for verdict in decode(each.seen).values()} == {Verdict.UNCHANGED}


async def test_after_a_change_of_configuration_a_record_is_taken_over_silently(world):
    await world.configure(**{"filter.response.nulls": "false"})
    await world.run()
    assert await said(world) == [("baseline", Verdict.LEARNED), ("baseline", Verdict.REBASED)]


async def test_a_row_that_the_filter_excludes_is_none_of_ours(world):
    world.now += MINUTE
    world.provider.filter_shift = -400 * MINUTE
    world.provider.put(2, START - 300 * MINUTE)
    await world.run()
    assert (await said(world, 2))[0][1] is Verdict.OUTSIDE


async def test_a_sweep_tells_that_a_record_is_forbidden_by_its_id(tmp_path):
    def forbid(request):
        refusal = {"code": "Security", "message": "You do not have security permission to perform this action."}
        return web.json_response(refusal, status=403) if request.path.endswith("/2") else None

    async with World(tmp_path) as world:
        world.provider.put(1, LONG_AGO)
        world.provider.put(2, LONG_AGO)
        await world.run()
        world.provider.hidden.add(2)
        world.provider.before = forbid
        await world.later(31 * MINUTE)
        assert (await said(world, 2))[1:] == [("sweep", Verdict.FORBIDDEN)]
        assert await world.events() == []


async def test_a_sweep_misses_once_and_then_says_deleted(tmp_path):
    async with World(tmp_path) as world:
        world.provider.put(1, LONG_AGO)
        world.provider.put(2, LONG_AGO)
        await world.run()
        del world.provider.rows[2]
        await world.later(31 * MINUTE)
        assert await newly_said(world, 2, 2 * MINUTE) == [Verdict.DELETED]
        assert await said(world, 2) == [
            ("baseline", Verdict.LEARNED),
            ("sweep", Verdict.MISSING_ONCE),
            ("sweep", Verdict.DELETED),
        ]
        assert ("sweep", Verdict.LISTED) in await said(world, 1)
        (entry,) = [each for each in await trail(world) if each.numbers]
        assert entry.reading == "sweep"


async def test_a_record_that_was_missed_once_is_found_again(tmp_path):
    async with World(tmp_path) as world:
        world.provider.put(1, LONG_AGO)
        world.provider.put(2, LONG_AGO)
        await world.run()
        kept = world.provider.rows.pop(2)
        await world.later(31 * MINUTE)
        world.provider.rows[2] = kept
        assert await newly_said(world, 2, 2 * MINUTE) == [Verdict.FOUND_AGAIN]


async def test_a_record_that_is_in_no_list_goes_out_of_view_and_comes_back(tmp_path):
    async with World(tmp_path) as world:
        for key in (1, 2):
            world.provider.put(key, LONG_AGO)
        await world.run()
        world.provider.hidden.add(2)
        assert Verdict.OUT_OF_VIEW in await newly_said(world, 2, 31 * MINUTE)
        world.provider.hidden.clear()
        assert {Verdict.BACK_IN_VIEW, Verdict.FOUND_AGAIN} & {*await newly_said(world, 2, 31 * MINUTE)}


async def test_a_suspicious_sweep_says_of_each_record_that_it_is_held(tmp_path):
    async with World(tmp_path) as world:
        for key in range(1, 41):
            world.provider.put(key, LONG_AGO)
        await world.run()
        for key in range(1, 31):
            del world.provider.rows[key]
        assert await newly_said(world, 7, 31 * MINUTE) == [Verdict.HELD]


async def test_a_sweep_of_nothing_draws_no_conclusion(tmp_path):
    async with World(tmp_path) as world:
        world.provider.put(1, LONG_AGO)
        await world.run()
        world.provider.rows.clear()
        assert await newly_said(world, 1, 31 * MINUTE) == [Verdict.INCONCLUSIVE]


async def test_a_row_from_after_the_poll_began_is_left_to_the_next(tmp_path):
    url = "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"
    dates = {"updatedDateField": "_info.lastUpdated", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"}
    entry = {"url": url, "idField": "id", "datesConfiguration": dates, "filterByCurrentDate": True}
    async with World(tmp_path, **{"event.poller.configuration": json.dumps({"contacts": entry})}) as world:
        world.provider.put(1, LONG_AGO)
        await world.run()
        world.provider.put(2, world.now + 90_000)
        assert await newly_said(world, 2) == [Verdict.LEFT]
        assert Verdict.CREATED in await newly_said(world, 2)


async def test_a_poll_that_failed_is_told_with_the_providers_words_and_its_next_try(world):
    world.provider.before = lambda request: web.json_response({"code": "X", "message": "on fire"}, status=500)
    await world.later(MINUTE)
    failed = (await trail(world))[-1]
    assert (failed.reading, failed.status, failed.seen) == ("poll", 500, b"")
    assert "on fire" in (failed.failure or "")
    assert failed.next_at == (await world.lane()).due_at


async def test_a_long_reading_that_failed_is_told_though_polls_go_on(world):
    def fail(request: web.Request) -> web.Response | None:
        asked = request.query.get("conditions", "")
        return None if "lastUpdated" in asked else web.json_response({}, status=503)

    world.provider.before = fail
    await world.later(WEEK)
    failed = [each for each in await trail(world) if each.failure]
    assert {(each.reading, each.status) for each in failed} == {("audit", 503)}
    assert all(each.next_at is not None and each.next_at > each.at for each in failed)


async def test_refused_keys_are_told_and_no_next_try(world):
    world.provider.before = lambda request: web.json_response({"message": "who are you"}, status=401)
    await world.later(MINUTE)
    failed = (await trail(world))[-1]
    assert (failed.status, failed.next_at) == (401, None)
    assert "who are you" in (failed.failure or "")


async def test_a_poll_that_brings_nothing_leaves_a_few_bytes(world):
    before = len(await trail(world))
    await world.later(MINUTE)
    (entry,) = (await trail(world))[before:]
    assert (entry.rows, entry.seen, entry.numbers) == (0, b"", ())
    assert await world.store.lanes(LaneKind.POLL)
