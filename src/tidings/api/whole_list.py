"""How is a list that is all at hand answered a page at a time? By numbered pages, and tokens that hold the number."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias

import msgspec
from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import listing
from tidings.core.errors import InvalidInput

LARGEST: Final = 200
_LAST_PAGE: Final = 10**9

PageNumber: TypeAlias = Annotated[int, Query(ge=1, le=_LAST_PAGE, description="Which page, from 1.")]
PageLength: TypeAlias = Annotated[int, Query(alias="pageSize", ge=1, description=f"At most {LARGEST}.")]
PageToken: TypeAlias = Annotated[
    str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before; it wins.")
]


class _Place(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    page: Annotated[int, msgspec.Meta(ge=1, le=_LAST_PAGE)]
    page_size: Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]


def page_of(values: Sequence[object], page: int, page_size: int, token: str | None) -> Response:
    """One page of `values` with its headers; raises InvalidInput for a token that is none of ours."""
    place = _read(token) if token else _Place(page, min(page_size, LARGEST))
    begin, end = (place.page - 1) * place.page_size, place.page * place.page_size
    response = listing(values[begin:end])
    response.headers["Elements-Total-Count"] = str(len(values))
    if end < len(values):
        after = msgspec.json.encode(_Place(place.page + 1, place.page_size))
        response.headers["Elements-Next-Page-Token"] = base64.b64encode(after).decode()
    if not token and page_size > LARGEST:
        response.headers["Elements-Error"] = f"pageSize is at most {LARGEST}; the result was cut to it"
    return response


def _read(token: str) -> _Place:
    try:
        return msgspec.json.decode(base64.b64decode(token, validate=True), type=_Place)
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError):
        raise InvalidInput(
            "nextPage", "is no token of ours; write the Elements-Next-Page-Token of the page before"
        ) from None
