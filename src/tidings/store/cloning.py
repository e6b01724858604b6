"""What a store promises about clones of elements, which accounts own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidings.core.model import ElementClone, Moment


@dataclass(frozen=True, slots=True)
class NewClone:
    """What the API knows of a clone before the store gives it an id."""

    account_id: int
    element_key: str
    key: str
    name: str
    description: str


class CloningStore(Protocol):
    """The part of the store about clones."""

    async def add_clone(self, new: NewClone, now: Moment) -> ElementClone | None:
        """Insert an active one; None when the account has a clone of that key."""

    async def clones(self, account_id: int) -> Sequence[ElementClone]:
        """Those of an account, by id."""

    async def change_clone(self, clone: ElementClone) -> bool:
        """Write name, description and whether it is active. False: unknown."""

    async def delete_clone(self, clone: ElementClone) -> bool:
        """Remove it. False when it is gone already, or an instance that is not deleted is one of it."""
