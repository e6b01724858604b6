"""How do the objects of an element look as a Swagger 2.0 document? (spec platform.md 3.6)

A client that is made from one calls the hub of an instance: the paths are those of `hub/target.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidings.elements.element import Element, FieldType, Resource
from tidings.elements.objects import CustomField
from tidings.elements.view import resources

_TYPES: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    "int": {"type": "integer"},
    "decimal": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "string": {"type": "string"},
    "array": {"type": "array", "items": {}},
}
_REFERENCE: Final = "#/definitions/"
_REFUSED: Final[Mapping[str, str]] = {
    "400": "Something in the call is wrong, or the provider says so.",
    "401": "Nobody is known by this Authorization, or the provider refuses the instance's credentials.",
    "403": "The instance is disabled, or its credentials may not do this.",
    "404": "There is no such record.",
    "409": "It conflicts with what is there.",
    "429": "Too many calls; Retry-After says how many seconds to wait.",
    "500": "Something went wrong at this server.",
    "502": "The provider failed, or could not be reached.",
    "503": "The provider is not ready.",
    "504": "The provider did not answer in time; what was asked for may have been done.",
}
_HEADERS: Final[Mapping[str, str]] = {
    "Elements-Request-Id": "The id of the call.",
    "Elements-Element-Instance-Id": "The instance that the call was about.",
}
_OF_LISTS: Final[Mapping[str, str]] = {
    "Elements-Returned-Count": "How many records the body has.",
    "Elements-Total-Count": "How many there are in all, where that is known.",
    "Elements-Next-Page-Token": "The nextPage of the next call; absent on the last page.",
    "Elements-Error": "A warning about what was done all the same.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API is called."""

    scheme: str
    host: str
    base_path: str


def document(
    elements: Sequence[Element], title: str, place: Place, custom: Mapping[str, Sequence[CustomField]]
) -> dict[str, Any]:
    """Every resource and verb of the elements; of two that share an object, the first one's counts.

    `custom` are the fields that a tenant has defined, by the path of the resource.
    """
    paths: dict[str, dict[str, Any]] = {}
    definitions: dict[str, Any] = {"Refusal": _refusal()}
    for element in reversed(elements):
        by_path = {each.path: each for each in element.resources}
        for each in element.resources:
            definitions[name_of(each)] = _record(each, custom.get(each.path, ()))
        for asked in resources(element):
            path = asked["path"].removeprefix(f"/hubs/{element.hub}")
            paths.setdefault(path, {})[asked["method"].lower()] = _operation(asked, path, by_path[asked["objectName"]])
    return {
        "swagger": "2.0",
        "info": {"title": title, "version": "api-v2", "description": " ".join(each.description for each in elements)},
        "host": place.host,
        "basePath": place.base_path,
        "schemes": [place.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "Authorization": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "User <userSecret>, Element <instanceToken>",
            }
        },
        "security": [{"Authorization": []}],
        "paths": dict(sorted(paths.items())),
        "definitions": definitions,
    }


def of_object(whole: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The part of a document that is about one object, and about what belongs to a record of it."""
    return _part(whole, lambda path, operation: path.split("/")[1] == name)


def of_operation(whole: Mapping[str, Any], operation_id: str) -> dict[str, Any] | None:
    """The part that is about one operation, such as GET-contacts; None when there is none of that id."""
    found = _part(whole, lambda path, operation: operation["operationId"].lower() == operation_id.lower())
    return found if found["paths"] else None


def resolved(part: Any, definitions: Mapping[str, Any]) -> Any:
    """With what is referred to in the place of each reference; nothing refers to itself."""
    match part:
        case {"$ref": str(reference)}:
            return resolved(definitions[reference.removeprefix(_REFERENCE)], definitions)
        case dict():
            return {name: resolved(each, definitions) for name, each in part.items()}
        case list():
            return [resolved(each, definitions) for each in part]
    return part


def name_of(resource: Resource) -> str:
    """The name of a resource's definition.

    >>> name_of(Resource(path="incidents/{id}/comments", provider_path="", type="", id="id", paging="pages"))
    'incidents-comments'
    """
    return resource.path.replace("/{id}", "").replace("/", "-")


def _part(whole: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for path, methods in whole["paths"].items():
        kept = {method: operation for method, operation in methods.items() if wanted(path, operation)}
        if kept:
            paths[path] = kept
    used = sorted(set(_referred(paths)))
    return {**whole, "paths": paths, "definitions": {name: whole["definitions"][name] for name in used}}


def _referred(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(reference)}:
            yield reference.removeprefix(_REFERENCE)
        case dict():
            for each in part.values():
                yield from _referred(each)
        case list():
            for each in part:
                yield from _referred(each)


def _operation(asked: Mapping[str, Any], path: str, resource: Resource) -> dict[str, Any]:
    reference = {"$ref": _REFERENCE + name_of(resource)}
    is_list = asked["paginationType"] != "NO_PAGINATION"
    schema: dict[str, Any] = {"type": "array", "items": reference} if is_list else reference
    if asked["method"] == "DELETE":
        schema = {"type": "object"}
    headers = {**_HEADERS, **(_OF_LISTS if is_list else {})}
    refusals = {
        status: {"description": said, "schema": {"$ref": f"{_REFERENCE}Refusal"}} for status, said in _REFUSED.items()
    }
    return {
        "operationId": "-".join([asked["method"], *re.findall(r"[^/{}]+", path)]),
        "tags": [path.split("/")[1]],
        "summary": asked["description"],
        "parameters": [_parameter(each, reference) for each in asked["parameters"]],
        "responses": {
            "200": {
                "description": "Done.",
                "schema": schema,
                "headers": {name: {"type": "string", "description": said} for name, said in headers.items()},
            },
            **refusals,
        },
    }


def _parameter(asked: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    said = {"name": asked["name"], "in": asked["type"], "description": asked["description"]}
    if asked["type"] == "body":
        return {**said, "required": True, "schema": reference}
    typed = {**said, "required": asked["required"], "type": asked["dataType"]}
    return {**typed, "minimum": 1} if asked["dataType"] == "integer" else typed


def _record(resource: Resource, custom: Iterable[CustomField]) -> dict[str, Any]:
    """The fields by the place that they have in a record; a record may have more than the element's file names."""
    properties: dict[str, Any] = {}
    for dotted, kind in resource.field_types.items():
        if resource.aliases.get(dotted, dotted) != dotted:
            continue  # a name of queries alone
        *parents, name = dotted.split(".")
        members = properties
        for parent in parents:
            members = members.setdefault(parent, {"type": "object", "properties": {}})["properties"]
        members[name] = dict(_TYPES[kind])
    for name in ("_info", resource.id):
        if name in properties:
            properties[name]["readOnly"] = True
    if found := list(custom):
        properties["customFields"] = _custom(found)
    return {"type": "object", "description": resource.description, "properties": properties}


def _custom(fields: Sequence[CustomField]) -> dict[str, Any]:
    """A list with an entry for each, which its `id` names."""
    told = "; ".join(f"{each.id} is {each.caption} ({each.type})" for each in fields)
    return {
        "type": "array",
        "description": f"What this tenant has defined: {told}.",
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "integer", "enum": [each.id for each in fields]},
                "caption": {"type": "string", "readOnly": True},
                "type": {"type": "string", "readOnly": True},
                "value": {},
            },
        },
        "x-customFields": [
            {
                "id": each.id,
                "caption": each.caption,
                "type": each.type,
                "required": each.required,
                "readOnly": each.read_only,
                "schema": dict(_TYPES[each.kind]),
            }
            for each in fields
        ],
    }


def _refusal() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["requestId", "message"],
        "properties": {name: {"type": "string"} for name in ("requestId", "message", "providerMessage")},
    }
