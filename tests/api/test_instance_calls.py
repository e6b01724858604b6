"""Every call about an instance by its id, by its token, and by way of its element; counts, objects, validation."""

from __future__ import annotations

import re

import pytest

from tests.api.conftest import ELEMENT, NOW, World, body
from tests.api.test_errors import assert_error
from tidings.api.routes import BASE, ROUTES
from tidings.core.errors import CredentialsRefused, ProviderDown

#: What needs no form with a token: it is about the account, or the platform has its list there.
ONE = "/instances/{instance_id:int}"
TOKENS_LIST = {("GET", ONE)}


def test_every_call_has_its_form_with_a_token() -> None:
    paths = {(route.method, route.path.removeprefix(BASE)) for route in ROUTES}
    of_one = {(method, path) for method, path in paths if path.startswith(ONE)} - TOKENS_LIST
    assert len(of_one) > 25
    missing = {(method, path) for method, path in of_one if (method, path.replace(ONE, "/instances")) not in paths}
    assert missing == set()


async def test_a_list_stays_a_list_with_a_token(world: World) -> None:
    made = await world.instance()
    await world.instance(name="Other")
    listed = await world.of(made)("GET", "/instances")
    assert [each["name"] for each in listed.json] == ["Acme", "Other"]


async def test_an_instance_is_deleted_by_its_token_which_dies_with_it(world: World) -> None:
    made = await world.instance()
    token = world.of(made)
    assert (await token("DELETE", "/instances")).json == {}
    assert_error(await token("DELETE", "/instances"), 401)
    assert_error(await world.client("GET", f"/instances/{made['id']}"), 404)


async def test_without_a_token_no_instance_is_deleted(world: World) -> None:
    await world.instance()
    assert_error(await world.client("DELETE", "/instances"), 401)
    assert len((await world.client("GET", "/instances")).json) == 1


@pytest.mark.parametrize("element", [ELEMENT, "3012"])
async def test_an_instance_is_read_changed_and_deleted_by_way_of_its_element(world: World, element: str) -> None:
    made = await world.instance()
    path = f"/elements/{element}/instances/{made['id']}"
    assert (await world.client("GET", path)).json == made
    assert (await world.client("PATCH", path, {"name": "New"})).json["name"] == "New"
    written = await world.client("PUT", path, body(name="Newer", tags=[]))
    assert (written.json["name"], written.json["tags"], written.json["token"]) == ("Newer", [], made["token"])
    assert (await world.client("DELETE", path)).json == {}
    assert_error(await world.client("GET", path), 404)


async def test_an_instance_is_not_found_by_way_of_another_element(world: World) -> None:
    made = await world.instance()
    await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "other"})
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for element in ("other", "nothing"):
            answer = await world.client(method, f"/elements/{element}/instances/{made['id']}", body())
            assert_error(answer, 404)
    assert (await world.client("GET", f"/instances/{made['id']}")).json == made


async def test_instances_of_an_element_are_searched_like_all(world: World) -> None:
    await world.instance(name="Acme East", tags=["east"])
    await world.instance(name="Acme West", tags=["west"])
    found = await world.client("GET", f"/elements/{ELEMENT}/instances?tags[]=west&searchText=acme&hydrate=false")
    assert [each["name"] for each in found.json] == ["Acme West"]
    assert "configuration" not in found.json[0]
    assert found.json[0]["createdDate"] == "2026-09-21T14:13:20Z"


async def test_instances_are_counted_by_element(world: World) -> None:
    empty = await world.client("GET", "/instances/count")
    assert empty.json == {"totalInstances": 0, "elementInstances": {ELEMENT: 0}}
    await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "own"})
    await world.instance()
    await world.instance(element={"key": "own"})
    await world.instance(element={"key": "own"})
    counted = await world.client("GET", "/instances/count")
    assert counted.json == {"totalInstances": 3, "elementInstances": {ELEMENT: 1, "own": 2}}


async def test_a_new_instance_says_its_objects_when_asked(world: World) -> None:
    made = await world.instance(retrieveObjectsAfterInstantiation=True)
    assert {"name": "contacts", "vendorName": "contacts", "type": "vendor"} in made["objects"]
    assert all(set(each) == {"name", "vendorName", "type"} for each in made["objects"])
    assert "objects" not in await world.instance(retrieveObjectsAfterInstantiation=False)
    assert "objects" not in (await world.client("GET", f"/instances/{made['id']}")).json
    assert_error(await world.client("POST", "/instances", body(retrieveObjectsAfterInstantiation="perhaps")), 400)


async def test_markup_is_stripped_and_provider_data_never_echoed_however_it_is_written(world: World) -> None:
    made = await world.instance()
    written = {"name": '<a href="x">xss-text</a>', "providerData": {"code": "leftover"}}
    for client, path in ((world.client, f"/instances/{made['id']}"), (world.of(made), "/instances")):
        for method in ("PUT", "PATCH"):
            answer = await client(method, path, body(**written))
            assert (answer.status, answer.json["name"], answer.json["tags"]) == (200, "xss-text", ["xss-text"])
            assert "providerData" not in answer.json
            assert b"leftover" not in answer.body


async def test_credentials_are_validated_and_the_result_holds_for_half_an_hour(world: World) -> None:
    made = await world.instance()
    path, tried = f"/instances/{made['id']}/validate", len(world.provider.tried)
    good = await world.client("GET", path)
    assert good.json == {"valid": True, "checkedAt": "2026-09-21T14:13:20Z", "reason": None}
    world.provider.error = CredentialsRefused("ConnectWise refused the keys", provider_message="Denied", status=401)
    world.clock[0] = NOW + 30 * 60_000 - 1
    assert (await world.of(made)("GET", "/instances/validate")).json == good.json
    assert len(world.provider.tried) == tried + 1
    world.clock[0] += 1
    bad = await world.client("GET", path)
    assert bad.json == {
        "valid": False,
        "checkedAt": "2026-09-21T14:43:20Z",
        "reason": "ConnectWise refused the keys",
    }
    world.provider.error = None
    assert (await world.client("GET", path)).json == bad.json
    assert (await world.client("GET", f"{path}?force=true")).json["valid"] is True


async def test_a_change_of_the_instance_ends_what_was_remembered(world: World) -> None:
    made = await world.instance()
    path = f"/instances/{made['id']}/validate"
    assert (await world.client("GET", path)).json["valid"] is True
    await world.client("PATCH", f"/instances/{made['id']}", {"name": "New"})
    world.provider.error = CredentialsRefused("no", status=401)
    assert (await world.client("GET", path)).json["valid"] is False


async def test_a_provider_that_cannot_be_asked_says_nothing_of_the_credentials(world: World) -> None:
    made = await world.instance()
    world.provider.error = ProviderDown("no answer within 60 s")
    assert_error(await world.client("GET", f"/instances/{made['id']}/validate"), 502)
    world.provider.error = None
    assert (await world.client("GET", f"/instances/{made['id']}/validate")).json["valid"] is True


@pytest.mark.parametrize("prefix", ["", "/hubs/crm", "/hubs/anything"])
async def test_objects_are_names_and_with_helium_their_kind(world: World, prefix: str) -> None:
    made = await world.instance()
    token = world.anybody.saying(f"User us==, Element {made['token']}")
    names = await token("GET", f"{prefix}/objects")
    assert names.status == 200
    assert {"contacts", "organizations", "incidents", "time-entries", "fields"} <= set(names.json)
    assert not [name for name in names.json if "{" in name]
    assert names.headers["elements-element-instance-id"] == str(made["id"])
    assert names.headers["elements-returned-count"] == str(len(names.json))
    assert (await token("GET", f"{prefix}/objects", Elements_Version="Hydrogen")).json == names.json
    helium = await token("GET", f"{prefix}/objects", Elements_Version="Helium")
    assert helium.json == [{"name": name, "vendorName": name, "type": "vendor"} for name in names.json]


async def test_objects_are_asked_for_by_id_and_of_a_disabled_instance_too(world: World) -> None:
    made = await world.instance()
    await world.client("DELETE", f"/instances/{made['id']}/enabled")
    by_token = await world.of(made)("GET", "/objects")
    assert by_token.status == 200
    assert (await world.client("GET", f"/instances/{made['id']}/objects")).json == by_token.json
    assert (await world.of(made)("GET", "/instances/objects")).json == by_token.json


async def test_who_asks_for_objects_must_say_who_and_whose(world: World) -> None:
    made = await world.instance()
    for authorization in (None, "User us==", f"Element {made['token']}", "User us==, Element x", "User x, Element x"):
        assert_error(await world.anybody.saying(authorization)("GET", "/objects"), 401)


@pytest.mark.parametrize("path", ["/ping", "/hubs/crm/ping"])
async def test_a_ping_asks_the_provider(world: World, path: str) -> None:
    made = await world.instance()
    token, tried = world.of(made), len(world.provider.tried)
    answer = await token("GET", path)
    assert answer.json == {"dateTime": "2026-09-21T14:13:20Z", "endpoint": ELEMENT, "valid": True}
    assert answer.headers["elements-element-instance-id"] == str(made["id"])
    assert len(world.provider.tried) == tried + 1
    world.provider.error = CredentialsRefused("refused", provider_message="Denied", status=401)
    assert_error(await token("GET", path), 401, provider=True)
    await world.client("DELETE", f"/instances/{made['id']}/enabled")
    assert_error(await token("GET", path), 403)


LEVELS = ["/organizations", "/accounts", "/accounts/1", "/instances/1", "/instances"]


@pytest.mark.parametrize("level", LEVELS)
async def test_nobody_has_defined_an_object_which_is_404(world: World, level: str) -> None:
    client = world.of(await world.instance())
    assert_error(await client("GET", f"{level}/objects/definitions"), 404)
    assert_error(await client("GET", f"{level}/objects/contacts/definitions"), 404)
    answer = await client("POST", f"{level}/objects/contacts/definitions", {"fields": []})
    assert answer.status in (404, 405)


async def test_there_are_no_transformations(world: World) -> None:
    client = world.of(await world.instance())
    for path in ("/instances/1", "/instances", f"/organizations/elements/{ELEMENT}", "/accounts/1/elements/3012"):
        found = await client("GET", f"{path}/transformations")
        assert (found.status, found.json) == (200, {})
        assert_error(await client("GET", f"{path}/transformations/contacts"), 404)
    assert (await client("GET", "/organizations/objects/contacts/transformations")).json == []
    assert_error(await client("GET", "/organizations/elements/nothing/transformations"), 404)
    for path in ("/accounts/2/elements/3012/transformations", "/accounts/2/objects/definitions"):
        answer = await client("GET", path)
        assert_error(answer, 404)
        assert re.fullmatch("No account found with ID 2", answer.message)
