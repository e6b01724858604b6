"""What does every answer carry? Its ids, the CORS headers, and the one error shape when a handler broke."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable

import orjson
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.call import InstanceCall
from tidings.api.cross_origin import Origins, allowed
from tidings.api.documented import INSTANCE
from tidings.api.problems import UNEXPECTED
from tidings.core.model import Moment

# Order and spelling are what clients compare with (spec platform.md 1.4).
EXPOSED = (
    "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, "
    "Elements-Trace-Id, Elements-Error, Content-Disposition"
)

TRACE = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
"""What a caller may name its trace; anything else is not sent back."""

log = structlog.get_logger("tidings.api")


class Envelope:
    """The outermost layer around the API."""

    def __init__(
        self, app: ASGIApp, clock: Callable[[], Moment], dice: Callable[[int], bytes], origins: Origins
    ) -> None:
        self._app, self._clock, self._dice, self._origins = app, clock, dice, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"{self._clock() // 1000:08x}{self._dice(8).hex()}"
        scope.setdefault("state", {})["request_id"] = request_id
        asked = Headers(scope=scope)
        origin, trace = asked.get("origin"), asked.get("elements-trace-id", "")
        trace_id = trace if TRACE.fullmatch(trace) else request_id
        started = False

        async def enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["Elements-Request-Id"] = request_id
                headers["Elements-Trace-Id"] = trace_id
                # A handler says it of its good answers; who was refused also knows whose call it was.
                if message["status"] >= 400 and isinstance(call := scope["state"].get("call"), InstanceCall):
                    headers[INSTANCE] = str(call.instance.id)
                if origin is not None:
                    headers["Access-Control-Expose-Headers"] = EXPOSED
                    headers.update(allowed(origin, self._origins()))
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
