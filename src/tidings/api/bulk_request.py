"""What is asked for when somebody starts a bulk job? Its query, dates, callback and schedule, as a client writes them
(spec platform.md 8.1).
"""

from __future__ import annotations

import re
from base64 import b16encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import orjson
from fastapi import Request
from starlette.responses import Response
from whenever import Instant

from tidings.api.acceptance import element_of
from tidings.api.answers import answer, iso
from tidings.api.call import InstanceCall
from tidings.api.dispatched import CALLBACK, LONGEST_VALUE
from tidings.api.jobs import MOST_JOBS
from tidings.api.problems import Refused
from tidings.core.bulk import BulkJob, Direction, Part, Wanted
from tidings.core.errands import Asked
from tidings.core.errors import InvalidInput
from tidings.core.instancerules import CALLBACK_URL
from tidings.core.jobconfig import first_due
from tidings.core.model import JSON
from tidings.core.multipart import MULTIPART, read_parts
from tidings.core.naming import writable
from tidings.core.subscription import account_log
from tidings.core.webhookbody import read_form
from tidings.hub.bulk import check, target_of
from tidings.store.bulk import NewBulk
from tidings.store.errands import NewErrand

SCHEDULE: Final = "Elements-Schedule-Request"
SCHEDULED_BY: Final = "Tidings-Bulk-Schedule"
"""A header of the calls that a schedule makes, by which the jobs that it has started are found."""
FORM: Final = "application/x-www-form-urlencoded"
BODIES: Final = (JSON, MULTIPART, FORM)
LONGEST_PAYLOAD: Final = 10_000

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_FIELD: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_FORMATS: Final = {"csv": "csv", "json": "json", "jsonl": "json"}


def refuse_disabled(call: InstanceCall) -> None:
    """Raises Refused (403) for an instance that is disabled."""
    if call.instance.disabled:
        raise Refused(403, f"The element instance {call.instance.id} is disabled; PUT /instances/enabled enables it")


def format_of(text: str | None, field: str = "format") -> str:
    known = _FORMATS.get((text or "json").strip().lower())
    if known is None:
        raise InvalidInput(field, f"is {str(text)[:40]!r}; write csv or json")
    return known


async def start_download(
    call: InstanceCall,
    request: Request,
    object_name: str,
    wanted: Wanted,
    *,
    callback: str | None = None,
    continue_from: str | None = None,
) -> BulkJob:
    """Keep the job, so that it is worked whatever happens to this process. Raises InvalidInput and Refused."""
    refuse_disabled(call)
    check(target_of(element_of(call.parts, call.instance), object_name, "list"), wanted)
    place, records = "", tuple[Part, ...]()
    if continue_from is not None:
        former = await own_job(call, continue_from, "continueFromJobId")
        if former.object_name != object_name or former.direction is not Direction.DOWNLOAD or not former.status.is_over:
            raise InvalidInput("continueFromJobId", f"must be a download of {object_name} that was broken off")
        if not former.place:
            raise InvalidInput("continueFromJobId", f"is {continue_from}, which has read all there was, or nothing")
        place, wanted = former.place, former.wanted
    new = NewBulk(
        account_id=call.user.account_id,
        user_id=call.user.id,
        instance_id=call.instance.id,
        object_name=object_name,
        direction=Direction.DOWNLOAD,
        wanted=wanted,
        file=new_file(call),
        request_id=request.state.request_id,
        callback=await callback_of(call, request, callback),
        schedule=request.headers.get(SCHEDULED_BY),
        parts=records,
        place=place,
    )
    return await create(call, new)


async def create(call: InstanceCall, new: NewBulk) -> BulkJob:
    made = await call.parts.store.create_bulk(new, call.parts.clock())
    call.parts.wake(call.instance.id)
    return made


def new_file(call: InstanceCall) -> str:
    return b16encode(call.parts.dice(12)).decode().lower()


def created(job: BulkJob) -> Response:
    """The answer to whoever has started a job."""
    return answer(
        {"id": str(job.id), "status": job.status.value, "instanceId": job.instance_id, "instance_id": job.instance_id}
    )


async def own_job(call: InstanceCall, bulk_id: str, field: str | None = None) -> BulkJob:
    """A job of the instance; Refused (404) for any other, InvalidInput where it was named in a `field`."""
    number = int(bulk_id) if bulk_id.isascii() and bulk_id.isdigit() and len(bulk_id) < 19 else None
    job = None if number is None else await call.parts.store.bulk(number)
    if job is None or job.instance_id != call.instance.id:
        if field is not None:
            raise InvalidInput(field, f"is {bulk_id[:40]!r}, which is no job of this instance")
        raise Refused(404, f"No bulk job found with ID {bulk_id[:40]}")
    return job


async def callback_of(call: InstanceCall, request: Request, given: str | None = None) -> str | None:
    """Where the job's end is told: as given, else as the header says, else the instance's own; a path is one of our
    own API. Raises InvalidInput for what nothing may be sent to."""
    given = (given or request.headers.get(CALLBACK, "")).strip()
    if not given:
        return call.instance.configuration.get(CALLBACK_URL) or None
    if len(given) > LONGEST_VALUE or not writable(given) or re.search(r"[\x00-\x20\x7f]", given):
        raise InvalidInput(CALLBACK, f"must be an address of {LONGEST_VALUE} characters at the most")
    base = request.scope["path"].partition("/bulk")[0].partition("/hubs")[0]
    path = given.removeprefix(base) if given.startswith(f"{base}/") else given
    if path.startswith("/") and not path.startswith("//"):
        return path
    reason = call.parts.policy.check_url(given) or await call.parts.refuse_name(given)
    if reason is not None:
        raise InvalidInput(CALLBACK, reason)
    return given


def since(where: str | None, stamp: str, from_: str | None, to: str | None, field: str | None = None) -> str | None:
    """The condition, and that a record's stamp lies between these moments. Raises InvalidInput."""
    if not from_ and not to:
        return where
    name = field or stamp
    if not _FIELD.fullmatch(name):
        raise InvalidInput("filterDateField" if field else "from", "needs a field with a date; this object has none")
    terms = [f"({where})"] if where else []
    terms += [f"{name} >= '{_moment(from_, 'from')}'"] if from_ else []
    terms += [f"{name} <= '{_moment(to, 'to')}'"] if to else []
    return " AND ".join(terms)


def _moment(text: str, field: str) -> str:
    """A moment as the provider reads it: a date, or milliseconds since 1970."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 15:
        return iso(int(text))
    if not _DATE.fullmatch(text):
        raise InvalidInput(field, f"is {text[:40]!r}; write a moment such as 2026-01-31T12:00:00Z")
    try:
        return Instant.parse_iso(text).format_iso() if text[-1:] in "Zz" and len(text) > 11 else text.replace(" ", "T")
    except ValueError:
        raise InvalidInput(field, f"is {text[:40]!r}, which is no moment; write 2026-01-31T12:00:00Z") from None


async def meta_data(request: Request) -> Mapping[str, Any]:
    """The `metaData` of a call: a field of its form, or of its JSON. None is empty. Raises InvalidInput."""
    body = await request.body()
    kind = request.headers.get("content-type", JSON)
    if not body.strip():
        return {}
    if kind.lower().startswith(MULTIPART):
        part = read_parts(kind, body).get("metaData")
        return read_meta_data(part.content if part is not None else None)
    if kind.lower().startswith(FORM):
        given = read_form(body).value.get("metaData")
    else:
        try:
            read = orjson.loads(body)
        except ValueError:
            raise InvalidInput("body", "is not JSON; send metaData in a form, or nothing") from None
        given = read.get("metaData") if isinstance(read, dict) else None
    return read_meta_data(given if given is None or isinstance(given, str) else orjson.dumps(given))


def read_meta_data(text: str | bytes | None) -> Mapping[str, Any]:
    if text is None or not text.strip():
        return {}
    try:
        found = orjson.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("metaData", 'must be a JSON object such as {"format":"csv"}')
    return found


def text_of(given: Mapping[str, Any], name: str) -> str | None:
    """A member of the metaData as text. Raises InvalidInput."""
    value = given.get(name)
    if value is None:
        return None
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if len(text) > LONGEST_PAYLOAD or not writable(text) or "\0" in text:
        raise InvalidInput(f"metaData.{name}", f"must be a text of {LONGEST_PAYLOAD} characters at the most")
    return text


async def schedule(call: InstanceCall, request: Request) -> Response | None:
    """Keep the call as a job that is made by a schedule, where the header asks for that; None where it does not."""
    cron = request.headers.get(SCHEDULE, "").strip()
    if not cron:
        return None
    now, store, base = call.parts.clock(), call.parts.store, _base(request)
    try:
        due_at = first_due(cron, now)
    except InvalidInput as error:
        raise InvalidInput(SCHEDULE, error.message) from None
    if len(await store.errands(call.user.account_id)) >= MOST_JOBS:
        raise Refused(409, f"This account has {MOST_JOBS} jobs, which are the most; delete one first")
    headers = {SCHEDULED_BY: b16encode(call.parts.dice(12)).decode().lower()}
    headers |= {name: request.headers[name] for name in (CALLBACK, "content-type") if name in request.headers}
    asked = Asked(
        method=request.method,
        path=quote(request.scope["path"].removeprefix(base)),
        query=request.url.query,
        headers=headers,
        body=await request.body() or None,
    )
    new = NewErrand(
        account_id=call.user.account_id,
        user_id=call.user.id,
        instance_id=call.instance.id,
        name=f"{asked.method} {asked.path}"[:255],
        asked=asked,
        cron=cron,
    )
    made = await store.create_errand(new, due_at, now)
    call.parts.wake(account_log(call.user.account_id))
    return answer({"id": str(made.id)})


async def scheduled_by(call: InstanceCall, job_id: str) -> str | None:
    """What the jobs are marked with that a schedule has started; None when there is no such schedule."""
    number = int(job_id) if job_id.isascii() and job_id.isdigit() and len(job_id) < 19 else None
    errand = None if number is None else await call.parts.store.errand(number)
    if errand is None or errand.account_id != call.user.account_id:
        return None
    return errand.asked.headers.get(SCHEDULED_BY)


def _base(request: Request) -> str:
    """What stands in front of our paths, as this call was made."""
    path: str = request.scope["path"]
    return path[: path.index("/hubs/")] if "/hubs/" in path else path[: path.index("/bulk")]
