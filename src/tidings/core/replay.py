"""What is it to send events of a log again?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tidings.core.model import Moment


class ReplayState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Replay:
    """Notifications that a subscription is sent again: those that begin from `from_sequence` to `to_sequence`, or of
    these the ones with `numbers`, at most `rate` a second.

    All that begin at or before `position` have had their try, and `sent` or `failed` counts them.
    """

    id: int
    account_id: int
    instance_id: int
    subscription_id: int
    from_sequence: int
    to_sequence: int
    numbers: tuple[int, ...] | None
    rate: float | None
    state: ReplayState
    position: int
    sent: int
    failed: int
    reason: str | None
    created_at: Moment
    finished_at: Moment | None
