"""What must a person be told of, and how does a notice look?

A notice is one incident: opened when something needs attention, closed when it is over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from whenever import Instant

from tidings.core.breaker import OUTAGE, Breaker
from tidings.core.cursor import DATELESS, decode, was_given_up
from tidings.core.deliverycursor import decode as decode_delivery
from tidings.core.freshness import current_since, is_stale
from tidings.core.model import Lane, LaneState, Moment
from tidings.core.subscription import Subscription

LEARNING_FAILURES = 8  #: tries in a row, some twenty minutes of them, after which a first reading counts as stale


class NoticeKind(StrEnum):
    STALE = "polling.stale"  #: no poll of a resource was complete for more than two intervals
    PARKED = "polling.parked"  #: a resource stopped until a person acts
    DISABLED = "polling.disabled"  #: an instance stopped polling after a day of refusals
    UNFILTERED = "polling.unfiltered"  #: the provider's filter brings nothing for any date
    HELD = "deletes.held"  #: deletes of a resource wait for a decision
    HELD_CHANGES = "changes.held"  #: so do changes that an audit found
    FAILING = "delivery.failing"  #: a receiver is down, or does not take a notification
    DEACTIVATED = "delivery.deactivated"  #: a subscription was given up, or stopped by a person
    DROPPED = "delivery.dropped"  #: events that a stopped subscription had not got were removed


#: Milliseconds for which something has to be so before it is told, and to be over before it is taken back: what mends
#: itself is no incident, and keys that are refused again at once do not end one.
MINUTE = 60_000
OPEN_AFTER: Mapping[NoticeKind, int] = dict.fromkeys((NoticeKind.STALE, NoticeKind.FAILING, NoticeKind.DROPPED), MINUTE)
CLOSE_AFTER: Mapping[NoticeKind, int] = dict.fromkeys(
    (NoticeKind.PARKED, NoticeKind.DISABLED, NoticeKind.FAILING, NoticeKind.DEACTIVATED), MINUTE
)

FAILING_FOR = 5 * MINUTE  #: after which one notification that a receiver refuses, while it takes others, is told

Subject: TypeAlias = tuple[int, str, str]
"""What at most one notice is open for: instance id, kind, and the resource or subscription (blank: the instance)."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A notification that a subscription has not got: since when it was tried in vain, how often, and what came of the
    last try; `queued` when it is not tried again before a person says so."""

    subscription_id: int
    since_at: Moment
    tries: int
    error: str
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One incident of one instance, or of an account's own log (core/subscription.py).

    `subject` is a resource or a subscription's id, blank for the whole instance."""

    id: int
    account_id: int
    instance_id: int
    kind: str
    subject: str
    reason: str
    opened_at: Moment
    closed_at: Moment | None

    @property
    def about(self) -> Subject:
        return self.instance_id, self.kind, self.subject


def polling(lanes: Iterable[Lane], told: Collection[Subject], now: Moment) -> dict[Subject, str]:
    """What is wrong with these poll lanes now, each with its reason, in the provider's own words where it had any.

    A lane that is parked is not stale as well, unless that was `told` before it was parked.
    """
    found: dict[Subject, str] = {}
    for lane in lanes:
        if lane.state is LaneState.OFF:
            continue
        cursor = decode(lane.cursor)
        stale = (lane.instance_id, NoticeKind.STALE.value, lane.key)
        learning_fails = not cursor.baselined and lane.attempt >= LEARNING_FAILURES
        if lane.state is LaneState.PARKED:
            reason = lane.parked_reason or "stopped"
            if was_given_up(reason):
                found[lane.instance_id, NoticeKind.DISABLED.value, ""] = reason
            else:
                found[lane.instance_id, NoticeKind.PARKED.value, lane.key] = reason
            if stale in told and (learning_fails or is_stale(cursor, now)):
                found[stale] = reason
        elif learning_fails:
            found[stale] = f"has not been read yet; {lane.parked_reason or f'{lane.attempt} tries failed'}"
        elif is_stale(cursor, now):
            said = f"; {lane.parked_reason}" if lane.parked_reason else ""
            found[stale] = f"what is known is of {written(current_since(cursor) or 0)}{said}"
        if cursor.unfiltered:
            found[lane.instance_id, NoticeKind.UNFILTERED.value, lane.key] = DATELESS
        for kind, what, count in (
            (NoticeKind.HELD, "deletes", cursor.held),
            (NoticeKind.HELD_CHANGES, "changes", cursor.unmoved),
        ):
            if count:
                held = f"{count} {what} wait for a decision; GET /instances/{lane.instance_id}/polling/held lists them"
                found[lane.instance_id, kind.value, lane.key] = held
    return found


def delivering(
    lanes: Iterable[Lane],
    subscriptions: Iterable[Subscription],
    stuck: Iterable[Stuck],
    told: Collection[Subject],
    now: Moment,
) -> dict[Subject, str]:
    """What is wrong with delivering to these subscriptions now, each with its reason, in the receiver's own words where
    it had any. `lanes` are those that deliver; what was switched off with its instance is not wrong.

    A receiver that was `told` as failing has recovered when nothing has failed for longer than a minute; that its
    subscription was given up, or goes on, is no recovery.
    """
    by_key = {lane.key: lane for lane in lanes if lane.state is not LaneState.OFF}
    oldest = {each.subscription_id: each for each in stuck}
    found: dict[Subject, str] = {}
    for each in subscriptions:
        about = {kind: (each.instance_id, kind.value, str(each.id)) for kind in NoticeKind}
        if each.dropped_events:
            found[about[NoticeKind.DROPPED]] = (
                f"{each.dropped_events} events were dropped that the subscription had not got: it was stopped for "
                "longer than events are kept"
            )
        lane = by_key.get(str(each.id))
        if lane is None:
            continue
        failing = about[NoticeKind.FAILING]
        if each.active:
            reason = _failing(decode_delivery(lane.cursor).breaker, oldest.get(each.id), failing in told, now)
            if reason is not None:
                found[failing] = reason
            continue
        found[about[NoticeKind.DEACTIVATED]] = each.reason or "stopped"
        if failing in told:
            found[failing] = each.reason or "stopped"
    return found


def _failing(breaker: Breaker, stuck: Stuck | None, told: bool, now: Moment) -> str | None:
    if breaker.is_open:
        said = f"; {stuck.error}" if stuck else ""
        return f"nothing has arrived since {written(breaker.since_at)}, {breaker.failures} tries failed{said}"
    if stuck is None:
        return "tries fail" if told and breaker.failures >= OUTAGE else None
    if stuck.queued:
        return f"{stuck.error}; nothing is sent before it is released (PUT /notifications/subscriptions/deliveries)"
    if now - stuck.since_at >= (MINUTE if told else FAILING_FOR) or (told and breaker.failures >= OUTAGE):
        return f"{stuck.error}; a notification is refused since {written(stuck.since_at)}, {stuck.tries} tries failed"
    return None


def shown(notice: Notice, *, closed: bool = True) -> dict[str, object]:
    """The notice as the API and its receiver see it; with `closed` False as it was when it was opened."""
    closed_at = notice.closed_at if closed else None
    return {
        "id": notice.id,
        "instanceId": notice.instance_id if notice.instance_id > 0 else None,
        "kind": notice.kind,
        "subject": notice.subject or None,
        "reason": notice.reason,
        "openedDate": written(notice.opened_at),
        "closedDate": None if closed_at is None else written(closed_at),
    }


def written(moment: Moment) -> str:
    return Instant.from_timestamp(moment // 1000).format_iso()
