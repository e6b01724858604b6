"""What an element consists of, a part at a time: configuration, resources, parameters (spec platform.md 2.1 to 2.5)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import Response

from tidings.api.answers import answer, listing
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import answers
from tidings.api.known_elements import ElementKey, find
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.elements.view import resources

ConfigurationKey = Annotated[str, Path(description="The key of a configuration entry, or its id.")]
ResourceId = Annotated[int, Path(description="The id of a resource, as listed.")]


@answers(list[shapes.ConfigurationEntry], 404)
async def list_configuration(call: UserCallIn, element: ElementKey) -> Response:
    """What instances of an element are configured with."""
    return listing([entry.describe() for entry in (await find(call, element)).element.configuration])


@answers(shapes.ConfigurationEntry, 404)
async def read_configuration(call: UserCallIn, element: ElementKey, configuration_key: ConfigurationKey) -> Response:
    """One configuration entry, by its key."""
    known = await find(call, element)
    for entry in known.element.configuration:
        if configuration_key in (entry.key, str(entry.id)):
            return answer(entry.describe())
    raise Refused(404, f"{known.element.key} has no configuration entry {configuration_key}")


@answers(list[shapes.ElementResource], 404)
async def list_resources(
    call: UserCallIn,
    element: ElementKey,
    account_only: Annotated[
        bool, Query(alias="accountOnly", description="true: only those that the account has added, which are none.")
    ] = False,
) -> Response:
    """What can be asked of an element's instances: a resource for each method of each path."""
    known = await find(call, element)
    return listing([] if account_only else list(resources(known.element)))


@answers(shapes.ElementResource, 404)
async def read_resource(call: UserCallIn, element: ElementKey, resource_id: ResourceId) -> Response:
    """One resource."""
    return answer(await _resource(call, element, resource_id))


@answers(list[shapes.ResourceParameter], 404)
async def list_resource_parameters(call: UserCallIn, element: ElementKey, resource_id: ResourceId) -> Response:
    """What one resource is asked with."""
    return listing((await _resource(call, element, resource_id))["parameters"])


@answers(list[Any], 404)
async def list_resource_hooks(call: UserCallIn, element: ElementKey, resource_id: ResourceId) -> Response:
    """The scripts around one resource: none, elements run no scripts here."""
    return listing((await _resource(call, element, resource_id))["hooks"])


@answers(list[Any], 404)
async def list_parameters(call: UserCallIn, element: ElementKey) -> Response:
    """What every resource of an element is asked with besides its own parameters: nothing."""
    await find(call, element)
    return listing([])


@answers(list[Any], 404)
async def list_hooks(call: UserCallIn, element: ElementKey) -> Response:
    """The scripts around an element's requests: none, elements run no scripts here."""
    await find(call, element)
    return listing([])


@answers(list[Any], 404)
async def list_models(call: UserCallIn, element: ElementKey) -> Response:
    """The models of an element: none; `GET /objects/{name}/metadata` tells the fields of an instance's objects."""
    await find(call, element)
    return listing([])


@answers(dict[str, Any], 404)
async def read_transformations(call: UserCallIn, element: ElementKey) -> Response:
    """The transformations that come with an element, by object: none."""
    await find(call, element)
    return answer({})


async def _resource(call: UserCall, element: str, resource_id: int) -> dict[str, Any]:
    known = await find(call, element)
    for each in resources(known.element):
        if each["id"] == resource_id:
            return each
    raise Refused(404, f"{known.element.key} has no resource with ID {resource_id}")
