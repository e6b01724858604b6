"""Whether a record satisfies a CEQL condition, as the provider would judge it (spec connectwise.md 13.9 to 13.12)."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tidings.core.ceqltree import And, Comparison, Expr, In, IsNull, Kind, Like, Literal, Not, Or, Path, dotted
from tidings.core.javadate import parse_iso

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|$)")
_WILDCARD: Final = re.compile("%+")


def matches(expr: Expr, record: Mapping[str, Any], aliases: Mapping[str, str]) -> bool:
    """Whether `record` satisfies `expr`.

    `aliases` maps a dotted name of the query to where the record keeps it (`lastUpdated` to `_info.lastUpdated`). A
    name in backticks is first a member of that name, dots and all, then what it is without them.
    Names and text are compared without regard to case; quoted numbers and booleans match numbers and booleans,
    dates compare as instants (a date alone is its midnight, without a zone UTC); a comparison with a missing value,
    or of things that cannot be compared, is unknown and so is its negation, and what is unknown does not match. A list
    meets a comparison or a pattern when something in it does.
    """
    return _truth(expr, record, {name.lower(): target for name, target in aliases.items()}) is True


def like(pattern: str, text: str) -> bool:
    """Whether all of `text` fits `pattern`, where % stands for any run of characters; case does not matter."""
    first, *rest = _WILDCARD.split(pattern.casefold())
    text = text.casefold()
    if not rest:
        return text == first
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    position, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _truth(expr: Expr, record: Mapping[str, Any], aliases: Mapping[str, str]) -> bool | None:
    match expr:
        case And(operands):
            return _all(_truth(operand, record, aliases) for operand in operands)
        case Or(operands):
            return _any(_truth(operand, record, aliases) for operand in operands)
        case Not(operand):
            truth = _truth(operand, record, aliases)
            return None if truth is None else not truth
        case IsNull(field):
            return _value(field, record, aliases) is None
        case Like(field, pattern):
            return _liked(_value(field, record, aliases), pattern)
        case In(field, values):
            found = _value(field, record, aliases)
            return _any(_compared(found, "=", value) for value in values)
        case Comparison(field, operator, value):
            return _compared(_value(field, record, aliases), operator, value)


def _all(truths: Iterable[bool | None]) -> bool | None:
    known = True
    for truth in truths:
        if truth is False:
            return False
        known = known and truth is not None
    return True if known else None


def _any(truths: Iterable[bool | None]) -> bool | None:
    opposite = _all(None if truth is None else not truth for truth in truths)
    return None if opposite is None else not opposite


def _value(path: Path, record: Mapping[str, Any], aliases: Mapping[str, str]) -> Any:
    target = aliases.get(".".join(path).lower())
    if target is not None:
        return _at(record, target.split("."))
    found = _at(record, path)
    return _at(record, dotted(path)) if found is None and len(path) == 1 else found


def _at(record: Mapping[str, Any], path: Iterable[str]) -> Any:
    value: Any = record
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value[part] if part in value else _ignoring_case(value, part)
    return value


def _ignoring_case(record: Mapping[str, Any], name: str) -> Any:
    return next((value for key, value in record.items() if key.lower() == name.lower()), None)


def _liked(value: Any, pattern: str) -> bool | None:
    if isinstance(value, list) and value:
        return _any(_liked(each, pattern) for each in value)
    text = _text(value)
    return None if text is None else like(pattern, text)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _compared(value: Any, operator: str, literal: Literal) -> bool | None:
    if isinstance(value, list) and value:
        return _any(_compared(each, operator, literal) for each in value)
    order = _order(value, literal)
    if order is None:
        return None
    match operator:
        case "=":
            return order == 0
        case "!=":
            return order != 0
        case "<":
            return order < 0
        case ">":
            return order > 0
        case "<=":
            return order <= 0
        case _:
            return order >= 0


def _order(value: Any, literal: Literal) -> int | None:
    """-1, 0 or 1 as the record's value is less than, equal to or greater than the literal; None: not comparable."""
    if isinstance(value, bool):
        truth = {"true": True, "false": False}.get(literal.text.lower())
        return None if truth is None else _sign(value, truth)
    if isinstance(value, int | float):
        return _numeric_order(str(value), literal.text)
    if not isinstance(value, str):
        return None
    if literal.kind is Kind.NUMBER:
        order = _numeric_order(value, literal.text)
    elif _DATE.match(literal.text):
        order = _date_order(value, literal.text)
    else:
        order = None
    if order is None and literal.kind is not Kind.DATE:
        return _sign(value.casefold(), literal.text.casefold())
    return order


def _numeric_order(value: str, literal: str) -> int | None:
    try:
        left, right = Decimal(value), Decimal(literal)
    except InvalidOperation:
        return None
    return _sign(left, right) if left.is_finite() and right.is_finite() else None


def _date_order(value: str, literal: str) -> int | None:
    try:
        return _sign(parse_iso(value), parse_iso(literal))
    except ValueError:
        return None


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)
