"""How does a reading begin, and where does its lane go on when it has ended?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tidings.core.cursor import (
    LONG,
    NEVER,
    WIDENED_BY,
    PollCursor,
    Reading,
    ReadingKind,
    advance,
    lower_bound,
    on_grid,
)
from tidings.core.errors import ProviderRefused
from tidings.core.model import Change, Moment, RecordWrite
from tidings.core.trail import Entry
from tidings.engine.filtercheck import filter_works, should_have_come
from tidings.engine.source import Source

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
    entry: Entry | None = None  #: of the lane's trail, where nothing was read


async def begin(source: Source, cursor: PollCursor, kind: ReadingKind, now: Moment) -> tuple[PollCursor, Reading]:
    """The cursor and the reading of `kind` in it, which is begun when it is not in progress."""
    slot = "long" if kind in LONG else "main"
    reading: Reading | None = getattr(cursor, slot)
    if reading is not None:
        return cursor, reading
    count = None
    if kind is ReadingKind.PROBE:
        newest, t0_at = await source.connection.newest_id(source.resource)
        # An account without a record yet has the highest id zero: whatever comes is new.
        high_id = 0 if newest is None else newest if isinstance(newest, int) else None
        cursor = msgspec.structs.replace(cursor, t0_at=t0_at, watched_at=t0_at, high_id=high_id)
    elif kind in (ReadingKind.BASELINE, ReadingKind.AUDIT, ReadingKind.SWEEP):
        count = await count_of(source, now)
    lower_at = lower_bound(cursor, kind, source.overlap, source.settle_window)
    reading = Reading(kind, lower_at=lower_at, started_at=now, count=count, serial=cursor.serial)
    return msgspec.structs.replace(cursor, **{slot: reading}), reading


async def finish(source: Source, cursor: PollCursor, reading: Reading, now: Moment) -> tuple[PollCursor, Reading]:
    """The cursor after a whole probe, baseline, poll or settle pass, and the reading as it is told in the log."""
    replace = msgspec.structs.replace
    phase = (source.instance.id * 2_654_435_761 + sum(source.polled.name.encode())) % source.intervals.poll
    poll_at = on_grid(now, source.intervals.poll, phase)
    cursor = replace(cursor, unreadable=reading.unreadable)
    if reading.kind is ReadingKind.PROBE:
        return replace(cursor, main=await _baseline(source, cursor, now)), reading
    if reading.kind is ReadingKind.BASELINE:
        if cursor.short < SHORT_LIMIT and await came_short(source, reading, now):
            return replace(cursor, short=cursor.short + 1, main=await _baseline(source, cursor, now)), reading
        works = await filter_works(source, reading.top_id, reading.top_at, now)
        reading = replace(reading, filter_off=works is False)
        baselined = replace(
            cursor,
            baselined=True,
            polled_at=now,
            current_at=reading.started_at,
            interval=source.intervals.poll,
            short=0,
            main=None,
            watermark_at=advance(cursor, reading),
            # Nothing is known of a filter while there is no record to try it with; the first one that comes tells.
            widened=not works if works is not None else cursor.widened or reading.top_id is None,
            unfiltered=cursor.unfiltered and works is not True,
            control_id=cursor.control_id if reading.top_id is not None else None,
            control_at=cursor.control_at if reading.top_id is not None else None,
            poll_at=poll_at,
            settle_at=after(now, source.intervals.settle),
            settled_at=reading.date_at,
            sweep_at=after(now, source.intervals.sweep),
            audit_at=after(now, source.intervals.audit),
        )
        return _with_control(baselined, reading), reading
    if reading.kind is ReadingKind.POLL:
        return await _finish_poll(source, cursor, reading, poll_at, now)
    settle_at = after(now, source.intervals.settle)
    return replace(cursor, long=None, settle_at=settle_at, settled_at=reading.date_at), reading


async def _finish_poll(
    source: Source, cursor: PollCursor, reading: Reading, poll_at: Moment, now: Moment
) -> tuple[PollCursor, Reading]:
    """The watermark moves, unless the record that set it should have come back and did not: then the filter does not
    mean what we sent (a time zone), and the next poll asks from further back, at once; where it does so already, and
    another look brings nothing either, without a date."""
    replace = msgspec.structs.replace
    expected = (
        not cursor.unfiltered and cursor.control_id is not None and (cursor.control_at or 0) >= (reading.lower_at or 0)
    )
    expected = expected and not reading.control_seen and cursor.control_id not in reading.unreadable
    control = (cursor.control_id, cursor.control_at, reading.lower_at or 0, reading.date_at or 0)
    if expected and await should_have_come(source, *control, now):
        reading = replace(reading, filter_off=True)
        if not cursor.widened:
            return replace(cursor, main=None, poll_at=now, widened=True), reading
        again = await filter_works(source, cursor.control_id, cursor.control_at, now, earlier=WIDENED_BY)
        given_up = again is False
        return replace(cursor, main=None, poll_at=now if given_up else poll_at, unfiltered=given_up), reading
    widened, unfiltered = cursor.widened, cursor.unfiltered
    if cursor.control_id is None and reading.top_id is not None:
        works = await filter_works(source, reading.top_id, reading.top_at, now)
        widened, unfiltered = works is False, unfiltered and works is not True
        reading = replace(reading, filter_off=widened)
    if unfiltered:
        reading = replace(reading, filter_off=True)
    moved = replace(
        cursor,
        main=None,
        watermark_at=advance(cursor, reading),
        polled_at=now,
        current_at=reading.started_at,
        interval=source.intervals.poll,
        poll_at=poll_at,
        widened=widened,
        unfiltered=unfiltered,
    )
    if cursor.unfiltered and source.intervals.settle is not None:
        # It has read all that a settle pass would.
        settle_at = max(after(now, source.intervals.settle), poll_at)
        moved = replace(moved, settle_at=settle_at, settled_at=reading.date_at)
    return _with_control(moved, reading), reading


def _with_control(cursor: PollCursor, reading: Reading) -> PollCursor:
    """The record with the greatest stamp is the next poll's control."""
    if reading.top_id is None or (cursor.control_at is not None and (reading.top_at or 0) < cursor.control_at):
        return cursor
    return msgspec.structs.replace(cursor, control_id=reading.top_id, control_at=reading.top_at)


async def _baseline(source: Source, cursor: PollCursor, now: Moment) -> Reading:
    count = await count_of(source, now)
    return Reading(ReadingKind.BASELINE, started_at=now, count=count, serial=cursor.serial)


async def count_of(source: Source, now: Moment, *, unfiltered: bool = False) -> int | None:
    """The provider's own count of all that the lane reads, or of what there is without the user's conditions; None
    where it does not count."""
    query = source.query(None, now)
    try:
        count, _ = await source.connection.count(source.resource, "" if unfiltered else query.conditions, query.extra)
    except ProviderRefused:
        return None
    return count


async def came_short(source: Source, reading: Reading, now: Moment) -> bool:
    """Whether a full reading saw fewer rows than the provider counted both before and after it."""
    count = await count_of(source, now, unfiltered=reading.unfiltered) if reading.count is not None else None
    return is_short(reading, count)


def is_short(reading: Reading, count: int | None) -> bool:
    """The same, where the provider has just counted so many."""
    return reading.rows + len(reading.unreadable) < counted_twice(reading, count)


def counted_twice(reading: Reading, count: int | None) -> int:
    """What the provider counted both before a full reading and, `count`, after it; 0 where it does not count."""
    return 0 if reading.count is None or count is None else min(reading.count, count)


def after(now: Moment, interval: int | None) -> Moment:
    return NEVER if interval is None else now + interval
