"""Which addresses we may connect to when a user or a receiver names them.

The tables follow IANA's special-purpose registries and do not lean on the standard library's `is_global`, whose
answers differ between releases of Python.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit

from tidings.core.errors import InvalidInput

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LOCAL = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata and wire server, public by its looks
        "169.254.0.0/16",  # link-local; everybody's metadata
        "172.16.0.0/12",  # private
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks; handed out by some local proxies
        "::1/128",  # loopback
        "fc00::/7",  # unique local; Amazon's metadata
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local, deprecated
    )
)
"""Opened by `allow_private`."""

_NEVER = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # unspecified: connects to this machine
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)
"""Opened only by being listed in `allowed_networks`."""

_GLOBAL_V6 = IPv6Network("2000::/3")
# Where an IPv4 address sits inside an IPv6 one: the network, and how many bits follow the address.
_EMBEDDING = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64: how an IPv6-only machine reaches any IPv4 receiver
    (IPv6Network("2002::/16"), 80),  # 6to4
)

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback"})
_METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "metadata"})
_DOTS = re.compile("[。．｡]")
_FORBIDDEN_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")
_FORBIDDEN_IN_HOST = re.compile(r"[%<>^|`{}\"#?/@ ]")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be connected to: the public internet, and what is opened here.

    `allow_private` opens private, loopback, link-local and metadata addresses. `allowed_networks` opens what lies in
    them, whatever it is.
    """

    allow_private: bool = False
    allowed_networks: tuple[Network, ...] = ()

    def permits(self, address: str) -> bool:
        """Whether a socket may connect to this numeric address; what cannot be read is refused."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return self._permits(parsed)

    def check_url(self, url: str) -> str | None:
        """Why this URL is refused, for its author; None when nothing can be said against it without asking DNS."""
        if not url.strip():
            return "must not be empty; write the http or https address of your receiver"
        if _FORBIDDEN_IN_URL.search(url):
            return "must not contain spaces, control characters or backslashes; percent-encode them"
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError:
            return "cannot be read as a URL; write it like https://example.com/events"
        if parts.scheme not in ("http", "https"):
            return "must begin with http:// or https://"
        if parts.username is not None or parts.password is not None:
            return (
                "must not carry a user name or password before the host; a receiver's login has keys of its own, "
                "event.notification.basic.username and event.notification.basic.password"
            )
        if not host or port == 0:
            return "must name a host, and no port or one from 1 to 65535, like https://example.com/events"
        return self._check_host(host)

    def _check_host(self, host: str) -> str | None:
        plain = _DOTS.sub(".", unicodedata.normalize("NFKC", host)).lower().removesuffix(".")
        literal = literal_address(plain)
        if literal is None and (not plain or _FORBIDDEN_IN_HOST.search(plain)):
            return f"has a host that cannot be read ({host!r}); write it like https://example.com/events"
        if literal is None and (plain in _LOCAL_NAMES or plain.endswith(".localhost")):
            literal = IPv4Address("127.0.0.1")
        if literal is None and plain in _METADATA_NAMES:
            literal = IPv4Address("169.254.169.254")
        if literal is None or self._permits(literal):
            return None
        return (
            f"points at {host}, which is a private, local or reserved address; use a public one, or set "
            "TIDINGS_ALLOW_PRIVATE_NETWORKS=true or add its network to TIDINGS_ALLOWED_NETWORKS"
        )

    def _permits(self, address: Address) -> bool:
        if _within(address, self.allowed_networks):
            return True
        if isinstance(address, IPv6Address):
            for network, bits_after in _EMBEDDING:
                if address in network:
                    return self._permits(IPv4Address((int(address) >> bits_after) & 0xFFFF_FFFF))
        if _within(address, _LOCAL):
            return self.allow_private
        return not _within(address, _NEVER) and (isinstance(address, IPv4Address) or address in _GLOBAL_V6)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their CIDR form; a single address is a network of one. InvalidInput names the one that is wrong."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise InvalidInput(
                "TIDINGS_ALLOWED_NETWORKS", f"{text!r} is not a network; write it like 10.1.0.0/16 or fd00::/8"
            ) from None
    return tuple(found)


def literal_address(host: str) -> Address | None:
    """The address that a URL's host spells out, in any form that a resolver takes; None when it is a name.

    IPv4 may be written in one to four parts, each decimal, octal (`0177`) or hexadecimal (`0x7f`): `127.1`,
    `2130706433` and `0x7f.0.0.1` are all 127.0.0.1.
    """
    if ":" in host:
        try:
            return ip_address(host.partition("%")[0])
        except ValueError:
            return None
    *heads, tail = [_number(part) for part in host.split(".")]
    if tail is None or len(heads) > 3 or tail >= 256 ** (4 - len(heads)):
        return None
    value = tail
    for place, head in enumerate(heads):
        if head is None or head > 255:
            return None
        value |= head << (24 - 8 * place)
    return IPv4Address(value)


def _number(text: str) -> int | None:
    if not text.isascii() or not text.isalnum():
        return None
    try:
        if text.startswith("0x"):
            return int(text[2:] or "0", 16)
        return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)
    except ValueError:
        return None


def _within(address: Address, among: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in among)


LOOPBACK_ONLY = AddressPolicy(allowed_networks=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")))
"""The demo's: of all that is not public, this machine alone."""
