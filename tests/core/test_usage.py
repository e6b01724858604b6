"""Calls are counted in spans that begin where people expect them to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput
from tidings.core.usage import UsageTally, begin_of, by_bucket, folded, interval_of, span_of

DAY = 86_400_000
TALLY = UsageTally(0, 2, 1, 0.5, 1.0, 1.5, "crm")


def day_of(moment: int) -> date:
    return datetime.fromtimestamp(moment / 1000, UTC).date()


@given(st.integers(0, 4_000_000_000_000))
def test_a_span_begins_at_a_midnight_not_later_than_what_it_holds(moment: int):
    for interval in ("week", "month", "quarter", "year"):
        begin = begin_of(moment, interval)
        assert begin % DAY == 0
        assert begin <= moment
        assert begin_of(begin, interval) == begin
    day = day_of(moment)
    assert day_of(begin_of(moment, "week")) == day - timedelta(day.weekday())
    assert day_of(begin_of(moment, "month")) == day.replace(day=1)
    assert day_of(begin_of(moment, "year")) == day.replace(month=1, day=1)
    assert day_of(begin_of(moment, "quarter")).month in (1, 4, 7, 10)
    assert (day - day_of(begin_of(moment, "quarter"))).days < 92


def test_days_make_a_month_and_each_element_its_own():
    days = [replace(TALLY, bucket_at=nth * DAY) for nth in range(40)] + [replace(TALLY, element_key=None)]
    january, february, other = folded(days, "month")
    assert (january.calls, january.success, january.total_for) == (62, 31, 46.5)
    assert (february.bucket_at, february.calls, february.shortest_for, february.longest_for) == (31 * DAY, 18, 0.5, 1.0)
    assert (other.element_key, other.calls) == (None, 2)
    assert folded(days, "day") == days
    assert {at: len(found) for at, found in by_bucket([january, february, other]).items()} == {0: 2, 31 * DAY: 1}


def test_without_an_interval_there_are_a_hundred_spans_at_the_most():
    assert [interval_of(None, 0, span) for span in (90_000, 100_000, 50 * 3_600_000, 30 * DAY, 300 * DAY)] == [
        "second",
        "minute",
        "hour",
        "day",
        "month",
    ]
    assert interval_of("year", 0, 1) == "year"
    assert (span_of("hour"), span_of("year")) == (3_600_000, DAY)
    with pytest.raises(InvalidInput, match="write one of second"):
        interval_of("decade", 0, 1)
