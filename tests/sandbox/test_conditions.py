"""Do conditions mean what spec connectwise.md 3.2, 3.3, 3.5 and 13.9 to 13.12 say they mean?"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.sandbox.conditions import (
    And,
    Bounds,
    Comparison,
    ConditionError,
    FieldSchema,
    Membership,
    Moment,
    Or,
    bounds,
    child_predicate,
    custom_field_predicate,
    order_by,
    parse,
    predicate,
    with_moments,
)

SCHEMA = FieldSchema.of(
    {
        "id": "int",
        "firstName": "string",
        "title": "string",
        "budgetHours": "decimal",
        "inactiveFlag": "bool",
        "noteType": "string",
        "severity": "enum",
        "company": "reference",
        "company/id": "int",
        "company/name": "string",
        "birthDay": "datetime",
        "communicationItems": "array",
        "communicationItems/value": "string",
        "communicationItems/communicationType": "enum",
        "communicationItems/defaultFlag": "bool",
        "types": "array",
        "types/id": "int",
        "_info/dateEntered": "datetime",
        "_info/updatedBy": "string",
    },
    unfilterable=["noteType"],
    enums={"severity": ["Low", "Medium", "High"], "communicationItems/communicationType": ["Email", "Phone", "Fax"]},
    readers={"company/name": lambda record: "Acme" if (record.get("company") or {}).get("id") == 1 else None},
)

RECORD: dict[str, Any] = {
    "id": 7,
    "firstName": "José",
    "budgetHours": 1.5,
    "inactiveFlag": False,
    "severity": "High",
    "company": {"id": 1},
    "title": 'He said "[x]"',
    "communicationItems": [
        {"value": "j@acme.test", "communicationType": "Email", "defaultFlag": True},
        {"value": "555", "communicationType": "Phone", "defaultFlag": False},
    ],
    "types": [{"id": 3}],
    "_info": {"lastUpdated": "2026-01-01T12:00:00Z", "dateEntered": "2020-05-01T00:00:00Z", "updatedBy": "zAdmin"},
}


def matches(text: str, record: dict[str, Any] = RECORD) -> bool:
    return predicate(parse(text), SCHEMA)(record)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "id=7",
        "ID = 7",
        "id=7.0",
        "id>6and id<8",
        "firstName='JOSÉ'",
        'FIRSTNAME="josé"',
        'firstName contains "OS"',
        'firstName LIKE "J*"',
        'firstName like "%s%"',
        'firstName like "j%S*é"',
        r'title = "He said \"[[]x]\""',
        'title like "*[[]x]*"',
        "budgetHours>=1.5",
        "inactiveFlag=False and INACTIVEFLAG != TRUE",
        "severity=High and severity = 'high'",
        "severity in (Low, 'HIGH')",
        "company/id in (3, 1)",
        "company/Name = 'ACME'",
        "company != null",
        "birthDay = NULL",
        "birthDay not != null",
        "id not in (1,2)",
        'firstName not contains "x"',
        'firstName not like "A*"',
        "id not = 8",
        "(id=1 or id=7) and (firstName='José')",
        "id=7 or id=1 and id=2",
        "lastUpdated=[2026-01-01T12:00:00Z]",
        "LastUpdated >= [2026-01-01T13:00:00+01:00]",
        "_info/lastUpdated > [2026-01-01]",
        "lastUpdated < [2026-01-01T12:00:00.000001]",
        "lastUpdated <= [2026-01-01T12:00:00.5Z]",
        "lastUpdated != [2026-01-01T12:00:00.5Z]",
        'lastUpdated > "2026-01-01T11:59:59"',
        "lastUpdated in ([2026-01-01T12:00:00])",
        "dateEntered = [2020-05-01]",
        "_info/dateEntered = '2020-05-01'",
        "_info/updatedBy = 'zadmin'",
    ],
)
def test_a_record_passes_the_conditions_that_are_true_of_it(text):
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "id=8",
        "firstName='Jose'",
        'firstName like "o*"',
        'firstName like "*o"',
        'firstName like "jo*osé"',
        'firstName contains "*"',
        "severity=Low",
        "company = null",
        "id not in (7)",
        "(id=7 or id=1) and id=2",
        "lastUpdated > [2026-01-01T12:00:00Z]",
        "lastUpdated >= [2026-01-01T12:00:00.5Z]",
        "lastUpdated = [2026-01-01T12:00:00.5Z]",
        "lastUpdated >= [2026-01-01T12:00:00-01:00]",
        "lastUpdated in ([2026-01-01T12:00:00.5])",
        "id > null",
        "id in (null)",
        "id not in (1, null)",
    ],
)
def test_a_record_fails_the_conditions_that_are_false_of_it(text):
    assert not matches(text)


@pytest.mark.parametrize("how", ["=", "!=", "<", ">=", "contains", "like", "not contains", "not like", "not ="])
def test_a_missing_value_fails_every_comparison_but_the_one_with_null(how):
    for record in ({}, {"firstName": None}):
        assert not matches(f"firstName {how} 'x'", record)
        assert not matches("firstName in ('x')", record)
        assert not matches("firstName not in ('x')", record)
        assert matches("firstName = null", record)
        assert not matches("firstName != null", record)


def test_an_empty_string_is_a_value():
    assert matches("firstName != null and firstName != 'x' and firstName = ''", {"firstName": ""})


@pytest.mark.parametrize("company", [None, {}, {"_info": {"company_href": "…"}}])
def test_an_empty_reference_is_null(company):
    assert matches("company = null and company/id = null", {"company": company})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("invoiceDate > [2026-01-01]", "invoiceDate is not a recognized name."),
        ("Company/Phone='1'", "Company/Phone is not a recognized name."),
        ("noteType='x'", "noteType is not a recognized name."),
        ("communicationItems/value='x'", "communicationItems/value is not a recognized name."),
        ("communicationItems=null", "communicationItems is not a recognized name."),
        ("severity=Urgent", "Enum value supplied was invalid"),
        ("severity='Urgent'", "Enum value supplied was invalid"),
        ("severity=1", "Enum value supplied was invalid"),
        ("inactiveFlag=0", "Expected a boolean value, not a numeric; strings must be enclosed in quotes"),
        ("inactiveFlag='False'", "Expected a boolean value, not a string"),
        ("id='7'", "Expected a numeric value, not a string"),
        ("id=True", "Expected a numeric value, not a boolean"),
        ("firstName=5", "Expected a string value, not a numeric"),
        ("firstName=Joe", "Expected a string value, not a name"),
        ("firstName in ('x', 5)", "Expected a string value, not a numeric"),
        ("lastUpdated > 5", "Expected a datetime value, not a numeric"),
        ("lastUpdated > 'yesterday'", "Expected a datetime value, not a string"),
        ("company=1", "Expected a reference value, not a numeric"),
        ("id contains 5", "Expected a numeric comparison; contains needs a string field."),
        ("inactiveFlag > True", "Expected = or != on a boolean field, not >."),
        ("id", "2: syntax error in conditions"),
        ("id=", "3: syntax error in conditions"),
        ("id=5 id=6", "5: syntax error in conditions"),
        ("id=5 and", "8: syntax error in conditions"),
        ("(id=5", "5: syntax error in conditions"),
        ("id==5", "3: syntax error in conditions"),
        ("id in ()", "7: syntax error in conditions"),
        ("not id=5", "4: syntax error in conditions"),
        ("firstName='x", "10: syntax error in conditions"),
        ("lastUpdated>[today]", "12: syntax error in conditions"),
        ("lastUpdated>[2026-13-01]", "12: syntax error in conditions"),
        ("lastUpdated>[0001-01-01T00:00:00+23:00]", "12: syntax error in conditions"),
    ],
)
def test_what_the_provider_refuses_is_refused_in_its_words(text, message):
    with pytest.raises(ConditionError, match="^" + re.escape(message)):
        predicate(parse(text), SCHEMA)


def test_a_text_nested_too_deeply_is_refused_and_not_a_crash():
    deep = "id=1" + "".join(f" {word} (id=1" for word in ("or", "and") * 2000) + ")" * 4000
    with pytest.raises(ConditionError, match="syntax error"):
        parse(deep)


def test_parentheses_alone_may_nest_as_deeply_as_one_likes():
    assert parse("(" * 3000 + "id=1" + ")" * 3000) == Comparison("id", "=", 1)


def test_and_binds_tighter_than_or():
    a, b, c = (Comparison("id", "=", n) for n in (1, 2, 3))
    assert parse("id=1 or id=2 and id=3") == Or((a, And((b, c))))
    assert parse("(id=1 or id=2) and id=3") == And((Or((a, b)), c))
    assert parse("id NOT in(1,2)") == Membership("id", (1, 2), negated=True)


def test_last_updated_works_on_a_type_that_does_not_list_it_and_date_entered_does_not():
    bare = FieldSchema.of({"id": "int"})
    assert predicate(parse("lastupdated>[2020-01-01]"), bare)({"_info": {"lastUpdated": "2021-01-01T00:00:00Z"}})
    assert not predicate(parse("lastupdated>[2020-01-01]"), bare)({"_info": {}})
    with pytest.raises(ConditionError, match="dateEntered is not a recognized name"):
        predicate(parse("dateEntered>[2020-01-01]"), bare)


def test_a_field_of_its_own_comes_before_the_alias():
    entry = FieldSchema.of({"dateEntered": "datetime", "_info/dateEntered": "datetime"})
    record = {"dateEntered": "2021-01-01T00:00:00Z", "_info": {"dateEntered": "2022-01-01T00:00:00Z"}}
    assert entry.path("DATEENTERED") == ("dateEntered",)
    assert predicate(parse("dateEntered=[2021-01-01]"), entry)(record)


def test_all_that_child_conditions_say_holds_of_one_element():
    def child(text: str) -> bool:
        return child_predicate(text, SCHEMA)(RECORD)

    assert child('communicationItems/value like "j@*" AND communicationItems/communicationType="email"')
    assert not child('communicationItems/value = "555" AND communicationItems/communicationType=Email')
    assert child("communicationItems/value='555' and communicationItems/defaultFlag=False and types/id=3")
    assert not child("communicationItems/value='555' and types/id=4")
    assert child("  ")
    assert not child_predicate("communicationItems/value = null", SCHEMA)({"communicationItems": []})
    assert not child_predicate("types/id = 3", SCHEMA)({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id=7", "id is not a recognized name."),
        ("communicationItems/colour='x'", "communicationItems/colour is not a recognized name."),
        ("types/id in (3)", "0: syntax error in childConditions"),
    ],
)
def test_child_conditions_speak_of_array_members_without_in(text, message):
    with pytest.raises(ConditionError, match=re.escape(message)):
        child_predicate(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('caption="crmid" AND value="42"', True),
        ("caption='CrmId' and value=42", True),
        ("caption='CrmId' and value>41.5", True),
        ("caption='Opt-In' and value=True", True),
        ("caption='Opt-In' and value='true'", True),
        ("caption='Note' and value contains 'hel'", True),
        ("caption='Since' and value>=[2026-01-01]", True),
        ("caption='Empty' and value=null", True),
        ("", True),
        ("caption='Empty' and value!=null", False),
        ("caption='Note' and value='42'", False),
        ("caption='Note' and value=42", False),
        ("caption='Nothing'", False),
        ("value > 43", False),
    ],
)
def test_custom_field_conditions_find_one_field_that_satisfies_all(text, expected):
    fields = [
        {"caption": "CrmId", "value": 42},
        {"caption": "Opt-In", "value": True},
        {"caption": "Note", "value": "hello"},
        {"caption": "Since", "value": "2026-01-01T00:00:00Z"},
        {"caption": "Empty", "value": None},
    ]
    assert custom_field_predicate(text)({"customFields": fields}) is expected


def test_custom_field_conditions_know_caption_and_value_and_no_in():
    with pytest.raises(ConditionError, match="podId is not a recognized name"):
        custom_field_predicate("podId='x'")
    with pytest.raises(ConditionError, match="16: syntax error in customFieldConditions"):
        custom_field_predicate("caption='x' and value in (1)")


def test_order_by_reads_paths_and_directions():
    assert order_by("lastUpdated desc, COMPANY/name,id ASC", SCHEMA) == [
        (("_info", "lastUpdated"), True),
        (("company", "name"), False),
        (("id",), False),
    ]
    assert order_by("", SCHEMA) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shoeSize", "shoeSize is not a recognized name."),
        ("company desc", "company is not a recognized name."),
        ("communicationItems/value", "communicationItems/value is not a recognized name."),
        ("id down", "3: syntax error in orderBy"),
        ("id asc desc", "3: syntax error in orderBy"),
    ],
)
def test_order_by_refuses_what_has_no_order(text, message):
    with pytest.raises(ConditionError, match=re.escape(message)):
        order_by(text, SCHEMA)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Bounds()),
        ("lastUpdated>=[2026-01-01]", Bounds(stamp_from="2026-01-01T00:00:00Z")),
        (
            "lastUpdated>=[2026-01-01T00:00:00.5Z] and id>5",
            Bounds(stamp_from="2026-01-01T00:00:00Z", stamp_strict=True, id_after=5),
        ),
        ("_info/lastUpdated > '2026-01-01'", Bounds(stamp_from="2026-01-01T00:00:00Z", stamp_strict=True)),
        (
            "lastUpdated = [2026-01-01]",
            Bounds(stamp_from="2026-01-01T00:00:00Z", stamp_to="2026-01-01T00:00:00Z"),
        ),
        ("lastUpdated<[2026-01-01]", Bounds(stamp_to="2026-01-01T00:00:00Z", stamp_to_strict=True)),
        ("lastUpdated<[2026-01-01T00:00:00.1]", Bounds(stamp_to="2026-01-01T00:00:00Z")),
        (
            "lastUpdated>[2026-01-01] and (lastUpdated>=[2026-01-02] and lastUpdated >= [2026-01-01])",
            Bounds(stamp_from="2026-01-02T00:00:00Z"),
        ),
        ("id>=5 and id>3", Bounds(id_after=4)),
        ("id>5.5", Bounds(id_after=5)),
        ("id not <= 5", Bounds(id_after=5)),
        ("id>5 and firstName='x'", Bounds(id_after=5, exact=False)),
        ("id>5 or id>9", Bounds(exact=False)),
        ("id<5", Bounds(exact=False)),
        ("lastUpdated != [2026-01-01]", Bounds(exact=False)),
        ("lastUpdated = null", Bounds(exact=False)),
    ],
)
def test_bounds_say_what_an_index_can_use(text, expected):
    assert bounds(parse(text)) == expected


BASE = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = st.integers(0, 5).map(lambda n: (BASE + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))
LITERALS = st.integers(0, 50).map(lambda n: f"[{(BASE + timedelta(milliseconds=100 * n)).isoformat()}]")
SYMBOLS = ["=", "!=", "<", "<=", ">", ">="]
STAMP_TESTS = st.builds("lastUpdated {}{} {}".format, st.sampled_from(["", "not "]), st.sampled_from(SYMBOLS), LITERALS)
ID_TESTS = st.builds("id {} {}".format, st.sampled_from(SYMBOLS), st.integers(0, 6))
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(0, 6), "_info": st.fixed_dictionaries({}, optional={"lastUpdated": SECONDS})}
)
EXPRESSIONS = st.recursive(
    STAMP_TESTS | ID_TESTS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=6,
)


def in_box(box: Bounds, record: dict[str, Any]) -> bool:
    stamp = record["_info"].get("lastUpdated")
    if box.stamp_from is not None and (stamp is None or (stamp, 0) < (box.stamp_from, int(box.stamp_strict))):
        return False
    if box.stamp_to is not None and (stamp is None or (stamp, int(box.stamp_to_strict)) > (box.stamp_to, 0)):
        return False
    return box.id_after is None or record["id"] > box.id_after


@given(EXPRESSIONS, RECORDS)
def test_every_match_lies_in_the_box_and_an_exact_box_holds_nothing_else(text, record):
    expr = parse(text)
    matched, box = predicate(expr, SCHEMA)(record), bounds(expr)
    assert in_box(box, record) or not matched
    assert not box.exact or in_box(box, record) == matched


@given(STAMP_TESTS, SECONDS)
def test_a_literal_keeps_its_fraction_and_a_stamp_has_none(text, stamp):
    how, literal = re.fullmatch(r"lastUpdated (.*) \[(.*)\]", text).groups()  # type: ignore[union-attr]
    left, right = datetime.fromisoformat(stamp), datetime.fromisoformat(literal)
    truth = {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    expected = truth[how.removeprefix("not ")] is not how.startswith("not ")
    assert predicate(parse(text), SCHEMA)({"_info": {"lastUpdated": stamp}}) is expected


@given(st.text("aB*%.[é", max_size=8), st.text("aAbB.[é", max_size=8))
def test_like_is_a_whole_match_with_two_wildcards(pattern, value):
    expected = re.fullmatch(re.sub(r"\\\*|%", ".*", re.escape(pattern)), value, re.IGNORECASE | re.DOTALL)
    asked = pattern.replace("[", "[[]")
    assert matches(f'firstName like "{asked}"', {"firstName": value}) is (expected is not None)


@given(st.text())
def test_any_text_is_read_or_refused_as_a_condition_error(text):
    with suppress(ConditionError):
        parse(text)


@given(st.text(st.characters(exclude_characters="\\[")))
def test_a_quoted_string_comes_through_as_it_was_meant(value):
    escaped = value.replace('"', '\\"')
    assert parse(f'firstName = "{escaped}"') == Comparison("firstName", "=", value)


def test_a_broken_date_filter_can_be_made_of_a_sound_one():
    def refuse_inclusive(op: str, at: Moment) -> Moment | None:
        return None if op in (">=", "<=") else at

    broken = with_moments(parse("id=7 and (lastUpdated>=[2020-01-01] or dateEntered>[2020-01-01])"), refuse_inclusive)
    assert bounds(broken) == Bounds(exact=False)
    assert matches("lastUpdated>=[2020-01-01]")
    assert not predicate(with_moments(parse("lastUpdated>=[2020-01-01]"), refuse_inclusive), SCHEMA)(RECORD)
    assert predicate(broken, SCHEMA)(RECORD)
