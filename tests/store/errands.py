"""What every store must keep of errands; joined to the contract of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.store.contract import MINUTE, NOW
from tidings.core.errands import Answered, Asked
from tidings.core.errors import LeaseLost
from tidings.core.model import Lane, LaneKind, User
from tidings.core.subscription import account_log
from tidings.store.base import Store
from tidings.store.errands import NewErrand

ASKED = Asked("POST", "/contacts", "a=b%20c", {"X-Own": "canary"}, b'{"x": "canary"}')
DONE = Answered(200, "0" * 24, "application/json", b'{"id":1}')
REFUSED = Answered(404, "1" * 24, "application/json", b'{"message":"No such contact","requestId":"1"}')
CRON = "0 0/15 * 1/1 * ? *"


class ErrandContract:
    async def user(self, store: Store) -> User:
        user, _ = await store.first_user(lambda: User(0, 0, 0, "a@b.test", "A", "B", "hash", "s", "o"))
        return user

    async def errand(self, store: Store, **more: Any) -> int:
        user = await self.user(store)
        values: dict[str, Any] = {"account_id": user.account_id, "user_id": user.id, "instance_id": 3}
        values |= {"name": "Often", "asked": ASKED, "cron": CRON}
        return (await store.create_errand(NewErrand(**(values | more)), NOW, NOW)).id

    async def claimed(self, store: Store, now: int = NOW) -> Lane:
        (lane,) = await store.claim(LaneKind.ERRAND, "w", now, now + MINUTE, 10)
        return lane

    async def test_an_errand_comes_back_as_it_was_given_and_is_due_when_it_was_said(self, store: Store):
        errand_id = await self.errand(store, description="Four times an hour")
        found = await store.errand(errand_id)
        assert found is not None
        assert (found.asked, found.cron, found.name, found.description) == (ASKED, CRON, "Often", "Four times an hour")
        assert (found.created_at, found.runs, found.was_interrupted, found.answer) == (NOW, 0, False, None)
        lane = await self.claimed(store)
        assert (lane.key, lane.instance_id, lane.due_at) == (str(errand_id), account_log(found.account_id), NOW)
        assert await store.errand(errand_id + 1) is None

    async def test_those_with_a_schedule_are_listed_for_their_account(self, store: Store):
        first = await self.errand(store)
        await self.errand(store, cron=None, callback="https://a.example/")
        second = await self.errand(store)
        account_id = (await self.user(store)).account_id
        assert [each.id for each in await store.errands(account_id)] == [first, second]
        assert await store.errands(account_id + 1) == []
        assert (await store.count_errands(account_id), await store.count_errands(account_id + 1)) == (3, 0)

    async def test_one_that_was_begun_and_has_not_ended_was_interrupted(self, store: Store):
        errand_id = await self.errand(store)
        lane = await self.claimed(store)
        await store.begin_errand(lane, NOW + 1, NOW + 2 * MINUTE)
        found = await store.errand(errand_id)
        assert found is not None
        assert found.was_interrupted
        assert found.begun_at == NOW + 1
        await store.end_errand(lane, REFUSED, NOW + 2, NOW + MINUTE)
        found = await store.errand(errand_id)
        assert found is not None
        assert (found.was_interrupted, found.ended_at, found.status, found.said) == (
            *(False, NOW + 2, 404),
            "No such contact",
        )
        assert found.runs == 1
        again = await self.claimed(store, NOW + MINUTE)
        assert again.due_at == NOW + MINUTE
        await store.end_errand(again, None, NOW + MINUTE, NOW + 2 * MINUTE)
        found = await store.errand(errand_id)
        assert found is not None
        assert (found.status, found.said) == (None, "the server stopped meanwhile")

    async def test_whoever_has_lost_the_lane_writes_nothing(self, store: Store):
        errand_id = await self.errand(store)
        first = await self.claimed(store)
        await self.claimed(store, NOW + 2 * MINUTE)
        for write in (
            store.begin_errand(first, NOW, NOW),
            store.end_errand(first, DONE, NOW, NOW),
            store.answer_errand(first, DONE, NOW),
            store.retry_errand(first, NOW),
            store.drop_errand(first),
        ):
            with pytest.raises(LeaseLost):
                await write
        found = await store.errand(errand_id)
        assert found is not None
        assert (found.begun_at, found.runs, found.tries) == (None, 0, 0)
        assert await store.kept_of_topics(found.account_id, ["async-requests"]) == []

    async def test_an_answer_is_kept_for_the_callback_and_noted_in_the_accounts_log(self, store: Store):
        errand_id = await self.errand(store, cron=None, callback="https://a.example/")
        lane = await self.claimed(store)
        number = await store.answer_errand(lane, DONE, NOW)
        found = await store.errand(errand_id)
        assert found is not None
        assert orjson.loads(found.answer or b"") == {
            **{"eventId": errand_id, "instanceId": 3, "status": 200, "requestId": "0" * 24},
            **{"response": {"id": 1}, "notificationId": number},
        }
        (kept,) = await store.kept_of_topics(found.account_id, ["async-requests"])
        assert kept.notification.number == number
        assert b"canary" not in kept.notification.body
        lane = await self.claimed(store)
        await store.retry_errand(lane, NOW + MINUTE)
        found = await store.errand(errand_id)
        assert found is not None
        assert found.tries == 1
        await store.drop_errand(await self.claimed(store, NOW + MINUTE))
        assert await store.errand(errand_id) is None
        assert await store.lanes(LaneKind.ERRAND) == []

    async def test_one_that_is_deleted_is_gone_with_its_lane_and_cannot_be_written(self, store: Store):
        errand_id = await self.errand(store)
        account_id = (await self.user(store)).account_id
        lane = await self.claimed(store)
        assert not await store.delete_errand(account_id + 1, errand_id)
        assert await store.delete_errand(account_id, errand_id)
        assert not await store.delete_errand(account_id, errand_id)
        assert await store.lanes(LaneKind.ERRAND) == []
        with pytest.raises(LeaseLost):
            await store.end_errand(lane, DONE, NOW, NOW)
        once = await self.errand(store, cron=None, callback="https://a.example/")
        assert not await store.delete_errand(account_id, once)

    async def test_errands_go_with_their_user(self, store: Store):
        await self.errand(store)
        user = await self.user(store)
        await store.update_user(replace(user, active=False), NOW)
        assert await store.errands(user.account_id) == []
        assert await store.lanes(LaneKind.ERRAND) == []
