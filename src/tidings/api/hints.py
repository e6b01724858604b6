"""Where providers say that something has changed (`POST /hints/{instance}`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import CallIn
from tidings.api.documented import answers
from tidings.api.problems import Refused
from tidings.api.schemas.shape import Nothing


@answers(Nothing, 403, 413)
async def take(
    call: CallIn,
    request: Request,
    instance: Annotated[str, Path(description="The id of an instance.")],
    token: Annotated[str, Query(description="What nobody knows but the provider.")] = "",
) -> Response:
    """Where an instance's provider says that something has changed, which is then polled at once; 403 for whatever its
    provider has not signed. Not for clients."""
    if not await call.parts.take_hint(instance, token, request.headers, request.body):
        raise Refused(403, "This is no hint, or nobody waits for one here")
    return answer({})
