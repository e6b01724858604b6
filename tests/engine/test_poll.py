"""The whole of a poll, with a clock in hand: what is announced, what is not, and where it goes on."""

from __future__ import annotations

import dataclasses
import json

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World, iso
from tidings.core.model import LaneState
from tidings.store.cloning import NewClone


@pytest.fixture(params=[False, True], ids=["page-by-page", "reading-ahead"])
async def world(tmp_path, request):
    async with World(tmp_path, read_ahead=request.param) as world:
        yield world


async def started(world: World, rows=5, age=60 * MINUTE) -> World:
    """A world whose baseline is done, with `rows` old records."""
    for key in range(1, rows + 1):
        world.provider.put(key, START - age + key * SECOND, firstName=f"n{key}")
    await world.run()
    await world.later(MINUTE)
    assert await world.events() == []
    return world


async def test_existing_records_are_learned_silently(world):
    await started(world, 25)
    cursor = await world.cursor()
    assert cursor.baselined
    assert cursor.high_id == 25
    assert await world.store.live_count((await world.lane()).id) == 25


async def test_a_new_record_and_a_change_are_announced_once_each_with_the_right_type(world):
    await started(world)
    world.provider.put(6, firstName="new")
    world.provider.put(2, firstName="changed")
    for _ in range(5):
        await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", 6), ("UPDATED", 2)]
    changes = [e["changes"] for m in await world.messages() for e in m["events"] if e["objectId"] == "2"]
    assert changes == [[{"path": "/firstName", "old": "n2", "new": "changed"}]]
    assert world.heard, "the deliverer is woken"


async def test_an_instance_that_is_moved_to_a_clone_is_polled_on_and_says_its_key(world):
    await started(world)
    clone = await world.store.add_clone(NewClone(1, "connectwisecrmrest", "acmecrm", "Acme CRM", ""), world.now)
    instance = await world.store.instance(world.instance_id)
    await world.store.update_instance(dataclasses.replace(instance, clone=clone), world.plan(), world.now)
    world.provider.put(9)
    await world.later(MINUTE)
    (message,) = await world.messages()
    assert (message["elementKey"], message["instanceId"]) == ("acmecrm", world.instance_id)
    assert await world.events() == [("CREATED", 9)]


async def test_sequences_are_gap_free_and_raw_carries_exactly_the_events_records(world):
    await started(world)
    for key in range(100, 125):
        world.provider.put(key)
    await world.later(MINUTE)
    messages = await world.messages()
    assert [len(m["events"]) for m in messages] == [10, 10, 5]
    assert [e["sequence"] for m in messages for e in m["events"]] == list(range(1, 26))
    for message in messages:
        assert [str(r["id"]) for r in message["raw"]["contacts"]] == [e["objectId"] for e in message["events"]]
        assert message["raw"]["objectType"] == "contacts"


async def test_a_second_edit_in_the_watermarks_second_is_seen(world):
    await started(world)
    world.provider.put(2, firstName="one")
    await world.run()
    await world.later(MINUTE)
    world.provider.put(2, world.now - MINUTE, firstName="two")
    world.provider.put(9, world.now - MINUTE, firstName="same second")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2), ("UPDATED", 2), ("CREATED", 9)]


async def test_a_row_that_becomes_visible_behind_the_watermark_is_seen(world):
    await started(world)
    world.provider.put(8, world.now - 30 * SECOND, firstName="late")
    world.provider.hidden.add(8)
    world.provider.put(3, firstName="sets the watermark")
    await world.later(MINUTE)
    world.provider.hidden.clear()
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 3), ("CREATED", 8)]


async def test_a_row_that_is_later_than_the_overlap_is_seen_by_the_settle_pass(world):
    await started(world)
    world.provider.put(8, world.now, firstName="very late")
    world.provider.hidden.add(8)
    for _ in range(5):
        world.provider.put(3, firstName=f"at {world.now}")
        await world.later(MINUTE)
    world.provider.hidden.clear()
    await world.later(MINUTE)
    assert ("CREATED", 8) not in await world.events()
    await world.later(5 * MINUTE)
    assert (await world.events())[-1] == ("CREATED", 8)


async def test_a_row_stamped_in_the_future_does_not_move_the_watermark(world):
    await started(world)
    world.provider.put(7, world.now + 120 * MINUTE, firstName="from tomorrow")
    await world.later(MINUTE)
    world.provider.put(2, firstName="an ordinary edit")
    await world.later(MINUTE)
    assert await world.events() == [("CREATED", 7), ("UPDATED", 2)]
    assert (await world.cursor()).watermark_at == world.now - MINUTE


async def test_rows_that_move_between_two_pages_are_neither_lost_nor_repeated(world):
    world.provider.page_cap = 2
    await started(world, 6)
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")
    moved: list[int] = []

    def touch(request):
        if "pageId=2" in str(request.rel_url) and not moved:
            moved.append(1)
            world.provider.put(1, firstName="edited between pages")
            world.provider.put(5, firstName="edited before it is read")
            del world.provider.rows[2]

    world.provider.before = touch
    await world.later(MINUTE)
    world.provider.before = lambda request: None
    await world.later(MINUTE)
    seen = dict.fromkeys(range(1, 7), 0)
    for _, key in await world.events():
        seen[key] += 1
    assert seen == {1: 2, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1}


async def test_a_provider_that_caps_the_page_or_repeats_a_row_changes_nothing(world):
    world.provider.page_cap = 3
    await started(world, 10)
    for key in range(11, 21):
        world.provider.put(key)

    def doubled(request):
        if "pageId=13" not in str(request.rel_url):
            return None
        rows = [world.provider.rows[14], world.provider.rows[14], world.provider.rows[15]]
        return web.json_response(rows, headers={"Link": '<http://x/?pageId=15>; rel="next"'})

    world.provider.before = doubled
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", key) for key in range(11, 21)]


async def test_an_empty_page_is_asked_for_again_before_it_ends_a_reading(world):
    await started(world)
    world.provider.put(2, firstName="changed")
    lied: list[int] = []

    def empty_once(request):
        if "conditions" in request.query and not lied and request.path.endswith("contacts"):
            lied.append(1)
            return web.json_response([])
        return None

    world.provider.before = empty_once
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_what_changes_while_the_baseline_is_read_is_announced(world):
    world.provider.page_cap = 2
    for key in range(1, 7):
        world.provider.put(key, START - 60 * MINUTE)
    world.provider.put(6, START, firstName="stamped in the very second")

    def during(request):
        if "pageId=2" in str(request.rel_url) and 7 not in world.provider.rows:
            world.now += 5 * SECOND
            world.provider.put(1, firstName="already read")
            world.provider.put(5, firstName="not read yet")
            world.provider.put(7, firstName="new")

    world.provider.before = during
    await world.run()
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", 7), ("UPDATED", 1), ("UPDATED", 5)]


async def test_a_moved_stamp_without_new_content_is_a_touch_only_incidents_announce(tmp_path):
    async with World(tmp_path, **{"event.objects": "contacts,incidents"}) as world:
        await started(world)
        world.provider.put(2)
        await world.later(MINUTE)
        await world.later(MINUTE)
        found = [(m["raw"]["objectType"], e) for m in await world.messages() for e in m["events"]]
        assert [(resource, e["eventType"], e["changes"], e.get("touched")) for resource, e in found] == [
            ("incidents", "UPDATED", [], True)
        ]


async def test_a_value_changed_and_changed_back_between_polls_is_no_update(world):
    await started(world)
    world.provider.put(2, firstName="x")
    world.provider.put(2, firstName="n2")
    await world.later(MINUTE)
    assert await world.events() == []


async def test_a_hard_delete_is_announced_after_two_sweeps_and_404_with_the_last_snapshot(world):
    await started(world, 12)
    del world.provider.rows[5]
    await world.later(31 * MINUTE)
    assert await world.events() == []
    await world.later(2 * MINUTE)
    assert await world.events() == [("DELETED", 5)]
    (message,) = await world.messages()
    assert message["raw"]["contacts"][0]["firstName"] == "n5"
    assert "404" in message["events"][0]["evidence"]
    await world.later(120 * MINUTE)
    assert len(await world.events()) == 1


async def test_a_record_that_only_the_list_hides_is_not_deleted(world):
    await started(world, 12)
    world.provider.hidden.add(5)
    for _ in range(4):
        await world.later(31 * MINUTE)
    assert await world.events() == []


async def test_a_deleted_record_that_is_seen_again_is_created(world):
    await started(world, 12)
    kept = world.provider.rows.pop(5)
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    world.provider.rows[5] = kept
    world.provider.put(5)
    await world.later(MINUTE)
    assert await world.events() == [("DELETED", 5), ("CREATED", 5)]


async def test_a_sweep_that_misses_suspiciously_many_is_held_until_a_person_acts(world):
    await started(world, 40)
    for key in range(1, 21):
        del world.provider.rows[key]
    for _ in range(4):
        await world.later(31 * MINUTE)
    assert await world.events() == []
    cursor = await world.cursor()
    assert (cursor.held, cursor.held_ids) == (20, tuple(range(1, 21)))
    await world.configure(**{"event.notification.callback.url": "http://127.0.0.1:9/elsewhere"})
    for _ in range(4):
        await world.later(31 * MINUTE)
    assert await world.events() == [], "another change of the instance is no decision about the deletes"
    await world.release()
    for _ in range(2):
        await world.later(31 * MINUTE)
    assert sorted(await world.events()) == [("DELETED", key) for key in range(1, 21)]
    assert not (await world.cursor()).held


async def test_a_hold_ends_by_itself_when_the_records_are_back(world):
    await started(world, 40)
    kept = {key: world.provider.rows.pop(key) for key in range(1, 21)}
    await world.later(31 * MINUTE)
    assert (await world.cursor()).held == 20
    world.provider.rows |= kept
    await world.later(31 * MINUTE)
    assert not (await world.cursor()).held
    assert await world.events() == []


async def test_without_a_record_that_can_be_read_nothing_is_declared_deleted(world):
    await started(world, 5)
    kept = dict(world.provider.rows)
    world.provider.rows.clear()
    for _ in range(6):
        await world.later(31 * MINUTE)
    assert await world.events() == [], "a narrowed role looks the same"
    world.provider.rows |= kept
    world.provider.put(2, firstName="back, and changed")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_a_record_declared_gone_that_is_listed_again_is_created_though_its_stamp_has_not_moved(world):
    await started(world, 12, age=900 * MINUTE)
    kept = world.provider.rows.pop(5)
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    world.provider.rows[5] = kept
    await world.later(31 * MINUTE)
    assert await world.events() == [("DELETED", 5), ("CREATED", 5)]


async def test_a_record_out_of_view_is_asked_for_once_and_is_known_when_it_is_back(world):
    await started(world, 12, age=900 * MINUTE)
    world.provider.hidden.add(5)
    await world.later(31 * MINUTE)
    world.provider.requests.clear()
    await world.later(31 * MINUTE)
    assert not any(request.endswith("/5") for request in world.provider.requests)
    world.provider.hidden.clear()
    world.provider.put(5, firstName="changed out of view")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 5)]
    del world.provider.rows[5]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert (await world.events())[1:] == [("DELETED", 5)]


async def test_a_soft_delete_that_leaves_the_filter_is_found_by_the_sweep(tmp_path):
    where = "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND deletedFlag='false'"
    entry = {
        "url": f"/hubs/crm/organizations?where={where}",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    settings = {"event.objects": "organizations", "event.poller.configuration": json.dumps({"organizations": entry})}
    async with World(tmp_path, **settings) as world:
        for key in range(1, 6):
            world.provider.put(key, START - MINUTE, deletedFlag=False)
        await world.run()
        world.provider.put(3, deletedFlag=True)
        await world.later(31 * MINUTE)
        assert await world.events() == [("DELETED", 3)]


@pytest.mark.parametrize("hours", [-14, -5, 1, 12])
async def test_a_filter_in_another_time_zone_is_noticed_and_loses_nothing(tmp_path, hours):
    async with World(tmp_path) as world:
        world.provider.filter_shift = hours * 60 * MINUTE
        await started(world, age=900 * MINUTE)
        world.provider.put(2, firstName="changed")
        world.provider.put(6, firstName="new")
        await world.later(MINUTE)
        await world.later(MINUTE)
        assert sorted(await world.events()) == [("CREATED", 6), ("UPDATED", 2)]
        assert (await world.cursor()).widened == (hours > 0)


async def test_a_filter_that_goes_wrong_later_is_noticed_by_the_record_that_should_come_back(world):
    await started(world)
    world.provider.put(2, firstName="first")
    await world.later(MINUTE)
    world.provider.filter_shift = 60 * MINUTE
    world.provider.put(3, firstName="second")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2), ("UPDATED", 3)]
    assert (await world.cursor()).widened


async def test_a_record_that_fails_its_page_is_passed_over_and_told(world):
    await started(world, 30)
    for key in range(1, 31):
        world.provider.put(key, firstName="edited")

    def poisoned(request):
        if request.query.get("fields") == "id" or "pageSize" not in request.query:
            return None
        after, size = int(request.query.get("pageId", 0)), int(request.query["pageSize"])
        if after < 17 <= after + size:
            return web.json_response({"message": "String was not recognized as a valid Boolean."}, status=500)
        return None

    world.provider.before = poisoned
    for _ in range(4):
        await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 31) if key != 17]
    assert "passed over until it does not: 17" in ((await world.lane()).parked_reason or "")
    world.provider.before = lambda request: None
    world.provider.put(17, firstName="mended")
    await world.later(MINUTE)
    assert (await world.events())[-1] == ("UPDATED", 17)
    assert (await world.lane()).parked_reason is None


async def test_a_page_of_large_records_is_read_in_smaller_ones(world):
    await started(world, 8)
    for key in range(1, 9):
        world.provider.put(key, firstName="x" * 300_000)
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 9)]


async def test_a_provider_that_pages_by_number_only_is_polled_and_swept(world):
    world.provider.numbered = True
    world.provider.page_cap = 3
    await started(world, 10, age=900 * MINUTE)
    world.provider.put(2, firstName="changed")
    world.provider.put(11)
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", 11), ("UPDATED", 2)]
    del world.provider.rows[7]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert (await world.events())[2:] == [("DELETED", 7)]


async def test_a_soft_deleted_organization_is_deleted_at_once_and_created_when_restored(tmp_path):
    async with World(tmp_path, **{"event.objects": "organizations"}) as world:
        world.provider.put(3, START - MINUTE, name="already gone", deletedFlag=True)
        world.provider.put(4, START - MINUTE, name="here", deletedFlag=False)
        await world.run()
        world.provider.put(4, deletedFlag=True)
        await world.later(MINUTE)
        world.provider.put(4, deletedFlag=False)
        await world.later(MINUTE)
        assert await world.events() == [("DELETED", 4), ("CREATED", 4)]


async def test_what_is_made_and_soft_deleted_between_two_polls_was_never_there_until_it_is_restored(tmp_path):
    async with World(tmp_path, **{"event.objects": "organizations"}) as world:
        world.provider.put(4, START - MINUTE, name="here", deletedFlag=False)
        await world.run()
        world.provider.put(5, deletedFlag=True)
        await world.later(MINUTE)
        assert await world.events() == []
        world.provider.put(5, deletedFlag=False)
        await world.later(MINUTE)
        assert await world.events() == [("CREATED", 5)]


async def test_a_failed_page_moves_nothing_and_the_next_try_goes_on_at_that_page(world):
    world.provider.page_cap = 2
    await started(world, 6)
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")
    down = [True]
    world.provider.before = lambda request: (
        web.Response(status=503, text="<html>down</html>") if down[0] and "pageId=4" in str(request.rel_url) else None
    )
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 5)]
    watermark = (await world.cursor()).watermark_at
    lane = await world.lane()
    assert lane.attempt == 1
    assert "503" in (lane.parked_reason or "")
    assert lane.due_at > world.now
    down[0] = False
    world.provider.requests.clear()
    await world.later(lane.due_at - world.now)
    assert sorted(await world.events()) == [("UPDATED", key) for key in range(1, 7)]
    assert "pageId=4" in world.provider.requests[0]
    assert (await world.cursor()).watermark_at > watermark
    assert (await world.lane()).attempt == 0


async def test_a_429_is_waited_out_as_long_as_the_provider_says(world):
    await started(world)
    world.provider.before = lambda request: web.json_response(
        {"error": "ConnectWiseAPI", "message": "Too many requests. Please try again in 300 seconds."},
        status=429,
        headers={"Retry-After": "300"},
    )
    await world.later(MINUTE)
    lane = await world.lane()
    assert lane.due_at - world.now >= 300 * SECOND
    assert "Too many requests" in (lane.parked_reason or "")


async def test_wrong_keys_park_the_lane_with_the_providers_words_and_nothing_is_lost_when_they_are_changed(world):
    await started(world)
    world.provider.before = lambda request: web.json_response(
        {"code": "Unauthorized", "message": "UserNotAuthenticated"}, status=401
    )
    await world.later(MINUTE)
    lane = await world.lane()
    assert lane.state is LaneState.PARKED
    assert "UserNotAuthenticated" in (lane.parked_reason or "")
    world.provider.put(2, firstName="while parked")
    count = len(world.provider.requests)
    await world.later(60 * MINUTE)
    assert len(world.provider.requests) == count, "nobody hammers a provider that refused the keys"
    world.provider.before = lambda request: None
    await world.configure(**{"public.key": "another"})
    await world.run()
    assert await world.events() == [("UPDATED", 2)]


async def test_a_poller_that_lost_its_lease_writes_nothing(world):
    await started(world)
    world.provider.put(2, firstName="changed")
    (held,) = await world.store.claim("poll", "slow", world.now + MINUTE, world.now + 2 * MINUTE, 1)
    await world.later(3 * MINUTE)
    assert await world.events() == [("UPDATED", 2)]
    with pytest.raises(Exception, match="another worker"):
        await world.poller.run(held)
    assert await world.events() == [("UPDATED", 2)]


async def test_switching_events_off_and_on_again_loses_nothing(world):
    await started(world)
    await world.configure(**{"event.notification.enabled": "false"})
    world.provider.put(2, firstName="while off")
    await world.later(10 * MINUTE)
    assert await world.events() == []
    await world.configure(**{"event.notification.enabled": "true"})
    await world.run()
    assert await world.events() == [("UPDATED", 2)]


async def test_a_changed_filter_floods_nobody_and_loses_nothing(world):
    await started(world, 10)
    where = "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}' AND id>0"
    entry = {
        "url": f"/hubs/crm/contacts?where={where}",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    world.provider.put(2, firstName="before the next poll")
    await world.configure(**{"event.poller.configuration": json.dumps({"contacts": entry})})
    await world.run()
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_filter_by_current_date_leaves_what_came_after_the_polls_start_to_the_next_poll(world):
    where = "lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"
    entry = {
        "url": f"/hubs/crm/contacts?where={where}",
        "idField": "id",
        "filterByCurrentDate": True,
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    await started(world)
    await world.configure(**{"event.poller.configuration": json.dumps({"contacts": entry})})
    await world.run()
    world.provider.put(2, world.now + 61 * SECOND, firstName="a minute ahead")
    await world.later(MINUTE)
    assert await world.events() == []
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_a_record_no_parser_likes_is_announced_like_any_other(world):
    await started(world)
    world.provider.put(2, firstName="half a sign \ud83d", big=2**70, nul="\x00", text="a\r\nb", nothing=None)
    await world.later(MINUTE)
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]
    (message,) = await world.messages()
    assert message["raw"]["contacts"][0]["firstName"] == "half a sign \ud83d"
    assert {"path": "/big", "old": None, "new": 2**70} in message["events"][0]["changes"]


async def test_a_provider_that_does_not_count_is_read_all_the_same(world):
    world.provider.before = lambda request: (
        web.json_response({"message": "no"}, status=404) if request.path.endswith("count") else None
    )
    await started(world)
    world.provider.put(2, firstName="changed")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_rows_outside_the_filter_are_not_announced_and_hold_the_watermark(world):
    await started(world)
    watermark = (await world.cursor()).watermark_at
    stray = {"id": 99, "firstName": "old", "_info": {"lastUpdated": iso(START - 900 * MINUTE)}}
    sent: list[int] = []

    def unfiltered(request):
        if request.path.endswith("contacts") and request.headers.get("pagination-type") and not sent:
            sent.append(1)
            return web.json_response([stray], headers={"Link": '<http://x/?pageId=99>; rel="next"'})
        return None

    world.provider.before = unfiltered
    await world.later(MINUTE)
    assert await world.events() == []
    assert (await world.cursor()).watermark_at == watermark


async def test_a_poll_that_dies_goes_on_at_its_page_with_the_bound_it_began_with(world):
    world.provider.page_cap = 2
    await started(world, 6)
    for key in range(1, 7):
        world.provider.put(key, firstName="edited")

    class Killed(BaseException):
        pass

    def die(request):
        if "pageId=4" in str(request.rel_url):
            raise web.HTTPServiceUnavailable
        return None

    world.provider.before = die
    await world.later(MINUTE)
    before = (await world.cursor()).main
    assert before is not None
    world.provider.before = lambda request: None
    world.provider.requests.clear()
    await world.later(10 * MINUTE)
    first = world.provider.requests[0]
    assert "pageId=4" in first
    assert before.lower_at is not None
    assert iso(before.lower_at - SECOND).replace(":", "%3A") in first
    assert len(await world.events()) == 6


async def test_the_audit_finds_what_no_stamp_told(world):
    await started(world, age=900 * MINUTE)
    world.provider.rows[3]["firstName"] = "changed under the same stamp"
    await world.later(60 * MINUTE)
    assert await world.events() == []
    await world.later(8 * 24 * 60 * MINUTE)
    assert await world.events() == [("UPDATED", 3)]
    (message,) = await world.messages()
    assert message["events"][0]["cause"] == "audit"
    cursor = await world.cursor()
    assert (cursor.audited, cursor.audit_missed, cursor.audited_at) == (5, 1, world.now)


async def test_a_control_record_that_is_deleted_itself_ends_the_sweep_and_not_the_polls(world):
    await started(world, 12)
    del world.provider.rows[5]

    def delete_the_control(request):
        if request.path.endswith("/1"):
            world.provider.rows.pop(1, None)

    world.provider.before = delete_the_control
    await world.later(31 * MINUTE)
    world.provider.put(3, firstName="polled all the same")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 3)]
    world.provider.before = lambda request: None
    for _ in range(4):
        await world.later(2 * MINUTE)
    assert sorted((await world.events())[1:]) == [("DELETED", 1), ("DELETED", 5)]


async def test_a_sweep_that_the_provider_refuses_does_not_stop_the_polls(world):
    await started(world, 12)
    world.provider.before = lambda request: (
        web.json_response({"message": "no fields here"}, status=400) if "fields=id" in str(request.rel_url) else None
    )
    for minute in range(40):
        world.provider.put(3, firstName=f"minute {minute}")
        await world.later(MINUTE)
    assert len(await world.events()) == 40
    assert (await world.cursor()).long_at > world.now - 15 * MINUTE


async def test_a_backfill_announces_what_is_there_once_as_created(tmp_path):
    settings = {"event.poller.first_run": "backfill", "event.objects": "organizations"}
    async with World(tmp_path, **settings) as world:
        for key in range(1, 6):
            world.provider.put(key, START - key * MINUTE)
        world.provider.put(6, START, name="stamped in the very second")
        world.provider.put(9, START - MINUTE, deletedFlag=True)
        await world.run()
        assert sorted(await world.events()) == [("CREATED", key) for key in range(1, 7)]
        for _ in range(3):
            await world.later(MINUTE)
        assert len(await world.events()) == 6


async def test_a_shorter_interval_takes_effect_at_once(tmp_path):
    async with World(
        tmp_path, **{"event.poller.refresh_interval": "60", "event.poller.sweep_interval": "600"}
    ) as world:
        await started(world, 12, age=900 * MINUTE)
        await world.configure(**{"event.poller.refresh_interval": "1", "event.poller.sweep_interval": "2"})
        await world.run()
        world.provider.put(2, firstName="changed")
        del world.provider.rows[5]
        await world.later(MINUTE)
        assert await world.events() == [("UPDATED", 2)]
        for _ in range(4):
            await world.later(MINUTE)
        assert (await world.events())[1:] == [("DELETED", 5)]


async def test_a_reading_that_is_switched_off_and_on_again_comes_back(tmp_path):
    async with World(tmp_path) as world:
        await started(world, 12, age=900 * MINUTE)
        await world.configure(**{"event.poller.sweep_interval": "0"})
        await world.run()
        del world.provider.rows[5]
        await world.later(100 * MINUTE)
        assert await world.events() == []
        await world.configure(**{"event.poller.sweep_interval": "5"})
        await world.run()
        for _ in range(8):
            await world.later(MINUTE)
        assert await world.events() == [("DELETED", 5)]


async def test_an_instance_whose_polls_are_refused_a_hundred_times_over_a_day_stops_and_loses_nothing(tmp_path):
    async with World(tmp_path, **{"event.objects": "contacts,incidents"}) as world:
        await started(world)
        world.provider.before = lambda request: (
            web.json_response({"code": "ApiFindCondition", "message": "no such thing"}, status=400)
            if "/contacts" in request.path
            else None
        )
        tries = 0
        while (await world.lane("incidents")).state is LaneState.READY:
            tries += 1
            assert tries < 500
            await world.later(5 * MINUTE)
        lane = await world.lane()
        assert lane.state is LaneState.PARKED
        assert "refused polls" in (lane.parked_reason or "")
        assert "no such thing" in (lane.parked_reason or "")
        assert 24 * 60 * MINUTE <= world.now - START < 26 * 60 * MINUTE
        await world.configure()
        await world.run()
        assert (await world.lane()).state is LaneState.READY, "refusals are counted anew"
        world.provider.before = lambda request: None
        world.provider.put(2, firstName="while it was stopped")
        await world.configure()
        await world.run()
        await world.later(MINUTE)
        assert ("UPDATED", 2) in await world.events()
        assert (await world.cursor()).refused == 0


async def test_a_provider_that_is_down_for_days_is_only_backed_off_from(world):
    await started(world)
    world.provider.before = lambda request: web.Response(status=503)
    for _ in range(250):
        await world.later(15 * MINUTE)
    lane = await world.lane()
    assert lane.state is LaneState.READY
    assert lane.due_at - world.now <= 15 * MINUTE
