"""Where notifications stand with their subscriptions, found by conditions, and sent again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import World
from tests.api.subscribed import (
    DOWN,
    POLLING,
    TAKEN,
    TOPIC,
    URL,
    given_to_another_account,
    happen,
    posted,
    subscribed,
    tried,
)
from tests.api.test_errors import assert_error

AT = "/notifications/subscriptions/deliveries"
OTHER = "https://other.example/hook"


async def scene(world: World, events: int = 3) -> tuple[int, int]:
    """An instance with its own subscription and another one, and some notifications of one event each."""
    await world.instance(configuration=POLLING)
    other = await subscribed(world, TOPIC, url=OTHER)
    for each in range(events):
        await happen(world, each)
    (own, _) = (await world.client("GET", "/notifications/subscriptions")).json
    return own["id"], other["id"]


def stands(answer: Any) -> list[tuple[int, int, str]]:
    return [(each["notificationId"], each["subscriptionId"], each["status"]) for each in answer.json]


async def test_one_delivery_has_the_platforms_shape_and_its_tries(world: World) -> None:
    own, other = await scene(world, 1)
    await tried(world, own, DOWN)
    one = await world.client("GET", f"/notifications/1/subscriptions/{own}/deliveries")
    assert one.json == {
        "notificationId": 1,
        "subscriptionId": own,
        "status": "retry",
        "createdDate": "2026-09-21T14:13:20Z",
        "updatedDate": "2026-09-21T14:13:20Z",
        "attempts": [
            {
                "number": 1,
                "date": "2026-09-21T14:13:20Z",
                "status": 503,
                "error": "the receiver answered 503",
                "tookMs": 10,
            }
        ],
    }
    listed = await world.client("GET", "/notifications/1/subscriptions/deliveries")
    assert stands(listed) == [(1, own, "retry"), (1, other, "created")]
    assert listed.json[0] == one.json


async def test_hydrated_it_has_the_notification_and_the_subscription(world: World) -> None:
    own, other = await scene(world, 1)
    one = (await world.client("GET", f"/notifications/1/subscriptions/{own}/deliveries?hydrate=true")).json
    assert one["notification"] == (await world.client("GET", "/notifications/1")).json
    assert one["subscription"] == (await world.client("GET", f"/notifications/subscriptions/{own}")).json
    for path in ("/notifications/1/subscriptions/deliveries", AT):
        found = (await world.client("GET", f"{path}?hydrate=true")).json
        assert [each["subscription"]["channel"] for each in found] == ["webhook"] * 2
        assert [each["subscription"]["id"] for each in found] == [own, other]
        assert [each["notification"]["id"] for each in found] == [1, 1]
    await world.client("DELETE", "/notifications/1")
    hidden = (await world.client("GET", f"{AT}?hydrate=true")).json
    assert [each["notification"]["active"] for each in hidden] == [False, False]


async def test_deliveries_are_found_by_channel_status_and_address(world: World) -> None:
    own, other = await scene(world)
    await tried(world, own, DOWN, TAKEN)

    async def found(where: str) -> list[tuple[int, int, str]]:
        return stands(await world.client("GET", f"{AT}?where={where}"))

    everything = [
        *((3, own, "created"), (3, other, "created"), (2, own, "delivered"), (2, other, "created")),
        *((1, own, "retry"), (1, other, "created")),
    ]
    assert stands(await world.client("GET", AT)) == await found("channel='webhook'") == everything
    assert await found("channel='sms'") == await found("status='notified'") == []
    for status in ("created", "delivered", "retry", "queued"):
        assert await found(f"status='{status}'") == [each for each in everything if each[2] == status]
    assert await found(f"config.url='{OTHER}'") == [each for each in everything if each[1] == other]
    where = f"channel='webhook' and status='retry' AND config.url='{URL}'"
    assert await found(where) == [(1, own, "retry")]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
async def test_pages_have_no_gap_and_no_repeat_also_within_one_notification(world: World, size: int) -> None:
    await scene(world, 3)
    everything = stands(await world.client("GET", AT))
    seen, query = [], f"pageSize={size}"
    while True:
        answer = await world.client("GET", f"{AT}?{query}")
        seen += stands(answer)
        token = answer.headers.get("elements-next-page-token")
        if token is None:
            break
        query = f"pageSize={size}&page=1&nextPage={token}"
    assert seen == everything
    numbered = [stands(await world.client("GET", f"{AT}?pageSize={size}&page={page}")) for page in range(1, 8)]
    assert [each for page in numbered for each in page] == everything


@pytest.mark.parametrize("token", ["x", "1", "1-", "-1", "1-2-3", f"{2**63}-1", "9" * 5000])
async def test_a_token_that_is_none_of_ours_is_refused_by_name(world: World, token: str) -> None:
    answer = await world.client("GET", f"{AT}?nextPage={token}")
    assert_error(answer, 400)
    assert answer.message.startswith("nextPage: ")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("id='1'", "where: names 'id'; the fields are channel, status, config.url"),
        ("status='lost'", "where: status is 'lost'; write one of created"),
        ("channel='pigeon'", "where: channel is 'pigeon'"),
        ("status!='queued'", "where: has more than"),
        ("status='queued' or status='retry'", "where: has more than"),
        ("status in ('queued')", "where: has more than"),
        ("status=queued", "where: cannot be read"),
        ("status=1", "where: compares status with a bare value"),
        ("status='queued' and status='retry'", "where: names status twice"),
        ("status='queued' and", "where: cannot be read"),
    ],
)
async def test_a_condition_that_cannot_be_met_is_refused_by_name(
    world: World, method: str, where: str, says: str
) -> None:
    answer = await world.client(method, f"{AT}?where={where}")
    assert_error(answer, 400)
    assert answer.message.startswith(says)


async def test_what_is_queued_is_released_and_its_subscription_goes_on(world: World) -> None:
    own, other = await scene(world)
    await tried(world, own, DOWN, stop="exhausted")
    world.woken.clear()
    where = f"channel='webhook' and status='queued' and config.url='{URL}'"
    assert [each[2] for each in stands(await world.client("GET", f"{AT}?where={where}"))] == ["queued"] * 3
    again = await world.client("PUT", f"{AT}?where={where}")
    assert again.status == 200
    assert stands(again) == [(3, own, "created"), (2, own, "created"), (1, own, "retry")]
    assert world.woken == [1]
    assert (await world.client("GET", f"/notifications/subscriptions/{own}")).json["active"] is True
    assert [each.notification.number for each in await world.store.waiting(own, 9)] == [1]
    assert await world.store.waiting(other, 9) == []
    assert (await world.client("PUT", f"{AT}?where={where}")).json == []


async def test_the_same_condition_on_another_address_releases_nothing(world: World) -> None:
    own, _ = await scene(world)
    await tried(world, own, DOWN, stop="exhausted")
    assert (await world.client("PUT", f"{AT}?where=status='queued' and config.url='{OTHER}'")).json == []
    assert (await world.client("GET", f"/notifications/subscriptions/{own}")).json["active"] is False


@pytest.mark.parametrize("query", ["", "?where=", "?where=status='delivered'", "?where=status='created'"])
async def test_a_redelivery_needs_a_condition_of_what_waits(world: World, query: str) -> None:
    answer = await world.client("PUT", AT + query)
    assert_error(answer, 400)
    assert answer.message.startswith("where: ")


async def test_a_posted_notification_stands_with_those_who_hear_its_topic(world: World) -> None:
    made = await subscribed(world, "ops")
    number, elsewhere = await posted(world), await posted(world, "b")
    listed = await world.client("GET", f"/notifications/{number}/subscriptions/deliveries")
    assert stands(listed) == [(number, made["id"], "created")]
    assert (await world.client("GET", f"/notifications/{elsewhere}/subscriptions/deliveries")).json == []
    assert_error(await world.client("GET", f"/notifications/{elsewhere}/subscriptions/{made['id']}/deliveries"), 404)


async def test_what_is_not_of_the_callers_account_is_not_found(world: World, tmp_path: Path) -> None:
    own, _ = await scene(world)
    await tried(world, own, DOWN, stop="exhausted")
    given_to_another_account(tmp_path, "subscription", "instance")
    for path in ("1/subscriptions/deliveries", f"1/subscriptions/{own}/deliveries", "99/subscriptions/deliveries"):
        assert_error(await world.client("GET", f"/notifications/{path}"), 404)
    assert (await world.client("GET", AT)).json == []
    assert (await world.client("PUT", f"{AT}?where=status='queued'")).json == []
    found = await world.store.subscription(own)
    assert found is not None
    assert not found.active
