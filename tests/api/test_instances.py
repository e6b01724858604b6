"""Instances: made, shown, listed, changed, switched, deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, NOW, World, body
from tests.api.lanes import work
from tests.api.test_errors import assert_error
from tidings.core.errors import CredentialsRefused, LeaseLost
from tidings.core.model import LaneKind, LaneState

POLLING = {
    "event.notification.enabled": True,
    "event.notification.callback.url": "https://app.example/hook",
    "event.notification.signature.key": "canary-signature",
}


async def _lanes(world: World) -> dict[str, LaneState]:
    return {lane.key: lane.state for lane in await world.store.lanes()}


async def test_a_new_instance_has_the_platforms_shape(world: World) -> None:
    made = await world.instance()
    assert {key: made[key] for key in made if key not in ("configuration", "element", "token")} == {
        "id": 1,
        "name": "Acme",
        "createdDate": "2026-09-21T14:13:20Z",
        "elementId": 3012,
        "tags": ["Acme"],
        "provisionInteractions": [],
        "valid": True,
        "disabled": False,
        "maxCacheSize": 0,
        "cacheTimeToLive": 0,
        "eventsEnabled": False,
        "eventsNotificationCallbackUrl": "false",
        "traceLoggingEnabled": False,
        "cachingEnabled": False,
        "externalAuthentication": "none",
        "user": {"id": 1, "emailAddress": "ann@example.com", "firstName": "Ann", "lastName": "Admin"},
        "freshness": [],
        "completeness": [],
        "oldestSequence": 1,
        "retentionDays": 30.0,
    }
    assert len(made["token"]) == 44
    assert made["element"]["key"] == ELEMENT
    assert (made["element"]["resources"], made["element"]["parameters"]) == ([], [])
    assert (await world.client("GET", "/instances/1")).json == made
    assert world.woken == [1]


async def test_the_configuration_shows_every_key_with_its_default_and_masks_secrets(world: World) -> None:
    shown = (await world.instance(configuration=POLLING))["configuration"]
    assert set(shown) == {entry.key for entry in world.parts.catalog[ELEMENT].configuration}
    assert all(value is None or isinstance(value, str) for value in shown.values())
    assert shown["company"] == "acme"
    assert shown["private.key"] == shown["event.notification.signature.key"] == "********"
    assert shown["event.notification.enabled"] == "true"
    assert shown["event.poller.refresh_interval"] == "15"
    assert shown["filter.response.nulls"] == "true"
    assert shown["connectwise.clientID"] is None
    assert shown["event.poller.configuration"].startswith('{"contacts":{"url":"/hubs/crm/contacts?where=')


async def test_a_secret_that_is_not_set_shows_nothing(world: World) -> None:
    assert (await world.instance())["configuration"]["event.notification.signature.key"] is None


async def test_no_answer_ever_holds_a_secret(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    token = world.of(made)
    answers = [
        await world.client("GET", "/instances"),
        await world.client("GET", "/instances/1"),
        await world.client("PUT", "/instances/1", body(configuration=POLLING)),
        await world.client("PATCH", "/instances/1", {"configuration": {"private.key": "canary-other"}}),
        await token("GET", "/instances/configuration"),
        await world.client("GET", "/jobs"),
        await world.client("GET", f"/elements/{ELEMENT}/instances"),
        await world.client("DELETE", "/instances/1"),
    ]
    for answer in answers:
        assert answer.status == 200
        assert b"canary" not in answer.body


async def test_credentials_are_tried_before_anything_is_made(world: World) -> None:
    world.provider.error = CredentialsRefused("ConnectWise refused the keys", provider_message="Denied", status=401)
    answer = await world.client("POST", "/instances", body())
    assert (answer.status, answer.json["providerMessage"]) == (401, "Denied")
    assert (await world.client("GET", "/instances")).status == 404
    world.provider.error = None
    await world.instance()
    key, configuration, secrets = world.provider.tried[-1]
    assert (key, configuration["company"], secrets) == (ELEMENT, "acme", {"private.key": "canary-private"})


async def test_an_element_may_be_named_by_its_id_and_its_keys_in_any_case(world: World) -> None:
    sent = body(element={"id": 3012}, configuration={"Connectwise.ClientId": "guid"})
    sent["configuration"]["baseURL"] = sent["configuration"].pop("baseUrl").replace("na.", "eu.")
    made = (await world.client("POST", "/instances", sent)).json
    assert made["configuration"]["baseUrl"] == "https://api-eu.myconnectwise.net/v4_6_release/apis/3.0"
    assert made["configuration"]["connectwise.clientID"] == "guid"


async def test_leftovers_of_other_elements_are_tolerated_and_never_echoed(world: World) -> None:
    made = await world.instance(
        providerData={"code": "leftover"},
        externalAuthentication="initial",
        configuration={"oauth.api.key": "leftover", "oauth.api.secret": "leftover"},
    )
    assert "leftover" not in str(made)


async def test_name_and_tags_are_plain_text_and_the_tag_defaults_to_the_name(world: World) -> None:
    made = await world.instance(name='<a href="x">xss-text</a>')
    assert (made["name"], made["tags"]) == ("xss-text", ["xss-text"])
    tagged = await world.instance(tags=["<b>Docs</b>", "Test"])
    assert tagged["tags"] == ["Docs", "Test"]


async def test_the_list_is_searched_by_tag_name_and_element(world: World) -> None:
    await world.instance(name="Acme East", tags=["east", "all"])
    await world.instance(name="Acme West", tags=["west", "all"])

    async def found(query: str) -> list[int] | int:
        answer = await world.client("GET", f"/instances?{query}")
        return [each["id"] for each in answer.json] if answer.status == 200 else answer.status

    assert await found("") == [1, 2]
    assert await found("tags[]=east") == [1]
    assert await found("tags[]=west&tags[]=all") == [2]
    assert await found("tags[]=east&tags[]=west") == 404
    assert await found("searchText=WEST") == [2]
    assert await found("searchText=connectwise") == [1, 2]
    assert await found("searchText=west&tags[]=east") == 404


async def test_the_short_list_leaves_the_configuration_out(world: World) -> None:
    made = await world.instance()
    listed = await world.client("GET", "/instances?hydrate=false")
    assert listed.headers["elements-returned-count"] == "1"
    (short,) = listed.json
    assert "configuration" not in short
    assert short["element"] == {"id": 3012, "key": ELEMENT, "name": made["element"]["name"]}
    assert short["token"] == made["token"]


async def test_the_list_stays_a_list_when_an_element_token_is_sent(world: World) -> None:
    made = await world.instance()
    await world.instance()
    assert [each["id"] for each in (await world.of(made)("GET", "/instances")).json] == [1, 2]


@pytest.mark.parametrize("by_token", [False, True])
async def test_a_patch_changes_what_it_names_and_nothing_else(world: World, by_token: bool) -> None:
    made = await world.instance(configuration=POLLING, tags=["a"])
    client, path = (world.of(made), "/instances") if by_token else (world.client, f"/instances/{made['id']}")
    renamed = (await client("PATCH", path, {"name": "<i>Other</i>"})).json
    assert renamed == made | {"name": "Other"}
    tagged = (await client("PATCH", path, {"tags": ["b", "c"]})).json
    assert tagged == renamed | {"tags": ["b", "c"]}
    url = {"event.notification.callback.url": "https://app.example/other"}
    moved = (await client("PATCH", path, {"configuration": url})).json
    assert moved["configuration"] == made["configuration"] | url
    assert moved["eventsNotificationCallbackUrl"] == "https://app.example/other"
    assert (await client("PATCH", path, {})).json == moved


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_an_instance_that_has_polled_stays_with_its_account(world: World, method: str) -> None:
    await world.instance(configuration=POLLING)
    other = body(configuration=POLLING | {"company": "globex"})
    assert (await world.client(method, "/instances/1", other)).status == 200, "nothing has been read yet"
    await work(world, "contacts", due_at=NOW, serial=1)
    tried = len(world.provider.tried)
    refused = await world.client(method, "/instances/1", body(configuration=POLLING | {"company": "acme"}))
    assert_error(refused, 400)
    assert refused.message.startswith("configuration.company: names another account")
    assert len(world.provider.tried) == tried
    assert (await world.client("GET", "/instances/1")).json["configuration"]["company"] == "globex"
    moved = POLLING | {"company": " Globex", "baseUrl": "https://na.myconnectwise.net/v2026_1/apis/3.0"}
    answer = await world.client(method, "/instances/1", body(configuration=moved))
    assert answer.status == 200, answer.body


async def test_tags_that_came_from_the_name_follow_it(world: World) -> None:
    await world.instance(name="Old")
    assert (await world.client("PATCH", "/instances/1", {"name": "New"})).json["tags"] == ["New"]


async def test_the_longest_name_becomes_a_tag_that_can_be_put_back(world: World) -> None:
    made = await world.instance(name="x" * 255)
    assert (await world.client("PUT", "/instances/1", made)).json == made


@pytest.mark.parametrize("by_token", [False, True])
async def test_a_put_writes_the_instance_anew(world: World, by_token: bool) -> None:
    made = await world.instance(configuration=POLLING | {"event.poller.refresh_interval": 5}, tags=["a"])
    client, path = (world.of(made), "/instances") if by_token else (world.client, f"/instances/{made['id']}")
    written = (await client("PUT", path, body(name="Anew", tags=[]))).json
    assert (written["id"], written["token"], written["createdDate"]) == (1, made["token"], made["createdDate"])
    assert (written["name"], written["tags"], written["eventsEnabled"]) == ("Anew", [], False)
    assert written["configuration"]["event.poller.refresh_interval"] == "15"
    assert written["configuration"]["event.notification.callback.url"] is None
    assert (await client("PUT", path, body(name="Tagged"))).json["tags"] == ["Tagged"]


async def test_what_was_shown_can_be_put_back_and_changes_nothing(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    tried = len(world.provider.tried)
    assert (await world.client("PUT", "/instances/1", made)).json == made
    assert (await world.client("PATCH", "/instances/1", made)).json == made
    stored = await world.store.instance(1)
    assert stored is not None
    assert stored.secrets == {"private.key": "canary-private", "event.notification.signature.key": "canary-signature"}
    assert len(world.provider.tried) == tried


@pytest.mark.parametrize("key", ["baseUrl", "company", "public.key", "private.key", "connectwise.clientID"])
async def test_credentials_are_tried_again_when_one_of_them_changes(world: World, key: str) -> None:
    made = await world.instance(configuration=POLLING)
    value = "https://cw.example/apis/3.0" if key == "baseUrl" else "other"
    world.provider.error = CredentialsRefused("refused", provider_message="Denied", status=401)
    refused = await world.client("PATCH", "/instances/1", {"configuration": {key: value}})
    assert (refused.status, refused.json["providerMessage"]) == (401, "Denied")
    assert (await world.client("GET", "/instances/1")).json == made
    world.provider.error = None
    assert (await world.client("PATCH", "/instances/1", {"configuration": {key: value}})).status == 200
    assert (world.provider.tried[-1][1] | world.provider.tried[-1][2])[key] == value


async def test_credentials_are_left_alone_when_none_of_them_changes(world: World) -> None:
    await world.instance()
    tried = len(world.provider.tried)
    for change in ({"name": "x"}, {"configuration": POLLING}, {"configuration": {"filter.response.nulls": False}}):
        assert (await world.client("PATCH", "/instances/1", change)).status == 200
    assert len(world.provider.tried) == tried


async def test_an_instance_cannot_move_to_an_unknown_element(world: World) -> None:
    await world.instance()
    assert (await world.client("PATCH", "/instances/1", {"element": {"id": 3012}})).status == 200
    answer = await world.client("PATCH", "/instances/1", {"element": {"id": 1}})
    assert (answer.status, answer.message.split(":")[0]) == (400, "element.id")


async def test_a_deleted_instance_is_gone_and_its_token_is_refused(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    assert (await world.of(made)("GET", "/instances/configuration")).status == 200
    deleted = await world.client("DELETE", "/instances/1")
    assert (deleted.status, deleted.json) == (200, {})
    assert (await world.of(made)("GET", "/instances/configuration")).status == 401
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await world.client(method, "/instances/1", body())).status == 404
    assert set((await _lanes(world)).values()) == {LaneState.OFF}


async def test_switching_events_on_makes_lanes_and_off_keeps_them_for_later(world: World) -> None:
    await world.instance()
    assert await _lanes(world) == {}
    await world.client("PATCH", "/instances/1", {"configuration": POLLING})
    ready = dict.fromkeys(["contacts", "incidents", "organizations", "1"], LaneState.READY)
    assert await _lanes(world) == ready
    (subscription,) = await world.store.subscriptions()
    assert (subscription.url, subscription.keys_at(0)) == ("https://app.example/hook", ["canary-signature"])
    await world.client("PATCH", "/instances/1", {"configuration": {"event.notification.enabled": "false"}})
    assert await _lanes(world) == dict.fromkeys(ready, LaneState.OFF)


@pytest.mark.parametrize("by_token", [False, True])
async def test_a_disabled_instance_does_nothing_until_it_is_enabled(world: World, by_token: bool) -> None:
    made = await world.instance(configuration=POLLING)
    client, path = (world.of(made), "/instances/enabled") if by_token else (world.client, "/instances/1/enabled")
    off = await client("DELETE", path)
    assert (off.status, off.json["disabled"]) == (200, True)
    assert set((await _lanes(world)).values()) == {LaneState.OFF}
    on = await client("PUT", path)
    assert (on.status, on.json) == (200, made)
    assert set((await _lanes(world)).values()) == {LaneState.READY}


async def test_events_without_a_callback_url_are_polled_and_kept(world: World) -> None:
    made = await world.instance(configuration={"event.notification.enabled": "true"})
    assert (made["eventsEnabled"], made["eventsNotificationCallbackUrl"]) == (True, "false")
    assert {lane.kind for lane in await world.store.lanes()} == {LaneKind.POLL}


async def test_a_fourth_resource_is_a_copied_and_renamed_entry(world: World) -> None:
    entry = {"url": "/hubs/crm/time-entries?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'", "idField": "id"}
    polling = POLLING | {"event.poller.configuration": {"time-entries": entry}}
    await world.instance(configuration=polling)
    assert [lane.key for lane in await world.store.lanes(LaneKind.POLL)] == ["time-entries"]


async def test_a_change_that_meets_another_is_made_on_top_of_it(world: World) -> None:
    await world.instance()
    late = _Late(world)
    answer = await world.rebuilt(store=late)("PATCH", "/instances/1", {"name": "Mine"})
    assert answer.status == 200
    assert (answer.json["name"], answer.json["tags"]) == ("Mine", ["theirs"])


async def test_many_changes_at_once_all_succeed(world: World) -> None:
    await world.instance(configuration=POLLING)
    keys = [f"event.poller.{span}_interval" for span in ("settle", "sweep", "audit")]
    changes = [{"configuration": {keys[number % 3]: 100 + number}} for number in range(20)]
    answers = await asyncio.gather(*(world.client("PATCH", "/instances/1", change) for change in changes))
    assert [answer.status for answer in answers] == [200] * 20
    stored = await world.store.instance(1)
    assert stored is not None
    assert stored.revision == 21
    assert all(int(stored.configuration[key] or 0) >= 100 for key in keys)


async def test_credentials_are_tried_once_however_often_a_change_meets_others(world: World) -> None:
    await world.instance()
    client = world.rebuilt(store=_Late(world, times=7))
    tried = len(world.provider.tried)
    assert (await client("PATCH", "/instances/1", {"configuration": {"private.key": "new"}})).status == 200
    assert len(world.provider.tried) == tried + 1


async def test_a_change_that_keeps_meeting_others_is_a_conflict(world: World) -> None:
    await world.instance()
    late = _Late(world, times=100)
    assert (await world.rebuilt(store=late)("PATCH", "/instances/1", {"name": "Mine"})).status == 409


class _Late:
    """A store where somebody else is faster for the first `times` changes."""

    def __init__(self, world: World, times: int = 1) -> None:
        self._world = world
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.store, name)

    async def update_instance(self, instance: Any, plan: Any, now: int, grant: Any = None) -> Any:
        if self._times:
            self._times -= 1
            theirs = await self._world.store.instance(instance.id)
            assert theirs is not None
            await self._world.store.update_instance(replace(theirs, tags=("theirs",)), plan, NOW)
            with pytest.raises(LeaseLost):
                await self._world.store.update_instance(instance, plan, now)
            raise LeaseLost("somebody was faster")
        return await self._world.store.update_instance(instance, plan, now, grant)
