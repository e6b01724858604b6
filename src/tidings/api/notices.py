"""What needs attention, and what did: one notice for each incident (docs/operations.md)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import listing
from tidings.api.authorization import own_instance
from tidings.api.call import UserCallIn
from tidings.api.documented import answers
from tidings.api.events import LARGEST_NUMBER, LARGEST_PAGE, PageSize, token_of
from tidings.api.schemas import events as shapes
from tidings.core.notices import shown


@answers(list[shapes.Notice], 404, paged=True)
async def list_notices(
    call: UserCallIn,
    only_open: Annotated[bool, Query(alias="open", description="true: only those that are not over.")] = False,
    instance_id: Annotated[int | None, Query(alias="instanceId", ge=1, description="Only of this instance.")] = None,
    page_size: PageSize = 200,
    page: Annotated[int, Query(ge=1, le=LARGEST_NUMBER, description="Which page; it moves with each notice.")] = 1,
    next_page: Annotated[
        str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before; it wins.")
    ] = None,
) -> Response:
    """The notices of the caller's account, newest first, a page at a time; none is an empty list."""
    if instance_id is not None:
        await own_instance(call.parts, call.user, instance_id)
    size = min(page_size, LARGEST_PAGE)
    # One more than is shown, to know whether there is a next page.
    found = await call.parts.store.notices(
        call.user.account_id,
        instance_id=instance_id,
        open_only=only_open,
        before=token_of(next_page),
        limit=size + 1,
        skip=0 if next_page else (page - 1) * size,
    )
    response = listing([shown(notice) for notice in found[:size]])
    if len(found) > size:
        response.headers["Elements-Next-Page-Token"] = str(found[size - 1].id)
    if page_size > LARGEST_PAGE:
        response.headers["Elements-Error"] = f"pageSize is at most {LARGEST_PAGE}; the result was cut to it"
    return response
