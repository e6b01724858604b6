"""What does an audit prove, and what does it hold for a person?"""

from __future__ import annotations

import msgspec
import pytest
from aiohttp import web

from tests.engine.provider import asks_for_all
from tests.engine.world import MINUTE, START, World
from tidings.core.completeness import Completeness, completeness
from tidings.core.cursor import ENCODE, Unmoved, audit_now, decide_unmoved, decode

LONG_AGO = START - 900 * MINUTE
PAGE = 10
PAGES = 4
EVERY = range(1, PAGE * PAGES + 1)


@pytest.fixture
async def world(tmp_path):
    """Forty contacts on four pages, all read once; sweeps and audits come only when they are asked for."""
    rare = {"event.poller.sweep_interval": "100000", "event.poller.audit_interval": "100000"}
    async with World(tmp_path, **rare) as world:
        world.provider.page_cap = PAGE
        for key in EVERY:
            world.provider.put(key, LONG_AGO + key * MINUTE, firstName=f"n{key}")
        await world.run()
        yield world


def change_silently(world: World, keys) -> None:
    for key in keys:
        world.provider.rows[key]["newMember"] = "added by the provider"


async def amend(world: World, change) -> None:
    lane = await world.lane()
    await world.store.amend(lane.id, lambda stored: ENCODE(change(decode(stored))), world.now)


async def audit(world: World) -> Completeness:
    """Audit now; the figure."""
    await amend(world, lambda cursor: audit_now(cursor, world.now))
    await world.run()
    figure = completeness(await world.cursor())
    assert figure is not None
    assert figure.audited_at == world.now
    return figure


async def decide(world: World, decision: Unmoved) -> None:
    await amend(world, lambda cursor: decide_unmoved(cursor, world.now, decision))
    await world.run()


async def test_before_the_first_audit_nothing_is_proved(world):
    assert completeness(await world.cursor()) is None


async def test_an_audit_of_what_is_as_it_was_proves_that_nothing_was_missed(world):
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 0, None)
    assert await world.events() == []


async def test_few_changes_with_unmoved_stamps_are_announced_and_told_as_missed(world):
    change_silently(world, (3, 4, 25))
    assert await audit(world) == Completeness(world.now, 40, 3, 0, 0, None)
    assert await world.events() == [("UPDATED", 3), ("UPDATED", 4), ("UPDATED", 25)]
    assert {event["cause"] for each in await world.messages() for event in each["events"]} == {"audit"}
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 0, None)
    assert len(await world.events()) == 3


async def test_only_pages_with_such_changes_are_read_again(world):
    change_silently(world, (3, 25, 26, 35))
    world.provider.requests.clear()
    await audit(world)
    pages = [each for each in world.provider.requests if asks_for_all(each)]
    # All, the empty end asked for twice, then the first page and the last two.
    assert len(pages) == PAGES + 2 + 3


async def test_a_member_added_to_every_record_is_held_and_not_announced(world):
    change_silently(world, EVERY)
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 40, None)
    cursor = await world.cursor()
    assert (cursor.unmoved, cursor.unmoved_at, cursor.unmoved_ids) == (40, world.now, tuple(EVERY))
    assert await world.events() == []


@pytest.mark.parametrize(("changed", "held"), [(10, False), (11, True)])
async def test_more_than_ten_and_more_than_a_tenth_are_held(world, changed, held):
    change_silently(world, EVERY[:changed])
    figure = await audit(world)
    assert (figure.missed, figure.held) == ((0, changed) if held else (changed, 0))
    assert len(await world.events()) == figure.missed


async def test_what_has_a_moved_stamp_or_is_new_is_announced_though_the_rest_is_held(world):
    change_silently(world, EVERY)
    world.provider.put(7, LONG_AGO + 500 * MINUTE, firstName="moved")
    world.provider.put(41, LONG_AGO, firstName="new, under an old stamp")
    figure = await audit(world)
    assert await world.events() == [("UPDATED", 7), ("CREATED", 41)]
    assert (figure.compared, figure.missed, figure.held) == (41, 2, 39)


async def test_held_changes_that_are_released_are_announced_once(world):
    change_silently(world, EVERY)
    await audit(world)
    await decide(world, Unmoved.ANNOUNCE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in EVERY]
    assert completeness(await world.cursor()) == Completeness(world.now, 40, 40, 0, 0, None)
    change_silently(world, ())
    assert (await audit(world)).missed == 0


async def test_a_release_is_for_one_audit(world):
    change_silently(world, EVERY)
    await audit(world)
    await decide(world, Unmoved.ANNOUNCE)
    for key in EVERY:
        world.provider.rows[key]["newMember"] = "changed by the provider again"
    assert (await audit(world)).held == 40
    assert len(await world.events()) == 40


async def test_held_changes_that_are_refused_are_learned_silently_and_not_asked_about_again(world):
    change_silently(world, EVERY)
    await audit(world)
    await decide(world, Unmoved.LEARN)
    assert completeness(await world.cursor()) == Completeness(world.now, 40, 0, 0, 0, None)
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 0, None)
    assert await world.events() == []
    assert {state.rev for state in (await world.store.known((await world.lane()).id, EVERY)).values()} == {1}
    world.provider.put(5, firstName="changed by somebody")
    await world.later(MINUTE)
    (message,) = await world.messages()
    assert [change["path"] for change in message["events"][0]["changes"]] == ["/firstName"]


async def test_a_hold_that_the_provider_has_taken_back_ends_with_the_next_audit(world):
    change_silently(world, EVERY)
    await audit(world)
    for key in EVERY:
        del world.provider.rows[key]["newMember"]
    assert (await audit(world)).held == 0
    assert (await world.cursor()).unmoved_ids == ()


async def test_the_date_of_a_hold_is_that_of_the_first_audit_that_held(world):
    change_silently(world, EVERY)
    await audit(world)
    first = world.now
    await world.later(30 * MINUTE)
    await audit(world)
    assert (await world.cursor()).unmoved_at == first


async def test_a_decision_during_an_audit_counts_for_the_whole_of_it(world):
    change_silently(world, EVERY)

    def fail_on_the_last_page(request):
        return web.Response(status=503) if "pageId=30" in str(request.rel_url) else None

    world.provider.before = fail_on_the_last_page
    await amend(world, lambda cursor: audit_now(cursor, world.now))
    await world.run()
    long = (await world.cursor()).long
    assert long is not None
    assert long.unmoved == 30
    world.provider.before = lambda request: None
    await decide(world, Unmoved.ANNOUNCE)
    assert len(await world.events()) == 40


async def test_an_audit_goes_on_after_a_failure_in_its_second_part_and_repeats_nothing(world):
    change_silently(world, (3, 35))
    asked: list[str] = []

    def fail_once(request):
        asked.append(str(request.rel_url))
        again = "pageId=30" in asked[-1] and sum("pageId=30" in each for each in asked) == 2
        return web.Response(status=503) if again else None

    world.provider.before = fail_once
    await amend(world, lambda cursor: audit_now(cursor, world.now))
    await world.run()
    assert await world.events() == [("UPDATED", 3)]
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 3), ("UPDATED", 35)]
    assert completeness(await world.cursor()) == Completeness(world.now, 40, 2, 0, 0, None)


async def test_a_provider_that_begins_to_change_everything_during_the_second_part_is_held(world):
    change_silently(world, (3, 25))

    def change_all_when_it_is_read_again(request):
        if sum("pageId=20" in each for each in world.provider.requests) == 2:
            change_silently(world, EVERY)

    world.provider.requests.clear()
    world.provider.before = change_all_when_it_is_read_again
    figure = await audit(world)
    assert (figure.missed, figure.held) == (1, 11)
    assert await world.events() == [("UPDATED", 3)]


async def test_changes_by_page_number_are_weighed_too(tmp_path):
    async with World(tmp_path, **{"event.poller.audit_interval": "100000"}) as world:
        world.provider.numbered = True
        world.provider.page_cap = PAGE
        for key in EVERY:
            world.provider.put(key, LONG_AGO, firstName=f"n{key}")
        for _ in range(4):
            await world.later(MINUTE)
        assert (await world.cursor()).numbered
        change_silently(world, (3, 25))
        assert await audit(world) == Completeness(world.now, 40, 2, 0, 0, None)
        change_silently(world, EVERY)
        del world.provider.rows[40]
        figure = await audit(world)
        assert (figure.held, figure.phantom) == (37, 1)


async def test_what_is_not_listed_and_not_there_is_a_phantom_and_the_sweep_is_due(world):
    for key in (7, 8, 31):
        del world.provider.rows[key]
    assert await audit(world) == Completeness(world.now, 37, 0, 3, 0, None)
    await world.later(2 * MINUTE)
    assert sorted(await world.events()) == [("DELETED", 7), ("DELETED", 8), ("DELETED", 31)]
    assert (await audit(world)).phantom == 0


async def test_phantoms_do_not_begin_a_sweep_that_is_switched_off(world):
    await world.configure(**{"event.poller.sweep_interval": "0"})
    await world.run()
    del world.provider.rows[7]
    assert (await audit(world)).phantom == 1
    for _ in range(3):
        await world.later(2 * MINUTE)
    assert await world.events() == []


async def test_the_last_record_of_all_can_be_a_phantom(world):
    del world.provider.rows[40]
    assert (await audit(world)).phantom == 1


async def test_a_record_on_a_page_that_is_as_it_was_can_be_a_phantom(world):
    """It is missed by a sweep already, so the page's records are all that are as they were."""
    del world.provider.rows[7]
    await amend(world, lambda cursor: msgspec.structs.replace(cursor, sweep_at=world.now))
    await world.run()
    assert (await world.store.known((await world.lane()).id, [7]))[7].missing == 1
    assert (await audit(world)).phantom == 1


async def test_a_record_that_only_left_the_filter_is_no_phantom(tmp_path):
    url = "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND status!='closed'"
    entry = (
        f'{{"contacts": {{"url": "{url}", "idField": "id", "datesConfiguration": '
        '{"updatedDateField": "_info.lastUpdated"}}}'
    )
    async with World(tmp_path, **{"event.poller.configuration": entry}) as world:
        for key in range(1, 6):
            world.provider.put(key, LONG_AGO, status="open")
        await world.run()
        world.provider.rows[2]["status"] = "closed"
        del world.provider.rows[4]
        assert await audit(world) == Completeness(world.now, 3, 0, 1, 0, None)


async def test_leavers_are_no_phantoms_though_the_provider_caps_the_answer_to_who_is_there(tmp_path):
    url = "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND status!='closed'"
    entry = (
        f'{{"contacts": {{"url": "{url}", "idField": "id", "datesConfiguration": '
        '{"updatedDateField": "_info.lastUpdated"}}}'
    )
    async with World(tmp_path, **{"event.poller.configuration": entry, "event.poller.sweep_interval": "0"}) as world:
        world.provider.page_cap = 7
        for key in range(1, 131):
            world.provider.put(key, LONG_AGO, status="open")
        await world.run()
        for key in range(1, 121):
            world.provider.rows[key]["status"] = "closed"
        del world.provider.rows[30]
        del world.provider.rows[125]
        assert await audit(world) == Completeness(world.now, 9, 0, 2, 0, None)


async def test_a_gateway_that_refuses_once_makes_no_phantoms(world):
    world.provider.hidden.add(7)
    refusals: list[int] = []

    def gateway(request):
        if " in (" in request.query.get("conditions", "") and not refusals:
            refusals.append(request)
            return web.Response(status=403, text="<html>Request blocked</html>", content_type="text/html")
        world.provider.hidden.difference_update(refusals and {7})
        return None

    world.provider.before = gateway
    await amend(world, lambda cursor: audit_now(cursor, world.now))
    await world.run()
    await world.later(MINUTE)
    figure = completeness(await world.cursor())
    assert figure is not None
    assert (figure.compared, figure.phantom) == (39, 0)


async def test_a_record_written_since_the_audit_began_is_no_phantom(world):
    def people(request):
        url = str(request.rel_url)
        if asks_for_all(url) and "pageId=10" in url:
            world.provider.put(35, firstName="polled before the audit comes to it")
            world.now += MINUTE
        if asks_for_all(url) and "pageId=20" in url:
            world.provider.rows.pop(35)

    world.provider.before = people
    assert (await audit(world)).phantom == 0
    assert await world.events() == [("UPDATED", 35)]


async def test_an_unreadable_record_is_no_phantom_and_the_audit_is_not_complete(world):
    def poisoned(request):
        if " in (" in request.query.get("conditions", ""):
            return web.json_response({"message": "no such condition"}, status=400)
        after, size = int(request.query.get("pageId", 0)), int(request.query.get("pageSize", 0))
        if size and "fields" not in request.query and after < 17 <= after + min(size, PAGE):
            return web.json_response({"message": "String was not recognized as a valid Boolean."}, status=500)
        return None

    world.provider.before = poisoned
    await amend(world, lambda cursor: audit_now(cursor, world.now))
    for _ in range(8):
        await world.later(MINUTE)
    figure = completeness(await world.cursor())
    assert figure is not None
    assert (figure.compared, figure.phantom, figure.counted, figure.complete) == (39, 0, 40, False)


async def test_an_audit_that_comes_short_is_repeated_and_then_says_so(world):
    whole = {"shown": True}

    def short_list(request):
        counting = request.path.endswith("/count")
        world.provider.hidden.clear()
        if not counting and not whole["shown"]:
            world.provider.hidden.update({5, 6})

    world.provider.before = short_list
    whole["shown"] = False
    world.provider.requests.clear()
    figure = await audit(world)
    assert figure == Completeness(world.now, 38, 0, None, 0, 40)
    assert not figure.complete
    assert sum("count" in each for each in world.provider.requests) >= 5
    whole["shown"] = True
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 0, None)
    assert await world.events() == []


async def test_changes_found_before_an_audit_came_short_are_counted_once(world):
    asked = {"lists": 0}

    def short_once(request):
        world.provider.hidden.clear()
        if asks_for_all(str(request.rel_url)):
            asked["lists"] += 1
            if asked["lists"] <= PAGES + 1:
                world.provider.hidden.update({5, 6})

    world.provider.put(9, LONG_AGO + 500 * MINUTE, firstName="moved")
    change_silently(world, (20,))
    world.provider.before = short_once
    assert await audit(world) == Completeness(world.now, 40, 2, 0, 0, None)
    assert sorted(await world.events()) == [("UPDATED", 9), ("UPDATED", 20)]


async def test_a_person_gets_an_audit_of_a_resource_whose_audits_are_switched_off(world):
    await world.configure(**{"event.poller.audit_interval": "0"})
    await world.run()
    change_silently(world, (3,))
    assert (await audit(world)).missed == 1
    await world.later(300_000 * MINUTE)
    assert (await world.cursor()).audited_at < world.now


async def test_another_configuration_ends_a_hold_because_it_takes_over_what_is_there(world):
    change_silently(world, EVERY)
    await audit(world)
    await world.configure(**{"filter.response.nulls": "false"})
    await world.run()
    assert (await world.cursor()).unmoved == 0
    assert await audit(world) == Completeness(world.now, 40, 0, 0, 0, None)
    assert await world.events() == []


async def test_what_the_next_poll_would_have_brought_is_announced_and_was_not_missed(tmp_path):
    async with World(tmp_path, **{"event.poller.refresh_interval": "60"}) as world:
        for key in EVERY:
            world.provider.put(key, LONG_AGO + key * MINUTE, firstName=f"n{key}")
        await world.run()
        world.provider.put(3, firstName="edited a moment ago")
        change_silently(world, [4])
        figure = await audit(world)
        assert sorted(await world.events()) == [("UPDATED", 3), ("UPDATED", 4)]
        assert figure.missed == 1
        causes = {e["objectId"]: e.get("cause") for message in await world.messages() for e in message["events"]}
        assert causes == {"3": None, "4": "audit"}


async def test_a_stamp_within_the_settle_window_is_not_missed_where_settle_passes_are_made(tmp_path):
    for settle, missed in (("10", 0), ("0", 1)):
        settings = {"event.poller.refresh_interval": "60", "event.poller.settle_interval": settle}
        folder = tmp_path / settle
        folder.mkdir()
        async with World(folder, **settings) as world:
            world.provider.put(1, START - MINUTE, firstName="sets the watermark")
            await world.run()
            world.provider.put(2, START - 30 * MINUTE, firstName="came into view late")
            assert (await audit(world)).missed == missed
