"""Is what came to my receiver really a notification of Tidings?

For receivers written in Python. Needs nothing but the standard library and nothing else of this package: a receiver
may install Tidings for it, or keep a copy of this one file.

    from tidings import webhooks

    try:
        webhooks.verify(request.headers, request.body, "the signature key of the instance")
    except webhooks.NotVerified as why:
        return 401, str(why)
"""

from __future__ import annotations

import binascii
import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence

__all__ = ["NotVerified", "key_bytes", "verify"]

TOLERANCE = 300.0
"""Seconds by which the sender's clock and ours may differ; an older request is taken for a replay by a stranger."""


class NotVerified(ValueError):
    """The request is not ours, was changed on its way, or is sent again by a stranger; its text says which."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    key: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE,
    timed: bool = True,
    clock: Callable[[], float] = time.time,
) -> None:
    """Return when `body` was signed with `key`, or with one of several; raise `NotVerified` otherwise.

    `headers` may spell their names in any case; `body` must be the bytes as they came, before anybody parsed them.
    Checks `webhook-id`, `webhook-timestamp` and `webhook-signature` (standardwebhooks.com). With `timed=False` a
    request without those is accepted when its `Elements-Webhook-Signature` is right, which protects from no replay.
    """
    keys = [each for each in ([key] if isinstance(key, str) else key) if each]
    if not keys:
        raise NotVerified("there is no key to verify with")
    given = {name.lower(): value for name, value in headers.items()}
    if "webhook-signature" in given or timed:
        return _verify_standard(given, body, keys, tolerance, clock())
    expected = ["sha256=" + b64encode(hmac.digest(each.encode(), body, "sha256")).decode() for each in keys]
    return _compare(given.get("elements-webhook-signature", "").split(), expected, "Elements-Webhook-Signature")


def key_bytes(key: str) -> bytes:
    """What a key signs with by Standard Webhooks: `whsec_` is followed by base64; any other key is its UTF-8.

    Raises ValueError when what follows `whsec_` is no base64.
    """
    if not key.startswith("whsec_"):
        return key.encode()
    try:
        return b64decode(key[6:], validate=True)
    except binascii.Error:
        raise ValueError("what follows whsec_ in a signature key must be base64") from None


def _verify_standard(given: Mapping[str, str], body: bytes, keys: Sequence[str], tolerance: float, now: float) -> None:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not given.get(name):
            raise NotVerified(f"the header {name} is missing")
    sent_at = given["webhook-timestamp"]
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 15):
        raise NotVerified("webhook-timestamp is not a number of seconds")
    if abs(now - int(sent_at)) > tolerance:
        raise NotVerified(f"webhook-timestamp is more than {tolerance:g} s away from the receiver's clock")
    signed = f"{given['webhook-id']}.{sent_at}.".encode("utf-8", "surrogateescape") + body
    expected = ["v1," + b64encode(hmac.digest(key_bytes(each), signed, "sha256")).decode() for each in keys]
    _compare(given["webhook-signature"].split(), expected, "webhook-signature")


def _compare(given: Sequence[str], expected: Sequence[str], name: str) -> None:
    # As bytes: the comparison refuses text beyond ASCII, which a stranger may send. No early end: time tells nothing.
    matches = [
        hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
        for one in given[:10]
        for other in expected
    ]
    if not any(matches):
        raise NotVerified(f"{name} was not made with this key over these bytes")
