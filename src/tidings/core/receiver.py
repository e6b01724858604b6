"""What may be said to a receiver besides the notification: headers of its own, and a login?"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import orjson

from tidings.core.errors import InvalidInput
from tidings.core.subscription import Basic, Subscription

MOST_HEADERS: Final = 20
LONGEST_HEADER: Final = 4096
"""Characters of a header's name and value together."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"),
        *("transfer-encoding", "upgrade", "host", "content-length", "content-type", "content-encoding", "expect"),
        "accept-encoding",
    }
)
_OURS = ("elements-webhook-", "webhook-", "tidings-")


def check_headers(given: Mapping[str, object], field: str) -> dict[str, str]:
    """The headers as they are sent. Raises InvalidInput for `field`, naming the header and never its value."""
    if len(given) > MOST_HEADERS:
        raise InvalidInput(field, f"has {len(given)} headers; write {MOST_HEADERS} at the most")
    found: dict[str, str] = {}
    for name, value in given.items():
        plain = name.lower()
        shown = repr(name[:60])
        if not _NAME.fullmatch(name):
            raise InvalidInput(field, f"has {shown}, which is no name of a header; write letters, digits and dashes")
        if plain in _CONNECTION:
            raise InvalidInput(field, f"sets {shown}, which belongs to the connection or the body; leave it out")
        if plain.startswith(_OURS):
            raise InvalidInput(field, f"sets {shown}, which says what Tidings says itself; leave it out")
        if not isinstance(value, str) or not _VALUE.fullmatch(value) or value != value.strip():
            raise InvalidInput(
                field,
                f"has a value of {shown} that cannot be sent; write text of one line in ASCII, without outer spaces",
            )
        if len(name) + len(value) > LONGEST_HEADER:
            raise InvalidInput(field, f"has {len(value)} characters in {shown}; write {LONGEST_HEADER} at the most")
        if plain in map(str.lower, found):
            raise InvalidInput(field, f"sets {shown} twice; write it once")
        found[name] = value
    return found


def read_headers(text: str | None, field: str) -> dict[str, str]:
    """The headers that a configuration value holds as a JSON object. Raises InvalidInput for `field`."""
    if text is None:
        return {}
    try:
        given = orjson.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInput(field, 'is no JSON object; write {"X-Api-Key": "…"}')
    return check_headers(given, field)


def check_basic(
    username: str | None, password: str | None, field: str, headers: Mapping[str, str] | None = None
) -> Basic | None:
    """The login, None when neither is given. Raises InvalidInput naming `field` with `username` or `password`."""
    if username is None and password is None:
        return None
    if username is None:
        raise InvalidInput(f"{field}username", "is missing; write the user's name that belongs to the password")
    if ":" in username:
        raise InvalidInput(f"{field}username", "must not contain a colon")
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in username + (password or "")):
        raise InvalidInput(field + "username", "and the password must not contain control characters")
    if any(name.lower() == "authorization" for name in headers or ()):
        raise InvalidInput(f"{field}username", "and an Authorization header cannot both be sent; write one of them")
    return Basic(username, password or "")


def receiver_headers(subscription: Subscription) -> dict[str, str]:
    """What the subscription adds to each of its POSTs."""
    sent = dict(subscription.headers)
    if subscription.basic is not None:
        sent["Authorization"] = f"Basic {_credentials(subscription.basic)}"
    return sent


def secrets_of(subscription: Subscription) -> list[str]:
    """All that a receiver knows and that nobody else may read in what it answers."""
    values = [part for value in subscription.headers.values() for part in (value, value.partition(" ")[2])]
    found = [each.key for each in subscription.keys]
    # What is as short as "1" is no secret, and masking it would leave nothing to read.
    found += [each for each in values if len(each) > 3]
    if subscription.basic is not None:
        found += [subscription.basic.password, _credentials(subscription.basic)]
    return found


def _credentials(basic: Basic) -> str:
    return b64encode(f"{basic.username}:{basic.password}".encode()).decode()
