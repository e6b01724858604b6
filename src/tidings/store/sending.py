"""What a store promises about what people post, where deliveries stand, replays and retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tidings.core.model import Attempt, DeliveryState, Lane, Moment, Notification
from tidings.core.posted import Post
from tidings.core.replay import Replay

NEWEST = 2**63 - 1
"""As the number before which something is listed: from the newest on."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A notification as the notifications API shows it."""

    notification: Notification
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one notification stands with one subscription; `updated_at` is the moment of its last try, or of its
    commit. `attempts` are those of its first delivery and of replays, in order."""

    number: int
    subscription_id: int
    state: DeliveryState
    created_at: Moment
    updated_at: Moment
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class NewReplay:
    """What is known of a replay before the store gives it an id; the members are those of `Replay`."""

    account_id: int
    instance_id: int
    subscription_id: int
    from_sequence: int
    to_sequence: int
    numbers: tuple[int, ...] | None = None
    rate: float | None = None


class Place(NamedTuple):
    """Where a notification stands in its log, and when it was logged."""

    number: int
    first_sequence: int
    last_sequence: int
    created_at: Moment


@dataclass(frozen=True, slots=True)
class Dropped:
    """What one batch of retention removed: how many notifications, up to which sequence (None: nothing), how many
    events of them each subscription, long stopped, had not got, and for how many seconds nobody else could write."""

    notifications: int
    sequence: int | None
    lost: Mapping[int, int]
    took_for: float = 0.0


class SendingStore(Protocol):
    """The part of the store that is about what was sent, what is sent again, and what is kept."""

    # What people post

    async def post_notification(self, account_id: int, post: Post, now: Moment) -> Notification:
        """Append it to the account's own log; its subscriptions' lanes become due. Raises LookupError when there is no
        such account."""

    async def kept(self, account_id: int, number: int) -> Kept | None:
        """One notification of any log of the account; None when there is none, or it was hidden."""

    async def kept_of_topics(
        self, account_id: int, topics: Sequence[str], *, before: int = NEWEST, limit: int = 200
    ) -> Sequence[Kept]:
        """Those of these topics (an instance's events are one) with a number below `before`, newest first."""

    async def acknowledge(self, account_id: int, number: int) -> bool:
        """Mark it; delivery does not ask for it. False: unknown."""

    async def hide(self, account_id: int, number: int, now: Moment) -> bool:
        """Show it no more; its deliveries go on. False: unknown."""

    # Where deliveries stand

    async def standings(self, account_id: int, number: int) -> Sequence[Standing]:
        """Of one notification with each subscription that gets something of it, by subscription."""

    async def deliveries(
        self,
        account_id: int,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        url: str | None = None,
        subscription_id: int | None = None,
        before: int = NEWEST,
        limit: int = 200,
    ) -> Sequence[Standing]:
        """Of the account's notifications with a number below `before`, newest first and by subscription."""

    async def redeliver(
        self,
        account_id: int,
        *,
        channel: str | None = None,
        state: DeliveryState | None = None,
        url: str | None = None,
        now: Moment,
    ) -> Sequence[int]:
        """Let every subscription go on (`reactivate`) that these conditions select and that has something in this
        state: `queued`, also while it is stopped, `retry`, or either. Returns their ids.

        What was delivered is not sent again this way; that is a replay's.
        """

    async def redrive(self, subscription_id: int, since: Moment, now: Moment) -> int:
        """Let the subscription go on (`reactivate`) when something that it has not got yet failed at `since` or later;
        returns how many notifications that are. What failed before goes with them, so that order holds."""

    # Replays

    async def create_replay(self, new: NewReplay, now: Moment) -> Replay:
        """Insert it with its lane, which is due."""

    async def replay(self, replay_id: int) -> Replay | None: ...

    async def replays(
        self, account_id: int, *, instance_id: int | None = None, before: int = NEWEST, limit: int = 200
    ) -> Sequence[Replay]:
        """Newest first, with an id below `before`."""

    async def commit_replay(
        self,
        lane: Lane,
        replay: Replay,
        tries: Sequence[tuple[int, Attempt]],
        *,
        release: bool,
        due_at: Moment,
        lease_until: Moment,
    ) -> None:
        """State, position and counts of the replay, tries by their notification's number, and the lane with the cursor
        given in it: all or nothing.

        The lane of one that is no longer running is switched off.
        """

    async def stop_replay(self, replay_id: int, reason: str, now: Moment) -> bool:
        """A person wants it to end; its running worker drops its work. False: unknown, or it was over."""

    async def places(self, log_id: int, ids: Sequence[str]) -> Mapping[str, Place]:
        """Where those of these notifications stand that the log holds, by the given id: its own, or that of a cut."""

    async def place_of(self, log_id: int, sequence: int) -> Place | None:
        """Where the notification stands that holds this sequence, or else the next one that is still there."""

    async def place_since(self, log_id: int, moment: Moment) -> Place | None:
        """Where the first notification stands that was logged at or after the moment; where the clock was set back, one
        of those that may be meant."""

    async def count_log(self, log_id: int, from_sequence: int, to_sequence: int) -> int:
        """How many notifications begin from one sequence to the other."""

    # Retention

    async def drop_before(self, log_id: int, before: Moment, limit: int) -> Dropped:
        """Remove up to `limit` of a log's oldest notifications that were logged before `before`, with what is known of
        their deliveries.

        Never one that a running replay may still send, nor one that a subscription has not acknowledged, by its lane's
        offset or an open delivery, unless that subscription was stopped before `before` as well: then its deliveries go
        too, and `lost` counts them, as the subscription's `dropped_events` does.
        """

    async def drop_notices(self, account_id: int, before: Moment, limit: int) -> int:
        """Remove up to `limit` of an account's notices that were closed before `before`, and no longer tell of the
        opening of those that were opened before it; returns how many that were."""
