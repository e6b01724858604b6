"""How is a receiver reached, and in which words does that fail?"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver

from tidings.core.addresses import AddressPolicy
from tidings.core.errors import AddressForbidden
from tidings.outbound.guard import GuardedResolver, forbidden_address, guarded_socket
from tidings.outbound.request import Target
from tidings.outbound.transport import HttpConnection, cause
from tidings.outbound.trust import trust

NAMES_FOR: Final = 10.0
"""Seconds for which a name's addresses are kept."""

REMEMBERED = 4096
_NEXT_ADDRESS_AFTER = 0.25  # RFC 8305's


class Unreachable(Exception):
    """No connection came about; its text says why, in one line for whoever set the URL."""


class Dialer:
    """Connects to what `policy` permits and to nothing else: every address is judged after its look-up, and again on
    the socket that is about to connect to it.

    `tls` says whose certificates are believed, the system's authorities' when it is None. A name with several addresses
    is tried at all of them (RFC 8305).
    """

    def __init__(
        self,
        policy: AddressPolicy,
        resolver: AbstractResolver,
        *,
        tls: ssl.SSLContext | None = None,
        names_for: float = NAMES_FOR,
        clock: Callable[[], float],
    ) -> None:
        self._resolver, self._open_socket = GuardedResolver(policy, resolver), guarded_socket(policy)
        self._tls, self._names_for, self._clock = tls, names_for, clock
        self._names: dict[str, tuple[float, list[str]]] = {}  # until when, and the addresses

    async def dial(self, to: Target) -> HttpConnection:
        """A new connection, TLS included. Raises Unreachable."""
        where = [_info(each, to.port) for each in ([to.host] if to.is_address else await self._addresses(to.host))]
        try:
            return await self._first_of(where, to)
        except OSError as error:
            forbidden = forbidden_address(error)
            raise Unreachable(_in_words(error, to) if forbidden is None else str(forbidden)) from error

    async def _first_of(self, where: list[AddrInfoType], to: Target) -> HttpConnection:
        """The first that answers; one that fails as TLS leaves the rest a chance."""
        while True:
            line = await aiohappyeyeballs.start_connection(
                where,
                happy_eyeballs_delay=_NEXT_ADDRESS_AFTER,
                interleave=1,
                socket_factory=self._open_socket,
            )
            try:
                peer = line.getpeername()
            except OSError:  # it has hung up already
                line.close()
                raise
            try:
                return await self._speak(line, to)
            except OSError:
                aiohappyeyeballs.remove_addr_infos(where, peer)
                if not where:
                    raise

    async def _speak(self, line: socket.socket, to: Target) -> HttpConnection:
        loop = asyncio.get_running_loop()
        if not to.is_tls:
            return (await loop.create_connection(lambda: HttpConnection(line), sock=line))[1]
        if self._tls is None:
            self._tls = trust(None)
        # Certificates name hosts without the dot that ends a full name.
        name = to.host.rstrip(".")
        made = await loop.create_connection(
            lambda: HttpConnection(line), sock=line, ssl=self._tls, server_hostname=name
        )
        return made[1]

    async def _addresses(self, host: str) -> list[str]:
        until, found = self._names.get(host, (0.0, []))
        if until > self._clock():
            return found
        try:
            found = [each["host"] for each in await self._resolver.resolve(host, 0, socket.AF_UNSPEC)]
        except AddressForbidden as error:
            raise Unreachable(str(error)) from error
        except OSError as error:
            raise Unreachable(f"the name {host} could not be looked up: {cause(error)}") from error
        if not found:
            raise Unreachable(f"the name {host} could not be looked up: it has no address")
        self._names.pop(host, None)
        self._names[host] = self._clock() + self._names_for, found
        if len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]
        return found


def _info(address: str, port: int) -> AddrInfoType:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)


def _in_words(error: OSError, to: Target) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {to.host} was not accepted: {error}"
        case ssl.SSLError():
            return f"no TLS connection with {to.host}:{to.port}: {cause(error)}"
        case _:
            return f"could not connect to {to.host}:{to.port}: {cause(error)}"
