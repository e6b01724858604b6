"""How is a provider kept asked for hints? One lane for each instance: find what is there, add, remove, look again.

The provider's list is the truth: what is ours there is known by the token in its address, so that nothing is registered
twice, whenever we die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tidings.core.budget import Priority
from tidings.core.cursor import NEVER
from tidings.core.errors import (
    AddressForbidden,
    InvalidInput,
    LeaseLost,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    RateLimited,
)
from tidings.core.hints import ENCODE, HintMemory, digest, remembered
from tidings.core.model import Instance, Lane, LaneKind, LaneState, Moment
from tidings.core.retry import poll_backoff, throttled_wait
from tidings.elements.connection import Connection
from tidings.elements.element import Element
from tidings.elements.hints import Registrations
from tidings.engine.hints import HintAddresses, types_by_resource
from tidings.store.base import Store

#: Milliseconds until what is registered is looked at again, and until a provider is asked again that did not want to.
LOOK_AGAIN = 24 * 3_600_000
NO_ADDRESS = "no address is known under which the provider reaches this server; set TIDINGS_PUBLIC_URL"
NOTHING = "nothing is polled that the provider gives hints about"
LAST_TRY = 30.0  #: seconds for removing what a deleted instance had registered


class Registrar:
    """Works hint lanes. `dice` are numbers in [0, 1)."""

    def __init__(
        self,
        store: Store,
        catalog: Mapping[str, Element],
        connect: Callable[[Element, Instance], Connection],
        *,
        addresses: HintAddresses,
        clock: Callable[[], Moment],
        dice: Callable[[], float],
        log: Any,
    ) -> None:
        self._store, self._catalog, self._connect = store, catalog, connect
        self._addresses, self._clock, self._dice, self._log = addresses, clock, dice, log
        self._removing: set[asyncio.Task[None]] = set()

    async def run(self, lane: Lane) -> None:
        """Bring the provider's registrations in line with the instance, and say when to look again."""
        instance = await self._store.instance(lane.instance_id)
        if instance is None:
            return await self._store.release(lane, due_at=NEVER)
        try:
            await self._work(lane, instance)
        except LeaseLost:
            if await self._store.instance(instance.id) is None:
                self.forget(instance)  # it was deleted while we registered
            raise

    async def _work(self, lane: Lane, instance: Instance) -> None:
        try:
            memory, why_none = await self._keep(instance, remembered(lane.cursor))
        except RateLimited as error:
            wait_for = round(1000 * throttled_wait(error.retry_after or 60.0, self._dice()))
            return await self._store.release(
                lane, due_at=self._clock() + wait_for, attempt=lane.attempt, reason=_reason(error)
            )
        except (ProviderError, AddressForbidden, InvalidInput) as error:
            self._log.warning("hints.refused", instance=instance.id, reason=_reason(error))
            answered = not isinstance(error, ProviderDown)
            wait_for = LOOK_AGAIN if answered else round(1000 * poll_backoff(lane.attempt + 1, self._dice()))
            return await self._store.release(
                lane, due_at=self._clock() + wait_for, attempt=lane.attempt + 1, reason=_reason(error)
            )
        due_at = NEVER if memory.clear else self._clock() + LOOK_AGAIN
        return await self._store.release(lane, due_at=due_at, cursor=ENCODE(memory), reason=why_none)

    async def look_at_moved(self) -> None:
        """Make those lanes due whose registrations name another address than providers reach us at now."""
        for lane in await self._store.lanes(LaneKind.HINT):
            memory, address = remembered(lane.cursor), self._addresses.of(lane.instance_id)
            if not memory.clear and memory.address != (digest(address) if address else ""):
                await self._store.hurry(lane.id, lambda stored: stored.cursor, self._clock())

    def forget(self, instance: Instance) -> None:
        """Remove what an instance that is gone had registered, without anybody waiting for it."""
        task = asyncio.create_task(self._remove_all(instance))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)

    async def close(self) -> None:
        """Let go of what is still being removed."""
        for task in self._removing:
            task.cancel()
        await asyncio.gather(*self._removing, return_exceptions=True)

    async def _keep(self, instance: Instance, memory: HintMemory) -> tuple[HintMemory, str | None]:
        """What to remember after looking, and why nothing is registered though hints are on."""
        element = self._catalog.get(instance.element_key)
        if element is None or element.hints is None:
            return HintMemory(clear=True), None
        address = self._addresses.of(instance.id)
        lanes = await self._store.lanes(LaneKind.POLL, instance.id)
        ready = {lane.key for lane in lanes if lane.state is LaneState.READY}
        types = {type for name, type in types_by_resource(instance, element).items() if name in ready}
        wanted = types if address else set[str]()
        if wanted or not memory.clear:
            await self._bring_in_line(instance, element, wanted, address)
        if address is None or not wanted:
            return HintMemory(clear=True), NO_ADDRESS if types else NOTHING
        return HintMemory(digest(address), tuple(sorted(wanted)), verified_at=self._clock()), None

    async def _bring_in_line(self, instance: Instance, element: Element, wanted: set[str], address: str | None) -> None:
        """One active registration for each wanted type, and none besides."""
        assert element.hints is not None
        connection = self._connect(element, instance)
        connection.priority = Priority.LONG
        registrations = Registrations(connection, element.hints, element.api.page_size)
        token = self._addresses.token(instance.id)
        good: set[str] = set()
        removed = 0
        for each in await registrations.with_token(token):
            if each.active and each.type in wanted - good and address and each.url == registrations.url(address):
                good.add(each.type)
            else:
                await registrations.remove(each.id)
                removed += 1
        for type in sorted(wanted - good):
            assert address is not None
            try:
                await registrations.add(type, address)
            except ProviderRefused:
                # Whoever was a moment faster has registered the same.
                if not any(each.type == type and each.active for each in await registrations.with_token(token)):
                    raise
        if removed or wanted - good:
            self._log.info(
                "hints.registered",
                instance=instance.id,
                types=sorted(wanted),
                added=len(wanted - good),
                removed=removed,
            )

    async def _remove_all(self, instance: Instance) -> None:
        element = self._catalog.get(instance.element_key)
        if element is None or element.hints is None:
            return
        try:
            async with asyncio.timeout(LAST_TRY):
                await self._bring_in_line(instance, element, set(), None)
        except (ProviderError, AddressForbidden, InvalidInput, TimeoutError) as error:
            reason = _reason(error) or f"the provider did not answer within {LAST_TRY:g} s"
            self._log.warning("hints.left", instance=instance.id, reason=reason)


def _reason(error: Exception) -> str:
    """What the user is told: our sentence, and the provider's own words where it said something else."""
    said = getattr(error, "provider_message", None)
    return f"{error} ({said})" if said and said not in str(error) else str(error)
