"""Does the provider's filter mean what we sent? Asks for one record that a list must bring, and should have brought.

A filter that reads dates in another time zone answers with fewer rows than there are, and with no error.
"""

from __future__ import annotations

import msgspec

from tidings.core import conditions
from tidings.core.ceqltree import Comparison, Kind, Literal
from tidings.core.cursor import WIDENED_BY, PollCursor
from tidings.core.errors import ProviderRefused, RecordNotFound
from tidings.core.model import Moment, RecordId
from tidings.engine.source import Query, Source

EDITED_LIMIT = 3  #: looks at a filter whose record is edited while we look
HOLLOW_LIMIT = 4  #: pages of a look; one record stands on the first page that is not empty

#: A stamp that nobody could read, of a record that is listed.
Listed = tuple[Moment | None]


async def filter_works(
    source: Source, key: RecordId | None, stamp_at: Moment | None, now: Moment, *, earlier: int = 0
) -> bool | None:
    """Whether a record comes back when everything from its own stamp on is asked for, or from so many milliseconds
    `earlier`; from its new stamp on where it was edited meanwhile. None where that cannot be told."""
    for _ in range(EDITED_LIMIT):
        if key is None or stamp_at is None:
            return None
        try:
            listed, asked_at = await _listed(source, source.query(stamp_at - earlier, now), key)
        except ProviderRefused:
            return None
        if listed is None:
            return False if await should_have_come(source, key, stamp_at, stamp_at, asked_at, now) else None
        if listed == (stamp_at,):
            return True
        (stamp_at,) = listed
    return None


async def tried_again(source: Source, cursor: PollCursor, now: Moment) -> PollCursor:
    """The cursor of a lane whose filter brought nothing back, after another try with the record that showed it."""
    control = (source, cursor.control_id, cursor.control_at, now)
    if not cursor.unfiltered:
        return cursor
    if await filter_works(*control):
        return msgspec.structs.replace(cursor, unfiltered=False, widened=False)
    if await filter_works(*control, earlier=WIDENED_BY):
        return msgspec.structs.replace(cursor, unfiltered=False, widened=True)
    return cursor


async def should_have_come(
    source: Source,
    key: RecordId | None,
    known_at: Moment | None,
    lower_at: Moment,
    asked_at: Moment,
    now: Moment,
) -> bool:
    """Whether a record that a list did not bring ought to have been there.

    Read by its id it bears a stamp for which it should: the one we know, or one between the bound that was sent and the
    moment at which the list was asked for. And it is listed when everything is asked for: neither has it left the
    user's conditions, nor do lists leave it out.
    """
    if key is None or source.polled.id_field != source.resource.id_path:
        return False
    stamp_at = await _stamp_of(source, key)
    if stamp_at is None or not (stamp_at == known_at or lower_at <= stamp_at < asked_at):
        return False
    try:
        listed, _ = await _listed(source, source.query(None, now), key)
    except ProviderRefused:
        return True
    return listed is not None


async def _listed(source: Source, query: Query, key: RecordId) -> tuple[Listed | None, Moment]:
    """The stamp of one record in the list of all that meet `query`, None when it is not there; and when that was by the
    provider's clock."""
    resource = source.resource
    literal = Literal(Kind.NUMBER if isinstance(key, int) else Kind.TEXT, str(key))
    by_id = conditions.translate(Comparison(source.polled.id_field, "=", literal), resource.field_types)
    wanted = f"({query.conditions}) and {by_id}" if query.conditions else by_id
    position, asked_at, ended = None, 0, False
    for _ in range(HOLLOW_LIMIT):
        page = await source.connection.read_page(
            resource, conditions=wanted, position=position, size=source.page_size, extra=query.extra
        )
        asked_at = page.date_at
        heads = source.heads.read(page.body)
        if key in heads.ids:
            return (source.read_stamp(heads.stamps[heads.ids.index(key)]),), asked_at
        if heads.ids or (page.ended and ended):
            break
        # An empty page is asked for again before it is believed.
        position, ended = (position, True) if page.ended else (page.next, False)
    return None, asked_at


async def _stamp_of(source: Source, key: RecordId) -> Moment | None:
    """The stamp of a record, read by its id; None where it cannot be read."""
    try:
        body = await source.connection.read_one(source.resource, key)
    except (RecordNotFound, ProviderRefused):
        return None
    return source.read_stamp(source.heads.read(b"[" + body + b"]").stamps[0])
