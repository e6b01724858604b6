"""What does every answer carry? A request id, the CORS header, and the one error shape when a handler broke."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import orjson
import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.problems import UNEXPECTED
from tidings.core.model import Moment

# Order and spelling are what clients compare with (spec platform.md 1.4).
EXPOSED = (
    "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, "
    "Elements-Trace-Id, Elements-Error, Content-Disposition"
)

log = structlog.get_logger("tidings.api")


class Envelope:
    """The outermost layer around the API."""

    def __init__(self, app: ASGIApp, clock: Callable[[], Moment], dice: Callable[[int], bytes]) -> None:
        self._app = app
        self._clock = clock
        self._dice = dice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"{self._clock() // 1000:08x}{self._dice(8).hex()}"
        scope.setdefault("state", {})["request_id"] = request_id
        has_origin = any(name == b"origin" for name, _ in scope["headers"])
        started = False

        async def enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["Elements-Request-Id"] = request_id
                if has_origin:
                    headers["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        try:
            await self._app(scope, receive, enveloped)
        except Exception:
            log.error(
                "api.failed",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                stack=traceback.format_exc(),
            )
            if started:
                raise
            body = orjson.dumps(UNEXPECTED.body(request_id))
            start = {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]}
            await enveloped(start)
            await enveloped({"type": "http.response.body", "body": body})
