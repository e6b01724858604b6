"""Many records at once into a provider: the file that a client sends, row by row (spec platform.md 8.1, 8.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec
from fastapi import Request
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.bulk_request import (
    callback_of,
    create,
    created,
    format_of,
    new_file,
    read_meta_data,
    refuse_disabled,
    text_of,
)
from tidings.api.bulk_rows import ObjectName
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import answers
from tidings.api.schemas import calls as shapes
from tidings.core import csvrows
from tidings.core.bulk import Direction, Line, Part, Wanted
from tidings.core.errors import InvalidInput
from tidings.core.multipart import FormPart, read_parts
from tidings.core.webhookbody import read_json
from tidings.hub.bulk import target_of
from tidings.store.bulk import NewBulk

ROWS: Final = 500
"""Rows of a chunk of the file that is kept."""


@answers(
    shapes.BulkBegun,
    403,
    404,
    405,
    reads={"Elements-Async-Callback-Url": "Who is told when the job is over; the instance's own callback without it."},
)
async def upload(call: InstanceCallIn, request: Request, object_name: ObjectName) -> Response:
    """Start a job that creates a record of each row of a file, and answer at once. The form has a `file`, CSV with a
    header line or JSON (a list, or an object a line), and may have a `metaData`: its `format` (csv, json), the `action`
    create, a `callback-payload`. A row that is refused is an error of the job, and the others go on. `upsert` is not
    supported."""
    refuse_disabled(call)
    target = target_of(element_of(call.parts, call.instance), object_name, "create")
    form = read_parts(request.headers.get("content-type", ""), await request.body())
    file, meta = form.get("file"), read_meta_data(form["metaData"].content if "metaData" in form else None)
    if file is None:
        raise InvalidInput("file", "is missing; send the rows as the field file of the form")
    action = str(meta.get("action") or ("upsert" if meta.get("identifierFieldName") else "create")).lower()
    if action not in ("create", "insert"):
        raise InvalidInput("metaData.action", f"is {action[:40]!r}, which this element does not support; write create")
    wanted = Wanted(
        format=format_of(_format(meta, file), "metaData.format"),
        file_name=text_of(meta, "fileName") or (file.file_name or "")[:255].replace("\0", "") or None,
        payload=text_of(meta, "callback-payload"),
    )
    callback, name = await callback_of(call, request), new_file(call)
    types = target.resource.field_types
    part = await asyncio.to_thread(_keep, call, name, file, wanted.format, types)
    new = NewBulk(
        account_id=call.user.account_id,
        user_id=call.user.id,
        instance_id=call.instance.id,
        object_name=object_name.strip("/"),
        direction=Direction.UPLOAD,
        wanted=wanted,
        file=name,
        request_id=request.state.request_id,
        callback=callback,
        parts=(part,),
        place="0",
    )
    return created(await create(call, new))


def _format(meta: dict[str, Any] | Any, file: FormPart) -> str:
    """As it is said, or else as the file looks; CSV when nothing says otherwise."""
    if meta.get("format") is not None:
        return str(meta["format"])
    is_json = "json" in file.content_type.lower() or (file.file_name or "").lower().endswith((".json", ".jsonl"))
    return "json" if is_json else "csv"


def _keep(call: InstanceCall, name: str, file: FormPart, format: str, types: Any) -> Part:
    """Write the rows into the job's file. Raises InvalidInput where they cannot be read at all."""
    try:
        text = file.content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("file", f"is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    lines = iter(csvrows.read(text, types) if format == "csv" else _json(file.content))
    part = Part(0, 0, 0)
    while rows := [line.encoded() for line in islice(lines, ROWS)]:
        part = call.parts.files.append(name, part, b"\n".join(rows), len(rows))
    if not part.rows:
        raise InvalidInput("file", "has no rows; send one at the least")
    call.parts.files.sync(name, part)
    return part


def _json(content: bytes) -> Iterator[Line]:
    """A list of objects, one object, or an object a line."""
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    rows: Iterable[bytes] = (line for line in content.split(b"\n") if line.strip())
    if content[:1] == b"[":
        try:
            rows = map(bytes, msgspec.json.decode(content, type=list[msgspec.Raw]))
        except (msgspec.DecodeError, RecursionError):
            if not _is_json(content.partition(b"\n")[0]):
                raise InvalidInput("file", "is not JSON; send a list of objects, or an object a line") from None
    elif _is_json(content):
        rows = [content]
    yield from map(_line, rows)


def _is_json(text: bytes) -> bool:
    try:
        read_json(text)
    except InvalidInput:
        return False
    return True


def _line(row: bytes) -> Line:
    try:
        read = read_json(row)
    except InvalidInput as error:
        return Line(None, f"the row {error.message}")
    return Line(row.strip()) if isinstance(read.value, dict) else Line(None, "the row is no JSON object")
