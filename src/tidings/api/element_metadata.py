"""What can each element do, and how is it used? (spec platform.md 2.7)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from tidings.api.answers import answer, listing
from tidings.api.call import UserCallIn
from tidings.api.documented import answers
from tidings.api.known_elements import ElementKey, KnownElement, find, known_elements
from tidings.api.schemas import elements as shapes
from tidings.core.model import Instance
from tidings.elements.metadata import Usage, expanded, metadata

Expand = Annotated[
    bool, Query(description="true: also what each resource can do, and the account's usage of the element.")
]


@answers(list[shapes.ElementMetadata])
async def list_metadata(call: UserCallIn, expand: Expand = False) -> Response:
    """The metadata of every element."""
    known = await known_elements(call)
    instances = await call.parts.store.instances(call.user.account_id) if expand else ()
    return listing([_shown(each, nth, instances, expand) for nth, each in enumerate(known, start=1)])


@answers(shapes.ElementMetadata, 404)
async def read_metadata(call: UserCallIn, element: ElementKey, expand: Expand = False) -> Response:
    """What an element can do. In the long form `usage` counts the account's instances of it, the users who made them
    and the events that they have logged (`traffic`)."""
    found = await find(call, element)
    keys = [each.element.key for each in await known_elements(call)]
    instances = await call.parts.store.instances(call.user.account_id) if expand else ()
    return answer(_shown(found, keys.index(found.element.key) + 1, instances, expand))


@answers(list[shapes.CatalogProperty])
async def list_properties(call: UserCallIn) -> Response:
    """In which order a catalog shows the elements; none is hidden or put first."""
    known = await known_elements(call)
    return listing(
        [
            {"elementId": each.element.id, "hidden": False, "position": nth, "featured": False}
            for nth, each in enumerate(known, start=1)
        ]
    )


def _shown(known: KnownElement, place: int, instances: Sequence[Instance], expand: bool) -> dict[str, Any]:
    if not expand:
        return metadata(known.element)
    of_it = [each for each in instances if each.shown_key == known.element.key]
    usage = Usage(len(of_it), len({each.user_id for each in of_it}), sum(each.last_sequence for each in of_it))
    return expanded(known.element, usage, place)
