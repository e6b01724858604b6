"""How are POST, PUT, PATCH and DELETE answered? (spec connectwise.md 4.1)"""

from typing import Any

import orjson

from tidings.sandbox.answers import Answer, Refusal, method_not_allowed, not_convertible
from tidings.sandbox.call import Call, Operation
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.projection import project, tree
from tidings.sandbox.reading import check_parent, existing
from tidings.sandbox.render import finish
from tidings.sandbox.writer import Writer

# A created contact comes back without them although they were stored (spec connectwise.md 2.3).
_NOT_IN_CREATED = ("communicationItems",)


def create_in(resource: Resource) -> Operation:
    """POST: 201, the record and its address."""

    def create(call: Call) -> Answer:
        check_parent(call, resource)
        parent = call.numbers[0] if resource.parent else None
        record = Writer(call.tenant).create(resource.path, call.json(), parent=parent)
        return created(call, resource, record)

    return create


def created(call: Call, resource: Resource, record: Stored) -> Answer:
    hidden = {name: value for name, value in record.items() if name not in _NOT_IN_CREATED}
    return Answer(201, record_body(call, resource, hidden), {"Location": f"{call.address}/{record['id']}"})


def replace_in(resource: Resource) -> Operation:
    """PUT by id."""

    def replace(call: Call) -> Answer:
        number = _addressed(call, resource)
        record = Writer(call.tenant).replace(resource.path, number, call.json())
        return Answer(200, record_body(call, resource, record))

    return replace


def patch_in(resource: Resource) -> Operation:
    """PATCH by id."""

    def patch(call: Call) -> Answer:
        number = _addressed(call, resource)
        record = Writer(call.tenant).patch(resource.path, number, call.json())
        return Answer(200, record_body(call, resource, record))

    return patch


def delete_in(resource: Resource) -> Operation:
    """DELETE by id: 204 without a body."""

    def delete(call: Call) -> Answer:
        Writer(call.tenant).delete(resource.path, _addressed(call, resource))
        return Answer(204)

    return delete


def bulk_in(resource: Resource) -> Operation:
    """POST, PUT and DELETE of `/bulk`: 200 whatever became of the items, one result for each (4.3)."""

    def bulk(call: Call) -> Answer:
        items = call.json()
        if not isinstance(items, list):
            raise not_convertible(items, f"List of {resource.name}")
        results = [_one(call, resource, place, item) for place, item in enumerate(items)]
        return Answer(200, orjson.dumps({"payload": results, "_info": {}}))

    return bulk


def record_body(call: Call, resource: Resource, record: Stored) -> bytes:
    """A stored record as it goes out, cut to `fields` when they are given."""
    table = call.tenant.tables[resource.path]
    body = finish(table.rendered(record), call.base, call.tenant.blank(resource))
    wanted = tree(call.parameters.text("fields"))
    return orjson.dumps(project(orjson.loads(body), wanted)) if wanted else body


def _addressed(call: Call, resource: Resource) -> int:
    """The id in the path; a record that readers do not see yet can be written to all the same."""
    number = call.numbers[-1]
    if call.tenant.newest(resource.path, number) is None or resource.parent:
        return existing(call, resource)
    return number


def _one(call: Call, resource: Resource, place: int, item: Any) -> dict[str, Any]:
    writer = Writer(call.tenant)
    number = item.get("id", 0) if isinstance(item, dict) else 0
    result: dict[str, Any] = {"success": True, "originalIndex": place, "statusCode": 200, "data": None, "error": None}
    try:
        if call.method == "DELETE":
            writer.delete(resource.path, number)
            return {**result, "statusCode": 204}
        if call.method == "POST":
            record, status = writer.create(resource.path, item), 201
        elif call.method == "PUT":
            record, status = writer.replace(resource.path, number, item), 200
        else:
            raise method_not_allowed()
        data = orjson.loads(record_body(call, resource, record))
        return {**result, "statusCode": status, "data": data}
    except Refusal as refusal:
        return {**result, "success": False, "statusCode": refusal.status, "error": orjson.loads(refusal.body)}
