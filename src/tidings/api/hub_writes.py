"""A user's own calls of a provider's records: creating, changing and deleting them (spec platform.md 6)."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import Body, Request
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import INSTANCE, OF_HUB, answers
from tidings.api.hub import ObjectPath, drops_nulls, record, target_of
from tidings.api.provider_answers import passed_on
from tidings.core.errors import InvalidInput
from tidings.core.webhookbody import read_json
from tidings.hub.query import extra
from tidings.hub.writing import Writer

#: Read once more by the handler, as it was sent: numbers keep their digits, and what is ambiguous is refused.
Sent: TypeAlias = Annotated[dict[str, Any], Body(description="The record, or what of it is to be changed.")]


@answers(list[dict[str, Any]] | dict[str, Any], *OF_HUB, headers=(INSTANCE,))
async def create(call: InstanceCallIn, request: Request, path: ObjectPath, body: Sent) -> Response:
    """Make a record, and answer with it as the provider does. It is sent once: when the provider fails or is silent,
    the answer says that it may have been made, and nobody tries again by themselves.

    Parameters go to the provider as they are, with this and every other change.
    """
    target = target_of(call, "POST", path)
    writer, sent = writer_of(call, request), await _sent(request)
    with passed_on():
        return record(call, await writer.create(target, sent))


@answers(list[dict[str, Any]] | dict[str, Any], *OF_HUB, headers=(INSTANCE,))
async def update(call: InstanceCallIn, request: Request, path: ObjectPath, body: Sent) -> Response:
    """Change what is given of a record, and answer with all of it. References are replaced as a whole, null takes a
    member away; of what a tenant has defined for itself (`customFields`) the entries that are not named stay."""
    target = target_of(call, "PATCH", path)
    writer, sent = writer_of(call, request), await _sent(request)
    with passed_on():
        return record(call, await writer.update(target, sent))


@answers(list[dict[str, Any]] | dict[str, Any], *OF_HUB, headers=(INSTANCE,))
async def put(call: InstanceCallIn, request: Request, path: ObjectPath, body: Sent) -> Response:
    """Write a record anew, and answer with it: what is left out goes back to its default, or stays as it is where the
    provider requires it. Of a list to which records are attached (`incidents/7/configurations`): attach the one with
    the `id` that is sent."""
    target = target_of(call, "PUT", path)
    writer, sent = writer_of(call, request), await _sent(request)
    with passed_on():
        return record(call, await (writer.replace if target.is_one else writer.attach)(target, sent))


@answers(list[dict[str, Any]] | dict[str, Any], *OF_HUB, headers=(INSTANCE,))
async def delete(call: InstanceCallIn, request: Request, path: ObjectPath) -> Response:
    """Remove a record, or take an attached one off; answers `{}`. Some are only marked as deleted by their provider."""
    target = target_of(call, "DELETE", path)
    writer = writer_of(call, request)
    with passed_on():
        return record(call, await writer.delete(target))


def writer_of(call: InstanceCall, request: Request) -> Writer:
    """Writes the instance's records. Raises InvalidInput for a configuration that nothing can be asked with."""
    element = element_of(call.parts, call.instance)
    return Writer(
        connection=call.parts.hub(element, call.instance),
        drop_nulls=drops_nulls(call, element),
        params=extra(request.query_params.multi_items()),
        headers={name: request.headers[name] for name in element.api.passes if name in request.headers},
        kept_list=element.custom_fields.member if element.custom_fields else "",
    )


async def _sent(request: Request) -> bytes:
    """The body exactly as it was sent. Raises InvalidInput for what some reader of JSON would stumble over."""
    read = read_json(await request.body())
    if not isinstance(read.value, dict):
        raise InvalidInput("body", "is a list; send a JSON object")
    return read.raw
