"""A user's calls through the hub: the API over a real store, the real client of providers, a sandbox on loopback."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from tests.api.client import Answer, Client
from tests.api.conftest import World, body
from tidings.core.addresses import AddressPolicy
from tidings.core.model import Instance
from tidings.elements.budget import Budgets
from tidings.elements.connection import Connection
from tidings.elements.element import Element
from tidings.elements.http import ProviderClient, provider_session
from tidings.sandbox import CLIENT_ID, Running, SandboxConfig, build

AT = 1_780_000_000.0


@dataclass
class Hub:
    """The API as `client` (its user alone), one instance of it as `hub`, and the provider that the instance is of."""

    client: Client
    hub: Client
    instance: dict[str, Any]
    sandbox: Running
    connect: Callable[[Element, Instance], Connection]

    async def __call__(self, method: str, path: str, sent: Any = None) -> Answer:
        return await self.hub(method, path, sent)

    async def get(self, path: str) -> Any:
        """The JSON of a good answer."""
        answer = await self.hub("GET", path)
        assert answer.status == 200, (path, answer.body)
        return answer.json

    def stored(self, path: str) -> list[dict[str, Any]]:
        """What the provider has at a path of its own, by id."""
        return sorted(self.sandbox.sandbox.tenant().tables[path], key=lambda record: record["id"])

    async def remove(self, path: str, id: int) -> None:
        """Somebody at the provider deletes a record."""
        keys = aiohttp.encode_basic_auth("acme+sandbox-public", "sandbox-private")
        url = f"{self.sandbox.api}/{path}/{id}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": keys, "clientId": CLIENT_ID}) as session,
            session.delete(url) as answer,
        ):
            assert answer.status == 204


@asynccontextmanager
async def hubbed(
    world: World, base: str | None = None, patience: Any = 5.0, **configuration: Any
) -> AsyncIterator[Hub]:
    """While it is served; `base` is the provider's root unless it is the sandbox's, `patience` the seconds for which
    its silence is borne."""
    sandbox_of = SandboxConfig(contacts=60, companies=12, tickets=30, seed=7, clock=lambda: AT)
    async with (
        await build(sandbox_of).start() as sandbox,
        aiohttp.TCPConnector() as connector,
        provider_session(connector) as session,
    ):
        client = ProviderClient(session, clock=lambda: world.clock[0], silence_for=patience)
        budgets = Budgets(clock=time.monotonic, log=structlog.get_logger())

        def connect(element: Element, instance: Instance) -> Connection:
            return Connection(element, instance.configuration, instance.secrets, client, CLIENT_ID, budgets)

        api = world.rebuilt(hub=connect, policy=AddressPolicy(True, ()))
        keys = {"company": "acme", "public.key": "sandbox-public", "private.key": "sandbox-private"}
        given = body(configuration={"baseUrl": base or sandbox.api, **keys, **configuration})
        made = await api("POST", "/instances", given)
        assert made.status == 200, made.body
        user = str(api.authorization).partition(",")[0]
        yield Hub(api, api.saying(f"{user}, Element {made.json['token']}"), made.json, sandbox, connect)
