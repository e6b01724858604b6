"""Do the events of one record arrive in order, and do the others pass?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, repeat

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.order import Standing, next_due, sendable

NOW = 1_000


def standing(number: int, records: str, due_at: int = NOW, in_flight: bool = False) -> Standing:
    return Standing(number, frozenset(("contacts", record) for record in records), due_at, in_flight)


def may_go(*unfinished: Standing) -> list[int]:
    return list(sendable(unfinished, NOW))


def test_notifications_without_a_record_in_common_go_together():
    assert may_go(standing(1, "ab"), standing(2, "cd"), standing(3, "e")) == [1, 2, 3]


def test_a_later_notification_of_the_same_record_waits_for_one_that_is_ready_in_flight_or_failed():
    assert may_go(standing(1, "ab"), standing(2, "bc")) == [1]
    assert may_go(standing(1, "ab", in_flight=True), standing(2, "bc"), standing(3, "d")) == [3]
    assert may_go(standing(1, "ab", due_at=NOW + 1), standing(2, "bc"), standing(3, "d")) == [3]


def test_waiting_is_passed_on():
    assert may_go(standing(1, "a", due_at=NOW + 1), standing(2, "ab"), standing(3, "bc"), standing(4, "c")) == []


def test_the_same_id_of_another_resource_is_another_record():
    other = Standing(2, frozenset({("tickets", "a")}), NOW)
    assert may_go(standing(1, "a", in_flight=True), other) == [2]


def test_the_next_moment_is_that_of_the_first_one_that_nothing_holds_back():
    held_back = standing(2, "a", due_at=NOW + 1)
    assert next_due([standing(1, "a", due_at=NOW + 9), held_back, standing(3, "b", due_at=NOW + 5)]) == NOW + 5
    assert next_due([standing(1, "a", in_flight=True), held_back]) is None
    assert next_due([]) is None


record_sets = st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=3), min_size=1, max_size=15)


def overlapping(a: Standing, others: Iterable[Standing]) -> bool:
    return any(a.records & other.records for other in others)


fates = st.lists(st.sampled_from(("arrives", "fails", "takes longer", "is not sent yet")), max_size=60)


@given(record_sets, fates)
def test_of_one_record_first_deliveries_are_in_the_order_of_sequence(sets: list[frozenset[str]], drawn: list[str]):
    """Random tries, failures and waits, until fate runs out and everything arrives; the receiver notes what it has."""
    fate = chain(drawn, repeat("arrives"))
    unfinished = {n: standing(n, "".join(sorted(records))) for n, records in enumerate(sets)}
    delivered: list[Standing] = []
    now = NOW
    while unfinished:
        now += 1
        for number in list(sendable(unfinished.values(), now)):
            if next(fate) != "is not sent yet":
                unfinished[number] = replace(unfinished[number], in_flight=True)
        flying = [s for s in unfinished.values() if s.in_flight]
        for one in flying:
            assert not overlapping(one, (other for other in flying if other is not one))
            match next(fate):
                case "arrives":
                    delivered.append(unfinished.pop(one.number))
                case "fails":
                    unfinished[one.number] = replace(one, in_flight=False, due_at=now + 2)
    for record in "abcdef":
        of_record = [s.number for s in delivered if ("contacts", record) in s.records]
        assert of_record == sorted(of_record)


@given(record_sets, st.data())
def test_what_may_go_is_exactly_what_shares_nothing_with_anything_earlier(
    sets: list[frozenset[str]], data: st.DataObject
):
    unfinished = [
        standing(
            n, "".join(sorted(s)), due_at=data.draw(st.sampled_from((0, NOW + 5))), in_flight=data.draw(st.booleans())
        )
        for n, s in enumerate(sets)
    ]
    expected = [
        one.number
        for n, one in enumerate(unfinished)
        if not one.in_flight and one.due_at <= NOW and not overlapping(one, unfinished[:n])
    ]
    assert may_go(*unfinished) == expected
