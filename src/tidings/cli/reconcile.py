"""Was every change delivered, once and rightly? The provider's own list of writes against what a receiver got.

A poller sees states, not writes, so one event stands for all writes to a record since the event before it (at least
one), and its content is the state after the last of them. The events of a record are right when its writes can be cut
into such runs, one for each event in its order, so that

- the stamp of an event's content is the stamp of the last write of its run (a hard delete has no content of its own),
- its type is what became of the record over the run: not there and then there is CREATED, there and there is UPDATED,
  gone in the end is DELETED,
- nothing but invisible writes is left over, and the last content is what the provider holds in the end.

Invisible is what no poll can see: a record that was made and deleted within `fleeting` seconds, and writes after
which the record is what its receiver has already, to the stamp where mere touches are announced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

RecordKey: TypeAlias = tuple[str, str]
"""Resource and record id, both as events name them."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write that the provider accepted; `at` is seconds since 1970, `stamp` as it stands in the record."""

    resource: str
    record_id: str
    action: Literal["added", "updated", "deleted"]
    stamp: str
    at: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it reached the receiver, in a POST that it accepted; `content` is the record that came with it."""

    at: float
    event_id: str
    sequence: int
    type: str
    resource: str
    record_id: str
    content: Mapping[str, Any] = field(repr=False)

    @property
    def stamp(self) -> str:
        info = self.content.get("_info")
        return str(info.get("lastUpdated", "")) if isinstance(info, Mapping) else ""

    @property
    def name(self) -> str:
        return f"{self.resource}/{self.record_id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the writes and of the events; every write is in exactly one of the first three."""

    announced: tuple[tuple[Write, Arrival], ...]  #: each with the event whose content has it
    invisible: tuple[Write, ...]
    missing: tuple[Write, ...]
    events: tuple[Arrival, ...]  #: each once
    repeated: tuple[Arrival, ...]  #: came again, with the id of one that had come
    wrong_type: tuple[Arrival, ...]
    unfounded: tuple[Arrival, ...]  #: no write accounts for it
    out_of_order: tuple[Arrival, ...]  #: came after a later event of the same record
    gaps: int  #: sequence numbers that never came

    @property
    def complete(self) -> bool:
        """Nothing that should have come is still to come."""
        return not self.missing and not self.gaps

    @property
    def right(self) -> bool:
        faults = (self.repeated, self.wrong_type, self.unfounded, self.out_of_order)
        return self.complete and not any(faults)


@dataclass(frozen=True, slots=True)
class _Record:
    """What became of one record's writes and events."""

    announced: tuple[tuple[Write, Arrival], ...] = ()
    invisible: tuple[Write, ...] = ()
    missing: tuple[Write, ...] = ()
    wrong_type: tuple[Arrival, ...] = ()
    unfounded: tuple[Arrival, ...] = ()


def reconcile(
    writes: Iterable[Write],
    arrivals: Sequence[Arrival],
    final: Mapping[RecordKey, Mapping[str, Any]],
    *,
    announces_touches: frozenset[str] = frozenset(),
    fleeting: float = 10.0,
) -> Verdict:
    """Judge the arrivals (in the order in which they came) by the writes (in the order in which they were made).

    `final` holds the written records that the provider still has. Sequences are those of one instance, from 1.
    """
    events, repeated, out_of_order = _once_each(arrivals)
    written: dict[RecordKey, list[Write]] = defaultdict(list)
    for write in writes:
        written[write.resource, write.record_id].append(write)
    told: dict[RecordKey, list[Arrival]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each.sequence):
        told[event.resource, event.record_id].append(event)
    records = [
        _judge(
            written.get(key, []),
            told.get(key, []),
            final.get(key),
            touches=key[0] in announces_touches,
            fleeting=fleeting,
        )
        for key in {**written, **told}
    ]
    sequences = {event.sequence for event in events}
    return Verdict(
        announced=tuple(pair for record in records for pair in record.announced),
        invisible=tuple(write for record in records for write in record.invisible),
        missing=tuple(write for record in records for write in record.missing),
        events=tuple(events),
        repeated=tuple(repeated),
        wrong_type=tuple(event for record in records for event in record.wrong_type),
        unfounded=tuple(event for record in records for event in record.unfounded),
        out_of_order=tuple(out_of_order),
        gaps=max(sequences, default=0) - len(sequences),
    )


def _once_each(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Arrival], list[Arrival]]:
    """The first arrival of each event; those that came again; those overtaken by a later event of their record."""
    events: dict[str, Arrival] = {}
    repeated: list[Arrival] = []
    out_of_order: list[Arrival] = []
    latest: dict[RecordKey, int] = {}
    for arrival in arrivals:
        if arrival.event_id in events:
            repeated.append(arrival)
            continue
        events[arrival.event_id] = arrival
        key = arrival.resource, arrival.record_id
        if arrival.sequence < latest.get(key, 0):
            out_of_order.append(arrival)
        latest[key] = max(arrival.sequence, latest.get(key, 0))
    return list(events.values()), repeated, out_of_order


def _judge(
    writes: Sequence[Write],
    events: Sequence[Arrival],
    final: Mapping[str, Any] | None,
    *,
    touches: bool,
    fleeting: float,
) -> _Record:
    if not writes:
        return _Record(unfounded=tuple(events))
    there = _there(writes)
    ends, wrong, unfounded = _runs(writes, there, events)
    done = max(ends, default=0)
    last = next((event for event in reversed(events) if event not in unfounded), None)
    stale = last is not None and there[-1] and not same_content(last.content, final)
    if done == len(writes) and stale and done:
        # Another write of the same second is what the last event shows; this one is not in it.
        done -= 1
    rest = writes[done:]
    invisible = bool(rest) and (
        _was_fleeting(rest, there[done], there[-1], fleeting)
        or _was_known_already(rest, there[done] and there[-1], None if stale else last, touches)
    )
    founded = [event for event in events if event not in unfounded]
    announced = []
    for position, write in enumerate(writes[:done]):
        event = next(event for event, end in zip(founded, ends, strict=True) if end > position)
        announced.append((write, event))
    return _Record(
        announced=tuple(announced),
        invisible=tuple(rest) if invisible else (),
        missing=() if invisible else tuple(rest),
        wrong_type=tuple(wrong),
        unfounded=tuple(unfounded),
    )


def _there(writes: Sequence[Write]) -> list[bool]:
    """Whether the record is there before the first write, and after each."""
    return [writes[0].action != "added", *(write.action != "deleted" for write in writes)]


def _runs(
    writes: Sequence[Write], there: Sequence[bool], events: Sequence[Arrival]
) -> tuple[tuple[int, ...], list[Arrival], list[Arrival]]:
    """Where the run of each founded event ends, such that as many writes as possible lie in runs.

    Also the events that have a run only when their type is overlooked, and those that have none.
    """
    by_stamp: dict[str, list[int]] = defaultdict(list)
    for end, write in enumerate(writes, 1):
        by_stamp[write.stamp].append(end)
    deletes = [end for end, write in enumerate(writes, 1) if write.action == "deleted"]
    reached: dict[int, tuple[int, ...]] = {0: ()}
    wrong: list[Arrival] = []
    unfounded: list[Arrival] = []
    for event in events:
        possible = {*by_stamp.get(event.stamp, ()), *(deletes if event.type == "DELETED" else ())}
        fitting: dict[int, tuple[int, ...]] = {}
        typed: dict[int, tuple[int, ...]] = {}
        for end in (end for end in possible if writes[end - 1].at <= event.at):
            for start, ends in reached.items():
                if start < end:
                    fitting.setdefault(end, (*ends, end))
                    if event.type == _type(there[start], there[end]):
                        typed.setdefault(end, (*ends, end))
        if typed:
            reached = typed
        elif fitting:
            reached = fitting
            wrong.append(event)
        else:
            unfounded.append(event)
    return reached[max(reached)], wrong, unfounded


def _type(before: bool, after: bool) -> str:
    # Gone before it was ever announced: where deleted records stay listed, flagged, a poll sees it as deleted.
    return "DELETED" if not after else "UPDATED" if before else "CREATED"


def _was_fleeting(rest: Sequence[Write], before: bool, after: bool, fleeting: float) -> bool:
    return not before and not after and rest[-1].at - rest[0].at <= fleeting


def _was_known_already(rest: Sequence[Write], stays: bool, last: Arrival | None, touches: bool) -> bool:
    """Whether the last event, None when it is stale, shows the record as it is after the rest of its writes."""
    return stays and last is not None and (not touches or all(last.stamp == write.stamp for write in rest))


def same_content(received: Mapping[str, Any], final: Mapping[str, Any] | None) -> bool:
    """Whether two states of a record say the same, apart from what changes without a write to the record.

    That is `_info` (links, stamps) and the names of records it refers to; null says the same as nothing.
    """
    return final is not None and _essence(received, nested=False) == _essence(final, nested=False)


def _essence(value: Any, *, nested: bool = True) -> Any:
    if isinstance(value, Mapping):
        left_out = {"_info", "name", "identifier"} if nested and "id" in value else {"_info"}
        return {key: _essence(inner) for key, inner in value.items() if inner is not None and key not in left_out}
    if isinstance(value, list | tuple):
        return [_essence(inner) for inner in value]
    return value


def count_types(events: Iterable[Arrival]) -> dict[str, int]:
    """How many events of each type, in the order of a record's life."""
    counted = Counter(event.type for event in events)
    return {kind: counted.pop(kind, 0) for kind in ("CREATED", "UPDATED", "DELETED")} | counted


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of the values do not exceed (nearest rank); None when there are none.

    >>> percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 1), percentile([], 0.5)
    (2, 3, None)
    """
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1)]
