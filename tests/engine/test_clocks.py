"""What a provider's clock does to detection, told with each answer in `Date` or told nowhere."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, World

QUIET = {"event.poller.settle_interval": "0", "event.poller.audit_interval": "0", "event.poller.sweep_interval": "0"}


@pytest.fixture(params=[True, False], ids=["dated", "undated"])
def dated(request):
    return request.param


@pytest.fixture(params=[-10, 0, 10], ids=["behind", "equal", "ahead"])
async def world(tmp_path, request, dated):
    """Only polls, at a provider whose clock is minutes behind or ahead of ours."""
    async with World(tmp_path, **QUIET) as world:
        world.provider.clock = lambda: world.now + request.param * MINUTE
        world.provider.dated = dated
        yield world


def fill(world: World) -> int:
    """Twenty records, the last written a second ago, and one with a date in the future; the provider's clock."""
    now = world.provider.clock()
    for key in range(1, 21):
        world.provider.put(key, now - (20 - key) * 2 * MINUTE - SECOND, firstName=f"n{key}")
    world.provider.put(21, now + 120 * MINUTE, firstName="from the future")
    return now


async def test_what_is_there_is_learned_silently_and_what_changes_meanwhile_is_announced(world):
    world.provider.page_cap = 5
    fill(world)
    reads: list[str] = []

    def meanwhile(request: web.Request) -> None:
        """While the baseline's second page is asked for, one record further on is edited and another is made."""
        if "pageId=5" in str(request.rel_url) and not reads:
            reads.append(str(request.rel_url))
            world.provider.put(15, firstName="edited")
            world.provider.put(30, firstName="new")

    def once_the_probe_is_done(request: web.Request) -> None:
        if "/count" in request.path:
            world.provider.before = meanwhile

    world.provider.before = once_the_probe_is_done
    await world.run()
    assert reads
    world.provider.before = lambda request: None
    assert sorted(await world.events()) == [("CREATED", 30), ("UPDATED", 15)]
    for _ in range(40):
        await world.later(MINUTE)
    assert len(await world.events()) == 2


async def test_every_change_is_announced_at_the_next_poll_whatever_is_stamped_in_the_future(world):
    fill(world)
    await world.run()
    for minute in range(1, 31):
        world.provider.put(minute % 20 + 1, firstName=f"minute {minute}")
        if minute % 7 == 0:
            ahead = world.provider.clock() + (minute - 5) * MINUTE
            world.provider.put(100 + minute, ahead, firstName="ahead of its time")
        await world.later(MINUTE)
        told = [event for event in await world.events() if event[0] == "UPDATED"]
        assert len(told) == minute, f"the change of minute {minute}"


@pytest.mark.parametrize("by_now", [False, True])
async def test_what_is_left_to_the_next_poll_comes_with_it(tmp_path, dated, by_now):
    async with World(tmp_path, **QUIET) as world:
        world.provider.dated = dated
        world.provider.clock = lambda: world.now - 5 * MINUTE
        fill(world)
        if by_now:
            entry = (
                '{"contacts":{"url":"/hubs/crm/contacts?where=lastUpdated>'
                "'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"
                '","idField":"id","filterByCurrentDate":"true","datesConfiguration":{"updatedDateField":'
                '"_info.lastUpdated","updatedDateFormat":"yyyy-MM-dd\'T\'HH:mm:ss\'Z\'"}}}'
            )
            await world.configure(**{"event.poller.configuration": entry})
        await world.run()
        world.provider.put(3, firstName="edited")
        await world.later(MINUTE)
        assert await world.events() == [("UPDATED", 3)]


async def test_without_a_date_a_poll_reads_a_quarter_of_an_hour_and_the_overlap_again_and_no_more(tmp_path):
    async with World(tmp_path, **QUIET) as world:
        world.provider.dated = False
        fill(world)
        await world.run()
        for minute in range(60):
            world.provider.put(1, firstName=f"minute {minute}")
            world.provider.put(2 + minute % 19, firstName=f"minute {minute}")
            await world.later(MINUTE)
        cursor = await world.cursor()
        assert cursor.watermark_at is not None
        assert 15 * MINUTE <= world.now - cursor.watermark_at <= 17 * MINUTE
        assert cursor.skew == 0
