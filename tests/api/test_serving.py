"""The API behind its real server: sockets, chunks, keep-alive."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
import uvicorn

from tests.api.conftest import PASSWORD, World, body
from tidings.api.application import build_api
from tidings.api.routes import BASE

SECRETS = {"Authorization": "User us==, Organization 0rg"}


@pytest.fixture
async def served(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(build_api(world.parts), log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    root = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with aiohttp.ClientSession(root) as session:
        yield session
    server.should_exit = True
    await serving
    listening.close()


async def test_from_login_to_an_instance_over_one_connection(served: aiohttp.ClientSession) -> None:
    login = {"username": "ann@example.com", "password": PASSWORD}
    async with served.post(f"{BASE}/authentication", json=login) as answer:
        bearer = {"Authorization": f"Bearer {(await answer.json())['token']}"}
    async with served.get(f"{BASE}/authentication/secrets", headers=bearer) as answer:
        secrets = await answer.json()
    headers = {"Authorization": f"Organization {secrets['organizationSecret']},User {secrets['userSecret']}"}
    async with served.post(f"{BASE}/instances", json=body(), headers=headers) as answer:
        assert answer.status == 200
        made = await answer.json()
    async with served.get(f"{BASE}/instances?tags[]=Acme", headers=headers) as answer:
        assert await answer.json() == [made]
        assert answer.headers["Elements-Returned-Count"] == "1"


async def test_a_body_without_a_length_is_cut_off_when_it_grows_too_large(served: aiohttp.ClientSession) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"name":"'
        for _ in range(2000):
            yield b"x" * 1024

    headers = SECRETS | {"Content-Type": "application/json"}
    async with served.post(f"{BASE}/instances", data=endless(), headers=headers) as answer:
        assert answer.status == 413
        assert set(await answer.json()) == {"requestId", "message"}


async def test_a_reader_that_waits_does_not_keep_others_waiting(served: aiohttp.ClientSession, world: World) -> None:
    await world.instance()
    url = f"{BASE}/instances/1/events/feed?wait=30"
    waiting = asyncio.create_task(served.get(url, headers=SECRETS).__aenter__())
    async with served.get("/health") as answer:
        assert answer.status == 200
    while not world.parts.log_grew.waiting:
        await asyncio.sleep(0)
    world.parts.log_grew.close()
    answer = await asyncio.wait_for(waiting, 10)
    assert await answer.json() == {"events": [], "next": 0}
