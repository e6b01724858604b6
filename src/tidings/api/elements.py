"""The catalog: which elements there are and what each is configured with (spec platform.md 2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import answer, listing
from tidings.api.call import UserCallIn
from tidings.api.documented import TOTAL, answers
from tidings.api.known_elements import ElementKey, KnownElement, find, known_elements
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.api.whole_list import PageLength, PageNumber, PageToken, page_of
from tidings.core.ceql import CeqlError, parse
from tidings.core.ceqlmatch import matches
from tidings.core.errors import InvalidInput
from tidings.elements.view import describe

FILES = "elements are files on this server; POST /elements/{key}/clone makes a copy of one that is yours"


@answers(list[shapes.Element | shapes.ElementShort], paged=True, headers=(TOTAL,))
async def list_elements(
    call: UserCallIn,
    abridged: Annotated[bool, Query(description="The short form.")] = False,
    where: Annotated[str | None, Query(description="A CEQL condition on the element's own members: key='x'.")] = None,
    page: PageNumber = 1,
    page_size: PageLength = 200,
    next_page: PageToken = None,
) -> Response:
    """The elements of this server and the account's clones, a page at a time; none is an empty list."""
    elements = [known.element for known in await known_elements(call)]
    if where is not None:
        try:
            condition = parse(where)
        except CeqlError as error:
            raise InvalidInput("where", str(error)) from None
        elements = [element for element in elements if matches(condition, describe(element), {})]
    shown = [element.abridged() if abridged else describe(element) for element in elements]
    return page_of(shown, page, page_size, next_page)


@answers(list[str])
async def list_keys(call: UserCallIn) -> Response:
    """The elements' keys."""
    return listing([known.element.key for known in await known_elements(call)])


@answers(shapes.Element, 404)
async def read_element(call: UserCallIn, element: ElementKey) -> Response:
    """One element, with its configuration entries."""
    return answer(describe((await find(call, element)).element))


@answers(shapes.Element, 404)
async def export(call: UserCallIn, element: ElementKey) -> Response:
    """The same: an element's whole definition, as far as the API shows one."""
    return answer(describe((await find(call, element)).element))


@answers(shapes.Element, 403)
async def create(call: UserCallIn) -> Response:
    """No element is made over the API: one is a file on this server. Answers 403 and says what can be done instead."""
    raise Refused(403, f"No element can be made here: {FILES}")


def own(known: KnownElement) -> KnownElement:
    """A clone; raises Refused (403) for an element of the catalog."""
    if known.clone is None:
        raise Refused(403, f"{known.element.key} cannot be changed: {FILES}")
    return known
