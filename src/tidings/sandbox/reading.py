"""How are lists, pages, counts and single records answered?"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from tidings.sandbox.answers import Answer, bad_condition, broken_boolean, forbidden, not_convertible, not_found
from tidings.sandbox.call import Call, Operation
from tidings.sandbox.conditions import FieldSchema
from tidings.sandbox.describe import Resource
from tidings.sandbox.paging import forward_link, navigable_links
from tidings.sandbox.pieces import array
from tidings.sandbox.projection import Tree, project, tree
from tidings.sandbox.selection import Filter, is_hidden, select_plain
from tidings.sandbox.table import Table

_SWEEP: Tree = {"id": None}
_STAMPED_SWEEP: Tree = {"id": None, "_info": {"lastupdated": None}}


def filter_of(call: Call, resource: Resource, given: Mapping[str, str] | None = None) -> Filter:
    """What the request asks for; `given` (names in lower case) overrides the query, as the body of a search does."""

    def text(name: str) -> str:
        return (given or {}).get(name.lower()) or call.parameters.text(name)

    faults = call.tenant.faults
    return Filter(
        conditions=text("conditions"),
        child_conditions=text("childConditions"),
        custom_field_conditions=text("customFieldConditions"),
        order=text("orderBy"),
        parent=call.numbers[-1] if resource.parent else None,
        hidden_share=faults.hidden_share.get(resource.path, 0.0),
        tz_bug_minutes=faults.tz_bug_minutes,
        legacy_dates=faults.legacy_date_filter,
    )


def list_of(resource: Resource) -> Operation:
    """GET of the list."""
    return lambda call: _list(call, resource, filter_of(call, resource))


def count_of(resource: Resource) -> Operation:
    """GET of `/count`, which counts what the list would hold."""

    def count(call: Call) -> Answer:
        check_parent(call, resource)
        found = call.tenant.selectors[resource.path].select(filter_of(call, resource))
        return Answer(200, b'{"count":%d}' % len(found))

    return count


def search_of(resource: Resource) -> Operation:
    """POST of `/search`: the filters come in the body, in any letter case; the rest stays in the query (3.7)."""

    def search(call: Call) -> Answer:
        body = call.json() if call.body.strip() else {}
        if not isinstance(body, dict):
            raise not_convertible(body, "FilterValues")
        given = {str(name).lower(): value for name, value in body.items() if isinstance(value, str)}
        return _list(call, resource, filter_of(call, resource, given))

    return search


def record_of(resource: Resource) -> Operation:
    """GET by id."""

    def record(call: Call) -> Answer:
        number = existing(call, resource)
        return Answer(200, shown(call, call.tenant.tables[resource.path], number))

    return record


def existing(call: Call, resource: Resource) -> int:
    """The id that the path ends in, when there is such a record under the parent it names. Raises Refusal 404."""
    check_parent(call, resource)
    number, table = call.numbers[-1], call.tenant.tables[resource.path]
    share = call.tenant.faults.hidden_share.get(resource.path, 0.0)
    if number not in table or is_hidden(number, share):
        raise not_found(resource.name, number)
    if resource.parent and number not in table.children(call.numbers[-2]):
        raise not_found(resource.name, number)
    return number


def check_parent(call: Call, resource: Resource) -> None:
    """Refuse a path whose parent does not exist, and one that the role may not read."""
    if resource.path in call.tenant.faults.forbidden:
        raise forbidden()
    if resource.parent:
        parent = call.tenant.tables[resource.parent]
        if call.numbers[0] not in parent:
            raise not_found(parent.resource.name, call.numbers[0])


def shown(call: Call, table: Table, number: int) -> bytes:
    """One record as it goes out."""
    wanted = tree(call.parameters.text("fields"))
    return b"".join(_records(call, table, [number], wanted)[1:-1])


def plain_list(records: Callable[[Call], list[Any]], schema: FieldSchema) -> Operation:
    """GET of a short list that is not a table's, such as an audit trail; forward-only paging is not known there."""

    def answer(call: Call) -> Answer:
        found = _matching(call, records(call), schema)
        first = (call.parameters.page - 1) * call.parameters.page_size
        page = found[first : first + call.parameters.page_size]
        wanted = tree(call.parameters.text("fields"))
        links = navigable_links(call.address, call.parameters, len(found))
        return Answer(200, orjson.dumps(project(page, wanted) if wanted else page), {"Link": links} if links else {})

    return answer


def plain_count(records: Callable[[Call], list[Any]], schema: FieldSchema) -> Operation:
    """GET of its `/count`."""
    return lambda call: Answer(200, b'{"count":%d}' % len(_matching(call, records(call), schema)))


def _matching(call: Call, records: list[Any], schema: FieldSchema) -> list[Any]:
    wanted = Filter(conditions=call.parameters.text("conditions"), order=call.parameters.text("orderBy"))
    return select_plain(records, wanted, schema)


def _list(call: Call, resource: Resource, wanted: Filter) -> Answer:
    check_parent(call, resource)
    faults, table = call.tenant.faults, call.tenant.tables[resource.path]
    selector = call.tenant.selectors[resource.path]
    size = call.parameters.page_size
    if call.forward_only:
        if wanted.order:
            raise bad_condition("orderBy is not supported with forward-only pagination.")
        found = selector.select(wanted)
        first = bisect_right(found, call.parameters.number("pageId") or 0)
        page = found[first : first + size]
        links: str | None = forward_link(call.address, call.parameters, page)
    else:
        unstable = call.tenant.dice if faults.unstable_ties and wanted.order else None
        found = selector.select(wanted, unstable)
        first = (call.parameters.page - 1) * size
        page = found[first : first + size]
        links = navigable_links(call.address, call.parameters, len(found))
    if len(page) > 1 and faults.spend("short_pages"):
        page = page[: len(page) // 2]
    elif len(page) > 0 and faults.spend("empty_pages"):
        page = []
    body = _records(call, table, page, tree(call.parameters.text("fields")))
    return Answer(200, body, {"Link": links} if links is not None else {})


def _records(call: Call, table: Table, numbers: Sequence[int], wanted: Tree) -> list[bytes]:
    """The records as a JSON array in pieces, cut to the fields that were asked for; the brackets stand alone."""
    poison = call.tenant.faults.poison.get(table.resource.path)
    if poison and (not wanted or "customfields" in wanted) and not set(poison).isdisjoint(numbers):
        raise broken_boolean()
    if wanted == _SWEEP:
        return [b"[", b",".join([b'{"id":%d}' % number for number in numbers]), b"]"]
    if wanted == _STAMPED_SWEEP:
        rows = ((number, (table.stamp(number) or "").encode()) for number in numbers)
        return [b"[", b",".join([b'{"id":%d,"_info":{"lastUpdated":"%s"}}' % row for row in rows]), b"]"]
    whole = array(table.pieces(numbers, call.base), call.tenant.blank(table.resource))
    return [b"[", orjson.dumps(project(orjson.loads(b"".join(whole)), wanted))[1:-1], b"]"] if wanted else whole
