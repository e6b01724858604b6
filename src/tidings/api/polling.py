"""How far is polling, what has stopped, and how is it set going again? (spec platform.md 4.7)"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tidings.api.acceptance import change, element_of
from tidings.api.answers import answer, listing
from tidings.api.call import InstanceCallIn, UserCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.instance_view import show_short
from tidings.api.instances import owner, shown
from tidings.api.poll_lanes import lanes_by_instance, lanes_of, parked, show_record
from tidings.api.schemas import instances as shapes
from tidings.core.cursor import ENCODE, audit_now, decode
from tidings.core.model import LaneKind, LaneState, Moment


@answers(list[shapes.PollerRecord])
async def list_records(call: InstanceCallIn) -> Response:
    """How far each polled resource is; one that has not been read yet is missing."""
    lanes = await lanes_of(call.parts.store, call.instance.id)
    return listing([show_record(lane, call.parts.clock()) for lane in lanes if lane.cursor])


@answers(list[shapes.ParkedInstance])
async def list_disabled(call: UserCallIn) -> Response:
    """The instances with a resource that is parked, and why; none is an empty list."""
    lanes = await lanes_by_instance(call.parts.store)
    found = []
    for each in await call.parts.store.instances(call.user.account_id):
        if stopped := parked(lanes[each.id]):
            view = show_short(
                each, element_of(call.parts, each), await owner(call, each.user_id), lanes[each.id], call.parts.clock()
            )
            reasons = [{"name": lane.key, "reason": lane.parked_reason} for lane in stopped]
            found.append(view | {"resources": reasons})
    return listing(found)


@answers(shapes.Instance, *OF_PROVIDER, 409)
async def enable(call: InstanceCallIn) -> Response:
    """Make parked resources ready again, from where they stopped; the next poll shows whether their reason is gone."""
    return answer(await shown(call, await change(call, call.instance, lambda old: old)))


@answers(shapes.PolledResources)
async def poll_now(call: InstanceCallIn) -> Response:
    """Poll the instance's resources now instead of when they are due; names them, without those that are parked."""
    store, now = call.parts.store, call.parts.clock()
    lanes = await lanes_of(store, call.instance.id)
    ready = [lane for lane in lanes if lane.state is LaneState.READY]
    for lane in ready:
        if decode(lane.cursor).poll_at > now:
            await store.amend(lane.id, lambda stored: _polled_at(stored, now), now)
    await store.wake(LaneKind.POLL, call.instance.id, now)
    call.parts.wake(call.instance.id)
    return answer({"instanceId": call.instance.id, "resources": [lane.key for lane in ready]})


@answers(shapes.PolledResources)
async def audit(call: InstanceCallIn) -> Response:
    """Read everything of the instance's resources again and compare: what no poll had announced becomes an event with
    `cause: "audit"`. Names the resources; the instance's `completeness` shows the result of each. One that is learned
    for the first time or parked is left out."""
    store, now = call.parts.store, call.parts.clock()
    lanes = [lane for lane in await lanes_of(store, call.instance.id) if lane.state is LaneState.READY]
    ready = [lane for lane in lanes if decode(lane.cursor).baselined]
    for lane in ready:
        await store.amend(lane.id, lambda stored: ENCODE(audit_now(decode(stored), now)), now)
    call.parts.wake(call.instance.id)
    return answer({"instanceId": call.instance.id, "resources": [lane.key for lane in ready]})


def _polled_at(stored: bytes, now: Moment) -> bytes:
    """The cursor with its poll due now, unless it is due anyway."""
    cursor = decode(stored)
    return ENCODE(msgspec.structs.replace(cursor, poll_at=now)) if cursor.poll_at > now else stored
