"""Writing through the hub: every payload of the platform's own tests, refusals and doubts, at a sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from dataclasses import replace as but
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from msgspec.structs import replace

from tests.api.client import Answer
from tests.api.conftest import World
from tests.api.hubbed import Hub, hubbed
from tests.api.test_errors import assert_error
from tests.elements.provider import provider, raw_provider
from tidings.api.routes import BASE
from tidings.elements.describe import catalog


@pytest_asyncio.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with hubbed(world) as served:
        yield served


def good(hub: Hub, answer: Answer) -> Any:
    """The JSON of an answer that says it was done, in the shape of every such answer."""
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["elements-element-instance-id"] == str(hub.instance["id"])
    assert len(answer.headers["elements-request-id"]) == 24
    assert b":null" not in answer.body
    return answer.json


def first(hub: Hub, path: str, **wanted: Any) -> int:
    """The id of a record that the provider has."""
    found = next(each for each in hub.stored(path) if wanted.items() <= each.items())
    assert isinstance(found["id"], int)
    return found["id"]


@dataclass(frozen=True)
class Row:
    """One row of "Payloads used by tests" (spec platform.md 6.4): what is made, and what it is changed to."""

    path: str
    create: dict[str, Any]
    update: dict[str, Any]
    stays: bool = False  #: the provider only marks it as deleted
    unseen: frozenset[str] = field(default_factory=frozenset)  #: members that no answer has


def rows(hub: Hub) -> dict[str, Row]:
    company = first(hub, "company/companies", deletedFlag=False)
    ticket = first(hub, "service/tickets")
    fields = hub.stored("system/userDefinedFields")
    of_contacts = next(
        each["id"] for each in fields if each["podId"] in (4, 5) and each["fieldTypeIdentifier"] == "Text"
    )
    address = {"addressLine1": "1 Main St", "addressLine2": "2nd floor", "city": "Tampa", "state": "FL", "zip": "33602"}
    custom = {"id": of_contacts, "type": "Text", "entryMethod": "EntryField", "numberOfDecimals": 0, "value": "abc"}
    of_deal = {
        name: {"id": first(hub, path)}
        for name, path in {
            "company": "company/companies",
            "contact": "company/contacts",
            "primarySalesRep": "system/members",
            "secondarySalesRep": "system/members",
            "billToCompany": "company/companies",
            "shipToCompany": "company/companies",
            "billToContact": "company/contacts",
            "shipToContact": "company/contacts",
            "stage": "sales/stages",
            "status": "sales/opportunities/statuses",
        }.items()
    }
    said = {
        "name": "A deal",
        "notes": "n",
        "source": "s",
        "expectedCloseDate": "2030-01-31T00:00:00Z",
        "customerPO": "7",
    }
    place = {"businessUnitId": 1, "locationId": 1}
    return {
        "contacts": Row(
            "contacts",
            {"firstName": "Ann", "lastName": "Lee", "customFields": [custom]},
            {"firstName": "test_1", "portalPassword": "secret-1"},
            unseen=frozenset({"portalPassword"}),
        ),
        "organizations": Row(
            "organizations",
            {
                "identifier": "AcmeTidings",
                "name": "Acme of Tidings",
                "status": {"id": first(hub, "company/companies/statuses")},
                **address,
                "billToCompany": {"id": str(company)},
            },
            {"name": "abc", "billToCompany": {"id": str(company)}},
            stays=True,
        ),
        "incidents": Row("incidents", {"summary": "Test Summary 1", "company": {"id": company}}, {"summary": "Other"}),
        "comments": Row(
            f"incidents/{ticket}/comments",
            {"text": "It rings", "detailDescriptionFlag": True, "ticketId": ticket},
            {"text": "It rings no more"},
        ),
        "fields": Row(
            "fields",
            {"caption": "Shoe size", "podId": "1", "fieldTypeIdentifier": "Text", "sequenceNumber": 50},
            {"caption": "Hat size"},
        ),
        "time-entries": Row(
            "time-entries",
            {
                "notes": "worked",
                "chargeToType": "ServiceTicket",
                "chargeToId": ticket,
                "company": {"id": company},
                "timeStart": "2017-08-23T13:15:00Z",
            },
            {"notes": "worked hard"},
        ),
        "configurations": Row(
            "configurations",
            {"type": {"id": first(hub, "company/configurations/types")}, "company": {"id": company}, "name": "Server"},
            {"name": "Client"},
        ),
        "opportunities": Row("opportunities", {**of_deal, **said, **place}, {"name": "A better deal"}),
    }


NAMES = (
    *("contacts", "organizations", "incidents", "comments"),
    *("fields", "time-entries", "configurations", "opportunities"),
)


def has(record: dict[str, Any], given: dict[str, Any]) -> None:
    """A record has what was given: references by their id, a number also where it was sent as text."""
    for name, value in given.items():
        if isinstance(value, dict):
            assert record[name]["id"] == int(value["id"]), name
        elif isinstance(value, list):
            held = {each["id"]: each.get("value") for each in record[name]}
            assert {each["id"]: each["value"] for each in value}.items() <= held.items(), name
        else:
            assert str(record[name]) == str(value), name


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
@pytest.mark.parametrize("name", NAMES)
async def test_what_is_made_is_read_changed_found_and_deleted(hub: Hub, name: str, verb: str) -> None:
    row = rows(hub)[name]
    made = good(hub, await hub("POST", f"/hubs/crm/{row.path}", row.create))
    assert isinstance(made["id"], int)
    has(made, row.create)
    one = f"/{row.path}/{made['id']}"
    assert await hub.get(one) == made
    changed = good(hub, await hub(verb, one, row.update))
    seen = {member: value for member, value in row.update.items() if member not in row.unseen}
    has(changed, seen)
    assert not row.unseen & set(changed)
    assert await hub.get(one) == changed
    for quoted in (made["id"], f"'{made['id']}'"):
        assert await hub.get(f"/{row.path}?where=id={quoted}") == [changed]
    if verb == "PATCH":
        kept = {member for member in row.create if member not in seen}
        assert {member: changed.get(member) for member in kept} == {member: made.get(member) for member in kept}
    assert good(hub, await hub("DELETE", one)) == {}
    if row.stays:
        assert (await hub.get(one))["deletedFlag"] is True
    else:
        assert_error(await hub("GET", one), 404, provider=True)
    assert_error(await hub("DELETE", one), 404, provider=True)


async def test_a_put_keeps_what_the_provider_requires_and_the_rest_goes(hub: Hub) -> None:
    made = good(hub, await hub("POST", "/contacts", {"firstName": "Ann", "lastName": "Lee", "title": "Dr"}))
    changed = good(hub, await hub("PUT", f"/contacts/{made['id']}", {"lastName": "Ray"}))
    assert (changed["firstName"], changed["lastName"], changed.get("title")) == ("Ann", "Ray", None)


async def test_null_takes_a_member_away_and_a_reference_is_replaced_whole(hub: Hub) -> None:
    one, other = [each["id"] for each in hub.stored("company/companies") if not each["deletedFlag"]][:2]
    given = {"firstName": "Ann", "lastName": "Lee", "company": {"id": one}}
    made = good(hub, await hub("POST", "/contacts", given))
    path = f"/contacts/{made['id']}"
    changed = good(hub, await hub("PATCH", path, {"lastName": None, "company": {"id": other}}))
    assert "lastName" not in changed
    assert changed["company"]["id"] == other
    assert changed["firstName"] == "Ann"


async def test_of_a_tenants_own_fields_those_that_are_not_named_stay(hub: Hub) -> None:
    fields = [each["id"] for each in hub.stored("system/userDefinedFields") if each["podId"] in (4, 5)]
    texts = [each["id"] for each in hub.stored("system/userDefinedFields") if each["fieldTypeIdentifier"] == "Text"]
    one, other = [number for number in texts if number in fields][:2]
    given = {"firstName": "Ann", "customFields": [{"id": one, "value": "a"}, {"id": other, "value": "b"}]}
    path = f"/contacts/{good(hub, await hub('POST', '/contacts', given))['id']}"
    changed = good(hub, await hub("PATCH", path, {"customFields": [{"id": other, "value": "c"}]}))
    values = {each["id"]: each.get("value") for each in changed["customFields"]}
    assert (values[one], values[other]) == ("a", "c")


async def test_a_record_that_was_read_can_be_sent_back_changed(hub: Hub) -> None:
    made = good(hub, await hub("POST", "/contacts", {"firstName": "Ann", "lastName": "Lee"}))
    path = f"/contacts/{made['id']}"
    for verb in ("PATCH", "PUT"):
        changed = good(hub, await hub(verb, path, {**made, "lastName": verb}))
        assert {**changed, "_info": {}} == {**made, "lastName": verb, "_info": {}}


async def test_what_changes_nothing_is_not_sent(hub: Hub) -> None:
    one = (await hub.get("/contacts"))[0]
    before = len(hub.sandbox.sandbox.tenant().changes)
    for nothing in ({}, {"id": one["id"], "_info": {"lastUpdated": "2020-01-01T00:00:00Z"}}):
        assert good(hub, await hub("PATCH", f"/contacts/{one['id']}", nothing)) == one
    assert len(hub.sandbox.sandbox.tenant().changes) == before


async def test_a_new_contact_comes_back_with_all_of_it(hub: Hub) -> None:
    kind = next(each["id"] for each in hub.stored("company/communicationTypes") if each["emailFlag"])
    items = [{"type": {"id": kind}, "value": "ann@example.com", "communicationType": "Email"}]
    made = good(hub, await hub("POST", "/contacts", {"firstName": "Ann", "communicationItems": items}))
    assert [each["value"] for each in made["communicationItems"]] == ["ann@example.com"]
    assert await hub.get(f"/contacts/{made['id']}") == made


async def test_a_member_of_a_ticket_is_an_entry_of_the_schedule(hub: Hub) -> None:
    ticket, member = first(hub, "service/tickets"), hub.stored("system/members")[-1]
    when = {"dateStart": "2030-01-31T08:00:00Z", "dateEnd": "2030-01-31T09:00:00Z"}
    made = good(
        hub, await hub("POST", f"/hubs/crm/incidents/{ticket}/members", {"member": {"id": member["id"]}, **when})
    )
    assert (made["objectId"], made["type"]["name"], made["member"]["id"]) == (ticket, "Service Ticket", member["id"])
    assert await hub.get(f"/schedule-entries/{made['id']}") == made
    meeting = next(each["id"] for each in hub.stored("schedule/types") if each["name"] == "Meeting")
    other = {"type": {"id": meeting}, "objectId": str(ticket)}
    assert good(hub, await hub("POST", f"/incidents/{ticket}/members", other))["type"]["id"] == meeting
    answer = await hub("POST", f"/incidents/{ticket}/members", {"objectId": ticket + 1})
    assert_error(answer, 400)
    assert answer.message == f"objectId: is '{ticket + 1}', and the path says {ticket}; leave it out"


async def test_a_configuration_is_attached_to_a_ticket_once_and_taken_off(hub: Hub) -> None:
    ticket, number = first(hub, "service/tickets"), first(hub, "company/configurations")
    path = f"/incidents/{ticket}/configurations"
    for id in (number, str(number), number):
        assert good(hub, await hub("PUT", path, {"id": id}))["id"] == number
    assert [each["id"] for each in await hub.get(path)] == [number]
    assert good(hub, await hub("DELETE", f"{path}/{number}")) == {}
    assert await hub.get(path) == []
    for nothing in ({}, {"id": None}, {"id": [1]}, {"id": True}):
        answer = await hub("PUT", path, nothing)
        assert_error(answer, 400)
        assert answer.message.startswith("id: is missing; send the id of what is to be attached")
    assert_error(await hub("PUT", path, {"id": 99999999}), 400, provider=True)


async def test_what_has_no_name_of_ours_is_written_by_the_providers(hub: Hub) -> None:
    contact = first(hub, "company/contacts")
    kind = next(each["id"] for each in hub.stored("company/communicationTypes") if each["emailFlag"])
    path = f"/hubs/crm/company/contacts/{contact}/communications"
    made = good(hub, await hub("POST", path, {"type": {"id": kind}, "value": "new@example.com"}))
    assert good(hub, await hub("PATCH", f"{path}/{made['id']}", {"value": "b@example.com"}))["value"] == "b@example.com"
    assert good(hub, await hub("DELETE", f"{path}/{made['id']}")) == {}
    assert_error(await hub("GET", f"{path}/{made['id']}"), 404, provider=True)
    one, two = [each["id"] for each in hub.stored("service/tickets")][:2]
    answer = await hub("POST", f"/service/tickets/{one}/merge", {"mergeTicketIds": [two]})
    assert_error(answer, 400, provider=True)
    assert answer.json["providerMessage"] == "ticketMerge object is invalid; The status field is required."
    found = good(hub, await hub("POST", "/service/tickets/search", {"conditions": f"id={one}"}))
    assert [each["id"] for each in found] == [one]


async def test_what_a_parameter_says_goes_to_the_provider(world: World) -> None:
    heard: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request)
        return web.Response(status=204)

    async with provider(answer) as base, hubbed(world, base) as hub:
        assert good(hub, await hub("DELETE", "/contacts/7?transferContactId=8&page=2")) == {}
        assert good(hub, await hub("POST", "/company/contacts/7/x", {"a": 1})) == {}
    assert [request.path_qs.partition("/apis/3.0")[2] for request in heard] == [
        "/company/contacts/7?transferContactId=8",
        "/company/contacts/7/x",
    ]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "said"),
    [
        ("POST", "/contacts", {"lastName": "x"}, 400, "contact object is invalid; The firstName field is required."),
        ("POST", "/contacts", {"firstName": "x" * 31}, 400, "maximum length of 30"),
        ("POST", "/incidents", {"summary": "x", "company": {"id": 99999999}}, 400, "The company reference is invalid."),
        ("POST", "/incidents", {"summary": "x", "company": 7}, 400, "Error converting value"),
        ("PATCH", "/contacts/99999999", {"lastName": "x"}, 404, "Contact 99999999 not found"),
        ("PUT", "/contacts/99999999", {"firstName": "x"}, 404, "Contact 99999999 not found"),
        ("DELETE", "/contacts/99999999", None, 404, "Contact 99999999 not found"),
        ("POST", "/incidents/99999999/comments", {"text": "x"}, 404, "Ticket 99999999 not found"),
        ("POST", "/company/nothing", {}, 404, "The endpoint does not exist."),
        ("POST", "/system/info", {}, 405, ""),
    ],
)
async def test_the_providers_refusal_is_passed_on_and_nothing_was_done(
    hub: Hub, method: str, path: str, sent: Any, status: int, said: str
) -> None:
    before = len(hub.sandbox.sandbox.tenant().changes)
    answer = await hub(method, path, sent)
    assert_error(answer, status, provider=True)
    assert said in answer.json["providerMessage"]
    assert "may have been done" not in answer.message
    assert len(hub.sandbox.sandbox.tenant().changes) == before


async def test_what_is_unique_at_the_provider_is_refused_in_its_words(hub: Hub) -> None:
    row = rows(hub)["organizations"]
    good(hub, await hub("POST", "/organizations", row.create))
    answer = await hub("POST", "/organizations", row.create)
    assert_error(answer, 400, provider=True)
    assert answer.json["providerMessage"].endswith("identifier: Company ID already in use.")


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "body"),
        (b"{", "body: is not JSON at character"),
        (b"[]", "body"),
        (b'[{"firstName":"x"}]', "body"),
        (b'"x"', "body"),
        (b"null", "body"),
        (b'{"firstName":"\\u0000"}', "body: contains NUL"),
        (b'{"firstName":"\xff"}', "body"),
        (b'{"firstName":"a","firstName":"b"}', "body: has the member 'firstName' twice"),
        (b'{"a":' + b"[" * 101 + b"]" * 101 + b"}", "body: is nested deeper than 100 levels"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
        (b'{"a":' + b"1" * 5000 + b"}", "body"),
        (b'{"a":NaN}', "body"),
    ],
)
async def test_a_body_that_is_no_plain_object_is_refused_by_name(hub: Hub, method: str, raw: bytes, says: str) -> None:
    before = len(hub.sandbox.sandbox.tenant().changes)
    path = "/contacts" if method == "POST" else f"/contacts/{first(hub, 'company/contacts')}"
    answer = await hub.hub(method, path, raw=raw)
    assert_error(answer, 400)
    assert answer.message.startswith(says) or says == "body", answer.message
    assert len(hub.sandbox.sandbox.tenant().changes) == before


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PATCH", "/contacts", 405, "GET, POST"),
        ("DELETE", "/incidents", 405, "GET, POST"),
        ("PUT", "/contacts", 405, "GET, POST"),
        ("POST", "/contacts/7", 405, "DELETE, GET, PATCH, PUT"),
        ("POST", "/incidents/7/time-entries", 405, "GET"),
        ("PATCH", "/incidents/7/members/8", 405, ""),
        ("POST", "/incidents/7/configurations", 405, "GET, PUT"),
        ("POST", "/nothing", 404, None),
        ("DELETE", "/hubs/crm/nothing/7", 404, None),
    ],
)
async def test_a_verb_that_an_object_has_not_is_refused_with_those_it_has(
    hub: Hub, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = await hub(method, path, {"firstName": "x"})
    assert_error(answer, status)
    assert answer.headers.get("allow") == allow


async def test_the_id_of_the_path_counts(hub: Hub) -> None:
    one = first(hub, "company/contacts")
    for verb in ("PATCH", "PUT"):
        answer = await hub(verb, f"/contacts/{one}", {"id": one + 1, "firstName": "x"})
        assert_error(answer, 400)
        assert answer.message == f"id: is '{one + 1}', and the path says {one}; leave it out"
        good(hub, await hub(verb, f"/contacts/{one}", {"id": str(one), "firstName": "x"}))


async def test_who_may_not_use_the_instance_writes_nothing(hub: Hub) -> None:
    token, sent = hub.instance["token"], {"firstName": "x"}
    for method, path in (
        ("POST", "/contacts"),
        ("PATCH", "/contacts/7"),
        ("PUT", "/contacts/7"),
        ("DELETE", "/contacts/7"),
    ):
        for authorization in ("User us==, Element x", f"User x, Element {token}", "User us==", None):
            assert_error(await hub.client.saying(authorization)(method, path, sent), 401)
    assert (await hub.client("DELETE", f"/instances/{hub.instance['id']}/enabled")).status == 200
    assert_error(await hub("POST", "/contacts", sent), 403)


class Counting:
    """A provider that does what it is told, once for each request, and counts."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.heard: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.heard.append((request.method, request.path.partition("/apis/3.0")[2], json.loads(body) if body else None))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if not self.answers:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, said = self.answers.pop(0)
        return web.Response(status=status, body=said)


SAID = b'{"code":"ConnectWiseApi","message":"A timeout has occured. Please try again.","errors":null}'
WRITES = [("POST", "/contacts"), ("PATCH", "/contacts/7"), ("PUT", "/contacts/7"), ("DELETE", "/contacts/7")]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(("answers", "status"), [([(500, SAID)], 502), ([(504, b"<h1>")], 504), ([], 502)])
async def test_what_may_have_been_done_is_said_and_not_tried_again(
    world: World, method: str, path: str, answers: list[tuple[int, bytes]], status: int
) -> None:
    counting = Counting(*answers)
    async with provider(counting.answer) as base, hubbed(world, base) as hub:
        answer = await hub(method, path, {"firstName": "x"})
    assert_error(answer, status, provider=answers == [(500, SAID)])
    assert answer.message.endswith("; it may have been done all the same: look before you send it again")
    assert len(counting.heard) == 1


async def test_silence_is_504_and_no_connection_is_nothing_done(world: World) -> None:
    async with raw_provider(b"", then_close=False) as base, hubbed(world, base, patience=0.1) as hub:
        answer = await hub("POST", "/contacts", {"firstName": "x"})
    assert_error(answer, 504)
    assert "was silent for 0.1 s; it may have been done" in answer.message
    async with hubbed(world, "http://127.0.0.1:9/apis/3.0") as hub:
        answer = await hub("POST", "/contacts", {"firstName": "x"})
    assert_error(answer, 502)
    assert "may have been done" not in answer.message


@pytest.mark.parametrize("status", [401, 403, 409, 429])
async def test_a_write_that_was_refused_is_told_with_the_providers_status(world: World, status: int) -> None:
    counting = Counting((status, b'{"code":"X","message":"said so","errors":null}'))
    async with provider(counting.answer) as base, hubbed(world, base) as hub:
        answer = await hub("DELETE", "/contacts/7")
    assert_error(answer, status, provider=True)
    assert answer.json["providerMessage"] == "said so"
    assert len(counting.heard) == 1


async def test_a_success_that_cannot_be_read_is_told_as_one_that_was_done(world: World) -> None:
    async with provider(Counting((201, b"<html>")).answer) as base, hubbed(world, base) as hub:
        answer = await hub("POST", "/incidents", {"summary": "x"})
    assert_error(answer, 502)
    assert "creating incidents: the provider has done it, but answered 201" in answer.message


REQUIRED = json.dumps(
    {"code": "InvalidObject", "message": "no", "errors": [{"message": "needed", "field": "customFields"}]}
).encode()


async def test_a_tenants_required_fields_are_named_when_the_provider_asks_for_them(world: World) -> None:
    counting = Counting((400, REQUIRED), (200, b'{"id":7,"a":1.10,"b":null}'))
    async with provider(counting.answer) as base, hubbed(world, base) as hub:
        answer = await hub("PATCH", "/contacts/7", {"firstName": "x"})
    assert answer.body == b'{"id":7,"a":1.10}'
    change = {"op": "replace", "path": "/firstName", "value": "x"}
    empty = {"op": "replace", "path": "/customFields", "value": []}
    assert [sent for _, _, sent in counting.heard] == [[change], [empty, change]]
    counting = Counting((400, REQUIRED))
    async with provider(counting.answer) as base, hubbed(world, base) as hub:
        answer = await hub("PATCH", "/contacts/7", {"customFields": [{"id": 1, "value": "x"}]})
    assert_error(answer, 400, provider=True)


async def test_what_is_sent_keeps_its_digits_and_escapes(world: World) -> None:
    heard: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response(status=200, body=b'{"id":7}')

    raw = b'{"n":1.10,"big":12345678901234567890123,"t":"\\ud800"}'
    async with provider(answer) as base, hubbed(world, base) as hub:
        for method, path in (("POST", "/incidents"), ("PUT", "/incidents/7"), ("PATCH", "/incidents/7")):
            assert (await hub.hub(method, path, raw=raw)).status == 200
    assert heard[:2] == [raw, raw]
    assert b'"value":1.10}' in heard[2]
    assert b'"value":12345678901234567890123}' in heard[2]
    assert b'"value":"\\ud800"}' in heard[2]


async def test_nulls_are_kept_where_the_instance_says_so(world: World) -> None:
    record = b'{"id":7,"a":null}'
    for keep, expected in (("false", record), ("true", b'{"id":7}')):
        async with (
            provider(Counting((201, record)).answer) as base,
            hubbed(world, base, **{"filter.response.nulls": keep}) as hub,
        ):
            assert (await hub("POST", "/incidents", {"summary": "x"})).body == expected


async def test_a_key_against_doubles_is_passed_on_where_the_element_takes_one(world: World) -> None:
    element = catalog()["connectwisecrmrest"]
    taking = replace(element, api=replace(element.api, passes=("Idempotency-Key",)))
    for number, each in enumerate((element, taking)):
        world.parts = but(world.parts, catalog={element.key: each})
        counting = Counting((200, b"{}"))
        async with provider(counting.answer) as base, hubbed(world, base) as hub:
            answer = await hub.hub("POST", "/incidents", {"summary": "x"}, Idempotency_Key="k-1")
        assert answer.status == 200
        assert counting.headers[0].get("idempotency-key") == (None, "k-1")[number]
        assert counting.headers[0]["authorization"].startswith("Basic ")


async def test_many_writes_at_once_are_each_done_once(hub: Hub) -> None:
    made = await asyncio.gather(*(hub("POST", "/contacts", {"firstName": f"Zzq {number}"}) for number in range(40)))
    assert len({good(hub, answer)["id"] for answer in made}) == 40
    assert len(await hub.get("/contacts?where=firstName like 'Zzq %'&fields=id")) == 40


async def test_a_record_that_does_not_say_its_type_is_json(hub: Hub) -> None:
    raw = b'{"firstName":"Ada"}'
    sent = {"authorization": str(hub.hub.authorization), "content-length": str(len(raw))}
    made = await hub.hub.send("POST", f"{BASE}/contacts", "", sent, raw)
    assert made.json["firstName"] == "Ada"
    refused = await hub.hub.send("POST", f"{BASE}/contacts", "", sent | {"content-type": "text/plain"}, raw)
    assert_error(refused, 415)
