"""How much memory does a server need while it reads, and does it need more for ten times as many records?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Bar, Figure
from bench.prepare import one_instance, opened
from bench.processes import cores, sandbox, server
from bench.scale import Scale
from tidings.core.cursor import decode
from tidings.core.model import LaneKind, Moment

MEGABYTE = 1_000_000
MOST, MORE = 200, 50
LOOK_EVERY = 0.05
GIVE_UP_AFTER = 1800.0
AUDIT_MINUTES = 0.05  #: so that the audit follows the baseline soon


async def figures(scale: Scale) -> list[Figure]:
    """The most that was resident while everything was read for the first time and then once more."""
    few = await peak(scale.contacts)
    measured = f"{few:.0f} MB resident at most"
    bars = (Bar(f"< {MOST} MB", few < MOST, gate=True),)
    lines = [Figure(f"memory: `tidings serve` reading {scale.contacts:,} contacts twice", measured, bars=bars)]
    if scale.many_contacts is not None:
        many = await peak(scale.many_contacts)
        bar = Bar(f"<= {MORE} MB more than for {scale.contacts:,}", many - few <= MORE, gate=True)
        measured = f"{many:.0f} MB resident at most, {many - few:+.0f} MB"
        lines.append(Figure(f"memory: the same with {scale.many_contacts:,}", measured, bars=(bar,)))
    return lines


async def peak(contacts: int) -> float:
    """Megabytes."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder, sandbox(contacts, cores()[1]) as (account, _):
        data = Path(folder)
        await one_instance(data, account, event__poller__audit_interval=str(AUDIT_MINUTES))
        async with opened(data) as store:
            with server(data, cores()[0]) as process:
                most = 0
                first: Moment | None = None
                for _ in range(round(GIVE_UP_AFTER / LOOK_EVERY)):
                    most = max(most, process.memory_info().rss)
                    [lane] = await store.lanes(LaneKind.POLL)
                    cursor = decode(lane.cursor)
                    if cursor.baselined:
                        first = first or cursor.audit_at
                        # An audit that is over has set the next one.
                        if cursor.audit_at > first:
                            return most / MEGABYTE
                    await asyncio.sleep(LOOK_EVERY)
    raise RuntimeError(f"{contacts} contacts were not read twice within {GIVE_UP_AFTER:g} s")
