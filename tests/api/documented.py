"""Is an answer what the OpenAPI document says of its route? Asked of every answer that a test of the API gets.

A member that the document does not name is as wrong as one that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from tests.docs.openapi import made
from tidings.api.documented import HEADERS

_HEADERS = {name.lower() for name in HEADERS}


def check(scope: Mapping[str, Any], status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Raises AssertionError for an answer that the document of the route that was found does not have."""
    route = scope.get("route")
    if route is None or scope["method"] not in (route.methods or ()):
        return
    what = f"{scope['method']} {route.path}: {status}"
    if any(name.lower() == b"elements-async-request" for name, _ in scope["headers"]):
        return
    responses = _responses(route.path_format, scope["method"].lower())
    said = responses.get(str(status), responses.get(f"{status // 100}XX"))
    assert said is not None, (
        f"{what} is not in the OpenAPI document; say so of its handler: @answers(…, {status}) {body[:300]!r}"
    )
    kind = headers.get("content-type", "").partition(";")[0]
    content = _resolved(said).get("content", {})
    if not body:
        return
    assert kind in content, f"{what}: answers {kind}, the document has {list(content)}"
    named = {name.lower() for name in _resolved(said).get("headers", {})}
    unsaid = _HEADERS.intersection(headers) - named
    assert not unsaid, f"{what}: has the headers {unsaid}, which @answers of its handler does not name"
    if kind == "application/json" and content[kind]["schema"]:  # a file of JSON lines has none
        schema = json.dumps(content[kind]["schema"])
        errors = [
            f"{'/'.join(map(str, each.instance_path))}: {each.message}"
            for each in _validator(schema).iter_errors(json.loads(body, parse_int=_whole))
        ]
        assert not errors, f"{what}: is not the documented shape: {errors[:3]}"


def _whole(digits: str) -> int:
    """A number of thousands of digits is one all the same, though Python will not read it."""
    return int(digits[:4000])


def closed(part: Any) -> Any:
    """A schema whose objects have no members but those it names."""
    match part:
        case dict():
            made = {name: closed(each) for name, each in part.items()}
            if isinstance(part.get("properties"), dict) and "additionalProperties" not in part:
                made["additionalProperties"] = False
            return made
        case list():
            return [closed(each) for each in part]
    return part


@cache
def _responses(path: str, method: str) -> Mapping[str, Any]:
    responses: Mapping[str, Any] = made()["paths"][path][method]["responses"]
    return responses


def _resolved(said: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in said:
        return said
    found: Mapping[str, Any] = made()["components"]["responses"][said["$ref"].rpartition("/")[2]]
    return found


@cache
def _validator(schema: str) -> Any:
    components = {"schemas": closed(made()["components"]["schemas"])}
    return jsonschema_rs.validator_for(closed(json.loads(schema)) | {"components": components})
