"""Reading through the hub: every route, what selects and orders, pages, headers and refusals, at a sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.conftest import World
from tests.api.hubbed import Hub, hubbed
from tests.api.test_errors import assert_error


@pytest_asyncio.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with hubbed(world) as served:
        yield served


OBJECTS = {
    "contacts": "company/contacts",
    "organizations": "company/companies",
    "incidents": "service/tickets",
    "configurations": "company/configurations",
    "fields": "system/userDefinedFields",
    "time-entries": "time/entries",
    "opportunities": "sales/opportunities",
    "schedule-entries": "schedule/entries",
    "project-tickets": "project/tickets",
    "company/contacts": "company/contacts",
    "system/members": "system/members",
}


@pytest.mark.parametrize("name", OBJECTS)
async def test_an_object_is_a_list_of_records_and_each_of_them_is_one(hub: Hub, name: str) -> None:
    answer = await hub("GET", f"/{name}")
    stored = [record["id"] for record in hub.stored(OBJECTS[name])]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert [record["id"] for record in answer.json] == stored[:200]
    assert answer.headers["elements-returned-count"] == str(len(answer.json))
    assert answer.headers["elements-total-count"] == str(len(stored))
    assert answer.headers["elements-element-instance-id"] == str(hub.instance["id"])
    assert len(answer.headers["elements-request-id"]) == 24
    assert not {"elements-next-page-token", "elements-error"} & set(answer.headers)
    if stored:
        one = await hub("GET", f"/{name}/{stored[0]}")
        assert (one.status, one.json) == (200, answer.json[0])
        assert one.headers["elements-element-instance-id"] == str(hub.instance["id"])


async def test_what_the_hub_is_called_does_not_matter(hub: Hub) -> None:
    prefixes = ("", "/hubs/crm", "/hubs/documents", "/hubs/crap")
    bodies = {(await hub("GET", f"{prefix}/contacts")).body for prefix in prefixes}
    assert len(bodies) == 1


async def test_the_children_of_a_ticket_are_lists_of_their_own(hub: Hub) -> None:
    ticket = hub.stored("service/tickets/{}/notes")[0]["ticketId"]
    notes = await hub.get(f"/incidents/{ticket}/comments")
    assert notes
    assert {note["ticketId"] for note in notes} == {ticket}
    assert await hub.get(f"/incidents/{ticket}/comments/{notes[0]['id']}") == notes[0]
    entry = next(each for each in hub.stored("time/entries") if each.get("chargeToType") == "ServiceTicket")
    entries = await hub.get(f"/incidents/{entry['chargeToId']}/time-entries")
    assert entry["id"] in [each["id"] for each in entries]
    assert isinstance(await hub.get(f"/incidents/{ticket}/configurations"), list)
    assert_error(await hub("GET", "/incidents/99999999/comments"), 404, provider=True)


async def test_what_has_no_name_of_ours_is_read_by_the_providers(hub: Hub) -> None:
    contact = next(each for each in hub.stored("company/contacts") if each.get("communicationItems"))
    items = await hub.get(f"/hubs/crm/contacts/{contact['id']}/communications")
    assert items == await hub.get(f"/company/contacts/{contact['id']}/communications")
    assert (await hub.get("/system/info"))["cloudRegion"]
    trail = await hub.get(f"/system/audittrail?type=Contact&id={contact['id']}")
    assert isinstance(trail, list)


async def test_a_path_of_the_platform_is_never_an_objects(hub: Hub) -> None:
    assert "secret" in (await hub.client("GET", "/organizations/me")).json
    first = hub.stored("company/companies")[0]["id"]
    assert (await hub.get(f"/organizations/{first}"))["id"] == first
    assert (await hub("POST", "/organizations/me", {})).headers["allow"] == "GET"
    assert_error(await hub("POST", "/elements/keys", {}), 405)
    assert_error(await hub("GET", "/instances/7/nothing"), 404)
    assert (await hub("GET", "/hubs/crm/elements")).headers.get("elements-element-instance-id") is None
