"""What is counted of this process's work, for `GET /metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from tidings.core.cursor import ReadingKind
from tidings.core.model import Change
from tidings.engine.meter import Meter

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Series(NamedTuple):
    """What is published under one name; docs/operations.md lists them all."""

    name: str
    type: str
    labels: tuple[str, ...]
    sentence: str


READINGS = Series(
    "tidings_readings_total",
    "counter",
    ("kind", "outcome"),
    "Readings that were `complete`, and tries that `failed`, were `throttled` (not asked, or 429) or `refused` (keys).",
)
ROWS = Series("tidings_rows_read_total", "counter", ("kind",), "Records that readings brought, changed or not.")
EVENTS = Series("tidings_events_appended_total", "counter", ("type",), "Events that were written to the log.")
REQUESTS = Series(
    "tidings_provider_requests_total",
    "counter",
    ("outcome",),
    "Requests to providers: `answered`, `not_found`, `refused`, `forbidden`, `throttled` (429), `failed`.",
)
REQUEST_FOR = Series("tidings_provider_request_seconds", "histogram", (), "How long a request to a provider took.")
ATTEMPTS = Series(
    "tidings_delivery_attempts_total",
    "counter",
    ("outcome",),
    "POSTs to receivers: `delivered`, `retry` (failed, tried again), `queued` (failed, the receiver was given up).",
)
ATTEMPT_FOR = Series("tidings_delivery_attempt_seconds", "histogram", (), "How long a POST to a receiver took.")
DROPPED = Series(
    "tidings_notifications_dropped_total", "counter", (), "Notifications that were removed because of their age."
)
LOST = Series(
    "tidings_undelivered_events_dropped_total",
    "counter",
    (),
    "Events among them that a subscription, long stopped, had not got.",
)

UNKEPT = Series(
    "tidings_usage_dropped_total",
    "counter",
    (),
    "API calls that `GET /usage` does not know, since they came faster than they could be written.",
)

COUNTED = (READINGS, ROWS, EVENTS, REQUESTS, REQUEST_FOR, ATTEMPTS, ATTEMPT_FOR, DROPPED, LOST, UNKEPT)


class Counters(Meter):
    """Counts from the start of the process; a registry of its own, so that two servers in one process do not mix."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._readings, self._rows, self._events, self._requests, self._attempts = map(
            self._counter, (READINGS, ROWS, EVENTS, REQUESTS, ATTEMPTS)
        )
        self._dropped, self._lost, self._unkept = map(self._counter, (DROPPED, LOST, UNKEPT))
        self._request_for, self._attempt_for = map(self._histogram, (REQUEST_FOR, ATTEMPT_FOR))

    def page_committed(self, kind: ReadingKind, rows: int, changes: Sequence[Change]) -> None:
        self._rows.labels(kind.value).inc(rows)
        for change in changes:
            self._events.labels(change.type.value).inc()

    def reading_ended(self, kind: ReadingKind, outcome: str) -> None:
        self._readings.labels(kind.value, outcome).inc()

    def attempt_ended(self, outcome: str, took_for: float) -> None:
        self._attempts.labels(outcome).inc()
        self._attempt_for.observe(took_for)

    def dropped(self, notifications: int, lost: int) -> None:
        self._dropped.inc(notifications)
        self._lost.inc(lost)

    def usage_dropped(self, calls: int) -> None:
        self._unkept.inc(calls)

    def request_ended(self, outcome: str, took_for: float) -> None:
        self._requests.labels(outcome).inc()
        self._request_for.observe(took_for)

    def text(self) -> bytes:
        """All of it, and what the system says of the process, in the Prometheus text format."""
        return generate_latest(self._registry)

    def _counter(self, series: Series) -> Counter:
        return Counter(series.name, series.sentence, series.labels, registry=self._registry)

    def _histogram(self, series: Series) -> Histogram:
        return Histogram(series.name, series.sentence, buckets=SECONDS, registry=self._registry)
