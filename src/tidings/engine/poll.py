"""How a poll lane is worked: open it, take turns until nothing is due, commit each turn, say what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from tidings.core.budget import Priority
from tidings.core.completeness import completeness
from tidings.core.cursor import (
    DATELESS,
    ENCODE,
    LONG,
    PollCursor,
    Reading,
    ReadingKind,
    decode,
    due_at,
    given_up,
    is_given_up,
    next_turn,
    set_back,
    settled_until,
    within,
)
from tidings.core.errors import (
    AddressForbidden,
    CredentialsRefused,
    InvalidInput,
    PagingUnsupported,
    PermissionDenied,
    ProviderError,
    ProviderRefused,
    RateLimited,
    Throttled,
)
from tidings.core.model import Lane, Moment
from tidings.core.plan import generation
from tidings.core.retry import poll_backoff, throttled_wait
from tidings.core.trail import Entry
from tidings.engine.meter import Meter
from tidings.engine.read import read_page
from tidings.engine.source import Source
from tidings.engine.sweep import sweep_page
from tidings.engine.turn import Turn
from tidings.store.base import PageCommit, Store

#: What lets polls of the same tenant go first.
UNHURRIED = LONG | {ReadingKind.BASELINE}


class Poller:
    """Works poll lanes.

    `open_source` joins an instance's configuration with its element (raises `InvalidInput` when they do not fit, and
    returns None when the instance is gone); `lease_for` is in milliseconds; `dice` are numbers in [0, 1);
    `on_events` hears the instance's id after each commit that had events; `hinted` says whether a lane's provider has
    told that something changed, which is then polled before a long reading goes on.
    """

    def __init__(
        self,
        store: Store,
        open_source: Callable[[Lane], Awaitable[Source | None]],
        *,
        clock: Callable[[], Moment],
        dice: Callable[[], float],
        log: Any,
        lease_for: int = 30_000,
        on_events: Callable[[int], None] = lambda instance_id: None,
        hinted: Callable[[int], bool] = lambda lane_id: False,
        meter: Meter | None = None,
    ) -> None:
        self._store, self._open_source = store, open_source
        self._clock, self._dice, self._log = clock, dice, log
        self._lease_for, self._on_events, self._hinted = lease_for, on_events, hinted
        self._meter = meter or Meter()

    async def run(self, lane: Lane) -> None:
        """Take turns until nothing is due, then give the lane back. Raises `LeaseLost` when it has passed on."""
        try:
            source = await self._open_source(lane)
            if source is None:
                return await self._store.park(lane, "the instance was deleted")
            try:
                await self._take_turns(lane, source)
            finally:
                await source.pages.drop()
        except (CredentialsRefused, InvalidInput) as error:
            self._log.warning("poll.parked", **self._names(lane), reason=reason(error))
            entry = self._failure(None, decode(lane.cursor), error, None)
            await self._store.park(lane, reason(error), entry=entry)
        return None

    async def _take_turns(self, lane: Lane, source: Source) -> None:
        now = self._clock()
        cursor = within(
            adopt(decode(lane.cursor), compared_under(source), now, lookback(source)), source.intervals, now
        )
        counted = lane  # with the failures since the last page that was read
        while (kind := next_turn(cursor, self._clock())) is not None:
            try:
                turn = await self._turn(lane, source, cursor, kind)
            except (ProviderError, AddressForbidden) as error:
                if needs_keys(error):
                    self._meter.reading_ended(kind, "refused")
                    raise
                self._meter.reading_ended(kind, outcome(error))
                # Once may be a slip of the provider's; refused twice in a row, its pages have to be counted.
                if isinstance(error, PagingUnsupported) and (cursor.numbered or cursor.refused):
                    self._log.warning("poll.numbered", **self._names(lane), reason=reason(error))
                    cursor = numbered(cursor)
                return await self._back_off(counted, cursor, error, kind)
            before, (cursor, released) = cursor, await self._commit(counted, source, turn)
            if turn.reading is not None:
                self._meter.page_committed(kind, rows_read(before, turn.reading), turn.changes)
                if turn.finished:
                    self._meter.reading_ended(kind, "complete")
            if released:
                return None
            if not turn.failed:
                counted = replace(lane, attempt=0)
            if kind in LONG and self._hinted(lane.id):
                cursor = msgspec.structs.replace(cursor, poll_at=min(cursor.poll_at, self._clock()))
        return await self._store.release(lane, due_at=due_at(cursor), cursor=ENCODE(cursor))

    async def _turn(self, lane: Lane, source: Source, cursor: PollCursor, kind: ReadingKind) -> Turn:
        """One turn. A long reading that fails is set back alone, so that it cannot stop the polls."""
        source.trace.clear()
        source.connection.priority = Priority.LONG if kind in UNHURRIED else Priority.POLL
        try:
            if kind is ReadingKind.SWEEP:
                turn = await sweep_page(self._store, lane.id, source, cursor, self._clock())
            else:
                failures = cursor.long_failures if kind in LONG else lane.attempt
                turn = await read_page(self._store, lane.id, source, cursor, kind, self._clock(), failures)
        except (ProviderError, AddressForbidden) as error:
            if kind not in LONG or needs_keys(error) or isinstance(error, PagingUnsupported):
                raise
            self._meter.reading_ended(kind, outcome(error))
            if isinstance(error, Throttled):
                long_at = self._clock() + self._throttled(lane, error)
                entry = self._failure(kind, cursor, error, long_at)
                return Turn(msgspec.structs.replace(cursor, long_at=long_at), failed=True, entry=entry)
            wait_for = self._wait_for(cursor.long_failures + 1, error)
            self._log.warning("reading.failed", **self._names(lane), reading=kind.value, reason=reason(error))
            entry = self._failure(kind, cursor, error, self._clock() + wait_for)
            return Turn(set_back(cursor, kind, self._clock(), wait_for), failed=True, entry=entry)
        if kind in LONG and cursor.long_failures:
            return replace(turn, cursor=msgspec.structs.replace(turn.cursor, long_failures=0))
        return turn

    def _wait_for(self, failures: int, error: Exception) -> int:
        return round(1000 * poll_backoff(failures, self._dice(), getattr(error, "retry_after", None)))

    async def _commit(self, lane: Lane, source: Source, turn: Turn) -> tuple[PollCursor, bool]:
        """Make the turn durable; the lane is given back in the same commit when nothing more is due."""
        now = self._clock()
        # Only a reading that went through ends a row of refusals.
        refused = turn.cursor.refused if turn.failed else 0
        cursor = msgspec.structs.replace(turn.cursor, serial=turn.cursor.serial + 1, refused=refused)
        release = next_turn(cursor, now) is None
        cut = source.cutter(turn.reading, now) if turn.reading is not None else None
        notifications = await self._store.commit_page(
            lane,
            PageCommit(
                cursor=ENCODE(cursor),
                now=now,
                records=turn.records,
                changes=turn.changes,
                cut=cut,
                due_at=due_at(cursor),
                release=release,
                lease_until=now + self._lease_for,
                attempt=lane.attempt if turn.failed else 0,
                reason=degraded(cursor),
                serial=cursor.serial,
                entry=turn.entry or self._entry(source, turn, now, cursor.serial),
            ),
        )
        if notifications:
            self._on_events(lane.instance_id)
        if turn.finished and turn.reading is not None:
            self._log_finished(lane, turn.reading, cursor, now)
        return cursor, release

    async def _back_off(
        self, lane: Lane, cursor: PollCursor, error: ProviderError | AddressForbidden, kind: ReadingKind
    ) -> None:
        """Nothing moved; the next try is when the provider, or our patience, says."""
        if isinstance(error, Throttled):
            at = self._clock() + self._throttled(lane, error)
            entry = self._failure(kind, cursor, error, at)
            return await self._store.release(lane, due_at=at, attempt=lane.attempt, reason=reason(error), entry=entry)
        failures = lane.attempt + 1
        wait_for = self._wait_for(failures, error)
        self._log.warning(
            "poll.failed",
            **self._names(lane),
            failures=failures,
            reason=reason(error),
            status=getattr(error, "status", None),
            next_in_ms=wait_for,
        )
        now = self._clock()
        due = now + wait_for
        entry, why = self._failure(kind, cursor, error, due), reason(error)
        # Whoever will not let us through, the provider or a gateway, may never: a person has to hear of it.
        if not isinstance(error, ProviderRefused) and getattr(error, "status", None) != HTTPStatus.FORBIDDEN:
            return await self._store.release(lane, due_at=due, attempt=failures, reason=why, entry=entry)
        refused = msgspec.structs.replace(
            cursor, refused=cursor.refused + 1, refused_since=cursor.refused_since if cursor.refused else now
        )
        if is_given_up(refused, now):
            why = given_up(refused.refused, why)
            self._log.warning("polling.disabled", **self._names(lane), reason=why)
            # When a person sets it going again, refusals are counted anew.
            parked = ENCODE(msgspec.structs.replace(refused, refused=0))
            return await self._store.park_all(lane, why, parked, replace(entry, failure=why, next_at=None))
        return await self._store.release(
            lane, due_at=due, attempt=failures, reason=why, cursor=ENCODE(refused), entry=entry
        )

    def _entry(self, source: Source, turn: Turn, now: Moment, serial: int) -> Entry | None:
        if turn.reading is None:
            return None
        return source.trace.entry(turn.reading, now, serial, ended=turn.finished)

    def _failure(self, kind: ReadingKind | None, cursor: PollCursor, error: Exception, next_at: Moment | None) -> Entry:
        """What a try that failed leaves in the trail of its lane."""
        return Entry(
            reading=kind.value if kind is not None else "",
            failure=reason(error),
            status=getattr(error, "status", None),
            next_at=next_at,
            at=self._clock(),
            serial=cursor.serial + 1,
        )

    def _throttled(self, lane: Lane, error: Throttled) -> int:
        """For how long a lane waits whose provider was not asked, which is nobody's failure."""
        wait_for = round(1000 * throttled_wait(error.retry_after or 0.0, self._dice()))
        self._log.info("poll.throttled", **self._names(lane), reason=reason(error), next_in_ms=wait_for)
        return wait_for

    def _log_finished(self, lane: Lane, reading: Reading, cursor: PollCursor, now: Moment) -> None:
        odd = reading.outside or reading.filter_off or reading.unreadable or cursor.held
        log = self._log.warning if odd else self._log.info
        log(
            "poll.finished",
            **self._names(lane),
            reading=reading.kind.value,
            pages=reading.pages,
            rows=reading.rows,
            created=reading.created,
            updated=reading.updated,
            deleted=reading.deleted,
            outside_filter=reading.outside,
            filter_off=reading.filter_off,
            unreadable=list(reading.unreadable),
            held_deletes=cursor.held,
            watermark_at=cursor.watermark_at,
            took_ms=now - reading.started_at,
            next_in_ms=max(due_at(cursor) - now, 0),
        )
        if reading.kind is ReadingKind.AUDIT and cursor.long is None:
            self._log_audited(lane, cursor)

    def _log_audited(self, lane: Lane, cursor: PollCursor) -> None:
        if (figure := completeness(cursor)) is None:
            return
        log = self._log.info if figure.complete and figure.phantom == 0 and not figure.held else self._log.warning
        log(
            "audit.finished",
            **self._names(lane),
            compared=figure.compared,
            missed=figure.missed,
            phantom=figure.phantom,
            held=figure.held,
            complete=figure.complete,
            counted=figure.counted,
        )

    def _names(self, lane: Lane) -> dict[str, Any]:
        return {"instance": lane.instance_id, "resource": lane.key, "lane": lane.id}


def outcome(error: Exception) -> str:
    """What a try of a reading that ended in `error` counts as."""
    return "throttled" if isinstance(error, RateLimited) else "failed"


def rows_read(before: PollCursor, reading: Reading) -> int:
    """How many rows the last page of `reading` brought, given the cursor before it."""
    was = before.long if reading.kind in LONG else before.main
    return max(0, reading.rows - (was.rows if was is not None and was.kind is reading.kind else 0))


def lookback(source: Source) -> int:
    """How far before the watermark a change may lie that a poll or a settle pass was still to find."""
    return max(source.overlap, source.settle_window)


def compared_under(source: Source) -> str:
    """The generation of the records that are read now: an upgrade may have changed it since the lane was planned."""
    return generation(source.polled, source.filter_nulls, source.element.version)


def adopt(cursor: PollCursor, under: str, now: Moment, late_by: int) -> PollCursor:
    """The cursor under a generation (`core/plan.py`).

    When what records are compared under has changed, everything is read once more: records whose stamp has not moved
    are taken over silently, and newly visible ones learned. What was stamped at most `late_by` before the watermark, or
    before the last settle pass, may be a change that no reading has seen yet, and is announced.
    """
    if cursor.generation == under:
        return cursor
    changed = msgspec.structs.replace(
        cursor,
        generation=under,
        generation_number=cursor.generation_number + 1,
        main=None,
        long=None,
        short=0,
        unmoved=0,  # what is there now is taken over
        unmoved_at=0,
        unmoved_ids=(),
    )
    again = Reading(ReadingKind.BASELINE, started_at=now, serial=cursor.serial)
    if cursor.baselined:
        watermark_at = cursor.watermark_at
        since = None if watermark_at is None else settled_until(cursor, watermark_at) - max(late_by, 2 * cursor.skew)
        return msgspec.structs.replace(changed, baselined=False, t0_at=since, main=again)
    if cursor.main is not None and cursor.main.kind is ReadingKind.BASELINE:
        # Watching began with the probe: what came since then is a change, and must not be learned silently by another.
        return msgspec.structs.replace(changed, main=again)
    return changed


def numbered(cursor: PollCursor) -> PollCursor:
    """The cursor for a provider that pages by number only, or whose pages have shifted: what was read begins anew."""
    was = cursor.main
    main = None if was is None else Reading(was.kind, lower_at=was.lower_at, started_at=was.started_at)
    return msgspec.structs.replace(cursor, numbered=True, main=main, long=None)


def degraded(cursor: PollCursor) -> str | None:
    """What the user is told though polls go on: of a filter that brings nothing, of records that cannot be read."""
    told = [DATELESS] if cursor.unfiltered else []
    if cursor.unreadable:
        ids = ", ".join(map(str, cursor.unreadable[:10]))
        told.append(f"the provider fails on these records, which are passed over until it does not: {ids}")
    return "; ".join(told) or None


def reason(error: Exception) -> str:
    """What the user is told: our sentence, and the provider's own words where it said something else."""
    said = getattr(error, "provider_message", None)
    return f"{error} ({said})" if said and said not in str(error) else str(error)


def needs_keys(error: Exception) -> bool:
    """Whether nothing will come of asking again before a person has changed the keys."""
    return isinstance(error, CredentialsRefused) and not isinstance(error, PermissionDenied)
