"""A dispatcher stops when it is told to, whatever else happens in that moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from tidings.core.model import LaneKind
from tidings.engine.dispatch import Dispatcher


class NothingDue:
    """A store without lanes."""

    async def claim(self, *_: object) -> list[Any]:
        return []

    async def next_due(self, *_: object) -> None:
        return None


@pytest.mark.parametrize("steps", range(5))
async def test_a_dispatcher_that_is_woken_and_stopped_in_the_same_moment_stops(steps: int) -> None:
    async def work(lane: object) -> None:
        raise AssertionError("there is no lane")

    dispatcher = Dispatcher(
        NothingDue(),  # type: ignore[arg-type]
        LaneKind.POLL,
        work,
        clock=lambda: 0,
        owner="w",
        log=structlog.get_logger(),
        look_every=3_600_000,
    )
    loop = asyncio.create_task(dispatcher.loop())
    for _ in range(10):
        await asyncio.sleep(0)
    dispatcher.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    loop.cancel()
    done, _ = await asyncio.wait({loop}, timeout=2)
    stopped = bool(done)
    while not loop.done():
        loop.cancel()
        await asyncio.wait({loop}, timeout=1)
    assert stopped
