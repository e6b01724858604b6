"""Which part of a `where` does the provider judge, and which part do we?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from tidings.core.ceql import And, CeqlError, Comparison, Expr, In, Like, Literal, Or, fields, matches, parse, paths
from tidings.core.ceqltree import NAME, Kind
from tidings.core.conditions import ConditionsError, Unsayable, translate
from tidings.core.errors import InvalidInput
from tidings.elements.element import Resource, Search

FIELD: Final = "where"
_PLAIN: Final = re.compile(NAME, re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """A `where` in two: what the provider is told, in its own language, and what is left for us.

    `conditions` are for a record's own fields, `child_conditions` for the members of a list in it; both are empty when
    there is nothing to say. A record is selected when it meets all three. `turns` stand in place of a list of ids that
    is too long for one request: conditions that are asked one after the other, each with the greatest id it has.
    """

    conditions: str = ""
    child_conditions: str = ""
    rest: Expr | None = None
    turns: tuple[tuple[int, str], ...] = ()

    def after(self, field: str, id: int) -> Filter:
        """The same, and only records with a greater id."""
        return self._and(f"{field} > {id}")

    def asked(self, after: int | None) -> Iterator[Filter]:
        """What the provider is asked for, in this order, for the records behind an id."""
        if not self.turns:
            yield self
        for greatest, ids in self.turns:
            if after is None or greatest > after:
                yield self._and(ids)

    def _and(self, condition: str) -> Filter:
        both = f"({self.conditions}) and {condition}" if self.conditions else condition
        return Filter(both, self.child_conditions, self.rest)


def split(
    text: str | None,
    resource: Resource,
    fits: Callable[[Filter], bool] = lambda asked: True,
    *,
    by_id: bool = False,
    of_lists: bool = True,
) -> Filter:
    """A `where` in two. Raises InvalidInput, with the column or with the name of the field.

    What the provider can be told it is told, each part joined by AND for itself, as far as it `fits` into a request.
    `by_id` says that the list comes in the order of ids: then a list of ids that is too long is asked for in turns;
    `of_lists` that something may be asked about the members of a list.
    """
    if text is None or not text.strip():
        return Filter()
    try:
        expr = parse(text)
        _refuse_unknown(expr, resource)
        types = resource.field_types
        said: list[Expr] = []
        child, rest, asked_of_child = "", list[Expr](), None
        for each in _conjuncts(expr):
            searched = {".".join(path).lower() for path in paths(each)} & set(map(str.lower, resource.searches))
            try:
                if not resource.filters or (searched and (child or not of_lists)):
                    rest.append(each)
                elif searched:
                    child, asked_of_child = _of_child(each, resource), each
                else:
                    translate(each, types)
                    said.append(each)
            except Unsayable:
                rest.append(each)
        wanted = Filter(translate(_all(said), types) if said else "", child, _all(rest) if rest else None)
        if fits(wanted):
            return wanted
        if asked_of_child is not None:
            rest.append(asked_of_child)
        return _fitting(said, rest, resource, fits, by_id=by_id)
    except (CeqlError, ConditionsError) as error:
        raise InvalidInput(FIELD, str(error)) from None


def selects(rest: Expr, record: Mapping[str, Any], resource: Resource) -> bool:
    """Whether a record meets what is left for us."""
    found = {name: _found(record, search) or None for name, search in resource.searches.items()}
    return matches(rest, {**record, **found}, resource.aliases)


def _refuse_unknown(expr: Expr, resource: Resource) -> None:
    """Raises InvalidInput for a name that no field can have but one of the element's file, and that is not in it."""
    known = {name.lower() for name in (*resource.field_types, *resource.aliases, *resource.searches)}
    for name in fields(expr):
        if _PLAIN.fullmatch(name) is None and name.lower() not in known:
            raise InvalidInput(
                FIELD,
                f"{resource.path} has no field `{name[:100]}`; write one of letters, digits and _, such as company.id",
            )


def _fitting(
    said: Sequence[Expr], rest: Sequence[Expr], resource: Resource, fits: Callable[[Filter], bool], *, by_id: bool
) -> Filter:
    """As much as fits of what could be said, the shortest parts first; all else is left for us."""
    types = resource.field_types
    kept, left = list[Expr](), list(rest)
    for each in sorted(said, key=lambda each: len(translate(each, types))):
        (kept if fits(Filter(translate(_all([*kept, each]), types))) else left).append(each)
    wanted = Filter(translate(_all(kept), types) if kept else "", rest=_all(left) if left else None)
    ids = next((ids for each in left if (ids := _ids(each, resource))), None) if by_id else None
    return wanted if ids is None else replace(wanted, turns=tuple(_turns(wanted, ids, resource, fits)))


def _ids(expr: Expr, resource: Resource) -> Sequence[int] | None:
    """The ids, in order, of which a record must have one; None when that is not what the condition says."""
    operands = expr.operands if isinstance(expr, Or) else (expr,)
    ids: set[int] = set()
    for each in operands:
        match each:
            case In(field, values) if field == resource.id_path:
                texts = [value.text for value in values]
            case Comparison(field, "=", value) if field == resource.id_path:
                texts = [value.text]
            case _:
                return None
        if not all(re.fullmatch(r"-?\d{1,18}", text, re.ASCII) for text in texts):
            return None
        ids.update(map(int, texts))
    return sorted(ids)


def _turns(
    wanted: Filter, ids: Sequence[int], resource: Resource, fits: Callable[[Filter], bool]
) -> Iterator[tuple[int, str]]:
    said = f"{resource.id.replace('.', '/')} in ({', '.join(map(str, ids))})"
    if len(ids) == 1 or fits(replace(wanted, turns=((ids[-1], said),))):
        yield ids[-1], said
        return
    middle = len(ids) // 2
    yield from _turns(wanted, ids[:middle], resource, fits)
    yield from _turns(wanted, ids[middle:], resource, fits)


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
