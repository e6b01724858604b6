"""Why was a record announced, or why not?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from tests.api.client import Answer
from tests.api.conftest import NOW, World
from tests.api.lanes import lane_of
from tests.api.test_errors import assert_error
from tests.api.test_held import POLLING
from tests.store.contract import cut_one_each, row
from tidings.core.cursor import ENCODE, PollCursor
from tidings.core.model import (
    Attempt,
    Change,
    DeliveryState,
    DeliveryWrite,
    EventType,
    LaneKind,
    Outcome,
    RecordId,
)
from tidings.core.trail import Entry, Verdict, encode
from tidings.store.base import PageCommit

HOUR = 3_600_000
PATH = "/instances/1/explain"
serials = itertools.count(1)


async def read(world: World, at: int, seen: Mapping[int, Verdict], *, rows=(), changes=(), **entry: Any) -> None:
    """A page of a poll of contacts at `at`, as the engine commits it."""
    await world.store.wake(LaneKind.POLL, 1, NOW)
    lanes = await world.store.claim(LaneKind.POLL, "w", NOW, NOW + HOUR, 10)
    values: dict[str, Any] = {"reading": "poll", "since_at": at - HOUR, "date_at": at, "page": 1, "rows": len(seen)}
    pages: dict[RecordId, Verdict] = dict(seen.items())
    values |= {"seen": encode([], pages), "at": at, "serial": next(serials), "ended": True} | entry
    left = Entry(**values)
    for lane in lanes:
        if lane.key == "contacts" and left.failure is None:
            cursor = ENCODE(PollCursor(baselined=True, held=3, held_ids=(58,)))
            await world.store.commit_page(lane, PageCommit(cursor, at, rows, changes, cut_one_each, NOW, entry=left))
        else:
            await world.store.release(lane, due_at=NOW, entry=left if lane.key == "contacts" else None)


async def explained(world: World, record: int | str = 57, **query: str) -> Answer:
    asked = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    return await world.client("GET", f"{PATH}?resource=contacts&objectId={record}&{asked}")


@pytest.fixture
async def polled(world: World) -> World:
    callback = {"event.notification.callback.url": "https://receiver.example/hook"}
    await world.instance(configuration=POLLING | callback)
    return world


async def test_an_event_is_told_with_the_reading_that_found_it_and_every_attempt(polled: World) -> None:
    change = Change(EventType.UPDATED, 57, 2, NOW, b'{"id":57}')
    other = Change(EventType.CREATED, 58, 1, NOW, b'{"id":58}')
    seen = {57: Verdict.UPDATED, 58: Verdict.CREATED}
    await read(polled, NOW - HOUR, seen, rows=[row(57), row(58)], changes=[change, other])
    (delivering,) = await polled.store.claim(LaneKind.DELIVER, "d", NOW, NOW + HOUR, 10)
    first = (await polled.store.log_after(1, 0, 10))[0]
    writes = [
        DeliveryWrite(
            first.number, Attempt(1, NOW, Outcome(None, "no answer", None, "", 0.5)), DeliveryState.RETRY, 1, NOW
        ),
        DeliveryWrite(
            first.number, Attempt(2, NOW, Outcome(200, None, None, "", 0.25)), DeliveryState.DELIVERED, 2, NOW
        ),
    ]
    await polled.store.commit_deliveries(
        delivering, writes, cursor=b'{"offset":1}', seen=2, release=True, due_at=NOW, lease_until=NOW
    )
    answer = await explained(polled)
    assert answer.status == 200, answer.body
    (entry,) = answer.json["entries"]
    assert (entry["kind"], entry["reading"], entry["verdict"]) == ("seen", "poll", "updated")
    assert entry["asked"] == "records stamped after 2026-09-21T12:13:20Z"
    assert entry["said"] == "the record came with other content than was known: UPDATED"
    (event,) = entry["events"]
    assert (event["eventType"], event["sequence"], event["eventId"], event["status"]) == (
        *("UPDATED", 1, first.id),
        "NOTIFIED",
    )
    assert [(each["status"], each["error"]) for each in event["attempts"]] == [(None, "no answer"), (200, None)]
    assert answer.json["known"]["state"] == "present"
    assert answer.json["said"] == "contacts/57 was seen once, and announced once"
    assert answer.json["trailDate"] == "2026-09-21T13:13:20Z"


async def test_why_nothing_was_announced_is_told_and_what_did_not_bring_it_is_told_together(polled: World) -> None:
    await read(polled, NOW - 5 * HOUR, {57: Verdict.TOUCH_IGNORED}, rows=[row(57, stamp_at=NOW - 6 * HOUR)])
    for nth in range(3):
        await read(polled, NOW - 4 * HOUR + nth, {58: Verdict.UNCHANGED})
    await read(polled, NOW - HOUR, {}, failure="the provider is down (on fire)", status=503, next_at=NOW)
    touched, unseen, failed = (await explained(polled)).json["entries"]
    assert "does not announce mere touches" in touched["said"]
    assert touched["events"] == []
    assert (unseen["kind"], unseen["readings"]) == ("unseen", {"poll": 3})
    assert unseen["said"].startswith("3 polls, each asking for records stamped after 2026-09-21T09:13:20Z, ")
    assert unseen["said"].endswith("did not bring it; its stamp was 2026-09-21T08:13:20Z")
    assert (failed["kind"], failed["status"], failed["nextDate"]) == ("failed", 503, "2026-09-21T14:13:20Z")
    assert failed["said"] == "the poll failed: the provider is down (on fire); tried again at 2026-09-21T14:13:20Z"


async def test_a_bound_that_is_asked_for_too_is_told_so(polled: World) -> None:
    url = "/hubs/crm/contacts?where=lastUpdated>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'"
    entry = {"url": url, "idField": "id", "datesConfiguration": {"updatedDateField": "_info.lastUpdated"}}
    changed = {"configuration": {"event.poller.configuration": {"contacts": entry}}}
    assert (await polled.client("PATCH", "/instances/1", changed)).status == 200
    for nth in (3, 2):
        await read(polled, NOW - nth * HOUR, {58: Verdict.UNCHANGED}, rows=[row(58)])
    (unseen,) = (await explained(polled)).json["entries"]
    assert unseen["said"] == (
        "2 polls, each asking for records stamped since a moment from 2026-09-21T10:13:20Z to 2026-09-21T11:13:20Z, "
        "did not bring it"
    )


async def test_a_look_that_did_not_bring_the_record_is_not_counted_as_seeing_it(polled: World) -> None:
    await read(polled, NOW - 5 * HOUR, {57: Verdict.LEARNED}, rows=[row(57)])
    await read(polled, NOW - 4 * HOUR, {57: Verdict.HELD}, reading="sweep", since_at=None)
    for verdict in (Verdict.FORBIDDEN, Verdict.MISSING_ONCE, Verdict.DELETED):
        await read(polled, NOW - 3 * HOUR, {57: verdict}, reading="sweep", since_at=None, date_at=None)
    answer = (await explained(polled)).json
    assert answer["said"] == "contacts/57 was seen once, looked for without its coming 4 times, and announced once"
    assert [entry["kind"] for entry in answer["entries"]] == ["seen", *4 * ["looked"]]
    assert "these keys may not read it" in answer["entries"][2]["said"]
    assert answer["entries"][2]["asked"] == "the record by its id"


async def test_a_record_that_was_never_seen_says_so(polled: World) -> None:
    nothing = await explained(polled)
    assert (nothing.json["entries"], nothing.json["known"], nothing.json["trailDate"]) == ([], None, None)
    assert "is not known" in nothing.json["said"]
    await read(polled, NOW - HOUR, {58: Verdict.CREATED}, rows=[row(58)])
    assert "is not known" in (await explained(polled)).json["said"]
    held = (await explained(polled, 58, to=str(NOW - 2 * HOUR))).json
    assert "no reading of this period saw it" in held["said"]
    assert held["known"]["deleteHeld"] is True


async def test_the_period_is_the_last_day_or_what_is_asked_for(polled: World) -> None:
    for hours in (30, 20, 10, 1):
        await read(polled, NOW - hours * HOUR, {57: Verdict.UNCHANGED})

    async def dates(**query: str) -> list[str]:
        return [entry["date"][8:13] for entry in (await explained(polled, **query)).json["entries"]]

    assert await dates() == ["20T18", "21T04", "21T13"]
    assert await dates(from_="2026-09-20T00:00:00Z") == ["20T08", "20T18", "21T04", "21T13"]
    assert await dates(from_="2026-09-21T06:13:20%2B02:00") == ["21T04", "21T13"]
    assert await dates(from_=str(NOW - 40 * HOUR), to=str(NOW - 15 * HOUR)) == ["20T08", "20T18"]


async def test_a_long_answer_goes_on_with_a_token(polled: World) -> None:
    for nth in range(5):
        await read(polled, NOW - HOUR, {57: Verdict.UNCHANGED}, page=nth + 1)
    first = await explained(polled, limit="2")
    assert [entry["page"] for entry in first.json["entries"]] == [1, 2]
    token = first.headers["elements-next-page-token"]
    assert first.json["nextPage"] == token
    second = await explained(polled, limit="3", nextPage=token)
    assert [entry["page"] for entry in second.json["entries"]] == [3, 4, 5]
    assert second.json["nextPage"] is None
    assert "elements-next-page-token" not in second.headers


async def test_it_is_answered_to_an_element_too(polled: World) -> None:
    (instance,) = (await polled.client("GET", "/instances")).json
    answer = await polled.of(instance)("GET", "/instances/explain?resource=contacts&objectId=57")
    assert (answer.status, answer.json["instanceId"]) == (200, 1)


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("objectId=57", 400, "resource"),
        ("resource=contacts", 400, "objectId"),
        ("resource=contacts&objectId=", 400, "objectId"),
        ("resource=contacts&objectId=57&from=yesterday", 400, "from"),
        ("resource=contacts&objectId=57&from=2026-09-21T00:00:00", 400, "zone"),
        ("resource=contacts&objectId=57&to=9999999999999999999", 400, "to"),
        ("resource=contacts&objectId=57&from=2000&to=1000", 400, "from"),
        ("resource=contacts&objectId=57&limit=0", 400, "limit"),
        ("resource=contacts&objectId=57&nextPage=x", 400, "nextPage"),
        ("resource=moons&objectId=57", 404, "contacts, company/configurations"),
    ],
)
async def test_bad_input_is_refused_by_name(polled: World, query: str, status: int, named: str) -> None:
    answer = await polled.client("GET", f"{PATH}?{query}")
    assert_error(answer, status)
    assert named in answer.message


async def test_an_unknown_instance_is_not_found(polled: World) -> None:
    assert_error(await polled.client("GET", "/instances/9/explain?resource=contacts&objectId=57"), 404)
    assert (await lane_of(polled, "contacts")).key == "contacts"
