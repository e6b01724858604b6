"""Does somebody who follows the log get every event once, also across a restart?"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.test_command import tidings
from tidings.cli.platform import Away, Platform, Refusal
from tidings.cli.tail import Follower, find_secrets
from tidings.core.errors import InvalidInput

SECRETS = {"userSecret": "u", "organizationSecret": "o"}


class Server:
    """A server with `log` as the events of each instance, which can be made to refuse."""

    def __init__(self) -> None:
        self.log: dict[int, list[str]] = {1: []}
        self.refusing: list[int] = []
        self.asked = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        if self.refusing:
            return web.json_response({"message": "not now"}, status=self.refusing.pop(0))
        if request.headers["Authorization"] != "User u, Organization o":
            return web.json_response({"message": "who are you"}, status=401)
        match request.path.removeprefix("/elements/api-v2/instances").strip("/").split("/"):
            case [""]:
                return web.json_response([{"id": key} for key in self.log], status=200 if self.log else 404)
            case [key, "events"]:
                last = len(self.log[int(key)])
                return web.json_response([{"sequence": {"last": last}}] if last else [])
            case [key, "events", "feed"] if int(key) in self.log:
                after = int(request.query["after"])
                self.asked.set()
                events = self.log[int(key)][after : after + 2]
                text = ",".join(
                    f'{{"eventType":"CREATED","objectType":"contacts","objectId":"{name}","sequence":{after + nth}}}'
                    for nth, name in enumerate(events, 1)
                )
                return web.Response(text=f'{{"events":[{text}],"next":{after + len(events)}}}')
        return web.json_response({"message": "unknown"}, status=404)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Printed:
    """What was printed; `until` waits for so many lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self._more = asyncio.Event()

    def put(self, lines: Iterable[str]) -> None:
        self.lines += lines
        self._more.set()

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(20):
            while len(self.lines) < count:
                self._more.clear()
                await self._more.wait()
        return [line.split()[1] for line in self.lines]


async def test_everything_after_a_sequence_is_printed_once_and_in_order():
    server, printed = Server(), Printed()
    server.log[1] = ["a", "b", "c", "d", "e"]
    async with serving(server) as url, Platform(url, SECRETS) as platform:
        task = asyncio.create_task(Follower(platform, printed.put, printed.notes.append).follow(1, 1))
        assert await printed.until(4) == ["contacts/b", "contacts/c", "contacts/d", "contacts/e"]
        task.cancel()


async def test_without_a_sequence_it_begins_with_what_comes():
    server, printed = Server(), Printed()
    server.log[1] = ["a", "b"]
    async with serving(server) as url, Platform(url, SECRETS) as platform:
        task = asyncio.create_task(Follower(platform, printed.put, printed.notes.append).follow(1, None))
        await asyncio.wait_for(server.asked.wait(), 20)
        server.log[1] += ["c"]
        assert await printed.until(1) == ["contacts/c"]
        task.cancel()


async def test_a_server_that_is_away_is_asked_again_from_the_same_place():
    server, printed = Server(), Printed()
    server.log[1] = ["a", "b", "c"]
    async with serving(server) as url, Platform(url, SECRETS) as platform:
        server.refusing = [503, 500]
        task = asyncio.create_task(Follower(platform, printed.put, printed.notes.append).follow(1, 0))
        assert await printed.until(3) == ["contacts/a", "contacts/b", "contacts/c"]
        assert len(printed.notes) == 2
        assert "503" in printed.notes[0]
        assert printed.notes[1] == "The server answers again"
        task.cancel()


async def test_a_refusal_ends_it_with_what_the_server_said():
    server, printed = Server(), Printed()
    async with serving(server) as url:
        async with Platform(url, {"userSecret": "x", "organizationSecret": "y"}) as platform:
            with pytest.raises(Refusal, match="who are you"):
                await Follower(platform, printed.put, printed.notes.append).follow_all(None)
        async with Platform(url, SECRETS) as platform:
            with pytest.raises(Refusal, match="unknown"):
                await Follower(platform, printed.put, printed.notes.append).follow(2, 0)


async def test_all_instances_are_followed_and_named():
    server, printed = Server(), Printed()
    server.log = {1: ["a"], 2: ["b"]}
    async with serving(server) as url, Platform(url, SECRETS) as platform:
        task = asyncio.create_task(Follower(platform, printed.put, printed.notes.append).follow_all(0))
        assert sorted(await printed.until(2)) == ["contacts/a", "contacts/b"]
        assert sorted(line[-10:] for line in printed.lines) == ["instance 1", "instance 2"]
        task.cancel()


async def test_nobody_there_is_away():
    async with serving(Server()) as url:
        pass
    async with Platform(url, SECRETS) as platform:
        with pytest.raises(Away, match="does not answer"):
            await platform.instance_ids()


def test_secrets_come_from_the_options_or_from_the_data(tmp_path: Path):
    assert find_secrets(None, "u", "o") == SECRETS
    with pytest.raises(InvalidInput, match="--organization-secret"):
        find_secrets(None, "u", None)
    with pytest.raises(InvalidInput, match="holds no Tidings"):
        find_secrets(tmp_path, None, None)
    assert not list(tmp_path.iterdir())
    tidings("secrets", "--data", str(tmp_path))
    assert set(find_secrets(tmp_path, None, None)) == set(SECRETS)
