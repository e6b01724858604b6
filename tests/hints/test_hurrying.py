"""Which lanes a hint hurries, how often, and what it leaves alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World
from tests.hints.served import until
from tidings.core.model import LaneKind
from tidings.engine.hinted import HintedLanes


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, **{"event.poller.refresh_interval": "15"}) as world:
        world.provider.put(1, START - MINUTE, n=0)
        await world.run()
        world.now += 10 * SECOND
        yield world


@asynccontextmanager
async def hinting(world: World, floor: float = 1000.0) -> AsyncIterator[tuple[HintedLanes, list[int]]]:
    """Lanes that may be hurried, and a list that grows with each that was."""
    woken: list[int] = []
    lanes = HintedLanes(
        world.store, clock=lambda: world.now, wake=lambda: woken.append(1), log=structlog.get_logger(), floor=floor
    )
    try:
        yield lanes, woken
    finally:
        await lanes.close()


async def test_a_hint_makes_the_poll_due_and_nothing_else(world: World) -> None:
    before = await world.cursor()
    assert before.poll_at > world.now
    async with hinting(world) as (lanes, woken):
        lanes.hint(await world.lane())
        await lanes.settled()
        after = await world.cursor()
        assert (after.poll_at, (await world.lane()).due_at, woken) == (world.now, world.now, [1])
        assert (after.sweep_at, after.settle_at, after.watermark_at) == (
            before.sweep_at,
            before.settle_at,
            before.watermark_at,
        )
        world.provider.put(2, world.now - SECOND, n=0)
        await world.run()
        assert await world.events() == [("CREATED", 2)]
        # The hinted poll leaves the beat as it was.
        assert (await world.cursor()).poll_at == before.poll_at


async def test_many_hints_at_once_are_one_poll_and_the_next_one_waits_for_the_floor(world: World) -> None:
    async with hinting(world) as (lanes, woken):
        lane = await world.lane()
        for _ in range(100):
            lanes.hint(lane)
        await lanes.settled()
        assert woken == [1]
        await world.run()
        for _ in range(100):
            lanes.hint(lane)
        # It waits, and not even the lane's own worker may take it before its time.
        assert not lanes.take(lane.id)
        await world.lane()
        assert woken == [1]


async def test_a_lane_that_backs_off_or_is_parked_is_left_alone(world: World) -> None:
    lane = await world.lane()
    await world.store.wake(LaneKind.POLL, lane.instance_id, world.now)
    (held,) = await world.store.claim(LaneKind.POLL, "w", world.now, world.now + MINUTE, 1)
    await world.store.release(held, due_at=world.now + 30 * MINUTE, attempt=3, reason="503")
    async with hinting(world) as (lanes, woken):
        lanes.hint(lane)
        await lanes.settled()
        assert ((await world.lane()).due_at, woken) == (world.now + 30 * MINUTE, [])
        world.now += 30 * MINUTE
        (held,) = await world.store.claim(LaneKind.POLL, "w", world.now, world.now + MINUTE, 1)
        await world.store.park(held, "keys refused")
        lanes.hint(lane)
        await lanes.settled()
        assert woken == []


async def test_a_lane_that_is_worked_on_keeps_its_worker_and_is_polled_when_that_is_done(world: World) -> None:
    lane = await world.lane()
    await world.store.wake(LaneKind.POLL, lane.instance_id, world.now)
    (held,) = await world.store.claim(LaneKind.POLL, "w", world.now, world.now + MINUTE, 1)
    async with hinting(world, floor=0.01) as (lanes, woken):
        lanes.hint(lane)
        for _ in range(3):
            await world.lane()
        await world.store.renew(held, world.now + MINUTE)
        assert woken == []
        await world.store.release(held, due_at=lane.due_at)

        async def hurried() -> bool:
            return bool(woken)

        await until(hurried)
        assert (await world.cursor()).poll_at == world.now


async def test_its_worker_may_take_a_hint_once(world: World) -> None:
    lane = await world.lane()
    async with hinting(world) as (lanes, woken):
        assert not lanes.take(lane.id)
        lanes.hint(lane)
        assert lanes.take(lane.id)
        assert not lanes.take(lane.id)
        await lanes.settled()
        assert woken == []


async def test_a_hint_is_polled_before_a_long_reading_goes_on(world: World) -> None:
    for number in range(2, 30):
        world.provider.put(number, START - MINUTE, n=0)
    await world.configure(**{"event.poller.sweep_interval": "1"})
    await world.run()
    world.provider.page_cap = 10
    hints: list[int] = []
    readings: list[str] = []

    def asked(request: web.Request) -> None:
        readings.append("sweep" if request.query.get("fields") == "id" else "poll")
        if readings.count("sweep") == 1 and not hints:
            world.provider.put(99, world.now, n=0)
            hints.append(1)

    world.provider.before = asked
    world.poller._hinted = lambda lane_id: bool(hints and hints.pop())
    await world.later(2 * MINUTE)
    first = readings.index("sweep")
    assert readings[first + 1] == "poll"
    assert readings[first + 1 :].count("sweep") >= 2
    assert ("CREATED", 99) in await world.events()
