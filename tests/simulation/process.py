"""One process in hand: the real store, clocks that move when they are told to, workers that are stopped and killed.

Everything that a worker does to the world goes through a gate (`tests/simulation/gates.py`).
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.simulation.gates import Gates
from tidings.core.errors import LeaseLost
from tidings.core.model import Lane
from tidings.store.secrets import Vault
from tidings.store.sqlite import SqliteStore

START = 1_790_000_000_000
SECOND, MINUTE = 1000, 60_000
LEASE_FOR = 30_000

#: What a worker may only do to a lane that it holds.
FENCED = frozenset({"commit_page", "commit_deliveries", "commit_replay", "deactivate", "release", "park", "renew"})


class Process:
    """`true_at` is the time outside, `ahead` how far our clock is ahead of it. Whoever begins opens the store."""

    store: SqliteStore

    def __init__(self, database: Path, vault: Vault, begins_at: int, gates: Gates) -> None:
        self.database, self.vault = database, vault
        self.begins_at = self.true_at = begins_at
        self.ahead = 0
        self.gates = gates
        self.log = Log()
        self.workers: dict[str, asyncio.Task[None]] = {}
        self.crashes: list[str] = []
        self.fences: dict[int, int] = {}
        self.on_write: Callable[[str, str, int, int], None] = lambda who, what, fence, newest: None
        self._started = 0

    @property
    def now(self) -> int:
        """Our own clock."""
        return self.true_at + self.ahead

    def open_store(self) -> SqliteStore:
        return SqliteStore(self.database, self.vault, "off")

    async def end(self) -> None:
        await self.kill(*self.workers)
        await self.store.close()

    # What workers do

    def start(self) -> str:
        """A worker more, which works until it ends by itself or is killed."""
        self._started += 1
        name = f"w{self._started}"
        self.workers[name] = asyncio.create_task(self._live(name), name=name)
        return name

    async def _live(self, name: str) -> None:
        try:
            await self.work(name, GatedStore(self, name))
        except Exception as error:
            self.crashes.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            self.workers.pop(name, None)

    async def work(self, name: str, store: Any) -> None:
        """What one worker does, seeing the store through its gates."""
        raise NotImplementedError

    def asked_for(self, worker: str, what: str, given: tuple[Any, ...]) -> None:
        """A worker is about to access the store with what it has come to so far."""

    async def accessed(self, worker: str, what: str, given: tuple[Any, ...], result: Any) -> None:
        """A worker's access to the store has succeeded: tells of a write under a fence that a later claim has moved."""
        if what == "claim":
            self.fences |= {lane.id: lane.fence for lane in result}
        elif what in FENCED:
            self.on_write(worker, what, given[0].fence, self.fences[given[0].id])

    def refused(self, worker: str, what: str, lane: Lane) -> None:
        """An access was refused, since the lane is held no more."""

    async def move(self, number: int) -> None:
        """Let one through its gate and wait until everybody stands again."""
        self.gates.open(number)
        await self.gates.settle()

    async def kill(self, *names: str) -> None:
        """Nothing of what stands at a gate is done, and nothing more comes from them."""
        tasks = [self.workers[name] for name in names]
        for name, task in zip(names, tasks, strict=True):
            self.gates.shut(name)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def kill_inside(self, number: int, name: str) -> None:
        """The worker dies while what it began is under way: a write that was handed in stands all the same."""
        self.gates.open(number)
        await asyncio.sleep(0)
        if name in self.workers:
            await self.kill(name)
        await self.store.amend(-1, lambda cursor: cursor, self.now)  # returns when all that was handed in is written
        await self.gates.settle()

    async def restart(self) -> None:
        """The process is killed and started again."""
        await self.kill(*self.workers)
        await self.store.close()
        self.store = self.open_store()
        await self.store.void_leases()


class GatedStore:
    """The store as one worker sees it, with a gate before each access."""

    def __init__(self, process: Process, worker: str) -> None:
        self._process, self._worker = process, worker

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        process, worker = self._process, self._worker

        async def call(*given: Any, **named: Any) -> Any:
            process.asked_for(worker, name, given)

            async def work() -> Any:
                try:
                    result = await getattr(process.store, name)(*given, **named)
                except LeaseLost:
                    process.refused(worker, name, next(e for e in (*given, *named.values()) if isinstance(e, Lane)))
                    raise
                await process.accessed(worker, name, given, result)
                return result

            return await process.gates.through(worker, name, work)

        return call


class Log:
    """Keeps what the engine says, to be shown with a history that went wrong; `faults` is what nobody expected."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.faults: list[str] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        def note(event: str, **values: Any) -> None:
            shown = {name: value for name, value in values.items() if value and name not in ("instance", "lane")}
            self.lines.append(f"{level} {event} {shown}")
            if level == "exception":
                self.faults.append(f"{event} {shown}: {traceback.format_exc()}")

        return note
