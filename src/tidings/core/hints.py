"""What is a hint of a provider worth? Whether it is signed, where its key may be asked for, and what it may hurry.

A hint says that something has changed; what has changed is read from the provider as ever.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Mapping
from enum import Enum
from hashlib import blake2b, sha256
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tidings.core.cursor import decode, due_at
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import FIELD
from tidings.core.model import Lane, LaneState, Moment
from tidings.core.plan import HINTS, is_on

_PORTS = {"http": 80, "https": 443}


class HintMemory(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a hint lane remembers; stored as JSON with the lane. The registrations themselves are the provider's."""

    address: str = ""  #: the digest of the address under which they were last found or made
    types: tuple[str, ...] = ()  #: the types of records for which one stands at the provider
    verified_at: Moment = 0  #: when that was last seen to be so, by our clock
    clear: bool = False  #: nothing of ours stands there


ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(HintMemory).decode


def remembered(stored: bytes) -> HintMemory:
    return _DECODE(stored) if stored else HintMemory()


def digest(address: str) -> str:
    """What is remembered of an address, which holds a token and is therefore not stored in clear."""
    return blake2b(address.encode(), digest_size=16).hexdigest()


def signature(key: str, body: bytes) -> str:
    """The base64 of HMAC-SHA256 over the exact bytes, keyed with the SHA-256 of the key's text.

    Spec connectwise.md 6.4.

    >>> signature("secret", b'{"ID":1}')
    'P4fzi2Mk/ZJ26ddnC2+RyR0XCiyXwhehKIQEAZpEp8k='
    """
    return b64encode(hmac.digest(sha256(key.encode()).digest(), body, "sha256")).decode()


def is_signed(key: str, body: bytes, given: str) -> bool:
    """Whether `given` is the body's signature; takes as long for a wrong one."""
    return hmac.compare_digest(signature(key, body).encode(), given.strip().encode())


def may_ask_for_key(address: str, base: str, *, path: str, query: Mapping[str, str], host_prefix: str = "") -> bool:
    """Whether the address of a key, which anybody may have written, is one where the provider at `base` keeps its keys.

    It is on the provider's own host (that of `base`, with or without `host_prefix` in front), at its port and by its
    scheme or else by https, its path ends with `path`, and `query` stands in it, in any letter case.
    """
    if not (address.isascii() and address.isprintable()) or re.search(r"[\s\\#]", address):
        return False
    try:
        asked, ours = urlsplit(address), urlsplit(base)
        asked_port, our_port = asked.port or _PORTS[asked.scheme], ours.port or _PORTS[ours.scheme]
    except (ValueError, KeyError):
        return False
    host = (ours.hostname or "").lower()
    at_home = (asked.scheme, asked_port) == (ours.scheme, our_port) or (asked.scheme, asked_port) == ("https", 443)
    if not at_home or asked.hostname not in {host, host.removeprefix(host_prefix)} or "@" in asked.netloc:
        return False
    plain = re.sub("/+", "/", asked.path)
    if not plain.lower().endswith(path.lower()) or "%" in plain or ".." in plain:
        return False
    named = [(name.lower(), value.casefold()) for name, value in parse_qsl(asked.query, keep_blank_values=True)]
    return all(
        [value for found, value in named if found == name.lower()] == [wanted.casefold()]
        for name, wanted in query.items()
    )


class Haste(Enum):
    """What a hint does to a poll lane."""

    NOW = "now"  #: its poll becomes due
    LATER = "later"  #: somebody works on it, or it is still learning what is there
    NONE = "none"  #: a poll is due anyway, or the lane waits for a reason that no hint takes away


def haste(lane: Lane, now: Moment) -> Haste:
    """Whether a lane, as it is stored, may be polled at once: never ahead of what it was told to wait for."""
    if lane.state is not LaneState.READY:
        return Haste.NONE
    cursor = decode(lane.cursor)
    if lane.owner is not None:
        return Haste.LATER
    if not cursor.baselined or cursor.main is not None:
        return Haste.NONE if lane.attempt else Haste.LATER
    is_held_back = lane.attempt > 0 or lane.due_at > due_at(cursor)
    return Haste.NOW if cursor.poll_at > now and not is_held_back else Haste.NONE


def refuse_hints(values: Mapping[str, str | None], *, possible: bool, public_url: str | None) -> None:
    """Raises InvalidInput naming the key when hints are switched on and cannot arrive.

    `values` are the completed configuration; `possible` says whether the element's provider gives hints.
    """
    if not is_on(values.get(HINTS), HINTS):
        return
    if not possible:
        raise InvalidInput(FIELD + HINTS, "is true, but this element's provider gives no hints; write false")
    if not public_url:
        raise InvalidInput(
            FIELD + HINTS,
            "is true, but no address is known under which the provider reaches this server; start the server with "
            "TIDINGS_PUBLIC_URL (--public-url), or write false",
        )
