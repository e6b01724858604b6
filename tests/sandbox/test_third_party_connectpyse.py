"""Does connectpyse, a client nobody here wrote, find a ConnectWise in the sandbox? Over http."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from tests.sandbox.served import served, third_party

from tidings.sandbox import CLIENT_ID, Account, Running, SandboxConfig

connectpyse = third_party("connectpyse")
contacts_api = third_party("connectpyse.company.contacts_api")
companies_api = third_party("connectpyse.company.companies_api")
tickets_api = third_party("connectpyse.service.tickets_api")
notes_api = third_party("connectpyse.service.ticket_notes_api")
ApiError = third_party("connectpyse.restapi").ApiError

CONTACTS = 260


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with served(SandboxConfig(contacts=CONTACTS, companies=30, tickets=60)) as sandbox:
        yield sandbox


@pytest.fixture
def connect(running: Running, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a controller of the client, signed in."""
    monkeypatch.setenv("NO_PROXY", "*")
    account = Account()
    keys = f"{account.company}+{account.public_key}:{account.private_key}"
    auth = {"Authorization": "Basic " + base64.b64encode(keys.encode()).decode(), "clientId": CLIENT_ID}

    def controller(kind: Any, **members: Any) -> Any:
        made = kind(url=running.api, auth=auth)
        for name, value in members.items():
            setattr(made, name, value)
        return made

    return controller


@pytest.fixture
def contacts(connect: Any) -> Any:
    def controller(**members: Any) -> Any:
        return connect(contacts_api.ContactsAPI, **members)

    return controller


def test_a_missing_client_is_skipped_but_fails_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        third_party("a_client_that_does_not_exist")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        third_party("a_client_that_does_not_exist")


def ids(records: Any) -> list[int]:
    return [record.id for record in records]


def test_a_list_without_parameters_is_the_first_twenty_five(contacts):
    found = ids(contacts().get_contacts())
    assert len(found) == 25
    assert found == sorted(found)


def test_pages_add_up_to_the_count_without_a_repeat(contacts):
    seen: list[int] = []
    for page in range(1, 9):
        seen += ids(contacts(page=page, pageSize=40, orderBy="id asc").get_contacts())
    assert len(seen) == len(set(seen)) == contacts().get_contacts_count() == CONTACTS
    assert ids(contacts(page=9, pageSize=40).get_contacts()) == []


def test_conditions_child_conditions_and_fields_reach_the_server(contacts):
    first = next(contacts().get_contacts())
    name = first.lastName
    by_name = list(contacts(conditions=f'lastName="{name.upper()}" and id>={first.id}', pageSize=1000).get_contacts())
    assert first.id in ids(by_name)
    assert {contact.lastName for contact in by_name} == {name}
    address = first.communicationItems[0]["value"]
    found = contacts(childconditions=f'communicationItems/value like "{address}"', fields="id,company/name")
    [only] = [contact for contact in found.get_contacts() if contact.id == first.id]
    assert only.company["name"] == first.company["name"]
    assert only.firstName is None


def test_custom_field_conditions_and_their_count_agree(contacts):
    wanted = contacts(customfieldconditions='caption="is_synced" AND value="true"', pageSize=1000)
    found = list(wanted.get_contacts())
    assert 0 < len(found) == wanted.get_contacts_count() < CONTACTS
    for contact in found:
        assert {field["caption"]: field["value"] for field in contact.customFields}["is_synced"] == "true"


def test_a_page_in_reverse_order_begins_with_the_last(contacts):
    last = ids(contacts(orderBy="id desc", pageSize=3).get_contacts())
    assert last == sorted(ids(contacts(pageSize=1000).get_contacts()))[:-4:-1]


def test_a_filter_the_server_does_not_understand_raises(contacts):
    with pytest.raises(ApiError, match="shoeSize is not a recognized name"):
        list(contacts(conditions="shoeSize=44").get_contacts())


def test_one_contact_is_read_by_id_and_one_that_is_not_there_raises(contacts):
    first = next(contacts().get_contacts())
    assert contacts().get_contact_by_id(first.id).firstName == first.firstName
    with pytest.raises(ApiError, match="404"):
        contacts().get_contact_by_id(999_999)


def test_wrong_keys_are_refused(running, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    auth = {"Authorization": "Basic " + base64.b64encode(b"acme+a:b").decode(), "clientId": CLIENT_ID}
    stranger = contacts_api.ContactsAPI(url=running.api, auth=auth)
    with pytest.raises(ApiError, match="401"):
        list(stranger.get_contacts())


def test_a_contact_lives_from_create_through_patch_to_delete(contacts):
    before = contacts().get_contacts_count()
    made = contacts().create_contact(contacts_api.contact.Contact({"firstName": "Ada", "lastName": "Byron"}))
    assert made.id == max(ids(contacts(pageSize=1000).get_contacts()))
    changed = contacts().update_contact(made.id, "lastName", "Lovelace")
    assert (changed.firstName, changed.lastName) == ("Ada", "Lovelace")
    contacts().update_contact_multiple_keys(made.id, {"title": "Countess", "nickName": "AAL"})
    again = contacts().get_contact_by_id(made.id)
    assert (again.title, again.nickName, again.lastName) == ("Countess", "AAL", "Lovelace")
    assert contacts().get_contacts_count() == before + 1
    contacts().delete_contact_by_id(made.id)
    assert contacts().get_contacts_count() == before
    with pytest.raises(ApiError, match="404"):
        contacts().delete_contact_by_id(made.id)


def test_a_contact_without_a_first_name_is_refused_by_name(contacts):
    with pytest.raises(ApiError, match="The firstName field is required"):
        contacts().create_contact(contacts_api.contact.Contact({"lastName": "Nobody"}))


def test_what_was_just_changed_is_found_by_its_stamp(contacts):
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    first = next(contacts(orderBy="lastUpdated asc").get_contacts())
    assert first._info["lastUpdated"] < since
    assert ids(contacts(conditions=f"lastUpdated>=[{since}] and id={first.id}").get_contacts()) == []
    contacts().update_contact(first.id, "title", "Changed")
    assert ids(contacts(conditions=f"lastUpdated>=[{since}] and id={first.id}").get_contacts()) == [first.id]
    assert ids(contacts(orderBy="lastUpdated desc", pageSize=1).get_contacts()) == [first.id]


def test_a_deleted_company_stays_with_its_flag(connect):
    companies = connect(companies_api.CompaniesAPI)
    made = companies.create_company(
        companies_api.company.Company({"identifier": "Zenith", "name": "Zenith Ltd.", "city": "Tampa"})
    )
    companies.delete_company_by_id(made.id)
    assert companies.get_company_by_id(made.id).deletedFlag is True


def test_a_ticket_is_made_gets_a_note_and_is_closed(connect):
    tickets = connect(tickets_api.TicketsAPI)
    other = next(tickets.get_tickets())
    made = tickets.create_ticket(
        tickets_api.ticket.Ticket(
            {"summary": "Printer on fire", "company": {"id": other.company["id"]}, "board": {"id": 1}}
        )
    )
    assert (made.status["name"], made.closedFlag) == ("New", False)
    notes = connect(partial(notes_api.TicketNotesAPI, made.id))
    note = notes.create_ticket_note(
        notes_api.ticket_note.TicketNote({"text": "Line one\r\nline two", "detailDescriptionFlag": True})
    )
    assert [each.text for each in notes.get_ticket_notes()] == ["Line one\r\nline two"]
    assert notes.get_ticket_note_by_id(note.id).ticketId == made.id
    closed = tickets.update_ticket(made.id, "status", {"name": "Closed"})
    assert (closed.closedFlag, closed.closedBy) == (True, "apiuser")
    tickets.delete_ticket_by_id(made.id)
    with pytest.raises(ApiError, match=f"Ticket {made.id} not found"):
        tickets.get_ticket_by_id(made.id)
