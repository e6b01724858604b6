"""What does the provider do by itself when tickets, notes and hours are written? (spec connectwise.md 13.14-16)"""

from collections.abc import Collection
from datetime import datetime

from tidings.sandbox.answers import Problem
from tidings.sandbox.describe import Stored
from tidings.sandbox.desk import Desk
from tidings.sandbox.rules_company import COMPANIES, CONTACTS, follow_company

TICKETS = "service/tickets"
TICKET_NOTES = "service/tickets/{}/notes"
BOARDS = "service/boards"
STATUSES = "service/boards/{}/statuses"

# What a ticket is opened with, and the flag of the note it becomes.
_INITIAL = (
    ("initialDescription", "detailDescriptionFlag"),
    ("initialInternalAnalysis", "internalAnalysisFlag"),
    ("initialResolution", "resolutionFlag"),
)
_NOTE_FLAGS = tuple(flag for _, flag in _INITIAL)


def complete_ticket(desk: Desk, ticket: Stored, old: Stored | None, given: Collection[str]) -> None:
    """Board, status and priority by default; the contact's details; the site of the company."""
    ticket.setdefault("board", desk.default(BOARDS))
    board = ticket.get("board")
    if "status" not in ticket and board is not None:
        ticket["status"] = desk.default(STATUSES, board["id"])
    ticket.setdefault("priority", desk.default("service/priorities"))
    ticket.setdefault("source", desk.default("service/sources"))
    follow_company(desk, ticket, old, given)
    if "contact" in given:
        ticket |= _contact_details(desk, ticket, given)


def settle_status(desk: Desk, ticket: Stored, old: Stored | None, given: Collection[str]) -> None:
    """A closed status closes the ticket, leaving it opens it again (13.16)."""
    status = desk.record(STATUSES, ticket.get("status")) or {}
    closed = bool(status.get("closedStatus"))
    if closed and not ticket.get("closedFlag"):
        ticket |= {"closedFlag": True, "closedDate": desk.now, "closedBy": desk.member}
    elif not closed:
        ticket |= {"closedFlag": False, "closedDate": None, "closedBy": None}


def after_ticket(desk: Desk, ticket: Stored, old: Stored | None, given: Collection[str]) -> None:
    """What a ticket was opened with becomes its first notes; only a creation carries these members."""
    for name, flag in _INITIAL:
        if ticket.get(name):
            note = {"id": desk.tenant.next_id(TICKET_NOTES), "ticketId": ticket["id"], "text": ticket[name], flag: True}
            complete_ticket_note(desk, note, None, ())
            desk.write(TICKET_NOTES, note, None)


def complete_ticket_note(desk: Desk, note: Stored, old: Stored | None, given: Collection[str]) -> None:
    """A detail description unless it says otherwise; its author is the member unless a contact is named."""
    if not any(note.get(flag) for flag in _NOTE_FLAGS):
        note["detailDescriptionFlag"] = True
    for flag in (*_NOTE_FLAGS, "issueFlag", "customerUpdatedFlag"):
        note.setdefault(flag, False)
    note["internalFlag"] = bool(note.get("internalAnalysisFlag"))
    note["externalFlag"] = bool(note.get("detailDescriptionFlag") or note.get("resolutionFlag"))
    if not note.get("contact"):
        note.setdefault("member", desk.member_reference())
    note.setdefault("dateCreated", desk.now)
    note.setdefault("createdBy", desk.member)


def touch_ticket(desk: Desk, note: Stored, old: Stored | None, given: Collection[str]) -> None:
    """Adding, changing or deleting a note moves the stamp of its ticket (13.14)."""
    ticket = desk.tenant.newest(TICKETS, note["ticketId"])
    if ticket is not None:
        desk.write(TICKETS, ticket, ticket, touched=True)


def check_time(desk: Desk, entry: Stored, old: Stored | None, given: Collection[str]) -> list[Problem]:
    """What the hours are charged to has to exist."""
    number = entry.get("chargeToId")
    if number is None or entry.get("chargeToType") not in (None, "ServiceTicket"):
        return []
    if desk.tenant.newest(TICKETS, number) is not None:
        return []
    return [Problem("InvalidReference", "The chargeToId reference is invalid.", "chargeToId")]


def complete_time(desk: Desk, entry: Stored, old: Stored | None, given: Collection[str]) -> None:
    """The ticket's company, board and status; hours from start to end; who entered it, and when."""
    if "ticket" in given and entry.get("ticket"):
        entry |= {"chargeToId": entry["ticket"]["id"], "chargeToType": "ServiceTicket"}
    elif entry.get("chargeToId") is not None:
        entry.setdefault("chargeToType", "ServiceTicket")
    if entry.get("chargeToType") == "ServiceTicket" and entry.get("chargeToId") is not None:
        entry["ticket"] = {"id": entry["chargeToId"]}
        _describe_charge(desk, entry)
    entry.setdefault("member", desk.member_reference())
    entry.setdefault("enteredBy", desk.member)
    entry.setdefault("dateEntered", desk.now)
    if entry.get("timeEnd") and ("actualHours" not in given or entry.get("actualHours") is None):
        worked = datetime.fromisoformat(entry["timeEnd"]) - datetime.fromisoformat(entry["timeStart"])
        entry["actualHours"] = round(worked.total_seconds() / 3600 - (entry.get("hoursDeduct") or 0), 2)
    if entry.get("actualHours") is not None:
        entry["hoursBilled"] = entry["actualHours"]


def complete_schedule(desk: Desk, entry: Stored, old: Stored | None, given: Collection[str]) -> None:
    entry.setdefault("member", desk.member_reference())
    entry.setdefault("status", desk.default("schedule/statuses"))


def complete_opportunity(desk: Desk, record: Stored, old: Stored | None, given: Collection[str]) -> None:
    record.setdefault("stage", desk.default("sales/stages"))
    record.setdefault("status", desk.default("sales/opportunities/statuses"))
    follow_company(desk, record, old, given)


def board_in_use(desk: Desk, board: Stored) -> bool:
    """Whether a ticket is on it (13.15)."""
    for number in desk.tenant.references.showing((BOARDS, board["id"]), TICKETS):
        ticket = desk.tenant.newest(TICKETS, number)
        if ticket is not None and ticket.get("board") == {"id": board["id"]}:
            return True
    return False


def _contact_details(desk: Desk, ticket: Stored, given: Collection[str]) -> Stored:
    contact = desk.record(CONTACTS, ticket.get("contact")) or {}
    items = contact.get("communicationItems") or ()
    mail = next((each["value"] for each in items if each["communicationType"] == "Email" and each["defaultFlag"]), None)
    details = {
        "contactName": " ".join(filter(None, (contact.get("firstName"), contact.get("lastName"))))[:62] or None,
        "contactPhoneNumber": (contact.get("defaultPhoneNbr") or "")[:20] or None,
        "contactPhoneExtension": contact.get("defaultPhoneExtension"),
        "contactEmailAddress": mail,
    }
    return {name: value for name, value in details.items() if name not in given}


def _describe_charge(desk: Desk, entry: Stored) -> None:
    ticket = desk.record(TICKETS, entry["ticket"]) or {}
    company = ticket.get("company")
    if desk.record(COMPANIES, company) is not None:
        entry.setdefault("company", company)
    for name, member, path in (("ticketBoard", "board", BOARDS), ("ticketStatus", "status", STATUSES)):
        label = desk.tenant.references.label(path, (ticket.get(member) or {}).get("id", 0))
        entry[name] = label.get("name")
