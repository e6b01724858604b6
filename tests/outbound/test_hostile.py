"""Does a try end in time, in bounded memory and with a verdict, whatever a receiver does to harm us?"""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from tests.outbound.receivers import Script, answering, read_request, receiver
from tidings.core.addresses import AddressPolicy, networks
from tidings.core.model import Outcome
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import ANSWER_KEPT, Sender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\n"
HERE = AddressPolicy(allowed_networks=networks(["127.0.0.1"]))
LIMIT = 1.0
"""Seconds of a hasty try: long enough for a busy machine to answer something."""
MOST_MEMORY = 8_000_000


@pytest.fixture
async def open_sender() -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def make(**limits: Any) -> Sender:
            return Sender(await stack.enter_async_context(ConnectionPool(HERE)), **limits)

        yield make


async def post(sender: Sender, port: int) -> Outcome:
    return await sender.send(f"http://127.0.0.1:{port}/hook", {}, b'{"a":1}')


def after_request(*answer: bytes, again: bytes = b"", reads: bool = True, pause: float = 0.0) -> Script:
    """Reads the request (or does not), answers, and then writes `again` for as long as it can."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await read_request(reader)
        for piece in answer:
            writer.write(piece)
            await writer.drain()
        while again:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)
        await reader.read()

    return script


async def resetting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


async def dropping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def dropping_in_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 O")


SILENT = {
    "says nothing": after_request(),
    "does not even read": after_request(reads=False),
    "drips its head": after_request(HEAD, b"X-Slow: ", again=b"x", pause=0.05),
    "drips headers": after_request(HEAD, again=b"a: b\r\n", pause=0.05),
    "sends 1xx for ever": after_request(again=b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.01),
    "floods with 1xx": after_request(again=b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("script", SILENT.values(), ids=SILENT.keys())
async def test_a_receiver_that_never_comes_to_a_status_is_given_up_at_the_limit(open_sender: Any, script: Script):
    sender = await open_sender(timeout_for=LIMIT)
    async with receiver(script) as port:
        outcome = await post(sender, port)
    assert (outcome.ok, outcome.status) == (False, None)
    assert outcome.error
    assert outcome.took_for < 10 * LIMIT


BODIES = {
    "drips": after_request(HEAD + b"Content-Length: 1000000\r\n\r\n", again=b"x", pause=0.05),
    "drips chunks": after_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", again=b"1\r\nx\r\n", pause=0.05),
    "stops": after_request(HEAD + b"Content-Length: 9\r\n\r\nx"),
    "has no end": after_request(HEAD + b"\r\n", again=b"x" * 65_536),
    "has chunks without end": after_request(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", again=b"5\r\nxxxxx\r\n" * 4096
    ),
    "is promised and not sent": after_request(HEAD + b"Content-Length: 999999999999\r\n\r\nx"),
}


@pytest.mark.parametrize("script", BODIES.values(), ids=BODIES.keys())
async def test_a_status_counts_and_its_body_ends_at_the_limits_of_time_and_size(open_sender: Any, script: Script):
    sender = await open_sender(timeout_for=LIMIT)
    async with receiver(script) as port:
        outcome = await post(sender, port)
    assert (outcome.ok, outcome.status, outcome.error) == (True, 200, None)
    assert set(outcome.answer) <= {"x"}
    assert len(outcome.answer) <= ANSWER_KEPT
    assert outcome.took_for < 10 * LIMIT


async def test_an_answer_that_falls_silent_is_left_before_the_try_has_to_end(open_sender: Any):
    sender = await open_sender(timeout_for=600.0, silence_for=0.2)
    async with asyncio.timeout(60), receiver(BODIES["stops"]) as port:
        assert (await post(sender, port)).ok


async def test_each_piece_of_an_answer_begins_its_silence_anew(open_sender: Any):
    pieces = [b"x"] * 5

    async def halting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + b"Content-Length: 5\r\n\r\n")
        for piece in pieces:
            await asyncio.sleep(0.3)
            writer.write(piece)
        await reader.read()

    sender = await open_sender(silence_for=1.0)
    async with receiver(halting) as port:
        assert (await post(sender, port)).answer == "xxxxx"


ENDLESS = {
    "headers": after_request(HEAD, again=b"a: b\r\n" * 1000),
    "one header": after_request(HEAD + b"a: ", again=b"x" * 65_536),
    "a status line": after_request(b"HTTP/1.1 200 ", again=b"x" * 65_536),
    "noise": after_request(again=b"\x00\x01\x02" * 10_000),
    "1xx": SILENT["floods with 1xx"],
    "a body": BODIES["has no end"],
    "chunks": BODIES["has chunks without end"],
    "a chunk's length": after_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", again=b"0" * 65_536),
    "a chunk's extension": after_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", again=b"x" * 65_536),
    "trailers": after_request(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", again=b"a: b\r\n" * 1000),
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
async def test_whatever_has_no_end_takes_little_memory_and_leaves_others_their_turn(open_sender: Any, script: Script):
    sender, other = await open_sender(timeout_for=LIMIT), await open_sender()
    async with receiver(script) as port, receiver(answering(OK)) as quick:
        assert (await post(other, quick)).ok
        tracemalloc.start()
        try:
            trying = asyncio.create_task(post(sender, port))
            assert (await post(other, quick)).ok
            outcome = await trying
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert outcome.took_for < 10 * LIMIT
    assert most < MOST_MEMORY


NO_HTTP = {
    "HTTP/0.9": b"<html>hello</html>",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a header without a name": HEAD + b": x\r\nContent-Length: 0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "a length that is none": HEAD + b"Content-Length: -1\r\n\r\n",
}


@pytest.mark.parametrize("answer", NO_HTTP.values(), ids=NO_HTTP.keys())
async def test_what_is_no_http_is_a_failure_in_words(open_sender: Any, answer: bytes):
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)

    sender = await open_sender(timeout_for=10.0)
    async with receiver(script) as port:
        outcome = await post(sender, port)
    assert (outcome.ok, outcome.status) == (False, None)
    assert outcome.error


@pytest.mark.parametrize("script", [resetting, dropping, dropping_in_the_head])
async def test_a_connection_that_ends_after_the_body_was_read_is_a_failure(open_sender: Any, script: Script):
    sender = await open_sender(timeout_for=10.0)
    async with receiver(script) as port:
        outcome = await post(sender, port)
    assert (outcome.ok, outcome.status) == (False, None)
    assert outcome.error is not None
    assert "connection" in outcome.error or "no HTTP" in outcome.error


WRONG = {
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n",
    "a chunk that is too long": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxxxxxx\r\n0\r\n\r\n",
    "too short a length": HEAD + b"Content-Length: 1\r\n\r\nxxxxxx",
    "204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nxxxxxx",
    "304 with a body": b"HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "two answers": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an answer beforehand": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" + OK,
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_what_one_answer_has_too_much_is_not_taken_for_the_next_ones(open_sender: Any, answer: bytes):
    seen = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        while True:
            await read_request(reader)
            seen += 1
            writer.write(answer if seen == 1 else b"HTTP/1.1 418 Mine\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    sender = await open_sender(timeout_for=5.0)
    async with receiver(script) as port:
        first = await post(sender, port)
        second = await post(sender, port)
    assert first.status != 418
    assert (second.status, seen) == (418, 2)


async def test_a_bomb_is_not_unpacked(open_sender: Any):
    bomb = gzip.compress(bytes(50_000_000))
    answer = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    sender = await open_sender()
    async with receiver(answering(answer)) as port:
        tracemalloc.start()
        outcome = await post(sender, port)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert outcome.ok
    assert len(outcome.answer) <= ANSWER_KEPT
    assert most < MOST_MEMORY


class Turning(AbstractResolver):
    """Answers each question with the next list of addresses, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        made = {"hostname": host, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST, "family": socket.AF_INET}
        return [made | {"host": each} for each in found]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_elsewhere_the_second_time_is_judged_each_time(open_sender: Any):
    seen: list[tuple[bytes, bytes]] = []
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(receiver(answering(closing)))
        resolver = Turning(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.2", "10.0.0.1"])
        pool = await stack.enter_async_context(ConnectionPool(HERE, resolver=resolver, names_for=0.0))
        sender = Sender(pool, timeout_for=10.0)
        async with receiver(answering(OK, seen), host="127.0.0.2"):
            outcomes = [await sender.send(f"http://hook.example:{good}/", {}, b"{}") for _ in range(3)]
    assert [each.status for each in outcomes] == [200, None, None]
    assert [each.error and each.error.split(",")[0] for each in outcomes[1:]] == [
        "hook.example resolves to 169.254.169.254",
        "hook.example resolves to 127.0.0.2",
    ]
    assert (seen, resolver.asked) == ([], 3)


async def test_a_receiver_that_cannot_be_reached_takes_the_time_for_that_and_no_more(open_sender: Any):
    class Never(Turning):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> Any:
            await asyncio.Event().wait()

    async with ConnectionPool(HERE, resolver=Never([])) as pool:
        sender = Sender(pool, timeout_for=600.0, connect_for=0.2)
        async with asyncio.timeout(60):
            outcome = await sender.send("http://hook.example/", {}, b"{}")
    assert (outcome.status, outcome.error) == (None, "no connection within 0.2 s")


async def test_a_server_that_does_not_shake_hands_is_not_reached(open_sender: Any):
    sender = await open_sender(timeout_for=600.0, connect_for=0.2)
    async with asyncio.timeout(60), receiver(after_request(reads=False)) as port:
        outcome = await sender.send(f"https://127.0.0.1:{port}/", {}, b"{}")
    assert (outcome.status, outcome.error) == (None, "no connection within 0.2 s")
