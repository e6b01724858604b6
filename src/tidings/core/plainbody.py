"""Does a body of JSON mean one thing only, which can be kept and answered as it is?"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from tidings.core.errors import InvalidInput
from tidings.core.naming import writable
from tidings.core.webhookbody import read_json


def refuse_odd(body: bytes) -> None:
    """Raises InvalidInput for what `read_json` refuses; NUL and half of a surrogate pair by their place; and a number
    that is larger than any.

    >>> refuse_odd(b'{"tags": ["\\\\ud83d"]}')
    Traceback (most recent call last):
    tidings.core.errors.InvalidInput: tags[0]: contains half of a surrogate pair; write whole characters
    """
    if b"\\u" in body:
        _refuse_texts(_read_anyhow(body))
    read_json(body, _finite)


def _read_anyhow(body: bytes) -> Any:
    """What it may mean; None when it cannot be read at all, of which more can be said than what stands in it."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise InvalidInput("body", f"has the number {text[:40]}, which is too large to be kept; write it as text")
    return number


def _refuse_texts(value: Any) -> None:
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        place, each = left.pop()
        match each:
            case str() if reason := _odd(each):
                raise InvalidInput(place or "body", reason)
            case list():
                left.extend((f"{place}[{at}]", one) for at, one in enumerate(each))
            case dict():
                if reason := next(filter(None, map(_odd, each)), None):
                    raise InvalidInput(place or "body", f"has a name that {reason}")
                left.extend((f"{place}.{name}" if place else name, one) for name, one in each.items())


def _odd(text: str) -> str | None:
    if "\x00" in text:
        return "contains NUL; leave it out"
    return None if writable(text) else "contains half of a surrogate pair; write whole characters"
