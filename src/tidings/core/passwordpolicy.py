"""Which passwords are good enough? An organization's rules and what a password lacks (spec platform.md 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidings.core.errors import InvalidInput
from tidings.core.model import Moment
from tidings.core.naming import writable

SHORTEST: Final = 8
LONGEST: Final = 200
MOST_OF_A_KIND: Final = 10
MOST_PREVIOUS: Final = 9
MOST_DAYS: Final = 3650
DAY: Final = 24 * 3_600_000
SYMBOLS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
SHORTEST_NAME: Final = 3  # shorter ones are in half of all good passwords


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """The rules of one organization: at least so many characters, and of them so many of each kind.

    `symbols` are the special characters that count, `previous` of the former passwords cannot be used again, and a
    password is good for `expires_after` days (0: for ever).
    """

    min_length: int = SHORTEST
    min_uppercase: int = 1
    min_lowercase: int = 1
    min_numbers: int = 1
    min_symbols: int = 1
    symbols: str = SYMBOLS
    previous: int = 0
    expires_after: int = 0


NAMES: Final[Mapping[str, str]] = {
    "minLength": "min_length",
    "minUppercase": "min_uppercase",
    "minLowercase": "min_lowercase",
    "minNumbers": "min_numbers",
    "minSymbols": "min_symbols",
    "symbolCharacterSet": "symbols",
    "previousPasswordCount": "previous",
    "expirationDays": "expires_after",
}
"""The platform's names of the rules."""

_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "minLength": (SHORTEST, LONGEST),
    "minUppercase": (0, MOST_OF_A_KIND),
    "minLowercase": (0, MOST_OF_A_KIND),
    "minNumbers": (0, MOST_OF_A_KIND),
    "minSymbols": (0, MOST_OF_A_KIND),
    "previousPasswordCount": (0, MOST_PREVIOUS),
    "expirationDays": (0, MOST_DAYS),
}


@dataclass(frozen=True, slots=True)
class Whose:
    """What of a person their password must not contain."""

    first_name: str
    last_name: str
    email: str


def policy_of(given: Mapping[str, Any]) -> PasswordPolicy:
    """The rules that a client wrote; what it left out is as at first, other members are dropped.

    Raises InvalidInput naming the member.
    """
    values: dict[str, Any] = {}
    for name, (least, most) in _BOUNDS.items():
        value = given.get(name)
        if value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            raise InvalidInput(name, f"must be a whole number from {least} to {most}")
        values[NAMES[name]] = value
    symbols = given.get("symbolCharacterSet")
    if symbols is not None:
        values["symbols"] = _symbols(symbols)
    policy = PasswordPolicy(**values)
    if policy.min_symbols and not policy.symbols:
        raise InvalidInput("symbolCharacterSet", "is empty, and minSymbols asks for some of them")
    return policy


def shown(policy: PasswordPolicy) -> dict[str, object]:
    """As the API answers it, by the platform's names."""
    return {name: getattr(policy, own) for name, own in NAMES.items()}


def lacking(password: str, policy: PasswordPolicy, whose: Whose) -> list[str]:
    """What is wrong with a password, each as a piece of a sentence; nothing when it may be used.

    >>> lacking("ada", PasswordPolicy(min_symbols=0), Whose("Ada", "King", "ada@example.com"))[1]
    'at least 1 numeric character'
    """
    folded = password.casefold()
    parts = [f"at most {LONGEST} characters"] if len(password) > LONGEST else []
    if len(password) < policy.min_length:
        parts.append(f"at least {policy.min_length} characters")
    for least, have, kind in (
        (policy.min_numbers, sum(c.isdecimal() for c in password), "numeric"),
        (policy.min_uppercase, sum(c.isupper() for c in password), "uppercase"),
        (policy.min_lowercase, sum(c.islower() for c in password), "lowercase"),
        (policy.min_symbols, sum(c in policy.symbols for c in password), "special"),
    ):
        if have < least:
            which = f" of {policy.symbols}" if kind == "special" else ""
            parts.append(f"at least {least} {kind} character{'s' if least > 1 else ''}{which}")
    for name, what in (
        (whose.first_name, "first name"),
        (whose.last_name, "last name"),
        (whose.email, "username"),
        (whose.email.partition("@")[0], "username"),
    ):
        said = f"not the {what} in it"
        if len(name) >= SHORTEST_NAME and name.casefold() in folded and said not in parts:
            parts.append(said)
    return parts


def check(password: str, policy: PasswordPolicy, whose: Whose, field: str = "password") -> None:
    """Raises InvalidInput with everything that is wrong with the password, which is not in the message."""
    if not writable(password) or "\0" in password:
        raise InvalidInput(field, "holds a character that cannot be written; use others")
    if parts := lacking(password, policy, whose):
        raise InvalidInput(field, f"must have {', '.join(parts)}")


def has_expired(set_at: Moment, policy: PasswordPolicy, now: Moment) -> bool:
    """Whether a password that was set then is too old to log in with."""
    return policy.expires_after > 0 and now - set_at >= policy.expires_after * DAY


def _symbols(value: object) -> str:
    if not isinstance(value, str) or any(c.isalnum() or not "!" <= c <= "~" for c in value):
        raise InvalidInput("symbolCharacterSet", "must be the special characters that count, such as !@#$%")
    return "".join(dict.fromkeys(value))
