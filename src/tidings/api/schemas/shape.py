"""How is a shape of an answer written down?"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Shape(BaseModel):
    """Members as they are named in JSON. A member with `may_miss()` is left out where there is nothing to say; one that
    may be null says so in its type."""


class Nothing(Shape):
    """An empty object: it was done."""


def may_miss(description: str | None = None, alias: str | None = None) -> Any:
    """The default of a member that is not always there."""
    return Field(default_factory=lambda: None, description=description, alias=alias)
