"""kill -9 in the middle of a replay: what is sent again is the same to the byte, marked, and all of it arrives."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.receiver import Receiver
from tests.e2e.server import Server, an_event_or_a_moment
from tests.engine.provider import Provider

RECORDS = 60
CONCURRENCY = 8  # of the instance's own subscription


def clock() -> int:
    return time.time_ns() // 1_000_000


def sequence(body: bytes) -> int:
    return int(json.loads(body)["message"]["events"][0]["sequence"])


async def replay(server: Server, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidings", "replay", "1", *arguments),
        *("--data", str(server.data), "--url", f"http://127.0.0.1:{server.port}", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, dict]:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert out, err
    return process.returncode, json.loads(out)


@pytest.mark.kill
@pytest.mark.timeout(200)
async def test_a_replay_that_is_killed_goes_on_and_repeats_only_what_was_not_acknowledged(tmp_path: Path):
    provider, receiver, server = Provider(clock), Receiver(), Server(tmp_path / "data")
    for key in range(1, RECORDS + 1):
        provider.put(key, clock() - 3_600_000, n=0)
    runner = web.AppRunner(provider.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiving = await receiver.start()
    marked: list[tuple[str, str, bytes]] = []
    kill_at = 20

    async def note(request: web.Request) -> web.StreamResponse | None:
        if "Tidings-Replay" in request.headers:
            body = await request.read()
            marked.append((request.headers["Tidings-Replay"], request.headers["Elements-Webhook-Id"], body))
            if len(marked) == kill_at:
                server.kill()
        return None

    receiver.before = note
    try:
        await server.start()
        configuration = {
            "baseUrl": f"http://127.0.0.1:{runner.addresses[0][1]}/v4_6_release/apis/3.0",
            "company": "acme",
            "public.key": "public",
            "private.key": "private",
            "connectwise.clientID": "client",
            "event.notification.enabled": "true",
            "event.notification.callback.url": receiver.url,
            "event.notification.max_events": "1",
            "event.objects": "contacts",
            "event.poller.refresh_interval": "0.05",
        }
        body = {"element": {"key": "connectwisecrmrest"}, "name": "Acme", "configuration": configuration}
        await server.call("POST", "/instances", body)
        async with asyncio.timeout(40):
            while not (await server.call("GET", "/jobs"))[0]["resources"][0]["baselined"]:
                await an_event_or_a_moment(server.call)
        for key in range(1, RECORDS + 1):
            provider.put(key, n=1)
        async with asyncio.timeout(60):
            while len({key for key, _, _ in receiver.bodies}) < RECORDS:
                receiver.arrived.clear()
                await receiver.arrived.wait()
        first = {key: content for key, content, _ in receiver.bodies}
        code, plan = await ended(await replay(server, "--dry-run"))
        assert (code, plan["notifications"], plan["events"]) == (0, RECORDS, RECORDS)
        made = await server.call("POST", "/instances/1/events/replay", {"from": None, "rate": 40}, status=202)
        assert await server.ended(within=40) == -9
        before = len(marked)
        await server.start()
        async with asyncio.timeout(60):
            while (stands := await server.call("GET", f"/instances/1/events/replay/{made['id']}"))[
                "state"
            ] == "running":
                await an_event_or_a_moment(server.call)
        again = await replay(server, "--from", str(RECORDS - 4), "--rate", "100")
        code, last = await ended(again)
    finally:
        await server.stop()
        await receiving.cleanup()
        await runner.cleanup()
    assert (stands["state"], stands["sent"], stands["failed"]) == ("done", RECORDS, 0)
    whole = [(key, content) for name, key, content in marked if name == str(made["id"])]
    assert {key for key, _ in whole} == set(first), "nothing is missing"
    assert all(content == first[key] for key, content in whole), "the same id, the same bytes"
    assert kill_at <= before <= kill_at + CONCURRENCY
    repeats = len(whole) - RECORDS
    assert repeats <= 2 * CONCURRENCY, "what was acknowledged is not sent once more"
    assert (code, last["state"], last["sent"]) == (0, "done", 5)
    tail = {key: content for name, key, content in marked if name == str(last["id"])}
    newest = {key: content for key, content in first.items() if sequence(content) > RECORDS - 5}
    assert tail == newest
