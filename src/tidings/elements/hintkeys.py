"""With which key is a hint signed? Keys are kept in memory, asked for once at a time, and not too often."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tidings.core.errors import ProviderError, TidingsError
from tidings.core.hints import is_signed

KEPT = 10_000  #: keys, before the one that was used longest ago is forgotten
OLD_AFTER = 60.0  #: seconds after which a key that does not fit may have been replaced at the provider
ASKED_AT_MOST = 10  #: keys asked for in a minute, for one account, whoever sends what
PATIENCE = 4.0  #: seconds for a key: providers wait five for our answer


@dataclass(slots=True)
class _Key:
    text: str = field(repr=False)
    read_at: float = 0.0


class HintKeys:
    """The keys of all accounts. `clock` is seconds that never go back."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: OrderedDict[tuple[int, str], _Key] = OrderedDict()
        self._reading: dict[tuple[int, str], asyncio.Task[str]] = {}
        self._asked: dict[int, tuple[float, int]] = {}

    async def why_not_signed(
        self, account: int, key_url: str, body: bytes, given: str, read: Callable[[str], Awaitable[str]]
    ) -> str | None:
        """None when `given` is the body's signature with the key at `key_url`, else why it cannot be trusted.

        `read` asks the provider for the key at an address and refuses one that is not its own; a key that is known is
        asked for anew when it does not fit and is not fresh.
        """
        where = account, key_url
        key = self._keys.get(where)
        if key is not None and is_signed(key.text, body, given):
            self._keys.move_to_end(where)
            return None
        if key is not None and self._clock() - key.read_at < OLD_AFTER:
            return "the signature is wrong"
        if where not in self._reading and not self._may_ask(account):
            return f"{ASKED_AT_MOST} keys were asked for in this minute"
        try:
            async with asyncio.timeout(PATIENCE):
                text = await self._read(where, read)
        except (TidingsError, TimeoutError) as error:
            said = error.provider_message if isinstance(error, ProviderError) else None
            return str(said or error) or f"the key was not there within {PATIENCE:g} s"
        return None if is_signed(text, body, given) else "the signature is wrong"

    async def _read(self, where: tuple[int, str], read: Callable[[str], Awaitable[str]]) -> str:
        """The key, for all who ask for it at the same time."""
        reading = self._reading.get(where)
        if reading is None:

            async def keep() -> str:
                try:
                    text = await read(where[1])
                    self._keys[where] = _Key(text, self._clock())
                    while len(self._keys) > KEPT:
                        self._keys.popitem(last=False)
                    return text
                finally:
                    self._reading.pop(where, None)

            reading = self._reading[where] = asyncio.create_task(keep())
            # Nobody may be waiting any more when it fails.
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(reading)

    def _may_ask(self, account: int) -> bool:
        now = self._clock()
        since, asked = self._asked.get(account, (now, 0))
        if now - since >= 60:
            since, asked = now, 0
        self._asked[account] = since, asked + 1
        return asked < ASKED_AT_MOST
