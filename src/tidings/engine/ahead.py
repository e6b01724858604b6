"""Which page is already under way? The next page of a reading is asked for while the last one is judged and stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tidings.elements.connection import Connection, Page
from tidings.elements.describe import Resource

Key = tuple[str, str | None, int, str | None, tuple[tuple[str, str], ...]]


class ReadAhead:
    """Reads pages of one resource; at most one page waits, and only for the request that is the same to the letter.

    What was read ahead and is not asked for next is dropped: a page that nobody commits changes nothing. `on` False
    reads each page when it is asked for.
    """

    def __init__(self, connection: Connection, resource: Resource, *, on: bool = True) -> None:
        self._connection, self._resource, self._on = connection, resource, on
        self._key: Key | None = None
        self._task: asyncio.Task[Page] | None = None

    async def read(
        self, conditions: str, position: str | None, size: int, fields: str | None, extra: Mapping[str, str]
    ) -> Page:
        """One page; then the next one is under way. Raises `ProviderError`."""
        key = (conditions, position, size, fields, tuple(extra.items()))
        task = self._task if key == self._key else None
        if task is None:
            await self.drop()
            page = await self._ask(key)
        else:
            self._key = self._task = None
            page = await task
        if self._on and page.next is not None:
            self._key = (conditions, page.next, size, fields, key[4])
            self._task = asyncio.create_task(self._ask(self._key))
        return page

    async def drop(self) -> None:
        """Forget the page that is under way, if any."""
        task, self._key, self._task = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # seen, so that nobody is told of a failure that does not count

    async def _ask(self, key: Key) -> Page:
        conditions, position, size, fields, extra = key
        return await self._connection.read_page(
            self._resource, conditions=conditions, position=position, size=size, fields=fields, extra=dict(extra)
        )
