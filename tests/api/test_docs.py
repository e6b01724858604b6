"""The Swagger 2.0 documents of elements, hubs and instances: what stands there is what can be called."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from schemathesis import GenerationMode

from tests.api.conftest import ELEMENT, World
from tests.api.hubbed import Hub, hubbed
from tests.api.test_errors import assert_error
from tests.api.test_schemathesis import call, drawn
from tidings.core.errors import ProviderDown
from tidings.elements.describe import catalog
from tidings.elements.swagger import resolved
from tidings.hub.target import find


@pytest.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with hubbed(world) as made:
        yield made


async def document(hub: Hub, path: str = "/docs") -> dict[str, Any]:
    answer = await hub.client("GET", f"/instances/{hub.instance['id']}{path}")
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json
    return made


async def test_every_operation_of_a_document_is_one_of_the_hub_and_the_other_way_round(world: World):
    made = (await world.client("GET", f"/elements/{ELEMENT}/docs?version=-1")).json
    element = catalog()[ELEMENT]
    for path, operations in made["paths"].items():
        target = find(element, path.replace("{parentId}", "7").replace("{id}", "8"))
        assert target is not None, path
        assert sorted(operations) == [method.lower() for method in target.methods], path
    listed = {each["path"] for each in (await world.client("GET", f"/elements/{ELEMENT}/resources")).json}
    assert {f"/hubs/crm{path}" for path in made["paths"]} == listed
    assert (await world.client("GET", f"/elements/{ELEMENT}/lbdocs?force=true")).json == made
    assert_error(await world.client("GET", "/elements/nothing/docs"), 404)


async def test_a_document_can_be_read_by_others(world: World):
    made = (await world.client("GET", f"/elements/{ELEMENT}/docs")).json
    schema: Any = schemathesis.openapi.from_dict(made)
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) == sum(len(each) for each in made["paths"].values())
    names = [operation["operationId"] for each in made["paths"].values() for operation in each.values()]
    assert len(names) == len(set(names))
    assert {"GET-contacts", "POST-contacts", "GET-contacts-id", "POST-incidents-id-comments"} <= set(names)


@pytest.mark.parametrize(
    ("base_url", "host", "scheme", "base_path"),
    [
        ("https://foo.bar", "foo.bar", "https", "/elements/api-v2"),
        ("http://foo.bar:8080/x/", "foo.bar:8080", "http", "/x/elements/api-v2"),
        ("https://me:secret@foo.bar", "foo.bar", "https", "/elements/api-v2"),
    ],
)
async def test_a_document_says_where_the_api_is_called(
    world: World, base_url: str, host: str, scheme: str, base_path: str
):
    made = (await world.client("GET", f"/docs/crm?baseUrl={base_url}")).json
    assert (made["host"], made["schemes"], made["basePath"]) == (host, [scheme], base_path)
    own = (await world.client("GET", "/docs/crm", Host="tidings.example:8443")).json
    assert (own["host"], own["schemes"]) == ("tidings.example:8443", ["http"])
    assert own["paths"] == made["paths"]


@pytest.mark.parametrize("base_url", ["foo.bar", "ftp://foo.bar", "https://", "https://[::1", "https://foo:port", "/x"])
async def test_what_is_no_address_is_refused(world: World, base_url: str):
    answer = await world.client("GET", f"/docs/crm?baseUrl={base_url}")
    assert_error(answer, 400)
    assert answer.message.startswith("baseUrl: ")


async def test_a_hub_is_documented_also_as_clients_of_its_gateway_want_it(world: World):
    made = (await world.client("GET", "/docs/crm?provider=aws")).json
    assert made["host"] == "aws-api.cloud-elements.com"
    assert "/elements/api-v2" not in made["basePath"]
    for operations in made["paths"].values():
        for operation in operations.values():
            assert any((each["name"], each["in"]) == ("x-api-key", "header") for each in operation["parameters"])
    assert_error(await world.client("GET", "/docs/nothing"), 404)


async def test_an_instance_has_its_tenants_own_fields(hub: Hub):
    made = await document(hub)
    assert made["info"]["title"] == hub.instance["name"]
    custom = made["definitions"]["contacts"]["properties"]["customFields"]
    fields = (await hub.get("/objects/contacts/metadata?customFieldsOnly=true"))["fields"]
    assert [each["caption"] for each in custom["x-customFields"]] == [each["displayName"] for each in fields]
    assert custom["items"]["properties"]["id"]["enum"] == [each["id"] for each in custom["x-customFields"]]
    by_token = await hub.client.with_element(hub.instance["token"])("GET", "/instances/docs")
    assert by_token.json == made
    assert by_token.headers["elements-element-instance-id"] == str(hub.instance["id"])
    # This provider has no such endpoints.
    assert by_token.headers["elements-error"].startswith("what this tenant has defined is not told of activities")


async def test_records_are_as_they_are_documented(hub: Hub):
    made = await document(hub)
    for name in ("contacts", "organizations", "incidents", "time-entries", "configurations", "opportunities"):
        schema = resolved(made["definitions"][name], made["definitions"])
        records = await hub.get(f"/{name}?pageSize=20")
        assert records, name
        for record in records:
            wrong = [str(each.message) for each in jsonschema_rs.validator_for(schema).iter_errors(record)]
            assert not wrong, (name, wrong, record)
        told = set(schema["properties"])
        assert told & set(records[0]) > {"id", "_info"}


async def test_one_operation_is_told_with_what_it_refers_to(hub: Hub):
    part = await document(hub, "/docs/GET-contacts")
    assert list(part["paths"]) == ["/contacts"]
    assert list(part["paths"]["/contacts"]) == ["get"]
    assert set(part["definitions"]) == {"contacts", "Refusal"}
    assert part == await document(hub, "/docs/get-contacts")
    whole = await document(hub, "/docs/GET-contacts?resolveReferences=true")
    assert "$ref" not in json.dumps(whole["paths"])
    definitions = await document(hub, "/docs/PATCH-incidents-parentId-comments-id/definitions?resolveReferences=true")
    assert set(definitions) == {"incidents-comments", "Refusal"}
    assert "$ref" not in json.dumps(definitions)
    for path in ("/docs/GET-nothing", "/docs/contacts/definitions"):
        assert_error(await hub.client("GET", f"/instances/{hub.instance['id']}{path}"), 404)


async def test_one_object_is_told_with_its_custom_fields_when_they_are_discovered(hub: Hub):
    for path in ("/objects/contacts/docs", "/hubs/anything/objects/contacts/docs"):
        plain = await hub.get(f"{path}?discovery=false&basic=true&version=-1")
        assert set(plain["paths"]) == {"/contacts", "/contacts/{id}"}
        assert "x-customFields" not in json.dumps(plain)
        discovered = await hub.get(f"{path}?discovery=true&resolveReferences=true")
        assert "x-customFields" in json.dumps(discovered["paths"])
    tickets = await hub.get("/objects/incidents/docs")
    assert "/incidents/{id}/comments" in tickets["paths"]
    assert "incidents-comments" in tickets["definitions"]
    assert_error(await hub.hub("GET", "/objects/nothing/docs"), 404)


async def test_when_the_provider_does_not_tell_its_fields_the_rest_is_told_and_why(world: World):
    made = await world.instance()

    def down(element: Any, instance: Any) -> Any:
        raise ProviderDown("silence of the prövider")

    api = world.rebuilt(hub=down)
    answer = await api("GET", f"/instances/{made['id']}/docs")
    assert answer.status == 200
    assert "silence of the pr" in answer.headers["elements-error"]
    assert "/contacts" in answer.json["paths"]
    await world.client("DELETE", f"/instances/{made['id']}/enabled")
    answer = await api("GET", f"/instances/{made['id']}/docs")
    assert (answer.status, answer.headers["elements-error"][:24]) == (200, "the instance is disabled")


async def test_what_schemathesis_makes_of_an_instances_document_is_answered_as_it_says(hub: Hub):
    made = await document(hub)
    del made["security"], made["securityDefinitions"]  # who calls is always somebody who may
    contact = hub.stored("company/contacts")[0]["id"]
    ticket = hub.stored("service/tickets")[0]["id"]
    schema: Any = schemathesis.openapi.from_dict(made)
    tried = 0
    for path, operations in made["paths"].items():
        if path.split("/")[1] not in ("contacts", "incidents", "organizations"):
            continue
        fixed = {"parentId": str(ticket), "id": str(contact if path.startswith("/contacts") else ticket)}
        for method, said in operations.items():
            names = {each["name"] for each in said["parameters"] if each["in"] == "path"}
            cases = [
                case
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
                for case in drawn(schema[path][method], mode, 3, {name: fixed[name] for name in names})
            ]
            for case in cases:
                await call(hub.hub, case)
            tried += len(cases)
    assert tried > 50
