"""Which hubs are there: families of elements with the same resources (spec platform.md 2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.answers import answer, listing
from tidings.api.call import UserCallIn
from tidings.api.documented import answers
from tidings.api.known_elements import KnownElement, known_elements
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.elements.view import describe, resources

HubKey = Annotated[str, Path(description="The key of a hub, such as crm.")]
Hydrate = Annotated[bool, Query(description="true: with the resources of its elements.")]

_NAMES = {"crm": "CRM"}


@answers(list[shapes.Hub])
async def list_hubs(call: UserCallIn, hydrate: Hydrate = False) -> Response:
    """The hubs of this server's elements."""
    known = await known_elements(call)
    return listing([_shown(key, known, hydrate) for key in _keys(known)])


@answers(list[str])
async def list_keys(call: UserCallIn) -> Response:
    """The hubs' keys."""
    return listing(_keys(await known_elements(call)))


@answers(shapes.Hub, 404)
async def read_hub(call: UserCallIn, hub: HubKey, hydrate: Hydrate = False) -> Response:
    """One hub."""
    known = await known_elements(call)
    _of(hub, known)
    return answer(_shown(hub, known, hydrate))


@answers(list[shapes.Element | shapes.ElementShort], 404)
async def list_elements(
    call: UserCallIn, hub: HubKey, abridged: Annotated[bool, Query(description="The short form.")] = False
) -> Response:
    """The elements of one hub."""
    found = _of(hub, await known_elements(call))
    return listing([each.element.abridged() if abridged else describe(each.element) for each in found])


def _keys(known: Sequence[KnownElement]) -> list[str]:
    return sorted({each.element.hub for each in known})


def _of(hub: str, known: Sequence[KnownElement]) -> list[KnownElement]:
    found = [each for each in known if each.element.hub == hub]
    if not found:
        raise Refused(404, f"No hub found with key {hub}")
    return found


def _shown(hub: str, known: Sequence[KnownElement], hydrate: bool) -> dict[str, Any]:
    found = _of(hub, known)
    name = _NAMES.get(hub, hub.capitalize())
    shown: dict[str, Any] = {
        "key": hub,
        "name": name,
        "description": f"Elements of the hub {name}: {', '.join(each.element.name for each in found)}",
        "active": True,
        "elementCount": len(found),
    }
    if not hydrate:
        return shown
    # Clones have the resources of their elements.
    catalog = [each.element for each in found if each.clone is None]
    return shown | {"resources": [resource for element in catalog for resource in resources(element)]}
