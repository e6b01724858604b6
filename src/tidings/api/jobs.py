"""What runs on a schedule: exactly one job for each instance that polls (spec platform.md 4.7, 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso, listing
from tidings.api.call import UserCall, UserCallIn
from tidings.api.instance_view import configuration_of
from tidings.api.poll_lanes import lanes_by_instance, parked, show_lane
from tidings.api.problems import Refused
from tidings.core import quartz
from tidings.core.configvalues import interval
from tidings.core.instanceconfig import completed
from tidings.core.instancerules import INTERVAL
from tidings.core.model import Instance, Lane, LaneState

JobId = Annotated[str, Path(description="The id of a job, as listed.")]


async def list_jobs(call: UserCallIn) -> Response:
    """The jobs of the caller's account; none is an empty list."""
    return listing(await _jobs(call))


async def list_disabled(call: UserCallIn) -> Response:
    """The jobs with a resource that is parked; its `reason` says why. None is an empty list."""
    return listing(await _jobs(call, only_parked=True))


async def read_job(call: UserCallIn, job_id: JobId) -> Response:
    """One job."""
    for job in await _jobs(call):
        if job["id"] == job_id:
            return answer(job)
    raise Refused(404, f"No job found with ID {job_id}")


async def _jobs(call: UserCall, *, only_parked: bool = False) -> list[dict[str, object]]:
    lanes = await lanes_by_instance(call.parts.store)
    instances = await call.parts.store.instances(call.user.account_id)
    return [
        _job(call, instance, lanes[instance.id])
        for instance in instances
        if (parked(lanes[instance.id]) if only_parked else lanes[instance.id])
    ]


def _job(call: UserCall, instance: Instance, lanes: Sequence[Lane]) -> dict[str, object]:
    values = completed(configuration_of(instance), element_of(call.parts, instance).configuration)
    seconds = interval(values[INTERVAL], call.parts.settings.interval_floor) * 60
    trigger = {"interval": quartz.in_words(seconds)}
    cron = quartz.every(seconds)
    due = [lane.due_at for lane in lanes if lane.state is LaneState.READY]
    return {
        "id": f"poller-{instance.id}",
        "name": f"{instance.element_key}-{instance.id}-poller",
        "description": f"Polls {', '.join(lane.key for lane in lanes)} of {instance.name}",
        "method": "GET",
        "uri": f"/instances/{instance.id}/events",
        "elementInstanceId": instance.id,
        "createdDate": iso(instance.created_at),
        "trigger": trigger if cron is None else trigger | {"cron": cron},
        "nextRunDate": iso(min(due)) if due else None,
        "resources": [show_lane(lane, call.parts.clock()) for lane in lanes],
    }
