"""How many events there were, and what became of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import NOW, World
from tests.api.subscribed import (
    DOWN,
    POLLING,
    TAKEN,
    TOPIC,
    given_to_another_account,
    happen,
    posted,
    subscribed,
    tried,
)
from tests.api.test_errors import assert_error

AT = "/instances/events/analytics"
HOUR = "from=2026-09-21T13:30:12.345Z&to=2026-09-21T14:30:12.345Z"
OWN = "/notifications/subscriptions"


async def own_id(world: World) -> int:
    return int((await world.client("GET", OWN)).json[0]["id"])


async def test_an_hour_by_the_minute_is_61_buckets_those_without_events_included(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, *range(12))
    answer = await world.client("GET", f"{AT}?{HOUR}&interval=minute")
    assert (answer.status, len(answer.json), answer.headers["elements-returned-count"]) == (200, 61, "61")
    assert answer.json[0] == {"count": 0, "timestamp": "2026-09-21T13:30:00Z"}
    assert answer.json[-1]["timestamp"] == "2026-09-21T14:30:00Z"
    assert [each for each in answer.json if each["count"]] == [{"count": 12, "timestamp": "2026-09-21T14:13:00Z"}]
    for kind in ("instances", "accounts"):
        listed = (await world.client("GET", f"{AT}/{kind}?{HOUR}&interval=minute")).json
        assert [each["timestamp"] for each in listed] == [each["timestamp"] for each in answer.json]
        assert [each["total"] for each in listed] == [each["count"] for each in answer.json]


@pytest.mark.parametrize("path", [AT, f"{AT}/instances", f"{AT}/accounts", "/instances/events/dispositions"])
async def test_without_parameters_it_is_the_last_day(world: World, path: str) -> None:
    await world.instance(configuration=POLLING)
    answer = await world.client("GET", path)
    assert answer.status == 200
    if path != "/instances/events/dispositions":
        assert len(answer.json) == 25
    assert (await world.client("GET", f"{path}?accountIds[]=1")).status == 200


@pytest.mark.parametrize("path", [AT, f"{AT}/instances", f"{AT}/accounts", "/instances/events/dispositions"])
@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("from=2026-09-21T14:00:01Z&to=2026-09-21T14:00:00Z", 400, "from: "),
        ("from=2026-09-20T14:00:00.000Z&to=2026-09-21T14:00:00.000Z&interval=second", 400, "interval: "),
        ("interval=fortnight", 400, "interval: is 'fortnight'"),
        ("from=yesterday", 400, "from: "),
        ("to=2026-09-21T14:00:00", 400, "to: "),
        ("accountIds[]=0", 403, "accountIds[]: 0"),
        ("accountIds[]=1&accountIds[]=2", 403, "accountIds[]: 2"),
        ("accountIds[]=x", 400, "accountIds"),
    ],
)
async def test_what_cannot_be_counted_is_refused_by_name(
    world: World, path: str, query: str, status: int, name: str
) -> None:
    if path.endswith("dispositions") and name.startswith("accountIds"):
        return
    answer = await world.client("GET", f"{path}?{query}")
    assert_error(answer, status)
    assert answer.message.startswith(name)


async def test_each_instance_has_what_was_taken_and_what_failed(world: World) -> None:
    await world.instance(configuration=POLLING)
    await world.instance(name="Quiet")
    for each in range(3):
        await happen(world, each)
    await tried(world, await own_id(world), TAKEN, DOWN)
    (bucket,) = [
        each for each in (await world.client("GET", f"{AT}/instances?{HOUR}&interval=minute")).json if each["total"]
    ]
    assert bucket == {
        "timestamp": "2026-09-21T14:13:00Z",
        "total": 3,
        "records": [{"instanceId": 1, "count": 3, "success": 1, "failed": 1}],
    }
    (bucket,) = [
        each for each in (await world.client("GET", f"{AT}/accounts?{HOUR}&interval=hour")).json if each["total"]
    ]
    assert bucket["records"] == [{"accountId": 1, "count": 3, "success": 1, "failed": 1}]


async def test_only_the_callers_account_is_counted(world: World, tmp_path: Path) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 7)
    await posted(world)
    given_to_another_account(tmp_path, "instance", "subscription")
    assert sum(each["count"] for each in (await world.client("GET", AT)).json) == 0
    assert (await world.client("GET", "/instances/events/dispositions")).json == []


async def test_a_disposition_tells_each_try(world: World) -> None:
    await world.instance(configuration=POLLING)
    other = await subscribed(world, TOPIC)
    await happen(world, 1)
    await happen(world, 2)
    own = await own_id(world)
    await tried(world, own, TAKEN, DOWN)
    second, first = (await world.client("GET", f"/instances/events/dispositions?{HOUR}&interval=minute")).json
    notifications = await world.store.log_after(1, 0, 9)
    assert [first["eventId"], second["eventId"]] == [each.id for each in notifications]
    assert first["elementInstanceId"] == 1
    assert first["notificationData"] == [
        {
            "message": f"Delivered event to subscription {own}, try 1: 200",
            "date": "2026-09-21T14:13:20Z",
            "subscriptionId": own,
        },
        {
            "message": f"Event is created for subscription {other['id']}",
            "date": "2026-09-21T14:13:20Z",
            "subscriptionId": other["id"],
        },
    ]
    assert [each["message"] for each in second["notificationData"]][:2] == [
        f"Error delivering event to subscription {own}, try 1: the receiver answered 503",
        f"Event is retry for subscription {own}",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_dispositions_come_a_page_at_a_time_newest_first(world: World, size: int) -> None:
    await world.instance(configuration=POLLING)
    await subscribed(world, TOPIC)
    await subscribed(world, "ops")
    for each in range(5):
        await happen(world, each)
    wanted = [each.id for each in reversed(await world.store.log_after(1, 0, 9))]
    seen, query = [], f"pageSize={size}"
    while True:
        answer = await world.client("GET", f"/instances/events/dispositions?{query}")
        seen += [each["eventId"] for each in answer.json]
        token = answer.headers.get("elements-next-page-token")
        if token is None:
            break
        query = f"pageSize={size}&nextPage={token}"
    assert seen == wanted


async def test_dispositions_are_those_of_their_period(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 1)
    for window, count in (((NOW - 5000, NOW - 1), 0), ((NOW, NOW), 1), ((NOW + 1, NOW + 5000), 0)):
        answer = await world.client("GET", "/instances/events/dispositions?from={}&to={}".format(*window))
        assert len(answer.json) == count
