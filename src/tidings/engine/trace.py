"""What did one turn of a reading see, and what became of each record? Noted while it reads, told when it commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidings.core.cursor import Reading
from tidings.core.model import Change, Known, Moment, RecordId, RecordWrite
from tidings.core.trail import Entry, Verdict, encode, verdict


class Trace:
    """The notes of one turn; `clear` begins the next."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._ids: Sequence[RecordId] = ()
        self._usual = Verdict.UNCHANGED
        self._special: dict[RecordId, Verdict] = {}
        self._since_at: Moment | None = None
        self._date_at: Moment | None = None
        self._outside = 0

    def asked(self, since_at: Moment | None, date_at: Moment) -> None:
        """For records stamped since `since_at`; the provider answered at `date_at`."""
        self._since_at, self._date_at = since_at, date_at

    def saw(self, ids: Sequence[RecordId], usual: Verdict = Verdict.UNCHANGED, outside: int = 0) -> None:
        """The rows of a page; `usual` is said of all that nothing else is said of."""
        self._ids, self._usual, self._outside = ids, usual, outside

    def judged(self, key: RecordId, known: Known | None, write: RecordWrite, change: Change | None) -> None:
        self._special[key] = verdict(known, write, change)

    def mark(self, ids: Iterable[RecordId], said: Verdict) -> None:
        """Say this of records, whether they were on a page or not."""
        self._special.update(dict.fromkeys(ids, said))

    def entry(self, reading: Reading, at: Moment, serial: int, *, ended: bool) -> Entry:
        """What the turn leaves in the lane's trail."""
        return Entry(
            reading=reading.kind.value,
            since_at=reading.lower_at if self._since_at is None else self._since_at,
            date_at=self._date_at,
            page=reading.pages,
            rows=len(self._ids),
            outside=self._outside,
            seen=encode(self._ids, self._special, self._usual),
            at=at,
            serial=serial,
            ended=ended,
        )
