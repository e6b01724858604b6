"""Which records are gone? Lists all ids, and asks for each that is missing by its id before saying so.

A delete is announced after the record was missing from two complete sweeps and answered 404 both times, while another
record could be read (design.md section 6). A sweep that would announce suspiciously many is held for a person.
"""

from __future__ import annotations

import msgspec

from tidings.core.cursor import PollCursor, Reading, ReadingKind
from tidings.core.errors import CredentialsRefused, RecordNotFound
from tidings.core.model import Change, EventType, Moment, RecordId, RecordWrite
from tidings.elements.pages import Paging
from tidings.engine.read import Turn, after, begin, came_short, read_twice_when_empty
from tidings.engine.source import NEVER, Source
from tidings.store.base import Store

HELD_AT = 10  #: a sweep that misses more than this many records anew …
HELD_SHARE = 0.1  #: … and more than this share of all is held
CONFIRMED_AT_ONCE = 20  #: reads by id in one turn, so that a due poll waits for no more
SECOND_LOOK = 60_000  #: a record missing for the first time is looked for again within a minute
EVIDENCE = "missing from two complete listings and answered 404 by id both times"


async def sweep_page(store: Store, lane_id: int, source: Source, cursor: PollCursor, now: Moment) -> Turn:
    """One turn of a sweep: a page of ids, or a few reads by id. Raises `ProviderError`; then nothing has changed.

    Only where the provider lists by ascending id, and that is the id records are known by: elsewhere a page does not
    say which ids it should hold.
    """
    if source.resource.paging is not Paging.FORWARD_ONLY or source.polled.id_field != source.resource.id_path:
        return Turn(msgspec.structs.replace(cursor, sweep_at=NEVER))
    cursor, reading = await begin(source, cursor, ReadingKind.SWEEP, now)
    if reading.listed:
        return await _confirm(store, lane_id, source, cursor, reading, now)
    page = await read_twice_when_empty(source, source.query(None, now), reading.position, source.resource.id)
    ids = source.ids.read(page.body).ids
    upto = max(ids, default=None, key=_order)
    live = await store.live_ids(lane_id, reading.last_id, None if page.ended else upto, reading.serial)
    seen = set(ids)
    reading = msgspec.structs.replace(
        reading,
        pages=reading.pages + 1,
        rows=reading.rows + len(ids),
        position=page.next,
        missing=reading.missing + tuple(key for key in live if key not in seen),
        last_id=upto if upto is not None else reading.last_id,
        control_id=ids[0] if ids and reading.control_id is None else reading.control_id,
        date_at=page.date_at if reading.date_at is None else reading.date_at,
    )
    if not page.ended:
        return Turn(msgspec.structs.replace(cursor, long=reading), reading=reading)
    return await _judge_listing(store, lane_id, source, cursor, reading, now)


async def _judge_listing(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment
) -> Turn:
    """All ids are listed: is the list whole, and is what it says plausible?"""
    replace = msgspec.structs.replace
    rest = replace(cursor, long=None, sweep_at=after(now, source.intervals.sweep))
    if not reading.missing or await came_short(source, reading, now):
        return Turn(rest, reading=reading, finished=True)
    # What a sweep has missed before was confirmed by its id then; the guard is about what is missing anew.
    states = await store.known(lane_id, reading.missing)
    anew = sum(not state.missing for state in states.values())
    suspicious = anew > HELD_AT and anew > HELD_SHARE * await store.live_count(lane_id)
    if suspicious and not (cursor.held and cursor.held_revision < source.instance.revision):
        held = replace(rest, held=anew, held_revision=source.instance.revision)
        return Turn(held, reading=reading, finished=True)
    return Turn(replace(cursor, long=replace(reading, listed=True, position=None)), reading=reading)


async def _confirm(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment
) -> Turn:
    """Ask for the next few missing records by id; a control read tells a deleted record from a lost permission."""
    if reading.control_id is not None and not await _is_there(source, reading.control_id):
        # Deleted meanwhile, or everything is: the next sweep looks again with another control.
        abandoned = msgspec.structs.replace(cursor, long=None, sweep_at=now + SECOND_LOOK)
        return Turn(abandoned, reading=reading, finished=True)
    batch, rest = reading.missing[:CONFIRMED_AT_ONCE], reading.missing[CONFIRMED_AT_ONCE:]
    known = await store.known(lane_id, batch)
    records: list[RecordWrite] = []
    changes: list[Change] = []
    first_missed = 0
    bodies = await store.snapshots(lane_id, batch)
    for key in batch:
        state = known.get(key)
        if state is None or state.gone:
            continue
        missing = 0 if await _is_there(source, key) else state.missing + 1
        gone = missing >= 2
        first_missed += missing == 1
        if missing != state.missing:
            rev = state.rev + gone
            write = RecordWrite(
                key, state.raw_hash, state.stamp_at, rev, int(gone), missing, state.generation, snapshot=None
            )
            records.append(write)
        if gone:
            changes.append(Change(EventType.DELETED, key, rev, now, bodies.get(key, b"{}"), evidence=EVIDENCE))
    reading = msgspec.structs.replace(
        reading, missing=rest, deleted=reading.deleted + len(changes), first_missed=reading.first_missed + first_missed
    )
    if rest:
        return Turn(msgspec.structs.replace(cursor, long=reading), records, changes, reading)
    interval = source.intervals.sweep or SECOND_LOOK
    sweep_at = now + (min(interval, SECOND_LOOK) if reading.first_missed else interval)
    done = msgspec.structs.replace(cursor, long=None, sweep_at=sweep_at, held=0, held_revision=0)
    return Turn(done, records, changes, reading, finished=True)


async def _is_there(source: Source, key: RecordId) -> bool:
    """Whether a record exists; one that we may not read does."""
    try:
        await source.connection.read_one(source.resource, key)
    except RecordNotFound:
        return False
    except CredentialsRefused:
        return True
    return True


def _order(key: RecordId) -> tuple[bool, RecordId]:
    return isinstance(key, str), key
