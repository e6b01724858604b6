"""What does `tidings demo` do? Shows the whole way from a change to its signed event, and can prove it."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.live import Live
from rich.progress import Progress

from tidings.cli.board import Board
from tidings.cli.listen import text_lines
from tidings.cli.liveview import view
from tidings.cli.reconcile import Verdict, reconcile
from tidings.cli.stage import POLL_EVERY, SWEEP_EVERY, Cast, Stage, staged
from tidings.cli.stopping import run_until_stopped
from tidings.cli.summary import figures, sentences
from tidings.cli.witness import ANNOUNCES_TOUCHES
from tidings.core.errors import InvalidInput

LOOK_EVERY = 0.25
ARRIVED_WITHIN = 90.0  #: seconds after the last change
REPEATED_WITHIN = 2 * SWEEP_EVERY  #: for so long we listen on when everything is there
FLEETING = 10 * POLL_EVERY + 5.0
INTERRUPTED = 130


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(help="Run so long, then check that everything arrived; otherwise until Ctrl-C.", min=1),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="No view, but a summary as one JSON object (20 seconds unless given).")
    ] = False,
    contacts: Annotated[int, typer.Option(help="Contacts of the sandbox at the start.", min=0)] = 500,
    companies: Annotated[int, typer.Option(help="Companies at the start.", min=1)] = 50,
    tickets: Annotated[int, typer.Option(help="Service tickets at the start.", min=0)] = 200,
    activity: Annotated[float, typer.Option(help="Changes a second that the sandbox's people make.", min=0)] = 4,
    seed: Annotated[int, typer.Option(help="The same number makes the same data and the same changes.")] = 1,
    port: Annotated[int, typer.Option(help="The port of the API; 0 takes a free one.", min=0, max=65535)] = 0,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep the server's data in this new or empty directory, instead of a temporary one."),
    ] = None,
) -> None:
    """See the whole way: a ConnectWise whose people change things, a server that finds out, a receiver that is told.

    Everything runs on this machine, on free ports, and needs no settings. The address of the API and a login are on
    the screen, so you can look behind it with curl while it runs.

    With --seconds it stops the people after that time, waits until everything arrived, and compares the sandbox's own
    list of changes with what the receiver got: the exit code is 0 only when every change was delivered, once, with a
    right signature and the right type. A change that no poll can see, because its record was made and deleted in
    between, is counted as invisible.

    Example: [bold]tidings demo[/bold]

    As a check: [bold]tidings demo --seconds 20 --json[/bold]
    """
    if json and seconds is None:
        seconds = 20
    with _data_directory(data) as chosen:
        run = _Run(Cast(contacts, companies, tickets, seed, activity, port, chosen.path), seconds, as_json=json)
        code = run_until_stopped(run.until_stopped)
        chosen.keep = code == 1
    raise typer.Exit(code)


class _Data:
    """The directory of the server's data; a temporary one is removed unless it is to be kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keep = True


@contextmanager
def _data_directory(given: Path | None) -> Iterator[_Data]:
    if given is not None:
        try:
            given.mkdir(parents=True, exist_ok=True)
            used = any(given.iterdir())
        except OSError as error:
            raise InvalidInput("--data", f"{given} cannot be used ({error.strerror}); name another") from None
        if used:
            raise InvalidInput("--data", f"{given} is not empty; the demo begins anew, name a new directory")
        yield _Data(given)
        return
    made = _Data(Path(tempfile.mkdtemp(prefix="tidings-demo-")))
    try:
        yield made
    finally:
        if made.keep:
            print(f"The server's log and data are in {made.path}", file=sys.stderr)
        else:
            shutil.rmtree(made.path, ignore_errors=True)


class _Run:
    """One run of the demo."""

    def __init__(self, cast: Cast, seconds: float | None, *, as_json: bool) -> None:
        self._cast, self._seconds, self._as_json = cast, seconds, as_json
        self._board = Board()
        self._stderr = Console(stderr=True)
        self._printed = 0

    async def until_stopped(self, stop: asyncio.Event) -> int:
        """The exit code: 0 when all is right, or when it was to run until stopped; 1 when something is wrong."""
        playing, waiting = asyncio.create_task(self._play()), asyncio.create_task(stop.wait())
        await asyncio.wait((playing, waiting), return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            waiting.cancel()
            return self._conclude(playing.result())
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        if self._seconds is not None:
            return INTERRUPTED
        print(f"{len(self._board.writes)} changes, {len(self._board.arrivals)} events, {self._board.posts} deliveries")
        return 0

    def _conclude(self, shown: dict[str, Any]) -> int:
        print(orjson.dumps(shown).decode() if self._as_json else "\n".join(sentences(shown)), flush=True)
        return 0 if shown["right"] else 1

    async def _play(self) -> dict[str, Any]:
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            with self._stderr.status("Starting a ConnectWise, a server and a receiver …"):
                stage = await stack.enter_async_context(staged(self._cast, self._board))
            self._stderr.print(f"The API is at {stage.api}", highlight=False)
            await stage.witness.set_activity(self._cast.activity)
            await self._perform(stage)
            await stage.witness.set_activity(0)
            verdict = await self._settle(stage)
        return figures(verdict, self._board, time.monotonic() - began, expects_changes=self._cast.activity > 0)

    async def _perform(self, stage: Stage) -> None:
        """People change things and everybody may watch, for the given time or until cancelled."""
        until = math.inf if self._seconds is None else time.monotonic() + self._seconds
        with self._screen(stage) as refresh:
            while (left := until - time.monotonic()) > 0:
                await self._look(stage)
                refresh(left)
                await asyncio.sleep(min(LOOK_EVERY, left))

    async def _look(self, stage: Stage) -> None:
        if stage.failed.done():
            stage.failed.result()
        self._board.wrote(await stage.witness.new_writes())

    async def _settle(self, stage: Stage) -> Verdict:
        """Wait until everything has arrived, or no longer can be waited for; then a little more, for repeats."""
        await self._look(stage)
        final = await stage.witness.records({(write.resource, write.record_id) for write in self._board.writes})

        def judge() -> Verdict:
            return reconcile(
                self._board.writes,
                self._board.arrivals,
                final,
                announces_touches=ANNOUNCES_TOUCHES,
                fleeting=FLEETING,
            )

        until = time.monotonic() + ARRIVED_WITHIN
        verdict = judge()
        with Progress(console=self._stderr, transient=True, disable=not self._stderr.is_terminal) as bar:
            task = bar.add_task("Changes arriving", total=len(self._board.writes))
            while not verdict.complete and time.monotonic() < until:
                bar.update(task, completed=len(self._board.writes) - len(verdict.missing))
                await asyncio.sleep(LOOK_EVERY)
                await self._look(stage)
                verdict = judge()
        with self._stderr.status("Everything is there; listening on for what should not come …"):
            await asyncio.sleep(REPEATED_WITHIN)
        return judge()

    @contextmanager
    def _screen(self, stage: Stage) -> Iterator[Callable[[float], None]]:
        """What is called again and again with the seconds that are left, and shows what is new."""
        out = Console()
        if self._as_json:
            yield lambda left: None
        elif out.is_terminal:
            with Live(console=out, screen=True, auto_refresh=False) as live:
                yield lambda left: live.update(view(self._board, stage, out.height, left), refresh=True)
        else:
            yield self._print_new
            self._print_new(0)

    def _print_new(self, left: float) -> None:
        new = self._board.posts - self._printed
        for received, _ in list(self._board.recent_posts)[-new:] if new else ():
            print("\n".join(text_lines(received)), flush=True)
        self._printed = self._board.posts
