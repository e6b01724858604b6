"""What does a handler answer? Said beside it, for the OpenAPI document; a test holds every answer against that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_origin

from tidings.core.model import JSON

H = TypeVar("H", bound=Callable[..., Any])

RETURNED: Final = "Elements-Returned-Count"
TOTAL: Final = "Elements-Total-Count"
NEXT: Final = "Elements-Next-Page-Token"
WARNING: Final = "Elements-Error"
INSTANCE: Final = "Elements-Element-Instance-Id"
DISPOSITION: Final = "Content-Disposition"

#: What each header of an answer says, beside those that every answer has.
HEADERS: Final[Mapping[str, str]] = {
    RETURNED: "How many records the body has.",
    TOTAL: "How many there are in all, where that is known.",
    NEXT: "Where the next page begins: the parameter nextPage of the next call. Absent on the last page.",
    WARNING: "A warning about what was done all the same.",
    INSTANCE: "The instance that the call was about.",
    DISPOSITION: "How a file of the body may be called.",
}

#: The statuses of a provider's refusal, where it was only asked on the way.
OF_PROVIDER: Final = (400, 401, 403, 429, 502)
#: Those of a hub call, which has the provider's own 4xx (docs/adr/0010-hub-statuses.md).
OF_HUB: Final = (400, 401, 403, 404, 405, 409, 429, "4XX", 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Answers:
    """`shape` is a type that pydantic can make a schema of, None where there is no body; `refuses` are the statuses
    that the handler itself refuses with, `also` the shapes of good answers that are not 200. `reads` are the headers
    that it reads by itself, each with what it says."""

    shape: Any
    refuses: frozenset[int | str]
    headers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (JSON,)
    also: Mapping[int, Any] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)


_SAID: Final[dict[Callable[..., Any], Answers]] = {}


def answers(
    shape: Any,
    *refuses: int | str,
    headers: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (JSON,),
    also: Mapping[int, Any] | None = None,
    reads: Mapping[str, str] | None = None,
    paged: bool = False,
) -> Callable[[H], H]:
    """Says it of a handler, which stays as it is. A list has its count in a header, and where it is `paged` a token."""
    listed = (RETURNED,) if get_origin(shape) is list else ()
    turned = (NEXT, WARNING) if paged else ()
    said = Answers(shape, frozenset(refuses), (*listed, *turned, *headers), kinds, also or {}, reads or {})

    def of(handler: H) -> H:
        _SAID[handler] = said
        return handler

    return of


def said_of(handler: Callable[..., Any]) -> Answers | None:
    """What a handler answers; None when nobody has said so."""
    return _SAID.get(handler)
