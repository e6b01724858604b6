"""Does any route let somebody see or change what is not theirs? Every route is tried with what the first account has.

Who tries: the administrators of another organization and of another account, a user without any role, one who was
deactivated, and whoever mixes secrets up. Everything that can be read of the first account has CANARY in it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.conftest import World
from tests.api.owned import CANARY, First, filled, name, owned, parts
from tests.api.people import GOOD, account, member, organization
from tidings.api.authorization import OF_TOKEN, Scope
from tidings.api.privileges import privilege_for
from tidings.api.routes import BASE, ROUTES, Route
from tidings.store.people import NewAccount, NewUser

#: Written by calls of anybody, and said of nobody else.
COMMON = frozenset({"counter", "sqlite_sequence", "usage", "session"})

GUARDED = [route for route in ROUTES if route.scope is not Scope.OPEN]
#: What every user may ask, whatever their roles.
FOR_ALL = {
    "GET /users/{user}",
    "PATCH /users/{user}",
    "GET /organizations/me",
    "GET /organizations/password-policies",
}
#: Answered for as long as somebody listens.
ENDLESS = {"GET /instances/{instance_id:int}/events/stream", "GET /instances/events/stream"}

#: What nobody has any of yet: 404 to its owner too.
EMPTY = re.compile(r"/objects/(\S+/)?definitions$|/transformations/")

#: Bodies that would do something: a route that is not named here is sent {}, which names what it lacks.
BODIES: Mapping[str, object] = {
    "PATCH /instances/configuration/{configuration_id:int}": {"propertyValue": "stolen"},
    "PATCH /instances/{instance_id:int}/configuration/{configuration_id:int}": {"propertyValue": "stolen"},
    "PUT /accounts/{account}": {"externalId": "stolen"},
    "PATCH /accounts/{account}": {"name": "stolen", "active": False},
    "POST /accounts/{account}/users": {"firstName": "A", "lastName": "B", "email": "a@z.example", "password": GOOD},
    "PATCH /users/{user}": {"password": "Engine-1900y", "email": "stolen@z.example"},
    "PATCH /accounts/{account_id:int}/settings": {"retention.days": "1"},
    "POST /accounts/{account_id:int}/settings": {"retention.days": "1"},
    "PUT /notifications/subscriptions/{subscription_id:int}": {"config": {"url": "https://evil.example/"}},
    "PATCH /notifications/subscriptions/{subscription_id:int}": {"config": {"url": "https://evil.example/"}},
    "POST /notifications/subscriptions/{subscription_id:int}/rotate": {"key": "stolen-stolen"},
    "PATCH /instances/{instance_id:int}": {"name": "stolen"},
    "POST /jobs": {"method": "GET", "uri": "/elements", "trigger": {"cron": "0 0 0 * * ?"}},
    "PUT /instances/{instance_id:int}": {"name": "stolen"},
}


@pytest.fixture
async def first(world: World) -> First:
    return await owned(world)


def rows(tmp_path: Path) -> frozenset[tuple[str, str]]:
    """Everything that is stored, but for what any call adds."""
    with closing(sqlite3.connect(tmp_path / "t.sqlite3")) as db:
        tables = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        return frozenset(
            (table, repr(row))
            for table in tables
            if table not in COMMON
            for row in db.execute(f"select * from {table}")
        )


async def tries(client: Client, route: Route, first: First) -> Any:
    """The route as it is called about the first account's things, with its instance's token where it wants one."""
    client = client.with_element(first.token) if route.scope in OF_TOKEN else client
    sent = None if route.method == "GET" else BODIES.get(name(route), {})
    return await client(route.method, filled(route, first), sent)


async def administrator(world: World, external_id: str) -> Client:
    """Of a new account of the first user's organization; made without the door that hashes passwords, which is slow."""
    other = NewAccount(world.user.organization_id, "Other", "", external_id)
    account_id = (await world.store.create_account(other, world.clock[0])).id
    email, secret = f"{account_id}@other.example", f"other{account_id}="
    await world.store.create_user(NewUser(account_id, email, "O", "O", ("admin",), "hash", secret), world.clock[0])
    return world.client.saying(f"User {secret}, Organization 0rg")


def test_every_guarded_route_asks_for_a_privilege_or_is_for_all():
    without = {
        name(route)
        for route in GUARDED
        if route.scope is not Scope.BEARER
        and privilege_for(route.method, route.path.removeprefix(BASE), route.scope) is None
    }
    assert without == FOR_ALL


def test_a_route_that_nobody_has_decided_about_is_refused_by_name():
    with pytest.raises(LookupError, match="PUT /weather"):
        privilege_for("PUT", "/weather", Scope.USER)


async def test_what_is_tried_is_there(world: World, first: First):
    """The control: to its owner, each thing that the others ask for is there."""
    missing = []
    for route in GUARDED:
        if route.method == "GET" and set(parts(route)) & first.theirs.keys() and name(route) not in ENDLESS:
            answer = await tries(world.client, route, first)
            if answer.status in (401, 403, 404):
                missing.append((name(route), answer.status, answer.message))
    left = [each for each in missing if not EMPTY.search(each[0])]
    assert not left, "\n".join(map(str, left))


async def test_nobody_of_another_account_or_organization_sees_or_changes_anything(
    world: World, first: First, tmp_path: Path
):
    before = rows(tmp_path)
    for route in GUARDED:
        # New ones each time: some routes change who is calling.
        stranger, _ = await organization(world)
        neighbour = await administrator(world, name(route))
        for who, client in (("neighbour", neighbour), ("stranger", stranger)):
            answer = await tries(client, route, first)
            what = f"{name(route)} by a {who}: {answer.status} {answer.body!r}"
            theirs = first.theirs.keys() | ({"organization"} if who == "stranger" else set())
            if route.scope in (*OF_TOKEN, Scope.BEARER):
                assert answer.status == 401, what
            elif set(parts(route)) & theirs:
                assert answer.status in (403, 404), what
            assert answer.status < 500, what
            assert CANARY.encode() not in answer.body, what
            assert CANARY not in str(answer.headers), what
            assert before <= rows(tmp_path), what


async def test_without_a_role_nothing_is_seen_or_changed(world: World, first: First, tmp_path: Path):
    nobody, user = await member(world, world.user.account_id)
    await world.client("DELETE", f"/users/{user['id']}/roles/default")
    before = rows(tmp_path)
    for route in GUARDED:
        if route.scope is Scope.BEARER:
            continue
        answer = await tries(nobody, route, first)
        allowed = (200,) if name(route) in FOR_ALL and not parts(route) else (403,)
        assert answer.status in allowed, (name(route), answer.status, answer.body)
        assert CANARY.encode() not in answer.body, name(route)
        assert before == rows(tmp_path), name(route)


async def test_a_default_user_changes_neither_people_nor_settings_nor_elements(
    world: World, first: First, tmp_path: Path
):
    bo, _ = await member(world, world.user.account_id)
    before = rows(tmp_path)
    for route in GUARDED:
        path = route.path.removeprefix(BASE)
        if route.method != "GET" and path.startswith(("/users", "/accounts", "/organizations", "/elements/{element}")):
            # A page's address is only told; instances are for everybody who may use them.
            if path.startswith(("/elements/{element}/instances", "/elements/{element}/oauth/url")):
                continue
            answer = await tries(bo, route, first)
            assert answer.status == 403, (name(route), answer.status, answer.body)
            assert before == rows(tmp_path), name(route)


@pytest.mark.parametrize("whose", ["user", "account"])
async def test_who_was_deactivated_is_refused_by_every_route(world: World, first: First, tmp_path: Path, whose: str):
    other = await account(world, "other")
    gone, user = await member(world, world.user.account_id if whose == "user" else other["id"], roles=["org-admin"])
    login = {"username": user["email"], "password": GOOD}
    bearer = (await world.anybody("POST", "/authentication", login)).json["token"]
    assert (await gone("GET", "/users")).status == 200
    path = f"/users/{user['id']}" if whose == "user" else f"/accounts/{other['id']}"
    assert (await world.client("PATCH", path, {"active": False})).status == 200
    before = rows(tmp_path)
    for route in GUARDED:
        for client in (gone, world.anybody.saying(f"Bearer {bearer}")):
            answer = await tries(client, route, first)
            assert answer.status == 401, (name(route), answer.status, answer.body)
            assert CANARY.encode() not in answer.body, name(route)
    assert before == rows(tmp_path)


async def test_secrets_that_do_not_belong_together_are_refused_by_every_route(
    world: World, first: First, tmp_path: Path
):
    _, theirs = await organization(world)
    before = rows(tmp_path)
    for said in (
        "User 0rg, Organization us==",
        f"User us==, Organization {theirs.organization_secret}",
        f"User {theirs.secret}, Organization 0rg",
        f"User {first.token}, Organization 0rg",
        "User us==, Organization us==",
    ):
        for route in GUARDED:
            answer = await tries(world.anybody.saying(said), route, first)
            assert answer.status == 401, (said, name(route), answer.status, answer.body)
            assert CANARY.encode() not in answer.body, name(route)
    assert before == rows(tmp_path)
