"""Whose webhook is it, when it names no instance? `event.notification.instance.finder` (spec platform.md 4.2).

It is written `configKey|payload.path`: the instances whose value of the key stands at the path of what arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidings.core import recordpath
from tidings.core.arrival import values_at
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import ConfigurationKey

FINDER = "event.notification.instance.finder"


def read(text: str, field: str) -> tuple[str, tuple[str, ...]]:
    """The key and the names on the way to the value. Raises InvalidInput for `field`.

    >>> read("oauth.user.id|userId", FINDER)
    ('oauth.user.id', ('userId',))
    """
    key, bar, path = text.partition("|")
    if not bar or not key.strip() or not path.strip():
        raise InvalidInput(field, "is no finder; write a configuration key, a bar and a path: oauth.user.id|user.id")
    try:
        return key.strip(), recordpath.read(path)
    except ValueError as error:
        raise InvalidInput(field, str(error)) from None


def check(text: str, field: str, keys: Sequence[ConfigurationKey]) -> None:
    """Raises InvalidInput where the finder names no key of the element, or a secret: what is found is no secret."""
    name, _ = read(text, field)
    key = next((each for each in keys if each.key == name), None)
    if key is None:
        raise InvalidInput(field, f"names {name[:100]!r}, which is no configuration key of this element")
    if key.secret:
        raise InvalidInput(field, f"names {name}, which is a secret that strangers could guess at; name another key")


def finds(configuration: Mapping[str, str | None], default: str | None, value: Any) -> bool:
    """Whether an instance is meant by what arrived; `default` is the finder of its element.

    >>> finds({"company": "acme", FINDER: "company|account"}, None, {"account": ["acme"]})
    True
    """
    text = configuration.get(FINDER) or default
    if not text:
        return False
    try:
        key, path = read(text, FINDER)
    except InvalidInput:
        return False
    return bool(wanted := configuration.get(key)) and wanted in values_at(value, path)
