"""Jobs: exactly one for each instance that polls."""

from __future__ import annotations

from tests.api.conftest import NOW, World
from tests.api.test_errors import assert_error
from tidings.core.cursor import ENCODE, PollCursor
from tidings.core.model import LaneKind

ON = {"event.notification.enabled": "true"}
NEVER_AUDITED = dict.fromkeys(("auditedDate", "compared", "missed", "phantom", "held", "complete", "counted"))


async def test_without_polling_there_is_no_job(world: World) -> None:
    await world.instance()
    listed = await world.client("GET", "/jobs")
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")


async def test_a_polling_instance_has_one_job_whatever_it_polls(world: World) -> None:
    await world.instance(configuration=ON)
    await world.instance(name="Quiet")
    (job,) = (await world.client("GET", "/jobs")).json
    resources = job.pop("resources")
    assert job == {
        "id": "poller-1",
        "name": "connectwisecrmrest-1-poller",
        "description": "Polls contacts, incidents, organizations of Acme",
        "method": "GET",
        "uri": "/instances/1/events",
        "elementInstanceId": 1,
        "createdDate": "2026-09-21T14:13:20Z",
        "trigger": {"interval": "15 minutes", "cron": "0 0/15 * 1/1 * ? *"},
        "nextRunDate": "2026-09-21T14:13:20Z",
    }
    assert [each["name"] for each in resources] == ["contacts", "incidents", "organizations"]
    assert all((each["state"], each["reason"]) == ("ready", None) for each in resources)
    one = (await world.client("GET", "/jobs/poller-1")).json
    assert one == job | {"resources": resources}


async def test_an_interval_that_cron_cannot_say_is_said_in_words_alone(world: World) -> None:
    await world.instance(configuration=ON | {"event.poller.refresh_interval": "7"})
    (job,) = (await world.client("GET", "/jobs")).json
    assert job["trigger"] == {"interval": "7 minutes"}


async def test_a_parked_resource_says_why_and_has_no_next_run(world: World) -> None:
    await world.instance(configuration=ON | {"event.objects": "contacts,incidents"})
    for reason in ("keys refused", "broken"):
        (lane,) = await world.store.claim(LaneKind.POLL, "w", NOW, NOW + 1000, 1)
        await world.store.park(lane, reason)
    (job,) = (await world.client("GET", "/jobs")).json
    assert job["nextRunDate"] is None
    assert job["resources"] == [
        {
            "name": name,
            "state": "parked",
            "reason": reason,
            "held": 0,
            "lastPolledDate": None,
            "nextRunDate": None,
            "watermark": None,
            "baselined": False,
            "freshness": {"seconds": None, "stale": False, "since": None},
            "completeness": NEVER_AUDITED,
        }
        for name, reason in (("contacts", "keys refused"), ("incidents", "broken"))
    ]


async def test_a_resource_says_how_far_it_is_and_what_its_last_try_failed_with(world: World) -> None:
    await world.instance(configuration=ON | {"event.objects": "contacts"})
    (lane,) = await world.store.claim(LaneKind.POLL, "w", NOW, NOW + 1000, 1)
    cursor = ENCODE(
        PollCursor(
            baselined=True,
            watermark_at=NOW - 5000,
            polled_at=NOW - 1000,
            current_at=NOW - 4000,
            held=12,
            audited_at=NOW - 1000,
            audited=100,
            audit_missed=2,
            audit_phantom=1,
            audit_counted=101,
            unmoved=30,
        )
    )
    await world.store.release(lane, due_at=NOW + 60_000, cursor=cursor, attempt=1, reason="the provider answered 503")
    (job,) = (await world.client("GET", "/jobs")).json
    assert job["resources"] == [
        {
            "name": "contacts",
            "state": "ready",
            "reason": "the provider answered 503",
            "held": 12,
            "lastPolledDate": "2026-09-21T14:13:19Z",
            "nextRunDate": "2026-09-21T14:14:20Z",
            "watermark": "2026-09-21T14:13:15Z",
            "baselined": True,
            "freshness": {"seconds": 4, "stale": False, "since": "2026-09-21T14:13:16Z"},
            "completeness": {
                "auditedDate": "2026-09-21T14:13:19Z",
                "compared": 100,
                "missed": 2,
                "phantom": 1,
                "held": 30,
                "complete": False,
                "counted": 101,
            },
        }
    ]


async def test_only_jobs_with_a_parked_resource_are_among_the_disabled(world: World) -> None:
    await world.instance(configuration=ON | {"event.objects": "contacts"})
    await world.instance(configuration=ON)
    listed = await world.client("GET", "/jobs/polling-disabled")
    assert (listed.status, listed.json, listed.headers["elements-returned-count"]) == (200, [], "0")
    (lane,) = await world.store.claim(LaneKind.POLL, "w", NOW, NOW + 1000, 1)
    await world.store.park(lane, "keys refused")
    (job,) = (await world.client("GET", "/jobs/polling-disabled")).json
    assert job == (await world.client("GET", "/jobs/poller-1")).json
    assert [each["reason"] for each in job["resources"]] == ["keys refused"]


async def test_the_next_run_is_that_of_the_resource_that_is_due_first(world: World) -> None:
    await world.instance(configuration=ON | {"event.objects": "contacts,incidents"})
    for minutes in (5, 10**9):
        (lane,) = await world.store.claim(LaneKind.POLL, "w", NOW, NOW + 1000, 1)
        await world.store.release(lane, due_at=NOW + minutes * 60_000)
    (job,) = (await world.client("GET", "/jobs")).json
    assert job["nextRunDate"] == "2026-09-21T14:18:20Z"


async def test_a_job_goes_with_its_polling_and_comes_back_under_the_same_id(world: World) -> None:
    await world.instance(configuration=ON)
    (job,) = (await world.client("GET", "/jobs")).json
    await world.client("DELETE", "/instances/1/enabled")
    assert (await world.client("GET", "/jobs")).json == []
    assert_error(await world.client("GET", "/jobs/poller-1"), 404)
    await world.client("PUT", "/instances/1/enabled")
    assert (await world.client("GET", "/jobs")).json == [job]
    await world.client("DELETE", "/instances/1")
    assert (await world.client("GET", "/jobs")).json == []
