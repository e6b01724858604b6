"""Which objects does an element have, and which fields has each? (spec platform.md 3.8)"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidings.elements.element import Element, FieldType, Resource
from tidings.elements.view import ASKED

#: The types of the platform, and how its dates are written.
_TYPES: Final[Mapping[FieldType, str]] = {
    "int": "number",
    "decimal": "number",
    "bool": "boolean",
    "datetime": "date",
    "string": "string",
    "array": "array",
}
MASK: Final = "yyyy-MM-dd'T'HH:mm:ss'Z'"


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that a tenant has defined: `type` in the provider's words, `kind` in ours."""

    id: int
    caption: str
    type: str
    kind: FieldType
    required: bool = False
    read_only: bool = False


def objects(element: Element) -> list[Resource]:
    """What can be listed by itself, in the order of the element's file; not what belongs to one record of another."""
    return [each for each in element.resources if "list" in each.verbs and "{id}" not in each.path]


def object_named(element: Element, name: str) -> Resource | None:
    return next((each for each in objects(element) if each.path == name), None)


def shown(element: Element) -> list[dict[str, str]]:
    """The objects with their kind; all are the provider's, none is defined by users."""
    return [{"name": each.path, "vendorName": each.path, "type": "vendor"} for each in objects(element)]


def fields(resource: Resource) -> Iterator[dict[str, Any]]:
    """The fields of the element's file, by the place that they have in a record."""
    for path, kind in resource.field_types.items():
        if path in resource.aliases and resource.aliases[path] != path:
            continue  # a name of queries alone; its place is listed by itself
        own = path != resource.id and not path.startswith("_info.")
        yield _field(resource, path, path, kind, kind, writable=own, filterable=kind != "array")


def custom_fields(resource: Resource, defined: Iterable[CustomField]) -> Iterator[dict[str, Any]]:
    """The same for what a tenant has defined."""
    for each in defined:
        path = f"customFields[?(@.id=={each.id})].value"
        yield _field(
            resource,
            path,
            each.caption,
            each.kind,
            each.type,
            writable=not each.read_only,
            required=each.required,
            custom=True,
        )


def _field(
    resource: Resource,
    path: str,
    name: str,
    kind: FieldType,
    native: str,
    *,
    writable: bool,
    filterable: bool = False,
    required: bool = False,
    custom: bool = False,
) -> dict[str, Any]:
    named = name if custom else _in_words(name)
    return {
        "path": path,
        "type": _TYPES[kind],
        "vendorPath": path,
        "vendorDisplayName": named,
        "vendorNativeType": native,
        "vendorRequired": required,
        "vendorReadOnly": not writable,
        "hidden": False,
        "filterable": filterable,
        "createable": writable and "create" in resource.verbs,
        "updateable": writable and "update" in resource.verbs,
        "custom": custom,
        "mask": MASK if kind == "datetime" else None,
        "displayName": named,
        "method": list(_methods(resource, writable)),
    }


def _methods(resource: Resource, writable: bool) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for verb, (method, _) in ASKED.items():
        if verb in resource.verbs and verb != "delete" and method not in seen:
            seen.add(method)
            yield {"name": method, "request": writable and method != "GET", "response": True}


def _in_words(name: str) -> str:
    """A field's name as people read it.

    >>> _in_words("company.id"), _in_words("_info.lastUpdated"), _in_words("addressLine1")
    ('Company Id', 'Info Last Updated', 'Address Line1')
    """
    words = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+", name)
    return " ".join(word[:1].upper() + word[1:] for word in words)
