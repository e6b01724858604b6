"""Does a name that somebody writes into a configuration lead, today, where we may not connect?

For the author's sake alone: what a name resolves to later is judged when it is connected to.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver

from tidings.core.addresses import AddressPolicy, literal_address

WAIT_FOR: Final = 2.0
"""Seconds: a name server that is slower is not waited for."""


class Lookahead:
    """Asks `resolver` about the hosts of URLs, under `policy`."""

    def __init__(self, policy: AddressPolicy, resolver: AbstractResolver, *, wait_for: float = WAIT_FOR) -> None:
        self._policy, self._resolver, self._wait_for = policy, resolver, wait_for

    async def refusal(self, url: str) -> str | None:
        """Why the URL's host is refused, for its author; None when one of its addresses is permitted, and when it has
        none that can be found out in time. Raises nothing."""
        try:
            host = urlsplit(url).hostname
        except ValueError:
            return None
        if not host or literal_address(host) is not None:
            return None  # `AddressPolicy.check_url` has judged it
        found: list[str] = []
        # The resolver may fail in any way: a name that cannot be looked up now may be made tomorrow.
        with suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(self._wait_for):
                found = [each["host"] for each in await self._resolver.resolve(host, 0, socket.AF_UNSPEC)]
        if not found or any(map(self._policy.permits, found)):
            return None
        return (
            f"points at {host}, which resolves to {found[0]}, a private, local or reserved address; use a public one, "
            "or set TIDINGS_ALLOW_PRIVATE_NETWORKS=true or add its network to TIDINGS_ALLOWED_NETWORKS"
        )
