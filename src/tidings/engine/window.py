"""What of one subscription is unfinished, and what has the next commit to say about it?

Nothing here waits or writes: the deliverer puts in what it read and what its tries came to, and takes out what may be
sent and what must be stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from tidings.core.cutting import cut_for, outline_for
from tidings.core.model import (
    JSON,
    Attempt,
    Delivery,
    DeliveryState,
    DeliveryWrite,
    FailurePolicy,
    Moment,
    Notification,
    Outcome,
    Outline,
)
from tidings.core.order import Order
from tidings.core.retry import LONGEST_REQUEST, receiver_wait
from tidings.core.subscription import Subscription

GONE = 410
"""The status by which a receiver says that it wants nothing more, ever."""

FAR = 1000
"""After so many notifications that are not for this subscription the offset passes what is still unfinished before
them, and they are not read again."""

EXTRA_AFTER = 4000
"""Milliseconds between a failure and an extra try at the least: the first wait of the platform's schedule."""


@dataclass(slots=True)
class Room:
    """How many bytes of bodies all windows together may hold, and how many they do."""

    limit: int
    used: int = 0

    @property
    def left(self) -> int:
        return self.limit - self.used


class Try(msgspec.Struct, frozen=True):
    """A notification that is in flight, and since when.

    `number` is its how-manieth scheduled try. An extra one, made before its time because the receiver is probed or
    back, is not `scheduled` and counts as none.
    """

    notification: Outline
    number: int
    at: Moment
    scheduled: bool = True


class Verdict(msgspec.Struct, frozen=True):
    """What a try came to: the state of its notification, and when it is tried again.

    `reason` is set when the subscription must be deactivated, and says why.
    """

    state: DeliveryState
    due_at: Moment
    reason: str | None = None


@dataclass(slots=True)
class _Held:
    notification: Outline
    last_sequence: int  #: of the log's notification, of which this one may be a part
    tries: int
    due_at: Moment  #: by its schedule
    has_row: bool
    stored: bool  #: whether a commit has, or had, that row
    body: bytes | None = None
    content_type: str = JSON
    not_before: Moment = 0  #: no extra try before
    state: DeliveryState = DeliveryState.RETRY


class Window:
    """The unfinished notifications of one subscription, in the order of sequence.

    Those that `waiting` holds have a delivery row and lie at or before `offset`; those of the log come after it. Bodies
    are held of what was read and not tried yet, and are counted in `room`; of what waits for a retry, or behind one,
    they are read again when it is sent.
    """

    def __init__(
        self, subscription: Subscription, offset: int, waiting: Iterable[Delivery], room: Room, far: int = FAR
    ) -> None:
        self.offset = offset
        """The last sequence that this subscription has, or that a delivery row speaks for."""
        self.seen = offset
        """The last sequence that was read from the log."""
        self.writes: list[DeliveryWrite] = []
        """What tries have changed since the last `passing`."""
        self.bytes = 0
        """How much the bodies held here take."""
        self.fresh = 0
        """How many have no delivery row."""
        self._left_out, self._far = 0, far
        self._subscription, self._room = subscription, room
        self._held: dict[int, _Held] = {}
        self._order = Order()
        self._unpassed: deque[_Held] = deque()
        # Those that wait for a scheduled try, and those of them that are due before it.
        self._slow: dict[int, _Held] = {}
        self._hastened: set[int] = set()
        for delivery in waiting:
            outline = outline_for(subscription, delivery.notification)
            last_sequence = delivery.notification.last_sequence
            held = _Held(outline, last_sequence, delivery.attempt, delivery.due_at, has_row=True, stored=True)
            self._hold(held)
            self._slow[delivery.notification.number] = held

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_draining(self) -> bool:
        """Whether some that were hastened have not been tried yet."""
        return bool(self._hastened)

    @property
    def is_far(self) -> bool:
        """Whether so much was left out since the offset last passed it that this must be stored."""
        return self._left_out >= self._far

    def read(self, notifications: Iterable[Notification], now: Moment) -> None:
        """Take in what comes next in the log, cut as the subscription wants it."""
        for notification in notifications:
            self.seen = notification.last_sequence
            cut = cut_for(self._subscription, notification)
            if cut is None:
                self._left_out += 1
                continue
            held = _Held(cut.outline(), notification.last_sequence, 0, now, has_row=False, stored=False)
            self._hold(held)
            self._keep(held, cut)
            self._unpassed.append(held)
            self.fresh += 1

    def take(self, now: Moment) -> Try | None:
        """The first that may be sent now; it is in flight from here on."""
        number = self._order.take(now)
        return None if number is None else self._try(number, now)

    def probe(self, now: Moment, nth: int) -> Try | None:
        """The `nth` of those that could be sent, were they due, and begin again: in flight from here on."""
        free = self._order.free()
        if not free:
            return None
        number = free[nth % len(free)]
        self._order.start(number)
        return self._try(number, now)

    def body(self, tried: Try) -> tuple[bytes, str] | None:
        """What to send and its media type, unless it has to be read again."""
        held = self._held[tried.notification.number]
        return None if held.body is None else (held.body, held.content_type)

    def load(self, tried: Try, notification: Notification) -> tuple[bytes, str]:
        """It was read again from the log, and is held until the try has ended: what to send, and its media type."""
        cut = cut_for(self._subscription, notification)
        if cut is None:
            raise ValueError(f"subscription {self._subscription.id} gets nothing of notification {notification.number}")
        self._keep(self._held[tried.notification.number], cut)
        return cut.body, cut.content_type

    def unload(self) -> None:
        """Hold no body of anything that is not in flight."""
        for held in self._unpassed:
            if held.body is not None and not self._order.is_in_flight(held.notification.number):
                self._drop_body(held)

    def close(self) -> None:
        """Hold nothing any more."""
        self._room.used -= self.bytes
        self.bytes = 0
        self._held.clear()

    def finish(self, tried: Try, outcome: Outcome, now: Moment, dice: float = 0.0) -> Verdict:
        """Note what a try came to, and judge it."""
        number = tried.notification.number
        held = self._held[number]
        verdict = judge(self._subscription, tried, held.due_at, outcome, now, dice)
        self._drop_body(held)
        self.offset = max(self.offset, held.last_sequence)
        self.writes.append(
            DeliveryWrite(
                notification_number=number,
                attempt=Attempt(tried.number, tried.at, outcome),
                state=verdict.state,
                attempts=tried.number,
                due_at=verdict.due_at,
                had_row=held.stored,
            )
        )
        self.fresh -= not held.has_row
        held.has_row = True
        if verdict.state is DeliveryState.DELIVERED:
            del self._held[number]
            self._order.remove(number)
            return verdict
        held.tries, held.due_at, held.state, held.stored = tried.number, verdict.due_at, verdict.state, True
        held.not_before = now + max(EXTRA_AFTER, asked_for(outcome))
        self._order.wait(number, verdict.due_at)
        if tried.scheduled:
            self._slow[number] = held
        return verdict

    def hasten(self, now: Moment) -> None:
        """The receiver is back: what waits may be sent, each one time before its scheduled try."""
        for number, held in self._slow.items():
            if held.due_at > now:
                self._order.hasten(number, max(now, held.not_before))
                self._hastened.add(number)

    def passing(self, *, queue: bool = False) -> list[DeliveryWrite]:
        """Everything to store now, with a delivery row for each unfinished notification that the offset passes.

        With `queue` all that has a row waits for a person.
        """
        if self.is_far:
            self.offset = self.seen
        while self._unpassed and self._unpassed[0].notification.first_sequence <= self.offset:
            held = self._unpassed.popleft()
            if not held.has_row:
                self.fresh -= 1
                held.has_row = held.stored = True
                number = held.notification.number
                if not self._order.is_in_flight(number):
                    self._drop_body(held)
                self.writes.append(DeliveryWrite(number, None, DeliveryState.RETRY, held.tries, held.due_at))
        if not self._unpassed:  # and what was read since has nothing for this subscription
            self.offset = self.seen
        if self.offset == self.seen:
            self._left_out = 0
        for number, held in self._held.items() if queue else ():
            if held.has_row and held.state is not DeliveryState.QUEUED:
                held.state = DeliveryState.QUEUED
                self.writes.append(DeliveryWrite(number, None, DeliveryState.QUEUED, held.tries, held.due_at))
        writes, self.writes = self.writes, []
        return writes

    def next_due(self) -> Moment | None:
        """When the next notification may be sent; None when nothing waits."""
        return self._order.next_due()

    def _try(self, number: int, now: Moment) -> Try:
        held = self._held[number]
        self._slow.pop(number, None)
        self._hastened.discard(number)
        scheduled = held.due_at <= now
        return Try(held.notification, held.tries + scheduled, now, scheduled)

    def _hold(self, held: _Held) -> None:
        self._held[held.notification.number] = held
        self._order.add(held.notification.number, held.notification.records, held.due_at)

    def _keep(self, held: _Held, cut: Notification) -> None:
        held.body, held.content_type = cut.body, cut.content_type
        self.bytes += len(cut.body)
        self._room.used += len(cut.body)

    def _drop_body(self, held: _Held) -> None:
        if held.body is not None:
            self.bytes -= len(held.body)
            self._room.used -= len(held.body)
            held.body = None


def judge(
    subscription: Subscription, tried: Try, due_at: Moment, outcome: Outcome, now: Moment, dice: float
) -> Verdict:
    """Delivered, to be tried again, queued, or the end of the subscription: on a 410, and when its schedule is used up.

    An extra try that failed leaves the next scheduled one where it was, at `due_at`, unless the receiver asks for time.
    """
    if outcome.ok:
        return Verdict(DeliveryState.DELIVERED, now)
    if outcome.status == GONE:
        return Verdict(DeliveryState.QUEUED, now, "the receiver answered 410 Gone: it wants no more notifications")
    if subscription.policy is FailurePolicy.QUEUE:
        return Verdict(DeliveryState.QUEUED, now)
    if not tried.scheduled:
        return Verdict(DeliveryState.RETRY, max(due_at, now + asked_for(outcome)))
    wait_for = receiver_wait(
        tried.number, outcome.retry_after, schedule=subscription.schedule, jitter=subscription.jitter, dice=dice
    )
    if wait_for is None:
        last = outcome.error or f"answered {outcome.status}"
        gave_up = f"notification {tried.notification.id} failed {tried.number} times; the last time: {last}"
        return Verdict(DeliveryState.QUEUED, now, gave_up)
    return Verdict(DeliveryState.RETRY, now + round(wait_for * 1000))


def asked_for(outcome: Outcome) -> int:
    """The milliseconds for which the receiver wants to be left alone, as far as we honour it."""
    return round(1000 * min(outcome.retry_after or 0.0, LONGEST_REQUEST))
