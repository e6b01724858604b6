"""Does the breaker open late enough, probe often enough, and remember that the receiver is back?"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.breaker import Breaker, drained, failed, succeeded

NOW = 1_790_000_000_000


def failing(times: int, every: int, tries: int = 3) -> Breaker:
    """After so many failures in a row, one each `every` milliseconds."""
    breaker = Breaker()
    for number in range(times):
        breaker = failed(breaker, tries, NOW + number * every)
    return breaker


@pytest.mark.parametrize(
    ("times", "every", "tries", "is_open"),
    [(10, 6_667, 3, True), (9, 30_000, 3, False), (10, 6_666, 3, False), (10, 30_000, 2, False), (500, 100, 3, False)],
)
def test_it_opens_after_ten_failures_that_span_a_minute_at_a_third_try(times, every, tries, is_open):
    assert failing(times, every, tries).is_open is is_open


def test_one_success_begins_the_count_anew_and_makes_what_waits_due():
    later = NOW + 300_000
    breaker = succeeded(failing(9, 30_000), later)
    assert breaker == Breaker(back=True, back_at=later)
    assert not failed(breaker, 3, later).is_open
    assert drained(breaker) == Breaker(back_at=later)


def test_what_fails_alone_is_no_outage_and_outages_end_once_a_minute_at_the_most():
    assert succeeded(failing(2, 30_000), NOW) == Breaker()
    assert succeeded(failing(3, 30_000), NOW) == Breaker(back=True, back_at=NOW)
    again = Breaker(failures=5, since_at=NOW, back_at=NOW)
    assert succeeded(again, NOW + 59_999) == Breaker(back_at=NOW)
    assert succeeded(again, NOW + 60_000) == Breaker(back=True, back_at=NOW + 60_000)
    opened = failing(10, 10_000)
    assert succeeded(opened, NOW + 91_000).back


def test_a_success_when_nothing_had_failed_changes_nothing():
    assert succeeded(Breaker(), NOW) == Breaker()
    assert succeeded(Breaker(back=True), NOW) == Breaker(back=True)


def test_the_probes_are_counted_so_that_each_that_waits_has_its_turn():
    breaker = failing(10, 10_000)
    assert breaker.probes == 0
    for nth in range(1, 4):
        assert breaker.probe_at is not None
        breaker = failed(breaker, 1, breaker.probe_at)
        assert breaker.probes == nth


dice = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10), dice)
def test_probes_are_half_a_minute_to_a_minute_apart(tries: int, throw: float):
    breaker = failed(failing(10, 10_000), tries, NOW, dice=throw)
    assert breaker.probe_at is not None
    assert NOW + 30_000 <= breaker.probe_at <= NOW + 60_000


@given(st.floats(0, 1e9), dice)
def test_a_receiver_may_put_the_probe_off_but_not_for_more_than_an_hour(asked: float, throw: float):
    breaker = failed(failing(10, 10_000), 3, NOW, retry_after=asked, dice=throw)
    assert breaker.probe_at is not None
    assert min(asked, 3600) * 1000 - 1 <= breaker.probe_at - NOW <= 3_600_000


@given(st.lists(st.tuples(st.sampled_from(("fails", "arrives")), st.integers(0, 40_000), st.integers(1, 9))))
def test_it_is_open_only_after_ten_failures_in_a_row_and_never_after_a_success(story: list[tuple[str, int, int]]):
    breaker, now = Breaker(), NOW
    row: list[tuple[int, int]] = []
    for what, wait, tries in story:
        now += wait
        if what == "arrives":
            breaker, row = succeeded(breaker, now), []
        else:
            breaker, row = failed(breaker, tries, now), [*row, (now, tries)]
        opened = any(n >= 9 and at - row[0][0] >= 60_000 and tries >= 3 for n, (at, tries) in enumerate(row))
        assert breaker.is_open is opened


def test_it_survives_being_stored():
    breaker = failing(12, 30_000)
    assert msgspec.json.decode(msgspec.json.encode(breaker), type=Breaker) == breaker
