"""What has a bulk job moved? Its rows as a file or by pages, and the rows that failed (spec platform.md 8.1)."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from fastapi import Path, Query, Request
from starlette.responses import Response, StreamingResponse

from tidings.api.accept import JSON, takes
from tidings.api.bulk import BulkId
from tidings.api.bulk_request import own_job
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import DISPOSITION, INSTANCE, RETURNED, answers
from tidings.api.hub import INSTANCE_ID
from tidings.api.problems import Refused
from tidings.api.schemas import calls as shapes
from tidings.core import csvrows
from tidings.core.bulk import CSV, JSON_LINES, BulkJob, Direction
from tidings.core.errors import InvalidInput
from tidings.core.splice import listed
from tidings.hub.query import LARGEST_PAGE, PAGE_SIZE
from tidings.store.bulkfiles import Chunk

T = TypeVar("T")

#: In the order in which one is taken when the caller names several.
KINDS: Final = (CSV, JSON, JSON_LINES)

ObjectName: TypeAlias = Annotated[str, Path(description="The object that the job is about, such as contacts.")]
PageSize: TypeAlias = Annotated[int, Query(alias="pageSize", ge=1, description=f"Rows a page, at most {LARGEST_PAGE}.")]
NextPage: TypeAlias = Annotated[
    str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before.")
]


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    """A row of a file: a chunk, and how many of its rows are before it."""

    part: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    skip: Annotated[int, msgspec.Meta(ge=0, le=2**31)]


@answers(str, 404, 409, 410, kinds=("text/csv", JSON, "application/jsonl"), headers=(RETURNED, INSTANCE, DISPOSITION))
async def read_file(
    call: InstanceCallIn,
    request: Request,
    bulk_id: BulkId,
    object_name: ObjectName,
    json: Annotated[
        str | None, Query(description="Taken for the sake of clients that send it; changes nothing.")
    ] = None,
) -> Response:
    """All rows of a download that is over: with `Accept: text/csv` as CSV, with `application/json` or
    `application/jsonl` as JSON lines."""
    job = await _finished(call, bulk_id, object_name)
    kind = _kind(request.headers.get("accept"), job)
    chunks = call.parts.files.chunks(job.file, job.parts)
    # The first is read before anything is answered, so that a file that is gone is told by a status.
    first = await asyncio.to_thread(next, chunks, None)
    if kind == CSV:
        names = await asyncio.to_thread(_names, call, job)
        body = _csv(names, first, chunks)
    else:
        body = _lines(first, chunks)
    suffix = "csv" if kind == CSV else "json"
    name = job.object_name.replace("/", "-")
    return StreamingResponse(
        body,
        headers={
            "Content-Type": kind,
            "Content-Disposition": f'attachment; filename="{name}.{suffix}"',
            "Elements-Returned-Count": str(sum(part.rows for part in job.parts)),
            INSTANCE_ID: str(job.instance_id),
        },
    )


@answers(list[dict[str, Any]], 404, 409, paged=True, headers=(INSTANCE,))
async def read_data(
    call: InstanceCallIn,
    bulk_id: BulkId,
    object_name: ObjectName,
    page_size: PageSize = PAGE_SIZE,
    next_page: NextPage = None,
) -> Response:
    """The same rows by pages, each a JSON array."""
    job = await _finished(call, bulk_id, object_name)
    size = min(page_size, LARGEST_PAGE)
    place = _read(next_page, _Place) if next_page else None
    rows, following = await asyncio.to_thread(_page, call, job, place, size)
    token = None if following is None else _token(following)
    return _paged(call, listed(rows), len(rows), token, page_size, size)


@answers(list[shapes.BulkError], 404, paged=True, headers=(INSTANCE,))
async def list_errors(
    call: InstanceCallIn, bulk_id: BulkId, page_size: PageSize = PAGE_SIZE, next_page: NextPage = None
) -> Response:
    """The rows of an upload that are not at the provider, counted from 1, and why. None is an empty list."""
    job = await own_job(call, bulk_id)
    size = min(page_size, LARGEST_PAGE)
    after = _read(next_page, int) if next_page else 0
    if not 0 <= after < 2**62:
        raise _no_token()
    found = await call.parts.store.bulk_errors(job.id, after, size + 1)
    page = found[:size]
    token = _token(page[-1].row) if len(found) > size else None
    return _paged(call, msgspec.json.encode(page), len(page), token, page_size, size)


async def _finished(call: InstanceCall, bulk_id: str, object_name: str) -> BulkJob:
    job = await own_job(call, bulk_id)
    if object_name.strip("/") != job.object_name:
        raise Refused(404, f"The bulk job {bulk_id} is about {job.object_name}, not {object_name[:100]}")
    if job.direction is Direction.UPLOAD:
        raise Refused(400, f"The bulk job {bulk_id} is an upload, which has no rows to read; its errors may be read")
    if not job.status.is_over:
        raise Refused(409, f"The bulk job {bulk_id} is {job.status.value}; read its rows when it is over")
    return job


def _kind(accept: str | None, job: BulkJob) -> str:
    """The type that the caller wants: one that they name, else the one that the job was started for."""
    own = CSV if job.wanted.format == "csv" else JSON
    named = [kind for kind in KINDS if kind in (accept or "").lower() and takes(accept, kind)]
    if named:
        return own if own in named else named[0]
    return next((kind for kind in (own, *KINDS) if takes(accept, kind)), own)


async def _each(first: T | None, rest: Iterator[T]) -> AsyncIterator[T]:
    """What is read in a thread, as it is asked for."""
    while first is not None:
        yield first
        first = await asyncio.to_thread(next, rest, None)


async def _lines(first: Chunk | None, chunks: Iterator[Chunk]) -> AsyncIterator[bytes]:
    """Between two rows stands a line feed, and none after the last: a single one is a whole JSON document."""
    between = b""
    async for chunk in _each(first, chunks):
        yield between + chunk.body
        between = b"\n"


async def _csv(names: list[str], first: Chunk | None, chunks: Iterator[Chunk]) -> AsyncIterator[bytes]:
    if names:
        yield csvrows.header(names)
    async for chunk in _each(first, chunks):
        yield await asyncio.to_thread(csvrows.written, chunk.body.split(b"\n"), names)


def _names(call: InstanceCall, job: BulkJob) -> list[str]:
    """The columns: the fields that were asked for, or all that any row has, which have to be looked for."""
    if job.wanted.fields:
        return [name.replace("/", ".") for name in job.wanted.fields.split(",")]
    known: dict[str, None] = {}
    for chunk in call.parts.files.chunks(job.file, job.parts):
        csvrows.columns(chunk.body.split(b"\n"), known)
    return list(known)


def _page(call: InstanceCall, job: BulkJob, place: _Place | None, size: int) -> tuple[list[bytes], _Place | None]:
    if place is not None and all(part.number != place.part or place.offset >= part.bytes for part in job.parts):
        raise _no_token()
    start, skip = (None, 0) if place is None else ((place.part, place.offset), place.skip)
    rows: list[bytes] = []
    for chunk in call.parts.files.chunks(job.file, job.parts, start):
        if len(rows) == size:
            return rows, _Place(chunk.number, chunk.offset, 0)
        lines = chunk.body.split(b"\n")[skip:]
        taken = lines[: size - len(rows)]
        rows += taken
        if len(taken) < len(lines):
            return rows, _Place(chunk.number, chunk.offset, skip + len(taken))
        skip = 0
    return rows, None


def _paged(call: InstanceCall, body: bytes, count: int, token: str | None, asked: int, size: int) -> Response:
    headers = {INSTANCE_ID: str(call.instance.id), "Elements-Returned-Count": str(count)}
    if token is not None:
        headers["Elements-Next-Page-Token"] = token
    if asked > size:
        headers["Elements-Error"] = f"pageSize is at most {size} here; the page was cut to it"
    return Response(body, headers=headers, media_type=JSON)


def _token(place: _Place | int) -> str:
    return b64encode(msgspec.json.encode(place)).decode()


def _read(token: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(b64decode(token.strip().replace(" ", "+"), validate=True), type=kind)
    except (ValueError, UnicodeError):
        raise _no_token() from None


def _no_token() -> InvalidInput:
    return InvalidInput("nextPage", "is no token of this list; write the Elements-Next-Page-Token of the page before")
