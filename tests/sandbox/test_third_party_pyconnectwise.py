"""Does pyconnectwise, a client nobody here wrote, find a ConnectWise in the sandbox? Over https with our own CA."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.sandbox.served import served, third_party

from tidings.sandbox import CLIENT_ID, Account, Running, SandboxConfig

pyconnectwise = third_party("pyconnectwise")
exceptions = third_party("pyconnectwise.exceptions")

CONTACTS = 2345


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def running(authority: trustme.CA) -> Iterator[Running]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    with served(SandboxConfig(contacts=CONTACTS, companies=100, tickets=80), tls) as sandbox:
        yield sandbox


@pytest.fixture
def client(running: Running, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    account = Account()
    return pyconnectwise.ConnectWiseManageAPIClient(
        account.company, f"localhost:{running.port}", CLIENT_ID, account.public_key, account.private_key
    )


def test_the_codebase_is_discovered(client):
    assert client.codebase == "v2025_1/"


def test_an_unknown_company_has_null_for_a_codebase(client):
    # The client looks into the null.
    with pytest.raises(AttributeError, match="NoneType"):
        pyconnectwise.ConnectWiseManageAPIClient("nobody", client.manage_url, CLIENT_ID, "a", "b")


def test_system_info_answers(client):
    info = client.system.info.get()
    assert info.is_cloud is True
    assert info.version.startswith("v2025.1")


def test_all_pages_hold_every_contact_once(client):
    found = [contact.id for contact in client.company.contacts.paginated(1, 1000).all()]
    assert len(found) == len(set(found)) == CONTACTS == client.company.contacts.count.get().count
    assert found == sorted(found)


def test_conditions_survive_paging(client):
    wanted = {"conditions": 'inactiveFlag=True and title contains "manager"', "orderBy": "id desc"}
    found = list(client.company.contacts.paginated(1, 10, wanted).all())
    assert len(found) == client.company.contacts.count.get(params=wanted).count > 20
    assert all(contact.inactive_flag and "manager" in contact.title.lower() for contact in found)
    assert [contact.id for contact in found] == sorted((contact.id for contact in found), reverse=True)


def test_child_conditions_and_custom_field_conditions_reach_the_server(client):
    [first] = client.company.contacts.get(
        params={"pageSize": 1, "customFieldConditions": 'caption="crm_contact_id" and value!=null'}
    )
    number = next(field.value for field in first.custom_fields if field.caption == "crm_contact_id")
    params = {
        "customFieldConditions": f'caption="crm_contact_id" and value={number}',
        "childConditions": f'communicationItems/value="{first.communication_items[0].value}"',
    }
    assert [contact.id for contact in client.company.contacts.get(params=params)] == [first.id]


def test_every_seeded_type_fits_the_models_of_the_client(client):
    assert len(client.company.companies.get(params={"pageSize": 1000})) == 100
    assert len(client.service.tickets.get(params={"pageSize": 1000})) == 80
    assert client.company.configurations.get()
    assert client.sales.opportunities.get()
    assert client.schedule.entries.get()
    assert client.time.entries.get()
    assert client.system.user_defined_fields.get()
    board = client.service.boards.get()[0]
    assert client.service.boards.id(board.id).statuses.get()
    assert client.company.communication_types.get()


def test_a_contact_lives_from_create_through_patch_and_put_to_delete(client):
    contacts = client.company.contacts
    made = contacts.post(
        {
            "firstName": "Grace",
            "communicationItems": [{"type": {"id": "1"}, "value": "grace@navy.example", "defaultFlag": True}],
        }
    )
    assert made.id > 0
    items = contacts.id(made.id).communications.get()
    assert [(item.value, item.communication_type, item.default_flag) for item in items] == [
        ("grace@navy.example", "Email", True)
    ]
    patched = contacts.id(made.id).patch([{"op": "replace", "path": "lastName", "value": "Hopper"}])
    assert (patched.first_name, patched.last_name) == ("Grace", "Hopper")
    replaced = contacts.id(made.id).put({"firstName": "Grace", "title": "Rear Admiral"})
    assert (replaced.last_name, replaced.title) == (None, "Rear Admiral")
    contacts.id(made.id).delete()
    with pytest.raises(exceptions.NotFoundException):
        contacts.id(made.id).get()


def test_what_was_just_made_is_found_by_its_stamp(client):
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = client.company.contacts.post({"firstName": "Katherine"})
    found = client.company.contacts.get(params={"conditions": f"lastUpdated>=[{since}] and id={made.id}"})
    assert [contact.first_name for contact in found] == ["Katherine"]


def test_a_company_that_exists_is_refused_by_name(client):
    first = client.company.companies.get()[0]
    with pytest.raises(exceptions.ObjectExistsError, match="identifier"):
        client.company.companies.post({"identifier": first.identifier, "name": "Copy", "city": "Tampa"})


def test_a_filter_the_server_does_not_understand_is_a_malformed_request(client):
    with pytest.raises(exceptions.MalformedRequestException) as refused:
        client.company.contacts.get(params={"conditions": "shoeSize=44"})
    assert refused.value.response.json()["message"] == "shoeSize is not a recognized name."


def test_wrong_keys_are_refused(client):
    client.private_key = "wrong"
    with pytest.raises(exceptions.AuthenticationFailedException):
        client.company.contacts.get()


def test_a_ticket_gets_a_note_and_leaves_an_audit_trail(client):
    company = client.company.companies.get()[0]
    ticket = client.service.tickets.post(
        {"summary": "Nothing prints", "company": {"id": company.id}, "initialDescription": "since Monday"}
    )
    notes = client.service.tickets.id(ticket.id).notes
    assert [note.text for note in notes.get()] == ["since Monday"]
    notes.post({"text": "Looked at it", "internalAnalysisFlag": True})
    assert notes.count.get().count == 2
    trail = client.system.audittrail.get(params={"type": "Ticket", "id": ticket.id})
    assert trail[-1].text == f"Ticket {ticket.id} has been created."


def test_a_callback_is_registered_listed_and_removed(client):
    callbacks = client.system.callbacks
    made = callbacks.post(
        {"url": "https://receiver.example/?recordId=", "objectId": 0, "type": "contact", "level": "owner"}
    )
    assert made.object_id == 1
    assert [each.id for each in callbacks.get(params={"conditions": 'url contains "receiver.example"'})] == [made.id]
    callbacks.id(made.id).delete()
    assert callbacks.get() == []
