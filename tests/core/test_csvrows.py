"""Do records come through CSV, and is no cell a formula?"""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.csvrows import MOST_COLUMNS, columns, header, read, written
from tidings.core.errors import InvalidInput

#: Records without what CSV cannot tell apart: empty texts and objects, texts that are JSON, dots in names.
LEAVES = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=12).filter(
    lambda text: text[0] not in "[{"
)
INSIDE = st.dictionaries(st.sampled_from("pq"), LEAVES, min_size=1)
RECORDS = st.fixed_dictionaries({"id": LEAVES}, optional={"a": LEAVES, "b": LEAVES, "c": INSIDE})


def table(records: list[Any]) -> str:
    lines = [json.dumps(record).encode() for record in records]
    known: dict[str, None] = {}
    columns(lines, known)
    return (header(list(known)) + written(lines, list(known))).decode()


def test_members_inside_of_others_are_columns_of_their_own_and_lists_are_json() -> None:
    text = table(
        [{"id": 1, "company": {"id": 2, "name": "A, B"}, "tags": ["x", 1.50]}, {"id": 3, "ok": True, "no": None}]
    )
    assert text.splitlines() == [
        "id,company.id,company.name,tags,ok,no",
        '1,2,"A, B","[""x"",1.5]",,',
        "3,,,,true,",
    ]


def test_numbers_keep_their_digits() -> None:
    line = b'{"a":1.10,"b":123456789012345678901234567890,"c":[1.10],"d":-0.0}'
    assert written([line], ["a", "b", "c", "d"]) == b"1.10,123456789012345678901234567890,[1.10],-0.0\n"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("\tx", "'\tx"),
        ("+49 (30) 123-4", "+49 (30) 123-4"),
        ("-5", "-5"),
        ("it's", "it's"),
        ("'=quoted", "''=quoted"),
        ("plain", "plain"),
    ],
)
def test_no_cell_is_a_formula_and_what_was_written_is_read_again(text: str, cell: str) -> None:
    made = table([{"a": text}])
    assert list(csv.reader(made.splitlines()))[1] == [cell]
    (line,) = read(made, {})
    assert line.record is not None
    assert json.loads(line.record) == {"a": text}


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_texts_come_through_and_back(records: list[dict[str, Any]]) -> None:
    back = [line.record for line in read(table(records), {})]
    assert [json.loads(record) for record in back if record is not None] == records


TYPES = {"id": "int", "sum": "decimal", "ok": "bool", "tags": "array", "name": "string", "company.id": "int"}


def test_cells_are_read_by_the_type_of_their_field() -> None:
    text = 'id,sum,ok,tags,name,company.id\n007,1.50,TRUE,"[1]",5,3\nx,.5,maybe,no,true,\n'
    first, second = (json.loads(line.record or b"") for line in read(text, TYPES))
    assert first == {"id": 7, "sum": 1.5, "ok": True, "tags": [1], "name": "5", "company": {"id": 3}}
    assert second == {"id": "x", "sum": ".5", "ok": "maybe", "tags": "no", "name": "true"}


def test_a_line_that_makes_no_record_says_why_and_the_others_are_read() -> None:
    lines = list(read("a,a.b\n1,\n,2\n1,2\n1,2,3\n\n", {}))
    assert [line.record for line in lines] == [b'{"a":"1"}', b'{"a":{"b":"2"}}', None, None]
    assert [line.error for line in lines[2:]] == [
        "a.b: a has a value of its own",
        "the line has 3 cells, and the header 2",
    ]


@pytest.mark.parametrize("text", ["", "\n", ",,\n1,2,3\n", "a,a\n1,2\n", ",".join(map(str, range(MOST_COLUMNS + 1)))])
def test_a_file_without_a_usable_header_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="header"):
        list(read(text, {}))


def test_too_many_columns_are_refused() -> None:
    wide = json.dumps({str(number): 1 for number in range(MOST_COLUMNS + 1)}).encode()
    with pytest.raises(InvalidInput, match="columns"):
        columns([wide], {})
