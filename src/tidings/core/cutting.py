"""What does one subscription get of one notification of the log?

A pure function of the two: each attempt and each replay has the same id and the same bytes, and nothing need be stored.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final

import orjson
from msgspec.structs import replace

from tidings.core.diff import content, diff, parse
from tidings.core.ingested import was_sent
from tidings.core.model import Event, Notification, Outline
from tidings.core.notify import iso_moment
from tidings.core.splice import elements, joined, listed, members
from tidings.core.subscription import Filter, Format, Subscription

CLOUDEVENT: Final = "application/cloudevents+json"
CLOUDEVENTS: Final = "application/cloudevents-batch+json"
"""The media types of one CloudEvent and of several, in the JSON format of CloudEvents 1.0."""

_KEPT = ("changes", "touched", "firstSeen", "evidence", "cause")


def cut_for(subscription: Subscription, notification: Notification) -> Notification | None:
    """The notification itself where the platform's format is sent unfiltered; otherwise those of its events that pass,
    cut anew under an id of their own (`id_for`); None when none passes."""
    cut = subscription.cut_at(notification.first_sequence)
    if cut.changes_nothing:
        return notification
    if notification.instance_id < 0:
        return _cut_posted(subscription, notification, cut.format, cut.filter)
    wanted = cut.filter
    if wanted.resources and notification.resource not in wanted.resources:
        return None
    places = [nth for nth, event in enumerate(notification.events) if not wanted.types or event.type in wanted.types]
    if not places:
        return None
    envelope = members(notification.body)
    message = members(envelope["message"])
    shown = elements(message["events"])
    if wanted.changed:
        places = [nth for nth in places if is_changed(wanted.changed, parse(shown[nth])["changes"])]
        if not places:
            return None
    events = tuple(notification.events[nth] for nth in places)
    made = replace(notification, id=id_for(notification.id, subscription.id), events=events)
    kept = [shown[nth] for nth in places]
    raw, sent = message["raw"], was_sent(kept[0])
    if cut.format is Format.CLOUDEVENTS:
        records = _pointed_to(raw, kept) if sent else _among(raw, notification.resource, places)
        each = [_cloud_event(notification, *of) for of in zip(events, kept, records, strict=True)]
        return _in_cloud_events(made, each)
    if not sent:  # what the provider sent is not ours to take apart
        own = listed(_among(raw, notification.resource, places))
        message["raw"] = joined(members(raw) | {notification.resource: own})
    message |= {"eventId": orjson.dumps(made.id), "events": listed(kept)}
    return replace(made, body=joined(envelope | {"message": joined(message)}))


def outline_for(subscription: Subscription, outline: Outline) -> Outline:
    """An outline under the id that `cut_for` gives its notification. Its records may be more than those cut out."""
    cut = subscription.cut_at(outline.first_sequence)
    if cut.changes_nothing or (subscription.instance_id < 0 and cut.format is Format.PLATFORM):
        return outline  # what people post is one event: it is sent as it stands, or not at all
    return replace(outline, id=id_for(outline.id, subscription.id))


def id_for(notification_id: str, subscription_id: int) -> str:
    """The id of what a subscription gets of a notification; the same rule leads back from it.

    Raises ValueError for what is no id of ours: 20 URL-safe characters.
    """
    plain = urlsafe_b64decode(notification_id)
    if len(plain) != 15 or len(notification_id) != 20:
        raise ValueError(f"{notification_id!r} is no id of a notification")
    mask = blake2b(str(subscription_id).encode(), digest_size=15, person=b"subscription").digest()
    return urlsafe_b64encode(bytes(a ^ b for a, b in zip(plain, mask, strict=True))).decode()


def passes(wanted: Filter, resource: str, event: Event, changes: Sequence[dict[str, Any]]) -> bool:
    """Whether one event meets all that a filter says."""
    return (
        (not wanted.resources or resource in wanted.resources)
        and (not wanted.types or event.type in wanted.types)
        and (not wanted.changed or is_changed(wanted.changed, changes))
    )


def is_changed(pointers: Iterable[str], changes: Sequence[dict[str, Any]]) -> bool:
    """Whether the value at one of these JSON pointers is another one than before, by the `changes` of an event.

    A change below the pointer counts; one above it (a whole member came, went, or an array got another length) counts
    when the two values at the pointer differ. Null and absent are the same.
    """
    return any(_touches(pointer, change) for pointer in pointers for change in changes)


def _touches(pointer: str, change: dict[str, Any]) -> bool:
    path = change["path"]
    if path == pointer or path.startswith(pointer + "/"):
        return True
    if not pointer.startswith(path + "/"):
        return False
    rest = pointer[len(path) + 1 :].split("/")
    old, new = (content(_at(change[side], rest), {}) for side in ("old", "new"))
    return bool(diff(old, new))


def _at(value: Any, names: Iterable[str]) -> Any:
    """What stands at a pointer's remaining names; None when there is nothing."""
    for name in names:
        match value:
            case dict():
                value = value.get(name.replace("~1", "/").replace("~0", "~"))
            case list() if name.isascii() and name.isdigit() and int(name) < len(value):
                value = value[int(name)]
            case _:
                return None
    return value


def _among(raw: bytes, resource: str, places: Iterable[int]) -> list[bytes]:
    """The records of a reading's events."""
    records = elements(members(raw)[resource])
    return [records[nth] for nth in places]


def _pointed_to(raw: bytes, shown: Iterable[bytes]) -> list[bytes]:
    """The records that the events' `recordPath` points to, as their exact bytes; null where there is none."""
    inside: dict[str, dict[str, bytes] | list[bytes]] = {}  # what was taken apart, by the pointer to it

    def at(pointer: str) -> bytes:
        if not pointer:
            return raw
        parent, _, name = pointer.rpartition("/")
        if parent not in inside:
            whole = at(parent)
            inside[parent] = elements(whole) if whole.lstrip()[:1] == b"[" else members(whole)
        found = inside[parent]
        return found[int(name)] if isinstance(found, list) else found[name.replace("~1", "/").replace("~0", "~")]

    paths = (members(each).get("recordPath") for each in shown)
    return [b"null" if path is None else at(orjson.loads(path)) for path in paths]


def _cloud_event(notification: Notification, event: Event, shown: bytes, record: bytes) -> bytes:
    said = members(shown)
    data = {"record": record} | {name: said[name] for name in _KEPT if name in said}
    return joined(
        {
            "specversion": b'"1.0"',
            "id": orjson.dumps(event.id),
            "source": orjson.dumps(f"/elements/api-v2/instances/{notification.instance_id}"),
            "type": orjson.dumps(f"tidings.{notification.resource}.{event.type.lower()}"),
            "subject": orjson.dumps(f"{notification.resource}/{event.record_id}"),
            "time": said["date"],
            "datacontenttype": b'"application/json"',
            "sequence": orjson.dumps(f"{event.sequence:019}"),
            "data": joined(data),
        }
    )


def _cut_posted(
    subscription: Subscription, notification: Notification, format: Format, wanted: Filter
) -> Notification | None:
    """Of an account's log: a notification that somebody posted is one event of its topic, without changes."""
    [event] = notification.events
    if not passes(wanted, notification.resource, event, ()):
        return None
    if format is Format.PLATFORM:
        return notification
    said = joined(
        {
            "specversion": b'"1.0"',
            "id": orjson.dumps(event.id),
            "source": orjson.dumps(f"/elements/api-v2/accounts/{-notification.instance_id}"),
            "type": b'"tidings.notification"',
            "subject": orjson.dumps(notification.resource),
            "time": orjson.dumps(iso_moment(notification.created_at)),
            "datacontenttype": b'"application/json"',
            "sequence": orjson.dumps(f"{event.sequence:019}"),
            "data": notification.body,
        }
    )
    return _in_cloud_events(replace(notification, id=id_for(notification.id, subscription.id)), [said])


def _in_cloud_events(made: Notification, each: Sequence[bytes]) -> Notification:
    if len(each) == 1:
        return replace(made, body=each[0], content_type=CLOUDEVENT)
    return replace(made, body=listed(each), content_type=CLOUDEVENTS)
