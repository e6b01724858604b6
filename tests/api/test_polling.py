"""Polling: how far each resource is, what has stopped, set going again, polled now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import NOW, World
from tests.api.lanes import cursor_of, lane_of, park, work
from tests.api.test_errors import assert_error
from tidings.core.cursor import ReadingKind, next_turn
from tidings.core.errors import CredentialsRefused
from tidings.core.model import LaneKind, LaneState

POLLING = {"event.notification.enabled": True, "event.objects": "contacts,incidents"}
LATER = NOW + 600_000


@pytest.mark.parametrize("by_token", [False, True])
async def test_a_resource_has_a_record_once_it_was_read_and_while_it_is_selected(world: World, by_token: bool) -> None:
    made = await world.instance(configuration=POLLING)
    prefix = "/instances" if by_token else "/instances/1"
    client, path = (world.of(made) if by_token else world.client), f"{prefix}/event-poller-records"
    assert (await client("GET", path)).json == []
    read: dict[str, Any] = {"baselined": True, "polled_at": NOW - 5000, "current_at": NOW - 90_000, "interval": 60_000}
    await work(world, "contacts", due_at=NOW + 60_000, poll_at=LATER, **read)
    await work(world, "incidents", due_at=LATER, reason="the provider answered 503", poll_at=NOW)
    listed = await client("GET", path)
    assert listed.headers["elements-returned-count"] == "2"
    assert listed.json == [
        {
            "objectName": "contacts",
            "lastPolledDate": "2026-09-21T14:13:15Z",
            "nextPollDate": "2026-09-21T14:23:20Z",
            "state": "ready",
            "reason": None,
            "freshness": {"seconds": 90, "stale": False, "since": "2026-09-21T14:11:50Z"},
        },
        {
            "objectName": "incidents",
            "lastPolledDate": None,
            "nextPollDate": "2026-09-21T14:23:20Z",
            "state": "ready",
            "reason": "the provider answered 503",
            "freshness": {"seconds": None, "stale": False, "since": None},
        },
    ]
    await client("PATCH", prefix, {"configuration": {"event.objects": "contacts"}})
    assert [each["objectName"] for each in (await client("GET", path)).json] == ["contacts"]
    await park(world, "contacts", "keys refused")
    (record,) = (await client("GET", path)).json
    assert (record["state"], record["reason"], record["nextPollDate"]) == ("parked", "keys refused", None)


async def test_an_instance_with_a_parked_resource_is_not_valid_and_says_why(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    await park(world, "incidents", "ConnectWise refused the keys")
    shown = (await world.client("GET", "/instances/1")).json
    assert shown == made | {"valid": False, "validMessage": "incidents: ConnectWise refused the keys"}
    await park(world, "contacts", "so it did here")
    message = "contacts: so it did here; incidents: ConnectWise refused the keys"
    for path in ("/instances", "/instances?hydrate=false", "/elements/connectwisecrmrest/instances"):
        (listed,) = (await world.client("GET", path)).json
        assert (listed["valid"], listed["validMessage"]) == (False, message)
    assert (await world.client("PATCH", "/instances/1", {"name": "Acme"})).json == made


async def test_an_instance_says_how_current_each_of_its_resources_is(world: World) -> None:
    await world.instance(configuration=POLLING)
    when: dict[str, Any] = {"polled_at": NOW - 2_000_000, "current_at": NOW - 2_060_000, "interval": 900_000}
    await work(world, "contacts", due_at=LATER, baselined=True, **when)
    expected = [
        {"resource": "contacts", "seconds": 2060, "stale": True, "since": "2026-09-21T13:39:00Z"},
        {"resource": "incidents", "seconds": None, "stale": False, "since": None},
    ]
    assert (await world.client("GET", "/instances/1")).json["freshness"] == expected
    assert (await world.client("GET", "/instances")).json[0]["freshness"] == expected
    assert "freshness" not in (await world.client("GET", "/instances?hydrate=false")).json[0]


async def test_a_receiver_that_is_gone_leaves_the_instance_valid(world: World) -> None:
    url = {"event.notification.callback.url": "https://app.example/hook"}
    made = await world.instance(configuration=POLLING | url)
    (lane,) = await world.store.claim(LaneKind.DELIVER, "w", NOW, NOW + 1000, 1)
    await world.store.deactivate(lane, [], b"{}", "the receiver answered 410", NOW)
    assert (await world.client("GET", "/instances/1")).json == made


async def test_stopped_instances_are_listed_with_the_reason_of_each_resource(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    await world.instance(name="Fine", configuration=POLLING)
    listed = await world.client("GET", "/instances/polling-disabled")
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")
    await park(world, "incidents", "keys refused")
    (stopped,) = (await world.client("GET", "/instances/polling-disabled")).json
    assert (stopped["id"], stopped["name"], stopped["valid"]) == (made["id"], "Acme", False)
    assert stopped["resources"] == [{"name": "incidents", "reason": "keys refused"}]
    assert "configuration" not in stopped
    # Whoever switches the instance off has nothing to repair.
    await world.client("DELETE", "/instances/1/enabled")
    assert (await world.client("GET", "/instances/polling-disabled")).json == []


async def test_polling_is_enabled_again_from_where_it_stopped_without_trying_the_keys(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    await work(world, "incidents", due_at=NOW, baselined=True, watermark_at=NOW - 5000)
    await park(world, "incidents", "keys refused")
    world.provider.error = CredentialsRefused("refused", provider_message="Denied", status=401)
    world.woken.clear()
    enabled = await world.client("PUT", "/instances/1/polling/enabled")
    assert (enabled.status, enabled.json) == (200, made)
    lane = await lane_of(world, "incidents")
    assert (lane.state, lane.due_at, lane.parked_reason) == (LaneState.READY, NOW, None)
    assert (await cursor_of(world, "incidents")).watermark_at == NOW - 5000
    assert world.woken == [1]


async def test_a_poll_asked_for_is_due_now_and_changes_nothing_else(world: World) -> None:
    await world.instance(configuration=POLLING)
    await work(world, "contacts", due_at=LATER, baselined=True, poll_at=LATER, sweep_at=LATER, watermark_at=NOW)
    world.woken.clear()
    before = await cursor_of(world, "contacts")
    answer = await world.client("POST", "/instances/1/poll")
    assert (answer.status, answer.json) == (200, {"instanceId": 1, "resources": ["contacts", "incidents"]})
    after = await cursor_of(world, "contacts")
    assert (before.poll_at, after.poll_at, after.sweep_at, after.watermark_at) == (LATER, NOW, LATER, NOW)
    assert (await lane_of(world, "contacts")).due_at == NOW
    assert (await lane_of(world, "incidents")).cursor == b""
    assert world.woken == [1]


async def test_a_poll_that_waits_after_a_failure_is_tried_now_and_one_that_runs_is_left_alone(world: World) -> None:
    await world.instance(configuration=POLLING)
    await work(world, "contacts", due_at=LATER, reason="503", baselined=True, poll_at=NOW - 1)
    running = [each for each in await world.store.claim(LaneKind.POLL, "w", NOW, LATER, 9) if each.key == "incidents"]
    await world.client("POST", "/instances/1/poll")
    assert (await lane_of(world, "contacts")).due_at == NOW
    await world.store.renew(running[0], LATER)


async def test_an_audit_asked_for_comes_before_other_long_readings_and_after_the_baseline(world: World) -> None:
    await world.instance(configuration=POLLING)
    await work(world, "contacts", due_at=LATER, baselined=True, poll_at=LATER, sweep_at=NOW - 1, audit_at=LATER)
    world.woken.clear()
    answer = await world.client("POST", "/instances/1/audit")
    assert (answer.status, answer.json) == (200, {"instanceId": 1, "resources": ["contacts"]})
    cursor = await cursor_of(world, "contacts")
    assert next_turn(cursor, NOW) is ReadingKind.AUDIT
    assert (cursor.poll_at, (await lane_of(world, "contacts")).due_at, world.woken) == (LATER, NOW, [1])


async def test_what_is_parked_or_switched_off_is_not_polled(world: World) -> None:
    await world.instance(configuration=POLLING)
    await park(world, "incidents", "keys refused")
    assert (await world.client("POST", "/instances/1/poll")).json["resources"] == ["contacts"]
    assert (await lane_of(world, "incidents")).state is LaneState.PARKED
    await world.client("DELETE", "/instances/1/enabled")
    assert (await world.client("POST", "/instances/1/poll")).json["resources"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/instances/2/event-poller-records"),
        ("GET", "/instances/2/polling/held"),
        ("PUT", "/instances/2/polling/held/contacts"),
        ("PUT", "/instances/2/polling/enabled"),
        ("POST", "/instances/2/poll"),
        ("POST", "/instances/2/audit"),
    ],
)
async def test_polling_of_an_instance_that_is_not_there_is_not_found(world: World, method: str, path: str) -> None:
    await world.instance(configuration=POLLING)
    assert_error(await world.client(method, path), 404)
