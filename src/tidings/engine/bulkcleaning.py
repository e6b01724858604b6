"""How long is a bulk job kept? Until it is old, or its instance is gone; then the job goes, and its file after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from tidings.core.model import Moment
from tidings.store.base import Store
from tidings.store.bulkfiles import BulkFiles

DAY: Final = 24 * 3_600_000
LOOK_EVERY: Final = 60.0
AT_ONCE: Final = 50
ORPHANED_AFTER: Final = 24 * 3600.0
"""Seconds after which a file is removed that no job has: whoever wrote it has died before there was one."""


class BulkCleaner:
    """Removes bulk jobs that were started more than `days` ago, and files that nobody has. `look_every` is seconds."""

    def __init__(
        self,
        store: Store,
        files: BulkFiles,
        *,
        days: float,
        clock: Callable[[], Moment],
        log: Any,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._store, self._files, self._days = store, files, days
        self._clock, self._log, self._look_every = clock, log, look_every

    async def loop(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                # A full disk or a lost database must not end the loop; the next look makes up for this one.
                self._log.exception("bulk.cleaning_failed")
            await asyncio.sleep(self._look_every)

    async def look(self) -> None:
        """Remove all that is to go now."""
        before = self._clock() - round(self._days * DAY)
        while found := await self._store.removable_bulks(before, AT_ONCE):
            for job in found:
                # The job goes first: who still writes for it loses its lane. What is left of its file has no job then.
                await self._store.drop_bulk(job.id)
                await asyncio.to_thread(self._files.remove, job.file)
                self._log.info("bulk.removed", bulk=job.id, instance=job.instance_id, bytes=job.bytes)
        await self._remove_orphans()

    async def _remove_orphans(self) -> None:
        names = await asyncio.to_thread(self._files.names)
        for name in names - await self._store.bulk_files():
            if await asyncio.to_thread(self._files.age_at, name, self._clock() / 1000) > ORPHANED_AFTER:
                await asyncio.to_thread(self._files.remove, name)
