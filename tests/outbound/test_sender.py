"""Does a try end, and say what happened, whatever the receiver does?"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
import trustme
from aiohttp.abc import AbstractResolver

from tests.outbound.receivers import answering, read_request, receiver
from tidings.core.addresses import LOOPBACK_ONLY, AddressPolicy
from tidings.core.model import Outcome
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import ANSWER_KEPT, Sender, retry_after

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with ConnectionPool(LOOPBACK_ONLY) as pool:
        yield Sender(pool)


@pytest.fixture
async def hasty() -> AsyncIterator[Sender]:
    """One that waits a second at the most: long enough for a busy machine to answer, if only with a header."""
    async with ConnectionPool(LOOPBACK_ONLY) as pool:
        yield Sender(pool, timeout_for=1.0)


async def post(sender: Sender, port: int, path: str = "/hook") -> Outcome:
    return await sender.send(f"http://127.0.0.1:{port}{path}", {"Elements-Webhook-Id": "n1"}, b'{"a":1}')


async def test_the_body_and_the_headers_arrive_as_they_were_given(sender: Sender):
    seen: list[tuple[bytes, bytes]] = []
    async with receiver(answering(OK, seen)) as port:
        outcome = await post(sender, port, "/hook?x=%2F")
    assert (outcome.ok, outcome.status, outcome.error, outcome.answer) == (True, 200, None, "{}")
    assert outcome.took_for > 0
    [(head, body)] = seen
    assert head.startswith(b"POST /hook?x=%2F HTTP/1.1\r\n")
    assert b"\r\nElements-Webhook-Id: n1\r\n" in head
    assert body == b'{"a":1}'


async def test_one_connection_serves_many_notifications(sender: Sender):
    connections = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answering(OK)(reader, writer)

    async with receiver(counting) as port:
        assert all([(await post(sender, port)).ok for _ in range(5)])
    assert connections == 1


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 502, 503])
async def test_a_refusal_is_an_outcome_with_its_status(sender: Sender, status: int):
    answer = b"HTTP/1.1 %d Sorry\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy" % status
    async with receiver(answering(answer)) as port:
        outcome = await post(sender, port)
    assert not outcome.ok
    assert (outcome.status, outcome.error, outcome.retry_after, outcome.answer) == (
        status,
        f"answered {status}",
        7.0,
        "busy",
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_never_followed(sender: Sender, status: int):
    seen: list[tuple[bytes, bytes]] = []
    async with receiver(answering(OK, seen)) as elsewhere:
        where = f"http://127.0.0.1:{elsewhere}/"
        away = f"HTTP/1.1 {status} Away\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()
        async with receiver(answering(away)) as port:
            outcome = await post(sender, port)
    assert not outcome.ok
    assert outcome.error == (
        f"answered {status}, a redirect to {where}; redirects are not followed, set the final address"
    )
    assert seen == []


async def test_a_receiver_that_never_answers_is_given_up_in_time(hasty: Sender):
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with receiver(silent) as port:
        outcome = await post(hasty, port)
    assert (outcome.status, outcome.error) == (None, "no answer within 1 s")


async def test_an_answer_that_trickles_in_ends_with_the_time_and_its_status_counts(hasty: Sender):
    async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        await reader.read()

    async with receiver(trickling) as port:
        outcome = await post(hasty, port)
    assert (outcome.ok, outcome.answer) == (True, "x")
    assert outcome.took_for < 10


@pytest.mark.parametrize("framing", [b"Content-Length: 10000000000\r\n", b"Content-Encoding: gzip\r\n"])
async def test_of_an_answer_without_end_only_the_beginning_is_read(sender: Sender, framing: bytes):
    written = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    async with receiver(endless) as port:
        outcome = await post(sender, port)
    assert outcome.ok
    assert outcome.answer == "x" * ANSWER_KEPT
    assert written < 20_000_000


async def test_an_answer_that_breaks_off_after_its_status_still_counts(sender: Sender):
    async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 202 Yes\r\nContent-Length: 9\r\n\r\nhal")

    async with receiver(breaking) as port:
        outcome = await post(sender, port)
    assert (outcome.ok, outcome.status) == (True, 202)


async def test_a_connection_that_is_closed_without_an_answer_is_a_failure(sender: Sender):
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    async with receiver(closing) as port:
        outcome = await post(sender, port)
    assert (outcome.status, outcome.error) == (None, "the connection was closed without an answer")


@pytest.mark.parametrize(
    "noise", [b"\x00\x01 nonsense\r\n\r\n", b"HTTP/1.1 " + b"9" * 100_000, b"HTTP/9.9 abc\r\n\r\n"]
)
async def test_an_answer_that_is_no_http_is_a_failure(sender: Sender, noise: bytes):
    async with receiver(answering(noise)) as port:
        outcome = await post(sender, port)
    assert outcome.status is None
    assert outcome.error is not None
    assert len(outcome.error) < 600


async def test_nobody_listening_is_a_failure_in_plain_words(sender: Sender):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    outcome = await post(sender, port)
    assert (outcome.status, outcome.error) == (None, f"could not connect to 127.0.0.1:{port}: Connection refused")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://10.0.0.1/", "10.0.0.1 resolves to 10.0.0.1, which is a private, local or reserved address"),
        ("http://2130706433/", "the callback URL cannot be read"),
        ("ftp://example.com/", ""),
        ("http://[::1/", ""),
        ("http://" + "a" * 300 + ".example/", ""),
        ("", ""),
    ],
)
async def test_an_address_that_cannot_be_reached_is_an_outcome_and_no_exception(sender: Sender, url: str, says: str):
    outcome = await sender.send(url, {}, b"{}")
    assert outcome.status is None
    assert outcome.error
    assert outcome.error.startswith(says)


class NoSuchName(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        pass


async def test_a_name_that_nobody_knows_is_a_failure_in_plain_words():
    async with ConnectionPool(LOOPBACK_ONLY, resolver=NoSuchName()) as pool:
        outcome = await Sender(pool).send("http://hook.example/", {}, b"{}")
    assert outcome.error == "the name hook.example could not be looked up: Name or service not known"


async def test_cookies_of_one_receiver_are_not_sent_to_anybody(sender: Sender):
    seen: list[tuple[bytes, bytes]] = []
    sets = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with receiver(answering(sets, seen)) as port:
        await post(sender, port)
        await post(sender, port)
    assert b"cookie" not in seen[1][0].lower()


async def test_https_works_with_a_trusted_certificate_and_fails_in_plain_words_without():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with receiver(answering(OK), tls=server) as port:
        async with ConnectionPool(LOOPBACK_ONLY, tls=trusting) as pool:
            assert (await Sender(pool).send(f"https://127.0.0.1:{port}/", {}, b"{}")).ok
        async with ConnectionPool(LOOPBACK_ONLY) as pool:
            outcome = await Sender(pool).send(f"https://127.0.0.1:{port}/", {}, b"{}")
    assert outcome.error is not None
    assert outcome.error.startswith("the certificate of 127.0.0.1 was not accepted")


async def test_a_cancelled_try_is_cancelled():
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()

    async with receiver(silent) as port, ConnectionPool(AddressPolicy(allow_private=True)) as pool:
        task = asyncio.create_task(post(Sender(pool), port))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "9" * 5000}, 999_999_999_999.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "Mon, 20 Aug 2018 15:31:07 GMT", "Date": "Mon, 20 Aug 2018 15:30:07 GMT"}, 60.0),
        ({"Retry-After": "Mon, 20 Aug 2018 15:29:07 GMT", "Date": "Mon, 20 Aug 2018 15:30:07 GMT"}, None),
        ({"Retry-After": "Mon, 20 Aug 2018 15:31:07 GMT"}, None),
        ({"Retry-After": "Mon, 20 Aug 2018 15:31:07 -0000", "Date": "Mon, 20 Aug 2018 15:30:07 GMT"}, None),
    ],
)
def test_a_request_to_wait_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None):
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(("sent_at", "seconds"), [(1_534_779_007_000, 60.0), (1_534_779_067_001, None)])
def test_a_date_to_wait_for_is_held_against_our_clock_where_the_answer_bears_none(sent_at: int, seconds: float | None):
    assert retry_after({"Retry-After": "Mon, 20 Aug 2018 15:31:07 GMT"}, sent_at) == seconds


async def test_a_body_of_megabytes_arrives_whole(sender: Sender):
    seen: list[tuple[bytes, bytes]] = []
    body = b"x" * 3_000_000
    async with receiver(answering(OK, seen)) as port:
        outcome = await sender.send(f"http://127.0.0.1:{port}/", {"Content-Type": "application/json"}, body)
    assert outcome.ok
    assert seen[0][1] == body
    assert b"content-length: 3000000" in seen[0][0].lower()
