"""How is it kept who has called what, without a call waiting for it? In batches, some time after the call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from tidings.core.usage import Usage
from tidings.store.usage import UsageStore

MOST_WAITING: Final = 20_000
"""Of so many calls that are not kept yet; those that come while there are more are dropped, and counted."""
BATCH: Final = 500
WRITE_AFTER: Final = 1.0
"""Seconds from a call until it is written, together with those that came meanwhile."""


class UsageWriter:
    """Keeps calls in the store. `dropped` is told of each that is not kept, since too many wait."""

    def __init__(self, store: UsageStore, *, log: Any, dropped: Callable[[int], None] = lambda calls: None) -> None:
        self._store, self._log, self._dropped = store, log, dropped
        self._waiting: deque[Usage] = deque()
        self._lost = 0
        self._later: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def add(self, call: Usage) -> None:
        """Keep this call, soon. Only from the event loop's own thread."""
        if len(self._waiting) >= MOST_WAITING:
            self._lost += 1
            self._dropped(1)
        else:
            self._waiting.append(call)
        if self._later is None or self._later.done():
            self._later = asyncio.get_running_loop().create_task(self._write_later())

    async def flush(self) -> None:
        """Write all that waits now. What the store cannot take waits on."""
        async with self._writing:
            if self._lost:
                self._log.warning("usage.dropped", calls=self._lost)
                self._lost = 0
            while batch := list(islice(self._waiting, BATCH)):
                await self._store.add_usage(batch)
                for _ in batch:
                    self._waiting.popleft()

    async def close(self) -> None:
        """Write what waits, for the last time."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.gather(self._later, return_exceptions=True)
        await self._try()

    async def _write_later(self) -> None:
        while self._waiting or self._lost:
            await asyncio.sleep(WRITE_AFTER)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except Exception:
            # A full disk must not end it: what waits is written when there is room again.
            self._log.exception("usage.failed", waiting=len(self._waiting))
