"""Deletes that wait for a person: a sweep missed too many records at once to be believed (design.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.instance_view import configuration_of
from tidings.api.poll_lanes import lanes_of
from tidings.api.problems import Refused
from tidings.core.cursor import ENCODE, NEVER, PollCursor, decode, refuse_held, release_held
from tidings.core.instancerules import polled
from tidings.core.model import Lane, LaneState
from tidings.engine.source import minutes

ResourceName = Annotated[str, Path(description="A polled resource, as the list of held deletes calls it.")]


async def list_held(call: InstanceCallIn) -> Response:
    """Deletes that were not announced because they are suspiciously many, by resource; `objectIds` has the first."""
    shown = [_show(lane) for lane in await lanes_of(call.parts.store, call.instance.id)]
    return listing([each for each in shown if each["count"]])


async def release(call: InstanceCallIn, resource: ResourceName) -> Response:
    """Announce the held deletes of a resource: those that the next sweep still finds missing, and 404 by id."""
    return await _decide(call, resource, lambda cursor: release_held(cursor, call.parts.clock()))


async def refuse(call: InstanceCallIn, resource: ResourceName) -> Response:
    """Announce none of the held deletes of a resource; a later sweep may hold them again."""
    now = call.parts.clock()
    spans = polled(configuration_of(call.instance), element_of(call.parts, call.instance))
    span = next((minutes(each.sweep_interval) for each in spans if each.name == resource), None)
    return await _decide(call, resource, lambda cursor: refuse_held(cursor, now, NEVER - now if span is None else span))


async def _decide(call: InstanceCall, resource: str, decided: Callable[[PollCursor], PollCursor]) -> Response:
    """Change the resource's cursor while it holds something; answers what it held."""
    lanes = await lanes_of(call.parts.store, call.instance.id)
    held = next((lane for lane in lanes if lane.key == resource and decode(lane.cursor).held), None)
    if held is None:
        raise Refused(404, f"No held deletes of {resource!r} found; GET …/polling/held lists them")
    if held.state is LaneState.PARKED:
        raise Refused(409, f"{resource} is parked ({held.parked_reason}); PUT …/polling/enabled comes first")

    def change(stored: bytes) -> bytes:
        cursor = decode(stored)
        return ENCODE(decided(cursor)) if cursor.held else stored

    await call.parts.store.amend(held.id, change, call.parts.clock())
    call.parts.wake(call.instance.id)
    return answer(_show(held))


def _show(lane: Lane) -> dict[str, object]:
    cursor = decode(lane.cursor)
    return {
        "resource": lane.key,
        "count": cursor.held,
        "objectIds": [str(each) for each in cursor.held_ids],
        "heldDate": iso(cursor.held_at),
    }
