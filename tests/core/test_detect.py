"""Every case of a record's life, and that nothing is said twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.detect import Row, Rules, differs, judge
from tidings.core.diff import volatile
from tidings.core.model import EventType, FieldChange, Known

T = 1_000_000
VOLATILE = volatile(["_info"])


def rules(**changes):
    given: dict[str, Any] = {"generation": 1, "volatile": VOLATILE, "high_id": 100}
    return Rules(**(given | changes))


def row(record_id=7, stamp=T, flagged=False, created=None, **members):
    raw = json.dumps({"id": record_id, "_info": {"lastUpdated": stamp}, **members}).encode()
    return Row(record_id, raw, xxhash.xxh3_128_digest(raw), stamp, created, flagged)


def known_as(before, **changes):
    write, _ = judge(before, None, None, rules(silent_before=10 * T))
    return Known(write.raw_hash, write.stamp_at, write.rev, write.gone, write.missing, write.generation)._replace(
        **changes
    )


def judged(after, before=None, known=None, **changes):
    if before is not None:
        known = known or known_as(before)
    return judge(after, known, before.raw if before else None, rules(**changes))


def test_a_known_record_with_the_same_bytes_needs_no_judgement():
    assert not differs(row(), known_as(row()), rules())
    assert differs(row(a=1), known_as(row()), rules())


def test_new_content_is_an_update_with_its_fields():
    write, change = judged(row(name="new", stamp=T + 1), row(name="old"))
    assert change is not None
    assert (change.type, change.changes, change.rev) == (EventType.UPDATED, (FieldChange("/name", "old", "new"),), 2)
    assert (write.rev, write.stamp_at) == (2, T + 1)


def test_new_content_under_the_same_stamp_is_an_update_too():
    _, change = judged(row(name="new"), row(name="old"))
    assert change is not None
    assert change.type is EventType.UPDATED


def test_a_touch_is_announced_only_where_the_resource_says_so():
    write, change = judged(row(stamp=T + 1), row())
    assert change is None
    assert (write.stamp_at, write.rev) == (T + 1, 1)
    _, change = judged(row(stamp=T + 1), row(), announce_touched=True)
    assert change is not None
    assert (change.type, change.changes, change.touched) == (EventType.UPDATED, (), True)


def test_bytes_that_differ_only_in_form_are_stored_and_not_announced():
    other = row()
    spaced = Row(7, other.raw.replace(b'":', b'" :'), b"other", T)
    write, change = judged(spaced, row(), announce_touched=True)
    assert change is None
    assert write.raw_hash == b"other"


@pytest.mark.parametrize(
    ("record", "kind", "first_seen"),
    [
        (row(101), EventType.CREATED, False),
        (row(99), EventType.UPDATED, True),
        (row("text"), EventType.CREATED, False),
    ],
)
def test_an_unknown_record_is_new_when_its_id_is_beyond_the_highest_of_the_baseline(record, kind, first_seen):
    _, change = judged(record)
    assert change is not None
    assert (change.type, change.first_seen, change.rev) == (kind, first_seen, 1)


@pytest.mark.parametrize(
    ("created", "stamp", "kind"),
    [(T, T + 9, EventType.CREATED), (T - 1, T + 9, EventType.UPDATED), (T - 1, T + 1, EventType.CREATED)],
)
def test_a_created_stamp_tells_where_ids_do_not(created, stamp, kind):
    record = row(5, stamp=stamp, created=created)
    _, change = judged(record, created_known=True, created_since=T, tolerance=2)
    assert change is not None
    assert change.type is kind


def test_what_exists_at_the_baseline_is_learned_silently_and_what_changes_during_it_is_not():
    during = {"silent_before": T, "silent_until": T + 5}
    assert judged(row(stamp=T - 1), **during)[1] is None
    assert judged(row(stamp=T + 6), **during)[1] is None, "stamped in the provider's future"
    assert judged(row(stamp=None), **during)[1] is None
    _, change = judged(row(101, stamp=T), **during)
    assert change is not None
    assert change.type is EventType.CREATED
    write, change = judged(row(stamp=T - 1, flagged=True), **during)
    assert (write.gone, change) == (1, None)


@pytest.mark.parametrize("key", [5, 101])
def test_an_unknown_record_that_is_flagged_was_never_there_and_its_restoration_creates(key):
    write, change = judged(row(key, flagged=True))
    assert (write.gone, change) == (1, None)
    gone = Known(write.raw_hash, write.stamp_at, write.rev, write.gone, 0, 1)
    _, change = judged(row(key, stamp=T + 1), row(key, flagged=True), gone)
    assert change is not None
    assert change.type is EventType.CREATED


def test_a_deleted_flag_deletes_once_and_its_clearing_creates():
    before = row()
    flagged = row(flagged=True, stamp=T + 1)
    write, change = judged(flagged, before)
    assert change is not None
    assert (change.type, change.raw, write.gone) == (EventType.DELETED, flagged.raw, 1)
    gone = Known(write.raw_hash, write.stamp_at, write.rev, write.gone, 0, 1)
    assert judged(row(flagged=True, stamp=T + 2), flagged, gone)[1] is None
    _, change = judged(row(stamp=T + 3), flagged, gone)
    assert change is not None
    assert (change.type, change.rev) == (EventType.CREATED, 3)


def test_a_record_compared_under_older_rules_is_taken_over_silently_unless_its_stamp_moved():
    old = known_as(row(name="a", extra=1), generation=0)
    write, change = judged(row(name="a"), row(name="a", extra=1), old)
    assert (change, write.generation) == (None, 1)
    _, change = judged(row(name="b", stamp=T + 1), row(name="a", extra=1), old)
    assert change is not None
    assert change.type is EventType.UPDATED


versions = st.builds(
    lambda stamp, name, flagged: row(101, stamp=stamp, flagged=flagged, name=name),
    st.integers(T, T + 3),
    st.sampled_from("abc"),
    st.booleans(),
)


@given(st.lists(versions, min_size=1, max_size=8), st.booleans())
def test_reading_any_history_twice_announces_it_once_and_the_last_version_wins(history, announce):
    """However often each version is read, it is announced at most once, and the announced state is the last one."""

    def follow(readings):
        known, old, said = None, None, []
        for version in readings:
            if not differs(version, known, rules(announce_touched=announce)):
                continue
            write, change = judge(version, known, old, rules(announce_touched=announce))
            known = Known(write.raw_hash, write.stamp_at, write.rev, write.gone, write.missing, write.generation)
            old = version.raw
            if change is not None:
                said.append((change.type, change.rev, change.raw))
        return said

    once = follow(history)
    twice = follow([version for version in history for _ in range(2)])
    assert once == twice
    assert [rev for _, rev, _ in once] == sorted({rev for _, rev, _ in once})
    exists = False
    for kind, _, _ in once:
        assert (kind is EventType.CREATED) == (not exists) or kind is EventType.DELETED
        exists = kind is not EventType.DELETED
