"""How is everything that the demo shows started, joined and stopped?

A sandbox and a server run as processes of their own, the receiver in this one. The server may connect to loopback
addresses and to nothing else, and nothing of the caller's own settings reaches it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import msgspec
import orjson

from tidings.cli.board import Board
from tidings.cli.children import Child
from tidings.cli.platform import BASE, Platform
from tidings.cli.receiver import Receiver
from tidings.cli.witness import RESOURCES, Witness
from tidings.core.errors import TidingsError
from tidings.settings import PREFIX

ADMIN = "admin@localhost"
POLL_EVERY = 1.0
SWEEP_EVERY = 3.0
READY_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part: how many records, how many changes a second, where the server's data and port are."""

    contacts: int
    companies: int
    tickets: int
    seed: int
    activity: float
    port: int
    data: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """A running demo; `failed` ends with an error when one of its processes does."""

    witness: Witness
    url: str
    callback: str
    password: str = field(repr=False)
    failed: asyncio.Task[None] = field(repr=False)

    @property
    def api(self) -> str:
        return f"{self.url}{BASE}"


class _Line(msgspec.Struct, frozen=True):
    level: str = ""
    event: str = ""
    reading: str = ""
    resource: str = ""
    reason: str = ""


@asynccontextmanager
async def staged(cast: Cast, board: Board) -> AsyncIterator[Stage]:
    """Everything started, the instance made and its first reading over; nobody changes anything yet."""
    key, password = secrets.token_hex(16), secrets.token_urlsafe(12)
    async with AsyncExitStack() as stack:
        receiver = Receiver(board.heard, clock=time.time, key=key)
        await receiver.start("127.0.0.1", 0)
        stack.push_async_callback(receiver.close)
        learned = _Learned(board)
        sandbox = await _sandbox(cast)
        stack.push_async_callback(sandbox.stop)
        server = await _server(cast, password, learned)
        # Stopped first, so that it does not meet a provider and a receiver that are gone.
        stack.push_async_callback(server.stop)
        printed, greeting = await asyncio.gather(sandbox.first_line(), server.first_line())
        url = _address(greeting)
        witness = Witness(orjson.loads(printed), await stack.enter_async_context(aiohttp.ClientSession()))
        callback = f"http://127.0.0.1:{receiver.port}/"
        async with Platform(url) as platform:
            await platform.log_in(ADMIN, password)
            await platform.create_instance(_instance(witness, callback, key))
        failed = asyncio.create_task(_first_failure(sandbox, server))
        stack.push_async_callback(_cancelled, failed)
        await _first_reading(learned, failed)
        yield Stage(witness, url, callback, password, failed)


class _Learned:
    """Which resources the server has read for the first time, by its log."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._missing = set(RESOURCES.values())
        self.all = asyncio.Event()
        self.complaint = ""  #: the last warning or error

    def hear(self, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError:
            return
        if said.level in ("warning", "error"):
            self.complaint = f"{said.event} {said.resource} {said.reason}".strip()
        if said.event == "poll.finished":
            self._board.polls += 1
            if said.reading == "baseline":
                self._missing.discard(said.resource)
                if not self._missing:
                    self.all.set()


async def _sandbox(cast: Cast) -> Child:
    return await Child.start(
        "sandbox",
        *("--port", "0", "--json", "--rate-limit", "0", "--seed", str(cast.seed)),
        *("--contacts", str(cast.contacts), "--companies", str(cast.companies), "--tickets", str(cast.tickets)),
        environment=_environment(),
        log=cast.data / "sandbox.log",
    )


async def _server(cast: Cast, password: str, learned: _Learned) -> Child:
    own = {"ALLOWED_NETWORKS": "127.0.0.0/8", "ADMIN_USER": ADMIN, "ADMIN_PASSWORD": password, "INTERVAL_FLOOR": "0.5"}
    return await Child.start(
        "serve",
        *("--port", str(cast.port), "--data", str(cast.data), "--log-format", "json"),
        environment=_environment() | {PREFIX + name: value for name, value in own.items()},
        log=cast.data / "server.log",
        hear=learned.hear,
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _instance(witness: Witness, callback: str, key: str) -> dict[str, object]:
    printed = witness.printed
    return {
        "name": "Demo",
        "element": {"key": "connectwisecrmrest"},
        "configuration": {
            "baseUrl": printed["baseUrl"],
            "company": printed["company"],
            "public.key": printed["publicKey"],
            "private.key": printed["privateKey"],
            "connectwise.clientID": printed["clientId"],
            "event.notification.enabled": True,
            "event.notification.callback.url": callback,
            "event.notification.signature.key": key,
            "event.poller.refresh_interval": f"{POLL_EVERY / 60:.4f}",
            "event.poller.sweep_interval": f"{SWEEP_EVERY / 60:.4f}",
        },
    }


async def _first_reading(learned: _Learned, failed: asyncio.Task[None]) -> None:
    everything = asyncio.ensure_future(learned.all.wait())
    done, _ = await asyncio.wait((everything, failed), timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED)
    everything.cancel()
    if failed in done:
        failed.result()
    if not done:
        said = f"; it said last: {learned.complaint}" if learned.complaint else ""
        raise TidingsError(f"The server did not read everything once within {READY_WITHIN:.0f} s{said}")


async def _first_failure(*children: Child) -> None:
    tasks = [asyncio.ensure_future(child.ended()) for child in children]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _address(greeting: str) -> str:
    found = re.search(r"https?://\S+", greeting)
    if found is None:
        raise TidingsError(f"The server did not say where it listens, but: {greeting.strip()}")
    return found[0]
