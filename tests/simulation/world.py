"""One process in hand: the real engine and store, a provider without sockets, clocks that move when they are told to.

Everything that a worker does to the world goes through a gate (`tests/simulation/gates.py`). What is not in here are
sockets, the dispatcher's loop and deliveries; they have tests of their own.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from multidict import CIMultiDict

from tests.simulation.account import Account
from tests.simulation.gates import Gates
from tests.simulation.provider import ROOT, Provider, Reply, Request
from tests.simulation.watch import Poll, Watch
from tidings.core.cursor import ENCODE, ReadingKind, Unmoved, decide_unmoved, decode, release_held
from tidings.core.errors import LeaseLost, ProviderDown
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Lane, LaneKind, LanePlan, LaneState
from tidings.core.plan import plan
from tidings.elements.answer import Answer, failure
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.http import ProviderClient
from tidings.engine.poll import Poller
from tidings.engine.sources import Sources
from tidings.store.base import NewInstance
from tidings.store.secrets import Vault
from tidings.store.sqlite import SqliteStore

START = 1_790_000_000_000
SECOND, MINUTE = 1000, 60_000
LEASE_FOR = 30_000
FOREVER = 2**62
ELEMENT = catalog()["connectwisecrmrest"]


class World:
    """One instance. `true_at` is the provider's clock and the oracle's, `ahead` how far ours is ahead of it.

    `zone` is the one in which the provider's filter reads dates; with `told` the user's url says so.
    """

    def __init__(
        self,
        database: Path,
        vault: Vault,
        resources: tuple[str, ...],
        city: str | None,
        *,
        read_ahead: bool,
        begins_at: int = START,
        zone: str | None = None,
        told: bool = False,
    ) -> None:
        self.database, self.vault, self.read_ahead = database, vault, read_ahead
        self.begins_at = self.true_at = begins_at
        self.zone, self.told = zone, told
        self.ahead = 0
        self.account = Account(lambda: self.true_at, resources)
        self.provider = Provider(self.account)
        self.gates = Gates()
        self.watches = {
            name: Watch(table, [(0, name == "incidents")], city) for name, table in self.account.tables.items()
        }
        self.city, self.variant, self.nulls = city, 0, False
        self.log = Log()
        self.workers: dict[str, asyncio.Task[None]] = {}
        self.crashes: list[str] = []
        self.fences: dict[int, int] = {}
        self.on_write: Callable[[str, str, int, int], None] = lambda who, what, fence, newest: None
        self._started = 0
        self._polled_at: dict[int, tuple[int, int, int]] = {}

    @property
    def now(self) -> int:
        """Our own clock."""
        return self.true_at + self.ahead

    async def begin(self, configuration: Mapping[str, object], overlap: int = 120) -> None:
        """`overlap` is the least, in seconds, that the instance will ever have."""
        self.overlap = overlap * SECOND
        self.store = self._open()
        self.given: dict[str, str | None] = {
            "company": "acme",
            "public.key": "public",
            "baseUrl": ROOT,
            "event.notification.enabled": "true",
            "event.notification.callback.url": "http://127.0.0.1:9/hook",
            **{key: str(value) for key, value in configuration.items()},
        }
        self.given["event.poller.configuration"] = self._polled()
        new = NewInstance(1, 1, ELEMENT.key, "Acme", (), self.given, "token", {"private.key": "private"})
        self.instance_id = (await self.store.create_instance(new, self._plan(), self.now)).id

    async def end(self) -> None:
        await self.kill(*self.workers)
        await self.store.close()

    # What workers do

    def start(self) -> str:
        """A worker that takes lanes until nothing is due."""
        self._started += 1
        name = f"w{self._started}"
        self.workers[name] = asyncio.create_task(self._work(name), name=name)
        return name

    async def _work(self, name: str) -> None:
        store: Any = GatedStore(self, name)
        client: Any = Client(self, name)
        sources = Sources(
            store,
            {ELEMENT.key: ELEMENT},
            lambda element, instance: Connection(element, instance.configuration, instance.secrets, client, "id"),
            interval_floor=1.0,
            organization_id=1,
            read_ahead=self.read_ahead,
        )
        poller = Poller(
            store, sources.open, clock=lambda: self.now, dice=lambda: 0.0, log=self.log, lease_for=LEASE_FOR
        )
        try:
            while lanes := await store.claim(LaneKind.POLL, name, self.now, self.now + LEASE_FOR, 1):
                for lane in lanes:
                    with suppress(LeaseLost):
                        await poller.run(lane)
        except Exception as error:
            self.crashes.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            self.workers.pop(name, None)

    async def move(self, number: int) -> None:
        """Let one through its gate and wait until everybody stands again."""
        self.gates.open(number)
        await self.gates.settle()

    async def kill(self, *names: str) -> None:
        """Nothing of what stands at a gate is done."""
        tasks = [self.workers[name] for name in names]
        for task in tasks:
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

    # What people and fate do

    async def restart(self) -> None:
        """The process is killed and started again."""
        await self.kill(*self.workers)
        await self.store.close()
        self.store = self._open()
        await self.store.void_leases()

    async def configure(self, **configuration: str) -> None:
        """A PATCH of the instance."""
        self.given |= {key.replace("__", "."): value for key, value in configuration.items()}
        instance = await self.store.instance(self.instance_id)
        assert instance is not None
        changed = dataclasses.replace(instance, configuration=dict(self.given))
        await self.store.update_instance(changed, self._plan(), self.now)

    async def change_filter(self) -> None:
        """Another filter that lets the same records through."""
        self.variant = 1 - self.variant
        self._compare_anew()
        await self.configure(event__poller__configuration=self._polled())

    async def change_nulls(self) -> None:
        """Whether members that are null are shown."""
        self.nulls = not self.nulls
        self._compare_anew()
        await self.configure(filter__response__nulls=str(not self.nulls).lower())

    async def change_touched(self, names: tuple[str, ...]) -> None:
        """Of these resources alone touches are announced."""
        for name, watch in self.watches.items():
            watch.touches.append((self.true_at, name in names))
        await self.configure(event__poller__touched=",".join(names))

    async def poll_only(self, names: tuple[str, ...]) -> None:
        """The other resources are polled no more."""
        await self.configure(event__objects=",".join(names))

    def _compare_anew(self) -> None:
        for watch in self.watches.values():
            watch.reset_until.append(FOREVER)

    async def release_held(self) -> None:
        """A person looks at what is held and lets it pass."""

        def let_pass(stored: bytes) -> bytes:
            cursor = decode(stored)
            cursor = release_held(cursor, self.now) if cursor.held else cursor
            return ENCODE(decide_unmoved(cursor, self.now, Unmoved.ANNOUNCE) if cursor.unmoved else cursor)

        for lane in await self.store.lanes(LaneKind.POLL):
            if lane.cursor and (decode(lane.cursor).held or decode(lane.cursor).unmoved):
                await self.store.amend(lane.id, let_pass, self.now)

    async def mend(self) -> None:
        """A person corrects the keys of an instance that the provider has refused."""
        if any(lane.state is LaneState.PARKED for lane in await self.store.lanes(LaneKind.POLL)):
            await self.configure()

    async def notifications(self) -> list[tuple[str, bytes]]:
        return [(each.id, each.body) for each in await self.store.log_after(self.instance_id, 0, 100_000)]

    async def known(self) -> dict[tuple[str, int], int]:
        """The version that the store has of each record, by resource and id."""
        found = {}
        for lane in await self.store.lanes(LaneKind.POLL):
            snapshots = await self.store.snapshots(lane.id, list(self.watches[lane.key].table.versions))
            for key, body in snapshots.items():
                found[lane.key, int(key)] = json.loads(body)["_info"]["version"]
        return found

    async def due_at(self) -> int | None:
        return await self.store.next_due(LaneKind.POLL, self.now)

    # Parts

    def _open(self) -> SqliteStore:
        return SqliteStore(self.database, self.vault, "off")

    def _plan(self) -> LanePlan:
        return plan(Configuration(self.given, {}), ELEMENT, disabled=False)

    def _polled(self) -> str:
        macro = "${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}"
        if self.told:
            macro = f"${{dateTimeZone:{self.zone}:yyyy-MM-dd'T'HH:mm:ss}}"
        where = f"lastUpdated>'{macro}'" + (" AND id>0" if self.variant else "")
        where += f" AND city='{self.city}'" if self.city else ""
        dates = {"updatedDateField": "_info.lastUpdated", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"}
        entries = {
            name: {"url": f"/hubs/crm/{name}?where={where}", "idField": "id", "datesConfiguration": dates}
            for name in self.watches
        }
        return json.dumps(entries)

    async def committed(self, lane: Lane, cursor: bytes) -> None:
        """A page of a lane is in the store: notes how far watching has come, as an outsider may know it."""
        watch, now = self.watches[lane.key], decode(cursor)
        watch.numbered |= now.numbered
        if watch.began_at is None and (now.baselined or (now.main and now.main.kind is ReadingKind.BASELINE)):
            watch.began_at = self.true_at
        if watch.baselined_at is None and now.baselined:
            watch.baselined_at = self.true_at
        watch.distrusted = now.widened and now.control_id is not None
        before = self._polled_at.get(lane.id)
        if now.baselined and now.main is None and (before is None or before[0] != now.polled_at):
            instance = await self.store.instance(self.instance_id)
            watermark_at = now.watermark_at or self.true_at
            if before is not None and instance is not None:
                from_at, next_from_at = before[2] - self.overlap, watermark_at - self.overlap
                watch.polls.append(Poll(before[1], self.true_at, from_at, next_from_at, instance.last_sequence))
            self._polled_at[lane.id] = now.polled_at, self.true_at, watermark_at
        if now.baselined and lane.generation == self._plan().generations.get(lane.key):
            watch.reset_until = [min(until, self.true_at) for until in watch.reset_until]

    def asked(self, request: Request) -> None:
        if request.query.get("orderBy") == "id desc":
            resource = self.provider.resource(request.path)[0]
            if self.watches[resource].asked_at is None:
                self.watches[resource].asked_at = self.true_at


class Client(ProviderClient):
    """Asks the provider at a gate instead of over a socket; the answer's meaning is the real one's."""

    def __init__(self, world: World, worker: str) -> None:
        self._world, self._worker = world, worker

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        purpose: str,
        by_id: bool = False,
        secrets: Iterable[str] = (),
    ) -> Answer:
        world, request = self._world, Request.read(url, headers)

        async def ask() -> tuple[Reply, int]:
            world.asked(request)
            return world.provider.answer(request), world.true_at // SECOND * SECOND

        reply, date_at = await world.gates.through(self._worker, f"GET {request}", ask)
        if not reply.status:
            raise ProviderDown(f"{purpose}: the provider closed the connection without an answer")
        answer = Answer(reply.status, CIMultiDict(reply.headers), reply.body, date_at)
        if failed := failure(answer, purpose=purpose, by_id=by_id, secrets=secrets):
            raise failed
        return answer


class GatedStore:
    """The store as one worker sees it, with a gate before each access.

    Tells the world of the worker's claims and writes: a write under a fence that a later claim has moved must fail.
    """

    def __init__(self, world: World, worker: str) -> None:
        self._world, self._worker = world, worker

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        world = self._world

        async def call(*given: Any, **named: Any) -> Any:
            async def work() -> Any:
                result = await getattr(world.store, name)(*given, **named)
                if name == "claim":
                    world.fences |= {lane.id: lane.fence for lane in result}
                elif name in ("commit_page", "release", "park", "renew"):
                    lane = given[0]
                    world.on_write(self._worker, name, lane.fence, world.fences[lane.id])
                    if name == "commit_page":
                        await world.committed(lane, given[1].cursor)
                return result

            return await world.gates.through(self._worker, name, work)

        return call


class Log:
    """Keeps what the engine says, to be shown with a history that went wrong."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        def note(event: str, **values: Any) -> None:
            shown = {name: value for name, value in values.items() if value and name not in ("instance", "lane")}
            self.lines.append(f"{level} {event} {shown}")

        return note
