"""What a store promises about the calls of the API that are made for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidings.core.errands import Answered, Asked, Errand
from tidings.core.model import Lane, Moment


@dataclass(frozen=True, slots=True)
class NewErrand:
    """What is known of an errand before the store gives it an id; the members are those of `Errand`."""

    account_id: int
    user_id: int
    instance_id: int | None
    name: str
    asked: Asked = field(repr=False)
    description: str | None = None
    cron: str | None = None
    callback: str | None = None


class ErrandStore(Protocol):
    """The part of the store that keeps errands. Each has a lane of the kind `errand` in its account's log, whose key is
    its id."""

    async def create_errand(self, new: NewErrand, due_at: Moment, now: Moment) -> Errand:
        """Insert it with its lane; what is asked is sealed."""

    async def errand(self, errand_id: int) -> Errand | None: ...

    async def errands(self, account_id: int) -> Sequence[Errand]:
        """Those with a schedule, by id."""

    async def count_errands(self, account_id: int) -> int:
        """All of the account, those without a schedule too."""

    async def delete_errand(self, account_id: int, errand_id: int) -> bool:
        """Remove one that has a schedule, with its lane; who makes it just now cannot write. False: unknown."""

    async def begin_errand(self, lane: Lane, now: Moment, lease_until: Moment) -> None:
        """It is made now, which is written before it is: whoever dies over it leaves that behind."""

    async def end_errand(self, lane: Lane, answered: Answered | None, now: Moment, due_at: Moment) -> None:
        """It was made; None when it was interrupted. The lane is given back, due at `due_at`."""

    async def answer_errand(self, lane: Lane, answered: Answered, now: Moment) -> int:
        """One that is made once was made: its answer for the callback is kept (sealed), the account's log says what
        became of it (`core/errands.py`), and the lane is given back, due now. Returns the notification's number."""

    async def retry_errand(self, lane: Lane, due_at: Moment) -> None:
        """Its callback did not acknowledge the answer, and is told again then."""

    async def drop_errand(self, lane: Lane) -> None:
        """Remove it, with its lane."""
