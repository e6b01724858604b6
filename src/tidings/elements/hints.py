"""What does a hint say, and how is a provider asked to give hints? As an element's `[hints]` has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from tidings.core.errors import ProviderDown, ProviderRefused, RecordNotFound
from tidings.core.model import RecordId
from tidings.elements.connection import Connection
from tidings.elements.element import Hints, path_of


@dataclass(frozen=True, slots=True)
class Hint:
    """What is read of a hint: the type of the record that changed, and where its key is said to be."""

    type: str
    key_url: str


def read_hint(hints: Hints, body: bytes) -> Hint | None:
    """The hint in a body; None when it is none."""
    try:
        message = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    type, key_url = _at(message, hints.type), _at(message, hints.key_url)
    return Hint(type, key_url) if isinstance(type, str) and isinstance(key_url, str) else None


@dataclass(frozen=True, slots=True)
class Registration:
    """One address to which the provider sends hints of one type."""

    id: RecordId
    type: str
    url: str
    active: bool


class Registrations:
    """An account's registrations at its provider. All methods raise what a `Connection` raises."""

    def __init__(self, connection: Connection, hints: Hints, page_size: int) -> None:
        self._connection, self._hints, self._page_size = connection, hints, page_size
        self._said = hints.registration

    def url(self, address: str) -> str:
        """What the provider is given so that its hints reach `address`."""
        return self._said.address.replace("{address}", address)

    async def with_token(self, token: str) -> Sequence[Registration]:
        """Those whose address holds the token, oldest first."""
        purpose = "looking for the registered hints"
        params = {
            "conditions": self._said.find.replace("{token}", token),
            "pageSize": str(self._page_size),
        }
        answer = await self._connection.send("GET", self._said.path, purpose, params=params)
        try:
            found = msgspec.json.decode(answer.body, type=list[dict[str, Any]])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderDown(f"{purpose}: the provider answered with no list", status=answer.status) from None
        all_of_them = [self._read(each) for each in found if self._said.id in each]
        return sorted((each for each in all_of_them if token in each.url), key=lambda each: str(each.id).zfill(20))

    async def add(self, type: str, address: str) -> None:
        """Ask for hints of a type."""
        record = {**self._said.record, self._said.type: type, self._said.url: self.url(address)}
        await self._connection.send(
            "POST",
            self._said.path,
            f"registering for hints of type {type}",
            body=msgspec.json.encode(record),
            expected=(200, 201),
        )

    async def remove(self, id: RecordId) -> None:
        """Ask for no more of them; one that is gone already is as good as removed."""
        path = f"{self._said.path}/{quote(str(id), safe='')}"
        try:
            await self._connection.send("DELETE", path, f"removing the registration {id}", expected=(200, 204))
        except (ProviderRefused, RecordNotFound) as error:
            if error.status not in (404, 410):
                raise

    def _read(self, record: Mapping[str, Any]) -> Registration:
        names = self._said
        return Registration(
            id=record[names.id],
            type=str(record.get(names.type, "")).lower(),
            url=str(record.get(names.url, "")),
            active=not (names.inactive and record.get(names.inactive)),
        )


def _at(value: object, dotted: str) -> object:
    for name in path_of(dotted):
        value = value.get(name) if isinstance(value, dict) else None
    return value
