"""What happened at an instance: the event log as the platform shows it, and as a feed to pull from.

Bodies are the stored notification bytes; nothing is made anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated

import orjson
from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.answers import answer, iso, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import RETURNED, answers
from tidings.api.problems import Refused
from tidings.api.schemas import events as shapes
from tidings.api.sent_body import cut_out
from tidings.core.errors import InvalidInput
from tidings.core.model import Attempt, DeliveryState, Notification
from tidings.core.notify import MAX_EVENTS
from tidings.store.base import DeliverySummary

GREATEST_SEQUENCE = 2**63 - 1
LARGEST_PAGE = 1000
LARGEST_NUMBER = 10**12
LONGEST_WAIT = 30.0
# Another process may append without our signal hearing of it.
LOOK_AGAIN_FOR = 1.0

#: The platform's words for where an event stands (spec platform.md 4.10).
STATUS = {
    DeliveryState.CREATED: "NEW",
    DeliveryState.RETRY: "DISPATCHED",
    DeliveryState.QUEUED: "RECEIVED",
    DeliveryState.DELIVERED: "NOTIFIED",
}

PageSize = Annotated[int, Query(alias="pageSize", ge=1, description=f"At most {LARGEST_PAGE}.")]
EventId = Annotated[str, Path(description="The id of a notification: its eventId, and its Elements-Webhook-Id.")]


@answers(list[shapes.LoggedEvent], paged=True)
async def list_events(
    call: InstanceCallIn,
    page_size: PageSize = 200,
    page: Annotated[
        int, Query(ge=1, le=LARGEST_NUMBER, description="Which page; it moves while new events arrive.")
    ] = 1,
    next_page: Annotated[
        str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before; it wins.")
    ] = None,
) -> Response:
    """The newest notifications with their delivery, newest first, a page at a time."""
    size = min(page_size, LARGEST_PAGE)
    # One more than is shown, to know whether there is a next page.
    found = await call.parts.store.events(
        call.instance.id,
        before=token_of(next_page),
        limit=size + 1,
        skip=0 if next_page else (page - 1) * size,
        newest_first=True,
    )
    response = listing([_shown(summary) for summary in found[:size]])
    if len(found) > size:
        response.headers["Elements-Next-Page-Token"] = str(found[size - 1].notification.first_sequence)
    if page_size > LARGEST_PAGE:
        response.headers["Elements-Error"] = f"pageSize is at most {LARGEST_PAGE}; the result was cut to it"
    return response


def token_of(token: str | None) -> int | None:
    """The number below which a page token goes on; a blank one is none."""
    if not token:
        return None
    if not (token.isascii() and token.isdigit()) or len(token) > 19 or int(token) > GREATEST_SEQUENCE:
        raise InvalidInput("nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before")
    return int(token)


@answers(shapes.LoggedEvent, 404)
async def read_event(call: InstanceCallIn, event_id: EventId) -> Response:
    """One notification with every attempt to deliver it."""
    found = await call.parts.store.event(call.instance.id, event_id)
    if found is None:
        raise Refused(404, f"No event found with ID {event_id}")
    return answer(_shown(found))


@answers(shapes.Feed, 410, headers=(RETURNED,))
async def feed(
    call: InstanceCallIn,
    after: Annotated[
        int | None, Query(ge=0, le=GREATEST_SEQUENCE, description="The last sequence you have; without it, all kept.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="The most events to return.")] = 200,
    wait: Annotated[
        float, Query(ge=0, le=LONGEST_WAIT, allow_inf_nan=False, description="Seconds to wait for the first one.")
    ] = 0,
) -> Response:
    """The events after a sequence, oldest first; `next` is the sequence to ask with next time. 410 when some of
    them are no longer kept."""
    dropped = call.instance.dropped_sequence
    if after is not None and after < dropped:
        raise gone("after", dropped + 1)
    if after is not None:
        behind_the_end("after", after, call.instance.last_sequence)
    events, last = await _wait_for_events(call, dropped if after is None else after, limit, wait)
    response = answer({"events": [orjson.Fragment(event) for event in events], "next": last})
    response.headers["Elements-Returned-Count"] = str(len(events))
    return response


def gone(name: str, oldest: int) -> Refused:
    """What lies before the oldest sequence was removed after the retention time."""
    return Refused(
        410,
        f"{name}: the events before sequence {oldest} are no longer kept; go on with after={oldest - 1}",
        oldestSequence=oldest,
    )


def behind_the_end(name: str, sequence: int, last: int) -> None:
    """Raises InvalidInput for a sequence that the log has not reached: what gets it would be passed over."""
    if sequence > last:
        raise InvalidInput(
            name,
            f"is {sequence}, but the log ends with sequence {last}; it is of another instance, or the server was"
            f" restored from an older backup: go on with {last}",
        )


async def _wait_for_events(call: InstanceCall, after: int, limit: int, wait: float) -> tuple[Sequence[bytes], int]:
    log, grew, now = call.instance.id, call.parts.log_grew, asyncio.get_running_loop().time
    until = now() + wait
    while True:
        count = grew.count(log)
        # The notification that holds event `after` may begin as many events before it as one can hold.
        found = await call.parts.store.log_after(log, after - MAX_EVENTS, limit + MAX_EVENTS)
        events = list(_events_after(found, after))[:limit]
        if events and events[0][0] != after + 1:  # the log has no gaps: those between were removed a moment ago
            raise gone("after", events[0][0])
        left = until - now()
        if events or left <= 0 or grew.closed:
            return [event for _, event in events], events[-1][0] if events else after
        await grew.passed(log, count, min(left, LOOK_AGAIN_FOR))


def _events_after(notifications: Iterable[Notification], after: int) -> Iterable[tuple[int, bytes]]:
    for notification in notifications:
        if notification.last_sequence > after:
            _, bodies = cut_out(notification.body)
            for event, body in zip(notification.events, bodies, strict=True):
                if event.sequence > after:
                    yield event.sequence, body


def _shown(summary: DeliverySummary) -> dict[str, object]:
    notification = summary.notification
    raw, _ = cut_out(notification.body)
    shown: dict[str, object] = {
        "id": notification.id,
        "eventDate": iso(notification.created_at),
        "status": STATUS[summary.state],
        "providerData": raw.decode(),
        "notificationId": notification.number,
        "objectType": notification.resource,
        "sequence": {"first": notification.first_sequence, "last": notification.last_sequence},
        "attempts": [shown_attempt(attempt) for attempt in attempts_of(summary)],
    }
    if summary.state is DeliveryState.DELIVERED:
        shown["notifiedData"] = [orjson.Fragment(notification.body)]
    return shown


def attempts_of(summary: DeliverySummary) -> Sequence[Attempt]:
    """Those of the first delivery that its `state` speaks of, and then those of every replay."""
    replayed = [each for standing in summary.standings for each in standing.attempts if each.replay_id]
    return [*summary.attempts, *replayed]


def shown_attempt(attempt: Attempt) -> dict[str, object]:
    """One try to deliver a notification."""
    shown: dict[str, object] = {
        "number": attempt.number,
        "date": iso(attempt.at),
        "status": attempt.outcome.status,
        "error": attempt.outcome.error,
        "tookMs": round(attempt.outcome.took_for * 1000),
    }
    return shown | {"replayId": attempt.replay_id} if attempt.replay_id else shown
