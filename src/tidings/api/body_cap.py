"""How large may a request be, and how long may it take to arrive? More is refused, whatever it said of its length."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.problems import Refused

LARGEST = 1024 * 1024
LARGEST_UPLOAD = 10 * 1024 * 1024
"""Of the calls that bring a file with many records."""

ARRIVES_FOR = 60.0
"""Seconds that a whole body may take from when it is asked for."""

_UPLOAD: Final = re.compile(r".*/bulk/.+")


class BodyCap:
    """Around the routes, inside the envelope; the handler that reads too much gets a Refused (413), and one whose body
    does not come another (408)."""

    def __init__(self, app: ASGIApp, arrives_for: float = ARRIVES_FOR) -> None:
        self._app, self._arrives_for = app, arrives_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        largest = LARGEST_UPLOAD if _UPLOAD.fullmatch(scope.get("path", "")) else LARGEST
        arrived, whole = 0, False
        until: float | None = None

        async def counted() -> Message:
            nonlocal arrived, whole, until
            if whole:  # what is waited for now is the end of the connection
                return await receive()
            if _length(scope) > largest:
                raise Refused(413, f"body: is larger than {largest} bytes")
            until = until or asyncio.get_running_loop().time() + self._arrives_for
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise Refused(408, f"body: has not arrived within {self._arrives_for:g} s") from None
            arrived += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if arrived > largest:
                raise Refused(413, f"body: is larger than {largest} bytes")
            return message

        await self._app(scope, counted, send)


def _length(scope: Scope) -> int:
    """What the request says of its length; 0 when it says nothing that is a number."""
    said = next((value for name, value in scope.get("headers", ()) if name == b"content-length"), b"")
    return int(said[:20]) if said.isdigit() else 0
