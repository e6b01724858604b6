"""What is there to do in a seeded tenant? Tickets and what hangs on them, devices and deals, in stored form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidings.sandbox.names import DEVICE_MODELS, FIRST, LAST, NOTES, SUMMARIES, SYSTEMS
from tidings.sandbox.seed_draw import guid, mix, stamp
from tidings.sandbox.seed_people import (
    COMPANIES,
    CONTACTS,
    LOGINS,
    SITES,
    identifier,
    info,
    mail_address,
    person,
    phone,
    place,
)
from tidings.sandbox.seed_plan import Plan
from tidings.sandbox.seed_setup import BOARDS, INACTIVE_MEMBERS

Row = dict[str, Any]

TICKETS, TICKET_NOTES, TIME_ENTRIES = "service/tickets", "service/tickets/{}/notes", "time/entries"
OPPORTUNITIES, CONFIGURATIONS, SCHEDULE = "sales/opportunities", "company/configurations", "schedule/entries"

_HOUR = 3600
_SERVICE_TICKET = 4


def _states() -> list[tuple[list[int], list[int]]]:
    """The ids of the open and of the closing statuses of every board."""
    boards, number = [], 0
    for states in BOARDS.values():
        numbered = list(enumerate(states, number + 1))
        number += len(states)
        boards.append(([n for n, name in numbered if name[-1] != "!"], [n for n, name in numbered if name[-1] == "!"]))
    return boards


_STATES = _states()


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What the rows about one ticket agree on."""

    id: int
    company: int
    contact: int | None
    draw: int
    more: int
    entered: int
    updated: int
    owner: int
    board: int
    status: int
    closed: bool


def _ticket(plan: Plan, n: int) -> _Ticket:
    draw, more = mix(plan.salt(TICKETS) + n), mix(plan.salt(TICKETS) - 1 - n)
    company, contact = plan.ticket_parties(n)
    entered = plan.history.entered(n, plan.tickets, more)
    board = draw % len(_STATES)
    # Nine in ten are closed, but hardly any of the latest.
    closed = (draw >> 8) % 100 < (93 if n < plan.tickets * 9 // 10 else 40)
    states = _STATES[board][closed]
    active = [member for member in range(1, len(LOGINS) + 1) if member not in INACTIVE_MEMBERS]
    left = draw >> 20 & 31 == 0
    return _Ticket(
        id=plan.first_id(TICKETS) + n,
        company=company,
        contact=contact,
        draw=draw,
        more=more,
        entered=entered,
        updated=plan.history.updated(entered, more >> 10),
        owner=INACTIVE_MEMBERS[draw >> 25 & 1] if left else active[(draw >> 26) % len(active)],
        board=board + 1,
        status=states[(draw >> 16) % len(states)],
        closed=closed,
    )


def tickets(plan: Plan) -> Iterator[Row]:
    """The service tickets; one in thirty is owned by a member who has left (quirk Q19)."""
    company, contact, site = (plan.first_id(path) for path in (COMPANIES, CONTACTS, SITES))
    for n in range(plan.tickets):
        ticket = _ticket(plan, n)
        draw, more, owner = ticket.draw, ticket.more, LOGINS[ticket.owner - 1]
        row: Row = {"id": ticket.id, "summary": _summary(n, ticket), "recordType": "ServiceTicket"}
        row |= {"board": {"id": ticket.board}, "status": {"id": ticket.status}}
        row |= {"workRole": {"id": 1}, "workType": {"id": 1}, "company": {"id": company + ticket.company}}
        row |= {"site": {"id": site + ticket.company}, "siteName": "Main"}
        if ticket.contact is not None:
            first, last = person(plan, ticket.contact)
            name = FIRST[first] if last is None else f"{FIRST[first]} {LAST[last]}"
            row |= {"contact": {"id": contact + ticket.contact}, "contactName": name}
            row["contactPhoneNumber"] = phone(place(plan, ticket.company)[3], draw >> 30)
            row["contactEmailAddress"] = mail_address(plan, ticket.contact, ticket.company)
        row |= {"owner": {"id": ticket.owner}, "priority": {"id": (1, 2, 3, 3, 3, 3, 4, 4)[draw >> 40 & 7]}}
        row |= {"source": {"id": 1 + (draw >> 43 & 3)}, "severity": ("Low", "Medium", "Medium", "High")[draw >> 45 & 3]}
        row |= {"impact": ("Low", "Medium", "Medium", "High")[draw >> 47 & 3], "allowAllClientsPortalView": False}
        row |= {"customerUpdatedFlag": draw >> 49 & 15 == 0, "automaticEmailContactFlag": False}
        row |= {"automaticEmailResourceFlag": False, "automaticEmailCcFlag": n % 2003 == 9}
        if n % 2003 == 9:
            # Longer than its maximum, as live data is (quirk Q26).
            row["automaticEmailCc"] = ";".join(f"someone{k}@mail.example" for k in range(60))
        if ticket.closed:
            row |= {"closedDate": stamp(ticket.updated), "closedBy": owner}
        row |= {"closedFlag": ticket.closed, "approved": True, "isInSla": draw >> 53 & 7 != 0, "hasChildTicket": False}
        row |= {"hasMergedChildTicketFlag": False, "requestForChangeFlag": False, "resources": owner}
        row |= {"billTime": "Billable", "billExpenses": "Billable", "billProducts": "Billable"}
        row |= {"location": {"id": 1}, "department": {"id": 1}, "mobileGuid": guid(draw, more)}
        row["_info"] = info(ticket.updated, more >> 40, ticket.entered)
        yield row


def _summary(n: int, ticket: _Ticket) -> str:
    who = FIRST[(ticket.draw >> 32) % len(FIRST)]
    summary = SUMMARIES[(ticket.more >> 24) % len(SUMMARIES)].format(who, 1 + (ticket.more >> 32) % 97)
    if n % 97 == 13:
        return summary.replace(" ", "\u200b ", 1)
    return summary + "\x00" if n % 5003 == 11 else summary


def ticket_notes(plan: Plan) -> Iterator[Row]:
    """Up to three notes a ticket: what the contact wrote, what a member did, how it ended."""
    number = plan.first_id(TICKET_NOTES)
    contact = plan.first_id(CONTACTS)
    for n in range(plan.tickets):
        ticket = _ticket(plan, n)
        for k in range(ticket.more >> 50 & 3):
            draw = mix(ticket.draw + k + 1)
            made = ticket.entered + (ticket.updated - ticket.entered) * k // 3
            kind = "resolutionFlag" if k == 2 else "internalAnalysisFlag" if k == 1 else "detailDescriptionFlag"
            flags = {flag: flag == kind for flag in ("detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag")}
            row: Row = {"id": number, "ticketId": ticket.id, "text": _note(draw), **flags, "issueFlag": False}
            by_contact = k == 0 and ticket.contact is not None
            row |= (
                {"contact": {"id": contact + (ticket.contact or 0)}} if by_contact else {"member": {"id": ticket.owner}}
            )
            author = "apiuser" if by_contact else LOGINS[ticket.owner - 1]
            row |= {"customerUpdatedFlag": by_contact, "dateCreated": stamp(made), "createdBy": author}
            row |= {"internalFlag": k == 1, "externalFlag": k != 1}
            row["_info"] = {"lastUpdated": stamp(made), "updatedBy": author}
            yield row
            number += 1


def _note(draw: int) -> str:
    text = NOTES[draw % len(NOTES)]
    if draw >> 8 & 3 == 0:
        newline = "\r\n" if draw >> 10 & 1 else "\n"
        text = newline.join((text, "", NOTES[(draw >> 11) % len(NOTES)]))
    return text


def time_entries(plan: Plan) -> Iterator[Row]:
    """An entry for four tickets in five, by the ticket's owner."""
    base, company = plan.first_id(TIME_ENTRIES), plan.first_id(COMPANIES)
    for n in range(plan.tickets):
        ticket = _ticket(plan, n)
        draw = mix(plan.salt(TIME_ENTRIES) + n)
        if draw % 5 == 0:
            continue
        quarters = 1 + (draw >> 8 & 7)
        ended = plan.history.within((ticket.entered + (draw >> 16) % (72 * _HOUR)) // 900 * 900)
        billed = ticket.closed and draw >> 11 & 1
        login = LOGINS[ticket.owner - 1]
        row: Row = {"id": base + n, "company": {"id": company + ticket.company}, "chargeToId": ticket.id}
        row |= {
            "chargeToType": "ServiceTicket",
            "member": {"id": ticket.owner},
            "workType": {"id": 1 + (draw >> 12 & 3)},
        }
        row |= {"workRole": {"id": 1}, "ticket": {"id": ticket.id}, "timeStart": stamp(ended - 900 * quarters)}
        row |= {"timeEnd": stamp(ended), "actualHours": quarters / 4, "billableOption": "Billable"}
        row |= {"notes": _note(draw >> 20), "addToDetailDescriptionFlag": False, "addToInternalAnalysisFlag": True}
        row |= {
            "addToResolutionFlag": False,
            "hoursBilled": quarters / 4,
            "enteredBy": login,
            "dateEntered": stamp(ended),
        }
        row |= {"status": "Billed" if billed else "Open", "invoiceFlag": bool(billed)}
        row["_info"] = info(plan.history.updated(ended, draw >> 40), draw >> 50, ended)
        yield row


def opportunities(plan: Plan) -> Iterator[Row]:
    """A deal for every fifth company that has a contact."""
    base, company, contact, site = (plan.first_id(path) for path in (OPPORTUNITIES, COMPANIES, CONTACTS, SITES))
    names = ("Server refresh", "Managed services renewal", "Office move", "Security assessment")
    for n, owner in enumerate(range(0, plan.companies, 5)):
        buyer = plan.default_contact(owner)
        if buyer is None:
            continue
        draw = mix(plan.salt(OPPORTUNITIES) + n)
        entered = plan.history.entered(n, plan.companies // 5 + 1, draw)
        row: Row = {"id": base + n, "name": f"{names[draw >> 10 & 3]} - {' '.join(plan.company_name(owner))}"}
        row |= {
            "expectedCloseDate": stamp((entered + 60 * 86400) // 86400 * 86400),
            "type": {"id": 1 + (draw >> 12) % 3},
        }
        row |= {
            "stage": {"id": 1 + (draw >> 16 & 3)},
            "status": {"id": 1 + (draw >> 18 & 3)},
            "notes": _note(draw >> 20),
        }
        row |= {
            "source": "Referral",
            "primarySalesRep": {"id": 1 + (draw >> 30 & 1)},
            "locationId": 1,
            "businessUnitId": 2,
        }
        row |= {"company": {"id": company + owner}, "contact": {"id": contact + buyer}, "site": {"id": site + owner}}
        row |= {"closedFlag": draw >> 18 & 3 != 0, "mobileGuid": guid(draw, mix(draw))}
        row["_info"] = info(plan.history.updated(entered, draw >> 32), draw >> 44, entered)
        yield row


def configurations(plan: Plan) -> Iterator[Row]:
    """Two devices for every company that is not bare."""
    base, company, site = (plan.first_id(path) for path in (CONFIGURATIONS, COMPANIES, SITES))
    for n in range(2 * plan.companies):
        owner = n // 2
        if plan.is_bare(owner):
            continue
        draw, more = mix(plan.salt(CONFIGURATIONS) + n), mix(plan.salt(CONFIGURATIONS) - 1 - n)
        bought = plan.history.entered(n, 2 * plan.companies, more) // 86400 * 86400
        retired = draw % 11 == 0
        row: Row = {"id": base + n, "name": f"{identifier(plan, owner)[:8].upper()}-{1 + n % 2:03}"}
        row |= {"type": {"id": 1 + (draw >> 8) % 5}, "status": {"id": 2 if retired else 1}}
        row |= {"company": {"id": company + owner}, "site": {"id": site + owner}, "locationId": 1, "businessUnitId": 1}
        row |= {
            "serialNumber": f"{draw >> 20 & 0xFFFFFFF:07X}",
            "modelNumber": DEVICE_MODELS[(draw >> 48) % len(DEVICE_MODELS)],
        }
        row |= {"tagNumber": f"T{10_000 + n}", "purchaseDate": stamp(bought)}
        row |= {"warrantyExpirationDate": stamp(bought + 3 * 365 * 86400), "billFlag": False}
        row |= {"macAddress": ":".join(f"{more >> shift & 255:02X}" for shift in range(0, 48, 8))}
        row |= {
            "ipAddress": f"10.{owner % 250}.{n % 2}.{10 + more % 200}",
            "osType": SYSTEMS[(more >> 52) % len(SYSTEMS)],
        }
        row |= {"activeFlag": not retired, "mobileGuid": guid(draw, more)}
        row["_info"] = info(plan.history.updated(max(bought, plan.history.start), more >> 10), draw >> 44)
        yield row


def schedule_entries(plan: Plan) -> Iterator[Row]:
    """An hour in the calendar of the owner of every fourth ticket."""
    base = plan.first_id(SCHEDULE)
    for n in range(0, plan.tickets, 4):
        ticket = _ticket(plan, n)
        begins = plan.history.within((ticket.entered + 86400) // _HOUR * _HOUR)
        row: Row = {"id": base + n // 4, "objectId": ticket.id, "member": {"id": ticket.owner}}
        row |= {
            "dateStart": stamp(begins),
            "dateEnd": stamp(begins + _HOUR),
            "status": {"id": 3 if ticket.closed else 1},
        }
        row |= {"type": {"id": _SERVICE_TICKET}, "doneFlag": ticket.closed, "acknowledgedFlag": True, "ownerFlag": True}
        row |= {"name": _summary(n, ticket), "hours": 1.0, "_info": info(ticket.entered, ticket.draw >> 40)}
        yield row
