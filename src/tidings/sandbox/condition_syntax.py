"""What does a `conditions` text say? Its grammar, the tree it becomes, and the error for a text that has none.

The grammar is the one of spec connectwise.md 3.2: keywords and names in any letter case, no space needed around
symbols, strings in either quotes, datetimes in brackets. What a name means is not known here; see `conditions`.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeAlias, cast

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

DEEPEST = 50
"""How many changes between `and` and `or` a text may nest; deeper ones are refused as syntax errors."""


class ConditionError(Exception):
    """A filter or order that the provider refuses; `str()` is the message of the 400 answer `ApiFindCondition`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A datetime literal: its whole second in UTC, whether a fraction follows it, and how it was written.

    Stamps have whole seconds and literals keep their fraction (spec connectwise.md 13.12), so a stamp is after
    `12:00:00.5` exactly when it is after `12:00:00`.
    """

    second: str
    fraction: bool = False
    form: Literal["date", "naive", "utc", "offset"] = "utc"


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word where a value stands: the name of an enum's member, unquoted."""

    text: str


Value: TypeAlias = str | int | float | bool | Moment | Word | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name [not] op value`; the name as it was typed, the operator in lower case."""

    name: str
    op: str
    value: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """`name [not] in (values)`; `at` is the offset of the name in the text, for errors."""

    name: str
    values: tuple[Value, ...]
    negated: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; no parts at all is the empty filter, true of every record."""

    parts: tuple["Expr", ...]
    depth: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts."""

    parts: tuple["Expr", ...]
    depth: int = field(default=1, compare=False)


Expr: TypeAlias = And | Or | Comparison | Membership

GRAMMAR = r"""
?start: any_of | term
any_of: term (_OR term)+
?term: all_of | factor
all_of: factor (_AND factor)+
?factor: "(" start ")" | comparison | membership
comparison: NAME [NOT] OPERATOR value
membership: NAME [NOT] _IN "(" value ("," value)* ")"
?value: TEXT -> text | NUMBER -> number | TRUE -> true | FALSE -> false | NULL -> null | MOMENT -> moment | WORD -> word

_OR.2: /or(?!\w)/i
_AND.2: /and(?!\w)/i
_IN.2: /in(?!\w)/i
NOT.2: /not(?!\w)/i
TRUE.2: /true(?!\w)/i
FALSE.2: /false(?!\w)/i
NULL.2: /null(?!\w)/i
OPERATOR.2: /!=|<=|>=|=|<|>|(contains|like)(?!\w)/i
NAME: /[a-z_]\w*(\/[a-z_]\w*)*/i
WORD: /[a-z_]\w*/i
TEXT: /"([\\]"|[^"])*"|'[^']*'/
NUMBER: /-?\d{1,30}(\.\d{1,30})?/
MOMENT: /\[[^\]]*\]/
%ignore /\s+/
"""

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.I
)


def moment(text: str) -> Moment | None:
    """Read a date, or a datetime that is naive (meaning UTC), with `Z` or with an offset; None when it is neither.

    >>> moment("2026-01-01T00:30:00.5+01:00")
    Moment(second='2025-12-31T23:30:00Z', fraction=True, form='offset')
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()[:7]
    zone = found["zone"]
    try:
        at = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
        if zone is not None and zone not in "Zz":
            at -= int(zone[0] + "1") * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    except (ValueError, OverflowError):
        return None
    form: Literal["date", "naive", "utc", "offset"] = "offset"
    if zone is None:
        form = "date" if hour is None else "naive"
    elif zone in "Zz":
        form = "utc"
    return Moment(at.isoformat() + "Z", bool(fraction and fraction.strip("0")), form)


def syntax_error(position: int, parameter: str = "conditions") -> ConditionError:
    """The pinned text of spec connectwise.md 3.2; the position counts characters from 0."""
    return ConditionError(f"{position}: syntax error in {parameter}")


class _Builder(Transformer[Token, Expr]):
    """Builds the tree while the text is parsed."""

    def _join(self, kind: type[And] | type[Or], parts: list[Expr]) -> Expr:
        depth = 1 + max(part.depth if isinstance(part, And | Or) else 0 for part in parts)
        if depth > DEEPEST:
            raise syntax_error(0)
        return kind(tuple(parts), depth)

    def any_of(self, parts: list[Expr]) -> Expr:
        return self._join(Or, parts)

    def all_of(self, parts: list[Expr]) -> Expr:
        return self._join(And, parts)

    @v_args(inline=True)
    def comparison(self, name: Token, negated: Token | None, op: Token, value: Value) -> Expr:
        return Comparison(str(name), op.lower(), value, negated is not None)

    def membership(self, children: list[Any]) -> Expr:
        name, negated, *values = children
        return Membership(str(name), tuple(values), negated is not None, name.start_pos)

    @v_args(inline=True)
    def text(self, token: Token) -> str:
        inner = token[1:-1].replace('\\"', '"') if token[0] == '"' else token[1:-1]
        return inner.replace("[[]", "[")

    @v_args(inline=True)
    def number(self, token: Token) -> int | float:
        return float(token) if "." in token else int(token)

    @v_args(inline=True)
    def true(self, _: Token) -> bool:
        return True

    @v_args(inline=True)
    def false(self, _: Token) -> bool:
        return False

    @v_args(inline=True)
    def null(self, _: Token) -> None:
        return None

    @v_args(inline=True)
    def word(self, token: Token) -> Word:
        return Word(str(token))

    @v_args(inline=True)
    def moment(self, token: Token) -> Moment:
        read = moment(token[1:-1])
        if read is None:
            raise syntax_error(token.start_pos or 0)
        return read


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True)


def parse(text: str) -> Expr:
    """Read a `conditions` text; blank text is the filter that every record passes.

    Raises ConditionError with the offset of the first character that cannot stand there.

    >>> parse("id>5 AND NOT_FLAG=True").parts[0]
    Comparison(name='id', op='>', value=5, negated=False)
    """
    if not text.strip():
        return And(())
    try:
        return cast("Expr", _parser().parse(text))
    except UnexpectedToken as refused:
        ended = refused.token.type == "$END"
        raise syntax_error(len(text) if ended else refused.pos_in_stream or 0) from None
    except UnexpectedInput as refused:
        raise syntax_error(refused.pos_in_stream or 0) from None
