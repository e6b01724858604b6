"""Which booleans, numbers and spans a configuration value stands for: they come as JSON or as text."""

import math
import re
from typing import Any, Final

from tidings.core.errors import InvalidInput

LONGEST_MINUTES: Final = 100 * 366 * 24 * 60.0
_DECIMAL: Final = re.compile(r"\d{1,40}(?:\.\d{0,20})?|\.\d{1,20}")


class ConfigError(InvalidInput):
    """A configuration value cannot be used: `field` is its key, `message` says what to write instead."""


def is_blank(value: Any) -> bool:
    """Whether the value was left out: absent, or text of spaces."""
    return value is None or (isinstance(value, str) and not value.strip())


def boolean(value: Any, field: str) -> bool:
    """A JSON boolean, or `true` or `false` as text in any case. Raises ConfigError."""
    known = {"true": True, "false": False}.get(str(value).strip().lower())
    if known is None:
        raise ConfigError(field, f"is {_shown(value)}: write true or false")
    return known


def decimal(value: Any, field: str, unit: str, *, least: float = 0.0) -> float:
    """A number of `unit` (its plural), JSON or text, not less than `least`. Raises ConfigError."""
    number = _number(value)
    if number is None:
        raise ConfigError(field, f"is {_shown(value)}: write a number of {unit}, such as 15 or 0.5")
    if number < least:
        raise ConfigError(field, f"is {_shown(value)}: write {least:g} {unit} or more")
    return number


def whole(value: Any, field: str, unit: str, *, least: int = 0) -> int:
    """A whole number of `unit`, JSON or text, from `least` to 2^31. Raises ConfigError."""
    number = _number(value)
    if number is None or number != int(number) or not least <= number < 2**31:
        raise ConfigError(field, f"is {_shown(value)}: write a whole number of {unit}, {least} or more")
    return int(number)


def interval(value: Any, floor_seconds: float, field: str = "event.poller.refresh_interval") -> float:
    """A span in minutes, decimals allowed; more than a hundred years are a hundred years.

    Raises ConfigError for what is no number and for less than `floor_seconds`.
    """
    number = _number(value)
    if number is None:
        raise ConfigError(field, f"is {_shown(value)}: write minutes as a number, such as 15 or 0.5")
    if number * 60 < floor_seconds:
        raise ConfigError(
            field, f"is {_shown(value)} minutes: write {floor_seconds / 60:.4g} ({floor_seconds:g} s) or more"
        )
    return min(number, LONGEST_MINUTES)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value := value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -1e300 < value < 1e300 and not math.isnan(value) else None


def _shown(value: Any) -> str:
    text = str(value)
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`"
