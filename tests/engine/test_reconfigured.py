"""Whatever is changed of an instance, of Tidings or at the provider: nothing is reset, nothing lost, nobody flooded."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.engine.world import MINUTE, START, World, iso
from tidings.core import plan

LONG_AGO = START - 900 * MINUTE
KEYS = range(1, 41)
URL = "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"


@pytest.fixture
async def world(tmp_path):
    async with World(tmp_path) as world:
        for key in KEYS:
            world.provider.put(key, LONG_AGO + key * MINUTE, firstName=f"n{key}", status="open")
        await world.run()
        for _ in range(3):
            await world.later(MINUTE)
        yield world


def entry(url: str = URL, **members: object) -> dict[str, str]:
    made = {
        "url": url,
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
    }
    return {"event.poller.configuration": json.dumps({"contacts": made | members})}


def add_a_member(world: World) -> None:
    for key in world.provider.rows:
        world.provider.rows[key]["newMember"] = "added by the provider"


async def contacts(world: World) -> list[tuple[str, int]]:
    """The events of contacts; this provider has the same records in every resource."""
    events = [event for message in await world.messages() for event in message["events"]]
    return [(each["eventType"], int(each["objectId"])) for each in events if each["objectType"] == "contacts"]


CHANGES: dict[str, Callable[[World], dict[str, str]]] = {
    "the interval": lambda world: {"event.poller.refresh_interval": "0.5"},
    "a filter that lets the same through": lambda world: entry(URL + " AND id>0"),
    "a filter that lets less through": lambda world: entry(URL + " AND status!='closed'"),
    "other fields, so that every record looks different": lambda world: (
        add_a_member(world)  # type: ignore[func-returns-value]
        or entry(URL + "&fields=id,firstName,newMember,_info")
    ),
    "the null filter": lambda world: {"filter.response.nulls": "false"},
    "what touches announce": lambda world: {"event.poller.touched": "contacts"},
    "the overlap": lambda world: entry(overlap=600),
    "the sweep and the settle pass": lambda world: entry(sweepInterval=5, settleInterval=5, settleWindow=600),
    "the first run": lambda world: {"event.poller.first_run": "backfill"},
    "a first run with a date": lambda world: entry(firstRun=iso(LONG_AGO)),
    "where it is sent": lambda world: {"event.notification.callback.url": "http://127.0.0.1:9/another"},
    "another resource beside it": lambda world: {"event.objects": "contacts,incidents"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_change_of_configuration_resets_nothing_loses_nothing_and_floods_nobody(world, change):
    before = await world.cursor()
    world.provider.put(7, firstName="edited before the change, and not polled yet")
    world.provider.put(41, firstName="made before the change, and not polled yet")
    await world.configure(**change(world))
    world.now += 5000
    world.provider.put(8, firstName="edited after it")
    for _ in range(70):
        await world.later(MINUTE)
    after = await world.cursor()
    assert after.baselined
    assert after.watermark_at is not None
    assert after.watermark_at > (before.watermark_at or 0)
    assert after.watched_at == before.watched_at
    assert sorted(await contacts(world)) == [("CREATED", 41), ("UPDATED", 7), ("UPDATED", 8)]
    world.provider.put(9, firstName="edited long after it")
    await world.later(MINUTE)
    assert (await contacts(world))[3:] == [("UPDATED", 9)]


@pytest.mark.parametrize("switch", [{"event.notification.enabled": "false"}, {"event.objects": "incidents"}])
async def test_what_was_switched_off_for_a_day_goes_on_where_it_stopped(world, switch):
    before = await world.cursor()
    await world.configure(**switch)
    for hour in range(24):
        await world.later(60 * MINUTE)
        world.provider.put(7, firstName=f"hour {hour}")
    world.provider.put(41, firstName="made meanwhile")
    assert await contacts(world) == []
    await world.configure(**{"event.notification.enabled": "true", "event.objects": "contacts"})
    for _ in range(3):
        await world.later(MINUTE)
    assert sorted(await contacts(world)) == [("CREATED", 41), ("UPDATED", 7)]
    assert (await world.cursor()).watched_at == before.watched_at


async def test_a_resource_that_is_added_months_later_is_learned_silently_and_then_polled(world):
    for _ in range(90):
        await world.later(24 * 60 * MINUTE)
    await world.configure(**{"event.objects": "contacts,incidents"})
    for _ in range(3):
        await world.later(MINUTE)
    assert await world.events() == []
    world.provider.put(7, firstName="edited now")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 7), ("UPDATED", 7)]
    assert await contacts(world) == [("UPDATED", 7)]


async def test_an_upgrade_that_compares_in_another_way_reads_everything_once_and_floods_nobody(world, monkeypatch):
    before = await world.cursor()
    world.provider.put(7, firstName="edited while we were upgraded")
    world.provider.rows[8]["firstName"] = "a difference under the same stamp is ours now"
    monkeypatch.setattr(plan, "FINGERPRINT_VERSION", plan.FINGERPRINT_VERSION + 1)
    for _ in range(3):
        await world.later(MINUTE)
    after = await world.cursor()
    assert await world.events() == [("UPDATED", 7)]
    assert (after.generation_number, after.watched_at) == (before.generation_number + 1, before.watched_at)
    assert {state.generation for state in (await world.store.known((await world.lane()).id, KEYS)).values()} == {
        after.generation_number
    }
    world.provider.put(9, firstName="edited after it")
    await world.later(MINUTE)
    assert await world.events() == [("UPDATED", 7), ("UPDATED", 9)]


async def test_a_member_added_to_every_record_floods_nobody_and_waits_for_a_person(world):
    """Of what polls and settle passes read again, the records of the last hour, it is announced."""
    world.provider.put(7, firstName="edited within the hour")
    await world.later(MINUTE)
    add_a_member(world)
    for _ in range(30):
        await world.later(MINUTE)
    announced = await world.events()
    assert announced[0] == ("UPDATED", 7)
    assert set(announced) == {("UPDATED", 7)}
    assert len(announced) <= 2
    await world.later(8 * 24 * 60 * MINUTE)
    cursor = await world.cursor()
    assert cursor.unmoved == 39
    assert await world.events() == announced
