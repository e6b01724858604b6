"""A receiver that goes wrong on the wire: hangs, drops, drips, never ends, refuses, redirects, is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from multidict import CIMultiDict


@dataclass(frozen=True, slots=True)
class Arrived:
    """One POST, read to its end."""

    headers: CIMultiDict[str]
    body: bytes
    accepted: bool  #: a 2xx was written, all of it

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Misbehaving:
    """`mood` says of each POST, by how many came before it, what becomes of it: a status, or one of `hang`, `drop`,
    `drip`, `endless`, `redirect`. `arriving` and `answered` are told of each."""

    def __init__(self, mood: Callable[[int], int | str], elsewhere: str = "") -> None:
        self.mood, self.elsewhere = mood, elsewhere
        self.arrived: list[Arrived] = []
        self.arriving: Callable[[], None] = lambda: None
        self.answered: Callable[[], None] = lambda: None
        self.changed = asyncio.Event()
        self.url = ""

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            named = (line.partition(": ") for line in lines if line)
            headers = CIMultiDict((name, value) for name, _, value in named)
            body = await reader.readexactly(int(headers["Content-Length"]))
            mood = self.mood(len(self.arrived))
            self.arriving()
            accepted = await self._answer(mood, reader, writer)
            self.arrived.append(Arrived(headers, body, accepted))
            self.answered()
            self.changed.set()
        writer.close()

    async def _answer(self, mood: int | str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether it has accepted."""
        match mood:
            case "hang":
                await reader.read()  # until the sender goes away
            case "drop":
                pass
            case "drip":
                for byte in b"HTTP/1.1 200 OK\r\n" * 1000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    if reader.at_eof():
                        break
                    await asyncio.sleep(0.02)
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                with suppress(ConnectionError):
                    while not reader.at_eof():
                        writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                        await writer.drain()
                return True
            case "redirect":
                head = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {self.elsewhere}\r\nContent-Length: 0\r\n\r\n"
                writer.write(head.encode())
            case _:
                writer.write(f"HTTP/1.1 {mood} Whatever\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return mood == 200
        return False
