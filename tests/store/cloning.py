"""What every store must keep of clones of elements; joined to the rest."""

from __future__ import annotations

import dataclasses

import pytest

from tests.store.contract import NOW, new_instance, plan
from tests.store.counting import CountingContract
from tidings.core.errors import LeaseLost
from tidings.core.model import ElementClone
from tidings.store.base import Store
from tidings.store.cloning import NewClone


class CloningContract(CountingContract):
    async def cloned(self, store: Store, key: str = "acmecrm", account_id: int = 1) -> ElementClone:
        made = await store.add_clone(NewClone(account_id, "connectwisecrmrest", key, "Acme CRM", "Ours"), NOW)
        assert made is not None
        return made

    async def test_a_clone_comes_back_as_it_was_given(self, store: Store):
        made = await self.cloned(store)
        assert await store.clones(1) == [made]
        assert dataclasses.replace(made, id=0) == ElementClone(
            0, 1, "connectwisecrmrest", "acmecrm", "Acme CRM", "Ours", True, NOW
        )
        assert made.id > 1_000_000

    async def test_an_account_has_one_clone_of_a_key_and_another_account_its_own(self, store: Store):
        first = await self.cloned(store)
        assert await store.add_clone(NewClone(1, "other", "acmecrm", "", ""), NOW) is None
        other = await self.cloned(store, account_id=2)
        assert (await store.clones(1), await store.clones(2)) == ([first], [other])

    async def test_a_clone_is_renamed_and_switched_by_its_account_alone(self, store: Store):
        made = await self.cloned(store)
        changed = dataclasses.replace(made, name="New", description="", active=False)
        assert await store.change_clone(changed)
        assert await store.clones(1) == [changed]
        stranger = dataclasses.replace(made, account_id=2)
        assert not await store.change_clone(stranger)
        assert not await store.delete_clone(stranger)
        assert await store.clones(1) == [changed]

    async def test_an_instance_moves_to_a_clone_and_back(self, store: Store):
        clone = await self.cloned(store)
        made = await store.create_instance(new_instance(clone=clone), plan(), NOW)
        assert (made.clone, made.shown_key, made.element_key) == (clone, "acmecrm", "connectwisecrmrest")
        assert made == await store.instance_by_token("canary-token") == (await store.instances(1))[0]
        back = await store.update_instance(dataclasses.replace(made, clone=None), plan(), NOW)
        assert (back.clone, back.shown_key) == (None, "connectwisecrmrest")

    async def test_a_clone_stays_while_an_instance_is_one_of_it(self, store: Store):
        clone = await self.cloned(store)
        made = await store.create_instance(new_instance(clone=clone), plan(), NOW)
        assert not await store.delete_clone(clone)
        await store.delete_instance(made.id, NOW)
        assert await store.delete_clone(clone)
        assert not await store.delete_clone(clone)
        assert await store.clones(1) == []

    async def test_no_instance_is_made_of_a_clone_that_is_gone(self, store: Store):
        clone = await self.cloned(store)
        await store.delete_clone(clone)
        with pytest.raises(LeaseLost):
            await store.create_instance(new_instance(clone=clone), plan(), NOW)
        assert await store.instances(1) == []
