"""What does `tidings serve` do? Answers the API, polls and delivers, in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket as Socket
from typing import Annotated, Any

import structlog
import typer
import uvicorn

from tidings import __version__
from tidings.api.routes import BASE
from tidings.app import App, build
from tidings.cli.logs import LogFormat, log_lines
from tidings.cli.output import Lines
from tidings.cli.sockets import listen_on, shown
from tidings.cli.stopping import run_until_stopped
from tidings.core.errors import InvalidInput
from tidings.settings import Settings, load, rows

GRACE = 5  #: seconds that requests in progress have to finish in
BACKLOG = 2048
_ROWS = {row.name: row for row in rows()}


def _option(name: str) -> Any:
    """A setting as an option: its sentence, its default and its environment name, all from the one table."""
    row = _ROWS[name]
    default = f"[default: {row.default}] " if row.default else ""
    return typer.Option(row.option, help=f"{row.sentence} {default}[{row.env}]".replace("[", "\\["))


def serve(
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[str | None, _option("port")] = None,
    data: Annotated[str | None, _option("data")] = None,
    database: Annotated[str | None, _option("database")] = None,
    nats: Annotated[str | None, _option("nats")] = None,
    role: Annotated[str | None, _option("role")] = None,
    public_url: Annotated[str | None, _option("public_url")] = None,
    allowed_networks: Annotated[str | None, _option("allowed_networks")] = None,
    log_level: Annotated[str | None, _option("log_level")] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            help="auto: readable lines on a terminal (JSON then goes to logs/ in the data directory), else JSON.",
            envvar="TIDINGS_LOG_FORMAT",
        ),
    ] = LogFormat.AUTO,
    stop_on_eof: Annotated[
        bool, typer.Option("--stop-on-eof", help="Stop when standard input ends; for programs that start this one.")
    ] = False,
) -> None:
    """Answer the API, poll the providers and deliver what changed, until Ctrl-C or SIGTERM.

    The first start makes the data directory, the master key that encrypts stored secrets (keep a copy of it), and a
    login, whose password is printed once. Every option can be given in the environment, under the name behind it;
    settings without an option are in docs/settings.md.

    Example: [bold]tidings serve --port 8080 --data /var/lib/tidings[/bold]

    To try it against a provider and a receiver on this machine: [bold]tidings serve --allowed-networks
    127.0.0.0/8[/bold]
    """
    given = {
        "host": host,
        "port": port,
        "data": data,
        "database": database,
        "nats": nats,
        "role": role,
        "public_url": public_url,
        "allowed_networks": allowed_networks,
        "log_level": log_level,
    }
    settings = load(given)
    run_until_stopped(lambda stop: _serve(settings, log_format, stop), stop_on_eof=stop_on_eof)


async def _serve(settings: Settings, log_format: LogFormat, stop: asyncio.Event) -> None:
    socket = listen_on(settings.host, settings.port) if settings.role != "worker" else None
    _refuse_unusable(settings.data)
    file = settings.data / "logs" / "tidings.log"
    with log_lines(settings.log_level, log_format, file) as logged_to:
        async with build(settings) as app:
            await _run(settings, app, socket, logged_to, stop)


async def _run(
    settings: Settings, app: App, socket: Socket | None, logged_to: Path | None, stop: asyncio.Event
) -> None:
    """Serve and work until told to stop; raises what ended either of them."""
    log = structlog.get_logger()

    def ready() -> None:
        # A server whose greeting nobody reads goes on all the same.
        Lines(asyncio.Event()).put(_greeting(settings, app, socket, logged_to))
        log.info("serve.started", version=__version__, role=settings.role, data=str(settings.data))

    work: list[asyncio.Task[None]] = []
    server = _Server(app, ready)
    if settings.role != "api":
        work.append(asyncio.create_task(app.run(), name="engine"))
    if socket is not None:
        work.append(asyncio.create_task(server.serve([socket]), name="api"))
    else:
        ready()
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait((waiting, *work), return_when=asyncio.FIRST_COMPLETED)
    # Whoever waits for events gets an empty answer now, or the server would wait for them.
    app.log_grew.close()
    server.should_exit = True
    for task in (waiting, *work):
        if task.get_name() != "api":
            task.cancel()
    ended = await asyncio.gather(*work, return_exceptions=True)
    log.info("serve.stopped")
    for result in ended:
        if isinstance(result, Exception):
            raise result


def _refuse_unusable(data: Path) -> None:
    """Make the data directory when there is none; raises InvalidInput when it cannot be written to."""
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("--data", f"{data} cannot be made ({error.strerror}); name another") from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise InvalidInput("--data", f"{data} may not be written to by this user; change its owner, or name another")


class _Server(uvicorn.Server):
    """Uvicorn on a socket that is there already, stopped by `should_exit` and not by signals."""

    def __init__(self, app: App, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app.api,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[Socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _greeting(settings: Settings, app: App, socket: Socket | None, logged_to: Path | None) -> Iterator[str]:
    """Where it is, where its data is, and how to get in; the password only when it was made now."""
    if socket is None:
        yield f"Tidings {__version__} polls and delivers; it listens on no port"
    else:
        url = shown(settings.host, socket.getsockname()[1])
        yield f"Tidings {__version__} listens on {url} (the API is at {url}{BASE})"
    yield f"Data     {settings.data.resolve()}"
    if logged_to is not None:
        yield f"Logs     {logged_to.resolve()}"
    if app.first_password is not None:
        yield f"Login    {app.user.email}, password {app.first_password} (made now; it is not shown again)"
    else:
        yield f"Login    {app.user.email}"
    yield f"Secrets  tidings secrets --data {shlex.quote(str(settings.data.resolve()))}"
