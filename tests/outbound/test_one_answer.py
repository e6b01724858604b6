"""Does every answer count for the notification that it answers, and for no other, whatever else a receiver writes?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.outbound.receivers import Script, read_request, receiver
from tidings.core.addresses import AddressPolicy, networks
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import Sender

HERE = AddressPolicy(allowed_networks=networks(["127.0.0.1"]))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
DOWN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with ConnectionPool(HERE) as pool:
        yield Sender(pool)


class Late:
    """Answers each request as its path says, and on the first connection writes something more when it is told to."""

    def __init__(self, more: bytes) -> None:
        self.more, self.now, self.written = more, asyncio.Event(), asyncio.Event()
        self.got: list[str] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        first = self.connections == 1
        while True:
            head, _ = await read_request(reader)
            path = head.split(b" ")[1].decode()
            self.got.append(path)
            writer.write(DOWN if path == "/down" else OK)
            await writer.drain()
            if first:
                await self.now.wait()
                writer.write(self.more)
                await writer.drain()
                self.written.set()
                first = False


@pytest.mark.parametrize("more", [OK, GONE, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"junk"])
async def test_what_a_receiver_writes_unasked_answers_no_later_notification(sender: Sender, more: bytes):
    script = Late(more)
    async with receiver(script) as port:
        assert (await sender.send(f"http://127.0.0.1:{port}/hook", {}, b"1")).ok
        script.now.set()
        await script.written.wait()
        await _looked_at_the_socket()
        second = await sender.send(f"http://127.0.0.1:{port}/hook", {}, b"2")
    assert (second.status, script.got) == (200, ["/hook", "/hook"])
    assert script.connections == 2


async def test_what_one_receiver_writes_answers_nothing_that_its_neighbour_was_sent(sender: Sender):
    script = Late(OK)
    async with receiver(script) as port:
        assert (await sender.send(f"http://127.0.0.1:{port}/hook", {}, b"1")).ok
        script.now.set()
        await script.written.wait()
        neighbour = await sender.send(f"http://127.0.0.1:{port}/down", {}, b"2")
    assert (neighbour.status, script.got) == (503, ["/hook", "/down"])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\nsurplus",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nsurplus",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{} and more",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{} and more",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nand more",
    ],
)
async def test_a_receiver_that_says_more_than_it_announced_has_the_notification_all_the_same(
    sender: Sender, answer: bytes
):
    async with receiver(_answering(answer)) as port:
        outcomes = [await sender.send(f"http://127.0.0.1:{port}/", {}, body) for body in (b"1", b"2")]
    assert [(each.ok, each.error) for each in outcomes] == [(True, None), (True, None)]


async def _looked_at_the_socket() -> None:
    """What is written on loopback is read when the loop has looked around a few times."""
    for _ in range(20):
        await asyncio.sleep(0)


def _answering(answer: bytes) -> Script:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

    return script
