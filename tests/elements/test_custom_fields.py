"""A tenant's own fields, told from a record and from their definitions; and fields as they are shown."""

from __future__ import annotations

from typing import Any

from tidings.elements.customfields import defined
from tidings.elements.describe import catalog
from tidings.elements.element import CustomFields
from tidings.elements.objects import CustomField, custom_fields, fields, object_named, objects

ELEMENT = catalog()["connectwisecrmrest"]


def rules() -> CustomFields:
    assert ELEMENT.custom_fields is not None
    return ELEMENT.custom_fields


def told(record: dict[str, Any] | None, *definitions: dict[str, Any], name: str = "contacts") -> list[CustomField]:
    resource = object_named(ELEMENT, name)
    assert resource is not None
    return defined(rules(), resource, record, definitions)


LISTED = {"id": 15, "caption": "crm_id", "type": "Number", "entryMethod": "EntryField", "value": None}
DEFINITION = {
    "id": 15,
    "caption": "crm_id",
    "fieldTypeIdentifier": "Number",
    "podDescription": "Contact Overview",
    "requiredFlag": True,
    "readOnlyFlag": True,
}


def test_a_record_lists_them_and_a_definition_says_more():
    assert told({"customFields": [LISTED]}) == [CustomField(15, "crm_id", "Number", "decimal")]
    found = told({"customFields": [LISTED]}, DEFINITION, DEFINITION | {"id": 16})
    assert found == [CustomField(15, "crm_id", "Number", "decimal", required=True, read_only=True)]


def test_without_a_record_the_place_of_a_definition_says_whose_it_is():
    other = DEFINITION | {"id": 16, "podDescription": "Company Overview", "fieldTypeIdentifier": "Checkbox"}
    assert [each.id for each in told(None, DEFINITION, other)] == [15]
    (found,) = told(None, DEFINITION, other, name="organizations")
    assert (found.id, found.type, found.kind) == (16, "Checkbox", "bool")


def test_what_is_no_field_is_left_out():
    assert told({"customFields": None}) == told({}) == told(None) == []
    assert told({"customFields": [{"caption": "no id"}, LISTED]}) == told({"customFields": [LISTED]})


def test_objects_are_what_can_be_listed_by_itself():
    names = [each.path for each in objects(ELEMENT)]
    assert {"contacts", "organizations", "incidents", "fields"} <= set(names)
    assert not [name for name in names if "/" in name]
    assert object_named(ELEMENT, "incidents/{id}/comments") is None


def test_a_field_is_shown_with_what_can_be_done_with_it():
    contacts = object_named(ELEMENT, "contacts")
    assert contacts is not None
    by_path = {each["path"]: each for each in fields(contacts)}
    assert by_path["firstName"] == {
        "path": "firstName",
        "type": "string",
        "vendorPath": "firstName",
        "vendorDisplayName": "First Name",
        "vendorNativeType": "string",
        "vendorRequired": False,
        "vendorReadOnly": False,
        "hidden": False,
        "filterable": True,
        "createable": True,
        "updateable": True,
        "custom": False,
        "mask": None,
        "displayName": "First Name",
        "method": [
            {"name": "GET", "request": False, "response": True},
            {"name": "POST", "request": True, "response": True},
            {"name": "PATCH", "request": True, "response": True},
            {"name": "PUT", "request": True, "response": True},
        ],
    }
    assert (by_path["id"]["type"], by_path["id"]["vendorReadOnly"], by_path["id"]["createable"]) == (
        "number",
        True,
        False,
    )
    stamp = by_path["_info.lastUpdated"]
    assert (stamp["type"], stamp["mask"], stamp["updateable"]) == ("date", "yyyy-MM-dd'T'HH:mm:ss'Z'", False)
    # A name of queries alone stands in no record.
    assert "lastUpdated" not in by_path
    assert by_path["customFields"]["filterable"] is False
    assert by_path["company.id"]["type"] == "number"


def test_a_tenants_field_is_shown_by_the_place_of_its_value():
    contacts = object_named(ELEMENT, "contacts")
    assert contacts is not None
    (shown,) = custom_fields(contacts, [CustomField(15, "crm_id", "Number", "decimal", required=True)])
    assert (shown["path"], shown["vendorPath"]) == ("customFields[?(@.id==15)].value",) * 2
    assert (shown["displayName"], shown["vendorNativeType"], shown["type"]) == ("crm_id", "Number", "number")
    assert (shown["custom"], shown["vendorRequired"], shown["filterable"]) == (True, True, False)
