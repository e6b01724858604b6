"""How a CEQL condition is said in ConnectWise's `conditions` (spec connectwise.md 3.2)."""

import re
from collections.abc import Mapping
from typing import Final

from tidings.core.ceqltree import And, Comparison, Expr, In, IsNull, Kind, Like, Literal, Not, Or, Path, dotted
from tidings.core.javadate import parse_iso

_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII)
_OPPOSITES: Final = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

# The names that a schema may give a field's type, by the way a value is written.
_NUMBERS: Final = frozenset({"int", "integer", "number", "decimal", "float", "double"})
_BOOLEANS: Final = frozenset({"bool", "boolean"})
_DATES: Final = frozenset({"datetime", "date"})
_TEXTS: Final = frozenset({"string", "text", "enum"})


class ConditionsError(ValueError):
    """The provider's language cannot say this; the message names the field or value and what to write instead."""


class Unsayable(ConditionsError):
    """It makes sense all the same: only the provider cannot be asked."""


def translate(expr: Expr, schema: Mapping[str, str]) -> str:
    """The text of `conditions` that selects what `expr` does.

    `schema` gives the types of fields by their dotted names in any case: int, number, bool, datetime, string, array.
    A field that it does not name is typed by its value's looks: bare numbers and booleans, dates, quoted `true` and
    `false`, and digits for a name that ends in `id`; all else is text. Names stay as they are, `.` becoming `/` (in
    backticks, too), so `lastUpdated` is the top-level field that the provider knows. Raises ConditionsError.
    """
    return _said(expr, {name.lower(): kind.lower() for name, kind in schema.items()}, negated=False)


def _said(expr: Expr, schema: Mapping[str, str], *, negated: bool) -> str:
    """`expr` or its negation: the language has `not` inside predicates only, so negation is carried down to them.

    Unknown stays unknown on the way, so the same records match.
    """
    match expr:
        case Not(operand):
            return _said(operand, schema, negated=not negated)
        case And(operands) | Or(operands):
            joint = " and " if isinstance(expr, And) != negated else " or "
            return joint.join(_grouped(operand, schema, negated=negated) for operand in operands)
        case IsNull(field):
            return f"{_path(field, schema)} {'!=' if negated else '='} null"
        case Like(field, pattern):
            return f"{_path(field, schema)} {'not ' * negated}like {_pattern(field, pattern, schema)}"
        case In(field, values):
            listed = ", ".join(_value(field, value, schema) for value in values)
            return f"{_path(field, schema)} {'not ' * negated}in ({listed})"
        case Comparison(field, operator, value):
            operator = _OPPOSITES[operator] if negated else operator
            return f"{_path(field, schema)} {operator} {_value(field, value, schema)}"


def _grouped(expr: Expr, schema: Mapping[str, str], *, negated: bool) -> str:
    text = _said(expr, schema, negated=negated)
    while isinstance(expr, Not):
        expr = expr.operand
    return f"({text})" if isinstance(expr, And | Or) else text


def _path(field: Path, schema: Mapping[str, str]) -> str:
    field = dotted(field)
    for part in field:
        if not _NAME.fullmatch(part):
            raise Unsayable(f"`{part}` cannot be searched by: a field's name has only letters, digits and _")
    for length in range(1, len(field) + 1):
        if _type(field[:length], schema) == "array":
            raise Unsayable(f"`{'.'.join(field[:length])}` is a list, which cannot be searched by")
    return "/".join(field)


def _type(field: Path, schema: Mapping[str, str]) -> str | None:
    return schema.get(".".join(field).lower())


def _pattern(field: Path, pattern: str, schema: Mapping[str, str]) -> str:
    kind = _type(field, schema)
    if kind is not None and kind not in _TEXTS:
        raise Unsayable(f"`{'.'.join(field)}` is not text, so it has no LIKE: write =, < or >")
    if "*" in pattern:
        raise Unsayable(f"`{pattern}` has a `*`, which the provider would take for anything: write % for that")
    # A bracket opens a set of characters there; this set has only the bracket in it.
    return _quoted(pattern.replace("[", "[[]"))


def _value(field: Path, value: Literal, schema: Mapping[str, str]) -> str:
    kind = _type(field, schema) or _looks(field, value)
    name = ".".join(field)
    if kind in _NUMBERS:
        if not _NUMBER.fullmatch(value.text):
            raise ConditionsError(f"`{name}` is a number and `{value.text}` is not: write digits")
        return value.text
    if kind in _BOOLEANS:
        if value.text.lower() not in ("true", "false"):
            raise ConditionsError(f"`{name}` is true or false and never `{value.text}`: write true or false")
        return value.text.lower()
    if kind in _DATES:
        try:
            # In UTC with Z: the one form that every version is known to read; a fraction is kept.
            return f"[{parse_iso(value.text).format_iso()}]"
        except ValueError:
            raise ConditionsError(
                f"`{name}` is a date and `{value.text}` is not: write one such as 2026-01-31T12:00:00Z"
            ) from None
    return _quoted(value.text)


def _looks(field: Path, value: Literal) -> str:
    match value.kind:
        case Kind.NUMBER:
            return "number"
        case Kind.BOOLEAN:
            return "bool"
        case Kind.DATE:
            return "datetime"
    if value.text.lower() in ("true", "false"):
        return "bool"
    if dotted(field)[-1].lower() == "id" and _NUMBER.fullmatch(value.text):
        return "number"
    return "datetime" if _DATE.fullmatch(value.text) and _is_date(value.text) else "string"


def _is_date(text: str) -> bool:
    try:
        parse_iso(text)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    """In double quotes with those inside escaped, or, when it has backslashes, in single quotes, where none escapes."""
    if "\\" not in text:
        escaped = text.replace('"', '\\"')
        return f'"{escaped}"'
    if "'" not in text:
        return f"'{text}'"
    if '"' in text or text.endswith("\\"):
        raise Unsayable(f"`{text}` mixes quotes and backslashes: write LIKE with % in place of one kind")
    return f'"{text}"'
