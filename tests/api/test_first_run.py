"""What would a first run announce? Counted at a provider on loopback, and compared with what it then does announce."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.api.client import Client
from tests.api.test_errors import assert_error
from tests.engine.world import ELEMENT, MINUTE, START, World, iso
from tidings.api.application import build_api
from tidings.api.parts import ApiParts
from tidings.api.usage_writer import UsageWriter
from tidings.core.addresses import AddressPolicy
from tidings.core.model import LaneKind, User
from tidings.elements.connection import Connection
from tidings.settings import Settings
from tidings.store.bulkfiles import BulkFiles

DAY = 24 * 60 * MINUTE
SINCE = iso(START - 30 * DAY)
PATH = "/instances/1/polling/first-run"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Twenty-five companies, two of them flagged as deleted, that an instance with its events off would poll."""
    async with World(
        tmp_path,
        **{
            "event.objects": "organizations",
            "event.notification.enabled": "false",
            "event.poller.configuration": entry(),
        },
    ) as world:
        for day in range(1, 26):
            world.provider.put(day, START - 4 * day * DAY, deletedFlag=day in (2, 20))
        yield world


def entry(**members: object) -> str:
    made: dict[str, object] = {
        "url": "/hubs/crm/organizations?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "id",
        "datesConfiguration": {
            "updatedDateField": "_info.lastUpdated",
            "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        },
        "pageSize": 10,
    }
    return json.dumps({"organizations": made | members})


async def client_of(world: World, **settings: Any) -> Client:
    user, _ = await world.store.first_user(
        lambda: User(0, 0, 0, "ann@example.com", "Ann", "Admin", "unusable", "us==", "0rg")
    )
    assert user.account_id == 1
    parts = ApiParts(
        store=world.store,
        catalog={ELEMENT.key: ELEMENT},
        connect=lambda element, values, secrets: Connection(element, values, secrets, world.client, "client-id"),
        policy=AddressPolicy(True, ()),
        clock=lambda: world.now,
        dice=lambda size: bytes(size),
        wake=lambda instance_id: None,
        usage=UsageWriter(world.store, log=None),
        files=BulkFiles(world.folder / "bulk", world.store.derive),
        settings=Settings(**settings),
    )
    return Client(build_api(parts), "User us==, Organization 0rg")


async def asked(world: World, query: str = "", **settings: Any) -> list[dict[str, Any]]:
    client = await client_of(world, **settings)
    answer = await client("GET", f"{PATH}{query}")
    assert answer.status == 200, answer.body
    listed: list[dict[str, Any]] = answer.json
    return listed


async def test_what_is_configured_is_asked_for_while_events_are_off_and_nothing_changes(world: World) -> None:
    (shown,) = await asked(world)
    assert shown == {
        "resource": "organizations",
        "firstRun": "silent",
        "learned": False,
        "records": 25,
        "events": 0,
        "notifications": 0,
        "requests": 11,
        "minutes": 0.02,
        "reason": None,
    }
    assert all("/count" in each for each in world.provider.requests)
    assert await world.store.lanes(LaneKind.POLL) == []
    assert await world.messages() == []


@pytest.mark.parametrize("first_run", ["silent", "backfill", SINCE, "2026-09-01"])
async def test_the_events_and_requests_that_are_told_are_those_that_are_then_made(world: World, first_run: str) -> None:
    (told,) = await asked(world, f"?firstRun={first_run}")
    await world.configure(**{"event.notification.enabled": "true", "event.poller.first_run": first_run})
    world.provider.requests.clear()
    await world.run()
    read = [each for each in world.provider.requests if "/info" not in each]
    assert len(await world.events()) == told["events"]
    assert told["events"] == {"silent": 0, "backfill": 23, SINCE: 6, "2026-09-01": 4}[first_run]
    assert told["requests"] == len(read)
    assert told["notifications"] == (told["events"] + 9) // 10


async def test_the_date_is_compared_with_the_stamp_and_not_with_a_rendered_macro(world: World) -> None:
    """A macro renders a unit of its pattern early; a year's pattern would count a year too much."""
    url = "/hubs/crm/organizations?where=lastUpdated>'${gmtDate:yyyy}-01-01T00:00:00Z'"
    await world.configure(**{"event.poller.configuration": entry(url=url)})
    (told,) = await asked(world, f"?firstRun={SINCE}")
    assert told["events"] == 6


async def test_only_the_resource_that_is_named_is_counted_and_an_unknown_one_refused(world: World) -> None:
    await world.configure(**{"event.objects": "contacts,organizations"})
    assert [each["resource"] for each in await asked(world)] == ["contacts", "organizations"]
    assert [each["resource"] for each in await asked(world, "?resource=organizations")] == ["organizations"]
    refused = await (await client_of(world))("GET", f"{PATH}?resource=moons")
    assert_error(refused, 400)
    assert "resource: 'moons'" in refused.message


@pytest.mark.parametrize("first_run", ["loud", "2026-09-21T00:00:00", "2027-01-01"])
async def test_a_first_run_that_is_no_word_and_no_date_of_the_past_is_refused_by_name(
    world: World, first_run: str
) -> None:
    refused = await (await client_of(world))("GET", f"{PATH}?firstRun={first_run}")
    assert_error(refused, 400)
    assert refused.message.startswith("firstRun: is `2026-09" if "T" in first_run else "firstRun: is ")


async def test_where_the_provider_does_not_count_the_figures_are_null_and_the_reason_is_told(world: World) -> None:
    world.provider.before = counting(lambda: web.json_response({"message": "no counting here"}, status=400))
    (shown,) = await asked(world, "?firstRun=backfill")
    assert [shown[name] for name in ("records", "events", "notifications", "requests", "minutes")] == [None] * 5
    assert "no counting here" in shown["reason"]


@pytest.mark.parametrize(("provider", "ours"), [(401, 401), (403, 403), (429, 429), (500, 502)])
async def test_what_the_provider_refuses_is_passed_on_with_its_words(world: World, provider: int, ours: int) -> None:
    world.provider.before = counting(lambda: web.json_response({"code": "X", "message": "not now"}, status=provider))
    refused = await (await client_of(world))("GET", PATH)
    assert_error(refused, ours, provider=True)
    assert refused.json["providerMessage"] == "not now"


def counting(answer: Callable[[], web.Response]) -> Callable[[web.Request], web.Response | None]:
    return lambda request: answer() if request.path.endswith("/count") else None


async def test_a_resource_without_a_stamp_announces_nothing_by_a_date_and_says_why(world: World) -> None:
    await world.configure(**{"event.poller.configuration": entry(url="/hubs/crm/organizations", datesConfiguration={})})
    (shown,) = await asked(world, f"?firstRun={SINCE}")
    assert (shown["records"], shown["events"]) == (25, 0)
    assert "updatedDateField" in shown["reason"]


async def test_a_resource_that_has_been_learned_says_that_its_first_run_is_over(world: World) -> None:
    await world.configure(**{"event.notification.enabled": "true"})
    await world.run()
    (shown,) = await asked(world, "?firstRun=backfill")
    assert (shown["learned"], shown["events"]) == (True, 23)
    assert "learned already" in shown["reason"]


async def test_the_minutes_are_those_of_the_share_that_a_first_run_has(world: World) -> None:
    assert [each["minutes"] for each in await asked(world, requests_a_minute=10)] == [round(11 / 7, 2)]
    assert [each["minutes"] for each in await asked(world, requests_a_minute=0)] == [None]


async def test_two_callers_may_ask_at_once(world: World) -> None:
    first, second = await asyncio.gather(asked(world), asked(world))
    assert first == second


@pytest.mark.parametrize("key", ["instance", "entry"])
async def test_an_instance_with_a_first_run_in_the_future_is_refused_by_name(world: World, key: str) -> None:
    client = await client_of(world)
    given = (
        {"event.poller.first_run": "2027-01-01"}
        if key == "instance"
        else {"event.poller.configuration": entry(firstRun="2027-01-01")}
    )
    refused = await client("PATCH", "/instances/1", {"configuration": given})
    assert_error(refused, 400)
    name = "event.poller.first_run" if key == "instance" else "event.poller.configuration.organizations.firstRun"
    assert refused.message.startswith(f"configuration.{name}: is 2027-01-01T00:00:00Z, which is in the future")
    good = await client("PATCH", "/instances/1", {"configuration": {"event.poller.first_run": "2026-01-01"}})
    assert good.status == 200, good.body


async def test_a_first_run_of_an_instance_that_is_not_there_is_not_found(world: World) -> None:
    assert_error(await (await client_of(world))("GET", PATH.replace("1", "2")), 404)
