"""Element instances: made, listed, read, changed, switched off and on, deleted (spec platform.md 3.1 to 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidings.api import oauth
from tidings.api.acceptance import Granted, accept, change, element_of
from tidings.api.answers import answer, listing
from tidings.api.authentication import new_token
from tidings.api.call import InstanceCall, InstanceCallIn, UserCall, UserCallIn
from tidings.api.documented import OF_PROVIDER, answers
from tidings.api.instance_view import configuration_of, show, show_short
from tidings.api.known_elements import ElementKey, KnownElement, find, known_elements
from tidings.api.parts import ApiParts
from tidings.api.poll_lanes import hint_lanes, lanes_by_instance, lanes_of
from tidings.api.problems import Refused
from tidings.api.schemas import instances as shapes
from tidings.api.schemas.shape import Nothing
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration, write
from tidings.core.model import Instance, User
from tidings.core.naming import plain, plain_tags
from tidings.core.oauth import with_tokens, without_grant
from tidings.elements.objects import shown as shown_objects
from tidings.engine.retention import days_kept
from tidings.store.base import NewInstance

Tags = Annotated[list[str] | None, Query(alias="tags[]", description="Only instances with each of these tags.")]
SearchText = Annotated[str, Query(alias="searchText", description="Part of the name or the element's key.")]
Hydrate = Annotated[bool, Query(description="false: the short form.")]


class ElementNamed(BaseModel):
    """An element by its key or by its id."""

    key: str | None = None
    id: int | None = None


class InstanceBody(BaseModel):
    """What a client writes of an instance; unknown members are tolerated and dropped, and so are `providerData` and
    `externalAuthentication` of an element without OAuth."""

    name: str | None = None
    element: ElementNamed | None = None
    configuration: dict[str, Any] | None = None
    tags: list[str] | None = None
    provider_data: Any = Field(None, alias="providerData", description="What the provider sent back: code.")
    external: Any = Field(
        None, alias="externalAuthentication", description="initial: the configuration has your own refresh token."
    )
    retrieve_objects: bool = Field(False, alias="retrieveObjectsAfterInstantiation")


@answers(shapes.Instance, *OF_PROVIDER, 409)
async def create(call: UserCallIn, body: InstanceBody) -> Response:
    """Make an instance; its credentials are tried at the provider first, and nothing is made when they fail."""
    if body.element is None:
        raise InvalidInput("element", 'is missing; write {"key": "…"} or {"id": …}')
    return await _create(call, await _named(call, body.element), body)


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def create_for_element(call: UserCallIn, element: ElementKey, body: InstanceBody) -> Response:
    """Make an instance of the element in the path."""
    found = await find(call, element)
    if body.element is not None and (await _named(call, body.element)).element.key != found.element.key:
        raise InvalidInput(
            "element", f"is another one than {found.element.key} in the path; leave it out or make them equal"
        )
    return await _create(call, found, body)


@answers(list[shapes.Instance | shapes.InstanceShort], 404)
async def list_all(
    call: UserCallIn, tags: Tags = None, search_text: SearchText = "", hydrate: Hydrate = True
) -> Response:
    """The instances of the caller's account, by id; 404 when there is none."""
    return await _list(call, None, tags or [], search_text, hydrate)


@answers(list[shapes.Instance | shapes.InstanceShort], 404)
async def list_of_element(
    call: UserCallIn, element: ElementKey, tags: Tags = None, search_text: SearchText = "", hydrate: Hydrate = True
) -> Response:
    """The instances of one element; 404 when there is none."""
    return await _list(call, (await find(call, element)).element.key, tags or [], search_text, hydrate)


@answers(shapes.InstanceCounts)
async def count(call: UserCallIn) -> Response:
    """How many instances the caller's account has, and how many of each element."""
    instances = await call.parts.store.instances(call.user.account_id)
    of_each = {known.element.key: 0 for known in await known_elements(call)}
    for instance in instances:
        of_each[instance.shown_key] = of_each.get(instance.shown_key, 0) + 1
    return answer({"totalInstances": len(instances), "elementInstances": of_each})


@answers(shapes.Instance, 404)
async def read(call: InstanceCallIn) -> Response:
    """One instance."""
    return answer(await shown(call, call.instance))


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def put(call: InstanceCallIn, body: InstanceBody) -> Response:
    """Write the instance anew: what `configuration` and `tags` leave out goes back to its default. With
    `providerData.code` it is authenticated again."""
    moved = await _moved(call, body)

    def written(instance: Instance) -> Instance:
        name = plain(body.name, "name") if body.name is not None else instance.name
        tags = plain_tags(body.tags) if body.tags is not None else (name,)
        return _with(call, moved(replace(instance, name=name, tags=tags)), body, merge=False)

    granted = await _granted(call, written(call.instance), body)
    return answer(await shown(call, await change(call, call.instance, written, granted)))


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def patch(call: InstanceCallIn, body: InstanceBody) -> Response:
    """Change what is given: `tags` replaces the list, `configuration` the given keys, `element` moves the instance to a
    clone of its element and back; `providerData.code` authenticates it again."""
    moved = await _moved(call, body)

    def patched(instance: Instance) -> Instance:
        name = plain(body.name, "name") if body.name is not None else instance.name
        # Tags that were made from the name follow it.
        tags = (name,) if instance.tags == (instance.name,) else instance.tags
        tags = plain_tags(body.tags) if body.tags is not None else tags
        return _with(call, moved(replace(instance, name=name, tags=tags)), body, merge=True)

    granted = await _granted(call, patched(call.instance), body)
    return answer(await shown(call, await change(call, call.instance, patched, granted)))


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def enable(call: InstanceCallIn) -> Response:
    """Let the instance be used and polled again, from where it stopped."""
    return answer(await shown(call, await change(call, call.instance, lambda old: replace(old, disabled=False))))


@answers(shapes.Instance, *OF_PROVIDER, 404, 409)
async def disable(call: InstanceCallIn) -> Response:
    """Stop polling and delivering; nothing is forgotten."""
    return answer(await shown(call, await change(call, call.instance, lambda old: replace(old, disabled=True))))


@answers(Nothing, 404)
async def delete(call: InstanceCallIn) -> Response:
    """Remove the instance for good; its token is refused from now on."""
    await remove(call.parts, call.instance)
    return answer({})


async def remove(parts: ApiParts, instance: Instance) -> None:
    """Remove an instance, and what its provider was asked for."""
    hinted = await hint_lanes(parts.store, instance.id)
    if await parts.store.delete_instance(instance.id, parts.clock()) and hinted:
        parts.forget_hints(instance)


async def _create(call: UserCall, known: KnownElement, body: InstanceBody) -> Response:
    element = known.element
    if not element.active:
        raise Refused(409, f"{element.key} is not active; PUT /elements/{element.key}/active first")
    if body.name is None:
        raise InvalidInput("name", "is missing; write what this account is called")
    name = plain(body.name, "name")
    tags = plain_tags(body.tags) if body.tags is not None else (name,)
    configuration = write(body.configuration or {}, element.configuration, Configuration(), merge=False)
    granted = await oauth.grant(call, known, configuration, body.provider_data, body.external)
    configuration = without_grant(configuration)
    new_grant = None if granted is None else granted.new
    tried = with_tokens(configuration, None if new_grant is None else new_grant.tokens)
    good = (tried,) if granted is not None and granted.proven else ()
    plan = await accept(call.parts, element, tried, good=good, disabled=False)
    new = NewInstance(
        account_id=call.user.account_id,
        user_id=call.user.id,
        element_key=known.catalog_key,
        clone=known.clone,
        name=name,
        tags=tags,
        configuration=configuration.values,
        token=new_token(call.parts.dice(32)),
        secrets=configuration.secrets,
        grant=new_grant,
    )
    made = await call.parts.store.create_instance(new, plan, call.parts.clock())
    call.parts.wake(made.id)
    objects = {"objects": shown_objects(element)} if body.retrieve_objects else {}
    return answer(await shown(call, made) | objects)


async def _list(call: UserCall, element: str | None, tags: list[str], search_text: str, hydrate: bool) -> Response:
    sought = search_text.casefold()
    found = [
        instance
        for instance in await call.parts.store.instances(call.user.account_id)
        if element in (None, instance.shown_key)
        and set(tags) <= set(instance.tags)
        and (sought in instance.name.casefold() or sought in instance.shown_key.casefold())
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
    if body.configuration is None:
        return instance
    element = element_of(call.parts, instance)
    written = write(body.configuration, element.configuration, configuration_of(instance), merge=merge)
    return replace(instance, configuration=written.values, secrets=written.secrets)


async def _granted(call: InstanceCall, written: Instance, body: InstanceBody) -> Granted | None:
    """What the body authenticates an instance again with, as it will be `written`."""
    instance = call.instance
    known = KnownElement(element_of(call.parts, written), written.clone)
    now = Configuration(written.configuration, written.secrets)
    before = configuration_of(instance)
    return await oauth.grant(call, known, now, body.provider_data, body.external, before, instance.grant)


async def _moved(call: InstanceCall, body: InstanceBody) -> Callable[[Instance], Instance]:
    """Moves an instance to the element of the body: a clone of its own, or the one that it is a clone of."""
    if body.element is None:
        return lambda instance: instance
    known = await _named(call, body.element)
    if known.catalog_key != call.instance.element_key:
        raise InvalidInput(
            "element", f"can only be a clone of {call.instance.element_key}, or that itself; the credentials are of it"
        )
    if not known.element.active and known.element.key != call.instance.shown_key:
        raise Refused(409, f"{known.element.key} is not active; PUT /elements/{known.element.key}/active first")
    return lambda instance: replace(instance, clone=known.clone)


async def _named(call: UserCall, named: ElementNamed) -> KnownElement:
    if named.key is None and named.id is None:
        raise InvalidInput("element", 'names none; write {"key": "…"} or {"id": …}')
    wanted = named.key if named.key is not None else named.id
    known = await known_elements(call)
    for each in known:
        if wanted in (each.element.key, each.element.id):
            return each
    part = "element.key" if named.key is not None else "element.id"
    raise InvalidInput(part, f"{wanted!r} is unknown; GET /elements lists: {', '.join(e.element.key for e in known)}")


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
