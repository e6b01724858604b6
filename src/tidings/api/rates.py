"""Has this caller called too often? So many calls a minute for each user, and so many failed logins for each name."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from tidings.api.problems import Refused
from tidings.core.allowance import Allowance, spend
from tidings.core.model import Moment

MOST_CALLERS = 10_000
"""Of how many it is remembered what they have left; the one who has not called for longest is forgotten."""


class TooMany(Refused):
    """429, and in how many seconds to try again."""

    def __init__(self, message: str, wait_for: float) -> None:
        wait = math.ceil(wait_for)
        super().__init__(429, f"{message}; try again in {wait} s")
        self.problem = replace(self.problem, headers={"Retry-After": str(wait)})


class Rates:
    """What each caller of this process may still do in this minute; where `a_minute` is 0, nothing is counted."""

    def __init__(self) -> None:
        self._left: OrderedDict[Hashable, Allowance] = OrderedDict()

    def spend(self, who: Hashable, a_minute: int, now: Moment, what: str) -> None:
        """One more by this caller. Raises TooMany when there is none left."""
        if not a_minute:
            return
        allowance, wait_for = spend(self._left.get(who), a_minute, now)
        self._left[who] = allowance
        self._left.move_to_end(who)
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        if wait_for:
            raise TooMany(what, wait_for)

    def look(self, who: Hashable, a_minute: int, now: Moment, what: str) -> None:
        """Raises TooMany when one more would be too many; counts nothing."""
        if a_minute and who in self._left:
            _, wait_for = spend(self._left[who], a_minute, now)
            if wait_for:
                raise TooMany(what, wait_for)
