"""How does a change reach the callbacks registered for it? Queues, retries, disabling.

As stubborn as the real one: three tries at most and only after certain answers, anything else is lost; a callback
that fails on three days on end is switched off and nobody is told (spec connectwise.md 6.5, 13.19).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias
from uuid import UUID

import aiohttp

from tidings.sandbox.callback_message import (
    TYPES,
    CallbackChange,
    Record,
    concerns,
    entity_text,
    message,
    signature,
    signing_key,
)

__all__ = [
    "TYPES",
    "CallbackChange",
    "CallbackSender",
    "Health",
    "concerns",
    "entity_text",
    "fared",
    "message",
    "signature",
    "signing_key",
]

RETRIED = frozenset({404, 409, 419, 429})
WAITS = (2.0, 4.0)
TIMEOUT = 5.0
FAILING_DAYS = 3
_LONGEST_QUEUE = 10_000


@dataclass(frozen=True, slots=True)
class Health:
    """How a callback has fared: the last day on which it failed and on how many days on end it has."""

    failed_on: int = -1
    days: int = 0


def fared(health: Health, day: int, *, arrived: bool) -> Health:
    """The health after a message, on a day counted from 1970. An arrival makes it sound again."""
    if arrived:
        return Health()
    if health.failed_on == day:
        return health
    return replace(health, failed_on=day, days=health.days + 1 if health.failed_on == day - 1 else 1)


@dataclass(frozen=True, slots=True)
class _Message:
    url: str
    headers: Mapping[str, str]
    body: bytes


_Key: TypeAlias = tuple[str, int]


class CallbackSender:
    """Sends the messages of each callback one after the other, and of different callbacks side by side.

    `clock` gives seconds since 1970; `sleep` waits a span in seconds of that clock. `disable` is told company and id
    of a callback that failed on three days on end.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        *,
        disable: Callable[[str, int], None] = lambda company, number: None,
        dice: Random | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._session = session
        self._clock = clock
        self._sleep = sleep
        self._disable = disable
        self._dice = dice or Random(0)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._queues: dict[_Key, deque[_Message]] = {}
        self._workers: dict[_Key, asyncio.Task[None]] = {}
        self._health: dict[_Key, Health] = {}
        self._started = False

    async def start(self) -> None:
        """Begin to send; what was queued before goes first."""
        self._started = True
        for key in self._queues:
            self._work_on(key)

    async def close(self) -> None:
        """Stop at once; what waits is lost, as when the real one restarts."""
        self._started = False
        workers = list(self._workers.values())
        self._queues.clear()
        self._workers.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until every queued message has arrived or is lost."""
        while self._workers:
            await asyncio.gather(*self._workers.values())

    def enqueue(
        self, callback: Record, change: CallbackChange, *, dropped: float = 0.0, duplicated: float = 0.0
    ) -> None:
        """Queue a message for a callback (a `/system/callbacks` record); `concerns` says for which.

        Nothing is queued for an inactive callback, nor for one that suppresses the changes of its own member.
        `dropped` and `duplicated` are the shares of messages lost and sent twice. Beyond ten thousand waiting
        messages new ones are lost.
        """
        own = (callback.get("_info") or {}).get("updatedBy") == change.member
        if callback.get("inactiveFlag") or (own and callback.get("isSelfSuppressedFlag")):
            return
        if self._dice.random() < dropped:
            return
        body = message(callback, change, str(UUID(int=self._dice.getrandbits(128), version=4)))
        key = signing_key(change.company, callback["connectWiseID"])
        headers = {"Content-Type": "application/json", "x-content-signature": signature(key, body)}
        made = _Message(f"{callback['url']}{change.id}&action={change.action}", headers, body)
        where = (change.company, callback["id"])
        queue = self._queues.setdefault(where, deque())
        for _ in range(2 if self._dice.random() < duplicated else 1):
            if len(queue) < _LONGEST_QUEUE:
                queue.append(made)
        self._work_on(where)

    def _work_on(self, key: _Key) -> None:
        if self._started and key not in self._workers:
            self._workers[key] = asyncio.create_task(self._drain(key))

    async def _drain(self, key: _Key) -> None:
        try:
            while queue := self._queues.get(key):
                arrived = await self._deliver(queue.popleft())
                day = int(self._clock() // 86400)
                self._health[key] = fared(self._health.get(key, Health()), day, arrived=arrived)
                if self._health[key].days >= FAILING_DAYS:
                    self._queues.pop(key, None)
                    self._health.pop(key)
                    self._disable(*key)
        finally:
            self._queues.pop(key, None)
            self._workers.pop(key, None)

    async def _deliver(self, made: _Message) -> bool:
        """Whether it arrived, in one of three tries."""
        status = await self._post(made)
        for wait in WAITS:
            if status not in RETRIED:
                break
            await self._sleep(wait)
            status = await self._post(made)
        return 200 <= status < 300

    async def _post(self, made: _Message) -> int:
        """The status of the answer, 0 when there was none."""
        try:
            async with self._session.post(
                made.url, data=made.body, headers=made.headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0
