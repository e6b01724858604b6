"""How are events, their delivery and their explanation answered?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tidings.api.schemas.instances import LaneOfJob
from tidings.api.schemas.shape import Shape, may_miss

EventStatus = Literal["NEW", "DISPATCHED", "RECEIVED", "NOTIFIED"]
DeliveryStatus = Literal["created", "retry", "queued", "delivered"]


class Attempt(Shape):
    """One try to deliver a notification."""

    number: int
    date: str
    status: int | None = Field(description="What the receiver answered; null without an answer.")
    error: str | None
    tookMs: int
    replayId: int = may_miss("The replay that it belongs to.")


class SequenceRange(Shape):
    first: int
    last: int


class LoggedEvent(Shape):
    """A notification of an instance's log, with its delivery."""

    id: str
    eventDate: str
    status: EventStatus
    providerData: str = Field(description="The records as the provider has them, as JSON in a text.")
    notificationId: int
    objectType: str
    sequence: SequenceRange
    attempts: list[Attempt]
    notifiedData: list[dict[str, Any]] = may_miss("What was sent, once it has arrived.")


class Feed(Shape):
    events: list[dict[str, Any]] = Field(description="As in a notification: docs/events.md.")
    next: int = Field(description="The sequence to ask with next time.")


class CountedEvents(Shape):
    count: int
    timestamp: str


class TallyOfInstance(Shape):
    instanceId: int
    count: int
    success: int
    failed: int


class TallyOfAccount(Shape):
    accountId: int
    count: int
    success: int
    failed: int


class CountedByInstance(Shape):
    timestamp: str
    total: int
    records: list[TallyOfInstance]


class CountedByAccount(Shape):
    timestamp: str
    total: int
    records: list[TallyOfAccount]


class DispositionMessage(Shape):
    message: str
    date: str
    subscriptionId: int


class Disposition(Shape):
    """What became of an event: a message for each try, and for each that waits."""

    eventId: str
    elementInstanceId: int
    notificationData: list[DispositionMessage]


class Replay(Shape):
    """What is sent again, and how far that is."""

    id: int
    instanceId: int
    subscriptionId: int
    state: str
    reason: str | None
    fromSequence: int
    toSequence: int
    notifications: int
    sent: int
    failed: int
    position: int
    rate: float
    createdDate: str
    finishedDate: str | None


class ReplayBegun(Replay):
    events: int


class ReplayEstimate(Shape):
    """What a replay would be."""

    instanceId: int
    subscriptionId: int
    fromSequence: int
    toSequence: int
    events: int
    notifications: int
    rate: float
    seconds: int


class KnownRecord(Shape):
    state: str
    stampDate: str | None
    revision: int
    unreadable: bool
    deleteHeld: bool


class Explanation(Shape):
    """Why a record was announced, or why not."""

    instanceId: int
    resource: str
    objectId: str
    from_: str = Field(alias="from")
    to: str
    trailDate: str | None = Field(description="Since when readings are kept.")
    said: str
    known: KnownRecord | None
    polling: LaneOfJob | None
    entries: list[dict[str, Any]] = Field(description="What happened, in order: `kind`, `date`, `said` and more.")
    nextPage: str | None


class Notice(Shape):
    """One incident that needs attention, or did."""

    id: int
    instanceId: int | None
    kind: str
    subject: str | None
    reason: str | None
    openedDate: str
    closedDate: str | None


class Taken(Shape):
    """The notifications that were made of what arrived."""

    eventIds: list[str]
