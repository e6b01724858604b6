"""How is a long list answered a page at a time? By tokens that say where the next page begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Generic, NamedTuple, TypeAlias, TypeVar

from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import listing
from tidings.api.events import LARGEST_NUMBER, LARGEST_PAGE, PageSize

P = TypeVar("P")
E = TypeVar("E")

Page: TypeAlias = Annotated[int, Query(ge=1, le=LARGEST_NUMBER, description="Which page; it moves as things arrive.")]
NextPage: TypeAlias = Annotated[
    str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before; it wins.")
]
__all__ = ["NextPage", "Page", "PageSize", "paged", "read_page"]


class Found(NamedTuple, Generic[E, P]):
    """One page, and the place behind which the next begins: None when there is none."""

    page: Sequence[E]
    following: P | None


async def read_page(
    read: Callable[[P, int], Awaitable[Sequence[E]]],
    place_of: Callable[[E], P],
    start: P,
    page: int,
    page_size: int,
) -> Found[E, P]:
    """One page of a list.

    `read(place, limit)` lists what comes behind a place, `place_of` says which place something is; pages before the
    wanted one are passed a thousand at a time.
    """
    size = min(page_size, LARGEST_PAGE)
    skip, place = (page - 1) * size, start
    while skip:
        passed = await read(place, min(skip, LARGEST_PAGE))
        if not passed:
            return Found((), None)
        skip -= len(passed)
        place = place_of(passed[-1])
    # One more than is shown, to know whether there is a next page.
    found = await read(place, size + 1)
    return Found(found[:size], place_of(found[size - 1]) if len(found) > size else None)


def paged(shown: Sequence[object], token: str | None, page_size: int) -> Response:
    """The page with its headers."""
    response = listing(shown)
    if token is not None:
        response.headers["Elements-Next-Page-Token"] = token
    if page_size > LARGEST_PAGE:
        response.headers["Elements-Error"] = f"pageSize is at most {LARGEST_PAGE}; the result was cut to it"
    return response
