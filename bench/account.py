"""A provider's account that a bench can change while it is polled: rows in a dict, two ways to ask for them.

Both ways show the same rows at the same moment. ConnectWise's pages by id (forward-only), as Tidings reads it; the
plain one takes a page number and a lower bound and sorts by the stamp, as other pollers' documents ask for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from bench.prepare import now
from tidings.core.model import Moment

PAGE = 2  #: rows a page, so that few rows are several pages
_BOUND = re.compile(r"lastUpdated\s*(>=?)\s*\[([^\]]+)\]")
_ID = re.compile(r"\bid\s*=\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    value: str
    stamp_at: Moment  #: milliseconds, shown in whole seconds


@dataclass(slots=True)
class Account:
    """`after_first_page` is called once, when a first page that is not the last has been sent; `lists` counts pages."""

    started_at: Moment
    now: Callable[[], Moment] = now
    rows: dict[int, Row] = field(default_factory=dict)
    after_first_page: Callable[[], None] | None = None
    lists: int = 0

    def put(self, key: int, stamp_at: Moment, value: str = "a") -> None:
        """Create or change a row."""
        self.rows[key] = Row(key, value, stamp_at)

    def drop(self, key: int) -> None:
        del self.rows[key]


class Provider:
    """Accounts by name; `/{name}/plain/contacts` and `/{name}/v4_6_release/apis/3.0/…` ask for the same rows."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.url = ""

    def open(self, name: str) -> Account:
        """A new account."""
        self.accounts[name] = Account(started_at=now() // 1000 * 1000)
        return self.accounts[name]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Provider]:
        app = web.Application()
        app.router.add_get("/{account}/plain/contacts", self._plain)
        app.router.add_get("/{account}/{root:.*}/system/info", self._info)
        app.router.add_get("/{account}/{root:.*}/company/contacts", self._list)
        app.router.add_get("/{account}/{root:.*}/company/contacts/count", self._count)
        app.router.add_get("/{account}/{root:.*}/company/contacts/{id}", self._one)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    async def _plain(self, request: web.Request) -> web.Response:
        account = self._account(request)
        since = request.query.get("since", "")[:19]
        rows = [row for row in account.rows.values() if _iso(row.stamp_at) >= since]
        rows.sort(key=lambda row: (_iso(row.stamp_at), row.id))
        start = (int(request.query.get("page", 1)) - 1) * PAGE
        shown = [_plain(row) for row in rows[start : start + PAGE]]
        return self._page(account, shown, more=start == 0 and len(rows) > PAGE)

    async def _list(self, request: web.Request) -> web.Response:
        account = self._account(request)
        rows = _matching(account, request)
        if request.query.get("orderBy") == "id desc":
            return _json([_connectwise(row) for row in rows[::-1][:1]])
        first = "pageId" not in request.query
        left = [row for row in rows if row.id > int(request.query.get("pageId", 0))]
        shown = left[: min(PAGE, int(request.query.get("pageSize", PAGE)))]
        link = f'<{request.url.with_query(pageId=shown[-1].id)}>; rel="next"' if shown else ""
        fields = request.query.get("fields")
        body = [{"id": row.id} if fields == "id" else _connectwise(row) for row in shown]
        return self._page(account, body, more=first and len(left) > len(shown), link=link)

    async def _count(self, request: web.Request) -> web.Response:
        return _json({"count": len(_matching(self._account(request), request))})

    async def _one(self, request: web.Request) -> web.Response:
        row = self._account(request).rows.get(int(request.match_info["id"]))
        if row is None:
            return _json({"code": "NotFound", "message": f"Contact {request.match_info['id']} not found"}, status=404)
        return _json(_connectwise(row))

    async def _info(self, request: web.Request) -> web.Response:
        return _json({"version": "v2025.1"})

    def _account(self, request: web.Request) -> Account:
        return self.accounts[request.match_info["account"]]

    def _page(self, account: Account, body: Any, *, more: bool, link: str = "") -> web.Response:
        account.lists += 1
        answer = _json(body, headers={"Link": link} if link else {})
        if more and account.after_first_page is not None:
            change, account.after_first_page = account.after_first_page, None
            change()
        return answer


def _matching(account: Account, request: web.Request) -> list[Row]:
    """By id, as ConnectWise lists what was not asked for in another order."""
    rows = [account.rows[key] for key in sorted(account.rows)]
    conditions = request.query.get("conditions", "")
    for key in _ID.findall(conditions):
        rows = [row for row in rows if row.id == int(key)]
    for comparison, bound in _BOUND.findall(conditions):
        rows = [
            row for row in rows if _iso(row.stamp_at) > bound or (comparison == ">=" and _iso(row.stamp_at) == bound)
        ]
    return rows


def _plain(row: Row) -> dict[str, Any]:
    return {"id": row.id, "value": row.value, "lastUpdated": _iso(row.stamp_at)}


def _connectwise(row: Row) -> dict[str, Any]:
    return {"id": row.id, "value": row.value, "_info": {"lastUpdated": _iso(row.stamp_at), "updatedBy": "somebody"}}


def _iso(at: Moment) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    date = format_datetime(datetime.fromtimestamp(now() // 1000, UTC), usegmt=True)
    return web.json_response(body, status=status, headers={"Date": date, **(headers or {})})
