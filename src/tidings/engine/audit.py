"""What is the course of an audit? Everything is read, what was missed is announced, and the figure is drawn.

Changes whose stamps have moved, and unknown records, are announced page by page. Known records that changed with
unmoved stamps are only counted at first, because a provider that adds a member to every record changes all of them at
once: when all is listed, a second part reads just their pages again and announces them, or too many are held for a
person. In between, what we hold as existing and the list did not bring is asked for by id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tidings.core.completeness import SHOWN, is_flood
from tidings.core.cursor import PollCursor, Reading, ReadingKind, Stretch, Unmoved, lower_bound
from tidings.core.detect import is_unmoved
from tidings.core.errors import ProviderRefused
from tidings.core.model import Change, Known, Moment, RecordId, RecordWrite, record_id
from tidings.core.trail import Verdict
from tidings.elements.connection import Page
from tidings.elements.pages import Paging, reached
from tidings.engine.filtercheck import tried_again
from tidings.engine.source import Source
from tidings.engine.turn import SHORT_LIMIT, Turn, after, count_of, counted_twice, is_short
from tidings.store.base import Store

REMEMBERED = 50_000  #: ids that an audit keeps: those seen where pages do not follow the ids, and those missing
ASKED_AT_ONCE = 100  #: ids in one request, so that its address stays short
REQUESTS_AT_ONCE = 10  #: such requests in one turn, so that a due poll waits for no more
EVERY_SERIAL = 2**62

_replace = msgspec.structs.replace


def is_listed(reading: Reading) -> bool:
    """Whether an audit has read everything and now asks for what was missing."""
    return reading.kind is ReadingKind.AUDIT and reading.listed and reading.weighed is None


def is_missed(source: Source, cursor: PollCursor, stamp_at: Moment | None) -> bool:
    """Whether a change with this stamp is one that no poll or settle pass would bring any more; what they have only not
    come to yet, because an audit reads while people work, is not missed."""
    kinds = [ReadingKind.POLL, *([ReadingKind.SETTLE] if source.intervals.settle is not None else [])]
    bounds = [lower_bound(cursor, kind, source.overlap, source.settle_window) for kind in kinds]
    return stamp_at is None or all(bound is not None and stamp_at < bound for bound in bounds)


def weighed(
    source: Source,
    cursor: PollCursor,
    reading: Reading,
    page: Page,
    known: Mapping[RecordId, Known],
    records: Sequence[RecordWrite],
    changes: Sequence[Change],
) -> tuple[Reading, list[RecordWrite], list[Change]]:
    """The reading after the changes of `page`, the one at its position, and what to write and announce of them."""
    changed = {change.record_id for change in changes}
    unmoved = {
        write.id: known[write.id] for write in records if write.id in changed and is_unmoved(write, known.get(write.id))
    }
    if not unmoved or cursor.unmoved_next is Unmoved.ANNOUNCE:
        return reading, list(records), list(changes)
    announced = [change for change in changes if change.record_id not in unmoved]
    if cursor.unmoved_next is Unmoved.LEARN:
        # As under another generation: what is stored is new, the revision that was announced is not.
        source.trace.mark(unmoved, Verdict.TAKEN_OVER)
        learned = [each._replace(rev=unmoved[each.id].rev) if each.id in unmoved else each for each in records]
        return reading, learned, announced
    counted = _replace(
        reading,
        unmoved=reading.unmoved + len(unmoved),
        unmoved_ids=(*reading.unmoved_ids, *unmoved)[:SHOWN],
    )
    if reading.weighed is None:
        counted = _replace(counted, again=_longer(reading.again, reading.position, page.next))
    elif not is_flood(counted.unmoved, reading.weighed):
        return counted, list(records), list(changes)
    source.trace.mark(unmoved, Verdict.UNMOVED)
    return counted, [write for write in records if write.id not in unmoved], announced


def _longer(again: tuple[Stretch, ...], start: str | None, stop: str | None) -> tuple[Stretch, ...]:
    if again and again[-1].stop == start:
        return (*again[:-1], Stretch(again[-1].start, stop))
    return (*again, Stretch(start, stop))


async def missing_unless_whole(
    store: Store, lane_id: int, source: Source, reading: Reading, page: Page, raws: Sequence[object]
) -> Reading:
    """`with_missing` for a page whose records are all known and as they were; most often nothing is missing there."""
    if _by_ranges(source):
        upto = record_id(page.next) if page.next is not None else None
        live = await store.live_ids(lane_id, reading.last_id, upto, EVERY_SERIAL)
        if len(live) == len(raws):
            return _replace(reading, last_id=upto)
    return await with_missing(store, lane_id, source, reading, page, source.heads.read(page.body).ids)


async def with_missing(
    store: Store, lane_id: int, source: Source, reading: Reading, page: Page, ids: Sequence[RecordId]
) -> Reading:
    """The reading with the known records that should have stood on its page and do not, or with the page's ids where a
    page does not say which it should hold."""
    if reading.listed or reading.blind:
        return reading
    if not _by_ranges(source):
        seen = (*reading.seen, *ids)
        return _replace(reading, seen=seen) if len(seen) <= REMEMBERED else _blinded(reading)
    if not ids and not page.ended:
        return reading  # an empty page in the middle says nothing
    upto = record_id(page.next) if page.next is not None else None
    live = await store.live_ids(lane_id, reading.last_id, upto, reading.serial)
    shown = set(ids)
    missing = (*reading.missing, *(key for key in live if key not in shown))
    if len(missing) > REMEMBERED:
        return _blinded(reading)
    return _replace(reading, missing=missing, last_id=upto)


def _by_ranges(source: Source) -> bool:
    """Whether a page holds all records between two ids."""
    return source.resource.paging is Paging.FORWARD_ONLY and source.polled.id_field == source.resource.id_path


def _blinded(reading: Reading) -> Reading:
    return _replace(reading, blind=True, seen=(), missing=(), phantom=())


async def go_on(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, page: Page, now: Moment
) -> Turn:
    """Where the audit stands after `page`."""
    if reading.weighed is not None:
        # What is read once more is not compared twice.
        return await _second_part(source, cursor, _replace(reading, rows=reading.compared), page, now)
    if not page.ended:
        return _turn(cursor, _replace(reading, position=page.next))
    count = None if reading.count is None else await count_of(source, now)
    short, least = is_short(reading, count), counted_twice(reading, count)
    if short and cursor.short < SHORT_LIMIT:
        begun_anew = Reading(
            ReadingKind.AUDIT,
            started_at=reading.started_at,
            count=count,
            serial=cursor.serial,
            created=reading.created,
            updated=reading.updated,
            deleted=reading.deleted,
            missed=reading.missed,
        )
        return Turn(_replace(cursor, short=cursor.short + 1, long=begun_anew), reading=reading, finished=True)
    if short:
        reading = _blinded(reading)
    elif not _by_ranges(source) and not reading.blind:
        seen = set(reading.seen)
        live = await store.live_ids(lane_id, None, None, reading.serial)
        reading = _replace(reading, missing=tuple(key for key in live if key not in seen))
    if not reading.rows and not least:
        least = await store.live_count(lane_id)  # of nothing that was compared nothing is proved
    reading = _replace(
        reading,
        listed=True,
        seen=(),
        missing=tuple(key for key in reading.missing if key not in reading.unreadable),
        compared=reading.rows,
        counted=least if reading.rows < least else None,
    )
    if reading.missing:
        return _turn(cursor, reading)
    return await _weigh(store, lane_id, source, cursor, reading, now)


async def look_for_missing(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment
) -> Turn:
    """Ask for the next few missing records by their ids, without the user's conditions: one that only left those is no
    phantom. Raises `ProviderError`; then nothing has changed."""
    missing, phantom = reading.missing, reading.phantom
    asked: tuple[RecordId, ...] = ()
    try:
        for _ in range(REQUESTS_AT_ONCE):
            if not asked:
                asked, missing = _split(missing, min(ASKED_AT_ONCE, source.page_size))
            if not asked:
                break
            numbers = [key for key in asked if isinstance(key, int)]
            alive = set(await _listed_by_id(source, numbers)) if numbers else set()
            left = tuple(key for key in asked if key not in alive)
            # A provider may cap its pages without a word: who was not shown is asked for again, until nobody is shown.
            phantom, asked = (phantom, left) if len(left) < len(asked) else (phantom + left, ())
        reading = _replace(reading, missing=asked + missing, phantom=phantom)
    except ProviderRefused:
        # It cannot be asked so: then only where there are no other conditions to leave, the missing are gone.
        narrows = source.query(None, now).narrows
        reading = (
            _blinded(reading) if narrows else _replace(reading, missing=(), phantom=reading.phantom + reading.missing)
        )
    if reading.missing:
        return _turn(cursor, reading)
    return await _weigh(store, lane_id, source, cursor, reading, now)


async def _listed_by_id(source: Source, ids: Sequence[int]) -> Sequence[RecordId]:
    name = source.resource.id.replace(".", "/")
    page = await source.connection.read_page(
        source.resource,
        conditions=f"{name} in ({','.join(map(str, ids))})",
        position=None,
        size=source.page_size,
        fields=name,
    )
    return source.ids.read(page.body).ids


def _split(ids: tuple[RecordId, ...], size: int) -> tuple[tuple[RecordId, ...], tuple[RecordId, ...]]:
    return ids[:size], ids[size:]


async def _weigh(store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment) -> Turn:
    """May what changed with unmoved stamps be announced?"""
    if not reading.unmoved:
        return await _done(source, cursor, reading, now)
    known = await store.live_count(lane_id)
    if is_flood(reading.unmoved, known):
        return await _done(source, cursor, reading, now)
    first = reading.again[0]
    return _turn(cursor, _replace(reading, weighed=known, unmoved=0, unmoved_ids=(), position=first.start))


async def _second_part(source: Source, cursor: PollCursor, reading: Reading, page: Page, now: Moment) -> Turn:
    """Where the second part stands after `page`; it ends early when the provider has begun to change everything."""
    if is_flood(reading.unmoved, reading.weighed or 0):
        return await _done(source, cursor, reading, now)
    stop = reading.again[0].stop
    if (
        not page.ended
        and page.next is not None
        and (stop is None or not reached(source.resource.paging, page.next, stop))
    ):
        return _turn(cursor, _replace(reading, position=page.next))
    again = reading.again[1:]
    if again:
        return _turn(cursor, _replace(reading, again=again, position=again[0].start))
    return await _done(source, cursor, _replace(reading, unmoved=0, unmoved_ids=()), now)


def _turn(cursor: PollCursor, reading: Reading) -> Turn:
    return Turn(_replace(cursor, long=reading), reading=reading)


async def _done(source: Source, cursor: PollCursor, reading: Reading, now: Moment) -> Turn:
    """The figure is drawn; what `reading` still counts as unmoved is held."""
    phantom = None if reading.blind else len(reading.phantom)
    sweep_now = bool(phantom) and source.intervals.sweep is not None
    ended = _replace(
        cursor,
        long=None,
        short=0,
        unreadable=tuple(dict.fromkeys(reading.unreadable)),
        audit_at=after(now, source.intervals.audit),
        audited_at=now,
        audited=reading.compared,
        audit_missed=reading.missed,
        audit_phantom=phantom,
        audit_counted=reading.counted,
        audit_asked=False,
        sweep_at=min(cursor.sweep_at, now) if sweep_now else cursor.sweep_at,
        unmoved=reading.unmoved,
        unmoved_at=(cursor.unmoved_at or now) if reading.unmoved else 0,
        unmoved_ids=reading.unmoved_ids,
        unmoved_next=Unmoved.WEIGH,
    )
    return Turn(await tried_again(source, ended, now), reading=reading, finished=True)
