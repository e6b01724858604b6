"""The nouns that travel between the stages, as frozen values.

Moments are integers: milliseconds since 1970-01-01T00:00:00Z, named `…_at`; spans are seconds, named `…_for`. What is
made for each notification and each try is a msgspec.Struct, which takes a tenth of a frozen dataclass's time to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

Moment: TypeAlias = int
RecordId: TypeAlias = int | str

JSON = "application/json"


def record_id(value: int | str) -> RecordId:
    """The one form of a provider's id: an integer whenever it is written as one, so that 7 and "7" are one record."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and (value == "0" or value[0] != "0"):
        return int(value) if len(value) < 19 else value
    return value


class EventType(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"  #: the provider sent it, and did not say which of the others it is; no reading finds it


class LaneKind(StrEnum):
    """What a lane's work is: reading one resource of an instance, delivering to one subscription, keeping an
    instance's hints registered at its provider, sending events again, making a call of the API for somebody, or
    moving many rows at once."""

    POLL = "poll"
    DELIVER = "deliver"
    HINT = "hint"
    REPLAY = "replay"
    ERRAND = "errand"
    BULK = "bulk"


class LaneState(StrEnum):
    READY = "ready"  #: claimed when due
    PARKED = "parked"  #: waits for a person; `parked_reason` says why
    OFF = "off"  #: switched off by configuration; keeps its cursor


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of work with order and a lease, as it was when claimed or read.

    `key` is the resource's name for a poll lane, the subscription's or the replay's id (in digits) for one that
    delivers or replays, and `hints` for the hint lane; `instance_id` is the id of the log (core/subscription.py) where
    there need be no instance. `cursor` is JSON, empty at first, and belongs to the stage that runs the lane.
    `generation` is the hash of what a poll lane's records are compared under.
    """

    id: int
    kind: LaneKind
    instance_id: int
    key: str
    state: LaneState
    due_at: Moment
    fence: int
    owner: str | None
    lease_until: Moment | None
    attempt: int
    parked_reason: str | None
    generation: str
    cursor: bytes


class Known(NamedTuple):
    """What the store knows of one record, without its content; a tuple because a page makes a thousand of them.

    `missing` counts the sweeps in a row that did not find it, and is below zero while it is alive and out of view: -1
    when it left the user's conditions, -2 when no list shows it. `generation` is the number of the lane's
    generation that its hash was compared under.
    """

    raw_hash: bytes
    stamp_at: Moment | None
    rev: int
    gone: int
    missing: int
    generation: int


class RecordWrite(NamedTuple):
    """The new state of one record. `snapshot` is the record's exact bytes; None keeps the stored ones."""

    id: RecordId
    raw_hash: bytes
    stamp_at: Moment | None
    rev: int
    gone: int
    missing: int
    generation: int
    snapshot: bytes | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: a JSON pointer (RFC 6901) and the values, `None` where there was or is none."""

    path: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Change:
    """A change before it is in the log. `raw` is the record as the provider returned it (for DELETED: the last one)."""

    type: EventType
    record_id: RecordId
    rev: int
    date_at: Moment | None
    raw: bytes
    changes: tuple[FieldChange, ...] = ()
    touched: bool = False
    first_seen: bool = False
    evidence: str | None = None
    cause: str | None = None  #: "audit" when no poll had announced it


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One change as the log keeps it, in JSON as an array; its content stands in its notification's body."""

    id: str
    sequence: int
    type: EventType
    record_id: str


class Notification(msgspec.Struct, frozen=True):
    """One POST body: one resource, one poll, at most ten events; never changed after its commit.

    `id` is the platform's `eventId` and the value of `Elements-Webhook-Id`; `number` the envelope's
    numeric `id`. `body` is exactly what is sent and signed. `instance_id` is the id of its log; in an account's log,
    `resource` is the topic.
    """

    number: int
    id: str
    instance_id: int
    resource: str
    created_at: Moment
    events: tuple[Event, ...]
    body: bytes
    content_type: str = JSON

    @property
    def first_sequence(self) -> int:
        return self.events[0].sequence

    @property
    def last_sequence(self) -> int:
        return self.events[-1].sequence

    def outline(self) -> Outline:
        return Outline(
            number=self.number,
            id=self.id,
            resource=self.resource,
            first_sequence=self.first_sequence,
            last_sequence=self.last_sequence,
            records=tuple({(self.resource, event.record_id): None for event in self.events}),
        )


class Outline(msgspec.Struct, frozen=True):
    """What must be known of a notification to put it in order, without its events and its body."""

    number: int
    id: str
    resource: str
    first_sequence: int
    last_sequence: int
    records: tuple[tuple[str, str], ...]
    """The records it speaks of, as (resource, record id): what order is held by."""


class DeliveryState(StrEnum):
    """Where one notification stands with one subscription (spec platform.md 5.3 has the words)."""

    CREATED = "created"  #: in the log, not tried yet
    RETRY = "retry"  #: failed, or in flight when a later one was acknowledged; tried again at `due_at`
    QUEUED = "queued"  #: waits for a person or for the subscription to be active again
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification that its subscription does not have yet, or had trouble getting."""

    subscription_id: int
    notification: Outline
    state: DeliveryState
    attempt: int  #: scheduled tries already made
    due_at: Moment


class Outcome(msgspec.Struct, frozen=True):
    """What one HTTP try came to. `status` is None when there was no answer; then `error` says why."""

    status: int | None
    error: str | None
    retry_after: float | None
    answer: str  #: the first kilobyte of the receiver's answer
    took_for: float

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Attempt(msgspec.Struct, frozen=True):
    """One HTTP try of one notification. In the log `number` counts all of its tries; while it is worked on, those of
    its schedule, which begins anew when a stopped subscription goes on."""

    number: int
    at: Moment
    outcome: Outcome
    replay_id: int = 0  #: 0 for a first delivery


class DeliveryWrite(msgspec.Struct, frozen=True):
    """What one attempt changed: the try itself, and where the notification stands now."""

    notification_number: int
    attempt: Attempt | None  #: None for a notification that is only passed by the offset, still in flight
    state: DeliveryState
    attempts: int
    due_at: Moment
    had_row: bool = True  #: False when the store has no delivery row of it, so that there is none to remove


class FailurePolicy(StrEnum):
    """What becomes of a notification whose first delivery fails (spec platform.md 4.11)."""

    RETRY = "retry"  #: it is tried again by the schedule
    QUEUE = "queue"  #: it, and all that comes after it, is sent when a person says so


@dataclass(frozen=True, slots=True)
class ElementClone:
    """A copy of one of the catalog's elements that an account owns: the same connector under its own id, key and name.

    `element_key` is the copied element's. An inactive one takes no new instances.
    """

    id: int
    account_id: int
    element_key: str
    key: str
    name: str
    description: str
    active: bool
    created_at: Moment


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider's authorization server gave: a token that opens the account, and one that gets the next.

    `lifetime` is in seconds from `obtained_at`; `renew_at` is when the next is to be got, None when nobody can.
    """

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    obtained_at: Moment
    lifetime: int
    renew_at: Moment | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What the owner of an account has allowed by OAuth, as it stands now.

    `serial` grows with each new pair of tokens; `external` says that the first ones were the user's own; `refused` is
    why the provider gives no more, None while it does.
    """

    tokens: Tokens
    serial: int
    external: bool = False
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An authenticated account of one element.

    `element_key` names the element of the catalog that does the work, also for an instance of a `clone` of it.
    `configuration` holds every value that is no secret, `secrets` those that are; both by the platform's keys, as
    text. `revision` grows with each change.
    """

    id: int
    account_id: int
    user_id: int
    element_key: str
    name: str
    tags: tuple[str, ...]
    configuration: Mapping[str, str | None]
    disabled: bool
    created_at: Moment
    updated_at: Moment
    revision: int
    last_sequence: int
    token: str = field(repr=False)
    secrets: Mapping[str, str | None] = field(repr=False, default_factory=dict)
    dropped_sequence: int = 0  #: the last one that retention has removed from the log
    clone: ElementClone | None = None
    grant: Grant | None = None  #: of an element with OAuth

    @property
    def shown_key(self) -> str:
        """The key of the element that the instance is shown with."""
        return self.element_key if self.clone is None else self.clone.key


@dataclass(frozen=True, slots=True)
class User:
    """Who may call the platform: one user of one account of one organization.

    `active` is the user's own state, `account_active` that of the account; both are needed to call. `roles` are the
    user's own, `account_roles` those that all users of the account have. `password_at` is when the password was set.
    """

    id: int
    organization_id: int
    account_id: int
    email: str
    first_name: str
    last_name: str
    password_hash: str = field(repr=False)
    secret: str = field(repr=False)
    organization_secret: str = field(repr=False)
    active: bool = True
    account_active: bool = True
    in_default_account: bool = True
    roles: tuple[str, ...] = ()
    account_roles: tuple[str, ...] = ()
    created_at: Moment = 0
    password_at: Moment = 0
    last_login_at: Moment | None = None

    @property
    def all_roles(self) -> tuple[str, ...]:
        return self.roles + self.account_roles


@dataclass(frozen=True, slots=True)
class LanePlan:
    """The lanes an instance should have: the resources to poll and, when there is a callback URL, where to deliver.

    `generations` maps a resource to the hash of what its records are compared under (design.md section 6); `hints` says
    whether the provider is to be asked for hints. A signature key that is replaced goes on signing for
    `key_overlap_for` seconds; `callback_login` is a user name and a password.
    """

    resources: Sequence[str] = ()
    generations: Mapping[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    signature_key: str | None = field(default=None, repr=False)
    hints: bool = False
    key_overlap_for: float = 0.0
    callback_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    callback_login: tuple[str, str] | None = field(default=None, repr=False)
