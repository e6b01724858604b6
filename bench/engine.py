"""The real engine in hand: store, element, HTTP client and poller, joined as the server joins them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tidings.core.addresses import AddressPolicy
from tidings.core.instanceconfig import Configuration
from tidings.core.model import Instance, LaneKind, Moment
from tidings.core.plan import plan
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.http import ProviderClient, provider_session
from tidings.engine.poll import Poller
from tidings.engine.sources import Sources
from tidings.outbound.guard import guarded_connector
from tidings.store.base import NewInstance
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

KEY = "connectwisecrmrest"
AUDIT_MINUTES = 60
RARELY = "1000000"  #: minutes between readings that are not measured
LEASE = 60_000
DICE = 0.5
POLICY = AddressPolicy(True, ())


class Lines:
    """A log that keeps its wide lines."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})

    debug = warning = exception = info


async def make_instance(
    store: SqliteStore, account: Mapping[str, str], now: Moment, *, name: str = "Acme", **configuration: str
) -> Instance:
    """An instance of the sandbox that polls contacts; keyword arguments override keys, dots written as `__`."""
    given: dict[str, str | None] = {
        "baseUrl": account["baseUrl"],
        "company": account["company"],
        "public.key": account["publicKey"],
        "connectwise.clientID": account["clientId"],
        "event.notification.enabled": "true",
        "event.notification.callback.url": "http://127.0.0.1:9/",
        "event.objects": "contacts",
    }
    given |= {key.replace("__", "."): value for key, value in configuration.items()}
    secrets = {"private.key": account["privateKey"]}
    lanes = plan(Configuration(given, secrets), catalog()[KEY], disabled=False)
    return await store.create_instance(NewInstance(1, 1, KEY, name, (), given, name, secrets), lanes, now)


class Engine:
    """One instance on a database of its own; the clock is the machine's, plus `ahead` milliseconds."""

    def __init__(self, folder: Path, account: Mapping[str, str]) -> None:
        self._folder, self._account = folder, account
        self._stack = AsyncExitStack()
        self._log = Lines()
        self._ahead = 0

    def now(self) -> Moment:
        return time.time_ns() // 1_000_000 + self._ahead

    async def __aenter__(self) -> Engine:
        session = await self._stack.enter_async_context(provider_session(guarded_connector(POLICY)))
        client = ProviderClient(session, clock=self.now)
        self._store = await open_sqlite(self._folder / "tidings.db", load_vault(self._folder / "master.key"))
        self._stack.push_async_callback(self._store.close)
        await make_instance(
            self._store,
            self._account,
            self.now(),
            event__poller__settle_interval=RARELY,
            event__poller__sweep_interval=RARELY,
            event__poller__audit_interval=str(AUDIT_MINUTES),
        )
        sources = Sources(
            self._store,
            catalog(),
            lambda element, instance: Connection(element, instance.configuration, instance.secrets, client),
            interval_floor=1.0,
            organization_id=1,
        )
        self._poller = Poller(
            self._store, sources.open, clock=self.now, dice=lambda: DICE, log=self._log, lease_for=LEASE
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def first_read(self) -> int:
        """The baseline: every record learned, its state and its content kept."""
        return await self._reading("baseline")

    async def read_again(self) -> int:
        """An audit: every record read and compared again."""
        self._ahead += AUDIT_MINUTES * 60_000
        return await self._reading("audit")

    async def _reading(self, kind: str) -> int:
        """Work the lane until nothing is due; returns how many records the reading had."""
        self._log.lines.clear()
        while lanes := await self._store.claim(LaneKind.POLL, "bench", self.now(), self.now() + LEASE, 1):
            for lane in lanes:
                await self._poller.run(lane)
        for line in self._log.lines:
            if line.get("reading") == kind and line["created"] == line["updated"] == line["deleted"] == 0:
                return int(line["rows"])
        raise RuntimeError(f"no quiet {kind} was finished: {self._log.lines}")
