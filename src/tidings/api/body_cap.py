"""How large may a request be? More is refused while it arrives, whether or not it said its length."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.problems import Refused

LARGEST = 1024 * 1024


class BodyCap:
    """Around the routes, inside the envelope; the handler that reads too much gets a Refused (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > LARGEST:
                raise Refused(413, f"body: is larger than {LARGEST} bytes")
            return message

        await self._app(scope, counted, send)
