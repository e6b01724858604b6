"""A proxy that does nothing but hand on, over the libraries that the server stands on. A program of its own.

Argument: the address to which every GET goes as it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn

from bench.processes import free_port

Message = MutableMapping[str, Any]


async def main(address: str) -> None:
    """Serve until standard input ends; says first on which port."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=256 * 1024) as session:

        async def app(
            scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
        ) -> None:
            async with session.get(f"{address}{scope['path']}?{scope['query_string'].decode()}") as answer:
                body = await answer.read()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        port = free_port()
        config = uvicorn.Config(app, port=port, lifespan="off", log_config=None, access_log=False, loop="uvloop")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(json.dumps({"port": port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        server.should_exit = True
        await serving


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1]))
