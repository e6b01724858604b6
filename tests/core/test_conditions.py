"""CEQL said in ConnectWise's conditions, and that the sandbox's reading of it selects the same records."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tidings.core.ceql import And, Comparison, In, IsNull, Kind, Like, Literal, Not, Or, matches, parse
from tidings.core.conditions import ConditionsError, translate
from tidings.sandbox import conditions as provider

SCHEMA = {
    "id": "int",
    "budgetHours": "decimal",
    "approved": "bool",
    "summary": "string",
    "severity": "enum",
    "company.id": "int",
    "company.name": "string",
    "lastUpdated": "datetime",
    "types": "array",
}


@pytest.mark.parametrize(
    ("ceql", "conditions"),
    [
        ("id='123'", "id = 123"),
        ("ID = 123", "ID = 123"),
        ("approved='False'", "approved = false"),
        ("company.id=123", "company/id = 123"),
        ("company.name = 5", 'company/name = "5"'),
        ("lastUpdated>'2016-08-20T18:04:26Z'", "lastUpdated > [2016-08-20T18:04:26Z]"),
        ("lastUpdated >= 2016-08-20", "lastUpdated >= [2016-08-20T00:00:00Z]"),
        ("lastUpdated < '2016-08-20T18:04:26.5+02:00'", "lastUpdated < [2016-08-20T16:04:26.5Z]"),
        ("summary = 'say \"hi\"'", r'summary = "say \"hi\""'),
        ("summary = 'it''s'", 'summary = "it\'s"'),
        (r"summary = 'C:\'", r"summary = 'C:\'"),
        (r"summary = 'it''s C:\x'", r'summary = "it' r"'s C:\x" '"'),
        ("summary like 'Fred%'", 'summary like "Fred%"'),
        ("summary not like '[tag]%'", 'summary not like "[[]tag]%"'),
        ("severity = 'High'", 'severity = "High"'),
        ("id in ('1', 2)", "id in (1, 2)"),
        ("not id in (1)", "id not in (1)"),
        ("summary is null", "summary = null"),
        ("summary is not null", "summary != null"),
        ("company is null", "company = null"),
        ("id=1 and (approved=true or budgetHours>1.5)", "id = 1 and (approved = true or budgetHours > 1.5)"),
        ("id=1 or id=2 and id=3", "id = 1 or (id = 2 and id = 3)"),
        ("not (id=1 and (id<2 or not id>=3))", "id != 1 or (id >= 2 and id >= 3)"),
        ("not (not (id>1))", "id > 1"),
        ("id=1 and not (id=2 or id=3)", "id = 1 and (id != 2 and id != 3)"),
    ],
)
def test_a_condition_is_said_in_the_providers_words(ceql, conditions):
    assert translate(parse(ceql), SCHEMA) == conditions


@pytest.mark.parametrize(
    ("ceql", "conditions"),
    [
        ("id='123'", "id = 123"),
        ("board.id='5'", "board/id = 5"),
        ("`board.id`='5'", "board/id = 5"),
        ("`metaData.lastUpdateTime` > 2015-01-06T09:31:38-07:00", "metaData/lastUpdateTime > [2015-01-06T16:31:38Z]"),
        ("zip='33607'", 'zip = "33607"'),
        ("zip=33607", "zip = 33607"),
        ("deletedFlag='false'", "deletedFlag = false"),
        ("closed = true", "closed = true"),
        ("timeStart>'2017-08-23T13:15:00Z'", "timeStart > [2017-08-23T13:15:00Z]"),
        ("timeStart>'2017-08-23 13:15:00'", "timeStart > [2017-08-23T13:15:00Z]"),
        ("timeStart>2017-08-23", "timeStart > [2017-08-23T00:00:00Z]"),
        ("name='2017-08-23 release'", 'name = "2017-08-23 release"'),
        ("name='2017-99-99'", 'name = "2017-99-99"'),
        ("contactPhoneNumber='undefined'", 'contactPhoneNumber = "undefined"'),
    ],
)
def test_without_a_type_a_value_is_said_by_its_looks(ceql, conditions):
    assert translate(parse(ceql), {}) == conditions


@pytest.mark.parametrize(
    ("ceql", "says"),
    [
        ("id='abc'", "`id` is a number and `abc` is not: write digits"),
        ("id in (1, 'x')", "`id` is a number and `x` is not"),
        ("approved=1", "`approved` is true or false and never `1`"),
        ("lastUpdated>'yesterday'", "`lastUpdated` is a date and `yesterday` is not: write one such as 2026-01-31"),
        ("id like '1%'", "`id` is not text, so it has no LIKE"),
        ("summary like '*x'", "`*x` has a `*`, which the provider would take for anything: write % for that"),
        ("'Modified Time'>'x'", "`Modified Time` cannot be searched by: a field's name has only letters"),
        ("'id = 1 or id' = 1", "cannot be searched by"),
        ("types.id=1", "`types` is a list, which cannot be searched by"),
        (r"summary = 'it''s C:\'", "mixes quotes and backslashes"),
    ],
)
def test_what_the_provider_cannot_be_asked_is_refused_by_the_name_of_the_field(ceql, says):
    with pytest.raises(ConditionsError) as refusal:
        translate(parse(ceql), SCHEMA)
    assert says in str(refusal.value)


FIELDS = provider.FieldSchema.of(
    {
        "id": "int",
        "summary": "string",
        "approved": "bool",
        "company": "reference",
        "company/id": "int",
        "dateEntered": "datetime",
    }
)
STAMPS = [f"2026-03-04T05:06:0{second}Z" for second in range(3)]
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.none() | st.integers(0, 3),
        "summary": st.none() | st.text("aB\"'\\xß ", max_size=4),
        "approved": st.none() | st.booleans(),
        "company": st.none() | st.fixed_dictionaries({}, optional={"id": st.integers(0, 3)}),
        "dateEntered": st.none() | st.sampled_from(STAMPS),
        "_info": st.fixed_dictionaries({}, optional={"lastUpdated": st.sampled_from(STAMPS)}),
    },
)
OPERATORS = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])
KINDS = st.sampled_from([Kind.TEXT, Kind.NUMBER])
NUMBERS = st.builds(Literal, KINDS, st.sampled_from(["0", "1", "2", "1.0", "2.5"]))
TEXTS = st.builds(Literal, st.just(Kind.TEXT), st.text("aB\"'\\xß ", max_size=4))
TRUTHS = st.builds(Literal, st.sampled_from([Kind.TEXT, Kind.BOOLEAN]), st.sampled_from(["true", "false"]))
MOMENTS = st.builds(
    Literal,
    st.sampled_from([Kind.TEXT, Kind.DATE]),
    st.sampled_from([*STAMPS, "2026-03-04", "2026-03-04T05:06:01.5Z", "2026-03-04T06:06:01+01:00"]),
)
TYPED = [
    (("id",), OPERATORS, NUMBERS),
    (("Company", "id"), OPERATORS, NUMBERS),
    (("summary",), OPERATORS, TEXTS),
    (("approved",), st.sampled_from(["=", "!="]), TRUTHS),
    (("dateEntered",), OPERATORS, MOMENTS),
    (("lastUpdated",), OPERATORS, MOMENTS),
]
LEAVES = st.one_of(
    *(st.builds(Comparison, st.just(path), operators, values) for path, operators, values in TYPED),
    *(st.builds(In, st.just(path), st.lists(values, min_size=1, max_size=3).map(tuple)) for path, _, values in TYPED),
    *(st.builds(IsNull, st.just(path)) for path, _, _ in TYPED),
    st.builds(Like, st.just(("summary",)), st.text("aBx%*\"' ", max_size=4)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
TYPES = {"id": "int", "company.id": "int", "summary": "string", "approved": "bool"} | dict.fromkeys(
    ("dateEntered", "lastUpdated"), "datetime"
)


@given(TREES, st.lists(RECORDS, min_size=1, max_size=6))
def test_a_query_means_the_same_here_and_at_the_provider(tree, records):
    try:
        said = translate(tree, TYPES)
    except ConditionsError:
        assume(False)
    there = provider.predicate(provider.parse(said), FIELDS)
    for record in records:
        assert matches(tree, record, {"lastUpdated": "_info.lastUpdated"}) == there(record)
