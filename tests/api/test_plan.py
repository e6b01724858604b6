"""Lanes follow from the configuration, generations from what records are compared under."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from tidings.core.errors import InvalidInput
from tidings.core.instanceconfig import Configuration
from tidings.core.model import LanePlan
from tidings.core.plan import plan
from tidings.elements.describe import catalog

ELEMENT = catalog()["connectwisecrmrest"]
CONTACTS: dict[str, Any] = {
    "url": "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
    "idField": "id",
}


def _plan(*, disabled: bool = False, polling: object = None, **values: str) -> LanePlan:
    given = {"event.notification.enabled": "true"} | {key.replace("_", "."): value for key, value in values.items()}
    if polling is not None:
        given["event.poller.configuration"] = orjson.dumps(polling).decode()
    return plan(Configuration(given), ELEMENT, disabled=disabled)


def _generation(**entry: Any) -> str:
    return _plan(polling={"contacts": CONTACTS | entry}).generations["contacts"]


def test_the_elements_own_resources_are_polled_when_none_are_named() -> None:
    assert list(_plan().resources) == ["contacts", "incidents", "organizations"]


def test_nothing_is_polled_or_delivered_while_events_are_off_or_the_instance_is_disabled() -> None:
    url = "https://app.example/h"
    assert _plan(event_notification_callback_url=url).callback_url == url
    assert _plan(disabled=True, event_notification_callback_url=url) == LanePlan()
    assert _plan(event_notification_enabled="false", event_notification_callback_url=url) == LanePlan()


def test_a_selection_names_the_resources() -> None:
    assert list(_plan(event_objects="incidents,contacts").resources) == ["incidents", "contacts"]
    assert list(_plan(event_poller_urls="contacts|incidents").resources) == ["contacts", "incidents"]


def test_an_unchanged_configuration_keeps_its_generation() -> None:
    assert _generation() == _generation()


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "/hubs/crm/contacts?fields=id"},
        {"url": CONTACTS["url"] + " and inactiveFlag=false"},
        {"idField": "code"},
    ],
)
def test_what_records_are_compared_under_makes_a_new_generation(entry: dict[str, str]) -> None:
    assert _generation(**entry) != _generation()


def test_null_filter_and_element_version_make_a_new_generation() -> None:
    plain = _plan().generations["contacts"]
    filtered = plan(
        Configuration({"event.notification.enabled": "true", "filter.response.nulls": "false"}), ELEMENT, disabled=False
    )
    newer = plan(Configuration({"event.notification.enabled": "true"}), replace(ELEMENT, version=99), disabled=False)
    assert len({plain, filtered.generations["contacts"], newer.generations["contacts"]}) == 3


@pytest.mark.parametrize(
    "entry", [{"pageSize": 7}, {"pollDelay": 30}, {"sweepInterval": 5}, {"createdCheckTolerance": 2}]
)
def test_when_and_how_we_look_does_not(entry: dict[str, int]) -> None:
    assert _generation(**entry) == _generation()


def test_a_resource_the_element_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        _plan(polling={"moons": CONTACTS | {"url": "/hubs/crm/moons"}})
    assert refused.value.field == "configuration.event.poller.configuration.moons.url"
