"""Does a name whose servers are silent keep others waiting?"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tidings.outbound.lookup import QUICK, SLOW, Lookup


class Names:
    """A name service: names that begin with `silent` get no answer until they are let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = threading.Event()
        self.now = 0.0
        self.takes = 0.0  #: seconds, by a clock that is a number

    def __call__(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        self.now += self.takes
        if host.startswith("silent"):
            self.let_go.wait(30)
        if host == "nobody.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]


@asynccontextmanager
async def opened(names: Names, slow_after: float = 1.0) -> AsyncIterator[Lookup]:
    lookup = Lookup(names, slow_after=slow_after, clock=lambda: names.now)
    try:
        yield lookup
    finally:
        names.let_go.set()
        await lookup.close()


async def test_a_name_is_looked_up_once_for_all_who_want_it_and_each_gets_its_port():
    names = Names()
    async with opened(names) as lookup:
        wanted = [asyncio.create_task(lookup.resolve("silent.example", port)) for port in (80, 443, 8080)]
        await lookup.resolve("quick.example", 80)
        names.let_go.set()
        found = await asyncio.gather(*wanted)
        assert [[(each["host"], each["port"]) for each in one] for one in found] == [
            [("192.0.2.1", 80)],
            [("192.0.2.1", 443)],
            [("192.0.2.1", 8080)],
        ]
        assert names.asked.count("silent.example") == 1


async def test_who_gives_up_does_not_take_the_answer_away_from_others():
    names = Names()
    async with opened(names) as lookup:
        impatient = asyncio.create_task(lookup.resolve("silent.example", 80))
        patient = asyncio.create_task(lookup.resolve("silent.example", 80))
        await lookup.resolve("quick.example", 80)
        impatient.cancel()
        names.let_go.set()
        assert (await patient)[0]["host"] == "192.0.2.1"


async def test_names_that_were_slow_leave_the_threads_of_the_others_alone():
    names = Names()
    silent = [f"silent{n}.example" for n in range(QUICK)]
    async with opened(names, slow_after=-1.0) as lookup:
        first = [asyncio.create_task(lookup.resolve(each)) for each in silent]
        await asyncio.sleep(0)
        names.let_go.set()
        await asyncio.gather(*first)
        names.let_go.clear()
        again = [asyncio.create_task(lookup.resolve(each)) for each in silent]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            assert (await lookup.resolve("quick.example"))[0]["host"] == "192.0.2.1"
        assert not any(task.done() for task in again)
        names.let_go.set()
        await asyncio.gather(*again)


@pytest.mark.parametrize("takes", [(2.0, 0.0), (2.0, 2.0)])
async def test_what_a_name_took_the_last_time_decides_among_whom_it_is_looked_up(takes: tuple[float, float]):
    names = Names()
    async with opened(names) as lookup:
        silent = [f"silent{n}.example" for n in range(SLOW)]
        names.let_go.set()
        names.takes = 2.0
        for each in silent:
            await lookup.resolve(each)
        for names.takes in takes:
            await lookup.resolve("better.example")
        names.let_go.clear()
        waiting = [asyncio.create_task(lookup.resolve(each)) for each in silent]
        better = asyncio.create_task(lookup.resolve("better.example"))
        # Everybody who has a thread of the quick ones is served before this one, which was asked for later.
        await lookup.resolve("quick.example")
        async with asyncio.timeout(10):
            while len(names.asked) < 2 * SLOW + 4 - (takes[1] > 1):
                await asyncio.sleep(0)
        assert names.asked.count("better.example") == (2 if takes[1] > 1 else 3)
        names.let_go.set()
        await asyncio.gather(better, *waiting)


async def test_a_name_that_does_not_exist_fails_as_the_system_says_and_is_asked_again():
    names = Names()
    async with opened(names) as lookup:
        for _ in range(2):
            with pytest.raises(socket.gaierror, match="not known"):
                await lookup.resolve("nobody.example")
        assert names.asked == ["nobody.example"] * 2


async def test_the_system_is_asked_by_default():
    lookup = Lookup()
    assert {each["host"] for each in await lookup.resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
    await lookup.close()
