"""Whatever goes wrong, the answer has one shape, and every answer has its headers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import structlog

from tests.api.client import Answer
from tests.api.conftest import World, body
from tidings.api.routes import BASE
from tidings.core.errors import CredentialsRefused, ProviderDown, ProviderRefused, RateLimited, Throttled, TidingsError

EXPOSED = (
    "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, Elements-Next-Page-Token, "
    "Elements-Trace-Id, Elements-Error, Content-Disposition"
)


def assert_error(answer: Answer, status: int, *, provider: bool = False) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"requestId", "message"} | ({"providerMessage"} if provider else set())
    assert re.fullmatch(r"[0-9a-f]{24}", answer.json["requestId"])
    assert answer.json["requestId"] == answer.headers["elements-request-id"]
    assert all(isinstance(text, str) and text for text in answer.json.values())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "//", 404),
        ("GET", "/instances/-1", 404),
        ("GET", "/instances/1", 404),
        ("GET", "/instances/99999999999999999999999", 404),
        ("GET", "/instances/abc", 404),
        ("GET", "/instances/", 404),
        ("GET", "/instances", 404),
        ("GET", "/elements/-1", 404),
        ("GET", "/elements/nothing/instances", 404),
        ("GET", "/jobs/poller-1", 404),
        ("POST", "/jobs", 400),
        ("PATCH", "/jobs", 405),
        ("DELETE", "/jobs/7", 404),
        ("DELETE", "/elements", 405),
        ("PATCH", "/authentication", 405),
        ("GET", "/elements?where=key='", 400),
        ("GET", "/elements?abridged=perhaps", 400),
        ("GET", "/instances?hydrate=perhaps", 400),
        ("POST", "/instances", 400),
        ("PUT", "/instances", 401),
    ],
)
async def test_every_refusal_has_the_one_shape(world: World, method: str, path: str, status: int) -> None:
    assert_error(await world.client(method, path), status)


async def test_a_wrong_verb_is_told_the_right_ones(world: World) -> None:
    answer = await world.client("POST", "/instances/7")
    assert_error(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, PATCH, PUT"


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "says"),
    [
        (b"{", "application/json", 400, "body: is not JSON at character 1"),
        (b"", "application/json", 400, "body: is missing"),
        (b"[1]", "application/json", 400, "body: input should be a valid dictionary"),
        (b"null", "application/json", 400, "body: "),
        (b"[" * 100_000, "application/json", 400, "body"),
        (b'"\xff"', "application/json", 400, "body"),
        (b'{"name":7}', "application/json", 400, "name: input should be a valid string"),
        (b'{"tags":["a",7]}', "application/json", 400, "tags.1: "),
        (b'{"element":{"id":"x"}}', "application/json", 400, "element.id: "),
        (b'{"configuration":[]}', "application/json", 400, "configuration: "),
        (b"name=x", "application/x-www-form-urlencoded", 415, "send application/json"),
        (b"{" + b" " * 1_100_000 + b"}", "application/json", 413, "large"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    world: World, raw: bytes, content_type: str, status: int, says: str
) -> None:
    answer = await world.client("POST", "/instances", raw=raw, Content_Type=content_type)
    assert_error(answer, status)
    assert says in answer.message


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/instances", body()),
        ("PATCH", "/instances/1", {"name": "x"}),
        ("POST", "/authentication", {"username": "admin@localhost", "password": "wrong"}),
        ("POST", "/notifications", {"topic": "x", "message": "y"}),
        ("PATCH", "/accounts/settings", {}),
        ("POST", "/jobs", []),
    ],
)
async def test_a_body_that_does_not_say_its_type_is_json(world: World, method: str, path: str, sent: object) -> None:
    await world.instance()
    raw = json.dumps(sent).encode()
    said = await world.client(method, path, raw=raw, Content_Type="application/json")
    unsaid = await world.client(method, path, raw=raw, Content_Type="")
    without = {"authorization": str(world.client.authorization), "content-length": str(len(raw))}
    absent = await world.client.send(method, BASE + path, "", without, raw)
    assert absent.status == unsaid.status == said.status, (said.body, absent.body, unsaid.body)


async def test_json_may_come_with_a_charset(world: World) -> None:
    answer = await world.client("POST", "/instances", body(), Content_Type="application/json; charset=utf-8")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (CredentialsRefused("refused", provider_message="Invalid key", status=401), 401, "Invalid key"),
        (CredentialsRefused("refused", provider_message="No rights", status=403), 403, "No rights"),
        (CredentialsRefused("refused without a word"), 401, None),
        (RateLimited("slow down", retry_after=7.2, provider_message="Too many"), 429, "Too many"),
        (ProviderRefused("no", provider_message="Bad conditions", status=400), 400, "Bad conditions"),
        (ProviderRefused("no", provider_message="No such path", status=404), 400, "No such path"),
        (ProviderDown("silence"), 502, None),
        (Throttled("not asked", retry_after=7.2), 429, None),
        (ProviderDown("broken", provider_message="Oops", status=500), 502, "Oops"),
    ],
)
async def test_what_the_provider_did_is_told_in_its_own_words(
    world: World, error: TidingsError, status: int, said: str | None
) -> None:
    world.provider.error = error
    answer = await world.client("POST", "/instances", body())
    assert_error(answer, status, provider=said is not None)
    assert answer.json.get("providerMessage") == said
    assert str(error) in answer.message
    assert await world.store.instances() == []


async def test_a_rate_limit_says_how_long_to_wait(world: World) -> None:
    world.provider.error = RateLimited("slow down", retry_after=7.2)
    assert (await world.client("POST", "/instances", body())).headers["retry-after"] == "8"


async def test_a_fault_of_ours_shows_no_details_and_is_logged_with_its_request_id(world: World) -> None:
    world.provider.error = RuntimeError("canary-detail")
    with structlog.testing.capture_logs() as logs:
        answer = await world.client("POST", "/instances", body(), Origin="http://console")
    assert_error(answer, 500)
    assert b"canary" not in answer.body
    assert answer.headers["access-control-expose-headers"] == EXPOSED
    (line,) = logs
    assert (line["event"], line["request_id"]) == ("api.failed", answer.json["requestId"])
    assert "canary-detail" in line["stack"]


@pytest.mark.parametrize("path", ["/elements", "/nowhere", "//health"])
async def test_every_answer_carries_its_request_id_and_what_a_browser_may_read(world: World, path: str) -> None:
    answer = await world.client("GET", path, Origin="http://console")
    assert re.fullmatch(r"[0-9a-f]{24}", answer.headers["elements-request-id"])
    assert answer.headers["access-control-expose-headers"] == EXPOSED
    assert "access-control-expose-headers" not in (await world.client("GET", path)).headers


async def test_two_requests_have_two_ids(world: World) -> None:
    ids = {(await world.client("GET", "/elements")).headers["elements-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_alive_and_ready_are_told_to_anybody(world: World) -> None:
    assert (await world.anybody("GET", "//health")).json == {"status": "ok"}
    assert (await world.anybody("GET", "//ready")).json == {"status": "ready"}


async def test_not_ready_says_what_is_missing(world: World) -> None:
    client = world.rebuilt(why_not_ready=lambda: "The poller has not started")
    answer = await client("GET", "//ready")
    assert_error(answer, 503)
    assert answer.message == "The poller has not started"


async def test_without_its_database_it_is_alive_but_not_ready(world: World) -> None:
    class Broken:
        async def next_due(self, *_: Any) -> None:
            raise OSError("disk gone")

    client = world.rebuilt(store=Broken())
    assert (await client("GET", "//health")).status == 200
    assert_error(await client("GET", "//ready"), 503)


async def test_the_openapi_document_lists_every_route_and_no_422(world: World) -> None:
    document = (await world.anybody("GET", "/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert "/elements/api-v2/instances/{instance_id}/events/feed" in paths
    for path, methods in paths.items():
        for operation in methods.values():
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert "422" not in operation["responses"]
            assert operation["description"]
