"""Instances by way of their element: the same answers as below /instances (spec platform.md 2.1)."""

from __future__ import annotations

from starlette.responses import Response

from tidings.api import instances
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.instances import InstanceBody
from tidings.api.known_elements import ElementKey, find
from tidings.api.problems import Refused
from tidings.api.schemas import instances as shapes
from tidings.api.schemas.shape import Nothing


@answers(shapes.Instance, 404)
async def read(call: InstanceCallIn, element: ElementKey) -> Response:
    """One instance of the element."""
    await _of(call, element)
    return await instances.read(call)


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def put(call: InstanceCallIn, element: ElementKey, body: InstanceBody) -> Response:
    """Write an instance of the element anew: what `configuration` and `tags` leave out goes back to its default."""
    await _of(call, element)
    return await instances.put(call, body)


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def patch(call: InstanceCallIn, element: ElementKey, body: InstanceBody) -> Response:
    """Change what is given of an instance of the element."""
    await _of(call, element)
    return await instances.patch(call, body)


@answers(Nothing, 404)
async def delete(call: InstanceCallIn, element: ElementKey) -> Response:
    """Remove an instance of the element for good; its token is refused from now on."""
    await _of(call, element)
    return await instances.delete(call)


async def _of(call: InstanceCall, element: str) -> None:
    known = await find(call, element)
    if call.instance.shown_key != known.element.key:
        raise Refused(404, f"No element instance found with ID {call.instance.id} of {known.element.key}")
