"""What became of one POST to a receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from tidings.core.model import Moment, Outcome
from tidings.outbound.deadline import Deadlines
from tidings.outbound.dialer import Unreachable
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.request import Target, UnreadableUrl, head, target
from tidings.outbound.transport import Answer, HttpConnection

ANSWER_KEPT: Final = 1024
"""Bytes of the receiver's answer that are kept for the log."""


class Sender:
    """Posts to receivers. Of the answer at most `answer_cap` bytes are read, as they come: nothing is unpacked.

    Spans are seconds: a try takes at most `timeout_for`, of which reaching the receiver, its name's look-up and TLS
    included, may take `connect_for`, and the wait for each further piece of an answer that has begun `silence_for`.

    The status decides as soon as it is there: a receiver that says 200 has the notification, whatever becomes of the
    rest of its answer. A `Retry-After` that is a date is compared with the answer's own `Date`, or with `clock`.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        timeout_for: float = 30.0,
        connect_for: float = 10.0,
        silence_for: float = 10.0,
        answer_cap: int = 64 * 1024,
        clock: Callable[[], Moment] | None = None,
    ) -> None:
        self._pool, self._clock = pool, clock
        self._timeout_for, self._answer_cap = timeout_for, answer_cap
        self._connect_for, self._silence_for = connect_for, silence_for
        self._deadlines = Deadlines(timeout_for)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """POST the body once, follow no redirect, and say what came of it; raises nothing but CancelledError."""
        clock = asyncio.get_running_loop().time
        began = clock()
        answer = Answer(self._answer_cap)
        try:
            with self._deadlines.begin():
                await self._post(url, headers, body, answer)
            error = answer.error
        except Unreachable as failure:
            error = str(failure)
        except UnreadableUrl:
            error = "the callback URL cannot be read as a URL"
        except TimeoutError:
            error = f"no answer within {self._timeout_for:g} s"
        except Exception as failure:  # a name can be wrong in more ways than can be listed
            error = f"{type(failure).__name__}: {failure}"[:500]
        took_for = clock() - began
        if answer.status is None:
            return Outcome(None, error, None, "", took_for)
        text = bytes(answer.body[:ANSWER_KEPT]).decode("utf-8", "replace").replace("\0", "")
        if 200 <= answer.status < 300:
            return Outcome(answer.status, None, None, text, took_for)
        now = None if self._clock is None else self._clock()
        said = answer.headers()
        return Outcome(answer.status, _refusal(answer.status, said), retry_after(said, now), text, took_for)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, answer: Answer) -> None:
        to = target(url)
        first = head(to, headers, len(body))
        connection = self._pool.take(url) or await self._reach(to)
        if await connection.post(first, body, answer, self._silence_for):
            self._pool.keep(url, connection)

    async def _reach(self, to: Target) -> HttpConnection:
        try:
            async with asyncio.timeout(self._connect_for):
                return await self._pool.open(to)
        except TimeoutError:
            raise Unreachable(f"no connection within {self._connect_for:g} s") from None


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


def _refusal(status: int, said: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        where = said.get("Location", "another address")[:200]
        return f"answered {status}, a redirect to {where}; redirects are not followed, set the final address"
    return f"answered {status}"
