"""Is a whole query read as it is written, and refused at the right place?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.bulkquery import BulkQuery, parse
from tidings.core.ceql import CeqlError

NAMES = st.from_regex(r"[A-Za-z_]\w{0,8}(\.[A-Za-z_]\w{0,8})?", fullmatch=True).filter(lambda name: name.isascii())
TEXTS = st.text(alphabet="abc limitorderbywhere'`0123 ", max_size=20).map(lambda text: text.replace("'", "''"))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("select * from contacts", BulkQuery("contacts")),
        ("SELECT id , company.id FROM contacts", BulkQuery("contacts", ("id", "company.id"))),
        ("select * from order where a = 1 order by id desc limit 5", BulkQuery("order", (), "a = 1", "id desc", 5)),
        ("select * from contacts limit 5 where a = 1", BulkQuery("contacts", (), "a = 1", None, 5)),
        ("select * from `company/contacts`", BulkQuery("company/contacts")),
        ("select * from incidents/7/comments", BulkQuery("incidents/7/comments")),
        ("select a.b from c where limit > 5 and order = 1", BulkQuery("c", ("a.b",), "limit > 5 and order = 1")),
        ("select a,*from c", BulkQuery("c")),
        ("select * from c where a = 'x limit 3 where'", BulkQuery("c", (), "a = 'x limit 3 where'")),
    ],
)
def test_a_query_is_read(text: str, query: BulkQuery) -> None:
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("  delete from c", 3),
        ("select", 1),
        ("select ?", 8),
        ("select a b from c", 10),
        ("select * from", 14),
        ("select * from c where", 22),
        ("select * from c where a = ", 27),
        ("select * from c where (a = 1", 29),
        ("select * from c limit 0", 23),
        ("select * from c limit 99999999999999999", 23),
        ("select * from c where a = 1 where b = 2", 29),
        ("select * from c and", 17),
        ("select * from c order by", 25),
        ("select * from c where a = 'x limit 3", 27),
        ("x" * 100_001, 100_001),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_column(text: str, column: int) -> None:
    with pytest.raises(CeqlError) as refused:
        parse(text)
    assert refused.value.column == column


@given(NAMES, TEXTS, st.integers(1, 10**6))
def test_the_clauses_come_apart_whatever_stands_in_a_text(name: str, text: str, limit: int) -> None:
    where = f"{name} = '{text}'"
    assert parse(f"select * from c where {where} limit {limit}") == BulkQuery("c", (), where, None, limit)
    assert parse(f"select * from c limit {limit} where {where}") == BulkQuery("c", (), where, None, limit)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    for each in (text, f"select * from c {text}", f"select {text}"):
        assert 1 <= column_of(each) <= len(each) + 1


def column_of(text: str) -> int:
    """Where a text is refused; its first column when it is not."""
    try:
        parse(text)
    except CeqlError as error:
        return error.column
    return 1
