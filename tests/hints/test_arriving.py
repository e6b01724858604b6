"""An edit at the provider, a hint, a poll, a POST: the whole way, though the poll interval is a quarter of an hour."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest

from tests.hints.served import Tidings, until
from tidings.core.hints import signature
from tidings.core.model import LaneKind
from tidings.sandbox import CLIENT_ID
from tidings.sandbox.callbacks import signing_key

LOGIN = base64.b64encode(b"acme+sandbox-public:sandbox-private").decode()


async def edit(tidings: Tidings, number: int, **fields: str) -> None:
    """As a person of the provider does."""
    headers = {"Authorization": f"Basic {LOGIN}", "clientId": CLIENT_ID, "Content-Type": "application/json"}
    operations = [{"op": "replace", "path": name, "value": value} for name, value in fields.items()]
    url = f"{tidings.sandbox.api}/company/contacts/{number}"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.patch(url, data=json.dumps(operations)) as answer,
    ):
        assert answer.status == 200, await answer.text()


def first_contact(tidings: Tidings) -> int:
    return int(next(iter(tidings.sandbox.sandbox.tenant().tables["company/contacts"]))["id"])


async def ready(tidings: Tidings) -> None:
    """Learned what is there, and registered."""
    await tidings.log.until("poll.finished", reading="baseline")
    await tidings.log.until("hints.registered")
    await until(lambda: idle(tidings))


async def idle(tidings: Tidings) -> bool:
    lanes = [lane for lane in await tidings.app.store.lanes() if lane.kind is not LaneKind.DELIVER]
    return all(lane.owner is None and lane.cursor for lane in lanes)


def hint(tidings: Tidings, **changes: Any) -> tuple[str, bytes, str]:
    """A hint as the sandbox sends one: where to, what, and its signature."""
    (callback,) = tidings.callbacks()
    key_id = callback["connectWiseID"]
    message = {
        "Action": "updated",
        "ID": 1,
        "Type": "contact",
        "Metadata": {
            "key_url": f"{tidings.sandbox.origin}/v2025_1//system/callbackkey/index.rails?companyName=acme&id={key_id}"
        },
    } | changes
    body = json.dumps(message).encode()
    path = callback["url"].partition("/elements/api-v2")[2]
    return f"{path}1&action=updated", body, signature(signing_key("acme", key_id), body)


async def test_an_edit_arrives_at_once_though_the_next_poll_is_far_away(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        (callback,) = tidings.callbacks()
        assert (callback["type"], callback["level"], callback["objectId"]) == ("contact", "owner", 1)
        assert callback["url"].startswith(f"{tidings.url}/elements/api-v2/hints/1?token=")
        clock = asyncio.get_running_loop().time
        began = clock()
        await edit(tidings, (number := first_contact(tidings)), firstName="Grace")
        async with asyncio.timeout(10):
            await tidings.receiver.arrived.wait()
        assert clock() - began < 5
        (event,) = tidings.receiver.events()
        assert (event["eventType"], event["objectId"], event["record"]["firstName"]) == (
            "UPDATED",
            str(number),
            "Grace",
        )


async def test_what_is_not_signed_by_the_provider_does_nothing_and_is_told_apart_from_nothing(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        path, body, good = hint(tidings)
        due_at = (await tidings.lane(LaneKind.POLL)).due_at
        foreign = "https://evil.example/v2025_1//system/callbackkey/index.rails?companyName=acme&id=1"
        _, elsewhere, signed_elsewhere = hint(tidings, Metadata={"key_url": foreign})
        said = set()
        for where, content, sent in (
            (path, body, {"x-content-signature": ("A" if good[0] != "A" else "B") + good[1:]}),
            (path, body, {}),
            (path, body + b" ", {"x-content-signature": good}),
            (path, elsewhere, {"x-content-signature": signed_elsewhere}),
            (path, b"[]", {"x-content-signature": good}),
            (path.replace("/hints/1?", "/hints/2?"), body, {"x-content-signature": good}),
            (path.replace("token=", "token=x"), body, {"x-content-signature": good}),
            ("/hints/999999999999999999999?token=", body, {}),
            ("/hints/one", body, {}),
        ):
            status, answer = await tidings.call("POST", where, content, Authorization="", **sent)
            said.add((status, answer["message"]))
        assert len(said) == 1
        assert {status for status, _ in said} == {403}
        assert (await tidings.lane(LaneKind.POLL)).due_at == due_at
        assert tidings.log.told("hint.arrived") == []
        assert not any("evil.example" in str(line) for line in tidings.log.told("hint.refused"))
        status, _ = await tidings.call("POST", path, body, Authorization="", **{"x-content-signature": good})
        assert status == 200
        await tidings.log.until("poll.finished", reading="poll")


async def test_a_hint_about_something_else_polls_nothing(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        path, body, good = hint(tidings, Type="ticket")
        status, _ = await tidings.call("POST", path, body, Authorization="", **{"x-content-signature": good})
        assert status == 200
        assert (await tidings.log.until("hint.arrived"))["resources"] == []
        assert tidings.log.told("poll.finished")[-1]["reading"] == "baseline"


@pytest.mark.parametrize("forbidden", [True, False])
async def test_a_provider_that_does_not_want_to_gives_its_reason_and_is_polled_as_ever(
    tidings: Tidings, forbidden: bool
) -> None:
    tenant = tidings.sandbox.sandbox.tenant()
    tenant.faults.set({"forbidden": ["system/callbacks"] if forbidden else []})
    async with tidings.running():
        made = await tidings.instance()
        await tidings.log.until("poll.finished", reading="baseline")
        await tidings.log.until("hints.refused" if forbidden else "hints.registered")
        await until(lambda: idle(tidings) if not forbidden else refused(tidings))
        _, shown = await tidings.call("GET", f"/instances/{made['id']}")
        assert shown["valid"]
        if forbidden:
            assert shown["hints"]["types"] == []
            assert "403" in shown["hints"]["reason"]
            assert tidings.callbacks() == []
            await tidings.call("POST", f"/instances/{made['id']}/poll")
            await tidings.log.until("poll.finished", reading="poll")
        else:
            assert shown["hints"]["types"] == ["contact"]
            assert shown["hints"]["reason"] is None


async def refused(tidings: Tidings) -> bool:
    return (await tidings.lane()).parked_reason is not None


async def test_the_token_stands_in_no_log_line_and_in_no_file(tidings: Tidings) -> None:
    async with tidings.running():
        await tidings.instance()
        await ready(tidings)
        token = tidings.app.store.derive("hints of instance 1")
        (callback,) = tidings.callbacks()
        text = callback["url"].partition("token=")[2].partition("&")[0]
        assert base64.urlsafe_b64decode(text + "=") == token
        path, body, _ = hint(tidings)
        await tidings.call("POST", path, body, Authorization="")
        assert text not in str(tidings.log.lines)
        _, shown = await tidings.call("GET", "/instances/1")
        assert text not in str(shown)
    files = [file for file in tidings.data.rglob("*") if file.is_file()]
    assert [file.name for file in files if text.encode() in file.read_bytes()] == []
