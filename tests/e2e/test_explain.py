"""Does the installed command say why a record was announced, down to the attempt that failed?"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.receiver import Receiver
from tests.e2e.server import Server, an_event_or_a_moment
from tests.engine.provider import Provider


def clock() -> int:
    return time.time_ns() // 1_000_000


async def explained(server: Server, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidings", "explain", *arguments),
        *("--data", str(server.data), "--url", f"http://127.0.0.1:{server.port}"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def until_delivered(server: Server) -> None:
    async with asyncio.timeout(40):
        while not any(each["status"] == "NOTIFIED" for each in await server.call("GET", "/instances/1/events")):
            await an_event_or_a_moment(server.call)


@pytest.mark.timeout(120)
async def test_why_a_record_was_announced_and_how_its_delivery_went(tmp_path: Path):
    provider, receiver, server = Provider(clock), Receiver(), Server(tmp_path / "data")
    provider.put(57, clock() - 3_600_000, firstName="a")
    runner = web.AppRunner(provider.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiving = await receiver.start()
    failures = [503]

    async def fail_first(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=failures.pop(), text="broken") if failures else None

    receiver.before = fail_first
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
            "event.objects": "contacts",
            "event.poller.refresh_interval": "0.05",
        }
        body = {"element": {"key": "connectwisecrmrest"}, "name": "Acme", "configuration": configuration}
        await server.call("POST", "/instances", body)
        async with asyncio.timeout(30):
            while not (await server.call("GET", "/jobs"))[0]["resources"][0]["baselined"]:
                await an_event_or_a_moment(server.call)
        provider.put(57, firstName="b")
        await until_delivered(server)
        told = await explained(server, "1", "contacts", "57")
        nobody = await explained(server, "1", "contacts", "58")
    finally:
        await server.stop()
        await receiving.cleanup()
        await runner.cleanup()
    lines = told.splitlines()
    assert lines[0].startswith("contacts/57 was seen")
    assert "learned silently, no event" in told
    (event,) = [nth for nth, line in enumerate(lines) if line.strip().startswith("UPDATED #1 in ")]
    assert "came with other content than was known: UPDATED" in lines[event - 1]
    assert lines[event].endswith("NOTIFIED")
    assert "attempt 1: answered 503" in lines[event + 1]
    assert "attempt 2: answered 200" in lines[event + 2]
    assert nobody.startswith("contacts/58 is not known")
