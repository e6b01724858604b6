"""The caller's organization: its secret, and its rules for passwords (spec platform.md 5.6, 9)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.responses import Response

from tidings.api.answers import answer, day
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.passwords import policy_of
from tidings.api.schemas import people as shapes
from tidings.api.schemas.written import POLICY
from tidings.core import passwordpolicy
from tidings.core.people import Organization


@answers(shapes.Organization)
async def read(call: UserCallIn) -> Response:
    """The caller's organization with its secret, which every call has to carry anyway."""
    return answer(_shown(await _own(call)))


@answers(shapes.Organization)
async def reset_secret(call: UserCallIn) -> Response:
    """Give the organization another secret, which this answers; with the one before, nobody of it can call any more."""
    await call.parts.store.set_organization_secret(call.user.organization_id, call.parts.dice(16).hex())
    return answer(_shown(await _own(call)))


@answers(shapes.PasswordPolicy)
async def read_policy(call: UserCallIn) -> Response:
    """The organization's rules for passwords."""
    return answer(passwordpolicy.shown(await policy_of(call.parts, call.user.organization_id)))


@answers(shapes.PasswordPolicy)
async def write_policy(
    call: UserCallIn,
    body: Annotated[
        dict[str, Any], Body(description="The rules; one that is left out is as at first.", json_schema_extra=POLICY)
    ],
) -> Response:
    """Write the organization's rules for passwords, for those that are set from now on; `expirationDays` (0: none)
    holds for all."""
    policy = passwordpolicy.policy_of(body)
    await call.parts.store.set_password_policy(call.user.organization_id, policy)
    return answer(passwordpolicy.shown(policy))


async def _own(call: UserCall) -> Organization:
    found = await call.parts.store.organization(call.user.organization_id)
    assert found is not None  # its user is calling
    return found


def _shown(organization: Organization) -> dict[str, object]:
    return {
        "id": organization.id,
        "name": organization.name,
        "secret": organization.secret,
        "active": True,
        "createdDate": day(organization.created_at),
    }
