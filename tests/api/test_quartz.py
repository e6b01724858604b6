"""Cron expressions for poll intervals: checked by listing when they fire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.quartz import DAY, every, in_words


def _fires(expression: str) -> list[int]:
    """The seconds of a day at which it fires."""

    def matching(field: str, size: int) -> set[int]:
        if field == "*":
            return set(range(size))
        start, _, step = field.partition("/")
        return set(range(int(start), size, int(step))) if step else {int(start)}

    second, minute, hour, *rest = expression.split()
    assert rest == ["1/1", "*", "?", "*"]
    return [
        h * 3600 + m * 60 + s
        for h in sorted(matching(hour, 24))
        for m in sorted(matching(minute, 60))
        for s in sorted(matching(second, 60))
    ]


@pytest.mark.parametrize("seconds", [1, 2, 3, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 43200, DAY])
def test_it_fires_evenly_all_day(seconds: int) -> None:
    expression = every(seconds)
    assert expression is not None
    assert _fires(expression) == list(range(0, DAY, seconds))


@pytest.mark.parametrize("seconds", [0, 0.5, 7, 45, 90, 420, 2700, 5400, 2 * DAY, 1e12])
def test_what_cron_cannot_say_evenly_has_no_expression(seconds: float) -> None:
    assert every(seconds) is None


@given(st.integers(min_value=1, max_value=DAY))
def test_whatever_it_says_is_true(seconds: int) -> None:
    expression = every(seconds)
    if expression is not None:
        fires = _fires(expression)
        assert fires[:2] == [0, seconds][: len(fires)]


def test_the_interval_in_words_uses_the_largest_even_unit() -> None:
    assert in_words(86400) == "1 day"
    assert in_words(7200) == "2 hours"
    assert in_words(599940) == "9999 minutes"
