"""How does one POST travel on one connection, and what of its answer is read?

HTTP/1.1 numbers neither requests nor answers, so a connection is used for one at a time, and is closed as soon as it
is not certain whose bytes come next.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEAD_CAP: Final = 64 * 1024
"""Bytes that may come before the status is there with its headers, answers beforehand included."""

MOST_BEFOREHAND: Final = 64
"""Answers of 1xx that are passed over."""

AT_ONCE: Final = 256 * 1024
PIECE: Final = 64 * 1024
"""Bytes: a body that is larger than the one is written in pieces of the other, in turn with everybody else."""

_FRAMES: Final = 4
"""An answer's framing may be so many times larger than what is kept of its body."""

_SWITCHING = 101


class Answer:
    """As much of a receiver's answer as has arrived: a status, once its head is whole, or an error in words."""

    __slots__ = ("body", "body_cap", "error", "fields", "status")

    def __init__(self, body_cap: int) -> None:
        self.body_cap = body_cap
        self.status: int | None = None
        self.error: str | None = None
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = bytearray()

    def headers(self) -> Mapping[str, str]:
        """By names like `Retry-After`, whatever the receiver's spelling; of several the first counts."""
        return {
            name.decode("latin-1").title(): value.decode("utf-8", "replace") for name, value in reversed(self.fields)
        }


class _At(Enum):
    """Where in the answer the next byte belongs."""

    HEAD = auto()
    BODY = auto()
    END = auto()


class HttpConnection(asyncio.Protocol):
    """One connection to a receiver, made for a socket that does not block."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._parser = HttpResponseParser(self)
        # As sloppy as receivers may be without its being unclear where their answers end.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._answer: Answer | None = None
        self._at = _At.END
        self._is_kept = self._is_spoilt = False
        self._silence: asyncio.TimerHandle | None = None
        self._writable: asyncio.Future[None] | None = None

    def is_quiet(self) -> bool:
        """Whether the next request may go out: the connection stands, and nothing has come that nobody asked for."""
        if self._is_spoilt or self._transport.is_closing():
            return False
        try:
            self._line.recv(1, socket.MSG_PEEK)  # what the loop has not looked at yet
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """At once, whatever is still to be sent."""
        self._is_spoilt = True
        self._transport.abort()

    async def post(self, head: bytes, body: bytes, answer: Answer, silence_for: float) -> bool:
        """Send the two and fill `answer`, until it ends, is long enough, or has been silent for so many seconds since
        its head. Raises nothing but CancelledError, which closes the connection; the answer keeps what it has.

        Says whether the connection can be used again; it is closed where not.
        """
        self._loop = loop = asyncio.get_running_loop()
        self._answer, self._silence_for = answer, silence_for
        self._at, self._read, self._beforehand, self._is_kept = _At.HEAD, 0, 0, False
        self._over: asyncio.Future[None] = loop.create_future()
        try:
            if len(body) <= AT_ONCE:
                self._transport.write(head + body)
            else:
                await self._write_in_pieces(head, memoryview(body))
            await self._over
        except BaseException:
            self._is_spoilt = True
            raise
        finally:
            self._answer = None
            if self._silence is not None:
                self._silence.cancel()
                self._silence = None
            # What has been answered before it was sent stays unsent.
            can_go_on = self._is_kept and not self._is_spoilt and not self._transport.get_write_buffer_size()
            if not can_go_on:
                self.close()
        return can_go_on

    async def _write_in_pieces(self, head: bytes, body: memoryview) -> None:
        self._transport.write(head)
        for begin in range(0, len(body), PIECE):
            if self._writable is None:
                await asyncio.sleep(0)
            else:
                await self._writable
            if self._over.done():
                self._is_spoilt = True
                return
            self._transport.write(body[begin : begin + PIECE])

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has another base

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or self._over.done():
            self.close()
            return
        while data and not self._is_spoilt and self._at is not _At.END:
            # Cut at the limits, so that what is read does not depend on how it was cut on its way.
            room = (HEAD_CAP if self._at is _At.HEAD else HEAD_CAP + _FRAMES * answer.body_cap) - self._read
            piece, data = data[:room], data[room:]
            self._read += len(piece)
            self._parse(piece, answer)
            if room == len(piece):
                self._cut(answer)
        if self._at is _At.END or self._is_spoilt or len(answer.body) >= answer.body_cap:
            self._is_spoilt = self._is_spoilt or bool(data)
            self._end()
        elif self._at is _At.BODY:
            if self._silence is not None:
                self._silence.cancel()
            self._silence = self._loop.call_later(self._silence_for, self._end)

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._is_spoilt = True
        answer = self._answer
        if answer is not None and not self._over.done():
            if answer.status is None:
                answer.error = "the connection was closed without an answer"
                if isinstance(error, OSError):
                    answer.error = f"the connection broke: {cause(error)}"
            self._end()
        self.resume_writing()

    def _parse(self, piece: bytes, answer: Answer) -> None:
        try:
            self._parser.feed_data(piece)
        except HttpParserUpgrade:
            self._is_spoilt = True
        except HttpParserError as error:
            self._is_spoilt = True
            if answer.status is None and answer.error is None:
                answer.error = f"the answer is no HTTP: {error}"[:500]

    def _cut(self, answer: Answer) -> None:
        """So much has been read that its part of the answer should have ended long ago."""
        if self._at is _At.BODY and self._read == HEAD_CAP:
            return  # the head has ended just in time
        self._is_spoilt = self._is_spoilt or self._at is not _At.END
        if answer.status is None and answer.error is None:
            answer.error = f"the answer is no HTTP: its head is longer than {HEAD_CAP:,} bytes"

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
        self.resume_writing()

    # What the parser calls, which may go on behind the end of the answer.

    def on_message_begin(self) -> None:
        if self._at is _At.END:
            self._is_spoilt = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._at is _At.HEAD and self._answer is not None:
            self._answer.fields.append((name, value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        if self._at is not _At.HEAD or answer is None or answer.error is not None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:
            answer.fields.clear()
            self._beforehand += 1
            if self._beforehand > MOST_BEFOREHAND:
                self._is_spoilt = True
                answer.error = f"the answer is no HTTP: more than {MOST_BEFOREHAND} answers of 1xx came before it"
            return
        answer.status, self._at = status, _At.BODY

    def on_body(self, piece: bytes) -> None:
        answer = self._answer
        if self._at is _At.BODY and answer is not None:
            answer.body += piece[: answer.body_cap - len(answer.body)]

    def on_message_complete(self) -> None:
        if self._at is _At.BODY:
            self._at, self._is_kept = _At.END, self._parser.should_keep_alive()


def cause(error: OSError) -> str:
    """The system's own words; asyncio's repeat the address, and errors of TLS and of look-ups have numbers of their
    own."""
    if error.errno is not None and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)
