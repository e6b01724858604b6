"""How does the polling of one resource stand? Read from its lane and the cursor in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tidings.api.answers import iso
from tidings.core.completeness import completeness
from tidings.core.cursor import decode
from tidings.core.freshness import current_since, freshness, is_stale
from tidings.core.hints import remembered
from tidings.core.model import Lane, LaneKind, LaneState, Moment
from tidings.store.base import Store


async def lanes_of(store: Store, instance_id: int) -> Sequence[Lane]:
    """The lanes of everything that an instance polls; those that are switched off do not count."""
    return [lane for lane in await store.lanes(LaneKind.POLL, instance_id) if lane.state is not LaneState.OFF]


async def lanes_by_instance(store: Store) -> defaultdict[int, list[Lane]]:
    """The same for all instances; none for one that does not poll."""
    lanes: defaultdict[int, list[Lane]] = defaultdict(list)
    for lane in await store.lanes(LaneKind.POLL):
        if lane.state is not LaneState.OFF:
            lanes[lane.instance_id].append(lane)
    return lanes


async def hint_lanes(store: Store, instance_id: int | None = None) -> dict[int, Lane]:
    """The hint lane of each instance that has one, or of this one."""
    return {lane.instance_id: lane for lane in await store.lanes(LaneKind.HINT, instance_id)}


def parked(lanes: Sequence[Lane]) -> list[Lane]:
    """Those that wait for a person: their keys were refused, or the configuration no longer fits."""
    return [lane for lane in lanes if lane.state is LaneState.PARKED]


def parked_because(lanes: Sequence[Lane]) -> str | None:
    """Why which resources are parked, as one sentence; None when none is."""
    return "; ".join(f"{lane.key}: {lane.parked_reason}" for lane in parked(lanes)) or None


def show_freshness(lane: Lane, now: Moment) -> dict[str, object]:
    """How current what is known of a resource is; `seconds` and `since` are null while it is learned."""
    cursor = decode(lane.cursor)
    age = freshness(cursor, now)
    return {
        "seconds": None if age is None else age // 1000,
        "stale": is_stale(cursor, now),
        "since": _date(current_since(cursor)),
    }


def show_completeness(lane: Lane) -> dict[str, object]:
    """What the last audit of a resource proved; everything is null before there was one. `phantom` is null where it
    could not be told, `counted` is the provider's count where that is more than was compared, or how many records are
    known where nothing was."""
    figure = completeness(decode(lane.cursor))
    return {
        "auditedDate": None if figure is None else iso(figure.audited_at),
        "compared": figure and figure.compared,
        "missed": figure and figure.missed,
        "phantom": figure and figure.phantom,
        "held": figure and figure.held,
        "complete": figure and figure.complete,
        "counted": figure and figure.counted,
    }


def show_lane(lane: Lane, now: Moment) -> dict[str, object]:
    """A resource of a job. `reason` says why it is parked, or what the last try failed with."""
    cursor = decode(lane.cursor)
    return {
        "name": lane.key,
        "state": lane.state.value,
        "reason": lane.parked_reason,
        "held": cursor.held,
        "lastPolledDate": _date(cursor.polled_at or None),
        "nextRunDate": _date(lane.due_at if lane.state is LaneState.READY else None),
        "watermark": _date(cursor.watermark_at),
        "baselined": cursor.baselined,
        "freshness": show_freshness(lane, now),
        "completeness": show_completeness(lane),
    }


def show_record(lane: Lane, now: Moment) -> dict[str, object]:
    """A poller record (spec platform.md 4.7); its fields are ours, the platform's are unknown."""
    cursor = decode(lane.cursor)
    ready = lane.state is LaneState.READY
    return {
        "objectName": lane.key,
        "lastPolledDate": _date(cursor.polled_at or None),
        # The lane may be due earlier for another reading, or later after a failure.
        "nextPollDate": _date(max(lane.due_at, cursor.poll_at) if ready else None),
        "state": lane.state.value,
        "reason": lane.parked_reason,
        "freshness": show_freshness(lane, now),
    }


def show_hints(lane: Lane) -> dict[str, object]:
    """For which types of records the provider was asked for hints, when that was last seen to be so, and why it is not
    so now."""
    memory = remembered(lane.cursor)
    return {"types": memory.types, "verifiedDate": _date(memory.verified_at or None), "reason": lane.parked_reason}


def _date(moment: Moment | None) -> str | None:
    return None if moment is None else iso(moment)
