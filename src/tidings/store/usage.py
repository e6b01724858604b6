"""What a store promises about the calls of the API that it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tidings.core.model import Moment
from tidings.core.usage import Usage, UsageFilter, UsageTally


class UsagePlace(NamedTuple):
    """Where a call stands in the list of an account's: they are listed newest first."""

    at: Moment
    number: int


LATEST = UsagePlace(2**62, 2**62)
"""The place behind which the newest comes."""


class UsageStore(Protocol):
    """The part of the store that knows who has called what."""

    async def add_usage(self, calls: Sequence[Usage]) -> None:
        """Keep these; their numbers are the store's."""

    async def usage(self, account_id: int, request_id: str) -> Usage | None:
        """The account's call of this request id."""

    async def usages(
        self, account_id: int, wanted: UsageFilter, *, after: UsagePlace = LATEST, limit: int = 100, skip: int = 0
    ) -> Sequence[Usage]:
        """Newest first, those behind the place `after`, `skip` of them left out."""

    async def usage_tallies(
        self, account_id: int, wanted: UsageFilter, span_for: int, *, by_instance: bool = False
    ) -> Sequence[UsageTally]:
        """By span of so many milliseconds since 1970, element, and (only with `by_instance`) instance, in order of
        time; calls without an element are among them, spans without calls are not."""

    async def purge_usage(self, before: Moment, limit: int) -> int:
        """Remove of the `limit` calls that were kept first those that began before; returns how many."""
