"""The scrape: read by Prometheus's own parser, and only by who may."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tests.api.client import Answer, Client
from tests.api.conftest import NOW, World
from tests.api.lanes import park, work
from tidings.api.meter import COUNTED, Counters
from tidings.api.metrics import GAUGES, Seen, gauges
from tidings.core.cursor import ENCODE, PollCursor, ReadingKind
from tidings.core.model import Change, EventType, Lane, LaneKind, LaneState
from tidings.settings import Settings
from tidings.store.base import Backlog, StoreFigures

ON = {
    "event.notification.enabled": "true",
    "event.notification.callback.url": "https://receiver.example/hook",
    "event.objects": "contacts,incidents",
}


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(client: Client) -> dict[tuple[str, ...], float]:
    answer = await client("GET", "//metrics")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.body.decode())


async def test_a_scrape_says_how_each_resource_stands(world: World) -> None:
    await world.instance(configuration=ON)
    cursor: dict[str, Any] = {
        **{"baselined": True, "polled_at": NOW - 2_000_000, "current_at": NOW - 2_060_000, "interval": 900_000},
        **{"audited_at": NOW, "audited": 100, "audit_missed": 2, "held": 12},
    }
    await work(world, "contacts", due_at=NOW + 1000, **cursor)
    await park(world, "incidents", "keys refused")
    found = await scraped(world.anybody)
    contacts, incidents = ("1", "contacts"), ("1", "incidents")
    assert found["tidings_resource_freshness_seconds", *contacts] == 2060
    assert ("tidings_resource_freshness_seconds", *incidents) not in found
    assert [found["tidings_resource_stale", *each] for each in (contacts, incidents)] == [1, 0]
    assert [found["tidings_resource_parked", *each] for each in (contacts, incidents)] == [0, 1]
    assert found["tidings_resource_held_deletes", *contacts] == 12
    assert found["tidings_audit_compared_records", *contacts] == 100
    assert found["tidings_audit_missed_changes", *contacts] == 2
    assert found["tidings_lanes", "poll", "ready"] == found["tidings_lanes", "poll", "parked"] == 1
    assert found["tidings_lanes", "deliver", "ready"] == 1


async def test_a_scrape_says_how_deliveries_notices_and_the_store_stand(world: World) -> None:
    await world.instance(configuration=ON)
    await world.store.turn_notices({(1, "polling.parked", "contacts"): "keys refused"}, (), NOW, tell=False)
    found = await scraped(world.rebuilt(budget_left=lambda instance_id: 873))
    assert found["tidings_subscription_backlog_events", "1", "1"] == 0
    assert found["tidings_subscription_backlog_age_seconds", "1", "1"] == 0
    assert found["tidings_subscription_active", "1", "1"] == 1
    assert found["tidings_notices_open", "polling.parked"] == 1
    assert found["tidings_provider_budget_left_requests", "1"] == 873
    assert found[("tidings_store_bytes",)] > 0
    assert found[("tidings_store_failing",)] == 0
    assert found[("tidings_store_commit_seconds_count",)] > 0
    assert found[("tidings_store_commit_seconds_sum",)] > 0


async def test_a_scrape_names_no_instance_company_or_secret(world: World) -> None:
    await world.instance(name="Canary Ltd", configuration=ON | {"company": "canary"})
    answer = await world.anybody("GET", "//metrics")
    assert answer.status == 200
    assert b"anary" not in answer.body


def test_what_was_counted_is_published_under_its_name() -> None:
    counters = Counters()
    change = Change(EventType.UPDATED, 1, 1, 0, b"{}")
    counters.page_committed(ReadingKind.POLL, 20, [change, change])
    counters.reading_ended(ReadingKind.POLL, "complete")
    counters.request_ended("throttled", 0.2)
    counters.attempt_ended("delivered", 0.03)
    found = samples(counters.text().decode())
    assert found["tidings_rows_read_total", "poll"] == 20
    assert found["tidings_events_appended_total", "UPDATED"] == 2
    assert found["tidings_readings_total", "poll", "complete"] == 1
    assert found["tidings_provider_requests_total", "throttled"] == 1
    assert found["tidings_provider_request_seconds_bucket", "0.25"] == 1
    assert found["tidings_delivery_attempts_total", "delivered"] == 1
    assert found[("tidings_delivery_attempt_seconds_sum",)] == 0.03
    assert found[("process_resident_memory_bytes",)] > 0


def test_counting_a_page_takes_microseconds() -> None:
    counters = Counters()
    began = time.perf_counter()
    for _ in range(1000):
        counters.page_committed(ReadingKind.POLL, 1000, ())
        counters.reading_ended(ReadingKind.POLL, "complete")
    assert time.perf_counter() - began < 0.25


def everything(lanes: int) -> Seen:
    cursor = ENCODE(
        PollCursor(
            generation="g" * 32,
            baselined=True,
            polled_at=NOW,
            current_at=NOW,
            interval=900_000,
            audited_at=NOW,
            audited=1000,
        )
    )
    names = ("contacts", 'a "quoted"\\name\n', "organizations")
    rows = [
        Lane(n, LaneKind.POLL, n // 3, names[n % 3], LaneState.READY, NOW, 1, None, None, 0, None, "g", cursor)
        for n in range(lanes)
    ]
    backlogs = [Backlog(n, n, True, 5, NOW - 1000) for n in range(lanes // 3)]
    return Seen(NOW, rows, backlogs, (), StoreFigures(0, 1, 0.001, 4096, None), dict.fromkeys(range(lanes // 3), 900))


def test_every_series_is_published_once_with_its_type_and_sentence() -> None:
    text = gauges(everything(3)) + Counters().text().decode()
    for series in (*GAUGES, *COUNTED):
        assert text.count(f"# TYPE {series.name} {series.type}\n") == 1, series.name
        assert f"# HELP {series.name} {series.sentence}\n" in text


def test_names_with_quotes_and_breaks_come_through() -> None:
    assert ("tidings_resource_stale", "0", 'a "quoted"\\name\n') in samples(gauges(everything(3)))


def test_three_thousand_lanes_are_a_tenth_of_a_second() -> None:
    seen = everything(3000)
    took = []
    for _ in range(5):
        began = time.process_time()
        gauges(seen)
        took.append(time.process_time() - began)
    assert min(took) < 0.1


async def asked(world: World, client: str | None = "127.0.0.1", token: str | None = None, **headers: Any) -> Answer:
    """A scrape by a client at this address."""
    settings = Settings(metrics_token=SecretStr(token)) if token else Settings()
    app: Any = world.rebuilt(settings=settings)._app

    async def from_there(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"client": (client, 1) if client else None}, receive, send)

    return await Client(from_there)("GET", "//metrics", **headers)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_answered(world: World, address: str) -> None:
    assert (await asked(world, address)).status == 200


@pytest.mark.parametrize("address", ["10.0.0.1", "192.0.2.1", "2001:db8::1", "testclient", None])
async def test_others_are_refused_and_told_what_to_set(world: World, address: str | None) -> None:
    answer = await asked(world, address)
    assert answer.status == 403
    assert "TIDINGS_METRICS_TOKEN" in answer.message


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "Via"])
async def test_a_proxy_on_this_machine_does_not_let_others_in(world: World, header: str) -> None:
    assert (await asked(world, **{header: "127.0.0.1"})).status == 403


async def test_with_a_token_everybody_needs_it_and_it_is_enough(world: World) -> None:
    token = "canary-metrics-token"
    assert (await asked(world, "192.0.2.1", token, Authorization=f"Bearer {token}")).status == 200
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": token}, {"Authorization": "Bearer ÿ"}):
        answer = await asked(world, "127.0.0.1", token, **given)
        assert answer.status == 403
        assert token not in answer.message


async def test_a_server_that_cannot_write_is_not_ready_and_says_why(world: World) -> None:
    assert (await world.anybody("GET", "//ready")).status == 200
    figures = await world.store.figures()

    async def failing() -> StoreFigures:
        return replace(figures, failure="database or disk is full")

    store = SimpleNamespace(next_due=world.store.next_due, figures=failing)
    answer = await Client(world.rebuilt(store=store)._app)("GET", "//ready")
    assert (answer.status, answer.message) == (503, "The database cannot be written: database or disk is full")
