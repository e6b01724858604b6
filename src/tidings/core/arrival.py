"""What does a provider say that sends unasked? From the body of a webhook to the events it tells of.

Providers have no common form. What is understood is little and the same for all of them; whatever else a body says
stands in the notification as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from tidings.core.errors import InvalidInput
from tidings.core.model import EventType, Moment
from tidings.core.naming import writable
from tidings.core.splice import elements, joined, listed, members
from tidings.core.toldwords import moment_in, type_in
from tidings.core.webhookbody import Body

MOST_EVENTS = 200
"""How many events one body may tell of."""

LONGEST_NAME = 255
"""How long an id or the name of a type may be to be taken for one."""

UNKNOWN = "unknown"
"""The resource of an event whose body does not say what it is about."""

_LONGEST_ID = 128  #: of an event, by which a repeat is known

# Names are compared without underscores, in small letters: `LastModifiedDate` is `last_modified_date`.
_IDS = ("objectid", "eventobjectid", "id")
_RESOURCES = ("objecttype", "eventobjecttype")
_TYPES = ("eventtype", "action", "changetype", "operation", "subscriptiontype")
_TYPES_AROUND = (*_TYPES, "event", "webhookevent", "topic", "type")  #: a record has types and topics of its own
_DATES = ("date", "eventdate")
_CREATED = ("createddate", "createdat", "created", "datecreated")
_UPDATED = ("lastmodifieddate", "modifieddate", "lastupdated", "updateddate", "updatedat", "updated", "dateupdated")
_OCCURRED = ("occurredat", "timestamp")

#: Members that hold a record or records without saying what they are.
_WRAPPERS = frozenset(
    {
        *("data", "object", "objects", "record", "records", "resource", "entity", "payload", "body", "value"),
        *("event", "events", "item", "items", "entries", "results", "notification", "notifications"),
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """One event that a body tells of. `record_id` is None where it names none.

    `place` is the record's position in the list of records, None where there is no list or the record is not in it.
    """

    type: EventType
    resource: str
    record_id: str | None
    date_at: Moment | None
    place: int | None = None
    poll_at: Moment | None = None
    hub: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body with the events it tells of, one at least, and the id by which the provider repeats it, if it has one.

    The record of an event stands at `pointer` (a JSON pointer into `raw`), or, where `records` are given, in the list
    at `pointer`; None says that it stands nowhere.
    """

    raw: bytes
    told: tuple[Told, ...]
    given_id: str | None = None
    pointer: str | None = ""
    records: tuple[bytes, ...] | None = None

    def part(self, start: int, stop: int) -> tuple[bytes, list[str | None]]:
        """What stands as `raw` beside the events from one position to another, and the pointer to each one's record.

        A part that holds all events has `raw` as it is; another has in its list the records of its own events only.
        """
        told = self.told[start:stop]
        if self.records is None:
            return self.raw, [self.pointer] * len(told)
        if len(told) == len(self.told):
            return self.raw, [self._at(each.place) for each in told]
        places = [each.place for each in told if each.place is not None]
        position = {place: nth for nth, place in enumerate(dict.fromkeys(places))}
        own = listed(self.records[place] for place in position)
        raw = own if not self.pointer else joined(members(self.raw) | {_unescaped(self.pointer[1:]): own})
        return raw, [self._at(None if each.place is None else position[each.place]) for each in told]

    @property
    def most_bytes(self) -> int:
        """How many bytes of `raw` its notifications hold at the most, all together."""
        around = len(self.raw) - sum(map(len, self.records or ()))
        return len(self.raw) + around * (len(self.told) - 1)

    def _at(self, place: int | None) -> str | None:
        return None if place is None else f"{self.pointer}/{place}"


def arrived(body: Body, now: Moment) -> Arrival:
    """What a webhook tells of.

    The records are the objects of the list that the body is, or of its one member that is an object with an id or a
    list of them; the body is the record itself where it has an id of its own, or no such member, or several. Raises
    InvalidInput when there are more than MOST_EVENTS.
    """
    value, given_id = body.value, _given_id(body.value)
    name = _member_with_records(value)
    found = value if name is None else value[name]
    around = {} if name is None else _folded(value)
    pointer = "" if name is None else f"/{_escaped(name)}"
    if not (isinstance(found, list) and _holds_records(found)):
        record = _folded(found) if isinstance(found, dict) else {}
        return Arrival(body.raw, (_told(record, around, name, now),), given_id, "" if body.form else pointer)
    _refuse_many(found)
    told = tuple(_told(_folded(each), around, name, now, place) for place, each in enumerate(found))
    if body.form:  # they stand in one text, which cannot be pointed into
        return Arrival(body.raw, tuple(replace(each, place=None) for each in told), given_id)
    records = elements(body.raw if name is None else members(body.raw)[name])
    return Arrival(body.raw, told, given_id, pointer, tuple(records))


def polled(body: Body, now: Moment) -> Arrival:
    """What the platform's form of a finished poll tells of (spec platform.md 4.9): `objectType`, the records under
    that name, and `events`; without `events`, one for each record, told by its dates as a poll tells it.

    Raises InvalidInput naming the member.
    """
    value = body.value
    if not isinstance(value, dict) or body.form:
        raise InvalidInput("body", "is no JSON object; write objectType, the records under its name, and events")
    resource = _name_of(value.get("objectType"))
    if resource is None:
        raise InvalidInput("objectType", "is missing or no text; write the name of the polled resource")
    records = value.get(resource, [])
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise InvalidInput(resource, "is no list of records; write the polled objects")
    given = value.get("events")
    if given is None:
        given = [{} for _ in records]
        places: Sequence[int | None] = range(len(records))
    elif isinstance(given, list) and all(isinstance(each, dict) for each in given):
        ids = {_id_of(_folded(each)): place for place, each in reversed([*enumerate(records)])}
        places = [ids.get(_id_of(_folded(each)) or "") for each in given]
        if len(given) == len(records):
            places = [nth if place is None else place for nth, place in enumerate(places)]
    else:
        raise InvalidInput("events", "is no list of events; write objects with objectId, eventType and date")
    if not given:
        raise InvalidInput("events", f"has none, and {resource} has no records; write what was polled")
    _refuse_many(given)
    told = tuple(
        _told_of_poll(_folded(event), _folded(records[place]) if place is not None else {}, resource, place)
        for event, place in zip(given, places, strict=True)
    )
    poll_at = next((each.poll_at for each in told if each.poll_at is not None), now)
    kept = members(body.raw).get(resource, b"[]")
    raw = joined({resource: kept, "pollDate": b"%d" % poll_at, "objectType": orjson.dumps(resource)})
    return Arrival(raw, told, _given_id(value), f"/{_escaped(resource)}", tuple(elements(kept)))


def values_at(value: Any, path: Iterable[str]) -> list[str]:
    """The texts and whole numbers at a dotted path of a body's value, as text; those of a list one by one.

    >>> values_at({"ticket": {"targets": ["7", 8]}}, ["ticket", "targets"])
    ['7', '8']
    """
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return [text for each in (value if isinstance(value, list) else [value]) if (text := _text_of(each)) is not None]


def _told(
    record: Mapping[str, Any], around: Mapping[str, Any], name: str | None, now: Moment, place: int | None = None
) -> Told:
    """What is said of one record: by its own members, else by those around it, else by the name it stands under."""
    both = ((record, _TYPES if around else _TYPES_AROUND), (around, _TYPES_AROUND))
    words = (type_in(text) for said, names in both for text in _texts(said, names))
    type, word = next(filter(None, words), (EventType.UNKNOWN, None))
    resource = _resource_of(record) or _resource_of(around) or word
    if resource is None and name is not None and name.lower() not in _WRAPPERS:
        resource = _name_of(name)
    dated = (*_CREATED, *_UPDATED) if type is EventType.CREATED else (*_UPDATED, *_CREATED)
    dates = (moment_in(said.get(each)) for said in (record, around) for each in (*_DATES, *_OCCURRED, *dated))
    return Told(
        type=type,
        resource=resource or UNKNOWN,
        record_id=_id_of(record),
        date_at=next((at for at in dates if at is not None), now),
        place=place,
        poll_at=now,
    )


def _told_of_poll(event: Mapping[str, Any], record: Mapping[str, Any], resource: str, place: int | None) -> Told:
    created, updated = (
        next((at for each in names if (at := moment_in(record.get(each))) is not None), None)
        for names in (_CREATED, _UPDATED)
    )
    said = type_in(str(event.get("eventtype", "")))
    if said is not None:
        type = said[0]
    elif "eventtype" in event or created is None or updated is None:
        type = EventType.UNKNOWN
    else:
        type = EventType.CREATED if created == updated else EventType.UPDATED
    return Told(
        type=type,
        resource=_resource_of(event) or resource,
        record_id=_id_of(event) or _id_of(record),
        date_at=next((at for at in (moment_in(event.get("date")), updated, created) if at is not None), None),
        place=place,
        poll_at=moment_in(event.get("polldate")),
        hub=_name_of(event.get("hubkey")),
    )


def _member_with_records(value: Any) -> str | None:
    """The one member of a body that holds its record or records; None where the body does itself."""
    if not isinstance(value, dict) or _id_of(_folded(value)) is not None:
        return None
    found = [name for name, member in value.items() if _holds_records(member) and writable(name)]
    return found[0] if len(found) == 1 else None


def _holds_records(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, dict) and _id_of(_folded(each)) for each in value)
    return isinstance(value, dict) and _id_of(_folded(value)) is not None


def _folded(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members by their names in small letters without underscores; the first of those that become one."""
    found: dict[str, Any] = {}
    for name, member in value.items():
        found.setdefault(name.replace("_", "").lower(), member)
    return found


def _texts(said: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    return (text for name in names if isinstance(text := said.get(name), str))


def _id_of(said: Mapping[str, Any]) -> str | None:
    return next((text for name in _IDS if (text := _text_of(said.get(name))) is not None), None)


def _resource_of(said: Mapping[str, Any]) -> str | None:
    attributes = said.get("attributes")  # as Salesforce has it
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    return next((found for each in (*_texts(said, _RESOURCES), kind) if (found := _name_of(each))), None)


def _text_of(value: object) -> str | None:
    """A text or a whole number, as text; None for anything that cannot be an id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return _name_of(value)


def _name_of(value: object) -> str | None:
    """A text that can stand as a name; None for anything else. What is not printable could tell a terminal to act."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME or not value.strip() or not value.isprintable():
        return None
    return value


def _given_id(value: Any) -> str | None:
    """The id that the whole body has as an event; that of an object it tells of is none."""
    found = _text_of(value.get("eventId")) if isinstance(value, dict) else None
    return found if found is not None and len(found) <= _LONGEST_ID else None


def _refuse_many(records: Sequence[Any]) -> None:
    if len(records) > MOST_EVENTS:
        raise InvalidInput("body", f"tells of {len(records)} events; send {MOST_EVENTS} at the most")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")
