"""Which records answer a list's filters, and in which order?"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tidings.sandbox.answers import bad_condition
from tidings.sandbox.conditions import (
    ConditionError,
    Expr,
    FieldSchema,
    Moment,
    bounds,
    child_predicate,
    custom_field_predicate,
    order_by,
    parse,
    predicate,
    with_moments,
)
from tidings.sandbox.narrowing import Showing, candidates
from tidings.sandbox.render import parse as parse_body
from tidings.sandbox.table import Table

_KEPT_RESULTS = 8
_INDEXED = {("id",), ("_info", "lastUpdated")}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a client asked a list for, and what is wrong with the provider's reading of it."""

    conditions: str = ""
    child_conditions: str = ""
    custom_field_conditions: str = ""
    order: str = ""
    parent: int | None = None
    hidden_share: float = 0.0
    tz_bug_minutes: int = 0
    legacy_dates: bool = False


class Selector:
    """Finds the ids of one table's records; results are kept until the table changes, so paging pays once."""

    def __init__(self, table: Table, schema: FieldSchema, blank: Callable[[], bytes], showing: Showing) -> None:
        self._table = table
        self._schema = schema
        self._blank = blank
        self._showing = showing
        self._kept: OrderedDict[Filter, tuple[int, Sequence[int]]] = OrderedDict()

    def select(self, wanted: Filter, unstable: Random | None = None) -> Sequence[int]:
        """The ids that match, in order; with `unstable`, ties come as the dice fall. Raises Refusal 400.

        Good until the next write: it may be the table's own array.
        """
        try:
            if unstable is not None:
                return self._select(wanted, unstable)
            kept = self._kept.pop(wanted, None)
            if kept is None or kept[0] != self._table.version:
                kept = (self._table.version, self._select(wanted, None))
            self._kept[wanted] = kept
            if len(self._kept) > _KEPT_RESULTS:
                self._kept.popitem(last=False)
            return kept[1]
        except ConditionError as error:
            raise bad_condition(str(error)) from error

    def _select(self, wanted: Filter, unstable: Random | None) -> Sequence[int]:
        expr = parse(wanted.conditions)
        if wanted.legacy_dates:
            expr = with_moments(expr, _legacy)
        if wanted.tz_bug_minutes:
            expr = with_moments(expr, lambda _, at: _shifted(at, wanted.tz_bug_minutes))
        box = bounds(expr)
        tests = self._tests(expr, wanted, exact=box.exact)
        order = order_by(wanted.order, self._schema) if wanted.order else []
        found = self._table.within(box)
        if wanted.parent is not None:
            found = _both(self._table.children(wanted.parent), found, self._table)
        named = None if box.exact else candidates(expr, self._showing)
        if named is not None:
            found = _both(sorted(named), found, self._table)
        if wanted.hidden_share:
            found = [number for number in found if not is_hidden(number, wanted.hidden_share)]
        if tests:
            blank = self._blank() if wanted.custom_field_conditions else b"[]"
            found = [number for number in found if self._passes(number, tests, blank)]
        return self._sorted(found, order, unstable) if order else found

    def _tests(self, expr: Expr, wanted: Filter, *, exact: bool) -> list[Callable[[Any], bool]]:
        # Compiled even when the bounds say everything: that is where unknown names and wrong types are found.
        own = predicate(expr, self._schema)
        tests = [] if exact else [own]
        if wanted.child_conditions:
            tests.append(child_predicate(wanted.child_conditions, self._schema))
        if wanted.custom_field_conditions:
            tests.append(custom_field_predicate(wanted.custom_field_conditions))
        return tests

    def _passes(self, number: int, tests: Iterable[Callable[[Any], bool]], blank: bytes) -> bool:
        record = parse_body(self._table.body(number), blank)
        return all(test(record) for test in tests)

    def _sorted(
        self, found: Sequence[int], order: list[tuple[tuple[str, ...], bool]], unstable: Random | None
    ) -> list[int]:
        if unstable is not None:
            found = unstable.sample(found, len(found))
        elif order[0][0] == ("_info", "lastUpdated") and len(order) == 1 and len(found) == len(self._table):
            by_stamp = self._table.by_stamp(descending=order[0][1])
            if by_stamp is not None:
                return by_stamp
        if order[0][0] == ("id",):
            return sorted(found, reverse=order[0][1])
        paths = [path for path, _ in order]
        values = self._indexed if set(paths) <= _INDEXED else self._values
        keys = {number: values(number, paths) for number in found}
        result = list(found)
        for at in range(len(order) - 1, -1, -1):
            result.sort(key=lambda number: keys[number][at], reverse=order[at][1])
        return result

    def _indexed(self, number: int, paths: Iterable[tuple[str, ...]]) -> list[tuple[bool, Any]]:
        known = {"id": number, "_info": {"lastUpdated": self._table.stamp(number)}}
        return [_sort_key(known, path) for path in paths]

    def _values(self, number: int, paths: Iterable[tuple[str, ...]]) -> list[tuple[bool, Any]]:
        record = parse_body(self._table.body(number))
        return [_sort_key(record, path) for path in paths]


def _both(few: Iterable[int], found: Sequence[int], table: Table) -> list[int]:
    """Those of a few ids, in their order, that are also among those found."""
    if found is table.ids:
        return [number for number in few if number in table]
    inside = set(found)
    return [number for number in few if number in inside]


def is_hidden(number: int, share: float) -> bool:
    """Whether a narrowed role does not see the record: always the same ones, spread evenly."""
    return (number * 2654435761 & 0xFFFFFFFF) < share * 0x100000000


def select_plain(records: list[Any], wanted: Filter, schema: FieldSchema) -> list[Any]:
    """The same for a short list of records in their answer's form. Raises Refusal 400."""
    try:
        holds = predicate(parse(wanted.conditions), schema)
        order = order_by(wanted.order, schema) if wanted.order else []
    except ConditionError as error:
        raise bad_condition(str(error)) from error
    found = [record for record in records if holds(record)]
    for path, descending in reversed(order):
        found.sort(key=lambda record: _sort_key(record, path), reverse=descending)
    return found


def _sort_key(record: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Missing values come first, strings in any letter case, as the provider's database sorts."""
    for name in path:
        record = record.get(name) if record else None
    if record is None:
        return (False, 0)
    return (True, record.casefold() if isinstance(record, str) else record)


def _legacy(op: str, at: Moment) -> Moment | None:
    """Only `>` with a bare date works (spec connectwise.md C3)."""
    return at if at.form == "date" and op != ">=" else None


def _shifted(at: Moment, minutes: int) -> Moment:
    return replace(at, second=_add_minutes(at.second, minutes)) if at.form in ("utc", "offset") else at


def _add_minutes(stamp: str, minutes: int) -> str:
    return (datetime.fromisoformat(stamp) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
