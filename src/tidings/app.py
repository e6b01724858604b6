"""Where the parts are joined: settings in, a running Tidings out. The clock and the dice come from here."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog
from fastapi import FastAPI

from tidings.api.application import build_api
from tidings.api.inside import Inside
from tidings.api.meter import Counters
from tidings.api.parts import ApiParts
from tidings.api.routes import BASE
from tidings.api.signal import Signal
from tidings.api.usage_writer import UsageWriter
from tidings.core.addresses import AddressPolicy
from tidings.core.errands import Answered, Errand
from tidings.core.errors import InvalidInput
from tidings.core.model import Instance, Lane, LaneKind, Moment, User
from tidings.core.passwords import hash_password
from tidings.elements.budget import Budgets, TenantBudget
from tidings.elements.connection import Connection
from tidings.elements.describe import Element, catalog
from tidings.elements.hintkeys import HintKeys
from tidings.elements.http import ProviderClient, provider_session
from tidings.elements.moved import Moves
from tidings.elements.oauth import TokenEndpoint
from tidings.engine.attempts import Send
from tidings.engine.bulk import BulkRunner
from tidings.engine.bulkcleaning import BulkCleaner
from tidings.engine.deliver import Deliverer
from tidings.engine.dispatch import Dispatcher
from tidings.engine.errands import ErrandRunner
from tidings.engine.hinted import HintedLanes
from tidings.engine.hints import HintAddresses, HintReceiver
from tidings.engine.poll import Poller
from tidings.engine.registration import Registrar
from tidings.engine.replay import Replayer
from tidings.engine.retention import Retention
from tidings.engine.sources import Sources
from tidings.engine.tell import Teller
from tidings.engine.tokens import TokenKeeper
from tidings.engine.watchdog import Watchdog
from tidings.hub.bulk import BulkOpening
from tidings.hub.connections import Connections
from tidings.outbound.guard import guarded_connector
from tidings.outbound.lookahead import Lookahead
from tidings.outbound.lookup import Lookup
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import Sender
from tidings.outbound.trust import trust
from tidings.settings import Settings
from tidings.store.base import Store
from tidings.store.bulkfiles import BulkFiles
from tidings.store.secrets import load_vault
from tidings.store.sqlite import SqliteStore, open_sqlite

PURGE_EVERY = 60.0
PURGE_ROWS = 5000
PURGE_PAUSE = 0.05
DAY = 24 * 3_600_000
TOKEN_FOR = 30.0  #: seconds for an authorization server, which must be less than the lease of a renewal

#: Lanes worked at once: enough that those which only wait for a silent party do not keep the others waiting.
POLLING, DELIVERING, REGISTERING, REPLAYING, CALLING, MOVING = 128, 512, 8, 16, 16, 32


class Loop(Protocol):
    """Work that goes on until it is cancelled."""

    async def loop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class App:
    """A joined Tidings: the API to serve, and the loops to run beside it."""

    api: FastAPI
    store: SqliteStore
    user: User
    first_password: str | None = field(repr=False)  #: the random password of a login made just now
    loops: tuple[Loop, ...]
    log_grew: Signal
    trail_for: int  #: milliseconds after which what a reading saw is purged
    usage_for: int  #: milliseconds after which calls of the API are purged; 0 keeps them for ever

    async def run(self) -> None:
        """Poll and deliver until cancelled; running work is given back."""
        async with asyncio.TaskGroup() as group:
            for loop in self.loops:
                group.create_task(loop.loop())
            group.create_task(self._purge())

    async def _purge(self) -> None:
        while True:
            # A little at a time, so that nobody else waits for the writer.
            more = await self.store.purge(PURGE_ROWS)
            more += await self.store.purge_trail(clock() - self.trail_for, PURGE_ROWS)
            if self.usage_for:
                more += await self.store.purge_usage(clock() - self.usage_for, PURGE_ROWS)
            await asyncio.sleep(PURGE_PAUSE if more else PURGE_EVERY)


def clock() -> Moment:
    """Now, in epoch milliseconds."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def build(settings: Settings, *, log: Any = None) -> AsyncIterator[App]:
    """Join the parts for `settings`; everything opened is closed on the way out.

    Raises InvalidInput when another server works on the same data directory, or the database cannot be used.
    """
    log = log or structlog.get_logger()
    async with AsyncExitStack() as stack:
        if settings.role != "api":
            stack.enter_context(only_one(settings.database_path.with_suffix(".lock")))
        store = await open_store(settings)
        stack.push_async_callback(store.close)
        user, first_password = await first_user(store, settings)
        policy = AddressPolicy(settings.allow_private_networks, settings.allowed_networks)
        tls = trust(settings.ca_file)
        session = await stack.enter_async_context(provider_session(guarded_connector(policy, tls=tls)))
        client = ProviderClient(session, clock=clock)
        endpoint = TokenEndpoint(ProviderClient(session, clock=clock, total_for=TOKEN_FOR), clock=clock)
        counters = Counters()
        usage = UsageWriter(store, log=log, dropped=counters.usage_dropped)
        stack.push_async_callback(usage.close)
        budgets = Budgets(
            clock=time.monotonic,
            log=log,
            requests_a_minute=settings.requests_a_minute,
            heard=counters.request_ended,
        )
        budget_of: dict[int, TenantBudget] = {}  # of each instance that has been polled
        sender = Sender(await stack.enter_async_context(ConnectionPool(policy, tls=tls)), clock=clock)
        names = Lookup()
        stack.push_async_callback(names.close)
        log_grew = Signal()
        stack.callback(log_grew.close)

        client_id, moves = settings.connectwise_client_id, Moves()

        def connect(element: Element, configuration: Any, secret_values: Any) -> Connection:
            return Connection(element, configuration, secret_values, client, client_id, budgets, moves)

        owner = f"{os.uname().nodename}:{os.getpid()}"
        tokens = TokenKeeper(store, catalog(), endpoint.renew, clock=clock, owner=owner, log=log)
        stack.push_async_callback(tokens.close)

        def connect_instance(element: Element, instance: Instance) -> Connection:
            own = tokens.of(instance) if element.authentication.oauth is not None else None
            given = element, instance.configuration, instance.secrets
            connection = Connection(*given, client, client_id, budgets, moves, own)
            if connection.budget is not None:
                budget_of[instance.id] = connection.budget
            return connection

        def budget_left(instance_id: int) -> int | None:
            budget = budget_of.get(instance_id)
            return None if budget is None else budget.left()

        sources = Sources(
            store,
            catalog(),
            connect_instance,
            interval_floor=settings.interval_floor,
            organization_id=user.organization_id,
        )
        lease_for = round(settings.lease_for * 1000)

        def dispatcher(kind: LaneKind, run: Callable[[Lane], Awaitable[None]], concurrency: int) -> Dispatcher:
            return Dispatcher(
                store, kind, run, clock=clock, owner=owner, log=log, lease_for=lease_for, concurrency=concurrency
            )

        deliverer = Deliverer(
            store,
            sender.send,
            clock=clock,
            dice=random.random,
            lease_for=settings.lease_for,
            log=log,
            meter=counters,
        )
        deliver = dispatcher(LaneKind.DELIVER, deliverer.run, DELIVERING)
        replayer = Replayer(
            store,
            sender.send,
            clock=clock,
            dice=random.random,
            lease_for=settings.lease_for,
            log=log,
            meter=counters,
        )
        replay = dispatcher(LaneKind.REPLAY, replayer.run, REPLAYING)

        addresses = HintAddresses(store.derive, f"{settings.public_url}{BASE}/hints" if settings.public_url else None)
        hinted = HintedLanes(store, clock=clock, wake=lambda: poll.wake(), log=log)
        stack.push_async_callback(hinted.close)
        receiver = HintReceiver(
            store,
            catalog(),
            connect_instance,
            addresses=addresses,
            keys=HintKeys(clock=time.monotonic),
            lanes=hinted,
            clock=clock,
            log=log,
        )
        registrar = Registrar(
            store, catalog(), connect_instance, addresses=addresses, clock=clock, dice=random.random, log=log
        )
        stack.push_async_callback(registrar.close)
        register = dispatcher(LaneKind.HINT, registrar.run, REGISTERING)

        def on_events(instance_id: int) -> None:
            log_grew.set(instance_id)
            deliver.wake()

        poller = Poller(
            store,
            sources.open,
            clock=clock,
            dice=random.random,
            log=log,
            lease_for=lease_for,
            on_events=on_events,
            hinted=hinted.take,
            meter=counters,
        )
        poll = dispatcher(LaneKind.POLL, poller.run, POLLING)

        async def make(errand: Errand) -> Answered:
            return await inside.make(errand)

        runner = ErrandRunner(store, make, sender.send, clock=clock, log=log, lease_for=lease_for, noted=on_events)
        errands = dispatcher(LaneKind.ERRAND, runner.run, CALLING)

        files = BulkFiles(settings.data / "bulk", store.derive)
        mover = BulkRunner(
            store,
            files,
            BulkOpening(catalog(), connect_instance),
            sender.send,
            make,
            clock=clock,
            dice=random.random,
            log=log,
            lease_for=lease_for,
        )
        bulk = dispatcher(LaneKind.BULK, mover.run, MOVING)
        cleaner = BulkCleaner(store, files, days=settings.bulk_days, clock=clock, log=log)

        def wake(instance_id: int) -> None:
            poll.wake()
            deliver.wake()
            register.wake()
            replay.wake()
            errands.wake()
            bulk.wake()

        api = build_api(
            ApiParts(
                store=store,
                catalog=catalog(),
                connect=connect,
                policy=policy,
                clock=clock,
                dice=os.urandom,
                wake=wake,
                settings=settings,
                usage=usage,
                files=files,
                log_grew=log_grew,
                refuse_name=Lookahead(policy, names).refusal,
                take_hint=receiver.take,
                forget_hints=registrar.forget,
                counted=counters.text,
                budget_left=budget_left,
                hub=Connections(connect_instance).of,
                account=connect_instance,
                token_endpoint=endpoint,
            )
        )
        inside = Inside(api, BASE, store)
        retention = Retention(store, days=settings.retention_days, clock=clock, log=log, meter=counters)
        working: tuple[Loop, ...] = (
            *(poll, deliver, replay, register, errands, bulk, retention, cleaner, tokens),
            *watching(store, sender.send, settings, log),
        )
        loops = () if settings.role == "api" else working
        if settings.role != "api":
            # We hold the lock, so whoever holds a lease is dead: nobody has to wait for it to run out.
            await store.void_leases()
            await registrar.look_at_moved()
        trail_for, usage_for = round(settings.trail_days * DAY), round(settings.usage_days * DAY)
        yield App(api, store, user, first_password, loops, log_grew, trail_for, usage_for)


def watching(store: Store, send: Send, settings: Settings, log: Any) -> tuple[Loop, ...]:
    """The watchdog, and who tells of what it notices where a server or an account has somebody to be told."""
    key = settings.notices_key.get_secret_value() if settings.notices_key else None
    teller = Teller(store, send, settings.notices_url, key, clock=clock, log=log)
    return Watchdog(store, clock=clock, log=log, tell=True, on_turned=teller.wake), teller


async def open_store(settings: Settings) -> SqliteStore:
    """The store of a data directory, with its master key; both are made when missing."""
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return await open_sqlite(settings.database_path, load_vault(settings.data / "master.key"))
    except OSError as error:
        raise unusable(settings.data, error) from None


def unusable(directory: Path, error: OSError) -> InvalidInput:
    return InvalidInput("--data", f"{directory} cannot be used ({error.strerror}); name another")


async def first_user(store: SqliteStore, settings: Settings) -> tuple[User, str | None]:
    """The first user, made when there is none; the password only when it is random and new."""
    given = settings.admin_password.get_secret_value() if settings.admin_password else None
    password = given or secrets.token_urlsafe(12)

    def make() -> User:
        return User(
            id=0,
            organization_id=0,
            account_id=0,
            email=settings.admin_user,
            first_name="Admin",
            last_name="User",
            password_hash=hash_password(password, os.urandom(16)),
            secret=token(),
            organization_secret=secrets.token_hex(16),
            created_at=clock(),
        )

    user, new = await store.first_user(make)
    return user, password if new and given is None else None


def token() -> str:
    """44 characters of base64, as the platform's user secrets and instance tokens are (spec platform.md 1.2)."""
    return base64.b64encode(os.urandom(32)).decode()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds a lock file for as long as this process works on a data directory."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise unusable(path.parent, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidInput("--data", f"another server works in {path.parent}; stop it or name another") from None
        yield
