"""Deliveries: where each notification stands with each subscription (spec platform.md 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from tidings.api import notifications, subscriptions
from tidings.api.answers import answer, iso, listing
from tidings.api.authorization import GREATEST_ID
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.events import shown_attempt
from tidings.api.notifications import NotificationId
from tidings.api.pages import NextPage, Page, PageSize, paged, read_page
from tidings.api.problems import Refused
from tidings.api.schemas import notifications as shapes
from tidings.core.deliverywhere import Selected, read_where
from tidings.core.errors import InvalidInput
from tidings.core.model import DeliveryState
from tidings.core.subscription import Subscription
from tidings.store.sending import NEWEST, Kept, Standing

SHOWN_AGAIN = 200
"""The most deliveries that the answer of a redelivery shows; what is sent is everything."""

Place = tuple[int, int]
"""The number of a notification and the id of a subscription: where a page of deliveries ends."""

SubscriptionId = Annotated[int, Path(description="The id of a subscription.")]
Hydrate = Annotated[bool, Query(description="true: with the notification and the subscription themselves.")]
Where = Annotated[
    str | None,
    Query(description="field='value' joined by and; the fields are channel, status and config.url."),
]


@answers(shapes.Delivery, 404)
async def read(
    call: UserCallIn, notification_id: NotificationId, subscription_id: SubscriptionId, hydrate: Hydrate = False
) -> Response:
    """Where one notification stands with one subscription, with every try; 404 when it does not get it."""
    await notifications.own_notification(call, notification_id)
    subscription = await subscriptions.own_subscription(call, subscription_id)
    for standing in await call.parts.store.standings(call.user.account_id, notification_id):
        if standing.subscription_id == subscription.id:
            return answer((await _shown(call, [standing], hydrate=hydrate))[0])
    raise Refused(404, f"Subscription {subscription_id} does not get notification {notification_id}")


@answers(list[shapes.Delivery], 404)
async def list_of_notification(call: UserCallIn, notification_id: NotificationId, hydrate: Hydrate = False) -> Response:
    """Where one notification stands with each subscription that gets it."""
    await notifications.own_notification(call, notification_id)
    found = await call.parts.store.standings(call.user.account_id, notification_id)
    return listing(await _shown(call, found, hydrate=hydrate))


@answers(list[shapes.Delivery], paged=True)
async def list_where(
    call: UserCallIn,
    where: Where = None,
    hydrate: Hydrate = False,
    page_size: PageSize = 200,
    page: Page = 1,
    next_page: NextPage = None,
) -> Response:
    """The deliveries that meet a condition, newest first, a page at a time; none is an empty list."""
    selected = _selected(where)
    place = _place(next_page)
    start: Place = (NEWEST, 0) if place is None else place

    async def behind(after: Place, limit: int) -> Sequence[Standing]:
        return await _behind(call, selected, after, limit)

    found = await read_page(
        behind,
        lambda each: (each.number, each.subscription_id),
        start,
        1 if place is not None else page,
        page_size,
    )
    token = None if found.following is None else "{}-{}".format(*found.following)
    return paged(await _shown(call, found.page, hydrate=hydrate), token, page_size)


@answers(list[shapes.Delivery])
async def redeliver(call: UserCallIn, where: Where = None) -> Response:
    """Send what a condition selects again, and let its subscriptions go on: `queued`, `retry`, or both.

    All that waits for such a subscription is sent, in order; the newest of it are answered.
    """
    if where is None or not where.strip():
        raise InvalidInput("where", "is missing; write one such as channel='webhook' and status='queued'")
    selected, account_id = _selected(where), call.user.account_id
    if selected.never or selected.state not in (None, DeliveryState.QUEUED, DeliveryState.RETRY):
        raise InvalidInput(
            "where",
            "selects a status of which nothing waits; write queued or retry (a replay sends again what arrived)",
        )
    waiting = [
        each
        for each in await _behind(call, selected, (NEWEST, 0), SHOWN_AGAIN)
        if each.state in (DeliveryState.QUEUED, DeliveryState.RETRY)
    ]
    gone_on = await call.parts.store.redeliver(
        account_id, channel=selected.channel, state=selected.state, url=selected.url, now=call.parts.clock()
    )
    heard = {each.id: each for each in await call.parts.store.subscriptions(account_id)}
    for log_id in {heard[each].instance_id for each in gone_on if each in heard}:
        call.parts.wake(log_id)
    now_standing = [
        each
        for number in dict.fromkeys(each.number for each in waiting)
        for each in await call.parts.store.standings(account_id, number)
    ]
    asked = {(each.number, each.subscription_id) for each in waiting}
    again = [each for each in now_standing if (each.number, each.subscription_id) in asked]
    return listing(await _shown(call, [each for each in again if each.subscription_id in gone_on], hydrate=False))


async def _behind(call: UserCall, selected: Selected, place: Place, limit: int) -> Sequence[Standing]:
    """The next deliveries behind a place, newest first and by subscription."""
    if selected.never:
        return ()
    number, subscription_id = place
    # The rest of the same notification comes first, and so may be left out by no limit.
    heard = 0 if number == NEWEST else len(await call.parts.store.subscriptions(call.user.account_id))
    found = await call.parts.store.deliveries(
        call.user.account_id,
        channel=selected.channel,
        state=selected.state,
        url=selected.url,
        before=min(number + 1, NEWEST),
        limit=limit + heard,
    )
    left = [each for each in found if (-each.number, each.subscription_id) > (-number, subscription_id)]
    return left[:limit]


async def _shown(call: UserCall, found: Sequence[Standing], *, hydrate: bool) -> list[dict[str, object]]:
    if not hydrate:
        return [_view(each) for each in found]
    heard = {each.id: each for each in await call.parts.store.subscriptions(call.user.account_id)}
    noted = {number: await _notification(call, number) for number in {each.number for each in found}}
    return [_view(each) | _hydrated(each, noted, heard) for each in found]


def _view(standing: Standing) -> dict[str, object]:
    return {
        "notificationId": standing.number,
        "subscriptionId": standing.subscription_id,
        "status": standing.state.value,
        "createdDate": iso(standing.created_at),
        "updatedDate": iso(standing.updated_at),
        "attempts": [
            shown_attempt(each) | ({"replayId": each.replay_id} if each.replay_id else {}) for each in standing.attempts
        ],
    }


def _hydrated(
    standing: Standing, noted: Mapping[int, dict[str, object] | None], heard: Mapping[int, Subscription]
) -> dict[str, object]:
    notification, subscription = noted[standing.number], heard.get(standing.subscription_id)
    return {
        **({} if notification is None else {"notification": notification}),
        **({} if subscription is None else {"subscription": subscriptions.view(subscription)}),
    }


async def _notification(call: UserCall, number: int) -> dict[str, object] | None:
    """As the notifications API shows it; not active when it was deleted, None when retention has removed it."""
    kept = await call.parts.store.kept(call.user.account_id, number)
    if kept is not None:
        return notifications.shown(kept)
    with suppress(LookupError):
        hidden = Kept(await call.parts.store.notification(number), acknowledged=False)
        return notifications.shown(hidden, active=False)
    return None


def _selected(where: str | None) -> Selected:
    return Selected() if where is None or not where.strip() else read_where(where)


def _place(token: str | None) -> Place | None:
    if not token:
        return None
    parts = token.split("-")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise InvalidInput("nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before")
    number, subscription_id = map(int, parts)
    if max(number, subscription_id) > GREATEST_ID:
        raise InvalidInput("nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before")
    return number, subscription_id
