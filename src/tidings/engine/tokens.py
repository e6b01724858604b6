"""How are the tokens of accounts with OAuth renewed? By one at a time, and durable before anybody has them.

Many ask with the tokens of one account: polls, sweeps, hub calls, in this process and in others. A refresh token that
is changed for another counts no more, and using it once more may end the grant, so the answer of the authorization
server must not be lost: the request is not cancelled with whoever waits for it, its answer is stored before it is used,
and storing is tried again. Only who dies between the answer and the commit loses it; the next renewal finds that out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from tidings.core.errors import (
    AddressForbidden,
    CredentialsRefused,
    GrantRefused,
    InvalidInput,
    LeaseLost,
    ProviderDown,
    ProviderError,
    ProviderUnreached,
    RateLimited,
)
from tidings.core.instanceconfig import Configuration, completed
from tidings.core.model import Grant, Instance, Moment, Tokens
from tidings.core.oauth import is_due, is_live, refusal
from tidings.elements.clone import cloned
from tidings.elements.element import Element
from tidings.store.base import Store
from tidings.store.oauth import Renewal

#: Asks for the next tokens, given the element, an instance's whole configuration and the refresh token.
Renew = Callable[[Element, Mapping[str, str | None], str], Awaitable[Tokens]]

#: Seconds between tries to store what an authorization server has answered.
STORE_AGAIN: Final = (0.05, 0.5, 2.0, 5.0)
#: Seconds between looks at what another process does.
LOOK_AGAIN: Final = 0.1
#: Milliseconds for which a token that still counts is used as it is after a renewal has failed.
REST_FOR: Final = 10_000
#: Milliseconds in which a token that is refused is not changed for another: it would be refused as well.
FRESH_FOR: Final = 10_000
#: Due renewals that are made in one go of the loop.
DUE: Final = 100


class TokenKeeper:
    """Renews grants for everybody in this process; spans are milliseconds.

    `lease_for` must be longer than `renew` can take. Who finds another process at it waits `wait_for`.
    """

    def __init__(
        self,
        store: Store,
        catalog: Mapping[str, Element],
        renew: Renew,
        *,
        clock: Callable[[], Moment],
        owner: str,
        log: Any,
        lease_for: int = 60_000,
        wait_for: int = 10_000,
        look_every: float = 30.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._catalog, self._ask_provider = store, catalog, renew
        self._clock, self._owner, self._log, self._pause = clock, owner, log, pause
        self._lease_for, self._wait_for, self._look_every = lease_for, wait_for, look_every
        self._known: dict[int, Grant] = {}
        self._running: dict[int, asyncio.Task[Grant]] = {}
        self._unsaved: dict[int, tuple[int, Tokens]] = {}  # answers that could not be stored, with their fences

    def of(self, instance: Instance) -> InstanceTokens:
        """The tokens of an instance. Raises `InvalidInput` when nobody has authenticated for it."""
        if instance.grant is None:
            raise InvalidInput("oauth.user.token", "is missing: nobody has authenticated yet")
        self._learn(instance.id, instance.grant)
        return InstanceTokens(self, instance.id, self._clock)

    def known(self, instance_id: int) -> Grant:
        """The newest grant that this process knows of."""
        return self._known[instance_id]

    async def renewed(self, instance_id: int, serial: int) -> Grant:
        """A grant that is newer than this serial: one that is there already, or a new one.

        Raises `CredentialsRefused` when a person has to authenticate again, any other ProviderError or
        `AddressForbidden` when it may be otherwise in a while, `InvalidInput` for a configuration nobody can ask with.
        """
        while True:
            known = self._known.get(instance_id)
            if known is not None and known.serial > serial:
                return known
            task = self._running.get(instance_id)
            if task is None:
                task = asyncio.create_task(self._renew(instance_id, serial), name=f"tokens of {instance_id}")
                self._running[instance_id] = task
                task.add_done_callback(lambda done: self._ended(instance_id, done))
            # Whoever waits may be cancelled; the answer is not to be lost with them.
            await asyncio.shield(task)

    async def loop(self) -> None:
        """Renew what nobody asks with at the moment, until cancelled: a refresh token may die of disuse."""
        while True:
            try:
                for instance_id, serial in await self._store.renewals_due(self._clock(), DUE):
                    # What goes wrong is logged where it happens.
                    with suppress(ProviderError, AddressForbidden, InvalidInput):
                        await self.renewed(instance_id, serial)
            except Exception:
                self._log.exception("token.loop_failed")
            await asyncio.sleep(self._look_every)

    async def close(self) -> None:
        """Wait for the answers that are on their way, and store them."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _ended(self, instance_id: int, task: asyncio.Task[Grant]) -> None:
        self._running.pop(instance_id, None)
        if not task.cancelled():
            task.exception()  # those who waited have it; nobody may wait any more

    def _learn(self, instance_id: int, grant: Grant) -> Grant:
        known = self._known.get(instance_id)
        if known is None or grant.serial > known.serial or (grant.serial == known.serial and grant.refused):
            self._known[instance_id] = grant
        return grant

    async def _renew(self, instance_id: int, serial: int) -> Grant:
        await self._store_left(instance_id)
        renewal = await self._turn(instance_id, serial)
        if renewal.fence is not None:
            return self._learn(instance_id, await self._ask(instance_id, renewal, renewal.fence))
        grant = self._learn(instance_id, renewal.grant)
        if grant.serial == serial and grant.refused is not None:
            raise CredentialsRefused(grant.refused, status=401)
        return grant

    async def _turn(self, instance_id: int, serial: int) -> Renewal:
        """Our turn, or what somebody else's has come to."""
        until = self._clock() + self._wait_for
        while True:
            now = self._clock()
            renewal = await self._store.begin_renewal(instance_id, serial, self._owner, now, now + self._lease_for)
            if renewal is None:
                raise CredentialsRefused(f"instance {instance_id} was deleted", status=401)
            held = renewal.fence is None and renewal.grant.serial == serial and renewal.grant.refused is None
            if not held:
                return renewal
            if now >= until:
                raise ProviderDown("the token is being renewed by another process; try again in a moment")
            await self._pause(LOOK_AGAIN)

    async def _ask(self, instance_id: int, renewal: Renewal, fence: int) -> Grant:
        try:
            tokens = await self._tokens(instance_id, renewal.grant)
        except GrantRefused as error:
            reason = refusal(instance_id, str(error), renewal.open_since)
            self._log.warning("token.refused", instance=instance_id, reason=reason)
            await self._end(instance_id, self._store.refuse_grant(instance_id, fence, reason))
            raise CredentialsRefused(reason, provider_message=error.provider_message, status=401) from error
        except Exception as error:
            unanswered = not isinstance(error, ProviderError | AddressForbidden | InvalidInput) or is_unanswered(error)
            self._log.warning("token.not_renewed", instance=instance_id, reason=str(error), unanswered=unanswered)
            await self._end(instance_id, self._store.end_renewal(instance_id, fence, settled=not unanswered))
            raise
        return await self._keep(instance_id, fence, tokens)

    async def _tokens(self, instance_id: int, grant: Grant) -> Tokens:
        instance = await self._store.instance(instance_id)
        if instance is None:
            raise CredentialsRefused(f"instance {instance_id} was deleted", status=401)
        if grant.tokens.refresh is None:
            raise GrantRefused("the token counts no more, and the provider gave none to renew it with", status=401)
        element = self._catalog.get(instance.element_key)
        if element is None:
            raise InvalidInput("element", f"{instance.element_key} is not in the catalog of this version")
        element = cloned(element, instance.clone)
        values = completed(Configuration(instance.configuration, instance.secrets), element.configuration)
        return await self._ask_provider(element, values, grant.tokens.refresh)

    async def _end(self, instance_id: int, write: Awaitable[None]) -> None:
        try:
            await write
        except LeaseLost:
            self._log.debug("token.turn_lost", instance=instance_id)

    async def _keep(self, instance_id: int, fence: int, tokens: Tokens) -> Grant:
        """Store an answer, and try again when that fails: there is no second one."""
        for wait_for in (*STORE_AGAIN, None):
            try:
                grant = await self._store.keep_tokens(instance_id, fence, tokens)
            except LeaseLost:
                return await self._overtaken(instance_id)
            except Exception as error:
                self._log.exception("token.not_stored", instance=instance_id)
                if wait_for is None:
                    self._unsaved[instance_id] = fence, tokens
                    raise ProviderDown(f"the new token could not be stored ({error}); it is not used before") from error
                await self._pause(wait_for)
            else:
                self._log.info("token.renewed", instance=instance_id, serial=grant.serial)
                return grant
        raise AssertionError("the last try returns or raises")

    async def _store_left(self, instance_id: int) -> None:
        """Store what an earlier renewal brought and could not store; until then nothing new is asked for."""
        if left := self._unsaved.pop(instance_id, None):
            self._learn(instance_id, await self._keep(instance_id, *left))

    async def _overtaken(self, instance_id: int) -> Grant:
        """What stands there since somebody has authenticated again while we were asking."""
        instance = await self._store.instance(instance_id)
        if instance is None or instance.grant is None:
            raise CredentialsRefused(f"instance {instance_id} was deleted", status=401)
        if instance.grant.refused is not None:
            raise CredentialsRefused(instance.grant.refused, status=401)
        return instance.grant


class InstanceTokens:
    """The access tokens of one instance, for its connections."""

    def __init__(self, keeper: TokenKeeper, instance_id: int, clock: Callable[[], Moment]) -> None:
        self._keeper, self._instance_id, self._clock = keeper, instance_id, clock
        self._rests_until: Moment = 0

    async def current(self) -> str:
        """One that counts, renewed when that is due; one that still counts when it cannot be renewed just now."""
        grant, now = self._keeper.known(self._instance_id), self._clock()
        live = grant.refused is None and is_live(grant.tokens, now)
        if grant.refused is None and (not is_due(grant.tokens, now) or (live and now < self._rests_until)):
            return grant.tokens.access
        try:
            return (await self._keeper.renewed(self._instance_id, grant.serial)).tokens.access
        except (ProviderDown, RateLimited, AddressForbidden):
            if not live:
                raise
            self._rests_until = now + REST_FOR
            return grant.tokens.access

    async def after(self, refused: str) -> str:
        """Another one than this, which the provider has refused."""
        grant = self._keeper.known(self._instance_id)
        if grant.tokens.access != refused and grant.refused is None:
            return grant.tokens.access
        if grant.refused is None and self._clock() < grant.tokens.obtained_at + FRESH_FOR:
            raise CredentialsRefused("the provider refuses the token that it has just given", status=401)
        return (await self._keeper.renewed(self._instance_id, grant.serial)).tokens.access


def is_unanswered(error: Exception) -> bool:
    """Whether the authorization server may have done what it was asked, so that the refresh token may be used up."""
    return isinstance(error, ProviderDown) and not isinstance(error, ProviderUnreached)
