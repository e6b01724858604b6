"""How does a sweep list the ids of a resource? Without the user's conditions where it can, and in the order of ids.

A list that does not page by id is asked for by a condition on the id (`id > 1000`), page for page; only where the
provider takes none does it go by page numbers, and all ids have to be remembered until the last page.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec

from tidings.core import conditions
from tidings.core.ceqltree import Comparison, Kind, Literal
from tidings.core.cursor import PollCursor, Reading, ReadingKind
from tidings.core.errors import ProviderRefused
from tidings.core.model import Moment
from tidings.elements.connection import Page
from tidings.elements.pages import Paging
from tidings.engine.read import read_twice_when_empty
from tidings.engine.source import Query, Source
from tidings.engine.turn import begin, count_of
from tidings.store.base import Store

REMEMBERED = 50_000  #: ids that a sweep by page numbers remembers; a larger collection is not swept
LISTED_ALWAYS = 20_000  #: a resource of so many records is listed without the user's conditions, …
LISTED_TIMES = 5  #: … and one of so many times what we know


async def begin_listing(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, now: Moment
) -> tuple[PollCursor, Reading]:
    """The sweep in progress, or a new one: without the user's conditions where that is not far more than we know."""
    if cursor.long is None and source.query(None, now).narrows:
        count = await count_of(source, now, unfiltered=True)
        limit = max(LISTED_ALWAYS, LISTED_TIMES * await store.live_count(lane_id))
        if source.resource.paging is not Paging.FORWARD_ONLY:
            limit = min(limit, REMEMBERED)
        if count is not None and count <= limit:
            reading = Reading(ReadingKind.SWEEP, started_at=now, count=count, serial=cursor.serial, unfiltered=True)
            return msgspec.structs.replace(cursor, long=reading), reading
    return await begin(source, cursor, ReadingKind.SWEEP, now)


def is_in_order(source: Source, reading: Reading) -> bool:
    """Whether the pages follow the ids, so that each says which records it should hold."""
    return source.resource.paging is Paging.FORWARD_ONLY or not reading.numbered


def by_number(reading: Reading) -> Reading:
    """The sweep from its beginning, by page numbers."""
    return Reading(
        ReadingKind.SWEEP,
        started_at=reading.started_at,
        count=reading.count,
        serial=reading.serial,
        unfiltered=reading.unfiltered,
        numbered=True,
    )


async def list_ids(source: Source, reading: Reading, now: Moment) -> Page | None:
    """The next page; None when it cannot be had in the order of ids. Raises `ProviderError`."""
    query, fields, size = _query(source, reading, now), _fields(source), source.page_size
    if source.resource.paging is Paging.FORWARD_ONLY or reading.numbered:
        return await read_twice_when_empty(source, query, reading.position, fields, size=size)
    after = reading.last_id
    wanted = query.conditions
    if after is not None:
        literal = Literal(Kind.NUMBER, str(after))
        beyond = conditions.translate(Comparison(source.resource.id_path, ">", literal), source.resource.field_types)
        wanted = f"({wanted}) and {beyond}" if wanted else beyond
    try:
        for _ in range(2):  # an empty page that would end the listing is asked for again before it is believed
            page = await source.connection.read_page(
                source.resource, conditions=wanted, position=None, size=size, fields=fields, extra=query.extra
            )
            if not page.ended:
                break
    except ProviderRefused:
        if after is None:
            raise
        return None
    ids = source.ids.read(page.body).ids
    numbers = [key for key in (*(() if after is None else (after,)), *ids) if isinstance(key, int)]
    is_whole = len(numbers) == len(ids) + (after is not None)
    return page if is_whole and all(left < right for left, right in pairwise(numbers)) else None


def _query(source: Source, reading: Reading, now: Moment) -> Query:
    query = source.query(None, now)
    return replace(query, conditions="") if reading.unfiltered else query


def _fields(source: Source) -> str:
    """The id, and the soft-delete flag where there is one: it may have been set without a moved stamp, or on a record
    that then left the conditions of polls."""
    resource = source.resource
    return ",".join(filter(None, (resource.id, resource.deleted))).replace(".", "/")
