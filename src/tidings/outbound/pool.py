"""Which connection does a POST go out on: one that has just been used for the same URL, or a new one?"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from aiohttp.abc import AbstractResolver

from tidings.core.addresses import AddressPolicy
from tidings.outbound.dialer import NAMES_FOR, Dialer
from tidings.outbound.lookup import Lookup
from tidings.outbound.request import Target
from tidings.outbound.transport import HttpConnection

KEPT_FOR: Final = 4.0
"""Seconds. Below the five after which Node.js closes an idle connection: a POST on a connection that is just being
closed is lost, and HTTP forbids the client to repeat it unasked."""


class ConnectionPool:
    """Connections fit for strangers: guarded by `policy`, without proxies, and each used for one URL only, so that
    what a receiver does to its own hurts nobody else. Their number is not limited: a slow receiver must not take the
    connections of the others.

    To be entered inside a running event loop; leaving closes what is idle. `resolver` stays its giver's to close.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        names_for: float = NAMES_FOR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own: Lookup | None = None
        if resolver is None:
            resolver = self._own = Lookup()
        self._dialer = Dialer(policy, resolver, tls=tls, names_for=names_for, clock=clock)
        self._clock = clock
        self._of: dict[str, list[HttpConnection]] = {}  # by URL, the last used last
        self._idle: dict[HttpConnection, tuple[float, str]] = {}  # until when, for which URL, in the order of time
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        self._of.clear()
        if self._own is not None:
            await self._own.close()
        await asyncio.sleep(0)  # the loop closes the sockets

    def take(self, url: str) -> HttpConnection | None:
        """One that was used for this very URL within `KEPT_FOR` seconds and on which nothing has come since."""
        kept = self._of.get(url)
        while kept:
            connection = kept.pop()
            until, _ = self._idle.pop(connection)
            if not kept:
                del self._of[url]
            if until > self._clock() and connection.is_quiet():
                return connection
            connection.close()
        return None

    async def open(self, to: Target) -> HttpConnection:
        """A new one. Raises Unreachable."""
        return await self._dialer.dial(to)

    def keep(self, url: str, connection: HttpConnection) -> None:
        """For the next POST to the same URL."""
        if not self._is_open:
            connection.close()
            return
        self._of.setdefault(url, []).append(connection)
        self._idle[connection] = self._clock() + KEPT_FOR, url
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEPT_FOR, self._look)

    def _look(self) -> None:
        """Close those that are too old, and come back for the next."""
        self._timer = None
        while self._idle:
            connection, (until, url) = next(iter(self._idle.items()))
            left_for = until - self._clock()
            if left_for > 0:
                self._timer = asyncio.get_running_loop().call_later(left_for, self._look)
                return
            del self._idle[connection]
            of = self._of[url]
            of.remove(connection)
            if not of:
                del self._of[url]
            connection.close()
