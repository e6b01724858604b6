"""Does a receiver that wants less get less, and as much as before when it can take it again?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.pace import LEAD, Pace, answered, opens_at, sending, throttled

NOW = 1_790_000_000_000


def test_a_429_halves_what_goes_at_once_and_pauses_everything_for_as_long_as_it_asks():
    pace = throttled(Pace(), NOW, in_flight=8, retry_after=30)
    assert pace.at_once == 4
    assert opens_at(pace, NOW) == NOW + 30_000
    assert opens_at(pace, NOW + 30_000) == NOW + 30_000


def test_answers_to_what_was_sent_before_the_pause_do_not_halve_again_but_may_make_it_longer():
    pace = throttled(throttled(Pace(), NOW, 8, 30), NOW + 5, 7, 60)
    assert (pace.at_once, pace.held_until) == (4, NOW + 5 + 60_000)


def test_what_was_sent_before_the_pause_tells_nothing_by_arriving():
    pace = throttled(Pace(), NOW, 8, 30)
    assert answered(pace, NOW + 29_999, 8) == pace
    assert answered(pace, NOW + 30_000, 8).answered == 1


def test_without_retry_after_the_pause_doubles_with_each_429_up_to_a_minute():
    pace, now, pauses = Pace(), NOW, []
    for _ in range(9):
        pace = throttled(pace, now, 8)
        pauses.append(pace.held_until - now)
        now = pace.held_until
    assert pauses == [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000, 64_000]
    assert pace.at_once == 1


@given(st.floats(0, 1e12))
def test_no_pause_is_longer_than_an_hour(asked: float):
    assert throttled(Pace(), NOW, 8, asked).held_until <= NOW + 3_600_000


@given(st.integers(1, 64), st.integers(1, 64))
def test_a_receiver_that_answers_again_gets_as_much_at_once_as_before(concurrency: int, in_flight: int):
    pace = throttled(Pace(), NOW, min(in_flight, concurrency))
    for _ in range(concurrency**2):
        assert pace.at_once is None or 1 <= pace.at_once < max(concurrency, 2)
        pace = answered(pace, pace.held_until, concurrency)
    assert pace.at_once is None
    assert pace.refusals == 0


@given(st.floats(0.1, 200), st.lists(st.integers(0, 3000), min_size=1, max_size=200))
def test_no_more_than_the_rate_is_sent_with_a_small_lead(rate: float, waits: list[int]):
    pace, now, sent = Pace(), NOW, []
    for wait in waits:
        now = opens_at(pace, now + wait)
        pace = sending(pace, now, rate)
        sent.append(now)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            span = sent[last] - sent[first] + LEAD + 1
            assert last - first + 1 <= rate * span / 1000 + 1 + 1e-6


def test_without_a_rate_nothing_waits():
    pace = Pace()
    for _ in range(1000):
        pace = sending(pace, NOW, None)
    assert opens_at(pace, NOW) == NOW
