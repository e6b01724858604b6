"""How is a delivery lane worked? Read the log, send what may be sent, commit what came of it, together."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from tidings.core.cursor import NEVER
from tidings.core.deliverycursor import DeliveryCursor, decode, encode
from tidings.core.errors import LeaseLost
from tidings.core.model import DeliveryState, FailurePolicy, Lane, Moment, Outcome
from tidings.core.subscription import Subscription
from tidings.engine.attempts import Attempts, Send
from tidings.engine.meter import Meter
from tidings.engine.receiver import Receiver
from tidings.engine.window import FAR, Room, Try, Window
from tidings.store.base import Store

EVERYTHING: Final = 2**63 - 1
"""As the last sequence seen: whatever the log has grown by meanwhile is no reason to come back."""

PROBES: Final = 10
"""Of how many notifications that wait the probes of an open breaker are taken."""


class Deliverer:
    """Works delivery lanes. Spans are seconds.

    Of one lane at most `concurrency` tries are in flight, less where its subscription or its receiver says so, and
    about `window` untried notifications are known. While `backlog` notifications are unfinished, no new ones are read:
    a receiver that is down costs a bounded amount of memory and of rows. Of a log that its filter leaves out, a lane
    stores how far it is after every `far` notifications. Bodies take about `lane_bytes` in one lane and
    `all_bytes` in all together, and one more each, so that none waits for the others. When a try takes long, the log is
    looked at every `look_for` meanwhile, so that others are not kept waiting by it.

    What has ended is stored together: at once with the lane's last, else as soon as half a `window` has ended or
    `commit_every` has passed since a commit began. After a crash no more than that is repeated, and what ends while a
    commit is made.
    """

    def __init__(
        self,
        store: Store,
        send: Send,
        *,
        clock: Callable[[], Moment],
        log: Any,
        dice: Callable[[], float] = lambda: 0.0,
        meter: Meter | None = None,
        lease_for: float = 30.0,
        concurrency: int = 64,
        window: int = 200,
        backlog: int = 500,
        far: int = FAR,
        look_for: float = 1.0,
        commit_every: float = 0.05,
        lane_bytes: int = 4_000_000,
        all_bytes: int = 64_000_000,
    ) -> None:
        self.store, self.send, self.clock, self.log, self.dice = store, send, clock, log, dice
        self.meter = meter or Meter()
        self.lease_for, self.look_for, self.commit_every = lease_for, look_for, commit_every
        self.lane_bytes, self.room = lane_bytes, Room(all_bytes)
        self.concurrency, self.window, self.backlog, self.far = concurrency, window, backlog, far

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
    """One holding of one lane.

    Each courier is a task that sends one notification after the other as long as there is one to send. The main loop
    reads on, commits, holds the lease, and sends couriers out.
    """

    def __init__(self, by: Deliverer, lane: Lane, subscription: Subscription) -> None:
        self._by, self._store, self._lane, self._subscription = by, by.store, lane, subscription
        self._attempts = Attempts(by.send, lane, subscription, clock=by.clock, log=by.log, meter=by.meter)
        self._time = asyncio.get_running_loop().time
        self._couriers: set[asyncio.Task[None]] = set()
        self._committing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._broken: BaseException | None = None
        self._caught_up = False
        self._looked_at = self._held_at = self._time()
        self._stop_reason: str | None = None
        self._queues = False

    async def work(self) -> None:
        if self._subscription.policy is FailurePolicy.QUEUE and await self._store.is_queueing(self._subscription.id):
            return await self._store.release(self._lane, due_at=NEVER)
        cursor = decode(self._lane.cursor)
        to = self._subscription
        self._receiver = Receiver(cursor, to.concurrency, to.rate, self._by.concurrency)
        probe_at = cursor.breaker.probe_at
        if probe_at is not None and probe_at > self._by.clock():
            return await self._store.release(self._lane, due_at=probe_at)
        # More rows than can pile up: as long as fewer come back, all that comes before the log is in the window.
        most = PROBES if cursor.breaker.is_open else self._by.backlog + self._by.window
        waiting = await self._store.waiting(self._subscription.id, most)
        self._has_all_rows = len(waiting) < most and not cursor.breaker.is_open
        if not waiting and cursor.breaker.is_open:
            self._receiver.has_nothing_to_probe_with()
            self._has_all_rows = True
        self._window = Window(self._subscription, cursor.offset, waiting, self._by.room, self._by.far)
        if cursor.breaker.back:
            self._window.hasten(self._by.clock())
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
        finally:
            self._window.close()

    async def _deliver(self) -> None:
        """Until nothing is under way and nothing can be sent now; then give the lane back."""
        self._probe()
        while True:
            self._send_on()
            if self._wants_more():
                await self._read_on()
                continue
            self._commit_on()
            if self._broken is not None:
                raise self._broken
            if not self._couriers and self._committing is None:
                break
            await self._next_thing()
        await self._finish(due_at=self._due_at())

    def _probe(self) -> None:
        breaker = self._receiver.breaker
        if breaker.is_open and (tried := self._window.probe(self._by.clock(), breaker.probes)) is not None:
            self._send_out(tried)

    def _send_on(self) -> None:
        while len(self._couriers) < self._most() and (tried := self._next_try()) is not None:
            self._send_out(tried)

    def _send_out(self, tried: Try) -> None:
        courier = asyncio.create_task(self._carry(tried))
        self._couriers.add(courier)
        courier.add_done_callback(self._is_back)

    def _is_back(self, courier: asyncio.Task[None]) -> None:
        self._couriers.discard(courier)
        if not courier.cancelled():
            self._broken = self._broken or courier.exception()
        self._changed.set()

    async def _carry(self, tried: Try | None) -> None:
        """Send this one, and then whatever may be sent next."""
        while tried is not None:
            self._take_in(tried, await self._send(tried))
            tried = self._next_try() if len(self._couriers) <= self._most() else None

    def _most(self) -> int:
        """How many may be in flight; one at least, whatever the others take."""
        return 0 if self._by.room.left <= 0 and self._couriers else self._receiver.at_once

    def _next_try(self) -> Try | None:
        now = self._by.clock()
        if self._rests() or self._receiver.is_paused(now):
            return None
        tried = self._window.take(now)
        if tried is not None:
            self._receiver.sending(now)
        return tried

    def _rests(self) -> bool:
        """Whether nothing more is begun, whatever is due."""
        return self._stop_reason is not None or self._queues or self._receiver.breaker.is_open

    async def _send(self, tried: Try) -> Outcome:
        notification, found = tried.notification, self._window.body(tried)
        if found is None:
            found = self._window.load(tried, await self._store.notification(notification.number))
        return await self._attempts.make(notification.id, *found)

    def _wants_more(self) -> bool:
        """Whether to read on in the log: nothing can be sent, the stock is low, or something may have come since."""
        if self._caught_up:
            wants = bool(self._couriers) and self._time() - self._looked_at >= self._by.look_for
        else:
            wants = not self._couriers or (self._window.fresh <= self._by.window // 2 and self._has_room())
        return wants and not self._stays() and not self._is_ahead()

    def _is_ahead(self) -> bool:
        # What is not committed yet would be repeated after a crash: beyond a window of it nothing more is read.
        return len(self._window.writes) >= self._by.window or self._window.is_far

    def _stays(self) -> bool:
        """Whether nothing more is read, whatever the log has."""
        is_full = not self._has_all_rows or len(self._window) >= self._by.backlog
        return self._rests() or is_full or self._receiver.is_paused(self._by.clock())

    def _has_room(self) -> bool:
        return self._window.bytes <= self._by.lane_bytes // 2 and self._by.room.left > 0

    async def _read_on(self) -> None:
        if not self._has_room():  # and nothing in flight: what is in the way waits for a retry
            self._window.unload()
        limit = max(self._by.window // 2, 1)
        most = min(self._by.lane_bytes // 2, self._by.room.left)
        seen, lane = self._window.seen, self._lane
        found = await self._store.log_after(lane.instance_id, seen, limit, most, lane=lane)
        self._window.read(found, self._by.clock())
        self._caught_up = not found or (len(found) < limit and sum(len(each.body) for each in found) < most)
        self._looked_at = self._time()

    def _commit_on(self) -> None:
        """Commit what has ended since the last commit began, one commit at a time; the last one gives the lane back."""
        if self._commit_in() == 0:
            self._held_at = self._time()
            self._committing = asyncio.create_task(self._commit(release=False, due_at=self._by.clock()))
            self._committing.add_done_callback(lambda _: self._changed.set())

    def _commit_in(self) -> float:
        """In how many seconds it is time for a commit while the lane is worked on; for ever when it is not."""
        ended = len(self._window.writes)
        if self._committing is not None or self._stop_reason is not None:
            return math.inf
        if self._is_ahead() or (self._couriers and ended >= self._by.window // 2):
            return 0
        if not (self._couriers and ended):
            return math.inf
        return max(self._held_at + self._by.commit_every - self._time(), 0)

    async def _next_thing(self) -> None:
        """Wait until something has ended that asks for a commit or for more, or it is time to look around."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(self._commit_in(), self._by.look_for, self._by.lease_for / 3)):
                await self._changed.wait()
        self._changed.clear()
        if self._committing is not None and self._committing.done():
            self._committing.result()
            self._committing = None
        if self._committing is None and self._time() - self._held_at >= self._by.lease_for / 3:
            self._held_at = self._time()
            await self._store.renew(self._lane, self._lease_until())

    def _take_in(self, tried: Try, outcome: Outcome) -> None:
        now = self._by.clock()
        verdict = self._window.finish(tried, outcome, now, self._by.dice())
        self._stop_reason = self._stop_reason or verdict.reason
        self._queues = self._queues or (verdict.state is DeliveryState.QUEUED and verdict.reason is None)
        before = self._receiver.breaker
        if self._receiver.learn(tried.number, outcome, now, len(self._couriers), self._by.dice):
            self._window.hasten(now)
        if self._receiver.breaker is not before:
            self._attempts.tell_breaker(before, self._receiver.breaker, outcome.error)
        if outcome.ok and self._has_all_rows and not self._window.is_draining:
            self._receiver.has_been_caught_up_with()
        self._attempts.tell(tried, outcome, verdict, now)
        if self._asks_for_the_main_loop():
            self._changed.set()

    def _asks_for_the_main_loop(self) -> bool:
        """Whether more may be sent than one after the other, a commit is due or must be waited for, or more is read."""
        has_begun = len(self._window.writes) == 1
        return len(self._couriers) < self._most() or has_begun or self._commit_in() == 0 or self._wants_more()

    def _due_at(self) -> Moment:
        """When there is something to do again, if nothing comes to the log."""
        now = self._by.clock()
        if self._queues:
            return NEVER
        if self._receiver.breaker.probe_at is not None:
            return self._receiver.breaker.probe_at
        most = self._by.backlog + self._by.window
        due_at = now if not self._has_all_rows and len(self._window) < most else self._window.next_due()
        if due_at is None and not self._receiver.is_paused(now):
            return NEVER
        return max(due_at or now, self._receiver.opens_at(now))

    async def _finish(self, *, due_at: Moment) -> None:
        """Store what is left to store, and give the lane back."""
        if self._stop_reason is None:
            return await self._commit(release=True, due_at=due_at)
        self._attempts.tell_end(self._stop_reason)
        writes = self._window.passing()
        return await self._store.deactivate(self._lane, writes, self._cursor(), self._stop_reason, self._by.clock())

    async def _commit(self, *, release: bool, due_at: Moment) -> None:
        await self._store.commit_deliveries(
            self._lane,
            self._window.passing(queue=self._queues and release),
            cursor=self._cursor(),
            seen=EVERYTHING if self._stays() else self._window.seen,
            release=release,
            due_at=due_at,
            lease_until=self._lease_until(),
        )

    async def _drop(self) -> None:
        """Cancel what is in flight; a commit that has begun is waited for."""
        couriers = [*self._couriers]
        for courier in couriers:
            courier.cancel()
        await asyncio.gather(*couriers, *filter(None, [self._committing]), return_exceptions=True)

    def _cursor(self) -> bytes:
        return encode(DeliveryCursor(self._window.offset, self._receiver.breaker, self._receiver.pace))

    def _lease_until(self) -> Moment:
        return self._by.clock() + round(self._by.lease_for * 1000)
