"""Users of accounts: made, changed, shut out; their passwords and roles, and who may do that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import PASSWORD, World
from tests.api.people import GOOD, account, member, organization
from tests.api.test_accounts import lanes_of, polled
from tests.api.test_errors import assert_error
from tests.docs.pages import ROOT
from tidings.core.model import LaneState

DAY = 24 * 3_600_000


def new_user(**changes: Any) -> dict[str, Any]:
    made = {"firstName": "Augusta", "lastName": "King", "email": "ada@x.example", "password": GOOD} | changes
    return {name: value for name, value in made.items() if value is not None}


async def test_a_new_user_gets_secret_and_roles_and_can_call(world: World):
    made = await world.client("POST", "/users", new_user())
    assert made.status == 200
    shown = made.json
    assert len(shown["secret"]) == 44
    assert [role["key"] for role in shown["roles"]] == ["default"]
    assert shown["roles"][0].keys() == {"id", "name", "key", "description"}
    assert shown["createdDate"] == "2026-09-21"
    assert shown["lastLoginDate"] is None
    ada = world.anybody.saying(f"User {shown['secret']}, Organization 0rg")
    assert (await ada("GET", "/elements/keys")).status == 200
    without = {name: value for name, value in shown.items() if name != "secret"}
    for name in (shown["id"], "ada@x.example", "ADA@X.example"):
        assert (await world.client("GET", f"/users/{name}")).json == without
        assert (await ada("GET", f"/users/{name}")).json == without
    assert (await world.client("GET", "/users")).json[1] == without
    assert GOOD.encode() not in made.body


async def test_the_example_of_a_user_is_what_is_answered(world: World):
    page = (ROOT / "docs/api.md").read_text()
    said = json.loads(page.partition("```json user\n")[2].partition("```")[0])
    made = await account(world, "acme")
    body = new_user(firstName="Ada", email="ada@acme.example")
    answered = (await world.client("POST", f"/accounts/{made['id']}/users", body)).json
    assert list(answered) == list(said)
    assert answered | {"secret": ""} == said | {"secret": ""}


@pytest.mark.parametrize("path", ["/users", "/organizations/users", "/accounts/{}/users"])
async def test_a_user_is_made_by_every_door_once(world: World, path: str):
    path = path.format(world.user.account_id)
    assert_error(await world.client("POST", path, {}), 400)
    assert (await world.client("POST", path, new_user())).json["accountId"] == world.user.account_id
    assert_error(await world.client("POST", path, new_user()), 409)
    assert_error(await world.client("POST", path, new_user(email="Ada@X.Example")), 409)
    assert len((await world.client("GET", path)).json) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"firstName": None}, "firstName: is missing"),
        ({"lastName": None}, "lastName: is missing"),
        ({"email": None}, "email: is missing"),
        ({"password": None}, "password: is missing"),
        ({"email": "ada"}, "email: is no address"),
        ({"email": "a b@x.example"}, "email: "),
        ({"email": "a\x00@x.example"}, "email: "),
        ({"email": "a@" + "x" * 300}, "email: "),
        ({"email": 7}, "email: must be a text"),
        ({"firstName": "\ud800"}, "firstName: "),
        ({"password": 12345678}, "password: must be a text"),
        ({"password": "short"}, "password: must have at least 8"),
        ({"password": "King-and-1842x"}, "last name"),
        ({"password": "x" * 100_000}, "at most 200"),
        ({"roles": "admin"}, "roles: must be a list"),
        ({"roles": [7]}, "roles: must be a list"),
        ({"roles": ["emperor"]}, "roles: is none of"),
        ({"roles": [{"id": 1}]}, "roles: must be a list"),
    ],
)
async def test_a_bad_user_is_refused_by_name_and_not_made(world: World, changes: dict[str, Any], says: str):
    refused = await world.client("POST", "/users", new_user(**changes))
    assert_error(refused, 400)
    assert says in refused.message
    assert len((await world.client("GET", "/users")).json) == 1


async def test_nobody_gives_more_than_they_have(world: World):
    bo, _ = await member(world, world.user.account_id, roles=["admin"])
    assert_error(await bo("POST", "/users", new_user(roles=["org-admin"])), 403)
    made = (await bo("POST", "/users", new_user(roles=["admin", {"key": "default"}]))).json
    assert {role["key"] for role in made["roles"]} == {"admin", "default"}
    assert_error(await bo("PUT", f"/users/{made['id']}/roles/org-admin"), 403)
    cy, _ = await member(world, world.user.account_id)
    assert_error(await cy("POST", "/users", new_user(email="di@x.example")), 403)


async def test_a_secret_is_shown_again_to_an_administrator_with_the_users_password_alone(world: World):
    _, bo = await member(world, world.user.account_id)
    shown = await world.client("GET", f"/users/{bo['id']}", Elements_User_Password=GOOD)
    assert shown.json["secret"] == bo["secret"]
    assert "secret" not in (await world.client("GET", f"/users/{bo['id']}")).json
    assert_error(await world.client("GET", f"/users/{bo['id']}", Elements_User_Password="wrong"), 401)
    cy, _ = await member(world, world.user.account_id)
    assert_error(await cy("GET", f"/users/{bo['id']}", Elements_User_Password=GOOD), 403)


@pytest.mark.parametrize("name", ["-1", "99", "nobody@x.example", "9" * 30])
async def test_a_user_that_is_not_there_is_404(world: World, name: str):
    for method, path, body in (("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("GET", "/roles", None)):
        assert_error(await world.client(method, f"/users/{name}{path}", body), 404)


async def test_names_and_address_are_changed_and_an_address_is_one_users(world: World):
    _, bo = await member(world, world.user.account_id)
    changed = await world.client("PATCH", f"/users/{bo['id']}", {"firstName": "Bob", "email": "bob@x.example"})
    assert (changed.json["firstName"], changed.json["lastName"]) == ("Bob", "Xu")
    assert (await world.client("GET", "/users/bob@x.example")).json == changed.json
    assert_error(await world.client("PATCH", f"/users/{bo['id']}", {"email": "ann@example.com"}), 409)
    assert_error(await world.client("PATCH", f"/users/{bo['id']}", {"roles": ["admin"]}), 400)
    assert (await world.client("PATCH", f"/users/{bo['id']}", changed.json)).json == changed.json


async def test_users_change_themselves_but_for_their_state(world: World):
    bo, user = await member(world, world.user.account_id)
    assert (await bo("PATCH", f"/users/{user['id']}", {"lastName": "Yu"})).json["lastName"] == "Yu"
    assert_error(await bo("PATCH", f"/users/{user['id']}", {"active": False}), 403)
    assert_error(await bo("DELETE", f"/users/{user['id']}"), 403)
    assert_error(await bo("GET", f"/users/{world.user.id}"), 403)
    assert_error(await bo("PATCH", f"/users/{world.user.id}", {"lastName": "Stolen"}), 403)
    for path in (f"/users/{world.user.id}", "/users/ANN@example.com"):
        assert_error(await world.client("DELETE", path), 403)
        assert_error(await world.client("PATCH", path, {"active": False}), 403)


async def test_who_may_do_less_does_not_change_who_may_do_more(world: World):
    bo, _ = await member(world, world.user.account_id, roles=["admin"])
    for body in ({"password": "Engine-1900y"}, {"active": False}, {"email": "mine@x.example"}):
        assert_error(await bo("PATCH", f"/users/{world.user.id}", body), 403)
    assert_error(await bo("DELETE", f"/users/{world.user.id}"), 403)
    assert await world.store.user(world.user.id) == world.user


async def test_a_deactivated_user_is_refused_everywhere_and_their_polling_ends_for_good(world: World):
    bo, user = await member(world, world.user.account_id)
    login = {"username": user["email"], "password": GOOD}
    token = (await world.anybody("POST", "/authentication", login)).json["token"]
    instance, others = await polled(bo), await polled(world.client)
    off = await world.client("PATCH", f"/users/{user['id']}", {"active": False})
    assert off.json["active"] is False
    assert_error(await bo("GET", "/instances"), 401)
    assert_error(await bo.with_element(instance["token"])("GET", "/instances/configuration"), 401)
    assert_error(await world.anybody.saying(f"Bearer {token}")("GET", "/instances"), 401)
    assert_error(await world.anybody("POST", "/authentication", login), 401)
    assert (await lanes_of(world, instance), await lanes_of(world, others)) == ({LaneState.OFF}, {LaneState.READY})
    assert [job["elementInstanceId"] for job in (await world.client("GET", "/jobs")).json] == [others["id"]]
    assert (await world.client("PATCH", f"/users/{user['id']}", {"active": True})).status == 200
    assert (await bo("GET", f"/instances/{instance['id']}")).status == 200
    assert [job["elementInstanceId"] for job in (await bo("GET", "/jobs")).json] == [others["id"]]


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
@pytest.mark.parametrize("permanent", [False, True])
async def test_a_users_instances_are_kept_unless_they_are_to_go_too(world: World, method: str, permanent: bool):
    bo, user = await member(world, world.user.account_id)
    instance, others = await polled(bo), await polled(world.client)
    body = {"active": False} if method == "PATCH" else None
    query = "?permanent=true" if permanent else ""
    assert (await world.client(method, f"/users/{user['id']}{query}", body)).status == 200
    kept = [others["id"]] if permanent else [instance["id"], others["id"]]
    assert [each.id for each in await world.store.instances()] == kept
    if method == "DELETE":
        assert_error(await world.client("GET", f"/users/{user['id']}"), 404)
    if not permanent:
        shown = await world.client("GET", f"/instances/{instance['id']}")
        assert shown.json["user"]["id"] == user["id"]


# Passwords


async def test_a_login_is_dated(world: World):
    _, user = await member(world, world.user.account_id)
    await world.anybody("POST", "/authentication", {"username": user["email"].upper(), "password": GOOD})
    assert (await world.client("GET", f"/users/{user['id']}")).json["lastLoginDate"] == "2026-09-21"


async def test_the_rules_for_passwords_are_read_written_and_kept(world: World):
    first = (await world.client("GET", "/organizations/password-policies")).json
    assert first["minLength"] == 8
    written = first | {"minLength": 12, "minSymbols": 0, "symbolCharacterSet": "!?"}
    assert (await world.client("PUT", "/organizations/password-policies", written)).json == written
    assert (await world.client("GET", "/organizations/password-policies")).json == written
    refused = await world.client("POST", "/users", new_user(password="Engine1842x"))
    assert_error(refused, 400)
    assert "at least 12" in refused.message
    assert (await world.client("POST", "/users", new_user(password="Engine1842xxx"))).status == 200
    assert_error(await world.client("PUT", "/organizations/password-policies", {"minLength": 7}), 400)
    assert_error(await world.client("PUT", "/organizations/password-policies", []), 400)
    assert (await world.client("GET", "/organizations/password-policies")).json == written


async def test_a_password_is_changed_by_whoever_knows_it_and_ends_sessions(world: World):
    _, user = await member(world, world.user.account_id)
    login = {"username": user["email"], "password": GOOD}
    token = (await world.anybody("POST", "/authentication", login)).json["token"]
    change = login | {"newPassword": "Engine-1843y"}
    assert_error(await world.anybody("PUT", "/authentication/password", change | {"password": "wrong"}), 401)
    assert_error(await world.anybody("PUT", "/authentication/password", login | {"newPassword": GOOD}), 400)
    assert_error(await world.anybody("PUT", "/authentication/password", login | {"newPassword": "short"}), 400)
    assert (await world.anybody("PUT", "/authentication/password", change)).json == {}
    assert_error(await world.anybody.saying(f"Bearer {token}")("GET", "/elements"), 401)
    assert_error(await world.anybody("POST", "/authentication", login), 401)
    assert (await world.anybody("POST", "/authentication", login | {"password": "Engine-1843y"})).status == 200


async def test_an_administrator_sets_a_password_and_users_their_own_with_the_one_before(world: World):
    bo, user = await member(world, world.user.account_id)
    path, body = f"/users/{user['id']}", {"password": "Engine-1843y"}
    assert_error(await bo("PATCH", path, body), 401)
    assert_error(await bo("PATCH", path, body, Elements_User_Password="wrong"), 401)
    assert (await bo("PATCH", path, body, Elements_User_Password=GOOD)).status == 200
    assert (await world.client("PATCH", path, {"password": "Engine-1844z"})).status == 200
    login = {"username": user["email"], "password": "Engine-1844z"}
    assert (await world.anybody("POST", "/authentication", login)).status == 200


async def test_of_a_change_that_is_refused_nothing_is_written(world: World):
    _, user = await member(world, world.user.account_id)
    path, login = f"/users/{user['id']}", {"username": user["email"], "password": GOOD}
    assert_error(await world.client("PATCH", path, {"password": "Engine-1843y", "email": "ann@example.com"}), 409)
    assert_error(await world.client("PATCH", path, {"password": "short", "firstName": "Bob"}), 400)
    assert (await world.client("GET", path)).json["firstName"] == "Bo"
    assert (await world.anybody("POST", "/authentication", login)).status == 200


async def test_former_passwords_cannot_be_used_again(world: World):
    rules = {"previousPasswordCount": 2}
    assert (await world.client("PUT", "/organizations/password-policies", rules)).status == 200
    _, user = await member(world, world.user.account_id)
    path = f"/users/{user['id']}"
    assert (await world.client("PATCH", path, {"password": "Engine-1843y"})).status == 200
    for used in (GOOD, "Engine-1843y"):
        refused = await world.client("PATCH", path, {"password": used})
        assert_error(refused, 400)
        assert "one of the last 2" in refused.message
    assert (await world.client("PATCH", path, {"password": "Engine-1844z"})).status == 200
    assert (await world.client("PATCH", path, {"password": GOOD})).status == 200


async def test_an_expired_password_logs_nobody_in_and_can_be_changed(world: World):
    await world.client("PUT", "/organizations/password-policies", {"expirationDays": 30})
    _, user = await member(world, world.user.account_id)
    login = {"username": user["email"], "password": GOOD}
    world.clock[0] += 30 * DAY - 1
    assert (await world.anybody("POST", "/authentication", login)).status == 200
    world.clock[0] += 1
    refused = await world.anybody("POST", "/authentication", login)
    assert_error(refused, 403)
    assert "expired" in refused.message
    assert_error(await world.anybody("POST", "/authentication", login | {"password": "wrong"}), 401)
    change = login | {"newPassword": "Engine-1843y"}
    assert (await world.anybody("PUT", "/authentication/password", change)).status == 200
    assert (await world.anybody("POST", "/authentication", login | {"password": "Engine-1843y"})).status == 200


async def test_a_password_is_not_guessed_by_any_door(world: World):
    _, user = await member(world, world.user.account_id)
    most = world.parts.settings.failed_logins_a_minute
    login = {"username": user["email"], "password": "wrong", "newPassword": "Engine-1843y"}
    doors = (
        lambda: world.anybody("POST", "/authentication", login),
        lambda: world.anybody("PUT", "/authentication/password", login),
        lambda: world.client("GET", f"/users/{user['id']}", Elements_User_Password="wrong"),
    )
    for nth in range(most):
        assert_error(await doors[nth % 3](), 401)
    for door in doors:
        refused = await door()
        assert_error(refused, 429)
        assert int(refused.headers["retry-after"]) > 0


async def test_only_the_organizations_administrators_write_its_rules_and_its_secret(world: World):
    bo, _ = await member(world, world.user.account_id, roles=["admin"])
    assert_error(await bo("PUT", "/organizations/password-policies", {}), 403)
    assert_error(await bo("POST", "/organizations/secret"), 403)
    assert (await bo("GET", "/organizations/me")).json["secret"] == "0rg"
    reset = await world.client("POST", "/organizations/secret")
    assert reset.json["id"] == world.user.organization_id
    assert len(reset.json["secret"]) == 32
    assert_error(await world.client("GET", "/organizations/me"), 401)
    again = world.anybody.saying(f"User us==, Organization {reset.json['secret']}")
    assert (await again("GET", "/organizations/me")).json == reset.json


# Roles


async def test_a_role_is_given_once_and_taken_once(world: World):
    bo, user = await member(world, world.user.account_id)
    path = f"/users/{user['id']}/roles"
    assert_error(await bo("GET", "/accounts"), 403)
    given = await world.client("PUT", f"{path}/admin")
    assert given.json["key"] == "admin"
    assert given.json.keys() == {"id", "name", "key", "description"}
    assert (await bo("GET", "/accounts")).status == 200
    assert_error(await world.client("PUT", f"{path}/admin"), 409)
    assert [role["key"] for role in (await world.client("GET", path)).json] == ["admin", "default"]
    assert (await world.client("DELETE", f"{path}/admin")).json == given.json
    assert_error(await world.client("DELETE", f"{path}/admin"), 404)
    assert_error(await bo("GET", "/accounts"), 403)


async def test_a_user_without_any_role_sees_not_even_the_catalog(world: World):
    bo, user = await member(world, world.user.account_id)
    assert (await bo("GET", "/elements")).status == 200
    await world.client("DELETE", f"/users/{user['id']}/roles/default")
    for path in ("/elements", "/elements/keys", "/elements/3012"):
        refused = await bo("GET", path)
        assert_error(refused, 403)
        assert "viewElements" in refused.message
    assert (await bo("GET", "/organizations/me")).status == 200


async def test_an_accounts_role_is_all_its_users(world: World):
    made = await account(world, "x-1")
    bo, user = await member(world, made["id"])
    path = f"/accounts/{made['id']}/roles"
    assert (await world.client("PUT", f"{path}/admin")).json["key"] == "admin"
    assert_error(await world.client("PUT", f"{path}/admin"), 409)
    cy, _ = await member(world, made["id"])
    for each in (bo, cy):
        assert (await each("GET", f"/accounts/{made['id']}")).status == 200
    assert [role["key"] for role in (await world.client("GET", path)).json] == ["admin"]
    assert [role["key"] for role in (await world.client("GET", f"/users/{user['id']}/roles")).json] == ["default"]
    assert (await world.client("DELETE", f"{path}/admin")).status == 200
    assert_error(await world.client("DELETE", f"{path}/admin"), 404)
    assert_error(await bo("GET", f"/accounts/{made['id']}"), 403)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_roles_of_the_unknown_of_strangers_and_of_oneself_are_not_changed(world: World, method: str):
    _, theirs = await organization(world)
    _, bo = await member(world, world.user.account_id)
    made = await account(world, "x-1")
    for target, status in (
        ("/users/-1", 404),
        ("/users/99", 404),
        (f"/users/{theirs.id}", 403),
        (f"/users/{theirs.email}", 403),
        (f"/users/{world.user.id}", 403),
        ("/accounts/-1", 404),
        ("/accounts/99", 404),
        (f"/accounts/{theirs.account_id}", 403),
        (f"/accounts/{world.user.account_id}", 403),
    ):
        assert_error(await world.client(method, f"{target}/roles/default"), status)
    for target in (f"/users/{bo['id']}", f"/accounts/{made['id']}"):
        refused = await world.client(method, f"{target}/roles/emperor")
        assert_error(refused, 400)
        assert "org-admin" in refused.message
    assert await world.store.user(theirs.id) == theirs
    assert await world.store.user(world.user.id) == world.user


async def test_what_each_role_gives_can_be_read(world: World):
    roles = (await world.client("GET", "/organizations/roles")).json
    assert [role["key"] for role in roles] == ["default", "admin", "org-admin"]
    assert "viewElements" in roles[0]["privileges"]


async def test_the_users_of_other_accounts_are_listed_for_who_looks_after_them(world: World):
    made = await account(world, "x-1")
    bo, user = await member(world, made["id"], roles=["admin"])
    everybody = [each["id"] for each in (await world.client("GET", "/organizations/users")).json]
    assert everybody == [world.user.id, user["id"]]
    assert [each["id"] for each in (await bo("GET", "/organizations/users")).json] == [user["id"]]
    assert_error(await bo("POST", "/organizations/users", new_user()), 403)
    assert_error(await bo("GET", f"/users/{world.user.id}"), 404)
    assert (await world.client("GET", f"/users/{user['id']}")).status == 200


async def test_the_first_password_need_not_meet_the_rules_and_logs_in(world: World):
    login = {"username": "ann@example.com", "password": PASSWORD}
    assert (await world.anybody("POST", "/authentication", login)).status == 200
