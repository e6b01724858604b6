"""The catalog over the API."""

from __future__ import annotations

import pytest

from tests.api.conftest import ELEMENT, World, body


async def test_the_catalog_lists_keys_and_elements_with_their_count(world: World) -> None:
    keys = await world.client("GET", "/elements/keys")
    assert keys.json == [ELEMENT]
    listed = await world.client("GET", "/elements")
    assert listed.headers["elements-returned-count"] == "1"
    assert {entry["key"] for entry in listed.json[0]["configuration"]} >= {"baseUrl", "private.key"}


async def test_the_short_form_has_no_configuration(world: World) -> None:
    (element,) = (await world.client("GET", "/elements?abridged=true")).json
    assert element["key"] == ELEMENT
    assert "configuration" not in element


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("key='connectwisecrmrest'", 1),
        ("key='sfdc'", 0),
        ("private='true'", 0),
        ("extended='false' AND key in ('sfdc','connectwisecrmrest')", 1),
        ("id=3012", 1),
    ],
)
async def test_the_catalog_can_be_searched(world: World, where: str, found: int) -> None:
    assert len((await world.client("GET", f"/elements?where={where}")).json) == found


async def test_a_search_that_cannot_be_read_names_where_and_the_column(world: World) -> None:
    answer = await world.client("GET", "/elements?where=key=")
    assert answer.message.startswith("where: column ")


@pytest.mark.parametrize("name", [ELEMENT, "3012"])
async def test_an_element_is_found_by_key_and_by_id(world: World, name: str) -> None:
    element = (await world.client("GET", f"/elements/{name}")).json
    assert (element["id"], element["key"], element["hub"]) == (3012, ELEMENT, "crm")


@pytest.mark.parametrize("name", [ELEMENT, "3012"])
async def test_instances_are_made_and_listed_below_their_element(world: World, name: str) -> None:
    made = await world.client("POST", f"/elements/{name}/instances", body(element=None))
    assert made.status == 200
    listed = await world.client("GET", f"/elements/{name}/instances")
    assert [each["id"] for each in listed.json] == [made.json["id"]]
    assert listed.json[0]["createdDate"] == made.json["createdDate"]


async def test_an_element_in_the_body_that_contradicts_the_path_is_refused(world: World) -> None:
    answer = await world.client(
        "POST", f"/elements/{ELEMENT}/instances", body(element=None) | {"element": {"key": "sfdc"}}
    )
    assert answer.status == 400
    assert answer.message.startswith("element.key: 'sfdc' is unknown")
