"""How fast are records read: for the first time, and again when nothing has changed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import limits
from bench.engine import Engine
from bench.figures import Figure, alone, beside
from bench.measure import Run, Speed, run, run_async
from bench.processes import cores, sandbox, used
from bench.scale import Scale

FIRST, AGAIN = 30_000, 80_000
SHARE = 0.6
SERVED = 250_000
TICK = 0.01  #: the system counts CPU time of other processes in hundredths


async def figures(scale: Scale) -> list[Figure]:
    """First reading and re-reading beside the bare loop, and what the sandbox serves to who only fetches."""
    ours: dict[str, list[Run]] = {"first": [], "again": []}
    bare: dict[str, list[Run]] = {"first": [], "again": [], "fetch": []}
    with sandbox(scale.contacts, cores()[1]) as (account, process):
        for _ in range(scale.rounds):
            before = used(process)
            fetched = _whole(run(lambda: limits.fetch(account)), scale.contacts)
            # Here the server is measured, so the CPU seconds are its own.
            bare["fetch"].append(replace(fetched, cpu=max(used(process) - before, TICK)))
            await _round(account, scale, ours, bare)
    many = f"{scale.contacts:,}"
    return [
        beside(
            f"repoll: {many} unchanged contacts read and compared again",
            Speed(ours["again"]),
            Speed(bare["again"]),
            "records",
            least=AGAIN,
            least_ratio=SHARE,
            gate=True,
        ),
        beside(
            f"first read: {many} contacts learned, with their content",
            Speed(ours["first"]),
            Speed(bare["first"]),
            "records",
            least=FIRST,
        ),
        alone(f"sandbox: {many} contacts fetched and not looked at", Speed(bare["fetch"]), "records", least=SERVED),
    ]


async def _round(
    account: Mapping[str, str], scale: Scale, ours: dict[str, list[Run]], bare: dict[str, list[Run]]
) -> None:
    """Everything once, ours and the limit in turn, on new databases."""
    with TemporaryDirectory(prefix="tidings-bench-") as folder:
        comparing = limits.Comparing(Path(folder) / "limit.db")
        try:
            async with Engine(Path(folder), account) as engine:
                ours["first"].append(_whole(await run_async(engine.first_read), scale.contacts))
                bare["first"].append(_whole(run(lambda: comparing.read(account, keep=True)), scale.contacts))
                for _ in range(scale.readings):
                    ours["again"].append(_whole(await run_async(engine.read_again), scale.contacts))
                    bare["again"].append(_whole(run(lambda: comparing.read(account)), scale.contacts))
        finally:
            comparing.close()


def _whole(done: Run, contacts: int) -> Run:
    if done.things < contacts:
        raise RuntimeError(f"only {done.things} of {contacts} contacts were read")
    return done
