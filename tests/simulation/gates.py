"""Who moves next? Every request and every access to the store waits at a gate until it is let through, one at a time.

What is let through runs to its end, and whoever it woke runs to the next gate, before anything else happens: so the
order of all that workers do to the world is drawn by the caller, and one seed is one order, however the threads of the
store are scheduled.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Waiting:
    """Somebody at a gate: the worker it belongs to, and what it is about to do."""

    worker: str
    what: str
    opened: asyncio.Future[None]
    task: asyncio.Task[Any] | None


class Gates:
    """`rounds` are the turns of the event loop after which everybody who was woken stands at a gate again; a longer
    chain of wake-ups would only be seen one move later. A loop that knows when it `is_idle` is not turned in vain."""

    def __init__(self, rounds: int, is_idle: Callable[[], bool] = lambda: False) -> None:
        self._rounds, self._is_idle = rounds, is_idle
        self._shut: set[str] = set()
        self._waiting: dict[int, Waiting] = {}
        self._arrivals = 0
        self._inside: dict[int, Waiting] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> list[tuple[int, Waiting]]:
        """Who waits, in the order of arrival; the number is what `let` takes."""
        return sorted(self._waiting.items())

    def one_of(self, dice: random.Random, stalled: Mapping[str, int], moves: int) -> tuple[int, Waiting] | None:
        """Somebody who waits and whom nothing stalls beyond this move; None when there is nobody."""
        standing = [(number, each) for number, each in self.waiting if stalled.get(each.worker, 0) <= moves]
        return dice.choice(standing) if standing else None

    async def through(self, worker: str, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Wait, then do `work`. Whoever is shut out is cancelled, now and whenever it comes again."""
        if worker in self._shut:
            raise asyncio.CancelledError
        self._arrivals += 1
        number, opened = self._arrivals, asyncio.get_running_loop().create_future()
        self._waiting[number] = Waiting(worker, what, opened, asyncio.current_task())
        try:
            await opened
            return await work()
        finally:
            if self._waiting.pop(number, None) is None:
                self._leave(number)

    def open(self, number: int) -> None:
        """Let one through; `settle` afterwards."""
        waiting = self._inside[number] = self._waiting.pop(number)
        self._empty.clear()
        waiting.opened.set_result(None)

    def shut(self, worker: str) -> None:
        """Let it through no gate any more; whatever is inside learns nothing of what comes of it."""
        self._shut.add(worker)
        for each in [*self._waiting.values(), *self._inside.values()]:
            if each.worker == worker and each.task is not None:
                each.task.cancel()

    async def settle(self) -> None:
        """Return when nobody is inside and everybody who can stands at a gate."""
        for _ in range(self._rounds):
            await self._empty.wait()
            await asyncio.sleep(0)
            if self._is_idle():
                return

    def _leave(self, number: int) -> None:
        del self._inside[number]
        if not self._inside:
            self._empty.set()
