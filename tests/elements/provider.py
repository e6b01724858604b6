"""A provider of our own on a free loopback port, whose every answer the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tidings.elements.http import ProviderClient, provider_session

NOW = 1_764_000_000_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def provider(answer: Handler) -> AsyncIterator[str]:
    """The base URL of a server that hands every request to `answer`."""
    app = web.Application(handler_args={"max_line_size": 16384})
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v4_6_release/apis/3.0"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_provider(reply: bytes, *, then_close: bool = True) -> AsyncIterator[str]:
    """The base URL of a server that answers every connection with exactly these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            await writer.drain()
            if not then_close:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/apis/3.0"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def client(**limits: float) -> AsyncIterator[ProviderClient]:
    """A client with the clock stopped at NOW."""
    async with provider_session(aiohttp.TCPConnector()) as session:
        yield ProviderClient(session, clock=lambda: NOW, **limits)  # type: ignore[arg-type]
