"""What providers send to `/events/…`: taken, durable when it is answered, and telling strangers nothing."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from msgspec.structs import replace

from tests.api.client import Answer, Client
from tests.api.conftest import ELEMENT, NOW, World, body
from tests.api.subscribed import subscribed
from tests.api.test_errors import assert_error
from tests.core.test_arrival import POLL, SALESFORCE
from tidings.cli.explain import told as lines
from tidings.elements.describe import catalog
from tidings.settings import Settings

AT = "/events/sfdc"
ON = {"event.notification.enabled": "true", "event.notification.callback.url": "https://app.example/hook"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def sent(world: World) -> Client:
    """Anybody, at a server that has an element with webhooks beside the one of the catalog."""
    webhooks = replace(catalog()[ELEMENT], key="sfdc", id=4711, name="Salesforce")
    made = world.rebuilt(catalog={**catalog(), "sfdc": webhooks})
    world.client = made
    return made.saying(None)


async def instance(world: World, key: str = "sfdc", **configuration: Any) -> int:
    made = await world.instance(element={"key": key}, configuration=ON | configuration)
    return int(made["id"])


async def log(world: World, number: int = 1) -> list[dict[str, Any]]:
    return [json.loads(each.body)["message"] for each in await world.store.log_after(number, 0, 100)]


async def test_the_platforms_salesforce_sample_is_logged_when_it_is_answered(world: World, sent: Client) -> None:
    await instance(world)
    answer = await sent("POST", AT, SALESFORCE, Element_Instances="1")
    assert answer.status == 200
    (message,) = await log(world)
    assert answer.json == {"eventIds": [message["eventId"]]}
    assert (message["instanceId"], message["elementKey"], message["companyId"]) == (1, "sfdc", 1)
    assert message["raw"] == SALESFORCE
    assert world.woken == [1, 1]


async def test_an_event_that_was_sent_is_shown_like_any_other(world: World, sent: Client) -> None:
    await instance(world)
    (identity,) = (await sent("POST", AT, SALESFORCE, Element_Instances="1")).json["eventIds"]
    (shown,) = (await world.client("GET", "/instances/1/events")).json
    assert (shown["id"], shown["status"], shown["objectType"]) == (identity, "NEW", "Contact")
    assert json.loads(shown["providerData"]) == SALESFORCE
    assert (await world.client("GET", f"/instances/1/events/{identity}")).json == shown
    feed = (await world.client("GET", "/instances/1/events/feed?after=0")).json
    assert [(each["sequence"], each["eventType"], each["objectId"]) for each in feed["events"]] == [
        (1, "UPDATED", "003i000002aXRPTAA4")
    ]
    (noted,) = (await world.client("GET", "/notifications?topics[]=instance-1-sfdc-events")).json
    assert noted["message"]["eventId"] == identity
    (count,) = [each for each in (await world.client("GET", "/instances/events/analytics")).json if each["count"]]
    assert count["count"] == 1


async def test_an_event_goes_to_each_instance_that_the_header_names(world: World, sent: Client) -> None:
    for _ in range(3):
        await instance(world)
    answer = await sent("POST", AT, SALESFORCE, Element_Instances="3, 1,3")
    assert len(answer.json["eventIds"]) == 2
    assert [len(await log(world, number)) for number in (1, 2, 3)] == [1, 0, 1]


async def test_one_that_is_not_there_keeps_the_event_from_no_other(world: World, sent: Client) -> None:
    await instance(world)
    assert (await sent("POST", AT, SALESFORCE, Element_Instances="1,99")).status == 200
    assert len(await log(world)) == 1


@pytest.mark.parametrize("written", ["1", "MQ==", "MQ", "MQ%3D%3D"])
async def test_the_path_names_the_instance_by_its_number_or_by_base64(world: World, sent: Client, written: str) -> None:
    await instance(world)
    assert (await sent("POST", f"{AT}/{written.replace('%3D', '=')}", SALESFORCE)).status == 200
    assert len(await log(world)) == 1


async def test_a_form_and_a_get_are_taken_and_kept_as_their_fields(world: World, sent: Client) -> None:
    await instance(world)
    fields = {"id": "9", "action": "deleted", "note": "ä & b"}
    form = await sent("POST", f"{AT}/1", raw=urlencode(fields).encode(), content_type=f"{FORM}; charset=utf-8")
    got = await sent("GET", f"{AT}/1?{urlencode(fields)}")
    assert (form.status, got.status) == (200, 200)
    for message in await log(world):
        assert message["raw"] == fields
        assert (message["events"][0]["eventType"], message["events"][0]["objectId"]) == ("DELETED", "9")
    shown = (await world.client("GET", "/instances/1/events")).json
    assert [json.loads(each["providerData"]) for each in shown] == [fields, fields]


async def test_a_get_that_says_nothing_is_answered_and_logs_nothing(world: World, sent: Client) -> None:
    await instance(world)
    for path in (AT, f"{AT}/1", f"{AT}/99", "/events/none"):
        answer = await sent("GET", path)
        assert (answer.status, answer.json) == (200, {"eventIds": []})
    assert await log(world) == []


async def test_the_instance_is_found_by_what_its_configuration_says(world: World, sent: Client) -> None:
    finder = {"event.notification.instance.finder": "company|ticket.target"}
    await instance(world, **finder, company="acme")
    await instance(world, **finder, company="beta")
    await instance(world, company="beta")
    ticket = quote(json.dumps({"id": "1711", "action": "updated", "target": "beta"}))
    assert (await sent("GET", f"{AT}?ticket={ticket}")).status == 200
    assert (await sent("POST", AT, {"ticket": {"id": 1, "target": ["acme", "beta"]}})).status == 200
    assert [len(await log(world, number)) for number in (1, 2, 3)] == [1, 2, 0]
    assert_error(await sent("POST", AT, {"ticket": {"id": 1, "target": "other"}}), 404)


@pytest.mark.parametrize(
    ("finder", "says"),
    [
        ("company", "is no finder"),
        ("|a", "is no finder"),
        ("company|a[", "`a[` is not a path"),
        ("nothing|a", "names 'nothing', which is no configuration key"),
        ("private.key|a", "names private.key, which is a secret"),
    ],
)
async def test_a_finder_that_can_find_nothing_or_a_secret_is_refused(world: World, finder: str, says: str) -> None:
    made = await world.client("POST", "/instances", body(configuration={"event.notification.instance.finder": finder}))
    assert_error(made, 400)
    assert made.message.startswith(f"configuration.event.notification.instance.finder: {says}")


async def test_the_form_of_a_finished_poll_is_taken_by_path_and_by_header(world: World, sent: Client) -> None:
    await instance(world)
    without_id = {name: value for name, value in POLL.items() if name != "eventId"}
    assert (await sent("POST", "/events/sfdcPolling/MQ==", without_id, Id="1")).status == 200
    assert (await sent("POST", "/events/sfdcPolling", POLL, Id="1")).status == 200
    for message in await log(world):
        assert message["raw"]["objectType"] == "accounts"
        assert message["raw"]["accounts"] == POLL["accounts"]
        assert message["events"][0]["eventType"] == "CREATED"
    refused = await sent("POST", "/events/sfdcPolling/MQ==", SALESFORCE)
    assert_error(refused, 400)
    assert refused.message.startswith("objectType: ")


async def test_what_was_sent_before_under_its_id_adds_nothing(world: World, sent: Client) -> None:
    await instance(world)
    await instance(world)
    event = SALESFORCE | {"eventId": "e-1"}
    first = await sent("POST", AT, event, Element_Instances="1")
    again = await sent("POST", AT, event, Element_Instances="1,2")
    assert (len(first.json["eventIds"]), len(again.json["eventIds"])) == (1, 1)
    assert [len(await log(world, number)) for number in (1, 2)] == [1, 1]
    await sent("POST", AT, SALESFORCE, Element_Instances="1")
    await sent("POST", AT, SALESFORCE, Element_Instances="1")
    assert len(await log(world)) == 3


async def test_whoever_is_not_there_is_refused_as_whoever_is_not_meant(world: World, sent: Client) -> None:
    await instance(world, **{"event.ingest.key": "sesame-sesame"})
    await instance(world, ELEMENT)
    await instance(world)
    await world.client("DELETE", "/instances/3")
    refused = [
        await sent("POST", f"{AT}/99", SALESFORCE),
        await sent("POST", f"{AT}/1", SALESFORCE),
        await sent("POST", f"{AT}/1?key=wrong", SALESFORCE),
        await sent("POST", f"{AT}/1", SALESFORCE, Tidings_Ingest_Key="wrong"),
        await sent("POST", f"{AT}/2", SALESFORCE),
        await sent("POST", f"{AT}/3", SALESFORCE),
        await sent("POST", f"{AT}/%ff", SALESFORCE),
        await sent("POST", f"{AT}/{10**18}9", SALESFORCE),
        await sent("POST", f"{AT}/{base64.b64encode(b'x').decode()}", SALESFORCE),
        await sent("POST", "/events/none/1", SALESFORCE),
        await sent("POST", "/events/none", SALESFORCE, Element_Instances="1"),
        await sent("POST", AT, SALESFORCE, Element_Instances="1,2,99"),
        await sent("POST", AT, SALESFORCE),
        await sent("POST", "/events/sfdcPolling/1", POLL),
        await sent("GET", f"{AT}/99?id=1"),
    ]
    for answer in refused:
        assert_error(answer, 404)
    assert {answer.message for answer in refused} == {"No element instance takes events here"}
    # What cannot be read is refused before anybody looks who there is.
    for path in (f"{AT}/1", f"{AT}/99", "/events/none/1"):
        assert_error(await sent("POST", path, raw=b"{"), 400)


async def test_a_key_opens_what_it_closes_and_is_shown_to_nobody(world: World, sent: Client) -> None:
    await instance(world, **{"event.ingest.key": "sesame-sesame"})
    assert (await sent("POST", f"{AT}/1?key=sesame-sesame", SALESFORCE)).status == 200
    assert (await sent("POST", f"{AT}/1", SALESFORCE, Tidings_Ingest_Key="sesame-sesame")).status == 200
    assert (await sent("GET", f"{AT}/1?id=7&key=sesame-sesame&a=b")).status == 200
    assert (await log(world))[2]["raw"] == {"id": "7", "a": "b"}
    shown = await world.client("GET", "/instances/1")
    assert shown.json["configuration"]["event.ingest.key"] == "********"
    assert b"sesame" not in (await world.client("GET", "/instances/1/events")).body


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"null", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a":"\\u0000"}', "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400),
        (b'{"a":' + b"9" * 5000 + b"}", "application/json", 400),
        (DEEP, "application/json", 400),
        (b"a=%ff", FORM, 400),
        (b"a=%00", FORM, 400),
        (b'{"a":"' + b"x" * 1024 * 1024 + b'"}', "application/json", 413),
        (json.dumps([{"id": n} for n in range(201)]).encode(), "application/json", 400),
        (b"<xml/>", "application/xml", 415),
    ],
)
@pytest.mark.parametrize("path", [f"{AT}/1", "/events/sfdcPolling/1"])
async def test_what_nobody_can_read_is_refused(
    world: World, sent: Client, path: str, raw: bytes, kind: str, status: int
) -> None:
    await instance(world)
    assert_error(await sent("POST", path, raw=raw, content_type=kind), status)
    assert await log(world) == []


@pytest.mark.parametrize("named", ["", "x", "1,-2", "1" * 20, ",".join(map(str, range(1, 102)))])
async def test_a_header_that_names_nobody_or_too_many_is_refused(world: World, sent: Client, named: str) -> None:
    await instance(world)
    answer = await sent("POST", AT, SALESFORCE, Element_Instances=named)
    assert_error(answer, 400)
    assert answer.message.startswith("Element-Instances: ")


async def test_strange_names_come_through_everything(world: World, sent: Client) -> None:
    await instance(world)
    for raw in (
        b'{"\\ud800":{"id":1}}',
        b'{"7":{"id":"\\ud83d"}}',
        b'{"a/b~c":[{"id":1e400},{"id":2}]}',
        b'[{"id":1},[]]',
    ):
        assert (await sent("POST", f"{AT}/1", raw=raw)).status == 200
    assert (await world.client("GET", "/instances/1/events")).status == 200
    assert len((await world.client("GET", "/instances/1/events/feed?after=0")).json["events"]) == 4


async def test_one_call_cannot_fill_the_disk_by_naming_many(world: World, sent: Client) -> None:
    for _ in range(3):
        await instance(world)
    records = [{"id": n, "objectType": "ab"[n % 2]} for n in range(200)]
    large = json.dumps({"objects": records, "rest": "x" * 500_000}).encode()
    assert_error(await sent("POST", f"{AT}/1", raw=large), 413)
    assert await log(world) == []
    assert (await sent("POST", f"{AT}/1", {"objects": records})).status == 200
    assert len(await log(world)) == 100


async def limited(world: World, **limits: int) -> Client:
    settings = Settings(**limits)  # type: ignore[arg-type]
    webhooks = replace(catalog()[ELEMENT], key="sfdc", id=4711)
    return world.rebuilt(catalog={"sfdc": webhooks}, settings=settings).saying(None)


async def test_too_much_for_one_instance_is_told_when_to_come_back(world: World, sent: Client) -> None:
    await instance(world)
    await instance(world)
    sender = await limited(world, ingest_requests_a_minute=2)
    answers = [await sender("POST", f"{AT}/1", SALESFORCE) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert_error(answers[2], 429)
    assert answers[2].headers["retry-after"] == "30"
    assert (await sender("POST", f"{AT}/2", SALESFORCE)).status == 200
    world.clock[0] += 30_000
    assert (await sender("POST", f"{AT}/1", SALESFORCE)).status == 200


async def test_too_much_from_one_address_is_refused_whatever_it_asks_for(world: World, sent: Client) -> None:
    await instance(world)
    sender = await limited(world, ingest_address_requests_a_minute=3)
    answers: list[Answer] = [
        await sender("POST", path, SALESFORCE) for path in (f"{AT}/1", f"{AT}/99", "/events/x/1", f"{AT}/1")
    ]
    assert [each.status for each in answers] == [200, 404, 404, 429]
    assert answers[3].headers["retry-after"] == "20"


async def test_who_has_not_the_key_uses_nothing_of_an_instances_rate_up(world: World, sent: Client) -> None:
    await instance(world, **{"event.ingest.key": "sesame-sesame"})
    sender = await limited(world, ingest_requests_a_minute=1)
    for _ in range(3):
        assert (await sender("POST", f"{AT}/1", SALESFORCE)).status == 404
    assert (await sender("POST", f"{AT}/1?key=sesame-sesame", SALESFORCE)).status == 200


async def test_an_instance_whose_events_are_off_keeps_what_is_sent_and_delivers_nothing(
    world: World, sent: Client
) -> None:
    await instance(world, **{"event.notification.enabled": "false"})
    await instance(world)
    await world.client("DELETE", "/instances/2/enabled")
    answer = await sent("POST", AT, SALESFORCE, Element_Instances="1,2")
    assert len(answer.json["eventIds"]) == 2
    for number in (1, 2):
        (shown,) = (await world.client("GET", f"/instances/{number}/events")).json
        assert shown["status"] == "NEW"
    assert [lane.state.value for lane in await world.store.lanes() if lane.kind == "deliver"] == ["off"]


async def test_a_filter_counts_for_what_is_sent_as_well(world: World, sent: Client) -> None:
    await instance(world)
    made = await subscribed(world, "instance-1-sfdc-events", filter={"eventTypes": ["unknown"]})
    assert made["config"]["filter"]["eventTypes"] == ["UNKNOWN"]
    await sent("POST", f"{AT}/1", {"id": 1, "action": "update"})
    await sent("POST", f"{AT}/1", {"id": 2})
    found = [(await world.client("GET", f"/notifications/{number}/subscriptions/deliveries")).json for number in (1, 2)]
    assert [made["id"] in {each["subscriptionId"] for each in of} for of in found] == [False, True]


async def test_explain_tells_what_the_provider_sent_beside_what_readings_saw(world: World, sent: Client) -> None:
    await instance(world, **{"event.objects": "contacts"})
    for event in ({"id": 57, "action": "update"}, {"id": "57%"}, {"id": 58}, {"id": 57, "action": "delete"}):
        await sent("POST", f"{AT}/1", event | {"objectType": "contacts"})
        world.clock[0] += 1000
    told = (await world.client("GET", "/instances/1/explain?resource=contacts&objectId=57")).json
    assert [(each["kind"], each["said"]) for each in told["entries"]] == [
        ("sent", "the provider sent that it was updated"),
        ("sent", "the provider sent that it was deleted"),
    ]
    assert told["said"].endswith("; its provider sent it 2 times")
    ((event,), _) = [each["events"] for each in told["entries"]]
    assert (event["sequence"], event["eventType"], event["status"], event["attempts"]) == (1, "UPDATED", "NEW", [])
    early = (await world.client("GET", f"/instances/1/explain?resource=contacts&objectId=57&to={NOW}")).json
    assert len(early["entries"]) == 1


async def test_explain_answers_for_a_resource_that_only_its_provider_sends(world: World, sent: Client) -> None:
    await instance(world)
    await sent("POST", f"{AT}/1", SALESFORCE)
    path = "/instances/1/explain?resource=Contact&objectId="
    told = (await world.client("GET", f"{path}003i000002aXRPTAA4")).json
    assert told["said"] == "Contact/003i000002aXRPTAA4 is not polled; its provider sent it once"
    assert (told["polling"], told["known"], len(told["entries"])) == (None, None, 1)
    said, *_ = lines(told)
    assert said == told["said"]
    assert_error(await world.client("GET", f"{path}other"), 404)
