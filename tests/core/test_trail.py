"""What a page leaves behind is read back as it was, and each judgement has its verdict."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.detect import Row, Rules, judge
from tidings.core.diff import volatile
from tidings.core.model import Change, EventType, Known, RecordWrite
from tidings.core.trail import SENTENCES, Verdict, decode, encode, find, verdict

NUMBERS = st.integers(-(2**63), 2**63 - 1)
IDS = st.one_of(st.lists(NUMBERS), st.lists(st.one_of(NUMBERS, st.text())), st.lists(st.integers(0, 300), max_size=300))
RULES = Rules(generation=2, volatile=volatile(["_info/lastUpdated"]), silent_before=None)


@given(ids=IDS, special=st.dictionaries(NUMBERS, st.sampled_from(Verdict)), usual=st.sampled_from(Verdict))
def test_what_a_page_saw_is_read_back_with_its_verdicts(ids, special, usual):
    seen = encode(ids, special, usual)
    expected = {str(key): special.get(key, usual) for key in (*ids, *special)}
    assert decode(seen) == expected
    assert {key: find(seen, key) for key in expected} == expected
    assert find(seen, "no such id") is None


def test_a_page_of_neighbours_is_small_and_an_empty_one_is_nothing():
    assert len(encode(range(1, 1001), {})) < 400
    assert len(encode(range(1, 4000, 4), {2001: Verdict.UPDATED})) < 500
    assert encode([], {}) == b""
    assert decode(b"") == {}


def test_every_verdict_has_a_sentence_and_a_number_of_one_byte():
    assert set(SENTENCES) == set(Verdict)
    assert all(0 < each < 256 for each in Verdict)


def state(**changes: Any) -> Known:
    return Known(b"h", stamp_at=5, rev=1, gone=0, missing=0, generation=2)._replace(**changes)


def body(title="a", stamp=5):
    return b'{"id":1,"title":"%s","_info":{"lastUpdated":%d}}' % (title.encode(), stamp)


@pytest.mark.parametrize(
    ("known", "title", "row", "rules", "expected"),
    [
        (state(), "a", {}, {}, Verdict.UNCHANGED),
        (None, "a", {}, {"high_id": 0}, Verdict.CREATED),
        (None, "a", {}, {"high_id": 9}, Verdict.FIRST_SEEN),
        (None, "a", {}, {"silent_before": 9}, Verdict.LEARNED),
        (None, "a", {"flagged": True}, {}, Verdict.LEARNED_DELETED),
        (state(raw_hash=b"o"), "b", {}, {}, Verdict.UPDATED),
        (state(raw_hash=b"o", stamp_at=4), "a", {}, {}, Verdict.TOUCH_IGNORED),
        (state(raw_hash=b"o", stamp_at=4), "a", {}, {"announce_touched": True}, Verdict.TOUCHED),
        (state(raw_hash=b"o"), "a", {}, {}, Verdict.VOLATILE),
        (state(), "a", {"flagged": True}, {}, Verdict.DELETED),
        (state(gone=1), "a", {"flagged": True}, {}, Verdict.STILL_GONE),
        (state(gone=1), "a", {}, {}, Verdict.CREATED),
        (state(generation=1), "a", {}, {}, Verdict.REBASED),
        (state(generation=1, raw_hash=b"o"), "b", {}, {}, Verdict.REBASED),
        (state(missing=-1), "a", {}, {}, Verdict.BACK_IN_VIEW),
        (state(missing=1), "a", {}, {}, Verdict.FOUND_AGAIN),
    ],
)
def test_each_judgement_of_a_row_has_its_verdict(known, title, row, rules, expected):
    arrived = Row(1, body(title), b"h", 5, **row)
    said = Rules(**{"generation": 2, "volatile": RULES.volatile} | rules)
    assert verdict(known, *judge(arrived, known, body(stamp=4), said)) is expected


def kept(known: Known, **changes: Any) -> RecordWrite:
    return RecordWrite(1, *known, snapshot=None)._replace(**changes)


@pytest.mark.parametrize(
    ("known", "changes", "expected"),
    [
        (state(), {"missing": 1}, Verdict.MISSING_ONCE),
        (state(missing=-1), {"missing": 1}, Verdict.MISSING_ONCE),
        (state(), {"missing": -1}, Verdict.OUT_OF_VIEW),
        (state(missing=1), {"missing": -1}, Verdict.OUT_OF_VIEW),
        (state(), {}, Verdict.NO_ANSWER),
        (state(missing=1), {}, Verdict.NO_ANSWER),
        (state(missing=1), {"missing": 0}, Verdict.FOUND_AGAIN),
        (state(gone=1, missing=2), {}, Verdict.STILL_GONE),
    ],
)
def test_each_look_by_id_has_its_verdict(known, changes, expected):
    assert verdict(known, kept(known, **changes), None) is expected


def test_a_delete_that_two_sweeps_found_is_told_as_one():
    known = state(missing=1)
    change = Change(EventType.DELETED, 1, 2, 5, b"{}", evidence="missing")
    assert verdict(known, kept(known, missing=2, gone=1, rev=2), change) is Verdict.DELETED
