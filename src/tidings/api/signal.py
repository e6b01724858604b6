"""How a waiting reader learns that the log has grown, without asking again and again."""

from __future__ import annotations

import asyncio


class Signal:
    """Counts what happened; a reader notes the count, looks, and waits for it to pass. One event loop only."""

    def __init__(self) -> None:
        self._count = 0
        self._closed = False
        self._waiting = 0
        self._changed = asyncio.Event()

    @property
    def count(self) -> int:
        """How often `set` was called; note it before looking, so nothing that happens meanwhile is missed."""
        return self._count

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        """How many readers wait now."""
        return self._waiting

    def set(self) -> None:
        """Something happened: wake everyone who waits."""
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """Nothing will happen any more: wake everyone, and let nobody wait again."""
        self._closed = True
        self.set()

    async def passed(self, count: int, wait_for: float) -> None:
        """Return once something happened after `count` was noted, or after `wait_for` seconds."""
        if self._count != count or self._closed:
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_for):
                await self._changed.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1
