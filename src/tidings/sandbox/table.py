"""Where are the records of one resource, and which of them lie within given bounds?

A row is either the stored record or, once it has been asked for, only the bytes of its answer, whole or in the pieces
that it goes out in: a million untouched records cost little more than their text. Two sorted arrays (ids; stamp and
id packed into one number) answer every poll without looking at a record.
"""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from tidings.sandbox.conditions import Bounds
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.pieces import Pieces, cut, is_reversible, whole
from tidings.sandbox.render import Renderer

_ID_BITS = 32
_ID_MASK = (1 << _ID_BITS) - 1


class Table:
    """The records of one resource of one tenant. Whoever reads a stored record must not change it."""

    def __init__(self, resource: Resource, renderer: Renderer) -> None:
        self.resource = resource
        self.version = 0
        self.last_id = 0
        self.ids: array[int] = array("Q")
        self._stamps: array[int] = array("Q")
        self._rows: dict[int, Stored | bytes | Pieces] = {}
        self._children: dict[int, list[int]] = {}
        self._renderer = renderer

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, number: int) -> bool:
        return number in self._rows

    def __iter__(self) -> Iterator[Stored]:
        return (self.stored(number) for number in self.ids)

    def stored(self, number: int) -> Stored:
        """The record in stored form. Raises KeyError when there is none."""
        row = self._rows[number]
        return row if isinstance(row, dict) else self._renderer.stored(self.body(number))

    def body(self, number: int) -> bytes:
        """The bytes of its answer with markers (render.py). Raises KeyError when there is none."""
        row = self._rows[number]
        if isinstance(row, tuple):
            return whole(row)
        if isinstance(row, dict):
            row = self._rows[number] = self._renderer.body(row)
        return row

    def rendered(self, record: Stored) -> bytes:
        """The bytes of the answer that this record would have, whether or not it is in the table."""
        return self._renderer.body(record)

    def pieces(self, numbers: Iterable[int], base: bytes) -> list[Pieces]:
        """Their answers for readers at this address. Raises KeyError when one is not there."""
        rows = self._rows
        return [
            row if isinstance(row := rows[number], tuple) and row[0] == base else self._cut(number, base)
            for number in numbers
        ]

    def address(self, base: bytes) -> None:
        """Have every answer ready for readers at this address; others wait a little longer for theirs."""
        for number in self.ids:
            self._cut(number, base)

    def _cut(self, number: int, base: bytes) -> Pieces:
        body = self.body(number)
        row = cut(body, base)
        if is_reversible(body, base):
            self._rows[number] = row
        return row

    def put(self, record: Stored, old: Stored | None = None) -> None:
        """Add a record, or replace `old` by one with the same id."""
        number = record["id"]
        if old is None:
            self.last_id = max(self.last_id, number)
            insort(self.ids, number)
        else:
            self._unindex(old)
        stamp = stamp_of(record)
        if stamp is not None:
            insort(self._stamps, _packed(stamp, number))
        parent = self.parent(record)
        if parent is not None:
            insort(self._children.setdefault(parent, []), number)
        self._rows[number] = record
        self.version += 1

    def fill(self, records: Iterable[Stored], *, rendered: bool, note: Callable[[Stored], None]) -> None:
        """Add many records to an empty table, ids ascending; `rendered` keeps only their answers from the start."""
        body = self._renderer.body
        stamps: list[int] = []
        for record in records:
            number = record["id"]
            note(record)
            self.ids.append(number)
            stamp = stamp_of(record)
            if stamp is not None:
                stamps.append(_packed(stamp, number))
            parent = self.parent(record)
            if parent is not None:
                self._children.setdefault(parent, []).append(number)
            self._rows[number] = body(record) if rendered else record
        self._stamps = array("Q", sorted(stamps))
        self.last_id = self.ids[-1] if self.ids else 0
        self.version += 1

    def remove(self, number: int) -> None:
        self._unindex(self.stored(number))
        del self._rows[number]
        del self.ids[bisect_left(self.ids, number)]
        self.version += 1

    def stale(self, numbers: Iterable[int]) -> None:
        """Forget the answers of these records: something that they show from elsewhere has changed."""
        for number in numbers:
            if number in self._rows:
                self._rows[number] = self.stored(number)
        self.version += 1

    def children(self, parent: int) -> Sequence[int]:
        """The ids of the records under a parent, ascending."""
        return self._children.get(parent, [])

    def within(self, box: Bounds) -> Sequence[int]:
        """The ids inside the bounds, ascending."""
        if box.stamp_from is None and box.stamp_to is None:
            return self.ids if box.id_after is None else self.ids[bisect_right(self.ids, box.id_after) :]
        low, high = 0, len(self._stamps)
        if box.stamp_from is not None:
            low = self._position(box.stamp_from, after=box.stamp_strict)
        if box.stamp_to is not None:
            high = self._position(box.stamp_to, after=not box.stamp_to_strict)
        after = -1 if box.id_after is None else box.id_after
        return sorted(number for packed in self._stamps[low:high] if (number := packed & _ID_MASK) > after)

    def by_stamp(self, *, descending: bool) -> list[int] | None:
        """All ids by update stamp, ties by id ascending; None when some record has no stamp."""
        if len(self._stamps) < len(self.ids):
            return None
        packed: Iterable[int] = self._stamps
        if descending:
            packed = sorted(packed, key=lambda each: (-(each >> _ID_BITS), each & _ID_MASK))
        return [each & _ID_MASK for each in packed]

    def stamp(self, number: int) -> str | None:
        """The update stamp as text."""
        row = self._rows[number]
        if isinstance(row, dict):
            return stamp_of(row)
        text = (row[2] or row[1]) if isinstance(row, tuple) else row
        start = text.rfind(b',"_info":{"lastUpdated":"')
        return text[start + 25 : start + 45].decode() if start >= 0 else None

    def _position(self, stamp: str, *, after: bool) -> int:
        # An instant outside the years that fit is before or after every record.
        packed = _seconds(stamp) << _ID_BITS
        return bisect_left(self._stamps, packed + (1 << _ID_BITS if after else 0))

    def _unindex(self, old: Stored) -> None:
        number = old["id"]
        stamp = stamp_of(old)
        if stamp is not None:
            del self._stamps[bisect_left(self._stamps, _packed(stamp, number))]
        parent = self.parent(old)
        if parent is not None:
            self._children[parent].remove(number)

    def parent(self, record: Stored) -> int | None:
        """The id of the record that this one lies under, or None."""
        value: Any = record.get(self.resource.parent_field)
        return value.get("id") if isinstance(value, dict) else value


def stamp_of(record: Stored) -> str | None:
    """When a stored record was last updated, as the provider writes it."""
    info = record.get("_info")
    return info.get("lastUpdated") if info else None


def _seconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp())


def _packed(stamp: str, number: int) -> int:
    return _seconds(stamp) << _ID_BITS | number
