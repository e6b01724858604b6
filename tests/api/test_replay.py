"""A replay is asked for, shown and stopped; what cannot be is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.api.conftest import NOW, World
from tests.api.test_errors import assert_error
from tests.api.test_events import POLLING, _happen
from tidings.core.model import Attempt, LaneKind, Outcome
from tidings.core.replay import Replay, ReplayState
from tidings.core.subscription import Channel
from tidings.store.subscribing import NewSubscription

PATH = "/instances/1/events/replay"


@pytest.fixture
async def logged(world: World) -> World:
    """Notifications of the sequences 1, 2–4, 5–6 and 7, logged a second apart from NOW on."""
    await world.instance(configuration=POLLING)
    for count in (1, 3, 2, 1):
        await _happen(world, *range(count))
    return world


async def plan(world: World, **body: Any) -> tuple[int, int, int, int]:
    """From, to, events and notifications of a dry run."""
    answer = await world.client("POST", PATH, {"dryRun": True} | body)
    assert answer.status == 200, answer.body
    return tuple(answer.json[name] for name in ("fromSequence", "toSequence", "events", "notifications"))


async def other(world: World, **more: Any) -> int:
    values: dict[str, Any] = {"account_id": 1, "instance_id": 1, "topics": ("t",), "url": "https://o.example"} | more
    return (await world.store.create_subscription(NewSubscription(**values), NOW)).id


async def finish(world: World, **changes: Any) -> Replay:
    (lane,) = await world.store.claim(LaneKind.REPLAY, "w", NOW, NOW + 60_000, 1)
    found = await world.store.replay(int(lane.key))
    assert found is not None
    ended = replace(found, finished_at=NOW + 1500, **changes)
    await world.store.commit_replay(lane, ended, [], release=True, due_at=NOW, lease_until=NOW)
    return ended


async def test_a_replay_is_accepted_with_what_it_will_send_and_its_lane_is_due(logged: World) -> None:
    answer = await logged.client("POST", PATH, {"from": 3})
    assert answer.status == 202
    assert answer.json == {
        "id": 1,
        "instanceId": 1,
        "subscriptionId": 1,
        "state": "running",
        "reason": None,
        "fromSequence": 2,
        "toSequence": 7,
        "notifications": 3,
        "events": 6,
        "sent": 0,
        "failed": 0,
        "position": 1,
        "rate": 50.0,
        "createdDate": "2026-09-21T14:13:20Z",
        "finishedDate": None,
    }
    assert logged.woken[-1] == 1
    (lane,) = await logged.store.claim(LaneKind.REPLAY, "w", NOW, NOW + 1, 1)
    assert lane.key == "1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"from": None}, (1, 7, 7, 4)),
        ({"from": 1, "to": None}, (1, 7, 7, 4)),
        ({"from": 2, "to": 4}, (2, 4, 3, 1)),
        ({"from": 4, "to": 5}, (2, 6, 5, 2)),
        ({"from": 7, "to": 1000}, (7, 7, 1, 1)),
        ({"from": 8}, (8, 7, 0, 0)),
        ({"from": "2026-09-21T14:13:20Z"}, (1, 7, 7, 4)),
        ({"from": "2026-09-21T16:13:20+02:00", "to": "2026-09-21T14:13:20Z"}, (1, 7, 7, 4)),
        ({"from": "2026-09-21T14:13:21Z"}, (8, 7, 0, 0)),
        ({"from": None, "to": "2026-09-21T14:13:19Z"}, (1, 0, 0, 0)),
        ({"from": 5, "to": "2026-09-21T14:13:20Z"}, (5, 7, 3, 2)),
    ],
)
async def test_a_dry_run_says_how_much_it_would_be_and_makes_nothing(logged: World, body: Any, expected: Any) -> None:
    assert await plan(logged, **body) == expected
    assert (await logged.client("GET", PATH)).json == []


async def test_notifications_are_named_by_their_ids_in_any_order(logged: World) -> None:
    first, second, third, _ = [each.id for each in await logged.store.log_after(1, 0, 10)]
    assert await plan(logged, ids=[third, first, third]) == (1, 6, 3, 2)
    made = (await logged.client("POST", PATH, {"ids": [second]})).json
    assert (made["notifications"], made["events"]) == (1, 3)
    found = await logged.store.replay(made["id"])
    assert found is not None
    assert found.numbers is not None
    assert len(found.numbers) == 1


async def test_it_goes_to_another_subscription_of_the_account_at_a_rate_of_its_own(logged: World) -> None:
    key = await other(logged)
    made = (await logged.client("POST", PATH, {"from": 1, "subscriptionId": key, "rate": 2.5})).json
    assert (made["subscriptionId"], made["rate"]) == (key, 2.5)


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        ({}, "from: is missing"),
        ({"to": 5}, "from: is missing"),
        ({"form": 5}, "form: "),
        ({"from": 0}, "from: is no place"),
        ({"from": True}, "from: is no place"),
        ({"from": 1.5}, "from: is no place"),
        ({"from": "17"}, "from: is no place"),
        ({"from": "yesterday"}, "from: 'yesterday'"),
        ({"from": "2026-09-21T14:13:20"}, "from: "),
        ({"from": 1, "to": "soon"}, "to: 'soon'"),
        ({"from": 5, "to": 2}, "to: lies before from"),
        ({"from": "2026-09-21T14:13:20Z", "to": "2026-09-21T14:13:19Z"}, "to: lies before from"),
        ({"from": None, "rate": 0}, "rate: "),
        ({"from": None, "rate": 1e-300}, "rate: "),
        ({"from": None, "rate": 1001}, "rate: "),
        ({"ids": []}, "ids: has 0 ids"),
        ({"ids": ["x"] * 1}, "ids: has 'x'"),
        ({"ids": [str(n) for n in range(1001)]}, "ids: has 1001 ids"),
        ({"ids": ["x"], "from": 1}, "ids: cannot be given together"),
        ({"from": 1, "subscriptionId": 0}, "subscriptionId: "),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(logged: World, body: Any, begins: str) -> None:
    answer = await logged.client("POST", PATH, body)
    assert_error(answer, 400)
    assert answer.message.startswith(begins)
    assert await logged.store.replays(1) == []


async def test_what_is_no_longer_kept_is_gone_and_the_oldest_is_told(logged: World) -> None:
    await logged.store.stop(1, "late", NOW - 10)
    await logged.store.drop_before(1, NOW + 1, 2)
    await logged.store.reactivate(1, NOW)
    answer = await logged.client("POST", PATH, {"from": 4})
    assert (answer.status, answer.json["oldestSequence"]) == (410, 5)
    assert await plan(logged, **{"from": None}) == (5, 7, 3, 2)


async def test_a_subscription_that_gets_nothing_now_is_refused_with_what_to_do(logged: World) -> None:
    await logged.store.stop(1, "the receiver answered 410", NOW)
    answer = await logged.client("POST", PATH, {"from": 1})
    assert_error(answer, 409)
    assert "the receiver answered 410" in answer.message
    assert "PATCH /instances/1 " in answer.message
    key = await other(logged)
    await logged.store.stop(key, "enough", NOW)
    answer = await logged.client("POST", PATH, {"from": 1, "subscriptionId": key})
    assert f"/notifications/subscriptions/{key}" in answer.message
    await logged.client("DELETE", "/instances/1/enabled")
    await logged.store.reactivate(1, NOW)


async def test_a_disabled_instance_is_sent_nothing(logged: World) -> None:
    await logged.client("DELETE", "/instances/1/enabled")
    assert_error(await logged.client("POST", PATH, {"from": 1}), 409)


async def test_to_nobody_and_to_what_is_no_webhook_nothing_can_be_sent(world: World) -> None:
    await world.instance()
    answer = await world.client("POST", PATH, {"from": None})
    assert_error(answer, 400)
    assert answer.message.startswith("subscriptionId: is missing")
    for key, more in (("channel", Channel.EMAIL), ("instance_id", -1)):
        number = await other(world, **{key: more})
        answer = await world.client("POST", PATH, {"from": None, "subscriptionId": number})
        assert_error(answer, 400)
        assert answer.message.startswith("subscriptionId: names one for")
    assert_error(await world.client("POST", PATH, {"from": None, "subscriptionId": 99}), 404)


async def test_it_is_shown_with_how_far_it_is_and_what_it_came_to(logged: World) -> None:
    await logged.client("POST", PATH, {"from": None})
    await finish(logged, state=ReplayState.FAILED, sent=2, failed=1, position=4, reason="the receiver answered 410")
    shown = (await logged.client("GET", f"{PATH}/1")).json
    assert (shown["state"], shown["sent"], shown["failed"], shown["notifications"]) == ("failed", 2, 1, 4)
    assert (shown["position"], shown["finishedDate"]) == (4, "2026-09-21T14:13:21Z")
    assert shown["reason"] == "the receiver answered 410"
    await logged.client("POST", PATH, {"from": None})
    await finish(logged, state=ReplayState.DONE, sent=3, position=7)
    assert (await logged.client("GET", f"{PATH}/2")).json["notifications"] == 3


async def test_replays_are_listed_newest_first_a_page_at_a_time(logged: World) -> None:
    for _ in range(5):
        await logged.client("POST", PATH, {"from": None})
    first = await logged.client("GET", f"{PATH}?pageSize=3")
    assert [each["id"] for each in first.json] == [5, 4, 3]
    token = first.headers["elements-next-page-token"]
    second = await logged.client("GET", f"{PATH}?pageSize=3&nextPage={token}")
    assert [each["id"] for each in second.json] == [2, 1]
    assert "elements-next-page-token" not in second.headers
    assert second.headers["elements-returned-count"] == "2"


async def test_one_that_runs_is_stopped_and_one_that_is_over_stays_as_it_is(logged: World) -> None:
    await logged.client("POST", PATH, {"from": None})
    stopped = (await logged.client("DELETE", f"{PATH}/1")).json
    assert (stopped["state"], stopped["reason"]) == ("stopped", "somebody stopped it")
    assert await logged.store.claim(LaneKind.REPLAY, "w", NOW, NOW + 1, 1) == []
    await logged.client("POST", PATH, {"from": None})
    await finish(logged, state=ReplayState.DONE, sent=4)
    assert (await logged.client("DELETE", f"{PATH}/2")).json["state"] == "done"


async def test_the_element_token_stands_for_the_instance(world: World) -> None:
    made = await world.instance(configuration=POLLING)
    await _happen(world, 7)
    client, path = world.of(made), "/instances/events/replay"
    assert (await client("POST", path, {"from": None})).status == 202
    assert [each["id"] for each in (await client("GET", path)).json] == [1]
    assert (await client("GET", f"{path}/1")).json["state"] == "running"
    assert (await client("DELETE", f"{path}/1")).json["state"] == "stopped"


async def test_a_replay_of_another_instance_is_not_found(logged: World) -> None:
    await logged.client("POST", PATH, {"from": None})
    await logged.instance(name="Other")
    for method in ("GET", "DELETE"):
        assert_error(await logged.client(method, "/instances/2/events/replay/1"), 404)
        assert_error(await logged.client(method, f"{PATH}/2"), 404)
    assert (await logged.client("GET", "/instances/2/events/replay")).json == []


async def test_its_attempts_are_shown_beside_those_of_the_first_delivery(logged: World) -> None:
    await logged.client("POST", PATH, {"from": None})
    (lane,) = await logged.store.claim(LaneKind.REPLAY, "w", NOW, NOW + 60_000, 1)
    found = await logged.store.replay(1)
    assert found is not None
    number = (await logged.store.log_after(1, 0, 1))[0].number
    tries = [(number, Attempt(1, NOW, Outcome(503, "answered 503", None, "", 0.01), 1))]
    await logged.store.commit_replay(lane, found, tries, release=False, due_at=0, lease_until=NOW + 60_000)
    event = (await logged.client("GET", "/instances/1/events")).json[-1]
    assert event["status"] == "NEW"
    assert [(each["status"], each["replayId"]) for each in event["attempts"]] == [(503, 1)]
