"""What a CEQL condition consists of: the nodes of its tree, and how they are written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

# The parts of a dotted name; a name in backticks or quotes is one part, dots and all: it may be a member of that name,
# and otherwise is what it is without them.
Path: TypeAlias = tuple[str, ...]

NAME: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_PLAIN: Final = re.compile(NAME)
_RESERVED: Final = frozenset({"and", "or", "not", "in", "is", "like", "null", "true", "false"})


class Kind(StrEnum):
    """How a value was written: in single quotes, or bare."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written, quotes taken off: what it is compared as depends on the field."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; the operator is one of = != < > <= >=."""

    field: Path
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Like:
    """`field LIKE 'pattern'`, with % for any run of characters."""

    field: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class In:
    """`field IN (value, …)`."""

    field: Path
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """`field IS NULL`."""

    field: Path


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT operand`; NOT LIKE, NOT IN and IS NOT NULL are read as this."""

    operand: "Expr"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more operands that all hold."""

    operands: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more operands of which one holds."""

    operands: "tuple[Expr, ...]"


Expr: TypeAlias = Comparison | Like | In | IsNull | Not | And | Or


def paths(expr: Expr) -> Iterator[Path]:
    """The fields that `expr` names, in its order, repeats included."""
    match expr:
        case And(operands) | Or(operands):
            for operand in operands:
                yield from paths(operand)
        case Not(operand):
            yield from paths(operand)
        case Comparison(field) | Like(field) | In(field) | IsNull(field):
            yield field


def dotted(path: Path) -> Path:
    """The parts between the dots of a name, also where it was written as one (`` `_info.lastUpdated` ``)."""
    return tuple(".".join(path).split("."))


def fields(expr: Expr) -> tuple[str, ...]:
    """The dotted names of the fields that `expr` names, each once, in its order."""
    return tuple(dict.fromkeys(".".join(path) for path in paths(expr)))


def unparse(expr: Expr) -> str:
    """The text of `expr`; parsing it gives `expr` again. Raises ValueError for a name that CEQL cannot write."""
    match expr:
        case Or(operands):
            return " OR ".join(_grouped(operand, Or) for operand in operands)
        case And(operands):
            return " AND ".join(_grouped(operand, And, Or) for operand in operands)
        case Not(IsNull(field)):
            return f"{_name(field)} IS NOT NULL"
        case Not(Like(field, pattern)):
            return f"{_name(field)} NOT LIKE {_quoted(pattern)}"
        case Not(In(field, values)):
            return f"{_name(field)} NOT IN ({', '.join(map(_value, values))})"
        case Not(operand):
            return f"NOT {_grouped(operand, And, Or, Not)}"
        case IsNull(field):
            return f"{_name(field)} IS NULL"
        case Like(field, pattern):
            return f"{_name(field)} LIKE {_quoted(pattern)}"
        case In(field, values):
            return f"{_name(field)} IN ({', '.join(map(_value, values))})"
        case Comparison(field, operator, value):
            return f"{_name(field)} {operator} {_value(value)}"


def _grouped(expr: Expr, *kinds: type[Expr]) -> str:
    text = unparse(expr)
    return f"({text})" if isinstance(expr, kinds) else text


def _value(literal: Literal) -> str:
    return _quoted(literal.text) if literal.kind is Kind.TEXT else literal.text


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _name(path: Path) -> str:
    dotted = ".".join(path)
    if _PLAIN.fullmatch(dotted) and dotted.lower() not in _RESERVED and dotted.count(".") == len(path) - 1:
        return dotted
    if len(path) != 1:
        raise ValueError(
            f"the field {path} cannot be written: a name of several parts is made of letters, digits and _"
        )
    return f"`{dotted}`" if dotted and "`" not in dotted else _quoted(dotted)
