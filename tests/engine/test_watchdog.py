"""Incidents of polling become notices: a real poller, store and provider, a clock in hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.engine.delivering import Lines
from tests.engine.world import MINUTE, SECOND, World
from tidings.core.freshness import current_since
from tidings.engine.watchdog import Watchdog

DOWN = {"code": "Down", "message": "the database of the provider is being moved"}


def down(request: web.Request) -> web.Response:
    return web.json_response(DOWN, status=503)


def refused(request: web.Request) -> web.Response:
    return web.json_response({"code": "Unauthorized", "message": "these keys were withdrawn"}, status=401)


class Watched:
    """A world, and a watchdog that looks every ten seconds while time goes by."""

    def __init__(self, world: World) -> None:
        self.world, self.log, self.turns = world, Lines(), 0
        self.restart()

    def restart(self) -> None:
        """A new process looks on."""
        self.dog = Watchdog(
            self.world.store, clock=lambda: self.world.now, log=self.log, tell=True, on_turned=self._turned
        )

    def _turned(self) -> None:
        self.turns += 1

    async def pass_by(self, milliseconds: int) -> None:
        for _ in range(0, milliseconds, 10 * SECOND):
            await self.world.later(10 * SECOND)
            await self.dog.look()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event, fields["kind"]) for event, fields in self.log.lines if event.startswith("notice.")]

    async def is_open(self) -> list[str]:
        return [each.kind for each in await self.world.store.open_notices()]


@pytest.fixture
async def watched(tmp_path):
    async with World(tmp_path) as world:
        world.provider.put(1, firstName="Ann")
        await world.run()
        yield Watched(world)


async def test_a_resource_that_is_polled_is_no_news(watched):
    await watched.pass_by(10 * MINUTE)
    assert (watched.told, watched.turns) == ([], 0)


async def test_an_outage_is_told_once_in_the_providers_words_and_once_when_it_is_over(watched):
    await watched.pass_by(2 * MINUTE)
    watched.world.provider.before = down
    await watched.pass_by(2 * MINUTE)
    assert watched.told == []
    await watched.pass_by(60 * MINUTE)
    assert watched.told == [("notice.opened", "polling.stale")]
    (notice,) = await watched.world.store.open_notices()
    assert (notice.subject, DOWN["message"] in notice.reason) == ("contacts", True)
    watched.world.provider.before = lambda request: None
    await watched.pass_by(20 * MINUTE)
    assert watched.told == [("notice.opened", "polling.stale"), ("notice.closed", "polling.stale")]
    assert watched.turns == 2


async def test_a_restart_repeats_nothing_and_closes_what_another_process_opened(watched):
    watched.world.provider.before = down
    await watched.pass_by(10 * MINUTE)
    watched.restart()
    await watched.pass_by(10 * MINUTE)
    assert watched.told == [("notice.opened", "polling.stale")]
    watched.restart()
    watched.world.provider.before = lambda request: None
    await watched.pass_by(20 * MINUTE)
    assert watched.told == [("notice.opened", "polling.stale"), ("notice.closed", "polling.stale")]


async def test_a_server_that_comes_back_after_hours_and_polls_at_once_is_no_news(watched):
    watched.world.now += 5 * 60 * MINUTE
    await watched.dog.look()
    await watched.pass_by(5 * MINUTE)
    assert watched.told == []


async def test_withdrawn_keys_are_told_at_once_and_are_one_incident_though_they_are_refused_again(watched):
    watched.world.provider.before = refused
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [("notice.opened", "polling.parked")]
    assert "these keys were withdrawn" in (await watched.world.store.open_notices())[0].reason
    await watched.world.configure(**{"public.key": "another"})
    await watched.dog.look()
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [("notice.opened", "polling.parked")]
    watched.world.provider.before = lambda request: None
    await watched.world.configure(**{"public.key": "the right one"})
    await watched.pass_by(2 * MINUTE)
    assert watched.told == [("notice.opened", "polling.parked"), ("notice.closed", "polling.parked")]


async def test_an_instance_that_gave_up_after_a_day_of_refusals_is_told_as_one(watched):
    def no(request):
        return web.json_response({"code": "Forbidden", "message": "no longer licensed"}, status=400)

    watched.world.provider.before = no
    for _ in range(400):
        await watched.world.later(15 * MINUTE)
    await watched.dog.look()
    assert await watched.is_open() == ["polling.disabled"]
    (notice,) = await watched.world.store.open_notices()
    assert (notice.subject, "no longer licensed" in notice.reason) == ("", True)


async def test_held_deletes_are_told_and_are_over_when_a_person_decided(watched):
    for key in range(2, 31):
        watched.world.provider.put(key)
    await watched.pass_by(2 * MINUTE)
    watched.world.provider.rows = {1: watched.world.provider.rows[1]}
    await watched.pass_by(65 * MINUTE)
    assert watched.told == [("notice.opened", "deletes.held")]
    await watched.world.release()
    await watched.dog.look()
    assert watched.told == [("notice.opened", "deletes.held"), ("notice.closed", "deletes.held")]


async def test_what_is_open_of_an_instance_that_is_switched_off_or_deleted_is_over(watched):
    watched.world.provider.before = down
    await watched.pass_by(10 * MINUTE)
    await watched.world.store.delete_instance(watched.world.instance_id, watched.world.now)
    await watched.dog.look()
    assert await watched.is_open() == []


async def test_the_watchdog_touches_no_notice_that_is_not_its_own(watched):
    other = {(watched.world.instance_id, "disk.full", "1"): "no space left"}
    await watched.world.store.turn_notices(other, (), watched.world.now, tell=True)
    await watched.pass_by(5 * MINUTE)
    assert await watched.is_open() == ["disk.full"]


async def test_a_store_that_fails_is_logged_and_looked_at_again(watched):
    looked = asyncio.Event()

    class Broken:
        async def lanes(self, kind):
            if watched.log.lines:
                looked.set()
            raise OSError("disk full")

    store: Any = Broken()
    dog = Watchdog(store, clock=lambda: 0, log=watched.log, look_every=0)
    looking = asyncio.create_task(dog.loop())
    await asyncio.wait_for(looked.wait(), 10)
    looking.cancel()
    assert watched.log.lines[0][0] == "watchdog.failed"


async def test_what_is_known_is_of_the_moment_when_the_last_complete_poll_began(watched):
    world = watched.world

    def slow(request: web.Request) -> None:
        world.now += 5 * SECOND

    world.provider.before = slow
    began = world.now + MINUTE
    await world.later(MINUTE)
    cursor = await world.cursor()
    assert (current_since(cursor), cursor.interval) == (began, MINUTE)
    world.provider.before = down
    await world.later(MINUTE)
    assert current_since(await world.cursor()) == began
