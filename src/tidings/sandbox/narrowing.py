"""Which few records can a condition match, when it names ids? Spares reading every record of a large table."""

from collections.abc import Callable, Iterable, Set
from typing import TypeAlias

from tidings.sandbox.condition_syntax import Value
from tidings.sandbox.conditions import And, Comparison, Expr, Membership

# The records that may show a given id under `<member>/id`; None for a member that is no reference.
Showing: TypeAlias = Callable[[str, int], Set[int] | None]


def candidates(expr: Expr, showing: Showing) -> set[int] | None:
    """A set of ids that holds every match, or None when the condition names none.

    Used are `id = n`, `id in (…)` and the same of a reference's id, wherever all of the expression has to hold.
    """
    found: set[int] | None = None
    for leaf in _conjuncts(expr):
        named = _ids(leaf)
        if named is None:
            continue
        member, numbers = named
        matching = set(numbers) if not member else _union(showing(member, number) for number in numbers)
        if matching is not None:
            found = matching if found is None else found & matching
    return found


def _conjuncts(expr: Expr) -> list[Expr]:
    return [leaf for part in expr.parts for leaf in _conjuncts(part)] if isinstance(expr, And) else [expr]


def _ids(leaf: Expr) -> tuple[str, list[int]] | None:
    """The reference (an empty text for the record itself) and the ids that a leaf demands."""
    values: tuple[Value, ...]
    if isinstance(leaf, Comparison):
        values = (leaf.value,) if leaf.op == "=" and not leaf.negated else ()
    elif isinstance(leaf, Membership) and not leaf.negated:
        values = leaf.values
    else:
        return None
    member, _, last = leaf.name.lower().rpartition("/")
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if last != "id" or "/" in member or not numbers or len(numbers) < len(values):
        return None
    return member, numbers


def _union(sets: Iterable[Set[int] | None]) -> set[int] | None:
    found: set[int] = set()
    for each in sets:
        if each is None:
            return None
        found |= each
    return found
