"""Every call is found again under its request id, listed and counted, by its own account alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from tests.api.conftest import ELEMENT, NOW, World
from tests.api.test_errors import assert_error
from tests.store.using import called
from tidings.api import usage_writer
from tidings.api.usage_writer import UsageWriter
from tidings.core.usage import UsageFilter

MINUTE = 60_000
DAY = 86_400_000
EVER = UsageFilter(0, 2**50)


async def usages(world: World, query: str = "") -> list[dict[str, Any]]:
    answer = await world.client("GET", f"/usage{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["elements-returned-count"] == str(len(answer.json))
    listed: list[dict[str, Any]] = answer.json
    return listed


async def test_a_call_is_found_again_under_its_request_id(world: World) -> None:
    instance = await world.instance()
    asked = await world.client("GET", f"/instances/{instance['id']}?where=secret='canary'")
    request_id = asked.headers["elements-request-id"]
    found = await world.client("GET", f"/usage/{request_id}")
    assert found.status == 200
    shown = found.json
    assert isinstance(shown.pop("process_time"), int)
    assert shown == {
        "traffic_id": request_id,
        "request_id": request_id,
        "traffic_date": "2026-09-21T14:13:20.000Z",
        "request_status": "SUCCESS",
        "response_status": 200,
        "request_method": "GET",
        "request_uri": f"/elements/api-v2/instances/{instance['id']}",
        "request_ip": "127.0.0.1",
        "element_api": "read",
        "element_key": ELEMENT,
        "element_name": world.parts.catalog[ELEMENT].name,
        "instance_id": instance["id"],
        "user_id": world.user.id,
        "account_id": world.user.account_id,
        "company_id": world.user.organization_id,
        "company_external_id": "NA",
        "company_external_name": "NA",
    }


async def test_refused_calls_are_kept_as_failed_and_those_of_nobody_are_not(world: World) -> None:
    bad = await world.client("GET", "/instances?hydrate=perhaps")
    unknown = await world.client("GET", "/instances/7")
    await world.anybody("GET", "/elements")
    await world.client("GET", "//health")
    assert [(each["request_id"], each["request_status"], each["response_status"]) for each in await usages(world)] == [
        (unknown.headers["elements-request-id"], "FAILED", 404),
        (bad.headers["elements-request-id"], "FAILED", 400),
    ]


async def test_nothing_kept_is_404(world: World) -> None:
    for path in ("/usage", "/usage/analytics/times", "/usage/analytics/statuses"):
        world.clock[0] += 100 * DAY
        answer = await world.client("GET", path)
        assert_error(answer, 404)
        assert answer.message == "No usage logs found"
    assert_error(await world.client("GET", "/usage/" + "0" * 24), 404)


async def test_another_accounts_calls_are_not_shown(world: World) -> None:
    await world.store.add_usage([called(account_id=77)])
    assert_error(await world.client("GET", f"/usage/{0:024x}"), 404)
    assert f"{0:024x}" not in {each["request_id"] for each in await usages(world)}


async def test_calls_are_chosen_by_what_is_asked_for(world: World) -> None:
    first = await world.instance(tags=["red"])
    second = await world.instance(tags=["blue", "red"])
    for instance in (first, second, second):
        await world.client("GET", f"/instances/{instance['id']}")
    await world.client("GET", "/elements?where=key='")

    async def chosen(query: str) -> int:
        answer = await world.client("GET", f"/usage?{query}")
        assert answer.status in (200, 404)
        return len(answer.json) if answer.status == 200 else 0

    assert await chosen(f"keys[]={ELEMENT}") == 3
    assert await chosen(f"keys[]={ELEMENT}&keys[]=other&hub=crm") == 3
    assert await chosen("hub=documents") == 0
    assert await chosen("keys[]=other&hub=crm") == 0
    assert (await chosen("tags[]=red"), await chosen("tags[]=blue"), await chosen("tags[]=green")) == (3, 2, 0)
    assert await chosen("status=FAILED&searchText=elements") >= 1
    assert await chosen("status=success&searchText=/INSTANCES/1") == 1
    assert await chosen(f"from={NOW}&to={NOW}&searchText=/instances/1") == 1
    assert await chosen(f"to={NOW - 1}") == 0


async def test_pages_follow_each_other_by_token_and_by_number(world: World) -> None:
    await world.store.add_usage([called(nth) for nth in range(5)])
    world.clock[0] += 10 * MINUTE
    span = f"from={NOW}&to={NOW + 5 * MINUTE}"
    seen: list[str] = []
    token = ""
    for _ in range(3):
        answer = await world.client(
            "GET", f"/usage?{span}&pageSize=2&pageOffset=7&nextPage={token}" if token else f"/usage?{span}&pageSize=2"
        )
        seen += [each["request_id"] for each in answer.json]
        token = answer.headers.get("elements-next-page-token", "")
    assert token == ""
    assert seen == [f"{nth:024x}" for nth in (4, 3, 2, 1, 0)]
    assert [each["request_id"] for each in await usages(world, f"?{span}&pageSize=2&pageOffset=1")] == seen[2:4]
    assert (await world.client("GET", f"/usage?{span}&pageSize=2&pageOffset=3")).status == 404


@pytest.mark.parametrize(
    "query",
    [
        *("from=yesterday", "to=2026-09-21T14:00:00", "from=2&to=1", "pageOffset=-1", "pageSize=0", "status=404"),
        *("nextPage=x", "nextPage=1-", "pageOffset=99999999999999999999", "pageOffset=999999999999&pageSize=1000"),
        "searchText=" + "x" * 201,
        "&".join(f"keys[]={nth}" for nth in range(101)),
    ],
)
async def test_a_question_that_cannot_be_read_is_refused(world: World, query: str) -> None:
    assert_error(await world.client("GET", f"/usage?{query}"), 400)


@pytest.mark.parametrize("name", ["times", "statuses", "activity", "activity/elements"])
async def test_an_interval_that_nobody_knows_is_refused(world: World, name: str) -> None:
    assert_error(await world.client("GET", f"/usage/analytics/{name}?interval=decade"), 400)


async def test_calls_are_counted_by_interval(world: World) -> None:
    await world.store.add_usage(
        [
            called(0, took_for=0.5),
            called(0, took_for=1.5, status=502),
            called(1, element_key=ELEMENT, instance_id=7),
        ]
    )
    span = f"from={NOW}&to={NOW + MINUTE}&interval=day"

    async def counted(name: str) -> Any:
        answer = await world.client("GET", f"/usage/analytics/{name}?{span}")
        assert answer.status == 200
        return [{key: value for key, value in each.items() if key != "timestamp"} for each in answer.json]

    world.clock[0] += DAY  # so that what is asked here is not counted
    assert await counted("times") == [{"count": 3, "min": 250, "max": 1500, "avg": 750.0}]
    assert await counted("statuses") == [{"count": 3, "failed": 1, "success": 2}]
    assert await counted("activity") == [{"count": 3}]
    assert await counted("activity/elements") == [{ELEMENT: 1, "count": 3}]
    (month,) = (await world.client("GET", f"/usage/analytics/activity?{span.replace('day', 'month')}")).json
    assert month == {"timestamp": "2026-09-01T00:00:00.000Z", "count": 3}


async def test_instances_are_counted_by_their_calls_and_by_when_they_were_made(world: World) -> None:
    empty = await world.client("GET", "/usage/analytics/activity/element-instances")
    assert (empty.status, empty.json) == (200, {"usage": []})
    for path in ("created-count", "element-instances/created-count"):
        answer = await world.client("GET", f"/usage/analytics/activity/{path}")
        assert (answer.status, answer.json) == (200, {"instancesCreatedCount": 0})
    instance = await world.instance()
    await world.client("GET", f"/instances/{instance['id']}")
    await world.client("GET", f"/instances/{instance['id']}/nowhere")
    (counted,) = (await world.client("GET", "/usage/analytics/activity/element-instances")).json["usage"]
    assert counted == {
        **{"instanceId": instance["id"], "instanceName": "Acme", "elementKey": ELEMENT},
        **{"count": 1, "success": 1, "failed": 0},
    }
    assert (await world.client("GET", "/usage/analytics/activity/created-count")).json == {"instancesCreatedCount": 1}
    later = f"from={NOW + 1}&to={NOW + 2}"
    assert (await world.client("GET", f"/usage/analytics/activity/created-count?{later}")).json == {
        "instancesCreatedCount": 0
    }


async def test_calls_are_written_soon_without_anybody_asking(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_writer, "WRITE_AFTER", 0.0)
    await world.client("GET", "/elements")
    async with asyncio.timeout(10):
        while not await world.store.usages(1, EVER):
            await asyncio.sleep(0)


async def test_calls_that_come_faster_than_they_are_written_are_dropped_counted_and_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_writer, "MOST_WAITING", 2)
    lost: list[int] = []
    log = structlog.get_logger()
    writer = UsageWriter(world.store, log=log, dropped=lost.append)
    for nth in range(5):
        writer.add(called(nth))
    with structlog.testing.capture_logs() as lines:
        await writer.close()
        await writer.close()
    assert lost == [1, 1, 1]
    assert [(line["event"], line["calls"]) for line in lines] == [("usage.dropped", 3)]
    assert len(await world.store.usages(1, EVER)) == 2


async def test_what_could_not_be_written_is_written_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        async def add_usage(self, calls: object) -> None:
            raise OSError("disk full")

    full: Any = Full()
    writer = UsageWriter(full, log=structlog.get_logger())
    writer.add(called(1))
    with structlog.testing.capture_logs() as lines:
        await writer.close()
    assert [line["event"] for line in lines] == ["usage.failed"]
    writer._store = world.store
    await writer.flush()
    assert len(await world.store.usages(1, EVER)) == 1
