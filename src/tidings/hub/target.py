"""Which records does a hub path lead to? (spec platform.md 6.1 and 6.4)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from tidings.core.model import RecordId, record_id
from tidings.elements.element import Element, Resource, Verb

#: What a method does to a collection, and to one record of it.
COLLECTION: Final[Mapping[str, Verb]] = {"GET": "list", "POST": "create", "PUT": "attach"}
RECORD: Final[Mapping[str, Verb]] = {"GET": "read", "PATCH": "update", "PUT": "replace", "DELETE": "delete"}

_ID: Final = re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,128}")
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_PLAIN: Final = re.compile(r"[\w-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """A collection of the provider, or one record of it.

    `resource` is the collection, the ids of its path filled in: `incidents/7/comments` has the provider's path
    `/service/tickets/7/notes`. `ids` are all ids of the path, in its order; where it `is_one` record, its own is the
    last. `generic` says that the element's file does not name the collection.
    """

    resource: Resource
    ids: tuple[RecordId, ...]
    is_one: bool
    generic: bool

    @property
    def provider_path(self) -> str:
        """Where the provider has it, below its root, ready for a URL."""
        path = self.resource.provider_path
        return f"{path}/{quote(str(self.ids[-1]), safe='')}" if self.is_one else path

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it takes, in the order of the alphabet."""
        verbs = RECORD if self.is_one else COLLECTION
        return tuple(sorted(method for method, verb in verbs.items() if verb in self.resource.verbs))

    def verb(self, method: str) -> Verb | None:
        """What a method asks for here; None when the resource has no such verb."""
        verb = (RECORD if self.is_one else COLLECTION).get(method)
        return verb if verb in self.resource.verbs else None


def find(element: Element, path: str) -> Target | None:
    """What `path` leads to, with or without `hubs/{anything}` in front; None when the element has no such object.

    A name of the element's file wins; then come the provider's own collections by their path
    (`finance/agreements/7`) and the collections below a named record (`contacts/7/communications`). There a last
    segment of digits is a record's id.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "hubs":
        parts = parts[2:]
    if not parts or not all(map(_ID.fullmatch, parts)):
        return None
    return _named(element, parts) or _generic(element, parts)


def _named(element: Element, parts: list[str]) -> Target | None:
    """A collection that the element's file names, or a record of it."""
    for is_one in (False, True):
        held = parts[:-1] if is_one else parts
        for each in element.resources:
            if found := each.at("/".join(held)):
                return Target(found, _ids(each, parts, is_one), is_one, generic=False)
    return None


def _generic(element: Element, parts: list[str]) -> Target | None:
    if element.generic is None or not all(map(_PLAIN.fullmatch, parts[:-1])):
        return None
    is_one = len(parts) > 2 and _NUMBER.fullmatch(parts[-1]) is not None
    held = parts[:-1] if is_one else parts
    own = (record_id(parts[-1]),) if is_one else ()
    if not _NUMBER.fullmatch(held[-1]) and (found := element.resource("/".join(held))):
        ids = tuple(int(part) for part in held if _NUMBER.fullmatch(part))
        return Target(found, ids + own, is_one, generic=True)
    parent = _named(element, held[:-1])
    if parent is None or not parent.is_one or not _PLAIN.fullmatch(held[-1]):
        return None
    path = f"{parent.provider_path}/{held[-1]}"
    child = replace(element.generic.template, path="/".join(held), provider_path=path)
    return Target(child, parent.ids + own, is_one, generic=True)


def _ids(resource: Resource, parts: list[str], is_one: bool) -> tuple[RecordId, ...]:
    given = [part for name, part in zip(resource.path.split("/"), parts, strict=False) if name == "{id}"]
    return tuple(map(record_id, given + parts[-1:] if is_one else given))
