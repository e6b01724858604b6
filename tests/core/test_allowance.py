"""An allowance lets through what it says, in any span of time, whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.allowance import Allowance, spend


@given(st.integers(1, 600), st.lists(st.integers(0, 5_000), max_size=300))
def test_in_no_span_more_calls_pass_than_a_minutes_worth_and_what_has_filled_up_since(a_minute: int, waits: list[int]):
    allowance, now, passed = None, 0, list[int]()
    for wait in waits:
        now += wait
        allowance, wait_for = spend(allowance, a_minute, now)
        if not wait_for:
            passed.append(now)
    for nth, first in enumerate(passed):
        for more, last in enumerate(passed[nth:], 1):
            assert more <= a_minute + (last - first) * a_minute / 60_000 + 1e-6


@given(st.integers(1, 600), st.floats(0, 0.99), st.integers(0, 1000))
def test_whoever_waits_as_long_as_was_said_may_call(a_minute: int, left: float, now: int):
    allowance, wait_for = spend(Allowance(left, now), a_minute, now)
    assert wait_for > 0
    assert spend(allowance, a_minute, now + round(wait_for * 1000) + 1)[1] == 0


def test_a_clock_that_is_set_back_neither_gives_nor_takes():
    assert spend(Allowance(5, 100_000), 60, 40_000) == (Allowance(4, 40_000), 0.0)
