"""How large may a request be? More is refused while it arrives, whether or not it said its length."""

from __future__ import annotations

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.problems import Refused

LARGEST = 1024 * 1024
LARGEST_UPLOAD = 10 * 1024 * 1024
"""Of the calls that bring a file with many records."""

_UPLOAD: Final = re.compile(r".*/bulk/.+")


class BodyCap:
    """Around the routes, inside the envelope; the handler that reads too much gets a Refused (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = 0
        largest = LARGEST_UPLOAD if _UPLOAD.fullmatch(scope.get("path", "")) else LARGEST

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > largest:
                raise Refused(413, f"body: is larger than {largest} bytes")
            return message

        await self._app(scope, counted, send)
