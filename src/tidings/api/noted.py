"""What of every call is worth keeping? Its caller, its path and how it ended, once it is answered."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidings.api.call import InstanceCall, UserCall
from tidings.api.parts import ApiParts
from tidings.core.model import Moment
from tidings.core.usage import Usage

LONGEST_PATH: Final = 2000


class Noted:
    """Around the routes, inside the envelope: hands every call of a known user to the writer once it is answered."""

    def __init__(self, app: ASGIApp, parts: ApiParts) -> None:
        self._app, self._parts = app, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        time = asyncio.get_running_loop().time
        at, began, status = self._parts.clock(), time(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            call = scope["state"].get("call")
            if isinstance(call, UserCall):
                self._parts.usage.add(_usage(scope, call, at, time() - began, status))


def _usage(scope: Scope, call: UserCall, at: Moment, took_for: float, status: int) -> Usage:
    instance = call.instance if isinstance(call, InstanceCall) else None
    return Usage(
        request_id=scope["state"]["request_id"],
        account_id=call.user.account_id,
        user_id=call.user.id,
        organization_id=call.user.organization_id,
        at=at,
        took_for=took_for,
        method=scope["method"],
        # Half of a surrogate pair, or a NUL, is no text that every store can keep.
        path=scope["path"][:LONGEST_PATH].encode(errors="replace").decode().replace("\0", "?"),
        operation=getattr(scope.get("endpoint"), "__name__", ""),
        status=status,
        address=(scope.get("client") or ("",))[0],
        element_key=None if instance is None else instance.element_key,
        instance_id=None if instance is None else instance.id,
    )
