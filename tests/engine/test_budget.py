"""Lanes of one tenant and its budget: a real store and provider, a clock in hand.

The clock stands still while lanes are at work, so it is moved by steps after which nobody has to wait for a short time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.engine.world import ELEMENT, MINUTE, SECOND, World
from tidings.core.budget import Limits, Priority
from tidings.core.cursor import ReadingKind, decode
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Lane, LaneKind
from tidings.core.plan import plan
from tidings.elements.answer import Answer
from tidings.elements.budget import Budgets
from tidings.elements.connection import Connection
from tidings.engine.sources import Sources
from tidings.store.base import NewInstance

RESOURCES = "contacts,incidents,organizations"


class Log:
    def __init__(self) -> None:
        self.lines: list[Any] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})

    warning = debug = info

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


class Shared:
    """Two instances of one company, three resources each, and one instance of another; all with one set of budgets."""

    def __init__(self, world: World, **limits: Any) -> None:
        self.world, self.log = world, Log()
        self.budgets: Budgets = Budgets(clock=lambda: world.now / 1000, log=self.log, **limits)
        world.sources = Sources(
            world.store,
            {ELEMENT.key: ELEMENT},
            lambda element, instance: Connection(
                element, instance.configuration, instance.secrets, world.client, "client-id", self.budgets
            ),
            interval_floor=1.0,
            organization_id=1,
            read_ahead=False,
        )
        world.poller = world.new_poller()
        world.poller._log = self.log

    async def another(self, company: str) -> int:
        """One more instance, of this company."""
        world = self.world
        given = {**world.given, "company": company}
        made = await world.store.create_instance(
            NewInstance(1, 1, ELEMENT.key, company, (company,), given, f"token {company}", {"private.key": "private"}),
            plan(Configuration(given, {}), ELEMENT, disabled=False),
            world.now,
        )
        return made.id

    async def run_at_once(self) -> None:
        """Work all that is due at the same time, once."""
        lanes = await self.world.store.claim(LaneKind.POLL, "worker", self.world.now, self.world.now + 30_000, 20)
        await asyncio.gather(*map(self.world.poller.run, lanes))

    async def later(self, milliseconds: int) -> None:
        self.world.now += milliseconds
        await self.run_at_once()

    async def lanes(self, instance_id: int) -> list[Lane]:
        return [lane for lane in await self.world.store.lanes(LaneKind.POLL) if lane.instance_id == instance_id]


@asynccontextmanager
async def shared(folder: Path, **limits: Any) -> AsyncIterator[tuple[World, Shared]]:
    async with World(folder, **{"event.objects": RESOURCES}) as world:
        world.provider.put(1, world.now - MINUTE)
        yield world, Shared(world, **limits)


def calls(world: World) -> list[str]:
    taken = list(world.provider.requests)
    world.provider.requests.clear()
    return taken


async def test_six_lanes_of_a_throttled_tenant_make_one_call_in_each_retry_after(tmp_path):
    async with shared(tmp_path) as (world, all_):
        await all_.another("acme")
        other = await all_.another("other")
        await world.run()
        by: list[str] = []

        def refuse_acme(request: web.Request) -> web.Response | None:
            mine = "YWNtZ" in request.headers["Authorization"]  # "acme+…" in base64
            by.append("acme" if mine else "other")
            return web.Response(status=429, headers={"Retry-After": "30"}) if mine else None

        world.provider.before = refuse_acme
        await all_.later(2 * MINUTE)
        assert by.count("acme") <= 4, "those that were under way together"
        told = len(all_.log.told("poll.failed"))
        counts = []
        for _ in range(10):
            by.clear()
            await all_.later(16 * SECOND)
            assert by.count("acme") == 0
            await all_.later(15 * SECOND)
            counts.append(by.count("acme"))
        assert counts == [1] * 10
        assert [lane.attempt for lane in await all_.lanes(other)] == [0, 0, 0]
        failed = len(all_.log.told("poll.failed")) - told
        assert failed == 10, "only who was refused has failed"
        assert all_.log.told("poll.throttled")
        assert len(all_.log.told("provider.throttled")) == 1
        assert all_.log.told("provider.recovered") == []

        world.provider.before = lambda request: None
        for _ in range(20):
            await all_.later(61 * SECOND)
        assert len(all_.log.told("provider.recovered")) == 1
        assert [lane.attempt for lane in await world.store.lanes(LaneKind.POLL)] == [0] * 9
        assert "acme" in all_.log.told("provider.throttled")[0]["tenant"]
        assert not any(key in str(all_.log.lines) for key in ("private", "public", "YWNtZ"))


async def test_a_lane_whose_turn_it_is_not_has_not_failed_and_goes_on_where_it_was(tmp_path):
    async with shared(tmp_path, requests_a_minute=40) as (world, all_):
        for key in range(2, 100):
            world.provider.put(key, world.now - MINUTE)
        world.provider.page_cap = 2
        for _ in range(30):
            await all_.later(61 * SECOND)
            assert len(calls(world)) <= 40
        lanes = await world.store.lanes(LaneKind.POLL)
        assert all(decode(lane.cursor).baselined for lane in lanes)
        assert {lane.attempt for lane in lanes} == {0}
        assert all_.log.told("poll.failed") == []
        assert [line["rows"] for line in all_.log.told("poll.finished") if line["reading"] == "baseline"] == [99] * 3
        world.provider.put(5, name="new")
        for _ in range(3):
            await all_.later(61 * SECOND)
        assert set(await world.events()) == {("UPDATED", 5)}


async def test_a_long_reading_that_may_not_ask_does_not_stop_the_polls(tmp_path):
    async with shared(tmp_path, requests_a_minute=40) as (world, all_):
        await world.run()
        for key in range(2, 100):
            world.provider.put(key, world.now - 600 * MINUTE)
        world.provider.page_cap = 2
        polls = len(all_.log.told("poll.finished"))
        for _ in range(40):
            await all_.later(61 * SECOND)
        readings = [line["reading"] for line in all_.log.told("poll.finished")[polls:]]
        assert readings.count(ReadingKind.POLL) >= 3 * 30
        assert {"sweep"} <= set(readings), "and it ends"
        assert all_.log.told("reading.failed") == []
        assert all_.log.told("poll.throttled")


class Noting(Budgets):
    """Budgets that let everybody go and note with which priority they came."""

    def __init__(self, noted: list[Any]) -> None:
        super().__init__(clock=lambda: 0.0, log=Log())
        self.noted = noted

    def of(self, tenant: str, limits: Limits) -> Any:
        return self

    async def spend(self, priority: Priority, purpose: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        self.noted.append(priority)
        return await ask()


async def test_polls_go_before_all_readings_that_may_take_their_time(tmp_path):
    async with World(tmp_path, **{"event.poller.audit_interval": "20"}) as world:
        world.provider.put(1, world.now - MINUTE)
        all_ = Shared(world)
        all_.budgets = Noting(all_.log.lines)
        for _ in range(40):
            await all_.later(MINUTE)
    seen: dict[str, set[Priority]] = {}
    asked: set[Priority] = set()
    for line in all_.log.lines:
        if isinstance(line, Priority):
            asked.add(line)
        elif line["event"] == "poll.finished":
            seen[line["reading"]] = seen.get(line["reading"], set()) | asked
            asked = set()
    assert seen == {
        kind: {Priority.POLL if kind in ("probe", "poll") else Priority.LONG} for kind in map(str, ReadingKind)
    }
