"""How a waiting reader learns that the log has grown, without asking again and again."""

from __future__ import annotations

import asyncio


class Signal:
    """Counts what happened, and to which log; a reader notes the count, looks, and waits for it to pass.

    Who waits for one log is not woken for the others, so that many may wait. One event loop only.
    """

    def __init__(self) -> None:
        self._all = 0
        self._counts: dict[int, int] = {}
        self._closed = False
        self._waiting = 0
        self._changed: dict[int, asyncio.Event] = {}

    def count(self, key: int) -> int:
        """How often something happened to this one; note it before looking, so nothing that happens is missed."""
        return self._all + self._counts.get(key, 0)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        """How many readers wait now."""
        return self._waiting

    def set(self, key: int | None = None) -> None:
        """Something happened to this one, or to any: wake those who wait for it."""
        if key is None:
            self._all += 1
            changed, self._changed = [*self._changed.values()], {}
        else:
            self._counts[key] = self._counts.get(key, 0) + 1
            changed = [self._changed.pop(key)] if key in self._changed else []
        for each in changed:
            each.set()

    def close(self) -> None:
        """Nothing will happen any more: wake everyone, and let nobody wait again."""
        self._closed = True
        self.set()

    async def passed(self, key: int, count: int, wait_for: float) -> None:
        """Return once something happened to `key` after `count` was noted, or after `wait_for` seconds."""
        if self.count(key) != count or self._closed:
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_for):
                await self._changed.setdefault(key, asyncio.Event()).wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1
