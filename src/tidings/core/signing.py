"""How a receiver can tell that a notification is ours: the signature and the headers that carry it."""

from __future__ import annotations

import hmac
from base64 import b64encode

ID_HEADER = "Elements-Webhook-Id"
SIGNATURE_HEADER = "Elements-Webhook-Signature"


def platform_signature(key: str, body: bytes) -> str:
    """`sha256=` and the base64 of HMAC-SHA256 over the exact bytes of the body (spec platform.md 4.8).

    >>> platform_signature("Jefe", b"what do ya want for nothing?")
    'sha256=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM='
    """
    return "sha256=" + b64encode(hmac.digest(key.encode(), body, "sha256")).decode()


def headers(notification_id: str, body: bytes, key: str | None) -> dict[str, str]:
    """What goes in front of a notification's body; without a signature when there is no key to sign with."""
    sent = {"Content-Type": "application/json", ID_HEADER: notification_id}
    if key:
        sent[SIGNATURE_HEADER] = platform_signature(key, body)
    return sent


def verify(key: str, body: bytes, signature: str | None) -> bool:
    """Whether `signature` is the one that `key` gives `body`; takes as long for a near miss as for a far one."""
    if not key or signature is None:
        return False
    # As bytes: the comparison refuses text beyond ASCII, which a stranger may send.
    return hmac.compare_digest(platform_signature(key, body).encode(), signature.encode("utf-8", "surrogateescape"))
