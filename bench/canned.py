"""A provider as cheap as can be: one page to every GET, so many seconds later. A program of its own.

Arguments: the file that has the page, and the seconds. Who calls, and for what, does not matter.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

import uvloop

_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"
    b'Link: <http://127.0.0.1/?page=2>; rel="next"\r\nConnection: keep-alive\r\n\r\n'
)


class Canned(asyncio.Protocol):
    """Answers each request when its time has come."""

    def __init__(self, answer: bytes, after: float) -> None:
        self._answer, self._after = answer, after
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another base

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            self._pending = self._pending[end + 4 :]
            if self._after:
                asyncio.get_running_loop().call_later(self._after, self._send)
            else:
                self._send()

    def _send(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._answer)


async def main(file: str, after: float) -> None:
    """Serve until standard input ends; says first on which port."""
    body = Path(file).read_bytes()
    answer = _HEAD % len(body) + body
    server = await asyncio.get_running_loop().create_server(lambda: Canned(answer, after), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], float(sys.argv[2])))
