"""An instance's configuration, an entry at a time (spec platform.md 3.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api.acceptance import change, element_of
from tidings.api.answers import answer, listing
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.instance_view import configuration_of
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import FIELD, MASK, shown_value, write
from tidings.core.model import Instance
from tidings.core.oauth import GRANTED
from tidings.elements.element import ConfigurationEntry

ConfigurationId = Annotated[int, Path(description="The id of a configuration entry, as listed.")]


class NewValue(BaseModel):
    """An entry with its new value; the id in the path decides which, whatever else the body says."""

    value: Any = Field(alias="propertyValue")


@answers(list[shapes.ConfigurationValue])
async def list_entries(call: InstanceCallIn) -> Response:
    """Every key of the element with its value here; secrets masked."""
    element = element_of(call.parts, call.instance)
    return listing([_shown(call.instance, entry) for entry in element.configuration])


@answers(shapes.ConfigurationValue, 404)
async def read_entry(call: InstanceCallIn, configuration_id: ConfigurationId) -> Response:
    """One key with its value."""
    return answer(_shown(call.instance, _entry(call, configuration_id)))


@answers(shapes.ConfigurationValue, *OF_PROVIDER, 404, 409)
async def patch_entry(call: InstanceCallIn, configuration_id: ConfigurationId, body: NewValue) -> Response:
    """Set one key; it takes effect at once."""
    entry = _entry(call, configuration_id)
    element = element_of(call.parts, call.instance)
    if entry.key in GRANTED and body.value != MASK:
        raise InvalidInput(
            FIELD + entry.key, f"is kept by this server; PATCH /instances/{call.instance.id} authenticates again"
        )

    def patched(instance: Instance) -> Instance:
        stored = configuration_of(instance)
        written = write({entry.key: body.value}, element.configuration, stored, merge=True)
        return replace(instance, configuration=written.values, secrets=written.secrets)

    return answer(_shown(await change(call, call.instance, patched), entry))


def _entry(call: InstanceCall, configuration_id: int) -> ConfigurationEntry:
    for entry in element_of(call.parts, call.instance).configuration:
        if entry.id == configuration_id:
            return entry
    raise Refused(404, f"No configuration found with ID {configuration_id}")


def _shown(instance: Instance, entry: ConfigurationEntry) -> dict[str, object]:
    return entry.describe() | {"propertyValue": shown_value(configuration_of(instance), entry)}
