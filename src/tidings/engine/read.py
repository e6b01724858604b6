"""What does one page bring? Reads it, compares it with what is known, judges what differs.

The hot path: an unchanged record costs a hash and a look-up, and is never parsed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import xxhash

from tidings.core.cursor import LONG, PollCursor, Reading, ReadingKind, advance, lower_bound, on_grid
from tidings.core.detect import Rules, judge
from tidings.core.errors import ProviderRefused
from tidings.core.model import Change, EventType, Known, Moment, RecordId, RecordWrite, record_id
from tidings.elements.connection import Page
from tidings.elements.heads import Heads, split
from tidings.elements.pages import Paging
from tidings.engine.source import NEVER, Query, Source
from tidings.store.base import Store

SKEW_LIMIT = 3_600_000  #: a stamp further ahead of the provider's clock is a date in the future, not a skewed clock
SHORT_LIMIT = 3  #: full readings that come short are repeated this often before they are taken as they are


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a lane came to: the cursor after it, and what to commit with it.

    `finished` says that `reading` ended with this turn, `failed` that nothing was read.
    """

    cursor: PollCursor
    records: Sequence[RecordWrite] = ()
    changes: Sequence[Change] = ()
    reading: Reading | None = None
    finished: bool = False
    failed: bool = False


async def begin(source: Source, cursor: PollCursor, kind: ReadingKind, now: Moment) -> tuple[PollCursor, Reading]:
    """The cursor and the reading of `kind` in it, which is begun when it is not in progress."""
    slot = "long" if kind in LONG else "main"
    reading: Reading | None = getattr(cursor, slot)
    if reading is not None:
        return cursor, reading
    count = None
    if kind is ReadingKind.PROBE:
        newest, t0_at = await source.connection.newest_id(source.resource)
        high_id = newest if isinstance(newest, int) else None
        # An account without a record yet has the highest id zero: whatever comes is new.
        cursor = msgspec.structs.replace(cursor, t0_at=t0_at, high_id=0 if newest is None else high_id)
    elif kind in (ReadingKind.BASELINE, ReadingKind.AUDIT, ReadingKind.SWEEP):
        count = await count_of(source, now)
    lower_at = lower_bound(cursor, kind, source.overlap, source.settle_window)
    reading = Reading(kind, lower_at=lower_at, started_at=now, count=count, serial=cursor.serial)
    return msgspec.structs.replace(cursor, **{slot: reading}), reading


async def read_twice_when_empty(source: Source, query: Query, position: str | None, fields: str | None = None) -> Page:
    """The page at `position`; an empty one that would end the reading is asked for again before it is believed."""
    page = await source.pages.read(query.conditions, position, source.page_size, fields, query.extra)
    if not page.ended:
        return page
    return await source.pages.read(query.conditions, position, source.page_size, fields, query.extra)


async def read_page(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, kind: ReadingKind, now: Moment
) -> Turn:
    """One turn of a probe, baseline, poll, settle pass or audit. Raises `ProviderError`; then nothing has changed."""
    cursor, reading = await begin(source, cursor, kind, now)
    query = source.query(reading.lower_at, now)
    page = await read_twice_when_empty(source, query, reading.position)
    reading = msgspec.structs.replace(
        reading, date_at=page.date_at if reading.date_at is None else reading.date_at, pages=reading.pages + 1
    )
    raws = split(page.body)
    hashes = list(map(xxhash.xxh3_128_digest, raws))
    rules = source.rules(cursor, reading, page.date_at)
    unchanged = await stamps_when_unchanged(store, lane_id, source, reading, page, hashes, rules)
    if unchanged is not None:
        reading = msgspec.structs.replace(_counted(reading, len(hashes), unchanged, 0, ()), position=page.next)
        return Turn(_put(_with_skew(cursor, reading, unchanged), reading), reading=reading)
    heads = source.heads.read(page.body, raws)
    known = await store.known(lane_id, heads.ids)
    latest_at = reading.date_at if source.polled.filter_by_current_date else None
    different, stamps, outside = screen(source, heads, hashes, known, rules, query.earliest_at, latest_at)
    olds = await store.snapshots(lane_id, [key for key in different if key in known])
    records: list[RecordWrite] = []
    changes: list[Change] = []
    for key, position in different.items():
        row = source.row(heads, position, hashes[position])
        write, change = judge(row, known.get(key), olds.get(key), rules)
        records.append(write)
        if change is not None:
            changes.append(change)
    reading = _counted(reading, len(heads), stamps, outside, changes)
    cursor = _with_skew(cursor, reading, stamps)
    if not page.ended:
        reading = msgspec.structs.replace(reading, position=page.next)
        return Turn(_put(cursor, reading), records, changes, reading)
    return Turn(await _finish(source, cursor, reading, now), records, changes, reading, finished=True)


async def stamps_when_unchanged(
    store: Store, lane_id: int, source: Source, reading: Reading, page: Page, hashes: Sequence[bytes], rules: Rules
) -> list[Moment] | None:
    """The stamps of a page that is, byte for byte, as it was read before; None when it is not, or may not be.

    Where everything is read again in the order of ids, the records between two positions are those of the page, and
    what they are need not be read.
    """
    again = reading.lower_at is None and reading.kind is not ReadingKind.BASELINE
    in_order = source.resource.paging is Paging.FORWARD_ONLY and not page.ended
    if not again or not in_order or source.polled.filter_by_current_date:
        return None
    after, upto = (None if position is None else record_id(position) for position in (reading.position, page.next))
    known = await store.hashes(lane_id, after, upto, rules.generation, 2 * len(hashes))
    if not known.keys() >= set(hashes):
        return None
    return [stamp for each in hashes if (stamp := known[each]) is not None]


def screen(
    source: Source,
    heads: Heads,
    hashes: Sequence[bytes],
    known: Mapping[RecordId, Known],
    rules: Rules,
    earliest_at: Moment | None,
    latest_at: Moment | None = None,
) -> tuple[dict[RecordId, int], list[Moment], int]:
    """The rows to judge, by id with their position; the stamps of all rows; how many do not fit the filter we sent.

    Of a record that the page repeats the last row counts. An unknown row that does not fit the filter is left out: the
    provider has dropped the filter, and the row is none of ours to announce. A row stamped after `latest_at` is left to
    the next poll, which asks for it again (`filterByCurrentDate`).
    """
    different: dict[RecordId, int] = {}
    stamps: list[Moment] = []
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
        if stamp is None:
            continue
        stamps.append(stamp)
        if latest_at is not None and stamp > latest_at:
            different.pop(key, None)
        if check and earliest_at is not None and stamp < earliest_at:
            outside += 1
            if state is None:
                different.pop(key, None)
    return different, stamps, outside


def _counted(reading: Reading, rows: int, stamps: Sequence[Moment], outside: int, changes: Sequence[Change]) -> Reading:
    limit = reading.date_at if reading.date_at is not None else NEVER
    top = max((stamp for stamp in stamps if stamp <= limit), default=reading.top_at)
    kinds = [change.type for change in changes]
    return msgspec.structs.replace(
        reading,
        rows=reading.rows + rows,
        outside=reading.outside + outside,
        top_at=top if reading.top_at is None or top is None else max(top, reading.top_at),
        created=reading.created + kinds.count(EventType.CREATED),
        updated=reading.updated + kinds.count(EventType.UPDATED),
        deleted=reading.deleted + kinds.count(EventType.DELETED),
    )


def _with_skew(cursor: PollCursor, reading: Reading, stamps: Sequence[Moment]) -> PollCursor:
    date_at = reading.date_at
    if date_at is None:
        return cursor
    ahead = max((stamp - date_at for stamp in stamps if 0 < stamp - date_at <= SKEW_LIMIT), default=0)
    # While a reading goes on the provider's clock does too, so only what its first page shows is skew.
    if reading.pages > 1 or ahead <= cursor.skew:
        return cursor
    return msgspec.structs.replace(cursor, skew=ahead)


def _put(cursor: PollCursor, reading: Reading) -> PollCursor:
    slot = "long" if reading.kind in LONG else "main"
    return msgspec.structs.replace(cursor, **{slot: reading})


async def _finish(source: Source, cursor: PollCursor, reading: Reading, now: Moment) -> PollCursor:
    """The cursor after a whole reading."""
    replace = msgspec.structs.replace
    phase = (source.instance.id * 2_654_435_761 + sum(source.polled.name.encode())) % source.intervals.poll
    poll_at = on_grid(now, source.intervals.poll, phase)
    if reading.kind is ReadingKind.PROBE:
        return replace(cursor, main=await _baseline(source, cursor, now))
    if reading.kind is ReadingKind.BASELINE:
        if cursor.short < SHORT_LIMIT and await came_short(source, reading, now):
            return replace(cursor, short=cursor.short + 1, main=await _baseline(source, cursor, now))
        return replace(
            cursor,
            baselined=True,
            short=0,
            main=None,
            watermark_at=advance(cursor, reading),
            poll_at=poll_at,
            settle_at=after(now, source.intervals.settle),
            sweep_at=after(now, source.intervals.sweep),
            audit_at=after(now, source.intervals.audit),
        )
    if reading.kind is ReadingKind.POLL:
        return replace(cursor, main=None, watermark_at=advance(cursor, reading), poll_at=poll_at)
    if reading.kind is ReadingKind.SETTLE:
        return replace(cursor, long=None, settle_at=after(now, source.intervals.settle))
    return replace(cursor, long=None, audit_at=after(now, source.intervals.audit))


async def _baseline(source: Source, cursor: PollCursor, now: Moment) -> Reading:
    count = await count_of(source, now)
    return Reading(ReadingKind.BASELINE, started_at=now, count=count, serial=cursor.serial)


async def count_of(source: Source, now: Moment) -> int | None:
    """The provider's own count of all that the lane reads; None where it does not count."""
    try:
        count, _ = await source.connection.count(source.resource, source.query(None, now).conditions)
    except ProviderRefused:
        return None
    return count


async def came_short(source: Source, reading: Reading, now: Moment) -> bool:
    """Whether a full reading saw fewer rows than the provider counted both before and after it."""
    count = await count_of(source, now) if reading.count is not None else None
    return count is not None and reading.rows < min(count, reading.count or 0)


def after(now: Moment, interval: int | None) -> Moment:
    return NEVER if interval is None else now + interval
