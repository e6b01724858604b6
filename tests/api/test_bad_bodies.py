"""What comes of a body that no caller means? Every route that takes one is sent every kind of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.api.client import Answer
from tests.api.conftest import World
from tests.api.hubbed import hubbed
from tests.api.owned import First, filled, name, owned
from tidings.api import ingest
from tidings.api.application import build_api
from tidings.api.authorization import OF_TOKEN, Scope
from tidings.api.routes import ROUTES, Route
from tidings.core.errors import InvalidInput
from tidings.core.plainbody import refuse_odd

MEGABYTE = 1024 * 1024
DEEP = 100_000
#: Nobody reads these in one way, whatever they are about.
UNREADABLE: Mapping[str, bytes] = {
    "a brace that stays open": b"{",
    "no JSON": b"name=x",
    "single quotes": b"{'name':'x'}",
    "something behind it": b'{"name":"x"}}',
    "NaN": b'{"name":NaN}',
    "null": b"null",
    "a text": b'"name"',
    "a number": b"7",
    "an empty list": b"[]",
    "no UTF-8": b'{"name":"\xff\xfe"}',
    "no UTF-8 in a name": b'{"\xc3\x28":"x"}',
    "half a sequence": b'{"name":"\xe2\x82',
    "UTF-16": '{"name":"x"}'.encode("utf-16"),
    "UTF-32": '{"name":"x"}'.encode("utf-32-be"),
    "a member twice": b'{"name":"x","name":"y"}',
    "a member twice, deep inside": b'{"a":[{"b":{"c":1,"c":2}}]}',
    "NUL": b'{"name":"a\\u0000b"}',
    "NUL in a name": b'{"a\\u0000b":"x"}',
    "NUL as it is": b'{"name":"a\x00b"}',
    "lists without end": b"[" * DEEP + b"]" * DEEP,
    "lists that stay open": b"[" * DEEP,
    "objects without end": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "lists in a member": b'{"configuration":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "just too deep": b'{"config":' * 150 + b"{}" + b"}" * 150,
    "a number of 5,000 digits": b'{"id":' + b"9" * 5000 + b"}",
    "10 MB and one": b'{"name":"' + b"x" * (10 * MEGABYTE) + b'"}',
    "10 MB of nothing": b" " * (10 * MEGABYTE + 1),
}
#: What is sent to a provider, or comes from one, is handed on as it was sent; we keep none of it.
UNKEEPABLE: Mapping[str, bytes] = {
    "half a surrogate pair": b'{"name":"\\ud800"}',
    "the other half": b'{"a":{"b":["\\uDFFF"]}}',
    "half a pair in a name": b'{"\\udbff":"x"}',
    "a number larger than any": b'{"name":1e400}',
    "one less than any": b'{"a":[-1E+999]}',
    "one without an exponent": b'{"a":' + b"9" * 400 + b".0}",
}


def taking_bodies(world: World) -> set[tuple[str, str]]:
    """The routes that take a body: their handlers have one, or read it themselves."""
    found = {
        (method, route.path)
        for route in build_api(world.parts).routes
        if isinstance(route, APIRoute) and route.body_field is not None
        for method in route.methods or ()
    }
    return found | {(r.method, r.path) for r in ROUTES if r.method == "POST" and r.scope is Scope.OPEN}


def refused(answer: Answer, what: str, *, unread: bool = False) -> None:
    assert answer.status in ((403, 413) if unread else (400, 413)), f"{what}: {answer.status} {answer.body[:300]!r}"
    assert answer.headers["content-type"] == "application/json", what
    assert {"requestId", "message"} <= answer.json.keys(), what
    assert re.fullmatch(r"[0-9a-f]{24}", answer.json["requestId"]), what
    assert answer.json["message"], what


async def send(world: World, route: Route, first: First, raw: bytes) -> Answer:
    world.clock[0] += 60_000  # so that nobody has called too often
    client = world.client.with_element(first.token) if route.scope in OF_TOKEN else world.client
    return await client(route.method, filled(route, first), raw=raw)


@pytest.mark.timeout(240)
async def test_every_route_that_takes_a_body_refuses_what_cannot_be_read(world: World) -> None:
    first, taking = await owned(world), taking_bodies(world)
    # Those of the hub are tried below, over a provider.
    routes = [each for each in ROUTES if (each.method, each.path) in taking and each.scope is not Scope.HUB]
    assert len(routes) >= 40
    for route in routes:
        for kind, raw in {**UNREADABLE, **({} if route.bodies == ingest.BODIES else UNKEEPABLE)}.items():
            # A hint is read by whoever waits for it, and here nobody does.
            refused(await send(world, route, first, raw), f"{name(route)}, {kind}", unread="hints" in route.path)


async def test_what_is_refused_changes_nothing(world: World) -> None:
    """The control: with the same things, what is meant is done."""
    first = await owned(world)
    for kind, raw in {**UNREADABLE, **UNKEEPABLE}.items():
        refused(await world.client("PATCH", f"/instances/{first.theirs['instance_id']}", raw=raw), kind)
    assert (await world.client("PATCH", f"/instances/{first.theirs['instance_id']}", {"name": "x"})).status == 200


async def test_a_body_that_nobody_asked_for_does_not_matter(world: World) -> None:
    first, taking = await owned(world), taking_bodies(world)
    rest = [each for each in ROUTES if (each.method, each.path) not in taking and "stream" not in each.path]
    for route in sorted(rest, key=lambda route: route.method == "DELETE"):
        for kind in ("no JSON", "no UTF-8", "lists that stay open", "10 MB and one"):
            answer = await send(world, route, first, UNREADABLE[kind])
            assert answer.status < 500, f"{name(route)}, {kind}: {answer.status} {answer.body[:300]!r}"


async def test_what_is_refused_does_not_reach_a_provider(world: World) -> None:
    async with hubbed(world) as hub:
        before = hub.stored("company/contacts")
        for method, path in (("POST", "/contacts"), ("PATCH", "/contacts/1"), ("PUT", "/hubs/crm/contacts/1")):
            for kind, raw in UNREADABLE.items():
                refused(await hub.hub(method, path, raw=raw), f"{method} {path}, {kind}")
        assert hub.stored("company/contacts") == before


async def test_strange_content_for_a_provider_is_answered(world: World) -> None:
    """It is handed on, and the provider says what it thinks of it; never is it our fault."""
    async with hubbed(world) as hub:
        for method, path in (("POST", "/contacts"), ("PATCH", "/contacts/1"), ("PUT", "/contacts/1")):
            for kind, raw in UNKEEPABLE.items():
                answer = await hub.hub(method, path, raw=raw)
                assert answer.status < 500, f"{method} {path}, {kind}: {answer.status} {answer.body[:300]!r}"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"a": ["x", {"b": "\0"}]}, "a[1].b: contains NUL"),
        ({"a\0": 1}, "body: has a name that contains NUL"),
        ({"a": {"\ud800": 1}}, "a: has a name that contains half"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_place(sent: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        refuse_odd(json.dumps(sent).encode())


def test_whole_characters_and_numbers_of_any_size_that_can_be_read_are_taken() -> None:
    refuse_odd('{"a":"\\ud83d\\ude00","n":[1e308,0.1,123456789012345678901234567890],"é":"\\u0001"}'.encode())
