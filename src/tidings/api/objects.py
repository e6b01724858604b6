"""Which objects has an instance, and does its provider answer? (spec platform.md 3.8 and 3.10)"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path
from starlette.responses import Response

from tidings.api.acceptance import account_of, element_of
from tidings.api.answers import answer, iso, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import INSTANCE, OF_PROVIDER, RETURNED, answers
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.core.errors import AddressForbidden, InvalidInput
from tidings.core.instanceconfig import FIELD
from tidings.elements.objects import shown

INSTANCE_ID = "Elements-Element-Instance-Id"
HELIUM = "helium"

HubName = Annotated[str, Path(description="The key of a hub; any will do.")]
Version = Annotated[
    str, Header(alias="Elements-Version", description="Helium: objects with their kind; otherwise their names.")
]


@answers(shapes.Objects, headers=(RETURNED, INSTANCE))
async def list_objects(call: InstanceCallIn, version: Version = "Hydrogen") -> Response:
    """The objects that the instance's provider has: their names, or with `Elements-Version: Helium` also their kind.
    Answers for a disabled instance, too."""
    found = shown(element_of(call.parts, call.instance))
    helium = version.strip().lower() == HELIUM
    return _of(call, listing(found if helium else [each["name"] for each in found]))


@answers(shapes.Objects, headers=(RETURNED, INSTANCE))
async def list_objects_of_hub(call: InstanceCallIn, hub: HubName, version: Version = "Hydrogen") -> Response:
    """The same, whatever the hub."""
    return await list_objects(call, version)


@answers(shapes.Ping, *OF_PROVIDER, headers=(INSTANCE,))
async def ping(call: InstanceCallIn) -> Response:
    """Whether the provider answers and takes the instance's credentials; its refusal, 502 or 429 when not."""
    if call.instance.disabled:
        raise Refused(403, f"The element instance {call.instance.id} is disabled; PUT /instances/enabled enables it")
    element = element_of(call.parts, call.instance)
    try:
        await account_of(call.parts, element, call.instance).check()
    except InvalidInput as error:
        raise InvalidInput(FIELD + error.field, error.message) from None
    except AddressForbidden as error:
        raise InvalidInput(FIELD + element.api.root, str(error)) from None
    found = {"dateTime": iso(call.parts.clock()), "endpoint": element.key, "valid": True}
    return _of(call, answer(found))


@answers(shapes.Ping, *OF_PROVIDER, headers=(INSTANCE,))
async def ping_hub(call: InstanceCallIn, hub: HubName) -> Response:
    """The same, whatever the hub."""
    return await ping(call)


def _of(call: InstanceCall, response: Response) -> Response:
    response.headers[INSTANCE_ID] = str(call.instance.id)
    return response
