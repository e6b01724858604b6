"""What did the provider itself send of a record? The part of `explain` that no reading knows of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidings.api.answers import iso
from tidings.api.events import STATUS, attempts_of, shown_attempt
from tidings.api.sent_body import cut_out
from tidings.core.ingested import MARK, was_sent
from tidings.core.model import Event, Moment
from tidings.store.base import DeliverySummary, Store

AT_MOST = 1000
"""Notifications of one answer."""

#: What a word of the platform says in a sentence.
_BECAME = {"CREATED": "was created", "UPDATED": "was updated", "DELETED": "was deleted", "UNKNOWN": "has changed"}


async def sent_of(
    store: Store, instance_id: int, resource: str, record: str, since: Moment, until: Moment
) -> list[tuple[Moment, Mapping[str, object]]]:
    """An entry for each notification of that time that holds events of the record which were sent to us, in order."""
    first, end = await store.numbers_between(since, until)
    numbers = await store.mentioning(instance_id, resource, record, first, end, AT_MOST)
    found = []
    for summary in await store.events_numbered(instance_id, numbers) if numbers else ():
        if MARK not in summary.notification.body:
            continue
        _, shown = cut_out(summary.notification.body)
        events = [
            event
            for event, body in zip(summary.notification.events, shown, strict=True)
            if event.record_id == record and was_sent(body)
        ]
        if events and since <= summary.notification.created_at <= until:
            found.append((summary.notification.created_at, _entry(summary, events)))
    return found


def shown_events(summary: DeliverySummary, events: Iterable[Event]) -> list[Mapping[str, object]]:
    """Events of a notification, each with every attempt to deliver it."""
    return [
        {
            "id": event.id,
            "sequence": event.sequence,
            "eventType": event.type.value,
            "eventId": summary.notification.id,
            "status": STATUS[summary.state],
            "attempts": [shown_attempt(each) for each in attempts_of(summary)],
        }
        for event in events
    ]


def _entry(summary: DeliverySummary, events: list[Event]) -> Mapping[str, object]:
    became = " and ".join(dict.fromkeys(_BECAME[event.type.value] for event in events))
    return {
        "kind": "sent",
        "date": iso(summary.notification.created_at),
        "said": f"the provider sent that it {became}",
        "events": shown_events(summary, events),
    }
