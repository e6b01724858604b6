"""What every record needs, read from a whole page at once: its id, its stamps, its deleted flag and its exact bytes.

Two decodes a page and no Python call a record: one into records of just those fields, one into raw slices. The rest
of a record is looked at only when its bytes have changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from tidings.core.diff import parse
from tidings.core.errors import InvalidInput, ProviderDown
from tidings.core.model import RecordId, record_id

Path = tuple[str, ...]

_GREATEST_INT = 2**63 - 1  # what a database keeps as an integer

_BLANK = re.compile(r"[\s,]*")

_raws = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of one page as lists of equal length, in the page's order.

    Ids are in the form of `core.model.record_id`. `stamps`, `created` and `deleted` hold what the provider wrote,
    None where there was nothing (or no path was given). A raw slice keeps the whole page's bytes alive.
    """

    ids: Sequence[RecordId]
    stamps: Sequence[Any]
    created: Sequence[Any]
    deleted: Sequence[Any]
    raws: Sequence[msgspec.Raw]

    def __len__(self) -> int:
        return len(self.ids)


class HeadReader:
    """Reads the heads of pages of one resource; made once, it holds compiled decoders.

    A path is the keys that lead to a value, outermost first (`("_info", "lastUpdated")`); an empty one stands for a
    value that the resource does not have. Raises `InvalidInput` when there is no id path.
    """

    def __init__(self, id_path: Path, stamp_path: Path = (), created_path: Path = (), deleted_path: Path = ()) -> None:
        if not id_path:
            raise InvalidInput("idField", "is empty; write the path of the record's id, such as id")
        self._paths = (id_path, stamp_path, created_path, deleted_path)
        tree = _Node()
        places = [tree.place(path) for path in self._paths]
        tree.mark_id(id_path)
        self._decoder = msgspec.json.Decoder(list[tree.type()])  # type: ignore[misc]
        self._getters = [attrgetter(place) if place else None for place in places]

    def read(self, body: bytes, raws: Sequence[msgspec.Raw] | None = None) -> Heads:
        """The heads of a page, which must be a JSON array of objects that each have an id (a whole number or text
        that is not empty); raises `ProviderDown` saying which row is not. `raws` is what `split` made of the page."""
        raws = split(body) if raws is None else raws
        if not body.isascii():
            _refuse_broken_text(raws)
        try:
            columns = self._columns(body)
        except (msgspec.DecodeError, AttributeError):
            columns = self._columns_one_by_one(raws)
        ids, stamps, created, deleted = columns
        if {*map(type, ids)} != {int} or max(ids) > _GREATEST_INT:
            ids = [_id(each) for each in ids]
        return Heads(ids, stamps, created, deleted, raws)

    def edges(self, body: bytes) -> tuple[RecordId, RecordId]:
        """The first and last id of a page that is not empty."""
        ids = self.read(body).ids
        return ids[0], ids[-1]

    def _columns(self, body: bytes) -> list[list[Any]]:
        heads = self._decoder.decode(body)
        return [[None] * len(heads) if getter is None else list(map(getter, heads)) for getter in self._getters]

    def _columns_one_by_one(self, raws: Sequence[msgspec.Raw]) -> list[list[Any]]:
        """The same for a page on which something is not where it should be: slower, and it can say which row."""
        columns: list[list[Any]] = [[], [], [], []]
        for number, raw in enumerate(raws, start=1):
            try:
                record = parse(bytes(raw))
            except ValueError as error:
                raise ProviderDown(f"row {number} of the provider's page cannot be read: {error}") from None
            if not isinstance(record, dict):
                raise ProviderDown(f"row {number} of the provider's page is not a JSON object")
            for column, path in zip(columns, self._paths, strict=True):
                column.append(_at(record, path))
            found = columns[0][-1]
            if not isinstance(found, (int, str)) or isinstance(found, bool) or found == "":
                raise ProviderDown(
                    f"row {number} of the provider's page has no id: {'.'.join(self._paths[0])} is {_shown(found)}"
                )
        return columns


def split(body: bytes) -> Sequence[msgspec.Raw]:
    """The exact bytes of each record of a page; raises `ProviderDown` when it is no JSON array.

    Nobody has looked into the records yet: their text may be broken.
    """
    try:
        return _raws.decode(body)
    except msgspec.DecodeError as error:
        return _slices(body, error)


def _slices(body: bytes, refusal: Exception) -> list[msgspec.Raw]:
    """The exact bytes of each row of a page with something in it that only the standard library reads: half a
    surrogate pair, left where a provider cut a text in the middle of a sign."""
    wanted = _no_array(refusal)
    try:
        text = body.decode()
        if not isinstance(json.loads(text), list):
            raise wanted
    except ValueError:
        raise wanted from None
    rows: list[msgspec.Raw] = []
    decode, position = json.JSONDecoder().raw_decode, _BLANK.match(text, text.index("[") + 1)
    while position is not None and text[position.end()] != "]":
        _, end = decode(text, position.end())
        rows.append(msgspec.Raw(text[position.end() : end].encode()))
        position = _BLANK.match(text, end)
    return rows


def _no_array(why: Exception) -> ProviderDown:
    return ProviderDown(f"the provider's page is not a JSON array: {why}")


def _refuse_broken_text(raws: Sequence[msgspec.Raw]) -> None:
    """Raises `ProviderDown` when a record is not UTF-8. To decode the whole page costs three times as much: one letter
    beyond ASCII makes two bytes of each of its letters, and few records have one."""
    try:
        for raw in raws:
            text = bytes(raw)
            if not text.isascii():
                text.decode()
    except UnicodeDecodeError as error:
        raise _no_array(error) from None


class _Node:
    """One object of the shape that holds the wanted values; becomes a Struct that skips everything else."""

    def __init__(self) -> None:
        self.members: dict[str, _Node] = {}
        self.holds_id = False

    def place(self, path: Path) -> str:
        """Makes room for a path and says how its value is reached from the Struct (`f1.f0`); "" for no path."""
        if not path:
            return ""
        member = self.members.setdefault(path[0], _Node())
        place = f"f{list(self.members).index(path[0])}"
        return f"{place}.{member.place(path[1:])}" if len(path) > 1 else place

    def mark_id(self, path: Path) -> None:
        self.holds_id = True
        if path:
            self.members[path[0]].mark_id(path[1:])

    def type(self) -> type:
        """The Struct for an object, or the type of a leaf. Only what leads to the id must be there."""
        if not self.members:
            return int | Annotated[str, msgspec.Meta(min_length=1)] if self.holds_id else object  # type: ignore
        fields: list[Any] = []
        for number, member in enumerate(self.members.values()):
            kind = member.type()
            if member.holds_id:
                fields.insert(0, (f"f{number}", kind))
            elif member.members:
                fields.append((f"f{number}", kind, msgspec.field(default_factory=kind)))
            else:
                fields.append((f"f{number}", kind, None))
        rename = {f"f{number}": name for number, name in enumerate(self.members)}
        return msgspec.defstruct("Head", fields, rename=rename, frozen=True, gc=False)


def _at(record: object, path: Path) -> object:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record if path else None


def _id(value: int | str) -> RecordId:
    return str(value) if isinstance(value, int) and value > _GREATEST_INT else record_id(value)


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else text[:39] + "…"
