"""Where does a delivery lane go on, and what does it remember of its receiver?"""

from __future__ import annotations

import msgspec

from tidings.core.breaker import Breaker
from tidings.core.pace import Pace


class DeliveryCursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stored with the lane, as JSON, in the transaction that stores what it passed."""

    offset: int = 0  #: the last sequence that the subscription has, or that a delivery row speaks for
    breaker: Breaker = Breaker()
    pace: Pace = Pace()


def decode(cursor: bytes) -> DeliveryCursor:
    """An empty cursor is that of a lane that has delivered nothing yet."""
    return _decode(cursor) if cursor else DeliveryCursor()


encode = msgspec.json.encode
_decode = msgspec.json.Decoder(DeliveryCursor).decode
