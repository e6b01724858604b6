"""What was just learned of a provider, so that it is not asked again for every call: kept for a while, in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final

from tidings.core.model import Moment

MOST: Final = 10_000


class Remembered:
    """Values by key, each until a moment; beyond MOST the oldest goes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Moment, Any]] = OrderedDict()

    def recall(self, key: Hashable, now: Moment) -> Any:
        """The value of `key`; None when there is none, or its time is over."""
        until, value = self._kept.get(key, (now, None))
        return value if now < until else None

    def keep(self, key: Hashable, value: Any, until: Moment) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (until, value)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
