"""Who is in a seeded tenant? Companies, their sites and contacts, in stored form."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from tidings.sandbox.names import (
    COMPANY_ENDING,
    FIRST,
    FIRST_MAILBOX,
    INTEGRATORS,
    LAST,
    LAST_MAILBOX,
    MEMBERS,
    PLACES,
    STREETS,
    TITLES,
    mailbox,
)
from tidings.sandbox.seed_draw import guid, mix, stamp
from tidings.sandbox.seed_plan import Plan

Row = dict[str, Any]

CONTACTS, COMPANIES, SITES = "company/contacts", "company/companies", "company/companies/{}/sites"

LOGINS = tuple(mailbox(name)[0] + mailbox(name.partition(":")[2]) for name in MEMBERS)
WRITERS = (*LOGINS, *INTEGRATORS[:3])

_EMAIL, _DIRECT, _FAX, _CELL = 1, 2, 3, 4
_PHONE_NAMES = {_DIRECT: "Direct", _CELL: "Cell"}

_UNSET: Row = {
    "marriedFlag": False,
    "childrenFlag": False,
    "portalSecurityLevel": 1,
    "disablePortalLoginFlag": True,
    "defaultBillingFlag": False,
    "ignoreDuplicates": False,
}


def person(plan: Plan, contact: int) -> tuple[int, int | None]:
    """The positions of a contact's first and last name in the tables of names; a few have no last name."""
    draw = mix(plan.salt(CONTACTS) + contact)
    return draw % len(FIRST), None if contact % 41 == 8 else (draw >> 8) % len(LAST)


def mail_address(plan: Plan, contact: int, company: int) -> str:
    """Where a contact of a company receives mail."""
    draw = mix(plan.salt(CONTACTS) + contact)
    name = f"{FIRST_MAILBOX[draw % len(FIRST)]}.{LAST_MAILBOX[(draw >> 8) % len(LAST)]}"
    return name + _reached_at(plan, company)[1]


def place(plan: Plan, company: int) -> tuple[str, ...]:
    """City, state, postal code and area code of a company."""
    return PLACES[mix(plan.salt(COMPANIES) + company) % len(PLACES)]


def phone(area: str, draw: int) -> str:
    """A fictitious number in one of the ways in which people type them."""
    line = f"{100 + draw % 100:04}"
    match draw >> 8 & 3:
        case 0:
            return f"({area}) 555-{line}"
        case 1:
            return f"+1 {area}-555-{line}"
    return f"{area}555{line}"


def identifier(plan: Plan, company: int) -> str:
    """The unique short name, of at most 25 characters and in mixed case."""
    name = "".join(plan.company_name(company))
    return (name, name, name.upper(), name.lower())[mix(plan.salt(COMPANIES) + company) >> 60 & 3]


def _company_title(plan: Plan, company: int, draw: int) -> str:
    words = list(plan.company_name(company))
    if company % 211 == 17:
        words[1] = "\u200b" + words[1]
    return " ".join(words) + COMPANY_ENDING[draw % len(COMPANY_ENDING)]


def companies(plan: Plan) -> Iterator[Row]:
    """The companies; some bare, some of those flagged as deleted."""
    base, site, contact = (plan.first_id(path) for path in (COMPANIES, SITES, CONTACTS))
    start, history = plan.salt(COMPANIES), plan.history
    for n in range(plan.companies):
        draw, more = mix(start + n), mix(start - 1 - n)
        entered = history.entered(n, plan.companies, more)
        updated = history.updated(entered, more >> 10)
        row: Row = {"id": base + n, "identifier": identifier(plan, n), "name": _company_title(plan, n, draw >> 8)}
        row["status"] = {"id": 4 if plan.is_bare(n) else 1 + (draw >> 16) % 9 // 7}
        row["types"] = [{"id": 1 + (draw >> 20) % 6 // 3}]
        if not plan.is_bare(n):
            row |= _address(plan, n, draw)
            row |= {
                "phoneNumber": phone(place(plan, n)[3], draw >> 24),
                "annualRevenue": float(draw >> 40 & 4095) * 1e4,
            }
            row |= {
                "website": f"https://{identifier(plan, n).lower()}.example",
                "numberOfEmployees": 1 + (more >> 30) % 400,
            }
        default = plan.default_contact(n)
        if default is not None:
            row["defaultContact"] = {"id": contact + default}
        row |= {"billToCompany": {"id": base + n}, "territory": {"id": 1 + (draw >> 52 & 1)}, "leadFlag": False}
        row |= {"unsubscribeFlag": False, "deletedFlag": plan.is_deleted(n)}
        if plan.is_deleted(n):
            row |= {"dateDeleted": stamp(updated), "deletedBy": "zAdmin"}
        row |= {"mobileGuid": guid(draw, more), "isVendorFlag": False, "site": {"id": site + n}, "customFields": []}
        row["_info"] = info(updated, draw >> 54, entered)
        yield row


def sites(plan: Plan) -> Iterator[Row]:
    """A site Main for every company, then a warehouse for every seventh."""
    base, company = plan.first_id(SITES), plan.first_id(COMPANIES)
    start, history = plan.salt(COMPANIES), plan.history
    branches = range(3, plan.companies, 7)
    for n, (owner, name) in enumerate(
        (*((k, "Main") for k in range(plan.companies)), *((k, "Warehouse") for k in branches))
    ):
        draw, more = mix(start + owner), mix(start - 1 - owner)
        entered = history.entered(owner, plan.companies, more)
        main = name == "Main"
        row: Row = {"id": base + n, "name": name}
        if not plan.is_bare(owner):
            row |= _address(plan, owner, draw if main else more)
            row.pop("state")
            row["phoneNumber"] = phone(place(plan, owner)[3], draw >> 24)
        row |= {"primaryAddressFlag": main, "defaultShippingFlag": main, "defaultBillingFlag": main}
        row |= {"defaultMailingFlag": main, "inactiveFlag": False, "billSeparateFlag": False}
        row |= {"mobileGuid": guid(more, draw), "company": {"id": company + owner}, "_info": info(entered, draw >> 54)}
        yield row


def contacts(plan: Plan) -> Iterator[Row]:
    """The contacts with their communication items, one default of each kind."""
    base, company, site = (plan.first_id(path) for path in (CONTACTS, COMPANIES, SITES))
    item = plan.first_id("company/contacts/{}/communications")
    start, history, count = plan.salt(CONTACTS), plan.history, plan.contacts
    employer = cache(partial(_reached_at, plan))
    for n in range(count):
        draw, more = mix(start + n), mix(start - 1 - n)
        first, last, owner = draw % len(FIRST), (draw >> 8) % len(LAST), plan.company_of(n)
        area, domain = ("813", "@mail.example") if owner is None else employer(owner)
        kind = _CELL if draw >> 20 & 1 else _DIRECT
        number = phone(area, draw >> 24)
        row: Row = {"id": base + n, "firstName": FIRST[first]}
        if n % 41 != 8:
            row["lastName"] = LAST[last]
        if owner is not None:
            row["company"] = {"id": company + owner}
            row["site"] = {"id": site + owner}
        row["inactiveFlag"] = draw >> 34 & 15 == 0
        row["title"] = TITLES[(draw >> 38) % len(TITLES)] + ("\u200b" if n % 499 == 7 else "")
        row.update(_UNSET)
        row["unsubscribeFlag"] = draw >> 44 & 31 == 0
        row["mobileGuid"] = guid(draw, more)
        row["defaultPhoneType"] = _PHONE_NAMES[kind]
        row["defaultPhoneNbr"] = number
        row["defaultFlag"] = owner == n
        address = f"{FIRST_MAILBOX[first]}.{LAST_MAILBOX[last]}{domain}"
        items = [
            {**_item(item + 3 * n, _EMAIL, address), "domain": domain, "communicationType": "Email"},
            {**_item(item + 3 * n + 1, kind, number), "communicationType": "Phone"},
        ]
        if n % 9 == 4:
            items.append({**_item(item + 3 * n + 2, _FAX, phone("800", more >> 40)), "communicationType": "Fax"})
        row["communicationItems"] = items
        row["types"] = [{"id": 1 + (draw >> 50 & 3)}] if draw >> 52 & 3 == 0 else []
        if draw >> 54 & 1:
            row["customFields"] = _custom_fields(n, more >> 20, FIRST_MAILBOX[first], LAST_MAILBOX[last])
        row["_info"] = info(history.updated(history.entered(n, count, more), more >> 10), draw >> 56)
        yield row


def _reached_at(plan: Plan, company: int) -> tuple[str, str]:
    """The area code and the mail domain of a company."""
    return place(plan, company)[3], f"@{identifier(plan, company).lower()}.example"


def _item(number: int, kind: int, value: str) -> Row:
    return {"id": number, "type": {"id": kind}, "value": value, "defaultFlag": True}


def _custom_fields(contact: int, draw: int, first: str, last: str) -> list[Row]:
    """Only those with a value: a record lists the other definitions without one."""
    fields: list[Row] = [{"id": 15, "value": 10_000 + contact}, {"id": 16, "value": "true" if draw & 1 else "false"}]
    if draw & 6 == 0:
        fields.append({"id": 51, "value": f"https://www.linkedin.com/in/{first}-{last}-{contact}"})
    if draw & 8:
        fields.append({"id": 59, "value": bool(draw & 16)})
    return fields


def _address(plan: Plan, company: int, draw: int) -> Row:
    city, state, code, _ = place(plan, company)
    street = f"{1 + (draw >> 30) % 9900} {STREETS[(draw >> 44) % len(STREETS)]} Street"
    return {"addressLine1": street, "city": city, "state": state, "zip": code, "country": {"id": 1}}


def info(updated: int, draw: int, entered: int | None = None) -> Row:
    """The `_info` of a stored record, from seconds since 1970."""
    found = {"lastUpdated": stamp(updated), "updatedBy": WRITERS[draw % len(WRITERS)]}
    if entered is not None:
        found |= {"dateEntered": stamp(entered), "enteredBy": WRITERS[(draw >> 3) % len(WRITERS)]}
    return found
