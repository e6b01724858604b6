"""What every store must keep of grants; joined to the contract of the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.contract import MINUTE, NOW, new_instance, plan
from tidings.core.errors import LeaseLost
from tidings.core.model import Instance, LaneKind, Tokens
from tidings.store.base import Store
from tidings.store.oauth import NewGrant, Renewal

FIRST = Tokens("canary-access", "canary-refresh", NOW, 3600, NOW + 55 * MINUTE)
SECOND = Tokens("canary-access-2", "canary-refresh-2", NOW + 5, 3600, NOW + 56 * MINUTE)
THIRD = Tokens("canary-access-3", None, NOW + 6, 60, None)


class GrantContract:
    async def instance(self, store: Store, tokens: Tokens = FIRST, **more: object) -> Instance:
        new = new_instance(grant=NewGrant(tokens, external=True), **more)
        return await store.create_instance(new, plan("contacts"), NOW)

    async def found(self, store: Store, instance_id: int = 1) -> Instance:
        found = await store.instance(instance_id)
        assert found is not None
        return found

    async def begun(self, store: Store, serial: int = 1, now: int = NOW) -> Renewal:
        renewal = await store.begin_renewal(1, serial, "w", now, now + MINUTE)
        assert renewal is not None
        return renewal

    async def turn(self, store: Store, serial: int = 1, now: int = NOW) -> int:
        renewal = await self.begun(store, serial, now)
        assert renewal.fence is not None
        return renewal.fence

    async def test_a_grant_comes_with_its_instance(self, store: Store):
        made = await self.instance(store)
        assert made.grant is not None
        assert (made.grant.tokens, made.grant.serial, made.grant.external, made.grant.refused) == (FIRST, 1, True, None)
        assert await self.found(store) == made
        assert (await store.instances())[0].grant == made.grant
        plain = await store.create_instance(new_instance(token="another"), plan("contacts"), NOW)
        assert plain.grant is None
        assert await store.begin_renewal(plain.id, 1, "w", NOW, NOW + 1) is None

    async def test_renewed_tokens_are_there_at_once_and_change_nothing_else(self, store: Store):
        await self.instance(store)
        (lane,) = await store.claim(LaneKind.POLL, "w", NOW, NOW + MINUTE, 10)
        before = await self.found(store)
        kept = await store.keep_tokens(1, await self.turn(store), SECOND)
        assert (kept.tokens, kept.serial, kept.external) == (SECOND, 2, True)
        assert await self.found(store) == replace(before, grant=kept)
        await store.renew(lane, NOW + 2 * MINUTE)  # the lane's holder goes on

    async def test_one_renews_at_a_time_for_as_long_as_the_lease(self, store: Store):
        await self.instance(store)
        await self.turn(store)
        assert (await self.begun(store)).fence is None
        assert (await self.begun(store, now=NOW + MINUTE - 1)).fence is None
        taken = await self.begun(store, now=NOW + MINUTE)
        assert (taken.fence, taken.open_since) == (2, NOW)

    async def test_whoever_knew_less_learns_what_is_there_instead_of_renewing_it(self, store: Store):
        await self.instance(store)
        await store.keep_tokens(1, await self.turn(store), SECOND)
        late = await self.begun(store, serial=1)
        assert (late.fence, late.grant.tokens) == (None, SECOND)

    async def test_whoever_was_overtaken_writes_nothing(self, store: Store):
        await self.instance(store)
        first = await self.turn(store)
        second = await self.turn(store, now=NOW + MINUTE)
        for late in (
            store.keep_tokens(1, first, THIRD),
            store.end_renewal(1, first, settled=True),
            store.refuse_grant(1, first, "late"),
        ):
            with pytest.raises(LeaseLost):
                await late
        await store.keep_tokens(1, second, SECOND)
        grant = (await self.found(store)).grant
        assert grant is not None
        assert (grant.tokens, grant.refused) == (SECOND, None)

    async def test_a_renewal_that_nobody_ended_stays_known_until_one_is_settled(self, store: Store):
        await self.instance(store)
        await store.end_renewal(1, await self.turn(store), settled=False)
        again = await self.begun(store, now=NOW + 1)
        assert again.open_since == NOW
        assert again.fence is not None
        await store.end_renewal(1, again.fence, settled=True)
        assert (await self.begun(store, now=NOW + 2)).open_since is None

    async def test_a_refused_grant_is_asked_for_no_more_until_somebody_authenticates_again(self, store: Store):
        made = await self.instance(store)
        fence = await self.turn(store)
        await store.refuse_grant(1, fence, "used twice")
        refused = await self.begun(store, now=NOW + 5 * MINUTE)
        assert (refused.fence, refused.grant.refused) == (None, "used twice")
        assert await store.renewals_due(NOW * 2, 10) == []
        with pytest.raises(LeaseLost):
            await store.keep_tokens(1, fence, SECOND)
        written = await store.update_instance(made, plan("contacts"), NOW, NewGrant(SECOND))
        assert written.grant is not None
        assert (written.grant.tokens, written.grant.serial, written.grant.refused) == (SECOND, 2, None)
        assert not written.grant.external
        assert (await self.begun(store, serial=2)).open_since is None

    async def test_an_instance_that_is_changed_keeps_what_was_renewed_meanwhile(self, store: Store):
        made = await self.instance(store)
        await store.keep_tokens(1, await self.turn(store), SECOND)
        written = await store.update_instance(replace(made, name="Other"), plan("contacts"), NOW)
        assert written.grant is not None
        assert written.grant.tokens == SECOND

    async def test_a_new_grant_ends_the_renewal_of_the_former_one(self, store: Store):
        made = await self.instance(store)
        fence = await self.turn(store)
        await store.update_instance(made, plan("contacts"), NOW, NewGrant(THIRD))
        with pytest.raises(LeaseLost):
            await store.keep_tokens(1, fence, SECOND)
        grant = (await self.found(store)).grant
        assert grant is not None
        assert grant.tokens == THIRD

    async def test_what_is_due_is_listed_the_longest_due_first(self, store: Store):
        await self.instance(store, replace(FIRST, renew_at=NOW + 2), token="one")
        await self.instance(store, replace(FIRST, renew_at=NOW + 1), token="two")
        await self.instance(store, THIRD, token="three")
        assert await store.renewals_due(NOW, 10) == []
        assert await store.renewals_due(NOW + 2, 10) == [(2, 1), (1, 1)]
        assert await store.renewals_due(NOW + 2, 1) == [(2, 1)]
        await store.delete_instance(2, NOW)
        assert await store.renewals_due(NOW + 2, 10) == [(1, 1)]

    async def test_a_deleted_instance_has_no_grant_and_leaves_none(self, store: Store):
        await self.instance(store)
        fence = await self.turn(store)
        await store.delete_instance(1, NOW)
        assert await store.begin_renewal(1, 1, "w", NOW, NOW + 1) is None
        with pytest.raises(LeaseLost):
            await store.keep_tokens(1, fence, SECOND)
        while await store.purge(100):
            pass
        assert await store.instances() == []

    async def test_tokens_stand_in_no_file_in_clear(self, store: Store, tmp_path):
        await self.instance(store)
        await store.keep_tokens(1, await self.turn(store), SECOND)
        assert [path for path in tmp_path.iterdir() if b"canary" in path.read_bytes()] == []
