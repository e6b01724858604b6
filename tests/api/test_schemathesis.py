"""Does anything that the OpenAPI document allows or forbids get an answer that the document does not have?

schemathesis makes the calls from the document alone, the same ones in every run: good ones, about things that there
are, and bad ones. What it asks of an answer here, and that no member is undocumented, which tests/api/client.py asks of
the answers of every test, is all that is asserted.
"""

from __future__ import annotations

import copy
import io
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from tests.api.client import Client
from tests.api.conftest import World
from tests.api.hubbed import hubbed
from tests.api.owned import First, filled, owned, parts
from tests.docs import openapi
from tidings.api.authorization import Scope
from tidings.api.routes import BASE, ROUTES, Route

#: Calls of each route, and of each handler that has something to refuse.
GOOD, BAD = 3, 3
ASKED_OF_AN_ANSWER = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
#: What is done first leaves the later ones something to do.
ORDER = ("GET", "POST", "PATCH", "PUT", "DELETE")
LAST = ("/instances/enabled", "/instances", "/organizations/secret")


@cache
def schema() -> Any:
    """The document without who may call: those who may are always the ones who do."""
    whole = copy.deepcopy(openapi.made())
    for methods in whole["paths"].values():
        for said in methods.values():
            del said["security"]
    return schemathesis.openapi.from_dict(whole)


def made(route: Route, mode: GenerationMode, count: int, fixed: dict[str, str] | None = None) -> list[Case]:
    """So many calls of a route, with `fixed` parts of its path."""
    return drawn(schema()[openapi.path_of(route)][route.method.lower()], mode, count, fixed)


def drawn(operation: Any, mode: GenerationMode, count: int, fixed: dict[str, str] | None = None) -> list[Case]:
    """So many calls of an operation."""
    cases: list[Case] = []

    @seed(1)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, path_parameters=fixed))
    def collect(case: Case) -> None:
        cases.append(case)

    with suppress(Unsatisfiable):  # nothing that can be sent is forbidden
        collect()
    return cases


def refuses_something(route: Route) -> bool:
    """Whether it takes anything but texts, which may be any."""
    said = openapi.operation(route)
    kinds = {
        kind.get("type")
        for each in said.get("parameters", [])
        for kind in (each["schema"], *each["schema"].get("anyOf", []))
    }
    return "requestBody" in said or bool(kinds & {"integer", "number", "boolean"})


async def call(client: Client, case: Case) -> None:
    """Makes it as `requests` would, but for who calls, and holds the answer against what is asked of one."""
    known = ("method", "url", "headers", "params", "json", "data", "files")
    given = case.as_transport_kwargs(base_url="http://localhost")
    sent = requests.Request(**{name: value for name, value in given.items() if name in known}).prepare()
    url = urlsplit(str(sent.url))
    headers = {name.lower(): str(value) for name, value in sent.headers.items()}
    headers["authorization"] = str(client.authorization)
    body: Any = sent.body or b""
    content = body.encode() if isinstance(body, str) else body
    answer = await client.send(case.method, unquote(url.path), url.query, headers, content)
    answered = requests.Response()
    answered.status_code, answered.headers = answer.status, requests.structures.CaseInsensitiveDict(answer.headers)
    answered.request, answered.url, answered.elapsed = sent, str(sent.url), timedelta()
    answered.raw = HTTPResponse(io.BytesIO(answer.body), answer.headers, answer.status, preload_content=False)
    case.validate_response(answered, ASKED_OF_AN_ANSWER)


def place(route: Route) -> tuple[int, int]:
    """When a route is called: what takes away what others need comes after them."""
    path = route.path.removeprefix(BASE)
    late = route.method != "GET" and path in LAST
    return LAST.index(path) + 1 if late else 0, ORDER.index(route.method)


@pytest.mark.timeout(300)
async def test_no_call_gets_an_answer_that_is_not_documented(world: World) -> None:
    first = await owned(world)
    async with hubbed(world) as hub:
        world.parts.log_grew.close()  # so that whoever waits for events does not wait
        keys = {"baseUrl": hub.sandbox.api, "company": "acme", "public.key": "sandbox-public"}
        there = {"configuration": keys | {"private.key": "sandbox-private"}}
        assert (await hub.client("PATCH", f"/instances/{first.theirs['instance_id']}", there)).status == 200
        contact = hub.stored("company/contacts")[0]["id"]
        found = First(first.theirs, {**first.common, "object": f"contacts/{contact}"}, first.token)
        own = hub.client.with_element(first.token)
        refusing, good = set(), set()
        for route in sorted(ROUTES, key=place):
            client = hub.hub if route.scope is Scope.HUB and "bulk_id" not in route.path else own
            values = {**found.theirs, **found.common}
            cases = made(route, GenerationMode.POSITIVE, GOOD, {part: values[part] for part in parts(route)})
            if refuses_something(route) and route.handler not in refusing:
                cases += made(route, GenerationMode.NEGATIVE, BAD)
            refusing.add(route.handler)
            for case in cases:
                world.clock[0] += 60_000  # so that nobody has called too often
                await call(client, case)
            # As plain as can be.
            if route.method == "GET" and (await client("GET", filled(route, found))).status == 200:
                good.add(route)
        gets = [route for route in ROUTES if route.method == "GET"]
        assert len(good) > 0.8 * len(gets), "most of what was asked for was not there"
