"""What becomes of a lane whose provider answers nothing to any date, and of records that bear none?"""

from __future__ import annotations

import json

import pytest

from tests.engine.world import MINUTE, SECOND, START, World
from tidings.core.completeness import Completeness, completeness
from tidings.core.cursor import ENCODE, audit_now, decode

LONG_AGO = START - 900 * MINUTE


@pytest.fixture
async def world(tmp_path):
    async with World(tmp_path) as world:
        for key in range(1, 6):
            world.provider.put(key, LONG_AGO + key * SECOND, firstName=f"n{key}")
        yield world


def dated(world: World) -> list[str]:
    """The conditions with a date among the requests so far; then they are forgotten."""
    asked = [each for each in world.provider.requests if "lastUpdated" in each]
    world.provider.requests.clear()
    return asked


async def audit(world: World) -> Completeness:
    lane = await world.lane()
    await world.store.amend(lane.id, lambda stored: ENCODE(audit_now(decode(stored), world.now)), world.now)
    await world.run()
    figure = completeness(await world.cursor())
    assert figure is not None
    assert figure.audited_at == world.now
    return figure


async def test_where_no_date_brings_anything_polls_read_everything_and_say_so(world):
    world.provider.takes_dates = False
    await world.run()
    world.provider.put(2, firstName="changed")
    world.provider.put(6, firstName="new")
    await world.later(MINUTE)
    assert sorted(await world.events()) == [("CREATED", 6), ("UPDATED", 2)]
    assert (await world.cursor()).unfiltered
    assert "brings nothing" in ((await world.lane()).parked_reason or "")
    dated(world)
    world.provider.put(3, firstName="changed")
    await world.later(MINUTE)
    assert (await world.events())[2:] == [("UPDATED", 3)]
    assert dated(world) == []
    assert await audit(world) == Completeness(world.now, 6, 0, 0, 0, None)


async def test_a_date_filter_that_breaks_later_loses_nothing(world):
    await world.run()
    world.provider.put(2, firstName="first")
    await world.later(MINUTE)
    assert not (await world.cursor()).unfiltered
    world.provider.takes_dates = False
    world.provider.put(3, firstName="second")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2), ("UPDATED", 3)]
    assert (await world.cursor()).unfiltered


async def test_with_an_audit_the_filter_is_tried_again(world):
    world.provider.takes_dates = False
    await world.run()
    await world.later(MINUTE)
    await audit(world)
    assert (await world.cursor()).unfiltered
    world.provider.takes_dates = True
    await audit(world)
    cursor = await world.cursor()
    assert (cursor.unfiltered, cursor.widened) == (False, False)
    assert (await world.lane()).parked_reason is None
    dated(world)
    world.provider.put(4, firstName="changed")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 4)]
    assert dated(world)


async def test_a_filter_that_is_then_only_in_another_zone_is_asked_from_further_back(world):
    world.provider.takes_dates = False
    await world.run()
    await world.later(MINUTE)
    world.provider.takes_dates, world.provider.filter_shift = True, 60 * MINUTE
    await audit(world)
    cursor = await world.cursor()
    assert (cursor.unfiltered, cursor.widened) == (False, True)


async def test_a_filter_in_another_zone_is_not_given_up_for_one_bad_poll(world):
    world.provider.filter_shift = 60 * MINUTE
    await world.run()
    await world.later(MINUTE)
    bad = [True]

    def no_dates_in_polls(request):
        asked = request.query.get("conditions", "")
        world.provider.takes_dates = not (bad and "id = " not in asked)

    world.provider.before = no_dates_in_polls
    world.provider.put(2, firstName="changed")
    await world.later(MINUTE)
    cursor = await world.cursor()
    assert (cursor.unfiltered, cursor.widened) == (False, True)
    assert await world.events() == []
    bad.clear()
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 2)]


async def test_settle_passes_do_not_read_everything_beside_polls_that_do(world):
    world.provider.takes_dates = False
    await world.run()
    await world.later(MINUTE)
    for _ in range(12):
        await world.later(MINUTE)
    cursor = await world.cursor()
    assert cursor.settle_at > world.now
    assert cursor.long is None
    assert cursor.settled_at == cursor.current_at


async def test_an_audit_of_nothing_where_records_are_known_is_not_complete(world):
    await world.run()
    world.provider.hidden.update(range(1, 6))
    figure = await audit(world)
    assert (figure.compared, figure.counted, figure.complete) == (0, 5, False)


async def test_a_record_without_a_stamp_is_learned_audited_and_swept(world):
    for key in (2, 3):
        world.provider.rows[key]["_info"] = {}
    await world.run()
    assert await world.store.live_count((await world.lane()).id) == 5
    world.provider.rows[2]["firstName"] = "changed"
    await world.later(MINUTE)
    assert await world.events() == []
    assert await audit(world) == Completeness(world.now, 5, 1, 0, 0, None)
    assert await world.events() == [("UPDATED", 2)]
    del world.provider.rows[3]
    await world.later(31 * MINUTE)
    await world.later(2 * MINUTE)
    assert await world.events() == [("UPDATED", 2), ("DELETED", 3)]


@pytest.mark.parametrize(
    ("where", "audited"),
    [
        ("lastUpdated>'{}' AND status!='closed'", 'status != "closed"'),
        ("status!='closed' AND (_info.lastUpdated>='{}' AND city='a')", 'status != "closed" and city = "a"'),
        ("lastUpdated>'{}' OR status!='closed'", 'lastUpdated > [1970-01-01T23:59:59Z] or status != "closed"'),
        ("NOT lastUpdated<='{}'", "lastUpdated > [1970-01-01T23:59:59Z]"),
        ("dateEntered>'{}'", "dateEntered > [1970-01-01T23:59:59Z]"),
        ("lastUpdated>'2020-01-01T00:00:00Z'", "lastUpdated > [2020-01-01T00:00:00Z]"),
    ],
)
async def test_where_everything_is_meant_only_the_polls_own_date_is_left_out(world, where, audited):
    entry = {
        "url": "/hubs/crm/contacts?where=" + where.format("${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}"),
        "idField": "id",
        "datesConfiguration": {"updatedDateField": "_info.lastUpdated"},
    }
    await world.configure(**{"event.poller.configuration": json.dumps({"contacts": entry})})
    source = await world.sources.open(await world.lane())
    assert source is not None
    assert source.query(None, world.now).conditions == audited
