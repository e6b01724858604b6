"""What do receivers that hang, drip or are dead, or whose name servers are silent, change for the others?"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from tidings.outbound.lookup import Lookup
from tidings.outbound.pool import ConnectionPool
from tidings.outbound.sender import Sender
from tidings.store.secrets import load_vault
from tidings.store.sqlite import open_sqlite

MOST = 1.2
EVERY = 0.005  #: seconds between two notifications: 200 a second, to each receiver in turn
KINDS = ("hang", "drip", "are dead", "have silent name servers")
SHARE = 20  #: one of so many receivers is of each kind
WARM = 2  #: notifications of each receiver that find no open connection and are not measured
HANG_FOR = 30.0
WAIT_FOR = 60.0

_HEAD = re.compile(rb"(?is)^POST /(\w*) .*?\r\nwebhook-id: *([^\r]+).*?\r\n\r\n")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def figures(scale: Scale) -> list[Figure]:
    """From the commit of a notification until its receiver has it, with good receivers only and with bad ones.

    The two take turns, so that whatever else the machine does meets both; all of a kind are taken together.
    """
    without: list[float] = []
    with_bad: list[float] = []
    for nth in range(scale.isolation_rounds):
        for bad in (nth % 2 == 1, nth % 2 == 0):
            (with_bad if bad else without).extend(await spans(scale.receivers, scale.isolation, bad=bad))
    theirs, alone = percentile(with_bad, 0.99), percentile(without, 0.99)
    return [
        Figure(
            f"isolation: {scale.receivers} receivers, {_bad(scale.receivers)} of which {', '.join(KINDS[:-1])} "
            f"or {KINDS[-1]}",
            f"p99 of the others {theirs * 1000:.1f} ms (p50 {percentile(with_bad, 0.5) * 1000:.1f} ms)",
            limit=f"p99 of the same with good receivers only {alone * 1000:.1f} ms "
            f"(p50 {percentile(without, 0.5) * 1000:.1f} ms)",
            ratio=f"{theirs / alone:.2f} (of {len(with_bad):,} and {len(without):,}, in turn)",
            bars=(Bar(f"<= {MOST:g} times", theirs <= MOST * alone),),
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


class Names:
    """Every name is this machine's, except those of `silent`: they get no answer for 30 seconds, or until the end."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def find(self, host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        if host.startswith("silent"):
            self.over.wait(HANG_FOR)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]


async def spans(receivers: int, notifications: int, *, bad: bool) -> list[float]:
    """Seconds from the commit until the receiver has it, of each notification to the same good ones.

    Raises TimeoutError when one of them has not arrived long after the last was logged.
    """
    arrived: dict[str, float] = {}
    logged: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    names = Names()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tidings-bench-")))
        listening = await loop.create_server(partial(Receiver, arrived), "127.0.0.1", 0)
        stack.callback(listening.close)
        store = await open_sqlite(folder / "tidings.db", load_vault(folder / "master.key"))
        stack.push_async_callback(store.close)
        port = listening.sockets[0].getsockname()[1]
        instances = [
            await make_instance(store, ACCOUNT, now(), name=f"{n}", event__notification__callback__url=url)
            for n, url in enumerate(_urls(receivers, port, bad=bad))
        ]
        lanes = {
            lane.instance_id: lane
            for lane in await store.claim(LaneKind.POLL, "bench", now(), now() + 10 * LEASE, receivers)
        }
        pool = await stack.enter_async_context(ConnectionPool(POLICY, resolver=Lookup(names.find)))
        stack.callback(names.over.set)
        deliverer = Deliverer(store, Sender(pool).send, clock=now, log=Lines())
        dispatcher = Dispatcher(
            store, LaneKind.DELIVER, deliverer.run, clock=now, owner="bench", log=Lines(), concurrency=512
        )
        working = asyncio.create_task(dispatcher.loop())
        stack.push_async_callback(_end, working)
        began = time.monotonic()
        for number in range(notifications):
            nth = number % receivers
            await asyncio.sleep(max(began + number * EVERY - time.monotonic(), 0))
            change = Change(EventType.UPDATED, number, 1, now(), b'{"id":%d}' % number)
            [made] = await log_changes(store, lanes[instances[nth].id], instances[nth], [change], 1)
            dispatcher.wake()
            if nth >= _bad(receivers):
                logged[made.id] = time.monotonic()
        async with asyncio.timeout(WAIT_FOR):
            while not logged.keys() <= arrived.keys():
                await asyncio.sleep(0.02)
    warm = WARM * (receivers - _bad(receivers))
    return [max(arrived[each] - at, 0.0) for each, at in logged.items()][warm:]


def _bad(receivers: int) -> int:
    return len(KINDS) * (receivers // SHARE)


def _urls(receivers: int, port: int, *, bad: bool) -> Sequence[str]:
    dead = free_port()
    kinds = [("hang", port, "hangs"), ("drip", port, "drips"), ("dead", dead, ""), ("silent", port, "")]
    urls = [f"http://good{n}.example:{port}/" for n in range(receivers)]
    if bad:
        urls[: _bad(receivers)] = [
            f"http://{name}{n}.example:{its}/{path}" for n in range(receivers // SHARE) for name, its, path in kinds
        ]
    return urls


async def _end(working: asyncio.Task[None]) -> None:
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
