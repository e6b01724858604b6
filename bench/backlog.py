"""Is a long backlog delivered as fast at its end as at its beginning, and what memory does that take?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.delivery import log_changes
from bench.engine import LEASE, make_instance
from bench.figures import Bar, Figure
from bench.prepare import HOUR, now, opened
from bench.processes import cores, server, sink
from bench.scale import Scale
from tidings.core.deliverycursor import decode
from tidings.core.model import Change, EventType, LaneKind
from tidings.store.sqlite import SqliteStore

MEGABYTE = 1_000_000
MOST, STEADY = 300, 0.8
EACH, PAGE = 10, 1000  #: events of a notification, and of a page
LOOK_EVERY = 0.05
GIVE_UP_AFTER = 3600.0
ACCOUNT = {"baseUrl": "http://127.0.0.1:9", "company": "acme", "publicKey": "p", "clientId": "c", "privateKey": "k"}

Seen = tuple[float, int]  #: when, and which sequence had been passed


async def figures(scale: Scale) -> list[Figure]:
    """One receiver, events of a quarter of a kilobyte, ten to a notification, by `tidings serve`."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder, sink(cores()[1]) as url:
        data = Path(folder)
        async with opened(data) as store:
            await _fill(store, url, scale.backlog)
            with server(data, cores()[0]) as process:
                most = 0
                seen: list[Seen] = [(time.monotonic(), 0)]
                while seen[-1][1] < scale.backlog:
                    await asyncio.sleep(LOOK_EVERY)
                    most = max(most, process.memory_info().rss)
                    [lane] = await store.lanes(LaneKind.DELIVER)
                    seen.append((time.monotonic(), decode(lane.cursor).offset))
                    if seen[-1][0] - seen[0][0] > GIVE_UP_AFTER:
                        raise RuntimeError(f"{seen[-1][1]:,} of {scale.backlog:,} events within {GIVE_UP_AFTER:g} s")
    first, last = rate(seen, 0, scale.backlog // 10), rate(seen, scale.backlog * 9 // 10, scale.backlog)
    return [
        Figure(
            f"backlog: {scale.backlog:,} events of one receiver, by `tidings serve`",
            f"{rate(seen, 0, scale.backlog):,.0f} events/s; {first:,.0f} in the first tenth, {last:,.0f} in the last; "
            f"{most / MEGABYTE:.0f} MB resident at most",
            bars=(
                Bar(f"last tenth >= {STEADY:.0%} of the first", last >= STEADY * first),
                Bar(f"< {MOST} MB", most < MOST * MEGABYTE, gate=True),
            ),
        )
    ]


def rate(seen: Sequence[Seen], start: int, end: int) -> float:
    """Events a second between two sequences, as far as the looks tell; the time before the first is the start-up's."""
    passed = [(at, sequence) for at, sequence in seen if sequence > start] or [seen[-1]]
    (began, low), (ended, high) = passed[0], next((each for each in passed if each[1] >= end), passed[-1])
    return (high - low) / (ended - began) if ended > began else float(high - low) / LOOK_EVERY


async def _fill(store: SqliteStore, url: str, events: int) -> None:
    instance = await make_instance(
        store,
        ACCOUNT,
        now(),
        event__notification__callback__url=url,
        event__notification__signature__key="a-signature-key",
    )
    [lane] = await store.claim(LaneKind.POLL, "bench", now(), now() + LEASE, 1)
    for first in range(0, events, PAGE):
        changes = [
            Change(EventType.UPDATED, n, 1, now(), b'{"id":%d,"name":"Somebody","note":"%s"}' % (n, b"x" * 200))
            for n in range(first, min(first + PAGE, events))
        ]
        await log_changes(store, lane, instance, changes, EACH)
    await store.release(lane, due_at=now() + HOUR)
