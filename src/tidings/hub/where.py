"""Which part of a `where` does the provider judge, and which part do we?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidings.core.ceql import And, CeqlError, Comparison, Expr, Like, Literal, matches, parse, paths
from tidings.core.ceqltree import Kind
from tidings.core.conditions import ConditionsError, Unsayable, translate
from tidings.core.errors import InvalidInput
from tidings.elements.element import Resource, Search

FIELD: Final = "where"


@dataclass(frozen=True, slots=True)
class Filter:
    """A `where` in two: what the provider is told, in its own language, and what is left for us.

    `conditions` are for a record's own fields, `child_conditions` for the members of a list in it; both are empty when
    there is nothing to say. A record is selected when it meets all three.
    """

    conditions: str = ""
    child_conditions: str = ""
    rest: Expr | None = None

    def after(self, field: str, id: int) -> Filter:
        """The same, and only records with a greater id."""
        greater = f"{field} > {id}"
        return Filter(
            f"({self.conditions}) and {greater}" if self.conditions else greater, self.child_conditions, self.rest
        )


def split(text: str | None, resource: Resource) -> Filter:
    """A `where` in two. Raises InvalidInput, with the column or with the name of the field.

    What the provider can be told it is told, each part joined by AND for itself.
    """
    if text is None or not text.strip():
        return Filter()
    try:
        expr = parse(text)
        types = resource.field_types
        said: list[Expr] = []
        child, rest = "", list[Expr]()
        for each in _conjuncts(expr):
            searched = {".".join(path).lower() for path in paths(each)} & set(map(str.lower, resource.searches))
            try:
                if not resource.filters or (searched and child):
                    rest.append(each)
                elif searched:
                    child = _of_child(each, resource)
                else:
                    translate(each, types)
                    said.append(each)
            except Unsayable:
                rest.append(each)
        return Filter(translate(_all(said), types) if said else "", child, _all(rest) if rest else None)
    except (CeqlError, ConditionsError) as error:
        raise InvalidInput(FIELD, str(error)) from None


def selects(rest: Expr, record: Mapping[str, Any], resource: Resource) -> bool:
    """Whether a record meets what is left for us."""
    found = {name: _found(record, search) or None for name, search in resource.searches.items()}
    return matches(rest, {**record, **found}, resource.aliases)


def _conjuncts(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, And):
        for operand in expr.operands:
            yield from _conjuncts(operand)
    else:
        yield expr


def _all(exprs: Sequence[Expr]) -> Expr:
    return exprs[0] if len(exprs) == 1 else And(tuple(exprs))


def _of_child(each: Expr, resource: Resource) -> str:
    """One comparison, about the members of a list; all of it must hold for the same member. Raises Unsayable."""
    if not isinstance(each, Comparison | Like):
        raise Unsayable("only one comparison can be asked about the members of a list")
    name = ".".join(each.field).lower()
    search = next(search for key, search in resource.searches.items() if key.lower() == name)
    value = (search.list, search.value)
    asked: Expr = (
        Comparison(value, each.operator, each.value) if isinstance(each, Comparison) else Like(value, each.pattern)
    )
    kinds = [Comparison((search.list, key), "=", Literal(Kind.TEXT, kind)) for key, kind in search.only.items()]
    texts = dict.fromkeys((f"{search.list}.{key}" for key in (search.value, *search.only)), "string")
    return translate(And((asked, *kinds)), texts)


def _found(record: Mapping[str, Any], search: Search) -> list[Any]:
    members = record.get(search.list)
    return [
        member[search.value]
        for member in (members if isinstance(members, list) else ())
        if isinstance(member, dict)
        and search.value in member
        and all(member.get(key) == kind for key, kind in search.only.items())
    ]
