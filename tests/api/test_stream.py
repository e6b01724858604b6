"""The log as server-sent events: each notification once, whoever breaks off, and nobody is kept waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from tests.api.conftest import NOW, World
from tests.api.test_errors import assert_error
from tests.api.test_events import POLLING, _happen
from tidings.api import stream as streams
from tidings.api.application import build_api
from tidings.api.routes import BASE

PATH = "/instances/1/events/stream"


@dataclass
class Stream:
    """What a client has got so far; `slow` makes it read no more until it is set."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b""
    slow: asyncio.Event | None = None
    ended: bool = False

    @property
    def messages(self) -> list[dict[str, str]]:
        """The fields of each event, comments and what has no data left out; several lines of data as one."""
        found = []
        for block in self.text.decode().split("\n\n")[:-1]:
            fields: dict[str, str] = {}
            for line in block.split("\n"):
                name, _, value = line.partition(": ")
                fields[name] = f"{fields[name]}\n{value}" if name in fields else value
            if "data" in fields:
                found.append(fields)
        return found

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0)


@asynccontextmanager
async def streaming(world: World, path: str = PATH, *, slow: bool = False, **more: Any) -> AsyncIterator[Stream]:
    """A client of a stream, whose connection ends with the block."""
    client = Stream(slow=asyncio.Event() if slow else None)
    gone = asyncio.Event()
    parts, headers = more.pop("parts", world.parts), more
    path, _, query = path.partition("?")
    sent = {"authorization": more.pop("authorization", world.client.authorization)} | headers

    async def receive() -> dict[str, Any]:
        if not client.status:
            client.status = -1
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            client.status = message["status"]
            client.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            if client.slow is not None:
                await client.slow.wait()
            client.text += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": BASE + path,
        "raw_path": (BASE + path).encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def run() -> None:
        try:
            await build_api(parts)(scope, receive, send)
        finally:
            client.ended = True

    task = asyncio.create_task(run())
    try:
        await client.until(lambda: client.headers)
        yield client
    finally:
        gone.set()
        if client.slow is not None:
            client.slow.set()
        async with asyncio.timeout(20):
            await task


async def test_each_notification_is_an_event_with_its_last_sequence_as_id_and_its_body_as_data(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7, 8)
    async with streaming(world, f"{PATH}?after=0") as client:
        await client.until(lambda: client.messages)
        await _happen(world, 9)
        await client.until(lambda: len(client.messages) == 2)
        assert client.headers["content-type"].startswith("text/event-stream")
        assert client.headers["cache-control"] == "no-store"
        assert "elements-request-id" in client.headers
    log = await world.store.log_after(1, 0, 10)
    assert client.messages == [
        {"id": str(each.last_sequence), "event": "notification", "data": each.body.decode()} for each in log
    ]


async def test_without_a_sequence_it_begins_with_what_comes_and_says_where_that_is(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7, 8)
    async with streaming(world) as client:
        await client.until(lambda: world.parts.log_grew.waiting)
        assert b"\nid: 2\n\n" in client.text
        await _happen(world, 9)
        await client.until(lambda: client.messages)
    assert [each["id"] for each in client.messages] == ["3"]


@pytest.mark.parametrize("last", range(26))
async def test_it_resumes_behind_any_event_and_a_notification_comes_whole(world: World, last: int) -> None:
    made = await world.instance(configuration=POLLING)
    await _happen(world, *range(25))
    authorization = f"{world.client.authorization}, Element {made['token']}"
    headers: dict[str, Any] = {"last_event_id": str(last), "authorization": authorization}
    async with streaming(world, "/instances/events/stream?after=3", **headers) as client:
        expected = [each for each in ("10", "20", "25") if int(each) > last]
        await client.until(lambda: [each["id"] for each in client.messages] == expected)
        await client.until(lambda: world.parts.log_grew.waiting)
    assert [each["id"] for each in client.messages] == expected


async def test_a_long_log_comes_in_pages_of_any_size_once_and_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(60), max_events=1)
    for page, most in ((7, 10**9), (100, 1), (100, 3000)):
        monkeypatch.setattr(streams, "PAGE", page)
        monkeypatch.setattr(streams, "PAGE_BYTES", most)
        async with streaming(world, f"{PATH}?after=20") as client:
            await client.until(partial(lambda seen: len(seen.messages) == 40, client))
        assert [int(each["id"]) for each in client.messages] == list(range(21, 61))


async def test_a_line_break_between_members_stays_one(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 7, raw=b'{\n  "id":%d,\r\n  "name":"two\\nlines"\r}')
    async with streaming(world, f"{PATH}?after=0") as client:
        await client.until(lambda: client.messages)
    (notification,) = await world.store.log_after(1, 0, 10)
    assert client.messages[0]["data"].split("\n") == notification.body.decode().splitlines()


async def test_a_client_that_reads_slowly_holds_a_page_and_no_more(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(5), max_events=1)
    reads = []
    store = world.store

    class Counting:
        def __getattr__(self, name: str) -> Any:
            if name == "log_after":
                reads.append(name)
            return getattr(store, name)

    async with streaming(world, f"{PATH}?after=0", slow=True, parts=replace(world.parts, store=Counting())) as client:
        for _ in range(5):
            await _happen(world, *range(50), max_events=1)
        assert len(reads) <= 1
        assert client.slow is not None
        client.slow.set()
        await client.until(lambda: len(client.messages) == 255)
    assert [int(each["id"]) for each in client.messages] == list(range(1, 256))


async def test_when_nothing_happens_a_comment_says_that_it_lives(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_FOR", 0.01)
    await world.instance(configuration=POLLING)
    async with streaming(world) as client:
        await client.until(lambda: client.text.count(b"\n\n:\n\n") and client.text.count(b":\n\n") > 2)
    assert client.messages == []


async def test_what_another_process_wrote_is_seen_where_none_tells_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_AGAIN_FOR", 0.01)
    await world.instance(configuration=POLLING)
    apart = replace(world.parts, settings=world.parts.settings.model_copy(update={"role": "api"}))
    async with streaming(world, parts=apart) as client:
        await client.until(lambda: world.parts.log_grew.waiting)
        await _happen(world, 7, heard=False)
        await client.until(lambda: client.messages)
    assert [each["id"] for each in client.messages] == ["1"]


async def test_a_stream_is_not_woken_for_what_happens_elsewhere(world: World) -> None:
    await world.instance(configuration=POLLING)
    grew = world.parts.log_grew
    async with streaming(world) as client:
        await client.until(lambda: grew.waiting)
        grew.set(2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert grew.waiting == 1
        await _happen(world, 7, heard=False)
        grew.set(1)
        await client.until(lambda: client.messages)


async def test_a_stream_ends_when_the_server_does(world: World) -> None:
    await world.instance(configuration=POLLING)
    async with streaming(world) as client:
        await client.until(lambda: world.parts.log_grew.waiting)
        world.parts.log_grew.close()
        await client.until(lambda: client.ended)


async def test_a_stream_of_a_deleted_instance_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_FOR", 0.01)
    await world.instance(configuration=POLLING)
    async with streaming(world) as client:
        await world.store.delete_instance(1, NOW)
        await client.until(lambda: client.ended)


async def _drop(world: World, count: int) -> None:
    await world.store.stop(1, "late", NOW - 10)
    assert (await world.store.drop_before(1, NOW + 1, count)).notifications == count


async def test_a_client_that_is_behind_what_is_kept_is_told_the_oldest(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(6), max_events=2)
    await _drop(world, 2)
    for answer in (
        await world.client("GET", f"{PATH}?after=0"),
        await world.client("GET", f"{PATH}?after=3"),
        await world.client("GET", PATH, Last_Event_ID="3"),
    ):
        assert (answer.status, answer.json["oldestSequence"]) == (410, 5)
    async with streaming(world, f"{PATH}?after=4") as client:
        await client.until(lambda: client.messages)
    assert [each["id"] for each in client.messages] == ["6"]


async def test_a_client_that_retention_overtakes_is_cut_off_and_not_led_over_the_gap(world: World) -> None:
    await world.instance(configuration=POLLING)
    async with streaming(world, f"{PATH}?after=0") as client:
        await client.until(lambda: world.parts.log_grew.waiting)
        await _happen(world, *range(6), max_events=2, heard=False)
        await _drop(world, 2)
        world.parts.log_grew.set(1)
        await client.until(lambda: client.ended)
    assert client.messages == []


async def test_the_feed_says_gone_too_and_begins_with_the_oldest_that_is_kept(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, *range(6), max_events=2)
    await _drop(world, 2)
    for after in (0, 3):
        answer = await world.client("GET", f"/instances/1/events/feed?after={after}")
        assert (answer.status, answer.json["oldestSequence"]) == (410, 5)
        assert "after=4" in answer.message
    for query in ("", "?after=4"):
        answer = await world.client("GET", f"/instances/1/events/feed{query}")
        assert [each["sequence"] for each in answer.json["events"]] == [5, 6]
    await _drop(world, 1)
    answer = await world.client("GET", "/instances/1/events/feed")
    assert answer.json == {"events": [], "next": 6}


async def test_a_place_behind_the_end_of_the_log_is_refused_since_what_comes_would_be_passed_over(world: World) -> None:
    await world.instance(configuration=POLLING)
    await _happen(world, 1, 2)
    for name, answer in {
        "after": await world.client("GET", "/instances/1/events/feed?after=3"),
        "after ": await world.client("GET", f"{PATH}?after=3"),
        "Last-Event-ID": await world.client("GET", PATH, Last_Event_ID="3"),
    }.items():
        assert_error(answer, 400)
        assert answer.message.startswith(f"{name.strip()}: is 3, but the log ends with sequence 2")
    assert (await world.client("GET", "/instances/1/events/feed?after=2")).json == {"events": [], "next": 2}


@pytest.mark.parametrize("last", ["x", "-1", str(2**63), "1" * 6000, "²"])
async def test_an_id_that_is_none_of_ours_is_refused_by_name(world: World, last: str) -> None:
    await world.instance()
    answer = await world.client("GET", PATH, Last_Event_ID=last)
    assert_error(answer, 400)
    assert answer.message.startswith("Last-Event-ID: ")


async def test_a_stream_asks_who_is_there(world: World) -> None:
    await world.instance()
    assert_error(await world.anybody("GET", PATH), 401)
    assert_error(await world.client("GET", "/instances/2/events/stream"), 404)
