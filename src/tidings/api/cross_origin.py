"""May a page of another origin call the API? Its browser asks first, and is answered where the operator allows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = "DELETE, GET, PATCH, POST, PUT"
REMEMBERED_FOR = "600"
ANYBODY = "*"

Origins = Callable[[], tuple[str, ...]]


def allowed(origin: str | None, origins: tuple[str, ...]) -> Mapping[str, str]:
    """The headers that let a page of `origin` read an answer; none for others.

    >>> allowed("https://a.example", ("https://a.example",))
    {'Access-Control-Allow-Origin': 'https://a.example', 'Vary': 'Origin'}
    >>> allowed("https://b.example", ("https://a.example",))
    {'Vary': 'Origin'}
    """
    if origin is None or not origins:
        return {}
    if ANYBODY in origins:
        return {"Access-Control-Allow-Origin": ANYBODY}
    if origin.lower() in origins:
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return {"Vary": "Origin"}


class Preflight:
    """Answers a browser that asks what it may send; a request of an origin that is not allowed goes on as any other.

    Credentials are never allowed: callers send them in a header that a page has to set itself.
    """

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app, self._origins = app, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            asked = headers.get("access-control-request-method")
            if asked and "Access-Control-Allow-Origin" in allowed(headers.get("origin"), self._origins()):
                answer = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": REMEMBERED_FOR}
                if wanted := headers.get("access-control-request-headers"):
                    answer["Access-Control-Allow-Headers"] = wanted
                await Response(headers=answer)(scope, receive, send)
                return
        await self._app(scope, receive, send)
