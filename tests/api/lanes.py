"""Brings poll lanes of an API test into the state that the engine would leave them in."""

from __future__ import annotations

from tests.api.conftest import World
from tidings.core.cursor import ENCODE, PollCursor, decode
from tidings.core.model import Lane, LaneKind


async def lane_of(world: World, resource: str, instance_id: int = 1) -> Lane:
    lanes = await world.store.lanes(LaneKind.POLL, instance_id)
    return next(lane for lane in lanes if lane.key == resource)


async def cursor_of(world: World, resource: str) -> PollCursor:
    return decode((await lane_of(world, resource)).cursor)


async def work(world: World, resource: str, *, due_at: int, reason: str | None = None, **cursor: object) -> None:
    """The lane as a worker gives it back: due at `due_at`, with this cursor."""
    lane = await _claimed(world, resource)
    stored = ENCODE(PollCursor(**cursor))  # type: ignore[arg-type]
    await world.store.release(lane, due_at=due_at, cursor=stored, reason=reason)


async def park(world: World, resource: str, reason: str) -> None:
    await world.store.park(await _claimed(world, resource), reason)


async def _claimed(world: World, resource: str) -> Lane:
    await world.store.wake(LaneKind.POLL, 1, world.clock[0])
    claimed = await world.store.claim(LaneKind.POLL, "w", world.clock[0], world.clock[0] + 1000, 100)
    for lane in claimed:
        if lane.key != resource:
            await world.store.release(lane, due_at=lane.due_at)
    return next(lane for lane in claimed if lane.key == resource)
