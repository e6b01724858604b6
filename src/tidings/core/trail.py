"""What does a reading leave behind, so that it can be explained later what became of a record?

Each page of a reading leaves one entry: when, what was asked, and a verdict on every record that it saw. A try that
failed leaves one without records. Pure: the store keeps the entries, the API tells them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, repeat
from operator import sub

import orjson
import zstandard

from tidings.core.model import Change, EventType, Known, Moment, RecordId, RecordWrite


class Verdict(IntEnum):
    """What became of one record on one page; the number is what is stored, so it never changes its meaning."""

    UNCHANGED = 1
    CREATED = 2
    UPDATED = 3
    DELETED = 4
    TOUCHED = 5
    TOUCH_IGNORED = 6
    VOLATILE = 7
    FIRST_SEEN = 8
    LEARNED = 9
    REBASED = 10
    OUTSIDE = 11
    LEFT = 12
    LISTED = 13
    FOUND_AGAIN = 14
    BACK_IN_VIEW = 15
    STILL_GONE = 16
    MISSING_ONCE = 17
    OUT_OF_VIEW = 18
    NO_ANSWER = 19
    INCONCLUSIVE = 20
    HELD = 21
    UNREADABLE = 22
    UNMOVED = 23
    TAKEN_OVER = 24
    LEARNED_DELETED = 25
    FORBIDDEN = 26


SENTENCES: Mapping[Verdict, str] = {
    Verdict.UNCHANGED: "came byte for byte as it was known: no event",
    Verdict.CREATED: "was not known, or was known as deleted, and is there: CREATED",
    Verdict.UPDATED: "came with other content than was known: UPDATED",
    Verdict.DELETED: "is deleted: DELETED",
    Verdict.TOUCHED: "came with another stamp and the same content, which this resource announces: UPDATED, touched",
    Verdict.TOUCH_IGNORED: "came with another stamp, but the same content apart from volatile fields: no event, because"
    " this resource does not announce mere touches",
    Verdict.VOLATILE: "came under the same stamp and differed in volatile fields only: no event",
    Verdict.FIRST_SEEN: "was not known, and is older than the watching: UPDATED, first seen",
    Verdict.LEARNED: "was there when watching began: learned silently, no event",
    Verdict.LEARNED_DELETED: "was not known, and bears the deleted flag already: remembered as deleted, no event",
    Verdict.REBASED: "was compared under another configuration before, and its stamp had not moved: taken over"
    " silently, no event",
    Verdict.OUTSIDE: "was not known, and its stamp lies before what was asked for: not ours to announce",
    Verdict.LEFT: "was stamped after the poll began: left to the next poll (filterByCurrentDate)",
    Verdict.LISTED: "stood in the list of all ids: it exists, its content was not compared",
    Verdict.FOUND_AGAIN: "was missed by the sweep before and is there again: no event",
    Verdict.BACK_IN_VIEW: "was out of view and is there again, with the content that was known: no event",
    Verdict.STILL_GONE: "is known as deleted, and nothing shows otherwise: no event",
    Verdict.MISSING_ONCE: "was missing from the list of all ids and answered 404 by its id, for the first time: the"
    " next sweep decides",
    Verdict.OUT_OF_VIEW: "was missing from the list of ids, but exists when read by its id: out of view, no event",
    Verdict.NO_ANSWER: "was asked for by its id, which changed nothing and proved nothing: no event",
    Verdict.FORBIDDEN: "was asked for by its id, and the provider answered that these keys may not read it: no"
    " conclusion, no event",
    Verdict.INCONCLUSIVE: "was missing from a list of ids that was not whole, or of nothing: no conclusion",
    Verdict.HELD: "was missing from the list of all ids together with suspiciously many others: held for a person",
    Verdict.UNREADABLE: "makes its page fail at the provider: passed over",
    Verdict.UNMOVED: "came with other content under the stamp it had: counted, and announced when the audit has seen"
    " that not too many did",
    Verdict.TAKEN_OVER: "came with other content under the stamp it had: taken over silently, as a person decided",
}

_ANNOUNCED = {
    EventType.CREATED: Verdict.CREATED,
    EventType.UPDATED: Verdict.UPDATED,
    EventType.DELETED: Verdict.DELETED,
}


def verdict(known: Known | None, write: RecordWrite, change: Change | None) -> Verdict:
    """What a judgement came to, from what was known before it, what is known after it, and what is announced.

    A `write` without a snapshot is of a record that was looked for by its id and not found in a list.
    """
    if change is not None:
        if change.touched:
            return Verdict.TOUCHED
        return Verdict.FIRST_SEEN if change.first_seen else _ANNOUNCED[change.type]
    if known is None:
        return Verdict.LEARNED_DELETED if write.gone else Verdict.LEARNED
    if write.gone:
        return Verdict.STILL_GONE
    if write.snapshot is None:
        return _of_missing(known, write)
    if known.missing:
        return Verdict.BACK_IN_VIEW if known.missing < 0 else Verdict.FOUND_AGAIN
    moved = write.stamp_at != known.stamp_at
    if known.raw_hash != write.raw_hash and (moved or known.generation == write.generation):
        return Verdict.TOUCH_IGNORED if moved else Verdict.VOLATILE
    return Verdict.UNCHANGED if known.generation == write.generation else Verdict.REBASED


def _of_missing(known: Known, write: RecordWrite) -> Verdict:
    if write.missing == known.missing:
        return Verdict.NO_ANSWER
    if write.missing < 0:
        return Verdict.OUT_OF_VIEW
    return Verdict.MISSING_ONCE if write.missing else Verdict.FOUND_AGAIN


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of a reading, or one try that failed.

    `reading` is a `ReadingKind`, empty where a lane was parked before it read. `since_at` is the earliest stamp that
    was asked for, None for everything; `date_at` the provider's clock on that page; `page` counts within the reading,
    which is complete with the page that is `ended`. `seen` is made by `encode`. `numbers` are those of the
    notifications that were cut in the page's commit; the store fills them in. With a `failure` nothing was read: it is
    a sentence with the provider's words, `status` what it answered, `next_at` when the next try is due.
    """

    reading: str
    since_at: Moment | None = None
    date_at: Moment | None = None
    page: int = 0
    rows: int = 0
    outside: int = 0
    seen: bytes = b""
    failure: str | None = None
    status: int | None = None
    next_at: Moment | None = None
    at: Moment = 0  #: by our clock
    serial: int = 0  #: of the lane's page commits; a failure has that of the commit it prevented
    ended: bool = False
    numbers: tuple[int, ...] = ()


#: How `seen` is written: differences of integers or JSON, as they are or compressed. Ids of neighbours are neighbours,
#: so their differences are small and alike.
_NUMBERS, _NUMBERS_ZSTD, _JSON, _JSON_ZSTD = b"n", b"N", b"j", b"J"
_WORTH_COMPRESSING = 64
_WIDTH = 8


def encode(ids: Sequence[RecordId], special: Mapping[RecordId, Verdict], usual: Verdict = Verdict.UNCHANGED) -> bytes:
    """Which records a page saw: `ids`, and those of `special` that are not among them; a verdict on each, `usual` where
    `special` has none."""
    everything = list(dict.fromkeys((*ids, *special)))
    if not everything:
        return b""
    verdicts = bytes(map(special.get, everything, repeat(usual))) if special else bytes((usual,)) * len(everything)
    try:
        differences = array("q", everything[:1])  # type: ignore[type-var]
        differences.extend(map(sub, everything[1:], everything))
    except (TypeError, OverflowError):
        return _packed(_JSON, _JSON_ZSTD, orjson.dumps([list(map(str, everything)), list(verdicts)]))
    return _packed(_NUMBERS, _NUMBERS_ZSTD, verdicts + differences.tobytes())


def _packed(plain: bytes, compressed: bytes, content: bytes) -> bytes:
    if len(content) < _WORTH_COMPRESSING:
        return plain + content
    return compressed + zstandard.compress(content, level=1)


def decode(seen: bytes) -> Mapping[str, Verdict]:
    """The verdict on each record of a page, by its id as text."""
    ids, verdicts = _unpacked(seen)
    return dict(zip(ids, map(Verdict, verdicts), strict=True))


def find(seen: bytes, record: str) -> Verdict | None:
    """The verdict on one record, None when the page did not see it."""
    ids, verdicts = _unpacked(seen)
    return Verdict(verdicts[ids.index(record)]) if record in ids else None


def _unpacked(seen: bytes) -> tuple[list[str], bytes]:
    if not seen:
        return [], b""
    form, content = seen[:1], seen[1:]
    if form in (_NUMBERS_ZSTD, _JSON_ZSTD):
        content = zstandard.decompress(content)
    if form in (_JSON, _JSON_ZSTD):
        ids, verdicts = orjson.loads(content)
        return ids, bytes(verdicts)
    count = len(content) // (_WIDTH + 1)
    return list(map(str, accumulate(array("q", content[count:])))), content[:count]
