"""Ids, stamps, flags and exact bytes of whole pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.errors import InvalidInput, ProviderDown
from tidings.core.model import RecordId, record_id
from tidings.elements.heads import HeadReader

READER = HeadReader(("id",), ("_info", "lastUpdated"), ("_info", "dateEntered"), ("deletedFlag",))


def test_a_page_is_read_as_parallel_lists() -> None:
    page = (
        b'[ {"id": 7, "deletedFlag": true, "_info": {"lastUpdated": "2026-01-01T00:00:00Z", "x": 1}} ,\n'
        b'{"_info":{"dateEntered":"2025-01-01T00:00:00Z"},"name":"Zo\xc3\xab","id":"8"},{"id":"08a"}]\n'
    )
    heads = READER.read(page)
    assert len(heads) == 3
    assert heads.ids == [7, 8, "08a"]
    assert heads.stamps == ["2026-01-01T00:00:00Z", None, None]
    assert heads.created == [None, "2025-01-01T00:00:00Z", None]
    assert heads.deleted == [True, None, None]
    assert [bytes(raw) for raw in heads.raws] == [
        b'{"id": 7, "deletedFlag": true, "_info": {"lastUpdated": "2026-01-01T00:00:00Z", "x": 1}}',
        b'{"_info":{"dateEntered":"2025-01-01T00:00:00Z"},"name":"Zo\xc3\xab","id":"8"}',
        b'{"id":"08a"}',
    ]


@pytest.mark.parametrize(
    ("record", "stamp"),
    [
        ({"id": 1, "_info": {}}, None),
        ({"id": 1, "_info": None}, None),
        ({"id": 1, "_info": []}, None),
        ({"id": 1, "_info": "x"}, None),
        ({"id": 1, "_info": {"lastUpdated": None}}, None),
        ({"id": 1, "_info": {"lastUpdated": 1764000000000}}, 1764000000000),
        ({"id": 1, "_info": {"lastUpdated": {"odd": True}}}, {"odd": True}),
    ],
)
def test_a_stamp_that_is_not_there_is_none_and_spoils_nothing(record: dict[str, Any], stamp: object) -> None:
    page = json.dumps([record, {"id": 2, "_info": {"lastUpdated": "2026-01-01T00:00:00Z"}}]).encode()
    heads = READER.read(page)
    assert heads.ids == [1, 2]
    assert heads.stamps == [stamp, "2026-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"<html><body>Sign in</body></html>", "the provider's page is not a JSON array"),
        (b"", "not a JSON array"),
        (b'{"message":"no"}', "not a JSON array: Expected `array`, got `object`"),
        (b'[{"id":1}', "not a JSON array"),
        (b'[{"id":1}] x', "not a JSON array"),
        (b'[{"id":1,"name":"\xff"}]', "not a JSON array: 'utf-8' codec can't decode byte 0xff"),
        (b'[{"id":1},{"name":"x"},{"id":3}]', "row 2 of the provider's page has no id: id is null"),
        (b'[{"id":1},{"id":null}]', "row 2 of the provider's page has no id: id is null"),
        (b'[{"id":""}]', 'row 1 of the provider\'s page has no id: id is ""'),
        (b'[{"id":true}]', "row 1 of the provider's page has no id: id is true"),
        (b'[{"id":1.5}]', "row 1 of the provider's page has no id: id is 1.5"),
        (b'[{"id":{"a":1}}]', 'row 1 of the provider\'s page has no id: id is {"a":1}'),
        (b'[{"id":1},null]', "row 2 of the provider's page is not a JSON object"),
        (b'[{"id":1},[2]]', "row 2 of the provider's page is not a JSON object"),
    ],
)
def test_what_is_no_page_of_records_is_said_with_its_row(page: bytes, said: str) -> None:
    with pytest.raises(ProviderDown) as caught:
        READER.read(page)
    assert said in str(caught.value)


def test_an_id_may_stand_deep_and_beside_the_stamp() -> None:
    reader = HeadReader(("meta", "key"), ("meta", "at"), ("meta", "at"))
    heads = reader.read(b'[{"meta":{"at":5,"key":"k1"}},{"meta":{"key":2}}]')
    assert (heads.ids, heads.stamps, heads.created, heads.deleted) == (["k1", 2], [5, None], [5, None], [None, None])
    with pytest.raises(ProviderDown, match=r"row 1 of the provider's page has no id: meta\.key is null"):
        reader.read(b'[{"meta":7}]')


def test_keys_may_be_anything_json_allows() -> None:
    reader = HeadReader(("@", "@id"), ("Modified Time",), ("",))
    heads = reader.read(b'[{"@":{"@id":1},"Modified Time":"t","":"c","class":2}]')
    assert (heads.ids, heads.stamps, heads.created) == ([1], ["t"], ["c"])


def test_a_resource_without_an_id_path_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"^idField: is empty"):
        HeadReader(())


def test_an_id_too_great_for_an_integer_is_kept_as_text() -> None:
    assert READER.read(b'[{"id":9223372036854775808},{"id":1}]').ids == ["9223372036854775808", 1]


def test_the_edges_of_a_page_are_its_first_and_last_id() -> None:
    assert READER.edges(b'[{"id":"3"},{"id":9},{"id":4}]') == (3, 4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ids = st.integers(0, 2**62) | st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
records = st.builds(
    lambda rest, found, info: rest | {"id": found} | ({} if info is None else {"_info": info}),
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), json_values, max_size=5),
    ids,
    st.none() | st.fixed_dictionaries({}, optional={"lastUpdated": json_values, "dateEntered": st.text(max_size=5)}),
)


@given(st.lists(records, max_size=8), st.booleans())
def test_any_page_is_read_as_a_whole_parser_would(page: list[dict[str, Any]], ascii_only: bool) -> None:
    heads = READER.read(json.dumps(page, ensure_ascii=ascii_only).encode("utf-8"))
    expected: list[RecordId] = [record_id(record["id"]) for record in page]
    assert heads.ids == expected
    assert heads.stamps == [record.get("_info", {}).get("lastUpdated") for record in page]
    assert heads.created == [record.get("_info", {}).get("dateEntered") for record in page]
    assert heads.deleted == [record.get("deletedFlag") for record in page]
    assert [json.loads(bytes(raw)) for raw in heads.raws] == page
