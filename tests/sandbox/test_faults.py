"""The knobs of spec connectwise.md 13.20 and 13.21, turned while the sandbox runs."""

from typing import Any

import pytest
from tests.sandbox.conftest import Client

from tidings.sandbox.faults import Faults, UnknownKnob

CONTACTS = "/company/contacts"


async def turn(cw: Client, **knobs: Any) -> None:
    reply = await cw("PATCH", f"{cw.running.origin}/_admin/faults", knobs)
    assert reply.status == 200, reply.body


async def test_the_thousand_and_first_request_of_a_minute_is_told_to_wait(cw: Client):
    await turn(cw, rate_limit=3)
    statuses = [(await cw.get("/system/info")).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    reply = await cw.get("/system/info")
    assert reply.headers["Retry-After"] == "30"
    assert reply.json == {
        "error": "ConnectWiseAPI",
        "message": "Too many requests. Please try again in 30 seconds.",
    }
    cw.later(60)
    assert (await cw.get("/system/info")).status == 200
    await turn(cw, rate_limit=None)
    assert {(await cw.get("/system/info")).status for _ in range(5)} == {200}


async def test_counted_failures_run_down(cw: Client):
    await turn(cw, too_many_requests=1, timeouts=1, bad_gateways=1)
    replies = [await cw.get("/system/info") for _ in range(4)]
    assert [reply.status for reply in replies] == [502, 429, 500, 200]
    assert replies[0].headers["Content-Type"].startswith("text/html")
    assert "timeout" in replies[2].json["message"]


async def test_an_address_that_is_too_long_is_414_and_a_long_one_warned_of(cw: Client):
    assert (await cw.get("/system/info", x="y" * 9000)).status == 414
    reply = await cw.get("/system/info", x="y" * 3000)
    assert reply.status == 200
    assert "2000 are safe" in reply.headers["Warning"]


async def test_a_delayed_write_is_seen_by_its_writer_first_and_by_readers_later(cw: Client):
    await turn(cw, visibility_delay=10, visibility_delay_least=10)
    made = (await cw.post(CONTACTS, {"firstName": "Late"})).json
    path = f"{CONTACTS}/{made['id']}"
    assert (await cw.get(path)).status == 404
    cw.later(5)
    changed = await cw.patch(path, {"op": "replace", "path": "title", "value": "Boss"})
    assert (changed.status, changed.json["firstName"]) == (200, "Late")
    cw.later(5)
    assert "title" not in (await cw.get(path)).json
    cw.later(5)
    seen = (await cw.get(path)).json
    assert seen["title"] == "Boss"
    assert seen["_info"]["lastUpdated"] == "2026-05-28T20:26:45Z"


async def test_a_skewed_clock_shows_in_date_and_stamps(cw: Client):
    await turn(cw, clock_skew=-3600)
    reply = await cw.post(CONTACTS, {"firstName": "Early"})
    assert reply.headers["Date"] == "Thu, 28 May 2026 19:26:40 GMT"
    assert reply.json["_info"]["lastUpdated"] == "2026-05-28T19:26:40Z"


async def test_a_stamp_never_goes_back_on_one_record(cw: Client):
    path = f"{CONTACTS}/{(await cw.post(CONTACTS, {'firstName': 'Ann'})).json['id']}"
    await turn(cw, clock_skew=-3600)
    reply = await cw.patch(path, {"op": "replace", "path": "title", "value": "x"})
    assert reply.json["_info"]["lastUpdated"] == "2026-05-28T20:26:40Z"


async def test_the_time_zone_bug_shifts_dates_with_a_zone_only(cw: Client):
    await cw.post(CONTACTS, {"firstName": "Ann"})
    with_zone, naive = "lastUpdated>=[2026-05-28T20:26:40Z]", "lastUpdated>=[2026-05-28T20:26:40]"
    await turn(cw, tz_bug_minutes=60)
    assert (await cw.get(CONTACTS, conditions=with_zone)).json == []
    assert len((await cw.get(CONTACTS, conditions=naive)).json) == 1


async def test_the_legacy_date_filter_knows_only_strict_dates(cw: Client):
    await cw.post(CONTACTS, {"firstName": "Ann"})
    await turn(cw, legacy_date_filter=True)
    found = {
        text: len((await cw.get(CONTACTS, conditions=f"lastUpdated{text}")).json)
        for text in (">[2026-05-27]", ">=[2026-05-28]", ">[2026-05-28T00:00:00Z]")
    }
    assert found == {">[2026-05-27]": 1, ">=[2026-05-28]": 0, ">[2026-05-28T00:00:00Z]": 0}


async def test_a_poisoned_record_fails_its_page_unless_custom_fields_are_left_out(cw: Client):
    ids = (await cw.get(CONTACTS)).ids
    await turn(cw, poison={"company/contacts": [ids[3]]})
    reply = await cw.get(CONTACTS)
    assert (reply.status, reply.json["message"]) == (500, "String was not recognized as a valid Boolean.")
    assert (await cw.get(f"{CONTACTS}/{ids[3]}")).status == 500
    assert (await cw.get(CONTACTS, fields="id,firstName")).ids == ids
    assert (await cw.get(CONTACTS, page=2)).status == 200


async def test_short_and_empty_pages_keep_their_links(cw: Client):
    await turn(cw, short_pages=1)
    short = await cw.get(CONTACTS, pageSize=20)
    assert len(short.json) == 10
    assert "next" in short.links()
    await turn(cw, empty_pages=1)
    empty = await cw.get(CONTACTS, pageSize=20)
    assert empty.json == []
    assert "next" in empty.links()
    assert len((await cw.get(CONTACTS, pageSize=20)).json) == 20


async def test_unstable_ties_come_in_another_order_each_time(cw: Client):
    await turn(cw, unstable_ties=True)
    orders = {tuple((await cw.get(CONTACTS, orderBy="inactiveFlag", pageSize=1000)).ids) for _ in range(3)}
    assert len(orders) > 1
    assert len({frozenset(order) for order in orders}) == 1


async def test_a_narrowed_role_misses_rows_without_an_error_and_a_forbidden_path_is_403(cw: Client):
    whole = set((await cw.get(CONTACTS, pageSize=1000)).ids)
    await turn(cw, hidden_share={"company/contacts": 0.5}, forbidden=["service/tickets"])
    seen = set((await cw.get(CONTACTS, pageSize=1000)).ids)
    assert seen < whole
    assert 30 < len(seen) < 90
    assert (await cw.get(f"{CONTACTS}/{min(whole - seen)}")).status == 404
    reply = await cw.get("/service/tickets")
    assert (reply.status, reply.json["code"]) == (403, "Security")


async def test_an_upgrade_makes_the_old_codebase_unknown_and_leaves_the_alias(cw: Client):
    origin = cw.running.origin
    assert (await cw.post(f"{origin}/_admin/upgrade", {})).json == {"codebase": "v2025_2/"}
    assert (await cw.get(f"{origin}/v2025_1/apis/3.0/system/info")).status == 404
    assert (await cw.get(f"{origin}/v2025_2/apis/3.0/system/info")).status == 200
    assert (await cw.get("/system/info")).headers["api-current-version"] == "2025.2"
    assert (await cw.get(f"{origin}/login/companyinfo/acme")).json["Codebase"] == "v2025_2/"


async def test_change_logs_exist_only_when_asked_for(cw: Client):
    assert (await cw.get("/service/tickets/changelogs")).status == 404
    await turn(cw, changelogs=True)
    ticket = (await cw.get("/service/tickets", pageSize=1)).json[0]
    await cw.patch(f"/service/tickets/{ticket['id']}", {"op": "replace", "path": "poNumber", "value": "1"})
    rows = (await cw.get("/service/tickets/changelogs")).json
    assert [(row["ticketNumber"], row["action"]) for row in rows] == [(ticket["id"], "updated")]


@pytest.mark.parametrize(
    "knobs", [{"visibility": 1}, {"timeouts": "many"}, {"unstable_ties": 1}, {"timeouts": True}, {"rate_limit": 0}]
)
def test_a_knob_that_does_not_exist_or_does_not_fit_turns_nothing(knobs: dict[str, Any]):
    faults = Faults()
    with pytest.raises(UnknownKnob, match=next(iter(knobs))):
        faults.set({"timeouts": 3, **knobs} if "timeouts" not in knobs else knobs)
    assert faults == Faults()
