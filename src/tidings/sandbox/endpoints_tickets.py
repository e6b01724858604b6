"""What can be done with a ticket beyond reading and writing it? (spec connectwise.md 2.6, 4.3, 7.3 and 13.17)"""

from typing import Any

import orjson

from tidings.sandbox.answers import Answer, Problem, invalid, no_endpoint, not_convertible, not_found
from tidings.sandbox.call import Call, Operation
from tidings.sandbox.catalog import RESOURCES, SCHEMAS
from tidings.sandbox.convert import convert
from tidings.sandbox.describe import Resource, Stored
from tidings.sandbox.desk import Desk
from tidings.sandbox.reading import check_parent, plain_count, plain_list
from tidings.sandbox.render import finish
from tidings.sandbox.rules_service import TICKET_NOTES, TICKETS, settle_status
from tidings.sandbox.validation import misplaced, refuse_if, resolve
from tidings.sandbox.writer import Writer
from tidings.sandbox.writing import created, record_body

ALL_NOTES = RESOURCES["service/tickets/{}/allNotes"]
CONFIGURATIONS = "company/configurations"
PROJECT_TICKETS = "project/tickets"
TIME = "time/entries"

_DONE = Answer(200, b'{"success":true,"message":""}')
_NOTE_FLAGS = ("detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag")
_COPIED = (
    "summary",
    "board",
    "type",
    "company",
    "site",
    "contact",
    "contactName",
    "contactPhoneNumber",
    "contactEmailAddress",
    "owner",
    "priority",
    "source",
    "severity",
    "impact",
    "location",
    "department",
    "customFields",
)


def _merge(call: Call) -> Answer:
    """The given tickets become children of this one and take the status given."""
    parent, body = _ticket(call), _object(call)
    numbers = body.get("mergeTicketIds")
    lacking = [name for name in ("mergeTicketIds", "status") if not body.get(name)]
    if lacking:
        raise invalid(
            "ticketMerge", [Problem("MissingRequiredField", f"The {n} field is required.", n) for n in lacking]
        )
    tickets = _others(call, numbers, parent, "mergeTicketIds")
    desk = _desk(call)
    status = convert(RESOURCES[TICKETS].fields["status"], body["status"])
    merged = []
    for ticket in tickets:
        child = {**ticket, "status": status, "mergedParentTicket": {"id": parent["id"]}}
        resolve(call.tenant, RESOURCES[TICKETS], child, ("status",), within=True)
        refuse_if(RESOURCES[TICKETS], misplaced(call.tenant, RESOURCES[TICKETS], child))
        settle_status(desk, child, ticket, ("status",))
        merged.append((child, ticket))
    for child, ticket in merged:
        desk.write(TICKETS, _present(child), ticket)
    desk.write(TICKETS, {**parent, "hasMergedChildTicketFlag": True}, parent)
    return _DONE


def _attach(call: Call) -> Answer:
    """The given tickets lie under this one from now on."""
    parent, body = _ticket(call), _object(call)
    desk = _desk(call)
    for ticket in _others(call, body.get("childTicketIds") or body.get("ids"), parent, "childTicketIds"):
        desk.write(TICKETS, {**ticket, "parentTicketId": parent["id"]}, ticket)
    desk.write(TICKETS, {**parent, "hasChildTicket": True}, parent)
    return _DONE


def _convert(call: Call) -> Answer:
    """The ticket leaves the service list and appears, under its id, among the project tickets."""
    ticket, body = _ticket(call), _object(call)
    lacking = [name for name in ("phase", "wbsCode") if not body.get(name)]
    if lacking:
        problems = [Problem("MissingRequiredField", f"The {name} field is required.", name) for name in lacking]
        raise invalid("convertToProject", problems)
    desk = _desk(call)
    resource = RESOURCES[PROJECT_TICKETS]
    moved = {name: value for name, value in ticket.items() if name in resource.fields or name == "id"}
    moved |= {name: body[name] for name in ("project", "phase", "wbsCode") if body.get(name)}
    moved["recordType"] = "ProjectTicket"
    call.tenant.commit(RESOURCES[TICKETS], ticket["id"], None, "deleted", member=desk.member)
    stamped = desk.stamped(resource, moved, ticket)
    call.tenant.commit(resource, ticket["id"], stamped, "added", member=desk.member)
    return Answer(200, record_body(call, resource, stamped))


def _copy(call: Call) -> Answer:
    ticket = _ticket(call)
    body = _some(ticket, *_COPIED)
    return created(call, RESOURCES[TICKETS], Writer(call.tenant).create(TICKETS, body))


def _all_notes(call: Call) -> list[Any]:
    """The notes of a ticket and what was typed into its hours (spec connectwise.md Q14)."""
    check_parent(call, ALL_NOTES)
    ticket, tables = call.numbers[0], call.tenant.tables
    notes = [tables[TICKET_NOTES].stored(number) for number in tables[TICKET_NOTES].children(ticket)]
    hours = [each for each in _hours(call) if each.get("notes")]
    found = [_as_note(each, "TicketNote") for each in notes]
    found += [_as_note({**each, "text": each["notes"]}, "TimeEntryNote") for each in hours]
    found.sort(key=lambda each: each["_info"].get("lastUpdated", ""))
    return [_shown(call, ALL_NOTES, {**each, "ticket": {"id": ticket}}) for each in found]


def _as_note(source: Stored, kind: str) -> Stored:
    note = _some(source, "id", "text", "timeStart", "timeEnd", "member", "contact")
    flags = {flag: bool(source.get(flag) or source.get(f"addTo{flag[0].upper()}{flag[1:]}")) for flag in _NOTE_FLAGS}
    author = source.get("createdBy") or source.get("enteredBy")
    fixed = dict.fromkeys(("isMarkdownFlag", "bundledFlag", "mergedFlag", "issueFlag", "createdByParentFlag"), False)
    return {**note, **flags, **fixed, "noteType": kind, "originalAuthor": author, "_info": source["_info"]}


def _time_entries(call: Call) -> list[Any]:
    check_parent(call, ALL_NOTES)
    return [_shown(call, RESOURCES[TIME], each) for each in _hours(call)]


def _hours(call: Call) -> list[Stored]:
    table = call.tenant.tables[TIME]
    entries = [table.stored(number) for number in table.children(call.numbers[0])]
    return [each for each in entries if each.get("chargeToType") == "ServiceTicket"]


def _configurations(call: Call) -> list[Any]:
    check_parent(call, ALL_NOTES)
    return [_configuration(call, number) for number in call.tenant.ticket_configurations.get(call.numbers[0], ())]


def _configuration(call: Call, number: int) -> Any:
    shown = orjson.dumps(call.tenant.references.fragment("configuration", CONFIGURATIONS, number))
    device = (call.tenant.newest(CONFIGURATIONS, number) or {}).get("deviceIdentifier")
    found = orjson.loads(finish(shown, call.base, b"[]"))
    return {**found, "deviceIdentifier": device} if device else found


def _attach_configuration(call: Call) -> Answer:
    ticket, body = _ticket(call), _object(call)
    number = body.get("id")
    if not isinstance(number, int) or call.tenant.newest(CONFIGURATIONS, number) is None:
        problem = Problem("InvalidReference", "The configuration reference is invalid.", "id")
        raise invalid("configurationReference", [problem])
    attached = call.tenant.ticket_configurations.setdefault(ticket["id"], [])
    if number not in attached:
        attached.append(number)
    shown = orjson.dumps(_configuration(call, number))
    return Answer(201, shown, {"Location": f"{call.address}/{number}"})


def _attached(call: Call) -> tuple[list[int], int]:
    attached = call.tenant.ticket_configurations.get(_ticket(call)["id"], [])
    if call.numbers[1] not in attached:
        raise not_found("Configuration", call.numbers[1])
    return attached, call.numbers[1]


def _detach_configuration(call: Call) -> Answer:
    attached, number = _attached(call)
    attached.remove(number)
    return Answer(204)


def _one_configuration(call: Call) -> Answer:
    return Answer(200, orjson.dumps(_configuration(call, _attached(call)[1])))


def _shown(call: Call, resource: Resource, record: Stored) -> Any:
    body = call.tenant.tables[resource.path].rendered(record)
    return orjson.loads(finish(body, call.base, call.tenant.blank(resource)))


def _ticket(call: Call) -> Stored:
    found = call.tenant.newest(TICKETS, call.numbers[0])
    if found is None:
        raise not_found("Ticket", call.numbers[0])
    return found


def _others(call: Call, numbers: Any, parent: Stored, member: str) -> list[Stored]:
    """The tickets with these ids, none of them the parent. Raises Refusal 400."""
    found = [
        call.tenant.newest(TICKETS, number) if isinstance(number, int) and number != parent["id"] else None
        for number in (numbers if isinstance(numbers, list) else [None])
    ]
    tickets = [each for each in found if each is not None]
    if len(tickets) < len(found):
        raise invalid("ticket", [Problem("InvalidReference", f"The {member} reference is invalid.", member)])
    return tickets


def _object(call: Call) -> Stored:
    body = call.json()
    if not isinstance(body, dict):
        raise not_convertible(body, "Ticket")
    return body


def _desk(call: Call) -> Desk:
    return Desk(call.tenant, call.tenant.account.member, call.tenant.stamp())


def _some(record: Stored, *names: str) -> Stored:
    return {name: record[name] for name in names if name in record}


def _present(record: Stored) -> Stored:
    return {name: value for name, value in record.items() if value is not None}


def _changelog(call: Call) -> list[Any]:
    """The outbox of the provider's own platform; it exists only while the knob says so (7.3)."""
    if not call.tenant.faults.changelogs:
        raise no_endpoint()
    of_time = call.address.lower().endswith("time/changelogs")
    path = TIME if of_time else TICKETS
    rows = []
    for change in call.tenant.changes.since(0, len(call.tenant.changes)):
        if change.resource == path:
            row: Stored = {"id": change.sequence, "action": change.action, "processingStatus": "Pending"}
            row |= {"timeRecId": change.id} if of_time else _ticket_row(call, change.id)
            rows.append({**row, "_info": {"lastUpdated": change.stamp, "updatedBy": change.member}})
    return rows


def _ticket_row(call: Call, number: int) -> Stored:
    ticket = call.tenant.newest(TICKETS, number) or {}
    row = _some(ticket, "summary", "severity", "impact", "closedFlag", "recordType")
    for name, path in (("board", "service/boards"), ("company", "company/companies"), ("contact", "company/contacts")):
        reference = ticket.get(name)
        if reference:
            label = call.tenant.references.label(path, reference["id"])
            row |= {f"{name}Id": reference["id"], f"{name}Name": label.get("name")}
    return {"ticketNumber": number, **row}


_LOG = SCHEMAS[TICKETS]

TICKET_ROUTES: dict[str, dict[str, Operation]] = {
    "service/tickets/{}/merge": {"POST": _merge},
    "service/tickets/{}/attachChildren": {"POST": _attach},
    "service/tickets/{}/convert": {"POST": _convert},
    "service/tickets/{}/copy": {"POST": _copy},
    "service/tickets/{}/allNotes": {"GET": plain_list(_all_notes, SCHEMAS[ALL_NOTES.path])},
    "service/tickets/{}/allNotes/count": {"GET": plain_count(_all_notes, SCHEMAS[ALL_NOTES.path])},
    "service/tickets/{}/timeentries": {"GET": plain_list(_time_entries, SCHEMAS[TIME])},
    "service/tickets/{}/timeentries/count": {"GET": plain_count(_time_entries, SCHEMAS[TIME])},
    "service/tickets/{}/configurations": {
        "GET": plain_list(_configurations, SCHEMAS[CONFIGURATIONS]),
        "POST": _attach_configuration,
    },
    "service/tickets/{}/configurations/count": {"GET": plain_count(_configurations, SCHEMAS[CONFIGURATIONS])},
    "service/tickets/{}/configurations/{}": {"GET": _one_configuration, "DELETE": _detach_configuration},
    "service/tickets/changelogs": {"GET": plain_list(_changelog, _LOG)},
    "time/changelogs": {"GET": plain_list(_changelog, _LOG)},
}
