"""What is it to send events of a log again?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tidings.core.model import FailurePolicy, Moment
from tidings.core.subscription import Cut, Subscription

RATE = 50.0
"""The most notifications a second, unless the replay says otherwise."""


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


RESTING = "its instance is disabled, or has its events switched off or no callback URL"
"""Why nothing is delivered to a subscription that nobody has stopped."""


def why_not(subscription: Subscription | None) -> str | None:
    """Why nothing can be sent to a subscription now; None when it can."""
    if subscription is None:
        return "its subscription was deleted"
    if not subscription.active:
        return f"its subscription is stopped ({subscription.reason})"
    if subscription.stopped_at is not None:
        return f"its subscription rests: {RESTING}"
    return None


def as_sent_again(subscription: Subscription, log_id: int) -> Subscription:
    """The subscription as a replay of this log looks at it: a failure is tried again, whatever the account's policy.

    What another log's subscription would have got of this one nobody has cut yet: it is cut as what is still to come.
    """
    cuts = subscription.cuts
    if subscription.instance_id != log_id:
        cuts = (Cut(0, subscription.format, subscription.filter),)
    return replace(subscription, cuts=cuts, policy=FailurePolicy.RETRY)
