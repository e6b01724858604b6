"""What a store promises about counting what happened in a span of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidings.core.model import Moment


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events of one instance were logged in the bucket that begins at `bucket_at`.

    `success` of them were taken by a receiver; `failed` have been tried and no receiver has them yet, or wait for a
    person. The rest is not tried yet, or nobody wants it. A notification that one subscription has and another has
    not counts as failed.
    """

    instance_id: int
    bucket_at: Moment
    events: int
    success: int
    failed: int


class CountingStore(Protocol):
    """The part of the store that counts."""

    async def tallies(
        self, instance_ids: Sequence[int], from_at: Moment, to_at: Moment, span_for: int, *, outcomes: bool = False
    ) -> Sequence[Tally]:
        """Of what was logged from `from_at` to `to_at`, in buckets of `span_for` milliseconds since 1970; buckets
        without events are left out. Without `outcomes`, `success` and `failed` are 0."""

    async def numbers_between(self, from_at: Moment, to_at: Moment) -> tuple[int, int]:
        """The least number that a notification of these moments can have, and one more than the greatest.

        All that were logged then lie between the two, and few others, because numbers count up with time; the moments
        of commits that overlap may be out of order by a minute.
        """
