"""The event log: as the platform lists it, and as a feed to pull from."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, NOW, World
from tests.api.test_errors import assert_error
from tidings.core.model import (
    Attempt,
    Change,
    DeliveryState,
    DeliveryWrite,
    EventType,
    FieldChange,
    LaneKind,
    Outcome,
)
from tidings.core.notify import NotifyContext, cut
from tidings.store.base import PageCommit

POLLING = {
    "event.notification.enabled": True,
    "event.notification.callback.url": "https://app.example/hook",
    "event.poller.configuration": {"contacts": {"url": "/hubs/crm/contacts", "idField": "id"}},
}


async def _happen(
    world: World, *ids: int, heard: bool = True, max_events: int = 10, raw: bytes = b'{"id":%d}', new: object = None
) -> None:
    """One page on which these contacts were updated; our signal is not told when another process wrote it."""
    context = NotifyContext(
        instance_id=1,
        instance_created_at=NOW,
        instance_name="Acme",
        tags=("Acme",),
        element_key=ELEMENT,
        hub="crm",
        account_id=1,
        company_id=1,
        user_id=1,
        resource="contacts",
        poll_at=NOW,
        created_at=NOW,
        max_events=max_events,
    )
    changes = [
        Change(EventType.UPDATED, each, 1, NOW, raw % each, (FieldChange("/id", None, new or each),)) for each in ids
    ]
    await world.store.wake(LaneKind.POLL, 1, world.clock[0])
    (lane,) = await world.store.claim(LaneKind.POLL, "w", world.clock[0], world.clock[0] + 1000, 1)
    page = PageCommit(
        cursor=b"{}",
        now=NOW,
        changes=changes,
        cut=lambda changes, sequence, number: cut(changes, sequence, number, context),
        due_at=world.clock[0],
    )
    await world.store.commit_page(lane, page)
    if heard:
        world.parts.log_grew.set()


async def _deliver(world: World, *outcomes: Outcome, state: DeliveryState) -> None:
    """The first notification after these tries."""
    (lane,) = await world.store.claim(LaneKind.DELIVER, "w", world.clock[0], world.clock[0] + 1000, 1)
    notification = (await world.store.log_after(1, 0, 1))[0]
    writes = [
        DeliveryWrite(notification.number, Attempt(number, NOW + number * 4000, outcome), state, number, NOW)
        for number, outcome in enumerate(outcomes, 1)
    ]
    await world.store.commit_deliveries(
        lane, writes, cursor=b"{}", seen=10**6, release=True, due_at=NOW, lease_until=NOW
    )


def _sequences(answer: Any) -> list[int]:
    return [event["sequence"] for event in answer.json["events"]]


async def test_an_event_has_the_platforms_shape_and_what_we_add(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7, 8)
    listed = await world.client("GET", "/instances/1/events")
    assert listed.headers["elements-returned-count"] == "1"
    (event,) = listed.json
    raw = json.loads(event.pop("providerData"))
    assert raw == {"contacts": [{"id": 7}, {"id": 8}], "pollDate": NOW, "objectType": "contacts"}
    (notification,) = await world.store.log_after(1, 0, 10)
    assert event == {
        "id": notification.id,
        "eventDate": "2026-09-21T14:13:20Z",
        "status": "NEW",
        "notificationId": notification.number,
        "objectType": "contacts",
        "sequence": {"first": 1, "last": 2},
        "attempts": [],
    }


async def test_after_delivery_it_shows_every_attempt_and_what_was_sent(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7)
    failed = Outcome(502, "the receiver answered 502", None, "", 0.0123)
    silent = Outcome(None, "no answer within 30 s", None, "", 30.0)
    await _deliver(world, failed, silent, state=DeliveryState.RETRY)
    (retrying,) = (await world.client("GET", "/instances/1/events")).json
    assert retrying["status"] == "DISPATCHED"
    assert "notifiedData" not in retrying
    assert retrying["attempts"] == [
        {
            "number": 1,
            "date": "2026-09-21T14:13:24Z",
            "status": 502,
            "error": "the receiver answered 502",
            "tookMs": 12,
        },
        {
            "number": 2,
            "date": "2026-09-21T14:13:28Z",
            "status": None,
            "error": "no answer within 30 s",
            "tookMs": 30000,
        },
    ]
    await _deliver(world, Outcome(200, None, None, "{}", 0.01), state=DeliveryState.DELIVERED)
    event = (await world.client("GET", f"/instances/1/events/{retrying['id']}")).json
    assert (event["status"], [each["status"] for each in event["attempts"]]) == ("NOTIFIED", [502, None, 200])
    (notification,) = await world.store.log_after(1, 0, 10)
    assert event["notifiedData"] == [json.loads(notification.body)]


@pytest.mark.parametrize("by_token", [False, True])
async def test_the_newest_come_first_and_a_page_is_as_long_as_asked(world: World, by_token: bool) -> None:
    made = await world.instance(configuration=POLLING)
    client, path = (world.of(made), "/instances/events") if by_token else (world.client, "/instances/1/events")
    assert (await client("GET", path)).json == []
    await _happen(world, *range(25))
    firsts = [event["sequence"]["first"] for event in (await client("GET", path)).json]
    assert firsts == [21, 11, 1]
    short = (await client("GET", f"{path}?pageSize=1")).json
    assert [event["sequence"]["first"] for event in short] == [21]
    assert (await client("GET", f"{path}/{short[0]['id']}")).json == short[0]
    assert "elements-error" not in (await client("GET", f"{path}?pageSize=1000")).headers
    assert "1000" in (await client("GET", f"{path}?pageSize=1001")).headers["elements-error"]


@pytest.mark.parametrize("size", [1, 2, 5, 7])
async def test_by_their_tokens_pages_have_no_gap_and_no_repeat_while_events_arrive(world: World, size: int) -> None:
    made = await world.instance(configuration=POLLING)
    await _happen(world, *range(7), max_events=1)
    query, seen = f"pageSize={size}", list[int]()
    while True:
        # A client that sends both: the token wins (spec platform.md 1.7).
        answer = await world.of(made)("GET", f"/instances/events?{query}")
        seen += [event["sequence"]["first"] for event in answer.json]
        await _happen(world, 9)
        token = answer.headers.get("elements-next-page-token")
        if token is None:
            break
        query = f"pageSize={size}&page=2&nextPage={token}"
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_pages_have_numbers_too_and_one_beyond_the_end_is_empty(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(5), max_events=1)
    pages = [await world.client("GET", f"/instances/1/events?pageSize=2&page={page}") for page in (1, 2, 3, 4, 10**12)]
    firsts = [[event["sequence"]["first"] for event in page.json] for page in pages]
    assert firsts == [[5, 4], [3, 2], [1], [], []]
    assert ["elements-next-page-token" in page.headers for page in pages] == [True, True, False, False, False]


@pytest.mark.parametrize("query", ["nextPage=x", "nextPage=-1", f"nextPage={2**63}", "nextPage=" + "0" * 6000])
async def test_a_token_that_is_none_of_ours_is_refused_by_name(world: World, query: str) -> None:
    await world.instance()
    answer = await world.client("GET", f"/instances/1/events?{query}")
    assert_error(answer, 400)
    assert answer.message.startswith("nextPage: ")


async def test_an_event_of_another_instance_is_not_found(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7)
    (event,) = (await world.client("GET", "/instances/1/events")).json
    await world.instance(name="Other")
    assert_error(await world.client("GET", f"/instances/2/events/{event['id']}"), 404)
    assert_error(await world.client("GET", "/instances/1/events/unknown"), 404)


@pytest.mark.parametrize("query", ["pageSize=0", "pageSize=x", "pageSize=-1", "page=0", "page=x", f"page={10**13}"])
async def test_a_page_that_makes_no_sense_is_refused_by_name(world: World, query: str) -> None:
    await world.instance()
    answer = await world.client("GET", f"/instances/1/events?{query}")
    assert_error(answer, 400)
    assert answer.message.startswith(f"{query.partition('=')[0]}: ")


@pytest.mark.parametrize(
    ("raw", "new"),
    [
        (rb'{"id":%d,"firstName":"cut emoji \ud83d"}', None),
        (rb'{ "id":%d,"name":",\"raw\":{\"events\":[\ude00", "events":[ {"raw":{} } ] }', "\ud83d"),
        (b'{"id":%d,"big":' + b"9" * 5000 + rb',"small":1e-5000,"cut":"\udc00"}', 10**40),
        (b'{"id":%d,"big":' + b"9" * 30 + b',"exact":1.10}', 2**64),
    ],
)
async def test_what_only_few_can_read_is_shown_as_it_was_sent(world: World, raw: bytes, new: object) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7, 8, raw=raw, new=new)
    (event,) = (await world.client("GET", "/instances/1/events?pageSize=1")).json
    assert (
        event["providerData"]
        == (b'{"contacts":[%s,%s],"pollDate":%d,"objectType":"contacts"}' % (raw % 7, raw % 8, NOW)).decode()
    )
    assert (await world.client("GET", f"/instances/1/events/{event['id']}")).json == event
    pulled = (await world.client("GET", "/instances/1/events/feed")).json["events"]
    assert [(each["objectId"], each["changes"][0]["new"]) for each in pulled] == [("7", new or 7), ("8", new or 8)]
    await _deliver(world, Outcome(200, None, None, "{}", 0.01), state=DeliveryState.DELIVERED)
    answer = await world.client("GET", "/instances/1/events")
    (notification,) = await world.store.log_after(1, 0, 10)
    assert notification.body in answer.body


async def test_the_feed_gives_each_event_once_in_order_exactly_as_it_was_sent(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(25))
    await _happen(world, *range(25, 28), max_events=2)
    stored = [
        event
        for notification in await world.store.log_after(1, 0, 100)
        for event in json.loads(notification.body)["message"]["events"]
    ]
    for limit in (1, 3, 7, 10, 11, 200):
        after, pulled = 0, []
        while events := (
            answer := await world.client("GET", f"/instances/1/events/feed?after={after}&limit={limit}")
        ).json["events"]:
            assert len(events) <= limit
            assert answer.headers["elements-returned-count"] == str(len(events))
            pulled += events
            after = answer.json["next"]
        assert pulled == stored
        assert answer.json == {"events": [], "next": 28}


async def test_the_feed_goes_on_from_any_sequence(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    await _happen(world, *range(25))
    for after in range(26):
        answer = await world.of(made)("GET", f"/instances/events/feed?after={after}")
        assert _sequences(answer) == list(range(after + 1, 26))
        assert answer.json["next"] == 25


async def test_the_feed_waits_for_the_first_event(world: World) -> None:
    await world.instance(configuration=POLLING)
    waiting = asyncio.create_task(world.client("GET", "/instances/1/events/feed?wait=30"))
    while not world.parts.log_grew.waiting:
        await asyncio.sleep(0)
    await _happen(world, 7)
    assert _sequences(await asyncio.wait_for(waiting, 10)) == [1]


async def test_the_feed_sees_what_another_process_wrote(world: World) -> None:
    await world.instance(configuration=POLLING)
    waiting = asyncio.create_task(world.client("GET", "/instances/1/events/feed?wait=30"))
    while not world.parts.log_grew.waiting:
        await asyncio.sleep(0)
    await _happen(world, 7, heard=False)
    assert _sequences(await asyncio.wait_for(waiting, 10)) == [1]


async def test_the_feed_gives_up_after_the_time_it_was_given(world: World) -> None:
    await world.instance(configuration=POLLING)
    answer = await asyncio.wait_for(world.client("GET", "/instances/1/events/feed?after=0&wait=0.05"), 10)
    assert answer.json == {"events": [], "next": 0}


async def test_the_feed_ends_when_the_server_does(world: World) -> None:
    await world.instance(configuration=POLLING)
    waiting = asyncio.create_task(world.client("GET", "/instances/1/events/feed?wait=30"))
    while not world.parts.log_grew.waiting:
        await asyncio.sleep(0)
    world.parts.log_grew.close()
    assert (await asyncio.wait_for(waiting, 10)).json["events"] == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("after=-1", "after"),
        (f"after={2**63}", "after"),
        ("limit=0", "limit"),
        ("wait=31", "wait"),
        ("wait=nan", "wait"),
    ],
)
async def test_a_feed_asked_for_nonsense_is_refused_by_name(world: World, query: str, name: str) -> None:
    await world.instance()
    answer = await world.client("GET", f"/instances/1/events/feed?{query}")
    assert_error(answer, 400)
    assert answer.message.startswith(f"{name}: ")
