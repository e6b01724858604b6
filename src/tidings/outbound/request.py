"""With what bytes does a POST begin, and where does it go?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yarl import URL

_OURS: Final = {"user-agent": "Tidings", "accept": "*/*", "accept-encoding": "identity"}
"""What is said where the caller says nothing else."""

_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "trailer"})
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_TARGET = re.compile(r"[^\x21-\x7e]")
_NO_NAME = re.compile(r"[0-9.]+")
_ADDRESS = re.compile(r"(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}")


class UnreadableUrl(ValueError):
    """Nothing can be posted to this URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: a name in ASCII, or an address without brackets. `begin` is the request line and Host."""

    host: str
    is_address: bool
    port: int
    is_tls: bool
    begin: str


@lru_cache(4096)
def target(url: str) -> Target:
    """Raises UnreadableUrl. Every escape stays as the URL's author wrote it, since a token in it may be signed; what
    cannot be sent as it stands is escaped."""
    try:
        read = URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)
        host, port, path, name = read.raw_host, read.port, read.raw_path_qs, read.host_port_subcomponent
    except ValueError:
        raise UnreadableUrl(url) from None
    if read.scheme not in ("http", "https") or not host or not port or not name or read.raw_user is not None:
        raise UnreadableUrl(url)
    is_address = ":" in host or bool(_ADDRESS.fullmatch(host))
    # 2130706433 and 127.1 are numbers that the system would take for an address.
    if _NO_NAME.fullmatch(host) and not is_address:
        raise UnreadableUrl(url)
    if _NO_TARGET.search(path) or _NO_TARGET.search(name):
        raise UnreadableUrl(url)
    return Target(host, is_address, port, read.scheme == "https", f"POST {path} HTTP/1.1\r\nHost: {name}\r\n")


def head(to: Target, headers: Mapping[str, str], length: int) -> bytes:
    """All that goes in front of a body of `length` bytes.

    Raises ValueError, which names the header and not its value, when one would end its line or say where the body ends.
    """
    values = "".join(headers.values())
    if "\r" in values or "\n" in values or "\0" in values:
        named = next(name for name, value in headers.items() if any(sign in value for sign in "\r\n\0"))
        raise ValueError(f"the header {named[:60]!r} has a line break or a null in its value")
    given = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    return f"{to.begin}{_ours_beside(tuple(headers))}{given}Content-Length: {length}\r\n\r\n".encode()


@lru_cache(4096)
def _ours_beside(given: tuple[str, ...]) -> str:
    for name in given:
        if not _NAME.fullmatch(name) or name.lower() in _FRAMING:
            raise ValueError(f"{name[:60]!r} cannot be the name of a header that is given")
    said = set(map(str.lower, given))
    return "".join([f"{name.title()}: {value}\r\n" for name, value in _OURS.items() if name not in said])
