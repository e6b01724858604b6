"""Which elements does an account see? Those of the catalog, and its own clones of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path

from tidings.api.call import UserCall
from tidings.api.problems import Refused
from tidings.core.model import ElementClone
from tidings.elements.clone import cloned
from tidings.elements.element import Element

ElementKey = Annotated[str, Path(description="An element's key or id.")]


@dataclass(frozen=True, slots=True)
class KnownElement:
    """An element as it is shown, and what makes it one's own: None for one of the catalog."""

    element: Element
    clone: ElementClone | None = None

    @property
    def catalog_key(self) -> str:
        """The key of the element of the catalog that does the work."""
        return self.element.key if self.clone is None else self.clone.element_key


async def known_elements(call: UserCall) -> Sequence[KnownElement]:
    """The catalog's by key, then the account's clones by id; of what this server no longer has, none."""
    catalog = call.parts.catalog
    own = [
        KnownElement(cloned(catalog[clone.element_key], clone), clone)
        for clone in await call.parts.store.clones(call.user.account_id)
        if clone.element_key in catalog
    ]
    return [*(KnownElement(catalog[key]) for key in sorted(catalog)), *own]


async def find(call: UserCall, key_or_id: str) -> KnownElement:
    """The element of a path; raises Refused (404) for an unknown one."""
    for known in await known_elements(call):
        if key_or_id in (known.element.key, str(known.element.id)):
            return known
    raise Refused(404, f"No element found with key or ID {key_or_id}")
