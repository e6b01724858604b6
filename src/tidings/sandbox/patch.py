"""What does a JSON patch make of a record? (spec connectwise.md 4.2)"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from tidings.sandbox.answers import Problem, invalid, not_convertible
from tidings.sandbox.convert import is_writable
from tidings.sandbox.describe import Resource, Stored

OPERATIONS = ("add", "replace", "remove")


def apply(resource: Resource, record: Stored, operations: Any, custom_fields: Sequence[int]) -> Stored:
    """The members that a patch names, with the values it leaves them; None for those it removes.

    Operations run in order and see each other's effect. Sub-paths of references change nothing, nor do members
    that only the server or only a creation sets. `custom_fields` are the definitions' ids in the order of an answer,
    which is what an index into that array counts. Raises Refusal: 500 for a body that is no list of operations, 400
    for an operation or a path that does not exist.
    """
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise not_convertible(operations, "Patch")
    result: Stored = {}
    for operation in operations:
        op, path = operation.get("op"), operation.get("path")
        if not isinstance(op, str) or op.lower() not in OPERATIONS:
            raise _refused(resource, "op", f"The operation {op} is not supported.")
        if not isinstance(path, str) or not path.strip("/"):
            raise _refused(resource, "path", "The path of an operation is missing.")
        _one(resource, record, result, op.lower(), path.strip("/").split("/"), operation.get("value"), custom_fields)
    return result


def _one(
    resource: Resource,
    record: Stored,
    result: Stored,
    op: str,
    path: list[str],
    value: Any,
    custom_fields: Sequence[int],
) -> None:
    name, *below = path
    each = resource.fields.get(name)
    if each is None:
        if name in ("id", "_info"):
            return
        raise _refused(resource, name, f"The target location specified by path segment '{name}' was not found.")
    if not is_writable(each, creating=False) or (below and each.kind != "list"):
        return
    value = None if op == "remove" else deepcopy(value)
    if name == "customFields":
        result[name] = _custom(result.get(name) or [], op, below, value, custom_fields)
    elif below:
        now = result.get(name, record.get(name)) or []
        result[name] = _element(resource, name, deepcopy(now), op, below, value)
    else:
        result[name] = value


def _custom(
    named: list[Any], op: str, below: list[str], value: Any, custom_fields: Sequence[int]
) -> list[Mapping[str, Any]]:
    """The entries named so far and by this operation; entries that are not named keep their value."""
    if not below:
        return named + (value if isinstance(value, list) else [])
    if not below[0].isdigit() or int(below[0]) >= len(custom_fields):
        return named
    given = value.get("value") if isinstance(value, dict) and len(below) == 1 else value
    return [*named, {"id": custom_fields[int(below[0])], "value": None if op == "remove" else given}]


def _element(resource: Resource, name: str, items: list[Any], op: str, below: list[str], value: Any) -> list[Any]:
    place = len(items) if below[0] == "-" else int(below[0]) if below[0].isdigit() else -1
    most = len(items) if op == "add" and len(below) == 1 else len(items) - 1
    if not 0 <= place <= most:
        raise _refused(resource, name, f"The index value provided by path segment '{below[0]}' is out of bounds.")
    if len(below) > 1:
        # Deeper than a member of the element lies a reference, whose sub-paths change nothing.
        if len(below) == 2 and isinstance(items[place], dict):
            if op == "remove":
                items[place].pop(below[1], None)
            else:
                items[place][below[1]] = value
    elif op == "remove":
        del items[place]
    elif op == "replace":
        items[place] = value
    else:
        items.insert(place, value)
    return items


def _refused(resource: Resource, field: str, message: str) -> Exception:
    return invalid(resource.camel, [Problem("InvalidField", message, field)])
