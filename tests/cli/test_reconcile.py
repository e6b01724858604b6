"""Does the comparison accept what a right poller does, and nothing else?"""

import doctest
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.cli import reconcile as module
from tidings.cli.reconcile import Arrival, Verdict, Write, count_types, reconcile, same_content

Action = Literal["added", "updated", "deleted"]
KEY = ("contacts", "7")


def write(action: Action, at: float) -> Write:
    return Write(*KEY, action, stamp(at), at)


def stamp(at: float) -> str:
    return f"2026-01-01T00:00:{int(at):02}Z"


def content(version: int, at: float) -> dict[str, Any]:
    return {"id": 7, "version": version, "_info": {"lastUpdated": stamp(at)}}


def arrival(kind: str, sequence: int, at: float, version: int, stamped: float) -> Arrival:
    return Arrival(at, f"e{sequence}", sequence, kind, *KEY, content(version, stamped))


def judged(writes: Sequence[Write], arrivals: Sequence[Arrival], final: dict[str, Any] | None, **how: Any) -> Verdict:
    return reconcile(writes, arrivals, {} if final is None else {KEY: final}, **how)


def test_the_examples_hold():
    assert doctest.testmod(module).failed == 0


def test_one_event_stands_for_all_writes_between_two_polls():
    writes = [write("updated", 1), write("updated", 2), write("updated", 3)]
    verdict = judged(writes, [arrival("UPDATED", 1, 4, version=3, stamped=3)], content(3, 3))
    assert verdict.right
    assert len(verdict.announced) == 3


def test_a_record_made_and_changed_between_two_polls_was_created():
    writes = [write("added", 1), write("updated", 2)]
    assert judged(writes, [arrival("CREATED", 1, 4, 2, 2)], content(2, 2)).right
    assert judged(writes, [arrival("UPDATED", 1, 4, 2, 2)], content(2, 2)).wrong_type


def test_a_hard_delete_comes_with_the_last_content():
    writes = [write("updated", 1), write("deleted", 3)]
    assert judged(writes, [arrival("DELETED", 1, 9, version=0, stamped=0)], None).right


def test_a_record_that_no_poll_could_see_is_not_missed():
    verdict = judged([write("added", 1), write("deleted", 2)], [], None)
    assert verdict.right
    assert len(verdict.invisible) == 2
    assert judged([write("added", 1), write("deleted", 30)], [], None).missing


def test_a_record_that_was_gone_before_it_was_announced_may_be_announced_as_gone():
    assert judged([write("added", 1), write("deleted", 2)], [arrival("DELETED", 1, 3, 2, 2)], None).right
    assert judged([write("added", 1), write("deleted", 2)], [arrival("CREATED", 1, 3, 2, 2)], None).wrong_type


def test_a_write_without_effect_is_not_missed_where_touches_are_not_announced():
    writes = [write("updated", 1), write("updated", 5)]
    told = [arrival("UPDATED", 1, 2, version=1, stamped=1)]
    assert judged(writes, told, content(1, 5)).right
    assert judged(writes, told, content(1, 5), announces_touches=frozenset({"contacts"})).missing


def test_a_touch_that_leaves_the_record_as_it_was_to_the_stamp_is_not_missed():
    writes = [write("updated", 1.1), write("updated", 1.9)]
    told = [arrival("UPDATED", 1, 1.5, version=1, stamped=1)]
    verdict = judged(writes, told, content(1, 1), announces_touches=frozenset({"contacts"}))
    assert verdict.right
    assert verdict.invisible == (writes[1],)


def test_a_second_write_in_the_same_second_is_missed_by_its_content():
    writes = [write("updated", 1.1), write("updated", 1.9)]
    told = [arrival("UPDATED", 1, 1.5, version=1, stamped=1)]
    assert judged(writes, told, content(2, 1)).missing == (writes[1],)
    late = [replace(told[0], at=2.0)]
    assert judged(writes, late, content(2, 1)).missing == (writes[1],)
    both = [*late, arrival("UPDATED", 2, 3, version=2, stamped=1)]
    assert judged(writes, both, content(2, 1)).right


def test_an_event_without_a_write_is_unfounded():
    assert judged([], [arrival("UPDATED", 1, 4, 1, 1)], None).unfounded
    twice = [arrival("UPDATED", 1, 2, 1, 1), arrival("UPDATED", 2, 3, 1, 1)]
    assert judged([write("updated", 1)], twice, content(1, 1)).unfounded == (twice[1],)


def test_an_event_that_came_before_its_write_is_unfounded():
    assert judged([write("updated", 5)], [arrival("UPDATED", 1, 4, 1, 5)], content(1, 5)).unfounded


def test_the_same_event_again_is_a_repeat():
    event = arrival("UPDATED", 1, 2, 1, 1)
    verdict = judged([write("updated", 1)], [event, replace(event, at=3)], content(1, 1))
    assert verdict.repeated == (replace(event, at=3),)
    assert verdict.complete
    assert not verdict.right


def test_a_sequence_that_never_came_is_a_gap():
    assert judged([write("updated", 1)], [arrival("UPDATED", 3, 2, 1, 1)], content(1, 1)).gaps == 2


def test_events_of_a_record_that_overtake_each_other_are_out_of_order():
    writes = [write("updated", 1), write("updated", 3)]
    first, second = arrival("UPDATED", 1, 6, 1, 1), arrival("UPDATED", 2, 5, 2, 3)
    assert judged(writes, [second, first], content(2, 3)).out_of_order == (first,)


@pytest.mark.parametrize(
    ("received", "final", "same"),
    [
        ({"a": 1}, {"a": 1, "b": None}, True),
        ({"a": 1, "_info": {"x": 1}}, {"a": 1, "_info": {"x": 2}}, True),
        ({"company": {"id": 1, "name": "old"}}, {"company": {"id": 1, "name": "new"}}, True),
        ({"company": {"id": 1}}, {"company": {"id": 2}}, False),
        ({"id": 1, "name": "old"}, {"id": 1, "name": "new"}, False),
        ({"items": [{"id": 1, "value": "a"}]}, {"items": [{"id": 1, "value": "b"}]}, False),
        ({"a": 1}, None, False),
    ],
)
def test_content_is_compared_without_what_changes_by_itself(received: Any, final: Any, same: bool):
    assert same_content(received, final) is same


def test_events_are_counted_in_the_order_of_a_life():
    assert count_types([arrival("UPDATED", 1, 0, 0, 0)]) == {"CREATED": 0, "UPDATED": 1, "DELETED": 0}


@st.composite
def lives(draw: st.DrawFn) -> list[Write]:
    """What was done to one record, in time: at most one delete, at the end."""
    moments = sorted(draw(st.lists(st.integers(0, 590), min_size=1, max_size=8, unique=True)))
    actions: list[Action] = ["updated" for _ in moments]
    if draw(st.booleans()):
        actions[0] = "added"
    if len(actions) > 1 and draw(st.booleans()):
        actions[-1] = "deleted"
    return [write(action, moment / 10) for action, moment in zip(actions, moments, strict=True)]


def polled(writes: Sequence[Write], polls: Sequence[float]) -> tuple[list[Arrival], dict[str, Any] | None]:
    """What a right poller says of these writes, and what the provider holds in the end."""
    told: list[Arrival] = []
    known = None if writes[0].action == "added" else 0
    last = content(0, 0)
    for at in [*polls, 61.0]:
        done = [(nth, each) for nth, each in enumerate(writes, 1) if each.at <= at]
        if not done:
            continue
        version, latest = done[-1]
        seen = None if latest.action == "deleted" else version
        if seen == known:
            continue
        if seen is not None:
            last = content(version, latest.at)
        kind = "CREATED" if known is None else "DELETED" if seen is None else "UPDATED"
        told.append(Arrival(at, f"e{len(told)}", len(told) + 1, kind, *KEY, last))
        known = seen
    return told, None if writes[-1].action == "deleted" else last


POLLS = st.lists(st.floats(0, 60), max_size=8).map(sorted)


@given(lives(), POLLS)
def test_a_right_poller_is_right_whenever_it_polls(writes: list[Write], polls: list[float]):
    told, final = polled(writes, polls)
    verdict = judged(writes, told, final, fleeting=60)
    assert verdict.right
    assert len(verdict.announced) + len(verdict.invisible) == len(writes)
    assert verdict.events == tuple(told)


@given(lives(), POLLS, st.data())
def test_a_lost_event_is_noticed(writes: list[Write], polls: list[float], data: st.DataObject):
    told, final = polled(writes, polls)
    if told:
        del told[data.draw(st.integers(0, len(told) - 1))]
        # By its sequence, or when it was the last one by what the provider holds.
        assert not judged(writes, told, final, fleeting=0).complete


@given(lives(), POLLS, st.data())
def test_a_wrong_type_is_noticed(writes: list[Write], polls: list[float], data: st.DataObject):
    told, final = polled(writes, polls)
    if told:
        chosen = data.draw(st.integers(0, len(told) - 1))
        other = data.draw(
            st.sampled_from([kind for kind in ("CREATED", "UPDATED", "DELETED") if kind != told[chosen].type])
        )
        told[chosen] = replace(told[chosen], type=other)
        assert not judged(writes, told, final, fleeting=60).right


@given(lives(), POLLS, st.data())
def test_an_event_told_twice_under_two_ids_is_noticed(writes: list[Write], polls: list[float], data: st.DataObject):
    told, final = polled(writes, polls)
    if told:
        chosen = data.draw(st.integers(0, len(told) - 1))
        again = replace(told[chosen], event_id="again", at=61.0)
        twice = [*told[: chosen + 1], again, *told[chosen + 1 :]]
        renumbered = [replace(event, sequence=nth) for nth, event in enumerate(twice, 1)]
        same_second = [each for each in writes if told[chosen].stamp == each.stamp]
        assert not judged(writes, renumbered, final).right or len(same_second) > 1
