"""How the API is put together: the routes of the table, each behind its scope, inside one envelope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache, partial
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from tidings.api.accept import JSON, takes
from tidings.api.authorization import Scope, authorise
from tidings.api.body_cap import BodyCap
from tidings.api.call import Call, UserCall
from tidings.api.cross_origin import Preflight
from tidings.api.dispatched import dispatch, is_wanted
from tidings.api.envelope import Envelope
from tidings.api.finding import OBJECT, FoundRoute, object_names
from tidings.api.noted import Noted
from tidings.api.openapi import document, responses, unread_body
from tidings.api.parts import ApiParts
from tidings.api.privileges import privilege_for
from tidings.api.problems import Refused, problem
from tidings.api.routes import BASE, ROUTES, Route
from tidings.core.errors import TidingsError
from tidings.core.plainbody import refuse_odd
from tidings.core.roles import Privilege


def build_api(parts: ApiParts) -> FastAPI:
    """The API over its parts; its OpenAPI document stands at `/elements/api-v2/openapi.json`."""
    api = FastAPI(
        title="Tidings",
        openapi_url=f"{BASE}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.add_middleware(BodyCap)
    api.add_middleware(Noted, parts=parts)
    api.add_middleware(Preflight, origins=lambda: parts.settings.allowed_origins)
    api.add_middleware(Envelope, clock=parts.clock, dice=parts.dice, origins=lambda: parts.settings.allowed_origins)
    for kind in (HTTPException, RequestValidationError, TidingsError):
        api.add_exception_handler(kind, _refuse)
    api.state.parts, api.state.object_names = parts, object_names(parts.catalog)
    api.router.routes.extend(_routes())
    api.openapi = partial(_document_once, api)  # type: ignore[method-assign]  # as FastAPI's documents say
    return api


def _document_once(api: FastAPI) -> dict[str, Any]:
    if api.openapi_schema is None:
        api.openapi_schema = document(api)
    return api.openapi_schema


@cache
def _routes() -> Sequence[BaseRoute]:
    """The table as it is served. Made once: it takes a good part of a second, and is the same whatever the parts."""
    router = APIRouter(redirect_slashes=False, strict_content_type=False)  # a body without a type is JSON
    # A path is looked for from the first route on. Objects come first, because most calls are about one; a path of the
    # platform's is none of theirs (`is_objects`).
    for route in sorted(ROUTES, key=lambda route: not route.path.endswith(OBJECT)):
        _add(router, route)
    return router.routes


def _add(router: APIRouter, route: Route) -> None:
    privilege = privilege_for(route.method, route.path.removeprefix(BASE), route.scope)
    router.add_api_route(
        route.path,
        route.handler,
        methods=[route.method],
        route_class_override=_guarded(route.scope, privilege, route.bodies),
        operation_id=f"{route.method}-{route.path.removeprefix(BASE)}",
        responses=responses(route.handler),
        response_class=Response,  # which has no type of its own: each handler says its own
        openapi_extra={
            "x-scope": route.scope.value,
            **({} if privilege is None else {"x-privilege": privilege.value}),
            **unread_body(route),
            "parameters": _instance_parameter(route.path),
        },
    )


def _guarded(scope: Scope, privilege: Privilege | None, bodies: tuple[str, ...]) -> type[APIRoute]:
    """A route that asks who is calling before it reads anything else of the request."""

    class GuardedRoute(FoundRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            return partial(
                _authorised,
                partial(authorise, scope=scope, privilege=privilege),
                bodies,
                # What goes to a provider, or comes from one, is read by its handler.
                self.body_field is not None and scope is not Scope.HUB,
                super().get_route_handler(),
            )

    return GuardedRoute


async def _authorised(
    who: Callable[[Request, ApiParts], Awaitable[Call]],
    bodies: tuple[str, ...],
    is_ours: bool,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
    request: Request,
) -> Response:
    request.state.call = call = await who(request, request.app.state.parts)
    kind = (request.headers.get("content-type") or JSON).partition(";")[0].strip().lower()
    if request.headers.get("content-length", "0") != "0" and kind not in bodies:
        raise Refused(415, f"Content-Type: {kind} is not understood; send {' or '.join(bodies)}")
    # What a call changes is answered in JSON; of what it reads, the answer itself says its type.
    accept = request.headers.get("accept")
    if request.method != "GET" and not takes(accept, JSON):
        raise _not_acceptable(JSON)
    if is_ours and (body := await request.body()):
        refuse_odd(body)
    if isinstance(call, UserCall) and is_wanted(request):
        return await dispatch(call, request, BASE)
    answered = await handle(request)
    kind = answered.headers.get("content-type", JSON).partition(";")[0]
    if request.method == "GET" and not takes(accept, kind):
        raise _not_acceptable(kind)
    return answered


def _not_acceptable(kind: str) -> Refused:
    return Refused(406, f"Accept: the answer is {kind}, which the header leaves out; send Accept: {kind}")


def _instance_parameter(path: str) -> list[dict[str, object]]:
    # The handlers do not take these: `authorise` reads the first, and what a hub is called does not matter.
    said = {"instance_id": "The id of an instance.", "hub": "The key of a hub; any will do."}
    kinds = {"instance_id": "integer"} | ({"hub": "string"} if path.endswith(OBJECT) or "{hub}/bulk" in path else {})
    return [
        {"name": name, "in": "path", "required": True, "description": said[name], "schema": {"type": kind}}
        for name, kind in kinds.items()
        if re.search(rf"{{{name}\b", path)
    ]


async def _refuse(request: Request, error: Exception) -> Response:
    found = problem(error, request.method, request.url.path)
    headers = dict(found.headers)
    if found.status == 405 and not isinstance(error, Refused):
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    body = orjson.dumps(found.body(request.state.request_id))
    return Response(body, found.status, headers, "application/json")


def _allowed(request: Request) -> set[str]:
    return {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
