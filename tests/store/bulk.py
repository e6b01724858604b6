"""What every store must keep of bulk jobs; joined to the contract of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.store.contract import MINUTE, NOW, new_instance, plan
from tidings.core.bulk import BulkJob, BulkStatus, Direction, Part, RowError, Wanted
from tidings.core.errors import LeaseLost
from tidings.core.model import Lane, LaneKind
from tidings.store.base import Store
from tidings.store.bulk import NewBulk

WANTED = Wanted(query="select * from contacts", where="id > 1", drop_nulls=False, payload="{}")


class BulkContract:
    async def made(self, store: Store, **more: Any) -> BulkJob:
        if await store.instance(1) is None:
            await store.create_instance(new_instance(), plan(), NOW)
        values: dict[str, Any] = {"account_id": 1, "user_id": 1, "instance_id": 1, "object_name": "contacts"}
        values |= {"direction": Direction.DOWNLOAD, "wanted": WANTED, "file": "f" * 16, "request_id": "0" * 24}
        return await store.create_bulk(NewBulk(**(values | more)), NOW)

    async def claimed(self, store: Store, now: int = NOW) -> Lane:
        (lane,) = await store.claim(LaneKind.BULK, "w", now, now + MINUTE, 10)
        return lane

    async def test_a_bulk_job_comes_back_as_it_was_given_and_is_due(self, store: Store):
        made = await self.made(store, callback="https://a.example/", schedule="s", parts=(Part(0, 7, 2),), place="p")
        assert await store.bulk(made.id) == made
        assert (made.status, made.wanted, made.parts, made.bytes) == (BulkStatus.CREATED, WANTED, (Part(0, 7, 2),), 7)
        assert (made.created_at, made.callback, made.schedule, made.place) == (NOW, "https://a.example/", "s", "p")
        lane = await self.claimed(store)
        assert (lane.key, lane.instance_id) == (str(made.id), 1)
        assert await store.bulk(made.id + 1) is None

    async def test_the_jobs_of_an_instance_are_listed_the_newest_first(self, store: Store):
        ids = [(await self.made(store, schedule=schedule)).id for schedule in ("a", None, "a")]
        await self.made(store, instance_id=2)
        assert [job.id for job in await store.bulks(1)] == ids[::-1]
        assert [job.id for job in await store.bulks(1, schedule="a")] == [ids[2], ids[0]]
        assert [job.id for job in await store.bulks(1, before=ids[2], limit=1)] == [ids[1]]

    async def test_where_a_job_is_and_what_failed_are_stored_together(self, store: Store):
        made, lane = await self.made(store), await self.claimed(store)
        after = replace(made, status=BulkStatus.RUNNING, parts=(Part(1, 9, 3),), place="x", records=3, failed=1)
        error = RowError(2, "no name", 400, "name is required")
        await store.commit_bulk(lane, after, [error], release=True, due_at=NOW + 5, attempt=2)
        assert await store.bulk(made.id) == after
        assert await store.bulk_errors(made.id, 0, 10) == [error]
        (free,) = await store.lanes(LaneKind.BULK)
        assert (free.due_at, free.attempt, free.owner) == (NOW + 5, 2, None)
        with pytest.raises(LeaseLost):
            await store.commit_bulk(lane, replace(after, records=9), [RowError(9, "x")], release=True)
        assert await store.bulk(made.id) == after
        assert await store.bulk_errors(made.id, 0, 10) == [error]

    async def test_errors_are_listed_behind_a_row(self, store: Store):
        made, lane = await self.made(store), await self.claimed(store)
        errors = [RowError(number, "bad") for number in (2, 3, 5, 8)]
        await store.commit_bulk(lane, made, errors, release=False, lease_until=NOW + MINUTE)
        assert await store.bulk_errors(made.id, 2, 2) == errors[1:3]

    async def test_who_works_on_a_cancelled_job_cannot_write_and_it_is_due_to_be_told(self, store: Store):
        made, lane = await self.made(store), await self.claimed(store)
        assert await store.cancel_bulk(made.id, NOW + 1)
        with pytest.raises(LeaseLost):
            await store.commit_bulk(lane, made, release=False, lease_until=NOW + MINUTE)
        found = await store.bulk(made.id)
        assert found is not None
        assert (found.status, found.ended_at) == (BulkStatus.CANCELLED, NOW + 1)
        again = await self.claimed(store, NOW + 1)
        await store.end_bulk(again)
        assert await store.lanes(LaneKind.BULK) == []

    @pytest.mark.parametrize(
        ("direction", "status", "after"),
        [
            (Direction.DOWNLOAD, BulkStatus.COMPLETED, BulkStatus.CANCELLED),
            (Direction.UPLOAD, BulkStatus.COMPLETED, BulkStatus.COMPLETED),
            (Direction.DOWNLOAD, BulkStatus.ABORTED, BulkStatus.ABORTED),
        ],
    )
    async def test_of_what_is_over_only_a_finished_download_is_cancelled(
        self, store: Store, direction: Direction, status: BulkStatus, after: BulkStatus
    ):
        made, lane = await self.made(store, direction=direction), await self.claimed(store)
        await store.commit_bulk(lane, replace(made, status=status), release=False, lease_until=NOW + MINUTE)
        await store.end_bulk(lane)
        assert await store.cancel_bulk(made.id, NOW) is (after is BulkStatus.CANCELLED)
        found = await store.bulk(made.id)
        assert found is not None
        assert found.status is after
        assert await store.lanes(LaneKind.BULK) == []

    async def test_what_is_old_or_of_a_deleted_instance_is_removable_and_goes_whole(self, store: Store):
        old = await self.made(store)
        lane = await self.claimed(store)
        await store.commit_bulk(lane, old, [RowError(1, "x")], release=True, due_at=NOW)
        assert [job.id for job in await store.removable_bulks(NOW, 10)] == []
        assert [job.id for job in await store.removable_bulks(NOW + 1, 10)] == [old.id]
        assert await store.bulk_files() == {"f" * 16}
        await store.delete_instance(1, NOW)
        assert [job.id for job in await store.removable_bulks(NOW, 10)] == [old.id]
        await store.drop_bulk(old.id)
        assert (await store.bulk(old.id), await store.bulk_errors(old.id, 0, 9)) == (None, [])
        assert (await store.lanes(LaneKind.BULK), await store.bulk_files()) == ([], frozenset())
