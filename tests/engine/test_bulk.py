"""Bulk jobs go on: killed anywhere, cancelled meanwhile, with a provider that fails, is slow or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from tests.store.contract import NOW, new_instance, plan
from tidings.core.bulk import BulkJob, BulkStatus, Direction, Line, Part, Piece, Wanted
from tidings.core.errors import (
    CredentialsRefused,
    InvalidInput,
    LeaseLost,
    ProviderDown,
    ProviderRefused,
    ProviderUnreached,
    RateLimited,
    Throttled,
)
from tidings.core.model import Instance, LaneKind, Outcome, User
from tidings.engine.bulk import LOST, MOST_FAILURES, BulkRunner
from tidings.engine.bulkcleaning import ORPHANED_AFTER, BulkCleaner
from tidings.store.bulk import NewBulk
from tidings.store.bulkfiles import BulkFiles
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

MINUTE = 60_000
FILE = "0123456789abcdef"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Steps:
    """Counts what is done, and kills the process before or after the one of that number."""

    at: int = -1
    done: int = 0

    async def __call__(self, work: Callable[[], Awaitable[Any]]) -> Any:
        self.done += 1
        if self.done == self.at:
            raise Killed
        result = await work()
        self.done += 1
        if self.done == self.at:
            raise Killed
        return result


@dataclass
class Provider:
    """Pages of numbered rows, and a list of those that were created; `errors` are raised first, one a call."""

    rows: int = 25
    size: int = 4
    steps: Steps = field(default_factory=Steps)
    errors: list[Exception] = field(default_factory=list)
    created: list[bytes] = field(default_factory=list)
    asked: int = 0
    meanwhile: Callable[[], Awaitable[Any]] | None = None

    def reading(self, job: BulkJob, instance: Instance) -> Provider:
        return self

    writing = reading

    async def page(self, place: str, left: int | None) -> Piece:
        return await self.steps(lambda: self._page(place, left))

    async def _page(self, place: str, left: int | None) -> Piece:
        self.asked += 1
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.errors:
            raise self.errors.pop(0)
        begin = int(place or 0)
        end = min(begin + self.size, self.rows, begin + (self.rows if left is None else left))
        body = b"\n".join(b'{"id":%d}' % number for number in range(begin, end))
        more = end < self.rows and (left is None or end - begin < left)
        return Piece(body, end - begin, str(end) if more else None)

    async def create(self, record: bytes) -> None:
        await self.steps(lambda: self._create(record))

    async def _create(self, record: bytes) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.created.append(record)


@dataclass
class World:
    """A store, files, a clock in `now`, and what was posted."""

    store: SqliteStore
    files: BulkFiles
    now: int = NOW
    posted: list[bytes] = field(default_factory=list)

    async def send(self, url: str, headers: Any, body: bytes) -> Outcome:
        self.posted.append(body)
        return Outcome(200, None, None, "", 0.0)

    async def make(self, errand: Any) -> Any:
        raise AssertionError("nothing is called")

    async def job(self, direction: Direction = Direction.DOWNLOAD, **more: Any) -> int:
        values: dict[str, Any] = {"account_id": 1, "user_id": 1, "instance_id": 1, "object_name": "contacts"}
        values |= {"direction": direction, "wanted": Wanted(), "file": FILE, "request_id": "0" * 24}
        return (await self.store.create_bulk(NewBulk(**(values | more)), self.now)).id

    async def upload(self, rows: int, bad: frozenset[int] = frozenset()) -> int:
        lines = [Line(None, "bad") if n in bad else Line(b'{"n":%d}' % n) for n in range(1, rows + 1)]
        part = Part(0, 0, 0)
        for begin in range(0, rows, 4):
            chunk = lines[begin : begin + 4]
            part = self.files.append(FILE, part, b"\n".join(line.encoded() for line in chunk), len(chunk))
        return await self.job(Direction.UPLOAD, parts=(part,), place="0")

    def runner(self, provider: Any, **changes: Any) -> BulkRunner:
        parts: dict[str, Any] = {"clock": lambda: self.now, "dice": lambda: 0.0, "log": structlog.get_logger()}
        parts |= {"lease_for": MINUTE, "commit_every": 0}
        return BulkRunner(
            changes.pop("store", self.store),
            changes.pop("files", self.files),
            provider,
            self.send,
            self.make,
            **(parts | changes),
        )

    async def work(self, provider: Any, **changes: Any) -> int:
        """What is due now, once."""
        lanes = await self.store.claim(LaneKind.BULK, "w", self.now, self.now + MINUTE, 1)
        for lane in lanes:
            await self.runner(provider, **changes).run(lane)
        return len(lanes)

    async def until_over(self, provider: Any, bulk_id: int) -> BulkJob:
        """Work, and let the time go by, until the job is over."""
        for _ in range(3 * MOST_FAILURES):
            await self.work(provider)
            if (found := await self.found(bulk_id)).status.is_over:
                return found
            self.now += 60 * MINUTE
        raise AssertionError("it does not end")

    async def found(self, bulk_id: int) -> BulkJob:
        job = await self.store.bulk(bulk_id)
        assert job is not None
        return job

    def rows(self, job: BulkJob) -> list[bytes]:
        return [row for chunk in self.files.chunks(job.file, job.parts) for row in chunk.body.split(b"\n")]


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await open_sqlite(tmp_path / "t.db", load_vault(tmp_path / "key"), synchronous="off")
    await store.first_user(lambda: User(0, 0, 0, "a@b.test", "A", "B", "hash", "s", "o"))
    await store.create_instance(new_instance(), plan(), NOW)
    yield World(store, BulkFiles(tmp_path / "bulk", store.derive))
    await store.close()


ALL = [b'{"id":%d}' % number for number in range(25)]


async def test_all_pages_are_read_in_their_order(world: World):
    bulk_id = await world.job()
    job = await world.until_over(Provider(), bulk_id)
    assert (job.status, job.records, world.rows(job)) == (BulkStatus.COMPLETED, 25, ALL)
    assert await world.store.lanes(LaneKind.BULK) == []


async def test_a_limit_is_kept(world: World):
    for limit in (1, 4, 6):
        bulk_id = await world.job(wanted=Wanted(limit=limit), file=f"{limit:016x}")
        job = await world.until_over(Provider(), bulk_id)
        assert world.rows(job) == ALL[:limit]


@pytest.mark.parametrize("commit_every", [0, 10**9])
async def test_killed_anywhere_it_goes_on_to_the_same_file(world: World, commit_every: int):
    at = 1
    while True:
        steps = Steps(at)
        bulk_id = await world.job(file=f"{at:016x}", callback="https://a.example/")
        provider = Provider(steps=steps)
        killed = False
        try:
            await world.work(
                provider,
                store=Stepped(world.store, steps),
                files=SteppedFiles(world.files, steps),
                commit_every=commit_every,
            )
        except Killed:
            killed = True
        await world.store.void_leases()
        job = await world.until_over(Provider(), bulk_id)
        while await world.work(Provider()):
            pass
        assert (job.status, job.records, world.rows(job)) == (BulkStatus.COMPLETED, 25, ALL), at
        assert sum(part.rows for part in job.parts) == 25
        assert await world.store.lanes(LaneKind.BULK) == [], at
        if not killed:
            break
        at += 1
    assert at > 20


async def test_killed_anywhere_no_row_is_sent_twice_and_none_is_forgotten(world: World):
    at = 1
    while True:
        steps, provider = Steps(at), Provider()
        bulk_id = await world.upload(6, bad=frozenset({3}))
        killed = False
        provider.steps = steps
        try:
            await world.work(provider, store=Stepped(world.store, steps))
        except Killed:
            killed = True
        await world.store.void_leases()
        provider.steps = Steps()
        job = await world.until_over(provider, bulk_id)
        errors = {error.row: error.message for error in await world.store.bulk_errors(bulk_id, 0, 99)}
        assert len(provider.created) == len(set(provider.created)), at
        lost = {row for row, said in errors.items() if said == LOST}
        sent = {int(record[5:-1]) for record in provider.created}
        assert (job.status, job.records, job.failed) == (BulkStatus.COMPLETED, 6, len(errors)), at
        assert sent | errors.keys() == {1, 2, 3, 4, 5, 6}, at
        assert sent & errors.keys() <= lost
        assert len(lost) <= 1
        if not killed:
            assert errors == {3: "bad"}
            break
        at += 1
    assert at > 15


async def test_who_has_lost_the_lane_writes_nothing_that_counts(world: World):
    bulk_id = await world.job()

    async def cancel() -> None:
        await world.store.cancel_bulk(bulk_id, world.now)

    with pytest.raises(LeaseLost):
        await world.work(Provider(meanwhile=cancel))
    job = await world.found(bulk_id)
    assert (job.status, job.records) == (BulkStatus.CANCELLED, 0)
    assert world.rows(job) == []


@pytest.mark.parametrize(
    ("error", "wait_ms"),
    [
        (ProviderDown("down"), 5000),
        (RateLimited("slow down", retry_after=77), 77_000),
        (Throttled("not our turn", retry_after=11), 11_000),
    ],
)
async def test_a_provider_that_fails_is_waited_for(world: World, error: Exception, wait_ms: int):
    bulk_id = await world.job()
    await world.work(Provider(errors=[error]))
    (lane,) = await world.store.lanes(LaneKind.BULK)
    waiting = await world.found(bulk_id)
    assert (lane.due_at - world.now, waiting.status, waiting.error) == (wait_ms, BulkStatus.RUNNING, str(error))
    world.now = lane.due_at
    job = await world.until_over(Provider(), bulk_id)
    assert (job.status, job.error, world.rows(job)) == (BulkStatus.COMPLETED, None, ALL)


async def test_what_was_read_before_a_failure_is_not_read_again(world: World):
    bulk_id, provider = await world.job(), Provider(size=5)

    async def fail() -> None:
        if provider.asked == 3:
            raise ProviderDown("down")

    provider.meanwhile = fail
    job = await world.until_over(provider, bulk_id)
    assert (world.rows(job), provider.asked) == (ALL, 6)


async def test_a_provider_that_fails_for_hours_ends_the_job(world: World):
    bulk_id = await world.job(callback="https://a.example/")
    job = await world.until_over(Provider(errors=[ProviderDown("down")] * 99), bulk_id)
    assert (job.status, job.error) == (BulkStatus.ABORTED, "down")
    assert b'"ABORTED"' in world.posted[0]


@pytest.mark.parametrize("error", [ProviderRefused("no"), CredentialsRefused("no"), InvalidInput("where", "no")])
async def test_a_refusal_ends_a_download_at_once(world: World, error: Exception):
    bulk_id = await world.job()
    await world.work(Provider(errors=[error]))
    job = await world.found(bulk_id)
    assert (job.status, job.error) == (BulkStatus.ABORTED, str(error))


async def test_of_an_upload_a_refused_row_is_an_error_and_one_that_was_not_taken_is_sent_later(world: World):
    bulk_id = await world.upload(4)
    refused = ProviderRefused("no name", status=400, provider_message="name!")
    provider = Provider(errors=[refused, RateLimited("wait", retry_after=5), ProviderUnreached("gone")])
    job = await world.until_over(provider, bulk_id)
    (error,) = await world.store.bulk_errors(bulk_id, 0, 9)
    assert (job.status, job.records, job.failed) == (BulkStatus.COMPLETED, 4, 1)
    assert (error.row, error.message, error.status, error.providerMessage) == (1, "no name", 400, "name!")
    assert provider.created == [b'{"n":2}', b'{"n":3}', b'{"n":4}']


async def test_of_an_upload_a_row_that_may_have_been_taken_is_an_error_and_not_sent_again(world: World):
    bulk_id = await world.upload(3)
    provider = Provider(errors=[ProviderDown("silence; it may have been done")])
    job = await world.until_over(provider, bulk_id)
    assert (job.records, job.failed, provider.created) == (3, 1, [b'{"n":2}', b'{"n":3}'])


async def test_refused_keys_end_an_upload_before_a_row_counts(world: World):
    bulk_id = await world.upload(3)
    await world.work(Provider(errors=[CredentialsRefused("keys")]))
    job = await world.found(bulk_id)
    assert (job.status, job.records, job.failed, job.place) == (BulkStatus.ABORTED, 0, 0, "0")


async def test_a_file_that_no_job_has_goes_when_it_is_old(world: World, tmp_path: Path):
    world.files.append("f" * 16, Part(0, 0, 0), b"{}", 1)
    (written,) = (tmp_path / "bulk").iterdir()
    written_at = round(written.stat().st_mtime * 1000)
    cleaner = BulkCleaner(world.store, world.files, days=7, clock=lambda: world.now, log=structlog.get_logger())
    world.now = written_at + MINUTE
    await cleaner.look()
    assert world.files.names() == {"f" * 16}
    world.now = written_at + round(ORPHANED_AFTER * 1000) + MINUTE
    await cleaner.look()
    assert world.files.names() == frozenset()


class Stepped:
    """A store each of whose writes about bulk jobs is a step."""

    def __init__(self, store: SqliteStore, steps: Steps) -> None:
        self._store, self._steps = store, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def stepped(*args: Any, **more: Any) -> Any:
            return await self._steps(lambda: found(*args, **more))

        return stepped


class SteppedFiles:
    """Files where each piece may be the last thing that is written, whole or in part."""

    def __init__(self, files: BulkFiles, steps: Steps) -> None:
        self._files, self._steps = files, steps

    def append(self, name: str, part: Part, body: bytes, rows: int) -> Part:
        self._steps.done += 1
        if self._steps.done == self._steps.at:
            self._files.append(name, part, b"half", 1)
            raise Killed
        return self._files.append(name, part, body, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)
