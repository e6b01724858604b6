"""What type of change does a text name, and what moment a date, whoever has written them?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tidings.core.model import EventType, Moment

_WORDS = {
    **dict.fromkeys(("create", "created", "creation"), EventType.CREATED),
    **dict.fromkeys(("update", "updated"), EventType.UPDATED),
    **dict.fromkeys(("delete", "deleted", "deletion"), EventType.DELETED),
}
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_LONGEST = 255  #: of a text that is looked at

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Numbers from the first on count seconds (1973), from the second on milliseconds (1973 again).
_LEAST, _SECONDS, _MOST = 10**8, 10**11, 10**15


def type_in(text: str) -> tuple[EventType, str | None] | None:
    """The type that a word of a text names, and the word before it; None when none does.

    >>> type_in("customer.updated"), type_in("jira:issue_deleted"), type_in("contactCreation"), type_in("ping")
    ((<EventType.UPDATED: 'UPDATED'>, 'customer'), (<EventType.DELETED: 'DELETED'>, 'issue'), \
(<EventType.CREATED: 'CREATED'>, 'contact'), None)
    """
    words = _WORD.findall(text[:_LONGEST])
    for position, word in reversed([*enumerate(words)]):
        found = _WORDS.get(word.lower())
        if found is not None:
            return found, words[position - 1] if position else None
    return None


def moment_in(value: object) -> Moment | None:
    """The moment that a date stands for: ISO 8601 (UTC where it has no zone), or a number of seconds or milliseconds.

    >>> moment_in("2018-07-31T19:39:46.000+0000") == moment_in(1533065986) == moment_in("1533065986000")
    True
    """
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            return _iso(value)
        value = int(value) if len(value) < 16 else -1
    if not isinstance(value, int) or not _LEAST <= value < _MOST:
        return None
    return value * 1000 if value < _SECONDS else value


def _iso(text: str) -> Moment | None:
    try:
        read = datetime.fromisoformat(text[:64])
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        return (at - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
