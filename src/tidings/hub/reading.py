"""How is a hub's GET answered? One list or one record, asked of the provider and handed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tidings.core.errors import InvalidInput, ProviderDown, ProviderError, ProviderRefused
from tidings.elements.connection import Connection, Rows
from tidings.elements.element import path_of
from tidings.elements.pages import Paging
from tidings.hub.nulls import without_nulls
from tidings.hub.query import (
    CHILD_CONDITIONS,
    LARGEST_PAGE,
    LARGEST_PAGE_NUMBER,
    Query,
    provider_fields,
    provider_order,
)
from tidings.hub.shape import Row, encoded, listed, number_at, project, record_of, shown, split_rows
from tidings.hub.target import Target
from tidings.hub.where import FIELD, Filter, selects, split

#: Records that are looked at for one page of a list that the provider cannot filter.
LOOKED_AT: Final = 20_000
#: An id that is written with as many digits as any.
_FAR: Final = 10**18


@dataclass(frozen=True, slots=True)
class Listing:
    """One page: `body` is JSON. `total` is None where it is not known; `next` is the token of the next page, None when
    this is the last; `warning` says what was not done as it was asked."""

    body: bytes
    count: int
    total: int | None = None
    next: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one instance's records. `page_cap` is the most rows that its provider gives at once; `drop_nulls` leaves
    out members that are null, at any depth."""

    connection: Connection
    page_cap: int
    drop_nulls: bool

    async def one(self, target: Target, fields: str | None = None) -> bytes:
        """One record as JSON. Raises InvalidInput, and the ProviderError of asking: RecordNotFound if there is none."""
        wanted = provider_fields(fields, target.resource)
        params = {"fields": wanted} if wanted else {}
        record = await self.connection.read_one(target.resource, target.ids[-1], params)
        return shown(record, drop_nulls=self.drop_nulls)

    async def list(self, target: Target, query: Query, *, count_all: bool = False) -> Listing:
        """One page of a collection; `count_all` asks the provider for the total where it is not known anyway.

        Raises InvalidInput for a parameter that makes no sense, and the ProviderError of asking.
        """
        cap = min(LARGEST_PAGE, self.page_cap)
        ask = self._ask(target, query, cap)
        page = await (self._passed_on(ask) if ask.wanted.rest is None else self._selected(ask, cap))
        if page.next is None and (page.count or query.page == 1):
            page = replace(page, total=(query.page - 1) * ask.size + page.count)
        elif count_all and ask.wanted.rest is None:
            page = replace(page, total=await ask.total())
        if query.size > cap:
            page = replace(page, warning=f"pageSize is at most {cap} here; the page was cut to it")
        return page

    def sayable(self, target: Target, query: Query) -> Filter:
        """What of the query's `where` the provider can be told, and what is left. Raises InvalidInput."""
        return self._ask(target, query, min(LARGEST_PAGE, self.page_cap)).wanted

    def _ask(self, target: Target, query: Query, cap: int) -> _Ask:
        """Raises InvalidInput for what makes no sense, or is too long to be asked whatever is left for us."""
        ask = _Ask(self.connection, target, query, Filter(), min(query.size, cap))
        split(query.where, target.resource)  # what is wrong with it comes before its length
        fields = provider_fields(query.fields, target.resource)
        for name, given, asked in (("orderBy", ask.ordered, None), ("fields", fields, fields)):
            if given and not ask.fits(Filter(), asked):
                raise InvalidInput(name, "is too long for the provider's address; name fewer fields")
        return replace(
            ask,
            wanted=split(
                query.where,
                target.resource,
                ask.fits,
                by_id=ask.by_id,
                of_lists=CHILD_CONDITIONS not in query.extra,
            ),
        )

    async def _passed_on(self, ask: _Ask) -> Listing:
        """A page as the provider selects it: its own bytes, where nothing must change in them."""
        query, size = ask.query, ask.size
        fields = provider_fields(query.fields, ask.target.resource)
        cut = fields is not None and not ask.fits(ask.wanted, fields)  # beside the condition they are too long
        answer = await ask.page(query.page, size, query.after, None if cut else fields)
        if ask.target.generic and answer.body[:1] == b"{":
            record_of(answer.body)  # or it is no JSON
            return Listing(shown(answer.body, drop_nulls=self.drop_nulls), 1)
        rows, more, body = ask.rows(answer), answer.more, answer.body
        if len(rows) > size:  # it does not page, so we do
            first = (query.page - 1) * size
            rows, more = rows[first : first + size], len(rows) > first + size
            body = listed(map(bytes, rows))
        if cut:
            paths = _paths(fields)
            body = listed(encoded(project(record_of(row), paths)) for row in rows)
        body = without_nulls(body) if self.drop_nulls else body
        more = len(rows) >= size if more is None else more
        return Listing(body, len(rows), next=ask.token(rows[-1]) if more and rows else None)

    async def _selected(self, ask: _Ask, cap: int) -> Listing:
        """A page of what meets the part of the condition that is left for us."""
        query, size, resource = ask.query, ask.size, ask.target.resource
        paths = _paths(provider_fields(query.fields, resource))
        skip = 0 if query.after is not None else (query.page - 1) * size
        kept: list[tuple[Row, Mapping[str, Any]]] = []
        async for row in ask.every_row(cap):
            record = record_of(row)
            if ask.wanted.rest is None or not selects(ask.wanted.rest, record, resource):
                continue
            if skip:
                skip -= 1
                continue
            kept.append((row, record))
            if len(kept) > size:
                break
        page = kept[:size]
        rows = (
            encoded(project(record, paths)) if paths else shown(row, drop_nulls=self.drop_nulls) for row, record in page
        )
        more = len(kept) > size
        return Listing(listed(rows), len(page), next=ask.token(page[-1][0]) if more else None)


@dataclass(frozen=True, slots=True)
class _Ask:
    """How the provider is asked for the pages of one list."""

    connection: Connection
    target: Target
    query: Query
    wanted: Filter
    size: int

    @property
    def by_id(self) -> bool:
        """Whether a page can begin behind an id: then nothing is lost when a record of an earlier page is deleted."""
        resource = self.target.resource
        return resource.paging is Paging.FORWARD_ONLY and resource.filters and not self.ordered

    @property
    def ordered(self) -> bool:
        return bool((self.query.order_by or "").strip())

    def fits(self, wanted: Filter, fields: str | None = None) -> bool:
        """Whether the provider can be asked for any page of that."""
        after = _FAR if self.by_id else None
        asked = next(wanted.asked(None))
        params = replace(self, wanted=asked)._params(LARGEST_PAGE_NUMBER, LARGEST_PAGE, after, fields)
        return self.connection.takes(self.target.resource.provider_path, params)

    async def page(self, number: int, size: int, after: int | None, fields: str | None) -> Rows:
        """The page of this number, or the one behind an id."""
        params = self._params(number, size, after, fields)
        try:
            return await self._get(params)
        except ProviderRefused as error:
            # What the element's file does not know may have no id to be put in order by.
            if not self.target.generic or self.ordered or error.status != 400:
                raise
        return await self._get(params | {"orderBy": ""})

    def _params(self, number: int, size: int, after: int | None, fields: str | None) -> dict[str, str]:
        resource = self.target.resource
        wanted = self.wanted if after is None else self.wanted.after(resource.id.replace(".", "/"), after)
        params = {**self.query.extra, **_said(wanted), "fields": fields or ""}
        params |= {"orderBy": provider_order(self.query.order_by, resource)}
        params |= {"page": str(number if after is None else 1), "pageSize": str(size)}
        return {name: value for name, value in params.items() if value}

    async def _get(self, params: Mapping[str, str]) -> Rows:
        said = {name: value for name, value in params.items() if value}
        resource = self.target.resource
        return await self.connection.read_rows(resource.provider_path, said, f"reading {resource.path}")

    def rows(self, answer: Rows) -> Sequence[Row]:
        if answer.body[:1] != b"[":
            raise ProviderDown(f"reading {self.target.resource.path}: the provider answered with no list")
        return split_rows(answer.body)

    async def every_row(self, cap: int) -> AsyncIterator[Row]:
        """The rows that meet the provider's part of the condition, from the beginning or behind the query's id.

        Raises InvalidInput when there are more of them than we look at.
        """
        for wanted in self.wanted.asked(self.query.after):
            async for row in replace(self, wanted=wanted)._every_row(cap):
                yield row

    async def _every_row(self, cap: int) -> AsyncIterator[Row]:
        number, after, looked_at = 1, self.query.after, 0
        while True:
            answer = await self.page(number, cap, after, None)
            rows = self.rows(answer)
            for row in rows:
                yield row
            looked_at += len(rows)
            if not rows or len(rows) > cap or not (len(rows) == cap if answer.more is None else answer.more):
                return
            if looked_at >= LOOKED_AT:
                raise InvalidInput(
                    FIELD,
                    f"cannot be asked of the provider as a whole, and the first {looked_at} records have too few that "
                    "meet it; add AND with a condition that it can be asked, such as lastUpdated > '…'",
                )
            number += 1
            after = self._last_id(rows[-1]) if self.by_id else None

    def token(self, last: Row) -> str:
        """The token of the page behind a row."""
        return self.query.next(self.size, self._last_id(last) if self.by_id else None)

    def _last_id(self, row: Row) -> int | None:
        return number_at(row, path_of(self.target.resource.id))

    async def total(self) -> int | None:
        """How many records there are; None when the provider does not tell."""
        extra = {**self.query.extra, **_said(self.wanted)}
        conditions = extra.pop("conditions", "")
        try:
            return (await self.connection.count(self.target.resource, conditions, extra))[0]
        except ProviderError:
            return None


def _paths(fields: str | None) -> list[tuple[str, ...]]:
    """Where in a record the provider's `fields` stand."""
    return [tuple(path.split("/")) for path in fields.split(",")] if fields else []


def _said(wanted: Filter) -> dict[str, str]:
    said = {"conditions": wanted.conditions, CHILD_CONDITIONS: wanted.child_conditions}
    return {name: text for name, text in said.items() if text}
