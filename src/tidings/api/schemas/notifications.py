"""How are notifications, subscriptions and deliveries answered?"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tidings.api.schemas.events import Attempt, DeliveryStatus
from tidings.api.schemas.shape import Shape, may_miss


class Notification(Shape):
    """What was posted to a topic, or an instance's events."""

    id: int
    from_: str = Field(alias="from")
    topic: str
    severity: str
    message: str | dict[str, Any] = Field(description="A text, or for an instance's events what its receiver gets.")
    createdDate: str
    active: bool
    acknowledged: bool


class BasicLogin(Shape):
    username: str
    password: str


class SubscriptionFilter(Shape):
    resources: list[str] = may_miss()
    eventTypes: list[str] = may_miss()
    changed: list[str] = may_miss()


class SubscriptionConfig(Shape):
    """How it is delivered; sent back as it is, it changes nothing."""

    url: str
    signatureKey: str | None
    headers: dict[str, str]
    basic: BasicLogin | None
    format: str
    filter: SubscriptionFilter | None
    schedule: list[float]
    jitter: float
    rate: float | None
    concurrency: int
    policy: str | None


class Subscription(Shape):
    """Who gets the notifications of which topics."""

    id: int
    channel: str
    topics: list[str]
    config: SubscriptionConfig
    active: bool
    reason: str | None
    createdDate: str
    stoppedDate: str | None
    source: str
    instanceId: int | None
    formerKeysUntil: list[str]


class Redriven(Shape):
    subscriptionId: int
    since: str
    redriven: int


class Delivery(Shape):
    """Where a notification stands with a subscription."""

    notificationId: int
    subscriptionId: int
    status: DeliveryStatus
    createdDate: str
    updatedDate: str
    attempts: list[Attempt]
    notification: Notification = may_miss("With hydrate=true.")
    subscription: Subscription = may_miss("With hydrate=true.")
