"""A process that polls: the real engine and store, and a provider without sockets.

What is not in here are sockets and the dispatcher's loop, which have tests of their own, and deliveries, which have
histories of their own (`tests/simulation/deliveries.py`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from multidict import CIMultiDict

from tests.simulation.account import Account
from tests.simulation.gates import Gates
from tests.simulation.process import LEASE_FOR, SECOND, START, Process
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

FOREVER = 2**62
#: The longest chain of wake-ups in a poll.
ROUNDS = 4
ELEMENT = catalog()["connectwisecrmrest"]


class World(Process):
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
        super().__init__(database, vault, begins_at, Gates(ROUNDS))
        self.read_ahead, self.zone, self.told = read_ahead, zone, told
        self.account = Account(lambda: self.true_at, resources)
        self.provider = Provider(self.account)
        self.watches = {
            name: Watch(table, [(0, name == "incidents")], city) for name, table in self.account.tables.items()
        }
        self.city, self.variant, self.nulls = city, 0, False
        self._polled_at: dict[int, tuple[int, int, int]] = {}

    async def begin(self, configuration: Mapping[str, object], overlap: int = 120) -> None:
        """`overlap` is the least, in seconds, that the instance will ever have."""
        self.overlap = overlap * SECOND
        self.store = self.open_store()
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

    # What workers do

    async def work(self, name: str, store: Any) -> None:
        """Takes lanes until nothing is due."""
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
        while lanes := await store.claim(LaneKind.POLL, name, self.now, self.now + LEASE_FOR, 1):
            for lane in lanes:
                with suppress(LeaseLost):
                    await poller.run(lane)

    async def accessed(self, worker: str, what: str, given: tuple[Any, ...], result: Any) -> None:
        await super().accessed(worker, what, given, result)
        if what == "commit_page":
            await self.committed(given[0], given[1].cursor)

    # What people and fate do

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
