"""What a first run is told to do, and what it then does with one record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.configvalues import ConfigError
from tidings.core.detect import Row, Rules, judge
from tidings.core.diff import volatile
from tidings.core.firstrun import FirstRun, read, refuse_future
from tidings.core.model import EventType

JANUARY = 1_767_225_600_000
WATCHED = JANUARY + 30 * 86_400_000


@pytest.mark.parametrize("text", ["2026-01-01", "20260101", "2026-01-01T00:00:00Z", "2026-01-01T01:00+01:00"])
def test_a_date_is_midnight_in_utc_and_a_time_needs_its_zone(text):
    assert read(text, "firstRun") == FirstRun("2026-01-01T00:00:00Z", JANUARY)


@pytest.mark.parametrize("text", ["Silent", " backfill "])
def test_words_are_read_in_any_case(text):
    assert read(text, "firstRun") == FirstRun(text.strip().lower())


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00", "2026-13-01", "yesterday", "1767225600000", "2026-02-29", "-1"]
)
def test_what_is_neither_word_nor_date_is_refused_by_name(text):
    with pytest.raises(ConfigError) as refused:
        read(text, "event.poller.first_run")
    assert refused.value.field == "event.poller.first_run"
    assert "2026-01-31" in refused.value.message


def test_a_date_in_the_future_is_refused_by_name():
    first_run = read("2026-01-01", "event.poller.first_run")
    refuse_future(first_run, JANUARY)
    refuse_future(FirstRun("silent"), 0)
    with pytest.raises(ConfigError) as refused:
        refuse_future(first_run, JANUARY - 1)
    assert refused.value.field == "event.poller.first_run"


def rules(**changed: Any) -> Rules:
    settings: dict[str, Any] = {
        "generation": 1,
        "volatile": volatile([]),
        "silent_before": WATCHED,
        "silent_until": WATCHED + 1000,
        "announced_since": JANUARY,
        "high_id": 100,
        "created_since": JANUARY,
        "created_known": True,
    }
    return Rules(**(settings | changed))


def what(row: Row, by: Rules) -> EventType | None:
    _, change = judge(row, None, None, by)
    return None if change is None else change.type


@pytest.mark.parametrize(
    ("stamp_at", "created_at", "expected"),
    [
        (JANUARY - 1, JANUARY - 1, None),
        (JANUARY, JANUARY - 1, EventType.UPDATED),
        (JANUARY, JANUARY, EventType.CREATED),
        (JANUARY + 5000, None, EventType.UPDATED),
        (WATCHED, JANUARY + 1, EventType.CREATED),
        (WATCHED, JANUARY - 1, EventType.UPDATED),
        (None, JANUARY + 1, None),
        (WATCHED + 10**9, JANUARY - 1, EventType.UPDATED),
    ],
)
def test_what_is_stamped_since_the_date_is_announced_and_created_where_that_is_as_late(stamp_at, created_at, expected):
    row = Row(7, b"{}", b"h", stamp_at, created_at)
    assert what(row, rules()) is expected
    assert what(row, rules(silent_before=10**15)) is expected, "in the second in which watching begins, too"


def test_an_older_record_that_is_announced_says_that_it_was_not_seen_before():
    _, change = judge(Row(7, b"{}", b"h", JANUARY, JANUARY - 1), None, None, rules())
    assert change is not None
    assert change.first_seen


def test_a_record_that_was_flagged_as_deleted_long_ago_is_learned():
    assert what(Row(7, b"{}", b"h", JANUARY + 1, JANUARY, flagged=True), rules()) is None


@given(st.integers(JANUARY - 10**9, WATCHED - 1), st.integers(JANUARY - 10**9, WATCHED - 1))
def test_a_date_announces_nothing_that_a_backfill_would_not_and_silence_nothing_at_all(stamp_at, created_at):
    row = Row(7, b"{}", b"h", stamp_at, created_at)
    assert what(row, rules(announced_since=None)) is None
    assert (what(row, rules()) is not None) == (stamp_at >= JANUARY)
    assert what(row, rules(backfill=True)) is EventType.CREATED
