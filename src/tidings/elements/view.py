"""How is a whole element shown? Its configuration, and a resource for each verb (spec platform.md 2.2 and 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tidings.elements.element import Element, Resource, Verb

#: How each verb is asked for: the method, and what stands behind the collection's path.
ASKED: Final[dict[Verb, tuple[str, str]]] = {
    "list": ("GET", ""),
    "create": ("POST", ""),
    "attach": ("PUT", ""),
    "read": ("GET", "/{id}"),
    "update": ("PATCH", "/{id}"),
    "replace": ("PUT", "/{id}"),
    "delete": ("DELETE", "/{id}"),
}
_SAID: Final[dict[Verb, str]] = {
    "list": "Search",
    "create": "Create one of",
    "attach": "Attach one of",
    "read": "Read one of",
    "update": "Change one of",
    "replace": "Write one anew of",
    "delete": "Delete one of",
}
#: What a list takes in its query: name, type, and what it is for.
LIST_PARAMETERS: Final = (
    ("where", "string", "A CEQL condition; without it, everything."),
    ("fields", "string", "The members to answer with, separated by commas; without it, all."),
    ("orderBy", "string", "A member, and asc or desc."),
    ("page", "integer", "Which page, from 1."),
    ("pageSize", "integer", "How many records a page has."),
    ("nextPage", "string", "The Elements-Next-Page-Token of the page before; it wins over page."),
)


def describe(element: Element) -> dict[str, Any]:
    """The whole element, ready for JSON."""
    return element.abridged() | {
        "configDescription": element.readme,
        "defaultTransformations": [],
        "childTransformationsEnabled": False,
        "configuration": [each.describe() for each in element.configuration],
        "resources": list(resources(element)),
        "parameters": [],
        "hooks": [],
        "objects": [],
        "models": [],
    }


def resources(element: Element) -> Iterator[dict[str, Any]]:
    """A resource for each verb of each collection; `id` follows from where the collection stands in the file."""
    for number, each in enumerate(element.resources, start=1):
        for place, (verb, (method, tail)) in enumerate(ASKED.items()):
            if verb in each.verbs:
                yield _resource(element, each, verb, method, tail, element.id * 1000 + number * 10 + place)


def _resource(
    element: Element, resource: Resource, verb: Verb, method: str, tail: str, resource_id: int
) -> dict[str, Any]:
    # The ids of a nested path have names of their own.
    path = f"{resource.path.replace('{id}', '{parentId}') if tail else resource.path}{tail}"
    return {
        "id": resource_id,
        "description": f"{_SAID[verb]}: {resource.description}",
        "path": f"/hubs/{element.hub}/{path}",
        "vendorPath": resource.provider_path + tail,
        "method": method,
        "vendorMethod": method,
        "type": "api",
        "kind": resource.type,
        "parameters": [
            {"id": resource_id * 10 + nth, "resourceId": resource_id} | each
            for nth, each in enumerate(_parameters(path, verb))
        ],
        "hooks": [],
        "paginationType": "VENDOR_SUPPORTED" if verb == "list" else "NO_PAGINATION",
        "objectName": resource.path,
        "primaryKey": resource.id,
    }


def _parameters(path: str, verb: Verb) -> Iterator[dict[str, Any]]:
    for name in ("parentId", "id"):
        if f"{{{name}}}" in path:
            yield _parameter(name, "path", "string", "The id of a record.", required=True)
    if verb == "list":
        for name, kind, said in LIST_PARAMETERS:
            yield _parameter(name, "query", kind, said)
    if verb in ("create", "attach", "update", "replace"):
        yield _parameter("body", "body", "object", "The record, or what is to be changed of it.", required=True)


def _parameter(name: str, type: str, data_type: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "vendorName": name,
        "description": description,
        "type": type,
        "vendorType": type,
        "dataType": data_type,
        "vendorDataType": data_type,
        "source": "request",
        "required": required,
    }
