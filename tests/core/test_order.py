"""Do the events of one record arrive in order, and do the others pass?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat

from hypothesis import given
from hypothesis import strategies as st

from tidings.core.order import Order

NOW = 1_000


def order(*notifications: str, due_at: int = NOW) -> Order:
    """The letters of each are the records that it speaks of; the first has number 0."""
    made = Order()
    for number, records in enumerate(notifications):
        made.add(number, records, due_at)
    return made


def taken(order: Order, now: int = NOW) -> list[int]:
    """All that may be sent now; they are in flight together."""
    return list(iter(lambda: order.take(now), None))


def test_notifications_without_a_record_in_common_go_together():
    assert taken(order("ab", "cd", "e")) == [0, 1, 2]


def test_a_later_notification_of_the_same_record_waits_for_one_that_is_in_flight_or_failed():
    made = order("ab", "bc", "d")
    assert taken(made) == [0, 2]
    made.wait(0, NOW + 5)
    assert taken(made) == []
    assert taken(made, NOW + 5) == [0]
    made.remove(0)
    assert taken(made, NOW + 5) == [1]


def test_waiting_is_passed_on():
    made = order("a", "ab", "bc", "c")
    assert taken(made) == [0]
    made.wait(0, NOW + 1)
    assert taken(made) == []


def test_the_same_id_of_another_resource_is_another_record():
    made = Order()
    made.add(0, [("contacts", "a")], NOW)
    made.add(1, [("tickets", "a")], NOW)
    assert taken(made) == [0, 1]


def test_of_those_that_are_due_the_earliest_in_sequence_goes_first_however_long_it_waits():
    made = order("a", "b", "c")
    assert taken(made) == [0, 1, 2]
    for number, due_at in ((2, NOW + 1), (0, NOW + 3), (1, NOW + 2)):
        made.wait(number, due_at)
    assert taken(made, NOW + 3) == [0, 1, 2]


def test_what_is_hastened_goes_before_its_time_and_nothing_is_put_off():
    made = order("a", "b", due_at=NOW + 9)
    made.hasten(0, NOW)
    made.hasten(1, NOW + 20)
    assert made.next_due() == NOW
    assert taken(made) == [0]
    assert made.next_due() == NOW + 9


def test_what_was_sent_before_its_time_and_failed_is_due_once():
    made = order("a", due_at=NOW + 9)
    made.hasten(0, NOW)
    assert taken(made) == [0]
    made.wait(0, NOW + 9)
    assert taken(made, NOW + 9) == [0]


def test_what_was_started_out_of_turn_leaves_the_order_of_the_others_alone():
    made = order("a", "b", "c", "d", "e")
    assert made.take(NOW) == 0
    made.start(1)
    assert taken(made) == [2, 3, 4]


def test_the_next_moment_is_that_of_the_first_one_that_nothing_holds_back():
    made = Order()
    assert made.next_due() is None
    for number, (records, due_at) in enumerate([("a", NOW + 9), ("a", NOW + 1), ("b", NOW + 5)]):
        made.add(number, records, due_at)
    assert made.next_due() == NOW + 5
    assert taken(made, NOW + 5) == [2]
    assert made.next_due() == NOW + 9
    assert taken(made, NOW + 9) == [0]
    assert made.next_due() is None


@dataclass
class Standing:
    number: int
    records: frozenset[str]
    due_at: int
    in_flight: bool = False


@dataclass
class SimpleOrder:
    """The rule as it is said: looks at everything, each time."""

    unfinished: list[Standing] = field(default_factory=list)

    def free(self) -> Iterator[Standing]:
        spoken_of: set[str] = set()
        for standing in self.unfinished:
            if spoken_of.isdisjoint(standing.records) and not standing.in_flight:
                yield standing
            spoken_of |= standing.records

    def take(self, now: int) -> int | None:
        for standing in self.free():
            if standing.due_at <= now:
                standing.in_flight = True
                return standing.number
        return None

    def next_due(self) -> int | None:
        return min((standing.due_at for standing in self.free()), default=None)

    def find(self, number: int) -> Standing:
        return next(standing for standing in self.unfinished if standing.number == number)


record_sets = st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=3)
steps = st.lists(
    st.tuples(st.just("add"), record_sets, st.integers(0, 3))
    | st.tuples(st.sampled_from(("take", "start", "remove", "wait", "hasten")), st.integers(0, 99), st.integers(0, 6)),
    max_size=80,
)


@given(steps)
def test_it_is_the_simple_rule_whatever_happens(drawn: list[tuple]):
    made, simple = Order(), SimpleOrder()
    now = NOW
    for step, what, span in drawn:
        flying = [standing for standing in simple.unfinished if standing.in_flight]
        waiting = [standing for standing in simple.unfinished if not standing.in_flight]
        if step == "add":
            number = simple.unfinished[-1].number + 1 if simple.unfinished else 0
            simple.unfinished.append(Standing(number, what, now + span))
            made.add(number, what, now + span)
        elif step == "take":
            now += span
            assert made.take(now) == simple.take(now)
        elif step == "start" and (free := list(simple.free())):
            assert made.free() == [standing.number for standing in free]
            started = free[what % len(free)]
            started.in_flight = True
            made.start(started.number)
        elif step == "remove" and flying:
            simple.unfinished.remove(arrived := flying[what % len(flying)])
            made.remove(arrived.number)
        elif step == "wait" and flying:
            failed = flying[what % len(flying)]
            failed.in_flight, failed.due_at = False, now + span
            made.wait(failed.number, now + span)
        elif step == "hasten" and waiting:
            hastened = waiting[what % len(waiting)]
            # What is due already stays where it is: nothing is gained by being due before that.
            if hastened.due_at > now:
                hastened.due_at = min(hastened.due_at, now + span)
            made.hasten(hastened.number, now + span)
        if made.next_due() is None or simple.next_due() is None:
            assert made.next_due() == simple.next_due()
        else:
            assert max(made.next_due() or 0, now) == max(simple.next_due() or 0, now)


fates = st.lists(st.sampled_from(("arrives", "fails", "takes longer")), max_size=60)


@given(st.lists(record_sets, min_size=1, max_size=15), fates)
def test_of_one_record_first_deliveries_are_in_the_order_of_sequence(sets: list[frozenset[str]], drawn: list[str]):
    """Random tries, failures and waits, until fate runs out and everything arrives; the receiver notes what it has."""
    fate = chain(drawn, repeat("arrives"))
    made = order(*("".join(sorted(records)) for records in sets))
    delivered: list[int] = []
    flying: list[int] = []
    now = NOW
    while len(delivered) < len(sets):
        now += 1
        flying += taken(made, now)
        assert sum(len(sets[number]) for number in flying) == len(frozenset().union(*(sets[n] for n in flying)))
        for number in list(flying):
            match next(fate):
                case "arrives":
                    delivered.append(number)
                    flying.remove(number)
                    made.remove(number)
                case "fails":
                    flying.remove(number)
                    made.wait(number, now + 2)
    for record in "abcdef":
        of_record = [number for number in delivered if record in sets[number]]
        assert of_record == sorted(of_record)
