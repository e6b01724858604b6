"""Is the next try at the time that the platform promises?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.retry import poll_backoff, receiver_wait

dice = st.floats(0, 1, exclude_max=True)
asked = st.none() | st.floats(0, 1e9)


def test_a_notification_is_tried_again_nine_times_as_the_platform_does():
    waits = [receiver_wait(tries) for tries in range(1, 11)]
    assert waits == [4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, None]


@pytest.mark.parametrize(
    ("tries", "retry_after", "wait"),
    [(1, 2, 4), (1, 60, 60), (2, 0, 16), (1, 86_400, 3600), (7, 86_400, 16_384), (10, 60, None)],
)
def test_a_receiver_may_ask_for_more_time_but_not_for_days(tries: int, retry_after: float, wait: float | None):
    assert receiver_wait(tries, retry_after) == wait


@given(st.integers(1, 9), asked, st.floats(0, 1), dice)
def test_no_notification_comes_back_before_its_schedule(
    tries: int, retry_after: float | None, jitter: float, throw: float
):
    wait = receiver_wait(tries, retry_after, jitter=jitter, dice=throw)
    assert wait is not None
    assert 4**tries <= wait <= max(4**tries, 3600) * (1 + jitter)


@given(st.lists(st.floats(0.1, 1e6), max_size=12), dice)
def test_any_schedule_has_one_try_more_than_waits(schedule: list[float], throw: float):
    waits = [receiver_wait(tries, schedule=schedule, dice=throw) for tries in range(1, len(schedule) + 2)]
    assert waits == [*schedule, None]


def test_a_provider_is_asked_again_after_five_seconds_and_then_ever_more_rarely():
    assert [poll_backoff(failures, 0.0) for failures in range(1, 11)] == [5, 10, 20, 40, 80, 160, 320, 640, 720, 720]


@given(st.integers(1, 10**6), dice)
def test_a_provider_is_never_left_alone_for_more_than_a_quarter_of_an_hour(failures: int, throw: float):
    assert 5 <= poll_backoff(failures, throw) <= 900


@given(st.integers(1, 10**6), dice, st.floats(0, 1e9))
def test_a_provider_that_asks_for_time_gets_it_up_to_an_hour(failures: int, throw: float, retry_after: float):
    wait = poll_backoff(failures, throw, retry_after)
    assert min(retry_after, 3600) <= wait <= 1.25 * 3600
    assert wait >= poll_backoff(failures, throw)
