"""A request that is too large, or never comes to its end, holds nobody up: around a handler that reads all of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tidings.api.body_cap import LARGEST, LARGEST_UPLOAD, BodyCap
from tidings.api.problems import Refused


async def read(scope: Any, receive: Any, send: Any) -> None:
    """A handler that reads the whole body, and then waits for what comes after it."""
    parts = []
    while (message := await receive()).get("more_body", False):
        parts.append(message["body"])
    await send(b"".join([*parts, message["body"]]))
    await send((await receive())["type"])


async def ask(
    *messages: dict[str, Any], path: str = "/instances", arrives_for: float = 60.0, length: str | None = None
) -> list[Any]:
    """What the handler sends when these messages arrive, and after them nothing."""
    waiting = list(messages)
    sent: list[Any] = []

    async def receive() -> Any:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(what: Any) -> None:
        sent.append(what)

    said = [] if length is None else [(b"content-length", length.encode())]
    await BodyCap(read, arrives_for)({"type": "http", "path": path, "headers": said}, receive, send)
    return sent


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_that_fits_arrives_and_the_end_of_the_connection_is_waited_for_however_long() -> None:
    assert await ask(part(b"ab", more=True), part(b"c"), {"type": "http.disconnect"}, arrives_for=0.0) == [
        b"abc",
        "http.disconnect",
    ]


@pytest.mark.parametrize(("path", "most"), [("/instances", LARGEST), ("/hubs/crm/bulk/contacts", LARGEST_UPLOAD)])
async def test_what_is_too_large_is_refused_at_once_when_it_says_so_and_else_when_it_is_seen(
    path: str, most: int
) -> None:
    for messages, length in (
        ((), str(most + 1)),
        ((), "9" * 40),
        ((part(b"x" * most, more=True), part(b"y", more=True)), None),
    ):
        with pytest.raises(Refused) as refused:
            await ask(*messages, path=path, length=length)
        assert refused.value.problem.status == 413


async def test_a_body_that_does_not_come_to_its_end_is_given_up() -> None:
    with pytest.raises(Refused) as refused:
        await ask(part(b"{", more=True), arrives_for=0.01)
    assert (refused.value.problem.status, refused.value.problem.message[:5]) == (408, "body:")
