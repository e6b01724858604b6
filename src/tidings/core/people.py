"""Who is whose? Organizations with their accounts, and what a client may write of an account or a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidings.core.errors import InvalidInput
from tidings.core.model import Moment, User
from tidings.core.naming import plain, writable
from tidings.core.passwordpolicy import PasswordPolicy, Whose
from tidings.core.roles import ROLES, Privilege, Role, privileges

LONGEST_EMAIL: Final = 254
LONGEST_DESCRIPTION: Final = 1000

_EMAIL: Final = re.compile(r"[^\s@,;<>\x00-\x1f\x7f/]+@[^\s@,;<>\x00-\x1f\x7f/]+")


@dataclass(frozen=True, slots=True)
class Organization:
    """Whoever runs accounts; `secret` is the Organization part of every call of its users."""

    id: int
    name: str
    created_at: Moment
    policy: PasswordPolicy
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of an organization: instances, notifications and settings are an account's.

    `external_id` is its client's name for it, once in an organization. The users of the default account look after the
    others, as far as their roles go. `roles` are those that all of its users have beside their own.
    """

    id: int
    organization_id: int
    name: str
    description: str
    external_id: str
    active: bool
    is_default: bool
    created_at: Moment
    updated_at: Moment
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountWritten:
    """What a client writes of an account; None where it says nothing."""

    name: str | None = None
    description: str | None = None
    external_id: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class UserWritten:
    """What a client writes of a user; None where it says nothing. The password is as it was written, unchecked."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    active: bool | None = None
    password: str | None = field(default=None, repr=False)
    roles: tuple[Role, ...] | None = None


def account_written(given: Mapping[str, Any]) -> AccountWritten:
    """Raises InvalidInput naming the member; members that mean nothing here are dropped."""
    name = _text(given, "name")
    description = _text(given, "description")
    external_id = _text(given, "externalId")
    return AccountWritten(
        name=None if name is None else plain(name, "name"),
        description=None if description is None else _description(description),
        external_id=None if external_id is None else plain(external_id, "externalId"),
        active=_flag(given, "active"),
    )


def user_written(given: Mapping[str, Any]) -> UserWritten:
    """Raises InvalidInput naming the member; members that mean nothing here are dropped."""
    first_name, last_name = _text(given, "firstName"), _text(given, "lastName")
    email = _text(given, "email")
    return UserWritten(
        first_name=None if first_name is None else plain(first_name, "firstName"),
        last_name=None if last_name is None else plain(last_name, "lastName"),
        email=None if email is None else _email(email),
        active=_flag(given, "active"),
        password=_text(given, "password"),
        roles=_roles(given.get("roles")),
    )


def role_named(key: str, name: str = "role") -> Role:
    """The role of this key. Raises InvalidInput for an unknown one."""
    role = ROLES.get(key)
    if role is None:
        raise InvalidInput(name, f"is none of {', '.join(ROLES)}")
    return role


def may(user: User, privilege: Privilege) -> bool:
    """Whether the user's roles, or their account's, give the privilege."""
    return privilege in privileges(user.all_roles)


def looks_after_all(user: User) -> bool:
    """Whether the user knows of every account of the organization: those who may make accounts do, and administrators
    of the default account."""
    has = privileges(user.all_roles)
    return Privilege.CREATE_ACCOUNTS in has or (user.in_default_account and Privilege.VIEW_ACCOUNTS in has)


def sees(user: User, account: Account) -> bool:
    """Whether an account is one that the user may know of: their own, or any that they look after."""
    if account.organization_id != user.organization_id:
        return False
    return account.id == user.account_id or looks_after_all(user)


def outranks(user: User, other: User) -> bool:
    """Whether the user has all that the other may do: nobody changes who may do more than they."""
    return privileges(other.all_roles) <= privileges(user.all_roles)


def whose(user: User) -> Whose:
    return Whose(user.first_name, user.last_name, user.email)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(name, "must be a text")
    return value


def _flag(given: Mapping[str, Any], name: str) -> bool | None:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(name, "must be true or false")
    return value


def _description(text: str) -> str:
    if not writable(text) or "\0" in text or len(text) > LONGEST_DESCRIPTION:
        raise InvalidInput("description", f"must be a text of {LONGEST_DESCRIPTION} characters at the most")
    return text.strip()


def _email(text: str) -> str:
    stripped = text.strip()
    if not writable(text) or len(text) > LONGEST_EMAIL or not _EMAIL.fullmatch(stripped):
        raise InvalidInput("email", "is no address; write one such as ada@example.com")
    return stripped


def _roles(value: object) -> tuple[Role, ...] | None:
    """From keys, or from roles as the API shows them."""
    if value is None:
        return None
    keys = [each.get("key") if isinstance(each, dict) else each for each in value] if isinstance(value, list) else [0]
    if not all(isinstance(key, str) for key in keys):
        raise InvalidInput("roles", f"must be a list of {', '.join(ROLES)}")
    return tuple(dict.fromkeys(role_named(str(key), "roles") for key in keys))
