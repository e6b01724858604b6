"""What runs on a schedule: one job for each instance that polls, and the calls that people have scheduled (spec
platform.md 4.7, 5.6, 8.4).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from pydantic import BaseModel
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso, listing
from tidings.api.authorization import Credentials, read
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.instance_view import configuration_of
from tidings.api.poll_lanes import lanes_by_instance, parked, show_lane
from tidings.api.problems import Refused
from tidings.api.schemas import calls as shapes
from tidings.api.schemas.shape import Nothing
from tidings.core import quartz
from tidings.core.configvalues import interval
from tidings.core.cron import parse
from tidings.core.errands import Errand
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import completed
from tidings.core.instancerules import INTERVAL
from tidings.core.jobconfig import call_of, first_due, masked
from tidings.core.model import Instance, Lane, LaneState
from tidings.core.naming import plain, writable
from tidings.core.subscription import account_log
from tidings.store.errands import NewErrand

MOST_JOBS = 1000
LONGEST_DESCRIPTION = 1000
POLLER = "poller-"

JobId = Annotated[str, Path(description="The id of a job, as listed.")]


class TriggerBody(BaseModel):
    """When a job is due: a Quartz cron expression, in UTC."""

    cron: str


class JobBody(BaseModel):
    """What a client writes of a job; unknown members are tolerated and dropped."""

    name: str | None = None
    description: str | None = None
    method: str
    uri: str
    trigger: TriggerBody
    query: Any = None
    headers: dict[str, Any] | None = None
    body: Any = None


@answers(shapes.ScheduledJob, 409)
async def create(call: UserCallIn, body: JobBody, request: Request) -> Response:
    """Schedule a call of this API; it is made as the caller, and as the instance whose Element token the Authorization
    header of this call, or of the job's `headers`, holds."""
    base = request.url.path.removesuffix("/jobs")
    asked = call_of(body.method, body.uri, base, body.query, body.headers, body.body)
    now = call.parts.clock()
    due_at = first_due(body.trigger.cron, now)
    instance = await _instance(call, request, body.headers or {})
    if len(await call.parts.store.errands(call.user.account_id)) >= MOST_JOBS:
        raise Refused(409, f"This account has {MOST_JOBS} jobs, which are the most; delete one first")
    new = NewErrand(
        account_id=call.user.account_id,
        user_id=call.user.id,
        instance_id=None if instance is None else instance.id,
        name=plain(body.name or f"{asked.method} {asked.path.partition('?')[0]}"[:255], "name"),
        description=_description(body.description),
        asked=asked,
        cron=body.trigger.cron.strip(),
    )
    made = await call.parts.store.create_errand(new, due_at, now)
    call.parts.wake(account_log(call.user.account_id))
    return answer(_shown(call, made))


@answers(Nothing, 404, 409)
async def delete(call: UserCallIn, job_id: JobId) -> Response:
    """Schedule a call no more. The job of an instance that polls goes with its polling."""
    number = _number(job_id)
    if number is not None and await call.parts.store.delete_errand(call.user.account_id, number):
        return answer({})
    if any(job["id"] == job_id for job in await _pollers(call)):
        raise Refused(
            409,
            f"{job_id} polls an instance: PATCH the instance with event.notification.enabled false, or disable it, and "
            "its job is gone",
        )
    raise Refused(404, f"No job found with ID {job_id}")


@answers(list[shapes.PollerJob | shapes.ScheduledJob])
async def list_jobs(call: UserCallIn) -> Response:
    """The jobs of the caller's account; none is an empty list."""
    scheduled = [_shown(call, each) for each in await call.parts.store.errands(call.user.account_id)]
    return listing([*await _pollers(call), *scheduled])


@answers(list[shapes.PollerJob])
async def list_disabled(call: UserCallIn) -> Response:
    """The jobs with a resource that is parked; its `reason` says why. None is an empty list."""
    return listing(await _pollers(call, only_parked=True))


@answers(shapes.PollerJob | shapes.ScheduledJob, 404)
async def read_job(call: UserCallIn, job_id: JobId) -> Response:
    """One job."""
    number = _number(job_id)
    errand = None if number is None else await call.parts.store.errand(number)
    if errand is not None and errand.account_id == call.user.account_id and errand.cron is not None:
        return answer(_shown(call, errand))
    for job in await _pollers(call):
        if job["id"] == job_id:
            return answer(job)
    raise Refused(404, f"No job found with ID {job_id}")


async def _instance(call: UserCall, request: Request, headers: Mapping[str, Any]) -> Instance | None:
    """The instance as which the job calls, if as any. Raises InvalidInput for one that is not the caller's."""
    given = read(request.headers.get("authorization"))
    written = next((value for name, value in headers.items() if name.lower() == "authorization"), None)
    token = given.element
    if written is not None:
        token = _own(call, written).element or token
    if token is None:
        return None
    instance = await call.parts.store.instance_by_token(token)
    if instance is None or instance.account_id != call.user.account_id:
        raise InvalidInput("Authorization", "the element token is wrong, or its instance was deleted")
    return instance


def _own(call: UserCall, written: object) -> Credentials:
    field = "headers.Authorization"
    if not isinstance(written, str):
        raise InvalidInput(field, "must be a text")
    try:
        given = read(written)
    except Refused:
        raise InvalidInput(field, "cannot be read; write Element <instanceToken>, or leave it out") from None
    for secret, own in ((given.user, call.user.secret), (given.organization, call.user.organization_secret)):
        if secret is not None and not hmac.compare_digest(secret.encode(), own.encode()):
            raise InvalidInput(field, "is another user's; a job calls as who has made it, so leave User out")
    if given.bearer is not None:
        raise InvalidInput(field, "is a Bearer token, which expires; leave it out")
    return given


def _description(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    if len(text) > LONGEST_DESCRIPTION or not writable(text) or "\0" in text:
        raise InvalidInput("description", f"must be a text of {LONGEST_DESCRIPTION} characters at the most")
    return text.strip()


def _number(job_id: str) -> int | None:
    return int(job_id) if job_id.isascii() and job_id.isdigit() and len(job_id) < 19 else None


def _shown(call: UserCall, errand: Errand) -> dict[str, object]:
    """A scheduled call as a job; what is called like a secret is masked."""
    asked = errand.asked
    due_at = parse(errand.cron or "").next_after(call.parts.clock())
    return {
        "id": str(errand.id),
        "name": errand.name,
        "description": errand.description,
        "method": asked.method,
        "uri": asked.path,
        "query": asked.query or None,
        "headers": masked(dict(asked.headers)),
        "body": None if asked.body is None else masked(orjson.loads(asked.body)),
        "elementInstanceId": errand.instance_id,
        "userId": errand.user_id,
        "createdDate": iso(errand.created_at),
        "trigger": {"cron": errand.cron},
        "nextRunDate": None if due_at is None else iso(due_at),
        "lastRunDate": None if errand.begun_at is None else iso(errand.begun_at),
        "lastRunStatus": errand.status,
        "lastRunMessage": errand.said,
        "runs": errand.runs,
        "active": due_at is not None,
    }


async def _pollers(call: UserCall, *, only_parked: bool = False) -> list[dict[str, object]]:
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
        "id": f"{POLLER}{instance.id}",
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
