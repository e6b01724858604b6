"""Who has called what: every call of a known user under its request id, listed and counted (spec platform.md 5.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, TypeAlias

from fastapi import Path, Query
from starlette.responses import Response
from whenever import Instant

from tidings.api.answers import answer, listing
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.events import LARGEST_NUMBER, LARGEST_PAGE
from tidings.api.explain import moment_of
from tidings.api.known_elements import known_elements
from tidings.api.pages import NextPage, paged
from tidings.api.problems import Refused
from tidings.api.schemas import calls as shapes
from tidings.core.errors import InvalidInput
from tidings.core.model import Moment
from tidings.core.usage import DAY, Usage, UsageFilter, UsageTally, by_bucket, folded, interval_of, span_of
from tidings.store.usage import LATEST, UsagePlace

SUCCESS, FAILED = "SUCCESS", "FAILED"
NONE_FOUND = "No usage logs found"
NAMELESS = "NA"  #: as the platform calls a company without a name of its own
WEEK = 7 * DAY
LONGEST_TEXT = 200
MOST_NAMES = 100

From: TypeAlias = Annotated[
    str | None, Query(alias="from", description="ISO 8601 with its zone, or epoch milliseconds; 7 days before `to`.")
]
To: TypeAlias = Annotated[str | None, Query(description="The same; now.")]
Interval: TypeAlias = Annotated[
    str | None,
    Query(description="second, minute, hour, day, week, month, quarter or year; without it one that suits the period."),
]
Hub: TypeAlias = Annotated[str | None, Query(description="Calls about instances of the elements of this hub.")]
Keys: TypeAlias = Annotated[
    list[str] | None, Query(alias="keys[]", description="Calls about instances of these elements.")
]
Tags: TypeAlias = Annotated[
    list[str] | None, Query(alias="tags[]", description="Calls about instances with one of these tags.")
]


@answers(list[shapes.UsageRecord], 404, paged=True)
async def list_all(
    call: UserCallIn,
    from_: From = None,
    to: To = None,
    hub: Hub = None,
    keys: Keys = None,
    tags: Tags = None,
    status: Annotated[str | None, Query(description="SUCCESS or FAILED.")] = None,
    search_text: Annotated[
        str | None,
        Query(alias="searchText", description="Text in the path, the operation, the element's key or the request id."),
    ] = None,
    page_offset: Annotated[
        int, Query(alias="pageOffset", ge=0, le=LARGEST_NUMBER, description="Which page, from 0.")
    ] = 0,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, description=f"At most {LARGEST_PAGE}.")] = 100,
    next_page: NextPage = None,
) -> Response:
    """The account's calls of the last days, newest first, a page at a time; 404 when there is none. Paths are without
    their query."""
    wanted = await _wanted(call, from_, to, hub, keys, tags, status, search_text)
    size = min(page_size, LARGEST_PAGE)
    after = LATEST if not next_page else _place(next_page)
    skip = 0 if next_page else page_offset * size
    if skip > LARGEST_NUMBER:
        raise InvalidInput("pageOffset", "is beyond any list; go on with nextPage")
    await call.parts.usage.flush()
    # One more than is shown, to know whether there is a next page.
    found = await call.parts.store.usages(call.user.account_id, wanted, after=after, limit=size + 1, skip=skip)
    if not found:
        raise Refused(404, NONE_FOUND)
    page = found[:size]
    token = f"{page[-1].at}-{page[-1].number}" if len(found) > size else None
    names = await _names(call)
    return paged([_shown(each, names) for each in page], token, page_size)


@answers(shapes.UsageRecord, 404)
async def read(
    call: UserCallIn, request_id: Annotated[str, Path(description="The `Elements-Request-Id` of a call.")]
) -> Response:
    """One call of the account, by its request id."""
    await call.parts.usage.flush()
    found = await call.parts.store.usage(call.user.account_id, request_id)
    if found is None:
        raise Refused(404, f"No usage found with ID {request_id}")
    return answer(_shown(found, await _names(call)))


@answers(list[shapes.CallTimes], 404)
async def count_times(call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None) -> Response:
    """How long calls took in each interval that had some, in milliseconds; 404 when none had."""
    return _counted(
        {
            "timestamp": _date(at),
            "count": sum(each.calls for each in tallies),
            "min": _ms(min(each.shortest_for for each in tallies)),
            "max": _ms(max(each.longest_for for each in tallies)),
            "avg": 1000 * sum(each.total_for for each in tallies) / sum(each.calls for each in tallies),
        }
        for at, tallies in (await _buckets(call, from_, to, interval)).items()
    )


@answers(list[shapes.CallStatuses], 404)
async def count_statuses(call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None) -> Response:
    """How many calls succeeded and failed in each interval that had some; 404 when none had."""
    return _counted(
        {
            "timestamp": _date(at),
            "count": sum(each.calls for each in tallies),
            "failed": sum(each.calls - each.success for each in tallies),
            "success": sum(each.success for each in tallies),
        }
        for at, tallies in (await _buckets(call, from_, to, interval)).items()
    )


@answers(list[shapes.CountedCalls])
async def count_calls(call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None) -> Response:
    """How many calls there were in each interval that had some; none is an empty list."""
    buckets = await _buckets(call, from_, to, interval)
    return listing(
        [{"timestamp": _date(at), "count": sum(each.calls for each in tallies)} for at, tallies in buckets.items()]
    )


@answers(list[shapes.CountedByElement])
async def count_by_element(call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None) -> Response:
    """The same, and for each element how many calls were about its instances; none is an empty list."""
    buckets = await _buckets(call, from_, to, interval)
    return listing(
        [
            {each.element_key: each.calls for each in tallies if each.element_key}
            | {"timestamp": _date(at), "count": sum(each.calls for each in tallies)}
            for at, tallies in buckets.items()
        ]
    )


@answers(shapes.UsageByInstance)
async def count_by_instance(
    call: UserCallIn,
    kind: Annotated[
        str, Path(description="What kind of instances; those of elements are counted whatever is written.")
    ],
    from_: From = None,
    to: To = None,
) -> Response:
    """How many calls were about each instance, the busiest first; an empty list in `usage` when there were none."""
    wanted = _period(call, from_, to)
    await call.parts.usage.flush()
    tallies = await call.parts.store.usage_tallies(call.user.account_id, wanted, 2**50, by_instance=True)
    busy = sorted((each for each in tallies if each.instance_id), key=lambda each: (-each.calls, each.instance_id))
    known = {each.id: each.name for each in await call.parts.store.instances(call.user.account_id)}
    return answer(
        {
            "usage": [
                {
                    "instanceId": each.instance_id,
                    "instanceName": known.get(each.instance_id or 0),
                    "elementKey": each.element_key,
                    "count": each.calls,
                    "success": each.success,
                    "failed": each.calls - each.success,
                }
                for each in busy
            ]
        }
    )


@answers(shapes.CreatedCount)
async def count_created(call: UserCallIn, from_: From = None, to: To = None) -> Response:
    """How many of the account's instances were made in a period."""
    wanted = _period(call, from_, to)
    instances = await call.parts.store.instances(call.user.account_id)
    made = sum(wanted.from_at <= each.created_at <= wanted.to_at for each in instances)
    return answer({"instancesCreatedCount": made})


@answers(shapes.CreatedCount)
async def count_created_of_kind(
    call: UserCallIn,
    kind: Annotated[
        str, Path(description="What kind of instances; those of elements are counted whatever is written.")
    ],
    from_: From = None,
    to: To = None,
) -> Response:
    """How many of the account's instances were made in a period."""
    return await count_created(call, from_, to)


def _period(call: UserCall, from_: str | None, to: str | None) -> UsageFilter:
    to_at = call.parts.clock() if to is None else moment_of("to", to)
    from_at = max(0, to_at - WEEK) if from_ is None else moment_of("from", from_)
    if from_at > to_at:
        raise InvalidInput("from", "is later than to; write an earlier moment")
    return UsageFilter(from_at, to_at)


async def _wanted(
    call: UserCall,
    from_: str | None,
    to: str | None,
    hub: str | None,
    keys: Sequence[str] | None,
    tags: Sequence[str] | None,
    status: str | None,
    text: str | None,
) -> UsageFilter:
    period = _period(call, from_, to)
    for name, given in (("keys[]", keys), ("tags[]", tags)):
        if given is not None and len(given) > MOST_NAMES:
            raise InvalidInput(name, f"names {len(given)}; write {MOST_NAMES} at the most")
    if text is not None and len(text) > LONGEST_TEXT:
        raise InvalidInput("searchText", f"has {len(text)} characters; write {LONGEST_TEXT} at the most")
    wanted_keys = None if keys is None else set(keys)
    if hub is not None:
        of_hub = {known.element.key for known in await known_elements(call) if known.element.hub == hub}
        wanted_keys = of_hub if wanted_keys is None else wanted_keys & of_hub
    tagged: tuple[int, ...] | None = None
    if tags is not None:
        instances = await call.parts.store.instances(call.user.account_id)
        tagged = tuple(each.id for each in instances if set(each.tags) & set(tags))
    return UsageFilter(
        from_at=period.from_at,
        to_at=period.to_at,
        element_keys=None if wanted_keys is None else tuple(sorted(wanted_keys)),
        instance_ids=tagged,
        ok=_outcome(status),
        text=text or None,
    )


def _outcome(status: str | None) -> bool | None:
    if status is None or not status.strip():
        return None
    outcomes = {SUCCESS: True, FAILED: False}
    if status.strip().upper() not in outcomes:
        raise InvalidInput("status", f"is {status[:40]!r}: write {SUCCESS} or {FAILED}")
    return outcomes[status.strip().upper()]


async def _buckets(
    call: UserCall, from_: str | None, to: str | None, interval: str | None
) -> dict[Moment, list[UsageTally]]:
    wanted = _period(call, from_, to)
    name = interval_of(interval, wanted.from_at, wanted.to_at)
    await call.parts.usage.flush()
    tallies = await call.parts.store.usage_tallies(call.user.account_id, wanted, span_of(name))
    return dict(by_bucket(folded(tallies, name)))


def _counted(buckets: Iterable[dict[str, object]]) -> Response:
    shown = list(buckets)
    if not shown:
        raise Refused(404, NONE_FOUND)
    return listing(shown)


async def _names(call: UserCall) -> dict[str, str]:
    return {known.element.key: known.element.name for known in await known_elements(call)}


def _shown(usage: Usage, names: Mapping[str, str]) -> dict[str, object]:
    """A call as the platform shows it. One that is about no instance has no element."""
    key = usage.element_key
    return {
        "traffic_id": usage.request_id,
        "request_id": usage.request_id,
        "traffic_date": _date(usage.at),
        "request_status": SUCCESS if usage.ok else FAILED,
        "response_status": usage.status,
        "request_method": usage.method,
        "request_uri": usage.path,
        "request_ip": usage.address,
        "process_time": _ms(usage.took_for),
        "element_api": usage.operation,
        "element_key": key,
        "element_name": None if key is None else names.get(key, key),
        "instance_id": usage.instance_id,
        "user_id": usage.user_id,
        "account_id": usage.account_id,
        "company_id": usage.organization_id,
        "company_external_id": NAMELESS,
        "company_external_name": NAMELESS,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _date(moment: Moment) -> str:
    """To the millisecond, in UTC."""
    return f"{Instant.from_timestamp(moment // 1000).format_iso()[:-1]}.{moment % 1000:03}Z"


def _place(token: str) -> UsagePlace:
    at, _, number = token.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at, number)):
        raise InvalidInput("nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before")
    return UsagePlace(int(at), int(number))
