"""Is a password right, and may a new one be used? Hashing costs time on purpose, so it is done one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tidings.api.parts import ApiParts
from tidings.core.errors import InvalidInput
from tidings.core.model import User
from tidings.core.passwordpolicy import PasswordPolicy, Whose, check
from tidings.core.passwords import NOBODY, hash_password, is_password
from tidings.core.people import whose

# A try costs 16 MiB and 50 ms, and many at once would cost a small machine its memory.
_hashing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")

TOO_MANY = "Too many failed logins for this user name"


async def is_right(parts: ApiParts, name: str, host: str | None, password: str, user: User | None) -> bool:
    """Whether it is the user's password; nobody's takes as long to try as somebody's.

    `name` is the user name as it was given and `host` where the call came from: after too many that were wrong, each
    raises TooMany (429).
    """
    who, limit, now = (name.lower(), host), parts.settings.failed_logins_a_minute, parts.clock()
    parts.rates.look(who, limit, now, TOO_MANY)
    kept = user.password_hash if user else NOBODY
    right = await asyncio.get_running_loop().run_in_executor(_hashing, is_password, password, kept)
    if not right:
        parts.rates.spend(who, limit, now, TOO_MANY)
    return right and user is not None


async def hashed(parts: ApiParts, password: str, policy: PasswordPolicy, of: Whose, field: str = "password") -> str:
    """How a new password is kept. Raises InvalidInput when the organization's rules refuse it."""
    check(password, policy, of, field)
    return await asyncio.get_running_loop().run_in_executor(_hashing, hash_password, password, parts.dice(16))


async def replacement(parts: ApiParts, user: User, password: str, field: str = "password") -> str:
    """How another password of a user is kept. Raises InvalidInput when the rules refuse it, or it was used before."""
    policy = await policy_of(parts, user.organization_id)
    kept = await hashed(parts, password, policy, whose(user), field)
    former = await parts.store.password_hashes(user.id, policy.previous)
    if await asyncio.get_running_loop().run_in_executor(_hashing, _is_any, password, former):
        raise InvalidInput(field, f"is one of the last {policy.previous}; choose another")
    return kept


async def policy_of(parts: ApiParts, organization_id: int) -> PasswordPolicy:
    """The rules for passwords of an organization."""
    organization = await parts.store.organization(organization_id)
    return PasswordPolicy() if organization is None else organization.policy


def _is_any(password: str, kept: Sequence[str]) -> bool:
    return any(is_password(password, each) for each in kept)
