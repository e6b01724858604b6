"""Lists, pages and counts, as spec connectwise.md 3 has them."""

import re

import pytest
from tests.sandbox.conftest import Client, basic


async def test_a_list_is_a_bare_array_of_25_in_the_order_of_ids(cw: Client):
    reply = await cw.get("/company/contacts")
    assert reply.status == 200
    assert len(reply.json) == 25
    assert reply.ids == sorted(reply.ids)
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert reply.headers["api-current-version"] == "2025.1"


async def test_the_date_header_is_the_sandboxs_own_clock(cw: Client):
    assert (await cw.get("/system/info")).headers["Date"] == "Thu, 28 May 2026 20:26:40 GMT"


async def test_paths_are_taken_in_any_case_with_doubled_and_trailing_slashes(cw: Client):
    plain = (await cw.get("/company/contacts")).ids
    origin = cw.running.origin
    assert (await cw.get(f"{origin}/V4_6_Release/apis/3.0//Company/CONTACTS/")).ids == plain
    assert (await cw.get(f"{origin}/v2025_1//apis/3.0/company/contacts")).ids == plain


async def test_an_unknown_path_is_the_providers_404(cw: Client):
    reply = await cw.get("/company/unknown")
    assert (reply.status, reply.json) == (404, {"code": "ConnectWiseApi", "message": "The endpoint does not exist."})


async def test_an_unknown_record_is_named(cw: Client):
    reply = await cw.get("/company/contacts/57919999")
    assert (reply.status, reply.json) == (404, {"code": "NotFound", "message": "Contact 57919999 not found"})


async def test_following_the_links_reads_everything_once(cw: Client):
    seen: list[int] = []
    reply = await cw.get("/company/contacts", pageSize=33)
    while True:
        seen += reply.ids
        if "next" not in reply.links():
            break
        reply = await cw.get(reply.links()["next"])
    assert len(seen) == len(set(seen)) == (await cw.get("/company/contacts/count")).json["count"] == 120


async def test_links_come_in_the_order_clients_rely_on(cw: Client):
    assert list((await cw.get("/company/contacts", pageSize=50)).links()) == ["next", "last"]
    assert list((await cw.get("/company/contacts", pageSize=50, page=2)).links()) == ["prev", "first", "next", "last"]
    assert list((await cw.get("/company/contacts", pageSize=50, page=3)).links()) == ["prev", "first"]
    assert "Link" not in (await cw.get("/company/contacts", pageSize=500)).headers


async def test_a_link_repeats_the_parameters_encoded_as_dot_net_does_with_the_page_last(cw: Client):
    reply = await cw.get("/company/contacts?conditions=lastUpdated+%3E=+[2001-04-01T20:02:28Z]&page=1&pageSize=2")
    assert reply.headers["Link"].startswith(
        f"<{cw.running.api}/company/contacts/?conditions=lastUpdated+%3e%3d+%5b2001-04-01T20%3a02%3a28Z%5d"
        "&pageSize=2&page=2>; rel="
    )
    assert re.match(r"<[^>]*page=(\d+)>; rel=", reply.headers["Link"])


async def test_a_list_asked_for_again_shows_what_was_written_in_between(cw: Client):
    filters: tuple[dict[str, str], ...] = (
        {},
        {"conditions": "lastUpdated>=[2026-05-28]"},
        {"orderBy": "lastName"},
        {"conditions": "title='Boss'"},
    )
    before = [(await cw.get("/company/contacts", pageSize=1000, **each)).ids for each in filters]
    made = (await cw.post("/company/contacts", {"firstName": "New", "title": "boss"})).json["id"]
    after = [(await cw.get("/company/contacts", pageSize=1000, **each)).ids for each in filters]
    assert [set(now) - set(then) for now, then in zip(after, before, strict=True)] == [{made}] * len(filters)


async def test_a_page_past_the_end_is_empty(cw: Client):
    reply = await cw.get("/company/contacts", page=99)
    assert (reply.status, reply.json) == (200, [])


async def test_odd_page_numbers_and_sizes_fall_back(cw: Client):
    assert (await cw.get("/company/contacts", page="0", pageSize="x")).json == (await cw.get("/company/contacts")).json
    assert len((await cw.get("/company/contacts", pageSize=5000)).json) == 120


async def test_forward_only_pages_go_by_id_and_end_in_an_empty_link(cw: Client):
    headers = {"pagination-type": "forward-only"}
    seen: list[int] = []
    reply = await cw("GET", "/company/contacts", headers=headers, pageSize=50)
    while reply.json:
        seen += reply.ids
        assert list(reply.links()) == ["next"]
        reply = await cw("GET", reply.links()["next"], headers=headers)
    assert len(set(seen)) == 120
    assert reply.headers["Link"] == ""


async def test_forward_only_refuses_an_order(cw: Client):
    reply = await cw("GET", "/company/contacts", headers={"pagination-type": "forward-only"}, orderBy="id")
    assert (reply.status, reply.json["code"]) == (400, "ApiFindCondition")


async def test_conditions_on_the_stamp_find_the_same_with_and_without_the_index(cw: Client):
    stamps = sorted(each["_info"]["lastUpdated"] for each in (await cw.get("/company/contacts", pageSize=1000)).json)
    middle = stamps[60]
    indexed = (await cw.get("/company/contacts", pageSize=1000, conditions=f"lastUpdated>=[{middle}]")).ids
    scanned = (await cw.get("/company/contacts", pageSize=1000, conditions=f"lastUpdated>=[{middle}] or id=1")).ids
    assert indexed == scanned
    assert len(indexed) == sum(stamp >= middle for stamp in stamps)


@pytest.mark.parametrize(
    "text",
    [
        "id in ({a},{b},1)",
        "id={a}",
        "company/id={company}",
        "company/id={company} and id>{a}",
        "company/id in ({company},{other}) and lastUpdated>[2020-01-01]",
        "id=1 or id={a}",
        "portalSecurityLevel=1",
        "company/id={company} and portalSecurityLevel=1",
        "company/id not in ({company})",
        "company/id!={company} and inactiveFlag=false",
        "(id={a} or id={b}) and company/id={company}",
    ],
)
async def test_a_condition_that_names_ids_finds_what_reading_every_record_finds(cw: Client, text: str):
    rows = (await cw.get("/company/contacts", pageSize=1000)).json
    a, b = rows[4], rows[9]
    names = {"a": a["id"], "b": b["id"], "company": a["company"]["id"], "other": b["company"]["id"]}
    wanted = text.format(**names)
    # A condition in an `or` names no ids that all matches have, so every record is read.
    scanned = (await cw.get("/company/contacts", pageSize=1000, conditions=f"({wanted}) or (id=-1)")).ids
    assert (await cw.get("/company/contacts", pageSize=1000, conditions=wanted)).ids == scanned
    assert scanned


async def test_an_unknown_name_in_a_condition_is_refused_with_the_providers_words(cw: Client):
    reply = await cw.get("/company/contacts", conditions="invoiceDate=1")
    assert (reply.status, reply.json) == (
        400,
        {"code": "ApiFindCondition", "message": "invoiceDate is not a recognized name.", "errors": None},
    )


async def test_parameter_names_are_taken_in_any_case_and_unknown_ones_ignored(cw: Client):
    assert len((await cw.get("/company/contacts", PAGESIZE=3, recordId="x")).json) == 3


async def test_child_conditions_hold_on_one_element(cw: Client):
    both = 'communicationItems/communicationType="Email" and communicationItems/value like "%@%"'
    neither = 'communicationItems/communicationType="Phone" and communicationItems/value like "%@%"'
    assert (await cw.get("/company/contacts/count", childConditions=both)).json["count"] > 0
    assert (await cw.get("/company/contacts/count", childConditions=neither)).json["count"] == 0


async def test_custom_field_conditions_hold_on_one_field(cw: Client):
    rows = (await cw.get("/company/contacts", pageSize=1000)).json
    captions = {(each["caption"], each["value"]) for row in rows for each in row["customFields"] if each["value"]}
    caption, value = next((caption, value) for caption, value in sorted(captions, key=str) if isinstance(value, str))
    wanted = [
        row["id"] for row in rows if any((e["caption"], e["value"]) == (caption, value) for e in row["customFields"])
    ]
    found = await cw.get(
        "/company/contacts", pageSize=1000, customFieldConditions=f'caption="{caption}" AND value="{value}"'
    )
    assert found.ids == wanted
    unset = await cw.get("/company/contacts/count", customFieldConditions=f'caption="{caption}" AND value=null')
    assert 0 < unset.json["count"] <= 120


async def test_fields_cut_a_record_and_leave_info_out_unless_asked_for(cw: Client):
    full = (await cw.get("/service/tickets", pageSize=1)).json[0]
    cut = (await cw.get("/service/tickets", pageSize=1, fields="summary,status/id,nonsense")).json[0]
    assert cut == {"summary": full["summary"], "status": {"id": full["status"]["id"]}}
    swept = (await cw.get("/service/tickets", pageSize=1, fields="id,_info/lastUpdated")).json[0]
    assert swept == {"id": full["id"], "_info": {"lastUpdated": full["_info"]["lastUpdated"]}}
    assert (await cw.get("/service/tickets", pageSize=1, fields="id")).json == [{"id": full["id"]}]


async def test_order_by_the_stamp_breaks_ties_by_id(cw: Client):
    rows = (await cw.get("/company/contacts", pageSize=1000, orderBy="lastUpdated desc")).json
    keys = [(row["_info"]["lastUpdated"], -row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)


async def test_order_by_a_reference_and_an_id(cw: Client):
    rows = (await cw.get("/company/contacts", pageSize=1000, orderBy="company/name asc, id desc")).json
    keys = [(row.get("company", {}).get("name", "").casefold(), -row["id"]) for row in rows]
    assert keys == sorted(keys)


async def test_addresses_in_records_carry_the_host_as_it_was_asked_for(cw: Client):
    row = (await cw("GET", "/company/contacts", headers={"Host": "cw.example:99"}, pageSize=1)).json[0]
    assert row["_info"]["notes_href"].startswith("http://cw.example:99/v4_6_release/apis/3.0//company/contacts/")


async def test_a_search_takes_its_filters_from_the_body(cw: Client):
    first = (await cw.get("/service/tickets", pageSize=1)).ids[0]
    reply = await cw.post("/service/tickets/search", {"conditions": f"id={first}"})
    assert (reply.status, reply.ids) == (200, [first])


async def test_credentials_are_checked_in_the_pinned_order(cw: Client):
    bad_keys = basic(private="wrong")
    no_client = basic()
    del no_client["clientId"]
    cases = [
        (no_client, 403, "Security"),
        (bad_keys, 401, "Unauthorized"),
        ({**basic(), "Authorization": "Bearer x"}, 401, "Unauthorized"),
    ]
    for headers, status, code in cases:
        async with cw.session.get(cw.running.api + "/system/info", headers={"clientId": "", **headers}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (status, code)
    async with cw.session.get(cw.running.api + "/system/info", headers=basic(company="Acme")) as answer:
        assert (answer.status, await answer.text()) == (400, "Cannot route. Codebase/company is invalid")
        assert answer.content_type == "text/plain"


async def test_the_codebase_of_a_company_is_told_to_anybody(cw: Client):
    assert (await cw.get(f"{cw.running.origin}/login/companyinfo/acme")).json["Codebase"] == "v2025_1/"
    assert (await cw.get(f"{cw.running.origin}/login/companyinfo/nobody")).body == b"null"


async def test_a_method_that_a_path_does_not_know_is_405(cw: Client):
    assert (await cw("DELETE", "/company/contacts")).status == 405
