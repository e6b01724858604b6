"""What users have defined of objects, and how it is mapped: nothing yet, said as the platform says it (spec 3.7)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from starlette.responses import Response

from tidings.api.accounts import find as find_account
from tidings.api.answers import answer, listing
from tidings.api.call import InstanceCallIn, UserCallIn
from tidings.api.documented import answers
from tidings.api.known_elements import ElementKey, find
from tidings.api.problems import Refused
from tidings.api.schemas.shape import Nothing

ObjectName = Annotated[str, Path(description="The name of an object.")]
AccountId = Annotated[int, Path(description="The id of an account that the caller may know of.")]


@answers(Nothing, 404)
async def list_definitions(call: UserCallIn) -> Response:
    """The definitions of objects at this level: there are none, which is 404."""
    raise Refused(404, "No object definitions found")


@answers(Nothing, 404)
async def read_definition(call: UserCallIn, object_name: ObjectName) -> Response:
    """One definition: there is none."""
    raise Refused(404, f"No object definition found with name {object_name}")


@answers(Nothing, 404)
async def list_of_account(call: UserCallIn, account_id: AccountId) -> Response:
    """The definitions of objects of an account that the caller may know of: there are none, which is 404."""
    await find_account(call, str(account_id))
    return await list_definitions(call)


@answers(Nothing, 404)
async def read_of_account(call: UserCallIn, account_id: AccountId, object_name: ObjectName) -> Response:
    """One definition of an account that the caller may know of: there is none."""
    await find_account(call, str(account_id))
    return await read_definition(call, object_name)


@answers(dict[str, Any])
async def list_transformations_of_instance(call: InstanceCallIn) -> Response:
    """The transformations of an instance, by object: none."""
    return answer({})


@answers(dict[str, Any], 404)
async def list_transformations(call: UserCallIn, element: ElementKey) -> Response:
    """The transformations of an element's objects at this level, by object: none."""
    await find(call, element)
    return answer({})


@answers(dict[str, Any], 404)
async def list_transformations_of_account(call: UserCallIn, account_id: AccountId, element: ElementKey) -> Response:
    """The same of an account that the caller may know of."""
    await find_account(call, str(account_id))
    return await list_transformations(call, element)


@answers(list[Any])
async def list_transformations_of_object(call: UserCallIn, object_name: ObjectName) -> Response:
    """Which transformations one object has, at any level and of any element: none."""
    return listing([])


@answers(Nothing, 404)
async def read_transformation_of_instance(call: InstanceCallIn, object_name: ObjectName) -> Response:
    """One transformation of an instance: there is none."""
    raise Refused(404, f"No transformation found with name {object_name}")


@answers(Nothing, 404)
async def read_transformation(call: UserCallIn, element: ElementKey, object_name: ObjectName) -> Response:
    """One transformation of an element's object at this level: there is none."""
    await find(call, element)
    raise Refused(404, f"No transformation found with name {object_name}")


@answers(Nothing, 404)
async def read_transformation_of_account(
    call: UserCallIn, account_id: AccountId, element: ElementKey, object_name: ObjectName
) -> Response:
    """The same of an account that the caller may know of."""
    await find_account(call, str(account_id))
    return await read_transformation(call, element, object_name)
