"""The catalog: which elements there are and what each is configured with (spec platform.md 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.answers import answer, listing
from tidings.api.call import UserCallIn
from tidings.api.problems import Refused
from tidings.core.ceql import CeqlError, parse
from tidings.core.ceqlmatch import matches
from tidings.core.errors import InvalidInput
from tidings.elements.element import Element

ElementKey = Annotated[str, Path(description="An element's key or id.")]


def find(catalog: Mapping[str, Element], key_or_id: str) -> Element:
    """The element of a path; raises Refused (404) for an unknown one."""
    for element in catalog.values():
        if key_or_id in (element.key, str(element.id)):
            return element
    raise Refused(404, f"No element found with key or ID {key_or_id}")


async def list_elements(
    call: UserCallIn,
    abridged: Annotated[bool, Query(description="The short form.")] = False,
    where: Annotated[str | None, Query(description="A CEQL condition on the element's own members: key='x'.")] = None,
) -> Response:
    """The elements of this server."""
    elements = [call.parts.catalog[key] for key in sorted(call.parts.catalog)]
    if where is not None:
        try:
            condition = parse(where)
        except CeqlError as error:
            raise InvalidInput("where", str(error)) from None
        elements = [element for element in elements if matches(condition, element.describe(), {})]
    return listing([element.abridged() if abridged else element.describe() for element in elements])


async def list_keys(call: UserCallIn) -> Response:
    """The elements' keys."""
    return listing(sorted(call.parts.catalog))


async def read_element(call: UserCallIn, element: ElementKey) -> Response:
    """One element, with its configuration entries."""
    return answer(find(call.parts.catalog, element).describe())
