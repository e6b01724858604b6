"""How does a bulk job go on? Page by page into a file, or row by row to the provider, until it is over and told.

A download stores where it is together with how much of its file counts, so whoever goes on after a crash goes on from
there: what was written and not stored is read again. Of an upload it is stored that a row is being sent before it is,
so no row is sent twice: who finds one begun says that nobody knows what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

from tidings.core.bulk import BulkJob, BulkStatus, Direction, Line, Part, Piece, RowError, told
from tidings.core.cursor import NEVER
from tidings.core.errands import Asked, Errand
from tidings.core.errors import (
    AddressForbidden,
    CredentialsRefused,
    InvalidInput,
    PermissionDenied,
    ProviderDown,
    ProviderError,
    ProviderUnreached,
    RateLimited,
    Throttled,
    TidingsError,
)
from tidings.core.instancerules import SIGNATURE_KEY
from tidings.core.model import Instance, Lane, Moment
from tidings.core.retry import poll_backoff, receiver_wait, throttled_wait
from tidings.core.signing import headers
from tidings.engine.attempts import Send
from tidings.engine.errands import Make
from tidings.store.base import Store
from tidings.store.bulkfiles import BulkFiles

COMMIT_EVERY: Final = 1000
"""Milliseconds between two commits of a download; a crash repeats no more than was read since the last."""
MOST_FAILURES: Final = 20
"""Times in a row that a provider may fail before a job is given up: about four hours."""
MOST_UNSTORED: Final = 500
"""Rows that failed without having been sent, until they are stored."""
LOST: Final = (
    "the server stopped while this row was sent; it may have been created all the same: look before you send it"
)


class Pages(Protocol):
    """What a download reads."""

    async def page(self, place: str, left: int | None, /) -> Piece:
        """The page at a place (empty: the first), at most `left` rows of it."""


class Rows(Protocol):
    """Where an upload goes."""

    async def create(self, record: bytes, /) -> None:
        """Send one row, once."""


class Opening(Protocol):
    """Opens the provider's side of a job; both raise InvalidInput when that cannot be."""

    def reading(self, job: BulkJob, instance: Instance, /) -> Pages: ...

    def writing(self, job: BulkJob, instance: Instance, /) -> Rows: ...


class BulkRunner:
    """Works the lanes of bulk jobs. `make` makes the call of a callback that is a path of our own API. `lease_for` and
    `commit_every` are milliseconds."""

    def __init__(
        self,
        store: Store,
        files: BulkFiles,
        opening: Opening,
        send: Send,
        make: Make,
        *,
        clock: Callable[[], Moment],
        dice: Callable[[], float],
        log: Any,
        lease_for: int,
        commit_every: int = COMMIT_EVERY,
    ) -> None:
        self._store, self._files, self._opening, self._send, self._make = store, files, opening, send, make
        self._clock, self._dice, self._log, self._lease_for = clock, dice, log, lease_for
        self._commit_every = commit_every

    async def run(self, lane: Lane) -> None:
        """Go on until the job is over and told, or has to wait; then give the lane back."""
        job = await self._store.bulk(int(lane.key))
        if job is None:
            return await self._store.release(lane, due_at=NEVER)
        if job.status.is_over:
            return await self._tell(lane, job)
        instance, reason = await self._instance(job)
        if instance is None:
            return await self._end(lane, job, BulkStatus.ABORTED, reason)
        held = _Held(replace(job, status=BulkStatus.RUNNING, begun_at=job.begun_at or self._clock()), lane)
        await self._hold(held)
        try:
            if job.direction is Direction.DOWNLOAD:
                await self._download(held, self._opening.reading(job, instance))
            else:
                await self._upload(held, self._opening.writing(job, instance))
        except (ProviderError, InvalidInput, AddressForbidden) as error:
            await self._sync(held)
            return await self._failed(held, error)
        return await self._end(lane, held.job, BulkStatus.COMPLETED, None, held.errors)

    async def _instance(self, job: BulkJob) -> tuple[Instance | None, str]:
        """The instance that the job is of; None and the reason when nothing may be done as it."""
        user, instance = await self._store.user(job.user_id), await self._store.instance(job.instance_id)
        if user is None or not (user.active and user.account_active):
            return None, "the user who has started it is not active any more"
        if instance is None or instance.disabled:
            return None, "the element instance is disabled or deleted"
        return instance, ""

    async def _download(self, held: _Held, pages: Pages) -> None:
        kept, part = held.job.parts, Part(held.lane.fence, 0, 0)
        stored_at = self._clock()
        ahead = asyncio.ensure_future(pages.page(held.job.place, held.left))
        try:
            while True:
                piece = await ahead
                held.job = replace(held.job, records=held.job.records + piece.rows, place=piece.next or "")
                if piece.next is not None:
                    ahead = asyncio.ensure_future(pages.page(piece.next, held.left))
                if piece.rows:
                    part = await asyncio.to_thread(self._files.append, held.job.file, part, piece.body, piece.rows)
                    held.job = replace(held.job, parts=(*kept, part))
                held.attempt = 0
                if piece.next is None:
                    return await self._sync(held)
                if self._clock() - stored_at >= self._commit_every:
                    await self._sync(held)
                    await self._hold(held)
                    stored_at = self._clock()
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _upload(self, held: _Held, rows: Rows) -> None:
        if held.job.place.endswith("+"):
            number = held.job.records + 1
            held.count(number, RowError(number, LOST))
        lines = self._lines(held.job)
        while (line := await asyncio.to_thread(next, lines, None)) is not None:
            number = held.job.records + 1
            if line.record is None:
                held.count(number, RowError(number, line.error or ""))
                if len(held.errors) >= MOST_UNSTORED:
                    await self._hold(held)
                continue
            held.job = replace(held.job, place=f"{number - 1}+")
            await self._hold(held)
            await self._send_row(held, rows, number, line.record)

    async def _send_row(self, held: _Held, rows: Rows, number: int, record: bytes) -> None:
        try:
            await rows.create(record)
        except (RateLimited, ProviderUnreached):
            held.job = replace(held.job, place=str(number - 1))  # it was not taken, and is sent later
            raise
        except (ProviderError, InvalidInput) as error:
            if isinstance(error, CredentialsRefused) and not isinstance(error, PermissionDenied):
                held.job = replace(held.job, place=str(number - 1))
                raise
            held.count(number, _row_error(number, error))
            if isinstance(error, ProviderDown):
                raise
        else:
            held.count(number)
        held.attempt = 0

    def _lines(self, job: BulkJob) -> Iterator[Line]:
        """The rows that are still to be gone through."""
        skip = job.records
        for chunk in self._files.chunks(job.file, job.parts):
            if chunk.rows <= skip:
                skip -= chunk.rows
                continue
            for line in chunk.body.split(b"\n")[skip:]:
                yield Line.read(line)
            skip = 0

    async def _failed(self, held: _Held, error: TidingsError) -> None:
        """Wait for the provider, or give up."""
        now = self._clock()
        if isinstance(error, Throttled):
            wait_for = throttled_wait(error.retry_after or 0.0, self._dice())
        elif isinstance(error, RateLimited | ProviderDown) and held.attempt < MOST_FAILURES:
            held.attempt += 1
            wait_for = poll_backoff(held.attempt, self._dice(), error.retry_after)
        else:
            return await self._end(held.lane, held.job, BulkStatus.ABORTED, str(error), held.errors)
        held.job = replace(held.job, error=str(error))
        self._log.warning(
            "bulk.waits", bulk=held.job.id, instance=held.job.instance_id, error=str(error), next_in_ms=wait_for * 1000
        )
        due_at = now + round(wait_for * 1000)
        await self._store.commit_bulk(
            held.lane, held.job, held.taken(), release=True, due_at=due_at, attempt=held.attempt
        )

    async def _hold(self, held: _Held) -> None:
        held.job = replace(held.job, error=None)
        until = self._clock() + self._lease_for
        await self._store.commit_bulk(
            held.lane, held.job, held.taken(), release=False, lease_until=until, attempt=held.attempt
        )

    async def _sync(self, held: _Held) -> None:
        """Before it is stored how much of a file counts, that much of it is durable."""
        if held.job.direction is Direction.DOWNLOAD and held.job.parts:
            await asyncio.to_thread(self._files.sync, held.job.file, held.job.parts[-1])

    async def _end(
        self, lane: Lane, job: BulkJob, status: BulkStatus, error: str | None, errors: list[RowError] | None = None
    ) -> None:
        now = self._clock()
        over = replace(job, status=status, error=error, ended_at=now)
        await self._store.commit_bulk(lane, over, errors or (), release=False, lease_until=now + self._lease_for)
        line = self._log.info if status is BulkStatus.COMPLETED else self._log.warning
        line(
            "bulk.ended",
            bulk=job.id,
            instance=job.instance_id,
            resource=job.object_name,
            direction=job.direction.value,
            status=status.value,
            rows=over.records,
            failed=over.failed,
            error=error,
            took_ms=now - (over.begun_at or now),
        )
        await self._tell(lane, over)

    async def _tell(self, lane: Lane, job: BulkJob) -> None:
        """POST what became of it, signed as the instance's events are; again by the schedule of notifications."""
        if job.callback is None:
            return await self._store.end_bulk(lane)
        ok, retry_after, error = await self._post(job, job.callback, told(job))
        wait_for = None if ok else receiver_wait(job.tries + 1, retry_after)
        if wait_for is None:
            await self._store.end_bulk(lane)
        else:
            due_at = self._clock() + round(wait_for * 1000)
            await self._store.commit_bulk(lane, replace(job, tries=job.tries + 1), release=True, due_at=due_at)
        log = self._log.debug if ok else self._log.warning
        log("bulk.told", bulk=job.id, instance=job.instance_id, attempt=job.tries + 1, error=error)
        return None

    async def _post(self, job: BulkJob, callback: str, body: bytes) -> tuple[bool, float | None, str | None]:
        if callback.startswith("/"):
            asked = Asked("POST", callback, body=body)
            name = f"bulk {job.id}"
            errand = Errand(
                0, job.account_id, job.user_id, job.instance_id, name, None, None, None, asked, self._clock()
            )
            answered = await self._make(errand)
            return answered.status < 400, None, answered.said
        instance = await self._store.instance(job.instance_id)
        key = None if instance is None else instance.secrets.get(SIGNATURE_KEY)
        sent = headers(f"bulk-{job.id}", body, [key] if key else [], self._clock() // 1000)
        outcome = await self._send(callback, sent, body)
        return outcome.ok, outcome.retry_after, outcome.error


class _Held:
    """One holding of a job's lane: the job as it is, and what is not stored of it yet."""

    def __init__(self, job: BulkJob, lane: Lane) -> None:
        self.job, self.lane, self.attempt = job, lane, lane.attempt
        self.errors: list[RowError] = []

    @property
    def left(self) -> int | None:
        """How many rows a download may still have."""
        limit = self.job.wanted.limit
        return None if limit is None else limit - self.job.records

    def count(self, number: int, error: RowError | None = None) -> None:
        """A row of an upload was gone through."""
        failed = self.job.failed + (error is not None)
        self.job = replace(self.job, records=number, failed=failed, place=str(number))
        if error is not None:
            self.errors.append(error)

    def taken(self) -> list[RowError]:
        """What failed since the last commit, which is about to be stored."""
        errors, self.errors = self.errors, []
        return errors


def _row_error(number: int, error: TidingsError) -> RowError:
    if isinstance(error, ProviderError):
        return RowError(number, str(error), error.status, error.provider_message)
    return RowError(number, str(error))
