"""Bad input is a 400 that names the field, says what to write instead, and changes nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, World, body
from tests.api.test_errors import assert_error
from tidings.core.addresses import AddressPolicy, networks
from tidings.core.errors import AddressForbidden, ProviderDown
from tidings.elements.connection import Connection
from tidings.elements.http import URL_LIMIT, ProviderClient
from tidings.settings import Settings

C = "configuration."
POLLER = f"{C}event.poller.configuration"
GOOD = {"url": "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'", "idField": "id"}

BAD_BODIES = [
    ({"element": None}, "element", "is missing"),
    ({"element": {}}, "element", "names none"),
    ({"element": {"key": "sfdc"}}, "element.key", "'sfdc' is unknown"),
    ({"element": {"key": "\ud800"}}, "element.key", "surrogate"),
    ({"element": {"id": 7}}, "element.id", "7 is unknown"),
    ({"name": None}, "name", "is missing"),
    ({"name": "  "}, "name", "is empty"),
    ({"name": "<INSTANCE_NAME>"}, "name", "only markup"),
    ({"name": "\ud800"}, "name", "surrogate"),
    ({"tags": ["<Add_Your_Tag>"]}, "tags[0]", "only markup"),
    ({"tags": "Test"}, "tags", "list"),
    ({"tags": [f"tag {number}" for number in range(101)]}, "tags", "has 101 tags; write at most 100"),
    ({"tags": ["a", "x" * 256]}, "tags[1]", "has 256 characters; write at most 255"),
    ({"name": "<" * 300_000 + "b>" * 300_000}, "name", "has 900000 characters"),
]
BAD_CONFIGURATIONS: list[tuple[str, Any, str, str]] = [
    ("company", None, f"{C}company", "is missing or blank; write the Company"),
    ("company", "   ", f"{C}company", "is missing or blank"),
    ("company", {"a": 1}, f"{C}company", "takes text"),
    ("company", "\ud800", f"{C}company", "surrogate"),
    ("private.key", "", f"{C}private.key", "is missing or blank"),
    ("private.key", "********", f"{C}private.key", "stands for a stored value"),
    ("baseUrl", "api-na.myconnectwise.net", f"{C}baseUrl", "http:// or https://"),
    ("baseUrl", "ftp://api-na.myconnectwise.net", f"{C}baseUrl", "http:// or https://"),
    ("baseUrl", "https://api-<site>/v4_6_release/apis/3.0", f"{C}baseUrl", "host"),
    ("baseUrl", "https://10.0.0.1/apis/3.0", f"{C}baseUrl", "private"),
    ("event.notification.callback.url", "localhost:8080/hook", f"{C}event.notification.callback.url", "http://"),
    ("event.notification.callback.url", "javascript:alert(1)", f"{C}event.notification.callback.url", "http://"),
    ("event.notification.callback.url", "http://127.0.0.1/h", f"{C}event.notification.callback.url", "private"),
    ("event.notification.callback.url", "http://2130706433/h", f"{C}event.notification.callback.url", "private"),
    ("event.notification.callback.url", "http://169.254.169.254/", f"{C}event.notification.callback.url", "private"),
    ("event.notification.callback.url", "http://[::1]:80/", f"{C}event.notification.callback.url", "private"),
    ("event.notification.enabled", "perhaps", f"{C}event.notification.enabled", "write true or false"),
    ("event.notification.enabled", 1, f"{C}event.notification.enabled", "write true or false"),
    ("filter.response.nulls", "no", f"{C}filter.response.nulls", "write true or false"),
    ("event.vendor.type", "push", f"{C}event.vendor.type", "polling, webhooks, webhook"),
    ("event.notification.max_events", 0, f"{C}event.notification.max_events", "whole number"),
    ("event.notification.max_events", 11, f"{C}event.notification.max_events", "1 to 10"),
    ("event.notification.max_events", "2.5", f"{C}event.notification.max_events", "whole number"),
    ("event.poller.refresh_interval", "<minutes>", f"{C}event.poller.refresh_interval", "write minutes as a number"),
    ("event.poller.refresh_interval", True, f"{C}event.poller.refresh_interval", "write minutes as a number"),
    ("event.poller.refresh_interval", float("nan"), "body", "has NaN, which is no JSON"),
    ("event.poller.refresh_interval", 0, f"{C}event.poller.refresh_interval", "or more"),
    ("event.poller.refresh_interval", "0.01", f"{C}event.poller.refresh_interval", "(1 s) or more"),
    ("event.poller.refresh_interval", -5, f"{C}event.poller.refresh_interval", "number"),
    ("event.poller.overlap", "two minutes", f"{C}event.poller.overlap", "number of seconds"),
    ("event.poller.sweep_interval", "x", f"{C}event.poller.sweep_interval", "number of minutes"),
    ("event.poller.configuration", "{not json", POLLER, "is not JSON"),
    ("event.poller.configuration", [1], POLLER, "object"),
    ("event.poller.configuration", {"contacts": {"idField": "id"}}, f"{POLLER}.contacts.url", ""),
    ("event.poller.configuration", {"contacts": {"url": GOOD["url"]}}, f"{POLLER}.contacts.idField", ""),
    ("event.poller.configuration", {"contacts": GOOD | {"pageSize": "many"}}, f"{POLLER}.contacts.pageSize", ""),
    (
        "event.poller.configuration",
        {"contacts": GOOD | {"url": "/hubs/crm/contacts?where=lastUpdated>'${gmtDate:jj}'"}},
        f"{POLLER}.contacts.url",
        "",
    ),
    (
        "event.poller.configuration",
        {"contacts": GOOD | {"url": "/hubs/crm/contacts?where=lastUpdated>'${moon}'"}},
        f"{POLLER}.contacts.url",
        "moon",
    ),
    (
        "event.poller.configuration",
        {"contacts": GOOD | {"url": "/hubs/crm/contacts?where=lastUpdated>>'x'"}},
        f"{POLLER}.contacts.url",
        "",
    ),
    (
        "event.poller.configuration",
        {"contacts": GOOD | {"url": "/hubs/crm/contacts?where=id LIKE 'a%'"}},
        f"{POLLER}.contacts.url",
        "`id` is not text",
    ),
    (
        "event.poller.configuration",
        {"contacts": GOOD, "people": GOOD | {"url": f"/hubs/crm/contacts?where=id IN ({'1000001,' * 190}1)"}},
        f"{POLLER}.people.url",
        "characters at the provider, which takes 2000; shorten the where",
    ),
    ("event.poller.configuration", {"moons": GOOD | {"url": "/hubs/crm/moons"}}, f"{POLLER}.moons.url", "no resource"),
    ("event.objects", "moons", f"{C}event.objects", "moons"),
]


@pytest.mark.parametrize(("change", "field", "says"), BAD_BODIES)
async def test_a_bad_body_is_refused_by_name(world: World, change: dict[str, Any], field: str, says: str) -> None:
    answer = await world.client("POST", "/instances", body(**change))
    assert_error(answer, 400)
    assert answer.message.startswith(f"{field}: ")
    assert says in answer.message
    assert world.provider.tried == []
    assert await world.store.instances() == []


@pytest.mark.parametrize(("key", "value", "field", "says"), BAD_CONFIGURATIONS)
async def test_a_bad_configuration_is_refused_by_name_and_changes_nothing(
    world: World, key: str, value: object, field: str, says: str
) -> None:
    answer = await world.client("POST", "/instances", body(configuration={key: value}))
    assert_error(answer, 400)
    assert answer.message.startswith(f"{field}: "), answer.message
    assert says in answer.message
    assert world.provider.tried == []
    assert await world.store.instances() == []

    if value != "********":  # stands for the stored secret once there is one
        made = await world.instance()
        for method in ("PUT", "PATCH"):
            again = await world.client(method, "/instances/1", body(configuration={key: value}))
            assert_error(again, 400)
            assert again.message == answer.message
        assert (await world.client("GET", "/instances/1")).json == made
        stored = await world.store.instance(1)
        assert stored is not None
        assert stored.revision == 1


async def test_all_missing_keys_are_named_at_once(world: World) -> None:
    answer = await world.client("POST", "/instances", body(configuration={"company": None, "private.key": ""}))
    assert answer.message == f"{C}company: is missing or blank; write the Company (and also: private.key)"


async def test_the_floor_of_the_interval_is_a_setting(world: World) -> None:
    client = world.rebuilt(settings=Settings(interval_floor=600))
    refused = await client("POST", "/instances", body(configuration={"event.poller.refresh_interval": 5}))
    assert "10 (600 s) or more" in refused.message
    assert (await client("POST", "/instances", body())).status == 200


@pytest.mark.parametrize(
    "policy", [AddressPolicy(allow_private=True), AddressPolicy(allowed_networks=networks(["127.0.0.0/8"]))]
)
async def test_private_addresses_are_permitted_by_setting(world: World, policy: AddressPolicy) -> None:
    local = {"baseUrl": "http://127.0.0.1:9/apis/3.0", "event.notification.callback.url": "http://127.0.0.1:8/h"}
    assert (await world.rebuilt(policy=policy)("POST", "/instances", body(configuration=local))).status == 200


async def test_a_host_that_turns_out_to_be_private_is_refused_by_name(world: World) -> None:
    world.provider.error = AddressForbidden("cw.example", "10.0.0.1")
    answer = await world.client("POST", "/instances", body())
    assert_error(answer, 400)
    assert answer.message.startswith("configuration.baseUrl: cw.example resolves to 10.0.0.1")


async def test_a_host_that_does_not_exist_is_refused_by_name(world: World) -> None:
    world.provider.error = ProviderDown("cannot connect to api-cloudelements")
    world.provider.error.__cause__ = socket.gaierror(-2, "Name or service not known")
    answer = await world.client("POST", "/instances", body())
    assert_error(answer, 400)
    assert answer.message.startswith("configuration.baseUrl: cannot connect")


async def test_causes_that_go_in_a_circle_are_followed_once(world: World) -> None:
    world.provider.error, behind = ProviderDown("the connection broke"), OSError("reset")
    world.provider.error.__cause__, behind.__cause__ = behind, world.provider.error
    assert_error(await world.client("POST", "/instances", body()), 502)


@pytest.mark.parametrize("value", [15, "15", 15.0, "0.05", 0.05, 1, 99999999999])
async def test_an_interval_may_be_a_number_or_text(world: World, value: object) -> None:
    made = await world.instance(configuration={"event.poller.refresh_interval": value})
    assert float(made["configuration"]["event.poller.refresh_interval"]) == float(str(value))


@pytest.mark.parametrize("value", [True, "true", "TRUE", " true "])
async def test_a_switch_may_be_a_boolean_or_text(world: World, value: object) -> None:
    assert (await world.instance(configuration={"event.notification.enabled": value}))["eventsEnabled"] is True


async def test_an_address_is_refused_exactly_when_the_provider_would_not_take_it(world: World) -> None:
    def polling(many: int, **more: str) -> dict[str, Any]:
        url = f"/hubs/crm/contacts?where=lastName='{'x' * many}'&childConditions=types/name='Approver'&pageSize=7"
        return {"event.poller.configuration": {"contacts": GOOD | {"url": url}}} | more

    refused = await world.client("POST", "/instances", body(configuration=polling(2500)))
    length = int(refused.message.split("address of ")[1].split()[0])
    longest = 2500 - (length - URL_LIMIT)
    await world.instance(configuration=polling(longest))
    assert_error(await world.client("POST", "/instances", body(configuration=polling(longest + 1))), 400)
    # A longer root makes the same condition too long.
    moved = {"configuration": {"baseUrl": "https://api-staging.myconnectwise.net/v4_6_release/apis/3.0"}}
    answer = await world.client("PATCH", "/instances/1", moved)
    assert_error(answer, 400)
    assert answer.message.startswith(f"{POLLER}.contacts.url: ")
    asked = await _asked(world, f'lastName = "{"x" * longest}"', {"childConditions": "types/name='Approver'"})
    assert len(asked) == URL_LIMIT


async def _asked(world: World, conditions: str, extra: dict[str, str]) -> str:
    """The address that a sweep in the middle of a long list really asks."""
    asked: list[str] = []

    class Recorder(ProviderClient):
        def __init__(self) -> None: ...

        async def get(self, url: str, **_: Any) -> Any:
            asked.append(url)
            raise ProviderDown("only the address is looked at")

    element = world.parts.catalog[ELEMENT]
    resource = element.resource("contacts")
    assert resource is not None
    connection = Connection(element, body()["configuration"], {}, Recorder())
    with pytest.raises(ProviderDown):
        await connection.read_page(
            resource, conditions=conditions, position="2147483647", size=1000, fields="id", extra=extra
        )
    return asked[0]


async def test_the_polling_configuration_may_be_an_object_or_text(world: World) -> None:
    given = {"contacts": GOOD}
    for value in (given, json.dumps(given), json.dumps(json.dumps(given))):
        made = await world.instance(
            configuration={"event.poller.configuration": value, "event.notification.enabled": "true"}
        )
        lanes = await world.store.lanes(instance_id=made["id"])
        assert [lane.key for lane in lanes] == ["contacts"]


SAMPLES = Path(__file__).parent / "samples"


async def test_the_polling_sample_is_accepted_as_it_is(world: World) -> None:
    sample = json.loads((SAMPLES / "poll-example.json").read_text())
    made = (await world.client("POST", "/instances", sample)).json
    assert (made["name"], made["tags"], made["eventsEnabled"]) == ("API_Polling", ["Test"], True)
    assert made["eventsNotificationCallbackUrl"] == "http://mycoolapp.com"
    assert [lane.key for lane in await world.store.lanes()] == ["contacts", "1"]


async def test_the_template_is_accepted_once_its_placeholders_are_filled(world: World) -> None:
    text = (SAMPLES / "poll-template.json").read_text()
    sample = json.loads(text)
    refused = await world.client("POST", "/instances", sample)
    assert_error(refused, 400)
    assert refused.message.startswith("name: ")
    filled = json.loads(
        text.replace("<minutes>", "15").replace("<INSTANCE_NAME>", "Filled").replace("<Add_Your_Tag>", "Docs")
    )
    missing = await world.client("POST", "/instances", filled)
    assert missing.message.startswith("configuration.baseUrl: is missing or blank")
    filled["configuration"] |= body()["configuration"]
    made = (await world.client("POST", "/instances", filled)).json
    assert (made["name"], made["tags"]) == ("Filled", ["Docs"])
