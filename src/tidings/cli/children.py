"""How does a command start another one of ours, and be sure that it ends with it?

A child stops at the end of its standard input, so it goes when its parent does, even by kill -9.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path

from tidings.core.errors import TidingsError

LONGEST_LINE = 64 * 1024 * 1024
PATIENCE = 15.0


class ChildFailed(TidingsError):
    """A child ended before its time."""


class Child:
    """`tidings ARGUMENTS --stop-on-eof` in a process of its own; what it writes to stderr goes to a file as well."""

    def __init__(self, process: Process, name: str, file: Path, hear: Callable[[bytes], None]) -> None:
        self._process, self._name, self._file = process, name, file
        self._hear = hear
        self._last = b""
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls,
        *arguments: str,
        environment: Mapping[str, str],
        log: Path,
        hear: Callable[[bytes], None] = lambda line: None,
    ) -> Child:
        """Start it; `hear` gets each line of its stderr."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tidings",
            *arguments,
            "--stop-on-eof",
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            limit=LONGEST_LINE,
            # Ctrl-C is the parent's to hear; it stops its children in the right order.
            start_new_session=sys.platform != "win32",
        )
        return cls(process, arguments[0], log, hear)

    async def first_line(self) -> str:
        """The first line of its output, when it is ready. Raises ChildFailed when it ends instead."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise await self.failure()
        return line.decode()

    async def ended(self) -> None:
        """Returns never, but raises ChildFailed when it ends by itself."""
        await self._process.wait()
        raise await self.failure()

    async def failure(self) -> ChildFailed:
        """How it ended: in its own words when it had some, else where to look."""
        await self._listening
        last = self._last.decode(errors="replace").strip()
        said = last.removeprefix("tidings: ") if last.startswith("tidings: ") else f"its log is {self._file}"
        return ChildFailed(f"tidings {self._name} ended with exit code {await self._process.wait()}; {said}")

    async def stop(self) -> None:
        """Let it finish; by force when that takes too long."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._file.open("wb") as file:
            async for line in self._process.stderr:
                file.write(line)
                file.flush()
                self._last = line
                self._hear(line)
