"""Many records at once: starting bulk jobs, where they stand, and stopping them (spec platform.md 8)."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from fastapi import Body, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso, listing
from tidings.api.bulk_request import (
    created,
    format_of,
    meta_data,
    own_job,
    schedule,
    scheduled_by,
    since,
    start_download,
    text_of,
)
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import answers
from tidings.api.hub import drops_nulls
from tidings.api.schemas import calls as shapes
from tidings.core import bulkquery
from tidings.core.bulk import BulkJob, Wanted
from tidings.core.bulkquery import BulkQuery
from tidings.core.ceql import CeqlError
from tidings.core.errors import InvalidInput
from tidings.hub.bulk import target_of

MOST_LISTED: Final = 1000

BulkId: TypeAlias = Annotated[str, Path(description="The id of a bulk job.")]
Q: TypeAlias = Annotated[
    str, Query(description="A whole query: select * from contacts where lastUpdated > '2026-01-31T12:00:00Z' limit 10.")
]
From: TypeAlias = Annotated[str | None, Query(alias="from", description="Only what was changed since that moment.")]
To: TypeAlias = Annotated[str | None, Query(description="Only what was changed until that moment.")]
LastRun: TypeAlias = Annotated[str | None, Query(alias="lastRunDate", description="The same as from, which wins.")]
Continue: TypeAlias = Annotated[
    str | None,
    Query(alias="continueFromJobId", description="Go on where that job was broken off; it says what is read."),
]
PageSize: TypeAlias = Annotated[int, Query(alias="pageSize", ge=1, description="How many, the newest first.")]

STARTED_WITH: Final = {
    "Elements-Async-Callback-Url": "Who is told when the job is over; the instance's own callback without it.",
    "Elements-Schedule-Request": "A Quartz cron expression: start one whenever it is due.",
}


class DownloadBody(BaseModel):
    """What a client writes of a download; `pageSize` and `apiLimit` are taken and change nothing."""

    objectName: str | None = None
    format: str
    query: str | None = None
    where: str | None = None
    selectFields: str | list[str] | None = None
    limit: int | None = Field(default=None, ge=1, le=bulkquery.LARGEST_LIMIT)
    from_: str | int | None = Field(default=None, alias="from")
    to: str | int | None = None
    filterDateField: str | None = None
    filterNulls: bool | None = None
    notificationUrl: str | None = None
    continueFromJobId: str | int | None = None


@answers(shapes.BulkBegun | shapes.BulkScheduled, 403, 404, 405, 409, reads=STARTED_WITH)
async def query(
    call: InstanceCallIn,
    request: Request,
    q: Q,
    from_: From = None,
    to: To = None,
    last_run: LastRun = None,
    continue_from: Continue = None,
) -> Response:
    """Start a job that reads all that a query selects into a file, and answer at once. When it is over, a callback is
    told: `Elements-Async-Callback-Url`, or else the instance's own. A form may say `metaData`, with a `fileName` and a
    `callback-payload`. `Elements-Schedule-Request` keeps the call for a Quartz cron expression instead."""
    asked = _read(q)
    meta = await meta_data(request)
    wanted = _wanted(call, asked, asked.where, q, from_ or last_run, to)
    wanted = _with(wanted, file_name=text_of(meta, "fileName"), payload=text_of(meta, "callback-payload"))
    target_of(element_of(call.parts, call.instance), asked.object, "list")
    if (scheduled := await schedule(call, request)) is not None:
        return scheduled
    return created(await start_download(call, request, asked.object, wanted, continue_from=continue_from))


@answers(shapes.BulkBegun | shapes.BulkScheduled, 403, 404, 405, 409, reads=STARTED_WITH)
async def download(call: InstanceCallIn, request: Request, body: DownloadBody) -> Response:
    """The same as `POST /bulk/query`, told by members instead of a text. The file may be asked for in the other format,
    too."""
    fields = body.selectFields
    asked = BulkQuery(body.objectName or "", tuple(fields) if isinstance(fields, list) else ())
    if isinstance(fields, str) and fields.strip():
        asked = BulkQuery(asked.object, tuple(name.strip() for name in fields.split(",") if name.strip()))
    if body.query:
        asked = _read(body.query, "query")
        if body.objectName and body.objectName != asked.object:
            raise InvalidInput("objectName", f"is {body.objectName[:100]!r}, and the query reads {asked.object}")
    if not asked.object:
        raise InvalidInput("objectName", "is missing; write the name of an object, such as contacts")
    where = body.where or asked.where
    from_, to = (None if each is None else str(each) for each in (body.from_, body.to))
    wanted = _wanted(call, asked, where, body.query or "", from_, to, body.filterDateField)
    wanted = _with(wanted, format=format_of(body.format), limit=body.limit or asked.limit)
    if body.filterNulls is not None:
        wanted = _with(wanted, drop_nulls=body.filterNulls)
    if (scheduled := await schedule(call, request)) is not None:
        return scheduled
    former = None if body.continueFromJobId is None else str(body.continueFromJobId)
    job = await start_download(call, request, asked.object, wanted, callback=body.notificationUrl, continue_from=former)
    return created(job)


@answers(shapes.BulkBegun | shapes.BulkScheduled, 403, 404, 405, 409, reads=STARTED_WITH)
async def workflow(
    call: InstanceCallIn,
    request: Request,
    q: Annotated[str | None, Query(description="The query, where the body has none.")] = None,
    body: Annotated[Any, Body(description="{query}, or a list with one such object.")] = None,
) -> Response:
    """Start a job that reads what a query selects, or with `Elements-Schedule-Request` start one whenever its cron
    expression is due; `GET /bulkloader` lists them. Rows are not loaded into another instance."""
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(body, list) and len(body) > 1:
        raise InvalidInput("body", "has several steps; send one")
    given = first if isinstance(first, dict) else {}
    if given.get("targetConfiguration"):
        raise InvalidInput("targetConfiguration", "is not supported; POST /bulk/{objectName} loads what was read")
    text = given.get("query") or given.get("q") or q
    if not isinstance(text, str):
        raise InvalidInput("query", "is missing; write one such as select * from contacts")
    asked = _read(text, "query")
    wanted = _wanted(call, asked, asked.where, text, None, None)
    target_of(element_of(call.parts, call.instance), asked.object, "list")
    if (scheduled := await schedule(call, request)) is not None:
        return scheduled
    return created(await start_download(call, request, asked.object, wanted))


@answers(shapes.BulkJob, 404)
async def status(call: InstanceCallIn, bulk_id: BulkId) -> Response:
    """How far a job is: CREATED, RUNNING, and in the end COMPLETED, CANCELLED or ABORTED. While it waits for the
    provider, `infoMessage` says why."""
    return answer(_shown(await own_job(call, bulk_id)))


@answers(shapes.BulkJob, 404, 409)
async def cancel(call: InstanceCallIn, bulk_id: BulkId) -> Response:
    """Stop a job at once. What it has read stays until it is removed, what an upload has sent stays sent. An upload
    that is over stays as it is."""
    job = await own_job(call, bulk_id)
    await call.parts.store.cancel_bulk(job.id, call.parts.clock())
    call.parts.wake(call.instance.id)
    return answer(_shown(await own_job(call, bulk_id)))


@answers(list[shapes.BulkListed])
async def list_jobs(
    call: InstanceCallIn,
    object_name: Annotated[str | None, Query(description="Only those of this object.")] = None,
    job_status: Annotated[str | None, Query(description="Only those with this status.")] = None,
    job_direction: Annotated[str | None, Query(description="UPLOAD or DOWNLOAD.")] = None,
    record_count: Annotated[int | None, Query(description="Only those with so many rows.")] = None,
    page_size: PageSize = 200,
) -> Response:
    """The instance's bulk jobs, the newest first. None is an empty list."""
    found = await call.parts.store.bulks(call.instance.id, limit=MOST_LISTED)
    rows = [_listed(job) for job in found]
    asked = {"object_name": object_name, "status": job_status, "job_direction": job_direction}
    wanted: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if record_count is not None:
        wanted["record_count"] = record_count
    kept = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return listing(kept[:page_size])


@answers(list[shapes.BulkLoaded])
async def list_loads(
    call: InstanceCallIn,
    job_id: Annotated[str | None, Query(alias="jobId", description="Only those that this schedule started.")] = None,
    page_size: PageSize = 200,
) -> Response:
    """The instance's bulk jobs as workflows, the newest first: `groupName` is the id. None is an empty list."""
    mark = None if job_id is None else await scheduled_by(call, job_id)
    if job_id is not None and mark is None:
        return listing([])
    found = await call.parts.store.bulks(call.instance.id, schedule=mark, limit=min(page_size, MOST_LISTED))
    return listing([_loaded(job, job_id) for job in found])


def _read(text: str, field: str = "q") -> BulkQuery:
    try:
        return bulkquery.parse(text)
    except CeqlError as error:
        raise InvalidInput(field, str(error)) from None


def _wanted(
    call: InstanceCall,
    asked: BulkQuery,
    where: str | None,
    text: str,
    from_: str | None,
    to: str | None,
    date_field: str | None = None,
) -> Wanted:
    element = element_of(call.parts, call.instance)
    if from_ or to:
        stamp = target_of(element, asked.object, "list").resource.stamp_condition
        where = since(where, stamp, from_, to, date_field)
    return Wanted(
        query=text,
        where=where,
        fields=",".join(asked.fields) or None,
        order_by=asked.order_by,
        limit=asked.limit,
        drop_nulls=drops_nulls(call, element),
    )


def _with(wanted: Wanted, **changes: Any) -> Wanted:
    return Wanted(**{name: getattr(wanted, name) for name in Wanted.__struct_fields__} | changes)


def _shown(job: BulkJob) -> dict[str, object]:
    meta = {"fileName": job.wanted.file_name, "callback-payload": job.wanted.payload}
    shown: dict[str, object] = {
        "id": str(job.id),
        "status": job.status.value,
        "recordsCount": job.records,
        "recordsFailedCount": job.failed,
        "instanceId": job.instance_id,
        "instance_id": job.instance_id,
        "object_name": job.object_name,
        "job_direction": job.direction.value,
        "bulk_start_time": iso(job.begun_at or job.created_at),
    }
    if job.ended_at is not None:
        shown["bulk_finish_time"] = iso(job.ended_at)
    return shown | {
        "fileFormat": job.wanted.format,
        "fileSize": job.bytes,
        "metadata": {name: value for name, value in meta.items() if value is not None},
        "vendorJobId": None,
        "infoMessage": None if job.status.is_over else job.error,
        "requestId": job.request_id,
        "error": job.error if job.status.is_over else None,
    }


def _listed(job: BulkJob) -> dict[str, object]:
    return {
        "id": str(job.id),
        "instanceId": job.instance_id,
        "object_name": job.object_name,
        "job_query": job.wanted.query,
        "status": job.status.value,
        "job_direction": job.direction.value,
        "record_count": job.records,
        "error_count": job.failed,
        "completion_time": None if job.ended_at is None else iso(job.ended_at),
        "createdDate": job.created_at,
        "notification_url": job.callback,
        "fileFormat": job.wanted.format,
    }


def _loaded(job: BulkJob, job_id: str | None) -> dict[str, object]:
    shown: dict[str, object] = {
        "groupName": str(job.id),
        "status": job.status.value,
        "instanceId": job.instance_id,
        "objectName": job.object_name,
        "recordsCount": job.records,
        "createdDate": job.created_at,
    }
    return shown if job_id is None else shown | {"jobId": job_id}
