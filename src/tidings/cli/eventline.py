"""How is an event shown on one line?"""

from __future__ import annotations

import msgspec
import orjson
import typer

from tidings.core.errors import InvalidInput

MOST_FIELDS = 6
_COLOURS = {"CREATED": "green", "UPDATED": "yellow", "DELETED": "red"}


class FieldShown(msgspec.Struct, frozen=True):
    path: str


class EventShown(msgspec.Struct, frozen=True, rename="camel"):
    """What is shown of an event object (spec platform.md 4.8); members it lacks are blank."""

    event_type: str
    object_type: str
    object_id: str
    date: str = ""
    id: str = ""
    sequence: int = 0
    changes: tuple[FieldShown, ...] = ()
    touched: bool = False
    first_seen: bool = False
    evidence: str | None = None


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    events: tuple[msgspec.Raw, ...]
    event_id: str = ""


class _Envelope(msgspec.Struct, frozen=True):
    message: _Message


_envelope = msgspec.json.Decoder(_Envelope)
_event = msgspec.json.Decoder(EventShown)


def events_in(body: bytes) -> tuple[str, tuple[bytes, ...]]:
    """A notification's id and its event objects as they stand in its bytes. Raises InvalidInput for anything else."""
    try:
        message = _envelope.decode(body).message
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("body", f"is no notification ({error})") from None
    return message.event_id, tuple(bytes(event) for event in message.events)


def read_event(event: bytes) -> EventShown:
    """One event object. Raises InvalidInput when it has no type or names no object."""
    try:
        return _event.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("event", f"is no event object ({error})") from None


def text_line(at: str, event: EventShown, remark: str = "", *, coloured: bool = False) -> str:
    """When, what, which record, which fields, where in the log, and a remark.

    >>> text_line("12:00:01.5", EventShown("UPDATED", "contacts", "7", sequence=3, changes=(FieldShown("/title"),)))
    '12:00:01.5  UPDATED  contacts/7  #3  title'
    """
    kind = f"{event.event_type:<7}"
    if coloured:
        kind = typer.style(kind, fg=_COLOURS.get(event.event_type))
    parts = (at, kind, f"{event.object_type}/{event.object_id}", f"#{event.sequence}", what_changed(event), remark)
    return "  ".join(part for part in parts if part)


def json_line(event: bytes, **beside: object) -> str:
    """The event object as it was sent, on one line, with further members behind its own."""
    return orjson.dumps({**orjson.loads(event), **beside}).decode()


def what_changed(event: EventShown) -> str:
    """The fields that differ, or why there are none to name.

    >>> what_changed(EventShown("UPDATED", "incidents", "7", touched=True))
    '(touched)'
    """
    if event.touched:
        return "(touched)"
    if event.first_seen:
        return "(first seen)"
    names = [change.path.removeprefix("/").replace("~1", "/").replace("~0", "~") for change in event.changes]
    more = len(names) - MOST_FIELDS
    return ", ".join(names[:MOST_FIELDS]) + (f" and {more} more" if more > 0 else "")
