"""What the engine tells its meter of the work it did."""

from __future__ import annotations

from collections import Counter

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, World
from tidings.core.cursor import ReadingKind
from tidings.engine.meter import Meter
from tidings.engine.poll import Poller


class Heard(Meter):
    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.ended: Counter[tuple[str, str]] = Counter()
        self.changes: Counter[str] = Counter()

    def page_committed(self, kind, rows, changes):
        self.rows[kind.value] += rows
        self.changes.update(change.type.value for change in changes)

    def reading_ended(self, kind, outcome):
        self.ended[kind.value, outcome] += 1


class Metered(World):
    def new_poller(self) -> Poller:
        poller = super().new_poller()
        poller._meter = self.meter = Heard()
        return poller


@pytest.fixture
async def world(tmp_path):
    async with Metered(tmp_path) as world:
        yield world


async def test_rows_are_counted_page_by_page_and_readings_when_they_end(world):
    world.provider.page_cap = 2
    for key in range(1, 6):
        world.provider.put(key)
    await world.run()
    assert world.meter.rows["baseline"] == 5
    assert world.meter.ended["baseline", "complete"] == 1
    world.now += MINUTE
    world.provider.put(3, firstName="Ann")
    world.provider.put(6)
    await world.run()
    assert world.meter.changes == {"UPDATED": 1, "CREATED": 1}
    assert world.meter.ended["poll", "complete"] == 1


@pytest.mark.parametrize(("status", "outcome"), [(503, "failed"), (429, "throttled"), (401, "refused")])
async def test_a_try_that_came_to_nothing_counts_as_what_it_was(world, status, outcome):
    await world.run()
    world.provider.before = lambda request: web.json_response({"message": "no"}, status=status)
    await world.later(MINUTE)
    assert world.meter.ended["poll", outcome] == 1
    assert world.meter.ended["poll", "complete"] == 0


async def test_a_long_reading_that_fails_counts_while_polls_go_on(world):
    await world.run()

    def down(request):
        # A settle pass asks for more than a poll does, and a sweep for ids alone.
        return web.json_response({}, status=503) if "fields=id" in str(request.rel_url) else None

    world.provider.before = down
    for _ in range(45):
        await world.later(MINUTE)
    assert world.meter.ended[ReadingKind.SWEEP.value, "failed"] > 0
    assert world.meter.ended["poll", "complete"] > 30
