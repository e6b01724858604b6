"""The users of an account: made, listed, changed, deactivated, deleted (spec platform.md 1.2, 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Body, Header, Path, Request
from starlette.responses import Response

from tidings.api.accounts import AccountId, Permanent, id_of
from tidings.api.accounts import find as find_account
from tidings.api.answers import answer, day, listing
from tidings.api.authentication import new_token
from tidings.api.authorization import ask_for
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.instances import remove
from tidings.api.passwords import hashed, is_right, policy_of, replacement
from tidings.api.problems import Refused
from tidings.api.schemas import people as shapes
from tidings.api.schemas.shape import Nothing
from tidings.api.schemas.written import USER
from tidings.core.errors import InvalidInput
from tidings.core.model import User
from tidings.core.passwordpolicy import Whose
from tidings.core.people import Account, UserWritten, looks_after_all, outranks, user_written
from tidings.core.roles import DEFAULT, ROLES, Privilege, may_grant
from tidings.store.people import NewUser

UserName = Annotated[str, Path(description="The id or the email of a user that the caller may know of.")]
UserBody = Annotated[
    dict[str, Any],
    Body(description="`firstName`, `lastName`, `email`, `password`; `roles` by their keys.", json_schema_extra=USER),
]
Password = Annotated[str | None, Header(alias="Elements-User-Password", description="The password of that user.")]


@answers(shapes.UserMade, 409)
async def create(call: UserCallIn, body: UserBody) -> Response:
    """Make a user of the caller's account. Their secret is in this answer and in no other. Without `roles` they have
    the role `default`; 403 for a role that gives more than the caller has, 409 for an email that is there already."""
    return await _create(call, await find_account(call, str(call.user.account_id)), body)


@answers(shapes.UserMade, 404, 409)
async def create_of_account(call: UserCallIn, account: AccountId, body: UserBody) -> Response:
    """The same for an account that the caller looks after."""
    return await _create(call, await find_account(call, account), body)


@answers(shapes.UserMade, 409)
async def create_of_organization(call: UserCallIn, body: UserBody) -> Response:
    """The same for the organization's default account, from which the others are looked after."""
    if not looks_after_all(call.user):
        raise Refused(403, "Users of the organization are made by those who look after all of its accounts")
    accounts = await call.parts.store.accounts(call.user.organization_id)
    return await _create(call, next(each for each in accounts if each.is_default), body)


@answers(list[shapes.User], 404)
async def list_all(call: UserCallIn) -> Response:
    """The users of the caller's account, by id."""
    return _listed(await call.parts.store.users(call.user.organization_id, call.user.account_id))


@answers(list[shapes.User], 404)
async def list_of_account(call: UserCallIn, account: AccountId) -> Response:
    """The users of one account, by id; 404 when there is none."""
    found = await find_account(call, account)
    return _listed(await call.parts.store.users(found.organization_id, found.id))


@answers(list[shapes.User], 404)
async def list_of_organization(call: UserCallIn) -> Response:
    """The users of all accounts that the caller may know of, by id."""
    return _listed([each for each in await call.parts.store.users(call.user.organization_id) if _sees(call.user, each)])


@answers(shapes.UserRead, 403, 404)
async def read(call: UserCallIn, user: UserName, request: Request, password: Password = None) -> Response:
    """One user. With that user's password in `Elements-User-Password` an administrator gets the user's secret too."""
    found = await find(call, user, Privilege.VIEW_USERS)
    if password is None:
        return answer(shown(found))
    if found.id != call.user.id:
        ask_for(call.user, Privilege.EDIT_USERS)
    await _refuse_wrong(call, found, password, request)
    return answer(shown(found) | {"secret": found.secret})


@answers(shapes.User, 403, 404, 409)
async def patch(
    call: UserCallIn,
    user: UserName,
    body: UserBody,
    request: Request,
    password: Password = None,
    permanent: Permanent = False,
) -> Response:
    """Change what is given: names, `email`, `password`, `active`. Of themselves users change all but `active`, and the
    password with the one before in `Elements-User-Password`. Who is not active can neither log in nor call, and their
    instances poll nothing more, also when they are active again; instances are kept unless `permanent`."""
    found = await find(call, user, Privilege.EDIT_USERS)
    written = user_written(body)
    _refuse_higher(call, found)
    active = found.active if written.active is None else written.active
    if not active and found.id == call.user.id:
        raise Refused(403, "Nobody deactivates themselves; another administrator can")
    if written.roles is not None and {each.key for each in written.roles} != set(found.roles):
        raise InvalidInput("roles", "are given and taken with PUT and DELETE /users/{id}/roles/{key}")
    changed = _with(found, written, active=active)
    if written.password is not None and found.id == call.user.id:
        await _refuse_wrong(call, found, password or "", request)
    # Everything that can be refused is asked for before anything is written.
    kept = None if written.password is None else await replacement(call.parts, changed, written.password)
    made = await call.parts.store.update_user(changed, call.parts.clock())
    if made is None:
        raise _unknown(user)
    if kept is not None:
        await call.parts.store.set_password(found.id, kept, call.parts.clock())
    if permanent and not active:
        await _remove_instances(call, found)
    return answer(shown(made))


@answers(Nothing, 404)
async def delete(call: UserCallIn, user: UserName, permanent: Permanent = False) -> Response:
    """Remove a user for good. Their instances poll nothing more and are kept, unless `permanent`."""
    found = await find(call, user, Privilege.EDIT_USERS)
    if found.id == call.user.id:
        raise Refused(403, "Nobody deletes themselves; another administrator can")
    _refuse_higher(call, found)
    await call.parts.store.delete_user(found.id)
    if permanent:
        await _remove_instances(call, found)
    return answer({})


async def find(call: UserCall, user: str, privilege: Privilege) -> User:
    """The caller, or a user that they may know of and for whom they have the privilege.

    Raises Refused: 403 without it, 404 for whom they may not know of.
    """
    if user == str(call.user.id) or user.casefold() == call.user.email.casefold():
        return call.user
    ask_for(call.user, privilege)
    found = await known(call, user)
    if found is None or not _sees(call.user, found):
        raise _unknown(user)
    return found


async def known(call: UserCall, user: str) -> User | None:
    """The user of this id or email, whosever they are."""
    number = id_of(user)
    return await (call.parts.store.user_by_email(user) if number is None else call.parts.store.user(number))


def shown(user: User) -> dict[str, object]:
    """One user as the API answers it, without their secret."""
    return {
        "id": user.id,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "active": user.active,
        "accountId": user.account_id,
        "companyId": user.organization_id,
        "createdDate": day(user.created_at),
        "lastLoginDate": None if user.last_login_at is None else day(user.last_login_at),
        "roles": [ROLES[key].shown() for key in user.roles if key in ROLES],
    }


async def _create(call: UserCall, account: Account, body: dict[str, Any]) -> Response:
    written = user_written(body)
    first_name, last_name = _given(written.first_name, "firstName"), _given(written.last_name, "lastName")
    email, password = _given(written.email, "email"), _given(written.password, "password")
    roles = (DEFAULT,) if written.roles is None else written.roles
    for role in roles:
        if not may_grant(call.user.all_roles, role):
            raise Refused(403, f"The role {role.key} gives more than you have, so it is not yours to give")
    if not account.active:
        raise Refused(409, f"Account {account.id} is not active; bring it back first")
    policy = await policy_of(call.parts, account.organization_id)
    kept = await hashed(call.parts, password, policy, Whose(first_name, last_name, email))
    new = NewUser(
        account_id=account.id,
        email=email,
        first_name=first_name,
        last_name=last_name,
        roles=tuple(role.key for role in roles),
        password_hash=kept,
        secret=new_token(call.parts.dice(32)),
    )
    made = await call.parts.store.create_user(new, call.parts.clock())
    return answer(shown(made) | {"secret": made.secret})


def _given(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidInput(name, "is missing")
    return value


def _with(user: User, written: UserWritten, *, active: bool) -> User:
    return replace(
        user,
        first_name=user.first_name if written.first_name is None else written.first_name,
        last_name=user.last_name if written.last_name is None else written.last_name,
        email=user.email if written.email is None else written.email,
        active=active,
    )


def _sees(user: User, other: User) -> bool:
    same = other.organization_id == user.organization_id
    return same and (other.account_id == user.account_id or looks_after_all(user))


def _refuse_higher(call: UserCall, user: User) -> None:
    if not outranks(call.user, user):
        raise Refused(403, f"User {user.id} may do more than you, so they are not yours to change")


async def _refuse_wrong(call: UserCall, user: User, password: str, request: Request) -> None:
    host = request.client.host if request.client else None
    if not await is_right(call.parts, user.email, host, password, user):
        raise Refused(401, "Elements-User-Password: is missing, or not the password of this user")


async def _remove_instances(call: UserCall, user: User) -> None:
    for instance in await call.parts.store.instances(user.account_id):
        if instance.user_id == user.id:
            await remove(call.parts, instance)


def _listed(users: Sequence[User]) -> Response:
    if not users:
        raise Refused(404, "No users found")
    return listing([shown(each) for each in users])


def _unknown(user: str) -> Refused:
    return Refused(404, f"No user found with ID or email {user}")
