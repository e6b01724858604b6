"""Who looks whether polling and delivering go on, and opens and closes a notice for each incident?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final

from tidings.core.model import LaneKind, Moment
from tidings.core.notices import CLOSE_AFTER, OPEN_AFTER, Notice, NoticeKind, Subject, delivering, polling
from tidings.store.base import Store

LOOK_EVERY: Final = 20.0


class Watchdog:
    """Compares what is wrong with what there are open notices for; the store holds the latter, so that a restart
    neither repeats nor forgets one. `on_turned` is called when a notice was opened or closed; without `tell` nobody is
    to be told of it but the log and those who ask. `look_every` is in seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], Moment],
        log: Any,
        tell: bool = False,
        on_turned: Callable[[], None] = lambda: None,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._store, self._clock, self._log = store, clock, log
        self._tell, self._on_turned, self._look_every = tell, on_turned, look_every
        self._since: dict[Subject, Moment] = {}  #: since when a subject should be open and is not, or the reverse

    async def loop(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._look_every)
            try:
                await self.look()
            except Exception:
                # A full disk or a lost database must not end the loop; the next look makes up for this one.
                self._log.exception("watchdog.failed")

    async def look(self) -> None:
        """Open and close what is due now."""
        now = self._clock()
        lanes = await self._store.lanes(LaneKind.POLL)
        is_open = {each.about: each for each in await self._store.open_notices() if each.kind in set(NoticeKind)}
        wrong = polling(lanes, is_open.keys(), now) | await self._delivering(is_open.keys(), now)
        turning = wrong.keys() ^ is_open.keys()
        self._since = {about: self._since.get(about, now) for about in turning}
        due = {about for about in turning if now - self._since[about] >= _patience(about, opens=about in wrong)}
        if not due:
            return
        opened, closed = await self._store.turn_notices(
            {about: reason for about, reason in wrong.items() if about in due},
            [each.id for about, each in is_open.items() if about in due],
            now,
            tell=self._tell,
        )
        for notice in opened:
            self._log.warning("notice.opened", **_named(notice), reason=notice.reason)
        for notice in closed:
            self._log.info("notice.closed", **_named(notice), after_ms=now - notice.opened_at)
        if opened or closed:
            self._on_turned()

    async def _delivering(self, told: Collection[Subject], now: Moment) -> dict[Subject, str]:
        store = self._store
        lanes, subscriptions = await store.lanes(LaneKind.DELIVER), await store.subscriptions()
        return delivering(lanes, subscriptions, await store.stuck(), told, now)


def _patience(about: Subject, *, opens: bool) -> int:
    return (OPEN_AFTER if opens else CLOSE_AFTER).get(NoticeKind(about[1]), 0)


def _named(notice: Notice) -> dict[str, Any]:
    return {
        "instance": notice.instance_id,
        "notice": notice.id,
        "kind": notice.kind,
        "subject": notice.subject,
    }
