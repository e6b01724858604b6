"""What is a bulk job: rows that go from a provider into a file, or from a file to a provider (spec platform.md 8)?

The API calls what is moved one way a download, and the other way an upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import orjson

from tidings.core.model import Moment

CSV: Final = "text/csv"
JSON_LINES: Final = "application/jsonl"


class Direction(StrEnum):
    DOWNLOAD = "DOWNLOAD"
    UPLOAD = "UPLOAD"


class BulkStatus(StrEnum):
    """As the API says it."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ABORTED = "ABORTED"

    @property
    def is_over(self) -> bool:
        return self not in (BulkStatus.CREATED, BulkStatus.RUNNING)


class Part(NamedTuple):
    """What one holder of the job's lane has written: of the part of this number, so many bytes hold so many rows.

    What stands behind them was written by somebody who could not store that they had, and does not count.
    """

    number: int
    bytes: int
    rows: int


class Piece(NamedTuple):
    """One page of a download: `body` is its rows, each a JSON object without line ends, joined by line feeds; `next` is
    the place of the page behind it, None when this is the last."""

    body: bytes
    rows: int
    next: str | None


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a download asks the provider for; `query` is the text that it was written in. Of an upload, only how its
    rows were written, in `format`."""

    format: str = "json"
    query: str = ""
    where: str | None = None
    fields: str | None = None
    order_by: str | None = None
    limit: int | None = None
    drop_nulls: bool = True
    file_name: str | None = None
    payload: str | None = None  #: the caller's own words, which the callback repeats


@dataclass(frozen=True, slots=True)
class BulkJob:
    """One bulk job.

    `file` names its file, which consists of `parts`: the rows that were read, or those that are to be sent. `place` is
    where the reading goes on, a token of the hub, empty at the beginning; of an upload, the number of rows that were
    gone through, with a + behind it when the next one may have been sent. `records` counts the rows that were gone
    through, `failed` those of them that are not at the provider. `schedule` names the schedule by which it was made,
    `tries` counts those of its callback.
    """

    id: int
    account_id: int
    user_id: int
    instance_id: int
    object_name: str
    direction: Direction
    status: BulkStatus
    wanted: Wanted
    file: str
    callback: str | None
    request_id: str
    schedule: str | None
    created_at: Moment
    begun_at: Moment | None = None
    ended_at: Moment | None = None
    parts: tuple[Part, ...] = ()
    place: str = ""
    records: int = 0
    failed: int = 0
    error: str | None = None
    tries: int = 0

    @property
    def bytes(self) -> int:
        """The size of its file, as it is stored."""
        return sum(part.bytes for part in self.parts)


class RowError(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why one row of an upload, counted from 1, is not at the provider; `status` is the provider's, None where it was
    not asked."""

    row: int
    message: str
    status: int | None = None
    providerMessage: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of an upload: a JSON object, or why it is none."""

    record: bytes | None
    error: str | None = None

    def encoded(self) -> bytes:
        """As it stands in the job's file, without a line's end."""
        if self.record is None:
            return orjson.dumps(self.error)
        return self.record.replace(b"\n", b" ").replace(b"\r", b" ")

    @classmethod
    def read(cls, line: bytes) -> Line:
        return cls(line) if line[:1] == b"{" else cls(None, orjson.loads(line))


def told(job: BulkJob) -> bytes:
    """What a callback is told of a job that is over (spec platform.md 8.2)."""
    said = {
        "id": str(job.id),
        "status": job.status.value,
        "recordsCount": job.records,
        "recordsFailedCount": job.failed,
        "fileFormat": job.wanted.format,
        "error": job.error,
    }
    return orjson.dumps(said if job.wanted.payload is None else said | {"callback-payload": job.wanted.payload})
