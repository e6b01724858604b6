"""What does a server cost that has many instances and nothing to do?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Bar, Figure
from bench.prepare import many_instances
from bench.processes import cores, sandbox, server, used
from bench.scale import Scale

MOST = 0.02
SETTLE_FOR = 2.0  #: a server that has just started is not idle yet


async def figures(scale: Scale) -> list[Figure]:
    """The share of a core that `tidings serve` uses while no lane is due."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder, sandbox(10, cores()[1]) as (account, _):
        await many_instances(Path(folder), account, scale.instances)
        with server(Path(folder), cores()[0]) as process:
            await asyncio.sleep(SETTLE_FOR)
            before = used(process)
            await asyncio.sleep(scale.idle_for)
            share = (used(process) - before) / scale.idle_for
            resident = process.memory_info().rss / 1_000_000
    return [
        Figure(
            f"idle: {scale.instances:,} instances with 3 resources each, nothing due for {scale.idle_for:g} s",
            f"{share:.2%} of a core, {resident:.0f} MB resident",
            bars=(Bar(f"< {MOST:.0%} of a core", share < MOST, gate=True),),
        )
    ]
