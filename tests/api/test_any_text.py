"""Whatever is written into a parameter, a header or a token, the answer is a good one or the one shape of a refusal."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import Answer
from tests.api.conftest import World
from tests.api.hubbed import Hub, hubbed
from tests.api.owned import First, owned
from tests.mutated import mutated
from tidings.hub.query import Token

pytestmark = pytest.mark.timeout(120)


def many(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


WHERE = ("key='x' and not (name like 'A%' or id in (1, 2))", "channel='webhook' and status='queued'", "id is not null")
MOMENT = ("2026-01-31T12:00:00Z", "1790000000000", "2026-01-31T12:00:00.5+01:00")
PLACES = ("7-1", "1", "1790000000000-3")

#: Paths with what is tried in each of their parameters; `{}` stands for an instance's id.
ASKED: dict[str, tuple[str, ...]] = {
    "/elements?where=": WHERE,
    "/elements?nextPage=": PLACES,
    "/elements/": ("connectwisecrmrest", "1000001"),
    "/accounts?where=": ("externalId='x'", "active=true and id>=1"),
    "/accounts/": ("1", "0"),
    "/users/": ("ann@example.com", "1"),
    "/jobs/": ("poller-1", "7"),
    "/hubs/": ("crm", "crm/contacts/7"),
    "/notices?nextPage=": PLACES,
    "/usage?nextPage=": PLACES,
    "/usage?searchText=": ("GET", "a%b_c"),
    "/usage?from=": MOMENT,
    "/usage/": ("6ab13b80628e79cf7948cd1c",),
    "/usage/analytics/times?interval=": ("minute", "hour"),
    "/notifications/subscriptions/deliveries?where=": WHERE,
    "/notifications/subscriptions/deliveries?nextPage=": PLACES,
    "/notifications?topics[]=": ("canary-topic", "instance-1-connectwisecrmrest-events"),
    "/instances?searchText=": ("canary",),
    "/instances/events/analytics?to=": MOMENT,
    "/instances/events/dispositions?nextPage=": PLACES,
    "/instances/{}/events?nextPage=": PLACES,
    "/instances/{}/events/": ("vol_8H_pddLPCq83i-dL",),
    "/instances/{}/events/feed?after=": ("0", "7"),
    "/instances/{}/explain?objectId=1&resource=": ("contacts",),
    "/instances/{}/explain?resource=contacts&objectId=": ("7", "abc"),
    "/instances/{}/explain?resource=contacts&objectId=7&nextPage=": PLACES,
    "/instances/{}/explain?resource=contacts&objectId=7&from=": MOMENT,
    "/instances/{}/objects/": ("contacts/metadata",),
}


def checked(answer: Answer, what: str) -> Answer:
    assert answer.status < 500, f"{what}: {answer.status} {answer.body[:300]!r}"
    if answer.status != 200:
        assert {"requestId", "message"} <= answer.json.keys(), what
        assert re.fullmatch(r"[0-9a-f]{24}", answer.json["requestId"]), what
        assert answer.json["message"], what
    return answer


@pytest.fixture
async def first(world: World) -> First:
    return await owned(world)


@pytest.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with hubbed(world) as made:
        yield made


@many(500)
@given(st.sampled_from(list(ASKED)).flatmap(lambda path: st.tuples(st.just(path), mutated(*ASKED[path]))))
async def test_any_text_in_a_parameter(world: World, first: First, asked: tuple[str, str]) -> None:
    path, text = asked
    world.clock[0] += 60_000  # so that nobody has called too often
    path = path.replace("{}", first.theirs["instance_id"]) + quote(text, safe="/")
    answer = checked(await world.client("GET", path), path)
    if "where=" in path and answer.status == 400 and text.strip():
        told = re.search(r"column (\d+)", answer.message)
        assert told is None or 1 <= int(told[1]) <= len(text) + 1


@many(150)
@given(mutated("User us==, Organization 0rg", "User us==, Organization 0rg, Element t", "Bearer abc=", "Basic dTpw"))
async def test_any_text_in_the_authorization(world: World, said: str) -> None:
    for path in ("/elements", "/instances/configuration", "/authentication/secrets", "/contacts"):
        answer = checked(await world.anybody.saying(said)("GET", path), said)
        assert answer.status in (200, 401, 404, 429), said


@many(150)
@given(
    mutated(base64.b64encode(b"1").decode(), "1", "MQ", "MQ=="),
    mutated("connectwisecrmrest", "connectwisecrmrestPolling"),
)
async def test_any_text_that_names_an_instance(world: World, first: First, named: str, element: str) -> None:
    world.clock[0] += 60_000
    for path in (f"/events/connectwisecrmrest/{quote(named, safe='')}", f"/events/{quote(element, safe='')}/MQ=="):
        checked(await world.anybody("POST", path, {"id": 7}), path)
    checked(await world.anybody("POST", "/events/connectwisecrmrest", {"id": 7}, Element_Instances=named), named)


TOKEN = Token(4, 4, 2, 57, "id>1", "id", "id asc").text()
SIGNED = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(-1, 6000) | st.text(max_size=3),
        "pageSize": st.integers(-1, 6000),
        "page": st.integers(-1, 2**40) | st.floats(),
        "after": st.integers() | st.none() | st.text(max_size=3),
        "where": mutated("id>1"),
        "fields": mutated("id,company.name"),
        "orderBy": mutated("id asc"),
        "x": st.none(),
    },
).map(lambda made: signed({"limit": 4, "pageSize": 4, "page": 2} | made))


def signed(said: dict[str, Any]) -> str:
    """A token of anything at all that passes for one of ours: its check is no secret."""
    body = json.dumps(said, separators=(",", ":")).encode()
    check = hashlib.sha256(body).hexdigest()[:8].encode()
    return base64.b64encode(body[:-1] + b',"check":"' + check + b'"}').decode()


def test_a_token_that_is_made_so_passes_for_one_of_ours() -> None:
    assert Token.read(signed({"limit": 4, "pageSize": 4, "page": 2})) == Token(4, 4, 2)


@many(120)
@given(mutated(TOKEN) | SIGNED)
async def test_any_token_of_a_next_page(hub: Hub, token: str) -> None:
    checked(await hub.hub("GET", f"/contacts?nextPage={quote(token, safe='')}"), token)


@many(120)
@given(
    st.sampled_from(["where", "fields", "orderBy", "page", "pageSize", "x", "conditions"]),
    mutated("lastUpdated>'2026-01-31T12:00:00Z' and company.name like 'A%'", "id,company.name", "id desc", "7"),
)
async def test_any_text_in_a_parameter_of_the_hub(hub: Hub, name: str, text: str) -> None:
    answer = checked(await hub.hub("GET", f"/contacts?{name}={quote(text, safe='')}"), f"{name}={text}")
    assert answer.status in (200, 400, 414), (name, text, answer.body)


@many(60)
@given(mutated("contacts/7", "hubs/crm/incidents/7/comments", "company/companies", "contacts/7/communications/2"))
async def test_any_path_of_the_hub(hub: Hub, path: str) -> None:
    checked(await hub.hub("GET", f"/{quote(path, safe='/')}"), path)


@many(150)
@given(
    mutated("7", base64.b64encode(b'{"part":0,"offset":0,"skip":0}').decode(), base64.b64encode(b"3").decode()),
    mutated("select id, name from contacts where lastUpdated > '2026-01-31T12:00:00Z' order by id desc limit 10"),
)
async def test_any_text_that_is_about_many_records(world: World, first: First, token: str, query: str) -> None:
    world.clock[0] += 60_000
    client, token = world.client.with_element(first.token), quote(token, safe="")
    for path in ("contacts/data", "errors"):
        checked(await client("GET", f"/bulk/{first.theirs['bulk_id']}/{path}?nextPage={token}"), token)
    checked(await client("GET", f"/bulk/{token}/status"), token)
    answer = checked(await client("POST", f"/bulk/query?q={quote(query, safe='')}"), query)
    told = re.search(r"column (\d+)", answer.message) if answer.status == 400 else None
    assert told is None or 1 <= int(told[1]) <= len(query) + 1
