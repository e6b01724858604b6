"""What an instance is called: its name and tags, as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidings.core.errors import InvalidInput

LONGEST = 255
MOST_TAGS = 100

# Markup around a text of that length; more of it would take long to strip.
_LONGEST_WRITTEN = 4 * LONGEST

# A tag that is never closed counts too: a browser would close it at the next ">" of the page it stands in.
_MARKUP = re.compile(r"<[/!?a-zA-Z][^>]*(?:>|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plain(text: str, field: str) -> str:
    """`text` without markup, inner text kept (spec platform.md 3.1); raises InvalidInput when nothing is left.

    >>> plain('<a href="https://example.com">xss-text</a>', "name")
    'xss-text'
    """
    if not writable(text):
        raise InvalidInput(field, "contains half of a surrogate pair; write whole characters")
    if len(text) > _LONGEST_WRITTEN:
        raise InvalidInput(field, f"has {len(text)} characters; write at most {LONGEST}")
    stripped, before = text, None
    while stripped != before:
        stripped, before = _MARKUP.sub("", stripped), stripped
    stripped = _CONTROL.sub(" ", stripped).strip()
    if not stripped:
        raise InvalidInput(field, "is empty, or only markup; write plain text")
    if len(stripped) > LONGEST:
        raise InvalidInput(field, f"has {len(stripped)} characters; write at most {LONGEST}")
    return stripped


def plain_tags(tags: Sequence[str], field: str = "tags") -> tuple[str, ...]:
    """Each tag as plain text, the first of equal ones kept; raises InvalidInput when there are more than MOST_TAGS."""
    if len(tags) > MOST_TAGS:
        raise InvalidInput(field, f"has {len(tags)} tags; write at most {MOST_TAGS}")
    return tuple(dict.fromkeys(plain(tag, f"{field}[{index}]") for index, tag in enumerate(tags)))


def writable(text: str) -> bool:
    """Whether the text can be written as UTF-8; JSON can spell half of a surrogate pair, which cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
