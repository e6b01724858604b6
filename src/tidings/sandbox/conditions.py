"""Which records does a filter match, and in which order do they come? Conditions compiled to closures.

Semantics are pinned in spec connectwise.md 13.9 to 13.12: strings in any letter case, a missing value fails every
comparison but `= null`, stamps have whole seconds. `parse` and `bounds` are the other two halves of a filter.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias

from tidings.sandbox.condition_bounds import Bounds, bounds
from tidings.sandbox.condition_compare import Test, comparison, one_of, typed
from tidings.sandbox.condition_fields import FieldSchema, Reader, Record
from tidings.sandbox.condition_syntax import (
    And,
    Comparison,
    ConditionError,
    Expr,
    Membership,
    Moment,
    Or,
    Word,
    parse,
    syntax_error,
)

__all__ = [
    "And",
    "Bounds",
    "Comparison",
    "ConditionError",
    "Expr",
    "FieldSchema",
    "Membership",
    "Moment",
    "Or",
    "Word",
    "bounds",
    "child_predicate",
    "custom_field_predicate",
    "order_by",
    "parse",
    "predicate",
    "with_moments",
]

Predicate: TypeAlias = Callable[[Record], bool]


def predicate(expr: Expr, schema: FieldSchema) -> Predicate:
    """Compile an expression over a record's own fields and references.

    Raises ConditionError for names the schema does not know, for members of arrays (those belong in
    `child_predicate`) and for values of the wrong type. The result costs a few hundred nanoseconds a record.
    """

    def compare(said: Comparison | Membership) -> Predicate:
        if schema.array(said.name) is not None:
            raise ConditionError(f"{said.name} is not a recognized name.")
        return _leaf(said, schema)

    return _compile(expr, compare)


def child_predicate(text: str, schema: FieldSchema) -> Predicate:
    """Compile `childConditions`: some element of the array satisfies all that is said about it (spec 3.3).

    Where a text speaks of several arrays, one element of each is taken. Raises ConditionError; `in` is refused.
    """
    expr = parse(text)
    arrays: dict[str, None] = {}

    def compare(said: Comparison | Membership) -> Predicate:
        array = schema.array(said.name)
        if array is None:
            raise ConditionError(f"{said.name} is not a recognized name.")
        if isinstance(said, Membership):
            raise syntax_error(said.at, "childConditions")
        arrays[array] = None
        return _leaf(said, schema)

    holds = _compile(expr, compare)
    keys = tuple(arrays)
    if not keys:
        return holds
    if len(keys) == 1:
        key = keys[0]
        return lambda record: any(holds({key: element}) for element in record.get(key) or ())
    return lambda record: any(
        holds(dict(zip(keys, chosen, strict=True))) for chosen in product(*(record.get(key) or () for key in keys))
    )


_CUSTOM = FieldSchema({"caption": "string", "value": "any"})


def custom_field_predicate(text: str) -> Predicate:
    """Compile `customFieldConditions`: one custom field satisfies all that is said of `caption` and `value`.

    A quoted value is compared with the text of the stored one, so `"42"` finds the number 42. Raises
    ConditionError; `in` is refused.
    """
    expr = parse(text)

    def compare(said: Comparison | Membership) -> Predicate:
        if isinstance(said, Membership):
            raise syntax_error(said.at, "customFieldConditions")
        return _leaf(said, _CUSTOM)

    holds = _compile(expr, compare)
    if expr == And(()):
        return holds
    return lambda record: any(map(holds, record.get("customFields") or ()))


def order_by(text: str, schema: FieldSchema) -> list[tuple[tuple[str, ...], bool]]:
    """Read `orderBy`: for each key its path in the record and whether it descends.

    Raises ConditionError for an unknown field, for one that has no order (a reference, an array) and for a
    direction other than asc and desc.
    """
    keys = []
    for part in filter(None, (piece.split() for piece in text.split(","))):
        name, direction = part[0], " ".join(part[1:]).lower() or "asc"
        if direction not in ("asc", "desc"):
            raise syntax_error(text.find(part[1]), "orderBy")
        path = schema.path(name)
        if schema.array(name) is not None or schema.kind(name) in ("reference", "array"):
            raise ConditionError(f"{name} is not a recognized name.")
        keys.append((path, direction == "desc"))
    return keys


def with_moments(expr: Expr, change: Callable[[str, Moment], Moment | None]) -> Expr:
    """The expression with every bracketed datetime of a comparison replaced by `change(operator, moment)`.

    Where that is None the comparison is one with null, which no record satisfies: the provider's broken date
    filters (spec connectwise.md Q6 and C3) are made of this.
    """
    match expr:
        case And(parts):
            return And(tuple(with_moments(part, change) for part in parts))
        case Or(parts):
            return Or(tuple(with_moments(part, change) for part in parts))
        case Comparison(value=Moment() as at):
            changed = change(expr.op, at)
            return replace(expr, value=changed) if changed is not None else Comparison(expr.name, ">", None)
    return expr


def _compile(expr: Expr, leaf: Callable[[Comparison | Membership], Predicate]) -> Predicate:
    if isinstance(expr, Comparison | Membership):
        return leaf(expr)
    parts = [_compile(part, leaf) for part in expr.parts]
    if len(parts) == 2:
        first, second = parts
        if isinstance(expr, And):
            return lambda record: first(record) and second(record)
        return lambda record: first(record) or second(record)
    if isinstance(expr, And):
        return lambda record: all(part(record) for part in parts)
    return lambda record: any(part(record) for part in parts)


def _leaf(said: Comparison | Membership, schema: FieldSchema) -> Predicate:
    schema.path(said.name)
    kind, read = schema.kind(said.name), schema.reader(said.name)
    if isinstance(said, Membership):
        test = _membership(said, kind, schema)
    elif said.value is None:
        return _null_test(said, kind, read)
    else:
        literal = typed(said.value, kind, said.name, schema.members(said.name))
        test = comparison(said.op.removeprefix("!"), kind, literal)
        if said.negated is not (said.op == "!="):
            test = _negate(test)
    return lambda record: (value := read(record)) is not None and test(value)


def _membership(said: Membership, kind: str, schema: FieldSchema) -> Test:
    """As in SQL nothing equals a null in the list, and nothing can be shown to differ from it."""
    literals = [typed(value, kind, said.name, schema.members(said.name)) for value in said.values if value is not None]
    if not said.negated:
        return one_of(kind, literals)
    return (lambda value: False) if None in said.values else _negate(one_of(kind, literals))


def _negate(test: Test) -> Test:
    return lambda value: not test(value)


def _null_test(said: Comparison, kind: str, read: Reader) -> Predicate:
    if said.op not in ("=", "!="):
        return lambda record: False
    present = (said.op == "!=") is not said.negated
    if kind == "reference":
        return lambda record: _is_given(read(record)) is present
    return lambda record: (read(record) is not None) is present


def _is_given(reference: Any) -> bool:
    """Whether a reference points anywhere; `{}` and `{"_info": …}` are empty (spec connectwise.md 2.1)."""
    return reference is not None and any(key != "_info" for key in reference)
