"""How are events of a log sent again? In sequence and at a rate, by a lane beside the subscription's own.

What is sent has the id and the bytes of the subscription's first delivery (core/cutting.py), and says which replay it
belongs to. Whatever becomes of it, the subscription and its deliveries stay as they are.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from tidings.core.cursor import NEVER
from tidings.core.errors import LeaseLost
from tidings.core.model import Attempt, Delivery, DeliveryState, Lane, Moment, Notification, Outcome
from tidings.core.pace import LEAD
from tidings.core.replay import Replay, ReplayState, as_sent_again, why_not
from tidings.core.replaycursor import ReplayCursor, Waiting, decode, encode
from tidings.core.subscription import Subscription
from tidings.engine.attempts import Attempts, Send
from tidings.engine.meter import Meter
from tidings.engine.receiver import Receiver
from tidings.engine.window import Room, Try, Window
from tidings.store.base import Store


class Replayer:
    """Works the lanes of replays.

    Of one replay at most `concurrency` tries are in flight, less where its subscription or its receiver says so, and
    `window` notifications are unfinished: while so many wait for a retry, nothing new is read. Bodies take about
    `lane_bytes` in one replay and `all_bytes` in all together.
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
        window: int = 64,
        lane_bytes: int = 4_000_000,
        all_bytes: int = 16_000_000,
    ) -> None:
        self.store, self.send, self.clock, self.log, self.dice = store, send, clock, log, dice
        self.meter = meter or Meter()
        self.lease_for, self.concurrency, self.window = lease_for, concurrency, window
        self.lane_bytes, self.room = lane_bytes, Room(all_bytes)

    async def run(self, lane: Lane) -> None:
        """Send until there is nothing to do now; give the lane back, due when there is, or end the replay.

        When another worker has taken the lane over, or somebody has stopped the replay, what is in flight is cancelled
        and the work dropped. When this is cancelled, what is known to have arrived is stored first.
        """
        try:
            found = await self.store.replay(int(lane.key))
            if found is None or found.state is not ReplayState.RUNNING:
                return await self.store.release(lane, due_at=NEVER)
            subscription = await self.store.subscription(found.subscription_id)
            reason = why_not(subscription)
            if subscription is None or reason is not None:
                return await self._fail(lane, reason)
            waiting = sorted(decode(lane.cursor).waiting, key=lambda each: each.number)
            try:
                read = [await self.store.notification(each.number) for each in waiting]
                await _Run(self, lane, found, as_sent_again(subscription, found.instance_id), read).work()
            except LookupError:
                await self._fail(lane, "a notification that was to be tried again is no longer kept")
        except LeaseLost:
            self.log.debug("lane.lost", lane=lane.id, key=lane.key)
        return None

    async def _fail(self, lane: Lane, reason: str | None) -> None:
        """End the replay as it stands in the store."""
        found = await self.store.replay(int(lane.key))
        if found is not None:
            ended = replace(found, state=ReplayState.FAILED, reason=reason, finished_at=self.clock())
            await self.store.commit_replay(lane, ended, [], release=True, due_at=NEVER, lease_until=0)
            self.tell_end(ended)

    def tell_end(self, ended: Replay) -> None:
        """Put into the log what a replay came to."""
        line = self.log.info if ended.state is ReplayState.DONE else self.log.warning
        line(
            "replay.ended",
            replay=ended.id,
            instance=ended.instance_id,
            subscription=ended.subscription_id,
            state=ended.state.value,
            sent=ended.sent,
            failed=ended.failed,
            reason=ended.reason,
        )


class _Run:
    """One holding of one replay's lane."""

    def __init__(
        self, by: Replayer, lane: Lane, found: Replay, to: Subscription, waiting: Sequence[Notification]
    ) -> None:
        self._by, self._store, self._lane, self._replay, self._to = by, by.store, lane, found, to
        self._attempts = Attempts(by.send, lane, to, clock=by.clock, log=by.log, meter=by.meter, replay_id=found.id)
        self._rate = min((rate for rate in (found.rate, to.rate) if rate is not None), default=None)
        cursor = decode(lane.cursor)
        self._receiver = Receiver(cursor, to.concurrency, self._rate, by.concurrency)
        self._number = cursor.number
        self._waiting: dict[int, Waiting] = {each.number: each for each in cursor.waiting}
        self._window = Window(to, found.position, (self._delivery(each) for each in waiting), by.room)
        self._read: deque[Notification] = deque()  # where only some are sent: those beyond the position
        self._flying: set[asyncio.Task[tuple[Try, Outcome]]] = set()
        self._failed = 0
        self._reason: str | None = None

    def _delivery(self, notification: Notification) -> Delivery:
        known = self._waiting[notification.number]
        return Delivery(self._to.id, notification.outline(), DeliveryState.RETRY, known.tries, known.due_at)

    async def work(self) -> None:
        breaker = self._receiver.breaker
        probe_at = breaker.probe_at
        if probe_at is not None and probe_at > self._by.clock():
            self._window.close()
            return await self._store.release(self._lane, due_at=probe_at)
        if breaker.back:
            self._window.hasten(self._by.clock())
        try:
            await self._send_all()
        except asyncio.CancelledError:
            await self._drop()
            with suppress(LeaseLost):
                await self._commit(release=True, due_at=self._by.clock())
            raise
        except BaseException:
            await self._drop()
            raise
        finally:
            self._window.close()
        return None

    async def _send_all(self) -> None:
        """Until nothing is in flight and nothing can be sent now; then give the lane back, or end the replay."""
        self._probe()
        while True:
            self._send_on()
            if self._wants_more():
                await self._read_on()
                continue
            if not self._flying:
                break
            await self._next_outcomes()
            if self._flying and self._reason is None:
                await self._commit(release=False, due_at=self._by.clock())
        await self._finish()

    def _probe(self) -> None:
        breaker = self._receiver.breaker
        if breaker.is_open:
            tried = self._window.probe(self._by.clock(), breaker.probes)
            if tried is None:
                self._receiver.has_nothing_to_probe_with()
            else:
                self._start(tried)

    def _send_on(self) -> None:
        while len(self._flying) < self._receiver.at_once and not self._rests() and not self._is_paused():
            now = self._by.clock()
            tried = self._window.take(now)
            if tried is None:
                return
            self._receiver.sending(now)
            self._start(tried)

    def _start(self, tried: Try) -> None:
        self._flying.add(asyncio.create_task(self._send(tried)))

    def _rests(self) -> bool:
        return self._reason is not None or self._receiver.breaker.is_open

    def _is_paused(self) -> bool:
        return self._receiver.is_paused(self._by.clock())

    def _wants_more(self) -> bool:
        if self._rests() or self._is_paused() or self._is_at_end() or len(self._window) >= self._by.window:
            return False
        return not self._flying or (self._window.fresh <= self._at_once() // 2 and self._has_room())

    def _has_room(self) -> bool:
        return self._window.bytes <= self._by.lane_bytes // 2 and self._by.room.left > 0

    def _at_once(self) -> int:
        """How many are read at once: no more than can be sent before the next pause."""
        ahead = self._by.window if self._rate is None else math.ceil(self._rate * LEAD / 1000)
        return min(ahead + self._to.concurrency, self._by.window)

    def _is_at_end(self) -> bool:
        if self._replay.numbers is not None:
            return not self._numbers()
        return self._window.seen >= self._replay.to_sequence

    def _numbers(self) -> list[int]:
        """Where only some are sent: those still to be read."""
        last = self._read[-1].number if self._read else self._number
        return [number for number in self._replay.numbers or () if number > last]

    async def _read_on(self) -> None:
        if not self._has_room():  # and nothing in flight: what is in the way waits for a retry
            self._window.unload()
        found = await self._next_notifications()
        if found is None:
            self._reason = f"what follows sequence {self._window.seen} is no longer kept"
            self._failed = 1
            return
        if self._replay.numbers is not None:
            self._read.extend(found)
        self._window.read(found, self._by.clock())

    async def _next_notifications(self) -> Sequence[Notification] | None:
        """What comes next; None when it should be there and is not."""
        if self._replay.numbers is not None:
            try:
                return [await self._store.notification(number) for number in self._numbers()[: self._at_once()]]
            except LookupError:
                return None
        most = max(min(self._by.lane_bytes // 2, self._by.room.left), 1)
        seen = self._window.seen
        found = await self._store.log_after(self._lane.instance_id, seen, self._at_once(), most)
        if not found or found[0].first_sequence != seen + 1:
            return None
        return [each for each in found if each.first_sequence <= self._replay.to_sequence]

    async def _send(self, tried: Try) -> tuple[Try, Outcome]:
        outline, found = tried.notification, self._window.body(tried)
        if found is None:
            found = self._window.load(tried, await self._store.notification(outline.number))
        return tried, await self._attempts.make(outline.id, *found)

    async def _next_outcomes(self) -> None:
        done, _ = await asyncio.wait(self._flying, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._flying.discard(task)
            self._take_in(*task.result())
        self._send_on()

    def _take_in(self, tried: Try, outcome: Outcome) -> None:
        now = self._by.clock()
        verdict = self._window.finish(tried, outcome, now, self._by.dice())
        if verdict.reason is not None and self._reason is None:
            self._reason, self._failed = verdict.reason, 1
        if self._receiver.learn(tried.number, outcome, now, len(self._flying) + 1, self._by.dice):
            self._window.hasten(now)
        if outcome.ok and not self._window.is_draining:
            self._receiver.has_been_caught_up_with()
        self._attempts.tell(tried, outcome, verdict, now)

    async def _finish(self) -> None:
        now = self._by.clock()
        if self._reason is not None:
            await self._end(ReplayState.FAILED)
        elif self._is_at_end() and not len(self._window):
            await self._end(ReplayState.DONE)
        else:
            await self._commit(release=True, due_at=self._due_at(now))

    def _due_at(self, now: Moment) -> Moment:
        if self._receiver.breaker.probe_at is not None:
            return self._receiver.breaker.probe_at
        due_at = now
        if self._is_at_end() or len(self._window) >= self._by.window:
            due_at = self._window.next_due() or now
        return max(due_at, self._receiver.opens_at(now))

    async def _end(self, state: ReplayState) -> None:
        now = self._by.clock()
        await self._commit(release=True, due_at=NEVER, state=state, finished_at=now)
        self._by.tell_end(self._replay)

    async def _commit(
        self,
        *,
        release: bool,
        due_at: Moment,
        state: ReplayState = ReplayState.RUNNING,
        finished_at: Moment | None = None,
    ) -> None:
        """Store what tries have come to, and how far the replay is."""
        tries: list[tuple[int, Attempt]] = []
        sent = self._replay.sent
        for write in self._window.passing():
            if write.attempt is not None:
                tries.append(
                    (write.notification_number, msgspec.structs.replace(write.attempt, replay_id=self._replay.id))
                )
            if write.state is DeliveryState.DELIVERED:
                sent += 1
                self._waiting.pop(write.notification_number, None)
            else:
                number = write.notification_number
                self._waiting[number] = Waiting(number, write.attempts, write.due_at)
        while self._read and self._read[0].first_sequence <= self._window.offset:
            self._number = self._read.popleft().number
        cursor = ReplayCursor(tuple(self._waiting.values()), self._number, self._receiver.breaker, self._receiver.pace)
        self._replay = replace(
            self._replay,
            state=state,
            position=self._window.offset,
            sent=sent,
            failed=self._failed,
            reason=self._reason,
            finished_at=finished_at,
        )
        commit = asyncio.ensure_future(
            self._store.commit_replay(
                replace(self._lane, cursor=encode(cursor)),
                self._replay,
                tries,
                release=release,
                due_at=due_at,
                lease_until=self._by.clock() + round(self._by.lease_for * 1000),
            )
        )
        # What is handed to the writer is written: whoever cancels us meanwhile waits for it.
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            await asyncio.gather(commit, return_exceptions=True)
            raise

    async def _drop(self) -> None:
        """Cancel what is in flight, and take in what has just ended."""
        flying, self._flying = [*self._flying], set()
        for task in flying:
            task.cancel()
        for ended in await asyncio.gather(*flying, return_exceptions=True):
            if not isinstance(ended, BaseException):
                self._take_in(*ended)
