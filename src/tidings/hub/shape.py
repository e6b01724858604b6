"""How does what the provider answered become what the hub answers?

Bytes are kept wherever nothing must change in them: numbers keep their digits and texts their escapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tidings.core.errors import ProviderDown
from tidings.core.splice import elements, listed
from tidings.hub.nulls import without_nulls

__all__ = ["Row", "encoded", "listed", "number_at", "parsed", "project", "record_of", "shown", "split_rows"]

_rows = msgspec.json.Decoder(list[msgspec.Raw])

Row = bytes | msgspec.Raw


def split_rows(body: bytes) -> Sequence[Row]:
    """The records of a page, each as its exact bytes. Raises ProviderDown when it is no list."""
    try:
        body.decode()  # which msgspec does not look into where it only cuts
        return _rows.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        parsed(body)
        return elements(body)
    except (ValueError, IndexError, RecursionError):
        raise ProviderDown("the provider answered with a list that cannot be read as JSON") from None


def parsed(document: bytes) -> Any:
    """The value of a document. Raises ValueError when it is no JSON, which NaN and Infinity are not."""
    try:
        return msgspec.json.decode(document)
    except msgspec.DecodeError:
        # Half a surrogate pair (a text that the provider cut in the middle of a sign) is read, not refused.
        return json.loads(document.decode(), parse_constant=_refused)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def shown(row: Row, *, drop_nulls: bool) -> bytes:
    """One record as the hub shows it: without members that are null, at any depth, when they are dropped."""
    record = bytes(row)
    return without_nulls(record) if drop_nulls else record


def record_of(row: Row) -> dict[str, Any]:
    """A record for looking into. Raises ProviderDown when it is no object."""
    try:
        record = parsed(bytes(row))
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ProviderDown("the provider answered with a list that has something else than records in it")
    return record


def number_at(row: Row, path: Sequence[str]) -> int | None:
    """The whole number at `path` in a record, None when there is none."""
    value: Any = record_of(row)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def encoded(value: object) -> bytes:
    """The JSON of a value that was read from JSON."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):
        # Half a surrogate pair, or digits without end: the standard library writes what it has read.
        return json.dumps(value, separators=(",", ":")).encode()


def project(record: Mapping[str, Any], paths: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Only these members of a record, nested as they stand; what it does not have is left out."""
    kept: dict[str, Any] = {}
    for path in paths:
        _take(record, path, kept)
    return kept


def _take(record: Mapping[str, Any], path: Sequence[str], kept: dict[str, Any]) -> None:
    name, *rest = path
    if name not in record:
        return
    value = record[name]
    if not rest:
        kept[name] = value
    elif isinstance(value, Mapping):
        inside = kept.setdefault(name, {})
        if inside is not value and isinstance(inside, dict):
            _take(value, rest, inside)
