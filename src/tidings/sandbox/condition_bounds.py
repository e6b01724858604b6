"""Which part of a condition can an index answer? Bounds on the update stamp and on the id."""

import math
from dataclasses import dataclass, replace

from tidings.sandbox.condition_syntax import And, Comparison, Expr, Moment, moment

STAMPS = frozenset({"lastupdated", "_info/lastupdated"})
_INVERSE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "=": "!=", "!=": "="}


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box that holds every record an expression can match.

    Stamps are whole seconds in UTC (`YYYY-MM-DDTHH:MM:SSZ`, ordered as text); `…strict` says that the bound itself
    is outside; `id_after` excludes itself. A record without a stamp is outside any bound on the stamp. `exact`: the
    expression says nothing beyond the box.
    """

    stamp_from: str | None = None
    stamp_strict: bool = False
    stamp_to: str | None = None
    stamp_to_strict: bool = False
    id_after: int | None = None
    exact: bool = True


def bounds(expr: Expr) -> Bounds:
    """The bounds that an expression's conjunctive part sets; what it cannot use only makes them inexact.

    >>> from tidings.sandbox.condition_syntax import parse
    >>> bounds(parse("lastUpdated > [2026-01-01T12:00:00.5Z] and id > 7")).stamp_from
    '2026-01-01T12:00:00Z'
    """
    found = Bounds()
    for part in _conjuncts(expr):
        narrowed = _narrow(found, part) if isinstance(part, Comparison) else None
        found = replace(found, exact=False) if narrowed is None else narrowed
    return found


def _conjuncts(expr: Expr) -> list[Expr]:
    return [leaf for part in expr.parts for leaf in _conjuncts(part)] if isinstance(expr, And) else [expr]


def _narrow(box: Bounds, said: Comparison) -> Bounds | None:
    """The box after a comparison, or None when it cannot be expressed as bounds."""
    name = said.name.lower()
    op = _INVERSE.get(said.op, "") if said.negated else said.op
    value = said.value
    if name == "id" and isinstance(value, int | float) and not isinstance(value, bool):
        return _narrow_id(box, op, value)
    if name in STAMPS:
        at = moment(value) if isinstance(value, str) else value
        return _narrow_stamp(box, op, at) if isinstance(at, Moment) else None
    return None


def _narrow_id(box: Bounds, op: str, value: int | float) -> Bounds | None:
    if op not in (">", ">="):
        return None
    after = math.floor(value) if op == ">" else math.ceil(value) - 1
    return box if box.id_after is not None and box.id_after >= after else replace(box, id_after=after)


def _narrow_stamp(box: Bounds, op: str, at: Moment) -> Bounds | None:
    """A fraction makes `>=` strict and `<` inclusive: no stamp lies between the whole second and the fraction."""
    if op == "=" and not at.fraction:
        return _to(_from(box, at.second, False), at.second, False)
    if op in (">", ">="):
        return _from(box, at.second, op == ">" or at.fraction)
    if op in ("<", "<="):
        return _to(box, at.second, op == "<" and not at.fraction)
    return None


def _from(box: Bounds, second: str, strict: bool) -> Bounds:
    if box.stamp_from is not None and (box.stamp_from, box.stamp_strict) >= (second, strict):
        return box
    return replace(box, stamp_from=second, stamp_strict=strict)


def _to(box: Bounds, second: str, strict: bool) -> Bounds:
    if box.stamp_to is not None and (box.stamp_to, not box.stamp_to_strict) <= (second, not strict):
        return box
    return replace(box, stamp_to=second, stamp_to_strict=strict)
