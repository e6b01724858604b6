"""Why was a record announced, or why not? What every reading that saw it made of it, and where its events stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, TypeAlias

from fastapi import Query
from starlette.responses import Response
from whenever import Instant

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import NEXT, RETURNED, answers
from tidings.api.instance_view import configuration_of
from tidings.api.poll_lanes import show_lane
from tidings.api.problems import Refused
from tidings.api.schemas import events as shapes
from tidings.api.sent import sent_of, shown_events
from tidings.core import instancerules
from tidings.core.cursor import NEVER, PollCursor, ReadingKind, decode
from tidings.core.errors import InvalidInput
from tidings.core.model import Known, Lane, LaneKind, Moment, RecordId, record_id
from tidings.core.polldate import is_strict
from tidings.core.timeline import ANNOUNCED, Failure, Item, Sighting, Silence, Timeline, name_of
from tidings.core.trail import SENTENCES, Entry
from tidings.engine.source import stamp_names
from tidings.store.base import Store

DAY = 24 * 3_600_000
LARGEST_PAGE = 1000
AT_ONCE = 500  #: entries of the trail looked through before others get their turn
AT_MOST = 100_000  #: entries looked through for one answer

# Two bounds to render a filter for: what differs is what a poll moves.
_EARLIER, _LATER = Instant.from_utc(2026, 1, 2), Instant.from_utc(2026, 3, 4, 5, 6, 7)


@answers(shapes.Explanation, 404, headers=(RETURNED, NEXT))
async def explain(
    call: InstanceCallIn,
    resource: Annotated[str, Query(description="A polled resource, as GET /jobs calls it.")],
    object_id: Annotated[str, Query(alias="objectId", min_length=1, description="The record's id at the provider.")],
    from_: Annotated[
        str | None,
        Query(alias="from", description="ISO 8601 with its zone, or epoch milliseconds; 24 hours before `to`."),
    ] = None,
    to: Annotated[str | None, Query(description="The same; now.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="The most entries to return.")] = LARGEST_PAGE,
    next_page: Annotated[
        str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before.")
    ] = None,
) -> Response:
    """Why a record (`resource`, `objectId`) was announced, or why not: every reading from `from` to `to` that saw it,
    what became of it, its events and every attempt to deliver them; the readings that did not bring it, or failed; and
    what its provider sent of it.
    """
    until = call.parts.clock() if to is None else moment_of("to", to)
    since = until - DAY if from_ is None else moment_of("from", from_)
    if since > until:
        raise InvalidInput("from", f"is later than to ({iso(until)}); write an earlier moment")
    store, key, begin = call.parts.store, record_id(object_id), _token(next_page)
    lane = await _lane(call, resource)
    if lane is None:
        return await _unpolled(call, resource, str(key), since, until)
    timeline, token = await _timeline(store, lane.id, key, since, until, begin, limit)
    ends = until if token is None else _token(token)[0]
    sent = await sent_of(store, call.instance.id, lane.key, str(key), max(since, begin[0] + 1), ends)
    known = (await store.known(lane.id, [key])).get(key)
    reaches = await store.trail_since(lane.id)
    word = _word(call, lane.key)
    told = await _events(store, call.instance.id, timeline.items, str(key))
    # What is known now was known then, where nothing has changed it since; behind `to` something may have.
    current = timeline.since_written() if token is None and to is None else len(timeline.items)
    entries = [
        (_at(item), _shown(item, told, word, known.stamp_at if known is not None and index >= current else None))
        for index, item in enumerate(timeline.items)
    ]
    response = answer(
        {
            "instanceId": call.instance.id,
            "resource": lane.key,
            "objectId": str(key),
            "from": iso(since),
            "to": iso(until),
            "trailDate": None if reaches is None else iso(reaches),
            "said": _summary(f"{lane.key}/{key}", timeline.items, known, reaches) + _also_sent(len(sent)),
            "known": _known(key, known, decode(lane.cursor)),
            "polling": show_lane(lane, call.parts.clock()),
            "entries": [shown for _, shown in sorted([*entries, *sent], key=lambda each: each[0])],
            "nextPage": token,
        }
    )
    response.headers["Elements-Returned-Count"] = str(len(entries) + len(sent))
    if token is not None:
        response.headers["Elements-Next-Page-Token"] = token
    return response


def moment_of(name: str, text: str) -> Moment:
    """The moment that a caller wrote as ISO 8601 with its zone, or as epoch milliseconds. Raises InvalidInput."""
    refused = InvalidInput(
        name, f"{text!r} is no moment; write one such as 2026-09-21T14:00:00Z (a + as %2B), or epoch milliseconds"
    )
    if text.isascii() and text.isdigit():
        if len(text) > 15 or int(text) > NEVER:
            raise refused
        return int(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise refused from None
    if read.tzinfo is None:
        raise InvalidInput(name, f"{text!r} has no zone; write Z or an offset behind it")
    try:
        return max(0, round(read.timestamp() * 1000))
    except OverflowError:
        raise refused from None


def _token(text: str | None) -> tuple[Moment, int]:
    if not text:
        return (-1, 0)
    at, _, serial = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (at, serial)):
        raise InvalidInput("nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before")
    return int(at), int(serial)


async def _lane(call: InstanceCall, resource: str) -> Lane | None:
    lanes = await call.parts.store.lanes(LaneKind.POLL, call.instance.id)
    return next((lane for lane in lanes if lane.key == resource), None)


async def _unpolled(call: InstanceCall, resource: str, record: str, since: Moment, until: Moment) -> Response:
    """The answer for a resource that is not polled: what its provider sent. Raises Refused (404) without any."""
    sent = await sent_of(call.parts.store, call.instance.id, resource, record, since, until)
    if not sent:
        lanes = await call.parts.store.lanes(LaneKind.POLL, call.instance.id)
        polled = ", ".join(lane.key for lane in lanes) or "nothing"
        raise Refused(404, f"No resource {resource!r} is polled; this instance polls {polled}")
    response = answer(
        {
            "instanceId": call.instance.id,
            "resource": resource,
            "objectId": record,
            "from": iso(since),
            "to": iso(until),
            "trailDate": None,
            "said": f"{resource}/{record} is not polled" + _also_sent(len(sent)),
            "known": None,
            "polling": None,
            "entries": [shown for _, shown in sent],
            "nextPage": None,
        }
    )
    response.headers["Elements-Returned-Count"] = str(len(sent))
    return response


def _also_sent(count: int) -> str:
    return f"; its provider sent it {_times(count)}" if count else ""


def _at(item: Item) -> Moment:
    return item.at if isinstance(item, Silence) else item.entry.at


async def _timeline(
    store: Store, lane_id: int, key: RecordId, since: Moment, until: Moment, after: tuple[Moment, int], limit: int
) -> tuple[Timeline, str | None]:
    """The record's timeline, and the token behind which it goes on; None when it is whole."""
    timeline = Timeline(str(key))
    for _ in range(AT_MOST // AT_ONCE):
        entries = await store.trail(lane_id, since, until, after, AT_ONCE)
        for entry in entries:
            timeline.put([entry])
            after = entry.at, entry.serial
            if len(timeline.items) >= limit:
                more = await store.trail(lane_id, since, until, after, 1)
                return timeline, f"{after[0]}-{after[1]}" if more else None
        if len(entries) < AT_ONCE:
            return timeline, None
    return timeline, f"{after[0]}-{after[1]}"


#: The events of one record by the number of the notification that holds them.
Told: TypeAlias = Mapping[int, Sequence[Mapping[str, object]]]


async def _events(store: Store, instance_id: int, items: Sequence[Item], record: str) -> Told:
    """What was announced of the record, each with every attempt to deliver it."""
    numbers = {
        number
        for item in items
        if isinstance(item, Sighting) and item.verdict in ANNOUNCED
        for number in item.entry.numbers
    }
    found = await store.events_numbered(instance_id, numbers) if numbers else ()
    return {
        summary.notification.number: shown_events(
            summary, (event for event in summary.notification.events if event.record_id == record)
        )
        for summary in found
    }


def _shown(item: Item, told: Told, word: str, stamp_at: Moment | None) -> dict[str, object]:
    match item:
        case Sighting(entry, verdict):
            announced = verdict in ANNOUNCED
            return {
                "kind": "seen" if item.had_it else "looked",
                "date": iso(entry.at),
                "reading": entry.reading,
                "page": entry.page,
                "asked": _asked(entry, word),
                "providerDate": _date(entry.date_at),
                "verdict": verdict.name.lower(),
                "said": f"the record {SENTENCES[verdict]}",
                "events": [event for number in entry.numbers if announced for event in told.get(number, ())],
            }
        case Failure(entry):
            again = f"; tried again at {iso(entry.next_at)}" if entry.next_at is not None else ""
            return {
                "kind": "failed",
                "date": iso(entry.at),
                "reading": entry.reading or None,
                "status": entry.status,
                "nextDate": _date(entry.next_at),
                "said": f"the {name_of(entry.reading)} failed: {entry.failure}{again}",
            }
        case Silence():
            stamp = f"; its stamp was {iso(stamp_at)}" if stamp_at is not None else ""
            return {
                "kind": "unseen",
                "date": iso(item.at),
                "until": iso(item.until),
                "readings": dict(item.readings),
                "since": _date(item.since_at),
                "said": f"{_unseen(item, word)} did not bring it{stamp}",
            }


def _word(call: InstanceCall, resource: str) -> str:
    """How the bound that a poll sends is said, by what is configured now: `after`, or `since` where it is included."""
    try:
        configuration, element = configuration_of(call.instance), element_of(call.parts, call.instance)
        entry = next((each for each in instancerules.polled(configuration, element) if each.name == resource), None)
        collection = element.resource(entry.path) if entry is not None else None
        if entry is None or collection is None:
            return "since"
        where, later = (entry.query(bound=bound, now=_LATER).where for bound in (_EARLIER, _LATER))
        return "after" if where and later and is_strict(where, later, stamp_names(entry, collection)) else "since"
    except ValueError:  # what is configured cannot be read any more
        return "since"


def _asked(entry: Entry, word: str) -> str:
    if entry.date_at is None:
        return "the record by its id"
    if entry.reading == ReadingKind.SWEEP:
        return "all ids"
    return "everything" if entry.since_at is None else f"records stamped {word} {iso(entry.since_at)}"


def _unseen(silence: Silence, word: str) -> str:
    """Which readings in a row, and what they asked for.

    >>> silence = Silence(0, 0)
    >>> silence.add(Entry("poll", since_at=0))
    >>> silence.add(Entry("poll", since_at=60_000))
    >>> _unseen(silence, "after")
    '2 polls, each asking for records stamped after a moment from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z,'
    """
    counted = [name_of(kind, count) for kind, count in silence.readings.items()]
    who = " and ".join(filter(None, (", ".join(counted[:-1]), counted[-1])))
    asked = ["everything"] if silence.everything else []
    if silence.since_at is not None and silence.since_until is not None:
        first, last = iso(silence.since_at), iso(silence.since_until)
        asked.append(f"records stamped {word} " + (first if first == last else f"a moment from {first} to {last}"))
    each = "each asking" if silence.readings.total() > 1 else "asking"
    return f"{who}, {each} for {', or for '.join(asked)},"


def _known(key: RecordId, known: Known | None, cursor: PollCursor) -> dict[str, object] | None:
    """What is known of the record now."""
    if known is None:
        return None
    missing = "out of view" if known.missing < 0 else "missed by the last sweep" if known.missing else "present"
    return {
        "state": "deleted" if known.gone else missing,
        "stampDate": _date(known.stamp_at),
        "revision": known.rev,
        "unreadable": key in cursor.unreadable,
        "deleteHeld": key in cursor.held_ids,
    }


def _summary(name: str, items: Sequence[Item], known: Known | None, reaches: Moment | None) -> str:
    sightings = [item for item in items if isinstance(item, Sighting)]
    if known is None and not sightings:
        kept = "of which nothing is kept" if reaches is None else f"kept since {iso(reaches)}"
        return f"{name} is not known: no reading in the trail ({kept}) that was asked for saw it"
    if not sightings:
        return f"{name} is known, but no reading of this period saw it"
    seen, announced = sum(item.had_it for item in sightings), sum(item.verdict in ANNOUNCED for item in sightings)
    in_vain = len(sightings) - seen
    looked = f", looked for without its coming {_times(in_vain)}" if in_vain else ""
    return f"{name} was seen {_times(seen)}{looked}, and announced {_times(announced)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _date(moment: Moment | None) -> str | None:
    return None if moment is None else iso(moment)
