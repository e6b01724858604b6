"""How many events there were, when and of whom, and what became of each (spec platform.md 4.10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import iso, listing
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.events import LARGEST_PAGE, PageSize, token_of
from tidings.api.explain import moment_of
from tidings.api.pages import NextPage, paged
from tidings.api.problems import Refused
from tidings.api.schemas import events as shapes
from tidings.core.model import Attempt, Moment
from tidings.core.timebuckets import Window, window
from tidings.store.counting import Tally
from tidings.store.sending import Standing

DAY = 24 * 3_600_000

From = Annotated[
    str | None, Query(alias="from", description="ISO 8601 with its zone, or epoch milliseconds; a day before `to`.")
]
To = Annotated[str | None, Query(description="The same; now.")]
Interval = Annotated[
    str | None, Query(description="second, minute, hour or day; without it one that makes a few dozen of them.")
]
AccountIds = Annotated[
    list[int] | None, Query(alias="accountIds[]", description="Accounts; only the caller's own is permitted.")
]


@answers(list[shapes.CountedEvents], 403)
async def count(
    call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None, account_ids: AccountIds = None
) -> Response:
    """How many events the account's instances had in each interval, also where there were none."""
    _own(call, account_ids)
    asked = _window(call, from_, to, interval)
    counts: dict[Moment, int] = defaultdict(int)
    for tally in await _tallies(call, asked):
        counts[tally.bucket_at] += tally.events
    return listing([{"count": counts[at], "timestamp": iso(at)} for at in asked.begins()])


@answers(list[shapes.CountedByInstance], 403)
async def count_by_instance(
    call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None, account_ids: AccountIds = None
) -> Response:
    """The same for each instance, with how many of its events a receiver has taken and how many have failed so far."""
    _own(call, account_ids)
    asked = _window(call, from_, to, interval)
    found = [(tally.bucket_at, tally.instance_id, tally) for tally in await _tallies(call, asked, outcomes=True)]
    return listing(_by("instanceId", asked, found))


@answers(list[shapes.CountedByAccount], 403)
async def count_by_account(
    call: UserCallIn, from_: From = None, to: To = None, interval: Interval = None, account_ids: AccountIds = None
) -> Response:
    """The same for each account that the caller may see: their own."""
    _own(call, account_ids)
    asked = _window(call, from_, to, interval)
    tallies = await _tallies(call, asked, outcomes=True)
    return listing(_by("accountId", asked, [(each.bucket_at, call.user.account_id, each) for each in tallies]))


@answers(list[shapes.Disposition], paged=True)
async def list_dispositions(
    call: UserCallIn,
    from_: From = None,
    to: To = None,
    interval: Interval = None,
    page_size: PageSize = 200,
    next_page: NextPage = None,
) -> Response:
    """What became of the events of a period, newest first, a page at a time: a message for each try to deliver a
    notification to a subscription, and for each that waits. What nobody subscribes to is left out."""
    asked = _window(call, from_, to, interval)
    first, end = await call.parts.store.numbers_between(asked.from_at, asked.to_at)
    token = token_of(next_page)
    before = end if token is None else min(token, end)
    size = min(page_size, LARGEST_PAGE)
    by_number: dict[int, list[Standing]] = {}
    # A page is of notifications, and each may stand with several subscriptions: one more than is shown tells the next.
    while len(by_number) <= size:
        heard = len(await call.parts.store.subscriptions(call.user.account_id))
        found = await call.parts.store.deliveries(call.user.account_id, before=before, limit=size + heard + 1)
        whole = found if len(found) <= size + heard else _without_last(found)
        for standing in whole:
            if standing.number >= first and asked.from_at <= standing.created_at <= asked.to_at:
                by_number.setdefault(standing.number, []).append(standing)
        if not whole or len(found) <= size + heard or whole[-1].number < first:
            break
        before = whole[-1].number
    numbers = list(by_number)[:size]
    shown = [await _disposition(call, number, by_number[number]) for number in numbers]
    following = str(numbers[-1]) if len(by_number) > size else None
    return paged([each for each in shown if each is not None], following, page_size)


def _without_last(found: Sequence[Standing]) -> Sequence[Standing]:
    """Without those of the last notification, of which more may follow."""
    return [each for each in found if each.number != found[-1].number]


async def _disposition(call: UserCall, number: int, standings: Iterable[Standing]) -> dict[str, object] | None:
    kept = await call.parts.store.kept(call.user.account_id, number)
    # An account's own log holds what people post, which is no event of an instance.
    if kept is None or kept.notification.instance_id < 0:
        return None
    return {
        "eventId": kept.notification.id,
        "elementInstanceId": kept.notification.instance_id,
        "notificationData": [message for each in standings for message in _messages(each)],
    }


def _messages(standing: Standing) -> list[dict[str, object]]:
    to = f"subscription {standing.subscription_id}"
    told = [{"message": _said(each, to), "date": iso(each.at)} for each in standing.attempts]
    if not any(each.outcome.ok for each in standing.attempts):
        told.append({"message": f"Event is {standing.state.value} for {to}", "date": iso(standing.updated_at)})
    return [{**each, "subscriptionId": standing.subscription_id} for each in told]


def _said(attempt: Attempt, to: str) -> str:
    again = f", replay {attempt.replay_id}" if attempt.replay_id else ""
    if attempt.outcome.ok:
        return f"Delivered event to {to}, try {attempt.number}{again}: {attempt.outcome.status}"
    why = attempt.outcome.error or f"the receiver answered {attempt.outcome.status}"
    return f"Error delivering event to {to}, try {attempt.number}{again}: {why}"


def _by(name: str, asked: Window, found: Sequence[tuple[Moment, int, Tally]]) -> list[dict[str, object]]:
    records: dict[Moment, dict[int, list[int]]] = defaultdict(dict)
    for at, whose, tally in found:
        sums = records[at].setdefault(whose, [0, 0, 0])
        for nth, more in enumerate((tally.events, tally.success, tally.failed)):
            sums[nth] += more
    return [_bucket(name, at, records.get(at, {})) for at in asked.begins()]


def _bucket(name: str, at: Moment, records: Mapping[int, Sequence[int]]) -> dict[str, object]:
    return {
        "timestamp": iso(at),
        "total": sum(events for events, _, _ in records.values()),
        "records": [
            {name: whose, "count": events, "success": success, "failed": failed}
            for whose, (events, success, failed) in sorted(records.items())
        ],
    }


async def _tallies(call: UserCall, asked: Window, *, outcomes: bool = False) -> Sequence[Tally]:
    instances = [each.id for each in await call.parts.store.instances(call.user.account_id)]
    return await call.parts.store.tallies(instances, asked.from_at, asked.to_at, asked.span_for, outcomes=outcomes)


def _window(call: UserCall, from_: str | None, to: str | None, interval: str | None) -> Window:
    to_at = call.parts.clock() if to is None else moment_of("to", to)
    from_at = max(0, to_at - DAY) if from_ is None else moment_of("from", from_)
    return window(from_at, to_at, interval)


def _own(call: UserCall, account_ids: Sequence[int] | None) -> None:
    for each in account_ids or ():
        if each != call.user.account_id:
            raise Refused(403, f"accountIds[]: {each} is an account that these credentials may not look into")
