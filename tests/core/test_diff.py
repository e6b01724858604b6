"""What counts as a difference, by table and by property."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.diff import content, diff, parse, volatile
from tidings.core.model import FieldChange

names = st.text("ab~/", min_size=1, max_size=3)
values = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.sampled_from([1.0, 0.5, "x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(names, values, max_size=4)


def apply(changes, record):
    """The record with the changes written into it, by the pointers alone."""
    result = copy.deepcopy(record)
    for change in changes:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in change.path.split("/")[1:]]
        at = result
        for part in parts[:-1]:
            at = at[int(part)] if isinstance(at, list) else at[part]
        last = int(parts[-1]) if isinstance(at, list) else parts[-1]
        if change.new is None:
            del at[last]
        else:
            at[last] = change.new
    return result


@given(records, records)
def test_the_changes_turn_the_old_record_into_the_new_one(old, new):
    assert repr(content(apply(diff(old, new), old), {})) == repr(content(new, {})) or apply(diff(old, new), old) == new


@given(records)
def test_a_record_does_not_differ_from_itself(record):
    assert diff(record, copy.deepcopy(record)) == ()


@pytest.mark.parametrize(
    ("old", "new"), [(1, True), (1, 1.0), (0, False), ("1", 1), ([], {}), (2**70, 2**70 + 1), ("", 0)]
)
def test_values_of_two_kinds_differ_even_where_python_calls_them_equal(old, new):
    assert diff({"a": old}, {"a": new}) == (FieldChange("/a", old, new),)


def test_arrays_of_one_length_differ_by_item_and_others_as_a_whole():
    assert diff({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == (FieldChange("/a/1/b", 2, 3),)
    assert diff({"a": [1]}, {"a": [1, 2]}) == (FieldChange("/a", [1], [1, 2]),)


def test_a_name_with_a_slash_or_a_tilde_is_escaped_as_rfc_6901_says():
    assert diff({}, {"a/b~c": 1}) == (FieldChange("/a~1b~0c", None, 1),)


def test_null_is_absent_and_volatile_paths_are_no_content():
    tree = volatile(["_info", "*/_info", "sla/minutes", "_info/lastUpdated"])
    record = {
        "id": 1,
        "gone": None,
        "_info": {"x": 1},
        "company": {"id": 2, "_info": {}},
        "sla": {"minutes": 5, "k": 1},
    }
    assert content(record, tree) == {"id": 1, "company": {"id": 2}, "sla": {"k": 1}}
    assert content({"list": [{"a": None, "b": 1}]}, tree) == {"list": [{"b": 1}]}


def test_half_a_surrogate_pair_and_integers_of_any_size_can_be_read():
    assert parse(b'{"a":"\\ud83d"}') == {"a": "\ud83d"}
    assert parse(b"[123456789012345678901234567890]") == [123456789012345678901234567890]
    with pytest.raises(ValueError, match="Expecting property name"):
        parse(b"{")
