"""How are names looked up, so that one whose servers do not answer keeps nobody else waiting?"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

SLOW_AFTER: Final = 1.0
"""Seconds: a name whose last look-up took longer is looked up among the slow ones."""

QUICK, SLOW = 16, 4  #: look-ups at once
REMEMBERED = 4096

Find = Callable[..., list[tuple[Any, ...]]]


class Lookup(AbstractResolver):
    """Looks names up in threads of its own: neither file work nor anybody else waits for a name server.

    Names that were slow the last time share a few threads among themselves, so that however many there are, the others
    have theirs. A name is looked up once at a time; who connects keeps answers for ten seconds. Raises OSError as the
    system does.
    """

    def __init__(
        self,
        find: Find = socket.getaddrinfo,
        *,
        slow_after: float = SLOW_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find, self._slow_after, self._clock = find, slow_after, clock
        self._quick = ThreadPoolExecutor(QUICK, thread_name_prefix="lookup")
        self._slow = ThreadPoolExecutor(SLOW, thread_name_prefix="slow-lookup")
        self._slow_names: dict[str, None] = {}
        self._running: dict[tuple[str, int], asyncio.Future[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self._running.get((host, family))
        if found is None:
            found = self._running[host, family] = asyncio.ensure_future(self._resolve(host, family))
            found.add_done_callback(lambda ended: self._forget(host, family, ended))
        # Whoever gives up does not take the answer away from the others.
        return [{**each, "port": port} for each in await asyncio.shield(found)]

    def _forget(self, host: str, family: int, ended: asyncio.Future[list[ResolveResult]]) -> None:
        del self._running[host, family]
        if not ended.cancelled():
            ended.exception()  # asked for, since everybody who wanted it may have gone

    async def _resolve(self, host: str, family: socket.AddressFamily) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        threads = self._slow if host in self._slow_names else self._quick
        began = [self._clock()]

        def call() -> list[ResolveResult]:
            began[0] = self._clock()  # the wait for a thread is not the name's fault
            return self._call(host, family)

        try:
            return await loop.run_in_executor(threads, call)
        finally:
            self._judge(host, is_slow=self._clock() - began[0] > self._slow_after)

    def _judge(self, host: str, *, is_slow: bool) -> None:
        self._slow_names.pop(host, None)
        if is_slow:
            self._slow_names[host] = None
            if len(self._slow_names) > REMEMBERED:
                del self._slow_names[next(iter(self._slow_names))]

    def _call(self, host: str, family: socket.AddressFamily) -> list[ResolveResult]:
        infos = self._find(host, 0, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
        return [
            ResolveResult(
                hostname=host,
                host=_address(target),
                port=0,
                family=found,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, protocol, _, target in infos
        ]

    async def close(self) -> None:
        for threads in (self._quick, self._slow):
            threads.shutdown(wait=False, cancel_futures=True)


def _address(target: Any) -> str:
    """The address with its zone where it has one: a link-local one means nothing without."""
    return f"{target[0]}%{target[3]}" if len(target) == 4 and target[3] else str(target[0])
