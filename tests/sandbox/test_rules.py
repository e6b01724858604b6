"""The rules of writing that need no server: conversion, patches, defaults among communications, fields as text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.sandbox.answers import Refusal
from tidings.sandbox.catalog import RESOURCES
from tidings.sandbox.communications import default_phone, item, one_default
from tidings.sandbox.convert import convert, members
from tidings.sandbox.describe import fields
from tidings.sandbox.patch import apply

CONTACT = RESOURCES["company/contacts"]
KINDS = ("Email", "Phone", "Fax")


@pytest.mark.parametrize(
    ("line", "given", "stored"),
    [
        ("x int", "13", 13),
        ("x int", 4.0, 4),
        ("x num", "1.5", 1.5),
        ("x str", 7, "7"),
        ("x bool", "TRUE", True),
        ("x date", "2026-01-01", "2026-01-01T00:00:00Z"),
        ("x date", "2026-01-01T01:00:00.250+01:00", "2026-01-01T00:00:00Z"),
        ("x date", "", None),
        ("x enum:Low|High", "low", "Low"),
        ("x ref:company/companies", {"id": "13", "name": ""}, {"id": 13}),
        ("x ref:company/companies", {"id": 0}, None),
        ("x list", None, None),
    ],
)
def test_a_value_is_stored_in_the_providers_form(line: str, given: Any, stored: Any):
    assert convert(fields(line)["x"], given) == stored


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("x int", True),
        ("x int", "one"),
        ("x int", 1 << 31),
        ("x int", 1.5),
        ("x num", False),
        ("x str", []),
        ("x bool", 1),
        ("x date", "yesterday"),
        ("x date", 5),
        ("x enum:Low|High", "Medium"),
        ("x ref:company/companies", 13),
        ("x ref:company/companies", {"id": "x"}),
        ("x list", {}),
    ],
)
def test_a_value_of_a_wrong_type_is_a_500(line: str, given: Any):
    with pytest.raises(Refusal) as refused:
        convert(fields(line)["x"], given)
    assert refused.value.status == 500
    assert b"Error converting value" in refused.value.body


def test_unknown_misspelt_and_read_only_members_are_ignored():
    body = {"firstname": "x", "id": 5, "mobileGuid": "y", "types": [], "typeIds": [1], "shoeSize": 9}
    assert members(CONTACT, body, creating=True) == {"typeIds": [1]}
    assert members(CONTACT, body, creating=False) == {}


ITEMS = st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.booleans()), max_size=8)


@given(ITEMS)
def test_of_each_kind_at_most_one_communication_is_the_default_and_the_last_to_become_it_wins(
    given_items: list[tuple[str, bool, bool]],
):
    old: dict[int, dict[str, Any]] = {}
    new = []
    for number, (kind, default, known) in enumerate(given_items):
        made = item({"value": str(number), "defaultFlag": default}, number, 1, kind)
        was_default = default and not any(
            each["defaultFlag"] and each["communicationType"] == kind for each in old.values()
        )
        if known and default == was_default:
            old[number] = made
        new.append(made)
    result = one_default(new, old)
    for kind in KINDS:
        became = [each["id"] for each in new if each["communicationType"] == kind and each["defaultFlag"]]
        fresh = [number for number in became if number not in old]
        kept = [each["id"] for each in result if each["communicationType"] == kind and each["defaultFlag"]]
        assert kept == (fresh[-1:] if fresh else became)
        assert len(kept) <= 1


def test_the_default_phone_is_repeated_in_the_contact():
    phone = item({"value": "5", "extension": "7", "defaultFlag": True}, 1, 2, "Phone")
    assert default_phone([phone], lambda number: f"type {number}") == {
        "defaultPhoneType": "type 2",
        "defaultPhoneNbr": "5",
        "defaultPhoneExtension": "7",
    }
    assert set(default_phone([], str).values()) == {None}


STEPS = st.lists(
    st.tuples(st.sampled_from(("add", "replace", "remove")), st.integers(0, 5), st.integers(100, 200)), max_size=6
)


@given(st.lists(st.integers(0, 99), max_size=4), STEPS)
def test_array_operations_run_in_order_and_a_place_that_is_not_there_refuses_them_all(
    start: list[int], steps: list[tuple[str, int, int]]
):
    expected: list[int] | None = list(start)
    for op, place, value in steps:
        if expected is None or place > len(expected) or (op != "add" and place == len(expected)):
            expected = None
        elif op == "add":
            expected.insert(place, value)
        elif op == "replace":
            expected[place] = value
        else:
            del expected[place]
    record = {"communicationItems": [{"value": number} for number in start]}
    operations = [
        {"op": op, "path": f"/communicationItems/{place}", "value": {"value": value}} for op, place, value in steps
    ]
    if expected is None:
        with pytest.raises(Refusal) as refused:
            apply(CONTACT, record, operations, ())
        assert refused.value.status == 400
    else:
        changed = apply(CONTACT, record, operations, ()).get("communicationItems", record["communicationItems"])
        assert [each["value"] for each in changed] == expected
    assert record == {"communicationItems": [{"value": number} for number in start]}


def test_a_patch_of_a_custom_field_by_index_names_the_definition_at_that_place():
    operations = [{"op": "replace", "path": "/customFields/1/value", "value": "x"}]
    assert apply(CONTACT, {}, operations, (15, 51)) == {"customFields": [{"id": 51, "value": "x"}]}
