"""How a text is freed of secrets before anybody keeps it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable

MASK = "********"


def scrub(text: str, secrets: Iterable[str | None]) -> str:
    """`text` with every secret masked, in any letter case and in base64 too, the longest first so that none survives
    inside another.

    >>> scrub("key S3CRET is UzNjcmV0", ["S3cret"])
    'key ******** is ********'
    """
    forms = {secret for secret in secrets if secret and len(secret) <= len(text)}
    forms |= {b64encode(secret.encode()).decode().rstrip("=") for secret in forms}
    for form in sorted(forms, key=len, reverse=True):
        text = re.sub(re.escape(form), MASK, text, flags=re.IGNORECASE)
    return text
