"""How are events followed as they happen? As server-sent events of the log, which resume where they broke off.

A stream holds one page of the log at a time and reads the next when that is sent: a client that is slow costs no more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query
from starlette.responses import Response, StreamingResponse

from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import answers
from tidings.api.events import GREATEST_SEQUENCE, LOOK_AGAIN_FOR, behind_the_end, gone
from tidings.api.problems import Refused
from tidings.core.errors import InvalidInput
from tidings.core.model import Notification

BEAT_FOR = 15.0
"""Seconds without an event after which a comment says that the stream lives."""

RETRY_AFTER = 2000
"""Milliseconds after which a client comes back, unless it knows better."""

PAGE, PAGE_BYTES = 50, 256 * 1024


@answers(str, 404, 410, kinds=("text/event-stream",))
async def stream(
    call: InstanceCallIn,
    after: Annotated[
        int | None,
        Query(ge=0, le=GREATEST_SEQUENCE, description="The last sequence you have; without it, what comes from now."),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", description="What the stream's last `id` was; it wins.")
    ] = None,
) -> Response:
    """The notifications after a sequence and then those that come, as server-sent events: each with its last sequence
    as `id`, the `event` called notification, and its body as `data`. 410 when some of them are no longer kept."""
    begin = after if not last_event_id else _sequence(last_event_id)
    log = await call.parts.store.log(call.instance.id)
    if log is None:
        raise Refused(404, f"No element instance found with ID {call.instance.id}")
    if begin is None:
        begin = log.last_sequence
    if begin < log.dropped_sequence:
        raise gone("Last-Event-ID" if last_event_id else "after", log.oldest_sequence)
    behind_the_end("Last-Event-ID" if last_event_id else "after", begin, log.last_sequence)
    # A proxy that collects an answer before it passes it on would never pass this one on.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_messages(call, begin), headers=headers, media_type="text/event-stream")


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > GREATEST_SEQUENCE:
        raise InvalidInput("Last-Event-ID", "is none of ours; send the id of the last event that arrived")
    return int(text)


async def _messages(call: InstanceCall, after: int) -> AsyncIterator[bytes]:
    """Until the client goes, the server stops, the instance is deleted, or the client has fallen behind retention."""
    log, store, grew = call.instance.id, call.parts.store, call.parts.log_grew
    # Where another process works, nobody tells us that the log has grown.
    look_for = LOOK_AGAIN_FOR if call.parts.settings.role == "api" else BEAT_FOR
    # With the id alone a client that breaks off before the first event knows where to resume.
    yield b"retry: %d\nid: %d\n\n" % (RETRY_AFTER, after)
    quiet_for = 0.0
    within = await store.place_of(log, after)
    if within is not None and within.first_sequence <= after < within.last_sequence:
        after = within.first_sequence - 1  # who has a part of a notification gets it whole
    while not grew.closed:
        count = grew.count(log)
        page = await store.log_after(log, after, PAGE, PAGE_BYTES)
        if page and page[0].first_sequence != after + 1:
            return  # whoever comes back is told what is no longer kept
        for notification in page:
            yield message(notification)
            after = notification.last_sequence
        if page:
            quiet_for = 0.0
            continue
        await grew.passed(log, count, look_for)
        quiet_for = quiet_for + look_for if grew.count(log) == count else 0.0
        if quiet_for >= BEAT_FOR:
            quiet_for = 0.0
            stands = await store.log(log)
            if stands is None or stands.dropped_sequence > after:
                return
            yield b":\n\n"


def message(notification: Notification) -> bytes:
    """A notification as one server-sent event; a line break between its members is one of `data` as well."""
    data = b"\n".join(b"data: " + line for line in notification.body.splitlines())
    return b"id: %d\nevent: notification\n%b\n\n" % (notification.last_sequence, data)
