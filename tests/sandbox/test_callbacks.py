"""Do callbacks arrive as spec connectwise.md 6 says, and get lost where it says so?"""

import asyncio
import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tidings.sandbox.callbacks import TYPES, CallbackChange, CallbackSender, Health, concerns, fared, signing_key

ORIGIN = "http://127.0.0.1:8500"
LINK = f"{ORIGIN}/v4_6_release/apis/3.0//company/contacts/57"
CONTACT: dict[str, Any] = {
    "id": 57,
    "firstName": "Lillie",
    "company": {"id": 2, "identifier": "acme", "name": "Acme", "_info": {"company_href": LINK}},
    "relationshipOverride": "",
    "inactiveFlag": False,
    "portalSecurityLevel": 1,
    "companyLocation": {},
    "communicationItems": [{"id": 1}],
    "types": [{"id": 3, "name": "VIP"}],
    "customFields": [{"id": 15, "value": 1}],
    "_info": {"lastUpdated": "2026-01-01T00:00:00Z", "updatedBy": "apiuser", "notes_href": LINK + "/notes"},
}


class Receiver:
    """Answers with the statuses it was given, then with 204; keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[str, bytes, str]] = []
        self.url = ""
        self.hold: asyncio.Event | None = None

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((request.path_qs, await request.read(), request.headers["x-content-signature"]))
        if self.hold is not None:
            await self.hold.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, _ in self.got]


class Time:
    """A clock that moves only when somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    told = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}/cw?recordId="
    yield told
    await runner.cleanup()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def disabled() -> list[tuple[str, int]]:
    return []


@pytest.fixture
async def sender(time: Time, disabled: list[tuple[str, int]]) -> AsyncIterator[CallbackSender]:
    async with aiohttp.ClientSession() as session:
        made = CallbackSender(
            session,
            lambda: time.now,
            time.sleep,
            disable=lambda company, number: disabled.append((company, number)),
            dice=Random(1),
        )
        await made.start()
        yield made
        await made.close()


def callback(url: str, **members: Any) -> dict[str, Any]:
    return {
        "id": 26604,
        "url": url,
        "objectId": 1,
        "type": "contact",
        "level": "owner",
        "inactiveFlag": False,
        "isSelfSuppressedFlag": False,
        "connectWiseID": "e17e6674-42f6-4105-9cff-4cd6cb4e62e8",
        "_info": {"updatedBy": "apiuser"},
        **members,
    }


def change(action: str = "updated", number: int = 57, **members: Any) -> CallbackChange:
    entity = None if action == "deleted" else CONTACT
    given = {"type": "contact", "id": number, "action": action, "entity": entity, "member": "zAdmin"}
    return CallbackChange(**{**given, "company": "acme", "origin": ORIGIN, **members})


async def test_a_callback_has_the_body_and_the_address_that_were_captured(sender, receiver):
    sender.enqueue(callback(receiver.url), change("added"))
    await sender.idle()
    [(path, raw, _)] = receiver.got
    assert path == "/cw?recordId=57&action=added"
    body = json.loads(raw)
    entity = json.loads(body.pop("Entity"))
    assert UUID(body.pop("MessageId")).version == 4
    assert len(body.pop("PartnerId")) == len(body.pop("ProductInstanceId")) == 24
    assert body == {
        "Action": "added",
        "CallbackObjectRecId": 26604,
        "CompanyId": "acme",
        "FromUrl": "127.0.0.1:8500",
        "ID": 57,
        "MemberId": "zAdmin",
        "Metadata": {
            "key_url": f"{ORIGIN}/v2025_1//system/callbackkey/index.rails"
            "?companyName=acme&id=e17e6674-42f6-4105-9cff-4cd6cb4e62e8"
        },
        "Type": "contact",
    }
    keys = list(json.loads(raw))
    assert keys == sorted(keys, key=str.lower)
    api = f"{ORIGIN}/v2025_1//apis/3.0"
    assert entity == {
        "id": 57,
        "firstName": "Lillie",
        "company": {
            "id": 2,
            "identifier": "acme",
            "name": "Acme",
            "_info": {"company_href": f"{api}/company/contacts/57"},
        },
        "relationship": {"_info": {"relationship_href": f"{api}/company/contacts/relationships/"}},
        "inactiveFlag": False,
        "portalSecurityLevel": 1,
        "_info": {
            "lastUpdated": "2026-01-01T00:00:00Z",
            "updatedBy": "apiuser",
            "notes_href": f"{api}/company/contacts/57/notes",
        },
    }


async def test_a_deleted_record_has_no_entity_and_an_updated_one_no_security_level(sender, receiver):
    sender.enqueue(callback(receiver.url), change("deleted"))
    sender.enqueue(callback(receiver.url), change("updated"))
    await sender.idle()
    deleted, updated = receiver.bodies
    assert deleted["Entity"] is None
    assert "portalSecurityLevel" not in json.loads(updated["Entity"])
    assert [body["Action"] for body in (deleted, updated)] == ["deleted", "updated"]


async def test_the_signature_can_be_checked_with_the_key_of_the_callback(sender, receiver):
    record = callback(receiver.url)
    sender.enqueue(record, change())
    await sender.idle()
    [(_, body, signature)] = receiver.got
    key = hashlib.sha256(signing_key("acme", record["connectWiseID"]).encode()).digest()
    assert b64decode(signature) == hmac.new(key, body, hashlib.sha256).digest()
    assert signing_key("acme", record["connectWiseID"]) != signing_key("acme", "another")


@pytest.mark.parametrize("status", [404, 409, 419, 429])
async def test_a_retried_status_is_tried_after_two_and_four_seconds_with_the_same_message(
    sender, receiver, time, status
):
    receiver.statuses = [status, status]
    sender.enqueue(callback(receiver.url), change())
    await sender.idle()
    assert time.slept == [2, 4]
    assert len(receiver.got) == 3
    assert len(set(receiver.got)) == 1


async def test_after_the_third_refusal_a_message_is_lost_and_the_next_one_comes(sender, receiver, time):
    receiver.statuses = [429, 429, 429]
    sender.enqueue(callback(receiver.url), change(number=1))
    sender.enqueue(callback(receiver.url), change(number=2))
    await sender.idle()
    assert [body["ID"] for body in receiver.bodies] == [1, 1, 1, 2]
    assert time.slept == [2, 4]


@pytest.mark.parametrize("status", [302, 400, 401, 410, 500, 503])
async def test_any_other_status_loses_the_message(sender, receiver, time, status):
    receiver.statuses = [status]
    sender.enqueue(callback(receiver.url), change())
    await sender.idle()
    assert len(receiver.got) == 1
    assert time.slept == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/?recordId=", "nonsense"])
async def test_an_address_where_nobody_answers_loses_the_message(sender, time, url):
    sender.enqueue(callback(url), change())
    await sender.idle()
    assert time.slept == []


async def test_an_answer_that_takes_too_long_loses_the_message(receiver, time):
    receiver.hold = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        sender = CallbackSender(session, lambda: time.now, time.sleep, timeout=0.05)
        await sender.start()
        sender.enqueue(callback(receiver.url), change())
        await sender.idle()
        assert len(receiver.got) == 1
        receiver.hold.set()
        await sender.close()


async def test_messages_of_one_callback_keep_their_order_and_do_not_hold_up_another(sender, receiver, time):
    receiver.statuses = [404]
    for number in range(5):
        sender.enqueue(callback(receiver.url), change(number=number))
    sender.enqueue(callback(receiver.url, id=2), change(number=100))
    await sender.idle()
    numbers = [body["ID"] for body in receiver.bodies if body["CallbackObjectRecId"] == 26604]
    assert sorted(set(numbers)) == list(dict.fromkeys(numbers)) == [0, 1, 2, 3, 4]
    assert 100 in [body["ID"] for body in receiver.bodies]


async def test_a_callback_that_fails_on_three_days_on_end_is_disabled(sender, receiver, time, disabled):
    receiver.statuses = [500] * 4
    for day in range(3):
        assert disabled == []
        sender.enqueue(callback(receiver.url), change(number=day))
        await sender.idle()
        if day == 0:
            sender.enqueue(callback(receiver.url), change(number=day))
            await sender.idle()
        time.now += 86400
    assert disabled == [("acme", 26604)]


async def test_nothing_is_sent_to_an_inactive_callback(sender, receiver):
    sender.enqueue(callback(receiver.url, inactiveFlag=True), change())
    await sender.idle()
    assert receiver.got == []


async def test_a_self_suppressed_callback_is_silent_about_its_own_member(sender, receiver):
    record = callback(receiver.url, isSelfSuppressedFlag=True)
    sender.enqueue(record, change(number=1, member="apiuser"))
    sender.enqueue(record, change(number=2, member="zAdmin"))
    await sender.idle()
    assert [body["ID"] for body in receiver.bodies] == [2]


async def test_knobs_drop_and_double_messages(sender, receiver):
    sender.enqueue(callback(receiver.url), change(number=1), dropped=1.0)
    sender.enqueue(callback(receiver.url), change(number=2), duplicated=1.0)
    await sender.idle()
    assert [body["ID"] for body in receiver.bodies] == [2, 2]
    assert receiver.got[0] == receiver.got[1]


async def test_what_was_queued_before_the_start_goes_out_and_after_the_end_nothing_does(receiver, time):
    async with aiohttp.ClientSession() as session:
        sender = CallbackSender(session, lambda: time.now, time.sleep)
        sender.enqueue(callback(receiver.url), change(number=1))
        assert receiver.got == []
        await sender.start()
        await sender.idle()
        sender.enqueue(callback(receiver.url), change(number=2))
        await sender.close()
        sender.enqueue(callback(receiver.url), change(number=3))
        await sender.idle()
    assert [body["ID"] for body in receiver.bodies] == [1]


@pytest.mark.parametrize(
    ("members", "kind", "record", "expected"),
    [
        ({}, "contact", CONTACT, True),
        ({"inactiveFlag": True}, "contact", CONTACT, False),
        ({}, "company", {"id": 2}, False),
        ({"level": "contact", "objectId": 57}, "contact", CONTACT, True),
        ({"level": "contact", "objectId": 58}, "contact", CONTACT, False),
        ({"level": "company", "objectId": 2}, "contact", CONTACT, True),
        ({"level": "company", "objectId": 3}, "contact", CONTACT, False),
        ({"level": "type", "objectId": 3}, "contact", CONTACT, True),
        ({"level": "type", "objectId": 4}, "contact", CONTACT, False),
        ({"level": "territory", "objectId": 1}, "contact", CONTACT, False),
        ({"type": "ticket", "level": "board", "objectId": 4}, "ticket", {"id": 1, "board": {"id": 4}}, True),
        ({"type": "ticket", "level": "integratortag"}, "ticket", {"id": 1, "integratorTags": ["x"]}, True),
        ({"type": "opportunity", "level": "statusid", "objectId": 2}, "opportunity", {"status": {"id": 2}}, True),
    ],
)
def test_a_level_says_which_records_a_callback_wants(members, kind, record, expected):
    assert concerns(callback("", **members), kind, record) is expected


def test_every_type_has_the_level_owner_and_notes_have_none():
    assert all("owner" in levels for levels in TYPES.values())
    assert TYPES["ticket"] == {"owner", "board", "project", "phase", "status", "ticket", "integratortag"}
    assert "note" not in TYPES


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans())))
def test_only_an_unbroken_row_of_failing_days_counts(days):
    health, today, row = Health(), 100, set[int]()
    for later, arrived in days:
        today += later
        health = fared(health, today, arrived=arrived)
        row = set() if arrived else (row | {today} if today - 1 in row or today in row else {today})
        assert health.days == len(row)
