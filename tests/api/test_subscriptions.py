"""Who gets which notifications, where and how: made, listed, read, changed, deleted, rotated and redriven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, NOW, World
from tests.api.subscribed import (
    DOWN,
    POLLING,
    TOPIC,
    URL,
    given_to_another_account,
    happen,
    posted,
    subscribed,
    tried,
)
from tests.api.test_errors import assert_error
from tidings.api.answers import iso
from tidings.core.deliverycursor import decode
from tidings.core.model import EventType, FailurePolicy, LaneKind
from tidings.core.retry import SCHEDULE
from tidings.core.subscription import Format, account_log

AT = "/notifications/subscriptions"
OWN = "event.notification."


async def stored(world: World, made: dict[str, Any]) -> Any:
    found = await world.store.subscription(made["id"])
    assert found is not None
    return found


async def test_a_subscription_has_the_platforms_shape_and_what_we_add(world: World) -> None:
    made = await subscribed(world, "ops", "b")
    assert made == {
        "id": 1,
        "channel": "webhook",
        "topics": ["ops", "b"],
        "config": {
            "url": URL,
            "signatureKey": None,
            "headers": {},
            "basic": None,
            "format": "platform",
            "filter": None,
            "schedule": list(SCHEDULE),
            "jitter": 0.0,
            "rate": None,
            "concurrency": 8,
            "policy": None,
        },
        "active": True,
        "reason": None,
        "createdDate": "2026-09-21T14:13:20Z",
        "stoppedDate": None,
        "source": "api",
        "instanceId": None,
        "formerKeysUntil": [],
    }
    assert (await world.client("GET", f"{AT}/1")).json == made
    listed = await world.client("GET", AT)
    assert (listed.json, listed.headers["elements-returned-count"]) == ([made], "1")
    assert world.woken == [account_log(1)]


async def test_all_that_can_be_configured_is_kept_and_secrets_are_masked(world: World) -> None:
    await world.instance(configuration=POLLING)
    config = {
        "signatureKey": "canary-key",
        "headers": {"X-Api-Key": "canary-header"},
        "basic": {"username": "me", "password": "canary-password"},
        "format": "cloudevents",
        "filter": {"resources": ["contacts"], "eventTypes": ["updated"], "changed": ["/status/name"]},
        "schedule": [1, 2.5],
        "jitter": 0.5,
        "rate": 2.5,
        "concurrency": 2,
        "policy": "queue",
    }
    made = await subscribed(world, TOPIC, **config)
    assert "canary" not in json.dumps(made)
    assert made["config"]["filter"] == config["filter"] | {"eventTypes": ["UPDATED"]}  # type: ignore[operator]
    found = await stored(world, made)
    assert (found.instance_id, found.keys[0].key, found.headers) == (1, "canary-key", {"X-Api-Key": "canary-header"})
    assert found.basic is not None
    assert (found.basic.username, found.basic.password) == ("me", "canary-password")
    assert (found.format, found.filter.types) == (Format.CLOUDEVENTS, (EventType.UPDATED,))
    assert (found.schedule, found.jitter, found.rate, found.concurrency) == ((1.0, 2.5), 0.5, 2.5, 2)
    assert found.policy is FailurePolicy.QUEUE
    # What GET shows can be written back, and changes nothing.
    for method in ("PUT", "PATCH"):
        again = await world.client(method, f"{AT}/{made['id']}", made | {"active": None})
        assert again.json == made
    assert await stored(world, made) == found


async def test_an_instance_may_have_several_and_its_callback_is_one_of_them(world: World) -> None:
    await world.instance(configuration=POLLING)
    made = await subscribed(world, TOPIC)
    own, other = (await world.client("GET", AT)).json
    assert (own["topics"], own["config"]["url"], own["source"], own["active"]) == ([TOPIC], URL, "instance", True)
    assert (other, other["source"], other["instanceId"]) == (made, "api", 1)
    assert (await world.client("GET", f"{AT}/{own['id']}")).json == own


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "channel: is missing"),
        ({"channel": "webhook"}, "topics: is missing"),
        ({"channel": "pigeon", "topics": ["a"], "config": {"url": URL}}, "channel: is 'pigeon'"),
        ({"channel": "webhook", "topics": [], "config": {"url": URL}}, "topics: is missing"),
        ({"channel": "webhook", "topics": [" "], "config": {"url": URL}}, "topics[0]: is missing"),
        ({"channel": "webhook", "topics": "a", "config": {"url": URL}}, "topics: "),
        ({"channel": "webhook", "topics": ["a"]}, "config: is missing"),
        ({"channel": "webhook", "topics": ["a"], "config": {}}, "config.url: is missing"),
        ({"channel": "webhook", "topics": ["a"], "config": {"url": None}}, "config.url: is missing"),
        ({"channel": "email", "topics": ["a"], "config": {"url": None}}, "config.url: is missing"),
        ({"channel": "webhook", "topics": [TOPIC, "a"], "config": {"url": URL}}, "topics: has instance-1"),
        ({"channel": "webhook", "topics": [TOPIC], "config": {"url": URL}, "after": 7}, "after: is 7"),
    ],
)
async def test_a_subscription_that_says_too_little_is_refused_by_name(
    world: World, body: dict[str, Any], says: str
) -> None:
    await world.instance()
    answer = await world.client("POST", AT, body)
    assert_error(answer, 400)
    assert answer.message.startswith(says)
    assert await world.store.subscriptions(1) == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"url": 7}, "config.url: is no text"),
        ({"url": "ftp://x.example"}, "config.url: must begin with"),
        ({"url": "http://127.0.0.1/hook"}, "config.url: points at 127.0.0.1"),
        ({"url": "http://10.0.0.8/hook"}, "config.url: points at 10.0.0.8"),
        ({"url": "https://u:p@x.example/"}, "config.url: must not carry"),
        ({"url": "https://x.example/" + "a" * 1000}, "config.url: has 1018 characters"),
        ({"signaturekey": "x"}, "config.signaturekey: is unknown"),
        ({"signatureKey": 7}, "config.signatureKey: is no text"),
        ({"signatureKey": "k" * 129}, "config.signatureKey: has 129"),
        ({"signatureKey": "whsec_?"}, "config.signatureKey: what follows"),
        ({"signatureKey": "********"}, "config.signatureKey: ********"),
        ({"headers": ["a"]}, "config.headers: is no object"),
        ({"headers": {"Host": "x"}}, "config.headers: sets 'Host'"),
        ({"headers": {"X": "********"}}, "config.headers.X: ********"),
        ({"basic": "me"}, "config.basic: is no login"),
        ({"basic": {"password": "x"}}, "config.basic.username: is missing"),
        ({"basic": {"username": 7}}, "config.basic.username: is no text"),
        ({"basic": {"username": "a", "password": "********"}}, "config.basic.password: ********"),
        ({"basic": {"username": "a"}, "headers": {"Authorization": "x"}}, "config.basic.username: and an Auth"),
        ({"format": "xml"}, "config.format: is 'xml': write platform or cloudevents"),
        ({"filter": "contacts"}, "config.filter: is no object"),
        ({"filter": {"resource": ["contacts"]}}, "config.filter.resource: is unknown"),
        ({"filter": {"resources": "contacts"}}, "config.filter.resources: is no list"),
        ({"filter": {"resources": [7]}}, "config.filter.resources[0]: is no text"),
        ({"filter": {"eventTypes": ["CREATED", "GONE"]}}, "config.filter.eventTypes[1]: is 'GONE'"),
        ({"filter": {"changed": ["status/name"]}}, "config.filter.changed[0]: 'status/name' is no JSON pointer"),
        ({"filter": {"changed": ["/a~2"]}}, "config.filter.changed[0]: '/a~2' is no JSON pointer"),
        ({"filter": {"changed": ["/a"], "eventTypes": ["DELETED"]}}, "config.filter.changed: passes updates alone"),
        ({"schedule": []}, "config.schedule: is no list of 1 to 50"),
        ({"schedule": [4, -1]}, "config.schedule[1]: is `-1`"),
        ({"schedule": [1e9]}, "config.schedule[0]: is 1e+09"),
        ({"jitter": 2}, "config.jitter: is 2"),
        ({"rate": 0}, "config.rate: is `0`"),
        ({"rate": 1e6}, "config.rate: is 1e+06"),
        ({"concurrency": 0}, "config.concurrency: is `0`"),
        ({"concurrency": 1.5}, "config.concurrency: is `1.5`"),
        ({"concurrency": 101}, "config.concurrency: is 101"),
        ({"policy": "drop"}, "config.policy: is 'drop': write retry or queue"),
        ({"rate": "\ud800"}, "config.rate: contains half of a surrogate pair"),
    ],
)
async def test_what_cannot_be_configured_is_refused_by_name(world: World, config: dict[str, Any], says: str) -> None:
    await world.instance()
    wanted = {"channel": "webhook", "topics": [TOPIC], "config": {"url": URL} | config}
    answer = await world.client("POST", AT, wanted)
    assert_error(answer, 400)
    assert answer.message.startswith(says)
    assert await world.store.subscriptions(1) == []
    if config.keys() & {"basic", "headers"} and "********" in json.dumps(config):
        return
    made = await subscribed(world, TOPIC)
    assert_error(await world.client("PATCH", f"{AT}/{made['id']}", {"config": config}), 400)
    assert (await world.client("GET", f"{AT}/{made['id']}")).json == made


async def test_an_address_whose_name_leads_inside_is_refused(world: World) -> None:
    async def refuse(url: str) -> str | None:
        return "resolves to 10.0.0.1"

    client = world.rebuilt(refuse_name=refuse)
    answer = await client("POST", AT, {"channel": "webhook", "topics": ["a"], "config": {"url": URL}})
    assert_error(answer, 400)
    assert answer.message == "config.url: resolves to 10.0.0.1"
    made = await subscribed(world)
    assert (await client("PATCH", f"{AT}/{made['id']}", {"config": {"rate": 1}})).status == 200
    assert (await client("PATCH", f"{AT}/{made['id']}", {"config": {"url": URL + "2"}})).status == 400


async def test_other_channels_are_kept_and_say_that_nothing_is_delivered(world: World) -> None:
    answer = await world.client("POST", AT, {"channel": "email", "topics": ["ops"], "config": {"url": "a@b.example"}})
    assert (answer.json["channel"], answer.json["active"]) == ("email", False)
    assert "only webhooks" in answer.json["reason"]
    assert await world.store.lanes(LaneKind.DELIVER) == []


async def test_of_an_accounts_topics_a_filter_can_say_no_more(world: World) -> None:
    wanted = {"channel": "webhook", "topics": ["ops"], "config": {"url": URL, "filter": {"eventTypes": ["CREATED"]}}}
    answer = await world.client("POST", AT, wanted)
    assert_error(answer, 400)
    assert answer.message.startswith("config.filter: chooses among the events of an instance")


async def test_a_patch_changes_what_it_names_and_a_put_all_of_it(world: World) -> None:
    made = await subscribed(world, "ops", signatureKey="canary-key", rate=5, headers={"X-A": "1", "X-B": "2"})
    at = f"{AT}/{made['id']}"
    patched = await world.client("PATCH", at, {"config": {"rate": 7, "headers": {"X-A": "********"}}})
    assert patched.json["config"] == made["config"] | {"rate": 7.0, "headers": {"X-A": "********"}}
    assert (await stored(world, made)).headers == {"X-A": "1"}
    put = await world.client("PUT", at, {"config": {"url": URL + "/2", "signatureKey": "********"}})
    defaults: dict[str, Any] = {"url": URL + "/2", "signatureKey": "********", "rate": None, "headers": {}}
    assert put.json["config"] == made["config"] | defaults
    assert (await stored(world, made)).keys[0].key == "canary-key"
    unsigned = await world.client("PUT", at, {"config": {"url": URL}})
    assert unsigned.json["config"]["signatureKey"] is None
    nothing: list[dict[str, Any]] = [{}, {"config": {}}, {"config": {"url": None}}]
    for body in nothing:
        assert_error(await world.client("PUT", at, body), 400)
    fixed: list[tuple[dict[str, Any], str]] = [({"channel": "sms"}, "channel: "), ({"after": 0}, "after: ")]
    for body, says in [*fixed, ({"topics": []}, "topics: ")]:
        answer = await world.client("PATCH", at, body)
        assert_error(answer, 400)
        assert answer.message.startswith(says)


async def test_another_filter_holds_for_what_is_logged_from_then_on(world: World) -> None:
    await world.instance(configuration=POLLING)
    made = await subscribed(world, TOPIC)
    await happen(world, 1, 2)
    await world.client("PATCH", f"{AT}/{made['id']}", {"config": {"filter": {"eventTypes": ["DELETED"]}}})
    found = await stored(world, made)
    assert [(cut.after, cut.filter.types) for cut in found.cuts] == [(0, ()), (2, (EventType.DELETED,))]


async def test_topics_can_be_changed_within_their_log_alone(world: World) -> None:
    await world.instance()
    made = await subscribed(world, "ops")
    at = f"{AT}/{made['id']}"
    await posted(world)
    changed = await world.client("PATCH", at, {"topics": ["b", "c"]})
    assert changed.json["topics"] == ["b", "c"]
    assert [(cut.after, cut.filter.resources) for cut in (await stored(world, made)).cuts] == [
        (0, ("ops",)),
        (1, ("b", "c")),
    ]
    answer = await world.client("PATCH", at, {"topics": [TOPIC]})
    assert_error(answer, 400)
    assert answer.message.startswith("topics: are found in another log")


async def test_a_subscription_begins_now_or_where_it_is_told_to(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 1, 2)
    wanted = {"channel": "webhook", "topics": [TOPIC], "config": {"url": URL}}
    now = (await world.client("POST", AT, wanted)).json
    early = (await world.client("POST", AT, wanted | {"after": 0})).json
    for made, count in ((now, 0), (early, 1)):
        found = await world.store.deliveries(1, subscription_id=made["id"])
        assert len(found) == count


async def test_one_that_begins_within_a_notification_gets_it_whole(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 1, 2, 3, 4, max_events=2)
    wanted = {"channel": "webhook", "topics": [TOPIC], "config": {"url": URL}, "after": 1}
    made = (await world.client("POST", AT, wanted)).json
    assert len(await world.store.deliveries(1, subscription_id=made["id"])) == 2
    lanes = {lane.key: lane for lane in await world.store.claim(LaneKind.DELIVER, "w", NOW, NOW + 1000, 9)}
    assert decode(lanes[str(made["id"])].cursor).offset == 0


async def test_one_whose_instance_has_no_callback_any_more_is_not_active_and_says_why(world: World) -> None:
    await world.instance(configuration=POLLING)
    await world.client("PATCH", "/instances/1", {"configuration": {OWN + "callback.url": None}})
    ((own,)) = (await world.client("GET", AT)).json
    assert (own["active"], own["stoppedDate"]) == (False, iso(NOW))
    assert "no callback URL" in own["reason"]
    metrics = await world.client("GET", "//metrics")
    assert f'tidings_subscription_active{{instance="1",subscription="{own["id"]}"}} 0' in metrics.body.decode()
    await world.client("PATCH", "/instances/1", {"configuration": {OWN + "callback.url": URL}})
    ((again,)) = (await world.client("GET", AT)).json
    assert (again["id"], again["active"], again["reason"]) == (own["id"], True, None)


async def test_what_the_instances_configuration_says_is_changed_there(world: World) -> None:
    await world.instance(configuration=POLLING | {OWN + "signature.key": "canary-key"})
    ((own,)) = (await world.client("GET", AT)).json
    at = f"{AT}/{own['id']}"
    for config in ({"url": URL + "2"}, {"signatureKey": "x"}, {"headers": {"A": "b"}}, {"basic": {"username": "a"}}):
        answer = await world.client("PATCH", at, {"config": config})
        assert_error(answer, 400)
        assert "PATCH /instances/1 with event.notification." in answer.message
    for method in ("PUT", "PATCH"):
        assert (await world.client(method, at, own | {"active": None})).json == own
    changed = await world.client("PUT", at, {"config": {"policy": "queue", "filter": {"resources": ["contacts"]}}})
    assert changed.json["config"] == own["config"] | {"policy": "queue", "filter": {"resources": ["contacts"]}}
    # A change of the instance leaves what only the subscription says.
    await world.client("PATCH", "/instances/1", {"configuration": {OWN + "callback.url": URL + "2"}})
    (followed,) = (await world.client("GET", AT)).json
    assert followed["config"] == changed.json["config"] | {"url": URL + "2"}
    assert followed["id"] == own["id"]


async def test_an_instances_own_subscription_can_be_deleted_and_a_change_makes_it_anew(world: World) -> None:
    await world.instance(configuration=POLLING)
    (own,) = (await world.client("GET", AT)).json
    assert (await world.client("DELETE", f"{AT}/{own['id']}")).status == 200
    assert_error(await world.client("GET", f"{AT}/{own['id']}"), 404)
    assert (await world.client("GET", AT)).json == []
    await world.client("PATCH", "/instances/1", {"name": "Acme"})
    (anew,) = (await world.client("GET", AT)).json
    assert anew["id"] != own["id"]


async def test_a_stopped_subscription_goes_on_when_it_is_made_active(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 1)
    (own,) = (await world.client("GET", AT)).json
    await tried(world, own["id"], DOWN, stop="gone (410)")
    at = f"{AT}/{own['id']}"
    stopped = (await world.client("GET", at)).json
    assert (stopped["active"], stopped["reason"], stopped["stoppedDate"]) == (
        False,
        "gone (410)",
        "2026-09-21T14:13:20Z",
    )
    assert (await world.client("PATCH", at, {"config": {"rate": 1}})).json["active"] is False
    world.woken.clear()
    going = (await world.client("PATCH", at, {"active": True})).json
    assert (going["active"], going["reason"], going["stoppedDate"], world.woken) == (True, None, None, [1])
    assert len(await world.store.waiting(own["id"], 9)) == 1
    resting = (await world.client("PATCH", at, {"active": False})).json
    assert (resting["active"], resting["reason"]) == (False, "stopped by a person")
    assert await world.store.is_queueing(own["id"])


async def test_a_key_is_rotated_with_an_overlap(world: World) -> None:
    made = await subscribed(world, signatureKey="canary-old")
    at = f"{AT}/{made['id']}/rotate"
    rotated = await world.client("POST", at, {"key": "canary-new", "overlapMinutes": 2})
    assert rotated.status == 200
    assert "canary" not in rotated.body.decode()
    assert rotated.json["formerKeysUntil"] == ["2026-09-21T14:15:20Z"]
    found = await stored(world, made)
    assert [found.keys_at(at) for at in (NOW, NOW + 120_000)] == [["canary-old", "canary-new"], ["canary-new"]]
    await world.client("POST", at, {"key": "canary-third"})
    found = await stored(world, made)
    assert found.keys_at(NOW + 86_399_000) == ["canary-new", "canary-third"]
    await world.client("POST", at, {"key": "canary-last", "overlapMinutes": 0})
    assert (await stored(world, made)).keys_at(NOW + 121_000) == ["canary-new", "canary-last"]


async def test_the_key_of_an_instances_own_subscription_is_rotated_in_its_configuration(world: World) -> None:
    await world.instance(configuration=POLLING | {OWN + "signature.key": "canary-old"})
    (own,) = (await world.client("GET", AT)).json
    rotated = await world.client("POST", f"{AT}/{own['id']}/rotate", {"key": "canary-new", "overlapMinutes": 90})
    assert rotated.status == 200
    instance = await world.store.instance(1)
    assert instance is not None
    assert instance.secrets[OWN + "signature.key"] == "canary-new"
    assert instance.configuration[OWN + "signature.overlap"] == "90"
    found = await stored(world, own)
    assert [found.keys_at(at) for at in (NOW, NOW + 90 * 60_000)] == [["canary-old", "canary-new"], ["canary-new"]]
    # The next rotation without a word keeps the overlap that was chosen.
    await world.client("POST", f"{AT}/{own['id']}/rotate", {"key": "canary-third"})
    assert (await stored(world, own)).keys_at(NOW + 89 * 60_000) == ["canary-old", "canary-new", "canary-third"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "key: is no text"),
        ({"key": " "}, "key: is no text"),
        ({"key": "********"}, "key: ********"),
        ({"key": "x", "overlapMinutes": -1}, "overlapMinutes: is `-1`"),
        ({"key": "x", "overlapMinutes": 43201}, "overlapMinutes: is 43201"),
        ({"key": "x", "overlapMinutes": "soon"}, "overlapMinutes: is `soon`"),
    ],
)
async def test_a_rotation_that_cannot_be_made_is_refused_by_name(world: World, body: dict[str, Any], says: str) -> None:
    made = await subscribed(world, signatureKey="canary-old")
    answer = await world.client("POST", f"{AT}/{made['id']}/rotate", body)
    assert_error(answer, 400)
    assert answer.message.startswith(says)
    assert (await stored(world, made)).keys_at(NOW) == ["canary-old"]


async def test_what_failed_since_a_moment_is_redriven(world: World) -> None:
    await world.instance(configuration=POLLING)
    for each in (1, 2, 3):
        await happen(world, each)
    (own,) = (await world.client("GET", AT)).json
    await tried(world, own["id"], DOWN, DOWN, stop="exhausted")
    world.clock[0] += 60_000
    at = f"{AT}/{own['id']}/redrive"
    nothing = await world.client("POST", at, {"since": "2026-09-21T14:13:21Z"})
    assert nothing.json == {"subscriptionId": own["id"], "since": "2026-09-21T14:13:21Z", "redriven": 0}
    assert (await world.client("GET", f"{AT}/{own['id']}")).json["active"] is False
    redriven = await world.client("POST", at, {"since": "2026-09-21T14:13:20Z"})
    assert redriven.json["redriven"] == 2
    assert [each.due_at for each in await world.store.waiting(own["id"], 9)] == [world.clock[0]] * 2
    assert (await world.client("GET", f"{AT}/{own['id']}")).json["active"] is True
    assert (await world.client("POST", at, {})).json["redriven"] == 2
    assert_error(await world.client("POST", at, {"since": "yesterday"}), 400)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {"active": True}),
        ("PUT", "", {"config": {"url": URL}}),
        ("POST", "/rotate", {"key": "x"}),
        ("POST", "/redrive", {}),
    ],
)
async def test_what_is_not_of_the_callers_account_is_not_found(
    world: World, tmp_path: Path, method: str, path: str, body: Any
) -> None:
    await subscribed(world)
    given_to_another_account(tmp_path, "subscription")
    for number in ("1", "2", "-1", "99999999999999999999999"):
        assert_error(await world.client(method, f"{AT}/{number}{path}", body), 404)
    assert (await world.client("GET", AT)).json == []
    found = await world.store.subscription(1)
    assert found is not None
    assert (found.url, found.active) == (URL, True)


async def test_the_topic_of_another_accounts_instance_is_a_topic_of_ones_own(world: World, tmp_path: Path) -> None:
    await world.instance()
    given_to_another_account(tmp_path, "instance")
    made = await subscribed(world, TOPIC)
    assert made["instanceId"] is None
    assert (await stored(world, made)).instance_id == account_log(1)


async def test_an_instance_of_another_element_has_another_topic(world: World) -> None:
    await world.instance()
    assert (await subscribed(world, f"instance-1-{ELEMENT}x-events"))["instanceId"] is None
