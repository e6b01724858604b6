"""A sandbox on a free port, and a client that speaks to it as an integration would."""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from tidings.sandbox import CLIENT_ID, Running, Sandbox, SandboxConfig, build

NOON = 1_780_000_000.0


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def ids(self) -> list[int]:
        return [record["id"] for record in self.json]

    def links(self) -> dict[str, str]:
        """Relation to address, in the order of the header."""
        parts = [part.split("; rel=") for part in self.headers.get("Link", "").split(", ") if part]
        return {rel.strip('"'): address.strip("<>") for address, rel in parts}


@dataclass
class Client:
    running: Running
    session: aiohttp.ClientSession
    clock: list[float] = field(default_factory=list)

    @property
    def sandbox(self) -> Sandbox:
        return self.running.sandbox

    async def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **parameters: Any
    ) -> Reply:
        """A request below the API's address, or to an absolute one."""
        address = path if path.startswith("http") else self.running.api + path
        async with self.session.request(
            method,
            address,
            params={name: str(value) for name, value in parameters.items()},
            data=None if body is None else body if isinstance(body, bytes) else orjson.dumps(body),
            headers=headers,
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **parameters: Any) -> Reply:
        return await self("GET", path, **parameters)

    async def post(self, path: str, body: Any, **parameters: Any) -> Reply:
        return await self("POST", path, body, **parameters)

    async def patch(self, path: str, *operations: dict[str, Any]) -> Reply:
        return await self("PATCH", path, list(operations))

    def later(self, seconds: float) -> None:
        self.clock[0] += seconds


def basic(company: str = "acme", public: str = "sandbox-public", private: str = "sandbox-private") -> dict[str, str]:
    """The headers of an API member."""
    token = base64.b64encode(f"{company}+{public}:{private}".encode()).decode()
    return {"Authorization": f"Basic {token}", "clientId": CLIENT_ID}


@pytest.fixture
def clock() -> list[float]:
    """The sandbox's clock, in hand."""
    return [NOON]


@pytest.fixture
def config(clock: list[float]) -> SandboxConfig:
    return SandboxConfig(contacts=120, companies=12, tickets=30, seed=7, clock=lambda: clock[0])


@pytest_asyncio.fixture
async def cw(config: SandboxConfig, clock: list[float]) -> AsyncIterator[Client]:
    async with await build(config).start() as running, aiohttp.ClientSession(headers=basic()) as session:
        yield Client(running, session, clock)
