"""How is the text of a whole query read? `select … from … where … order by … limit …` (spec platform.md 7.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tidings.core import ceql
from tidings.core.ceql import MAX_LENGTH, CeqlError

LARGEST_LIMIT: Final = 2**53

_SELECT: Final = re.compile(r"\s*select\s+", re.IGNORECASE)
_FIELD: Final = re.compile(r"\s*(?:([A-Za-z_][\w]*(?:[./][A-Za-z_]\w*)*)|`([^`]+)`|(\*))\s*")
_FROM: Final = re.compile(r"from(?=[\s`]|$)\s*", re.IGNORECASE)
_OBJECT: Final = re.compile(r"(?:([\w-]+(?:/[\w-]+)*)|`([^`]+)`)\s*", re.ASCII)
#: Where a clause begins, or something that holds no beginning of one. No condition has a field before a bare number, or
#: `order` before `by`, so these words may still be fields of one.
_NEXT: Final = re.compile(
    r"(?P<text>'(?:[^']|'')*'?|`[^`]*`?)|(?<![\w.])(?P<clause>where|order\s+by|limit(?=\s+\d))(?![\w.])", re.IGNORECASE
)
_LIMIT: Final = re.compile(r"\s*(\d+)\s*")


@dataclass(frozen=True, slots=True)
class BulkQuery:
    """What is asked for. No `fields` are all of them; they stand in the order in which they were written."""

    object: str
    fields: tuple[str, ...] = ()
    where: str | None = None
    order_by: str | None = None
    limit: int | None = None


def parse(text: str) -> BulkQuery:
    """The query; its clauses may stand in any order, each once. Raises CeqlError, with the column.

    >>> parse("select id, company.id from contacts where lastName = 'limit 3' limit 2").limit
    2
    """
    if len(text) > MAX_LENGTH:
        raise CeqlError(f"the query is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    found = _SELECT.match(text)
    if found is None:
        raise CeqlError("expected `select`: write select * from contacts where …", _begin(text, 0) + 1)
    fields, at = _fields(text, found.end())
    named = _OBJECT.match(text, at)
    if named is None:
        raise CeqlError(f"expected an object such as contacts, found {_at(text, at)}", at + 1)
    clauses = _clauses(text, named.end())
    return BulkQuery(
        object=named[1] or named[2],
        fields=fields,
        where=_where(text, clauses.get("where")),
        order_by=_order(text, clauses.get("order by")),
        limit=_limit(text, clauses.get("limit")),
    )


def _fields(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """The fields that stand from a place on, and the place behind `from`."""
    fields: list[str] = []
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise CeqlError(f"expected * or a field's name, found {_at(text, at)}", _begin(text, at) + 1)
        fields.append(found[1] or found[2] or "*")
        at = found.end()
        if text[at : at + 1] == ",":
            at += 1
            continue
        behind = _FROM.match(text, at)
        if behind is None:
            raise CeqlError(f"expected a comma or `from`, found {_at(text, at)}; fields get no other names", at + 1)
        return (() if "*" in fields else tuple(dict.fromkeys(fields))), behind.end()


def _clauses(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Where the text of each clause begins and ends."""
    found: dict[str, tuple[int, int]] = {}
    name, begin = "", at
    for match in _NEXT.finditer(text, at):
        if match["clause"] is None:
            continue
        _close(text, found, name, begin, match.start())
        name, begin = re.sub(r"\s+", " ", match["clause"].lower()), match.end()
        if name in found:
            raise CeqlError(f"`{name}` stands here for the second time", match.start() + 1)
    _close(text, found, name, begin, len(text))
    return found


def _close(text: str, found: dict[str, tuple[int, int]], name: str, begin: int, end: int) -> None:
    if name:
        found[name] = begin, end
    elif text[begin:end].strip():
        begin = _begin(text, begin)
        raise CeqlError(f"expected where, order by, limit or the end, found {_at(text, begin)}", begin + 1)


def _where(text: str, span: tuple[int, int] | None) -> str | None:
    if span is None:
        return None
    begin, end = span
    try:
        ceql.parse(text[begin:end])
    except CeqlError as error:
        raise CeqlError(error.message, error.column + begin) from None
    return text[begin:end].strip()


def _order(text: str, span: tuple[int, int] | None) -> str | None:
    if span is None:
        return None
    said = text[slice(*span)].strip()
    if not said:
        raise CeqlError("expected a field and asc or desc", span[0] + 1)
    return said


def _limit(text: str, span: tuple[int, int] | None) -> int | None:
    if span is None:
        return None
    found = _LIMIT.fullmatch(text, *span)
    if found is None or len(found[1]) > 16 or not 1 <= int(found[1]) <= LARGEST_LIMIT:
        raise CeqlError(f"a limit is a whole number from 1 to {LARGEST_LIMIT}", _begin(text, span[0]) + 1)
    return int(found[1])


def _begin(text: str, at: int) -> int:
    """The next place that is not blank."""
    while text[at : at + 1].isspace():
        at += 1
    return at


def _at(text: str, at: int) -> str:
    rest = text[_begin(text, at) :]
    word = re.match(r"\w+|.", rest, re.DOTALL)
    return f"`{word[0][:40]}`" if word else "the end"
