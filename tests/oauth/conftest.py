"""A store, a provider behind an authorization server, and keepers of its tokens: as many as there are processes."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.api.conftest import first_day, world
from tests.oauth.server import CALLBACK, CLIENT_ID, CLIENT_SECRET, AuthorizingProvider
from tidings.core.addresses import AddressPolicy
from tidings.core.instanceconfig import Configuration, completed
from tidings.core.model import Grant, Instance
from tidings.core.plan import plan
from tidings.elements.connection import Connection
from tidings.elements.describe import CATALOG, Element, read_element
from tidings.elements.http import ProviderClient, provider_session
from tidings.elements.oauth import TokenEndpoint
from tidings.engine.tokens import TokenKeeper
from tidings.outbound.guard import guarded_connector
from tidings.store.base import NewInstance
from tidings.store.oauth import NewGrant
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

__all__ = ["first_day", "world"]

START = 1_790_000_000_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def element_in(folder: Path, **changed: str) -> Element:
    """The element of the tests' own catalog, with words of its file changed."""
    for shared in ("events.toml", "oauth.toml"):
        shutil.copy(CATALOG / shared, folder)
    shutil.copytree(Path(__file__).parent / "catalog" / "ledger", folder / "ledger", dirs_exist_ok=True)
    file = folder / "ledger" / "element.toml"
    text = file.read_text("utf-8")
    for old, new in changed.items():
        assert f"\n{old} = " in text
        text = "\n".join(f"{old} = {new}" if line.startswith(f"{old} = ") else line for line in text.split("\n"))
    file.write_text(text, "utf-8")
    return read_element(folder / "ledger")


class Opened:
    """One instance of the element, whose account is open."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, START
        self.stack = AsyncExitStack()
        self.provider = AuthorizingProvider(lambda: self.now)
        self.log = structlog.get_logger()

    async def __aenter__(self) -> Opened:
        self.stack.push_async_callback(await self.provider.start())
        policy = AddressPolicy(True, ())
        session = await self.stack.enter_async_context(provider_session(guarded_connector(policy)))
        self.client = ProviderClient(session, clock=lambda: self.now, silence_for=20.0)
        self.endpoint = TokenEndpoint(self.client, clock=lambda: self.now)
        self.store = await open_sqlite(self.folder / "t.db", load_vault(self.folder / "key"), synchronous="off")
        self.stack.push_async_callback(self.store.close)
        (self.folder / "catalog").mkdir()
        self.element = element_in(self.folder / "catalog")
        self.catalog = {self.element.key: self.element}
        self.configuration: dict[str, str | None] = {
            "site.address": self.provider.url,
            "base.url": self.provider.api,
            "oauth.callback.url": CALLBACK,
            "event.notification.enabled": "true",
            "event.notification.callback.url": "http://127.0.0.1:9/hook",
            "event.poller.refresh_interval": "1",
        }
        self.secrets: dict[str, str | None] = {"oauth.api.key": CLIENT_ID, "oauth.api.secret": CLIENT_SECRET}
        values = completed(Configuration(self.configuration, self.secrets), self.element.configuration)
        tokens = await self.endpoint.exchange(self.element, values, self.provider.code(), None)
        new = NewInstance(
            1, 1, "ledger", "Acme", ("Acme",), self.configuration, "token", self.secrets, grant=NewGrant(tokens)
        )
        self.plan = plan(Configuration(self.configuration, self.secrets), self.element, disabled=False)
        self.instance_id = (await self.store.create_instance(new, self.plan, self.now)).id
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def later(self, seconds: float) -> None:
        self.now += round(1000 * seconds)

    def keeper(self, store: Any = None, **more: Any) -> TokenKeeper:
        """What one process has."""
        kept = TokenKeeper(
            self.store if store is None else store,
            self.catalog,
            more.pop("renew", self.endpoint.renew),
            clock=lambda: self.now,
            owner="w",
            log=self.log,
            pause=more.pop("pause", self.later),
            **more,
        )
        self.stack.push_async_callback(kept.close)
        return kept

    async def instance(self) -> Instance:
        found = await self.store.instance(self.instance_id)
        assert found is not None
        return found

    async def grant(self) -> Grant:
        grant = (await self.instance()).grant
        assert grant is not None
        return grant

    async def connection(self, keeper: TokenKeeper) -> Connection:
        return self.connect(keeper, await self.instance())

    def connect(self, keeper: TokenKeeper, instance: Instance) -> Connection:
        return Connection(
            self.element, instance.configuration, instance.secrets, self.client, tokens=keeper.of(instance)
        )

    async def another_store(self) -> SqliteStore:
        """The same database, as another process has it."""
        store = await open_sqlite(self.folder / "t.db", load_vault(self.folder / "key"), synchronous="off")
        self.stack.push_async_callback(store.close)
        return store


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with Opened(tmp_path) as made:
        yield made
