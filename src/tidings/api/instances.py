"""Element instances: made, listed, read, changed, switched off and on, deleted (spec platform.md 3.1 to 3.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.responses import Response

from tidings.api.acceptance import accept, change, element_of
from tidings.api.answers import answer, listing
from tidings.api.authentication import new_token
from tidings.api.call import InstanceCallIn, UserCall, UserCallIn
from tidings.api.elements import ElementKey, find
from tidings.api.instance_view import configuration_of, show, show_short
from tidings.api.poll_lanes import hint_lanes, lanes_by_instance, lanes_of
from tidings.api.problems import Refused
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration, write
from tidings.core.model import Instance, User
from tidings.core.naming import plain, plain_tags
from tidings.elements.element import Element
from tidings.engine.retention import days_kept
from tidings.store.base import NewInstance


class ElementNamed(BaseModel):
    """An element by its key or by its id."""

    key: str | None = None
    id: int | None = None


class InstanceBody(BaseModel):
    """What a client writes of an instance; unknown members, `providerData` among them, are tolerated and dropped."""

    name: str | None = None
    element: ElementNamed | None = None
    configuration: dict[str, Any] | None = None
    tags: list[str] | None = None


async def create(call: UserCallIn, body: InstanceBody) -> Response:
    """Make an instance; its credentials are tried at the provider first, and nothing is made when they fail."""
    if body.element is None:
        raise InvalidInput("element", 'is missing; write {"key": "…"} or {"id": …}')
    return await _create(call, _named(call, body.element), body)


async def create_for_element(call: UserCallIn, element: ElementKey, body: InstanceBody) -> Response:
    """Make an instance of the element in the path."""
    found = find(call.parts.catalog, element)
    if body.element is not None and _named(call, body.element).key != found.key:
        raise InvalidInput("element", f"is another one than {found.key} in the path; leave it out or make them equal")
    return await _create(call, found, body)


async def list_all(
    call: UserCallIn,
    tags: Annotated[
        list[str] | None, Query(alias="tags[]", description="Only instances with each of these tags.")
    ] = None,
    search_text: Annotated[str, Query(alias="searchText", description="Part of the name or the element's key.")] = "",
    hydrate: Annotated[bool, Query(description="false: the short form.")] = True,
) -> Response:
    """The instances of the caller's account, by id; 404 when there is none."""
    return await _list(call, None, tags or [], search_text, hydrate)


async def list_of_element(call: UserCallIn, element: ElementKey) -> Response:
    """The instances of one element; 404 when there is none."""
    return await _list(call, find(call.parts.catalog, element), [], "", True)


async def read(call: InstanceCallIn) -> Response:
    """One instance."""
    return answer(await shown(call, call.instance))


async def put(call: InstanceCallIn, body: InstanceBody) -> Response:
    """Write the instance anew: what `configuration` and `tags` leave out goes back to its default."""

    def written(instance: Instance) -> Instance:
        name = plain(body.name, "name") if body.name is not None else instance.name
        tags = plain_tags(body.tags) if body.tags is not None else (name,)
        return _with(call, replace(instance, name=name, tags=tags), body, merge=False)

    return answer(await shown(call, await change(call, call.instance, written)))


async def patch(call: InstanceCallIn, body: InstanceBody) -> Response:
    """Change what is given: `tags` replaces the list, `configuration` the given keys."""

    def patched(instance: Instance) -> Instance:
        name = plain(body.name, "name") if body.name is not None else instance.name
        # Tags that were made from the name follow it.
        tags = (name,) if instance.tags == (instance.name,) else instance.tags
        tags = plain_tags(body.tags) if body.tags is not None else tags
        return _with(call, replace(instance, name=name, tags=tags), body, merge=True)

    return answer(await shown(call, await change(call, call.instance, patched)))


async def enable(call: InstanceCallIn) -> Response:
    """Let the instance be used and polled again, from where it stopped."""
    return answer(await shown(call, await change(call, call.instance, lambda old: replace(old, disabled=False))))


async def disable(call: InstanceCallIn) -> Response:
    """Stop polling and delivering; nothing is forgotten."""
    return answer(await shown(call, await change(call, call.instance, lambda old: replace(old, disabled=True))))


async def delete(call: InstanceCallIn) -> Response:
    """Remove the instance for good; its token is refused from now on."""
    store = call.parts.store
    hinted = await hint_lanes(store, call.instance.id)
    if await store.delete_instance(call.instance.id, call.parts.clock()) and hinted:
        call.parts.forget_hints(call.instance)
    return answer({})


async def _create(call: UserCall, element: Element, body: InstanceBody) -> Response:
    if body.name is None:
        raise InvalidInput("name", "is missing; write what this account is called")
    name = plain(body.name, "name")
    tags = plain_tags(body.tags) if body.tags is not None else (name,)
    configuration = write(body.configuration or {}, element.configuration, Configuration(), merge=False)
    plan = await accept(call.parts, element, configuration, good=(), disabled=False)
    new = NewInstance(
        account_id=call.user.account_id,
        user_id=call.user.id,
        element_key=element.key,
        name=name,
        tags=tags,
        configuration=configuration.values,
        token=new_token(call.parts.dice(32)),
        secrets=configuration.secrets,
    )
    made = await call.parts.store.create_instance(new, plan, call.parts.clock())
    call.parts.wake(made.id)
    return answer(await shown(call, made))


async def _list(call: UserCall, element: Element | None, tags: list[str], search_text: str, hydrate: bool) -> Response:
    sought = search_text.casefold()
    found = [
        instance
        for instance in await call.parts.store.instances(call.user.account_id)
        if (element is None or instance.element_key == element.key)
        and set(tags) <= set(instance.tags)
        and (sought in instance.name.casefold() or sought in instance.element_key.casefold())
    ]
    if not found:
        raise Refused(404, "No element instances found")
    lanes, hints = await lanes_by_instance(call.parts.store), await hint_lanes(call.parts.store)
    users = {user_id: await owner(call, user_id) for user_id in {instance.user_id for instance in found}}
    view, now = show if hydrate else show_short, call.parts.clock()
    days = await _days_kept(call)

    def viewed(each: Instance) -> dict[str, object]:
        element, hint = element_of(call.parts, each), hints.get(each.id)
        return view(each, element, users[each.user_id], lanes[each.id], now, hint, days)

    return listing([viewed(each) for each in found])


def _with(call: UserCall, instance: Instance, body: InstanceBody, *, merge: bool) -> Instance:
    element = element_of(call.parts, instance)
    if body.element is not None and _named(call, body.element).key != element.key:
        raise InvalidInput("element", f"cannot be changed; this is an instance of {element.key}")
    if body.configuration is None:
        return instance
    written = write(body.configuration, element.configuration, configuration_of(instance), merge=merge)
    return replace(instance, configuration=written.values, secrets=written.secrets)


def _named(call: UserCall, named: ElementNamed) -> Element:
    if named.key is None and named.id is None:
        raise InvalidInput("element", 'names none; write {"key": "…"} or {"id": …}')
    wanted = named.key if named.key is not None else named.id
    for element in call.parts.catalog.values():
        if wanted in (element.key, element.id):
            return element
    part = "element.key" if named.key is not None else "element.id"
    raise InvalidInput(part, f"{wanted!r} is unknown; GET /elements lists: {', '.join(sorted(call.parts.catalog))}")


async def shown(call: UserCall, instance: Instance) -> dict[str, object]:
    """One instance as the API answers it."""
    lanes = await lanes_of(call.parts.store, instance.id)
    hints = await hint_lanes(call.parts.store, instance.id)
    user, now = await owner(call, instance.user_id), call.parts.clock()
    element, hint = element_of(call.parts, instance), hints.get(instance.id)
    return show(instance, element, user, lanes, now, hint, await _days_kept(call))


async def _days_kept(call: UserCall) -> float:
    settings = await call.parts.store.account_settings(call.user.account_id)
    return days_kept(settings, call.parts.settings.retention_days)


async def owner(call: UserCall, user_id: int) -> User | None:
    """The user who made an instance; None when there is none any more."""
    return call.user if user_id == call.user.id else await call.parts.store.user(user_id)
