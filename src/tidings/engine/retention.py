"""How long is what happened kept? What is older goes, a little at a time, unless somebody still waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from tidings.core.accountsettings import RETENTION
from tidings.core.model import Moment
from tidings.engine.meter import Meter
from tidings.store.base import Store
from tidings.store.subscribing import Log

DAY: Final = 24 * 3_600_000
LOOK_EVERY: Final = 60.0
PAUSE: Final = 0.05
"""Seconds between two batches, so that whoever wants to write has more turns than we."""
HOLD_FOR: Final = 0.02
"""Seconds for which a batch should keep others from writing; how many notifications that are is found out."""
MOST: Final = 1000


def days_kept(settings: Mapping[str, str], default: float) -> float:
    """For how many days an account with these settings keeps what happened; 0 is for ever."""
    return float(settings.get(RETENTION, default))


class Retention:
    """Removes from every log the notifications, with their events and attempts, that are older than their account
    keeps them, by default `days`, except what a subscription that goes on has not acknowledged; and closed notices
    that are as old. `look_every`, `pause` and `hold_for` are seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        days: float,
        clock: Callable[[], Moment],
        log: Any,
        meter: Meter | None = None,
        look_every: float = LOOK_EVERY,
        pause: float = PAUSE,
        hold_for: float = HOLD_FOR,
    ) -> None:
        self._store, self._days, self._clock, self._log = store, days, clock, log
        self._meter = meter or Meter()
        self._look_every, self._pause, self._hold_for = look_every, pause, hold_for
        self._batch = 50

    async def loop(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                # A full disk or a lost database must not end the loop; the next look makes up for this one.
                self._log.exception("retention.failed")
            await asyncio.sleep(self._look_every)

    async def look(self) -> None:
        """Remove all that is too old now."""
        kept: dict[int, float] = {}
        for log in await self._store.logs():
            if log.account_id not in kept:
                settings = await self._store.account_settings(log.account_id)
                kept[log.account_id] = days_kept(settings, self._days)
                if kept[log.account_id]:
                    await self._drop_notices(log.account_id, self._since(kept[log.account_id]))
            days = kept[log.account_id]
            if days and log.oldest_at is not None and log.oldest_at < self._since(days):
                await self._drop(log, self._since(days))

    def _since(self, days: float) -> Moment:
        return self._clock() - round(days * DAY)

    async def _drop(self, log: Log, before: Moment) -> None:
        notifications, sequence, lost = 0, log.dropped_sequence, Counter[int]()
        try:
            while True:
                asked = self._batch
                gone = await self._store.drop_before(log.id, before, asked)
                if gone.sequence is None:
                    return
                notifications, sequence = notifications + gone.notifications, gone.sequence
                lost.update(gone.lost)
                self._meter.dropped(gone.notifications, sum(gone.lost.values()))
                self._fit(gone.took_for)
                if gone.notifications < asked:
                    return
                await asyncio.sleep(self._pause)
        finally:
            if notifications:
                self._log.info(
                    "retention.dropped",
                    instance=log.id,
                    account=log.account_id,
                    notifications=notifications,
                    events=sequence - log.dropped_sequence,
                    oldest_sequence=sequence + 1,
                    undelivered=dict(lost),
                )

    def _fit(self, took_for: float) -> None:
        if took_for > self._hold_for:
            self._batch = max(1, round(self._batch * max(0.1, self._hold_for / took_for)))
        elif took_for < self._hold_for / 2:
            self._batch = min(MOST, self._batch * 2)

    async def _drop_notices(self, account_id: int, before: Moment) -> None:
        gone = MOST
        while gone >= MOST:
            gone = await self._store.drop_notices(account_id, before, MOST)
            await asyncio.sleep(self._pause)
