"""Every element of the catalog keeps the same promises; ConnectWise's figures stand here one by one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tidings.core.ceql import parse
from tidings.core.conditions import translate
from tidings.core.diff import volatile
from tidings.elements.describe import CATALOG, Element, ElementFileError, catalog, read_element
from tidings.elements.heads import HeadReader
from tidings.elements.pages import Paging, turn
from tidings.elements.view import describe

every_element = pytest.mark.parametrize("element", catalog().values(), ids=lambda element: element.key)


def connectwise() -> Element:
    return catalog()["connectwisecrmrest"]


def test_every_folder_of_the_catalog_is_an_element() -> None:
    folders = {path.name for path in CATALOG.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders == set(catalog()) != set()


@every_element
def test_an_element_says_how_to_get_its_keys(element: Element) -> None:
    for entry in element.configuration:
        if entry.required:
            assert f"`{entry.key}`" in element.readme


@every_element
def test_every_default_can_be_parsed_as_what_it_stands_for(element: Element) -> None:
    for entry in element.configuration:
        if entry.default is None:
            continue
        if entry.type == "BOOLEAN":
            assert entry.default in ("true", "false")
        if entry.type == "COMBO":
            assert entry.default in [option.value for option in entry.options]
        if entry.key.startswith("event.poller.") and entry.key.endswith(("interval", "window", "overlap")):
            assert float(entry.default) > 0
        if entry.key == "event.poller.configuration":
            assert isinstance(json.loads(entry.default), dict)


@every_element
def test_what_is_polled_by_default_is_a_resource_with_that_id_and_stamp(element: Element) -> None:
    for name, polled in element.polling.items():
        path = re.sub(r"^/hubs/\w+/|\?.*$", "", polled["url"])
        resource = element.resource(path)
        assert path == name
        assert resource is not None
        assert polled["idField"] == resource.id
        assert polled["datesConfiguration"]["updatedDateField"] == resource.stamp


@every_element
def test_secrets_are_never_shown_by_default(element: Element) -> None:
    for entry in element.configuration:
        assert not (entry.secret and entry.default)
        assert entry.secret or entry.type != "PASSWORD"


@every_element
def test_the_api_shows_an_element_as_json(element: Element) -> None:
    whole = json.loads(json.dumps(describe(element)))
    assert len({entry["id"] for entry in whole["configuration"]}) == len(whole["configuration"])
    assert len({entry["id"] for entry in whole["resources"]}) == len(whole["resources"]) > 0
    for entry in whole["configuration"]:
        assert entry["defaultValue"] is None or isinstance(entry["defaultValue"], str)
    assert {"name", "key", "description", "authentication", "configuration"} <= set(whole)
    short = element.abridged()
    assert short["resources"] == short["parameters"] == []
    assert "configuration" not in short


@every_element
def test_every_resource_can_be_read_and_ends(element: Element) -> None:
    for resource in element.resources:
        reader = HeadReader(resource.id_path, resource.stamp_path, resource.created_path, resource.deleted_path)
        assert len(reader.read(b"[]")) == 0
        volatile(resource.volatile)
        assert turn(resource.paging, position=None, empty=True, link=None, edges=lambda: (0, 0)).ended
        assert bool(resource.stamp) == bool(resource.stamp_condition)


def test_connectwise_is_who_it_was() -> None:
    element = connectwise()
    assert (element.id, element.key, element.name) == (3012, "connectwisecrmrest", "Connectwise CRM REST Beta")
    assert (element.hub, element.image) == ("crm", "elements/provider_connectwise.png")
    assert element.authentication.type == "custom"
    assert {key for key in ("contacts", "organizations", "incidents") if key in element.description}


def test_the_default_poller_configuration_of_contacts_is_the_platforms_text() -> None:
    text = connectwise().entry("event.poller.configuration")
    assert text is not None
    assert text.default is not None
    assert list(json.loads(text.default)) == ["contacts", "incidents", "organizations"]
    contacts = (
        """{"contacts":{"url":"/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'","idField":"id","""
        """"datesConfiguration":{"updatedDateField":"_info.lastUpdated","updatedDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","""
        """"updatedDateTimezone":"GMT","createdDateField":"_info.lastUpdated","createdDateFormat":"yyyy-MM-dd'T'HH:mm:ss'Z'","""
        """"createdDateTimezone":"GMT"}}"""
    )
    assert text.default.startswith(contacts)


def test_the_other_default_entries_differ_from_contacts_by_name_only() -> None:
    polling = connectwise().polling
    as_contacts = json.dumps(polling["contacts"])
    for name in ("incidents", "organizations"):
        assert json.dumps(polling[name]) == as_contacts.replace("contacts", name)


@pytest.mark.parametrize(
    ("key", "name", "default", "required", "secret"),
    [
        ("baseUrl", "ConnectWise URL", None, True, False),
        ("company", "Company", None, True, False),
        ("public.key", "Public Key", None, True, False),
        ("private.key", "Private Key", None, True, True),
        ("connectwise.clientID", "Client ID", None, False, False),
        ("filter.response.nulls", "Filter null values from the response", "true", False, False),
        ("event.notification.enabled", "Events Enabled", "false", False, False),
        ("event.notification.callback.url", "Event Notification Callback URL", None, False, False),
        ("event.notification.signature.key", "Callback Notification Signature Key", None, False, True),
        ("event.poller.refresh_interval", "Event poller refresh interval (mins)", "15", False, False),
        ("event.poller.first_run", "First Run", "silent", False, False),
        ("event.poller.overlap", "Overlap (seconds)", "120", False, False),
        ("event.poller.settle_interval", "Settle Interval (mins)", "10", False, False),
        ("event.poller.settle_window", "Settle Window (mins)", "60", False, False),
        ("event.poller.sweep_interval", "Sweep Interval (mins)", "30", False, False),
        ("event.poller.audit_interval", "Audit Interval (mins)", "10080", False, False),
        ("event.poller.touched", "Announce Touches Of", "incidents,project-tickets", False, False),
        ("event.notification.max_events", "Events per Notification", "10", False, False),
    ],
)
def test_connectwise_asks_for(key: str, name: str, default: str | None, required: bool, secret: bool) -> None:
    entry = connectwise().entry(key)
    assert entry is not None
    assert (entry.name, entry.default, entry.required, entry.secret) == (name, default, required, secret)


@pytest.mark.parametrize("key", ["CONNECTWISE.CLIENTID", "connectwise.clientId", "connectwise.clientID"])
def test_an_entry_is_found_in_any_letter_case(key: str) -> None:
    entry = connectwise().entry(key)
    assert entry is not None
    assert entry.key == "connectwise.clientID"


@pytest.mark.parametrize(
    ("path", "provider_path", "paging"),
    [
        ("contacts", "/company/contacts", Paging.FORWARD_ONLY),
        ("organizations", "/company/companies", Paging.FORWARD_ONLY),
        ("incidents", "/service/tickets", Paging.FORWARD_ONLY),
        ("/incidents/", "/service/tickets", Paging.FORWARD_ONLY),
        ("incidents/7/comments", "/service/tickets/7/notes", Paging.FORWARD_ONLY),
        ("incidents/7/time-entries", "/service/tickets/7/timeentries", Paging.PAGES),
        ("incidents/7/configurations", "/service/tickets/7/configurations", Paging.PAGES),
        ("configurations", "/company/configurations", Paging.FORWARD_ONLY),
        ("fields", "/system/userDefinedFields", Paging.FORWARD_ONLY),
        ("time-entries", "/time/entries", Paging.FORWARD_ONLY),
        ("opportunities", "/sales/opportunities", Paging.FORWARD_ONLY),
        ("finance/agreements", "/finance/agreements", Paging.PAGES),
        ("company/companies/types", "/company/companies/types", Paging.PAGES),
    ],
)
def test_a_platform_path_leads_to_the_providers(path: str, provider_path: str, paging: Paging) -> None:
    resource = connectwise().resource(path)
    assert resource is not None
    assert (resource.provider_path, resource.paging) == (provider_path, paging)
    assert resource.path == path.strip("/")
    assert resource.stamp_path in (("_info", "lastUpdated"), ())


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing",
        "contacts/7",
        "incidents/../comments",
        "incidents/a%2Fb/comments",
        "incidents/\u0663/comments",
        "finance",
        "etc/passwd",
        "finance/\u00e9",
    ],
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert connectwise().resource(path) is None


def test_fields_have_types_and_references_have_ids() -> None:
    incidents = connectwise().resource("incidents")
    assert incidents is not None
    types = incidents.field_types
    assert {name: types[name] for name in ("id", "approved", "company.id", "lastUpdated", "contactPhoneNumber")} == {
        "id": "int",
        "approved": "bool",
        "company.id": "int",
        "lastUpdated": "datetime",
        "contactPhoneNumber": "string",
    }
    assert incidents.aliases["lastUpdated"] == "_info.lastUpdated"
    assert incidents.touched == "announce"
    assert {"_info", "*/_info", "slaStatus"} <= set(incidents.volatile)


@pytest.mark.parametrize(
    ("path", "where", "conditions"),
    [
        ("contacts", "id='123'", "id = 123"),
        ("contacts", "defaultPhoneNbr='5558675309'", 'defaultPhoneNbr = "5558675309"'),
        ("organizations", "deletedFlag='false'", "deletedFlag = false"),
        ("incidents", "approved='false' and company.id=123", "approved = false and company/id = 123"),
        ("incidents", "lastUpdated>'2016-08-20T18:04:26Z'", "lastUpdated > [2016-08-20T18:04:26Z]"),
        ("incidents/7/time-entries", "notes='a' AND enteredBy='b'", 'notes = "a" and enteredBy = "b"'),
        ("finance/agreements", "lastUpdated>'2016-08-20T18:04:26Z'", "lastUpdated > [2016-08-20T18:04:26Z]"),
    ],
)
def test_what_is_searched_by_is_said_in_the_types_of_the_fields(path: str, where: str, conditions: str) -> None:
    resource = connectwise().resource(path)
    assert resource is not None
    assert translate(parse(where), resource.field_types) == conditions


def test_only_organizations_are_deleted_by_flag() -> None:
    flagged = {resource.path: resource.deleted for resource in connectwise().resources if resource.deleted}
    assert flagged == {"organizations": "deletedFlag"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the catalog's first element that may be spoilt."""
    shutil.copy(CATALOG / "events.toml", tmp_path)
    return Path(shutil.copytree(CATALOG / "connectwisecrmrest", tmp_path / "connectwisecrmrest"))


def spoil(folder: Path, old: str, new: str) -> str:
    file = folder / "element.toml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ElementFileError) as caught:
        read_element(folder)
    assert str(caught.value).startswith(str(file))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id = 3012", "id = 'x'", "Expected `int`, got `str` - at `id`"),
        ("id = 3012", "id = ", "is not TOML"),
        (
            'paging = "forward-only"',
            'paging = "backwards"',
            "Invalid enum value 'backwards' - at `resources[0].paging`",
        ),
        ('path = "organizations"', 'paht = "organizations"', "resources[1]"),
        ('path = "organizations"', 'path = "contacts"', "resource path 'contacts' stands there twice"),
        ("number = 102", "number = 101", "configuration number '101' stands there twice"),
        ("number = 102", 'number = "102"', "Expected `int`, got `str` - at `configuration[1].number`"),
        ("number = 102", "number = 1", "configuration number '1' stands there twice"),
        ('key = "company"', 'key = "PUBLIC.KEY"', "configuration key 'public.key' stands there twice"),
        ('key = "company"', 'key = "firm"', "configuration key 'company' is used but has no [[configuration]] entry"),
        ('root = "baseUrl"', 'root = "url"', "configuration key 'url' is used"),
        ('key = "connectwisecrmrest"', 'key = "other"', "key is 'other' but the folder is called 'connectwisecrmrest'"),
        ('value = "application/json"', "", "header 'Accept' needs either a value or a key"),
        ('"/service/tickets/{id}/notes"', '"/service/notes"', "different numbers of {id}"),
        ("[polling.contacts]", "[polling.people]", "polling names 'people', which is no resource"),
        ('type = "PASSWORD"', 'type = "SECRET"', "Invalid enum value 'SECRET' - at `configuration[3].type`"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(folder: Path, old: str, new: str, said: str) -> None:
    assert said in spoil(folder, old, new)


def test_an_element_may_change_a_shared_entry(folder: Path) -> None:
    shared = (folder.parent / "events.toml").read_text("utf-8").split("[[configuration]]")
    (entry,) = (each for each in shared if 'key = "event.poller.refresh_interval"' in each)
    with (folder / "element.toml").open("a", encoding="utf-8") as file:
        file.write("\n[[configuration]]" + entry.replace('"15"', '"5"'))
    element = read_element(folder)
    interval = element.entry("event.poller.refresh_interval")
    assert interval is not None
    assert interval.default == "5"
    assert len(element.configuration) == len(connectwise().configuration)


def test_without_the_shared_entries_there_is_no_element(folder: Path) -> None:
    (folder.parent / "events.toml").unlink()
    with pytest.raises(ElementFileError, match=r"events\.toml: cannot be read"):
        read_element(folder)
