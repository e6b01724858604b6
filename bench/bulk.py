"""A provider with any number of contacts, made as they are asked for: nothing has to be kept or prepared.

Speaks as much ConnectWise as a baseline and the polls after it need. Ids begin at 1; seven contacts share a second.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

from bench.prepare import now
from tidings.core.model import Moment

A_SECOND = 7
BEGAN_AT = 1_704_067_200_000  #: 2024-01-01T00:00:00Z
_BOUND = re.compile(r"lastUpdated\s*(>=?)\s*\[([^\]]+)\]")
_ID = re.compile(r"\bid\s*=\s*(\d+)")
_OWN = re.compile(rb'\{"id":\d+(?P<content>,.*"_info":\{"lastUpdated":)"[^"]*"(?P<rest>.*)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a contact consists of beside its id and its stamp."""

    content: bytes
    rest: bytes

    @classmethod
    def of(cls, contact: bytes) -> Pattern:
        """The pattern of a contact of the sandbox."""
        found = _OWN.fullmatch(contact)
        if found is None:
            raise ValueError(f"this contact has no id and stamp where they are looked for: {contact[:80]!r}")
        return cls(found["content"], found["rest"])


def plain_patterns(many: int = 977) -> list[Pattern]:
    """Contacts of about 1.2 kB that differ, for who does not want to start a sandbox."""
    made = []
    for number in range(many):
        name = f"Person {number * 7919 % many} of {number * 104_729 % many}"
        fields = ",".join(
            f'{{"id":{field},"caption":"Field {field}","type":"Text","entryMethod":"EntryField","numberOfDecimals":0,'
            f'"value":"{name} in {field * number % many}"}}'
            for field in range(8)
        )
        content = f',"firstName":"{name}","title":"Manager {number}","inactiveFlag":false,"customFields":[{fields}],'
        made.append(Pattern((content + '"_info":{"lastUpdated":').encode(), b',"updatedBy":"somebody"}}'))
    return made


class Bulk:
    """`asked` is called before a page of everything is answered, with how many there were, this one included."""

    def __init__(self, count: int, patterns: Sequence[Pattern]) -> None:
        self.count, self._patterns = count, patterns
        self.asked: Callable[[int], None] = lambda pages: None
        self.pages = 0
        self.account: Mapping[str, str] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Bulk]:
        app = web.Application()
        app.router.add_get("/{root:.*}/system/info", self._info)
        app.router.add_get("/{root:.*}/company/contacts", self._list)
        app.router.add_get("/{root:.*}/company/contacts/count", self._count)
        app.router.add_get("/{root:.*}/company/contacts/{id}", self._one)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            root = f"http://127.0.0.1:{runner.addresses[0][1]}/v4_6_release/apis/3.0"
            keys = {"company": "acme", "publicKey": "public", "privateKey": "private", "clientId": "client"}
            self.account = {"baseUrl": root, **keys}
            yield self
        finally:
            await runner.cleanup()

    def row(self, key: int) -> bytes:
        """The contact's exact bytes."""
        pattern = self._patterns[key % len(self._patterns)]
        return b'{"id":%d%b"%b"%b' % (key, pattern.content, _iso(_stamp(key)), pattern.rest)

    async def _list(self, request: web.Request) -> web.Response:
        if request.query.get("orderBy") == "id desc":
            return _json(b"[%b]" % (self.row(self.count) if self.count else b""))
        least, most = self._asked_for(request)
        if (least, most) == (1, self.count):
            self.pages += 1
            self.asked(self.pages)
        first = max(int(request.query.get("pageId", 0)) + 1, least)
        last = min(first + int(request.query.get("pageSize", 25)) - 1, most)
        only_ids = request.query.get("fields") == "id"
        rows = [b'{"id":%d}' % key if only_ids else self.row(key) for key in range(first, last + 1)]
        link = {"Link": f'<{request.url.with_query(pageId=last)}>; rel="next"'} if rows else {}
        return _json(b"[%b]" % b",".join(rows), headers=link)

    async def _count(self, request: web.Request) -> web.Response:
        least, most = self._asked_for(request)
        return _json(b'{"count":%d}' % max(most + 1 - least, 0))

    def _asked_for(self, request: web.Request) -> tuple[int, int]:
        """The least and the greatest id that meet the conditions: stamps grow with ids."""
        conditions = request.query.get("conditions", "")
        firsts = [_first(bound, strict=sign == ">") for sign, bound in _BOUND.findall(conditions)]
        keys = [int(key) for key in _ID.findall(conditions)]
        return max([1, *firsts, *keys]), min([self.count, *keys])

    async def _one(self, request: web.Request) -> web.Response:
        key = int(request.match_info["id"])
        if not 1 <= key <= self.count:
            return _json(b'{"code":"NotFound","message":"no such contact"}', status=404)
        return _json(self.row(key))

    async def _info(self, request: web.Request) -> web.Response:
        return _json(b'{"version":"v2025.1"}')


def _stamp(key: int) -> Moment:
    return BEGAN_AT + 1000 * (key // A_SECOND)


def _first(bound: str, *, strict: bool) -> int:
    """The least id that is stamped at a bound or later; `strict`: later."""
    second = round(datetime.fromisoformat(bound).timestamp()) - BEGAN_AT // 1000
    return max((second + strict) * A_SECOND, 1)


def _iso(at: Moment) -> bytes:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _json(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    date = format_datetime(datetime.fromtimestamp(now() // 1000, UTC), usegmt=True)
    return web.Response(
        body=body, status=status, content_type="application/json", headers={"Date": date, **(headers or {})}
    )
