"""How are the receivers of notices told? One POST for each opening and each closing, again until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import orjson

from tidings.core.accountsettings import receiver_of_notices
from tidings.core.model import Moment
from tidings.core.notices import shown
from tidings.core.retry import LONGEST_REQUEST, SCHEDULE
from tidings.core.signing import headers
from tidings.engine.attempts import Send
from tidings.store.base import Store, Untold

LOOK_EVERY: Final = 5.0
AT_ONCE: Final = 50  #: told in one go, one after the other


class Teller:
    """Tells the receiver that a notice's account has set, or else `url`, signed with its key when there is one. What it
    does not acknowledge with a 2xx is sent again with the same id and bytes after 4, 16, 64 … seconds, an hour at the
    most, for as long as it takes. Where there is no receiver, nobody is told of the notice, later neither.
    """

    def __init__(
        self,
        store: Store,
        send: Send,
        url: str | None,
        key: str | None,
        *,
        clock: Callable[[], Moment],
        log: Any,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._store, self._send, self._url, self._key = store, send, url, key
        self._clock, self._log, self._look_every = clock, log, look_every
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to tell. Only from the event loop's own thread."""
        self._woken.set()

    async def loop(self) -> None:
        """Tell until cancelled."""
        while True:
            self._woken.clear()
            try:
                await self.tell()
            except Exception:
                # A full disk or a lost database must not end the loop: what is due stays due.
                self._log.exception("teller.failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every):
                    await self._woken.wait()

    async def tell(self) -> None:
        """Everything that is due now; a receiver that does not answer at all is left alone until the next look."""
        silent: set[str] = set()
        while due := await self._store.untold(self._clock(), AT_ONCE):
            if not any([await self._tell(untold, silent) for untold in due]):
                return

    async def _tell(self, untold: Untold, silent: set[str]) -> bool:
        """Whether anything came of it: not when its receiver is one of the silent, to which it is added when it is."""
        settings = await self._store.account_settings(untold.notice.account_id)
        url, keys = receiver_of_notices(settings, self._url, self._key)
        if url is None:
            await self._store.told(untold)
            return True
        if url in silent:
            return False
        key, body = message(untold)
        signed = headers(key, body, keys, self._clock() // 1000)
        outcome = await self._send(url, signed, body)
        if outcome.ok:
            await self._store.told(untold)
            return True
        wait_for = min(float(SCHEDULE[min(untold.tries, len(SCHEDULE) - 1)]), LONGEST_REQUEST)
        self._log.warning(
            "notice.not_told",
            notice=untold.notice.id,
            tries=untold.tries + 1,
            status=outcome.status,
            error=outcome.error,
            next_in_ms=round(wait_for * 1000),
        )
        await self._store.not_told(untold, self._clock() + round(wait_for * 1000))
        if outcome.status is None:
            silent.add(url)
        return True


def message(untold: Untold) -> tuple[str, bytes]:
    """The id and the body of what is told; the same on every try."""
    happened = "closed" if untold.closing else "opened"
    notice = shown(untold.notice, closed=untold.closing)
    return f"notice-{untold.notice.id}-{happened}", orjson.dumps({"event": f"notice.{happened}", "notice": notice})
