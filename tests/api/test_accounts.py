"""Accounts of an organization: who sees which, and what taking one out of use does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Client
from tests.api.conftest import World, body
from tests.api.people import account, member, organization
from tests.api.test_errors import assert_error
from tidings.core.model import LaneKind, LaneState

MEMBERS = {
    *("id", "name", "description", "active", "companyId", "createdDate", "updatedDate", "externalId"),
    *("defaultAccount", "type"),
}


async def test_an_account_is_made_and_read_with_the_members_that_clients_read(world: World):
    made = await world.client("POST", "/accounts", {"externalId": "x-1", "name": "One", "description": "Of Bo"})
    assert made.status == 200
    assert made.json.keys() == MEMBERS
    assert made.json | {"id": 0} == {
        "id": 0,
        "name": "One",
        "description": "Of Bo",
        "active": True,
        "companyId": world.user.organization_id,
        "createdDate": "2026-09-21",
        "updatedDate": "2026-09-21",
        "externalId": "x-1",
        "defaultAccount": False,
        "type": "manual",
    }
    assert (await world.client("GET", f"/accounts/{made.json['id']}")).json == made.json


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "externalId: is missing"),
        ({"name": "One"}, "externalId: is missing"),
        ({"externalId": None}, "externalId: is missing"),
        ({"externalId": 7}, "externalId: must be a text"),
        ({"externalId": " \x00 "}, "externalId: "),
        ({"externalId": "x" * 256}, "externalId: "),
        ({"externalId": "x", "name": ["a"]}, "name: must be a text"),
        ({"externalId": "x", "description": "\x00"}, "description: "),
        ({"externalId": "x", "description": "\ud800"}, "description: "),
        ({"externalId": "x", "active": "yes"}, "active: must be true or false"),
        ([], "body: "),
    ],
)
async def test_a_bad_account_is_refused_by_name_and_not_made(world: World, body: object, says: str):
    refused = await world.client("POST", "/accounts", body)
    assert_error(refused, 400)
    assert says in refused.message
    assert len((await world.client("GET", "/accounts")).json) == 1


async def test_an_external_id_is_there_once(world: World):
    await account(world, "x-1")
    assert_error(await world.client("POST", "/accounts", {"externalId": "x-1"}), 409)
    other = await account(world, "x-2")
    assert_error(await world.client("PATCH", f"/accounts/{other['id']}", {"externalId": "x-1"}), 409)


async def test_the_default_account_is_found_by_an_unquoted_condition(world: World):
    await account(world, "x-1")
    found = await world.client("GET", "/accounts?where=defaultAccount=true")
    assert [each["id"] for each in found.json] == [world.user.account_id]
    assert (await world.client("GET", "/accounts?where=externalId='x-1'")).json[0]["externalId"] == "x-1"
    assert (await world.client("GET", "/accounts?where=externalId='nobody'")).json == []
    assert_error(await world.client("GET", "/accounts?where=externalId=("), 400)


async def test_a_long_list_is_read_by_offset(world: World):
    for nth in range(3):
        await account(world, f"x-{nth}")
    whole = (await world.client("GET", "/accounts")).json
    assert (await world.client("GET", "/accounts?offset=1&pageSize=2")).json == whole[1:3]
    page = await world.client("GET", "/accounts?offset=99")
    assert (page.json, page.headers["elements-total-count"], page.headers["elements-returned-count"]) == ([], "4", "0")
    assert "elements-error" in (await world.client("GET", "/accounts?pageSize=201")).headers
    for bad in ("offset=-1", "pageSize=0", "offset=x", f"offset={10**30}"):
        assert_error(await world.client("GET", f"/accounts?{bad}"), 400)


@pytest.mark.parametrize("name", ["-1", "99", "abc", "9" * 30, "1.5", "٣"])
async def test_an_account_that_is_not_there_is_404_for_every_verb(world: World, name: str):
    for method, path, sent in (
        ("GET", "", None),
        ("PUT", "", {"externalId": "x"}),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/users", None),
        ("POST", "/users", {}),
        ("PUT", "/roles/admin", None),
    ):
        assert_error(await world.client(method, f"/accounts/{name}{path}", sent), 404)
    assert (await world.client("GET", f"/organizations/{world.user.organization_id}/accounts/{name}")).status == 404


async def test_put_writes_an_account_anew_and_patch_what_is_given(world: World):
    made = await account(world, "x-1", name="One", description="Of Bo")
    patched = await world.client("PATCH", f"/accounts/{made['id']}", {"name": "Two"})
    assert patched.json == made | {"name": "Two"}
    put = await world.client("PUT", f"/accounts/{made['id']}", {"externalId": "x-9"})
    assert put.json == made | {"name": "x-9", "externalId": "x-9", "description": ""}
    assert_error(await world.client("PUT", f"/accounts/{made['id']}", {}), 400)


async def test_an_organizations_accounts_are_found_by_its_id(world: World):
    made, mine = await account(world, "x-1"), world.user.organization_id
    assert [each["id"] for each in (await world.client("GET", f"/organizations/{mine}/accounts")).json] == [
        world.user.account_id,
        made["id"],
    ]
    assert (await world.client("GET", f"/organizations/{mine}/accounts/{made['id']}")).json == made
    for other in ("-1", "99", "x"):
        assert_error(await world.client("GET", f"/organizations/{other}/accounts"), 404)
        assert_error(await world.client("GET", f"/organizations/{other}/accounts/{made['id']}"), 404)


async def test_an_administrator_of_an_account_sees_that_account_alone(world: World):
    first, second = await account(world, "x-1"), await account(world, "x-2")
    bo, _ = await member(world, first["id"], roles=["admin"])
    assert [each["id"] for each in (await bo("GET", "/accounts")).json] == [first["id"]]
    assert (await bo("GET", f"/accounts/{first['id']}")).status == 200
    for method, path, sent in (
        ("GET", f"/accounts/{second['id']}", None),
        ("PATCH", f"/accounts/{second['id']}", {"name": "stolen"}),
        ("GET", f"/accounts/{second['id']}/users", None),
        ("POST", f"/accounts/{second['id']}/users", {}),
        ("GET", f"/accounts/{second['id']}/settings", None),
        ("PATCH", f"/accounts/{second['id']}/settings", {"a": "b"}),
        ("PUT", f"/accounts/{second['id']}/roles/admin", None),
        ("GET", f"/accounts/{world.user.account_id}", None),
    ):
        assert_error(await bo(method, path, sent), 404)
    assert_error(await bo("POST", "/accounts", {"externalId": "x-3"}), 403)
    assert_error(await bo("DELETE", f"/accounts/{second['id']}"), 403)
    assert (await world.client("GET", f"/accounts/{second['id']}")).json == second


async def test_an_administrator_of_the_default_account_sees_all_accounts(world: World):
    made = await account(world, "x-1")
    cy, _ = await member(world, world.user.account_id, roles=["admin"])
    assert [each["id"] for each in (await cy("GET", "/accounts")).json] == [world.user.account_id, made["id"]]
    assert (await cy("PATCH", f"/accounts/{made['id']}/settings", {"retention.days": "3"})).status == 200
    assert (await world.client("GET", f"/accounts/{made['id']}/settings")).json["retention.days"] == "3"


async def test_the_accounts_of_another_organization_are_not_there(world: World):
    stranger, theirs = await organization(world)
    made = await account(world, "x-1")
    assert [each["id"] for each in (await stranger("GET", "/accounts")).json] == [theirs.account_id]
    for method, path, sent in (
        ("GET", "", None),
        ("PATCH", "", {"name": "stolen"}),
        ("DELETE", "", None),
        ("GET", "/users", None),
        ("GET", "/settings", None),
    ):
        assert_error(await stranger(method, f"/accounts/{made['id']}{path}", sent), 404)
    assert_error(await stranger("GET", f"/organizations/{world.user.organization_id}/accounts"), 404)
    assert (await world.client("GET", f"/accounts/{made['id']}")).json == made


async def lanes_of(world: World, instance: dict[str, Any]) -> set[LaneState]:
    return {lane.state for lane in await world.store.lanes(LaneKind.POLL, instance["id"])}


async def polled(client: Client, **more: Any) -> dict[str, Any]:
    events = {"event.notification.enabled": True, "event.notification.callback.url": "https://r.example/"}
    answer = await client("POST", "/instances", body(configuration=events, **more))
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    return made


async def test_a_deactivated_accounts_users_are_refused_and_its_polling_ends_for_good(world: World):
    made = await account(world, "x-1")
    bo, _ = await member(world, made["id"])
    instance = await polled(bo)
    assert len((await bo("GET", "/jobs")).json) == 1
    off = await world.client("PATCH", f"/accounts/{made['id']}", {"active": False})
    assert off.json == made | {"active": False}
    assert_error(await bo("GET", "/instances"), 401)
    assert await lanes_of(world, instance) == {LaneState.OFF}
    assert (await world.client("PATCH", f"/accounts/{made['id']}", {"active": True})).json == made
    assert (await bo("GET", "/jobs")).json == []
    assert (await bo("GET", f"/instances/{instance['id']}")).status == 200


async def test_a_deleted_account_loses_its_users_and_can_be_brought_back_without_them(world: World):
    made = await account(world, "x-1")
    bo, user = await member(world, made["id"])
    instance = await polled(bo)
    assert (await world.client("DELETE", f"/accounts/{made['id']}")).status == 200
    assert (await world.client("GET", f"/accounts/{made['id']}")).json["active"] is False
    assert_error(await bo("GET", "/instances"), 401)
    assert_error(await world.client("GET", f"/users/{user['id']}"), 404)
    users = await world.client("GET", f"/accounts/{made['id']}/users")
    assert_error(users, 404)
    assert users.message == "No users found"
    assert_error(await world.client("POST", f"/accounts/{made['id']}/users", new_user()), 409)
    assert (await world.client("PATCH", f"/accounts/{made['id']}", {"active": True})).json == made
    assert (await world.client("GET", f"/accounts/{made['id']}/users")).status == 404
    assert await world.store.instance(instance["id"]) is not None


def new_user() -> dict[str, str]:
    return {"firstName": "Di", "lastName": "D", "email": "di@x.example", "password": "Engine-1842x"}


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_its_instances_go_too_when_that_is_asked_for(world: World, method: str):
    made = await account(world, "x-1")
    bo, _ = await member(world, made["id"])
    instance, kept = await polled(bo), await polled(world.client)
    said = {"active": False} if method == "PATCH" else None
    assert (await world.client(method, f"/accounts/{made['id']}?permanent=true", said)).status == 200
    assert [each.id for each in await world.store.instances()] == [kept["id"]]
    assert await world.store.instance_by_token(instance["token"]) is None


async def test_the_default_account_and_ones_own_stay_in_use(world: World):
    made = await account(world, "x-1")
    bo, _ = await member(world, made["id"], roles=["org-admin"])
    for client, account_id in ((world.client, world.user.account_id), (bo, world.user.account_id), (bo, made["id"])):
        assert_error(await client("PATCH", f"/accounts/{account_id}", {"active": False}), 403)
        assert_error(await client("DELETE", f"/accounts/{account_id}?permanent=true"), 403)
    assert (await bo("GET", "/accounts")).status == 200
