"""How a delivery lane is worked: read the log, send what may be sent, commit what came of it, together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson

from tidings.core.errors import LeaseLost
from tidings.core.model import DeliveryState, Lane, Moment, Notification, Outcome, Subscription
from tidings.core.scrub import scrub
from tidings.core.signing import headers
from tidings.engine.meter import Meter
from tidings.engine.window import Try, Window
from tidings.store.base import Store

NEVER: Final[Moment] = 253_402_300_799_000
"""9999-12-31T23:59:59Z: not due until something happens."""

EVERYTHING: Final = 2**63 - 1
"""As the last sequence seen: whatever the log has grown by meanwhile is no reason to come back."""


class Send(Protocol):
    """Posts once and says what came of it; raises nothing but CancelledError (outbound/sender.py)."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Outcome: ...


class Deliverer:
    """Works delivery lanes. Spans are seconds.

    Of one lane at most `concurrency` tries are in flight and about `window` untried notifications in memory. While
    `backlog` notifications are unfinished, no new ones are read: a receiver that is down costs a bounded amount of
    memory and of rows. When a try takes long, the log is looked at every `look_for` meanwhile, so that others are not
    kept waiting by it.
    """

    def __init__(
        self,
        store: Store,
        send: Send,
        *,
        clock: Callable[[], Moment],
        log: Any,
        lease_for: float = 30.0,
        concurrency: int = 8,
        window: int = 200,
        backlog: int = 500,
        look_for: float = 1.0,
        meter: Meter | None = None,
    ) -> None:
        self.store, self.send, self.clock, self.log = store, send, clock, log
        self.lease_for, self.look_for = lease_for, look_for
        self.concurrency, self.window, self.backlog = concurrency, window, backlog
        self.meter = meter or Meter()

    async def run(self, lane: Lane) -> None:
        """Deliver until there is nothing to do now, then give the lane back, due when the next retry is.

        When another worker has taken the lane over, what is in flight is cancelled and the work dropped. When this is
        cancelled, what is known to have arrived is stored first.
        """
        try:
            subscription = await self.store.subscription(int(lane.key))
            if subscription is None or not subscription.active:
                return await self.store.release(lane, due_at=NEVER)
            await _Run(self, lane, subscription).work()
        except LeaseLost:
            self.log.debug("lane.lost", lane=lane.id, key=lane.key)
        return None


class _Run:
    """One holding of one lane."""

    def __init__(self, by: Deliverer, lane: Lane, subscription: Subscription) -> None:
        self._by, self._store, self._lane, self._subscription = by, by.store, lane, subscription
        self._time = asyncio.get_running_loop().time
        self._tries: dict[asyncio.Task[Outcome], Try] = {}
        self._committing: asyncio.Task[None] | None = None
        self._caught_up = False
        self._looked_at = self._held_at = self._time()
        self._stop_reason: str | None = None

    async def work(self) -> None:
        # More rows than can pile up: as long as fewer come back, all that comes before the log is in the window.
        most = self._by.backlog + self._by.window
        waiting = await self._store.waiting(self._subscription.id, most)
        self._has_all_rows = len(waiting) < most
        self._window = Window(orjson.loads(self._lane.cursor or b"{}").get("offset", 0), waiting)
        try:
            await self._deliver()
        except asyncio.CancelledError:
            await self._drop()
            with suppress(LeaseLost):
                await self._finish(due_at=self._by.clock())
            raise
        except BaseException:
            await self._drop()
            raise
        due_at = self._window.next_due()
        if not self._has_all_rows and len(self._window) < most:
            due_at = self._by.clock()
        await self._finish(due_at=NEVER if due_at is None else due_at)

    async def _deliver(self) -> None:
        """Until nothing is under way and nothing can be sent now."""
        while True:
            self._send_on()
            if self._wants_more():
                await self._read_on()
                continue
            self._commit_on()
            if not self._tries and self._committing is None:
                return
            await self._next_thing()

    def _send_on(self) -> None:
        free = self._by.concurrency - len(self._tries)
        if self._stop_reason or not free:
            return
        for tried in self._window.take(self._by.clock(), free):
            self._tries[asyncio.create_task(self._send(tried.notification))] = tried

    async def _send(self, notification: Notification) -> Outcome:
        signed = headers(notification.id, notification.body, self._subscription.signature_key)
        outcome = await self._by.send(self._subscription.url, signed, notification.body)
        # A receiver may say anything back, our own key included; what is kept of it is free of that.
        said, key = (outcome.answer, outcome.error), [self._subscription.signature_key]
        answer, error = (None if text is None else scrub(text, key) for text in said)
        return replace(outcome, answer=answer or "", error=error)

    def _wants_more(self) -> bool:
        """Whether to read on in the log: nothing can be sent, the stock is low, or something may have come since."""
        if self._stop_reason or self._is_ahead() or self._is_held_back():
            return False
        if self._caught_up:
            return bool(self._tries) and self._time() - self._looked_at >= self._by.look_for
        return not self._tries or len(self._window) - self._window.waiting <= self._by.window // 2

    def _is_ahead(self) -> bool:
        # What is not committed yet would be repeated after a crash: beyond a window of it nothing more is read.
        return len(self._window.writes) >= self._by.window

    def _is_held_back(self) -> bool:
        return not self._has_all_rows or len(self._window) >= self._by.backlog

    async def _read_on(self) -> None:
        limit = max(self._by.window // 2, 1)
        found = await self._store.log_after(self._lane.instance_id, self._window.seen, limit)
        self._window.read(found, self._by.clock())
        self._caught_up, self._looked_at = len(found) < limit, self._time()

    def _commit_on(self) -> None:
        """Commit what has ended since the last commit began, one commit at a time; the last one gives the lane back."""
        goes_on = self._tries or self._is_ahead()
        if self._committing is None and self._window.writes and goes_on and not self._stop_reason:
            self._held_at = self._time()
            self._committing = asyncio.create_task(self._commit(release=False, due_at=self._by.clock()))

    async def _next_thing(self) -> None:
        """Wait until a try or a commit has ended, or it is time to look around, and take that in."""
        under_way = {*self._tries, self._committing} if self._committing else {*self._tries}
        look_for = min(self._by.look_for, self._by.lease_for / 3)
        done, _ = await asyncio.wait(under_way, timeout=look_for, return_when=asyncio.FIRST_COMPLETED)
        if self._committing in done:
            self._committing.result()
            self._committing = None
        for task in [task for task in self._tries if task in done]:
            self._take_in(self._tries.pop(task), task.result())
        if self._committing is None and self._time() - self._held_at >= self._by.lease_for / 3:
            self._held_at = self._time()
            await self._store.renew(self._lane, self._lease_until())

    def _take_in(self, tried: Try, outcome: Outcome) -> None:
        now = self._by.clock()
        verdict = self._window.finish(tried, outcome, now)
        self._stop_reason = self._stop_reason or verdict.reason
        self._by.meter.attempt_ended(verdict.state.value, outcome.took_for)
        notification = tried.notification
        log = self._by.log.info if outcome.ok else self._by.log.warning
        log(
            "delivery.attempted",
            instance=self._lane.instance_id,
            subscription=self._subscription.id,
            notification=notification.id,
            resource=notification.resource,
            first_sequence=notification.first_sequence,
            last_sequence=notification.last_sequence,
            attempt=tried.number,
            status=outcome.status,
            error=outcome.error,
            took_ms=round(outcome.took_for * 1000),
            outcome=verdict.state.value,
            next_in_ms=verdict.due_at - now if verdict.state is DeliveryState.RETRY else None,
        )

    async def _finish(self, *, due_at: Moment) -> None:
        """Store what is left to store, and give the lane back."""
        if self._stop_reason is None:
            return await self._commit(release=True, due_at=due_at)
        self._by.log.warning(
            "subscription.deactivated",
            instance=self._lane.instance_id,
            subscription=self._subscription.id,
            reason=self._stop_reason,
        )
        return await self._store.deactivate(self._lane, self._window.passing(), self._cursor(), self._stop_reason)

    async def _commit(self, *, release: bool, due_at: Moment) -> None:
        await self._store.commit_deliveries(
            self._lane,
            self._window.passing(),
            cursor=self._cursor(),
            seen=EVERYTHING if self._is_held_back() else self._window.seen,
            release=release,
            due_at=due_at,
            lease_until=self._lease_until(),
        )

    async def _drop(self) -> None:
        """Cancel what is in flight; what has ended by then counts, and a commit that has begun is waited for."""
        for task in self._tries:
            task.cancel()
        await asyncio.gather(*self._tries, *filter(None, [self._committing]), return_exceptions=True)
        for task, tried in self._tries.items():
            if not task.cancelled() and task.exception() is None:
                self._take_in(tried, task.result())
        self._tries.clear()

    def _cursor(self) -> bytes:
        return orjson.dumps({"offset": self._window.offset})

    def _lease_until(self) -> Moment:
        return self._by.clock() + round(self._by.lease_for * 1000)
