"""A Tidings that a sandbox can reach, both in this process, and a receiver of what it delivers."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from tests.e2e.receiver import Receiver
from tidings.api.routes import BASE
from tidings.app import App, build
from tidings.core.hints import remembered
from tidings.core.model import Lane, LaneKind
from tidings.sandbox import CLIENT_ID, Running
from tidings.settings import load

CALLBACKS = "system/callbacks"


class Log:
    """What was logged, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    def info(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})
        self._more.set()

    debug = warning = error = exception = info

    async def until(self, event: str, **values: Any) -> dict[str, Any]:
        """The first line of this kind with these values, once it is there."""
        wanted = {"event": event, **values}
        async with asyncio.timeout(20):
            while True:
                if found := [line for line in self.lines if wanted.items() <= line.items()]:
                    return found[0]
                self._more.clear()
                await self._more.wait()

    def told(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Tidings:
    """A server with an address of its own, started and stopped as often as a test likes."""

    def __init__(self, data: Path, sandbox: Running, receiver: Receiver) -> None:
        self.data, self.sandbox, self.receiver = data, sandbox, receiver
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.log = Log()
        self.app: App
        self.user = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self, *, public_url: str | None = "") -> AsyncIterator[None]:
        """While it serves; `public_url` is its own address unless something else is given."""
        settings = load(
            {
                "data": self.data,
                "allowed_networks": "127.0.0.0/8",
                "connectwise_client_id": CLIENT_ID,
                "public_url": self.url if public_url == "" else public_url,
            }
        )
        self.log = Log()
        async with build(settings, log=self.log) as app:
            self.app = app
            self.user = f"User {app.user.secret}, Organization {app.user.organization_secret}"
            server = _Quiet(
                uvicorn.Config(
                    app.api,
                    port=self.port,
                    lifespan="off",
                    ws="none",
                    log_config=None,
                    access_log=False,
                    timeout_graceful_shutdown=1,
                )
            )
            work = [asyncio.create_task(app.run()), asyncio.create_task(server.serve())]
            try:
                async with asyncio.timeout(20):
                    while not server.started:
                        await asyncio.sleep(0)
                yield
            finally:
                app.log_grew.close()
                server.should_exit = True
                work[0].cancel()
                await asyncio.gather(*work, return_exceptions=True)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        sent = {"Authorization": self.user} | headers
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.url}{BASE}{path}", data=data, headers=sent) as answer,
        ):
            return answer.status, await answer.json()

    async def instance(self, **configuration: object) -> dict[str, Any]:
        """An instance that polls contacts every quarter of an hour, and everything else of it hardly ever."""
        status, made = await self.call(
            "POST",
            "/instances",
            {
                "element": {"key": "connectwisecrmrest"},
                "name": "Acme",
                "configuration": {
                    "baseUrl": self.sandbox.api,
                    "company": "acme",
                    "public.key": "sandbox-public",
                    "private.key": "sandbox-private",
                    "event.notification.enabled": True,
                    "event.notification.callback.url": self.receiver.url,
                    "event.poller.refresh_interval": "15",
                    "event.poller.hints": True,
                    "event.objects": "contacts",
                    **configuration,
                },
            },
        )
        assert status == 200, made
        return dict(made)

    async def lane(self, kind: LaneKind = LaneKind.HINT) -> Lane:
        (lane,) = [each for each in await self.app.store.lanes(kind) if each.state != "off"]
        return lane

    async def registered(self) -> tuple[str, ...]:
        return remembered((await self.lane()).cursor).types

    def callbacks(self) -> list[dict[str, Any]]:
        """What stands at the provider."""
        return [dict(each) for each in self.sandbox.sandbox.tenant().tables[CALLBACKS]]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is so; it is looked at whenever anything has happened in this loop."""
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0)
