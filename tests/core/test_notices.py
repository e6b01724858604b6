"""What a person is told of polling, lane by lane."""

from __future__ import annotations

from tidings.core.cursor import DATELESS, ENCODE, PollCursor, given_up
from tidings.core.model import Lane, LaneKind, LaneState
from tidings.core.notices import LEARNING_FAILURES, Notice, polling, shown

NOW = 1_790_000_000_000
MINUTE = 60_000
STALE = (1, "polling.stale", "contacts")
PARKED = (1, "polling.parked", "contacts")


def lane(state=LaneState.READY, reason=None, attempt=0, key="contacts", **cursor):
    stored = ENCODE(PollCursor(**cursor)) if cursor else b""
    return Lane(1, LaneKind.POLL, 1, key, state, NOW, 1, None, None, attempt, reason, "g", stored)


def still(**changes):
    """A cursor's values after two intervals and more without a poll."""
    since = NOW - 40 * MINUTE
    return {"baselined": True, "polled_at": since, "current_at": since, "interval": 15 * MINUTE} | changes


def test_nothing_is_wrong_with_lanes_that_poll_wait_or_are_switched_off():
    fresh = still(polled_at=NOW)
    lanes = [lane(), lane(**fresh), lane(LaneState.OFF, **still(held=3)), lane(reason="answered 503", **fresh)]
    assert polling(lanes, (), NOW) == {}


def test_a_resource_that_stands_still_is_told_with_the_providers_words():
    assert polling([lane(reason="answered 503", **still())], (), NOW) == {
        STALE: "what is known is of 2026-09-21T13:33:20Z; answered 503"
    }
    assert polling([lane(**still())], (), NOW) == {STALE: "what is known is of 2026-09-21T13:33:20Z"}


def test_a_parked_resource_is_not_stale_as_well_unless_that_was_told_before():
    parked = [lane(LaneState.PARKED, "401 unauthorized", **still())]
    assert polling(parked, (), NOW) == {PARKED: "401 unauthorized"}
    assert polling(parked, {STALE}, NOW).keys() == {PARKED, STALE}


def test_an_instance_that_gave_up_polling_is_told_once_and_not_by_resource():
    reason = given_up(100, "403 forbidden")
    lanes = [lane(LaneState.PARKED, reason, key=key) for key in ("contacts", "incidents")]
    assert polling(lanes, (), NOW) == {(1, "polling.disabled", ""): reason}


def test_a_first_reading_that_fails_again_and_again_is_told_as_stale():
    assert polling([lane(reason="answered 503", attempt=LEARNING_FAILURES - 1)], (), NOW) == {}
    failing = lane(reason="answered 503", attempt=LEARNING_FAILURES)
    assert polling([failing], (), NOW) == {STALE: "has not been read yet; answered 503"}


def test_held_deletes_are_told_whatever_else_is_wrong():
    found = polling([lane(**still(held=12, unmoved=30))], (), NOW)
    assert found.keys() == {STALE, (1, "deletes.held", "contacts"), (1, "changes.held", "contacts")}
    assert found[1, "deletes.held", "contacts"].startswith("12 deletes wait for a decision")


def test_a_filter_that_brings_nothing_is_told_while_each_poll_reads_everything():
    fresh = {"baselined": True, "polled_at": NOW, "current_at": NOW, "interval": 60_000}
    assert polling([lane(**fresh)], (), NOW) == {}
    assert polling([lane(**fresh, unfiltered=True)], (), NOW) == {(1, "polling.unfiltered", "contacts"): DATELESS}


def test_what_is_told_of_the_opening_does_not_change_when_it_is_closed():
    opened = Notice(7, 1, 3, "polling.disabled", "", "403", NOW, None)
    closed = Notice(7, 1, 3, "polling.disabled", "", "403", NOW, NOW + 1000)
    assert shown(closed, closed=False) == shown(opened)
    assert shown(closed) == {
        "id": 7,
        "instanceId": 3,
        "kind": "polling.disabled",
        "subject": None,
        "reason": "403",
        "openedDate": "2026-09-21T14:13:20Z",
        "closedDate": "2026-09-21T14:13:21Z",
    }
