"""What do receivers that hang, drip or are dead change for the others?"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.backlog import ACCOUNT
from bench.delivery import log_changes
from bench.engine import LEASE, POLICY, Lines, make_instance
from bench.figures import Bar, Figure
from bench.measure import percentile
from bench.prepare import now
from bench.processes import free_port
from bench.scale import Scale
from tidings.core.model import Change, EventType, LaneKind
from tidings.engine.deliver import Deliverer
from tidings.engine.dispatch import Dispatcher
from tidings.outbound.sender import Sender, open_session
from tidings.store.secrets import load_vault
from tidings.store.sqlite import open_sqlite

MOST = 1.2
EVERY = 0.004  #: seconds between two notifications: 250 a second, to each receiver in turn
KINDS = ("hangs", "drips", "is dead")
WAIT_FOR = 60.0

_HEAD = re.compile(rb"(?is)^POST /(\w*) .*?\r\nwebhook-id: *([^\r]+).*?\r\n\r\n")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def figures(scale: Scale) -> list[Figure]:
    """From the commit of a notification until its receiver has it, with good receivers only and with bad ones."""
    without, with_bad = [], []
    for _ in range(scale.rounds):
        without.append(await _p99(scale, bad=False))
        with_bad.append(await _p99(scale, bad=True))
    ratio = sorted(theirs / alone for theirs, alone in zip(with_bad, without, strict=True))[len(without) // 2]
    return [
        Figure(
            f"isolation: {scale.receivers} receivers, of which one {', one '.join(KINDS)}",
            f"p99 of the others {min(with_bad) * 1000:.1f} ms",
            limit=f"p99 of the same with good receivers only {min(without) * 1000:.1f} ms",
            ratio=f"{ratio:.2f} (median of {scale.rounds})",
            bars=(Bar(f"<= {MOST:g} times", ratio <= MOST),),
        )
    ]


class Receiver(asyncio.Protocol):
    """Answers each request at once; one to `/hangs` never, one to `/drips` by a byte a second without an end."""

    def __init__(self, arrived: dict[str, float]) -> None:
        self._arrived, self._pending = arrived, b""
        self._dripping: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if self._dripping is not None:
            self._dripping.cancel()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while head := _HEAD.match(self._pending):
            length = _LENGTH.search(self._pending, 0, head.end())
            whole = head.end() + (int(length[1]) if length else 0)
            if len(self._pending) < whole:
                return
            self._pending = self._pending[whole:]
            if head[1] == b"drips":
                self._drip()
            elif head[1] != b"hangs":
                self._arrived.setdefault(head[2].decode(), time.monotonic())
                self._transport.write(_OK)  # type: ignore[attr-defined]

    def _drip(self) -> None:
        self._transport.write(b"H")  # type: ignore[attr-defined]
        self._dripping = asyncio.get_running_loop().call_later(1.0, self._drip)


async def _p99(scale: Scale, *, bad: bool) -> float:
    arrived: dict[str, float] = {}
    logged: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tidings-bench-")))
        listening = await loop.create_server(partial(Receiver, arrived), "127.0.0.1", 0)
        stack.callback(listening.close)
        store = await open_sqlite(folder / "tidings.db", load_vault(folder / "master.key"))
        stack.push_async_callback(store.close)
        good = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        dead = f"http://127.0.0.1:{free_port()}/"
        urls = [good + "hangs", good + "drips", dead] if bad else [good] * len(KINDS)
        urls += [good] * (scale.receivers - len(urls))
        instances = [
            await make_instance(store, ACCOUNT, now(), name=f"{n}", event__notification__callback__url=url)
            for n, url in enumerate(urls)
        ]
        lanes = {
            lane.instance_id: lane
            for lane in await store.claim(LaneKind.POLL, "bench", now(), now() + 10 * LEASE, len(urls))
        }
        session = await stack.enter_async_context(open_session(POLICY))
        deliverer = Deliverer(store, Sender(session).send, clock=now, log=Lines())
        dispatcher = Dispatcher(
            store, LaneKind.DELIVER, deliverer.run, clock=now, owner="bench", log=Lines(), concurrency=512
        )
        working = asyncio.create_task(dispatcher.loop())
        began = time.monotonic()
        for number in range(scale.isolation):
            nth = number % len(urls)
            await asyncio.sleep(max(began + number * EVERY - time.monotonic(), 0))
            change = Change(EventType.UPDATED, number, 1, now(), b'{"id":%d}' % number)
            [made] = await log_changes(store, lanes[instances[nth].id], instances[nth], [change], 1)
            dispatcher.wake()
            if nth >= len(KINDS):
                logged[made.id] = time.monotonic()
        async with asyncio.timeout(WAIT_FOR):
            while not logged.keys() <= arrived.keys():
                await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return percentile(_spans(logged, arrived), 0.99)


def _spans(logged: dict[str, float], arrived: dict[str, float]) -> Sequence[float]:
    # The first hundred find no open connection and an empty cache.
    return [max(arrived[each] - at, 0.0) for each, at in logged.items()][100:] or [0.001]
