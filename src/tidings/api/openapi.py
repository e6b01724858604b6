"""The platform's OpenAPI document: every route with what it takes, what it answers and how it refuses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tidings.api.authorization import Scope
from tidings.api.documented import HEADERS, INSTANCE, Answers, said_of
from tidings.api.finding import OBJECT
from tidings.api.privileges import privilege_for
from tidings.api.routes import BASE, ROUTES, Route
from tidings.api.schemas.written import FILE, FORM
from tidings.core.model import JSON
from tidings.core.multipart import MULTIPART

INTRODUCTION: Final = """Every answer has `Elements-Request-Id` and `Elements-Trace-Id`. Every refusal has the one
shape, and its `requestId` is found again in `GET /usage/{requestId}`.

With `Elements-Async-Request: True` a call is made by the server while nobody waits: it answers
`{"eventId": …, "eventStatus": "dispatched"}` at once, and what the call itself answers is sent to
`Elements-Async-Callback-Url`."""

REFUSED: Final[Mapping[int | str, str]] = {
    400: "Something in the call is wrong; the message begins with its name.",
    401: "Nobody is known by this Authorization, or the provider refuses the instance's credentials.",
    403: "The caller may not do this, or the instance is disabled.",
    404: "It is not there, or not the caller's; of some lists: it is empty.",
    405: "The path has other verbs; Allow names them.",
    406: "The answer is of a type that Accept leaves out.",
    409: "It conflicts with what is there.",
    410: "It is no longer kept.",
    413: "The body is larger than 1 MiB.",
    415: "The body is of a type that is not understood.",
    429: "Too many calls, of us or of the provider; Retry-After says how many seconds to wait.",
    500: "Something went wrong on our side; the log has the details under the requestId.",
    502: "The provider failed, or could not be reached.",
    503: "The provider, or this server, is not ready.",
    504: "The provider did not answer in time; what was asked for may have been done.",
    "4XX": "Any other refusal of the provider, with its own status.",
}

_HEADER: Final = {"type": "apiKey", "in": "header", "name": "Authorization"}
AUTHORIZATION: Final[Mapping[str, Mapping[str, str]]] = {
    "user": {**_HEADER, "description": "User <userSecret>, Organization <organizationSecret>"},
    "element": {**_HEADER, "description": "User <userSecret>, Organization <organizationSecret>, Element <token>"},
    "hub": {**_HEADER, "description": "User <userSecret>, Element <token>; an Organization part may stand there, too"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of POST /authentication."},
}
SECURITY: Final[Mapping[Scope, list[dict[str, list[str]]]]] = {
    Scope.OPEN: [],
    Scope.BEARER: [{"bearer": []}],
    Scope.USER: [{"user": []}, {"bearer": []}],
    Scope.ELEMENT: [{"element": []}],
    Scope.HUB: [{"hub": []}],
}

ERROR: Final = {
    "type": "object",
    "required": ["requestId", "message"],
    "properties": {
        "requestId": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "message": {"type": "string", "description": "What is wrong, and what to write instead."},
        "providerMessage": {"type": "string", "description": "What the provider said, when it failed the call."},
        "oldestSequence": {"type": "integer", "description": "With 410: the first that is still kept."},
    },
}
ALWAYS: Final = {
    "Elements-Request-Id": "The id of the call.",
    "Elements-Trace-Id": "The trace that the call named, or its id.",
}


#: Where the first part of a path says less.
_TAGS: Final[Mapping[str, str]] = {"docs-ui": "docs", "ping": "objects", "catalog-properties": "elements"}


def responses(handler: Callable[..., Any]) -> dict[int | str, dict[str, Any]]:
    """The good answers of a handler, for FastAPI, which makes their schemas."""
    said = said_of(handler) or Answers(Any, frozenset())
    return {status: _good(said, shape) for status, shape in {200: said.shape, **said.also}.items()}


def unread_body(route: Route) -> dict[str, object]:
    """The body of a route whose handler reads it itself, in one of several types."""
    if route.bodies == (JSON,) or route.method == "GET":
        return {}
    is_file = route.bodies == (MULTIPART,)
    content = {kind: {"schema": {} if kind == JSON else FILE if is_file else FORM} for kind in route.bodies}
    # A query for many records has all that it needs in its address.
    return {"requestBody": {"content": content, "required": is_file or MULTIPART not in route.bodies}}


def document(api: FastAPI) -> dict[str, Any]:
    """The whole document of an API whose routes are those of the table."""
    made = get_openapi(title="Tidings", version=version("tidings"), description=INTRODUCTION, routes=api.routes)
    for route in ROUTES:
        path = re.sub(r":\w+}", "}", route.path)
        made["paths"][path][route.method.lower()] |= _said(route, made["paths"][path][route.method.lower()])
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Refusal"] = ERROR
    components["responses"] = {str(status): _refusal(status) for status in REFUSED}
    components["headers"] = {
        name: {"description": said, "schema": {"type": "string"}} for name, said in {**ALWAYS, **HEADERS}.items()
    }
    components["securitySchemes"] = AUTHORIZATION
    _without_titles(made["paths"])
    _without_titles(schemas)
    return made


def _without_titles(part: Any) -> None:
    """Those that were made of names, and say nothing more."""
    match part:
        case dict():
            if isinstance(part.get("title"), str):
                del part["title"]
            for each in part.values():
                _without_titles(each)
        case list():
            for each in part:
                _without_titles(each)


def _good(said: Answers, shape: Any) -> dict[str, Any]:
    names = (*ALWAYS, *said.headers)
    good: dict[str, Any] = {
        "description": "Done; the answer is what was asked for, or made.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if said.kinds == ("application/json",):
        return good if shape is None else good | {"model": shape}
    texts = {kind: {"type": "string"} for kind in said.kinds if kind.startswith("text/")}
    return good | {"content": {kind: {"schema": texts.get(kind, {})} for kind in said.kinds}}


def _said(route: Route, operation: dict[str, Any]) -> dict[str, Any]:
    """What the table and the handler say of a route that FastAPI has not."""
    text = inspect.cleandoc(route.handler.__doc__ or "")
    sentence = re.split(r"(?<=[.;:])\s", " ".join(text.split()), maxsplit=1)[0]
    good = {status: each for status, each in operation["responses"].items() if status.startswith("2")}
    refused = sorted(_refusals(route, "requestBody" in operation), key=str)
    said = said_of(route.handler)
    named = [
        {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}
        for name, description in (said.reads if said else {}).items()
    ]
    return {
        "parameters": [*operation.get("parameters", []), *named],
        "tags": [_tag(route)],
        "summary": sentence.rstrip(".;:"),
        "description": text,
        "security": SECURITY[route.scope],
        "responses": good | {str(each): {"$ref": f"#/components/responses/{each}"} for each in refused},
    }


def _refusals(route: Route, has_body: bool) -> Iterator[int | str]:
    said = said_of(route.handler)
    found: set[int | str] = {406, 500, *(said.refuses if said else ())}
    if route.path.startswith(BASE):
        found |= {400}
    if has_body:
        found |= {413}
    if route.method != "GET":
        found |= {415}
    if route.scope is not Scope.OPEN:
        found |= {401, 429}
    if "{instance_id" in route.path:
        found |= {404}
    if privilege_for(route.method, route.path.removeprefix(BASE), route.scope) is not None:
        found |= {403}
    yield from found


def _refusal(status: int | str) -> dict[str, Any]:
    headers: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name in (*ALWAYS, INSTANCE)}
    if status == 429:
        headers["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer"}}
    return {
        "description": REFUSED[status],
        "headers": headers,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }


def _tag(route: Route) -> str:
    if route.path.endswith(OBJECT):
        return "records"
    if not route.path.startswith(BASE):
        return "server"
    if "/bulk" in route.path:
        return "bulk"
    first = route.path.removeprefix(BASE).split("/")[1]
    return _TAGS.get(first, first)
