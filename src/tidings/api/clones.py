"""Clones of elements: made, renamed, switched, removed by the account that owns them (spec platform.md 2.1)."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Annotated

from fastapi import Body
from pydantic import BaseModel
from starlette.responses import Response

from tidings.api.answers import answer
from tidings.api.call import UserCall, UserCallIn
from tidings.api.documented import WARNING, answers
from tidings.api.elements import own
from tidings.api.known_elements import ElementKey, KnownElement, find, known_elements
from tidings.api.problems import Refused
from tidings.api.schemas import elements as shapes
from tidings.api.schemas.shape import Nothing
from tidings.core.errors import InvalidInput
from tidings.core.model import ElementClone
from tidings.core.naming import plain
from tidings.elements.clone import cloned
from tidings.elements.view import describe
from tidings.store.cloning import NewClone

MOST = 200  # clones of one account


class CloneBody(BaseModel):
    """What a client may say of a clone; whatever else an element has is its file's, and dropped here."""

    name: str | None = None
    description: str | None = None
    active: bool | None = None


@answers(shapes.Element, 404, 409)
async def clone(call: UserCallIn, element: ElementKey, body: Annotated[CloneBody | None, Body()] = None) -> Response:
    """Copy an element: the same connector under an id, a key and a name of its own, for instances of the caller's
    account. The key is made from the name."""
    copied, body = await find(call, element), body or CloneBody()
    known = await known_elements(call)
    if sum(each.clone is not None for each in known) >= MOST:
        raise Refused(409, f"This account has {MOST} clones, which is all that it may have; delete one")
    taken = {each.element.key for each in known}
    name = plain(body.name, "name") if body.name is not None else f"{copied.element.name} Clone"
    key = re.sub(r"[^a-z0-9]", "", name.lower())
    if not key:
        raise InvalidInput("name", "has no letter from a to z and no digit, of which the key is made; add one")
    for number in itertools.count(1):
        # Without a name of its own each clone gets the next free number.
        said = (name, key) if number == 1 else (f"{name} {number}", f"{key}{number}")
        if said[1] not in taken:
            made = await _add(call, copied, *said, _description(body, copied.element.description))
            if made is not None:
                return answer(describe(cloned(call.parts.catalog[made.element_key], made)))
        if body.name is not None:
            break
    raise Refused(409, f"There is an element with the key {key} already; choose another name")


@answers(shapes.Element, 403, 404, headers=(WARNING,))
async def put(call: UserCallIn, element: ElementKey, body: CloneBody) -> Response:
    """Give a clone another name or description, or switch it; the rest is its element's file, and `Elements-Error` says
    so. 403 for an element of the catalog."""
    known = own(await find(call, element))
    assert known.clone is not None
    changed = replace(
        known.clone,
        name=plain(body.name, "name") if body.name is not None else known.clone.name,
        description=_description(body, known.clone.description),
        active=known.clone.active if body.active is None else body.active,
    )
    response = await _changed(call, changed)
    response.headers["Elements-Error"] = "of a clone only name, description and active can be changed"
    return response


@answers(Nothing, 403, 404, 409)
async def delete(call: UserCallIn, element: ElementKey) -> Response:
    """Remove a clone; 409 while an instance is one of it, 403 for an element of the catalog."""
    known = own(await find(call, element))
    assert known.clone is not None
    if not await call.parts.store.delete_clone(known.clone):
        raise Refused(409, f"{known.element.key} still has instances; delete them or move them to another element")
    return answer({})


@answers(shapes.Element, 403, 404)
async def activate(call: UserCallIn, element: ElementKey) -> Response:
    """Let instances be made of a clone again; an element of the catalog is always active."""
    return await _switched(call, element, active=True)


@answers(shapes.Element, 403, 404)
async def deactivate(call: UserCallIn, element: ElementKey) -> Response:
    """Let no more instances be made of a clone; those that are there go on. 403 for an element of the catalog."""
    return await _switched(call, element, active=False)


async def _switched(call: UserCall, element: str, *, active: bool) -> Response:
    known = await find(call, element)
    if known.clone is None and active:
        return answer(describe(known.element))
    clone = own(known).clone
    assert clone is not None
    return await _changed(call, replace(clone, active=active))


async def _changed(call: UserCall, changed: ElementClone) -> Response:
    if not await call.parts.store.change_clone(changed):
        raise Refused(404, f"No element found with key or ID {changed.key}")
    return answer(describe(cloned(call.parts.catalog[changed.element_key], changed)))


async def _add(call: UserCall, copied: KnownElement, name: str, key: str, description: str) -> ElementClone | None:
    new = NewClone(call.user.account_id, copied.catalog_key, key, name, description)
    return await call.parts.store.add_clone(new, call.parts.clock())


def _description(body: CloneBody, default: str) -> str:
    if body.description is None:
        return default
    return plain(body.description, "description") if body.description.strip() else ""
