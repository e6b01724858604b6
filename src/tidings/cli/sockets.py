"""Can this address be listened on? Said in one sentence before anything else is started."""

from __future__ import annotations

import errno
import socket

from tidings.core.errors import InvalidInput


def listen_on(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises InvalidInput that says why not and what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise InvalidInput("host", f"{host!r} is no address of this machine; 127.0.0.1 and 0.0.0.0 are") from None
    found = socket.socket(family, kind, protocol)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(address)
    except OSError as error:
        found.close()
        raise InvalidInput("port" if error.errno != errno.EADDRNOTAVAIL else "host", _why(error, host, port)) from None
    found.setblocking(False)
    return found


def refuse_taken(host: str, port: int) -> None:
    """Raise InvalidInput when `listen_on` would; for those who listen by themselves, but later."""
    listen_on(host, port).close()


def shown(host: str, port: int) -> str:
    """The address for a browser.

    >>> shown("::1", 8080)
    'http://[::1]:8080'
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"{port} on {host} is in use by another program; stop it, or choose another one (0 takes a free one)"
        case errno.EACCES:
            return f"{port} may not be listened on by this user; choose one above 1023"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; 127.0.0.1 and 0.0.0.0 are"
    return f"{port} on {host} cannot be listened on ({error.strerror})"
