"""Seeded histories: whatever people, provider, clocks and dying workers do, everything is announced, and only once.

Whatever the interleaving, in the end every record's events form one unbroken chain that leads to what the provider
has, and nothing that did not change was announced (design.md section 2, invariants 1 to 4).
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.simulation.history import Course, History, course
from tests.simulation.process import SECOND, START
from tests.simulation.world import World

GIVEN = bool({"TIDINGS_TEST_SEED", "TIDINGS_TEST_SEEDS"} & os.environ.keys())
FIRST = int(os.environ.get("TIDINGS_TEST_SEED", "1"))
COUNT = int(os.environ.get("TIDINGS_TEST_SEEDS", "1" if "TIDINGS_TEST_SEED" in os.environ else "100"))
#: Seconds for which each of two tests goes on with further seeds when no seeds are given.
FURTHER_FOR = 25
#: Lines of a history that are shown when it goes wrong.
SHOWN = int(os.environ.get("TIDINGS_TEST_TRACE", "80"))

#: When clocks in New York and Berlin are set back, and on again.
CHANGES = {
    "America/New_York": (datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2027, 3, 14, 7, tzinfo=UTC)),
    "Europe/Berlin": (datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
async def test_every_history_ends_with_everything_announced_once(empty, tmp_path, seed, record_property):
    record_property("histories", [seed])
    await play(seed, empty, tmp_path)


@pytest.mark.skipif(GIVEN, reason="only the histories of the seeds that were given")
@pytest.mark.parametrize("turn", [1, 2])
async def test_further_histories_as_many_as_there_is_time_for(empty, tmp_path, further, turn, record_property):
    ends_at = time.monotonic() + FURTHER_FOR
    played: list[int] = []
    record_property("histories", played)
    while time.monotonic() < ends_at:
        seed = FIRST + COUNT + further("histories")
        played.append(seed)
        await play(seed, empty, tmp_path)


async def play(seed: int, empty: tuple, folder: Path) -> None:
    """One history; one that goes wrong says how it is replayed."""
    dice = random.Random(seed)
    history, configuration = written(dice, empty, folder)
    world = history.world
    try:
        await world.begin(configuration, history.course.overlap)
        await history.run()
    except BaseException:
        print(f"TIDINGS_TEST_SEED={seed} replays this history: {history.course}, {world.provider.manners}")
        print("\n".join(history.trace[-SHOWN:]))
        print("\n".join(world.log.lines[-SHOWN:]))
        raise
    finally:
        await world.end()


def written(dice: random.Random, empty: tuple, folder: Path) -> tuple[History, dict[str, object]]:
    """A history as the dice have it, and the instance's configuration."""
    database, vault = empty
    shutil.copy(database, folder / "t.db")
    kind = course(dice)
    resources = tuple(sorted(dice.sample(("contacts", "incidents", "organizations"), dice.choice((1, 1, 2)))))
    city, read_ahead = dice.choice((None, None, "a")), dice.random() < 0.5
    begins_at, zone, told = START, None, False
    if dice.random() < 0.2:
        zone = dice.choice(sorted(CHANGES))
        begins_at = round(dice.choice(CHANGES[zone]).timestamp() - dice.randint(0, 5400)) * SECOND
        told = kind.honest or dice.random() < 0.6
    world = World(
        folder / "t.db", vault, resources, city, read_ahead=read_ahead, begins_at=begins_at, zone=zone, told=told
    )
    return History(world, dice, kind), settings(dice, kind)


def settings(dice: random.Random, kind: Course) -> dict[str, object]:
    return {
        "event.poller.refresh_interval": dice.choice(("0.5", "1", "3")),
        "event.poller.overlap": kind.overlap,
        "event.poller.settle_interval": kind.settle,
        "event.poller.settle_window": kind.window,
        "event.poller.audit_interval": kind.audit,
        "event.poller.sweep_interval": dice.choice(("2", "5")),
    }


@pytest.mark.parametrize("seed", [3, 8])
async def test_a_seed_is_one_history_to_the_letter(empty, tmp_path, seed):
    traces = []
    for _ in range(2):
        history, configuration = written(random.Random(seed), empty, tmp_path)
        try:
            await history.world.begin(configuration, history.course.overlap)
            await history.run()
        finally:
            await history.world.end()
        traces.append((history.trace, history.oracle.events))
        for file in tmp_path.glob("t.db*"):
            file.unlink()
    assert traces[0] == traces[1]
    assert len(traces[0][0]) > 900


@pytest.mark.parametrize("file", ["oracle", "watch", "account", "people", "provider"])
def test_who_judges_knows_nothing_of_what_is_judged(file):
    assert [name for name in imported(file) if name.startswith(("tidings", "tests.simulation.world"))] == []


def imported(file: str) -> list[str]:
    """What a file of the simulation imports."""
    tree = ast.parse((Path(__file__).parent / f"{file}.py").read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return names + [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
