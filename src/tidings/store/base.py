"""What a store promises; every backend keeps it, and `tests/store/contract.py` proves it for each.

All methods are coroutines and safe to call concurrently. A method that writes is one transaction: all or nothing.
A method that takes a `Lane` writes only while that lane's fence stands and raises `LeaseLost`, changing nothing, when
another worker has taken the lane over, or it was switched off or parked (design.md section 2, invariant 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tidings.core.model import (
    Attempt,
    Change,
    Delivery,
    DeliveryState,
    DeliveryWrite,
    ElementClone,
    Instance,
    Known,
    Lane,
    LaneKind,
    LanePlan,
    Moment,
    Notification,
    RecordId,
    RecordWrite,
)
from tidings.core.notices import Notice, Subject
from tidings.core.trail import Entry
from tidings.store.bulk import BulkStore
from tidings.store.cloning import CloningStore
from tidings.store.counting import CountingStore
from tidings.store.errands import ErrandStore
from tidings.store.ingesting import IngestStore
from tidings.store.oauth import GrantStore, NewGrant
from tidings.store.people import PeopleStore
from tidings.store.sending import SendingStore, Standing
from tidings.store.subscribing import SubscriptionStore
from tidings.store.usage import UsageStore


class Cutter(Protocol):
    """Cuts changes into notifications, given the sequence and number of the first; pure (core/notify.py)."""

    def __call__(self, changes: Sequence[Change], first_sequence: int, first_number: int) -> Sequence[Notification]: ...


@dataclass(frozen=True, slots=True)
class PageCommit:
    """One page of a reading: everything it changed, and where the lane goes on.

    `release` True gives the lane back, due at `due_at`; False keeps it until `lease_until`.
    """

    cursor: bytes
    now: Moment
    records: Sequence[RecordWrite] = ()
    changes: Sequence[Change] = ()
    cut: Cutter | None = None
    due_at: Moment = 0
    release: bool = True
    lease_until: Moment = 0
    attempt: int = 0
    reason: str | None = None  #: what the user should know of the lane meanwhile
    serial: int = 0
    entry: Entry | None = None  #: of the lane's trail


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What the API knows of an instance before the store gives it an id."""

    account_id: int
    user_id: int
    element_key: str
    name: str
    tags: Sequence[str]
    configuration: Mapping[str, str | None]
    token: str = field(repr=False)
    secrets: Mapping[str, str | None] = field(repr=False, default_factory=dict)
    disabled: bool = False
    clone: ElementClone | None = None  #: of the element, which this is an instance of
    grant: NewGrant | None = None  #: of an account that is opened by OAuth


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """Where one notification stands, for the API.

    `state` and `attempts` are those of its first delivery to the first of its `standings`: that of the instance's own
    subscription where it has one. None for a notification that no subscription gets.
    """

    notification: Notification
    subscription_id: int | None
    state: DeliveryState
    attempts: tuple[Attempt, ...]
    standings: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Untold:
    """A notice whose opening, or else whose closing, its receiver has not acknowledged, after so many tries."""

    notice: Notice
    closing: bool
    tries: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one subscription has not got yet: how many events, and when the oldest of them was logged."""

    subscription_id: int
    instance_id: int
    active: bool
    events: int
    oldest_at: Moment | None


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """How the store does since it was opened; spans are seconds. `failure` is why the last commit was not made."""

    waiting_writes: int
    commits: int
    commit_for: float  #: all commits together
    bytes: int
    failure: str | None


class Store(
    PeopleStore,
    SubscriptionStore,
    SendingStore,
    CountingStore,
    CloningStore,
    IngestStore,
    UsageStore,
    ErrandStore,
    BulkStore,
    GrantStore,
    Protocol,
):
    async def close(self) -> None:
        """Finish what was accepted, then let go of the database. Idempotent."""

    # Instances

    async def create_instance(self, new: NewInstance, plan: LanePlan, now: Moment) -> Instance:
        """Insert the instance with its lanes and its subscription."""

    async def update_instance(
        self, instance: Instance, plan: LanePlan, now: Moment, grant: NewGrant | None = None
    ) -> Instance:
        """Replace the instance of the same id and revision, and bring its lanes in line with `plan`.

        Lanes that stay keep their cursor and become ready (parked ones too) and due now; those no longer in the plan
        are switched off and keep their cursor; a running lane's fence moves on. A changed callback URL changes the
        subscription in place (its queue stays); where nothing of it changes, a lane that is worked is left alone, so
        that what is on its way is not sent twice. A hint lane, once made, stays, and becomes due with each change so
        that what it registered can be removed. Its grant is only written when a new one is given: it may have been
        renewed since the instance was read. Raises `LeaseLost` when somebody else has changed it meanwhile.
        """

    async def delete_instance(self, instance_id: int, now: Moment) -> bool:
        """Hide it, kill its token, switch its lanes off; its records and events are purged later. False: unknown."""

    async def instance(self, instance_id: int) -> Instance | None: ...

    async def instance_by_token(self, token: str) -> Instance | None: ...

    async def instances(self, account_id: int | None = None) -> Sequence[Instance]:
        """All that are not deleted, by id."""

    async def purge(self, limit: int) -> int:
        """Remove up to `limit` rows of deleted instances and subscriptions; returns how many, so 0 means nothing is
        left."""

    # Lanes

    async def claim(self, kind: LaneKind, owner: str, now: Moment, lease_until: Moment, limit: int) -> Sequence[Lane]:
        """Take up to `limit` lanes that are ready, due and free (or whose lease has expired), the longest due first.

        No two workers get the same lane; each claim moves the fence.
        """

    async def void_leases(self) -> None:
        """End every lease now; only for who knows that no other worker lives."""

    async def next_due(self, kind: LaneKind, now: Moment) -> Moment | None:
        """When the next lane can be claimed; None when there is none. May be in the past."""

    async def lanes(self, kind: LaneKind | None = None, instance_id: int | None = None) -> Sequence[Lane]:
        """For the API and for tests; by id."""

    async def renew(self, lane: Lane, lease_until: Moment) -> None:
        """Hold the lane longer."""

    async def release(
        self,
        lane: Lane,
        *,
        due_at: Moment,
        cursor: bytes | None = None,
        attempt: int = 0,
        reason: str | None = None,
        entry: Entry | None = None,
    ) -> None:
        """Give the lane back, due at `due_at`; `reason` is shown to the user while the lane waits for its next try.

        `entry`, here and below, goes into the lane's trail.
        """

    async def park(self, lane: Lane, reason: str, cursor: bytes | None = None, entry: Entry | None = None) -> None:
        """Stop the lane until a person acts."""

    async def park_all(self, lane: Lane, reason: str, cursor: bytes | None = None, entry: Entry | None = None) -> None:
        """Park this lane and with it every other lane of its kind and instance; their holders' fences move on."""

    async def wake(self, kind: LaneKind, instance_id: int, now: Moment) -> None:
        """Make the ready lanes of this instance due now."""

    async def amend(self, lane_id: int, change: Callable[[bytes], bytes], now: Moment) -> bool:
        """Rewrite a ready lane's cursor on a person's word, make it due and move its fence. False: no such lane."""

    async def hurry(self, lane_id: int, change: Callable[[Lane], bytes | None], now: Moment) -> bool:
        """Rewrite a ready lane's cursor and make it due, unless somebody holds the lane or `change` says None.

        `change` is given the lane as it is now. False: nothing was changed.
        """

    # Records

    async def known(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, Known]:
        """The stored state of those of `ids` that are known."""

    async def hashes(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, generation: int, limit: int
    ) -> Mapping[bytes, tuple[Moment | None, RecordId]]:
        """Stamp and id by raw hash of up to `limit` records with after < id <= upto, lowest ids first.

        Only of those that are as they were last read: not gone, missed by no sweep, compared under `generation`.
        """

    async def snapshots(self, lane_id: int, ids: Iterable[RecordId]) -> Mapping[RecordId, bytes]:
        """The last stored bytes of each."""

    async def live_ids(
        self, lane_id: int, after: RecordId | None, upto: RecordId | None, serial: int, *, hidden: bool = False
    ) -> Sequence[RecordId]:
        """Known, in view, last written at or before page `serial`, with after < id <= upto, in order.

        In view are those that are not gone and not marked as out of view (`missing` -1); with `hidden` those that are
        out of view, or that a sweep has declared gone, instead.

        Integers come before text; None leaves that side open.
        """

    async def live_count(self, lane_id: int) -> int:
        """How many records are known and not gone."""

    async def commit_page(self, lane: Lane, page: PageCommit) -> Sequence[Notification]:
        """States, events, notifications, cursor and lease: all of one page, or nothing.

        Events get the instance's next sequence numbers, without gaps and in commit order; `page.cut` is called inside
        the transaction with the first of them. The instance's delivery lanes become due. Returns what was cut.
        """

    # Delivery

    async def waiting(self, subscription_id: int, limit: int) -> Sequence[Delivery]:
        """Deliveries in state `retry`, by sequence, without their bodies."""

    async def notification(self, number: int) -> Notification:
        """The notification of this number. Raises LookupError when there is none."""

    async def is_queueing(self, subscription_id: int) -> bool:
        """Whether something waits for a person in state `queued`.

        Whoever puts it back into state `retry` makes the lane due and moves its fence, so that no wake-up is lost.
        """

    async def log_after(
        self, instance_id: int, sequence: int, limit: int, most_bytes: int | None = None, *, lane: Lane | None = None
    ) -> Sequence[Notification]:
        """Notifications whose first sequence is greater than `sequence`, in order.

        With `most_bytes` it ends with the one whose body makes all of them that long. With a `lane` it raises
        `LeaseLost` when that is no longer held: whoever reads what was logged after its subscription was changed
        learns of the change with it.
        """

    async def commit_deliveries(
        self,
        lane: Lane,
        writes: Sequence[DeliveryWrite],
        *,
        cursor: bytes,
        seen: int,
        release: bool,
        due_at: Moment,
        lease_until: Moment,
        attempt: int = 0,
    ) -> None:
        """Attempts, delivery rows and the lane's cursor (which holds the offset): all or nothing.

        `seen` is the last sequence the worker has looked at: when the log has grown past it meanwhile, a released
        lane is due at once instead of at `due_at`, so no wake-up is lost.
        """

    async def deactivate(
        self, lane: Lane, writes: Sequence[DeliveryWrite], cursor: bytes, reason: str, now: Moment
    ) -> None:
        """Stop the subscription with `reason`: what waits becomes `queued`, the lane parks. One transaction."""

    # Reading the log

    async def events(
        self,
        instance_id: int,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 200,
        skip: int = 0,
        newest_first: bool = False,
    ) -> Sequence[DeliverySummary]:
        """Notifications of the instance with their delivery, `skip` of them left out.

        Oldest first, those that begin after the sequence `after`; or newest first, those that begin before `before`.
        """

    async def event(self, instance_id: int, notification_id: str) -> DeliverySummary | None:
        """By its own id, or by that under which one of the instance's subscriptions gets a cut of it."""

    async def events_numbered(self, instance_id: int, numbers: Iterable[int]) -> Sequence[DeliverySummary]:
        """Those of the instance's notifications that have these numbers, in order."""

    # The trail

    async def trail(
        self, lane_id: int, from_at: Moment, to_at: Moment, after: tuple[Moment, int] = (-1, 0), limit: int = 500
    ) -> Sequence[Entry]:
        """What the lane's readings left behind with from_at <= at <= to_at, in order; of those the ones whose (at,
        serial) is greater than `after`."""

    async def trail_since(self, lane_id: int) -> Moment | None:
        """How far back the lane's trail reaches; None when there is none."""

    async def purge_trail(self, before: Moment, limit: int) -> int:
        """Remove up to `limit` entries of any lane that are older than `before`; returns how many."""

    # Notices

    async def open_notices(self) -> Sequence[Notice]:
        """Those that are not closed, by id."""

    async def turn_notices(
        self, opening: Mapping[Subject, str], closing: Sequence[int], now: Moment, *, tell: bool
    ) -> tuple[Sequence[Notice], Sequence[Notice]]:
        """Close these and open those, with their reasons; returns what was opened and what was closed.

        Nothing is opened for a subject that has an open notice, or whose instance is deleted, and nothing closed twice.
        Without `tell` nobody is told of it, later neither.
        """

    async def notices(
        self,
        account_id: int,
        *,
        instance_id: int | None = None,
        open_only: bool = False,
        before: int | None = None,
        limit: int = 200,
        skip: int = 0,
    ) -> Sequence[Notice]:
        """Newest first, those with an id below `before`, `skip` of them left out."""

    async def untold(self, now: Moment, limit: int) -> Sequence[Untold]:
        """What its receiver is to be told of by now, the longest due first; of a notice its opening before its
        closing."""

    async def told(self, untold: Untold) -> None:
        """It was acknowledged."""

    async def not_told(self, untold: Untold, due_at: Moment) -> None:
        """It was not, and is due again then."""

    # Figures

    async def backlogs(self) -> Sequence[Backlog]:
        """What each subscription has not got yet, by id."""

    async def figures(self) -> StoreFigures: ...
