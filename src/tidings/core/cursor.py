"""Where does a poll lane go on, and what is its next reading?

One lane, one reader: poll, settle pass, sweep and audit of a resource take turns on one cursor, page by page, and a
long reading gives way to a due poll (design.md section 6).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidings.core.model import Moment, RecordId


class ReadingKind(StrEnum):
    PROBE = "probe"  #: the second in which the baseline begins, so that no change of it is guessed
    BASELINE = "baseline"  #: everything, silently
    POLL = "poll"  #: what was stamped since the watermark, less the overlap
    SETTLE = "settle"  #: a wider window, for rows that became visible late
    SWEEP = "sweep"  #: ids only: finds deletes
    AUDIT = "audit"  #: everything, compared: proves completeness


class Unmoved(StrEnum):
    """What an audit does with changed records whose stamps have not moved."""

    WEIGH = "weigh"  #: announces a few, holds back many
    ANNOUNCE = "announce"
    LEARN = "learn"  #: takes them over silently


LONG = frozenset({ReadingKind.SETTLE, ReadingKind.SWEEP, ReadingKind.AUDIT})


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Pages that follow one another: from the position of the first to that after the last, None at the end."""

    start: str | None
    stop: str | None


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reading in progress; what a crash must not forget of it."""

    kind: ReadingKind
    lower_at: Moment | None = None  #: the bound that was asked for; None reads everything
    started_at: Moment = 0  #: by our clock, for `pollDate` and the log
    date_at: Moment | None = None  #: the provider's clock at the first answer, …
    doubt: int = 0  #: … which may have been so many milliseconds later
    position: str | None = None  #: where the next page starts
    pages: int = 0
    rows: int = 0
    top_at: Moment | None = None  #: the greatest stamp seen that is not in the provider's future
    outside: int = 0  #: rows that do not fit the filter we sent
    created: int = 0
    updated: int = 0
    deleted: int = 0
    missed: int = 0  #: of those what only an audit could find
    count: int | None = None  #: the provider's own count when the reading began
    serial: int = 0  #: a sweep judges only what was written at or before this page
    last_id: RecordId | None = None  #: the last id a sweep has passed
    control_id: RecordId | None = None  #: a record the sweep has seen, to tell "deleted" from "all is gone"
    missing: tuple[RecordId, ...] = ()  #: known, and not where the sweep should have seen them
    listed: bool = False  #: a sweep that has seen all ids and now confirms what is missing
    first_missed: int = 0  #: records that a sweep did not find for the first time
    returned: tuple[RecordId, ...] = ()  #: listed again, though they were out of view or declared gone
    seen: tuple[RecordId, ...] = ()  #: the ids so far, where a page does not say which it should hold
    top_id: RecordId | None = None  #: the record stamped `top_at`
    control_seen: bool = False  #: whether the cursor's control record came back
    phantom: tuple[RecordId, ...] = ()  #: those of `missing` that an audit did not find by their ids either
    blind: bool = False  #: an audit that cannot tell which records are missing
    unmoved: int = 0  #: changes with unmoved stamps that an audit holds back, or in its second part has announced
    unmoved_ids: tuple[RecordId, ...] = ()  #: the first of them
    again: tuple[Stretch, ...] = ()  #: where they stand: what the second part reads
    weighed: int | None = None  #: in the second part: how many records are known
    compared: int = 0  #: the rows of an audit's first part, …
    counted: int | None = None  #: … and the provider's count where that is more
    filter_off: bool = False  #: it did not, though it is as it was: the filter does not mean what we sent
    unreadable: tuple[RecordId, ...] = ()  #: records that make their page fail, passed over
    numbered: bool = False  #: a sweep by page numbers, since the provider takes no condition on the id
    unfiltered: bool = False  #: a sweep that lists all of the resource, not only what meets the user's conditions


class PollCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a poll lane remembers; stored as JSON with the lane."""

    generation: str = ""
    generation_number: int = 0
    baselined: bool = False
    t0_at: Moment | None = None  #: from which stamp on a baseline announces, by the provider's clock
    watched_at: Moment | None = None  #: the provider's clock when watching began
    high_id: int | None = None  #: its greatest id then
    watermark_at: Moment | None = None
    skew: int = 0  #: milliseconds by which stamps were seen ahead of the provider's `Date`
    serial: int = 0  #: counts the lane's page commits
    short: int = 0  #: full readings in a row that saw fewer rows than the provider counts
    main: Reading | None = None  #: probe, baseline or poll
    long: Reading | None = None  #: settle, sweep or audit
    refused: int = 0  #: polls in a row that the provider refused for what they are, …
    refused_since: Moment = 0  #: … since when
    audited_at: Moment = 0  #: when an audit was last complete, by our clock, …
    audited: int = 0  #: … how many records it compared, …
    audit_missed: int = 0  #: … how many changes it found that no poll had announced, …
    audit_phantom: int | None = 0  #: … how many records were known and not listed, None where it could not tell, …
    audit_counted: int | None = None  #: … and the provider's count, or ours, where that was more than it compared
    audit_asked: bool = False  #: a person wants an audit now, whatever its interval
    unmoved: int = 0  #: how many changes with unmoved stamps an audit found and holds back; a person decides
    unmoved_at: Moment = 0
    unmoved_ids: tuple[RecordId, ...] = ()  #: the first of them, to look at
    unmoved_next: Unmoved = Unmoved.WEIGH  #: what the next audit does with such changes
    polled_at: Moment = 0  #: when a poll, or the baseline, was last complete, by our clock, …
    current_at: Moment = 0  #: … when that one had begun, …
    interval: int = 0  #: … and after how many milliseconds the next was to follow
    poll_at: Moment = 0
    settle_at: Moment = 0
    settled_at: Moment | None = None  #: the provider's clock when the last whole settle pass, or the baseline, began
    sweep_at: Moment = 0
    audit_at: Moment = 0
    long_at: Moment = 0  #: a long reading that failed waits until then, while polls go on
    long_failures: int = 0
    held: int = 0  #: how many deletes a suspicious sweep would announce; a person decides
    held_at: Moment = 0
    held_ids: tuple[RecordId, ...] = ()  #: the first of them, to look at
    released: bool = False  #: the next sweep may announce what it finds missing, however much it is
    let_pass: bool = False  #: a person let pass what the last sweep missed, so the next one may miss it again
    missed_once: bool = False  #: a sweep has missed records that no later one has missed or found again
    numbered: bool = False  #: the provider does not page forward-only here
    widened: bool = False  #: its filter does not mean what we sent: we ask from a day earlier
    unfiltered: bool = False  #: nor does that help: polls read everything, without a date
    control_id: RecordId | None = None  #: the record that set the watermark: it must come back with each poll
    control_at: Moment | None = None
    unreadable: tuple[RecordId, ...] = ()  #: records that the last whole reading had to pass over
    size_cap: int | None = None  #: the most rows a page may have, since larger ones were too large


LONG_TRIES = 8

#: An instance whose polls the provider refuses this often in a row, over this long, stops polling; milliseconds.
REFUSALS, REFUSED_FOR = 100, 24 * 3_600_000
_GIVEN_UP = "polling was stopped after"

NEVER: Moment = 253402300799000  #: 9999-12-31T23:59:59Z

#: Further than any two time zones lie apart, in milliseconds.
WIDENED_BY = 27 * 3_600_000

#: What the user is told of a lane that is `unfiltered`.
DATELESS = "the provider's filter brings nothing for any date, so each poll reads everything; audits try it again"

ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(PollCursor).decode


def decode(stored: bytes) -> PollCursor:
    return _DECODE(stored) if stored else PollCursor()


class Intervals(msgspec.Struct, frozen=True):
    """How often each reading is made, in milliseconds; None never."""

    poll: int
    settle: int | None
    sweep: int | None
    audit: int | None


def next_turn(cursor: PollCursor, now: Moment) -> ReadingKind | None:
    """The reading whose page comes next; None when nothing is due."""
    if not cursor.baselined:
        return cursor.main.kind if cursor.main else ReadingKind.PROBE
    if cursor.main is not None:
        return cursor.main.kind
    if cursor.poll_at <= now:
        return ReadingKind.POLL
    if cursor.long_at > now:
        return None
    if cursor.long is not None:
        return cursor.long.kind
    kind, at = _longest_due(cursor)
    return kind if at <= now else None


def due_at(cursor: PollCursor) -> Moment:
    """When the lane has something to do again."""
    if not cursor.baselined or cursor.main is not None:
        return 0
    long_at = 0 if cursor.long is not None else _longest_due(cursor)[1]
    return min(cursor.poll_at, max(long_at, cursor.long_at))


def _longest_due(cursor: PollCursor) -> tuple[ReadingKind, Moment]:
    """The long reading that is due first, and when: who has waited longest goes next, so that one which takes longer
    than its own interval keeps no other from beginning."""
    turns = (
        (ReadingKind.SETTLE, cursor.settle_at),
        (ReadingKind.SWEEP, cursor.sweep_at),
        (ReadingKind.AUDIT, cursor.audit_at),
    )
    return min(turns, key=lambda turn: turn[1])


def set_back(cursor: PollCursor, kind: ReadingKind, now: Moment, wait_for: int) -> PollCursor:
    """The cursor after a long reading of `kind` failed: it goes on later. One that fails again and again begins anew,
    after those that have become due meanwhile."""
    failures = cursor.long_failures + 1
    if failures < LONG_TRIES:
        return msgspec.structs.replace(cursor, long_at=now + wait_for, long_failures=failures)
    due = {f"{kind.value}_at": now + wait_for}
    return msgspec.structs.replace(cursor, long=None, long_at=now + wait_for, long_failures=0, **due)


def is_given_up(cursor: PollCursor, now: Moment) -> bool:
    """Whether a provider has refused so often and so long that only a person can help (spec platform.md 4.7)."""
    return cursor.refused >= REFUSALS and now - cursor.refused_since >= REFUSED_FOR


def given_up(refused: int, why: str) -> str:
    """The reason with which all lanes of an instance are parked then."""
    return f"{_GIVEN_UP} {refused} refused polls: {why}"


def was_given_up(reason: str) -> bool:
    """Whether a lane was parked with such a reason."""
    return reason.startswith(_GIVEN_UP)


def release_held(cursor: PollCursor, now: Moment) -> PollCursor:
    """A person has looked at the held deletes: the next sweep announces what it still finds missing."""
    return msgspec.structs.replace(cursor, held=0, held_at=0, held_ids=(), released=True, long=None, sweep_at=now)


def refuse_held(cursor: PollCursor, now: Moment, interval: int) -> PollCursor:
    """A person has looked and does not believe it: nothing is announced; a later sweep may be held again."""
    return msgspec.structs.replace(cursor, held=0, held_at=0, held_ids=(), long=None, sweep_at=now + interval)


def audit_now(cursor: PollCursor, now: Moment) -> PollCursor:
    """A person wants an audit: it is due now, ahead of any other long reading, whatever its interval; one in progress
    goes on."""
    if cursor.long is not None and cursor.long.kind is ReadingKind.AUDIT:
        return cursor
    others = {"settle_at": max(cursor.settle_at, now + 1), "sweep_at": max(cursor.sweep_at, now + 1)}
    return msgspec.structs.replace(cursor, long=None, long_at=0, audit_at=now, audit_asked=True, **others)


def decide_unmoved(cursor: PollCursor, now: Moment, decision: Unmoved) -> PollCursor:
    """A person has looked at the held changes with unmoved stamps: an audit that begins now does as they say."""
    begun = cursor.long is not None and cursor.long.kind is ReadingKind.AUDIT
    return msgspec.structs.replace(
        audit_now(msgspec.structs.replace(cursor, long=None) if begun else cursor, now),
        unmoved=0,
        unmoved_at=0,
        unmoved_ids=(),
        unmoved_next=decision,
    )


def on_grid(now: Moment, interval: int, phase: int) -> Moment:
    """The next moment after `now` of an instance's own beat, so that a thousand instances spread over the interval."""
    return now + interval - (now - phase) % interval


def within(cursor: PollCursor, intervals: Intervals, now: Moment) -> PollCursor:
    """The cursor under these intervals, which may have changed: nothing waits longer than its interval says."""

    def capped(at: Moment, interval: int | None) -> Moment:
        return NEVER if interval is None else min(at, now + interval)

    if not cursor.baselined:
        return cursor
    return msgspec.structs.replace(
        cursor,
        poll_at=capped(cursor.poll_at, intervals.poll),
        settle_at=capped(cursor.settle_at, intervals.settle),
        settled_at=None if intervals.settle is None else cursor.settled_at,
        sweep_at=capped(cursor.sweep_at, intervals.sweep),
        audit_at=cursor.audit_at if cursor.audit_asked else capped(cursor.audit_at, intervals.audit),
    )


def lower_bound(cursor: PollCursor, kind: ReadingKind, overlap: int, window: int) -> Moment | None:
    """From which stamp a reading asks: None for everything, the start of the baseline's second for the probe."""
    if kind is ReadingKind.PROBE:
        return cursor.t0_at
    if cursor.watermark_at is None or cursor.unfiltered or kind not in (ReadingKind.POLL, ReadingKind.SETTLE):
        return None
    widened_by = WIDENED_BY if cursor.widened else 0
    if kind is ReadingKind.POLL:
        return cursor.watermark_at - max(overlap, 2 * cursor.skew) - widened_by
    return settled_until(cursor, cursor.watermark_at) - max(window, overlap) - widened_by


def settled_until(cursor: PollCursor, watermark_at: Moment) -> Moment:
    """From where the settle window is counted: what became visible since the last settle pass was not there for it to
    see, however far polls have come meanwhile."""
    return watermark_at if cursor.settled_at is None else min(watermark_at, cursor.settled_at)


def advance(cursor: PollCursor, reading: Reading) -> Moment | None:
    """The watermark after a whole reading: it only grows, and never beyond the provider's clock at its start."""
    if reading.kind is ReadingKind.BASELINE or cursor.watermark_at is None:
        floor = max(cursor.watermark_at or 0, cursor.t0_at or 0)
    else:
        floor = cursor.watermark_at
    if reading.outside or reading.top_at is None:
        return floor or None
    limit = reading.date_at if reading.date_at is not None else reading.top_at
    return max(floor, min(reading.top_at, limit))
