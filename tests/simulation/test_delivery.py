"""Seeded histories of deliveries: whatever receivers, people and dying workers do, everybody gets what it should, once.

Whatever the interleaving, in the end every subscription has accepted every notification that its filter selects, with
the same id and bytes however often, in order for each record, and nothing else (docs/promises.md).
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.deliveries import DeliveryWorld, VirtualLoop
from tests.simulation.delivery_history import DeliveryHistory
from tests.simulation.delivery_oracle import DeliveryOracle
from tests.simulation.test_polling import FIRST, GIVEN, SHOWN, imported

#: Seconds for which each of two tests plays histories when no seeds are given.
FOR = 18
#: How many are played when seeds are given.
COUNT = int(os.environ.get("TIDINGS_TEST_SEEDS", "1"))

#: Limits of the engine: its own, and those that a history meets.
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"window": 4, "backlog": 3, "far": 2},
    {"window": 2, "lane_bytes": 900, "all_bytes": 2000},
)


@pytest.mark.skipif(not GIVEN, reason="the histories of the seeds that are given")
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_every_history_ends_with_everything_delivered_in_order(empty, tmp_path, seed, record_property):
    record_property("deliveries", [seed])
    play(seed, empty, tmp_path)


@pytest.mark.skipif(GIVEN, reason="only the histories of the seeds that are given")
@pytest.mark.parametrize("turn", [1, 2])
def test_histories_of_deliveries_as_many_as_there_is_time_for(empty, tmp_path, further, turn, record_property):
    ends_at = time.monotonic() + FOR
    played: list[int] = []
    record_property("deliveries", played)
    while time.monotonic() < ends_at:
        played.append(FIRST + further("deliveries"))
        play(played[-1], empty, tmp_path)


@pytest.mark.parametrize("seed", [2, 5])
def test_a_seed_is_one_history_of_deliveries_to_the_letter(empty, tmp_path, seed):
    one, other = play(seed, empty, tmp_path), play(seed, empty, tmp_path)
    assert one.trace == other.trace
    assert one.oracle.posts > 20


@pytest.mark.parametrize("file", ["delivery_oracle", "parcels", "receivers"])
def test_who_judges_deliveries_knows_nothing_of_what_is_judged(file):
    assert [name for name in imported(file) if name.startswith(("tidings", "tests.simulation.deliv"))] == []


def play(seed: int, empty: tuple, folder: Path) -> DeliveryHistory:
    """One history; one that goes wrong says how it is replayed."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_play(seed, empty, folder))


async def _play(seed: int, empty: tuple, folder: Path) -> DeliveryHistory:
    dice = random.Random(seed)
    database, vault = empty
    shutil.copy(database, folder / "t.db")
    oracle, limits = DeliveryOracle(), dice.choice(LIMITS)
    world = DeliveryWorld(folder / "t.db", vault, oracle, limits, dice)
    history = DeliveryHistory(world, oracle, dice)
    try:
        await world.begin()
        await history.run()
    except BaseException:
        print(f"TIDINGS_TEST_SEED={seed} replays this history: {limits}")
        print("\n".join(history.trace[-SHOWN:]))
        print("\n".join(world.log.lines[-SHOWN:]))
        raise
    finally:
        await world.end()
        for file in folder.glob("t.db*"):
            file.unlink()
    return history
