"""How is a record of a provider created, changed, replaced, attached or deleted for a user's call?

Every request is sent once. What the provider has refused was not done, so it is sent again where we know what it lacks;
after silence or a failure nobody knows, and that is what the caller is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidings.core.diff import parse
from tidings.core.errors import InvalidInput, ProviderDown, ProviderError, ProviderRefused, ProviderUnreached
from tidings.core.model import record_id
from tidings.core.splice import joined, members
from tidings.elements.answer import Answer
from tidings.elements.connection import Connection
from tidings.elements.element import Resource
from tidings.hub.jsonpatch import patch_of
from tidings.hub.shape import number_at, parsed, shown
from tidings.hub.target import Target

DONE: Final = range(200, 300)
NOTHING: Final = b"{}"

IN_DOUBT: Final = "it may have been done all the same: look before you send it again"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one instance's records. `params` and `headers` go to the provider with every request; `kept_list` is the
    member of a record, if there is one, whose entries stay unless they are named (a tenant's own fields).

    What is sent is a JSON object, what comes back is the record as the provider answers with it, without members that
    are null where `drop_nulls`; an empty object where the provider said nothing. All raise InvalidInput, naming the
    member, and the ProviderError of asking.
    """

    connection: Connection
    drop_nulls: bool
    params: Mapping[str, str]
    headers: Mapping[str, str]
    kept_list: str = ""

    async def create(self, target: Target, sent: bytes) -> bytes:
        """A new record of a collection, with what its kind is given where `sent` does not say so itself."""
        given = _given(target)
        if given:
            parts = members(sent)
            _agree(parts, {name: value for name, value in given.items() if target.resource.given[name] == "{id}"})
            sent = joined({name: orjson.dumps(value) for name, value in given.items()} | parts)
        made = await self._written("POST", target, sent)
        return await self._read_back(target.resource, made) if target.resource.reads_back else made

    async def attach(self, target: Target, sent: bytes) -> bytes:
        """A record that stands elsewhere becomes part of a collection; `sent` says its id."""
        parts, name = members(sent), target.resource.id
        id = record_id(_value(parts.get(name)))
        if isinstance(id, bool) or not isinstance(id, int | str):
            raise InvalidInput(name, 'is missing; send the id of what is to be attached, such as {"id": 7}')
        return await self._written("POST", target, joined(parts | {name: orjson.dumps(id)}))

    async def update(self, target: Target, sent: bytes) -> bytes:
        """One record, changed in the members that are sent; null takes a member away."""
        change = self._changed(target, sent)
        if not change:  # to be changed in nothing could still make it look changed
            return shown(await self.connection.read_one(target.resource, target.ids[-1]), drop_nulls=self.drop_nulls)
        try:
            return await self._written("PATCH", target, patch_of(change))
        except ProviderRefused as error:
            # Where a tenant requires some of its own fields, the list has to be named in every change (4.2).
            if self.kept_list not in error.fields or self.kept_list in change:
                raise
        return await self._written("PATCH", target, patch_of(change, emptied=[self.kept_list]))

    async def replace(self, target: Target, sent: bytes) -> bytes:
        """One record, written anew; what the provider requires and `sent` leaves out stays as it is."""
        parts = members(sent)
        _agree(parts, {target.resource.id: target.ids[-1]})
        try:
            return await self._written("PUT", target, sent)
        except ProviderRefused as error:
            lacking = [name for name in error.fields if name not in parts]
            if not lacking:
                raise
            stands = members(await self.connection.read_one(target.resource, target.ids[-1]))
            kept = {name: stands[name] for name in lacking if name in stands}
            if not kept:
                raise
        return await self._written("PUT", target, joined(parts | kept))

    async def delete(self, target: Target) -> bytes:
        """One record goes, as far as the provider lets anything go."""
        return await self._written("DELETE", target, None)

    def _changed(self, target: Target, sent: bytes) -> Mapping[str, bytes]:
        """What is to be changed: not the id, nor what only the provider writes."""
        parts, resource = members(sent), target.resource
        _agree(parts, {resource.id: target.ids[-1]})
        own = {path[0] for path in (resource.id_path, resource.stamp_path) if path}
        return {name: value for name, value in parts.items() if name not in own}

    async def _written(self, method: str, target: Target, body: bytes | None) -> bytes:
        purpose = f"{_DOING[method]} {target.resource.path}"
        if target.is_one:
            purpose += f" {target.ids[-1]}"
        with _in_doubt():
            answer = await self.connection.send(
                method,
                target.provider_path,
                purpose,
                params=self.params,
                body=body,
                headers=self.headers,
                expected=DONE,
                by_id=target.is_one,
            )
        return NOTHING if body is None else self._record(answer, purpose)

    async def _read_back(self, resource: Resource, made: bytes) -> bytes:
        """The new record as it is read; as it was answered where it cannot be read yet."""
        id = number_at(made, resource.id_path)
        if id is None:
            return made
        try:
            return shown(await self.connection.read_one(resource, id), drop_nulls=self.drop_nulls)
        except ProviderError:
            return made

    def _record(self, answer: Answer, purpose: str) -> bytes:
        record = answer.body.strip()
        if not record:
            return NOTHING
        try:
            parsed(record)
        except (ValueError, RecursionError):
            said = f"{purpose}: the provider has done it, but answered {answer.status} with something that is no JSON"
            raise ProviderDown(said, status=answer.status) from None
        return shown(record, drop_nulls=self.drop_nulls)


_DOING: Final = {"POST": "creating", "PATCH": "changing", "PUT": "replacing", "DELETE": "deleting"}


def _given(target: Target) -> Mapping[str, Any]:
    """What a new record of a collection has, the id of the path filled in."""
    return {name: target.ids[-1] if value == "{id}" else value for name, value in target.resource.given.items()}


def _agree(parts: Mapping[str, bytes], path: Mapping[str, Any]) -> None:
    """Raises InvalidInput where what was sent says another id than the path."""
    for name, id in path.items():
        said = _value(parts.get(name))
        if name and said is not None and record_id(said) != id:
            raise InvalidInput(name, f"is {str(said)[:40]!r}, and the path says {id}; leave it out")


def _value(part: bytes | None) -> Any:
    return None if part is None else parse(part)


@contextmanager
def _in_doubt() -> Iterator[None]:
    """What fails in here without a refusal is told as what may have been done."""
    try:
        yield
    except ProviderUnreached:
        raise
    except ProviderDown as error:
        if error.status is not None and 300 <= error.status < 500:
            raise
        raise type(error)(
            f"{error}; {IN_DOUBT}",
            retry_after=error.retry_after,
            provider_message=error.provider_message,
            status=error.status,
        ) from error
