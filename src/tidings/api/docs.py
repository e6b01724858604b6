"""What can be asked of an element, a hub or an instance, as a Swagger 2.0 document? (spec platform.md 3.6)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

from fastapi import Path, Query, Request
from starlette.responses import Response

from tidings.api.acceptance import element_of
from tidings.api.answers import answer
from tidings.api.call import InstanceCall, InstanceCallIn, UserCall, UserCallIn
from tidings.api.documented import INSTANCE, WARNING, answers
from tidings.api.known_elements import ElementKey, find, known_elements
from tidings.api.object_fields import ObjectName, custom_of
from tidings.api.objects import HubName
from tidings.api.problems import Refused
from tidings.core.errors import AddressForbidden, InvalidInput, PermissionDenied, ProviderError, ProviderRefused
from tidings.elements.element import Element
from tidings.elements.objects import CustomField, object_named
from tidings.elements.swagger import Place, document, of_object, of_operation, resolved

BASE: Final = "/elements/api-v2"  #: as routes.py has it, which stands on this module
#: The platform's other door, which clients name by `provider=aws`.
AWS: Final = "aws"

BaseUrl: TypeAlias = Annotated[
    str | None, Query(alias="baseUrl", description="Where the API is called, such as https://api.example.com.")
]
Version: TypeAlias = Annotated[
    str | None, Query(description="-1, the newest. There is one of each; anything else is taken for it.")
]
Discovery: TypeAlias = Annotated[
    bool, Query(description="true: with the fields that this tenant has defined; its provider is asked for them.")
]
Resolve: TypeAlias = Annotated[
    bool, Query(alias="resolveReferences", description="true: with what is referred to in the place of references.")
]
Basic: TypeAlias = Annotated[bool, Query(description="Taken for the sake of clients that send it; changes nothing.")]
OperationId: TypeAlias = Annotated[
    str, Path(description="A method and the parts of a path: GET-contacts, PATCH-contacts-id.")
]


@answers(dict[str, Any], 404)
async def read_element(
    call: UserCallIn, request: Request, element: ElementKey, base_url: BaseUrl = None, version: Version = None
) -> Response:
    """The Swagger 2.0 document of an element: every object with its verbs and fields."""
    found = (await find(call, element)).element
    return answer(document([found], found.name, _place(call, request, base_url), {}))


@answers(dict[str, Any], 404)
async def read_element_again(
    call: UserCallIn,
    request: Request,
    element: ElementKey,
    base_url: BaseUrl = None,
    force: Annotated[bool, Query(description="Taken for the sake of clients that send it; changes nothing.")] = False,
) -> Response:
    """The same."""
    return await read_element(call, request, element, base_url)


@answers(dict[str, Any], 404)
async def read_hub(
    call: UserCallIn,
    request: Request,
    hub: Annotated[str, Path(description="The key of a hub, such as crm.")],
    base_url: BaseUrl = None,
    provider: Annotated[
        str | None, Query(description="aws: as it is called through the platform's gateway there, with an x-api-key.")
    ] = None,
    version: Version = None,
) -> Response:
    """The Swagger 2.0 document of a hub: the objects of all its elements."""
    found = [each.element for each in await known_elements(call) if each.element.hub == hub and each.clone is None]
    if not found:
        raise Refused(404, f"No hub found with key {hub}")
    made = document(found, hub, _place(call, request, base_url), {})
    return answer(_through_gateway(made) if provider == AWS else made)


@answers(dict[str, Any], 404, headers=(INSTANCE, WARNING))
async def read_instance(
    call: InstanceCallIn, request: Request, base_url: BaseUrl = None, version: Version = None
) -> Response:
    """The Swagger 2.0 document of an instance: every object with its verbs and fields, those that its tenant has
    defined among them. Where the provider does not tell them, they are left out, and `Elements-Error` says why."""
    made, warning = await _of_instance(call, request, base_url)
    return _answer(call, made, warning)


@answers(dict[str, Any], 404, headers=(INSTANCE, WARNING))
async def read_operation(
    call: InstanceCallIn,
    request: Request,
    operation_id: OperationId,
    base_url: BaseUrl = None,
    resolve: Resolve = False,
) -> Response:
    """The same of one operation, with the definitions that it refers to."""
    made, warning = await _of_instance(call, request, base_url)
    part = _operation(made, operation_id)
    if resolve:
        part = {**part, "paths": resolved(part["paths"], part["definitions"])}
    return _answer(call, part, warning)


@answers(dict[str, Any], 404, headers=(INSTANCE, WARNING))
async def read_definitions(
    call: InstanceCallIn, request: Request, operation_id: OperationId, resolve: Resolve = False
) -> Response:
    """The definitions that one operation refers to, by name."""
    made, warning = await _of_instance(call, request, None)
    definitions = _operation(made, operation_id)["definitions"]
    return _answer(call, resolved(definitions, definitions) if resolve else definitions, warning)


@answers(dict[str, Any], 404, headers=(INSTANCE, WARNING))
async def read_object(
    call: InstanceCallIn,
    request: Request,
    object_name: ObjectName,
    discovery: Discovery = False,
    resolve: Resolve = False,
    basic: Basic = False,
    base_url: BaseUrl = None,
    version: Version = None,
) -> Response:
    """The part of an instance's document that is about one object, and about what belongs to a record of it."""
    element = element_of(call.parts, call.instance)
    if object_named(element, object_name) is None:
        raise Refused(404, f"{element.key} has no object {object_name[:200]!r}; GET /objects lists them")
    custom, warning = await _custom(call, element, object_name) if discovery else ({}, None)
    made = of_object(document([element], element.name, _place(call, request, base_url), custom), object_name)
    if resolve:
        made = {**made, "paths": resolved(made["paths"], made["definitions"])}
    return _answer(call, made, warning)


@answers(dict[str, Any], 404, headers=(INSTANCE, WARNING))
async def read_object_of_hub(
    call: InstanceCallIn,
    request: Request,
    hub: HubName,
    object_name: ObjectName,
    discovery: Discovery = False,
    resolve: Resolve = False,
    basic: Basic = False,
    base_url: BaseUrl = None,
    version: Version = None,
) -> Response:
    """The same, whatever the hub."""
    return await read_object(call, request, object_name, discovery, resolve, basic, base_url)


async def _of_instance(call: InstanceCall, request: Request, base_url: str | None) -> tuple[dict[str, Any], str | None]:
    """The document of the call's instance, and why it lacks what the tenant has defined, if it does."""
    place, element = _place(call, request, base_url), element_of(call.parts, call.instance)
    custom, warning = await _custom(call, element)
    return document([element], call.instance.name, place, custom), warning


async def _custom(
    call: InstanceCall, element: Element, name: str | None = None
) -> tuple[Mapping[str, Sequence[CustomField]], str | None]:
    """What the tenant has defined, by resource; of one object, or of all."""
    found: dict[str, Sequence[CustomField]] = {}
    untold: list[str] = []
    if call.instance.disabled:
        return found, "the instance is disabled, so its provider is not asked for the fields that it has defined"
    for each in element.resources:
        if "list" in each.verbs and "{id}" not in each.path and name in (None, each.path):
            try:
                found[each.path] = await custom_of(call, element, each)
            except (ProviderRefused, PermissionDenied):
                untold.append(each.path)  # of this one: the instance's keys may not read it
            except (ProviderError, AddressForbidden, InvalidInput) as error:
                return found, f"the fields that this tenant has defined are not all told: {error}"[:1000]
    return found, f"what this tenant has defined is not told of {', '.join(untold)}" if untold else None


def _place(call: UserCall, request: Request, base_url: str | None) -> Place:
    """Where the caller reaches the API, unless they say otherwise. Raises InvalidInput for what is no address."""
    url = base_url or call.parts.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    try:
        split = urlsplit(url.strip())
        host = split.hostname and split.netloc.rpartition("@")[2]
        split.port  # noqa: B018  # raises for one that is none
    except ValueError:
        split, host = urlsplit(""), None
    if split.scheme not in ("http", "https") or not host or not host.isascii() or not host.isprintable():
        raise InvalidInput("baseUrl", "is no address; write one such as https://api.example.com")
    return Place(split.scheme, host, f"{split.path.rstrip('/')}{BASE}")


def _through_gateway(made: Mapping[str, Any]) -> dict[str, Any]:
    """As clients of the platform expect it to be told of that door (spec platform.md 2.1)."""
    key = {"name": "x-api-key", "in": "header", "type": "string", "required": True, "description": "Of the gateway."}
    paths = {
        path: {
            method: {**operation, "parameters": [*operation["parameters"], key]} for method, operation in each.items()
        }
        for path, each in made["paths"].items()
    }
    base_path = str(made["basePath"]).removesuffix(BASE) or "/"
    return {**made, "host": "aws-api.cloud-elements.com", "basePath": base_path, "paths": paths}


def _operation(made: Mapping[str, Any], operation_id: str) -> dict[str, Any]:
    found = of_operation(made, operation_id)
    if found is None:
        raise Refused(404, f"No operation found with ID {operation_id[:200]}; the document lists them")
    return found


def _answer(call: InstanceCall, made: Mapping[str, Any], warning: str | None) -> Response:
    response = answer(made)
    response.headers[INSTANCE] = str(call.instance.id)
    if warning is not None:
        response.headers[WARNING] = warning.encode("ascii", "replace").decode()
    return response
