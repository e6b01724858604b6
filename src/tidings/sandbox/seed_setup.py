"""What has an administrator set up in a seeded tenant? Boards, statuses, types, members: the small tables.

They are the same in every tenant but for the date they were made. Status names repeat on several boards under
different ids, some with trailing spaces or odd case, and one board has a status that looks closed and is not
(spec connectwise.md 9, 2.6 and complaint 21).
"""

from typing import Any

from tidings.sandbox.names import INTEGRATORS, MEMBERS, mailbox

Row = dict[str, Any]

SEEDED_BY = "zAdmin"

# board -> its statuses in order; `*` is the default, `!` closes a ticket
BOARDS = {
    "Help Desk": ("New*", "Assigned", "In Progress", "Waiting on Client", "Scheduled", "Resolved", "Closed!"),
    "Managed Services": ("New (auto)*", "In Progress", "waiting on client", "Completed ", ">Closed!"),
    "Alerts": ("New*", "In progress", "Closed!", "Closed - No Action!"),
    "Field Work": ("New*", "Scheduled", "Enter Time", "Completed", "Closed!"),
}
INACTIVE_MEMBERS = (7, 8)

# description, kind
COMMUNICATION_TYPES = (
    ("Email", "email"),
    ("Direct", "phone"),
    ("Fax", "fax"),
    ("Cell", "phone"),
    ("Work Landline", "phone"),
    ("Shared Mailbox", "email"),
    ("Fax - Work", "fax"),
    ("Home", "phone"),
    ("Email 2", "email"),
)

_NAMED = {
    "company/companies/types": ("Client", "Prospect", "Vendor", "Former Client"),
    "company/contacts/relationships": ("Employee", "Payments", "Consultant"),
    "company/contacts/departments": ("Administration", "Finance", "IT", "Sales", "Operations"),
    "company/configurations/types": ("Workstation", "Laptop", "Server", "Printer", "Network Device"),
    "company/noteTypes": ("Comment", "Alert"),
    "service/sources": ("Phone", "Email Connector", "Portal", "Monitoring"),
    "time/workRoles": ("Engineer", "Senior Engineer", "Dispatcher"),
    "time/workTypes": ("Remote", "Onsite", "Travel", "After Hours"),
    "schedule/statuses": ("Firm", "Tentative", "Done"),
    "schedule/types": ("Sales Activity", "Meeting", "Out of Office", "Service Ticket"),
    "system/departments": ("Service", "Sales", "Administration"),
    "sales/stages": ("1. Qualify", "2. Proposal", "3. Commit", "4. Closed"),
    "sales/opportunities/statuses": ("Open", "Won", "Lost", "No Decision"),
}
_DESCRIBED = {
    "company/contacts/types": ("Approver", "Decision Maker", "End User", "VIP"),
    "sales/opportunities/types": ("New Business", "Renewal", "Hardware"),
}
_PRIORITIES = ("Priority 1 - Critical", "Priority 2 - High", "Priority 3 - Normal", "Priority 4 - Low")


def setup(made: str) -> dict[str, list[Row]]:
    """The small tables by resource path, in the order in which they refer to each other; `made` is their stamp."""
    info = {"lastUpdated": made, "updatedBy": SEEDED_BY}
    tables = {
        path: [_row(n, {"name": name, "defaultFlag": n == 1}, info) for n, name in enumerate(names, 1)]
        for path, names in _NAMED.items()
    }
    tables |= {
        path: [_row(n, {"description": name}, info) for n, name in enumerate(names, 1)]
        for path, names in _DESCRIBED.items()
    }
    for kind in tables["sales/opportunities/types"]:
        kind["inactiveFlag"] = False
    tables["company/configurations/statuses"] = [
        _row(1, {"description": "Active", "closedFlag": False, "defaultFlag": True}, info),
        _row(2, {"description": "Retired", "closedFlag": True, "defaultFlag": False}, info),
    ]
    tables["system/locations"] = [
        _row(n, {"name": name, "inactiveFlag": False}, info) for n, name in ((1, "Head Office"), (2, "West Branch"))
    ]
    tables["company/countries"] = [
        _row(n, {"name": name, "identifier": code, "defaultFlag": n == 1, "inactiveFlag": False}, info)
        for n, (name, code) in enumerate((("United States", "US"), ("Canada", "CA"), ("United Kingdom", "GB")), 1)
    ]
    tables["company/companies/statuses"] = [
        _row(n, {"name": name, "defaultFlag": n == 1, "inactiveFlag": False, "notifyFlag": n == 3}, info)
        for n, name in enumerate(("Active", "Inactive", "Credit Hold", "Imported "), 1)
    ]
    tables["service/priorities"] = [
        _row(n, {"name": name, "sortOrder": n, "level": str(n), "defaultFlag": n == 3}, info)
        for n, name in enumerate(_PRIORITIES, 1)
    ]
    tables["company/communicationTypes"] = [
        _row(n, {"description": name, **_flags(kind), "defaultFlag": n <= 3}, info)
        for n, (name, kind) in enumerate(COMMUNICATION_TYPES, 1)
    ]
    tables["system/members"] = _members(info)
    tables["system/userDefinedFields"] = _custom_fields(made)
    tables["service/boards"], tables["service/boards/{}/statuses"] = _boards(info)
    return tables


def _row(number: int, members: Row, info: Row) -> Row:
    return {"id": number, **members, "_info": dict(info)}


def _flags(kind: str) -> Row:
    return {"phoneFlag": kind == "phone", "faxFlag": kind == "fax", "emailFlag": kind == "email"}


def _members(info: Row) -> list[Row]:
    """Eight people, two of whom have left, then the identities of integrations."""
    people = []
    for number, name in enumerate(MEMBERS, 1):
        first, last = name.split(":")
        login = mailbox(first)[0] + mailbox(last)
        person: Row = {"identifier": login, "firstName": first, "lastName": last, "title": "Engineer"}
        person |= {"officeEmail": f"{login}@msp.example", "licenseClass": "F", "dailyCapacity": 8.0}
        people.append(_row(number, {**person, "inactiveFlag": number in INACTIVE_MEMBERS}, info))
    for number, login in enumerate(INTEGRATORS, len(people) + 1):
        robot: Row = {
            "identifier": login,
            "firstName": login,
            "lastName": "API",
            "licenseClass": "A",
            "inactiveFlag": False,
        }
        people.append(_row(number, robot, info))
    return people


def _boards(info: Row) -> tuple[list[Row], list[Row]]:
    boards: list[Row] = []
    statuses: list[Row] = []
    for number, (name, states) in enumerate(BOARDS.items(), 1):
        owner = {"location": {"id": 1}, "department": {"id": 1}}
        boards.append(_row(number, {"name": name, **owner, "inactiveFlag": False, "projectFlag": False}, info))
        for sort, state in enumerate(states, 1):
            status: Row = {
                "name": state.rstrip("*!"),
                "board": {"id": number},
                "sortOrder": sort,
                "displayOnBoard": True,
            }
            status |= {"inactive": False, "closedStatus": state.endswith("!"), "defaultFlag": state.endswith("*")}
            statuses.append(_row(len(statuses) + 1, status, info))
    return boards, statuses


def _custom_fields(made: str) -> list[Row]:
    """The contact pods: captions in snake case and in prose side by side."""
    common: Row = {"screenId": "ct300", "screenDescription": "Contact", "numberDecimals": 0, "requiredFlag": False}
    overview = {**common, "podId": 4, "podDescription": "Contact Overview"}
    details = {**common, "podId": 5, "podDescription": "Contact Details"}
    options = [
        {"id": 5, "optionValue": "true", "defaultFlag": False, "inactiveFlag": False, "sortOrder": 0},
        {"id": 6, "optionValue": "false", "defaultFlag": True, "inactiveFlag": False, "sortOrder": 1},
    ]
    fields: list[Row] = [
        {**overview, "id": 15, "caption": "crm_contact_id", "fieldTypeIdentifier": "Number"},
        {**details, "id": 16, "caption": "is_synced", "fieldTypeIdentifier": "Text", "options": options},
        {**overview, "id": 51, "caption": "LinkedIn URL", "fieldTypeIdentifier": "Text"},
        {**overview, "id": 59, "caption": "Email Marketing Opt-In", "fieldTypeIdentifier": "Checkbox"},
    ]
    rows = {4: 0, 5: 0}
    for each in fields:
        rows[each["podId"]] += 1
        each["sequenceNumber"] = rows[each["podId"]]
        each["entryTypeIdentifier"] = "List" if "options" in each else "EntryField"
        each |= {"displayOnScreenFlag": True, "readOnlyFlag": False, "listViewFlag": False, "businessUnitIds": []}
        each |= {"locationIds": [], "connectWiseID": f"52211d4d-7535-4f11-828c-de755223{each['id']:04}"}
        each |= {"displayScreenInASIO": False, "dateCreated": made, "_info": {}}
    return fields
