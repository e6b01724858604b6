"""How is a running sandbox steered and observed? The `/_admin` endpoints, which no ConnectWise has.

`GET /_admin` lists them. `tenant` in the query names a company; without it they mean the first one.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from tidings.sandbox.activity import Activity
from tidings.sandbox.faults import UnknownKnob
from tidings.sandbox.tenant import Tenant

_HELP = {
    "GET /_admin/faults": "the knobs of a tenant",
    "PATCH /_admin/faults": 'turn knobs, such as {"visibility_delay": 3, "too_many_requests": 5}',
    "GET /_admin/changes": "every accepted write after the sequence number in `since` (limit 10000)",
    "GET /_admin/activity": "changes a second, and how many were made",
    "POST /_admin/activity": '{"rate": 2} goes on at that rate, {"rate": 0} pauses',
    "POST /_admin/upgrade": "move the tenant to a new codebase; calls on the old one become 404",
}


class BadRequest(Exception):
    """An administrator's request makes no sense; the text says what to send instead."""


class Admin:
    """Answers below `/_admin`."""

    def __init__(self, tenants: Mapping[str, Tenant], activity: Activity) -> None:
        self._tenants = tenants
        self._activity = activity
        self._operations: Mapping[tuple[str, str], Callable[[web.Request, Any], Any]] = {
            ("GET", ""): lambda request, body: _HELP,
            ("GET", "faults"): lambda request, body: asdict(self._tenant(request).faults),
            ("PATCH", "faults"): self._turn,
            ("GET", "changes"): self._changes,
            ("GET", "activity"): lambda request, body: self._rate(),
            ("POST", "activity"): self._set_rate,
            ("POST", "upgrade"): self._upgrade,
        }

    async def handle(self, request: web.Request) -> web.Response:
        operation = self._operations.get((request.method, request.match_info["path"].strip("/")))
        if operation is None:
            return _answer({"error": "There is no such endpoint.", "endpoints": _HELP}, 404)
        body = await request.read()
        try:
            return _answer(operation(request, _object(body)), 200)
        except (BadRequest, UnknownKnob, ValueError) as error:
            return _answer({"error": str(error)}, 400)

    def _tenant(self, request: web.Request) -> Tenant:
        name = request.query.get("tenant")
        if name is None:
            return next(iter(self._tenants.values()))
        if name not in self._tenants:
            raise BadRequest(f"There is no tenant {name}; there are {', '.join(self._tenants)}.")
        return self._tenants[name]

    def _turn(self, request: web.Request, body: Mapping[str, Any]) -> Any:
        faults = self._tenant(request).faults
        faults.set(body)
        return asdict(faults)

    def _changes(self, request: web.Request, body: Any) -> Any:
        feed = self._tenant(request).changes
        since, limit = (_number(request, name, default) for name, default in (("since", 0), ("limit", 10_000)))
        return {"last": len(feed), "changes": [change.as_json() for change in feed.since(since, limit)]}

    def _rate(self) -> Any:
        return {"rate": self._activity.rate if self._activity.running else 0, "done": self._activity.done}

    def _set_rate(self, request: web.Request, body: Mapping[str, Any]) -> Any:
        rate = body.get("rate")
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            raise BadRequest('Say how many changes a second, such as {"rate": 2}.')
        if rate == 0:
            self._activity.stop()
        else:
            self._activity.start(float(rate))
        return self._rate()

    def _upgrade(self, request: web.Request, body: Any) -> Any:
        tenant = self._tenant(request)
        tenant.upgrade()
        return {"codebase": f"{tenant.codebase}/"}


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if text and not text.isdigit():
        raise BadRequest(f"{name} is {text!r}; give a whole number.")
    return int(text or default)


def _object(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise BadRequest("The body has to be a JSON object.")
    return given


def _answer(content: Any, status: int) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
