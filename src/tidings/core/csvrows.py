"""How do records become lines of CSV, and lines of CSV records?

A record is flat there: a member inside of another is a column of its own, the names joined by dots (`company.name`). A
list is one cell, as JSON; null and what a record does not have are empty. What a spreadsheet would take for a formula
gets an apostrophe in front, which is taken off again when it is read.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from tidings.core.bulk import Line
from tidings.core.errors import InvalidInput

MOST_COLUMNS: Final = 5000
_DEEPEST: Final = 50

#: A spreadsheet computes what begins so; but numbers, dates and telephone numbers do no harm.
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_HARMLESS: Final = re.compile(r"[+-]?[\d\s().,:/-]*", re.ASCII)
_APOSTROPHE: Final = re.compile(r"'+[=+\-@\t\r]")


class _Digits(str):
    """A number with the digits that the provider sent."""

    __slots__ = ()


_decode = json.JSONDecoder(parse_float=_Digits, parse_int=_Digits).decode


def columns(lines: Iterable[bytes], known: dict[str, None]) -> None:
    """Add the columns of these records to those that are `known`, in the order in which they are met.

    Raises InvalidInput when there are more than can be written.
    """
    for line in lines:
        for name in _flat(_decode(line.decode())):
            known.setdefault(name)
    if len(known) > MOST_COLUMNS:
        raise InvalidInput("Accept", f"text/csv would have more than {MOST_COLUMNS} columns; ask for application/json")


def header(names: Sequence[str]) -> bytes:
    return _written([[_safe(name) for name in names]])


def written(lines: Iterable[bytes], names: Sequence[str]) -> bytes:
    """These records as lines of CSV, each with its end.

    >>> written([b'{"id":1,"company":{"name":"=A"},"a":["x"]}'], ["id", "company.name", "a", "b"])
    b'1,\\'=A,"[""x""]",\\n'
    """
    flat = (_flat(_decode(line.decode())) for line in lines)
    return _written([_cell(row.get(name)) for name in names] for row in flat)


def read(text: str, types: Mapping[str, str]) -> Iterator[Line]:
    """The rows of a file with a header line: what each column is called says where its value stands in the record.

    `types` are those of fields by their dotted names; what is of none is text. Empty cells are left out. Raises
    InvalidInput for a file without a header line that can be used.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        names = [_unsafe(name.strip()) for name in next(rows, [])]
        if not any(names) or len(set(names)) < len(names) or len(names) > MOST_COLUMNS:
            raise InvalidInput("file", "has no header line with a name for each column, each once")
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield Line(None, f"the line cannot be read as CSV: {error}")
                continue
            if row is None:
                return
            if any(row):
                yield _line(names, row, types)
    except csv.Error as error:
        raise InvalidInput("file", f"cannot be read as CSV: {error}") from None


def _line(names: Sequence[str], row: Sequence[str], types: Mapping[str, str]) -> Line:
    if len(row) > len(names):
        return Line(None, f"the line has {len(row)} cells, and the header {len(names)}")
    record: dict[str, Any] = {}
    for name, cell in zip(names, row, strict=False):
        if cell and name:
            inside, *path = record, *name.split(".")
            for step in path[:-1]:
                inside = inside.setdefault(step, {})
                if not isinstance(inside, dict):
                    return Line(None, f"{name}: {step} has a value of its own")
            if isinstance(inside.get(path[-1]), dict):
                return Line(None, f"{name}: has a value of its own")
            inside[path[-1]] = _typed(_unsafe(cell), types.get(name, "string"))
    try:
        return Line(orjson.dumps(record))
    except TypeError:
        return Line(None, "the line has what cannot be written as JSON")


def _typed(cell: str, kind: str) -> Any:
    if kind in ("int", "decimal") and re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", cell, re.ASCII):
        return orjson.loads(str(int(cell)) if "." not in cell else cell.replace("-.", "-0."))
    if kind == "bool" and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if cell[:1] in "[{" or kind == "array":
        try:
            return orjson.loads(cell)
        except ValueError:
            return cell
    return cell


def _flat(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _flatten(record if isinstance(record, dict) else {"value": record}, "", found, _DEEPEST)
    return found


def _flatten(record: Mapping[str, Any], prefix: str, found: dict[str, Any], depth: int) -> None:
    for name, value in record.items():
        if isinstance(value, dict) and value and depth:
            _flatten(value, f"{prefix}{name}.", found, depth - 1)
        else:
            found[prefix + name] = value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, _Digits):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _safe(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    """A list as JSON, the numbers with their digits."""
    if isinstance(value, _Digits):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _safe(text: str) -> str:
    return f"'{text}" if (_FORMULA.match(text) and not _HARMLESS.fullmatch(text)) or _APOSTROPHE.match(text) else text


def _unsafe(text: str) -> str:
    return text[1:] if _APOSTROPHE.match(text) else text


def _written(rows: Iterable[Sequence[str]]) -> bytes:
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    # Half a surrogate pair cannot be written as UTF-8.
    return "".join(lines).encode(errors="replace")


class _Lines(list[str]):
    """What a writer has written, each line ended by a line feed alone: it puts only what ends its lines into quotes."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")
