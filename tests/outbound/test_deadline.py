"""Does each block end at its own time, and nothing else with it?"""

from __future__ import annotations

import asyncio

import pytest

from tidings.outbound.deadline import Deadlines


async def test_each_block_ends_when_its_own_time_is_over_and_in_the_order_in_which_they_began():
    deadlines = Deadlines(0.05)
    ended: list[tuple[int, float]] = []
    time = asyncio.get_running_loop().time

    async def wait(nth: int) -> None:
        began = time()
        with pytest.raises(TimeoutError), deadlines.begin():
            await asyncio.Event().wait()
        ended.append((nth, time() - began))

    async with asyncio.TaskGroup() as group:
        for nth in range(3):
            group.create_task(wait(nth))
            await asyncio.sleep(0)
    assert [nth for nth, _ in ended] == [0, 1, 2]
    assert all(0.05 <= span < 5 for _, span in ended)


async def test_a_block_that_has_ended_in_time_is_left_alone_and_others_still_end():
    deadlines = Deadlines(0.02)
    with deadlines.begin():
        await asyncio.sleep(0)
    for each in (Deadlines(0.05), deadlines):  # the first outlasts the time of what has ended
        with pytest.raises(TimeoutError), each.begin():
            await asyncio.Event().wait()


async def test_what_the_block_raises_itself_goes_through():
    with pytest.raises(ZeroDivisionError), Deadlines(60).begin():
        raise ZeroDivisionError


async def test_whoever_cancels_the_task_is_obeyed_even_as_its_time_is_over():
    deadlines = Deadlines(0.01)

    async def wait() -> None:
        with deadlines.begin():
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task.cancel()
                raise

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task
