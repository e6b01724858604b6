"""How are instances, their polling and what is held of it answered?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tidings.api.schemas.elements import ElementShort, ObjectShort
from tidings.api.schemas.shape import Shape, may_miss


class ElementNamed(Shape):
    id: int
    key: str
    name: str


class OwnerOfInstance(Shape):
    """The user who made it; of one that is gone, the id alone."""

    id: int
    emailAddress: str = may_miss()
    firstName: str = may_miss()
    lastName: str = may_miss()


class Freshness(Shape):
    """How current what is known of a resource is; null while it is learned."""

    seconds: int | None
    stale: bool
    since: str | None


class FreshnessOfResource(Freshness):
    resource: str


class Completeness(Shape):
    """What the last audit proved; everything is null before there was one."""

    auditedDate: str | None
    compared: int | None
    missed: int | None
    phantom: int | None
    held: int | None
    complete: bool | None
    counted: int | None


class CompletenessOfResource(Completeness):
    resource: str


class HintsOfInstance(Shape):
    """For which types of records the provider was asked to tell of changes at once."""

    types: list[str]
    verifiedDate: str | None
    reason: str | None


class InstanceShort(Shape):
    """An instance without its configuration."""

    id: int
    name: str
    createdDate: str
    token: str = Field(description="The Element part of the Authorization header of calls about it.")
    element: ElementNamed
    elementId: int
    tags: list[str]
    valid: bool
    validMessage: str = may_miss("Why it is not valid.")
    disabled: bool
    eventsEnabled: bool
    user: OwnerOfInstance


class Instance(InstanceShort):
    """A whole instance; secrets of its configuration are masked."""

    element: ElementShort  # type: ignore[assignment]  # more of the same
    provisionInteractions: list[Any]
    maxCacheSize: int
    cacheTimeToLive: int
    configuration: dict[str, str | None] = Field(
        description="Every key of the element; a secret that is set is masked."
    )
    eventsNotificationCallbackUrl: str = Field(description="The text false where there is none.")
    traceLoggingEnabled: bool
    cachingEnabled: bool
    externalAuthentication: str
    freshness: list[FreshnessOfResource]
    completeness: list[CompletenessOfResource]
    oldestSequence: int = Field(description="The first sequence that is still kept.")
    retentionDays: float
    hints: HintsOfInstance = may_miss("While hints are on.")
    objects: list[ObjectShort] = may_miss("With retrieveObjectsAfterInstantiation.")


class InstanceCounts(Shape):
    totalInstances: int
    elementInstances: dict[str, int] = Field(description="By the element's key.")


class ParkedResource(Shape):
    name: str
    reason: str | None


class ParkedInstance(InstanceShort):
    """An instance with resources that wait for a person."""

    resources: list[ParkedResource]


class PollerRecord(Shape):
    """How far the polling of a resource is."""

    objectName: str
    lastPolledDate: str | None
    nextPollDate: str | None
    state: Literal["ready", "parked", "off"]
    reason: str | None
    freshness: Freshness


class PolledResources(Shape):
    instanceId: int
    resources: list[str]


class Held(Shape):
    """What was not announced because it is suspiciously much."""

    resource: str
    kind: Literal["deletes", "unmoved"]
    count: int
    objectIds: list[str]
    heldDate: str


class FirstRun(Shape):
    """What a first run would announce; a figure is null where the provider does not count, and `reason` says why."""

    resource: str
    firstRun: str
    learned: bool
    records: int | None
    events: int | None
    notifications: int | None
    requests: int | None
    minutes: float | None
    reason: str | None


class LaneOfJob(Shape):
    """A resource that a job polls."""

    name: str
    state: Literal["ready", "parked", "off"]
    reason: str | None
    held: int
    lastPolledDate: str | None
    nextRunDate: str | None
    watermark: str | None
    baselined: bool
    freshness: Freshness
    completeness: Completeness
