"""A plain change as a JSON Patch: applied to a record, it gives the record with the change in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.splice import members
from tidings.hub.jsonpatch import patch_of

NAMES = st.text(max_size=6) | st.sampled_from(["a/b", "~", "~1", "/", "name", "\ud800"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
RECORDS = st.dictionaries(NAMES, VALUES, max_size=6)


def applied(record: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """The record after the operations, each about one of its members; as the provider takes them."""
    made = dict(record)
    for operation in patch:
        path = operation["path"]
        assert path[:1] == "/"
        assert "/" not in path[1:]
        name = path[1:].replace("~1", "/").replace("~0", "~")
        if operation["op"] == "remove":
            assert set(operation) == {"op", "path"}
            made.pop(name, None)
        else:
            assert operation["op"] == "replace"
            made[name] = operation["value"]
    return made


@given(RECORDS, RECORDS)
def test_applied_to_any_record_it_gives_the_record_with_the_change_in_it(
    record: dict[str, Any], change: dict[str, Any]
) -> None:
    patch = json.loads(patch_of(members(json.dumps(change).encode())))
    merged = {name: value for name, value in (record | change).items() if name not in change or value is not None}
    assert applied(record, patch) == merged
    assert [each["op"] for each in patch] == ["remove" if value is None else "replace" for value in change.values()]


@pytest.mark.parametrize(
    ("change", "patch"),
    [
        (b"{}", b"[]"),
        (b'{"summary":"New"}', b'[{"op":"replace","path":"/summary","value":"New"}]'),
        (b'{"company":{"id":"644"}}', b'[{"op":"replace","path":"/company","value":{"id":"644"}}]'),
        (
            b'{"lastName":null,"n":1.10}',
            b'[{"op":"remove","path":"/lastName"},{"op":"replace","path":"/n","value":1.10}]',
        ),
        (b'{"a/b~c":"\\ud800"}', b'[{"op":"replace","path":"/a~1b~0c","value":"\\ud800"}]'),
    ],
)
def test_values_keep_the_bytes_that_they_were_sent_with(change: bytes, patch: bytes) -> None:
    assert patch_of(members(change)) == patch


def test_a_list_that_keeps_what_is_not_named_is_emptied_first_unless_it_is_changed_anyway() -> None:
    empty = b'{"op":"replace","path":"/customFields","value":[]}'
    change = b'{"op":"replace","path":"/a","value":1}'
    assert patch_of({"a": b"1"}, emptied=["customFields"]) == b"[" + empty + b"," + change + b"]"
    assert patch_of({"customFields": b"[]"}, emptied=["customFields"]) == b"[" + empty + b"]"
