"""What does `tidings replay` do? Sends what was logged again, and waits until all of it has arrived."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import orjson
import typer

from tidings.cli.output import Lines
from tidings.cli.platform import Away, Platform
from tidings.cli.server_options import HERE, Data, OrganizationSecret, Url, UserSecret
from tidings.cli.stopping import run_until_stopped
from tidings.cli.tail import find_secrets

PAUSE = 1.0
INTERRUPTED = 130


def replay(
    instance: Annotated[int, typer.Argument(help="The instance's id.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", help="A sequence, or ISO 8601 with its zone; otherwise all that is kept."),
    ] = None,
    to: Annotated[str | None, typer.Option(help="The same, and included; otherwise what the log holds now.")] = None,
    subscription: Annotated[int | None, typer.Option(help="To this one instead of the instance's own.")] = None,
    rate: Annotated[float | None, typer.Option(help="The most notifications a second; otherwise 50.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it would be.")] = False,
    url: Url = HERE,
    data: Data = None,
    user_secret: UserSecret = None,
    organization_secret: OrganizationSecret = None,
    json: Annotated[bool, typer.Option("--json", help="The last answer of the API instead of a line of text.")] = False,
) -> None:
    """Send what was logged once more, with the same ids and bytes, and wait until all of it has arrived.

    The exit code is 0 only then. Ctrl-C ends the waiting and not the replay: the server goes on with it.

    Example: [bold]tidings replay 1 --from 2026-09-21T14:00:00Z --data tidings-data[/bold]

    How much it would be: [bold]tidings replay 1 --from 1200 --to 1500 --dry-run[/bold]
    """
    secrets = find_secrets(data, user_secret, organization_secret)
    asked: dict[str, Any] = {"from": place(from_), "to": place(to), "dryRun": dry_run}
    if subscription is not None:
        asked["subscriptionId"] = subscription
    if rate is not None:
        asked["rate"] = rate

    async def run(stop: asyncio.Event) -> int:
        async with Platform(url, secrets) as platform:
            code, said, found = await replayed(platform, instance, asked, stop, Progress().put)
        if json:
            Lines(stop).put([orjson.dumps(found).decode()])
        elif code:
            print(f"tidings: {said}", file=sys.stderr)
        else:
            Lines(stop).put([said])
        return code

    raise typer.Exit(run_until_stopped(run))


def place(text: str | None) -> int | str | None:
    """A place of the log as the API takes it: digits are a sequence.

    >>> place("120"), place("2026-09-21T14:00:00Z"), place(None)
    (120, '2026-09-21T14:00:00Z', None)
    """
    return int(text) if text is not None and text.isascii() and text.isdigit() else text


async def replayed(
    platform: Platform,
    instance: int,
    asked: Mapping[str, Any],
    stop: asyncio.Event,
    progress: Callable[[str], None],
    pause: float = PAUSE,
) -> tuple[int, str, dict[str, Any]]:
    """Ask for it and wait for its end; the exit code, what to say, and the last answer. Raises Away or Refusal."""
    found = await platform.create_replay(instance, asked)
    if asked["dryRun"]:
        return 0, estimate(found), found
    while found["state"] == "running":
        progress(line(found))
        if await _stopped_within(stop, pause):
            left = f"replay {found['id']} goes on at the server; DELETE …/events/replay/{found['id']} stops it"
            return INTERRUPTED, left, found
        try:
            found = await platform.replay(instance, found["id"])
        except Away as away:  # it goes on where it was when the server is back
            progress(f"{away}; trying again")
    return int(found["state"] != "done"), line(found), found


async def _stopped_within(stop: asyncio.Event, pause: float) -> bool:
    try:
        async with asyncio.timeout(pause):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def line(found: Mapping[str, Any]) -> str:
    """How far a replay is, or what it came to."""
    arrived = f"replay {found['id']}: {found['sent']} of {found['notifications']} notifications sent again"
    if found["state"] == "running":
        return arrived
    reason = f" ({found['reason']})" if found["reason"] else ""
    return f"{arrived}, {found['state']}{reason}"


def estimate(found: Mapping[str, Any]) -> str:
    """How much a replay would be."""
    if not found["notifications"]:
        return "nothing would be sent"
    return (
        f"{found['events']} events in {found['notifications']} notifications would be sent to subscription "
        f"{found['subscriptionId']}, sequences {found['fromSequence']} to {found['toSequence']}, "
        f"in {found['seconds']} s at the least; what its filter does not pass is left out"
    )


class Progress:
    """Lines on standard error, each once; on a terminal one takes the place of the other."""

    def __init__(self) -> None:
        self._last = ""
        self._end = "\r" if sys.stderr.isatty() else "\n"

    def put(self, said: str) -> None:
        if said != self._last:
            print(said.ljust(len(self._last)), end=self._end, file=sys.stderr, flush=True)
        self._last = said
