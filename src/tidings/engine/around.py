"""What can be read of a page that fails as a whole? Smaller and smaller pages, down to the one record that fails it.

A record that the provider itself cannot read makes every page that holds it fail (spec connectwise.md 5.2, Q23), and a
page of large records can be more than we take. Only where the next page begins after an id.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidings.core.errors import AnswerTooLarge, ProviderDown
from tidings.core.model import RecordId, record_id
from tidings.elements.connection import Page
from tidings.elements.pages import Paging
from tidings.engine.source import Query, Source

#: Failures in a row after which a server error is taken for a record that cannot be read.
STUBBORN = 2


def may_read_around(source: Source, error: ProviderDown, failures: int) -> bool:
    """Whether a failed page is worth asking for in pieces."""
    if source.resource.paging is not Paging.FORWARD_ONLY:
        return False
    return isinstance(error, AnswerTooLarge) or (error.status == 500 and failures >= STUBBORN)


async def read_around(
    source: Source, query: Query, position: str | None, size: int
) -> tuple[Page, RecordId | None, int]:
    """The beginning of the page at `position`, the id of the record that had to be passed over, and the size asked for.

    A page without rows that goes on after that record, when already the first one fails. Raises `ProviderError`.
    """
    while size > 1:
        size = max(size // 4, 1)
        try:
            return await _read(source, query, position, size), None, size
        except ProviderDown as error:
            if not isinstance(error, AnswerTooLarge) and error.status != 500:
                raise
    ids = await _read(source, query, position, 1, source.resource.id)
    found = source.ids.read(ids.body).ids
    if not found:
        return ids, None, size
    unreadable = _first_beyond(position, found)
    return Page(b"[]", ids.date_at, str(unreadable), ended=False, doubt=ids.doubt), unreadable, size


def _first_beyond(position: str | None, ids: Sequence[RecordId]) -> RecordId:
    """The record a page begins with, though the provider may repeat some before it or send more than was asked."""
    after = None if position is None else record_id(position)
    if after is None:
        return ids[0]
    return next((key for key in ids if isinstance(key, int) and isinstance(after, int) and key > after), ids[-1])


async def _read(source: Source, query: Query, position: str | None, size: int, fields: str | None = None) -> Page:
    """A page; an empty one that would end the reading is asked for again before it is believed."""
    for _ in range(2):
        page = await source.connection.read_page(
            source.resource,
            conditions=query.conditions,
            position=position,
            size=size,
            fields=fields,
            extra=query.extra,
        )
        if not page.ended:
            break
    return page
