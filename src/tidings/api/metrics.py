"""How does the server do, in the Prometheus text format?

What stands in the store is read when it is asked for; what is counted comes from the process. Instances appear by their
id alone: no name, no company, no secret.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from fastapi import Request
from starlette.responses import Response

from tidings.api.call import CallIn
from tidings.api.documented import answers
from tidings.api.meter import Series
from tidings.api.parts import ApiParts
from tidings.api.problems import Refused
from tidings.core.completeness import completeness
from tidings.core.cursor import decode
from tidings.core.freshness import freshness, is_stale
from tidings.core.model import Lane, LaneKind, LaneState, Moment
from tidings.core.notices import Notice
from tidings.store.base import Backlog, StoreFigures
from tidings.store.subscribing import Log

RESOURCE = ("instance", "resource")
SUBSCRIPTION = ("instance", "subscription")

FRESHNESS = Series(
    "tidings_resource_freshness_seconds",
    "gauge",
    RESOURCE,
    "How old what is known may be: since the start of the last complete poll. Absent while the resource is learned.",
)
STALE = Series("tidings_resource_stale", "gauge", RESOURCE, "1 when no poll was complete for more than two intervals.")
PARKED = Series("tidings_resource_parked", "gauge", RESOURCE, "1 when it stopped until a person acts.")
HELD = Series("tidings_resource_held_deletes", "gauge", RESOURCE, "Deletes that wait for a person.")
HELD_CHANGES = Series(
    "tidings_resource_held_changes", "gauge", RESOURCE, "Changes found by an audit that wait for a person."
)
COMPARED = Series("tidings_audit_compared_records", "gauge", RESOURCE, "Records that the last audit compared.")
MISSED = Series("tidings_audit_missed_changes", "gauge", RESOURCE, "Changes that polls had missed, found by it.")
PHANTOM = Series("tidings_audit_phantom_records", "gauge", RESOURCE, "Records we held that do not exist, found by it.")
LANES = Series("tidings_lanes", "gauge", ("kind", "state"), "Lanes; `working` are those that a worker holds.")
BACKLOG = Series("tidings_subscription_backlog_events", "gauge", SUBSCRIPTION, "Events that its receiver has not got.")
BACKLOG_AGE = Series(
    "tidings_subscription_backlog_age_seconds", "gauge", SUBSCRIPTION, "How long the oldest of them waits; 0 for none."
)
ACTIVE = Series(
    "tidings_subscription_active",
    "gauge",
    SUBSCRIPTION,
    "0 when nothing is delivered to it: it was deactivated, or rests.",
)
OLDEST = Series(
    "tidings_log_oldest_seconds",
    "gauge",
    ("log",),
    "How long ago the oldest event that is kept was logged, by instance; an account's own log has its id below zero.",
)
NOTICES = Series("tidings_notices_open", "gauge", ("kind",), "Notices that are not closed.")
BUDGET = Series(
    "tidings_provider_budget_left_requests",
    "gauge",
    ("instance",),
    "Requests that may still go to the instance's tenant in this minute; instances of one tenant show the same.",
)
WRITES = Series("tidings_store_waiting_writes", "gauge", (), "Writes that wait for the one writer.")
COMMITS = Series("tidings_store_commit_seconds", "summary", (), "Commits of the store, each of a group of writes.")
FAILING = Series("tidings_store_failing", "gauge", (), "1 when the last commit could not be made (a full disk).")
BYTES = Series("tidings_store_bytes", "gauge", (), "The database on disk, with what is not yet merged into it.")

GAUGES = (
    *(FRESHNESS, STALE, PARKED, HELD, HELD_CHANGES, COMPARED, MISSED, PHANTOM, LANES, BACKLOG, BACKLOG_AGE, ACTIVE),
    *(OLDEST, NOTICES, BUDGET, WRITES, COMMITS, FAILING, BYTES),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one scrape has read."""

    now: Moment
    lanes: Sequence[Lane]
    backlogs: Sequence[Backlog]
    notices: Sequence[Notice]
    store: StoreFigures
    budget_left: Mapping[int, int | None]
    logs: Sequence[Log] = ()


@answers(str, 403, kinds=("text/plain",))
async def show(call: CallIn, request: Request) -> Response:
    """How the server does, for Prometheus. Answers this machine alone, or, when there is a metrics token, whoever sends
    it."""
    parts = call.parts
    _refuse_strangers(parts, request)
    lanes = await parts.store.lanes()
    seen = Seen(
        now=parts.clock(),
        lanes=lanes,
        backlogs=await parts.store.backlogs(),
        logs=await parts.store.logs(),
        notices=await parts.store.open_notices(),
        store=await parts.store.figures(),
        budget_left={each: parts.budget_left(each) for each in _polling(lanes)},
    )
    # Beside the event loop: thousands of resources are a lot of text.
    text = await asyncio.to_thread(gauges, seen)
    body = text.encode() + parts.counted()
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def _refuse_strangers(parts: ApiParts, request: Request) -> None:
    token = parts.settings.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "").strip()
        if not hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode()):
            raise Refused(403, "Authorization: write Bearer and the value of TIDINGS_METRICS_TOKEN")
        return
    # A proxy on this machine speaks for others.
    passed_on = {"forwarded", "x-forwarded-for", "via"} & set(request.headers.keys())
    if passed_on or not is_loopback(request.client.host if request.client else ""):
        raise Refused(
            403,
            "Metrics are for this machine alone; set TIDINGS_METRICS_TOKEN and send Authorization: Bearer <token>",
        )


def is_loopback(host: str) -> bool:
    """Whether a client at this address is on this machine.

    >>> is_loopback("::1"), is_loopback("::ffff:127.0.0.1"), is_loopback("10.0.0.1"), is_loopback("")
    (True, True, False, False)
    """
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def gauges(seen: Seen) -> str:
    """What a scrape has read, as text."""
    return "".join(
        [
            *_of_resources(seen),
            *_of_subscriptions(seen),
            _family(LANES, _states(seen.lanes).items()),
            _family(OLDEST, _oldest(seen)),
            _family(NOTICES, Counter((each.kind,) for each in seen.notices).items()),
            _family(BUDGET, [((each,), left) for each, left in seen.budget_left.items() if left is not None]),
            _family(WRITES, [((), seen.store.waiting_writes)]),
            _text(
                COMMITS,
                [
                    f"{COMMITS.name}_count {seen.store.commits}",
                    f"{COMMITS.name}_sum {seen.store.commit_for:.6f}",
                ],
            ),
            _family(FAILING, [((), int(seen.store.failure is not None))]),
            _family(BYTES, [((), seen.store.bytes)]),
        ]
    )


def _of_resources(seen: Seen) -> Iterable[str]:
    lines: dict[Series, list[str]] = {each: [] for each in GAUGES if each.labels == RESOURCE}
    for lane in seen.lanes:
        if lane.kind is not LaneKind.POLL or lane.state is LaneState.OFF:
            continue
        cursor = decode(lane.cursor)
        labels = _labels(RESOURCE, (lane.instance_id, lane.key))
        age = freshness(cursor, seen.now)
        if age is not None:
            lines[FRESHNESS].append(f"{FRESHNESS.name}{labels} {age / 1000}")
        lines[STALE].append(f"{STALE.name}{labels} {int(is_stale(cursor, seen.now))}")
        lines[PARKED].append(f"{PARKED.name}{labels} {int(lane.state is LaneState.PARKED)}")
        lines[HELD].append(f"{HELD.name}{labels} {cursor.held}")
        lines[HELD_CHANGES].append(f"{HELD_CHANGES.name}{labels} {cursor.unmoved}")
        audit = completeness(cursor)
        if audit is None:
            continue
        lines[COMPARED].append(f"{COMPARED.name}{labels} {audit.compared}")
        lines[MISSED].append(f"{MISSED.name}{labels} {audit.missed}")
        if audit.phantom is not None:
            lines[PHANTOM].append(f"{PHANTOM.name}{labels} {audit.phantom}")
    return [_text(series, found) for series, found in lines.items()]


def _of_subscriptions(seen: Seen) -> Iterable[str]:
    by_id = [((each.instance_id, each.subscription_id), each) for each in seen.backlogs]

    def age(backlog: Backlog) -> float:
        return 0 if backlog.oldest_at is None else max(0, seen.now - backlog.oldest_at) / 1000

    return (
        _family(BACKLOG, [(labels, each.events) for labels, each in by_id]),
        _family(BACKLOG_AGE, [(labels, age(each)) for labels, each in by_id]),
        _family(ACTIVE, [(labels, int(each.active)) for labels, each in by_id]),
    )


def _oldest(seen: Seen) -> Iterable[tuple[tuple[int], float]]:
    for log in seen.logs:
        if log.oldest_at is not None:
            yield (log.id,), max(0, seen.now - log.oldest_at) / 1000


def _states(lanes: Sequence[Lane]) -> Mapping[tuple[str, str], int]:
    """How many lanes there are, by kind and state."""
    return Counter((lane.kind.value, "working" if lane.owner is not None else lane.state.value) for lane in lanes)


def _polling(lanes: Sequence[Lane]) -> list[int]:
    """The instances that poll, by id."""
    return sorted({each.instance_id for each in lanes if each.kind is LaneKind.POLL and each.state is LaneState.READY})


def _family(series: Series, samples: Iterable[tuple[tuple[object, ...], float]]) -> str:
    return _text(series, [f"{series.name}{_labels(series.labels, labels)} {value}" for labels, value in samples])


def _text(series: Series, lines: Sequence[str]) -> str:
    head = f"# HELP {series.name} {series.sentence}\n# TYPE {series.name} {series.type}\n"
    return head + "".join(f"{line}\n" for line in lines)


def _labels(names: Sequence[str], values: Sequence[object]) -> str:
    """The labels of one sample.

    >>> _labels(("instance", "resource"), (7, 'a"b'))
    '{instance="7",resource="a\\\\\\\\"b"}'
    """
    if not names:
        return ""
    return "{" + ",".join(f'{n}="{_escaped(str(v))}"' for n, v in zip(names, values, strict=True)) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
