"""How a receiver can tell that a notification is ours: the signatures and the headers that carry them."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import lru_cache

from tidings.core.errors import InvalidInput
from tidings.core.model import JSON

ID_HEADER = "Elements-Webhook-Id"
SIGNATURE_HEADER = "Elements-Webhook-Signature"
STANDARD_PREFIX = "whsec_"


def platform_signature(key: str, body: bytes) -> str:
    """`sha256=` and the base64 of HMAC-SHA256 over the exact bytes of the body (spec platform.md 4.8).

    >>> platform_signature("Jefe", b"what do ya want for nothing?")
    'sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM='
    """
    return "sha256=" + _mac(key.encode(), body)


def standard_signature(key: str, notification_id: str, sent_at: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, time (epoch seconds) and body, as standardwebhooks.com has it.

    A key that begins with `whsec_` signs with the bytes that follow it in base64, any other with its UTF-8.
    """
    return "v1," + _mac(_standard_key(key), f"{notification_id}.{sent_at}.".encode(), body)


def headers(
    notification_id: str, body: bytes, keys: Sequence[str], sent_at: int, content_type: str = JSON
) -> dict[str, str]:
    """What goes in front of a notification's body at an attempt made at `sent_at` (epoch seconds).

    `keys` are those in force; without one nothing is signed. The platform's header has room for a single signature,
    that of the first key; `webhook-signature` carries one of each.
    """
    sent = {
        "Content-Type": content_type,
        ID_HEADER: notification_id,
        "webhook-id": notification_id,
        "webhook-timestamp": str(sent_at),
    }
    if keys:
        sent[SIGNATURE_HEADER] = platform_signature(keys[0], body)
        sent["webhook-signature"] = " ".join(standard_signature(key, notification_id, sent_at, body) for key in keys)
    return sent


def check_key(name: str, key: str) -> None:
    """Raises `InvalidInput` for `name` when the key cannot sign."""
    try:
        _standard_key(key)
    except ValueError:
        raise InvalidInput(name, f"what follows {STANDARD_PREFIX} must be base64") from None


def _mac(key: bytes, *parts: bytes) -> str:
    mac = _begun(key).copy()
    for part in parts:
        mac.update(part)
    return b64encode(mac.digest()).decode()


@lru_cache(1024)
def _begun(key: bytes) -> hmac.HMAC:
    """What a key's signatures have in common, which is a quarter of the work for a small body."""
    return hmac.new(key, digestmod="sha256")


def _standard_key(key: str) -> bytes:
    return b64decode(key[6:], validate=True) if key.startswith(STANDARD_PREFIX) else key.encode()
