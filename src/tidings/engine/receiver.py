"""What is known of a lane's receiver: is it up, and how much of what may it be sent when?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tidings.core import breaker as breakers
from tidings.core import pace as paces
from tidings.core.breaker import Breaker
from tidings.core.deliverycursor import DeliveryCursor
from tidings.core.model import Moment, Outcome
from tidings.core.replaycursor import ReplayCursor

TOO_MANY: Final = 429
"""The status by which a receiver says that it is sent too much."""


class Receiver:
    """What the tries of one holding of a lane, and of those before, tell of the receiver: its breaker and its pace.

    It wants at most `concurrency` in flight and `rate` a second; the worker allows `most`.
    """

    def __init__(self, cursor: DeliveryCursor | ReplayCursor, concurrency: int, rate: float | None, most: int) -> None:
        self._concurrency, self._rate, self._most = concurrency, rate, most
        self.breaker, self.pace = cursor.breaker, cursor.pace

    @property
    def at_once(self) -> int:
        """How many may be in flight."""
        return min(self._concurrency, self._most, self.pace.at_once or self._most)

    def opens_at(self, now: Moment) -> Moment:
        """When something may be sent as far as its pace goes; `now` or later."""
        return paces.opens_at(self.pace, now)

    def is_paused(self, now: Moment) -> bool:
        return not paces.is_open(self.pace, now)

    def sending(self, now: Moment) -> None:
        """One more is sent."""
        self.pace = paces.sending(self.pace, now, self._rate)

    def has_nothing_to_probe_with(self) -> None:
        """The breaker is open and nothing is left that could be sent: what comes next tells."""
        self.breaker = Breaker()

    def has_been_caught_up_with(self) -> None:
        """Everything that waited while it was down has been tried."""
        self.breaker = breakers.drained(self.breaker)

    def learn(self, tries: int, outcome: Outcome, now: Moment, in_flight: int, dice: Callable[[], float]) -> bool:
        """What the outcome of a notification's so-manieth try says of it; True when it is back just now."""
        before = self.breaker
        if outcome.ok:
            self.breaker = breakers.succeeded(before, now)
            self.pace = paces.answered(self.pace, now, self._concurrency)
        elif outcome.status == TOO_MANY:
            # It is up; it only wants less.
            self.pace = paces.throttled(self.pace, now, in_flight, outcome.retry_after)
        else:
            self.breaker = breakers.failed(before, tries, now, retry_after=outcome.retry_after, dice=dice())
        return self.breaker.back and not before.back
