"""What must a person be told of, and how does a notice look?

A notice is one incident: opened when something needs attention, closed when it is over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from whenever import Instant

from tidings.core.cursor import decode, was_given_up
from tidings.core.freshness import current_since, is_stale
from tidings.core.model import Lane, LaneState, Moment

LEARNING_FAILURES = 8  #: tries in a row, some twenty minutes of them, after which a first reading counts as stale


class NoticeKind(StrEnum):
    STALE = "polling.stale"  #: no poll of a resource was complete for more than two intervals
    PARKED = "polling.parked"  #: a resource stopped until a person acts
    DISABLED = "polling.disabled"  #: an instance stopped polling after a day of refusals
    HELD = "deletes.held"  #: deletes of a resource wait for a decision
    HELD_CHANGES = "changes.held"  #: so do changes that an audit found


#: Milliseconds for which something has to be so before it is told, and to be over before it is taken back: what mends
#: itself is no incident, and keys that are refused again at once do not end one.
OPEN_AFTER: Mapping[NoticeKind, int] = {NoticeKind.STALE: 60_000}
CLOSE_AFTER: Mapping[NoticeKind, int] = {NoticeKind.PARKED: 60_000, NoticeKind.DISABLED: 60_000}

Subject: TypeAlias = tuple[int, str, str]
"""What at most one notice is open for: instance id, kind, and the resource or subscription (blank: the instance)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One incident of one instance; `subject` is a resource or a subscription's id, blank for the whole instance."""

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
        for kind, what, count in (
            (NoticeKind.HELD, "deletes", cursor.held),
            (NoticeKind.HELD_CHANGES, "changes", cursor.unmoved),
        ):
            if count:
                held = f"{count} {what} wait for a decision; GET /instances/{lane.instance_id}/polling/held lists them"
                found[lane.instance_id, kind.value, lane.key] = held
    return found


def shown(notice: Notice, *, closed: bool = True) -> dict[str, object]:
    """The notice as the API and its receiver see it; with `closed` False as it was when it was opened."""
    closed_at = notice.closed_at if closed else None
    return {
        "id": notice.id,
        "instanceId": notice.instance_id,
        "kind": notice.kind,
        "subject": notice.subject or None,
        "reason": notice.reason,
        "openedDate": written(notice.opened_at),
        "closedDate": None if closed_at is None else written(closed_at),
    }


def written(moment: Moment) -> str:
    return Instant.from_timestamp(moment // 1000).format_iso()
