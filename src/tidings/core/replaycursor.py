"""Where does a replay's lane go on, and what does it remember of its receiver?"""

from __future__ import annotations

import msgspec

from tidings.core.breaker import Breaker
from tidings.core.model import Moment
from tidings.core.pace import Pace


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    """A notification at or before the replay's position that has not arrived: tried so often, and due again then."""

    number: int
    tries: int
    due_at: Moment


class ReplayCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stored with the lane, as JSON, in the transaction that stores the replay's position."""

    waiting: tuple[Waiting, ...] = ()
    number: int = 0  #: of the last notification at or before the position, where only some are sent
    breaker: Breaker = Breaker()
    pace: Pace = Pace()


def decode(cursor: bytes) -> ReplayCursor:
    """An empty cursor is that of a replay that has not begun."""
    return _decode(cursor) if cursor else ReplayCursor()


encode = msgspec.json.encode
_decode = msgspec.json.Decoder(ReplayCursor).decode
