"""What waits is tried early when its receiver is back: once, and again after a try that its schedule had asked for."""

from __future__ import annotations

from tidings.core.model import Delivery, DeliveryState, Outcome, Outline
from tidings.core.subscription import Subscription
from tidings.engine.window import Room, Window

NOW = 1_790_000_000_000
TO = Subscription(1, 1, 1, ("t",), "https://receiver.example/", True, None, NOW)
REFUSED, TAKEN = Outcome(503, "answered 503", None, "", 0.1), Outcome(200, None, None, "", 0.1)


def window(*waits: tuple[str, int]) -> Window:
    """One in which a notification waits for each: its records, and after how many milliseconds it is due."""
    outlines = [
        Outline(n, f"id{n}", "contacts", n, n, tuple(("contacts", record) for record in records))
        for n, (records, _) in enumerate(waits, 1)
    ]
    return Window(
        TO,
        len(waits),
        [
            Delivery(1, outline, DeliveryState.RETRY, 3, NOW + due)
            for outline, (_, due) in zip(outlines, waits, strict=True)
        ],
        Room(1_000_000),
    )


def fail(made: Window, now: int, *, scheduled: bool) -> None:
    """The one that may be sent now is sent, and refused."""
    tried = made.take(now)
    assert tried is not None
    assert tried.scheduled is scheduled
    made.finish(tried, REFUSED, now)


def test_what_was_tried_early_and_refused_waits_for_its_schedule_however_often_the_receiver_comes_back():
    made = window(("a", 100_000))
    made.hasten(NOW)
    fail(made, NOW, scheduled=False)
    for later in (10_000, 20_000):
        made.hasten(NOW + later)
        assert made.next_due() == NOW + 100_000
        assert not made.is_draining


def test_what_its_schedule_has_tried_since_is_tried_early_once_more():
    made = window(("a", 100_000))
    made.hasten(NOW)
    fail(made, NOW, scheduled=False)
    fail(made, NOW + 100_000, scheduled=True)
    assert (made.next_due() or 0) > NOW + 300_000
    made.hasten(NOW + 110_000)
    assert made.next_due() == NOW + 110_000
    assert made.is_draining
    fail(made, NOW + 110_000, scheduled=False)
    assert not made.is_draining


def test_an_early_try_comes_no_sooner_than_four_seconds_after_a_failure():
    made = window(("a", 0))
    fail(made, NOW, scheduled=True)
    made.hasten(NOW + 1)
    assert made.next_due() == NOW + 4_000


def test_what_stands_behind_another_of_its_record_is_tried_early_too_and_in_order():
    made = window(("a", 100_000), ("ab", 50_000))
    made.hasten(NOW)
    first = made.take(NOW)
    assert first is not None
    assert made.take(NOW) is None
    made.finish(first, TAKEN, NOW)
    second = made.take(NOW)
    assert second is not None
    assert (first.notification.number, second.notification.number) == (1, 2)
    assert not made.is_draining
