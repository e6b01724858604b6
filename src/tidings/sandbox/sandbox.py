"""How is a sandbox put together, started and stopped?"""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from tidings.sandbox.activity import Activity
from tidings.sandbox.admin import Admin
from tidings.sandbox.callback_feed import CallbackFeed
from tidings.sandbox.callbacks import CallbackSender
from tidings.sandbox.config import SandboxConfig
from tidings.sandbox.describe import Stored
from tidings.sandbox.rules_system import CALLBACKS
from tidings.sandbox.seed import seed
from tidings.sandbox.server import Front
from tidings.sandbox.tenant import Tenant, tenants_of

MEMBERS = "system/members"
_PROGRESS_EVERY = 10_000
# A request line that a client made too long reaches the handler, which answers 414 itself.
_LONGEST_LINE = 1 << 20
_LARGEST_BODY = 64 << 20


class Sandbox:
    """The tenants of a ConnectWise, what their people do, and the application that serves them.

    `origin` is scheme and host as callbacks name them; it is known once the sandbox listens.
    """

    def __init__(self, config: SandboxConfig, tenants: Mapping[str, Tenant]) -> None:
        self.config = config
        self.tenants = tenants
        self.activity = Activity(tuple(tenants.values()), config.seed, config.activity)
        self.origin = "http://localhost"

    def tenant(self, company: str | None = None) -> Tenant:
        """The tenant of a company, or the first one. Raises KeyError for an unknown company."""
        return self.tenants[company] if company is not None else next(iter(self.tenants.values()))

    def app(self) -> web.Application:
        """The application; activity and callbacks run while it is served."""
        front, admin = Front(self.tenants, self.config.client_ids), Admin(self.tenants, self.activity)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/_admin{path:.*}", admin.handle)
        app.router.add_route("*", "/{path:.*}", front.handle)
        app.cleanup_ctx.append(self._alive)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> "Running":
        """Listen on an address; port 0 takes a free one. `async with` the result, or close it.

        Takes a third of a second for each hundred thousand records, whose answers are made ready for this address.
        """
        runner = web.AppRunner(self.app(), access_log=None, max_line_size=_LONGEST_LINE)
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        running = Running(self, runner, secure=tls is not None)
        self.origin = running.origin
        with _collector_resting():
            for tenant in self.tenants.values():
                tenant.address(self.origin)
        return running

    async def _alive(self, app: web.Application) -> AsyncIterator[None]:
        """What runs beside the requests, from the start of the server to its end."""
        async with aiohttp.ClientSession() as session:
            sender = CallbackSender(session, self.config.clock, asyncio.sleep, disable=self._disable)
            feeds = [CallbackFeed(tenant, sender, lambda: self.origin) for tenant in self.tenants.values()]
            for feed in feeds:
                feed.attach()
            await sender.start()
            if self.config.activity:
                self.activity.start()
            yield
            self.activity.stop()
            for feed in feeds:
                feed.detach()
            await sender.close()

    def _disable(self, company: str, number: int) -> None:
        """Switch a callback off; nobody is told (spec connectwise.md 6.5)."""
        tenant = self.tenants[company]
        callback = tenant.newest(CALLBACKS, number)
        if callback is not None:
            tenant.amend(CALLBACKS, number, {**callback, "inactiveFlag": True})


class Running:
    """A sandbox that listens."""

    def __init__(self, sandbox: Sandbox, runner: web.AppRunner, *, secure: bool) -> None:
        self.sandbox = sandbox
        self._runner = runner
        self._secure = secure

    @property
    def port(self) -> int:
        return int(self._runner.addresses[0][1])

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as `http://127.0.0.1:8500`."""
        return f"http{'s' if self._secure else ''}://{self._runner.addresses[0][0]}:{self.port}"

    @property
    def api(self) -> str:
        """The address that clients put their paths after."""
        return f"{self.origin}/v4_6_release/apis/3.0"

    async def close(self) -> None:
        await self._runner.cleanup()

    async def __aenter__(self) -> "Running":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def build(config: SandboxConfig) -> Sandbox:
    """A sandbox with its tenants filled; takes some seconds for each hundred thousand records."""
    tenants = tenants_of(config)
    now = datetime.fromtimestamp(config.clock(), UTC)
    with _collector_resting():
        for position, tenant in enumerate(tenants.values()):
            data = seed(config.seed + position, config.contacts, config.companies, config.tickets, now)
            for path in data:
                if path in tenant.tables:
                    tenant.fill(path, _watched(path, data[path], config.progress))
            _enrol(tenant)
            tenant.compact()
    return Sandbox(config, tenants)


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Millions of new objects, none of them garbage in a cycle: looking for some costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _enrol(tenant: Tenant) -> None:
    """Give the API member of the account, whose name stands on its writes, a record of its own."""
    login = tenant.account.member
    if not tenant.references.find(MEMBERS, "identifier", login):
        number = tenant.next_id(MEMBERS)
        member = {"id": number, "identifier": login, "firstName": login, "lastName": "API", "licenseClass": "A"}
        info = {"lastUpdated": tenant.stamp(), "updatedBy": login}
        tenant.amend(MEMBERS, number, {**member, "inactiveFlag": False, "_info": info})


def _watched(path: str, records: Iterator[Stored], progress: Callable[[str, int], None] | None) -> Iterator[Stored]:
    ready = 0
    for ready, record in enumerate(records, 1):
        if progress is not None and ready % _PROGRESS_EVERY == 0:
            progress(path, ready)
        yield record
    if progress is not None:
        progress(path, ready)


async def serve(config: SandboxConfig, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Build a sandbox and serve it until cancelled."""
    async with await build(config).start(host, port, tls):
        await asyncio.Event().wait()
