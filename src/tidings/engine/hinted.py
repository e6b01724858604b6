"""Which poll lanes are polled sooner than they are due, because their provider said that something has changed?

In memory: a hint that is lost with the process costs nothing but time, because the next poll finds the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from tidings.core.cursor import ENCODE, decode
from tidings.core.hints import Haste, haste
from tidings.core.model import Lane, LaneKind, Moment
from tidings.store.base import Store

FLOOR = 1.0
TRIES = 10  #: for a lane that is being worked on, ever further apart: about a quarter of an hour with a floor of 1 s


class HintedLanes:
    """Makes poll lanes due now, each at most once in `floor` seconds however many hints there are.

    `wake` is called after a lane was made due. Made and used in one event loop.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], Moment],
        wake: Callable[[], None],
        log: Any,
        floor: float = FLOOR,
    ) -> None:
        self._store, self._clock, self._wake, self._log, self._floor = store, clock, wake, log, floor
        self._waiting: dict[int, asyncio.Task[None]] = {}  # lanes with a hint that has not come to anything yet
        self._working: set[asyncio.Task[None]] = set()
        self._hurried_at: dict[int, float] = {}

    def hint(self, lane: Lane) -> None:
        """Something of the lane's resource has changed at its provider."""
        if lane.id not in self._waiting:
            self._wait(lane, 0, self._hurried_at.get(lane.id, -self._floor) + self._floor - _now())

    def take(self, lane_id: int) -> bool:
        """Whether there is a hint for a lane, for the worker that holds it to poll now; it counts as used."""
        if lane_id not in self._waiting or _now() < self._hurried_at.get(lane_id, -self._floor) + self._floor:
            return False
        self._waiting.pop(lane_id).cancel()
        self._hurried_at[lane_id] = _now()
        return True

    async def settled(self) -> None:
        """Return once no hint waits."""
        while self._working:
            await asyncio.gather(*self._working, return_exceptions=True)

    async def close(self) -> None:
        """Forget all hints."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    def _wait(self, lane: Lane, tries: int, wait_for: float) -> None:
        task = asyncio.create_task(self._hurry_after(lane, tries, max(wait_for, 0.0)))
        self._waiting[lane.id] = task
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _hurry_after(self, lane: Lane, tries: int, wait_for: float) -> None:
        if wait_for:
            await asyncio.sleep(wait_for)
        # A hint that comes from here on may be about something that this poll no longer sees.
        self._waiting.pop(lane.id, None)
        try:
            now = self._clock()
            if await self._store.hurry(lane.id, lambda stored: _polled_at(stored, now), now):
                self._hurried_at[lane.id] = _now()
                self._wake()
                return
            lanes = await self._store.lanes(LaneKind.POLL, lane.instance_id)
        except Exception:
            self._log.exception("hint.lost", instance=lane.instance_id, resource=lane.key)
            return
        later = any(each.id == lane.id and haste(each, self._clock()) is not Haste.NONE for each in lanes)
        if later and tries < TRIES and lane.id not in self._waiting:
            self._wait(lane, tries + 1, self._floor * 2**tries)


def _polled_at(stored: Lane, now: Moment) -> bytes | None:
    """The lane's cursor with its poll due now; None when a hint may not hurry it."""
    if haste(stored, now) is not Haste.NOW:
        return None
    return ENCODE(msgspec.structs.replace(decode(stored.cursor), poll_at=now))


def _now() -> float:
    return asyncio.get_running_loop().time()
