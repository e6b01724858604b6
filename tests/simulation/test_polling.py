"""Seeded histories: people edit, create and delete while the provider hides, fails and the poller dies.

Whatever the interleaving, in the end every record's events form one unbroken chain that leads to what the provider
has, and nothing that did not change was announced.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress

import pytest
from aiohttp import web

from tests.engine.world import MINUTE, SECOND, START, World
from tidings.core.model import LaneKind

FIRST = int(os.environ.get("TIDINGS_TEST_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("TIDINGS_TEST_SEEDS", "25")))


class History:
    """What people and fate do to a provider, drawn from one seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.provider = world, world.provider
        self.dice = random.Random(seed)
        self.counter = 0
        self.baselined = False
        self.made: set[int] = set()
        self.reveal_at: dict[int, int] = {}
        self.fail = 0.0
        self.drift = 0.0
        self.provider.page_cap = self.dice.choice((2, 3, 7, 1000))
        self.provider.before = self.trouble
        for key in range(1, self.dice.randint(2, 30)):
            self.provider.put(key, START - self.dice.randint(0, 7200) * SECOND, n=0)

    def trouble(self, request: web.Request) -> web.Response | None:
        """Now and then the provider fails, or the world moves on between two pages."""
        if self.dice.random() < self.drift:
            self.world.now += self.dice.randint(0, 2) * SECOND
            self.person()
        if self.dice.random() >= self.fail:
            return None
        return self.dice.choice(
            (
                web.Response(status=500, text="A timeout has occured. Please try again."),
                web.Response(status=429, headers={"Retry-After": "7"}),
                web.Response(text="<html>maintenance</html>", content_type="text/html"),
                web.Response(body=b'[{"id":1,', content_type="application/json"),
                web.json_response([]) if request.path.endswith("contacts") else None,
            )
        )

    def person(self) -> None:
        """One act: an edit, a touch, a new record, a record that shows late, a delete."""
        keys = sorted(self.provider.rows)
        act = self.dice.random()
        if not keys or act < 0.25:
            self.create(late=self.dice.random() < 0.3)
        elif act < 0.8:
            self.counter += 1
            self.provider.put(self.dice.choice(keys), n=self.counter)
        elif act < 0.9:
            self.provider.put(self.dice.choice(keys))
        elif len(keys) > 5:
            key = self.dice.choice(keys)
            del self.provider.rows[key]
            self.provider.hidden.discard(key)
            self.reveal_at.pop(key, None)

    def create(self, *, late: bool) -> None:
        self.counter += 1
        key = max((*self.provider.rows, *self.made), default=0) + 1
        self.provider.put(key, n=self.counter)
        self.made.add(key)
        if late:
            self.provider.hidden.add(key)
            self.reveal_at[key] = self.world.now + self.dice.randint(1, 100) * SECOND

    async def step(self) -> None:
        for _ in range(self.dice.randint(0, 4)):
            self.person()
        self.world.now += self.dice.choice((0, 1, 5, 30, 61)) * SECOND
        for key in [key for key, at in self.reveal_at.items() if at <= self.world.now]:
            self.provider.hidden.discard(key)
            del self.reveal_at[key]
        if self.dice.random() < 0.2:
            await self.die()
        else:
            await self.world.run()

    async def die(self) -> None:
        """The worker is killed in the middle, and another takes over."""
        left = self.dice.randint(1, 6)
        died = asyncio.get_running_loop().create_future()
        trouble = self.provider.before

        def countdown(request: web.Request) -> web.Response | None:
            nonlocal left
            left -= 1
            if left == 0 and not died.done():
                died.set_result(None)
            return trouble(request)

        self.provider.before = countdown
        work = asyncio.create_task(self.world.run())
        await asyncio.wait((work, died), return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        self.provider.before = trouble
        await self.world.store.void_leases()


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_history_ends_with_everything_announced_once(tmp_path, seed):
    async with World(tmp_path, **{"event.poller.sweep_interval": "5"}) as world:
        history = History(world, seed)
        while not (await world.cursor()).baselined:
            await world.later(MINUTE)
        known = dict.fromkeys(history.provider.rows, 0)
        history.fail, history.drift = history.dice.choice(((0.0, 0.0), (0.1, 0.0), (0.0, 0.3), (0.15, 0.2)))
        for _ in range(30):
            await history.step()
        history.fail = history.drift = 0.0
        history.provider.hidden.clear()
        for _ in range(40):
            await world.later(MINUTE)
            if (await world.cursor()).held:
                await world.release()  # a person looks at the suspicious sweep and lets it pass
        await check(world, history, known)


async def check(world: World, history: History, known: dict[int, int]) -> None:
    found = [
        (event, record)
        for message in await world.messages()
        for event, record in zip(message["events"], message["raw"]["contacts"], strict=True)
    ]
    assert [event["sequence"] for event, _ in found] == list(range(1, len(found) + 1))
    assert len({event["id"] for event, _ in found}) == len(found)
    state = dict(known)
    for event, record in found:
        key, kind = int(event["objectId"]), event["eventType"]
        if kind == "CREATED":
            assert key not in state
        elif kind == "UPDATED":
            changes = {change["path"]: (change["old"], change["new"]) for change in event["changes"]}
            assert changes["/n"] == (state[key], record["n"])
        else:
            assert record["n"] == state[key], "a deleted event carries the last snapshot"
            del state[key]
            continue
        state[key] = record["n"]
    assert state == {key: row["n"] for key, row in history.provider.rows.items()}
    assert not await world.store.claim(LaneKind.POLL, "w", world.now, world.now + 1, 1), "nothing is left due"
