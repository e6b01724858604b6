"""Do the others get theirs at once while receivers hang, drip, are dead, or have silent name servers?"""

from __future__ import annotations

from bench.isolation import HANG_FOR, spans


async def test_the_others_wait_for_none_of_the_receivers_that_hang_drip_or_are_dead_or_whose_names_do():
    seconds = await spans(20, 200, bad=True)
    assert len(seconds) == 16 * 8
    # Far below what any of the bad ones takes, and far above what a busy machine adds.
    assert max(seconds) < HANG_FOR / 6
