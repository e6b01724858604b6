"""Webhooks that are taken while the receiver is away, with a kill -9 right behind the answer: each arrives once."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.core.test_arrival import SALESFORCE
from tests.e2e.receiver import Receiver
from tests.e2e.server import BASE, Server, an_event_or_a_moment
from tests.engine.provider import Provider

LOAD = 5
KEY = "abcd1234efgh5678"


def clock() -> int:
    return time.time_ns() // 1_000_000


async def send(server: Server, body: object) -> list[str]:
    """As a provider does it: to an address that it was given, without a secret."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{server.port}{BASE}/events/connectwisecrmrest/MQ==", json=body) as answer,
    ):
        assert answer.status == 200
        return list((await answer.json())["eventIds"])


@pytest.mark.timeout(120)
async def test_what_is_sent_while_the_receiver_is_away_arrives_once_when_it_is_back(tmp_path: Path):
    provider, receiver, server = Provider(clock), Receiver(), Server(tmp_path / "data")
    runner = web.AppRunner(provider.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiving = await receiver.start()
    refused: list[str] = []

    async def refuse(request: web.Request) -> web.StreamResponse | None:
        refused.append(request.headers["Elements-Webhook-Id"])
        return web.json_response({"message": "Simulating bad gateway"}, status=502)

    receiver.before = refuse
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
            "event.notification.signature.key": KEY,
            "event.poller.refresh_interval": "999999999",
        }
        made = {"element": {"key": "connectwisecrmrest"}, "name": "Acme", "configuration": configuration}
        await server.call("POST", "/instances", made)
        sent = await asyncio.gather(*(send(server, SALESFORCE) for _ in range(LOAD)))
        server.kill()
        await server.ended(10)
        await server.start()
        async with asyncio.timeout(20):
            while not refused:
                await an_event_or_a_moment(server.call)
        receiver.before = None
        async with asyncio.timeout(45):
            while len(receiver.bodies) < LOAD:
                receiver.arrived.clear()
                await receiver.arrived.wait()
        await an_event_or_a_moment(server.call)
        shown = await server.call("GET", "/instances/1/events")
    finally:
        await server.stop()
        await receiving.cleanup()
        await runner.cleanup()
    assert sorted(key for key, _, _ in receiver.bodies) == sorted(each for ids in sent for each in ids)
    assert [json.loads(body)["message"]["events"][0]["sequence"] for _, body, _ in receiver.bodies] == [1, 2, 3, 4, 5]
    assert {each["status"] for each in shown} == {"NOTIFIED"}
    for _, body, signature in receiver.bodies:
        assert json.loads(body)["message"]["raw"] == SALESFORCE
        assert signature.startswith("sha256=")
