"""Which mutants are there? Each breaks one promise of the engine by exact replacement of text.

`tests/simulation/kill_mutants.py` runs the histories against each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`old` becomes `new` in the file at `path` below `src/tidings`, everywhere it stands."""

    path: str
    old: str
    new: str


class TextGone(Exception):
    """A mutant's text stands no more in the source: the mutant has to be written anew."""


def edited(source: str, edit: Edit) -> str:
    if edit.old not in source:
        raise TextGone(f"{edit.path} has no more {edit.old!r}")
    return source.replace(edit.old, edit.new)


PER_PAGE = """        moved = max(cursor.watermark_at or 0, reading.top_at or 0) or None
        cursor = msgspec.structs.replace(cursor, watermark_at=moved)
"""
STATES_FIRST = """        if turn.records:
            alone = PageCommit(lane.cursor, now, turn.records, release=False, lease_until=now + self._lease_for)
            await self._store.commit_page(lane, alone)
"""

#: By name; the first ten are those of the house's own list.
MUTANTS: Mapping[str, tuple[Edit, ...]] = {
    "drop the overlap": (
        Edit("core/cursor.py", "cursor.watermark_at - max(overlap, 2 * cursor.skew) - ", "cursor.watermark_at - "),
        Edit("engine/poll.py", "    return max(source.overlap, source.settle_window)", "    return 0"),
    ),
    "ask for > instead of >=": (
        Edit("core/macros.py", "self.pattern.before(bound, self.zone)", "self.pattern.format(bound, self.zone)"),
    ),
    "advance the watermark with a page": (
        Edit(
            "engine/read.py",
            "        reading = msgspec.structs.replace(reading, position=page.next)\n",
            PER_PAGE + "        reading = msgspec.structs.replace(reading, position=page.next)\n",
        ),
    ),
    "skip the fence": (
        Edit("store/sql/queries.sql", "where id = :id and fence = :fence and state", "where id = :id and state"),
    ),
    "drop the Date clamp": (
        Edit("core/cursor.py", "max(floor, min(reading.top_at, limit))", "max(floor, reading.top_at)"),
        Edit("engine/read.py", "if stamp is not None and stamp <= limit)", "if stamp is not None)"),
    ),
    "take a new Date on resume": (
        Edit("engine/read.py", "page.date_at if reading.date_at is None else reading.date_at", "page.date_at"),
    ),
    "end at an empty page": (
        Edit("elements/pages.py", "Turn(linked, False) if further else Turn(None, True)", "Turn(None, True)"),
    ),
    "believe an empty page at once": (
        Edit(
            "engine/read.py",
            "    if not page.ended:\n        return page\n    return await",
            "    return page\n    await",
        ),
    ),
    "write from a second reader": (
        Edit(
            "store/sql/queries.sql",
            "set owner = :owner, fence = fence + 1, lease_until",
            "set owner = :owner, lease_until",
        ),
        Edit(
            "store/sql/queries.sql", "due_at <= :now and (lease_until is null or lease_until <= :now)", "due_at <= :now"
        ),
    ),
    "trust one missing sweep": (Edit("engine/sweep.py", "if missing < 2:", "if missing < 1:"),),
    "forget that a record was found again": (Edit("engine/sweep.py", "(state.missing > 0 or (", "(("),),
    "announce a delete without asking by id": (
        Edit("engine/sweep.py", "    body = await _read(source, key)\n", "    body = None\n"),
    ),
    "guard off": (Edit("engine/sweep.py", "if suspicious and not cursor.released:", "if False:"),),
    "no control record": (
        Edit("engine/turn.py", "expected = expected and not reading.control_seen", "expected = False"),
    ),
    "no dedupe within a page": (
        Edit(
            "engine/read.py",
            "for key, position in different.items():",
            "for key, position in [(k, p) for p, k in enumerate(heads.ids) if k in different]:",
        ),
    ),
    "save states apart from events": (
        Edit(
            "engine/poll.py",
            "        notifications = await self._store.commit_page(",
            STATES_FIRST + "        notifications = await self._store.commit_page(",
        ),
    ),
    "learn silently what changes during the baseline": (
        Edit(
            "engine/source.py",
            "silent_before, silent_until = cursor.t0_at, answered_at",
            "silent_before, silent_until = NEVER, answered_at",
        ),
    ),
    "begin anew when the filter changes during the baseline": (
        Edit(
            "engine/poll.py",
            "    if cursor.main is not None and cursor.main.kind is ReadingKind.BASELINE:",
            "    if cursor.main is None:",
        ),
    ),
    "go back to the claimed cursor when refused": (
        Edit(
            "engine/poll.py",
            "self._back_off(counted, cursor, error, kind)",
            "self._back_off(counted, decode(lane.cursor), error, kind)",
        ),
    ),
    "hand out a page that was read ahead for another request": (
        Edit("engine/ahead.py", "self._task if key == self._key else None", "self._task"),
    ),
    "settle no further back than a poll": (Edit("core/cursor.py", "- max(window, overlap) -", "- overlap -"),),
    "count the settle window from the watermark alone": (
        Edit(
            "core/cursor.py",
            "return watermark_at if cursor.settled_at is None else min(watermark_at, cursor.settled_at)",
            "return watermark_at",
        ),
    ),
    "distrust a filter whose record was edited out of it": (
        Edit("engine/filtercheck.py", "    return listed is not None\n", "    return True\n"),
    ),
    "audit no more than a settle pass, and count nothing": (
        Edit(
            "core/cursor.py",
            "kind not in (ReadingKind.POLL, ReadingKind.SETTLE)",
            "kind not in (ReadingKind.POLL, ReadingKind.SETTLE, ReadingKind.AUDIT)",
        ),
        Edit("engine/audit.py", "short, least = is_short(reading, count), ", "short, least = False, "),
    ),
    "delete a flagged record each time it is listed": (
        Edit("core/detect.py", "        if known.gone:\n            return _write(row, known.rev, rules), None\n", ""),
        Edit("core/detect.py", "or bool(known.gone) != row.flagged", "or row.flagged"),
        Edit("engine/read.py", "and (not state[3] or deleted[position])", "and not state[3]"),
    ),
    "announce the delete of what nobody has heard of": (
        Edit(
            "core/detect.py",
            "        return _write(row, 1, rules), None\n    if rules.backfill",
            "        return _announce(row, 1, rules, EventType.DELETED)\n    if rules.backfill",
        ),
    ),
    "announce what was only touched": (Edit("core/detect.py", "if moved and rules.announce_touched:", "if moved:"),),
}
