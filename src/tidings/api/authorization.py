"""Who is calling, and may they? The Authorization header of spec platform.md 1.2 and what each route asks of it."""

from __future__ import annotations

import asyncio
import hmac
import re
from dataclasses import dataclass
from enum import Enum

from fastapi import Request

from tidings.api.call import Call, InstanceCall, UserCall
from tidings.api.parts import ApiParts
from tidings.api.problems import Refused
from tidings.core.model import Instance, User
from tidings.core.people import may
from tidings.core.roles import Privilege

GREATEST_ID = 2**63 - 1
TOO_MANY = "This user has made too many calls"


class Scope(Enum):
    """What a route asks of its caller."""

    OPEN = "open"  #: nothing
    BEARER = "bearer"  #: the token of POST /authentication
    USER = "user"  #: User and Organization, or the Bearer token; an `{instance_id}` in the path must be theirs
    ELEMENT = "element"  #: User, Organization and Element; the token selects the instance
    HUB = "hub"  #: User and Element, the token selects the instance; Organization may be left out


@dataclass(frozen=True, slots=True)
class Credentials:
    """The parts of one Authorization header; None where a part is absent."""

    user: str | None = None
    organization: str | None = None
    element: str | None = None
    bearer: str | None = None


#: Where the Element token says which instance the call is about.
OF_TOKEN = (Scope.ELEMENT, Scope.HUB)

_PART = re.compile(r"\s*(User|Organization|Element|Bearer)\s+(\S+)\s*", re.IGNORECASE)


def read(header: str | None) -> Credentials:
    """The parts in any order and spacing. Raises Refused (401) for anything else.

    >>> read("Element t/+=,  User u==").element
    't/+='
    """
    parts: dict[str, str] = {}
    for text in (header or "").split(","):
        if not text.strip():
            continue
        found = _PART.fullmatch(text)
        if found is None or found[1].lower() in parts:
            raise Refused(401, "Authorization: write User <userSecret>, Organization <organizationSecret>")
        parts[found[1].lower()] = found[2]
    return Credentials(**parts)


async def authorise(request: Request, parts: ApiParts, scope: Scope, privilege: Privilege | None = None) -> Call:
    """The call with its user, and with its instance where the route is about one.

    Raises Refused: 401 for who is not known or not active, 429 for who calls too often, 403 for who has not the
    privilege, 404 for what is not theirs.
    """
    if scope is Scope.OPEN:
        return Call(parts)
    given = read(request.headers.get("authorization"))
    token = given.element if scope in OF_TOKEN else None
    finding = None if token is None else asyncio.ensure_future(parts.store.instance_by_token(token))
    try:
        user = await _user(parts, given, scope)
    finally:
        instance = None if finding is None else await finding
    if not (user.active and user.account_active):
        raise Refused(401, "Authorization: this user, or the account, is not active; an administrator can change that")
    # From here on it is this user's call, whatever becomes of it: it is counted, and kept.
    request.state.call = UserCall(parts, user)
    parts.rates.spend(user.id, parts.settings.user_requests_a_minute, parts.clock(), TOO_MANY)
    if privilege is not None:
        ask_for(user, privilege)
    if scope in OF_TOKEN:
        return InstanceCall(parts, user, _instance_of_token(user, given.element, instance))
    if "instance_id" in request.path_params:
        return InstanceCall(parts, user, await own_instance(parts, user, request.path_params["instance_id"]))
    return UserCall(parts, user)


def ask_for(user: User, privilege: Privilege) -> None:
    """Raises Refused (403) when none of the user's roles gives the privilege."""
    if not may(user, privilege):
        raise Refused(403, f"None of your roles gives the privilege {privilege}; an administrator can grant one")


async def own_instance(parts: ApiParts, user: User, instance_id: int) -> Instance:
    """An instance of the caller's account; raises Refused (404) for any other."""
    instance = await parts.store.instance(instance_id) if instance_id <= GREATEST_ID else None
    if instance is None or instance.account_id != user.account_id:
        raise Refused(404, f"No element instance found with ID {instance_id}")
    return instance


async def _user(parts: ApiParts, given: Credentials, scope: Scope) -> User:
    if given.bearer is not None and scope not in OF_TOKEN:
        user = await parts.store.user_by_session(given.bearer, parts.clock())
        if user is None:
            raise Refused(
                401, "Authorization: this Bearer token is unknown or has expired; POST /authentication makes one"
            )
        return user
    if scope is Scope.BEARER:
        raise Refused(401, "Authorization: write Bearer <token>; POST /authentication makes one")
    needed = {"User": given.user} if scope is Scope.HUB else {"User": given.user, "Organization": given.organization}
    if missing := [name for name, value in needed.items() if value is None]:
        wanted = "Element <instanceToken>" if scope is Scope.HUB else "Organization <organizationSecret>"
        raise Refused(
            401, f"Authorization: the {' and '.join(missing)} part is missing; write User <userSecret>, {wanted}"
        )
    user = await parts.store.user_by_secret(given.user or "")
    if user is None or not _is_organization(given.organization, user):
        raise Refused(401, "Authorization: the user secret or the organization secret is wrong")
    return user


def _is_organization(secret: str | None, user: User) -> bool:
    """Whether the secret is the user's organization's; one that may be left out, and was, is not wrong."""
    return secret is None or hmac.compare_digest(secret.encode(), user.organization_secret.encode())


def _instance_of_token(user: User, token: str | None, instance: Instance | None) -> Instance:
    """The instance that was found by the token, if it may be the user's."""
    if token is None:
        raise Refused(401, "Authorization: the Element part is missing; add Element <instanceToken>")
    if instance is None or instance.account_id != user.account_id:
        raise Refused(401, "Authorization: the element token is wrong, or its instance was deleted")
    return instance
