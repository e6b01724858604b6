"""Is a seeded tenant realistic, unpleasant where the real one is, and the same every time?"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.sandbox.seed import seed
from tidings.sandbox.seed_plan import Plan

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTACTS, COMPANIES, TICKETS = "company/contacts", "company/companies", "service/tickets"
STATUSES = "service/boards/{}/statuses"
SITES = "company/companies/{}/sites"

# member of a record -> the resource it refers to
REFERENCES = {
    "company": COMPANIES,
    "billToCompany": COMPANIES,
    "defaultContact": CONTACTS,
    "contact": CONTACTS,
    "site": SITES,
    "board": "service/boards",
    "owner": "system/members",
    "member": "system/members",
    "primarySalesRep": "system/members",
    "priority": "service/priorities",
    "source": "service/sources",
    "workRole": "time/workRoles",
    "workType": "time/workTypes",
    "ticket": TICKETS,
    "country": "company/countries",
    "location": "system/locations",
    "territory": "system/locations",
    "department": "system/departments",
    "stage": "sales/stages",
}
STATUS_OF = {
    COMPANIES: "company/companies/statuses",
    TICKETS: STATUSES,
    "sales/opportunities": "sales/opportunities/statuses",
    "company/configurations": "company/configurations/statuses",
    "schedule/entries": "schedule/statuses",
}
TYPE_OF = {
    "sales/opportunities": "sales/opportunities/types",
    "company/configurations": "company/configurations/types",
    "schedule/entries": "schedule/types",
}


@pytest.fixture(scope="module")
def tenant() -> dict[str, list[dict[str, Any]]]:
    data = seed(7, contacts=6000, companies=300, tickets=6000, now=NOW)
    return {path: list(data[path]) for path in data}


def by_id(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in rows}


def test_every_reference_leads_to_a_record(tenant):
    ids = {path: by_id(rows).keys() for path, rows in tenant.items()}
    for path, rows in tenant.items():
        targets = {**REFERENCES, "status": STATUS_OF.get(path), "type": TYPE_OF.get(path)}
        for row in rows:
            for member, value in row.items():
                if isinstance(value, dict) and member != "_info":
                    assert value.keys() == {"id"}
                    assert value["id"] in ids[targets[member] or "?"], (path, member, value)
            assert all(kind["id"] in ids[path + "/types"] for kind in row.get("types", ()))
            for item in row.get("communicationItems", ()):
                assert item["type"]["id"] in ids["company/communicationTypes"]
    for note in tenant["service/tickets/{}/notes"]:
        assert note["ticketId"] in ids[TICKETS]
        assert ("contact" in note) is not ("member" in note)


def test_what_belongs_together_agrees(tenant):
    contacts, sites, statuses = by_id(tenant[CONTACTS]), by_id(tenant[SITES]), by_id(tenant[STATUSES])
    for company in tenant[COMPANIES]:
        assert sites[company["site"]["id"]]["company"] == {"id": company["id"]}
        if "defaultContact" in company:
            assert contacts[company["defaultContact"]["id"]]["company"] == {"id": company["id"]}
            assert contacts[company["defaultContact"]["id"]]["defaultFlag"]
    for contact in tenant[CONTACTS]:
        if "company" in contact:
            assert sites[contact["site"]["id"]]["company"] == contact["company"]
    for ticket in tenant[TICKETS]:
        status = statuses[ticket["status"]["id"]]
        assert status["board"] == ticket["board"]
        assert status["closedStatus"] is ticket["closedFlag"] is ("closedDate" in ticket)
        if "contact" in ticket:
            contact = contacts[ticket["contact"]["id"]]
            assert contact["company"] == ticket["company"]
            assert ticket["contactName"] == " ".join(filter(None, (contact["firstName"], contact.get("lastName"))))
            assert ticket["contactEmailAddress"] == contact["communicationItems"][0]["value"]


def test_a_contact_has_one_default_of_each_kind_and_its_phone_in_front(tenant):
    numbers: set[int] = set()
    for contact in tenant[CONTACTS]:
        items = contact["communicationItems"]
        defaults = Counter(item["communicationType"] for item in items if item["defaultFlag"])
        assert set(defaults.values()) == {1}
        assert [item["value"] for item in items if item["communicationType"] == "Phone"] == [contact["defaultPhoneNbr"]]
        assert all(item["value"].endswith(item["domain"]) for item in items if "domain" in item)
        numbers.update(item["id"] for item in items)
    assert len(numbers) == sum(len(contact["communicationItems"]) for contact in tenant[CONTACTS])


def test_ids_ascend_and_company_identifiers_are_unique_and_short(tenant):
    for rows in tenant.values():
        numbers = [row["id"] for row in rows]
        assert numbers == sorted(set(numbers))
    plan = Plan.of(3, 0, 100_000, 0, NOW)
    names = {"".join(plan.company_name(n)).lower() for n in range(100_000)}
    assert len(names) == 100_000
    assert max(map(len, names)) <= 25


def test_stamps_lie_in_past_years_and_never_in_the_last_hour(tenant):
    floor, ceiling = "2018-01-01T00:00:00Z", (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for path, rows in tenant.items():
        for info in (row["_info"] for row in rows if path != "system/userDefinedFields"):
            assert list(info)[:2] == ["lastUpdated", "updatedBy"]
            assert floor < info.get("dateEntered", info["lastUpdated"]) <= info["lastUpdated"] < ceiling
    assert len({contact["_info"]["lastUpdated"][:4] for contact in tenant[CONTACTS]}) >= 8


def test_statuses_repeat_on_several_boards_and_some_only_look_closed(tenant):
    names = Counter(status["name"].strip().lower() for status in tenant[STATUSES])
    assert names["in progress"] == 3
    assert any(status["name"] != status["name"].strip() for status in tenant[STATUSES])
    assert {"Completed", "Resolved"} <= {s["name"].strip() for s in tenant[STATUSES] if not s["closedStatus"]}
    for board in tenant["service/boards"]:
        assert sum(s["defaultFlag"] for s in tenant[STATUSES] if s["board"]["id"] == board["id"]) == 1


def test_the_unpleasant_cases_are_there_at_a_small_rate(tenant):
    left = {member["id"] for member in tenant["system/members"] if member["inactiveFlag"]}
    rates = {
        "without company": (CONTACTS, lambda row: "company" not in row),
        "zero-width in a title": (CONTACTS, lambda row: "\u200b" in row["title"]),
        "zero-width in a name": (COMPANIES, lambda row: "\u200b" in row["name"]),
        "flagged as deleted": (COMPANIES, lambda row: row["deletedFlag"] and "dateDeleted" in row),
        "bare": (COMPANIES, lambda row: "addressLine1" not in row and "phoneNumber" not in row),
        "owner has left": (TICKETS, lambda row: row["owner"]["id"] in left),
        "zero-width in a summary": (TICKETS, lambda row: "\u200b" in row["summary"]),
        "NUL in a summary": (TICKETS, lambda row: "\x00" in row["summary"]),
        "too long a copy list": (TICKETS, lambda row: len(row.get("automaticEmailCc", "")) > 1000),
        "CRLF in a note": ("service/tickets/{}/notes", lambda row: "\r\n" in row["text"]),
    }
    for name, (path, is_it) in rates.items():
        part = sum(map(is_it, tenant[path])) / len(tenant[path])
        assert 0 < part < 0.15, (name, part)


def test_deleted_companies_are_nobodys(tenant):
    deleted = {company["id"] for company in tenant[COMPANIES] if company["deletedFlag"]}
    for path in (CONTACTS, TICKETS, "company/configurations", "sales/opportunities"):
        assert not any(row.get("company", {}).get("id") in deleted for row in tenant[path])


def test_texts_keep_to_their_length(tenant):
    longest = {
        "firstName": 30,
        "lastName": 30,
        "summary": 100,
        "name": 100,
        "contactName": 62,
        "contactPhoneNumber": 20,
    }
    for rows in tenant.values():
        for row in rows:
            assert all(len(row.get(member, "")) <= most for member, most in longest.items())
    assert all(len(company["name"]) <= 50 for company in tenant[COMPANIES])
    assert all(len(member["identifier"]) <= 15 for member in tenant["system/members"])
    assert all(len(field["caption"]) <= 25 for field in tenant["system/userDefinedFields"])


def test_custom_fields_have_definitions_and_values(tenant):
    definitions = by_id(tenant["system/userDefinedFields"])
    values = [field for contact in tenant[CONTACTS] for field in contact.get("customFields", ())]
    assert {field["id"] for field in values} == definitions.keys()
    assert all(field["value"] is not None for field in values)


def test_the_same_seed_gives_the_same_records_and_another_seed_others():
    one, two, other = (seed(n, 50, 20, 40, NOW) for n in (1, 1, 2))
    assert list(one) == list(two)
    for path in one:
        assert list(one[path]) == list(two[path]) == list(one[path])
    assert list(one[CONTACTS]) != list(other[CONTACTS])
    assert next(one[CONTACTS])["id"] != next(other[CONTACTS])["id"]


def test_a_million_contacts_are_not_made_before_they_are_asked_for():
    first = list(islice(seed(1, 1_000_000, 50_000, 0, NOW)[CONTACTS], 3))
    assert [row["id"] - first[0]["id"] for row in first] == [0, 1, 2]


@settings(max_examples=30, deadline=None)
@given(st.integers(-(2**70), 2**70), st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
def test_any_size_is_consistent(number, contacts, companies, tickets):
    data = seed(number, contacts, companies, tickets, NOW)
    known = {path: {row["id"] for row in data[path]} for path in data}
    assert [len(known[path]) for path in (CONTACTS, COMPANIES, TICKETS)] == [contacts, companies, tickets]
    for path in (CONTACTS, COMPANIES, TICKETS, "sales/opportunities", "company/configurations", "time/entries"):
        for row in data[path]:
            for member, target in (("company", COMPANIES), ("contact", CONTACTS), ("defaultContact", CONTACTS)):
                assert member not in row or row[member]["id"] in known[target]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, -1, 0, 0, NOW), "contacts is -1; give 0 or more."),
        ((1, 0, 0, 5, NOW), "companies is 0 but tickets is 5"),
        ((1, 1, 1, 1, datetime(2026, 1, 1)), "without a zone"),
    ],
)
def test_impossible_sizes_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        seed(*arguments)
