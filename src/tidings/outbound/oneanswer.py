"""Which request does an answer belong to? HTTP/1.1 numbers neither, so a kept connection is used with care.

Whatever a server writes unasked (a second answer, a late 408 of a proxy) would else be taken for the answer to the next
request on that connection. Here it ends the connection, and only one URL's requests ever share one.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey

_END_OF_HEAD = b"\r\n\r\n"


class OneAnswerEach(aiohttp.TCPConnector):
    """A connector that gives out no kept connection on which something has come since its last answer.

    `head_first`: what follows an answer's head cannot undo its status, be it more than was announced or no HTTP at all.
    """

    def __init__(self, *, head_first: bool = False, **options: Any) -> None:
        super().__init__(**options)
        if head_first:
            handler: type[ResponseHandler] = _HeadFirst
            self._factory = partial(handler, loop=asyncio.get_running_loop())

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Any:
        while (kept := await super()._get(key, traces)) is not None:
            if kept.protocol is not None and not kept.protocol.should_close:
                return kept
            kept.close()
        return None


class KeptForItsUrl(aiohttp.ClientRequest):
    """A request that goes out on connections of its own URL only: what a receiver does to them hurts nobody else."""

    @property
    def connection_key(self) -> ConnectionKey:
        # The member is for requests through a proxy, and none is used here.
        return super().connection_key._replace(proxy_headers_hash=hash(self.url))


class _HeadFirst(ResponseHandler):
    def data_received(self, data: bytes) -> None:
        end = data.find(_END_OF_HEAD)
        if 0 <= end < len(data) - 4:
            super().data_received(data[: end + 4])
            data = data[end + 4 :]
        super().data_received(data)
