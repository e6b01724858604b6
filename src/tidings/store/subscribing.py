"""What a store promises about subscriptions, the logs they read and the settings of accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidings.core.model import FailurePolicy, Moment
from tidings.core.notices import Stuck
from tidings.core.retry import SCHEDULE
from tidings.core.subscription import (
    CONCURRENCY,
    EVERYTHING,
    Basic,
    Channel,
    Filter,
    Format,
    SigningKey,
    Source,
    Subscription,
)


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What is known of a subscription before the store gives it an id; the members are those of `Subscription`.

    It gets what comes after the sequence `after`; None is what comes from now on.
    """

    account_id: int
    instance_id: int
    topics: tuple[str, ...]
    url: str
    channel: Channel = Channel.WEBHOOK
    source: Source = Source.API
    keys: tuple[SigningKey, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: Basic | None = None
    format: Format = Format.PLATFORM
    filter: Filter = EVERYTHING
    own_policy: FailurePolicy | None = None
    schedule: tuple[float, ...] = SCHEDULE
    jitter: float = 0.0
    rate: float | None = None
    concurrency: int = CONCURRENCY
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """Where sequences count: an instance's, or an account's own (core/subscription.py).

    What it holds are the sequences from `dropped_sequence` + 1 to `last_sequence`, and `oldest_at` is when the first of
    them was logged.
    """

    id: int
    account_id: int
    last_sequence: int
    dropped_sequence: int
    oldest_at: Moment | None = None

    @property
    def oldest_sequence(self) -> int:
        """The first sequence that is still there, or that will be."""
        return self.dropped_sequence + 1


class SubscriptionStore(Protocol):
    """The part of the store that knows who wants what."""

    async def create_subscription(self, new: NewSubscription, now: Moment) -> Subscription:
        """Insert it, with its delivery lane when its channel is one that is delivered.

        In an account's log its topics are its filter's resources. Raises LookupError when there is no such log.
        """

    async def subscription(self, subscription_id: int) -> Subscription | None:
        """None when there is none, or when it or its instance is deleted."""

    async def subscriptions(
        self, account_id: int | None = None, *, instance_id: int | None = None, topic: str | None = None
    ) -> Sequence[Subscription]:
        """By id: all, those of an account or those of a log; of these the ones that have `topic` among theirs."""

    async def update_subscription(
        self, subscription_id: int, change: Callable[[Subscription, int], Subscription], now: Moment
    ) -> Subscription | None:
        """Write what `change` makes of it and of its log's last sequence; a running worker begins anew with that.

        Changed are topics, URL, keys, headers, login, cuts (`changed_cut`), policy, schedule, jitter, rate and
        concurrency, nothing else. None when there is none.
        """

    async def delete_subscription(self, subscription_id: int, now: Moment) -> bool:
        """Hide it and switch its lane off; its deliveries and attempts are purged later. False: unknown."""

    async def reactivate(self, subscription_id: int, now: Moment) -> bool:
        """A person wants it to go on: it is active, all that waits is due in order, and its schedules begin anew.

        What was learned of the receiver is forgotten. A lane that the instance's configuration has switched off stays
        so. False: unknown.
        """

    async def stop(self, subscription_id: int, reason: str, now: Moment) -> bool:
        """A person wants it to rest: as when it is deactivated, but its running worker drops its work."""

    async def stuck(self) -> Sequence[Stuck]:
        """Of each subscription that goes on the oldest notification that it has not got and that was tried in vain."""

    async def log(self, log_id: int) -> Log | None: ...

    async def logs(self) -> Sequence[Log]:
        """Every log whose instance is not deleted, by id."""

    async def account_settings(self, account_id: int) -> Mapping[str, str]: ...

    async def change_account_settings(
        self, account_id: int, changes: Mapping[str, str | None], now: Moment
    ) -> Mapping[str, str]:
        """Write these, remove those that are None, and return all. Running deliveries of the account begin anew, so
        that they follow a policy that has changed."""
