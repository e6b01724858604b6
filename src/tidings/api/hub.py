"""A user's own calls of a provider's records: reading them (spec platform.md 6)."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Path, Query, Request
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import INSTANCE, NEXT, OF_HUB, RETURNED, TOTAL, WARNING, answers
from tidings.api.instance_view import configuration_of
from tidings.api.problems import Problem, Refused
from tidings.api.provider_answers import Answered, passed_on
from tidings.core.configvalues import boolean
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import completed
from tidings.core.plan import FILTER_NULLS
from tidings.elements.element import Element
from tidings.hub import query as asked
from tidings.hub.reading import Reader
from tidings.hub.target import Target, find

INSTANCE_ID = "Elements-Element-Instance-Id"

ObjectPath: TypeAlias = Annotated[
    str,
    Path(
        alias="object",
        description="An object of the instance's element, such as contacts, contacts/7 or incidents/7/comments; or one "
        "of the provider's own, such as finance/agreements.",
    ),
]
Where: TypeAlias = Annotated[str | None, Query(description="A CEQL condition: lastUpdated>'2026-01-31T12:00:00Z'.")]
Fields: TypeAlias = Annotated[str | None, Query(description="Only these members: id,company.name.")]
OrderBy: TypeAlias = Annotated[str | None, Query(alias="orderBy", description="A field, and asc or desc.")]
Page: TypeAlias = Annotated[int, Query(ge=1, le=asked.LARGEST_PAGE_NUMBER, description="Which page, from 1.")]
PageSize: TypeAlias = Annotated[
    int, Query(alias="pageSize", ge=1, description="Rows a page; more than the provider gives are cut to what it does.")
]
NextPage: TypeAlias = Annotated[
    str | None, Query(alias="nextPage", description="The Elements-Next-Page-Token of the page before; it wins.")
]
ReturnCount: TypeAlias = Annotated[
    bool, Query(alias="returnCount", description="Ask the provider for the total as well, by a request of its own.")
]


@answers(list[dict[str, Any]] | dict[str, Any], *OF_HUB, headers=(RETURNED, TOTAL, NEXT, WARNING, INSTANCE))
async def read(
    call: InstanceCallIn,
    request: Request,
    path: ObjectPath,
    where: Where = None,
    fields: Fields = None,
    order_by: OrderBy = None,
    page: Page = 1,
    page_size: PageSize = asked.PAGE_SIZE,
    next_page: NextPage = None,
    return_count: ReturnCount = False,
) -> Response:
    """The records of an object, a page at a time, or one of them; as the provider has them now. None is an empty list.

    Parameters that are not named here go to the provider as they are.
    """
    target = target_of(call, "GET", path)
    reader = reader_of(call)
    extra = asked.extra(request.query_params.multi_items())
    if target.is_one:
        with passed_on():
            return record(call, await reader.one(target, fields))
    if where and len(where) > asked.LONGEST_WHERE:
        raise InvalidInput("where", f"is longer than {asked.LONGEST_WHERE} characters; ask in several calls")
    wanted = asked.Query(where, fields, order_by, page, page_size, extra=extra)
    if next_page:
        wanted = wanted.at(asked.Token.read(next_page))
    with passed_on():
        listing = await reader.list(target, wanted, count_all=return_count)
    headers = {INSTANCE_ID: str(call.instance.id), "Elements-Returned-Count": str(listing.count)}
    if listing.total is not None:
        headers["Elements-Total-Count"] = str(listing.total)
    if listing.next is not None:
        headers["Elements-Next-Page-Token"] = listing.next
    if listing.warning is not None:
        headers["Elements-Error"] = listing.warning
    return Response(listing.body, headers=headers, media_type="application/json")


def target_of(call: InstanceCall, method: str, path: str) -> Target:
    """What a hub path leads to, of an instance that is enabled and with a verb for the method.

    Raises Refused: 403, 404, or 405 with the methods that there are.
    """
    if call.instance.disabled:
        raise Refused(403, f"The element instance {call.instance.id} is disabled; PUT /instances/enabled enables it")
    element = element_of(call.parts, call.instance)
    target = find(element, path)
    if target is None:
        raise Refused(404, f"{element.key} has no object {path[:200]!r}; GET /objects lists them")
    if target.verb(method) is None:
        allow = ", ".join(target.methods)
        raise Answered(Problem(405, f"{method} is not allowed on {path}", headers={"Allow": allow}))
    return target


def reader_of(call: InstanceCall) -> Reader:
    """Reads the instance's records. Raises InvalidInput for a configuration that nothing can be asked with."""
    element = element_of(call.parts, call.instance)
    connection = call.parts.hub(element, call.instance)
    return Reader(connection, element.api.page_size, drops_nulls(call, element))


def drops_nulls(call: InstanceCall, element: Element) -> bool:
    """Whether members that are null are left out of what the instance's hub answers (spec platform.md 6.3)."""
    values = completed(configuration_of(call.instance), element.configuration)
    return boolean(values.get(FILTER_NULLS), FILTER_NULLS)


def record(call: InstanceCall, body: bytes) -> Response:
    """One record, with the header of every hub answer."""
    return Response(body, headers={INSTANCE_ID: str(call.instance.id)}, media_type="application/json")
