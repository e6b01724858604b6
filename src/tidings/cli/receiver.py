"""What does a well-behaved receiver do with a notification? Verifies its exact bytes, answers, hands it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from tidings import webhooks
from tidings.cli.sockets import listen_on
from tidings.core.signing import ID_HEADER, SIGNATURE_HEADER

LARGEST_BODY = 64 * 1024 * 1024


class Signature(StrEnum):
    """What a signature came to."""

    OK = "ok"
    BAD = "BAD"
    UNSIGNED = "unsigned"
    UNCHECKED = "not checked"  #: signed, but this receiver was given no key


@dataclass(frozen=True, slots=True)
class Received:
    """One POST and the status it was answered with; `at` is seconds since 1970."""

    at: float
    id: str
    signature: Signature
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Failing:
    """Which notifications are answered with `status` instead: the first `first` of them, None all."""

    status: int
    first: int | None = None


class Receiver:
    """Answers 200 with `{}`; 401 when it has a key and the signature is missing or wrong.

    `hear` is called for every POST, before it is answered; `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        hear: Callable[[Received], None],
        *,
        clock: Callable[[], float],
        key: str | None = None,
        failing: Failing | None = None,
    ) -> None:
        self._hear, self._clock, self._key, self._failing = hear, clock, key, failing
        self._heard = 0
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises InvalidInput when the address cannot be had."""
        socket = listen_on(host, port)
        self.port = socket.getsockname()[1]
        await self._runner.setup()
        await web.SockSite(self._runner, socket, backlog=512).start()

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"}, text="This is a receiver: POST to it.\n")
        body = await request.read()
        signature = judge(self._key, body, request.headers, self._clock)
        status = answer_to(signature, self._key, self._failing, self._heard)
        self._heard += 1
        self._hear(Received(self._clock(), request.headers.get(ID_HEADER, ""), signature, status, body))
        return web.Response(status=status, body=b"{}", content_type="application/json")


def judge(key: str | None, body: bytes, headers: Mapping[str, str], clock: Callable[[], float]) -> Signature:
    """What the signature of a body comes to; `key` None checks nothing, `clock` gives seconds since 1970."""
    if SIGNATURE_HEADER not in headers:
        return Signature.UNSIGNED
    if not key:
        return Signature.UNCHECKED
    try:
        # Other senders of the platform's format sign without a time.
        webhooks.verify(headers, body, key, timed=False, clock=clock)
    except webhooks.NotVerified:
        return Signature.BAD
    return Signature.OK


def answer_to(signature: Signature, key: str | None, failing: Failing | None, heard: int) -> int:
    """The status for a POST that came after `heard` others."""
    if key and signature is not Signature.OK:
        return 401
    if failing is not None and (failing.first is None or heard < failing.first):
        return failing.status
    return 200
