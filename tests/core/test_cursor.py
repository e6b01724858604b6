"""Whose turn it is, and how far the watermark goes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.cursor import (
    ENCODE,
    LONG,
    LONG_TRIES,
    PollCursor,
    Reading,
    ReadingKind,
    advance,
    decode,
    due_at,
    lower_bound,
    next_turn,
    on_grid,
    set_back,
)

READY = PollCursor(baselined=True, watermark_at=1000, poll_at=100, settle_at=200, sweep_at=300, audit_at=400)


@pytest.mark.parametrize(
    ("cursor", "now", "turn"),
    [
        (PollCursor(), 0, ReadingKind.PROBE),
        (PollCursor(main=Reading(ReadingKind.BASELINE)), 0, ReadingKind.BASELINE),
        (READY, 99, None),
        (READY, 100, ReadingKind.POLL),
        (msgspec.structs.replace(READY, poll_at=999), 250, ReadingKind.SETTLE),
        (msgspec.structs.replace(READY, poll_at=999, settle_at=999), 350, ReadingKind.SWEEP),
        (msgspec.structs.replace(READY, poll_at=999, settle_at=999, sweep_at=999), 450, ReadingKind.AUDIT),
        (msgspec.structs.replace(READY, long=Reading(ReadingKind.AUDIT)), 50, ReadingKind.AUDIT),
        (msgspec.structs.replace(READY, long=Reading(ReadingKind.AUDIT)), 150, ReadingKind.POLL),
    ],
)
def test_a_long_reading_gives_way_to_a_due_poll(cursor, now, turn):
    assert next_turn(cursor, now) == turn


@given(
    st.dictionaries(st.sampled_from(sorted(LONG)), st.integers(0, 10_000), min_size=3),
    st.dictionaries(st.sampled_from(sorted(LONG)), st.integers(1, 1000), min_size=3),
    st.dictionaries(st.sampled_from(sorted(LONG)), st.integers(1, 5000), min_size=3),
    st.sets(st.sampled_from(sorted(LONG))),
)
def test_whatever_long_reading_is_due_begins_after_two_others_at_the_most(due, intervals, takes, failing):
    """Also where each takes longer than its interval, or fails for good."""
    now = 10_000
    cursor = PollCursor(baselined=True, poll_at=10**9, **{f"{kind.value}_at": at for kind, at in due.items()})
    passed = dict.fromkeys(LONG, 0)
    for _ in range(30):
        waiting = [kind for kind in LONG if getattr(cursor, f"{kind.value}_at") <= now]
        kind = next_turn(cursor, now)
        assert (kind is None) == (not waiting)
        now += takes[kind or "audit"]
        if kind is None:
            continue
        if kind in failing:
            for _ in range(LONG_TRIES):
                assert next_turn(cursor, now) == kind
                cursor = set_back(cursor, kind, now, wait_for=7)
                now += 7
        else:
            cursor = msgspec.structs.replace(cursor, **{f"{kind.value}_at": now + intervals[kind]})
        for each in waiting:
            passed[each] = 0 if each is kind else passed[each] + 1
            assert passed[each] <= 2, f"{each} waits while others go again"


def test_a_lane_with_a_reading_in_progress_is_due_at_once():
    assert due_at(READY) == 100
    assert due_at(msgspec.structs.replace(READY, long=Reading(ReadingKind.SWEEP))) == 0
    assert due_at(PollCursor()) == 0


def reading(kind=ReadingKind.POLL, **changes):
    return Reading(kind, **({"date_at": 5000, "top_at": 4000} | changes))


@pytest.mark.parametrize(
    ("cursor", "done", "watermark"),
    [
        (READY, reading(), 4000),
        (READY, reading(top_at=9000), 5000),
        (READY, reading(top_at=None), 1000),
        (READY, reading(top_at=900), 1000),
        (READY, reading(outside=1), 1000),
        (PollCursor(t0_at=3000), reading(ReadingKind.BASELINE, top_at=2000), 3000),
        (PollCursor(t0_at=3000), reading(ReadingKind.BASELINE, top_at=None), 3000),
        (PollCursor(), reading(ReadingKind.BASELINE, top_at=None), None),
    ],
)
def test_the_watermark_only_grows_and_never_beyond_the_providers_clock(cursor, done, watermark):
    assert advance(cursor, done) == watermark


def test_the_overlap_is_never_less_than_twice_the_skew_seen():
    assert lower_bound(READY, ReadingKind.POLL, 120, 0) == 880
    assert lower_bound(msgspec.structs.replace(READY, skew=100), ReadingKind.POLL, 120, 0) == 800
    assert lower_bound(READY, ReadingKind.SETTLE, 120, 600) == 400
    assert lower_bound(READY, ReadingKind.AUDIT, 120, 600) is None


@given(st.integers(0, 10**13), st.integers(1, 10**8), st.integers(0, 10**9))
def test_the_next_beat_is_ahead_within_one_interval_and_on_the_instances_own_phase(now, interval, phase):
    at = on_grid(now, interval, phase)
    assert now < at <= now + interval
    assert (at - phase) % interval == 0


def test_a_cursor_survives_its_storage():
    cursor = msgspec.structs.replace(
        READY, main=reading(position="17"), long=reading(ReadingKind.SWEEP, missing=(1, "a"))
    )
    assert decode(ENCODE(cursor)) == cursor
    assert decode(b"") == PollCursor()
