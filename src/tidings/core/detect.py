"""What became of one record: nothing, created, updated, touched, deleted?

Pure, and the same for every reading: what the store knows of a record overrules what its dates say, so reading a
record twice never announces it twice (design.md section 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tidings.core.diff import Volatile, content, diff, parse
from tidings.core.model import Change, EventType, Known, Moment, RecordId, RecordWrite


class Row(NamedTuple):
    """One record of a page; a tuple because a page makes a thousand of them.

    `stamp_at` and `created_at` are None where the provider gives none that can be read.
    """

    id: RecordId
    raw: bytes
    raw_hash: bytes
    stamp_at: Moment | None = None
    created_at: Moment | None = None
    flagged: bool = False  #: the provider's soft-delete flag


@dataclass(frozen=True, slots=True)
class Rules:
    """By what one reading of one resource judges.

    `silent_before` is set while existing records are learned (probe and baseline): an unknown row is a change only
    when it is stamped within `silent_before <= stamp <= silent_until`. `created_since` is the moment from which a
    created stamp proves a new record, `tolerance` how far created and updated stamps of a new record may differ, both
    meaningful only where the two stamps are different fields (`created_known`).
    """

    generation: int
    volatile: Volatile
    announce_touched: bool = False
    backfill: bool = False  #: announce existing records as created, while they are learned
    announced_since: Moment | None = None  #: announce those that are stamped at or after this, while they are learned
    silent_before: Moment | None = None
    silent_until: Moment | None = None
    high_id: int | None = None
    created_since: Moment | None = None
    created_known: bool = False
    tolerance: int = 0


def differs(row: Row, known: Known | None, rules: Rules) -> bool:
    """Whether a row needs a judgement at all; an unchanged one is never parsed."""
    return (
        known is None
        or known.raw_hash != row.raw_hash
        or known.generation != rules.generation
        or bool(known.gone) != row.flagged
        or known.missing > 0
    )


def judge(row: Row, known: Known | None, old: bytes | None, rules: Rules) -> tuple[RecordWrite, Change | None]:
    """The record's new state, and the change to announce, if any. `old` is the last snapshot of a known record.

    Raises ValueError when the row, or the snapshot, is no JSON.
    """
    if known is None or old is None:
        return _first_seen(row, rules)
    if row.flagged:
        if known.gone:
            return _write(row, known.rev, rules), None
        return _announce(row, known.rev + 1, rules, EventType.DELETED, evidence="the provider's deleted flag")
    if known.gone:
        return _announce(row, known.rev + 1, rules, EventType.CREATED)
    moved = row.stamp_at != known.stamp_at
    if known.generation != rules.generation and not moved:
        # Compared under other rules before: what differs is ours, not the provider's.
        return _write(row, known.rev, rules), None
    if known.raw_hash == row.raw_hash:
        return _write(row, known.rev, rules), None
    changes = diff(content(parse(old), rules.volatile), content(parse(row.raw), rules.volatile))
    if changes:
        write = _write(row, known.rev + 1, rules)
        return write, Change(EventType.UPDATED, row.id, write.rev, row.stamp_at, row.raw, changes)
    if moved and rules.announce_touched:
        write = _write(row, known.rev + 1, rules)
        return write, Change(EventType.UPDATED, row.id, write.rev, row.stamp_at, row.raw, touched=True)
    return _write(row, known.rev, rules), None


def is_unmoved(write: RecordWrite, known: Known | None) -> bool:
    """Whether a known record bears the stamp that it had when it was last compared, under the same rules."""
    return known is not None and known.generation == write.generation and known.stamp_at == write.stamp_at


def _first_seen(row: Row, rules: Rules) -> tuple[RecordWrite, Change | None]:
    if row.flagged:  # whoever has not heard of it was told nothing that a delete could end
        return _write(row, 1, rules), None
    if rules.backfill:
        return _announce(row, 1, rules, EventType.CREATED)
    if rules.silent_before is not None and not _came_since(row, rules.silent_before, rules):
        return _existing(row, rules)
    if is_new(row, rules):
        return _announce(row, 1, rules, EventType.CREATED)
    write = _write(row, 1, rules)
    return write, Change(EventType.UPDATED, row.id, 1, row.stamp_at, row.raw, first_seen=True)


def _existing(row: Row, rules: Rules) -> tuple[RecordWrite, Change | None]:
    """A record that was there when watching began: learned, or announced where its stamp is late enough."""
    since = rules.announced_since
    if since is None or row.stamp_at is None or row.stamp_at < since:
        return _write(row, 1, rules), None
    if rules.created_known and row.created_at is not None and row.created_at >= since:
        return _announce(row, 1, rules, EventType.CREATED)
    return _write(row, 1, rules), Change(EventType.UPDATED, row.id, 1, row.stamp_at, row.raw, first_seen=True)


def _came_since(row: Row, since: Moment, rules: Rules) -> bool:
    """Whether an unknown record, found while existing ones are learned, was written since watching began.

    A stamp in the provider's future says nothing of when; an id above the highest of then does.
    """
    if row.stamp_at is None or row.stamp_at < since:
        return False
    return rules.silent_until is None or row.stamp_at <= rules.silent_until or _is_beyond(row, rules)


def _is_beyond(row: Row, rules: Rules) -> bool:
    return isinstance(row.id, int) and rules.high_id is not None and row.id > rules.high_id


def is_new(row: Row, rules: Rules) -> bool:
    """Whether an unknown record was created since the baseline, rather than hidden from it."""
    if _is_beyond(row, rules):
        return True
    if rules.created_known and row.created_at is not None:
        if rules.created_since is not None and row.created_at >= rules.created_since:
            return True
        return row.stamp_at is not None and abs(row.stamp_at - row.created_at) <= rules.tolerance
    # Nothing speaks for an older record: no id to compare and no created stamp.
    return not (isinstance(row.id, int) and rules.high_id is not None)


def _write(row: Row, rev: int, rules: Rules) -> RecordWrite:
    return RecordWrite(row.id, row.raw_hash, row.stamp_at, rev, int(row.flagged), 0, rules.generation, row.raw)


def _announce(
    row: Row, rev: int, rules: Rules, type: EventType, evidence: str | None = None
) -> tuple[RecordWrite, Change]:
    return _write(row, rev, rules), Change(type, row.id, rev, row.stamp_at, row.raw, evidence=evidence)
