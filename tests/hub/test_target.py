"""Which records a hub path leads to."""

from __future__ import annotations

import pytest

from tidings.elements.describe import catalog
from tidings.hub.target import Target, find

ELEMENT = catalog()["connectwisecrmrest"]
RECORD = "DELETE GET PATCH PUT"


def target(path: str) -> Target:
    found = find(ELEMENT, path)
    assert found is not None, path
    return found


@pytest.mark.parametrize(
    ("path", "leads_to", "ids", "methods"),
    [
        ("contacts", "/company/contacts", (), "GET POST"),
        ("contacts/57", "/company/contacts/57", (57,), RECORD),
        ("organizations", "/company/companies", (), "GET POST"),
        ("organizations/5", "/company/companies/5", (5,), RECORD),
        ("incidents", "/service/tickets", (), "GET POST"),
        ("incidents/7", "/service/tickets/7", (7,), RECORD),
        ("incidents/7/comments", "/service/tickets/7/notes", (7,), "GET POST"),
        ("incidents/7/comments/3", "/service/tickets/7/notes/3", (7, 3), RECORD),
        ("incidents/7/time-entries", "/service/tickets/7/timeentries", (7,), "GET"),
        ("incidents/7/members", "/schedule/entries", (7,), "POST"),
        ("incidents/7/configurations", "/service/tickets/7/configurations", (7,), "GET PUT"),
        ("incidents/7/configurations/2", "/service/tickets/7/configurations/2", (7, 2), "DELETE GET"),
        ("configurations", "/company/configurations", (), "GET POST"),
        ("configurations/2", "/company/configurations/2", (2,), RECORD),
        ("fields/4", "/system/userDefinedFields/4", (4,), RECORD),
        ("time-entries/6", "/time/entries/6", (6,), RECORD),
        ("opportunities/8", "/sales/opportunities/8", (8,), RECORD),
    ],
)
def test_a_named_object_leads_to_the_providers(path: str, leads_to: str, ids: tuple[int, ...], methods: str) -> None:
    for written in (path, f"/{path}/", f"hubs/crm/{path}", f"/hubs/crap/{path}"):
        found = target(written)
        assert (found.provider_path, found.ids, found.generic) == (leads_to, ids, False)
        assert " ".join(found.methods) == methods


@pytest.mark.parametrize(
    ("path", "leads_to", "ids", "is_one"),
    [
        ("finance/agreements", "/finance/agreements", (), False),
        ("finance/agreements/7", "/finance/agreements/7", (7,), True),
        ("finance/agreements/7/additions", "/finance/agreements/7/additions", (7,), False),
        ("finance/agreements/7/additions/8", "/finance/agreements/7/additions/8", (7, 8), True),
        ("company/contacts/types", "/company/contacts/types", (), False),
        ("system/info", "/system/info", (), False),
        ("contacts/57/communications", "/company/contacts/57/communications", (57,), False),
        ("contacts/57/communications/9", "/company/contacts/57/communications/9", (57, 9), True),
        ("organizations/5/sites", "/company/companies/5/sites", (5,), False),
    ],
)
def test_anything_else_is_found_by_the_providers_path_or_below_a_record(
    path: str, leads_to: str, ids: tuple[int, ...], is_one: bool
) -> None:
    found = target(f"hubs/crm/{path}")
    assert (found.provider_path, found.ids, found.is_one, found.generic) == (leads_to, ids, is_one, True)
    assert " ".join(found.methods) == (RECORD if is_one else "GET POST")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "hubs", "hubs/crm", "hubs/crm/", "nothing", "contact", "Contacts/..", "contacts/..", "contacts/."),
        *("contacts//7", "contacts/7/a b", "contacts/7/x/y", "nothing/7", "finance", "finance/7", "contacts/7\n"),
        *("contacts/\0", "contacts/" + 129 * "7", "incidents/a b/comments", "contacts/7/communications/9/x"),
    ],
)
def test_what_the_element_does_not_have_leads_nowhere(path: str) -> None:
    assert find(ELEMENT, path) is None


def test_an_id_is_one_segment_whatever_is_in_it() -> None:
    assert target("contacts/a b?c#d").provider_path == "/company/contacts/a%20b%3Fc%23d"


def test_a_method_asks_for_a_verb_of_the_resource() -> None:
    assert target("contacts").verb("GET") == "list"
    assert target("contacts/7").verb("PATCH") == "update"
    assert target("contacts").verb("DELETE") is None
    assert target("incidents/7/configurations").verb("PUT") == "attach"
    assert target("incidents/7/time-entries").verb("POST") is None
