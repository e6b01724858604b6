"""What a handler is given: the parts, who is calling, and the instance the call is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from tidings.api.parts import ApiParts
from tidings.core.model import Instance, User


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an open route."""

    parts: ApiParts


@dataclass(frozen=True, slots=True)
class UserCall(Call):
    """One call by a known user."""

    user: User


@dataclass(frozen=True, slots=True)
class InstanceCall(UserCall):
    """One call by a known user about one of their instances, named by its id or by its token."""

    instance: Instance


async def _authorised(request: Request) -> Call:
    call: Call = request.state.call
    return call


CallIn: TypeAlias = Annotated[Call, Depends(_authorised)]
UserCallIn: TypeAlias = Annotated[UserCall, Depends(_authorised)]
InstanceCallIn: TypeAlias = Annotated[InstanceCall, Depends(_authorised)]
