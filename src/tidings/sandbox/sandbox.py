"""How is a sandbox put together, started and stopped?"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from aiohttp import web

from tidings.sandbox.config import SandboxConfig
from tidings.sandbox.describe import Stored
from tidings.sandbox.seed import seed
from tidings.sandbox.server import Front
from tidings.sandbox.tenant import Tenant, tenants_of

MEMBERS = "system/members"
_PROGRESS_EVERY = 10_000
# A request line that a client made too long reaches the handler, which answers 414 itself.
_LONGEST_LINE = 1 << 20


class Sandbox:
    """The tenants of a ConnectWise and the application that serves them."""

    def __init__(self, config: SandboxConfig, tenants: Mapping[str, Tenant]) -> None:
        self.config = config
        self.tenants = tenants

    def tenant(self, company: str | None = None) -> Tenant:
        """The tenant of a company, or the first one. Raises KeyError for an unknown company."""
        return self.tenants[company] if company is not None else next(iter(self.tenants.values()))

    def app(self) -> web.Application:
        """The application; one sandbox can be served more than once."""
        front = Front(self.tenants, self.config.client_ids)
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", front.handle)
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> "Running":
        """Listen on an address; port 0 takes a free one. `async with` the result, or close it."""
        runner = web.AppRunner(self.app(), access_log=None, max_line_size=_LONGEST_LINE)
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        return Running(self, runner, secure=tls is not None)


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
    for position, tenant in enumerate(tenants.values()):
        data = seed(config.seed + position, config.contacts, config.companies, config.tickets, now)
        for path in data:
            if path in tenant.tables:
                tenant.fill(path, _watched(path, data[path], config.progress))
        _enrol(tenant)
    return Sandbox(config, tenants)


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
