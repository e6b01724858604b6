"""Who works on which lane, and when: claims due lanes, keeps their leases, sleeps until the next is due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tidings.core.errors import LeaseLost
from tidings.core.model import Lane, LaneKind, Moment
from tidings.store.base import Store


class Dispatcher:
    """Runs the due lanes of one kind, at most `concurrency` at once; spans are milliseconds.

    It sleeps until the next lane is due, `wake` is called or `look_every` has passed, whichever is first: a lane that
    another process makes due is seen within `look_every`.
    """

    def __init__(
        self,
        store: Store,
        kind: LaneKind,
        run: Callable[[Lane], Awaitable[None]],
        *,
        clock: Callable[[], Moment],
        owner: str,
        log: Any,
        lease_for: int = 30_000,
        look_every: int = 5_000,
        concurrency: int = 32,
    ) -> None:
        self._store, self._kind, self._run = store, kind, run
        self._clock, self._owner, self._log = clock, owner, log
        self._lease_for, self._look_every, self._concurrency = lease_for, look_every, concurrency
        self._running: dict[tuple[int, int], tuple[Lane, asyncio.Task[None]]] = {}  # by lane and fence
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for due lanes now. Only from the event loop's own thread."""
        self._woken.set()

    async def loop(self) -> None:
        """Work until cancelled; then stop what runs and give its lanes back."""
        keeper = asyncio.create_task(self._keep_leases())
        try:
            while True:
                self._woken.clear()
                try:
                    wait_for = await self._turn()
                except Exception:
                    # A full disk or a lost database must not end the loop: what is due stays due.
                    self._log.exception("dispatch.failed", kind=self._kind.value)
                    wait_for = self._look_every
                # Not asyncio.wait_for: it swallows a cancellation that comes with the wake-up, and we would never stop.
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_for / 1000):
                        await self._woken.wait()
        finally:
            keeper.cancel()
            await self._stop()

    async def _turn(self) -> int:
        """Start what is due; returns for how long there is nothing to do."""
        now = self._clock()
        free = self._concurrency - len(self._running)
        if not free:
            return self._look_every
        lanes = await self._store.claim(self._kind, self._owner, now, now + self._lease_for, free)
        for lane in lanes:
            self._stop_former(lane)
            task = asyncio.create_task(self._work(lane), name=f"{lane.kind} lane {lane.id}")
            self._running[lane.id, lane.fence] = lane, task
        if len(lanes) == free:
            return self._look_every  # a lane that ends wakes us
        due_at = await self._store.next_due(self._kind, now)
        if due_at is None:
            return self._look_every
        return min(max(due_at - self._clock(), 1), self._look_every)

    def _stop_former(self, claimed: Lane) -> None:
        """Somebody has taken the lane from a task of ours, and it is ours again: that task can store nothing more."""
        for lane, task in self._running.values():
            if lane.id == claimed.id:
                task.cancel()

    async def _work(self, lane: Lane) -> None:
        try:
            await self._run(lane)
        except LeaseLost:
            self._log.debug("lane.lost", lane=lane.id, key=lane.key)
        except Exception:
            self._log.exception("lane.failed", kind=lane.kind.value, lane=lane.id, key=lane.key)
            with suppress(LeaseLost):
                reason = "an internal error; the server's log has it"
                await self._store.release(
                    lane, due_at=self._clock() + self._lease_for, attempt=lane.attempt + 1, reason=reason
                )
        finally:
            self._running.pop((lane.id, lane.fence), None)
            self._woken.set()

    async def _keep_leases(self) -> None:
        """Hold every running lane; a worker that lost its lane is stopped."""
        while True:
            await asyncio.sleep(self._lease_for / 3000)
            for lane, task in list(self._running.values()):
                try:
                    await self._store.renew(lane, self._clock() + self._lease_for)
                except LeaseLost:
                    # A lane that was released a moment ago has no lease to keep, and its task ends by itself.
                    if (lane.id, lane.fence) in self._running and not task.done():
                        task.cancel()
                except Exception:
                    self._log.exception("lease.not_renewed", lane=lane.id)

    async def _stop(self) -> None:
        running = list(self._running.values())
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)
        for lane, _ in running:
            with suppress(LeaseLost):
                await self._store.release(lane, due_at=lane.due_at, attempt=lane.attempt)
