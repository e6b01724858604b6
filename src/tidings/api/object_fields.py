"""Which fields has an object of an instance, those among them that its tenant has defined? (spec platform.md 3.8)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer
from tidings.api.call import InstanceCall, InstanceCallIn
from tidings.api.documented import INSTANCE, OF_HUB, answers
from tidings.api.objects import INSTANCE_ID, HubName
from tidings.api.problems import Refused
from tidings.api.provider_answers import passed_on
from tidings.api.schemas import elements as shapes
from tidings.core.errors import AddressForbidden, CredentialsRefused, InvalidInput, ProviderDown, ProviderRefused
from tidings.core.instanceconfig import FIELD
from tidings.elements.connection import Connection
from tidings.elements.customfields import defined
from tidings.elements.element import CustomFields, Element, Resource
from tidings.elements.objects import CustomField, custom_fields, fields, object_named

#: Milliseconds for which what a tenant has defined is believed.
HOLDS_FOR: Final = 60_000
PAGE: Final = 1000
MOST_PAGES: Final = 10

ObjectName = Annotated[str, Path(description="The name of an object, as GET /objects lists it.")]
CustomFieldsOnly = Annotated[
    bool, Query(alias="customFieldsOnly", description="true: only what users of the provider have defined.")
]


@answers(shapes.ObjectMetadata, *OF_HUB, headers=(INSTANCE,))
async def read_metadata(
    call: InstanceCallIn, object_name: ObjectName, custom_fields_only: CustomFieldsOnly = False
) -> Response:
    """The fields of an object: those of its element, and those that this tenant has defined; the provider is asked for
    them at most once a minute."""
    element = element_of(call.parts, call.instance)
    resource = object_named(element, object_name)
    if resource is None:
        raise Refused(404, f"{element.key} has no object {object_name[:200]!r}; GET /objects lists them")
    if call.instance.disabled:
        raise Refused(403, f"The element instance {call.instance.id} is disabled; PUT /instances/enabled enables it")
    own = [] if custom_fields_only else list(fields(resource))
    with passed_on():
        custom = custom_fields(resource, await custom_of(call, element, resource))
    response = answer({"fields": [*own, *custom]})
    response.headers[INSTANCE_ID] = str(call.instance.id)
    return response


@answers(shapes.ObjectMetadata, *OF_HUB, headers=(INSTANCE,))
async def read_metadata_of_hub(
    call: InstanceCallIn, hub: HubName, object_name: ObjectName, custom_fields_only: CustomFieldsOnly = False
) -> Response:
    """The same, whatever the hub."""
    return await read_metadata(call, object_name, custom_fields_only)


async def custom_of(call: InstanceCall, element: Element, resource: Resource) -> Sequence[CustomField]:
    """What the tenant has defined for a resource. Raises a ProviderError, or InvalidInput for what it cannot be asked
    with."""
    rules = element.custom_fields
    if rules is None or rules.member not in resource.fields.array:
        return ()
    parts, instance = call.parts, call.instance
    key = ("fields", instance.id, instance.revision, resource.path)
    found: Sequence[CustomField] | None = parts.remembered.recall(key, parts.clock())
    if found is None:
        try:
            found = await _asked(parts.hub(element, instance), element, rules, resource)
        except InvalidInput as error:
            raise InvalidInput(FIELD + error.field, error.message) from None
        except AddressForbidden as error:
            raise InvalidInput(FIELD + element.api.root, str(error)) from None
        parts.remembered.keep(key, found, parts.clock() + HOLDS_FOR)
    return found


async def _asked(
    connection: Connection, element: Element, rules: CustomFields, resource: Resource
) -> Sequence[CustomField]:
    """What the provider says now: one record of the resource lists them all, the definitions say more of each."""
    first = await connection.read_page(resource, position=None, size=1, fields=f"{resource.id},{rules.member}")
    records = _records(first.body, resource)
    try:
        definitions = await _definitions(connection, element, rules)
    except (CredentialsRefused, ProviderRefused):
        if not records:
            raise
        definitions = []  # these keys may not read them; a record says enough to go on
    return defined(rules, resource, records[0] if records else None, definitions)


async def _definitions(connection: Connection, element: Element, rules: CustomFields) -> list[dict[str, Any]]:
    resource = element.resource(rules.definitions)
    assert resource is not None, "the catalog refuses an element without it"
    found: list[dict[str, Any]] = []
    position: str | None = None
    for _ in range(MOST_PAGES):
        page = await connection.read_page(resource, position=position, size=PAGE)
        found += _records(page.body, resource)
        position = page.next
        if page.ended or position is None:
            break
    return found


def _records(body: bytes, resource: Resource) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(body, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderDown(f"reading {resource.path}: the provider answered with no list of records") from None
