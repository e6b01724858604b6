"""What every store must keep of counting, redriving and the secrets among settings; joined to the rest."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tests.store.contract import MINUTE, NOW, created, cut_one_each, page
from tests.store.subscribing import SubscribingContract, wanted, wrote
from tidings.core.accountsettings import NOTICES_KEY
from tidings.core.model import DeliveryState
from tidings.core.posted import Post
from tidings.store.base import Store

HOUR = 60 * MINUTE
MINUTE_0 = NOW - NOW % MINUTE


class CountingContract(SubscribingContract):
    async def logged(self, store: Store, lane, *moments: int) -> list[int]:
        """One notification at each of these moments; returns their numbers."""

        def cut(changes, sequence, number):
            made = cut_one_each(changes, sequence, number)
            return [msgspec.structs.replace(each, created_at=at) for each, at in zip(made, moments, strict=True)]

        found = await store.commit_page(
            lane,
            replace(page([created(n) for n in range(len(moments))]), cut=cut, release=False, lease_until=NOW + HOUR),
        )
        return [each.number for each in found]

    async def test_events_are_counted_by_the_moment_they_were_logged_at(self, store: Store):
        lane = await self.polling(store)
        await self.logged(store, lane, *(MINUTE_0 + at for at in (0, 59_999, 60_000, 200_000, 10 * HOUR)))
        assert [(each.bucket_at, each.events) for each in await store.tallies([1], MINUTE_0, NOW + HOUR, MINUTE)] == [
            (MINUTE_0, 2),
            (MINUTE_0 + MINUTE, 1),
            (MINUTE_0 + 3 * MINUTE, 1),
        ]
        assert [each.events for each in await store.tallies([1], MINUTE_0 + 1, MINUTE_0 + 60_000, MINUTE)] == [1, 1]
        assert sum(each.events for each in await store.tallies([1], 0, NOW + 100 * HOUR, HOUR)) == 5
        assert await store.tallies([2], 0, NOW + 100 * HOUR, HOUR) == await store.tallies([1], 0, 5, HOUR) == []

    async def test_a_count_says_what_receivers_have_taken_and_what_has_failed(self, store: Store):
        lane = await self.polling(store)
        (own,) = await store.subscriptions(1)
        good, bad, later = await self.logged(store, lane, NOW, NOW, NOW)
        writes = (wrote(good, 200, DeliveryState.DELIVERED), wrote(bad, 503, DeliveryState.RETRY))
        passed = msgspec.structs.replace(wrote(later, 200, DeliveryState.RETRY), attempt=None, attempts=0)
        await self.acknowledge_all(store, own.id, *writes, passed, offset=3)
        (tally,) = await store.tallies([1], NOW, NOW, MINUTE, outcomes=True)
        assert (tally.instance_id, tally.events, tally.success, tally.failed) == (1, 3, 1, 1)

    async def test_the_numbers_of_a_span_of_time_are_found_also_where_some_are_gone(self, store: Store):
        lane = await self.polling(store)
        assert await store.numbers_between(0, NOW) == (1, 1)
        numbers = await self.logged(store, lane, *(NOW + nth * HOUR for nth in range(20)))
        for first in range(20):
            for last in range(first, 20):
                low, high = await store.numbers_between(NOW + first * HOUR, NOW + last * HOUR)
                assert [each for each in numbers if low <= each < high] == numbers[first : last + 1]
        await store.delete_subscription(1, NOW)
        assert (await store.drop_before(1, NOW + 7 * HOUR, 10)).notifications == 7
        low, high = await store.numbers_between(NOW, NOW + 8 * HOUR)
        assert [each for each in numbers[7:] if low <= each < high] == numbers[7:9]

    async def test_what_failed_since_a_moment_is_redriven_with_all_that_waits(self, store: Store):
        deliver = await self.delivering(store)
        subscription_id = int(deliver.key)
        first, second, third = (each.number for each in await store.log_after(1, 0, 3))
        writes = [
            wrote(first, 503, DeliveryState.RETRY),
            wrote(second, 503, DeliveryState.RETRY),
            wrote(third, 200, DeliveryState.DELIVERED),
        ]
        late = [msgspec.structs.replace(each, due_at=NOW + HOUR) for each in writes]
        await store.deactivate(deliver, late, b'{"offset":3}', "gone", NOW)
        assert await store.redrive(subscription_id, NOW + 1, NOW + 2) == 0
        assert await store.redrive(99, 0, NOW) == 0
        found = await store.subscription(subscription_id)
        assert found is not None
        assert not found.active
        assert await store.redrive(subscription_id, NOW, NOW + 2) == 2
        assert [each.due_at for each in await store.waiting(subscription_id, 9)] == [NOW + 2, NOW + 2]
        assert [each.notification.number for each in await store.waiting(subscription_id, 9)] == [first, second]
        found = await store.subscription(subscription_id)
        assert found is not None
        assert found.active

    async def test_a_secret_among_an_accounts_settings_comes_back_in_clear(self, store: Store):
        given = {NOTICES_KEY: "canary-notices-key", "x": "y"}
        assert await store.change_account_settings(1, given, NOW) == given
        assert await store.account_settings(1) == given
        assert await store.change_account_settings(1, {NOTICES_KEY: None}, NOW) == {"x": "y"}

    async def test_counting_leaves_what_people_post_to_its_account(self, store: Store):
        account_id = await self.account(store)
        await self.polling(store)
        await store.create_subscription(wanted(), NOW)
        await store.post_notification(account_id, Post("low", "ops", "m", "f"), NOW)
        assert await store.tallies([1], 0, NOW + HOUR, HOUR) == []
