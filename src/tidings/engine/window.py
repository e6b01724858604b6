"""What of one subscription is unfinished, and what the next commit has to say about it.

Nothing here waits or writes: the deliverer puts in what it read and what its tries came to, and takes out what may be
sent and what must be stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from tidings.core.model import Attempt, Delivery, DeliveryState, DeliveryWrite, Moment, Notification, Outcome
from tidings.core.order import Standing, next_due, sendable
from tidings.core.retry import receiver_wait

GONE = 410
"""The status by which a receiver says that it wants nothing more, ever."""


@dataclass(frozen=True, slots=True)
class Try:
    """A notification that is in flight: its how-manieth scheduled try, and when that began."""

    notification: Notification
    number: int
    at: Moment


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a try came to: the state of its notification, and when it is tried again.

    `reason` is set when the subscription must be deactivated, and says why.
    """

    state: DeliveryState
    due_at: Moment
    reason: str | None = None


@dataclass(slots=True)
class _Held:
    notification: Notification
    tries: int
    has_row: bool


class Window:
    """The unfinished notifications of one subscription, in the order of sequence.

    Those that `waiting` holds have a delivery row and lie at or before `offset`; those of the log come after it.
    """

    def __init__(self, offset: int, waiting: Iterable[Delivery]) -> None:
        self.offset = offset
        """The last sequence that this subscription has, or that a delivery row speaks for."""
        self.seen = offset
        """The last sequence that was read from the log."""
        self.writes: list[DeliveryWrite] = []
        """What tries have changed since the last `passing`."""
        self._held: dict[int, _Held] = {}
        self._standing: dict[int, Standing] = {}
        for delivery in waiting:
            self._hold(delivery.notification, delivery.attempt, delivery.due_at, has_row=True)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def waiting(self) -> int:
        """How many have a delivery row."""
        return sum(held.has_row for held in self._held.values())

    def read(self, notifications: Iterable[Notification], now: Moment) -> None:
        """Take in what comes next in the log."""
        for notification in notifications:
            self._hold(notification, 0, now, has_row=False)
            self.seen = notification.last_sequence

    def take(self, now: Moment, limit: int) -> list[Try]:
        """Up to `limit` notifications that may be sent now; they are in flight from here on."""
        taken = [self._held[number] for number in islice(sendable(self._standing.values(), now), limit)]
        for held in taken:
            number = held.notification.number
            self._standing[number] = replace(self._standing[number], in_flight=True)
        return [Try(held.notification, held.tries + 1, now) for held in taken]

    def finish(self, tried: Try, outcome: Outcome, now: Moment) -> Verdict:
        """Note what a try came to, and judge it."""
        notification = tried.notification
        number = notification.number
        self.offset = max(self.offset, notification.last_sequence)
        verdict = judge(tried, outcome, now)
        self.writes.append(
            DeliveryWrite(
                notification_number=number,
                attempt=Attempt(tried.number, tried.at, outcome),
                state=verdict.state,
                attempts=tried.number,
                due_at=verdict.due_at,
            )
        )
        if verdict.state is DeliveryState.DELIVERED:
            del self._held[number], self._standing[number]
        else:
            held = self._held[number]
            held.tries, held.has_row = tried.number, True
            self._standing[number] = replace(self._standing[number], in_flight=False, due_at=verdict.due_at)
        return verdict

    def passing(self) -> list[DeliveryWrite]:
        """Everything to store now, with a delivery row for each unfinished notification that the offset passes."""
        for held in self._held.values():
            if held.notification.first_sequence > self.offset:
                break
            if not held.has_row:
                held.has_row = True
                number = held.notification.number
                due_at = self._standing[number].due_at
                self.writes.append(DeliveryWrite(number, None, DeliveryState.RETRY, held.tries, due_at))
        writes, self.writes = self.writes, []
        return writes

    def next_due(self) -> Moment | None:
        """When the next notification may be sent; None when nothing waits."""
        return next_due(self._standing.values())

    def _hold(self, notification: Notification, tries: int, due_at: Moment, *, has_row: bool) -> None:
        self._held[notification.number] = _Held(notification, tries, has_row)
        self._standing[notification.number] = Standing(notification.number, notification.records(), due_at)


def judge(tried: Try, outcome: Outcome, now: Moment) -> Verdict:
    """Delivered, to be tried again, or the end of the subscription: after nine retries, and at once on a 410."""
    if outcome.ok:
        return Verdict(DeliveryState.DELIVERED, now)
    if outcome.status == GONE:
        return Verdict(DeliveryState.QUEUED, now, "the receiver answered 410 Gone: it wants no more notifications")
    wait_for = receiver_wait(tried.number, outcome.retry_after)
    if wait_for is None:
        last = outcome.error or f"answered {outcome.status}"
        gave_up = f"notification {tried.notification.id} failed {tried.number} times; the last time: {last}"
        return Verdict(DeliveryState.QUEUED, now, gave_up)
    return Verdict(DeliveryState.RETRY, now + round(wait_for * 1000))
