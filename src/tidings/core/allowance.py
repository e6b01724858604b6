"""How many calls may somebody make, when so many a minute are allowed? A bucket that fills as time passes."""

from __future__ import annotations

from dataclasses import dataclass

from tidings.core.model import Moment

MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many calls could be made at a moment; a minute's worth at the most, which is what one begins with."""

    left: float
    at: Moment


def spend(allowance: Allowance | None, a_minute: int, now: Moment) -> tuple[Allowance, float]:
    """The allowance after one more call, and 0; or, when there is none left, unspent and the seconds until there is.

    >>> spend(None, 60, 0)
    (Allowance(left=59.0, at=0), 0.0)
    >>> spend(Allowance(0.25, 0), 60, 500)
    (Allowance(left=0.75, at=500), 0.25)
    """
    left = float(a_minute) if allowance is None else allowance.left
    since = 0 if allowance is None else max(0, now - allowance.at)
    left = min(float(a_minute), left + since * a_minute / MINUTE)
    if left < 1:
        return Allowance(left, now), (1 - left) * 60 / a_minute
    return Allowance(left - 1, now), 0.0
