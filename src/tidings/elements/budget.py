"""How do all who ask one tenant of a provider share what it can take? They wait their turn, or hear when to come again.

In memory, one process's; the rules are those of core/budget.py.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from tidings.core.budget import (
    NOBODY,
    Budget,
    Limits,
    Priority,
    answered,
    ended,
    full,
    is_untouched,
    let_pass,
    opens_at,
    refused,
    requests_left,
    spend,
    turns,
)
from tidings.core.errors import (
    AddressForbidden,
    CredentialsRefused,
    ProviderError,
    ProviderRefused,
    RateLimited,
    RecordNotFound,
    Throttled,
    TidingsError,
)
from tidings.elements.answer import Answer

PATIENCE = 10.0  #: seconds somebody waits for their turn; a longer wait is told instead of waited for
SHORT_PATIENCE = 2.0  #: the same for whom a caller waits, while a 429 has closed the tenant
FORGET_AT = 1000  #: tenants, before those that nobody asks are forgotten


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    turn: asyncio.Future[int]  #: its result is the round in which the request goes
    since: float
    purpose: str


def outcome(error: TidingsError) -> str:
    """What a request that ended in `error` counts as."""
    match error:
        case RateLimited():
            return "throttled"
        case CredentialsRefused() | AddressForbidden():
            return "forbidden"
        case RecordNotFound():
            return "not_found"
        case ProviderRefused():
            return "refused"
        case _:
            return "failed"


class TenantBudget:
    """One tenant's budget; `name` is shown to users and written to the log. `clock` is seconds that never go back."""

    def __init__(
        self,
        name: str,
        limits: Limits,
        *,
        clock: Callable[[], float],
        log: Any,
        heard: Callable[[str, float], None] = lambda outcome, took_for: None,
    ) -> None:
        self.name, self.limits = name, limits
        self._clock, self._log, self._heard = clock, log, heard
        self._budget = full(limits)
        self._waiting: tuple[deque[_Waiter], ...] = tuple(deque() for _ in Priority)
        self._passed = NOBODY
        self._timer: asyncio.TimerHandle | None = None
        self._throttled_at: float | None = None
        self._said: str | None = None  #: what the provider's last 429 said

    async def spend(self, priority: Priority, purpose: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What `ask` returns, once it is its turn; it waits `PATIENCE` seconds at the most.

        Raises `Throttled` when it would have to wait longer, and then `ask` was not called; otherwise what `ask`
        raises, a 429 with the seconds for which nobody is let through now. `purpose` opens the message.
        """
        sent_in = await self._turn(priority, purpose)
        began = self._clock()
        try:
            answer = await self._heard_asking(ask, began)
        except RateLimited as error:
            if error.status != 429:
                self._after(ended(self._budget))
                raise
            self._is_refused(sent_in, error)
            rest = max(self._budget.closed_until - self._clock(), error.retry_after or 0.0)
            raise RateLimited(str(error), retry_after=rest, provider_message=error.provider_message) from error
        except ProviderError as error:
            # The provider's no is an answer like any other; silence and server errors say nothing of how it is.
            if error.status is not None and error.status < 500:
                self._is_answered(sent_in, began)
            else:
                self._after(ended(self._budget))
            raise
        except BaseException:
            self._after(ended(self._budget))
            raise
        self._is_answered(sent_in, began)
        return answer

    async def _heard_asking(self, ask: Callable[[], Awaitable[Answer]], began: float) -> Answer:
        try:
            answer = await ask()
        except TidingsError as error:
            self._heard(outcome(error), self._clock() - began)
            raise
        self._heard("answered", self._clock() - began)
        return answer

    def left(self) -> int | None:
        """How many requests may still go in this minute; None where they are not counted."""
        return requests_left(self._budget, self.limits, self._clock())

    def is_idle(self) -> bool:
        """Whether nothing is lost when this budget is forgotten."""
        return not any(self._waiting) and is_untouched(self._budget, self.limits, self._clock())

    async def _turn(self, priority: Priority, purpose: str) -> int:
        now = self._clock()
        if not any(self._waiting) and opens_at(self._budget, self.limits, priority, now) <= now:
            self._budget = spend(self._budget, priority, now)
            return self._budget.round
        waiter = _Waiter(asyncio.get_running_loop().create_future(), now, purpose)
        self._waiting[priority].append(waiter)
        self._look()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting[priority]:
                self._waiting[priority].remove(waiter)
            elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self._after(ended(self._budget))  # it was let go in the same moment and will not ask
            raise

    def _look(self) -> None:
        """Let go who may go, send away who would wait too long, and look again when that may change."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not any(self._waiting):
            return
        now = self._clock()
        while self._let_one_go(now):
            pass
        looks_at = math.inf
        for priority in Priority:
            opens = opens_at(self._budget, self.limits, priority, now)
            closed = self._budget.closed_until > now
            patience = SHORT_PATIENCE if closed and priority is Priority.ASKED else PATIENCE
            stay: deque[_Waiter] = deque()
            for waiter in self._waiting[priority]:
                if waiter.turn.done():
                    continue  # cancelled a moment ago
                until = waiter.since + patience
                if until <= now or until < opens < math.inf:
                    waiter.turn.set_exception(self._throttled(waiter.purpose, opens, now))
                else:
                    stay.append(waiter)
                    looks_at = min(looks_at, opens, until)
            self._waiting[priority].clear()
            self._waiting[priority].extend(stay)
        if looks_at < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(looks_at - now, 0.001), self._look)

    def _let_one_go(self, now: float) -> bool:
        for priority in turns(self._passed):
            queue = self._waiting[priority]
            while queue and queue[0].turn.done():
                queue.popleft()  # cancelled a moment ago
            if queue and opens_at(self._budget, self.limits, priority, now) <= now:
                waiter = queue.popleft()
                asked, poll, long = map(len, self._waiting)
                self._passed = let_pass(self._passed, (asked, poll, long), priority)
                self._budget = spend(self._budget, priority, now)
                waiter.turn.set_result(self._budget.round)
                return True
        return False

    def _is_answered(self, sent_in: int, began: float) -> None:
        now = self._clock()
        after = answered(self._budget, self.limits, sent_in, now - began)
        if self._throttled_at is not None and not after.probing:
            self._log.info(
                "provider.recovered",
                tenant=self.name,
                throttled_for_ms=round(1000 * (now - self._throttled_at)),
                concurrent=after.allowed,
            )
            self._throttled_at = self._said = None
        self._after(after)

    def _is_refused(self, sent_in: int, error: RateLimited) -> None:
        now = self._clock()
        self._said = error.provider_message
        after = refused(self._budget, sent_in, error.retry_after, now)
        if self._throttled_at is None:
            self._throttled_at = now
            self._log.warning(
                "provider.throttled",
                tenant=self.name,
                reason=str(error),
                requests_in_the_last_minute=sum(after.used),
                closed_for_ms=round(1000 * (after.closed_until - now)),
                concurrent=after.allowed,
            )
        self._after(after)

    def _after(self, budget: Budget) -> None:
        self._budget = budget
        self._look()

    def _throttled(self, purpose: str, opens: float, now: float) -> Throttled:
        closed = self._budget.closed_until > now
        wait_for = PATIENCE if opens == math.inf else opens - now if closed else max(opens - now, PATIENCE)
        if closed:
            why = f"{self.name} was not asked: it answered 429 and wants to be left alone"
        elif now < opens < math.inf:
            why = f"{self.name} was not asked: the {self.limits.requests_a_minute} requests of this minute are spent"
        else:
            why = f"{self.name} was not asked: earlier requests to it are still under way or go first"
        said = self._said if closed else None
        return Throttled(
            f"{purpose}: {why}; again in {math.ceil(wait_for)} s", retry_after=wait_for, provider_message=said
        )


class Budgets:
    """The budgets of all tenants, each made when it is first asked for. `clock` is seconds that never go back.

    `requests_a_minute`, when given, is the limit of every tenant in place of its element's; 0 counts nothing. `heard`
    is called after each request with its `outcome` and the seconds it took, without the wait for its turn.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        log: Any,
        requests_a_minute: int | None = None,
        heard: Callable[[str, float], None] = lambda outcome, took_for: None,
    ) -> None:
        self._clock, self._log, self._heard = clock, log, heard
        self._requests_a_minute = requests_a_minute
        self._budgets: dict[str, TenantBudget] = {}
        self._forget_at = FORGET_AT

    def of(self, tenant: str, limits: Limits) -> TenantBudget:
        """The budget that everybody who names this tenant shares."""
        budget = self._budgets.get(tenant)
        if budget is None:
            if len(self._budgets) >= self._forget_at:
                self._budgets = {name: each for name, each in self._budgets.items() if not each.is_idle()}
                self._forget_at = max(FORGET_AT, 2 * len(self._budgets))
            if self._requests_a_minute is not None:
                limits = replace(limits, requests_a_minute=self._requests_a_minute or None)
            budget = self._budgets[tenant] = TenantBudget(
                tenant, limits, clock=self._clock, log=self._log, heard=self._heard
            )
        return budget
