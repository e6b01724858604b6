"""An instance's configuration, an entry at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import Client
from tests.api.conftest import ELEMENT, World
from tests.api.test_errors import assert_error
from tidings.core.model import LaneKind

NULLS = 3012017


def _where(world: World, made: dict[str, Any], by_token: bool) -> tuple[Client, str]:
    return (world.of(made), "/instances/configuration") if by_token else (world.client, "/instances/1/configuration")


async def _ids(client: Client, path: str) -> dict[str, int]:
    return {entry["key"]: entry["id"] for entry in (await client("GET", path)).json}


@pytest.mark.parametrize("by_token", [False, True])
async def test_every_known_key_is_listed_with_its_value(world: World, by_token: bool) -> None:
    client, path = _where(world, await world.instance(), by_token)
    listed = await client("GET", path)
    entries = {entry["key"]: entry for entry in listed.json}
    assert listed.headers["elements-returned-count"] == str(len(world.parts.catalog[ELEMENT].configuration))
    assert entries["filter.response.nulls"]["propertyValue"] == "true"
    assert entries["event.notification.enabled"]["propertyValue"] == "false"
    assert entries["event.notification.callback.url"]["propertyValue"] is None
    assert entries["private.key"]["propertyValue"] == "********"
    assert entries["company"] | {} == {
        "id": 3012102,
        "key": "company",
        "name": "Company",
        "description": entries["company"]["description"],
        "defaultValue": None,
        "propertyValue": "acme",
        "resellerConfig": False,
        "companyConfig": False,
        "active": True,
        "internal": False,
        "groupControl": False,
        "displayOrder": 2,
        "type": "TEXTFIELD_128",
        "hideFromConsole": False,
        "required": True,
    }


@pytest.mark.parametrize("by_token", [False, True])
async def test_one_entry_is_read_and_set_by_its_id_whatever_else_is_sent(world: World, by_token: bool) -> None:
    client, path = _where(world, await world.instance(), by_token)
    entry = (await client("GET", f"{path}/{NULLS}")).json
    assert (entry["key"], entry["propertyValue"]) == ("filter.response.nulls", "true")
    changed = await client("PATCH", f"{path}/{NULLS}", {"name": "x", "kye": "misspelt", "propertyValue": "false"})
    assert (changed.status, changed.json) == (200, entry | {"propertyValue": "false"})
    assert (await client("GET", f"{path}/{NULLS}")).json == changed.json
    again = await client("PATCH", f"{path}/{NULLS}", entry)
    assert again.json == entry


async def test_polling_is_switched_on_one_entry_after_another(world: World) -> None:
    made = await world.instance()
    client, path = world.of(made), "/instances/configuration"
    ids = await _ids(client, path)
    for key, value in (
        ("event.poller.refresh_interval", "2"),
        ("event.notification.callback.url", "https://app.example/hook"),
        ("event.vendor.type", "polling"),
        ("event.notification.enabled", "true"),
    ):
        assert await world.store.lanes() == []
        answer = await client("PATCH", f"{path}/{ids[key]}", {"key": key, "propertyValue": value})
        assert answer.json["propertyValue"] == value
    assert len(await world.store.lanes(LaneKind.POLL)) == 3
    assert world.woken[-1] == made["id"]


async def test_a_secret_that_is_sent_back_masked_stays(world: World) -> None:
    await world.instance()
    entry = (await world.client("GET", "/instances/1/configuration/3012104")).json
    assert entry["propertyValue"] == "********"
    assert (await world.client("PATCH", "/instances/1/configuration/3012104", entry)).json == entry
    stored = await world.store.instance(1)
    assert stored is not None
    assert stored.secrets["private.key"] == "canary-private"


@pytest.mark.parametrize(
    ("configuration_id", "sent", "status", "says"),
    [
        (NULLS, {"propertyValue": "perhaps"}, 400, "configuration.filter.response.nulls: "),
        (NULLS, {"name": "no value"}, 400, "propertyValue: is missing"),
        (3012102, {"propertyValue": None}, 400, "configuration.company: is missing"),
        (3012006, {"propertyValue": "0"}, 400, "configuration.event.poller.refresh_interval: "),
        (1, {"propertyValue": "x"}, 404, "No configuration found with ID 1"),
        (10**30, {"propertyValue": "x"}, 404, "No configuration found"),
    ],
)
async def test_a_bad_value_is_refused_and_changes_nothing(
    world: World, configuration_id: int, sent: dict[str, Any], status: int, says: str
) -> None:
    made = await world.instance()
    answer = await world.client("PATCH", f"/instances/1/configuration/{configuration_id}", sent)
    assert_error(answer, status)
    assert answer.message.startswith(says)
    assert (await world.client("GET", "/instances/1")).json == made
    assert_error(await world.client("GET", "/instances/1/configuration/1"), 404)


async def test_a_key_that_is_unset_goes_back_to_its_default(world: World) -> None:
    await world.instance(configuration={"event.poller.refresh_interval": 3})
    path = "/instances/1/configuration/3012006"
    assert (await world.client("GET", path)).json["propertyValue"] == "3"
    assert (await world.client("PATCH", path, {"propertyValue": None})).json["propertyValue"] == "15"
