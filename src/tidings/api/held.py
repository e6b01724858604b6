"""What waits for a person, because it is too much at once to be believed: deletes that a sweep found, and changes with
unmoved stamps that an audit found (design.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import iso, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import answers
from tidings.api.instance_view import configuration_of
from tidings.api.poll_lanes import lanes_of
from tidings.api.problems import Refused
from tidings.api.schemas import instances as shapes
from tidings.core.cursor import (
    ENCODE,
    NEVER,
    PollCursor,
    Unmoved,
    decide_unmoved,
    decode,
    refuse_held,
    release_held,
)
from tidings.core.instancerules import polled
from tidings.core.model import Lane, LaneState
from tidings.engine.source import minutes


class HeldKind(StrEnum):
    """Which kind of finding is held."""

    DELETES = "deletes"
    UNMOVED = "unmoved"


ResourceName = Annotated[str, Path(description="A polled resource, as the list of what is held calls it.")]
Kind = Annotated[HeldKind | None, Query(description="Only what is held of this kind; without it, of both.")]
Decision = Callable[[PollCursor], PollCursor]


@answers(list[shapes.Held])
async def list_held(call: InstanceCallIn, kind: Kind = None) -> Response:
    """What was not announced because it is suspiciously much, by resource and kind; `objectIds` has the first.

    `deletes` were found by a sweep; `unmoved` are changed records whose stamps have not moved, found by an audit.
    """
    lanes = await lanes_of(call.parts.store, call.instance.id)
    return listing([each for lane in lanes for each in _shown(lane, _kinds(lane, kind))])


@answers(list[shapes.Held], 404, 409)
async def release(call: InstanceCallIn, resource: ResourceName, kind: Kind = None) -> Response:
    """Announce what is held of a resource: of deletes, those that the next sweep still finds missing, and 404 by id; of
    changes, those that the next audit still finds. Both are due now; answers what was held."""
    now = call.parts.clock()
    decisions: dict[HeldKind, Decision] = {
        HeldKind.UNMOVED: lambda cursor: decide_unmoved(cursor, now, Unmoved.ANNOUNCE),
        HeldKind.DELETES: lambda cursor: release_held(cursor, now),
    }
    return await _decide(call, resource, kind, decisions)


@answers(list[shapes.Held], 404, 409)
async def refuse(call: InstanceCallIn, resource: ResourceName, kind: Kind = None) -> Response:
    """Announce nothing of what is held of a resource: a later sweep may hold the deletes again; the changes are taken
    over silently by the next audit, which is due now. Answers what was held."""
    now = call.parts.clock()
    entries = polled(configuration_of(call.instance), element_of(call.parts, call.instance))
    span = next((minutes(each.sweep_interval) for each in entries if each.name == resource), None)
    decisions: dict[HeldKind, Decision] = {
        HeldKind.UNMOVED: lambda cursor: decide_unmoved(cursor, now, Unmoved.LEARN),
        HeldKind.DELETES: lambda cursor: refuse_held(cursor, now, NEVER - now if span is None else span),
    }
    return await _decide(call, resource, kind, decisions)


async def _decide(
    call: InstanceCall, resource: str, kind: HeldKind | None, decisions: dict[HeldKind, Decision]
) -> Response:
    """Change the resource's cursor while it holds something of the kind; answers what it held."""
    lanes = await lanes_of(call.parts.store, call.instance.id)
    held = next((lane for lane in lanes if lane.key == resource and _kinds(lane, kind)), None)
    if held is None:
        what = "deletes or changes" if kind is None else "deletes" if kind is HeldKind.DELETES else "changes"
        raise Refused(404, f"No held {what} of {resource!r} found; GET …/polling/held lists them")
    if held.state is LaneState.PARKED:
        raise Refused(409, f"{resource} is parked ({held.parked_reason}); PUT …/polling/enabled comes first")
    kinds = _kinds(held, kind)

    def change(stored: bytes) -> bytes:
        cursor = decode(stored)
        still = [each for each in decisions if each in kinds and _count(cursor, each)]
        for each in still:
            cursor = decisions[each](cursor)
        return ENCODE(cursor) if still else stored

    await call.parts.store.amend(held.id, change, call.parts.clock())
    call.parts.wake(call.instance.id)
    return listing(_shown(held, kinds))


def _kinds(lane: Lane, kind: HeldKind | None) -> Sequence[HeldKind]:
    cursor = decode(lane.cursor)
    return [each for each in HeldKind if kind in (None, each) and _count(cursor, each)]


def _count(cursor: PollCursor, kind: HeldKind) -> int:
    return cursor.held if kind is HeldKind.DELETES else cursor.unmoved


def _shown(lane: Lane, kinds: Sequence[HeldKind]) -> list[dict[str, object]]:
    cursor = decode(lane.cursor)
    found = {
        HeldKind.DELETES: (cursor.held_ids, cursor.held_at),
        HeldKind.UNMOVED: (cursor.unmoved_ids, cursor.unmoved_at),
    }
    return [
        {
            "resource": lane.key,
            "kind": kind.value,
            "count": _count(cursor, kind),
            "objectIds": [str(each) for each in found[kind][0]],
            "heldDate": iso(found[kind][1]),
        }
        for kind in kinds
    ]
