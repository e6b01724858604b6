"""Is an answer read the same however it comes, and a connection used again only when nothing is left open on it?"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest
import trustme
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.outbound.receivers import Script, read_request, receiver
from tests.outbound.test_guard import FixedResolver, found
from tidings.core.addresses import LOOPBACK_ONLY
from tidings.core.model import Outcome
from tidings.outbound.pool import KEPT_FOR, ConnectionPool
from tidings.outbound.sender import ANSWER_KEPT, Sender
from tidings.outbound.transport import AT_ONCE, HEAD_CAP, MOST_BEFOREHAND, PIECE, Answer, HttpConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with ConnectionPool(LOOPBACK_ONLY) as pool:
        yield Sender(pool, timeout_for=20.0)


class Counting:
    """Answers every request with the same bytes; `connections` counts, `bodies` are those that came whole."""

    def __init__(self, answer: bytes, *, then_closes: bool = False) -> None:
        self.answer, self.then_closes = answer, then_closes
        self.connections = 0
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            self.bodies.append((await read_request(reader))[1])
            writer.write(self.answer)
            await writer.drain()
            if self.then_closes:
                return


async def twice(sender: Sender, script: Script) -> list[Outcome]:
    async with receiver(script) as port:
        return [await sender.send(f"http://127.0.0.1:{port}/hook", {}, body) for body in (b"1", b"2")]


@pytest.mark.parametrize("before", [HINT, HINT * MOST_BEFOREHAND, b"HTTP/1.1 100 Continue\r\n\r\n" + HINT])
async def test_answers_beforehand_are_passed_over(sender: Sender, before: bytes):
    script = Counting(before + OK)
    outcomes = await twice(sender, script)
    assert [(each.status, each.answer) for each in outcomes] == [(200, "{}")] * 2
    assert script.connections == 1


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (HINT * (MOST_BEFOREHAND + 1), "more than 64 answers of 1xx"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * HEAD_CAP + b"\r\n\r\n", "longer than 65,536 bytes"),
        (
            HINT[:-2] + b"a: " + b"x" * (HEAD_CAP // 2) + b"\r\n\r\n" + HINT[:-2] + b"b: " + b"x" * (HEAD_CAP // 2),
            "longer",
        ),
    ],
)
async def test_answers_beforehand_are_bounded_in_number_and_size(sender: Sender, before: bytes, says: str):
    for outcome in await twice(sender, Counting(before + OK)):
        assert outcome.status is None
        assert says in (outcome.error or "")


async def test_a_protocol_that_nobody_asked_for_is_not_switched_to(sender: Sender):
    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
    script = Counting(switching)
    assert [each.error for each in await twice(sender, script)] == ["answered 101"] * 2
    assert script.connections == 2


KEPT = {
    "1.1": OK,
    "1.1, chunked": CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    "1.1, chunked with a trailer": CHUNKED + b"2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
    "1.0 that keeps": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}",
    "lines without a return": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
}
CLOSED = {
    "1.1 that closes": HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "another answer behind it": OK + OK,
    "the beginning of one": OK + b"H",
    "junk behind it": OK + b"junk",
}


@pytest.mark.parametrize("answer", KEPT.values(), ids=KEPT.keys())
async def test_a_connection_is_used_again_when_its_answer_says_so(sender: Sender, answer: bytes):
    script = Counting(answer)
    assert [each.answer for each in await twice(sender, script)] == ["{}"] * 2
    assert script.connections == 1


@pytest.mark.parametrize("answer", CLOSED.values(), ids=CLOSED.keys())
async def test_a_connection_is_not_used_again_when_it_closes_or_its_end_is_not_clear(sender: Sender, answer: bytes):
    script = Counting(answer)
    assert [each.answer for each in await twice(sender, script)] == ["{}"] * 2
    assert script.connections == 2


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_an_answer_without_a_length_ends_with_its_connection(sender: Sender, head: bytes):
    script = Counting(head + b"all of it", then_closes=True)
    assert [(each.ok, each.answer) for each in await twice(sender, script)] == [(True, "all of it")] * 2


async def test_a_receiver_that_closes_its_half_has_answered_or_never_will(sender: Sender):
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await read_request(reader)
        writer.write(OK if body == b"1" else b"HTTP/1.1 200 O")
        writer.write_eof()
        await reader.read()

    answered, broken = await twice(sender, half)
    assert (answered.status, answered.answer) == (200, "{}")
    assert (broken.status, broken.error) == (None, "the connection was closed without an answer")


@pytest.mark.parametrize("status", [413, 200])
async def test_an_answer_before_the_body_was_sent_counts_and_ends_the_connection(sender: Sender, status: int):
    connections = 0

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)
        await asyncio.Event().wait()  # reads nothing more

    async with receiver(hasty) as port:
        for _ in range(2):
            outcome = await sender.send(f"http://127.0.0.1:{port}/", {}, b"x" * 30_000_000)
            assert (outcome.status, outcome.answer) == (status, "{}")
    assert connections == 2


async def test_a_large_body_waits_for_a_slow_reader_and_leaves_others_their_turn(sender: Sender):
    body, go_on = bytes(range(256)) * 60_000, asyncio.Event()
    seen: list[bytes] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        seen.append((await read_request(reader))[1])
        writer.write(OK)

    async with receiver(slow) as port, receiver(Counting(OK)) as quick:
        sending = asyncio.create_task(sender.send(f"http://127.0.0.1:{port}/", {}, body))
        for _ in range(20):
            assert (await sender.send(f"http://127.0.0.1:{quick}/", {}, b"1")).ok
        assert not sending.done()
        go_on.set()
        assert (await sending).ok
    assert seen == [body]


@pytest.mark.parametrize(("idle_for", "connections"), [(KEPT_FOR - 0.01, 1), (KEPT_FOR, 2)])
async def test_a_connection_is_used_again_for_a_few_seconds_only(idle_for: float, connections: int):
    now = 1000.0
    script = Counting(OK)
    async with ConnectionPool(LOOPBACK_ONLY, clock=lambda: now) as pool, receiver(script) as port:
        for _ in range(2):
            assert (await Sender(pool).send(f"http://127.0.0.1:{port}/", {}, b"1")).ok
            now += idle_for
    assert script.connections == connections


async def test_a_connection_that_was_closed_while_it_was_idle_loses_no_notification(sender: Sender):
    closed = asyncio.Event()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with receiver(closing) as port:
        for _ in range(20):
            assert (await sender.send(f"http://127.0.0.1:{port}/", {}, b"1")).ok
            await closed.wait()  # the loop has not looked at our end since
            closed.clear()


async def test_different_urls_of_one_server_share_no_connection(sender: Sender):
    script = Counting(OK)
    async with receiver(script) as port:
        for path in ("a", "b", "a?x", "a", "b", "a?x"):
            assert (await sender.send(f"http://127.0.0.1:{port}/{path}", {}, b"1")).ok
    assert script.connections == 3


async def test_a_try_that_is_cancelled_closes_its_connection(sender: Sender):
    asked, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        assert await reader.read() == b""
        gone.set()

    async with receiver(silent) as port:
        task = asyncio.create_task(sender.send(f"http://127.0.0.1:{port}/", {}, b"1"))
        await asked.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(10):
            await gone.wait()


async def test_tls_that_ends_without_saying_so_ends_an_answer_and_is_no_answer():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await read_request(reader)
        if body == b"1":
            writer.write(HEAD + b"\r\nall of it")
            await writer.drain()
        writer.transport.abort()

    async with receiver(cutting, tls=server) as port, ConnectionPool(LOOPBACK_ONLY, tls=trusting) as pool:
        url = f"https://127.0.0.1:{port}/"
        answered, silent = [await Sender(pool).send(url, {}, body) for body in (b"1", b"2")]
    assert (answered.status, answered.answer) == (200, "all of it")
    assert (silent.status, silent.error) == (None, "the connection was closed without an answer")


async def test_a_large_body_arrives_whole_through_tls():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    script, body = Counting(OK), bytes(range(256)) * 20_000
    async with receiver(script, tls=server) as port, ConnectionPool(LOOPBACK_ONLY, tls=trusting) as pool:
        for _ in range(2):
            assert (await Sender(pool).send(f"https://127.0.0.1:{port}/", {}, body)).ok
    assert script.bodies == [body, body]


async def test_a_receiver_is_reached_at_whichever_of_its_addresses_answers():
    script = Counting(OK)
    names = FixedResolver(*map(found, ("::1", "127.0.0.3", "127.0.0.2")))
    async with receiver(script, host="127.0.0.2") as port, ConnectionPool(LOOPBACK_ONLY, resolver=names) as pool:
        assert (await Sender(pool).send(f"http://hook.example:{port}/", {}, b"1")).ok


async def test_an_address_whose_certificate_is_wrong_leaves_the_others_their_chance():
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    contexts = []
    for by in (trustme.CA(), authority):
        contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        by.issue_cert("hook.example").configure_cert(contexts[-1])
    good = Counting(OK)
    names = FixedResolver(found("127.0.0.2"), found("127.0.0.3"))
    async with (
        receiver(good, tls=contexts[1], host="127.0.0.3") as port,
        receiver(Counting(OK), tls=contexts[0], host="127.0.0.2", port=port),
        ConnectionPool(LOOPBACK_ONLY, tls=trusting, resolver=names) as pool,
    ):
        outcome = await Sender(pool).send(f"https://hook.example:{port}/", {}, b"1")
    assert (outcome.error, good.bodies) == (None, [b"1"])


async def test_ipv6_is_spoken():
    seen: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader))[0])
        writer.write(OK)

    try:
        async with receiver(script, host="::1") as port, ConnectionPool(LOOPBACK_ONLY) as pool:
            assert (await Sender(pool).send(f"http://[::1]:{port}/", {}, b"1")).ok
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert b"\r\nHost: [::1]:%d\r\n" % port in seen[0]


# However it is cut.

ANSWERS = [
    OK,
    HINT * 2 + OK,
    HINT * (MOST_BEFOREHAND + 1) + OK,
    *KEPT.values(),
    *CLOSED.values(),
    b"HTTP/1.1 204 No Content\r\n\r\nsurplus",
    b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nretry-after: 8\r\nContent-Length: 4\r\n\r\nbusy",
    b"HTTP/1.1 302 Away\r\nLocation: http://else.example/\xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\0\1",
    CHUNKED + b"2\r\n{}\r\nzz\r\n",
    CHUNKED + b"2\r\n{}x0\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 10\r\n\r\nshort",
    HEAD + b"\r\nuntil the end",
    HEAD + b"A: " + b"x" * (HEAD_CAP - 24) + b"\r\n\r\nbody",
    HEAD + b"A: " + b"x" * (HEAD_CAP - 23) + b"\r\n\r\nbody",
    HEAD + b"A: " + b"x" * (HEAD_CAP - 25) + b"\r\nContent-Length: 0\r\n\r\n",
    CHUNKED + b"2;" + b"x" * 5 * HEAD_CAP + b"\r\n{}\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    b"<html>",
    b"\r\n\r\n" + OK,
    b"HTTP/1.1 200",
    b"",
]


class Pipe(asyncio.Transport):
    """A transport that goes nowhere, with a connection on it whose system has nothing to read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_over, self.waiting = False, 0
        self.written = bytearray()
        self._ends = socket.socketpair()
        self._ends[0].setblocking(False)
        self.connection = HttpConnection(self._ends[0])
        self.connection.connection_made(self)
        self.answer = Answer(HEAD_CAP)

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()

    async def post(self, body: bytes = b"") -> asyncio.Task[bool]:
        """A POST that has just been begun."""
        task = asyncio.create_task(self.connection.post(b"", body, self.answer, 60.0))
        await asyncio.sleep(0)
        return task

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_over = True

    def is_closing(self) -> bool:
        return self.is_over

    def get_write_buffer_size(self) -> int:
        return self.waiting


async def read_in(pieces: Sequence[bytes]) -> tuple[int | None, str | None, object, bytes]:
    """All that counts of an answer that comes in these pieces."""
    with Pipe() as pipe:
        posting = await pipe.post()
        for piece in pieces:
            pipe.connection.data_received(piece)
        pipe.connection.connection_lost(None)
        await posting
        answer, said = pipe.answer, pipe.answer.headers()
        kept = [said.get(name) for name in ("Location", "Retry-After", "Date")]
        return answer.status, answer.error, answer.status and kept, bytes(answer.body[:ANSWER_KEPT])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 70_000), max_size=12))
@example(OK, list(range(1, len(OK))))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(answer: bytes, cuts: list[int]):
    places = sorted({cut % (len(answer) + 1) for cut in cuts} | {0, len(answer)})
    pieces = [answer[begin:end] for begin, end in pairwise(places)]
    asyncio.run(_same(answer, pieces))


async def _same(answer: bytes, pieces: Sequence[bytes]) -> None:
    assert await read_in(pieces) == await read_in([answer] if answer else [])


@pytest.mark.parametrize("answer", [each for each in ANSWERS if len(each) < 1000])
async def test_an_answer_is_the_same_byte_by_byte(answer: bytes):
    await _same(answer, [answer[at : at + 1] for at in range(len(answer))])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nretry-AFTER: 8\r\n\r\n", "7"),
        (b"HTTP/1.1 102 Wait\r\nRetry-After: 7\r\n\r\nHTTP/1.1 503 No\r\n\r\n", None),
        (b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nRetry-After: 7\r\n\r\n", None),
    ],
)
async def test_what_is_said_is_what_the_answers_own_head_says_first(answer: bytes, says: str | None):
    assert (await read_in([answer]))[:3] == (503, None, [None, says, None])


@pytest.mark.parametrize(("too_much", "status"), [(0, 200), (1, None)])
async def test_a_head_may_be_as_long_as_its_cap(too_much: int, status: int | None):
    head = HEAD + b"A: " + b"x" * (HEAD_CAP - len(HEAD) - 7 + too_much) + b"\r\n\r\n"
    assert len(head) == HEAD_CAP + too_much
    found = await read_in([head + b"body"])
    assert (found[0], found[3]) == (status, b"body" if status else b"")


# What the loop and the system do in between.


async def test_a_body_stops_when_it_is_told_to_and_goes_on_afterwards():
    body = b"x" * (AT_ONCE + 1)
    with Pipe() as pipe:
        posting = await pipe.post(body)
        await asyncio.sleep(0)
        pipe.connection.pause_writing()
        for _ in range(20):
            await asyncio.sleep(0)
        assert 0 < len(pipe.written) <= 2 * PIECE
        pipe.connection.resume_writing()
        for _ in range(20):
            await asyncio.sleep(0)
        assert pipe.written == body
        pipe.connection.data_received(OK)
        assert await posting


async def test_a_connection_whose_request_still_waits_to_be_sent_is_not_used_again():
    with Pipe() as pipe:
        posting = await pipe.post()
        pipe.waiting = 1
        pipe.connection.data_received(OK)
        assert not await posting
        assert (pipe.answer.status, pipe.is_over) == (200, True)


async def test_a_try_that_is_cancelled_at_its_last_moment_leaves_no_connection_open():
    with Pipe() as pipe:
        posting = await pipe.post()
        pipe.connection.data_received(OK)
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
        assert (pipe.answer.status, pipe.is_over) == (200, True)


async def test_a_byte_on_an_idle_connection_ends_it_at_once():
    with Pipe() as pipe:
        posting = await pipe.post()
        pipe.connection.data_received(OK)
        assert await posting
        assert pipe.connection.is_quiet()
        pipe.connection.data_received(b"H")
        assert (pipe.connection.is_quiet(), pipe.is_over) == (False, True)
