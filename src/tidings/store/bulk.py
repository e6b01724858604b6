"""What a store promises about bulk jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidings.core.bulk import BulkJob, Direction, Part, RowError, Wanted
from tidings.core.model import Lane, Moment


@dataclass(frozen=True, slots=True)
class NewBulk:
    """What is known of a bulk job before the store gives it an id; the members are those of `BulkJob`."""

    account_id: int
    user_id: int
    instance_id: int
    object_name: str
    direction: Direction
    wanted: Wanted
    file: str
    request_id: str
    callback: str | None = None
    schedule: str | None = None
    parts: tuple[Part, ...] = ()
    place: str = ""


class BulkStore(Protocol):
    """The part of the store that keeps bulk jobs. Each has a lane of the kind `bulk` of its instance, whose key is its
    id, until it is over and its callback told."""

    async def create_bulk(self, new: NewBulk, now: Moment) -> BulkJob:
        """Insert it with its lane, due now."""

    async def bulk(self, bulk_id: int) -> BulkJob | None: ...

    async def bulks(
        self, instance_id: int, *, schedule: str | None = None, before: int | None = None, limit: int = 200
    ) -> Sequence[BulkJob]:
        """Those of an instance, the newest first: of one `schedule`, with an id below `before`."""

    async def commit_bulk(
        self,
        lane: Lane,
        job: BulkJob,
        errors: Sequence[RowError] = (),
        *,
        release: bool,
        due_at: Moment = 0,
        lease_until: Moment = 0,
        attempt: int = 0,
    ) -> None:
        """How far a job is, and which rows failed since the last commit: what changes of `job`, as it has it, and the
        lane kept or given back, in one transaction."""

    async def end_bulk(self, lane: Lane) -> None:
        """Remove the lane: nothing is left to be done."""

    async def cancel_bulk(self, bulk_id: int, now: Moment) -> bool:
        """A job that is not over, or a download that has come to its end, is cancelled; whoever works on it cannot
        write any more. False: it is over otherwise."""

    async def bulk_errors(self, bulk_id: int, after: int, limit: int) -> Sequence[RowError]:
        """The rows that failed, in order, those behind the row `after`."""

    async def removable_bulks(self, before: Moment, limit: int) -> Sequence[BulkJob]:
        """Jobs that were made before then, and those of instances that are deleted; the oldest first."""

    async def drop_bulk(self, bulk_id: int) -> None:
        """Remove it with its errors and its lane; its file is removed before."""

    async def bulk_files(self) -> frozenset[str]:
        """The names of all files that belong to a job."""
