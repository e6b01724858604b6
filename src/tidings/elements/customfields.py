"""Which fields has a tenant defined for a resource? Read from a record of it and from the definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tidings.elements.element import CustomFields, Resource
from tidings.elements.objects import CustomField


def defined(
    rules: CustomFields,
    resource: Resource,
    record: Mapping[str, Any] | None,
    definitions: Sequence[Mapping[str, Any]],
) -> list[CustomField]:
    """The fields of a resource in the order of its records.

    A `record` lists all that apply to its type, the definitions say more of each. Without a record the definitions
    whose place begins with the resource's type (`Contact Overview`) are taken.
    """
    by_id = {each.get("id"): each for each in definitions}
    if record is not None:
        listed = record.get(rules.member)
        found: Iterable[Mapping[str, Any]] = listed if isinstance(listed, list) else []
    else:
        found = [each for each in definitions if _is_of(rules, resource, each)]
    return [_field(rules, each, by_id.get(each.get("id"), {})) for each in found if isinstance(each.get("id"), int)]


def _is_of(rules: CustomFields, resource: Resource, definition: Mapping[str, Any]) -> bool:
    place = str(definition.get(rules.place) or "")
    return place.casefold().startswith(f"{resource.type} ".casefold())


def _field(rules: CustomFields, listed: Mapping[str, Any], definition: Mapping[str, Any]) -> CustomField:
    native = str(listed.get(rules.listed_type) or definition.get(rules.type) or listed.get(rules.type) or "")
    return CustomField(
        id=listed["id"],
        caption=str(listed.get(rules.caption) or definition.get(rules.caption) or listed["id"]),
        type=native,
        kind=rules.types.get(native, "string"),
        required=definition.get(rules.required) is True,
        read_only=definition.get(rules.read_only) is True,
    )
