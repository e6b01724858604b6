"""Seeded histories: whatever people, provider, clocks and dying workers do, everything is announced, and only once.

Whatever the interleaving, in the end every record's events form one unbroken chain that leads to what the provider
has, and nothing that did not change was announced (design.md section 2, invariants 1 to 4).
"""

from __future__ import annotations

import ast
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.simulation.history import History, course
from tests.simulation.world import World

FIRST = int(os.environ.get("TIDINGS_TEST_SEED", "1"))
COUNT = int(os.environ.get("TIDINGS_TEST_SEEDS", "1" if "TIDINGS_TEST_SEED" in os.environ else "120"))
#: Lines of a history that are shown when it goes wrong.
SHOWN = int(os.environ.get("TIDINGS_TEST_TRACE", "80"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
async def test_every_history_ends_with_everything_announced_once(empty, tmp_path, seed):
    database, vault = empty
    shutil.copy(database, tmp_path / "t.db")
    dice = random.Random(seed)
    kind = course(dice)
    resources = tuple(sorted(dice.sample(("contacts", "incidents", "organizations"), dice.choice((1, 1, 2)))))
    city = dice.choice((None, None, "a"))
    world = World(tmp_path / "t.db", vault, resources, city, read_ahead=dice.random() < 0.5)
    history = History(world, dice, kind)
    await world.begin(
        {
            "event.poller.refresh_interval": dice.choice(("0.5", "1", "3")),
            "event.poller.overlap": kind.overlap,
            "event.poller.settle_interval": kind.settle,
            "event.poller.audit_interval": kind.audit,
            "event.poller.sweep_interval": dice.choice(("2", "5")),
        }
    )
    try:
        await history.run()
    except BaseException:
        print(f"TIDINGS_TEST_SEED={seed} replays this history: {kind}, {resources}, city {city}")
        print("\n".join(history.trace[-SHOWN:]))
        print("\n".join(world.log.lines[-SHOWN:]))
        raise
    finally:
        await world.end()


@pytest.mark.parametrize("seed", [3, 8])
async def test_a_seed_is_one_history_to_the_letter(empty, tmp_path, seed):
    traces = []
    for run in ("one", "two"):
        shutil.copy(empty[0], tmp_path / f"{run}.db")
        dice = random.Random(seed)
        world = World(tmp_path / f"{run}.db", empty[1], ("contacts", "incidents"), None, read_ahead=True)
        history = History(world, dice, course(dice))
        await world.begin({"event.poller.refresh_interval": "1", "event.poller.sweep_interval": "2"})
        try:
            await history.run()
        finally:
            await world.end()
        traces.append((history.trace, history.oracle.events))
    assert traces[0] == traces[1]
    assert len(traces[0][0]) > 900


@pytest.mark.parametrize("file", ["oracle", "account", "people", "provider"])
def test_who_judges_knows_nothing_of_what_is_judged(file):
    tree = ast.parse((Path(__file__).parent / f"{file}.py").read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert [name for name in names if name.startswith(("tidings", "tests.simulation.world"))] == []
