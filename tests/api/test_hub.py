"""Reading through the hub: every route, what selects and orders, pages, headers and refusals, at a sandbox."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from tests.api.conftest import World
from tests.api.hubbed import Hub, hubbed
from tests.api.test_errors import assert_error
from tests.elements.provider import provider, raw_provider


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


async def ids(hub: Hub, path: str) -> list[int]:
    return [record["id"] for record in await hub.get(path)]


async def test_the_searchable_fields_of_the_platform_select_what_they_name(hub: Hub) -> None:
    contact = next(each for each in await hub.get("/contacts") if each.get("communicationItems"))
    emails = [item["value"] for item in contact["communicationItems"] if item["communicationType"] == "Email"]
    assert contact["id"] in await ids(hub, f"/contacts?where=email='{emails[0]}'")
    for quoted in (f"{contact['id']}", f"'{contact['id']}'"):
        assert await ids(hub, f"/contacts?where=id={quoted}") == [contact["id"]]
    for name in ("contacts", "incidents", "organizations", "configurations"):
        rows = await hub.get(f"/{name}?where=lastUpdated>'2016-08-20T18:04:26Z'")
        assert rows
        assert not any("lastUpdated" in row for row in rows)
        assert all(row["_info"]["lastUpdated"] > "2016-08-20T18:04:26Z" for row in rows)
        assert await hub.get(f"/{name}?where=lastUpdated>'2036-08-20T18:04:26Z'") == []
    every = await hub.get("/organizations")
    assert await hub.get("/organizations?where=deletedFlag='false'") == [row for row in every if not row["deletedFlag"]]
    assert all(row["deletedFlag"] is False for row in await hub.get("/organizations?where=deletedFlag='false'"))
    ticket = next(each for each in await hub.get("/incidents") if each.get("company"))
    assert await ids(hub, f"/incidents?where=id='{ticket['id']}'") == [ticket["id"]]
    assert ticket["id"] in await ids(hub, f"/incidents?where=summary='{ticket['summary']}'")
    assert all(row["approved"] is False for row in await hub.get("/incidents?where=approved='false'"))
    assert ticket["id"] in await ids(hub, f"/incidents?where=company.id={ticket['company']['id']}")
    assert await hub.get("/incidents?where=contactPhoneNumber='undefined'") == []
    deal = hub.stored("sales/opportunities")[0]["id"]
    assert await ids(hub, f"/opportunities?where=id='{deal}'") == [deal]


async def test_a_name_in_backticks_is_the_field_that_it_is_without_them(hub: Hub) -> None:
    company = hub.stored("company/companies")[0]
    stamps = sorted(row["_info"]["lastUpdated"] for row in await hub.get("/contacts"))
    for where in (
        f"_info.lastUpdated>'{stamps[20]}'",
        f"lastUpdated>{stamps[20]}",
        f"company.name='{company['name']}'",
    ):
        name, operator, value = re.split("([=>])", where, maxsplit=1)
        for path in ("/contacts", "/company/contacts"):
            plain = await ids(hub, f"{path}?where={where}")
            assert plain
            assert await ids(hub, f"{path}?where=`{name}`{operator}{value}") == plain
            assert await ids(hub, f"{path}?where=`{name}`{operator}{value} and id like '%'") == plain
    for unknown in ("`Modified Time`>'x'", "'Modified Time'>'x'", "`nothing.there`='x'", "nothing.there='x'"):
        assert (await hub("GET", f"/contacts?where={unknown}")).status == 400


@pytest.mark.parametrize("name", ["conditions", "Conditions", "Where", "orderby", "pagesize", "childconditions"])
async def test_what_nobody_would_read_is_refused_by_name(hub: Hub, name: str) -> None:
    for method, path, sent in (
        ("GET", "/contacts", None),
        ("GET", "/contacts/7", None),
        ("POST", "/contacts", {"firstName": "A"}),
        ("DELETE", "/contacts/7", None),
    ):
        answer = await hub(method, f"{path}?{name}=id = 1", sent)
        assert_error(answer, 400)
        assert answer.message.startswith(f"{name}: ")


async def test_child_conditions_of_the_caller_hold_beside_the_where(hub: Hub) -> None:
    rows = [row for row in await hub.get("/contacts") if row.get("communicationItems")]
    kind = 'communicationItems/communicationType = "Phone"'
    phoned = [
        row["id"] for row in rows if any(each["communicationType"] == "Phone" for each in row["communicationItems"])
    ]
    emailed = [
        row["id"] for row in rows if any(each["communicationType"] == "Email" for each in row["communicationItems"])
    ]
    assert phoned
    assert await ids(hub, f"/contacts?childConditions={kind}") == phoned
    both = [id for id in phoned if id in emailed]
    assert await ids(hub, f"/contacts?childConditions={kind}&where=email like '%'") == both
    assert await ids(hub, f"/contacts?childConditions={kind}&where=id > {phoned[0]}&pageSize=1000") == phoned[1:]


async def test_the_time_entries_of_a_ticket_are_found_by_each_of_three_fields(hub: Hub) -> None:
    ticket = next(each["chargeToId"] for each in hub.stored("time/entries") if each["chargeToType"] == "ServiceTicket")
    entry = (await hub.get(f"/incidents/{ticket}/time-entries"))[0]
    for query in (
        f"notes='{entry['notes']}' and timeStart='{entry['timeStart']}'",
        f"enteredBy='{entry['enteredBy']}' and timeStart='{entry['timeStart']}'",
        f"timeStart='{entry['timeStart']}'",
    ):
        assert entry["id"] in await ids(hub, f"/hubs/crm/incidents/{ticket}/time-entries?where={query}")
    assert await hub.get(f"/incidents/{ticket}/time-entries?where=notes='{entry['notes']} not'") == []


@pytest.mark.parametrize(
    "where",
    [
        "email like '%@%' and lastUpdated > '2016-08-20'",
        "email = 'nobody@nowhere' or id > 0",
        "not (email is null)",
        "id like '%7'",
        "communicationItems is not null and id < 99999",
    ],
)
async def test_what_the_provider_cannot_be_asked_is_looked_at_here(hub: Hub, where: str) -> None:
    answer = await hub("GET", f"/contacts?pageSize=7&where={where}")
    assert answer.status == 200, answer.body
    assert 0 < len(answer.json) <= 7
    assert answer.headers["elements-returned-count"] == str(len(answer.json))
    assert [row["id"] for row in answer.json] == (await ids(hub, f"/contacts?where={where}"))[:7]
    assert answer.json == (await hub.get(f"/contacts?where={where}"))[:7]
    assert [set(row) for row in await hub.get(f"/contacts?fields=id,firstName&where={where}&pageSize=1")] == [
        {"id", "firstName"}
    ]


PAGED = [
    "/contacts",
    "/incidents?where=company.id>0 and recordType='ServiceTicket'",
    "/incidents?orderBy=summary desc",
    "/contacts?where=id like '%1%'",
    "/contacts?where=email is not null&orderBy=lastName",
    "/contacts?fields=firstName",
]


@pytest.mark.parametrize("path", PAGED)
async def test_two_pages_are_the_page_of_twice_the_size(hub: Hub, path: str) -> None:
    join = "&" if "?" in path else "?"
    both = (await hub.get(f"{path}{join}pageSize=8"))[:]
    first = await hub("GET", f"{path}{join}page=1&pageSize=4")
    token = first.headers["elements-next-page-token"]
    second = await hub.get(f"{path}{join}page=2&pageSize=4")
    assert first.json + second == both
    assert await hub.get(f"{path}{join}nextPage={token}&page=2&pageSize=4") == second
    assert await hub.get(f"{path.partition('?')[0]}?nextPage={token}") == second


@pytest.mark.parametrize("path", PAGED)
async def test_tokens_lead_through_the_whole_list_and_end(hub: Hub, path: str) -> None:
    join = "&" if "?" in path else "?"
    whole, found = await hub.get(f"{path}{join}pageSize=1000"), list[object]()
    answer = await hub("GET", f"{path}{join}pageSize=7")
    while True:
        found += answer.json
        token = answer.headers.get("elements-next-page-token")
        if token is None:
            break
        assert len(answer.json) == 7
        answer = await hub("GET", f"{path.partition('?')[0]}?nextPage={token}")
    assert found == whole
    assert answer.headers["elements-total-count"] == str(len(whole))
    assert await hub.get(f"{path}{join}page=1000") == []


async def test_a_record_that_goes_between_two_pages_takes_no_other_with_it(hub: Hub) -> None:
    whole = await ids(hub, "/time-entries")
    first = await hub("GET", "/time-entries?pageSize=4")
    await hub.remove("time/entries", whole[2])
    token = first.headers["elements-next-page-token"]
    assert (await ids(hub, f"/time-entries?nextPage={token}")) == whole[4:8]


@pytest.mark.parametrize("spoil", [lambda t: t[:-6] + "AAAA==", lambda t: "x" + t, lambda t: t[4:], lambda t: "e30="])
async def test_a_token_that_was_not_given_out_is_refused(hub: Hub, spoil: Callable[[str], str]) -> None:
    token = (await hub("GET", "/contacts?pageSize=2")).headers["elements-next-page-token"]
    assert isinstance(json.loads(base64.b64decode(token)), dict)
    answer = await hub("GET", f"/contacts?nextPage={spoil(token)}")
    assert_error(answer, 400)
    assert answer.message.startswith("nextPage: is no token of this list")


async def test_more_than_the_provider_gives_at_once_is_cut_and_said(hub: Hub) -> None:
    answer = await hub("GET", "/contacts?pageSize=5000")
    assert answer.status == 200
    assert answer.headers["elements-error"] == "pageSize is at most 1000 here; the page was cut to it"
    assert "elements-error" not in (await hub("GET", "/contacts?pageSize=1000")).headers
    assert (await hub("GET", f"/contacts?pageSize={10**30}")).status == 200


async def test_the_total_is_told_where_it_is_known_or_asked_for(hub: Hub) -> None:
    assert "elements-total-count" not in (await hub("GET", "/contacts?pageSize=7")).headers
    asked = await hub("GET", "/contacts?pageSize=7&returnCount=true&where=id>0")
    assert asked.headers["elements-total-count"] == str(len(hub.stored("company/contacts")))
    assert (await hub("GET", "/contacts?where=id=0")).headers["elements-total-count"] == "0"


async def test_fields_and_order_are_the_providers_to_give(hub: Hub) -> None:
    rows = await hub.get("/incidents?fields=id,company.id,lastUpdated&orderBy=lastUpdated desc&where=company.id>0")
    assert {frozenset(row) for row in rows} == {frozenset({"id", "company", "_info"})}
    assert {frozenset(row["company"]) for row in rows} == {frozenset({"id"})}
    stamps = [row["_info"]["lastUpdated"] for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    assert set(await hub.get(f"/incidents/{rows[0]['id']}?fields=id,summary")) == {"id", "summary"}
    assert await hub.get("/contacts?fields=*") == await hub.get("/contacts")


async def test_null_members_are_left_out_until_the_instance_says_otherwise(hub: Hub) -> None:
    async def read(rows: str) -> str:
        bodies = [(await hub("GET", path)).body.decode() for path in (rows, f"{rows}/{(await ids(hub, rows))[0]}")]
        return "".join(bodies)

    assert ":null" not in await read("/contacts")
    key = next(
        entry
        for entry in (await hub.client.with_element(hub.instance["token"])("GET", "/instances/configuration")).json
        if entry["key"] == "filter.response.nulls"
    )
    path = f"/instances/{hub.instance['id']}/configuration/{key['id']}"
    for value, expected in (("false", True), ("true", False)):
        assert (await hub.client("PATCH", path, {"key": key["key"], "propertyValue": value})).status == 200
        assert (":null" in await read("/contacts")) is expected


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/contacts?where=id=", 400, "where: column 4: expected a value"),
        ("/contacts?where=id='abc'", 400, "where: `id` is a number and `abc` is not"),
        ("/contacts?where=(((", 400, "where: column 4"),
        ("/contacts?where=\0", 400, "where: column 1"),
        ("/contacts?page=0", 400, "page: "),
        ("/contacts?page=x", 400, "page: "),
        (f"/contacts?page={10**30}", 400, "page: "),
        ("/contacts?pageSize=0", 400, "pageSize: "),
        ("/contacts?pageSize=-1", 400, "pageSize: "),
        ("/contacts?orderBy=name sideways", 400, "orderBy: is 'name sideways'"),
        ("/contacts?orderBy=1;drop", 400, "orderBy: has '1;drop'"),
        ("/contacts?fields=a b", 400, "fields: has 'a b'"),
        ("/nothing", 404, "has no object 'nothing'"),
        ("/hubs/crm/nothing/7", 404, "has no object 'nothing/7'"),
        ("/incidents/7/members", 405, "GET is not allowed"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anybody_is_asked(
    hub: Hub, path: str, status: int, says: str
) -> None:
    answer = await hub("GET", path)
    assert_error(answer, status)
    assert says in answer.message


async def test_the_verbs_of_an_object_are_told(hub: Hub) -> None:
    assert (await hub("GET", "/incidents/7/members")).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/contacts/99999999", 404, "Contact 99999999 not found"),
        ("/contacts?where=nonsense=5", 400, "nonsense is not a recognized name."),
        ("/contacts?orderBy=nonsense", 400, "nonsense is not a recognized name."),
        ("/company/nothing", 404, "The endpoint does not exist."),
        ("/company/nothing/7", 404, "The endpoint does not exist."),
    ],
)
async def test_the_providers_refusal_is_passed_on_with_its_status(hub: Hub, path: str, status: int, said: str) -> None:
    answer = await hub("GET", path)
    assert_error(answer, status, provider=True)
    assert answer.json["providerMessage"] == said


async def test_a_refusal_says_which_instance_it_is_about(hub: Hub) -> None:
    for method, path, status in (
        ("GET", "/contacts/99999999", 404),
        ("GET", "/contacts?where=id=", 400),
        ("GET", "/contacts?page=x", 400),
        ("POST", "/contacts", 400),
        ("POST", "/contacts/7", 405),
        ("GET", "/nothing", 404),
        ("GET", "/objects/nothing/metadata", 404),
    ):
        answer = await hub(method, path, {} if method == "POST" else None)
        assert answer.status == status
        assert answer.headers["elements-element-instance-id"] == str(hub.instance["id"]), path
    refused = await hub.hub.saying(f"{hub.hub.authorization}x")("GET", "/contacts")
    assert (refused.status, refused.headers.get("elements-element-instance-id")) == (401, None)


async def test_who_may_call(hub: Hub) -> None:
    token = hub.instance["token"]
    for authorization in ("User us==, Element x", f"User x, Element {token}", "User us==", f"Element {token}", None):
        assert_error(await hub.client.saying(authorization)("GET", "/contacts"), 401)
    for good in (f"Element {token}, User us==", f"User us==, Organization 0rg, Element {token}"):
        assert (await hub.client.saying(good)("GET", "/contacts")).status == 200
    assert_error(await hub.client.saying(f"User us==, Organization x, Element {token}")("GET", "/contacts"), 401)
    assert (await hub.client("DELETE", f"/instances/{hub.instance['id']}/enabled")).status == 200
    assert_error(await hub("GET", "/contacts"), 403)
    assert (await hub.client("DELETE", f"/instances/{hub.instance['id']}")).status == 200
    assert_error(await hub("GET", "/contacts"), 401)


def failing(status: int, body: bytes = b"", **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers=named)

    return answer


SAID = b'{"code":"X","message":"said so","errors":null}'


@pytest.mark.parametrize(
    ("provider_does", "status", "said"),
    [
        (failing(400, SAID), 400, "said so"),
        (failing(401, SAID), 401, "said so"),
        (failing(403, SAID), 403, "said so"),
        (failing(409, SAID), 409, "said so"),
        (failing(414, b"Request URI Too Long"), 414, "Request URI Too Long"),
        (failing(429, SAID, Retry_After="30"), 429, "said so"),
        (failing(500, SAID), 502, "said so"),
        (failing(502, b"<html><title>Bad Gateway</title></html>"), 502, "Bad Gateway"),
        (failing(503, SAID, Retry_After="7"), 503, "said so"),
        (failing(504, SAID), 504, "said so"),
        (failing(302, Location="https://elsewhere/"), 502, "a redirect to https://elsewhere/"),
        (failing(200, b"<html>"), 502, "no list"),
        (failing(200, b"{}"), 502, "no list"),
        (failing(200, b"[1,"), 502, "cannot be read as JSON"),
        (failing(200, b'[{"n":"\xff"}]'), 502, "cannot be read as JSON"),
        (failing(200, b'[{"n":"\xed\xa0\x80"}]'), 502, "cannot be read as JSON"),
        (failing(200, b'[{"n":NaN}]'), 502, "cannot be read as JSON"),
        (failing(200, b'[{"n":-Infinity,"t":"\\ud800"}]'), 502, "cannot be read as JSON"),
        (failing(200, b"[" * 100_000 + b"]" * 100_000), 502, "cannot be read as JSON"),
    ],
)
async def test_what_the_provider_does_is_told_with_its_status(
    world: World, provider_does: Callable[[web.Request], Awaitable[web.Response]], status: int, said: str
) -> None:
    async with provider(provider_does) as base, hubbed(world, base) as hub:
        answer = await hub("GET", "/contacts")
    spoke = said in ("said so", "Request URI Too Long", "Bad Gateway")
    assert_error(answer, status, provider=spoke)
    assert said in answer.json["providerMessage" if spoke else "message"]
    assert answer.headers.get("retry-after") == {429: "30", 503: "7"}.get(status)


async def test_a_429_says_when_to_come_again_and_who_comes_earlier_hears_it_at_once(world: World) -> None:
    for named, least in ({}, 30), ({"Retry-After": "6"}, 6):
        async with provider(failing(429, SAID, **named)) as base, hubbed(world, base) as hub:
            first, again = [await hub("GET", "/contacts") for _ in range(2)]
        assert_error(first, 429, provider=True)
        assert first.headers["retry-after"] == str(least)
        assert_error(again, 429, provider=True)
        assert least - 2 <= int(again.headers["retry-after"]) <= least
        assert "was not asked" in again.message


async def test_a_record_that_is_none_is_the_providers_failure(world: World) -> None:
    for body in (b"[]", b"7", b"<html>", b'{"id":NaN}', b'{"id":"\xff"}', b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        async with provider(failing(200, body)) as base, hubbed(world, base) as hub:
            answer = await hub("GET", "/contacts/7")
        assert_error(answer, 502, provider=body[:1] == b"{")  # what it said, as far as it is text
        assert "the provider answered 200 with no record" in answer.message


async def test_a_provider_that_is_not_there_or_silent_is_told_apart(world: World) -> None:
    async with hubbed(world, "http://127.0.0.1:9/apis/3.0") as hub:
        answer = await hub("GET", "/contacts")
    assert_error(answer, 502)
    assert "no connection to 127.0.0.1:9" in answer.message
    async with raw_provider(b"", then_close=False) as base, hubbed(world, base, patience=0.1) as hub:
        answer = await hub("GET", "/contacts")
    assert_error(answer, 504)
    assert "was silent for 0.1 s" in answer.message


BODIES = [
    b'[{"id":1,"a":1.10,"b":"\\u00e4","c":12345678901234567890123},  {"id":2}]',
    b"[]",
    b" [ ] ",
    b'[{"id":1,"t":"\\ud800"}]',
]


@pytest.mark.parametrize("body", BODIES)
async def test_a_page_in_which_nothing_has_to_change_is_passed_on_byte_for_byte(world: World, body: bytes) -> None:
    async with provider(failing(200, body)) as base, hubbed(world, base) as hub:
        answer = await hub("GET", "/contacts")
    assert answer.body == body.strip()
    assert answer.headers["elements-returned-count"] == str(body.count(b"{"))


async def test_only_null_members_change_in_a_page(world: World) -> None:
    body = b'[{"id":1,"a":null,"b":[null,{"c":null,"d":1.10}],"e":{"f":null},"g":"null"}, {"id":2}]'
    async with provider(failing(200, body)) as base, hubbed(world, base) as hub:
        answer = await hub("GET", "/contacts")
    assert answer.body == b'[{"id":1,"b":[null,{"d":1.10}],"e":{},"g":"null"}, {"id":2}]'


async def test_a_list_that_the_provider_does_not_page_is_paged_here(world: World) -> None:
    body = json.dumps([{"id": number} for number in range(1, 8)]).encode()
    async with provider(failing(200, body)) as base, hubbed(world, base) as hub:
        first = await hub("GET", "/company/nothing?pageSize=3")
        pages = [first.json, *[await hub.get(f"/company/nothing?pageSize=3&page={number}") for number in (2, 3, 4)]]
        token = first.headers["elements-next-page-token"]
        assert await hub.get(f"/company/nothing?nextPage={token}") == pages[1]
    assert [[row["id"] for row in page] for page in pages] == [[1, 2, 3], [4, 5, 6], [7], []]


async def test_too_much_to_look_at_is_refused_with_what_to_add(world: World) -> None:
    body = json.dumps([{"id": number} for number in range(1, 1001)]).encode()
    more = '<http://x/?page=2>; rel="next"'
    async with provider(failing(200, body, Link=more)) as base, hubbed(world, base) as hub:
        answer = await hub("GET", "/contacts?where=email is not null")
    assert_error(answer, 400)
    assert "the first 20000 records have too few that meet it; add AND with a condition" in answer.message


async def test_ids_that_are_too_many_for_one_address_are_asked_for_in_turns(hub: Hub) -> None:
    stored = [record["id"] for record in hub.stored("company/contacts")]
    wanted = stored[:20] + stored[40:]
    listed = ",".join(str(id) for id in [*range(100_001, 100_500), *reversed(wanted)])
    equals = " or ".join(f"id={id}" for id in [*range(100_001, 100_300), *wanted])
    for where in (f"id in ({listed})", equals, f"firstName is not null and id in ({listed})"):
        assert await ids(hub, f"/contacts?where={where}") == wanted
        first = await hub("GET", f"/contacts?where={where}&pageSize=30")
        token = first.headers["elements-next-page-token"]
        assert [row["id"] for row in first.json] == wanted[:30]
        assert [row["id"] for row in await hub.get(f"/contacts?nextPage={token}")] == wanted[30:]
        assert await ids(hub, f"/contacts?where={where}&pageSize=30&page=2") == wanted[30:]
    backwards = await ids(hub, f"/contacts?where=id in ({listed})&orderBy=id desc&pageSize=5")
    assert backwards == wanted[:-6:-1]


async def test_a_condition_that_is_too_long_to_be_asked_is_looked_at_here(hub: Hub) -> None:
    record = next(each for each in hub.stored("company/contacts") if each.get("firstName"))
    names = " or ".join(f"firstName='Nobody {number}'" for number in range(150))
    found = await hub.get(
        f"/contacts?where=id>0 and ({names} or firstName='{record['firstName']}')&fields=id,firstName"
    )
    assert record["id"] in [row["id"] for row in found]
    assert {row["firstName"] for row in found} == {record["firstName"]}
    assert set(found[0]) == {"id", "firstName"}
    texts = "','".join(f"Nobody {number}" for number in range(300))
    assert_error(await hub("GET", f"/contacts?where=firstName not in ('{texts}') and id='x'"), 400)
    assert len(await hub.get(f"/contacts?where=firstName not in ('{texts}') and firstName is not null")) > 50
    where = " and ".join(f"id!={number}" for number in range(70))
    found = await hub.get(f"/contacts?where={where}&fields={','.join(['id', 'firstName'] * 60)}")
    assert set(found[0]) == {"id", "firstName"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"/contacts?fields={','.join(['firstName'] * 400)}", "fields"),
        (f"/contacts?orderBy={','.join(['firstName'] * 400)}", "orderBy"),
        (f"/contacts?where=id>0&fields={','.join(['firstName'] * 400)}", "fields"),
        (f"/contacts?where=firstName='{'x' * 7000}'", "where"),
    ],
)
async def test_what_is_too_long_to_be_asked_at_all_is_refused_by_name(hub: Hub, path: str, named: str) -> None:
    answer = await hub("GET", path)
    assert_error(answer, 400)
    assert answer.message.startswith(f"{named}: ")


async def test_a_parameter_that_is_too_long_is_the_callers_mistake(hub: Hub) -> None:
    for method, path, sent in (
        ("GET", "/contacts", None),
        ("GET", "/contacts/7", None),
        ("POST", "/contacts", {"firstName": "A"}),
    ):
        answer = await hub(method, f"{path}?fields=id&x={'y' * 2500}&fields={'z' * 2500}", sent)
        assert_error(answer, 400)
