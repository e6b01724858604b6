"""How the text of a CEQL condition is read (spec platform.md 7)."""

import re
from functools import cache
from typing import Any, Final

import lark

from tidings.core.ceqlmatch import matches
from tidings.core.ceqltree import (
    NAME,
    And,
    Comparison,
    Expr,
    In,
    IsNull,
    Kind,
    Like,
    Literal,
    Not,
    Or,
    Path,
    fields,
    paths,
    unparse,
)

__all__ = [
    "And",
    "CeqlError",
    "Comparison",
    "Expr",
    "In",
    "IsNull",
    "Kind",
    "Like",
    "Literal",
    "Not",
    "Or",
    "Path",
    "fields",
    "matches",
    "parse",
    "paths",
    "unparse",
]

MAX_DEPTH: Final = 50
MAX_LENGTH: Final = 100_000

_TIME: Final = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{1,2}:?\d{2})?"
_END: Final = r"(?![\w.:+-])"

# A word is a keyword only where one can stand, so a field may be called `order` or `in`.
_GRAMMAR: Final = rf"""
?start: disjunction
disjunction: conjunction (OR conjunction)*
conjunction: negatable (AND negatable)*
?negatable: NOT operand -> negation
    | operand
?operand: "(" disjunction ")"
    | field OPERATOR value -> comparison
    | field [NOT] LIKE STRING -> like
    | field [NOT] IN "(" value ("," value)* ")" -> in_list
    | field IS [NOT] NULL -> is_null
field: NAME -> plain_field
    | STRING -> quoted_field
    | BACKTICKED -> backticked_field
value: STRING -> text
    | NUMBER -> number
    | BOOLEAN -> boolean
    | DATE -> date

OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
STRING: /'(?:[^']|'')*'/
BACKTICKED: /`[^`]+`/
DATE.1: /\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{_TIME})?{_END}/i
NUMBER: /-?\d+(?:\.\d+)?{_END}/
BOOLEAN: /(?:true|false)(?![\w.])/i
NAME: /{NAME}/
AND.2: /and(?![\w.])/i
OR.2: /or(?![\w.])/i
NOT.2: /not(?![\w.])/i
LIKE.2: /like(?![\w.])/i
IN.2: /in(?![\w.])/i
IS.2: /is(?![\w.])/i
NULL.2: /null(?![\w.])/i
%ignore /\s+/
"""

# What can stand at a place, told by a terminal that only this place accepts; the first that fits is named.
_EXPECTED: Final = (
    ("OPERATOR", "an operator (=, !=, <, >, <=, >=, LIKE, IN, IS NULL)"),
    ("NUMBER", "a value: text in single quotes, a number, true, false or a date"),
    ("NAME", "a field's name"),
    ("AND", "AND, OR or the end"),
    ("NULL", "NULL or NOT NULL"),
    ("LIKE", "LIKE or IN"),
    ("STRING", "a pattern in single quotes, such as 'abc%'"),
    ("COMMA", "a comma or )"),
    ("LPAR", "( and the values"),
)


class CeqlError(ValueError):
    """A condition cannot be read; says what was expected where. `column` counts from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"column {column}: {message}")
        self.message = message
        self.column = column


def parse(text: str) -> Expr:
    """The tree of a condition; AND binds tighter than OR, NOT tighter than both. Raises CeqlError."""
    _check_size(text)
    try:
        return _parser().parse(text)  # type: ignore[return-value]  # the transformer's result, not a tree
    except lark.UnexpectedCharacters as error:
        column, expected = (error.pos_in_stream or 0) + 1, set(error.allowed or ())
    except lark.UnexpectedToken as error:
        at_end = error.token.type == "$END"
        column = len(text) + 1 if at_end else (error.token.start_pos or 0) + 1
        expected = error.accepts or error.expected
    raise CeqlError(_explained(text, column, expected), column)


class _Nodes(lark.Transformer[lark.Token, Expr]):
    """Builds the tree while the parser reads, so that no depth of nesting reaches Python's stack here."""

    def disjunction(self, parts: list[Any]) -> Expr:
        return parts[0] if len(parts) == 1 else Or(tuple(parts[::2]))

    def conjunction(self, parts: list[Any]) -> Expr:
        return parts[0] if len(parts) == 1 else And(tuple(parts[::2]))

    def negation(self, parts: list[Any]) -> Expr:
        return Not(parts[1])

    def comparison(self, parts: list[Any]) -> Expr:
        field, operator, value = parts
        return Comparison(field, str(operator), value)

    def like(self, parts: list[Any]) -> Expr:
        field, negated, _, pattern = parts
        return _maybe_not(negated, Like(field, _unquoted(pattern)))

    def in_list(self, parts: list[Any]) -> Expr:
        field, negated, _, *values = parts
        return _maybe_not(negated, In(field, tuple(values)))

    def is_null(self, parts: list[Any]) -> Expr:
        field, _, negated, _ = parts
        return _maybe_not(negated, IsNull(field))

    def plain_field(self, parts: list[Any]) -> Path:
        return tuple(parts[0].split("."))

    def quoted_field(self, parts: list[Any]) -> Path:
        return (_unquoted(parts[0]),)

    def backticked_field(self, parts: list[Any]) -> Path:
        return (str(parts[0])[1:-1],)

    def text(self, parts: list[Any]) -> Literal:
        return Literal(Kind.TEXT, _unquoted(parts[0]))

    def number(self, parts: list[Any]) -> Literal:
        return Literal(Kind.NUMBER, str(parts[0]))

    def boolean(self, parts: list[Any]) -> Literal:
        return Literal(Kind.BOOLEAN, str(parts[0]).lower())

    def date(self, parts: list[Any]) -> Literal:
        return Literal(Kind.DATE, str(parts[0]))


@cache
def _parser() -> lark.Lark:
    return lark.Lark(_GRAMMAR, parser="lalr", transformer=_Nodes(), maybe_placeholders=True)


def _maybe_not(negated: object, expr: Expr) -> Expr:
    return expr if negated is None else Not(expr)


def _unquoted(token: str) -> str:
    return str(token)[1:-1].replace("''", "'")


def _check_size(text: str) -> None:
    if not text.strip():
        raise CeqlError("the condition is empty: write one such as id = 5", 1)
    if len(text) > MAX_LENGTH:
        raise CeqlError(f"the condition is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    depth = 0
    for match in re.finditer(r"'[^']*'|`[^`]*`|[()]", text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise CeqlError(f"more than {MAX_DEPTH} parentheses are open: write it with fewer", match.start() + 1)


def _explained(text: str, column: int, expected: set[str]) -> str:
    rest = text[column - 1 :]
    wanted = next((phrase for terminal, phrase in _EXPECTED if terminal in expected), "AND, OR or the end")
    if not rest:
        return "a parenthesis is still open: close it" if expected == {"RPAR"} else f"expected {wanted}, found the end"
    match = re.match(r"\w+|.", rest, re.DOTALL)
    found = match[0] if match else rest
    said = f"expected {wanted}, found `{found}`"
    if found == "'":
        return "the quote that opens here is never closed: double a quote inside text ('')"
    if found == '"' or ("NUMBER" in expected and found[0].isalpha() and found.lower() != "null"):
        return f"{said}: write text in single quotes"
    if "NUMBER" in expected and found.lower() == "null":
        return f"{said}: write IS NULL or IS NOT NULL"
    if "OPERATOR" in expected and found == "/":
        return f"{said}: write a dot between the parts of a name"
    return said
