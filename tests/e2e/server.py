"""The installed command as a process of its own, and the calls a user would make."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

BASE = "/elements/api-v2"


class Server:
    """`tidings serve` on a free port over one data directory, started and killed as often as a test likes."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.lines: list[str] = []
        self._reader: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()
        self._secrets: dict[str, str] | None = None

    async def start(self, *, through: tuple[str, ...] = ("-m", "tidings"), wait: bool = True) -> None:
        """Start it; `wait` returns when it listens (or has ended, which fails)."""
        arguments = ["serve", "--data", str(self.data), "--port", "0", "--log-format", "json"]
        environment = os.environ | {"TIDINGS_ALLOWED_NETWORKS": "127.0.0.0/8", "PYTHONUNBUFFERED": "1"}
        self.lines, self.port = [], 0
        self._listening.clear()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *through,
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read())
        if wait:
            await asyncio.wait_for(self._listening.wait(), 30)
            assert self.port, "\n".join(self.lines)

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", self.lines[-1]):
                self.port = self.port or int(match[1])
                self._listening.set()
        self._listening.set()

    async def ended(self, within: float) -> int | None:
        """The exit status, or None when it still runs after `within` seconds."""
        assert self.process is not None
        try:
            status = await asyncio.wait_for(self.process.wait(), within)
        except TimeoutError:
            return None
        if self._reader is not None:
            await self._reader
        return status

    def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()

    async def stop(self) -> int:
        """As Ctrl-C does; the exit status."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()

    async def call(self, method: str, path: str, body: object = None, status: int = 200):
        secrets = self._secrets = self._secrets or await self.secrets()  # another process, which takes a while
        authorization = f"User {secrets['userSecret']}, Organization {secrets['organizationSecret']}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": authorization}) as session,
            session.request(method, f"http://127.0.0.1:{self.port}{BASE}{path}", json=body) as answer,
        ):
            found = await answer.json()
            assert answer.status == status, found
            return found

    async def secrets(self) -> dict[str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tidings", "secrets", "--data", str(self.data), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return json.loads(out)


async def an_event_or_a_moment(call: Callable[..., Any], feed: str = "/instances/1/events/feed", **more: Any) -> None:
    """Returns when the log has grown, or after a moment: for whoever waits for what no answer waits for."""
    end = (await call("GET", f"{feed}?limit=1000", **more))["next"]
    await call("GET", f"{feed}?after={end}&wait=0.3", **more)
