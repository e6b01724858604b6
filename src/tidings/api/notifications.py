"""Notifications: what people post to their account's topics, and what events were announced (spec platform.md 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import orjson
from fastapi import Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api.answers import answer, iso
from tidings.api.authorization import GREATEST_ID
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import WARNING, answers
from tidings.api.events import token_of
from tidings.api.pages import NextPage, Page, PageSize, paged, read_page
from tidings.api.problems import Refused
from tidings.api.schemas import notifications as shapes
from tidings.api.schemas.shape import Nothing
from tidings.core.errors import InvalidInput
from tidings.core.model import Instance
from tidings.core.naming import writable
from tidings.core.notify import SENDER
from tidings.core.posted import Post
from tidings.core.splice import members
from tidings.core.subscription import account_log
from tidings.core.topics import instance_in
from tidings.store.sending import NEWEST, Kept

LONGEST_TOPIC = 255
LONGEST_MESSAGE = 100_000
MOST_TOPICS = 100
EMAILS = "emails"  #: the topic of what was to be mailed

NotificationId = Annotated[int, Path(description="The number of a notification.")]


class NotificationBody(BaseModel):
    """What a client posts; unknown members are tolerated and dropped."""

    topic: str | None = None
    message: str | None = None
    severity: Literal["low", "medium", "high"] = "medium"
    sender: str = Field(default=SENDER, alias="from")


class EmailBody(BaseModel):
    """A mail as a client of the platform writes it."""

    to: str | None = None
    subject: str | None = None
    message: str | None = None
    sender: str = Field(default=SENDER, alias="from")


@answers(shapes.Notification)
async def post(call: UserCallIn, body: NotificationBody) -> Response:
    """Post a notification to a topic of the account; whoever subscribes to the topic gets it."""
    topic = text_of(body.topic, "topic", LONGEST_TOPIC)
    if await instance_of(call, topic) is not None:
        raise InvalidInput(
            "topic", f"{topic!r} is that of an instance's events, which nobody else posts; write another"
        )
    made = Post(
        severity=body.severity,
        topic=topic,
        message=text_of(body.message, "message", LONGEST_MESSAGE),
        sender=text_of(body.sender, "from", LONGEST_TOPIC),
    )
    notification = await call.parts.store.post_notification(call.user.account_id, made, call.parts.clock())
    call.parts.wake(account_log(call.user.account_id))
    return answer(shown(Kept(notification, acknowledged=False)))


@answers(None, headers=(WARNING,))
async def post_email(call: UserCallIn, body: EmailBody) -> Response:
    """For clients of the platform that send mail: no mail is sent, what was to be sent is posted to the topic `emails`,
    to which a webhook may subscribe. The answer has no body; `Elements-Error` says so."""
    mail = {
        "to": text_of(body.to, "to", LONGEST_MESSAGE),
        "subject": body.subject and text_of(body.subject, "subject", LONGEST_MESSAGE),
        "message": body.message and text_of(body.message, "message", LONGEST_MESSAGE),
    }
    written = orjson.dumps({name: value for name, value in mail.items() if value is not None}).decode()
    if len(written) > LONGEST_MESSAGE:
        raise InvalidInput("message", f"makes {len(written)} characters with the rest; write {LONGEST_MESSAGE} at most")
    made = Post("low", EMAILS, written, text_of(body.sender, "from", LONGEST_TOPIC))
    await call.parts.store.post_notification(call.user.account_id, made, call.parts.clock())
    call.parts.wake(account_log(call.user.account_id))
    warning = f"No mail is sent by this server; it was posted to the topic {EMAILS}"
    return Response(b"", headers={"Elements-Error": warning})


@answers(list[shapes.Notification], paged=True)
async def list_of_topics(
    call: UserCallIn,
    topics: Annotated[
        list[str] | None, Query(alias="topics[]", description="Those of each of these topics; an instance's is one.")
    ] = None,
    page_size: PageSize = 200,
    page: Page = 1,
    next_page: NextPage = None,
) -> Response:
    """The notifications of these topics, newest first, a page at a time; none is an empty list."""
    if not topics:
        raise InvalidInput("topics[]", "is missing; write topics[]=… for each topic")
    if len(topics) > MOST_TOPICS:
        raise InvalidInput("topics[]", f"names {len(topics)} topics; write {MOST_TOPICS} at the most")
    wanted = topics

    async def below(before: int, limit: int) -> Sequence[Kept]:
        return await call.parts.store.kept_of_topics(call.user.account_id, wanted, before=before, limit=limit)

    token = token_of(next_page)
    start: int = NEWEST if token is None else token
    found = await read_page(
        below,
        lambda each: each.notification.number,
        start,
        1 if token is not None else page,
        page_size,
    )
    token_after = None if found.following is None else str(found.following)
    return paged([shown(each) for each in found.page], token_after, page_size)


@answers(shapes.Notification, 404)
async def read(call: UserCallIn, notification_id: NotificationId) -> Response:
    """One notification, of a topic or of an instance's events."""
    return answer(shown(await own_notification(call, notification_id)))


@answers(shapes.Notification, 404)
async def acknowledge(call: UserCallIn, notification_id: NotificationId) -> Response:
    """Mark a notification as seen; its deliveries do not ask for that."""
    await own_notification(call, notification_id)
    await call.parts.store.acknowledge(call.user.account_id, notification_id)
    return answer(shown(await own_notification(call, notification_id)))


@answers(Nothing, 404)
async def delete(call: UserCallIn, notification_id: NotificationId) -> Response:
    """Show a notification no more; its deliveries go on, and an instance's log keeps its events."""
    if notification_id > GREATEST_ID or not await call.parts.store.hide(
        call.user.account_id, notification_id, call.parts.clock()
    ):
        raise not_found(notification_id)
    return answer({})


async def own_notification(call: UserCall, number: int) -> Kept:
    """A notification of the caller's account; raises Refused (404) for any other."""
    found = await call.parts.store.kept(call.user.account_id, number) if number <= GREATEST_ID else None
    if found is None:
        raise not_found(number)
    return found


async def instance_of(call: UserCall, topic: str) -> Instance | None:
    """The instance of the caller's account whose events are this topic."""
    named = instance_in(topic)
    if named is None:
        return None
    found = await call.parts.store.instance(named[0])
    is_theirs = found is not None and found.account_id == call.user.account_id and found.element_key == named[1]
    return found if is_theirs else None


def not_found(number: int) -> Refused:
    return Refused(404, f"No notification found with ID {number}")


def shown(kept: Kept, *, active: bool = True) -> dict[str, object]:
    """A notification as the API answers it; the message of an instance's events is what its receiver gets."""
    said = members(kept.notification.body)
    return {
        "id": kept.notification.number,
        "from": orjson.Fragment(said["user"]),
        "topic": orjson.Fragment(said["topic"]),
        "severity": orjson.Fragment(said["severity"]),
        "message": orjson.Fragment(said["message"]),
        "createdDate": iso(kept.notification.created_at),
        "active": active,
        "acknowledged": kept.acknowledged,
    }


def text_of(value: str | None, field: str, most: int) -> str:
    """A text that must be there. Raises InvalidInput for `field`."""
    if value is None or not value.strip():
        raise InvalidInput(field, "is missing or blank; write a text")
    if len(value) > most:
        raise InvalidInput(field, f"has {len(value)} characters; write {most} at the most")
    if not writable(value):
        raise InvalidInput(field, "contains half of a surrogate pair; write whole characters")
    return value
