"""What does `tidings sandbox` do? Serves a ConnectWise to try things against, and says how to log in to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from tidings.cli.output import Lines
from tidings.cli.sockets import refuse_taken
from tidings.cli.stopping import run_until_stopped
from tidings.core.errors import InvalidInput
from tidings.sandbox import CLIENT_ID, Account, Running, SandboxConfig, build

WORTH_A_BAR = 10_000  #: records; they take about two seconds to make


def sandbox(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8500,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    contacts: Annotated[int, typer.Option(help="Contacts at the start.", min=0)] = 1000,
    companies: Annotated[int, typer.Option(help="Companies at the start.", min=0)] = 100,
    tickets: Annotated[int, typer.Option(help="Service tickets at the start.", min=0)] = 500,
    seed: Annotated[int, typer.Option(help="The same number makes the same data.")] = 1,
    activity: Annotated[float, typer.Option(help="Changes a second that people make, such as 2.", min=0)] = 0,
    rate_limit: Annotated[
        int, typer.Option(help="Requests a minute before the answer is 429, as at ConnectWise; 0 refuses none.", min=0)
    ] = 1000,
    company: Annotated[
        list[str] | None, typer.Option(help="Company id to log in with; give it several times for several accounts.")
    ] = None,
    https_cert: Annotated[Path | None, typer.Option(help="Serve https with this certificate chain (PEM).")] = None,
    https_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the addresses and keys as one JSON object.")] = False,
    stop_on_eof: Annotated[
        bool, typer.Option("--stop-on-eof", help="Stop when standard input ends; for programs that start this one.")
    ] = False,
) -> None:
    """Run a ConnectWise on this machine: the same API, realistic data, people who change things.

    Everything is in memory and gone when it stops. It prints the base URL, the company, the keys and the client id
    that an instance of connectwisecrmrest needs. While it runs, GET /_admin lists how to pause the people, see every
    change they made, and make it misbehave.

    Example: [bold]tidings sandbox --port 8500 --activity 2[/bold]
    """
    accounts = tuple(Account(company=name) for name in dict.fromkeys(company or [Account().company]))
    tls = tls_context(https_cert, https_key)
    refuse_taken(host, port)
    totals = {"company/companies": companies, "company/contacts": contacts, "service/tickets": tickets}
    with _progress(totals) as progress:
        try:
            made = build(
                SandboxConfig(
                    contacts=contacts,
                    companies=companies,
                    tickets=tickets,
                    seed=seed,
                    activity=activity,
                    accounts=accounts,
                    rate_limit=rate_limit or None,
                    progress=progress,
                )
            )
        except ValueError as error:
            raise InvalidInput("sandbox", str(error)) from None

    async def work(stop: asyncio.Event) -> None:
        async with await made.start(host, port, tls) as running:
            Lines(stop).put([_as_json(running)] if json else _as_text(running))
            await stop.wait()

    run_until_stopped(work, stop_on_eof=stop_on_eof)


def tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """What https needs; None for plain http. Raises InvalidInput when the two files do not make a server."""
    if certificate is None or key is None:
        if certificate is not key:
            raise InvalidInput("--https-cert", "and --https-key belong together; give both or neither")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError:
        missing = certificate if not certificate.exists() else key
        raise InvalidInput(
            "--https-cert" if missing is certificate else "--https-key", f"{missing} is not there"
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise InvalidInput("--https-cert", f"{certificate} and {key} do not belong together ({error})") from None
    return context


def _accounts(running: Running) -> list[dict[str, str]]:
    return [
        {
            "company": tenant.account.company,
            "publicKey": tenant.account.public_key,
            "privateKey": tenant.account.private_key,
        }
        for tenant in running.sandbox.tenants.values()
    ]


def _as_json(running: Running) -> str:
    first = _accounts(running)[0]
    shown = {"baseUrl": running.api, **first, "clientId": CLIENT_ID, "admin": f"{running.origin}/_admin"}
    return orjson.dumps({**shown, "accounts": _accounts(running)}).decode()


def _as_text(running: Running) -> Iterator[str]:
    yield "A ConnectWise is ready; make an instance with this configuration (Ctrl-C stops it)"
    yield f"  baseUrl               {running.api}"
    for account in _accounts(running):
        yield f"  company               {account['company']}"
        yield f"  public.key            {account['publicKey']}"
        yield f"  private.key           {account['privateKey']}"
    yield f"  connectwise.clientID  {CLIENT_ID}"
    yield f"Steer and watch it at {running.origin}/_admin"
    yield "A server reaches it only with TIDINGS_ALLOWED_NETWORKS=127.0.0.0/8"


@contextmanager
def _progress(totals: Mapping[str, int]) -> Iterator[Callable[[str, int], None] | None]:
    """A bar for each resource of `totals`, where that many records take long and somebody looks."""
    console = Console(stderr=True)
    if sum(totals.values()) < WORTH_A_BAR or not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bars:
        tasks = {path: bars.add_task(f"Making {path}", total=total) for path, total in totals.items()}

        def show(path: str, ready: int) -> None:
            if path in tasks:
                bars.update(tasks[path], completed=ready)

        yield show
