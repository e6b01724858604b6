"""How a connection is kept from going where the address policy forbids.

The decision falls on the address that the socket is about to connect to, after every lookup: a name that answers
differently the second time, or an address in disguise, gains nothing.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tidings.core.addresses import AddressPolicy
from tidings.core.errors import AddressForbidden
from tidings.outbound.lookup import Lookup
from tidings.outbound.oneanswer import OneAnswerEach

# Below the five seconds after which Node.js closes an idle connection: a POST on a connection that is just being
# closed is lost, and HTTP forbids the client to repeat it unasked.
_KEEP_ALIVE_FOR = 4.0


def guarded_connector(
    policy: AddressPolicy,
    *,
    tls: ssl.SSLContext | bool = True,
    resolver: AbstractResolver | None = None,
) -> aiohttp.TCPConnector:
    """A connector that connects to nothing but what `policy` permits; made inside a running event loop.

    A refusal surfaces as an aiohttp.ClientConnectorError; `forbidden_address` finds the AddressForbidden in it. The
    number of connections is not limited here: a slow receiver must not take the connections of the others.
    """
    return OneAnswerEach(
        ssl=tls,
        limit=0,
        keepalive_timeout=_KEEP_ALIVE_FOR,
        resolver=GuardedResolver(policy, resolver or Lookup()),
        socket_factory=guarded_socket(policy),
    )


def forbidden_address(error: BaseException | None) -> AddressForbidden | None:
    """The guard's refusal inside whatever an HTTP call raised; None when the guard had no part in it."""
    while error is not None:
        if isinstance(error, AddressForbidden):
            return error
        error = error.__cause__ or error.__context__
    return None


def guarded_socket(policy: AddressPolicy) -> Callable[[aiohttp.AddrInfoType], socket.socket]:
    """Makes sockets for what `policy` permits; raises AddressForbidden for the rest."""

    def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, target = info
        address = str(target[0])
        if not policy.permits(address):
            raise AddressForbidden(address, address)
        return socket.socket(family, kind, protocol)

    return open_socket


class GuardedResolver(AbstractResolver):
    """Leaves out forbidden addresses, so that the refusal can name the host; the socket's guard decides."""

    def __init__(self, policy: AddressPolicy, inner: AbstractResolver) -> None:
        self._policy, self._inner = policy, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        permitted = [one for one in found if self._policy.permits(one["host"])]
        if found and not permitted:
            raise AddressForbidden(host, found[0]["host"])
        return permitted

    async def close(self) -> None:
        await self._inner.close()
