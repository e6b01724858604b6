"""Getting in: login, secrets, and the Authorization header."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import NOW, PASSWORD, World
from tidings.api.authorization import Credentials, Scope, read
from tidings.api.problems import Refused
from tidings.api.routes import BASE, ROUTES
from tidings.core.model import LanePlan
from tidings.store.base import NewInstance


def _concrete(path: str) -> str:
    """The path with some value for each of its parts."""
    path = path.replace("{element}", "3012").replace("{configuration_id:int}", "3012001")
    path = re.sub(r"{\w+:path}", "contacts", path)
    return "/" + re.sub(r"{\w+(:int)?}", "1", path)


CLOSED = [(route.method, _concrete(route.path)) for route in ROUTES if route.scope is not Scope.OPEN]


def test_only_these_routes_are_open_to_anybody() -> None:
    is_open = [(route.method, route.path) for route in ROUTES if route.scope is Scope.OPEN]
    assert is_open == [
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/metrics"),
        ("POST", f"{BASE}/authentication"),
        ("PUT", f"{BASE}/authentication/password"),
        ("GET", f"{BASE}/docs-ui"),
        ("GET", f"{BASE}/docs-ui/{{asset}}"),
        ("POST", f"{BASE}/hints/{{instance}}"),
        ("POST", f"{BASE}/events/{{element_key}}"),
        ("GET", f"{BASE}/events/{{element_key}}"),
        ("POST", f"{BASE}/events/{{element_key}}/{{instance}}"),
        ("GET", f"{BASE}/events/{{element_key}}/{{instance}}"),
    ]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic dXM6cHc=",
        "User us==",
        "Organization 0rg",
        "User wrong, Organization 0rg",
        "User us==, Organization wrong",
        "User us==, Organization 0rg, User us==",
        "User us==, Organization ",
        "Bearer unknown",
        "User us==, Organization 0rg, Element ",
        "User wrong, Organization wrong, Element wrong",
    ],
)
async def test_every_route_refuses_the_unauthenticated(world: World, authorization: str | None) -> None:
    await world.instance()
    stranger = world.anybody.saying(authorization)
    for method, path in CLOSED:
        for raw in (None, b"{not json"):
            answer = await stranger(method, path, raw=raw)
            assert answer.status == 401, (method, path)
            assert set(answer.json) == {"requestId", "message"}
            assert answer.message.startswith("Authorization: ")
    assert len(await world.store.instances()) == 1


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        ("User u=, Organization o", Credentials("u=", "o")),
        ("Element t/+==, User u", Credentials("u", None, "t/+==")),
        ("Organization o ,Element t,User   u", Credentials("u", "o", "t")),
        ("  user u,organization o,  ", Credentials("u", "o")),
        ("Bearer b", Credentials(bearer="b")),
    ],
)
def test_the_header_is_read_in_any_order_and_spacing(header: str, credentials: Credentials) -> None:
    assert read(header) == credentials


@pytest.mark.parametrize(
    "header", ["User", "User a b", "Users a", "User a; Organization b", "Token t", "User a, User b"]
)
def test_a_header_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(Refused) as refused:
        read(header)
    assert refused.value.status_code == 401


async def test_a_login_gives_a_token_and_the_token_gives_the_secrets(world: World) -> None:
    login = await world.anybody("POST", "/authentication", {"username": "ann@example.com", "password": PASSWORD})
    assert login.status == 200
    assert list(login.json) == ["token"]
    bearer = world.anybody.saying(f"Bearer {login.json['token']}")
    secrets = await bearer("GET", "/authentication/secrets")
    assert secrets.json == {"userSecret": "us==", "organizationSecret": "0rg"}
    assert (await bearer("GET", "/elements/keys")).status == 200


async def test_a_token_is_good_for_the_time_that_is_set_and_no_longer(world: World) -> None:
    login = await world.anybody("POST", "/authentication", {"username": "ann@example.com", "password": PASSWORD})
    bearer = world.anybody.saying(f"Bearer {login.json['token']}")
    world.clock[0] = NOW + round(world.parts.settings.session_for * 1000) - 1
    assert (await bearer("GET", "/authentication/secrets")).status == 200
    world.clock[0] += 1
    assert (await bearer("GET", "/authentication/secrets")).status == 401


async def test_secrets_are_shown_to_a_login_only(world: World) -> None:
    assert (await world.client("GET", "/authentication/secrets")).status == 401


@pytest.mark.parametrize(
    ("login", "status", "says"),
    [
        ({"username": "ann@example.com", "password": "wrong"}, 401, "wrong"),
        ({"username": "bob@example.com", "password": PASSWORD}, 401, "wrong"),
        ({"username": "", "password": ""}, 401, "wrong"),
        ({"username": "ann@example.com"}, 400, "password: is missing"),
        ({"username": 7, "password": "x"}, 400, "username: input should be a valid string"),
        ([], 400, "body: "),
        (None, 400, "body: is missing"),
    ],
)
async def test_a_bad_login_is_refused(world: World, login: object, status: int, says: str) -> None:
    answer = await world.anybody("POST", "/authentication", login)
    assert answer.status == status
    assert says in answer.message


async def test_an_element_token_is_no_use_to_the_user_of_another_account(world: World) -> None:
    foreign = NewInstance(
        account_id=world.user.account_id + 1,
        user_id=99,
        element_key="connectwisecrmrest",
        name="Foreign",
        tags=(),
        configuration={},
        token="foreign",
    )
    made = await world.store.create_instance(foreign, LanePlan(), NOW)
    assert (await world.client("GET", f"/instances/{made.id}")).status == 404
    assert (await world.client("GET", "/instances")).status == 404
    assert (await world.client.with_element("foreign")("GET", "/instances/configuration")).status == 401
