"""Notifications of topics: posted, listed, read, acknowledged, deleted; an instance's events are among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import ELEMENT, World
from tests.api.subscribed import POLLING, TOPIC, given_to_another_account, happen, posted, subscribed
from tests.api.test_errors import assert_error
from tidings.core.model import LaneKind
from tidings.core.subscription import account_log

AT = "/notifications"


async def test_what_is_posted_comes_back_in_the_platforms_shape(world: World) -> None:
    body = {"severity": "high", "topic": "ops", "message": "Disk ünder 5 %", "from": "ann@example.com"}
    answer = await world.client("POST", AT, body)
    assert answer.status == 200
    assert answer.json == body | {
        "id": 1,
        "createdDate": "2026-09-21T14:13:20Z",
        "active": True,
        "acknowledged": False,
    }
    assert (await world.client("GET", f"{AT}/1")).json == answer.json
    assert world.woken == [account_log(1)]


async def test_severity_and_sender_may_be_left_out(world: World) -> None:
    answer = await world.client("POST", AT, {"topic": "ops", "message": "Hello"})
    assert (answer.json["severity"], answer.json["from"]) == ("medium", "notifications@tidings.local")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "topic: is missing"),
        ({"topic": None, "message": "m"}, "topic: is missing"),
        ({"topic": " ", "message": "m"}, "topic: is missing"),
        ({"topic": "t" * 256, "message": "m"}, "topic: has 256"),
        ({"topic": 7, "message": "m"}, "topic: "),
        ({"topic": "t"}, "message: is missing"),
        ({"topic": "t", "message": "m", "severity": "fatal"}, "severity: "),
        ({"topic": "t", "message": "m", "from": ""}, "from: is missing"),
        ({"topic": TOPIC, "message": "m"}, f"topic: '{TOPIC}' is that of an instance's events"),
    ],
)
async def test_a_post_that_says_too_little_is_refused_by_name(world: World, body: dict[str, Any], says: str) -> None:
    await world.instance()
    answer = await world.client("POST", AT, body)
    assert_error(answer, 400)
    assert answer.message.startswith(says)


async def test_topics_must_be_named_and_an_unknown_one_is_empty(world: World) -> None:
    answer = await world.client("GET", AT)
    assert_error(answer, 400)
    assert answer.message.startswith("topics[]: is missing")
    empty = await world.client("GET", f"{AT}?topics[]=nobody")
    assert (empty.status, empty.json, empty.headers["elements-returned-count"]) == (200, [], "0")


async def test_the_notifications_of_several_topics_are_listed_newest_first(world: World) -> None:
    numbers = [await posted(world, topic) for topic in ("a", "b", "c", "a")]
    listed = await world.client("GET", f"{AT}?topics[]=a&topics[]=c")
    assert [each["id"] for each in listed.json] == [numbers[3], numbers[2], numbers[0]]


async def test_five_notifications_are_five_pages_of_one(world: World) -> None:
    numbers = [await posted(world) for _ in range(5)]
    seen, token = [], None
    while True:
        # A client that sends both a page and a token: the token wins.
        query = f"topics[]=ops&pageSize=1&page=1{f'&nextPage={token}' if token else ''}"
        answer = await world.client("GET", f"{AT}?{query}")
        seen.append([each["id"] for each in answer.json])
        token = answer.headers.get("elements-next-page-token")
        if token is None:
            break
    assert seen == [[number] for number in reversed(numbers)]


async def test_pages_have_numbers_too_and_one_beyond_the_end_is_empty(world: World) -> None:
    numbers = [await posted(world) for _ in range(5)]
    pages = [await world.client("GET", f"{AT}?topics[]=ops&pageSize=2&page={page}") for page in (1, 2, 3, 4, 10**12)]
    down = numbers[::-1]
    assert [[each["id"] for each in page.json] for page in pages] == [down[:2], down[2:4], down[4:], [], []]
    assert "1000" in (await world.client("GET", f"{AT}?topics[]=ops&pageSize=1001")).headers["elements-error"]
    for query in ("pageSize=0", "page=0", "nextPage=x"):
        assert_error(await world.client("GET", f"{AT}?topics[]=ops&{query}"), 400)


async def test_an_instances_events_are_notifications_of_its_topic(world: World) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 7)
    (listed,) = (await world.client("GET", f"{AT}?topics[]={TOPIC}")).json
    (notification,) = await world.store.log_after(1, 0, 1)
    sent = json.loads(notification.body)
    assert (listed["id"], listed["topic"], listed["from"]) == (notification.number, TOPIC, sent["user"])
    assert listed["message"] == sent["message"]
    assert (await world.client("GET", f"{AT}/{notification.number}")).json == listed
    assert (await world.client("GET", f"{AT}?topics[]=instance-1-{ELEMENT}x-events")).json == []


async def test_an_acknowledged_notification_says_so(world: World) -> None:
    number = await posted(world)
    answer = await world.client("PUT", f"{AT}/{number}/acknowledge")
    assert (answer.status, answer.json["id"], answer.json["acknowledged"]) == (200, number, True)
    assert (await world.client("GET", f"{AT}/{number}")).json == answer.json


async def test_a_deleted_notification_is_found_nowhere(world: World) -> None:
    number = await posted(world)
    assert (await world.client("DELETE", f"{AT}/{number}")).status == 200
    assert (await world.client("GET", f"{AT}?topics[]=ops")).json == []
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/acknowledge")):
        assert_error(await world.client(method, f"{AT}/{number}{path}"), 404)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("PUT", "/acknowledge")])
async def test_what_is_unknown_or_anothers_is_not_found(world: World, tmp_path: Path, method: str, path: str) -> None:
    await world.instance(configuration=POLLING)
    await happen(world, 7)
    given_to_another_account(tmp_path, "instance")
    for number in ("1", "2", "-1", "99999999999999999999999"):
        assert_error(await world.client(method, f"{AT}/{number}{path}"), 404)
    assert (await world.client("GET", f"{AT}?topics[]={TOPIC}")).json == []


async def test_a_post_wakes_those_who_subscribe_to_its_topic(world: World) -> None:
    made = await subscribed(world, "ops")
    for lane in await world.store.claim(LaneKind.DELIVER, "w", world.clock[0], world.clock[0] + 1, 9):
        await world.store.release(lane, due_at=world.clock[0] + 10**6)
    await posted(world)
    (lane,) = await world.store.claim(LaneKind.DELIVER, "w", world.clock[0], world.clock[0] + 1, 9)
    assert lane.key == str(made["id"])


async def test_a_mail_becomes_a_notification_and_the_answer_says_that_none_is_sent(world: World) -> None:
    mail = {"to": "bob@example.com", "subject": "Hi", "message": "Hello"}
    answer = await world.client("POST", f"{AT}/emails", mail | {"from": "ann@example.com"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["elements-error"].startswith("No mail is sent")
    (kept,) = (await world.client("GET", f"{AT}?topics[]=emails")).json
    assert (json.loads(kept["message"]), kept["from"]) == (mail, "ann@example.com")


@pytest.mark.parametrize("mail", [{}, {"to": ""}, {"to": None, "message": "x"}, {"subject": "x"}])
async def test_a_mail_to_nobody_is_refused(world: World, mail: dict[str, Any]) -> None:
    answer = await world.client("POST", f"{AT}/emails", mail)
    assert_error(answer, 400)
    assert answer.message.startswith("to: is missing")
