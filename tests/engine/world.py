"""A whole poll in hand: real store, real HTTP to a provider on loopback, a clock that moves when the test says so."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from tests.engine.provider import Provider, iso
from tidings.core.addresses import AddressPolicy
from tidings.core.cursor import ENCODE, PollCursor, decode, release_held
from tidings.core.instanceconfig import Configuration
from tidings.core.model import LaneKind
from tidings.core.plan import plan
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.http import ProviderClient, provider_session
from tidings.engine.poll import Poller
from tidings.engine.sources import Sources
from tidings.outbound.guard import guarded_connector
from tidings.store.base import NewInstance
from tidings.store.secrets import load_vault
from tidings.store.sqlite import open_sqlite

__all__ = ["MINUTE", "SECOND", "START", "World", "iso"]

START = 1_790_000_000_000
SECOND, MINUTE = 1000, 60_000
ELEMENT = catalog()["connectwisecrmrest"]


class World:
    """One instance that polls contacts every minute; `run` does what is due now, `later` moves the clock and runs."""

    def __init__(self, folder: Path, *, read_ahead: Any = False, **configuration: object) -> None:
        self.folder, self.read_ahead = folder, read_ahead
        self.now = START
        self.provider = Provider(lambda: self.now)
        self.heard: list[int] = []
        self.given = {
            "company": "acme",
            "public.key": "public",
            "event.notification.enabled": "true",
            "event.notification.callback.url": "http://127.0.0.1:9/hook",
            "event.poller.refresh_interval": "1",
            "event.objects": "contacts",
        } | {key: str(value) for key, value in configuration.items()}
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> World:
        runner = web.AppRunner(self.provider.app())
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        policy = AddressPolicy(True, ())
        session = await self.stack.enter_async_context(provider_session(guarded_connector(policy)))
        self.client = ProviderClient(session, clock=lambda: self.now, silence_for=2.0, body_cap=1_000_000)
        self.store = await open_sqlite(self.folder / "t.db", load_vault(self.folder / "key"))
        self.stack.push_async_callback(self.store.close)
        self.given["baseUrl"] = f"http://127.0.0.1:{port}/v4_6_release/apis/3.0"
        made = await self.store.create_instance(
            NewInstance(1, 1, ELEMENT.key, "Acme", ("Acme",), self.given, "token", {"private.key": "private"}),
            self.plan(),
            self.now,
        )
        self.instance_id = made.id
        self.sources = Sources(
            self.store,
            {ELEMENT.key: ELEMENT},
            lambda element, instance: Connection(
                element, instance.configuration, instance.secrets, self.client, "client-id"
            ),
            interval_floor=1.0,
            organization_id=1,
            read_ahead=self.read_ahead,
        )
        self.poller = self.new_poller()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    def plan(self):
        return plan(Configuration(self.given, {}), ELEMENT, disabled=False)

    def new_poller(self) -> Poller:
        return Poller(
            self.store,
            self.sources.open,
            clock=lambda: self.now,
            dice=lambda: 0.0,
            log=structlog.get_logger(),
            on_events=self.heard.append,
        )

    async def run(self) -> None:
        """Everything that is due now."""
        while lanes := await self.store.claim(LaneKind.POLL, "worker", self.now, self.now + 30_000, 10):
            for lane in lanes:
                await self.poller.run(lane)

    async def later(self, milliseconds: int) -> None:
        self.now += milliseconds
        await self.run()

    async def configure(self, **configuration: object) -> None:
        """Change the instance's configuration, as a PATCH does."""
        import dataclasses

        self.given |= {key: str(value) for key, value in configuration.items()}
        instance = await self.store.instance(self.instance_id)
        assert instance is not None
        await self.store.update_instance(dataclasses.replace(instance, configuration=self.given), self.plan(), self.now)

    async def release(self) -> None:
        """Let the held deletes pass, as a person does."""
        lane = await self.lane()
        await self.store.amend(lane.id, lambda cursor: ENCODE(release_held(decode(cursor), self.now)), self.now)

    async def messages(self) -> list[dict]:
        return [json.loads(n.body)["message"] for n in await self.store.log_after(self.instance_id, 0, 10_000)]

    async def events(self) -> list[tuple[str, int]]:
        """All events so far, as (type, record id)."""
        return [(event["eventType"], int(event["objectId"])) for m in await self.messages() for event in m["events"]]

    async def cursor(self, resource: str = "contacts") -> PollCursor:
        return decode((await self.lane(resource)).cursor)

    async def lane(self, resource: str = "contacts"):
        return next(lane for lane in await self.store.lanes(LaneKind.POLL) if lane.key == resource)
