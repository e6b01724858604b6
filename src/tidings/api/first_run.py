"""What would a first run announce? Asked of the provider by counting; nothing is read, changed or sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from starlette.responses import Response
from whenever import Instant

from tidings.api.acceptance import account_of, element_of
from tidings.api.answers import listing
from tidings.api.call import InstanceCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.instance_view import configuration_of
from tidings.api.parts import Account, ApiParts
from tidings.api.schemas import instances as shapes
from tidings.core import firstrun, instancerules
from tidings.core.budget import SHARES, Priority
from tidings.core.configvalues import whole
from tidings.core.cursor import decode
from tidings.core.errors import AddressForbidden, InvalidInput, ProviderRefused
from tidings.core.firstrun import FirstRun
from tidings.core.instanceconfig import FIELD, completed
from tidings.core.model import LaneKind, Moment
from tidings.core.pollerconfig import PolledResource
from tidings.elements.element import Element, Resource
from tidings.engine.source import query_of

#: Requests of a first run beside its pages: the newest id, the second in which watching begins (empty, so asked twice),
#: the count before and after, the empty page at the end (asked twice), and a look whether the filter works.
BESIDE_PAGES = 8

MAX_EVENTS = "event.notification.max_events"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the provider counts of one resource; None, with the reason, where it does not."""

    records: int | None
    events: int | None
    reason: str | None = None


@answers(list[shapes.FirstRun], *OF_PROVIDER)
async def estimate(
    call: InstanceCallIn,
    first_run: Annotated[
        str | None,
        Query(alias="firstRun", description="silent, backfill or a date; without it, what is configured."),
    ] = None,
    resource: Annotated[str | None, Query(description="Only this resource.")] = None,
) -> Response:
    """What a first run would announce, by resource: how many records exist, how many events it would send and in how
    many notifications at the least, and roughly how many requests it takes and how many minutes those take at the
    least. The provider is only asked to count; where it does not, the figure is null and `reason` says why. The
    instance's events may be off."""
    now = call.parts.clock()
    given = None if first_run is None else firstrun.read(first_run, "firstRun")
    if given is not None:
        firstrun.refuse_future(given, now)
    configuration, element = configuration_of(call.instance), element_of(call.parts, call.instance)
    entries = instancerules.polled(configuration, element)
    chosen = [entry for entry in entries if resource in (None, entry.name)]
    if not chosen:
        names = ", ".join(entry.name for entry in entries) or "none"
        raise InvalidInput("resource", f"{resource!r} is not configured for polling; configured are: {names}")
    lanes = await call.parts.store.lanes(LaneKind.POLL, call.instance.id)
    learned = {lane.key for lane in lanes if decode(lane.cursor).polled_at}
    most = whole(completed(configuration, element.configuration).get(MAX_EVENTS), FIELD + MAX_EVENTS, "events")
    try:
        account = account_of(call.parts, element, call.instance)
    except InvalidInput as error:
        raise InvalidInput(FIELD + error.field, error.message) from None
    shown = []
    for entry in chosen:
        rule = given or entry.first_run
        counted = await _count(account, element, entry, rule, now)
        shown.append(_show(entry, rule, counted, most, element, call.parts, learned=entry.name in learned))
    return listing(shown)


async def _count(account: Account, element: Element, entry: PolledResource, rule: FirstRun, now: Moment) -> Counted:
    resource = element.resource(entry.path)
    assert resource is not None, "instancerules.polled refuses what the element does not have"
    query = query_of(entry, resource, None, now)
    try:
        records, _ = await account.count(resource, query.conditions, query.extra)
        more = _conditions(entry, resource, rule)
        if more is None:
            return Counted(records, 0, _why_none(rule))
        if not more:
            return Counted(records, records)
        asked = f"({query.conditions}) and {more}" if query.conditions else more
        events, _ = await account.count(resource, asked, query.extra)
    except ProviderRefused as error:
        return Counted(None, None, f"the provider does not count these records: {error}")
    except AddressForbidden as error:
        raise InvalidInput(FIELD + element.api.root, str(error)) from None
    return Counted(records, events)


def _conditions(entry: PolledResource, resource: Resource, rule: FirstRun) -> str | None:
    """What tells an announced record from a learned one, in the provider's language; None when none is announced."""
    if rule.since_at is None and not rule.backfill:
        return None
    alive = [f"{_name(resource.deleted)} = false"] if resource.deleted else []
    if rule.since_at is None:
        return " and ".join(alive)
    if entry.updated_field is None:
        return None
    own = entry.updated_field == resource.stamp_path and resource.stamp_condition
    stamp = _name(resource.stamp_condition if own else ".".join(entry.updated_field))
    since = Instant.from_timestamp(rule.since_at, unit="millisecond").format_iso()
    return " and ".join([f"{stamp} >= [{since}]", *alive])


def _why_none(rule: FirstRun) -> str | None:
    if rule.since_at is None:
        return None
    return "the entry names no updatedDateField, so no record is known to be as late as the date"


def _name(dotted: str) -> str:
    return dotted.replace(".", "/")


def _show(
    entry: PolledResource,
    rule: FirstRun,
    counted: Counted,
    most: int,
    element: Element,
    parts: ApiParts,
    *,
    learned: bool,
) -> dict[str, object]:
    size = min(entry.page_size or element.api.page_size, element.api.page_size)
    requests = None if counted.records is None else math.ceil(counted.records / size) + BESIDE_PAGES
    a_minute = _requests_a_minute(element, parts)
    over = "it has been learned already: its first run is over, and another firstRun changes nothing"
    return {
        "resource": entry.name,
        "firstRun": rule.text,
        "learned": learned,
        "records": counted.records,
        "events": counted.events,
        "notifications": None if counted.events is None else math.ceil(counted.events / most),
        "requests": requests,
        "minutes": None if requests is None or a_minute is None else round(requests / a_minute, 2),
        "reason": counted.reason or (over if learned else None),
    }


def _requests_a_minute(element: Element, parts: ApiParts) -> float | None:
    """How many requests a minute a first run gets when nobody else asks; None when they are not counted."""
    given = parts.settings.requests_a_minute
    limit = element.api.budget.requests_a_minute if given is None else given
    return limit * (1 - SHARES[Priority.ASKED] - SHARES[Priority.POLL]) if limit else None
