"""How current a resource is, and when it counts as standing still."""

from __future__ import annotations

import pytest

from tidings.core.cursor import PollCursor
from tidings.core.freshness import GRACE, current_since, freshness, is_stale

NOW = 1_790_000_000_000
MINUTE = 60_000


def polled(**changes):
    values = {
        "baselined": True,
        "polled_at": NOW - MINUTE,
        "current_at": NOW - 2 * MINUTE,
        "interval": 15 * MINUTE,
    }
    return PollCursor(**(values | changes))


def test_what_is_known_is_of_the_start_of_the_last_complete_poll():
    assert current_since(polled()) == NOW - 2 * MINUTE
    assert freshness(polled(), NOW) == 2 * MINUTE


def test_a_resource_that_is_learned_has_no_freshness_and_is_not_stale():
    learned = polled(baselined=False)
    assert (current_since(learned), freshness(learned, NOW), is_stale(learned, NOW + 10**9)) == (None, None, False)


def test_a_cursor_of_an_older_version_is_as_current_as_the_end_of_its_last_poll():
    old = PollCursor(baselined=True, polled_at=NOW - MINUTE)
    assert (freshness(old, NOW), is_stale(old, NOW + 10**9)) == (MINUTE, False)


def test_a_clock_that_was_set_back_makes_nothing_younger_than_now():
    assert freshness(polled(), NOW - 10 * MINUTE) == 0


@pytest.mark.parametrize(("beyond", "stale"), [(0, False), (1, True)])
def test_it_stands_still_when_no_poll_was_complete_for_more_than_two_intervals_and_a_little(beyond, stale):
    assert is_stale(polled(), NOW - MINUTE + 2 * 15 * MINUTE + GRACE + beyond) is stale


def test_a_first_reading_of_many_hours_does_not_count_as_standing_still():
    assert not is_stale(polled(current_at=NOW - 600 * MINUTE), NOW)
