"""An API over a real SQLite store; the provider is a function, the clock a list."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.api.client import Client
from tidings.api.application import build_api
from tidings.api.parts import ApiParts
from tidings.api.usage_writer import UsageWriter
from tidings.core.addresses import AddressPolicy
from tidings.core.model import Moment, User
from tidings.core.passwords import hash_password
from tidings.elements.describe import catalog
from tidings.elements.element import Element, Resource
from tidings.settings import Settings
from tidings.store.bulkfiles import BulkFiles
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

NOW = 1_790_000_000_000
PASSWORD = "correct horse battery"
ELEMENT = "connectwisecrmrest"


@dataclass
class Provider:
    """The provider's edge: what it was asked with, and what it does when its credentials are tried."""

    error: Exception | None = None
    tried: list[tuple[str, dict[str, str | None], dict[str, str | None]]] = field(default_factory=list)

    def connect(
        self, element: Element, configuration: Mapping[str, str | None], secrets: Mapping[str, str | None]
    ) -> Provider:
        self.tried.append((element.key, dict(configuration), dict(secrets)))
        return self

    async def check(self) -> None:
        if self.error is not None:
            raise self.error

    async def count(
        self, resource: Resource, conditions: str = "", extra: Mapping[str, str] | None = None
    ) -> tuple[int, Moment]:
        await self.check()
        return 0, NOW


@dataclass
class World:
    """Everything a test of the API looks at."""

    store: SqliteStore
    user: User
    provider: Provider
    clock: list[int]
    woken: list[int]
    parts: ApiParts
    client: Client
    anybody: Client

    async def instance(self, **changes: Any) -> dict[str, Any]:
        """A new instance by way of the API."""
        answer = await self.client("POST", "/instances", body(**changes))
        assert answer.status == 200, answer.body
        made: dict[str, Any] = answer.json
        return made

    def of(self, instance: Mapping[str, Any]) -> Client:
        return self.client.with_element(instance["token"])

    def rebuilt(self, **changes: Any) -> Client:
        """A client of an API over the same parts with some of them changed."""
        return Client(build_api(replace(self.parts, **changes)), self.client.authorization)


def body(**changes: Any) -> dict[str, Any]:
    """A good POST /instances; keys of the configuration as `configuration`, None leaves one out."""
    configuration = {
        "baseUrl": "https://api-na.myconnectwise.net/v4_6_release/apis/3.0",
        "company": "acme",
        "public.key": "pub",
        "private.key": "canary-private",
    } | changes.pop("configuration", {})
    made = {"element": {"key": ELEMENT}, "name": "Acme", "configuration": configuration} | changes
    return {key: value for key, value in made.items() if value is not None}


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with its first user, made once and copied for each test."""
    path = tmp_path_factory.mktemp("first-day")

    async def make() -> None:
        store = await open_sqlite(path / "t.sqlite3", load_vault(path / "k"))
        await store.first_user(
            lambda: User(0, 0, 0, "ann@example.com", "Ann", "Admin", hash_password(PASSWORD, bytes(16)), "us==", "0rg")
        )
        await store.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def world(first_day: Path, tmp_path: Path) -> AsyncIterator[World]:
    shutil.copytree(first_day, tmp_path, dirs_exist_ok=True)
    store = await open_sqlite(tmp_path / "t.sqlite3", load_vault(tmp_path / "k"), synchronous="off")
    user = await store.user_by_email("ann@example.com")
    assert user is not None
    counter = itertools.count()
    clock, woken, provider = [NOW], list[int](), Provider()
    parts = ApiParts(
        store=store,
        catalog=catalog(),
        connect=provider.connect,
        policy=AddressPolicy(),
        clock=lambda: clock[0],
        dice=lambda size: hashlib.shake_128(str(next(counter)).encode()).digest(size),
        wake=woken.append,
        settings=Settings(),
        usage=UsageWriter(store, log=structlog.get_logger()),
        files=BulkFiles(tmp_path / "bulk", store.derive),
    )
    app = build_api(parts)
    yield World(
        store=store,
        user=user,
        provider=provider,
        clock=clock,
        woken=woken,
        parts=parts,
        client=Client(app, "User us==, Organization 0rg"),
        anybody=Client(app),
    )
    await store.close()
