"""How does the provider answer one request, honestly or not? Lists, counts and reads by id over an account.

Speaks as much ConnectWise as polling needs (spec connectwise.md 3.2, 3.6, 4.4), without a socket.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from tests.simulation.account import Account, Table, Version, iso

PATHS = {"contacts": "company/contacts", "organizations": "company/companies", "incidents": "service/tickets"}
ROOT = "http://provider.test/v4_6_release/apis/3.0"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    query: Mapping[str, str]
    forward_only: bool

    @classmethod
    def read(cls, url: str, headers: Mapping[str, str]) -> Request:
        parts = urlsplit(url.removeprefix(ROOT))
        return cls(parts.path.strip("/"), dict(parse_qsl(parts.query)), "pagination-type" in headers)

    @property
    def is_list(self) -> bool:
        return self.path in PATHS.values()

    @property
    def is_sweep(self) -> bool:
        """Whether it asks for a page of all ids."""
        of_some = " in (" in self.query.get("conditions", "") or self.query.get("pageSize") == "1"
        return self.is_list and self.forward_only and "fields" in self.query and not of_some

    def __str__(self) -> str:
        return f"{self.path} {' '.join(f'{name}={value}' for name, value in self.query.items())}"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def said(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(value, separators=(",", ":")).encode(), headers or {})


@dataclass(slots=True)
class Manners:
    """How this provider serves lists. `shift` is by how many milliseconds the filter reads a date too late; with a
    `zone` it reads every date as what a clock there shows, whatever the text says: compared as text, or as the first or
    the second moment at which the clock shows it. `hollow` leaves pages without rows wherever ids are missing."""

    page_cap: int = 1000
    links: bool = True
    numbered: bool = False
    shift: int = 0
    zone: str | None = None
    compared: str = "text"  # or "first", "second"
    hollow: bool = False

    def is_after(self, stamp_at: int, said: str) -> bool:
        """Whether the filter takes a stamp for later than the date that was sent."""
        if self.zone is None:
            return iso(stamp_at) > iso(round(datetime.fromisoformat(said).timestamp()) * 1000 + self.shift)
        zone, shown = ZoneInfo(self.zone), datetime.fromisoformat(said).replace(tzinfo=None)
        stamp = datetime.fromtimestamp(stamp_at // 1000, UTC)
        if self.compared == "text":
            return stamp.astimezone(zone).replace(tzinfo=None) > shown
        return stamp > shown.replace(tzinfo=zone, fold=int(self.compared == "second")).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Slip:
    """What goes wrong with one page that is answered all the same."""

    unfiltered: bool = False
    short_by: int = 0
    repeats: int = 0  #: rows before the page that are shown again
    doubled: int = 0  #: rows that the page shows twice
    no_link: bool = False
    hollow: bool = False  #: nothing on the page, and a link to where the rows go on
    stuck: bool = False  #: the first page once more, whatever was asked for


HONEST = Slip()


class Provider:
    """`trouble` is asked before each answer: it may answer instead, or let the page slip."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.manners = Manners()
        self.trouble: Callable[[Request], Reply | Slip] = lambda request: HONEST

    def answer(self, request: Request) -> Reply:
        given = self.trouble(request)
        if isinstance(given, Reply):
            return given
        if request.path.startswith("login/companyinfo/"):
            return said({"Codebase": "v4_6_release/"})
        resource, rest = self.resource(request.path)
        table = self.account.tables[resource]
        if rest == "count":
            return said({"count": len(self._meeting(table.listed(), request))})
        if rest:
            version = table.shown(int(rest))
            return said({"message": f"{rest} not found"}, 404) if version is None else Reply(200, version.body())
        return self._list(table, request, given)

    def resource(self, path: str) -> tuple[str, str]:
        for resource, prefix in PATHS.items():
            if path == prefix or path.startswith(prefix + "/"):
                return resource, path.removeprefix(prefix).strip("/")
        raise AssertionError(f"nobody should ask for {path}")

    def _list(self, table: Table, request: Request, slip: Slip) -> Reply:
        if request.is_sweep and "pageId" not in request.query:
            table.sweep_begins()
        rows = table.listed() if slip.unfiltered else self._meeting(table.listed(), request)
        size = min(int(request.query["pageSize"]), self.manners.page_cap)
        if request.query.get("orderBy") == "id desc":
            return self._page(rows[::-1][:size], request)
        if self.manners.numbered or not request.forward_only:
            start = (int(request.query.get("page", "1")) - 1) * size
            return self._page(rows[start : start + size], request)
        after = 0 if slip.stuck else int(request.query.get("pageId", "0"))
        page = [row for row in rows if row.key > after][:size]
        if (slip.hollow or self.manners.hollow) and page and page[0].key - 1 > after:
            return said([], headers=self._link(request, page[0].key - 1))
        page = page[: max(1, len(page) - slip.short_by)]
        if any(row.key in table.poisoned for row in page) and "fields" not in request.query:
            return said({"code": "Exception", "message": "String was not recognized as a valid Boolean."}, 500)
        linked = page and self.manners.links and not slip.no_link
        again = [row for row in rows if row.key <= after][-slip.repeats :] if slip.repeats and page else []
        if request.is_sweep:
            table.swept(row.key for row in page)
        link = self._link(request, page[-1].key) if linked else {}
        return self._page([*again, *page[: slip.doubled], *page], request, link)

    def _link(self, request: Request, key: int) -> Mapping[str, str]:
        return {"Link": f'<{ROOT}/{request.path}?pageId={key}>; rel="next"'}

    def _page(self, rows: list[Version], request: Request, headers: Mapping[str, str] | None = None) -> Reply:
        if fields := request.query.get("fields"):
            records = (row.record() for row in rows)
            shown = [{name: record[name] for name in fields.split(",") if name in record} for record in records]
            return said(shown, headers=headers)
        return Reply(200, b"[" + b",".join(row.body() for row in rows) + b"]", headers or {})

    def _meeting(self, rows: list[Version], request: Request) -> list[Version]:
        for part in filter(None, request.query.get("conditions", "").split(" and ")):
            condition = part if " in (" in part else part.strip("()")
            if found := re.fullmatch(r"lastUpdated > \[([^\]]+)\]", condition):
                rows = [row for row in rows if self.manners.is_after(row.stamp_at, found[1])]
            elif found := re.fullmatch(r'city = "(\w+)"', condition):
                rows = [row for row in rows if (row.content or {}).get("city") == found[1]]
            elif found := re.fullmatch(r"id > (\d+)", condition):
                rows = [row for row in rows if row.key > int(found[1])]
            elif found := re.fullmatch(r"id = (\d+)", condition):
                rows = [row for row in rows if row.key == int(found[1])]
            elif found := re.fullmatch(r"id in \(([\d, ]+)\)", condition):
                rows = [row for row in rows if row.key in set(map(int, found[1].split(",")))]
            else:
                raise AssertionError(f"a condition that this provider does not read: {condition}")
        return rows
