"""What does `tidings tail` do? Prints the events of a running server as they happen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tidings.cli.eventline import json_line, read_event, text_line
from tidings.cli.output import Lines
from tidings.cli.platform import Away, Platform, Refusal, Secrets
from tidings.cli.server_options import HERE, Data, OrganizationSecret, Url, UserSecret
from tidings.cli.stopping import first_of, run_until_stopped
from tidings.core.errors import InvalidInput
from tidings.settings import load

PAUSE, LONGEST_PAUSE = 0.25, 5.0
LOOK_FOR_INSTANCES = 5.0

T = TypeVar("T")


def tail(
    instance: Annotated[int | None, typer.Option(help="Only this instance; otherwise all, new ones too.")] = None,
    url: Url = HERE,
    data: Data = None,
    user_secret: UserSecret = None,
    organization_secret: OrganizationSecret = None,
    after: Annotated[
        int | None,
        typer.Option(help="Begin after this sequence (0: with the first); otherwise with what comes.", min=0),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per event instead of a line of text.")] = False,
) -> None:
    """Print the events of a running server as they happen, from its log: no callback URL is needed.

    It waits for new events without asking again and again, goes on where it was when the server is restarted, and
    runs until Ctrl-C.

    Example: [bold]tidings tail --data tidings-data[/bold]

    From the beginning, for another program: [bold]tidings tail --data tidings-data --instance 1 --after 0 --json[/bold]
    """
    secrets = find_secrets(data, user_secret, organization_secret)

    async def run(stop: asyncio.Event) -> None:
        async with Platform(url, secrets) as platform:
            put = Lines(stop).put
            follower = Follower(platform, put, _note, as_json=json, coloured=sys.stdout.isatty())
            work = follower.follow_all(after) if instance is None else follower.follow(instance, after)
            await first_of(stop, work)

    run_until_stopped(run)


def find_secrets(data: Path | None, user_secret: str | None, organization_secret: str | None) -> Secrets:
    """The secrets as given, or those in the data directory. Raises InvalidInput when there are neither."""
    if user_secret and organization_secret:
        return {"userSecret": user_secret, "organizationSecret": organization_secret}
    if user_secret or organization_secret:
        missing = "--organization-secret" if user_secret else "--user-secret"
        raise InvalidInput(missing, "is missing; both secrets are needed, tidings secrets prints them")
    settings = load({"data": data})
    if not settings.database_path.exists():
        raise InvalidInput(
            "--data", f"{settings.data} holds no Tidings; name the server's directory, or give the secrets"
        )
    # Opening the store takes a while; who gives the secrets need not wait for it.
    from tidings.cli.secrets import read_secrets

    return asyncio.run(read_secrets(settings))[0]


class Follower:
    """Prints the events of instances, each in its order, and bears with a server that goes away.

    `note` is told what is no event: that the server is away, that it is back.
    """

    def __init__(
        self,
        platform: Platform,
        put: Callable[[Iterable[str]], None],
        note: Callable[[str], None],
        *,
        as_json: bool = False,
        coloured: bool = False,
    ) -> None:
        self._platform, self._put, self._note = platform, put, note
        self._as_json, self._coloured = as_json, coloured
        self._away = False

    async def follow_all(self, after: int | None) -> None:
        """Every instance of the account, without end; one that is made later from its beginning. Raises Refusal."""
        following: set[int] = set()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    new = set(await self._patiently(self._platform.instance_ids)) - following
                    for instance_id in sorted(new):
                        group.create_task(self._follow_until_deleted(instance_id, after))
                    following |= new
                    if after is None and not following:
                        self._note("There is no instance yet; waiting for one")
                    after = 0
                    await asyncio.sleep(LOOK_FOR_INSTANCES)
        except* Refusal as refused:
            raise refused.exceptions[0] from None

    async def follow(self, instance_id: int, after: int | None, remark: str = "") -> None:
        """One instance, without end. Raises Refusal when it is gone or the secrets are wrong."""
        if after is None:
            after = await self._patiently(partial(self._platform.last_sequence, instance_id))
        while True:
            page = await self._patiently(partial(self._platform.feed, instance_id, after))
            self._put(self._line(bytes(event), remark) for event in page.events)
            after = page.next
            if not page.events:
                # A server that is about to stop answers at once; it must not be asked in a tight loop.
                await asyncio.sleep(PAUSE)

    async def _follow_until_deleted(self, instance_id: int, after: int | None) -> None:
        try:
            await self.follow(instance_id, after, f"instance {instance_id}")
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            self._note(f"Instance {instance_id} is gone")

    def _line(self, event: bytes, remark: str) -> str:
        if self._as_json:
            return json_line(event)
        shown = read_event(event)
        return text_line(shown.date, shown, remark, coloured=self._coloured)

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call until the server answers it."""
        pause = PAUSE
        while True:
            try:
                found = await call()
            except Away as away:
                if not self._away:
                    self._note(f"{away}; trying again")
                self._away = True
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if self._away:
                    self._note("The server answers again")
                self._away = False
                return found


def _note(sentence: str) -> None:
    print(f"tidings: {sentence}", file=sys.stderr, flush=True)
