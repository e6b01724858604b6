"""What does the provider do by itself when contacts, companies and their parts are written?"""

from collections.abc import Collection, Iterable
from typing import Any

from tidings.sandbox.answers import Problem
from tidings.sandbox.communications import default_phone, item, kind_of, one_default
from tidings.sandbox.describe import Field, Stored
from tidings.sandbox.desk import Desk
from tidings.sandbox.tenant import COMMUNICATIONS
from tidings.sandbox.validation import find

CONTACTS = "company/contacts"
COMPANIES = "company/companies"
SITES = "company/companies/{}/sites"
TYPES = "company/communicationTypes"
ADDRESS = ("addressLine1", "addressLine2", "city", "state", "zip", "country")

_TYPE = Field("type", "ref", target=TYPES)


def complete_contact(desk: Desk, contact: Stored, old: Stored | None, given: Collection[str]) -> None:
    """The site of the company, types by id, communications in order and the members derived from them."""
    moved = old is not None and contact.get("company") != old.get("company")
    if "site" not in given and (moved or "site" not in contact):
        contact["site"] = _main_site(desk, contact.get("company"))
    if "typeIds" in given:
        contact["types"] = [{"id": number} for number in contact.pop("typeIds", None) or ()]
    if old is None or contact.get("communicationItems") != old.get("communicationItems"):
        before = {each["id"]: each for each in (old or {}).get("communicationItems") or ()}
        items = [_item(desk, each, before) for each in contact.get("communicationItems") or () if is_item(each)]
        arrange_items(desk, contact, items, before)


def arrange_items(desk: Desk, contact: Stored, items: list[Stored], before: dict[int, Stored]) -> None:
    """Put communications into a contact: one default of each kind, and what repeats the default phone."""
    contact["communicationItems"] = one_default(items, before)
    contact |= default_phone(
        contact["communicationItems"], lambda number: desk.tenant.references.label(TYPES, number).get("name", "")
    )


def check_contact(desk: Desk, contact: Stored, old: Stored | None, given: Collection[str]) -> list[Problem]:
    """Each communication needs a known type and a value of at most 250 characters (spec connectwise.md 2.4)."""
    types = _type_problems(desk, "company/contacts/types", "typeIds", contact.get("typeIds") or ())
    if "communicationItems" not in given:
        return types
    items = contact.get("communicationItems") or ()
    return types + [problem for each in items for problem in item_problems(desk, each)]


def item_problems(desk: Desk, each: Any) -> list[Problem]:
    if not is_item(each):
        return [Problem("MissingRequiredField", "The value field is required.", "communicationItems")]
    if communication_type(desk, each) is None:
        return [Problem("InvalidReference", "The type reference is invalid.", "communicationItems")]
    longest = "The field value must be a string with a maximum length of 250."
    return [Problem("InvalidField", longest, "communicationItems")] if len(str(each["value"])) > 250 else []


def is_item(each: Any) -> bool:
    return isinstance(each, dict) and each.get("value") not in (None, "") and isinstance(each.get("type"), dict)


def communication_type(desk: Desk, each: Stored) -> Stored | None:
    """The type that a communication names, by id (also as text) or name."""
    named = dict(each["type"])
    if isinstance(named.get("id"), str) and named["id"].isdigit():
        named["id"] = int(named["id"])
    number = find(desk.tenant, _TYPE, {key: named[key] for key in ("id", "name") if key in named}, None)
    return desk.tenant.newest(TYPES, number) if number is not None else None


def _item(desk: Desk, given: Stored, before: dict[int, Stored]) -> Stored:
    kind = communication_type(desk, given)
    assert kind is not None, "check_contact refuses an unknown type before"
    number = given.get("id")
    return item(given, number if number in before else desk.tenant.next_id(COMMUNICATIONS), kind["id"], kind_of(kind))


def contact_in_use(desk: Desk, contact: Stored) -> bool:
    """Whether it is the default contact of a company (spec connectwise.md 13.15)."""
    for number in desk.tenant.references.showing((CONTACTS, contact["id"]), COMPANIES):
        company = desk.tenant.newest(COMPANIES, number)
        if company is not None and company.get("defaultContact") == {"id": contact["id"]}:
            return True
    return False


def check_company(desk: Desk, company: Stored, old: Stored | None, given: Collection[str]) -> list[Problem]:
    """A new company needs some part of an address (spec connectwise.md 2.5)."""
    if old is not None:
        return []
    if not any(company.get(name) for name in ADDRESS):
        return [Problem("MissingRequiredField", "The addressLine1 field is required.", "addressLine1")]
    numbers = [each.get("id") if isinstance(each, dict) else None for each in company.get("types") or ()]
    return _type_problems(desk, "company/companies/types", "types", numbers)


def complete_company(desk: Desk, company: Stored, old: Stored | None, given: Collection[str]) -> None:
    """The default status, itself as payer, and the members that go with the deleted flag."""
    company.setdefault("status", desk.default("company/companies/statuses"))
    company.setdefault("billToCompany", {"id": company["id"]})
    if old is None:
        company["types"] = [{"id": each["id"]} for each in company.get("types") or ()]
        company.setdefault("site", {"id": desk.tenant.next_id(SITES)})
    if company.get("deletedFlag") and not (old or {}).get("deletedFlag"):
        company |= {"dateDeleted": desk.now, "deletedBy": desk.member}
    elif not company.get("deletedFlag"):
        company |= {"dateDeleted": None, "deletedBy": None}


def after_company(desk: Desk, company: Stored, old: Stored | None, given: Collection[str]) -> None:
    """A new company gets a site named Main with its address."""
    number = (company.get("site") or {}).get("id")
    if old is not None or number is None or desk.tenant.newest(SITES, number) is not None:
        return
    site = {"id": number, "name": "Main", "company": {"id": company["id"]}, "mobileGuid": desk.guid()}
    site |= {
        name: company[name] for name in ("addressLine1", "addressLine2", "city", "zip", "country") if company.get(name)
    }
    site |= {"primaryAddressFlag": True, "defaultShippingFlag": True, "defaultBillingFlag": True}
    site |= {"defaultMailingFlag": True, "inactiveFlag": False, "billSeparateFlag": False}
    desk.write(SITES, site, None)


def complete_configuration(desk: Desk, record: Stored, old: Stored | None, given: Collection[str]) -> None:
    """The default status; the site follows the company."""
    record.setdefault("status", desk.default("company/configurations/statuses"))
    follow_company(desk, record, old, given)


def follow_company(desk: Desk, record: Stored, old: Stored | None, given: Collection[str]) -> None:
    """A site that was not named is the main one of the company."""
    moved = old is not None and record.get("company") != old.get("company")
    if "site" not in given and (moved or "site" not in record):
        record["site"] = _main_site(desk, record.get("company"))


def complete_note(desk: Desk, note: Stored, old: Stored | None, given: Collection[str]) -> None:
    """Who wrote it, and the type it has when none is named."""
    note.setdefault("enteredBy", desk.member)
    note.setdefault("type", desk.default("company/noteTypes"))


def _type_problems(desk: Desk, path: str, member: str, numbers: Iterable[Any]) -> list[Problem]:
    known = all(isinstance(number, int) and desk.tenant.newest(path, number) is not None for number in numbers)
    return [] if known else [Problem("InvalidReference", f"The {member} reference is invalid.", member)]


def _main_site(desk: Desk, company: Stored | None) -> Stored | None:
    found = desk.record(COMPANIES, company)
    return found.get("site") if found else None
