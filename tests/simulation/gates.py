"""Who moves next? Every request and every access to the store waits at a gate until it is let through, one at a time.

What is let through runs to its end, and whoever it woke runs to the next gate, before anything else happens: so the
order of all that workers do to the world is drawn by the caller, and one seed is one order, however the threads of the
store are scheduled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: Turns of the event loop after which everybody who was woken stands at a gate again; a longer chain of wake-ups would
#: only be seen one move later.
ROUNDS = 4


@dataclass(slots=True)
class Waiting:
    """Somebody at a gate: the worker it belongs to, and what it is about to do."""

    worker: str
    what: str
    opened: asyncio.Future[None]


class Gates:
    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._arrivals = 0
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> list[tuple[int, Waiting]]:
        """Who waits, in the order of arrival; the number is what `let` takes."""
        return sorted(self._waiting.items())

    async def through(self, worker: str, what: str, work: Callable[[], Awaitable[T]]) -> T:
        """Wait, then do `work`."""
        self._arrivals += 1
        number, opened = self._arrivals, asyncio.get_running_loop().create_future()
        self._waiting[number] = Waiting(worker, what, opened)
        try:
            await opened
        except asyncio.CancelledError:
            if number not in self._waiting:
                self._leave()
            raise
        finally:
            self._waiting.pop(number, None)
        try:
            return await work()
        finally:
            self._leave()

    def open(self, number: int) -> None:
        """Let one through; `settle` afterwards."""
        waiting = self._waiting.pop(number)
        self._inside += 1
        self._empty.clear()
        waiting.opened.set_result(None)

    async def settle(self) -> None:
        """Return when nobody is inside and everybody who can stands at a gate."""
        for _ in range(ROUNDS):
            await self._empty.wait()
            await asyncio.sleep(0)

    def _leave(self) -> None:
        self._inside -= 1
        if not self._inside:
            self._empty.set()
