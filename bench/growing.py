"""A provider as cheap as can be of so many records: a page behind the id that is asked for. A program of its own.

Arguments: the file that has a page of a thousand records, and how many records there are. All pages are the same but
for the id of their last record, by which the next one is asked for.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Final, cast

import uvloop

from tidings.core.splice import elements, listed, members

PAGE: Final = 1000
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%sConnection: keep-alive\r\n\r\n"
)
_MORE: Final = b'Link: <http://127.0.0.1/?page=2>; rel="next"\r\n'
_AFTER: Final = re.compile(rb"[?&]conditions=id(?:%20|\+)(?:%3E|>)(?:%20|\+)(\d+)", re.IGNORECASE)


class Growing(asyncio.Protocol):
    """Answers each request at once."""

    def __init__(self, page: bytes, records: int) -> None:
        *rows, last = elements(page)
        number = members(last)["id"]
        self._begin = listed(rows)[:-1] + b","
        self._before, self._behind = last.split(number, 1)
        self._records, self._pending = records, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another base

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\r\n\r\n")) >= 0:
            head, self._pending = self._pending[:end], self._pending[end + 4 :]
            found = _AFTER.search(head.partition(b"\r\n")[0])
            if not self._transport.is_closing():
                self._transport.write(self._page(int(found[1]) if found else 0))

    def _page(self, after: int) -> bytes:
        last = after + PAGE
        body = b"[]"  # who is told of no next page asks for one behind a full one all the same
        if after < self._records:
            body = self._begin + self._before + str(last).encode() + self._behind + b"]"
        return _HEAD % (len(body), _MORE if last < self._records else b"") + body


async def main(file: str, records: int) -> None:
    """Serve until standard input ends; says first on which port."""
    page = Path(file).read_bytes()
    server = await asyncio.get_running_loop().create_server(lambda: Growing(page, records), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
