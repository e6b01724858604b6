"""POST, PUT, PATCH and DELETE, as spec connectwise.md 4 and 13.13 to 13.18 have them."""

from typing import Any

import orjson
import pytest
from tests.sandbox.conftest import Client

EMAIL, PHONE, FAX = {"id": "1"}, {"id": "2"}, {"id": "3"}


def say(type_: dict[str, str], value: str, *, default: bool = True) -> dict[str, Any]:
    return {"type": type_, "value": value, "defaultFlag": default}


async def new_contact(cw: Client, **members: Any) -> Any:
    reply = await cw.post("/company/contacts", {"firstName": "Estella", "lastName": "M", **members})
    assert reply.status == 201, reply.body
    return reply.json


async def first(cw: Client, path: str, **parameters: Any) -> Any:
    return (await cw.get(path, pageSize=1, **parameters)).json[0]


async def test_a_created_contact_comes_back_with_defaults_and_without_its_communications(cw: Client):
    reply = await cw.post("/company/contacts", {"firstName": "Estella", "communicationItems": [say(EMAIL, "e@x.org")]})
    made = reply.json
    assert reply.status == 201
    assert reply.headers["Location"] == f"{cw.running.api}/company/contacts/{made['id']}"
    assert "communicationItems" not in made
    assert made["disablePortalLoginFlag"] is True
    assert made["portalSecurityLevel"] == 1
    assert made["types"] == []
    assert [each["value"] for each in made["customFields"] if each["caption"] == "is_synced"] == ["false"]
    assert made["_info"]["updatedBy"] == "apiuser"
    assert made["_info"]["lastUpdated"] == "2026-05-28T20:26:40Z"
    stored = (await cw.get(f"/company/contacts/{made['id']}")).json
    assert stored["communicationItems"][0]["domain"] == "@x.org"


async def test_ids_grow_and_are_not_used_again(cw: Client):
    one = (await new_contact(cw))["id"]
    assert (await cw("DELETE", f"/company/contacts/{one}")).status == 204
    assert (await new_contact(cw))["id"] > one


async def test_a_missing_first_name_is_refused_as_captured(cw: Client):
    reply = await cw.post("/company/contacts", {"lastName": "M"})
    assert (reply.status, reply.json) == (
        400,
        {
            "code": "InvalidObject",
            "message": "contact object is invalid",
            "errors": [
                {
                    "code": "MissingRequiredField",
                    "message": "The firstName field is required.",
                    "resource": "contact",
                    "field": "firstName",
                }
            ],
        },
    )


@pytest.mark.parametrize(
    ("members", "status", "code", "field"),
    [
        ({"firstName": "x" * 31}, 400, "InvalidField", "firstName"),
        ({"firstName": "x", "company": {"id": 999999}}, 400, "InvalidReference", "company"),
        ({"firstName": "x", "communicationItems": [say({"id": "77"}, "1")]}, 400, "InvalidReference", None),
        ({"firstName": "x", "customFields": [{"id": 999, "value": 1}]}, 400, "InvalidField", "customFields"),
        ({"firstName": "x", "inactiveFlag": "maybe"}, 500, None, None),
        ({"firstName": {"a": 1}}, 500, None, None),
        ({"firstName": "x", "gender": "Robot"}, 500, None, None),
    ],
)
async def test_a_bad_member_is_named_and_nothing_is_written(
    cw: Client, members: dict[str, Any], status: int, code: str | None, field: str | None
):
    before = len(cw.sandbox.tenant().changes)
    reply = await cw.post("/company/contacts", members)
    assert reply.status == status
    if code is not None:
        assert reply.json["errors"][0]["code"] == code
        assert field is None or reply.json["errors"][0]["field"] == field
    else:
        assert reply.json["message"].startswith("Error converting value ")
    assert len(cw.sandbox.tenant().changes) == before


async def test_a_reference_is_taken_by_id_as_text_by_identifier_and_by_name(cw: Client):
    company = await first(cw, "/company/companies")
    for reference in ({"id": str(company["id"])}, {"identifier": company["identifier"]}, {"name": company["name"]}):
        made = await new_contact(cw, company=reference)
        assert made["company"]["id"] == company["id"]
        assert made["company"]["name"] == company["name"]
        assert made["site"]["name"] == "Main"


async def test_a_patch_edits_communications_by_index_and_flips_the_default_of_their_kind(cw: Client):
    items = [say(EMAIL, "bob@test.com"), say(PHONE, "+380001000"), say(FAX, "+99969")]
    contact = await new_contact(cw, communicationItems=items)
    before = (await cw.get(f"/company/contacts/{contact['id']}")).json["communicationItems"]
    cw.later(5)
    reply = await cw.patch(
        f"/company/contacts/{contact['id']}",
        {"op": "replace", "path": "/communicationItems/1/value", "value": "+380111358"},
        {"op": "add", "path": "/communicationItems/3", "value": say({"id": "7"}, "+77767")},
        {"op": "remove", "path": "/communicationItems/0"},
    )
    after = reply.json["communicationItems"]
    assert reply.status == 200
    assert [each["id"] for each in after[:2]] == [each["id"] for each in before[1:]]
    assert after[2]["id"] > before[2]["id"]
    assert [(each["value"], each["defaultFlag"]) for each in after] == [
        ("+380111358", True),
        ("+99969", False),
        ("+77767", True),
    ]
    assert reply.json["defaultPhoneNbr"] == "+380111358"
    assert reply.json["_info"]["lastUpdated"] == "2026-05-28T20:26:45Z"


async def test_a_patch_that_changes_nothing_moves_the_stamp(cw: Client):
    contact = await new_contact(cw)
    cw.later(2)
    for operation in (
        {"op": "replace", "path": "firstName", "value": "Estella"},
        {"op": "replace", "path": "company/identifier", "value": "nobody"},
        {"op": "remove", "path": "mobileGuid"},
    ):
        reply = await cw.patch(f"/company/contacts/{contact['id']}", operation)
        assert reply.status == 200
        assert {**reply.json, "_info": 0, "communicationItems": 0} == {**contact, "_info": 0, "communicationItems": 0}
        assert reply.json["_info"]["lastUpdated"] == "2026-05-28T20:26:42Z"


async def test_removing_a_member_brings_its_default_back(cw: Client):
    contact = await new_contact(cw, title="Boss", inactiveFlag=True)
    reply = await cw.patch(
        f"/company/contacts/{contact['id']}",
        {"op": "remove", "path": "title"},
        {"op": "remove", "path": "inactiveFlag"},
    )
    assert "title" not in reply.json
    assert reply.json["inactiveFlag"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([{"op": "move", "path": "title", "value": 1}], 400),
        ([{"op": "replace", "path": "Title", "value": "x"}], 400),
        ([{"op": "add", "path": "/communicationItems/9", "value": {}}], 400),
        ([{"op": "remove", "path": "firstName"}], 400),
        ({"op": "replace"}, 500),
    ],
)
async def test_a_patch_that_cannot_be_applied_changes_nothing(cw: Client, body: Any, status: int):
    contact = await new_contact(cw)
    reply = await cw("PATCH", f"/company/contacts/{contact['id']}", body)
    assert reply.status == status
    assert (await cw.get(f"/company/contacts/{contact['id']}")).json["firstName"] == "Estella"


async def test_custom_fields_are_merged_by_id(cw: Client):
    contact = await new_contact(cw, customFields=[{"id": 51, "value": "https://x.example"}])
    path = f"/company/contacts/{contact['id']}"
    await cw.patch(path, {"op": "replace", "path": "customFields", "value": [{"id": 59, "value": True}]})
    reply = await cw.patch(path, {"op": "replace", "path": "/customFields", "value": []})
    values = {each["id"]: each["value"] for each in reply.json["customFields"]}
    assert values == {15: None, 16: "false", 51: "https://x.example", 59: True}


async def test_a_put_lets_what_it_does_not_name_fall_back(cw: Client):
    contact = await new_contact(cw, title="Boss", customFields=[{"id": 51, "value": "x"}])
    reply = await cw("PUT", f"/company/contacts/{contact['id']}", {"firstName": "Ann"})
    assert reply.status == 200
    assert "title" not in reply.json
    assert "lastName" not in reply.json
    assert reply.json["mobileGuid"] == contact["mobileGuid"]
    assert {each["id"]: each["value"] for each in reply.json["customFields"]}[51] == "x"


async def test_a_put_without_communications_removes_them_and_what_repeats_them(cw: Client):
    contact = await new_contact(cw, communicationItems=[say(PHONE, "1")])
    path = f"/company/contacts/{contact['id']}"
    assert (await cw.get(path)).json["defaultPhoneNbr"] == "1"
    reply = await cw("PUT", path, {"firstName": "Ann"})
    assert "defaultPhoneNbr" not in reply.json
    assert not reply.json.get("communicationItems")


async def test_a_put_of_a_ticket_needs_severity_and_impact(cw: Client):
    ticket = await new_ticket(cw)
    body = {"summary": "Slower", "company": {"id": ticket["company"]["id"]}}
    reply = await cw("PUT", f"/service/tickets/{ticket['id']}", body)
    assert [each["field"] for each in reply.json["errors"]] == ["severity", "impact"]
    reply = await cw("PUT", f"/service/tickets/{ticket['id']}", {**body, "severity": "Low", "impact": "Low"})
    assert (reply.status, reply.json["summary"], reply.json["severity"]) == (200, "Slower", "Low")


async def test_a_deleted_contact_is_gone_and_stays_gone(cw: Client):
    path = f"/company/contacts/{(await new_contact(cw))['id']}"
    assert ((await cw("DELETE", path)).status, (await cw("DELETE", path)).status) == (204, 404)
    assert (await cw.get(path)).json["code"] == "NotFound"


async def test_the_default_contact_of_a_company_cannot_be_deleted(cw: Client):
    company = await first(cw, "/company/companies", conditions="defaultContact/id != null")
    number = company["defaultContact"]["id"]
    reply = await cw("DELETE", f"/company/contacts/{number}")
    assert (reply.status, reply.json["code"], reply.json["message"]) == (
        409,
        "ObjectInUse",
        f"Contact {number} is in use.",
    )


async def test_a_company_is_deleted_softly(cw: Client):
    made = (await cw.post("/company/companies", {"identifier": "Tulip", "name": "Tulip", "city": "Boise"})).json
    path = f"/company/companies/{made['id']}"
    cw.later(3)
    assert (await cw("DELETE", path)).status == 204
    flagged = await cw.get(path)
    assert flagged.status == 200
    assert flagged.json["deletedFlag"] is True
    assert flagged.json["dateDeleted"] == flagged.json["_info"]["lastUpdated"] == "2026-05-28T20:26:43Z"
    assert flagged.json["deletedBy"] == "apiuser"
    cleared = await cw.patch(path, {"op": "replace", "path": "deletedFlag", "value": False})
    assert "dateDeleted" not in cleared.json
    assert [each.action for each in cw.sandbox.tenant().changes.since(0)][-2:] == ["deleted", "added"]


async def test_a_company_needs_an_address_and_an_identifier_of_its_own(cw: Client):
    reply = await cw.post("/company/companies", {"identifier": "Tulip", "name": "Tulip"})
    assert (reply.status, reply.json["errors"][0]["code"]) == (400, "MissingRequiredField")
    await cw.post("/company/companies", {"identifier": "Tulip", "name": "Tulip", "city": "Boise"})
    reply = await cw.post("/company/companies", {"identifier": "TULIP", "name": "Other", "city": "Boise"})
    assert reply.json["errors"] == [
        {
            "code": "ObjectExists",
            "message": "Company ID already in use.",
            "resource": "company",
            "field": "identifier",
        }
    ]


async def test_a_new_company_has_a_main_site_and_pays_itself(cw: Client):
    made = (await cw.post("/company/companies", {"identifier": "Tulip", "name": "Tulip", "city": "Boise"})).json
    sites = (await cw.get(f"/company/companies/{made['id']}/sites")).json
    assert [(site["name"], site["city"]) for site in sites] == [("Main", "Boise")]
    assert made["site"]["name"] == "Main"
    assert made["billToCompany"]["id"] == made["id"]
    assert made["status"]["name"] == "Active"


async def test_a_renamed_company_shows_in_its_contacts_without_touching_them(cw: Client):
    contact = await first(cw, "/company/contacts", conditions="company/id != null")
    cw.later(60)
    await cw.patch(
        f"/company/companies/{contact['company']['id']}", {"op": "replace", "path": "name", "value": "Renamed"}
    )
    after = (await cw.get(f"/company/contacts/{contact['id']}")).json
    assert after["company"]["name"] == "Renamed"
    assert after["_info"] == contact["_info"]
    assert contact["id"] in (await cw.get("/company/contacts", conditions='company/name="renamed"', pageSize=99)).ids


async def test_a_ticket_gets_board_status_contact_details_and_its_first_notes(cw: Client):
    contact = await first(cw, "/company/contacts", conditions="company/id != null and defaultPhoneNbr != null")
    reply = await cw.post(
        "/service/tickets",
        {
            "summary": "Printer on fire",
            "company": {"id": contact["company"]["id"]},
            "contact": {"id": contact["id"]},
            "initialDescription": "smoke",
            "initialInternalAnalysis": "arson?",
        },
    )
    ticket = reply.json
    assert reply.status == 201
    assert ticket["status"]["name"] == "New"
    assert ticket["contactName"] == f"{contact['firstName']} {contact['lastName']}"
    assert ticket["contactPhoneNumber"] == contact["defaultPhoneNbr"]
    assert "initialDescription" not in ticket
    notes = (await cw.get(f"/service/tickets/{ticket['id']}/notes")).json
    assert [(note["text"], note["detailDescriptionFlag"], note["internalAnalysisFlag"]) for note in notes] == [
        ("smoke", True, False),
        ("arson?", False, True),
    ]


async def new_ticket(cw: Client) -> Any:
    company = await first(cw, "/company/companies")
    return (await cw.post("/service/tickets", {"summary": "Slow", "company": {"id": company["id"]}})).json


async def test_a_status_of_another_board_is_refused_and_a_closing_one_closes(cw: Client):
    ticket = await new_ticket(cw)
    path = f"/service/tickets/{ticket['id']}"
    other = (await cw.get("/service/boards/2/statuses")).ids[0]
    reply = await cw.patch(path, {"op": "replace", "path": "status", "value": {"id": other}})
    assert (reply.status, reply.json["errors"][0]["code"], reply.json["errors"][0]["field"]) == (
        400,
        "InvalidField",
        "status",
    )
    closed = (await cw.patch(path, {"op": "replace", "path": "status", "value": {"name": "Closed"}})).json
    assert (closed["closedFlag"], closed["closedBy"]) == (True, "apiuser")
    assert closed["closedDate"] == closed["_info"]["lastUpdated"]
    opened = (await cw.patch(path, {"op": "replace", "path": "status", "value": {"name": "New"}})).json
    assert opened["closedFlag"] is False
    assert "closedDate" not in opened


async def test_changing_the_board_needs_a_status_of_it_in_the_same_call(cw: Client):
    path = f"/service/tickets/{(await new_ticket(cw))['id']}"
    board = {"op": "replace", "path": "board", "value": {"name": "Managed Services"}}
    assert (await cw.patch(path, board)).status == 400
    reply = await cw.patch(path, board, {"op": "replace", "path": "status", "value": {"name": "In Progress"}})
    assert (reply.status, reply.json["board"]["name"]) == (200, "Managed Services")


async def test_a_note_touches_its_ticket_and_hours_do_not(cw: Client):
    path = f"/service/tickets/{(await new_ticket(cw))['id']}"
    cw.later(10)
    hours = {"chargeToId": int(path.rpartition("/")[2]), "timeStart": "2026-05-01T08:00:00Z"}
    entry = (await cw.post("/time/entries", {**hours, "timeEnd": "2026-05-01T09:30:00Z", "notes": "swapped"})).json
    assert (entry["actualHours"], entry["ticket"]["summary"]) == (1.5, "Slow")
    assert (await cw.get(path)).json["_info"]["lastUpdated"] == "2026-05-28T20:26:40Z"
    note = (await cw.post(f"{path}/notes", {"text": "line\r\nbreak"})).json
    assert note["text"] == "line\r\nbreak"
    assert (await cw.get(path)).json["_info"]["lastUpdated"] == "2026-05-28T20:26:50Z"
    cw.later(10)
    await cw.patch(f"{path}/notes/{note['id']}", {"op": "replace", "path": "text", "value": "x"})
    assert (await cw.get(path)).json["_info"]["lastUpdated"] == "2026-05-28T20:27:00Z"
    cw.later(10)
    assert (await cw("DELETE", f"{path}/notes/{note['id']}")).status == 204
    assert (await cw.get(path)).json["_info"]["lastUpdated"] == "2026-05-28T20:27:10Z"
    assert [each["noteType"] for each in (await cw.get(f"{path}/allNotes")).json] == ["TimeEntryNote"]
    assert len((await cw.get(f"{path}/timeentries")).json) == 1


async def test_communications_by_themselves_do_not_touch_the_contact(cw: Client):
    contact = await new_contact(cw, communicationItems=[say(PHONE, "1")])
    path = f"/company/contacts/{contact['id']}"
    cw.later(9)
    reply = await cw.post(f"{path}/communications", {"type": {"id": 2}, "value": "2", "defaultFlag": True})
    assert reply.status == 201
    assert reply.json["communicationType"] == "Phone"
    after = (await cw.get(path)).json
    assert [(each["value"], each["defaultFlag"]) for each in after["communicationItems"]] == [("1", False), ("2", True)]
    assert after["defaultPhoneNbr"] == "2"
    assert after["_info"] == contact["_info"]
    one = f"{path}/communications/{reply.json['id']}"
    changed = await cw.patch(one, {"op": "replace", "path": "value", "value": "3"})
    assert (changed.status, changed.json["value"], changed.json["defaultFlag"]) == (200, "3", True)
    assert (await cw("DELETE", one)).status == 204
    assert (await cw.get(f"{path}/communications/count")).json == {"count": 1}
    assert (await cw.get(one)).status == 404


async def test_merged_tickets_point_at_their_parent(cw: Client):
    parent, child = await new_ticket(cw), await new_ticket(cw)
    statuses = (await cw.get(f"/service/boards/{child['board']['id']}/statuses", conditions="closedStatus=true")).ids
    reply = await cw.post(
        f"/service/tickets/{parent['id']}/merge", {"mergeTicketIds": [child["id"]], "status": {"id": statuses[0]}}
    )
    assert (reply.status, reply.json) == (200, {"success": True, "message": ""})
    merged = (await cw.get(f"/service/tickets/{child['id']}")).json
    assert merged["mergedParentTicket"]["id"] == parent["id"]
    assert merged["closedFlag"] is True
    assert (await cw.get(f"/service/tickets/{parent['id']}")).json["hasMergedChildTicketFlag"] is True


async def test_a_converted_ticket_keeps_its_id_among_the_project_tickets(cw: Client):
    ticket = await new_ticket(cw)
    reply = await cw.post(
        f"/service/tickets/{ticket['id']}/convert",
        {"recordType": "ProjectTicket", "project": {"id": 1}, "phase": {"id": 2}, "wbsCode": "1.1"},
    )
    assert reply.status == 200
    assert (await cw.get(f"/service/tickets/{ticket['id']}")).status == 404
    assert (await cw.get(f"/project/tickets/{ticket['id']}")).json["recordType"] == "ProjectTicket"
    assert (await new_ticket(cw))["id"] > ticket["id"]


async def test_a_copied_ticket_is_a_new_one(cw: Client):
    ticket = await new_ticket(cw)
    reply = await cw.post(f"/service/tickets/{ticket['id']}/copy", {})
    assert (reply.status, reply.json["summary"]) == (201, "Slow")
    assert reply.json["id"] > ticket["id"]


async def test_a_board_with_tickets_is_in_use(cw: Client):
    assert (await cw("DELETE", "/service/boards/1")).status == 409


async def test_bulk_writes_answer_item_by_item(cw: Client):
    company = await first(cw, "/company/companies")
    good = {"name": "PC", "type": {"id": 1}, "company": {"id": company["id"]}}
    reply = await cw.post("/company/configurations/bulk", [good, {"name": "PC"}])
    assert reply.status == 200
    assert [(each["success"], each["statusCode"]) for each in reply.json["payload"]] == [(True, 201), (False, 400)]


async def test_the_audit_trail_tells_creation_change_and_deletion_newest_first(cw: Client):
    contact = await new_contact(cw)
    path = f"/company/contacts/{contact['id']}"
    await cw.patch(path, {"op": "replace", "path": "lastName", "value": "N"})
    await cw("DELETE", path)
    rows = (await cw.get("/system/audittrail", type="contact", id=contact["id"])).json
    assert [row["text"] for row in rows] == [
        f"Contact {contact['id']} has been deleted.",
        'LastName was changed from "M" to "N".',
        f"Contact {contact['id']} has been created.",
    ]
    assert set(rows[0]) == {"text", "enteredDate", "enteredBy", "auditType", "auditSubType", "auditSource"}
    reply = await cw.get("/system/audittrail", id=1)
    assert reply.json["message"] == "auditTrail object is invalid"
    assert reply.json["errors"][0]["field"] == "type"


async def test_a_changed_definition_shows_in_every_contact_and_touches_none(cw: Client):
    before = await first(cw, "/company/contacts")
    cw.later(60)
    reply = await cw.post(
        "/system/userDefinedFields",
        {"podId": 4, "caption": "Shoe size", "sequenceNumber": 9, "fieldTypeIdentifier": "Number"},
    )
    assert reply.status == 201
    after = await first(cw, "/company/contacts")
    assert [each["caption"] for each in after["customFields"]][-1] == "Shoe size"
    assert after["_info"] == before["_info"]
    assert reply.json["_info"] == {}


async def test_a_callback_is_checked_and_kept_once(cw: Client):
    body = {"id": 0, "url": "https://h.example/cw?recordId=", "objectId": 0, "type": "contact", "level": "owner"}
    made = await cw.post("/system/callbacks", body)
    assert made.status == 201
    assert made.json["objectId"] == 1
    assert made.json["payloadVersion"] == "3.0.0"
    again = await cw.post("/system/callbacks", body)
    assert again.json["errors"] == [
        {
            "code": "ObjectExists",
            "message": "A matching callback entry already exists",
            "resource": "callbackEntry",
            "field": "objectId",
        }
    ]
    bad = await cw.post("/system/callbacks", {**body, "url": "nowhere", "level": "board"})
    assert [(each["message"], each["field"]) for each in bad.json["errors"]] == [
        ("Invalid URL", "url"),
        ("Unrecognized level for type, see documentation for supported levels for each type", "level"),
    ]
    assert (await cw.get("/system/callbacks", conditions='url contains "h.example"')).ids == [made.json["id"]]
    assert (await cw("DELETE", f"/system/callbacks/{made.json['id']}")).status == 204
    gone = await cw("DELETE", f"/system/callbacks/{made.json['id']}")
    assert (gone.status, gone.json["message"]) == (404, "The endpoint does not exist.")


async def test_a_body_that_is_not_json_is_a_500_in_the_providers_manner(cw: Client):
    reply = await cw("POST", "/company/contacts", b"{not json")
    assert (reply.status, reply.json["code"]) == (500, "ConnectWiseApi")


async def test_every_write_is_listed_once_in_the_feed(cw: Client):
    contact = await new_contact(cw)
    await cw.patch(f"/company/contacts/{contact['id']}", {"op": "replace", "path": "title", "value": "x"})
    await cw("DELETE", f"/company/contacts/{contact['id']}")
    feed = [change.as_json() for change in cw.sandbox.tenant().changes.since(0)]
    assert [(each["resource"], each["id"], each["action"]) for each in feed] == [
        ("company/contacts", contact["id"], action) for action in ("added", "updated", "deleted")
    ]
    assert [each["sequence"] for each in feed] == [1, 2, 3]
    assert orjson.dumps(feed)
