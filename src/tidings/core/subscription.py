"""Who wants the events of one log, where, which of them, in which form, and signed with what?

A log is where sequences count: an instance's (its id), or an account's own, in which the notifications stand that
people post (`account_log`). Subscriptions, deliveries and replays do not ask which kind it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidings.core.model import EventType, FailurePolicy, Moment
from tidings.core.retry import SCHEDULE

CONCURRENCY = 8
"""The most notifications that are in flight to one subscription at once, unless it says otherwise."""


class Channel(StrEnum):
    """How a subscriber is reached (spec platform.md 5.2); only webhooks are delivered."""

    WEBHOOK = "webhook"
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"


class Format(StrEnum):
    """What a POST looks like."""

    PLATFORM = "platform"  #: the envelope of spec platform.md 4.8
    CLOUDEVENTS = "cloudevents"  #: CloudEvents 1.0 in JSON: one event, or a batch


class Source(StrEnum):
    """Who decides how a subscription is."""

    INSTANCE = "instance"  #: the configuration of its instance, which it follows
    API = "api"  #: whoever made it


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events a subscription gets: those that meet all that is said here; an empty part says nothing.

    In an account's log a notification's topic stands in the place of the resource. `changed` are JSON pointers: an
    event passes when the value at one of them is not what it was, so that creations and deletions do not pass.
    """

    resources: tuple[str, ...] = ()
    types: tuple[EventType, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def passes_all(self) -> bool:
        return not (self.resources or self.types or self.changed)


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Cut:
    """How a log's notifications are cut for a subscription, from the one after the sequence `after` on.

    What was cut before a change stays as it was cut, so a subscription keeps all of its cuts, oldest first.
    """

    after: int = 0
    format: Format = Format.PLATFORM
    filter: Filter = EVERYTHING

    @property
    def changes_nothing(self) -> bool:
        """Whether the log's own bytes are sent."""
        return self.format is Format.PLATFORM and self.filter.passes_all


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of a subscription; it signs until `until`, or for ever."""

    key: str = field(repr=False)
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class Basic:
    """What a receiver wants to be shown in `Authorization: Basic …`."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants the events of one log, and where. The secrets are in clear here and encrypted in the store.

    `instance_id` is the log's id. `schedule` holds the seconds before each retry, `jitter` the share of them that dice
    may add; `rate` is the most notifications a second, `concurrency` the most that are in flight at once. `policy` is
    the one in force: `own_policy`, or the account's where that is None. `dropped_events` counts those that retention
    removed before it had got them, since it last went on.
    """

    id: int
    account_id: int
    instance_id: int
    topics: tuple[str, ...]
    url: str
    active: bool
    reason: str | None
    created_at: Moment
    stopped_at: Moment | None = None
    channel: Channel = Channel.WEBHOOK
    source: Source = Source.INSTANCE
    keys: tuple[SigningKey, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: Basic | None = None
    cuts: tuple[Cut, ...] = (Cut(),)
    own_policy: FailurePolicy | None = None
    policy: FailurePolicy = FailurePolicy.RETRY
    schedule: tuple[float, ...] = SCHEDULE
    jitter: float = 0.0
    rate: float | None = None
    concurrency: int = CONCURRENCY
    dropped_events: int = 0

    @property
    def format(self) -> Format:
        """That of what is still to come."""
        return self.cuts[-1].format

    @property
    def filter(self) -> Filter:
        """That of what is still to come."""
        return self.cuts[-1].filter

    def cut_at(self, sequence: int) -> Cut:
        """The cut in force for the notification that begins with `sequence`."""
        for cut in reversed(self.cuts):
            if cut.after < sequence:
                return cut
        return self.cuts[0]

    def keys_at(self, now: Moment) -> list[str]:
        """The keys in force, the one that is on its way out first: a receiver that knows only that one goes on."""
        return [each.key for each in self.keys if each.until is None or each.until > now]


def account_log(account_id: int) -> int:
    """The id of an account's own log."""
    return -account_id


def rotated(
    keys: Sequence[SigningKey], key: str | None, now: Moment, overlap_for: float = 0.0
) -> tuple[SigningKey, ...]:
    """The keys after `key` has taken the place of those that had no end: they sign beside it for `overlap_for` seconds.

    The same key again changes nothing; None takes all keys away, at once.

    >>> rotated([SigningKey("old")], "new", 1000, 60) == (SigningKey("old", 61000), SigningKey("new"))
    True
    """
    if key is None:
        return ()
    running = [each for each in keys if each.until is None or each.until > now]
    if any(each.key == key and each.until is None for each in running):
        return tuple(running)
    until = now + round(overlap_for * 1000)
    former = [SigningKey(each.key, until if each.until is None else each.until) for each in running if each.key != key]
    return (*(each for each in former if each.until is not None and each.until > now), SigningKey(key))


def changed_cut(cuts: Sequence[Cut], last_sequence: int, format: Format, filter: Filter) -> tuple[Cut, ...]:
    """The cuts after format or filter were changed when the log had come to `last_sequence`."""
    new = Cut(last_sequence, format, filter)
    if (cuts[-1].format, cuts[-1].filter) == (format, filter):
        return tuple(cuts)
    kept = [cut for cut in cuts if cut.after < last_sequence]
    return (*kept, new) if kept else (Cut(min(cuts[0].after, last_sequence), format, filter),)
