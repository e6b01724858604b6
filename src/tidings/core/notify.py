"""What a notification says: the bytes of one POST, cut from changes.

The shape is that of spec platform.md 4.8, with `id`, `sequence` and `changes` (and `touched`, `firstSeen`, `evidence`
where they hold) added to each event object. The same input gives the same bytes, always: what is sent a second time is
what was sent the first time.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec
import orjson

from tidings.core.diff import content, parse
from tidings.core.errors import InvalidInput
from tidings.core.model import Change, Event, Moment, Notification

MAX_EVENTS = 10
"""The most event objects that a polling notification carries (spec platform.md 4.8)."""

SENDER = "notifications@tidings.local"
"""The envelope's constant `user`; a mailbox by form only."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class NotifyContext:
    """What every notification of one poll has in common.

    `poll_at` is when the poll began, `created_at` when the page was committed, both by our clock.
    `filter_nulls` drops null members of records (spec platform.md 6.3). `clone_key` is that of the clone which the
    instance is one of; the topic keeps the element's, so that it stays when the instance moves. InvalidInput when
    `max_events` is not 1 to 10.
    """

    instance_id: int
    instance_created_at: Moment
    instance_name: str
    tags: tuple[str, ...]
    element_key: str
    hub: str
    account_id: int
    company_id: int
    user_id: int
    resource: str
    poll_at: Moment
    created_at: Moment
    max_events: int = MAX_EVENTS
    filter_nulls: bool = True
    clone_key: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_events <= MAX_EVENTS:
            raise InvalidInput(
                "event.notification.max_events", f"must be a whole number from 1 to {MAX_EVENTS}, not {self.max_events}"
            )

    @property
    def salt(self) -> str:
        """Keeps the ids of two instances apart, also when a database is made anew and numbers start again."""
        return f"{self.instance_id}.{self.instance_created_at}"


def cut(
    changes: Sequence[Change], first_sequence: int, first_number: int, context: NotifyContext
) -> list[Notification]:
    """One page's changes as notifications, in order, none with more than `context.max_events` events.

    Sequences count up from `first_sequence` without gaps, the notifications' numbers from `first_number`.
    """
    return [
        _notification(changes[start : start + context.max_events], first_sequence + start, first_number + nth, context)
        for nth, start in enumerate(range(0, len(changes), context.max_events))
    ]


def event_id(salt: str, resource: str, record_id: int | str, rev: int) -> str:
    """The id of the change that made revision `rev` of a record: 20 URL-safe characters, the same whenever asked."""
    return short_id(b"event", salt, resource, str(record_id), rev)


def notification_id(salt: str, first_sequence: int) -> str:
    """The id of the notification that begins with `first_sequence`: 20 URL-safe characters, the same whenever asked."""
    return short_id(b"notification", salt, first_sequence)


def without_nulls(record: bytes) -> bytes:
    """The record's JSON without members whose value is null, at any depth; nulls in arrays stay, as do all digits."""
    if b"null" not in record:
        return record
    try:
        return _without_nulls(record)
    except msgspec.DecodeError:
        # Half a surrogate pair: read by the standard library, written with the same escape.
        return json.dumps(content(parse(record), {}), separators=(",", ":")).encode()


def _without_nulls(record: bytes) -> bytes:
    if b"null" not in record:
        return record
    match record.lstrip()[:1]:
        case b"{":
            members = ((key, bytes(value)) for key, value in _members.decode(record).items())
            kept = {key: orjson.Fragment(_without_nulls(value)) for key, value in members if value != b"null"}
            return orjson.dumps(kept)
        case b"[":
            return orjson.dumps([orjson.Fragment(_without_nulls(bytes(value))) for value in _elements.decode(record)])
        case _:
            return record


def _notification(changes: Sequence[Change], first_sequence: int, number: int, context: NotifyContext) -> Notification:
    events = tuple(
        Event(
            id=event_id(context.salt, context.resource, change.record_id, change.rev),
            sequence=first_sequence + nth,
            type=change.type,
            record_id=str(change.record_id),
        )
        for nth, change in enumerate(changes)
    )
    identity = notification_id(context.salt, first_sequence)
    records = [orjson.Fragment(without_nulls(c.raw) if context.filter_nulls else c.raw) for c in changes]
    return Notification(
        number=number,
        id=identity,
        instance_id=context.instance_id,
        resource=context.resource,
        created_at=context.created_at,
        events=events,
        body=enveloped(
            context,
            number,
            identity,
            {context.resource: records, "pollDate": context.poll_at, "objectType": context.resource},
            [_event_object(event, change, context) for event, change in zip(events, changes, strict=True)],
        ),
    )


def enveloped(
    context: NotifyContext, number: int, identity: str, raw: object, events: Sequence[dict[str, object]]
) -> bytes:
    """The bytes of one notification, from what the provider gave and its event objects."""
    envelope = {
        "severity": "medium",
        "createdDate": java_date(context.created_at),
        "topic": f"instance-{context.instance_id}-{context.element_key}-events",
        "action": "create",
        "id": str(number),
        "message": {
            "elementKey": context.clone_key or context.element_key,
            "accountId": context.account_id,
            "eventId": identity,
            "companyId": context.company_id,
            "instanceId": context.instance_id,
            "instance_id": context.instance_id,
            "instanceName": context.instance_name,
            "instanceTags": context.tags,
            "raw": raw,
            "userId": context.user_id,
            "events": events,
        },
        "user": SENDER,
    }
    return orjson.dumps(envelope)


def _event_object(event: Event, change: Change, context: NotifyContext) -> dict[str, object]:
    shown: dict[str, object] = {
        "date": iso_moment(context.poll_at if change.date_at is None else change.date_at),
        "elementKey": context.clone_key or context.element_key,
        "pollDate": iso_moment(context.poll_at),
        "eventType": event.type.value,
        "hubKey": context.hub,
        "objectId": event.record_id,
        "objectType": context.resource,
        "id": event.id,
        "sequence": event.sequence,
        "changes": _any([{"path": field.path, "old": field.old, "new": field.new} for field in change.changes]),
    }
    if change.touched:
        shown["touched"] = True
    if change.first_seen:
        shown["firstSeen"] = True
    if change.evidence is not None:
        shown["evidence"] = change.evidence
    if change.cause is not None:
        shown["cause"] = change.cause
    return shown


def _any(value: object) -> object:
    """Something that orjson takes: it knows neither integers beyond 64 bits nor half a surrogate pair."""
    try:
        return orjson.Fragment(orjson.dumps(value))
    except TypeError:
        return orjson.Fragment(json.dumps(value, separators=(",", ":")))


def short_id(kind: bytes, *parts: int | str) -> str:
    """20 URL-safe characters, the same for the same kind (16 bytes at the most) and parts."""
    # Fifteen bytes are twenty characters without padding; JSON keeps ("a", "b") and ("a,b",) apart.
    digest = blake2b(orjson.dumps(parts), digest_size=15, person=kind).digest()
    return urlsafe_b64encode(digest).decode()


def _moment(at: Moment) -> datetime:
    # A provider's nonsense date must not stop its record: clamped to the years that a date can show.
    return _EPOCH + timedelta(seconds=min(max(at // 1000, _FIRST_SECOND), _LAST_SECOND))


def iso_moment(at: Moment) -> str:
    return _moment(at).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def java_date(at: Moment) -> str:
    """`Date.toString()` of Java in UTC, whatever the machine's language: `Mon Aug 20 15:30:07 UTC 2018`."""
    day = _moment(at)
    return f"{_DAYS[day.weekday()]} {_MONTHS[day.month - 1]} {day:%d %H:%M:%S} UTC {day.year:04}"
