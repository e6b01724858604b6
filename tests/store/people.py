"""What every store must keep of organizations, accounts, users, roles and sessions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.contract import MINUTE, NOW, new_instance, plan
from tidings.core.errors import Taken
from tidings.core.model import LaneKind, LaneState, User
from tidings.core.passwordpolicy import PasswordPolicy
from tidings.core.people import Account
from tidings.store.base import Store
from tidings.store.people import PASSWORDS_KEPT, NewAccount, NewUser


def first(email="a@b", secret="user-secret", organization="organization-secret") -> User:
    return User(0, 0, 0, email, "A", "B", "hash", secret, organization, created_at=NOW)


def new_user(account_id: int, email="bo@b", **more) -> NewUser:
    values = {"first_name": "Bo", "last_name": "B", "roles": ("default",), "password_hash": "h0", "secret": email}
    return NewUser(account_id=account_id, email=email, **(values | more))


class PeopleContract:
    async def admin(self, store: Store) -> User:
        user, _ = await store.first_user(first)
        return user

    async def second(self, store: Store, admin: User) -> Account:
        return await store.create_account(NewAccount(admin.organization_id, "Second", "Of Bo", "x-2"), NOW)

    async def test_the_first_user_is_made_once_and_found_by_mail_and_secret(self, store: Store):
        made, new = await store.first_user(first)
        again, second = await store.first_user(first)
        assert (new, second) == (True, False)
        assert made == again == await store.user(made.id)
        assert made.organization_secret == "organization-secret"
        assert await store.user_by_email("a@b") == made
        assert await store.user_by_secret("user-secret") == made
        assert await store.user_by_secret("other") is None
        assert made.roles == ("org-admin",)
        assert made.in_default_account

    async def test_the_first_user_has_the_default_account_of_an_organization(self, store: Store):
        admin = await self.admin(store)
        [account] = await store.accounts(admin.organization_id)
        assert (account.id, account.is_default, account.active) == (admin.account_id, True, True)
        organization = await store.organization(admin.organization_id)
        assert organization is not None
        assert (organization.secret, organization.policy) == ("organization-secret", PasswordPolicy())
        assert await store.organization(99) is None

    async def test_organizations_know_nothing_of_each_other(self, store: Store):
        admin = await self.admin(store)
        other = await store.add_organization(first("c@d", "other-secret", "other-organization"))
        assert other.organization_id != admin.organization_id
        assert [each.id for each in await store.users(admin.organization_id)] == [admin.id]
        assert await store.users(admin.organization_id, other.account_id) == []
        assert [each.organization_id for each in await store.accounts(other.organization_id)] == [other.organization_id]

    async def test_a_session_ends_when_its_time_is_over_and_notes_the_login(self, store: Store):
        user = await self.admin(store)
        assert user.last_login_at is None
        await store.open_session("bearer", user.id, NOW + 1, NOW + MINUTE)
        found = await store.user_by_session("bearer", NOW)
        assert found == replace(user, last_login_at=NOW + 1)
        assert await store.user_by_session("bearer", NOW + MINUTE) is None

    async def test_an_account_comes_back_as_it_was_written(self, store: Store):
        admin = await self.admin(store)
        made = await self.second(store, admin)
        assert made == Account(made.id, admin.organization_id, "Second", "Of Bo", "x-2", True, False, NOW, NOW)
        assert await store.account(made.id) == made
        assert await store.account(99) is None
        written = replace(made, name="Third", description="", external_id="x-3", updated_at=NOW + 1)
        assert await store.update_account(written, NOW + 1) == written
        assert (await store.accounts(admin.organization_id))[1] == written
        assert await store.update_account(replace(made, id=99, external_id="x-9"), NOW) is None

    async def test_an_external_id_is_once_in_an_organization(self, store: Store):
        admin = await self.admin(store)
        made = await self.second(store, admin)
        with pytest.raises(Taken):
            await self.second(store, admin)
        with pytest.raises(Taken):
            await store.update_account(replace(made, external_id="default"), NOW)
        other = await store.add_organization(first("c@d", "s2", "o2"))
        await store.create_account(NewAccount(other.organization_id, "Second", "", "x-2"), NOW)

    async def test_a_user_comes_back_as_they_were_written(self, store: Store):
        admin = await self.admin(store)
        account = await self.second(store, admin)
        made = await store.create_user(new_user(account.id, roles=("admin", "default")), NOW)
        assert (made.organization_id, made.account_id) == (admin.organization_id, account.id)
        assert (made.roles, made.in_default_account, made.created_at) == (("admin", "default"), False, NOW)
        assert await store.user_by_secret("bo@b") == made
        written = replace(made, email="bob@b", first_name="Bob", last_name="C")
        assert await store.update_user(written, NOW) == written
        assert await store.users(admin.organization_id, account.id) == [written]
        assert await store.update_user(replace(written, id=99, email="x@b"), NOW) is None

    async def test_an_email_is_one_users_in_any_case_of_its_letters(self, store: Store):
        admin = await self.admin(store)
        made = await store.create_user(new_user(admin.account_id), NOW)
        assert await store.user_by_email("BO@b") == made
        with pytest.raises(Taken):
            await store.create_user(new_user(admin.account_id, "Bo@B", secret="another"), NOW)
        with pytest.raises(Taken):
            await store.update_user(replace(made, email="A@B"), NOW)
        with pytest.raises(Taken):
            await store.add_organization(first("bo@b", "s2", "o2"))

    async def test_there_is_no_user_without_an_account(self, store: Store):
        with pytest.raises(LookupError):
            await store.create_user(new_user(99), NOW)

    async def test_roles_are_given_and_taken_once(self, store: Store):
        admin = await self.admin(store)
        account = await self.second(store, admin)
        user = await store.create_user(new_user(account.id), NOW)
        assert await store.grant("admin", user_id=user.id)
        assert not await store.grant("admin", user_id=user.id)
        assert await store.grant("org-admin", account_id=account.id)
        assert not await store.grant("org-admin", account_id=account.id)
        found = await store.user(user.id)
        assert found is not None
        assert (found.roles, found.account_roles) == (("admin", "default"), ("org-admin",))
        assert (await store.accounts(admin.organization_id))[1].roles == ("org-admin",)
        assert await store.revoke("admin", user_id=user.id)
        assert not await store.revoke("admin", user_id=user.id)
        assert await store.revoke("org-admin", account_id=account.id)
        assert not await store.revoke("org-admin", account_id=account.id)
        assert await store.user(user.id) == user
        assert await store.user(admin.id) == admin

    async def test_a_new_password_ends_sessions_and_the_one_before_is_remembered(self, store: Store):
        user = await self.admin(store)
        await store.open_session("bearer", user.id, NOW, NOW + MINUTE)
        for nth in range(PASSWORDS_KEPT + 3):
            await store.set_password(user.id, f"h{nth}", NOW + nth)
        assert await store.user_by_session("bearer", NOW) is None
        found = await store.user(user.id)
        assert found is not None
        assert (found.password_hash, found.password_at) == ("h12", NOW + 12)
        assert await store.password_hashes(user.id, 3) == ["h12", "h11", "h10"]
        assert len(await store.password_hashes(user.id, 99)) == PASSWORDS_KEPT + 1
        assert await store.password_hashes(user.id, 1) == ["h12"]
        assert await store.password_hashes(user.id, 0) == await store.password_hashes(99, 3) == []

    async def polled_by(self, store: Store, user: User) -> int:
        made = await store.create_instance(
            new_instance(user_id=user.id, account_id=user.account_id, token=f"token-{user.id}"), plan("contacts"), NOW
        )
        return made.id

    async def states(self, store: Store, instance_id: int) -> dict[LaneKind, LaneState]:
        return {lane.kind: lane.state for lane in await store.lanes(instance_id=instance_id)}

    async def test_who_is_deactivated_is_logged_out_and_polls_nothing_more(self, store: Store):
        admin = await self.admin(store)
        user = await store.create_user(new_user(admin.account_id), NOW)
        theirs, others = await self.polled_by(store, user), await self.polled_by(store, admin)
        await store.open_session("bearer", user.id, NOW, NOW + MINUTE)
        left = await store.update_user(replace(user, active=False), NOW)
        assert left is not None
        assert not left.active
        assert await store.user_by_session("bearer", NOW) is None
        off = {LaneKind.POLL: LaneState.OFF, LaneKind.DELIVER: LaneState.READY}
        assert await self.states(store, theirs) == off
        assert (await self.states(store, others))[LaneKind.POLL] is LaneState.READY
        assert await store.instance(theirs) is not None
        await store.update_user(replace(user, active=True), NOW)
        assert await self.states(store, theirs) == off

    async def test_a_deleted_user_is_gone_and_their_id_is_never_used_again(self, store: Store):
        admin = await self.admin(store)
        user = await store.create_user(new_user(admin.account_id), NOW)
        theirs = await self.polled_by(store, user)
        await store.open_session("bearer", user.id, NOW, NOW + MINUTE)
        await store.set_password(user.id, "h1", NOW)
        assert await store.delete_user(user.id)
        assert not await store.delete_user(user.id)
        assert await store.user(user.id) is None
        assert await store.user_by_secret("bo@b") is None
        assert await store.user_by_session("bearer", NOW) is None
        assert (await self.states(store, theirs))[LaneKind.POLL] is LaneState.OFF
        assert await store.instance(theirs) is not None
        again = await store.create_user(new_user(admin.account_id, roles=()), NOW)
        assert again.id > user.id
        assert again.roles == ()
        assert await store.password_hashes(again.id, 9) == ["h0"]

    async def test_an_account_that_is_not_active_polls_nothing_more_and_its_users_know_it(self, store: Store):
        admin = await self.admin(store)
        account = await self.second(store, admin)
        user = await store.create_user(new_user(account.id), NOW)
        theirs, others = await self.polled_by(store, user), await self.polled_by(store, admin)
        await store.update_account(replace(account, active=False), NOW)
        found = await store.user(user.id)
        assert found is not None
        assert (found.active, found.account_active) == (True, False)
        assert (await self.states(store, theirs))[LaneKind.POLL] is LaneState.OFF
        assert (await self.states(store, others))[LaneKind.POLL] is LaneState.READY

    async def test_an_account_can_lose_its_users(self, store: Store):
        admin = await self.admin(store)
        account = await self.second(store, admin)
        user = await store.create_user(new_user(account.id), NOW)
        await store.update_account(replace(account, active=False), NOW, without_users=True)
        assert await store.user(user.id) is None
        assert await store.users(admin.organization_id) == [admin]
        revived = await store.update_account(account, NOW)
        assert revived == account
        assert await store.users(admin.organization_id, account.id) == []

    async def test_an_organizations_rules_and_secret_can_be_changed(self, store: Store):
        admin = await self.admin(store)
        policy = PasswordPolicy(12, 0, 1, 2, 3, "!?", 4, 90)
        await store.set_password_policy(admin.organization_id, policy)
        await store.set_organization_secret(admin.organization_id, "another")
        organization = await store.organization(admin.organization_id)
        assert organization is not None
        assert (organization.policy, organization.secret) == (policy, "another")
        found = await store.user(admin.id)
        assert found is not None
        assert found.organization_secret == "another"
