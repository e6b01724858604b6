"""How a text is freed of secrets before anybody keeps it."""

from __future__ import annotations

from collections.abc import Iterable

MASK = "********"


def scrub(text: str, secrets: Iterable[str | None]) -> str:
    """`text` with every secret masked, the longest first so that none survives inside another."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
