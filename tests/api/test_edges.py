"""What browsers of other origins may do, traces, and answers of a type that the caller does not take."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Client
from tests.api.conftest import World, body
from tests.api.test_errors import EXPOSED, assert_error
from tidings.api.accept import takes
from tidings.core.errors import InvalidInput
from tidings.settings import Settings, load

CONSOLE = "https://console.example.com"
ASKING: dict[str, Any] = {"Origin": CONSOLE, "Access_Control_Request_Method": "PATCH"}


def opened(world: World, *origins: str) -> Client:
    return world.rebuilt(settings=Settings(allowed_origins=origins)).saying(None)


async def test_a_page_of_an_allowed_origin_is_told_what_it_may_send(world: World) -> None:
    answer = await opened(world, CONSOLE)(
        "OPTIONS", "/instances/7", **ASKING, Access_Control_Request_Headers="authorization, elements-version"
    )
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, PATCH, POST, PUT"
    assert answer.headers["access-control-allow-headers"] == "authorization, elements-version"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [CONSOLE, "null", "https://console.example.com.evil.example", "*"])
async def test_where_nothing_is_configured_no_origin_is_allowed(world: World, origin: str) -> None:
    answer = await opened(world)("OPTIONS", "/instances/7", **(ASKING | {"Origin": origin}))
    assert_error(answer, 405)
    assert not [name for name in answer.headers if name.startswith("access-control-allow")]


async def test_another_origin_than_those_that_are_configured_is_not_allowed(world: World) -> None:
    client = opened(world, CONSOLE)
    for method in ("OPTIONS", "GET"):
        answer = await client(method, "/instances", **(ASKING | {"Origin": "https://evil.example"}))
        assert answer.status in (401, 405)
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in answer.headers


async def test_good_and_bad_answers_can_be_read_by_a_page_of_an_allowed_origin(world: World) -> None:
    client = opened(world, CONSOLE)
    for caller, status in ((client, 401), (client.saying(world.client.authorization), 200)):
        answer = await caller("GET", "/elements", Origin=CONSOLE)
        assert answer.status == status
        assert answer.headers["access-control-allow-origin"] == CONSOLE
        assert answer.headers["access-control-expose-headers"] == EXPOSED
    assert "access-control-allow-origin" not in (await client("GET", "/elements")).headers


async def test_every_origin_may_be_allowed(world: World) -> None:
    answer = await opened(world, "*")("GET", "/elements", Origin="https://any.example")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_an_origin_is_written_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_ALLOWED_ORIGINS", f"{CONSOLE.upper()}, http://localhost:3000")
    assert load().allowed_origins == (CONSOLE, "http://localhost:3000")
    monkeypatch.setenv("TIDINGS_ALLOWED_ORIGINS", f"{CONSOLE}/app")
    with pytest.raises(InvalidInput, match="is no origin"):
        load()


async def test_a_trace_is_named_as_the_caller_names_it_or_as_the_request(world: World) -> None:
    answer = await world.client("GET", "/elements", Elements_Trace_Id="trace-7")
    assert answer.headers["elements-trace-id"] == "trace-7"
    for odd in ("", "a b", "x" * 129, "é"):
        answer = await world.client("GET", "/elements", Elements_Trace_Id=odd)
        assert answer.headers["elements-trace-id"] == answer.headers["elements-request-id"]


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("APPLICATION/JSON; charset=utf-8", True),
        ("text/html, application/*;q=0.2", True),
        ("text/html;q=0.9, */*;q=0.1", True),
        ("nonsense", True),
        ("text/html", False),
        ("text/csv, application/xml", False),
        ("application/json;q=0, */*", False),
        ("application/json; q=0.000", False),
        ("*/*;q=0", False),
    ],
)
def test_whether_a_caller_takes_json(accept: str | None, is_json: bool) -> None:
    assert takes(accept, "application/json") is is_json


async def test_whoever_does_not_take_json_is_refused_and_nothing_is_changed(world: World) -> None:
    assert_error(await world.client("GET", "/elements", Accept="text/html"), 406)
    assert_error(await world.client("POST", "/instances", body(), Accept="application/xml"), 406)
    assert await world.store.instances() == []
    assert (await world.client("GET", "/elements", Accept="text/html, */*;q=0.1")).status == 200


async def test_what_is_no_json_is_given_to_those_who_take_it(world: World) -> None:
    assert (await world.client("GET", "//metrics", Accept="text/plain")).status == 200
    assert_error(await world.client("GET", "//metrics", Accept="application/json"), 406)


async def test_a_refusal_is_json_whatever_is_accepted(world: World) -> None:
    assert_error(await world.anybody("GET", "/elements", Accept="text/html"), 401)
