"""A receiver that remembers every POST and can be told to make trouble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from aiohttp import web


class Receiver:
    """`before` is awaited with each POST and may return an answer of its own; `bodies` keeps what arrived, in order."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes, str]] = []
        self.before: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None
        self.arrived = asyncio.Event()
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        return runner

    async def _take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        given = await self.before(request) if self.before is not None else None
        if given is None or given.status == 200:
            signature = request.headers.get("Elements-Webhook-Signature", "")
            self.bodies.append((request.headers["Elements-Webhook-Id"], body, signature))
            self.arrived.set()
        return web.json_response({}) if given is None else given

    def events(self) -> list[dict]:
        """Every event of every notification, each notification once, in the order of sequence."""
        once = {key: json.loads(body)["message"] for key, body, _ in self.bodies}
        events = [
            event | {"record": record}
            for message in once.values()
            for event, record in zip(message["events"], message["raw"][message["raw"]["objectType"]], strict=True)
        ]
        return sorted(events, key=lambda event: event["sequence"])
