"""What do the notifications say of an event that was sent to us instead of found by a reading?

They are the platform's as any other (spec platform.md 4.8), in the same log. `raw` is what the provider sent; each
event has `cause` `ingest`, and `recordPath` says where in `raw` its record stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson

from tidings.core.arrival import Arrival, Told
from tidings.core.model import Event, Moment, Notification
from tidings.core.notify import NotifyContext, enveloped, iso_moment, notification_id, short_id
from tidings.core.splice import members

CAUSE = "ingest"
MARK = orjson.dumps(CAUSE)  #: stands in every notification of what was sent, and seldom in another


def known_id(arrival: Arrival, context: NotifyContext) -> str | None:
    """The id that the first notification has in the log when this was sent before; None where nothing could tell."""
    return None if arrival.given_id is None else _given(arrival.given_id, 0, context)


def was_sent(shown: bytes) -> bool:
    """Whether the event that an event object shows was sent to us."""
    return MARK in shown and members(shown).get("cause") == MARK


def cut_arrival(
    arrival: Arrival, first_sequence: int, first_number: int, context: NotifyContext
) -> Sequence[Notification]:
    """The events as notifications, in order: of one resource each, none with more than `context.max_events` of them.

    Sequences count up from `first_sequence` without gaps, the notifications' numbers from `first_number`. Where the
    provider gave an id, the notifications' ids follow from it.
    """
    made: list[Notification] = []
    for nth, (start, stop) in enumerate(_runs(arrival.told, context.max_events)):
        raw, pointers = arrival.part(start, stop)
        told = arrival.told[start:stop]
        of = replace(context, resource=told[0].resource)
        events = tuple(_event(each, first_sequence + start + at, of) for at, each in enumerate(told))
        identity = (
            notification_id(context.salt, first_sequence + start)
            if arrival.given_id is None
            else _given(arrival.given_id, nth, context)
        )
        shown = [_shown(*each, of) for each in zip(events, told, pointers, strict=True)]
        made.append(
            Notification(
                number=first_number + nth,
                id=identity,
                instance_id=context.instance_id,
                resource=of.resource,
                created_at=context.created_at,
                events=events,
                body=enveloped(of, first_number + nth, identity, orjson.Fragment(raw), shown),
            )
        )
    return made


def _runs(told: Sequence[Told], most: int) -> Iterator[tuple[int, int]]:
    """From where to where neighbours are about one resource, cut at `most`."""
    start = 0
    for at in range(1, len(told) + 1):
        if at == len(told) or at - start == most or told[at].resource != told[start].resource:
            yield start, at
            start = at


def _event(told: Told, sequence: int, context: NotifyContext) -> Event:
    identity = short_id(b"ingested", context.salt, sequence)
    # A record without an id is one of its own, so that nothing waits for what may have nothing to do with it.
    return Event(identity, sequence, told.type, told.record_id or identity)


def _shown(event: Event, told: Told, pointer: str | None, context: NotifyContext) -> dict[str, object]:
    shown: dict[str, object] = {
        "date": iso_moment(_or(told.date_at, context.poll_at)),
        "elementKey": context.element_key,
        "pollDate": iso_moment(_or(told.poll_at, context.poll_at)),
        "eventType": event.type.value,
        "hubKey": told.hub or context.hub,
        "objectId": event.record_id,
        "objectType": context.resource,
        "id": event.id,
        "sequence": event.sequence,
        "changes": [],
        "cause": CAUSE,
    }
    return shown if pointer is None else shown | {"recordPath": pointer}


def _given(given_id: str, nth: int, context: NotifyContext) -> str:
    return short_id(b"given", context.salt, given_id, nth)


def _or(at: Moment | None, otherwise: Moment) -> Moment:
    return otherwise if at is None else at
