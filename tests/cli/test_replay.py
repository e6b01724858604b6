"""Does the command wait until everything has arrived, and tell the truth with its exit code?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.cli.test_command import tidings
from tidings.cli.platform import Platform, Refusal
from tidings.cli.replay import INTERRUPTED, estimate, line, place, replayed

SECRETS = {"userSecret": "u", "organizationSecret": "o"}
BASE = "/elements/api-v2/instances/1/events/replay"
ASKED = {"from": 5, "to": None, "dryRun": False}


def stands(state: str = "running", sent: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": 7, "state": state, "sent": sent, "notifications": 3, "failed": 0, "reason": None} | more


@asynccontextmanager
async def serving(*answers: Any) -> AsyncIterator[tuple[Platform, list[Any]]]:
    """A server that gives these answers, one after the other; a number is a refusal."""
    left, heard = [*answers], list[Any]()

    async def answer(request: web.Request) -> web.Response:
        heard.append((request.method, request.path, await request.json() if request.can_read_body else None))
        found = left.pop(0)
        if isinstance(found, int):
            return web.json_response({"message": "not now"}, status=found)
        return web.json_response(found, status=202 if request.method == "POST" else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Platform(f"http://127.0.0.1:{runner.addresses[0][1]}", SECRETS) as platform:
            yield platform, heard
    finally:
        await runner.cleanup()


async def test_it_is_over_when_all_has_arrived():
    told: list[str] = []
    async with serving(stands(), stands(sent=1), 503, stands("done", 3)) as (platform, heard):
        code, said, found = await replayed(platform, 1, ASKED, asyncio.Event(), told.append, pause=0.001)
    assert (code, said, found["sent"]) == (0, "replay 7: 3 of 3 notifications sent again, done", 3)
    assert heard == [("POST", BASE, ASKED), *[("GET", f"{BASE}/7", None)] * 3]
    assert [each.partition(" notifications")[0] for each in told[:2]] == ["replay 7: 0 of 3", "replay 7: 1 of 3"]
    assert any("trying again" in each for each in told)


@pytest.mark.parametrize("state", ["failed", "stopped"])
async def test_whatever_has_not_arrived_is_exit_code_one_with_the_reason(state: str):
    async with serving(stands(), stands(state, 1, reason="the receiver answered 410")) as (platform, _):
        code, said, _found = await replayed(platform, 1, ASKED, asyncio.Event(), lambda said: None, pause=0.001)
    assert code == 1
    assert said == f"replay 7: 1 of 3 notifications sent again, {state} (the receiver answered 410)"


async def test_who_is_interrupted_is_told_that_it_goes_on():
    stop = asyncio.Event()
    async with serving(stands()) as (platform, _):
        code, said, _found = await replayed(platform, 1, ASKED, stop, lambda said: stop.set(), pause=20)
    assert code == INTERRUPTED
    assert "goes on at the server" in said


async def test_a_dry_run_says_how_much_and_waits_for_nothing():
    plan = {"events": 9, "notifications": 3, "fromSequence": 5, "toSequence": 13, "subscriptionId": 2, "seconds": 0}
    async with serving(plan) as (platform, heard):
        code, said, _found = await replayed(platform, 1, {**ASKED, "dryRun": True}, asyncio.Event(), print)
    assert (code, len(heard)) == (0, 1)
    assert said.startswith("9 events in 3 notifications would be sent to subscription 2, sequences 5 to 13")
    assert estimate({**plan, "notifications": 0}) == "nothing would be sent"


async def test_a_refusal_is_told_as_it_stands():
    async with serving(410) as (platform, _):
        with pytest.raises(Refusal, match="not now"):
            await replayed(platform, 1, ASKED, asyncio.Event(), print)


def test_digits_are_a_sequence_and_anything_else_a_moment():
    assert [place(each) for each in ("12", "2026-09-21T14:00:00Z", "²", None)] == [
        12,
        "2026-09-21T14:00:00Z",
        "²",
        None,
    ]
    assert line(stands(sent=2)) == "replay 7: 2 of 3 notifications sent again"


def test_without_secrets_it_says_what_is_missing(tmp_path):
    done = tidings("replay", "1", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "holds no Tidings" in done.stderr
