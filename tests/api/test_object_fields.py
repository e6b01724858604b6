"""The fields of an object, those of the tenant among them, at a sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from tests.api.conftest import World
from tests.api.hubbed import Hub, hubbed
from tests.api.test_errors import assert_error
from tests.elements.provider import provider

CUSTOM = ["crm_contact_id", "LinkedIn URL", "Email Marketing Opt-In", "is_synced"]


@pytest_asyncio.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with hubbed(world) as served:
        yield served


@pytest.mark.parametrize("prefix", ["", "/hubs/crm", "/hubs/anything"])
async def test_the_fields_of_an_object_are_those_of_its_element_and_of_its_tenant(hub: Hub, prefix: str) -> None:
    answer = await hub("GET", f"{prefix}/objects/contacts/metadata")
    assert (answer.status, set(answer.json)) == (200, {"fields"})
    assert answer.headers["elements-element-instance-id"] == str(hub.instance["id"])
    shown = answer.json["fields"]
    assert len({tuple(each) for each in shown}) == 1
    assert {each["path"] for each in shown} >= {"id", "firstName", "company.id", "_info.lastUpdated"}
    assert sorted(each["displayName"] for each in shown if each["custom"]) == sorted(CUSTOM)


async def test_only_what_the_tenant_has_defined_when_asked(hub: Hub) -> None:
    shown = (await hub.get("/objects/contacts/metadata?customFieldsOnly=true"))["fields"]
    by_name = {each["displayName"]: each for each in shown}
    assert sorted(by_name) == sorted(CUSTOM)
    assert by_name["Email Marketing Opt-In"]["type"] == "boolean"
    assert by_name["crm_contact_id"]["type"] == "number"
    assert by_name["crm_contact_id"]["path"] == "customFields[?(@.id==15)].value"
    assert (await hub.get("/objects/fields/metadata?customFieldsOnly=true")) == {"fields": []}


async def test_the_same_is_asked_for_by_the_instances_id(hub: Hub) -> None:
    by_token = await hub.get("/objects/contacts/metadata")
    path = f"/instances/{hub.instance['id']}/objects/contacts/metadata"
    assert (await hub.client("GET", path)).json == by_token


async def test_the_tenant_is_asked_at_most_once_a_minute(hub: Hub, world: World) -> None:
    path = "/objects/contacts/metadata?customFieldsOnly=true"
    before = await hub.get(path)
    table = hub.sandbox.sandbox.tenant()
    asked = len(table.requests)
    world.clock[0] += 59_999
    assert await hub.get(path) == before
    assert len(table.requests) == asked
    world.clock[0] += 1
    assert await hub.get(path) == before
    assert len(table.requests) > asked


async def test_an_object_that_is_none_is_not_found(hub: Hub) -> None:
    for name in ("nothing", "comments", "incidents%2F7%2Fcomments", "x" * 500):
        assert_error(await hub("GET", f"/objects/{name}/metadata"), 404)


async def test_of_a_disabled_instance_no_provider_is_asked(hub: Hub) -> None:
    await hub.client("DELETE", f"/instances/{hub.instance['id']}/enabled")
    assert (await hub("GET", "/objects")).status == 200
    assert_error(await hub("GET", "/objects/contacts/metadata"), 403)


async def test_a_provider_that_is_gone_is_told_as_such(hub: Hub) -> None:
    await hub.sandbox.close()
    assert_error(await hub("GET", "/objects/contacts/metadata"), 502)


async def test_an_endpoint_that_the_provider_lacks_is_not_found_however_it_is_asked_for(world: World) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"code": "NotFound", "message": "No such endpoint"}, status=404)

    async with provider(answer) as base, hubbed(world, base) as hub:
        for path in ("/activities", "/objects/activities/metadata", "/objects/contacts/metadata"):
            refused = await hub("GET", path)
            assert_error(refused, 404, provider=True)
            assert refused.json["providerMessage"] == "No such endpoint"
