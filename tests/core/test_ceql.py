"""CEQL: what is read, what is refused and where, and which records match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.ceql import (
    And,
    CeqlError,
    Comparison,
    In,
    IsNull,
    Kind,
    Like,
    Literal,
    Not,
    Or,
    fields,
    matches,
    parse,
    unparse,
)

TICKET = {
    "id": 123,
    "summary": "It's the Printer",
    "approved": False,
    "company": {"id": 7, "name": "Acme"},
    "closedDate": None,
    "zip": "33607",
    "budget": 12.5,
    "note": "",
    "dateEntered": "2026-03-04T05:06:07Z",
    "types": [{"id": 1}],
    "_info": {"lastUpdated": "2026-03-04T12:00:00Z"},
}
ALIASES = {"lastUpdated": "_info.lastUpdated"}


def number(text: str) -> Literal:
    return Literal(Kind.NUMBER, text)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("id='123'", Comparison(("id",), "=", Literal(Kind.TEXT, "123"))),
        ("company.id != -1.5", Comparison(("company", "id"), "!=", number("-1.5"))),
        ("approved=TRUE", Comparison(("approved",), "=", Literal(Kind.BOOLEAN, "true"))),
        ("'Modified Time'>'x'", Comparison(("Modified Time",), ">", Literal(Kind.TEXT, "x"))),
        (
            "`metaData.lastUpdateTime` > 2015-01-06T09:31:38-07:00",
            Comparison(("metaData.lastUpdateTime",), ">", Literal(Kind.DATE, "2015-01-06T09:31:38-07:00")),
        ),
        ("a<=2026-01-01", Comparison(("a",), "<=", Literal(Kind.DATE, "2026-01-01"))),
        ("name like 'it''s%'", Like(("name",), "it's%")),
        ("name not like 'x'", Not(Like(("name",), "x"))),
        ("id In (1, '2')", In(("id",), (number("1"), Literal(Kind.TEXT, "2")))),
        ("id NOT IN(1)", Not(In(("id",), (number("1"),)))),
        ("a is null", IsNull(("a",))),
        ("a IS NOT NULL", Not(IsNull(("a",)))),
        ("order = 1", Comparison(("order",), "=", number("1"))),
        ("in in (1)", In(("in",), (number("1"),))),
        (
            "a=1 or b=2 AND not c=3",
            Or(
                (
                    Comparison(("a",), "=", number("1")),
                    And((Comparison(("b",), "=", number("2")), Not(Comparison(("c",), "=", number("3"))))),
                )
            ),
        ),
        (
            "(a=1 or b=2)and c=3",
            And(
                (
                    Or((Comparison(("a",), "=", number("1")), Comparison(("b",), "=", number("2")))),
                    Comparison(("c",), "=", number("3")),
                )
            ),
        ),
    ],
)
def test_a_condition_is_read_as_its_tree(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("", 1, "the condition is empty"),
        ("id", 3, "expected an operator .*, found the end"),
        ("id >", 5, "expected a value: text in single quotes, a number, true, false or a date, found the end"),
        ("id = Open", 6, "found `Open`: write text in single quotes"),
        ('id = "x"', 6, 'found `"`: write text in single quotes'),
        ("id = null", 6, "found `null`: write IS NULL or IS NOT NULL"),
        ("company/id = 5", 8, "found `/`: write a dot between the parts of a name"),
        ("id = 5 id = 6", 8, "expected AND, OR or the end, found `id`"),
        ("a='b and c=5", 3, "the quote that opens here is never closed"),
        ("lastModifiedDate>='x' and attributes='created_at,updated_at", 38, "never closed"),
        ("(a=1", 5, "a parenthesis is still open"),
        ("a=1)", 4, r"found `\)`"),
        ("a in ()", 7, r"expected a value.*found `\)`"),
        ("a in (1", 8, r"expected a comma or \)"),
        ("a in 5", 6, r"expected \( and the values"),
        ("a is 5", 6, "expected NULL or NOT NULL"),
        ("a like 5", 8, "expected a pattern in single quotes"),
        ("a not 5", 7, "expected LIKE or IN"),
        ("a=1 and", 8, "expected a field's name, found the end"),
        ("a=5abc", 3, "found `5abc`"),
        ("a=2026-01-01x", 3, "expected a value"),
        ("(" * 51 + "a=1" + ")" * 51, 51, "more than 50 parentheses"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_column_and_what_was_expected(text, column, says):
    with pytest.raises(CeqlError, match=says) as refusal:
        parse(text)
    assert refusal.value.column == column


@given(st.text("ab=<>!'`()., 1-TZ:%" + "andorliksu", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        tree = parse(text)
    except CeqlError as refusal:
        column = refusal.column
    else:
        column = 1
        assert parse(unparse(tree)) == tree
    assert 1 <= column <= len(text) + 1


TEXT = st.text(max_size=8) | st.text("'`.% xy", max_size=8)
PLAIN = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
PATHS = st.lists(PLAIN, min_size=2, max_size=3).map(tuple) | st.tuples(TEXT)
LITERALS = (
    st.builds(Literal, st.just(Kind.TEXT), TEXT)
    | st.builds(Literal, st.just(Kind.NUMBER), st.from_regex(r"-?[0-9]{1,6}(\.[0-9]{1,3})?", fullmatch=True))
    | st.builds(Literal, st.just(Kind.BOOLEAN), st.sampled_from(["true", "false"]))
    | st.builds(Literal, st.just(Kind.DATE), st.sampled_from(["2026-01-02", "2026-01-02T03:04:05.6Z"]))
)
LEAVES = (
    st.builds(Comparison, PATHS, st.sampled_from(["=", "!=", "<", ">", "<=", ">="]), LITERALS)
    | st.builds(Like, PATHS, TEXT)
    | st.builds(In, PATHS, st.lists(LITERALS, min_size=1, max_size=3).map(tuple))
    | st.builds(IsNull, PATHS)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_is_written_is_read_back_as_the_same_tree(tree):
    assert parse(unparse(tree)) == tree


def test_the_fields_of_a_condition_are_named_once_each_in_its_order():
    assert fields(parse("b.c=1 and (a is null or not b.c in (2)) and `x y` like 'z'")) == ("b.c", "a", "x y")


@pytest.mark.parametrize(
    "text",
    [
        "id = 123",
        "id='123'",
        "ID = 123.0",
        "id in (1, '123')",
        "id not in (1, 2)",
        "id >= 123 and id < 124 and id != 5",
        "approved = false",
        "approved = 'False'",
        "company.id = 7",
        "Company.Name = 'ACME'",
        "summary = 'it''s the printer'",
        "summary like '%the PRINT%'",
        "summary like 'It%%er'",
        "summary not like 'the%'",
        "zip = 33607",
        "zip = '33607'",
        "zip > 9000",
        "budget = 12.50",
        "note = ''",
        "note != 'x'",
        "closedDate is null",
        "missing is null",
        "note is not null",
        "lastUpdated = '2026-03-04T13:00:00+01:00'",
        "lastUpdated > '2026-03-04T11:59:59.9Z'",
        "lastUpdated >= 2026-03-04",
        "lastUpdated < '2026-03-05'",
        "lastUpdated = '2026-03-04 12:00:00'",
        "_info.lastUpdated > '2026-03-04T11:59:59Z'",
        "dateEntered = 2026-03-04T05:06:07.000Z",
        "missing = 1 or id = 123",
        "not (missing = 1 and id = 1)",
    ],
)
def test_a_record_matches(text):
    assert matches(parse(text), TICKET, ALIASES)


@pytest.mark.parametrize(
    "text",
    [
        "id = 124",
        "id = 'abc'",
        "id = true",
        "approved = 0",
        "approved = true",
        "summary like 'printer'",
        "summary like 'It%It%'",
        "summary like 'It%*er'",
        "lastUpdated > '2026-03-04T12:00:00Z'",
        "lastUpdated > '2026-03-04T12:00:00.5Z'",
        "closedDate is not null",
        # what is missing, and what cannot be compared, is unknown, and so is its negation
        "missing = 1",
        "missing != 1",
        "not missing = 1",
        "missing not in (1)",
        "missing not like 'x%'",
        "closedDate != '2026-01-01'",
        "not (missing = 1 or id = 1)",
        "company = 7",
        "not company = 7",
        "types.id = 1",
        "types != 'x'",
        "id != 'abc'",
        "summary > 2026-01-01",
        "company.id.x = 7",
    ],
)
def test_a_record_does_not_match(text):
    assert not matches(parse(text), TICKET, ALIASES)


RECORDS = st.fixed_dictionaries({}, optional={"a": st.none() | st.integers(0, 3) | st.text("xy%", max_size=3)})
SMALL = st.recursive(
    st.sampled_from(["a = 1", "a != 'x'", "a > 1", "a like 'x%'", "a in (1, 'y')", "a is null", "b = 1"]).map(parse),
    lambda inner: st.builds(Not, inner) | st.builds(lambda x, y: And((x, y)), inner, inner),
    max_leaves=5,
)


@given(SMALL, SMALL, RECORDS)
def test_negation_obeys_de_morgan_and_never_matches_what_it_negates(left, right, record):
    def holds(tree):
        return matches(tree, record, {})

    assert not (holds(left) and holds(Not(left)))
    assert holds(Not(Not(left))) == holds(left)
    assert holds(Not(And((left, right)))) == holds(Or((Not(left), Not(right))))
    assert holds(And((left, right))) == (holds(left) and holds(right))
    assert holds(Or((left, right))) == (holds(left) or holds(right))


@given(st.text("ab%*", max_size=8), st.text("abAB*", max_size=8))
def test_like_stands_for_the_whole_text(pattern, text):
    def reference(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return any(reference(pattern[1:], text[start:]) for start in range(len(text) + 1))
        return text[:1].lower() == pattern[0] and reference(pattern[1:], text[1:])

    assert matches(Like(("a",), pattern), {"a": text}, {}) == reference(pattern, text)


def test_a_name_in_backticks_is_a_member_of_that_name_or_what_it_is_without_them():
    for record, there in (
        ({"a": {"b": 1}}, True),
        ({"a.b": 1, "a": {"b": 2}}, True),
        ({"a": {"B": 1}}, True),
        ({}, False),
    ):
        assert matches(parse("`a.b` = 1"), record, {}) is there
    assert not matches(parse("a.b = 1"), {"a.b": 1}, {})
