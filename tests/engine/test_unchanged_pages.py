"""Is a page that is as it was done by its bytes alone, and does that hide nothing?"""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.engine.delivering import Watched
from tests.engine.world import MINUTE, START, World

LONG_AGO = START - 900 * MINUTE
WEEK = 8 * 24 * 60 * MINUTE
PAGE = 20
OTHERS = 3  #: pages of the poll, the settle pass, and the empty one that ends the audit


@pytest.fixture
async def world(tmp_path):
    """Sixty contacts on three pages, all read once and old enough that only an audit reads them again."""
    async with World(tmp_path, **{"event.poller.sweep_interval": "1000000"}) as world:
        world.provider.page_cap = PAGE
        for key in range(1, 3 * PAGE + 1):
            world.provider.put(key, LONG_AGO + key * MINUTE, firstName=f"n{key}")
        await world.run()
        yield world


async def pages_looked_up(world: World) -> int:
    """How many pages of the next audit, and of the poll before it, are compared record by record."""
    pages = 0

    async def known(after: bool) -> None:
        nonlocal pages
        pages += not after

    world.store = cast(Any, Watched(world.store, known=known))
    world.poller = world.new_poller()
    await world.later(WEEK)
    return pages


async def test_an_audit_of_unchanged_pages_looks_no_record_up_and_announces_nothing(world):
    assert await pages_looked_up(world) == OTHERS
    assert await world.events() == []
    assert (await world.cursor()).watermark_at == START


async def test_one_changed_record_has_its_page_looked_up_twice_and_is_announced(world):
    world.provider.rows[PAGE + 3]["firstName"] = "changed under the same stamp"
    assert await pages_looked_up(world) == OTHERS + 2
    assert await world.events() == [("UPDATED", PAGE + 3)]


async def test_a_record_that_was_removed_shifts_the_pages_and_changes_nothing(world):
    del world.provider.rows[2]
    await pages_looked_up(world)
    assert await world.events() == []


async def test_a_record_that_came_into_the_list_is_announced_among_unchanged_ones(world):
    await world.later(MINUTE)
    world.provider.rows[2 * PAGE + 5]["firstName"] = "another"
    world.provider.put(3 * PAGE + 1, LONG_AGO, firstName="new, under an old stamp")
    await pages_looked_up(world)
    # Changes with unmoved stamps are weighed first: an audit announces them at its end.
    assert await world.events() == [("CREATED", 3 * PAGE + 1), ("UPDATED", 2 * PAGE + 5)]


async def test_a_deleted_record_that_comes_back_as_it_was_is_created(tmp_path):
    async with World(tmp_path) as world:
        world.provider.page_cap = PAGE
        for key in range(1, 3 * PAGE + 1):
            world.provider.put(key, LONG_AGO, firstName=f"n{key}")
        await world.run()
        kept = world.provider.rows.pop(5)
        await world.later(31 * MINUTE)
        await world.later(2 * MINUTE)
        assert await world.events() == [("DELETED", 5)]
        world.provider.rows[5] = kept
        await world.later(WEEK)
        assert await world.events() == [("DELETED", 5), ("CREATED", 5)]


async def test_after_a_change_of_configuration_every_record_is_compared_anew(world):
    world.provider.rows[7]["firstName"] = "changed under the same stamp"
    await world.configure(**{"filter.response.nulls": "false"})
    await world.run()
    assert await world.events() == []
    world.provider.rows[8]["firstName"] = "changed after it"
    await pages_looked_up(world)
    assert await world.events() == [("UPDATED", 8)]
