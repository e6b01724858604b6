"""Does a value satisfy a literal? Tests of one present value, typed by the field it comes from.

Strings compare in any letter case; a stamp has whole seconds, a literal may have a fraction (spec connectwise.md
13.9, 13.12).
"""

import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from tidings.sandbox.condition_syntax import ConditionError, Moment, Value, Word, moment

Test: TypeAlias = Callable[[Any], bool]

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
_MIRROR = {"<": operator.gt, "<=": operator.ge, ">": operator.lt, ">=": operator.le, "=": operator.eq}
_KINDS = {"int": "numeric", "decimal": "numeric", "bool": "boolean"}


def typed(value: Value, kind: str, name: str, members: frozenset[str]) -> Any:
    """The literal as the field's type compares it. Raises ConditionError when it is of another type."""
    if kind == "any":
        return value.text if isinstance(value, Word) else value
    if kind == "enum":
        text = value.text if isinstance(value, Word) else value
        if not isinstance(text, str) or text.casefold() not in members:
            raise ConditionError("Enum value supplied was invalid")
        return text
    if kind == "datetime" and isinstance(value, str):
        value = moment(value) or value
    fits = {
        "int": isinstance(value, int | float) and not isinstance(value, bool),
        "decimal": isinstance(value, int | float) and not isinstance(value, bool),
        "bool": isinstance(value, bool),
        "string": isinstance(value, str),
        "datetime": isinstance(value, Moment),
    }
    if not fits.get(kind, False):
        raise ConditionError(
            f"Expected a {_KINDS.get(kind, kind)} value, not a {_kind_of(value)}; "
            f"strings must be enclosed in quotes (field {name})."
        )
    return value


def _kind_of(value: Value) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "numeric"
        case str():
            return "string"
        case Moment():
            return "datetime"
    return "name"


def one_of(kind: str, values: list[Any]) -> Test:
    if kind in ("string", "enum"):
        folded = frozenset(value.casefold() for value in values)
        return lambda value: value.casefold() in folded
    if kind == "datetime":
        return frozenset(value.second for value in values if not value.fraction).__contains__
    return frozenset(values).__contains__


def comparison(op: str, kind: str, value: Any) -> Test:
    """A test of a present value against a literal of the same kind, for every operator but `!=` and `in`."""
    if kind == "any":
        return _any_test(op, value)
    if op in ("contains", "like") and kind not in ("string", "enum"):
        raise ConditionError(f"Expected a {_KINDS.get(kind, kind)} comparison; {op} needs a string field.")
    if kind == "bool" and op != "=":
        raise ConditionError(f"Expected = or != on a boolean field, not {op}.")
    if isinstance(value, Moment):
        return _moment_test(op, value)
    if isinstance(value, str):
        return _text_test(op, value)
    return partial(_MIRROR[op], value)


def _text_test(op: str, text: str) -> Test:
    wanted = text.casefold()
    if op == "contains":
        return lambda value: wanted in value.casefold()
    if op == "like":
        return _like(wanted)
    compare = _ORDER[op]
    return lambda value: compare(value.casefold(), wanted)


def _like(wanted: str) -> Test:
    """The whole string, `*` and `%` standing for any run of characters (spec connectwise.md 13.9)."""
    first, *between = re.split(r"[*%]", wanted)
    if not between:
        return lambda value: bool(value.casefold() == wanted)
    last = between.pop()

    def matches(value: str) -> bool:
        text = value.casefold()
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return False
        for piece in between:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches


def _moment_test(op: str, at: Moment) -> Test:
    if at.fraction:
        if op == "=":
            return lambda value: False
        op = ">" if op in (">", ">=") else "<="
    return partial(_MIRROR[op], at.second)


def _any_test(op: str, wanted: Any) -> Test:
    """A test of a custom field's value, which may be a string, a number or a bool whatever its definition says."""
    if isinstance(wanted, str):
        test = _text_test(op, wanted)
        return lambda value: test(str(value).lower() if isinstance(value, bool) else str(value))
    if op in ("contains", "like"):
        raise ConditionError(f"Expected a string value, not a {_kind_of(wanted)}; strings must be enclosed in quotes.")
    if isinstance(wanted, bool):
        return lambda value: str(value).lower() == str(wanted).lower()
    if isinstance(wanted, Moment):
        in_time = _moment_test(op, wanted)
        return lambda value: isinstance(value, str) and (at := moment(value)) is not None and in_time(at.second)
    compare = _ORDER[op]

    def in_number(value: Any) -> bool:
        try:
            return not isinstance(value, bool) and compare(float(value), wanted)
        except ValueError:
            return False

    return in_number
