"""What became of one POST to a receiver."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp import BytesPayload
from aiohttp.abc import AbstractResolver
from yarl import URL

from tidings.core.addresses import AddressPolicy
from tidings.core.model import Moment, Outcome
from tidings.outbound.deadline import Deadlines
from tidings.outbound.guard import forbidden_address, guarded_connector
from tidings.outbound.oneanswer import KeptForItsUrl

ANSWER_KEPT: Final = 1024
"""Bytes of the receiver's answer that are kept for the log."""

_CHUNK: Final = 16 * 1024


def open_session(
    policy: AddressPolicy, *, tls: ssl.SSLContext | bool = True, resolver: AbstractResolver | None = None
) -> aiohttp.ClientSession:
    """A client session fit for strangers: guarded, without cookies, unpacking nothing, ignoring proxy settings."""
    return aiohttp.ClientSession(
        connector=guarded_connector(policy, tls=tls, resolver=resolver, head_first=True),
        request_class=KeptForItsUrl,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "Tidings", "Accept-Encoding": "identity"},
    )


class Sender:
    """Posts to receivers. Of the answer at most `answer_cap` bytes are read, as they come: nothing is unpacked.

    Spans are seconds: a try takes at most `timeout_for`, of which reaching the receiver, its name's look-up and TLS
    included, may take `connect_for`, and the wait for each further piece of an answer that has begun `silence_for`.

    The status decides as soon as it is there: a receiver that says 200 has the notification, whatever becomes of the
    rest of its answer. A `Retry-After` that is a date is compared with the answer's own `Date`, or with `clock`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        timeout_for: float = 30.0,
        connect_for: float = 10.0,
        silence_for: float = 10.0,
        answer_cap: int = 64 * 1024,
        clock: Callable[[], Moment] | None = None,
    ) -> None:
        self._clock = clock
        self._session, self._timeout_for, self._answer_cap = session, timeout_for, answer_cap
        self._connect_for, self._silence_for = connect_for, silence_for
        self._deadlines = Deadlines(timeout_for)
        # Below the total limit only the way there is aiohttp's to watch: it costs nothing on a connection that is kept.
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_for, ceil_threshold=timeout_for)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """POST the body once, follow no redirect, and say what came of it; raises nothing but CancelledError."""
        clock = asyncio.get_running_loop().time
        began = clock()
        answer = _Answer()
        error = None
        try:
            with self._deadlines.begin():
                await self._post(url, headers, body, answer)
        except aiohttp.ConnectionTimeoutError:
            error = f"no connection within {self._connect_for:g} s"
        except TimeoutError:
            error = f"no answer within {self._timeout_for:g} s"
        except Exception as failure:  # a receiver, its name or its certificate can fail in more ways than can be listed
            error = _in_words(failure)
        took_for = clock() - began
        if answer.status is None:
            return Outcome(None, error, None, "", took_for)
        text = bytes(answer.body[:ANSWER_KEPT]).decode("utf-8", "replace").replace("\0", "")
        if 200 <= answer.status < 300:
            return Outcome(answer.status, None, None, text, took_for)
        now = None if self._clock is None else self._clock()
        return Outcome(answer.status, _refusal(answer), retry_after(answer.headers, now), text, took_for)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, answer: _Answer) -> None:
        # Large bodies go in pieces, so that one receiver does not hold up the others.
        data = BytesPayload(body) if len(body) <= _CHUNK * 16 else io.BytesIO(body)
        async with self._session.post(
            _as_written(url), data=data, headers=headers, allow_redirects=False, timeout=self._timeout
        ) as response:
            answer.status, answer.headers = response.status, response.headers
            content = response.content
            if content.is_eof():  # as usual, all of it has come with the head: no timer is needed
                answer.body += content.read_nowait(self._answer_cap)
            else:
                async with asyncio.timeout(self._silence_for) as limit:
                    await self._read(content, answer, limit)
            # Read to its end, the connection can be used again; an answer without an end is cut off with it.
            if not content.at_eof():
                response.close()

    async def _read(self, content: aiohttp.StreamReader, answer: _Answer, limit: asyncio.Timeout) -> None:
        clock = asyncio.get_running_loop().time
        while not content.at_eof() and len(answer.body) < self._answer_cap:
            answer.body += await content.read(min(_CHUNK, self._answer_cap - len(answer.body)))
            limit.reschedule(clock() + self._silence_for)


class _Answer:
    """As much of the receiver's answer as has arrived."""

    __slots__ = ("body", "headers", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()


def retry_after(headers: Mapping[str, str], now: Moment | None = None) -> float | None:
    """Seconds that a `Retry-After` asks for; None when there is none, it cannot be read, or it lies in the past.

    A date is compared with the answer's own `Date`, so that the receiver's clock and ours may differ; with `now` where
    there is none.
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:12])
    try:
        until = parsedate_to_datetime(asked)
        if now is not None and "Date" not in headers:
            return max(until.timestamp() - now / 1000, 0.0) or None
        wait = (until - parsedate_to_datetime(headers.get("Date", ""))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return wait if wait >= 0 else None


def _refusal(answer: _Answer) -> str:
    if answer.status is not None and 300 <= answer.status < 400:
        where = answer.headers.get("Location", "another address")[:200]
        return f"answered {answer.status}, a redirect to {where}; redirects are not followed, set the final address"
    return f"answered {answer.status}"


def _in_words(failure: Exception) -> str:
    forbidden = forbidden_address(failure)
    if forbidden is not None:
        return str(forbidden)
    match failure:
        case aiohttp.InvalidURL():
            return "the callback URL cannot be read as a URL"
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of {failure.host} was not accepted: {failure.certificate_error}"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {failure.host} could not be looked up: {_cause(failure.os_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS connection with {failure.host}:{failure.port}: {_cause(failure.os_error)}"
        case aiohttp.ClientConnectorError():
            return f"could not connect to {failure.host}:{failure.port}: {_cause(failure.os_error)}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionError():
            return "the connection was closed without an answer"
        case aiohttp.ClientOSError():
            return f"the connection broke: {_cause(failure)}"
        case aiohttp.ClientResponseError():
            return f"the answer is no HTTP: {failure.message}"[:500]
        case _:
            return f"{type(failure).__name__}: {failure}"[:500]


def _cause(error: OSError) -> str:
    # The system's own words; asyncio's repeat the address, and errors of TLS and of lookups have numbers of their own.
    if error.errno is not None and not isinstance(error, ssl.SSLError | socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or str(error)


@lru_cache(4096)
def _as_written(url: str) -> URL:
    """The URL with every escape that its author wrote, since a token in it may be signed; else made fit to send."""
    return URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)
