"""kill -9 while 100,000 records are announced: the log has each once, and the receiver misses none of them."""

from __future__ import annotations

import os
import time

import pytest
from bench.kills import IN_FLIGHT, KILLS, UNCOMMITTED, kill_again_and_again

RECORDS = 100_000


@pytest.mark.kill
@pytest.mark.timeout(300)
async def test_of_100_000_records_killed_in_the_middle_none_is_lost_and_only_the_unacknowledged_come_again():
    seed = int(os.environ.get("TIDINGS_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed} (TIDINGS_TEST_SEED repeats it)")
    outcome = await kill_again_and_again(RECORDS, seed, core=set())
    print(outcome.deaths, f"{outcome.repeated} repeated, {outcome.took_for:.0f} s")
    assert len(outcome.deaths) == KILLS
    assert outcome.deaths[-1][1] < RECORDS, "the last kill was in the middle"
    assert outcome.logged_once, "the log announces every record once"
    assert outcome.unbroken, "its sequence has no gap"
    assert outcome.lost == 0
    assert outcome.altered == 0, "the same id, the same bytes"
    assert outcome.needless == 0, "what had been acknowledged does not come again"
    assert outcome.repeated <= KILLS * (IN_FLIGHT + UNCOMMITTED)
