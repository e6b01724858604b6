"""Do an instance's credentials still work? (spec platform.md 9)"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from tidings.api.acceptance import account_of, element_of
from tidings.api.answers import answer, iso
from tidings.api.call import InstanceCallIn
from tidings.api.documented import answers
from tidings.api.schemas import elements as shapes
from tidings.core.errors import AddressForbidden, CredentialsRefused, InvalidInput, ProviderRefused

#: Milliseconds for which a result holds.
HOLDS_FOR: Final = 30 * 60_000


@answers(shapes.Validation, 429, 502)
async def validate(
    call: InstanceCallIn,
    force: Annotated[bool, Query(description="true: ask the provider now, whatever is remembered.")] = False,
) -> Response:
    """Try the instance's credentials at its provider: `valid`, `checkedAt`, and why not as `reason`. A result holds for
    30 minutes, or until the instance is changed. When the provider cannot be asked, nothing is said of the credentials:
    502, or 429."""
    parts, instance = call.parts, call.instance
    key = ("validation", instance.id, instance.revision)
    result = None if force else parts.remembered.recall(key, parts.clock())
    if result is None:
        reason = await _reason(call)
        result = {"valid": reason is None, "checkedAt": iso(parts.clock()), "reason": reason}
        parts.remembered.keep(key, result, parts.clock() + HOLDS_FOR)
    return answer(result)


async def _reason(call: InstanceCallIn) -> str | None:
    """Why the credentials do not work, None when they do."""
    element = element_of(call.parts, call.instance)
    try:
        await account_of(call.parts, element, call.instance).check()
    except (CredentialsRefused, ProviderRefused, InvalidInput, AddressForbidden) as error:
        return str(error)
    return None
