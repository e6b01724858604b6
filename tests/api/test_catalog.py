"""The parts of an element, its metadata, hubs: what a client that draws a catalog asks for."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, World, body

ENTRY = {
    *("id", "name", "key", "description", "defaultValue", "resellerConfig", "companyConfig", "active", "internal"),
    *("groupControl", "displayOrder", "type", "hideFromConsole", "required"),
}
RESOURCE = {
    *("id", "description", "path", "vendorPath", "method", "vendorMethod", "type", "kind", "parameters", "hooks"),
    *("paginationType", "objectName", "primaryKey"),
}
PARAMETER = {
    *("id", "resourceId", "name", "vendorName", "description", "type", "vendorType", "dataType", "vendorDataType"),
    *("source", "required"),
}


async def get(world: World, path: str) -> Any:
    answer = await world.client("GET", path)
    assert answer.status == 200, answer.body
    return answer.json


async def clones(world: World, number: int) -> list[dict[str, Any]]:
    return [(await world.client("POST", f"/elements/{ELEMENT}/clone")).json for _ in range(number)]


async def test_the_catalog_is_listed_a_page_at_a_time(world: World) -> None:
    made = await clones(world, 4)
    first = await world.client("GET", "/elements?abridged=true&pageSize=2")
    assert [each["key"] for each in first.json] == [ELEMENT, made[0]["key"]]
    assert (first.headers["elements-returned-count"], first.headers["elements-total-count"]) == ("2", "5")
    token = first.headers["elements-next-page-token"]
    # The token wins over a page that is sent beside it, and knows the size.
    second = await world.client("GET", f"/elements?abridged=true&page=1&nextPage={token}")
    assert [each["key"] for each in second.json] == [made[1]["key"], made[2]["key"]]
    third = await world.client(
        "GET", f"/elements?page=3&pageSize=2&nextPage={second.headers['elements-next-page-token']}"
    )
    assert [each["key"] for each in third.json] == [made[3]["key"]]
    assert "elements-next-page-token" not in third.headers
    assert (await get(world, "/elements?page=9")) == []


async def test_a_page_is_at_most_200_and_says_so(world: World) -> None:
    answer = await world.client("GET", "/elements?pageSize=201")
    assert answer.status == 200
    assert answer.headers["elements-error"] == "pageSize is at most 200; the result was cut to it"
    assert "elements-error" not in (await world.client("GET", "/elements?pageSize=200")).headers


@pytest.mark.parametrize(
    "token",
    [
        "x",
        base64.b64encode(b'{"page":0,"pageSize":2}').decode(),
        base64.b64encode(b'{"page":1,"pageSize":201}').decode(),
        base64.b64encode(b'{"page":"1","pageSize":2}').decode(),
        base64.b64encode(b"\xff").decode(),
        base64.b64encode(b"[" * 50_000).decode(),
    ],
)
async def test_a_token_that_is_none_is_refused(world: World, token: str) -> None:
    answer = await world.client("GET", f"/elements?nextPage={token}")
    assert answer.status == 400
    assert answer.message.startswith("nextPage: is no token of ours")


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "pageSize=0", "page=99999999999999999999"])
async def test_pages_are_counted_from_one(world: World, query: str) -> None:
    answer = await world.client("GET", f"/elements?{query}")
    assert answer.status == 400
    assert answer.message.startswith(query.partition("=")[0])


@pytest.mark.parametrize("name", [ELEMENT, "3012"])
async def test_the_configuration_of_an_element_is_addressed_by_key(world: World, name: str) -> None:
    listed = await get(world, f"/elements/{name}/configuration")
    assert all(set(entry) >= ENTRY for entry in listed)
    assert all(set(entry) - ENTRY <= {"options"} for entry in listed)
    (url,) = (entry for entry in listed if entry["key"] == "baseUrl")
    assert await get(world, f"/elements/{name}/configuration/baseUrl") == url
    assert await get(world, f"/elements/{name}/configuration/{url['id']}") == url
    missing = await world.client("GET", f"/elements/{name}/configuration/nothing")
    assert (missing.status, missing.message) == (404, f"{ELEMENT} has no configuration entry nothing")


async def test_every_verb_of_every_path_is_a_resource(world: World) -> None:
    listed = await get(world, f"/elements/{ELEMENT}/resources")
    assert all(set(each) == RESOURCE for each in listed)
    assert {(each["method"], each["path"]) for each in listed} >= {
        ("GET", "/hubs/crm/contacts"),
        ("POST", "/hubs/crm/contacts"),
        ("GET", "/hubs/crm/contacts/{id}"),
        ("PATCH", "/hubs/crm/contacts/{id}"),
        ("PUT", "/hubs/crm/contacts/{id}"),
        ("DELETE", "/hubs/crm/contacts/{id}"),
        ("PUT", "/hubs/crm/incidents/{id}/configurations"),
        ("PATCH", "/hubs/crm/incidents/{parentId}/comments/{id}"),
    }
    assert await get(world, f"/elements/{ELEMENT}/resources?accountOnly=true") == []
    one = next(each for each in listed if (each["method"], each["path"]) == ("GET", "/hubs/crm/contacts"))
    assert await get(world, f"/elements/3012/resources/{one['id']}") == one
    parameters = await get(world, f"/elements/3012/resources/{one['id']}/parameters")
    assert parameters == one["parameters"]
    assert all(set(each) == PARAMETER for each in parameters)
    assert [each["name"] for each in parameters] == ["where", "fields", "orderBy", "page", "pageSize", "nextPage"]
    assert await get(world, f"/elements/3012/resources/{one['id']}/hooks") == []
    assert (await world.client("GET", "/elements/3012/resources/1")).status == 404
    nested = next(each for each in listed if each["path"].endswith("/comments/{id}") and each["method"] == "PATCH")
    assert [(each["name"], each["type"]) for each in nested["parameters"]] == [
        ("parentId", "path"),
        ("id", "path"),
        ("body", "body"),
    ]


@pytest.mark.parametrize(
    ("part", "empty"), [("parameters", []), ("hooks", []), ("models", []), ("transformations", {})]
)
async def test_what_an_element_does_not_have_is_empty(world: World, part: str, empty: object) -> None:
    assert await get(world, f"/elements/{ELEMENT}/{part}") == empty
    assert (await world.client("GET", f"/elements/nothing/{part}")).status == 404


async def test_an_export_is_the_whole_definition(world: World) -> None:
    exported = await get(world, f"/elements/{ELEMENT}/export")
    assert exported == await get(world, f"/elements/{ELEMENT}")
    assert set(exported) >= {"id", "name", "key", "description", "authentication", "configuration", "resources"}
    assert exported["authentication"] == {"type": "custom"}


async def test_the_metadata_says_what_an_element_polls(world: World) -> None:
    metadata = await get(world, "/elements/3012/metadata")
    assert set(metadata) == {"id", "key", "name", "description", "events"}
    assert (metadata["id"], metadata["key"]) == (3012, ELEMENT)
    assert set(metadata["events"]) == {"supported", "methods", "polling"}
    assert (metadata["events"]["supported"], metadata["events"]["methods"]) == (True, ["polling"])
    assert set(metadata["events"]["polling"]) == {"contacts", "incidents", "organizations"}
    assert metadata["events"]["polling"]["contacts"]["idField"] == "id"
    assert metadata["events"]["polling"]["contacts"]["url"].startswith("/hubs/crm/contacts?where=")
    assert await get(world, "/elements/metadata") == [metadata]
    unknown = await world.client("GET", "/elements/-1/metadata")
    assert (unknown.status, unknown.message) == (404, "No element found with key or ID -1")


async def test_the_expanded_metadata_has_every_member(world: World) -> None:
    made = await world.instance()
    metadata = await get(world, f"/elements/{ELEMENT}/metadata?expand=true")
    assert set(metadata) == {
        *("id", "key", "name", "description", "events", "image", "displayOrder", "active", "beta", "transformations"),
        *("elementType", "churros", "normalizedPaging", "swaggerValidated", "cloneable", "authenticationType"),
        *("discovery", "bulk", "usage", "api", "resources", "hub"),
    }
    assert (metadata["image"], metadata["hub"]) == ("elements/provider_connectwise.png", "crm")
    assert (metadata["displayOrder"], metadata["active"], metadata["authenticationType"]) == (1, True, "custom")
    assert metadata["discovery"] == {
        "customFields": True,
        "customObjects": True,
        "endpointCustomFields": True,
        "endpointCustomObjects": True,
    }
    assert metadata["bulk"] == {"upload": True, "download": True}
    assert metadata["usage"] == {"instanceCount": 1, "customerCount": 1, "traffic": 0}
    assert metadata["api"] == {"type": "rest", "contentType": "application/json"}
    contacts = next(each for each in metadata["resources"] if each["canonicalName"] == "contacts")
    assert contacts == {
        "canonicalName": "contacts",
        "operations": ["SEARCH", "CREATE", "RETRIEVE", "UPDATE", "REPLACE", "DELETE"],
        "events": {"supported": True, "methods": ["polling"], "eventTypes": ["CREATED", "UPDATED", "DELETED"]},
        "bulk": {"upload": {"supported": True, "native": False}, "download": {"supported": True, "native": False}},
        "customField": {"get": True, "create": True, "update": True, "delete": False},
    }
    assert await get(world, "/elements/metadata?expand=true") == [metadata]
    await world.client("DELETE", f"/instances/{made['id']}")
    assert (await get(world, "/elements/3012/metadata?expand=true"))["usage"]["instanceCount"] == 0


async def test_the_catalog_says_in_which_order_it_is_shown(world: World) -> None:
    assert await get(world, "/catalog-properties") == [
        {"elementId": 3012, "hidden": False, "position": 1, "featured": False}
    ]


async def test_hubs_are_listed_with_their_resources(world: World) -> None:
    assert await get(world, "/hubs/keys") == ["crm"]
    (short,) = await get(world, "/hubs")
    assert set(short) == {"key", "name", "description", "active", "elementCount"}
    (whole,) = await get(world, "/hubs?hydrate=true")
    assert {key: whole[key] for key in short} == short
    assert whole["resources"]
    assert await get(world, "/hubs/crm") == short
    assert await get(world, "/hubs/crm?hydrate=true") == whole
    assert await get(world, "/hubs/crm/elements") == await get(world, "/elements")
    assert await get(world, "/hubs/crm/elements?abridged=true") == await get(world, "/elements?abridged=true")
    for path in ("/hubs/nothing", "/hubs/nothing/elements"):
        answer = await world.client("GET", path)
        assert (answer.status, answer.message) == (404, "No hub found with key nothing")


async def test_no_element_is_made_changed_or_removed_but_a_clone(world: World) -> None:
    for method, path in (
        ("POST", "/elements"),
        ("PUT", f"/elements/{ELEMENT}"),
        ("DELETE", f"/elements/{ELEMENT}"),
        ("DELETE", f"/elements/{ELEMENT}/active"),
    ):
        answer = await world.client(method, path, {"name": "Mine"})
        assert answer.status == 403
        assert "elements are files on this server; POST /elements/{key}/clone makes a copy" in answer.message
    assert (await world.client("PUT", "/elements/3012/active")).json["active"] is True


async def test_a_clone_is_an_element_of_the_account(world: World) -> None:
    answer = await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "My <b>CRM</b> 1", "unknown": 7})
    assert answer.status == 200
    clone = answer.json
    source = await get(world, f"/elements/{ELEMENT}")
    assert (clone["key"], clone["name"], clone["private"], clone["active"]) == ("mycrm1", "My CRM 1", True, True)
    assert clone["id"] not in (3012, source["id"])
    assert set(clone) == set(source)
    assert [entry["key"] for entry in clone["configuration"]] == [entry["key"] for entry in source["configuration"]]
    assert not {entry["id"] for entry in clone["configuration"]} & {entry["id"] for entry in source["configuration"]}
    for name in ("mycrm1", str(clone["id"])):
        assert await get(world, f"/elements/{name}") == clone
    assert await get(world, "/elements/keys") == [ELEMENT, "mycrm1"]
    assert await get(world, "/elements?where=private='true'") == [clone]
    twice = await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "mycrm1"})
    assert (twice.status, twice.message) == (
        409,
        "There is an element with the key mycrm1 already; choose another name",
    )
    assert (await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "日本"})).status == 400
    assert (await world.client("POST", "/elements/nothing/clone")).status == 404


async def test_clones_without_a_name_are_numbered(world: World) -> None:
    assert [each["key"] for each in await clones(world, 3)] == [
        "connectwisecrmrestbetaclone",
        "connectwisecrmrestbetaclone2",
        "connectwisecrmrestbetaclone3",
    ]


async def test_a_clone_of_a_clone_is_one_of_the_element(world: World) -> None:
    await world.client("POST", f"/elements/{ELEMENT}/clone", {"name": "one"})
    made = await world.client("POST", "/elements/one/clone", {"name": "two"})
    assert made.json["resources"][0]["path"] == "/hubs/crm/contacts"
    instance = await world.instance(element={"key": "two"})
    moved = await world.client("PATCH", f"/instances/{instance['id']}", {"element": {"key": "one"}})
    assert moved.json["element"]["key"] == "one"


async def test_a_clone_is_renamed_switched_and_removed(world: World) -> None:
    (clone,) = await clones(world, 1)
    renamed = await world.client("PUT", f"/elements/{clone['id']}", {"name": "New", "description": "Ours"})
    assert (renamed.json["name"], renamed.json["description"], renamed.json["key"]) == ("New", "Ours", clone["key"])
    assert "only name, description and active" in renamed.headers["elements-error"]
    off = await world.client("DELETE", f"/elements/{clone['id']}/active")
    assert (off.status, off.json["active"]) == (200, False)
    refused = await world.client("POST", "/instances", body(element={"id": clone["id"]}))
    assert (refused.status, "is not active" in refused.message) == (409, True)
    on = await world.client("PUT", f"/elements/{clone['id']}/active")
    assert on.json["active"] is True
    gone = await world.client("DELETE", f"/elements/{clone['id']}")
    assert (gone.status, gone.json) == (200, {})
    assert (await world.client("GET", f"/elements/{clone['id']}")).status == 404
    assert (await world.client("DELETE", f"/elements/{clone['id']}")).status == 404


async def test_an_instance_is_one_of_a_clone_and_moves_to_its_element_and_back(world: World) -> None:
    (clone,) = await clones(world, 1)
    made = await world.instance(element={"id": clone["id"]})
    assert made["elementId"] == made["element"]["id"] == clone["id"]
    assert (made["element"]["key"], made["element"]["private"]) == (clone["key"], True)
    assert [each["id"] for each in await get(world, f"/elements/{clone['key']}/instances")] == [made["id"]]
    assert (await world.client("GET", f"/elements/{ELEMENT}/instances")).status == 404
    assert [each["id"] for each in await get(world, f"/instances?searchText={clone['key']}")] == [made["id"]]
    assert (await world.client("DELETE", f"/elements/{clone['id']}")).status == 409

    tried = len(world.provider.tried)
    back = (await world.client("PATCH", f"/instances/{made['id']}", {"element": {"id": 3012}})).json
    assert (back["elementId"], back["token"], back["configuration"]) == (3012, made["token"], made["configuration"])
    assert len(world.provider.tried) == tried
    again = await world.of(made)("PATCH", "/instances", {"element": {"id": clone["id"]}})
    assert again.json["elementId"] == clone["id"]
    assert (await get(world, f"/instances/{made['id']}"))["elementId"] == clone["id"]
    entries = (await world.client("GET", f"/instances/{made['id']}/configuration")).json
    assert {entry["id"] for entry in entries} == {entry["id"] for entry in clone["configuration"]}

    other = await world.client("PATCH", f"/instances/{made['id']}", {"element": {"id": 17}})
    assert (other.status, other.message.partition(":")[0]) == (400, "element.id")
    await world.client("DELETE", f"/instances/{made['id']}")
    assert (await world.client("DELETE", f"/elements/{clone['id']}")).status == 200


async def test_what_a_clone_is_called_is_read_as_json(world: World) -> None:
    for sent in (
        b'{"name":7}',
        b"[1]",
        b'{"name":"\\u0000"}',
        b'{"name":"\\ud800"}',
        b'{"name":"<b>"}',
        b"[" * 100_000,
    ):
        answer = await world.client("POST", f"/elements/{ELEMENT}/clone", raw=sent)
        assert answer.status == 400, sent[:20]
        assert set(json.loads(answer.body)) == {"requestId", "message"}
