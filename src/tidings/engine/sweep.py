"""Which records are gone? Lists all ids, and asks for each that is missing by its id before saying so.

A delete is announced after the record was missing from two complete sweeps and answered 404 both times, while another
record could be read (design.md section 6). A sweep that would announce suspiciously many is held for a person.

All ids of the resource are listed, not only those that meet the user's conditions: a record that leaves a filter such
as `status != Closed` is not missing. Where that would be far more than what we know, the conditions are sent; then a
record that is alive and not listed has left the filter, and is out of view until it is listed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import xxhash

from tidings.core.completeness import HELD_AT, SHOWN, is_flood
from tidings.core.cursor import NEVER, PollCursor, Reading
from tidings.core.detect import judge
from tidings.core.errors import CredentialsRefused, RecordNotFound
from tidings.core.model import Change, EventType, Known, Moment, RecordId, RecordWrite
from tidings.core.trail import Verdict
from tidings.engine.listing import REMEMBERED, begin_listing, by_number, is_in_order, list_ids
from tidings.engine.source import Source, is_flagged
from tidings.engine.turn import Turn, after, came_short
from tidings.store.base import Store

CONFIRMED_AT_ONCE = 20  #: reads by id in one turn, so that a due poll waits for no more
SECOND_LOOK = 60_000  #: a record missing for the first time is looked for again within a minute
EVIDENCE = "missing from two complete listings and answered 404 by id both times"
OUT_OF_VIEW = -1  #: `missing` of a record that is alive and has left the user's conditions
UNLISTED = -2  #: … of one that is alive and in no list at all


async def sweep_page(store: Store, lane_id: int, source: Source, cursor: PollCursor, now: Moment) -> Turn:
    """One turn of a sweep: a page of ids, or a few reads by id. Raises `ProviderError`; then nothing has changed.

    Not where records are known by another id than the resource's own.
    """
    if source.polled.id_field != source.resource.id_path:
        return Turn(msgspec.structs.replace(cursor, sweep_at=NEVER))
    cursor, reading = await begin_listing(store, lane_id, source, cursor, now)
    if reading.listed:
        return await _confirm(store, lane_id, source, cursor, reading, now)
    page = await list_ids(source, reading, now)
    if page is None:
        return Turn(msgspec.structs.replace(cursor, long=by_number(reading)), reading=reading)
    heads = source.ids.read(page.body)
    ids = heads.ids
    source.trace.asked(None, page.date_at)
    source.trace.saw(ids, Verdict.LISTED)
    flagged = [key for key, value in zip(ids, heads.deleted, strict=True) if is_flagged(value)]
    looked_up = ids if cursor.missed_once or reading.unfiltered else flagged
    states = await store.known(lane_id, looked_up) if looked_up else {}
    reading = msgspec.structs.replace(
        reading,
        pages=reading.pages + 1,
        rows=reading.rows + len(ids),
        position=page.next,
        control_id=ids[0] if ids and reading.control_id is None else reading.control_id,
        date_at=page.date_at if reading.date_at is None else reading.date_at,
        returned=reading.returned + _newly_flagged(flagged, states),
    )
    if is_in_order(source, reading):
        reading = await _compare(store, lane_id, reading, ids, ended=page.ended)
    else:
        reading = msgspec.structs.replace(reading, seen=(*reading.seen, *ids))
        if len(reading.seen) > REMEMBERED:
            return Turn(msgspec.structs.replace(cursor, long=None, sweep_at=NEVER), reading=reading, finished=True)
        if page.ended:
            reading = await _compare(store, lane_id, reading, reading.seen, ended=True)
    found = _found_again(states, unfiltered=reading.unfiltered)
    source.trace.mark([each.id for each in found], Verdict.FOUND_AGAIN)
    if not page.ended:
        return Turn(msgspec.structs.replace(cursor, long=reading), found, reading=reading)
    turn = await _judge_listing(store, lane_id, source, cursor, reading, now)
    return Turn(turn.cursor, found, reading=turn.reading, finished=turn.finished)


def _newly_flagged(flagged: Sequence[RecordId], states: Mapping[RecordId, Known]) -> tuple[RecordId, ...]:
    """Listed records in view that bear the soft-delete flag and are not known to be gone."""
    known = (key for key in flagged if key in states)
    return tuple(key for key in known if not states[key].gone and states[key].missing != OUT_OF_VIEW)


def _found_again(states: Mapping[RecordId, Known], *, unfiltered: bool) -> list[RecordWrite]:
    """Listed records that an earlier sweep has missed: only what two sweeps in a row miss is gone."""
    return [
        _kept(key, state)._replace(missing=0)
        for key, state in states.items()
        if not state.gone and (state.missing > 0 or (unfiltered and state.missing == UNLISTED))
    ]


async def _compare(store: Store, lane_id: int, reading: Reading, ids: Sequence[RecordId], *, ended: bool) -> Reading:
    """What should be among `ids` and is not, and what is among them and should not be."""
    upto = None if ended else max(ids, default=None, key=_order)
    if upto is None and not ended:
        return reading  # an empty page in the middle says nothing
    seen = set(ids)
    live = await store.live_ids(lane_id, reading.last_id, upto, reading.serial)
    hidden = await store.live_ids(lane_id, reading.last_id, upto, reading.serial, hidden=True)
    returned = [key for key in hidden if key in seen]
    if reading.unfiltered and returned:
        # Such a list says nothing of the user's conditions: who has left them stays out of view.
        states = await store.known(lane_id, returned)
        returned = [key for key in returned if states[key].gone]
    return msgspec.structs.replace(
        reading,
        missing=reading.missing + tuple(key for key in live if key not in seen),
        returned=(*reading.returned, *returned),
        last_id=upto if upto is not None else reading.last_id,
        seen=(),
    )


async def _judge_listing(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment
) -> Turn:
    """All ids are listed: is the list whole, and is what it says plausible?"""
    replace = msgspec.structs.replace
    rest = replace(cursor, long=None, sweep_at=after(now, source.intervals.sweep))
    if not reading.missing and not reading.returned:
        settled = replace(rest, held=0, held_at=0, held_ids=(), released=False, let_pass=False, missed_once=False)
        return Turn(settled, reading=reading, finished=True)
    # Without a record that can be read, a list of nothing and a lost permission look alike: no conclusions.
    if reading.control_id is None or await came_short(source, reading, now):
        source.trace.mark(reading.missing, Verdict.INCONCLUSIVE)
        return Turn(rest, reading=reading, finished=True)
    # What goes missing while a sweep is under way is missed by this one and the next, and counts together; only what a
    # person let pass is missed again without being asked about again.
    states = await store.known(lane_id, reading.missing)
    missed = [key for key in reading.missing if key in states and not (cursor.let_pass and states[key].missing)]
    # A few are never held, so that what is known need not be counted for them.
    suspicious = len(missed) > HELD_AT and is_flood(len(missed), await store.live_count(lane_id))
    if suspicious and not cursor.released:
        source.trace.mark(missed, Verdict.HELD)
        held = replace(rest, held=len(missed), held_at=cursor.held_at or now, held_ids=tuple(missed[:SHOWN]))
        return Turn(held, reading=reading, finished=True)
    listed = replace(reading, listed=True, position=None)
    return Turn(replace(cursor, long=listed, held=0, held_at=0, held_ids=()), reading=reading)


async def _confirm(
    store: Store, lane_id: int, source: Source, cursor: PollCursor, reading: Reading, now: Moment
) -> Turn:
    """Ask for the next few records by id; a control read tells a deleted record from a lost permission."""
    replace = msgspec.structs.replace
    if reading.control_id is None or not await _read(source, reading.control_id):
        # Deleted meanwhile, or everything is: the next sweep looks again with another control.
        source.trace.mark(reading.missing, Verdict.INCONCLUSIVE)
        return Turn(replace(cursor, long=None, sweep_at=now + SECOND_LOOK), reading=reading, finished=True)
    missing = reading.missing
    returned = tuple(key for key in dict.fromkeys(reading.returned) if key not in missing)
    listed = returned[: max(CONFIRMED_AT_ONCE - len(missing), 0)]
    batch = (*missing[:CONFIRMED_AT_ONCE], *listed)
    known = await store.known(lane_id, batch)
    snapshots = await store.snapshots(lane_id, batch)
    records: list[RecordWrite] = []
    changes: list[Change] = []
    for key in batch:
        if key in known and key in snapshots:
            body = await _read(source, key)
            write, change = _judge_found(
                source, cursor, reading, key, body, known[key], snapshots[key], now, listed=key in listed
            )
            records.append(write)
            source.trace.judged(key, known[key], write, change)
            if body is UNREADABLE:
                source.trace.mark([key], Verdict.FORBIDDEN)
            changes += [change] if change is not None else []
    reading = replace(
        reading,
        missing=missing[CONFIRMED_AT_ONCE:],
        returned=returned[len(listed) :],
        created=reading.created + sum(change.type is EventType.CREATED for change in changes),
        deleted=reading.deleted + sum(change.type is EventType.DELETED for change in changes),
        first_missed=reading.first_missed + sum(record.missing == 1 for record in records),
    )
    if reading.missing or reading.returned:
        going_on = replace(cursor, long=reading, missed_once=cursor.missed_once or reading.first_missed > 0)
        return Turn(going_on, records, changes, reading)
    interval = source.intervals.sweep or SECOND_LOOK
    sweep_at = now + (min(interval, SECOND_LOOK) if reading.first_missed else interval)
    missed_once = reading.first_missed > 0
    ended = replace(
        cursor,
        long=None,
        sweep_at=sweep_at,
        released=False,
        let_pass=cursor.released and missed_once,
        missed_once=missed_once,
    )
    return Turn(ended, records, changes, reading, finished=True)


def _judge_found(
    source: Source,
    cursor: PollCursor,
    reading: Reading,
    key: RecordId,
    body: bytes | None,
    state: Known,
    snapshot: bytes,
    now: Moment,
    *,
    listed: bool,
) -> tuple[RecordWrite, Change | None]:
    """What `_read` brought of one record by its id: gone, flagged as deleted, back again, or only out of view."""
    kept = _kept(key, state)
    if body is None:
        if state.gone:
            return kept, None
        if listed:
            return kept._replace(missing=0), None  # gone since: the next sweeps miss it
        missing = max(state.missing, 0) + 1
        if missing < 2:
            return kept._replace(missing=missing), None
        change = Change(EventType.DELETED, key, state.rev + 1, now, snapshot, evidence=EVIDENCE)
        return kept._replace(missing=missing, gone=1, rev=change.rev), change
    if body is UNREADABLE:
        return kept, None
    heads = source.heads.read(b"[" + body + b"]")
    row = source.row(heads, 0, xxhash.xxh3_128_digest(body))
    if row.flagged or state.gone or state.missing < 0:
        return judge(row, state, snapshot, source.rules(cursor, reading, now))
    if listed:
        return kept, None  # the flag is cleared again
    if row.stamp_at is not None and reading.date_at is not None and row.stamp_at >= reading.date_at:
        return kept._replace(missing=0), None  # restored since the list was read: the next one shows it
    return kept._replace(missing=UNLISTED if reading.unfiltered else OUT_OF_VIEW), None


async def _read(source: Source, key: RecordId) -> bytes | None:
    """The record's bytes, None when it does not exist, UNREADABLE when we may not read it."""
    try:
        return await source.connection.read_one(source.resource, key)
    except RecordNotFound:
        return None
    except CredentialsRefused:
        return UNREADABLE


UNREADABLE = b""


def _kept(key: RecordId, state: Known) -> RecordWrite:
    """The record as it is known."""
    return RecordWrite(
        key, state.raw_hash, state.stamp_at, state.rev, state.gone, state.missing, state.generation, snapshot=None
    )


def _order(key: RecordId) -> tuple[bool, RecordId]:
    return isinstance(key, str), key
