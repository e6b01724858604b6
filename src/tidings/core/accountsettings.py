"""What can be set for an account, and how is it shown? (spec platform.md 5.4)

A map of names to texts: those that mean something here are checked, all others are kept as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tidings.core.configvalues import decimal
from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import MASK, as_text
from tidings.core.model import FailurePolicy
from tidings.core.naming import writable
from tidings.core.signing import check_key

POLICY: Final = "notification.webhook.failure.policy"
RETENTION: Final = "retention.days"
NOTICES_URL: Final = "notices.url"
NOTICES_KEY: Final = "notices.key"

SECRET: Final = frozenset({NOTICES_KEY})
"""Encrypted in the store, and shown as the mask."""

MOST_SETTINGS: Final = 100
LONGEST_NAME: Final = 255
LONGEST_VALUE: Final = 4096
SHORTEST_KEY: Final = 8
MOST_DAYS: Final = 36_500.0

RefuseUrl = Callable[[str], str | None]


def changes_of(given: Mapping[str, Any], stored: Mapping[str, str], refuse_url: RefuseUrl) -> dict[str, str | None]:
    """What of an account's settings is to be written; None where one is to be removed. Raises InvalidInput by name."""
    changes: dict[str, str | None] = {}
    for name, value in given.items():
        if not name.strip() or len(name) > LONGEST_NAME or not writable(name):
            raise InvalidInput("body", f"has a name that is blank or over {LONGEST_NAME} characters; write another")
        text = as_text(value, name)
        if text is None or (name in _RULES and not text.strip()):
            changes[name] = None
            continue
        if name in SECRET and text == MASK:
            if name not in stored:
                raise InvalidInput(name, f"{MASK} stands for a stored value and there is none; write the real one")
            continue
        if len(text) > LONGEST_VALUE:
            raise InvalidInput(name, f"has {len(text)} characters; write {LONGEST_VALUE} at the most")
        if name in _RULES:
            _RULES[name](name, text, refuse_url)
        changes[name] = text
    if len({*stored, *(name for name, text in changes.items() if text is not None)}) > MOST_SETTINGS:
        raise InvalidInput("body", f"makes more than {MOST_SETTINGS} settings; remove some with null first")
    return changes


def shown(stored: Mapping[str, str]) -> dict[str, str]:
    """The map as the API answers it: with the policy in force, and secrets masked."""
    return {POLICY: FailurePolicy.RETRY.value} | {
        name: MASK if name in SECRET else value for name, value in stored.items()
    }


def receiver_of_notices(
    stored: Mapping[str, str], url: str | None, key: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Where an account's notices are sent, and the keys that sign them: its own, or else the server's `url` and `key`.

    The server's key signs nothing that goes to an account's own receiver.
    """
    own = stored.get(NOTICES_URL)
    chosen = (own, stored.get(NOTICES_KEY)) if own else (url, key)
    return chosen[0], (chosen[1],) if chosen[1] else ()


def _policy(name: str, text: str, refuse_url: RefuseUrl) -> None:
    if text not in list(FailurePolicy):
        raise InvalidInput(name, f"is {text[:40]!r}: write {' or '.join(FailurePolicy)}")


def _days(name: str, text: str, refuse_url: RefuseUrl) -> None:
    if decimal(text, name, "days") > MOST_DAYS:
        raise InvalidInput(name, f"is {text[:40]}: write {MOST_DAYS:g} days at the most, or 0 to keep everything")


def _url(name: str, text: str, refuse_url: RefuseUrl) -> None:
    reason = refuse_url(text)
    if reason is not None:
        raise InvalidInput(name, reason)


def _key(name: str, text: str, refuse_url: RefuseUrl) -> None:
    if len(text) < SHORTEST_KEY:
        raise InvalidInput(name, f"has fewer than {SHORTEST_KEY} characters; write a longer key")
    check_key(name, text)


_RULES: Final[Mapping[str, Callable[[str, str, RefuseUrl], None]]] = {
    POLICY: _policy,
    RETENTION: _days,
    NOTICES_URL: _url,
    NOTICES_KEY: _key,
}
