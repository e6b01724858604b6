"""Errands in a whole server: its loops work them, and what was dispatched before a restart is made after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import structlog

from tests.api.client import Client
from tests.outbound.receivers import answering, receiver
from tidings.app import App, build
from tidings.settings import Settings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def settings(data: Path) -> Settings:
    return Settings(data=data, admin_password="correct horse", allowed_networks=(ip_network("127.0.0.0/8"),))  # type: ignore[arg-type]


@asynccontextmanager
async def running(app: App) -> AsyncIterator[None]:
    loops = asyncio.create_task(app.run())
    try:
        yield
    finally:
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)


async def test_what_was_dispatched_before_a_restart_is_made_and_told_after_it(tmp_path: Path) -> None:
    log = structlog.get_logger()
    told: list[tuple[bytes, bytes]] = []
    every_second = {"method": "GET", "uri": "/elements/keys", "trigger": {"cron": "* * * * * ?"}}
    async with receiver(answering(OK, told)) as port:
        callback: dict[str, Any] = {"Elements_Async_Callback_Url": f"http://127.0.0.1:{port}/answers"}
        async with build(settings(tmp_path), log=log) as app:
            client = Client(app.api, f"User {app.user.secret}, Organization {app.user.organization_secret}")
            dispatched = await client("GET", "/elements/keys", Elements_Async_Request="True", **callback)
            assert dispatched.status == 200, dispatched.body
            made = await client("POST", "/jobs", every_second)
            assert made.status == 200, made.body
        assert told == []
        async with build(settings(tmp_path), log=log) as app, running(app), asyncio.timeout(30):
            client = Client(app.api, client.authorization)
            while not told or not (await client("GET", f"/jobs/{made.json['id']}")).json["runs"]:
                await asyncio.sleep(0.05)
            shown = (await client("GET", f"/jobs/{made.json['id']}")).json
    assert shown["lastRunStatus"] == 200
    answer = json.loads(told[0][1])
    assert (answer["eventId"], answer["status"]) == (dispatched.json["eventId"], 200)
    assert "connectwisecrmrest" in answer["response"]
