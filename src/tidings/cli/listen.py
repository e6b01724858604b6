"""What does `tidings listen` do? Receives notifications and prints their events."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from typing import Annotated

import typer

from tidings.cli.eventline import events_in, json_line, read_event, text_line
from tidings.cli.output import Lines
from tidings.cli.receiver import Failing, Received, Receiver, Signature
from tidings.cli.sockets import shown
from tidings.cli.stopping import run_until_stopped
from tidings.core.errors import InvalidInput


def listen(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8600,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    signature_key: Annotated[
        str | None,
        typer.Option(
            help="The event.notification.signature.key of the instance; without it signatures are not checked.",
            envvar="TIDINGS_SIGNATURE_KEY",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per event instead of a line of text.")] = False,
    fail: Annotated[
        int | None, typer.Option(help="Answer with this status instead, to watch retries.", min=300, max=599)
    ] = None,
    fail_first: Annotated[
        int | None, typer.Option(help="Only to the first so many notifications; needs --fail.", min=1)
    ] = None,
) -> None:
    """Receive notifications, check their signatures over the exact bytes, and print a line for each event.

    Give an instance the callback URL that is printed at the start. Everything is answered 200, a missing or wrong
    signature 401.

    Example: [bold]tidings listen --port 8600 --signature-key my-key[/bold]

    A receiver that is down for its first three notifications: [bold]tidings listen --fail 503 --fail-first 3[/bold]
    """
    if fail_first is not None and fail is None:
        raise InvalidInput("--fail-first", "says how often to fail, but not how; add --fail 503")
    failing = Failing(fail, fail_first) if fail is not None else None
    coloured = sys.stdout.isatty()

    async def work(stop: asyncio.Event) -> None:
        lines = Lines(stop)

        def hear(received: Received) -> None:
            lines.put(json_lines(received) if json else text_lines(received, coloured=coloured))

        receiver = Receiver(hear, clock=time.time, key=signature_key, failing=failing)
        await receiver.start(host, port)
        print(f"Listening on {shown(host, receiver.port)}; stop with Ctrl-C", file=sys.stderr, flush=True)
        await stop.wait()
        await receiver.close()

    run_until_stopped(work)


def text_lines(received: Received, *, coloured: bool = False) -> list[str]:
    """The lines for one POST: one per event, or one that says what came instead of a notification."""
    at = datetime.fromtimestamp(received.at).strftime("%H:%M:%S.%f")[:-3]
    remark = received.signature.value
    if received.signature in (Signature.OK, Signature.BAD):
        remark = f"signature {remark}"
    if coloured and received.signature is Signature.BAD:
        remark = typer.style(remark, fg="red", bold=True)
    if received.status != 200:
        remark = f"{remark}, answered {received.status}"
    try:
        _, events = events_in(received.body)
        return [text_line(at, read_event(event), remark, coloured=coloured) for event in events]
    except InvalidInput as error:
        return [f"{at}  {len(received.body)} bytes, {error.message}  {remark}"]


def json_lines(received: Received) -> list[str]:
    """One JSON object per event: the event object, and how it came."""
    beside = {
        "receivedAt": round(received.at, 3),
        "webhookId": received.id,
        "signature": received.signature.value,
        "answered": received.status,
    }
    try:
        return [json_line(event, **beside) for event in events_in(received.body)[1]]
    except InvalidInput as error:
        return [json_line(b"{}", error=str(error), **beside)]
