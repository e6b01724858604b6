"""What does one page bring? Reads it, compares it with what is known, judges what differs.

The hot path: an unchanged record costs a hash and a look-up, and is never parsed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import xxhash

from tidings.core.cursor import LONG, NEVER, PollCursor, Reading, ReadingKind
from tidings.core.detect import Rules, judge
from tidings.core.errors import AnswerTooLarge, ProviderDown
from tidings.core.model import Change, EventType, Known, Moment, RecordId, RecordWrite, record_id
from tidings.core.trail import Verdict
from tidings.elements.connection import Page
from tidings.elements.heads import Heads, split
from tidings.elements.pages import Paging
from tidings.engine import audit
from tidings.engine.around import STUBBORN, may_read_around, read_around
from tidings.engine.source import Query, Source
from tidings.engine.turn import Turn, begin, finish
from tidings.store.base import Store

SKEW_LIMIT = 3_600_000  #: a stamp further ahead of the provider's clock is a date in the future, not a skewed clock


async def read_twice_when_empty(
    source: Source, query: Query, position: str | None, fields: str | None = None, *, size: int
) -> Page:
    """The page at `position`; an empty one that would end the reading is asked for again before it is believed."""
    page = await source.pages.read(query.conditions, position, size, fields, query.extra)
    if not page.ended:
        return page
    return await source.pages.read(query.conditions, position, size, fields, query.extra)


async def read_page(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, kind: ReadingKind, now: Moment, failures: int = 0
) -> Turn:
    """One turn of a probe, baseline, poll, settle pass or audit (its course: `engine/audit.py`).

    Raises `ProviderError`; then nothing has changed.

    `failures` counts the tries of this reading that failed in a row.
    """
    cursor, reading = await begin(source, cursor, kind, now)
    if audit.is_listed(reading):
        return await audit.look_for_missing(store, lane_id, source, cursor, reading, now)
    query = source.query(reading.lower_at, now)
    size = min(source.page_size, cursor.size_cap or source.page_size)
    try:
        page = await read_twice_when_empty(source, query, reading.position, size=size)
    except ProviderDown as error:
        if not may_read_around(source, error, STUBBORN if cursor.unreadable else failures):
            raise
        page, unreadable, size = await read_around(source, query, reading.position, size)
        if unreadable is not None:
            reading = msgspec.structs.replace(reading, unreadable=(*reading.unreadable, unreadable))
            source.trace.mark([unreadable], Verdict.UNREADABLE)
        elif isinstance(error, AnswerTooLarge):
            cursor = msgspec.structs.replace(cursor, size_cap=size)
    reading = msgspec.structs.replace(
        reading,
        date_at=page.date_at if reading.date_at is None else reading.date_at,
        doubt=page.doubt if reading.date_at is None else reading.doubt,
        pages=reading.pages + 1,
    )
    source.trace.asked(query.earliest_at, page.date_at)
    raws = split(page.body)
    hashes = list(map(xxhash.xxh3_128_digest, raws))
    rules = source.rules(cursor, reading, page.date_at + page.doubt)
    unchanged = await stamps_when_unchanged(store, lane_id, source, reading, page, hashes, rules)
    if unchanged is not None:
        reading = _counted(reading, (), unchanged, 0, ())
        if kind is ReadingKind.AUDIT:
            reading = await audit.missing_unless_whole(store, lane_id, source, reading, page, raws)
        reading = msgspec.structs.replace(reading, position=page.next)
        return Turn(_put(_with_skew(cursor, reading, unchanged), reading), reading=reading)
    heads = source.heads.read(page.body, raws)
    known = await store.known(lane_id, heads.ids)
    latest_at = (reading.date_at or 0) + reading.doubt if source.polled.filter_by_current_date else None
    different, stamps, outside = screen(source, heads, hashes, known, rules, query.earliest_at, latest_at)
    source.trace.saw(heads.ids, outside=outside)
    if outside or latest_at is not None:
        note_left_out(source, heads, hashes, known, different, stamps, latest_at)
    olds = await store.snapshots(lane_id, [key for key in different if key in known])
    records: list[RecordWrite] = []
    changes: list[Change] = []
    for key, position in different.items():
        row = source.row(heads, position, hashes[position])
        write, change = judge(row, known.get(key), olds.get(key), rules)
        records.append(write)
        source.trace.judged(key, known.get(key), write, change)
        if change is not None:
            missed = kind is ReadingKind.AUDIT and audit.is_missed(source, cursor, row.stamp_at)
            changes.append(replace(change, cause="audit") if missed else change)
    if kind is ReadingKind.AUDIT:
        reading, records, changes = audit.weighed(source, cursor, reading, page, known, records, changes)
    reading = _counted(reading, heads.ids, stamps, outside, changes)
    if cursor.control_id is not None and cursor.control_id in heads.ids:
        reading = msgspec.structs.replace(reading, control_seen=True)
    cursor = _with_skew(cursor, reading, stamps)
    if kind is ReadingKind.AUDIT:
        reading = await audit.with_missing(store, lane_id, source, reading, page, heads.ids)
        return replace(
            await audit.go_on(store, lane_id, source, cursor, reading, page, now), records=records, changes=changes
        )
    if not page.ended:
        reading = msgspec.structs.replace(reading, position=page.next)
        return Turn(_put(cursor, reading), records, changes, reading)
    cursor, reading = await finish(source, cursor, reading, now)
    return Turn(cursor, records, changes, reading, finished=True)


async def stamps_when_unchanged(
    store: Store, lane_id: int, source: Source, reading: Reading, page: Page, hashes: Sequence[bytes], rules: Rules
) -> list[Moment | None] | None:
    """The stamps of a page that is, byte for byte, as it was read before; None when it is not, or may not be.

    Where everything is read again in the order of ids, the records between two positions are those of the page, and
    what they are need not be read.
    """
    again = reading.lower_at is None and reading.kind is not ReadingKind.BASELINE and not reading.listed
    in_order = source.resource.paging is Paging.FORWARD_ONLY and not page.ended
    if not again or not in_order or source.polled.filter_by_current_date:
        return None
    after, upto = (None if position is None else record_id(position) for position in (reading.position, page.next))
    known = await store.hashes(lane_id, after, upto, rules.generation, 2 * len(hashes))
    if not known.keys() >= set(hashes):
        return None
    source.trace.saw([known[each][1] for each in hashes])
    return [known[each][0] for each in hashes]


def screen(
    source: Source,
    heads: Heads,
    hashes: Sequence[bytes],
    known: Mapping[RecordId, Known],
    rules: Rules,
    earliest_at: Moment | None,
    latest_at: Moment | None = None,
) -> tuple[dict[RecordId, int], list[Moment | None], int]:
    """The rows to judge, by id with their position; each row's stamp; how many do not fit the filter we sent.

    Of a record that the page repeats the last row counts. An unknown row that does not fit the filter is left out: the
    provider has dropped the filter, and the row is none of ours to announce. A row stamped after `latest_at` is left to
    the next poll, which asks for it again (`filterByCurrentDate`).
    """
    different: dict[RecordId, int] = {}
    stamps: list[Moment | None] = []
    outside = 0
    generation, deleted, check = rules.generation, heads.deleted, source.polled.filter_by_updated_date
    for position, key in enumerate(heads.ids):
        state = known.get(key)
        if (
            state is not None
            and state[0] == hashes[position]
            and state[5] == generation
            and not state[4]
            and (not state[3] or deleted[position])
        ):
            stamp = state[1]
        else:
            stamp = source.read_stamp(heads.stamps[position])
            different[key] = position
        stamps.append(stamp)
        if stamp is None:
            continue
        if latest_at is not None and stamp > latest_at:
            different.pop(key, None)
        if check and earliest_at is not None and stamp < earliest_at:
            outside += 1
            if state is None:
                different.pop(key, None)
    return different, stamps, outside


def note_left_out(
    source: Source,
    heads: Heads,
    hashes: Sequence[bytes],
    known: Mapping[RecordId, Known],
    different: Mapping[RecordId, int],
    stamps: Sequence[Moment | None],
    latest_at: Moment | None,
) -> None:
    """Leave in the trail which rows were not judged, though they differ."""
    for key, raw_hash, stamp in zip(heads.ids, hashes, stamps, strict=True):
        if key in different or (key in known and known[key].raw_hash == raw_hash):
            continue
        late = latest_at is not None and stamp is not None and stamp > latest_at
        source.trace.mark([key], Verdict.LEFT if late else Verdict.OUTSIDE)


def _counted(
    reading: Reading,
    ids: Sequence[RecordId],
    stamps: Sequence[Moment | None],
    outside: int,
    changes: Sequence[Change],
) -> Reading:
    """The reading with one more page; `ids` are those of `stamps`, or none where nobody looked at them."""
    limit = reading.date_at if reading.date_at is not None else NEVER
    top_at = max((stamp for stamp in stamps if stamp is not None and stamp <= limit), default=None)
    top = {}
    if top_at is not None and (reading.top_at is None or top_at >= reading.top_at):
        top = {"top_at": top_at, "top_id": ids[stamps.index(top_at)] if ids else None}
    kinds = [change.type for change in changes]
    return msgspec.structs.replace(
        reading,
        rows=reading.rows + len(stamps),
        outside=reading.outside + outside,
        created=reading.created + kinds.count(EventType.CREATED),
        updated=reading.updated + kinds.count(EventType.UPDATED),
        deleted=reading.deleted + kinds.count(EventType.DELETED),
        missed=reading.missed + sum(change.cause is not None for change in changes),
        **top,
    )


def _with_skew(cursor: PollCursor, reading: Reading, stamps: Sequence[Moment | None]) -> PollCursor:
    date_at = reading.date_at
    if date_at is None or reading.doubt:
        return cursor  # without the provider's clock there is nothing to be ahead of
    ahead = max((s - date_at for s in stamps if s is not None and 0 < s - date_at <= SKEW_LIMIT), default=0)
    # While a reading goes on the provider's clock does too, so only what its first page shows is skew.
    if reading.pages > 1 or ahead <= cursor.skew:
        return cursor
    return msgspec.structs.replace(cursor, skew=ahead)


def _put(cursor: PollCursor, reading: Reading) -> PollCursor:
    slot = "long" if reading.kind in LONG else "main"
    return msgspec.structs.replace(cursor, **{slot: reading})
