"""Members that are null leave a document, and nothing else of it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.hub.nulls import without_nulls

TEXTS = st.text(max_size=4) | st.sampled_from(
    ["null", ":null", ":null,", '":null,"', "\\", '\\"', 'a":null', ",", "", ' ":null}', "\\\\"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner | st.none(), max_size=4),
    max_leaves=20,
)


def filtered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: filtered(member) for name, member in value.items() if member is not None}
    return [filtered(each) for each in value] if isinstance(value, list) else value


@given(
    VALUES,
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.sampled_from([(",", ":"), (" ,", " : "), (", ", ":\r\n")]),
)
def test_a_document_is_the_same_but_for_them(value: Any, indent: Any, plain: bool, separators: tuple[str, str]) -> None:
    document = json.dumps(value, indent=indent, ensure_ascii=plain, separators=separators).encode(
        "utf-8", "surrogatepass"
    )
    left = without_nulls(document)
    assert json.loads(left) == filtered(value)
    if value == filtered(value):
        assert left == document


@pytest.mark.parametrize(
    ("document", "left"),
    [
        (b'{"a":null}', b"{}"),
        (b'{"a":null,"b":null}', b"{}"),
        (b'{"a":1.10,"b":null}', b'{"a":1.10}'),
        (b'{"b":null,"a":1e5}', b'{"a":1e5}'),
        (b'{ "a" : null , "b" : 2 }', b'{  "b" : 2 }'),
        (b'{"a":1 , "b":null }', b'{"a":1 }'),
        (b'[null, {"a":null}, "x:null"]', b'[null, {}, "x:null"]'),
        (b'{"":null,"b":":null,"}', b'{"b":":null,"}'),
        (b'[":null,",{",":null}]', b'[":null,",{}]'),
        (b'{"t":"\\"a\\":null,","b":null}', b'{"t":"\\"a\\":null,"}'),
        (b"null", b"null"),
        (b"[]", b"[]"),
    ],
)
def test_every_other_byte_stays(document: bytes, left: bytes) -> None:
    assert without_nulls(document) == left
