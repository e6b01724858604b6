"""How does a command run until it is told to stop?"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

Work = Callable[[asyncio.Event], Coroutine[Any, Any, T]]


def run_until_stopped(work: Work[T], *, stop_on_eof: bool = False) -> T:
    """Run `work`, which ends soon after the event it is given was set: by SIGINT, SIGTERM, or the end of stdin.

    A second signal ends the process at once.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_stoppable(work, stop_on_eof))


async def _stoppable(work: Work[T], stop_on_eof: bool) -> T:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    if stop_on_eof:
        threading.Thread(target=_wait_for_eof, args=(loop, stop), daemon=True).start()
    return await work(stop)


def _wait_for_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # The descriptor itself: a daemon thread that holds sys.stdin's lock would trip the interpreter at its exit.
    while os.read(0, 4096):
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(stop.set)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def first_of(stop: asyncio.Event, *others: Awaitable[object]) -> None:
    """Wait until `stop` is set or one of the others has ended; raises what ended it, and cancels the rest."""
    tasks = [asyncio.ensure_future(other) for other in others]
    waiting = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((waiting, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in (waiting, *tasks):
            task.cancel()
        await asyncio.gather(waiting, *tasks, return_exceptions=True)
