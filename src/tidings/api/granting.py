"""Who gives which role to whom? To a user, or to all users of an account (spec platform.md 5.6)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from tidings.api.accounts import AccountId
from tidings.api.accounts import find as find_account
from tidings.api.accounts import known as known_account
from tidings.api.answers import answer, listing
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.problems import Refused
from tidings.api.schemas import people as shapes
from tidings.api.users import UserName
from tidings.api.users import find as find_user
from tidings.api.users import known as known_user
from tidings.core.model import User
from tidings.core.people import Account, outranks, role_named
from tidings.core.roles import ROLES, Privilege, Role, may_grant

RoleKey = Annotated[str, Path(description="The key of a role; GET /organizations/roles lists them.")]


@answers(list[shapes.RoleWithPrivileges])
async def list_all(call: UserCallIn) -> Response:
    """The roles that there are, each with what it gives."""
    return listing([role.shown() | {"privileges": sorted(role.privileges)} for role in ROLES.values()])


@answers(list[shapes.Role], 404)
async def list_of_user(call: UserCallIn, user: UserName) -> Response:
    """The roles of one user; those of the account are not among them."""
    return _listed((await find_user(call, user, Privilege.VIEW_USERS)).roles)


@answers(list[shapes.Role], 404)
async def list_of_account(call: UserCallIn, account: AccountId) -> Response:
    """The roles that all users of an account have."""
    return _listed((await find_account(call, account)).roles)


@answers(shapes.Role, 404, 409)
async def grant_user(call: UserCallIn, user: UserName, role: RoleKey) -> Response:
    """Give a user a role: 403 for oneself, for a user of another organization and for a role that gives more than the
    caller has, 409 when the user has it."""
    found, granted = await _user(call, user), _grantable(call, role)
    if not await call.parts.store.grant(granted.key, user_id=found.id):
        raise Refused(409, f"User {found.id} has the role {granted.key} already")
    return answer(granted.shown())


@answers(shapes.Role, 404)
async def revoke_user(call: UserCallIn, user: UserName, role: RoleKey) -> Response:
    """Take a role from a user; 404 when the user has not got it."""
    found, revoked = await _user(call, user), _grantable(call, role)
    if not await call.parts.store.revoke(revoked.key, user_id=found.id):
        raise Refused(404, f"User {found.id} has not got the role {revoked.key}")
    return answer(revoked.shown())


@answers(shapes.Role, 404, 409)
async def grant_account(call: UserCallIn, account: AccountId, role: RoleKey) -> Response:
    """Give all users of an account, those to come too, a role: 403 for one's own account, otherwise as for a user."""
    found, granted = await _account(call, account), _grantable(call, role)
    if not await call.parts.store.grant(granted.key, account_id=found.id):
        raise Refused(409, f"Account {found.id} has the role {granted.key} already")
    return answer(granted.shown())


@answers(shapes.Role, 404)
async def revoke_account(call: UserCallIn, account: AccountId, role: RoleKey) -> Response:
    """Take a role from an account; what its users have of their own stays theirs. 404 when it has not got it."""
    found, revoked = await _account(call, account), _grantable(call, role)
    if not await call.parts.store.revoke(revoked.key, account_id=found.id):
        raise Refused(404, f"Account {found.id} has not got the role {revoked.key}")
    return answer(revoked.shown())


async def _user(call: UserCall, name: str) -> User:
    user = await known_user(call, name)
    if user is not None and user.organization_id != call.user.organization_id:
        raise Refused(403, f"User {name} is not of your organization")
    found = await find_user(call, name, Privilege.EDIT_USERS)
    if found.id == call.user.id:
        raise Refused(403, "Nobody changes their own roles; another administrator can")
    if not outranks(call.user, found):
        raise Refused(403, f"User {found.id} may do more than you, so they are not yours to change")
    return found


async def _account(call: UserCall, account_id: str) -> Account:
    account = await known_account(call, account_id)
    if account is not None and account.organization_id != call.user.organization_id:
        raise Refused(403, f"Account {account_id} is not of your organization")
    found = await find_account(call, account_id)
    if found.id == call.user.account_id:
        raise Refused(403, "Nobody changes the roles of their own account; another administrator can")
    return found


def _grantable(call: UserCall, key: str) -> Role:
    role = role_named(key)
    if not may_grant(call.user.all_roles, role):
        raise Refused(403, f"The role {role.key} gives more than you have, so it is not yours to give or take")
    return role


def _listed(keys: tuple[str, ...]) -> Response:
    return listing([ROLES[key].shown() for key in keys if key in ROLES])
