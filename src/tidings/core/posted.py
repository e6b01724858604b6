"""What does a notification say that a person or a program has posted? (spec platform.md 5.1)"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from tidings.core.model import Event, EventType, Moment, Notification
from tidings.core.notify import event_id, java_date, notification_id
from tidings.core.subscription import account_log


@dataclass(frozen=True, slots=True)
class Post:
    """As it was posted; `sender` is the platform's `from`."""

    severity: str
    topic: str
    message: str
    sender: str


def cut_post(post: Post, account_id: int, number: int, sequence: int, now: Moment) -> Notification:
    """The notification that stands in the account's own log: the platform's envelope, its `message` a text.

    It is one event, a record of its own, so that one which fails holds up no other.
    """
    salt = f"account.{account_id}.{now}"
    envelope = {
        "severity": post.severity,
        "createdDate": java_date(now),
        "topic": post.topic,
        "action": "create",
        "id": str(number),
        "message": post.message,
        "user": post.sender,
    }
    identity = event_id(salt, post.topic, number, 1)
    return Notification(
        number=number,
        id=notification_id(salt, sequence),
        instance_id=account_log(account_id),
        resource=post.topic,
        created_at=now,
        events=(Event(identity, sequence, EventType.CREATED, str(number)),),
        body=orjson.dumps(envelope),
    )
