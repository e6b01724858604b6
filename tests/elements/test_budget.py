"""Many ask one tenant: who goes, who waits, who is told to come again. On a clock that jumps."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from aiohttp import web

from tests.elements.provider import client, provider
from tests.elements.virtual import run
from tidings.core.budget import Limits, Priority
from tidings.core.errors import (
    CredentialsRefused,
    ProviderDown,
    ProviderRefused,
    RateLimited,
    RecordNotFound,
    Throttled,
)
from tidings.elements.answer import Answer
from tidings.elements.budget import FORGET_AT, PATIENCE, Budgets, TenantBudget
from tidings.elements.connection import Connection
from tidings.elements.describe import catalog
from tidings.elements.http import ProviderClient

ELEMENT = catalog()["connectwisecrmrest"]
ANSWER = Answer(200, {}, b"[]", 0)


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on the jumping clock."""

    @functools.wraps(test)
    def ran(*arguments: Any, **named: Any) -> None:
        run(test(*arguments, **named))

    return ran


def now() -> float:
    return asyncio.get_running_loop().time()


class Log:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def info(self, event: str, **values: Any) -> None:
        self.lines.append({"event": event, **values})

    warning = info


class Stand:
    """Answers after `takes` seconds, `sent` says who asked and when; `problem` is raised when there is one."""

    def __init__(self, *, takes: float = 0.1, requests_a_minute: int | None = 900, concurrent: int = 4) -> None:
        self.takes = takes
        self.log = Log()
        self.budgets = Budgets(clock=now, log=self.log)
        self.limits = Limits(requests_a_minute, concurrent)
        self.sent: list[tuple[str, float]] = []
        self.under_way = self.most = 0
        self.problem: Callable[[], Exception | None] = lambda: None

    def tenant(self, name: str = "host/acme") -> TenantBudget:
        return self.budgets.of(name, self.limits)

    async def ask(self, who: str = "", priority: Priority = Priority.POLL, tenant: str = "host/acme") -> Answer:
        return await self.tenant(tenant).spend(priority, f"reading {who}", lambda: self._answer(who))

    async def _answer(self, who: str) -> Answer:
        self.sent.append((who, round(now() - 1000, 3)))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.takes)
            if (problem := self.problem()) is not None:
                raise problem
        finally:
            self.under_way -= 1
        return ANSWER

    async def storm(self, names: Sequence[str], **named: Any) -> list[Answer | BaseException]:
        return await asyncio.gather(*(self.ask(name, **named) for name in names), return_exceptions=True)

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.log.lines]


def too_many(wait: float | None = 30.0) -> RateLimited:
    return RateLimited("reading contacts: 429", retry_after=wait, provider_message="Too many requests")


def failed(results: Sequence[Answer | BaseException]) -> list[Throttled]:
    return [each for each in results if isinstance(each, Throttled)]


@virtual
async def test_a_request_that_may_go_goes_at_once() -> None:
    provider = Stand()
    assert await provider.ask("contacts") is ANSWER
    assert provider.sent == [("contacts", 0.0)]
    assert provider.events == []


@virtual
async def test_a_hundred_pages_one_after_another_are_not_paced() -> None:
    provider = Stand(takes=0.01)
    for _ in range(100):
        await provider.ask()
    assert now() - 1000 == pytest.approx(1.0)


@virtual
async def test_only_so_many_are_under_way_at_once_and_all_get_there() -> None:
    provider = Stand(takes=1.0)
    assert await provider.storm("abcdefghij") == [ANSWER] * 10
    assert provider.most == 4
    assert [at for _, at in provider.sent] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


@virtual
async def test_the_minutes_budget_is_never_exceeded_however_many_ask() -> None:
    provider = Stand(takes=0.01, requests_a_minute=60)
    lanes = [asyncio.create_task(insist(provider, index)) for index in range(12)]
    await asyncio.sleep(600)
    for lane in lanes:
        lane.cancel()
    await asyncio.wait(lanes)
    times = [at for _, at in provider.sent]
    assert max(sum(first <= at <= first + 60 for at in times) for first in times) <= 60
    assert len(times) > 500, "and it is used"


async def insist(provider: Stand, index: int) -> None:
    """A lane that always has something to ask, and comes again when it is told to."""
    while True:
        try:
            await provider.ask(str(index), Priority(index % 3))
        except Throttled as error:
            await asyncio.sleep(error.retry_after or 0)


@virtual
async def test_a_storm_of_429s_is_one_call_in_each_retry_after_for_that_tenant_alone() -> None:
    provider = Stand()

    def problem() -> Exception | None:
        return too_many() if provider.sent[-1][0] != "other" else None

    provider.problem = problem
    with pytest.raises(RateLimited):
        await provider.ask("0")
    lanes = [asyncio.create_task(insist_on_429(provider, str(index))) for index in range(6)]
    for _ in range(60):
        await asyncio.sleep(10)
        assert await provider.ask("other", tenant="host/other") is ANSWER
    for lane in lanes:
        lane.cancel()
    await asyncio.wait(lanes)
    hit = [at for who, at in provider.sent if who != "other"]
    assert len(hit) <= 1 + 600 / 30
    assert min(later - earlier for earlier, later in itertools.pairwise(hit)) >= 30
    assert sum(who == "other" for who, _ in provider.sent) == 60


async def insist_on_429(provider: Stand, name: str) -> None:
    while True:
        try:
            await provider.ask(name)
        except RateLimited as error:
            await asyncio.sleep(error.retry_after or 0)


@virtual
async def test_who_is_sent_away_hears_when_to_come_again_and_what_the_provider_said() -> None:
    provider = Stand()
    provider.problem = too_many
    with pytest.raises(RateLimited):
        await provider.ask()
    await asyncio.sleep(7)
    with pytest.raises(
        Throttled, match=r"reading tickets: host/acme was not asked: it answered 429.*again in 23 s"
    ) as it:
        await provider.ask("tickets")
    assert it.value.retry_after == pytest.approx(23)
    assert (it.value.provider_message, it.value.status) == ("Too many requests", None)
    assert len(provider.sent) == 1


@virtual
async def test_a_short_rest_is_waited_for() -> None:
    provider = Stand()
    provider.problem = lambda: too_many(5) if len(provider.sent) == 1 else None
    with pytest.raises(RateLimited):
        await provider.ask("first")
    assert await provider.storm("abc") == [ANSWER] * 3
    assert [at for _, at in provider.sent] == pytest.approx([0, 5.1, 5.2, 5.2])


@virtual
async def test_those_who_wait_are_sent_away_when_a_429_closes_the_tenant() -> None:
    provider = Stand(takes=1.0, concurrent=1)
    provider.problem = too_many
    first, *others = await provider.storm("abcd")
    assert isinstance(first, RateLimited)
    assert len(failed(others)) == 3
    assert now() - 1000 == 1.0


@virtual
async def test_a_429_says_for_how_long_nobody_is_let_through() -> None:
    provider = Stand(takes=0.0)
    for named, told in ((None, 30.0), (None, 60.0), (0.0, 1.0), (7.0, 7.0)):
        provider.problem = functools.partial(too_many, named)
        with pytest.raises(RateLimited) as refusal:
            await provider.ask()
        assert not isinstance(refusal.value, Throttled)
        assert (refusal.value.retry_after, refusal.value.status) == (told, 429)
        assert refusal.value.provider_message == "Too many requests"
        await asyncio.sleep(told)


@virtual
async def test_who_is_waited_for_hears_soon_that_a_429_has_closed_the_tenant() -> None:
    provider = Stand(takes=0.0)
    provider.problem = lambda: too_many(8.0)
    with pytest.raises(RateLimited):
        await provider.ask()
    provider.problem = lambda: None
    began = now()
    with pytest.raises(Throttled, match="again in 8 s") as refusal:
        await provider.ask("a", Priority.ASKED)
    assert (refusal.value.retry_after, now()) == (8.0, began)
    poll = asyncio.create_task(provider.ask("b"))
    await asyncio.sleep(6.5)
    assert await provider.ask("c", Priority.ASKED) is ANSWER
    assert (await poll, now()) == (ANSWER, began + 8)


@virtual
async def test_nobody_waits_longer_than_patience_has_it() -> None:
    provider = Stand(takes=25.0, concurrent=1)
    first, second = await provider.storm("ab")
    assert first is ANSWER
    assert isinstance(second, Throttled)
    assert second.retry_after == PATIENCE
    assert "under way" in str(second)
    assert [who for who, _ in provider.sent] == ["a"]


@virtual
async def test_a_spent_minute_says_when_the_next_request_may_go() -> None:
    provider = Stand(takes=0.0, requests_a_minute=5)
    results = [await provider.ask() for _ in range(5 - 1)]
    assert results == [ANSWER] * 4
    await asyncio.sleep(20)
    assert await provider.ask() is ANSWER
    with pytest.raises(Throttled, match="the 5 requests of this minute are spent; again in 41 s"):
        await provider.ask()


@virtual
async def test_who_is_waited_for_goes_before_polls_and_polls_before_long_readings() -> None:
    provider = Stand(takes=1.0, concurrent=1)
    asking = [asyncio.create_task(provider.ask("first"))]
    await asyncio.sleep(0.5)
    for name, priority in (("sweep", Priority.LONG), ("poll", Priority.POLL), ("check", Priority.ASKED)):
        asking.append(asyncio.create_task(provider.ask(name, priority)))
    await asyncio.gather(*asking)
    assert [who for who, _ in provider.sent] == ["first", "check", "poll", "sweep"]


@virtual
async def test_a_long_reading_gets_its_turn_among_ever_more_polls() -> None:
    provider = Stand(takes=0.5, concurrent=1)
    polls = [asyncio.create_task(insist_on_429(provider, "poll")) for _ in range(5)]
    await asyncio.sleep(0.1)
    await provider.ask("audit", Priority.LONG)
    assert now() - 1000 < 6
    for poll in polls:
        poll.cancel()
    await asyncio.wait(polls)


@virtual
async def test_polls_that_spend_their_minute_leave_requests_to_the_others() -> None:
    provider = Stand(takes=0.0, requests_a_minute=100)
    polls = [(await provider.storm(["poll"]))[0] for _ in range(100)]
    assert [isinstance(each, Throttled) for each in polls] == [False] * 80 + [True] * 20
    assert await provider.ask("check", Priority.ASKED) is ANSWER
    assert await provider.ask("audit", Priority.LONG) is ANSWER


@virtual
async def test_who_stops_waiting_takes_nobodys_turn() -> None:
    provider = Stand(takes=1.0, concurrent=1)
    asking = [asyncio.create_task(provider.ask(name)) for name in "abc"]
    await asyncio.sleep(0.5)
    asking[1].cancel()
    await asyncio.wait(asking)
    assert provider.sent == [("a", 0.0), ("c", 1.0)]
    assert asking[1].cancelled()


@pytest.mark.parametrize("just", ["before", "after"])
def test_who_is_stopped_in_the_moment_of_their_turn_passes_it_on(just) -> None:
    @virtual
    async def scene() -> None:
        provider = Stand(takes=1.0, concurrent=1)
        asking = [asyncio.create_task(provider.ask(name)) for name in "abc"]

        def stop() -> None:
            # Called while the first is answered: what it schedules runs after the second was let go.
            stop_now = asking[1].cancel
            stop_now() if just == "before" else asyncio.get_running_loop().call_soon(stop_now)

        provider.problem = stop
        await asyncio.wait(asking)
        assert provider.sent == [("a", 0.0), ("c", 1.0)]
        assert asking[1].cancelled()

    scene()


@virtual
async def test_a_request_that_is_stopped_under_way_frees_its_place() -> None:
    provider = Stand(takes=50.0, concurrent=1)
    first = asyncio.create_task(provider.ask("a"))
    await asyncio.sleep(1)
    first.cancel()
    provider.takes = 1.0
    assert await provider.ask("b") is ANSWER
    assert provider.sent == [("a", 0.0), ("b", 1.0)]


@virtual
async def test_a_throttled_tenant_is_told_once_and_so_is_its_recovery() -> None:
    provider = Stand()
    provider.problem = lambda: too_many(2) if len(provider.sent) <= 3 else None
    for _ in range(3):
        with pytest.raises(RateLimited):
            await provider.ask()
    await provider.ask()
    await provider.ask()
    assert provider.events == ["provider.throttled", "provider.recovered"]
    throttled, recovered = provider.log.lines
    assert (throttled["tenant"], throttled["closed_for_ms"], throttled["concurrent"]) == ("host/acme", 2000, 2)
    assert recovered["throttled_for_ms"] == pytest.approx(6300, abs=1)


@pytest.mark.parametrize(
    ("problem", "is_told"), [(ProviderRefused("no", status=404), True), (ProviderDown("?"), False)]
)
def test_any_answer_ends_the_rest_but_silence_does_not(problem, is_told) -> None:
    @virtual
    async def scene() -> None:
        provider = Stand()
        provider.problem = lambda: too_many(1) if len(provider.sent) == 1 else problem
        for kind in (RateLimited, type(problem)):
            with pytest.raises(kind):
                await provider.ask()
        assert ("provider.recovered" in provider.events) == is_told

    scene()


@virtual
async def test_tenants_that_nobody_asks_are_forgotten_and_the_others_kept() -> None:
    provider = Stand()
    for index in range(FORGET_AT - 1):
        provider.tenant(f"host/{index}")
    busy = provider.tenant("host/acme")
    await provider.ask()
    provider.tenant("host/one-more")
    assert provider.tenant("host/acme") is busy
    assert len(provider.budgets._budgets) == 2


def connection(budgets: Budgets, client: ProviderClient, base: str, company: str, key: str = "public") -> Connection:
    configuration = {"baseUrl": base, "company": company, "public.key": key, "connectwise.clientID": "id"}
    return Connection(ELEMENT, configuration, {"private.key": "private"}, client, budgets=budgets)


@pytest.mark.parametrize(
    ("host", "company", "key", "shared"),
    [("{}", "acme", "another", True), ("{}/other/root", "acme", "public", True), ("{}", "other", "public", False)],
)
async def test_who_has_the_same_host_and_company_shares_a_budget(host, company, key, shared) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"version": "1"})

    async with provider(answer) as base, client() as asking:
        budgets = Budgets(clock=lambda: 0.0, log=Log(), requests_a_minute=1)
        await connection(budgets, asking, base, "acme").check()
        second = connection(budgets, asking, host.format(base), company, key)
        if not shared:
            return await second.check()
        with pytest.raises(Throttled, match=rf"127\.0\.0\.1:\d+/{company} was not asked"):
            await second.check()
    return None


async def test_a_budget_of_zero_counts_nothing() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"version": "1"})

    async with provider(answer) as base, client() as asking:
        account = connection(Budgets(clock=lambda: 0.0, log=Log(), requests_a_minute=0), asking, base, "acme")
        assert ELEMENT.api.budget.requests_a_minute == 900
        await asyncio.gather(*(account.check() for _ in range(950)))


async def test_a_429_on_one_connection_keeps_another_from_asking() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.json_response({"message": "slow down"}, status=429, headers={"Retry-After": "60"})

    async with provider(answer) as base, client() as asking:
        budgets = Budgets(clock=lambda: 0.0, log=Log())
        with pytest.raises(RateLimited):
            await connection(budgets, asking, base, "acme").check()
        with pytest.raises(Throttled) as it:
            await connection(budgets, asking, base, "acme").check()
    assert (it.value.retry_after, it.value.provider_message, len(seen)) == (60.0, "slow down", 1)


@virtual
async def test_every_request_is_heard_of_with_what_it_came_to_and_how_long_it_took_without_the_wait() -> None:
    heard: list[tuple[str, float]] = []
    provider = Stand(concurrent=1)
    provider.budgets = Budgets(clock=now, log=provider.log, heard=lambda *what: heard.append(what))
    problems: list[Exception | None] = [
        None,
        ProviderDown("503"),
        ProviderRefused("400", status=400),
        CredentialsRefused("401", status=401),
        RecordNotFound("404"),
        too_many(),
    ]
    provider.problem = lambda: problems[len(heard)]
    await provider.storm("abcdef")
    assert [outcome for outcome, _ in heard] == [
        "answered",
        "failed",
        "refused",
        "forbidden",
        "not_found",
        "throttled",
    ]
    assert [round(took_for, 3) for _, took_for in heard] == [0.1] * 6
    await provider.storm("g")
    assert len(heard) == 6


@virtual
async def test_a_tenant_says_how_many_requests_are_left_in_its_minute() -> None:
    provider = Stand(requests_a_minute=900)
    assert provider.tenant().left() == 900
    for _ in range(3):
        await provider.ask()
    assert provider.tenant().left() == 897
    provider.problem = too_many
    await provider.storm("x")
    assert provider.tenant().left() == 0
    await asyncio.sleep(70)
    assert provider.tenant().left() == 900
    assert Stand(requests_a_minute=None).tenant().left() is None
