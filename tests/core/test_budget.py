"""May a tenant be asked now? The rules of core/budget.py, by tables and by random histories on a clock in hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.core.budget import (
    GROWS_AFTER,
    NOBODY,
    PASSED_AT_MOST,
    SHARES,
    WINDOW,
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
    spend,
    turns,
)

CONNECTWISE = Limits(900, 4)
LIMITS = st.builds(Limits, st.integers(1, 40), st.integers(1, 4))
PRIORITIES = st.sampled_from(Priority)
#: How long after the last request somebody wants to make the next, in seconds: bursts, and waits of all lengths.
PAUSES = st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 70))


def one(budget: Budget, limits: Limits, priority: Priority, now: float, took: float = 0.0) -> Budget:
    """A request that goes now and is answered `took` seconds later."""
    assert opens_at(budget, limits, priority, now) == now
    gone = spend(budget, priority, now)
    return answered(gone, limits, gone.round, took)


def as_many_as_may(budget: Budget, limits: Limits, priority: Priority, now: float) -> tuple[Budget, int]:
    count = 0
    while opens_at(budget, limits, priority, now) == now and count <= 10_000:
        budget = one(budget, limits, priority, now)
        count += 1
    return budget, count


@given(LIMITS, st.lists(st.tuples(PAUSES, PRIORITIES), max_size=200), st.floats(0, 1e7))
def test_never_more_than_the_budget_goes_in_any_minute(limits, arrivals, now) -> None:
    budget, sent = full(limits), []
    for pause, priority in arrivals:
        now += pause
        if opens_at(budget, limits, priority, now) == now:
            budget = one(budget, limits, priority, now)
            sent.append(now)
    for first in sent:
        assert sum(first <= at <= first + WINDOW for at in sent) <= limits.requests_a_minute


def test_the_end_of_a_second_counts_for_a_whole_minute() -> None:
    limits = Limits(2, 4)
    budget = one(full(limits), limits, Priority.POLL, 0.9)
    budget = one(budget, limits, Priority.POLL, 60.5)
    assert opens_at(budget, limits, Priority.POLL, 60.6) == 61.0


@given(LIMITS, st.lists(st.tuples(PAUSES, PRIORITIES), max_size=200))
def test_who_comes_when_the_budget_says_so_may_go(limits, arrivals) -> None:
    budget, now = full(limits), 0.0
    for pause, priority in arrivals:
        now = opens_at(budget, limits, priority, now + pause)
        assert now < math.inf
        budget = one(budget, limits, priority, now)


@given(LIMITS, PRIORITIES, st.lists(st.tuples(PAUSES, PRIORITIES), max_size=200))
def test_each_priority_has_its_share_whatever_the_others_use(limits, mine, arrivals) -> None:
    budget, now = full(limits), 0.0
    for pause, priority in arrivals:
        now += pause
        if priority is not mine and opens_at(budget, limits, priority, now) == now:
            budget = one(budget, limits, priority, now)
    _, count = as_many_as_may(budget, limits, mine, now)
    assert count >= int(SHARES[mine] * limits.requests_a_minute)


@given(LIMITS, PRIORITIES, st.lists(st.tuples(PAUSES, PRIORITIES), max_size=50))
def test_two_minutes_of_silence_fill_the_budget_again(limits, mine, arrivals) -> None:
    budget, now = full(limits), 0.0
    _, fresh = as_many_as_may(budget, limits, mine, now)
    for pause, priority in arrivals:
        now += pause
        if opens_at(budget, limits, priority, now) == now:
            budget = one(budget, limits, priority, now)
    _, again = as_many_as_may(budget, limits, mine, now + 2 * WINDOW)
    assert again == fresh


@pytest.mark.parametrize(("priority", "count"), [(Priority.ASKED, 630), (Priority.POLL, 720), (Priority.LONG, 630)])
def test_a_whole_minutes_worth_may_go_at_once(priority, count) -> None:
    budget, gone = as_many_as_may(full(CONNECTWISE), CONNECTWISE, priority, 1000.5)
    assert gone == count
    assert opens_at(budget, CONNECTWISE, priority, 1001.0) == 1000 + 1 + WINDOW


def test_what_one_may_not_use_any_more_another_may() -> None:
    budget, _ = as_many_as_may(full(CONNECTWISE), CONNECTWISE, Priority.LONG, 0.0)
    budget, polls = as_many_as_may(budget, CONNECTWISE, Priority.POLL, 1.0)
    budget, asked = as_many_as_may(budget, CONNECTWISE, Priority.ASKED, 2.0)
    assert (polls, asked) == (180, 90)


def test_without_a_limit_nothing_is_counted() -> None:
    limits = Limits(None, 4)
    _, gone = as_many_as_may(full(limits), limits, Priority.LONG, 0.0)
    assert gone == 10_001


def test_no_more_are_under_way_than_may_be() -> None:
    budget = full(CONNECTWISE)
    for _ in range(4):
        budget = spend(budget, Priority.POLL, 0.0)
    assert opens_at(budget, CONNECTWISE, Priority.POLL, 0.0) == math.inf
    assert opens_at(ended(budget), CONNECTWISE, Priority.POLL, 0.0) == 0.0


def test_a_429_closes_the_tenant_for_as_long_as_it_says() -> None:
    budget = refused(spend(full(CONNECTWISE), Priority.POLL, 0.0), 0, 30.0, 5.0)
    assert [opens_at(budget, CONNECTWISE, each, 6.0) for each in Priority] == [35.0, 35.0, 35.0]
    assert opens_at(budget, CONNECTWISE, Priority.LONG, 35.0) == 35.0


@pytest.mark.parametrize(("said", "rest"), [(None, 30.0), (0.0, 1.0), (7.5, 7.5), (1e9, 3600.0)])
def test_a_tenant_rests_neither_too_short_nor_for_ever(said, rest) -> None:
    budget = refused(spend(full(CONNECTWISE), Priority.POLL, 0.0), 0, said, 0.0)
    assert budget.closed_until == rest


def test_a_429_that_names_no_wait_is_waited_for_longer_each_time() -> None:
    budget, now, rests = full(CONNECTWISE), 0.0, []
    for _ in range(7):
        budget = spend(budget, Priority.POLL, now)
        budget = refused(budget, budget.round, None, now)
        rests.append(budget.closed_until - now)
        now = budget.closed_until
    assert rests == [30, 60, 120, 240, 480, 600, 600]
    budget = one(budget, CONNECTWISE, Priority.POLL, now)
    budget = spend(budget, Priority.POLL, now)
    assert refused(budget, budget.round, None, now).closed_until - now == 30


def test_after_a_429_one_request_finds_out_and_then_half_as_many_go_at_once() -> None:
    budget = refused(spend(full(CONNECTWISE), Priority.POLL, 0.0), 0, 30.0, 0.0)
    probe = spend(budget, Priority.POLL, 30.0)
    assert opens_at(probe, CONNECTWISE, Priority.ASKED, 30.0) == math.inf
    budget = answered(probe, CONNECTWISE, probe.round, 0.1)
    budget = spend(spend(budget, Priority.POLL, 31.0), Priority.POLL, 31.0)
    assert opens_at(budget, CONNECTWISE, Priority.ASKED, 31.0) == math.inf
    assert budget.allowed == 2


def test_429s_of_requests_under_way_together_count_once_and_close_for_the_longest() -> None:
    budget = full(CONNECTWISE)
    for _ in range(4):
        budget = spend(budget, Priority.POLL, 0.0)
    for wait in (30.0, 60.0, None):
        budget = refused(budget, 0, wait, 1.0)
    assert (budget.allowed, budget.round, budget.closed_until) == (2, 1, 61.0)
    # What was sent before the 429 and is answered after it does not open the tenant.
    assert answered(budget, CONNECTWISE, 0, 0.1).probing


def test_a_probe_that_comes_to_nothing_leaves_it_to_the_next() -> None:
    budget = refused(spend(full(CONNECTWISE), Priority.POLL, 0.0), 0, 30.0, 0.0)
    budget = ended(spend(budget, Priority.POLL, 30.0))
    probe = spend(budget, Priority.POLL, 30.0)
    assert opens_at(probe, CONNECTWISE, Priority.POLL, 30.0) == math.inf


def test_what_was_halved_grows_back_one_by_one_and_no_further() -> None:
    budget = Budget(allowed=1)
    seen = []
    for step in range(6 * GROWS_AFTER):
        budget = one(budget, CONNECTWISE, Priority.POLL, step / 10)
        seen.append(budget.allowed)
    assert [seen.index(each) + 1 for each in (2, 3, 4)] == [GROWS_AFTER, 2 * GROWS_AFTER, 3 * GROWS_AFTER]
    assert seen[-1] == 4


def test_answers_that_take_several_times_as_long_as_usual_make_fewer_go_at_once() -> None:
    budget = full(CONNECTWISE)
    for step in range(40):
        budget = one(budget, CONNECTWISE, Priority.POLL, float(step), took=0.3)
    for step, allowed in enumerate((4, 4, 3, 3, 3, 2)):
        budget = one(budget, CONNECTWISE, Priority.POLL, 100.0 + step, took=5.0)
        assert budget.allowed == allowed


def test_answers_that_are_short_all_the_same_are_not_slow() -> None:
    budget = full(CONNECTWISE)
    for step in range(40):
        budget = one(budget, CONNECTWISE, Priority.POLL, float(step), took=0.01)
    for step in range(10):
        budget = one(budget, CONNECTWISE, Priority.POLL, 100.0 + step, took=0.9)
    assert budget.allowed == 4


def test_a_provider_that_is_always_slow_is_usual() -> None:
    budget = full(CONNECTWISE)
    for step in range(100):
        budget = one(budget, CONNECTWISE, Priority.POLL, float(step), took=6.0)
    assert budget.allowed == 4


def test_the_more_urgent_goes_first_unless_it_has_passed_by_often_enough() -> None:
    waiting, passed, order = (99, 0, 9), NOBODY, []
    for _ in range(PASSED_AT_MOST + 2):
        first = next(each for each in turns(passed) if waiting[each])
        passed = let_pass(passed, waiting, first)
        order.append(first)
    assert order == [*[Priority.ASKED] * PASSED_AT_MOST, Priority.LONG, Priority.ASKED]


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=200))
def test_nobody_who_waits_is_passed_by_for_ever(waiters) -> None:
    passed, ages = NOBODY, [0, 0, 0]
    for asked, poll, long in waiters:
        waiting = (int(asked), int(poll), int(long))
        first = next((each for each in turns(passed) if waiting[each]), None)
        if first is None:
            continue
        passed = let_pass(passed, waiting, first)
        ages = [0 if each is first or not waiting[each] else ages[each] + 1 for each in Priority]
        assert max(ages) <= 2 * PASSED_AT_MOST + 1


def test_a_budget_may_be_forgotten_once_its_minute_is_over() -> None:
    budget = full(CONNECTWISE)
    assert is_untouched(budget, CONNECTWISE, 0.0)
    used = one(budget, CONNECTWISE, Priority.POLL, 5.5)
    assert not is_untouched(used, CONNECTWISE, 65.9)
    assert is_untouched(used, CONNECTWISE, 66.0)
    assert not is_untouched(refused(spend(used, Priority.POLL, 66.0), 0, 1.0, 66.0), CONNECTWISE, 500.0)
