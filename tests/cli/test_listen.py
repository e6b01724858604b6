"""Does a receiver accept what is signed right, and nothing else?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import orjson
import pytest

from tests.cli.test_eventline import CONTEXT
from tidings.cli.listen import json_lines, text_lines
from tidings.cli.receiver import Failing, Received, Receiver, Signature, answer_to, judge
from tidings.core.errors import InvalidInput
from tidings.core.model import Change, EventType
from tidings.core.notify import cut
from tidings.core.signing import SIGNATURE_HEADER, headers

[NOTIFICATION] = cut((Change(EventType.CREATED, 7, 1, None, b'{"id":7}'),), 1, 1, CONTEXT)


async def post(receiver: Receiver, body: bytes, sent: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{receiver.port}/cb", data=BytesIO(body), headers=sent) as answer,
    ):
        return answer.status


@asynccontextmanager
async def receiving(
    key: str | None = None, failing: Failing | None = None
) -> AsyncIterator[tuple[Receiver, list[Received]]]:
    heard: list[Received] = []
    receiver = Receiver(heard.append, clock=lambda: 5.0, key=key, failing=failing)
    await receiver.start("127.0.0.1", 0)
    try:
        yield receiver, heard
    finally:
        await receiver.close()


async def test_a_right_signature_is_accepted_and_handed_on_with_its_bytes():
    async with receiving("key") as (receiver, heard):
        assert await post(receiver, NOTIFICATION.body, headers(NOTIFICATION.id, NOTIFICATION.body, ["key"], 5)) == 200
        assert heard == [Received(5.0, NOTIFICATION.id, Signature.OK, 200, NOTIFICATION.body)]


@pytest.mark.parametrize(
    ("body", "sent", "expected"),
    [
        (NOTIFICATION.body, headers("n", NOTIFICATION.body, ["another key"], 5), Signature.BAD),
        (NOTIFICATION.body + b" ", headers("n", NOTIFICATION.body, ["key"], 5), Signature.BAD),
        (NOTIFICATION.body, {SIGNATURE_HEADER: ""}, Signature.BAD),
        (NOTIFICATION.body, {}, Signature.UNSIGNED),
    ],
)
async def test_a_wrong_or_missing_signature_is_refused(body: bytes, sent: dict[str, str], expected: Signature):
    async with receiving("key") as (receiver, heard):
        assert await post(receiver, body, sent) == 401
        assert [each.signature for each in heard] == [expected]


async def test_without_a_key_everything_is_taken_and_nothing_is_called_verified():
    async with receiving() as (receiver, heard):
        assert await post(receiver, NOTIFICATION.body, headers("n", NOTIFICATION.body, ["key"], 5)) == 200
        assert await post(receiver, NOTIFICATION.body, {}) == 200
        assert [each.signature for each in heard] == [Signature.UNCHECKED, Signature.UNSIGNED]


async def test_the_first_notifications_can_be_failed_on_purpose():
    async with receiving(failing=Failing(503, first=2)) as (receiver, _):
        assert [await post(receiver, b"{}", {}) for _ in range(3)] == [503, 503, 200]


async def test_a_notification_of_large_records_fits():
    async with receiving() as (receiver, heard):
        assert await post(receiver, bytes(3 * 1024 * 1024), {}) == 200
        assert len(heard[0].body) == 3 * 1024 * 1024


async def test_anything_but_a_post_is_refused_and_not_counted():
    async with receiving() as (receiver, heard):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{receiver.port}") as answer:
            assert answer.status == 405
        assert heard == []


async def test_a_port_in_use_is_said_in_one_sentence():
    async with receiving() as (receiver, _):
        with pytest.raises(InvalidInput, match=f"{receiver.port} on 127.0.0.1 is in use"):
            await Receiver(print, clock=lambda: 0.0).start("127.0.0.1", receiver.port)
        with pytest.raises(InvalidInput, match="no address of this machine"):
            await Receiver(print, clock=lambda: 0.0).start("nowhere.invalid", 0)


def test_a_signature_is_judged_before_the_receiver_fails_on_purpose():
    assert answer_to(Signature.BAD, "key", Failing(503), heard=0) == 401
    assert judge("", b"", {SIGNATURE_HEADER: "sha256=x"}, lambda: 0.0) is Signature.UNCHECKED


def test_a_line_says_what_came_and_how():
    assert text_lines(Received(0.0, "n", Signature.OK, 200, NOTIFICATION.body))[0].endswith(
        "CREATED  contacts/7  #1  signature ok"
    )
    assert text_lines(Received(0.0, "n", Signature.BAD, 401, NOTIFICATION.body))[0].endswith(
        "signature BAD, answered 401"
    )
    [line] = text_lines(Received(0.0, "n", Signature.UNSIGNED, 200, b"hello"))
    assert "5 bytes, is no notification" in line


def test_a_json_line_is_the_event_with_how_it_came():
    [line] = json_lines(Received(5.0, "n", Signature.OK, 200, NOTIFICATION.body))
    shown = orjson.loads(line)
    assert (shown["eventType"], shown["objectId"], shown["signature"], shown["webhookId"]) == (
        "CREATED",
        "7",
        "ok",
        "n",
    )
    [line] = json_lines(Received(5.0, "n", Signature.UNSIGNED, 200, b"hello"))
    assert "no notification" in orjson.loads(line)["error"]
