"""A window in buckets: nothing falls between two, and there are never too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.timebuckets import INTERVALS, MOST_BUCKETS, window

NOW = 1_790_000_000_000
moments = st.integers(0, 4 * NOW)


@given(moments, st.integers(0, 86_400_000), st.sampled_from(["minute", "hour", "day", None]), st.data())
def test_every_moment_of_a_window_is_in_one_of_its_buckets(from_at: int, length: int, interval: str | None, data):
    made = window(from_at, from_at + length, interval)
    begins = list(made.begins())
    at = data.draw(st.integers(from_at, from_at + length))
    assert [begin for begin in begins if begin <= at < begin + made.span_for] == [made.bucket_of(at)]
    assert all(begin % made.span_for == 0 for begin in begins)
    assert begins[0] <= from_at
    assert begins[-1] <= from_at + length


@given(moments, moments, st.sampled_from([*INTERVALS, None]))
def test_a_window_has_few_enough_buckets_or_is_refused(from_at: int, to_at: int, interval: str | None):
    span = INTERVALS.get(interval or "day", 0)
    if from_at > to_at:
        with pytest.raises(InvalidInput, match=r"^from: "):
            window(from_at, to_at, interval)
    elif (to_at - from_at) // span > MOST_BUCKETS:
        with pytest.raises(InvalidInput, match=r"^interval: "):
            window(from_at, to_at, interval)
    elif (to_at - from_at) // span < MOST_BUCKETS - 1:
        assert len(list(window(from_at, to_at, interval).begins())) <= MOST_BUCKETS


@pytest.mark.parametrize("off", [0, 1, 59_999, 12_345])
def test_an_hour_by_the_minute_is_61_buckets_wherever_it_begins(off: int):
    begin = NOW - NOW % 60_000 + off
    assert len(list(window(begin, begin + 3_600_000, "minute").begins())) == 61


@pytest.mark.parametrize(
    ("length", "span"), [(60_000, "second"), (3_600_000, "minute"), (86_400_000, "hour"), (60 * 86_400_000, "day")]
)
def test_without_an_interval_there_are_a_few_dozen_buckets(length: int, span: str):
    assert window(NOW - length, NOW, None).span_for == INTERVALS[span]
