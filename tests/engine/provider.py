"""A provider of contacts in seventy lines: rows in a dict, a clock in hand, and a hook to make trouble."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web


def iso(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def asks_for_all(url: str) -> bool:
    """Whether a request is for a page of whole records, without a date: of a baseline or an audit."""
    return "pageSize" in url and not any(part in url for part in ("lastUpdated", "fields=", "orderBy="))


class Provider:
    """Speaks as much ConnectWise as a poll needs (spec connectwise.md 3.2, 3.6, 4.4).

    `rows` maps an id to its record; `before` is called with each request and may return an answer of its own; `hidden`
    ids are kept from lists. `page_cap` is the most rows a page has, whatever was asked for.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.rows: dict[int, dict] = {}
        self.hidden: set[int] = set()
        self.requests: list[str] = []
        self.page_cap = 1000
        self.filter_shift = 0  #: milliseconds by which the filter reads a date later than it was meant
        self.numbered = False  #: knows nothing of forward-only paging
        self.takes_ids = True  #: reads conditions on the id
        self.takes_dates = True  #: answers nothing to any date otherwise (spec connectwise.md 3.2)
        self.dated = True  #: says what time it is
        self.before: Callable[[web.Request], web.Response | None] = lambda request: None

    def put(self, key: int, stamp: int | None = None, **members) -> None:
        """Create or change a record; it is stamped now unless `stamp` says otherwise."""
        old = self.rows.get(key, {})
        at = iso(self.clock() if stamp is None else stamp)
        self.rows[key] = {**old, "id": key, **members, "_info": {"lastUpdated": at, "updatedBy": "somebody"}}

    def app(self) -> web.Application:
        app = web.Application()
        app.on_response_prepare.append(self.be_undated)
        app.router.add_get("/{path:.*}", self.answer)
        return app

    async def be_undated(self, request: web.Request, response: web.StreamResponse) -> None:
        if not self.dated:
            del response.headers["Date"]

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(str(request.rel_url))
        given = self.before(request)
        response = given if given is not None else self._answer(request)
        response.headers["Date"] = format_datetime(datetime.fromtimestamp(self.clock() // 1000, UTC), usegmt=True)
        return response

    def _answer(self, request: web.Request) -> web.Response:
        *_, last = request.path.rstrip("/").split("/")
        if last == "info":
            return web.json_response({"version": "v1"})
        if last.isdigit():
            if int(last) not in self.rows:
                return web.json_response({"code": "NotFound", "message": f"Contact {last} not found"}, status=404)
            return web.json_response(self.rows[int(last)])
        rows = [self.rows[key] for key in sorted(self.rows) if key not in self.hidden]
        if "deletedFlag = false" in request.query.get("conditions", ""):
            rows = [row for row in rows if not row.get("deletedFlag")]
        if asked := re.search(r"\bid in \(([\d,]+)\)", request.query.get("conditions", "")):
            rows = [row for row in rows if row["id"] in set(map(int, asked[1].split(",")))]
        for name, said in re.findall(r'(\w+) != "(\w+)"', request.query.get("conditions", "")):
            rows = [row for row in rows if row.get(name) != said]
        for key in re.findall(r"\bid = (\d+)", request.query.get("conditions", "")):
            rows = [row for row in rows if row["id"] == int(key)]
        for op, said in re.findall(r"lastUpdated\s*(>=?)\s*\[([^\]]+)\]", request.query.get("conditions", "")):
            stamp = iso(1000 * round(datetime.fromisoformat(said).timestamp()) + self.filter_shift)
            # To compare what has no stamp is false.
            own = {row["id"]: row["_info"].get("lastUpdated", "") for row in rows}
            rows = [r for r in rows if own[r["id"]] > stamp or (op == ">=" and own[r["id"]] == stamp)]
            if not self.takes_dates:
                rows = []
        for least in re.findall(r"\bid > (\d+)", request.query.get("conditions", "")):
            if not self.takes_ids:
                return web.json_response({"message": "id cannot be searched by"}, status=400)
            rows = [row for row in rows if row["id"] > int(least)]
        if last == "count":
            return web.json_response({"count": len(rows)})
        size = min(int(request.query.get("pageSize", 25)), self.page_cap)
        if request.query.get("orderBy") == "id desc":
            return web.json_response(rows[::-1][:size])
        if self.numbered or request.headers.get("pagination-type") != "forward-only":
            start = (int(request.query.get("page", 1)) - 1) * size
            return web.json_response(rows[start : start + size])
        rows = [row for row in rows if row["id"] > int(request.query.get("pageId", 0))][:size]
        link = f'<http://x/?pageId={rows[-1]["id"]}>; rel="next"' if rows else ""
        fields = request.query.get("fields")
        shown = [{name: row.get(name) for name in fields.split(",")} for row in rows] if fields else rows
        return web.Response(
            body=json.dumps(shown, separators=(",", ":")).encode(),
            content_type="application/json",
            headers={"Link": link},
        )
