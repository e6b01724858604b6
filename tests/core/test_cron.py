"""When a Quartz expression is due, also beside a search through a calendar that knows nothing of how it is read."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.core import quartz
from tidings.core.cron import CronError, parse

NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def due(expression: str, after: str, count: int = 1) -> list[str]:
    cron, moment, found = parse(expression), at(after), []
    for _ in range(count):
        following = cron.next_after(moment)
        if following is None:
            break
        moment = following
        found.append(f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0/15 * 1/1 * ? *", ["2026-01-31 12:15:00", "2026-01-31 12:30:00"]),
        ("0 0 12 * * ?", ["2026-02-01 12:00:00", "2026-02-02 12:00:00"]),
        ("0 15 10 ? * MON-FRI", ["2026-02-02 10:15:00", "2026-02-03 10:15:00"]),
        ("0 0 0 ? * FRI-MON", ["2026-02-01 00:00:00", "2026-02-02 00:00:00"]),
        ("0 0 22-2 * * ?", ["2026-01-31 22:00:00", "2026-01-31 23:00:00"]),
        ("0 0 0 L * ?", ["2026-02-28 00:00:00", "2026-03-31 00:00:00"]),
        ("0 0 0 L-3 * ?", ["2026-02-25 00:00:00", "2026-03-28 00:00:00"]),
        ("0 0 0 LW * ?", ["2026-02-27 00:00:00", "2026-03-31 00:00:00"]),
        ("0 0 0 15W * ?", ["2026-02-16 00:00:00", "2026-03-16 00:00:00"]),
        ("0 0 0 1W AUG ?", ["2026-08-03 00:00:00", "2027-08-02 00:00:00"]),
        ("0 0 0 31W MAY ?", ["2026-05-29 00:00:00", "2027-05-31 00:00:00"]),
        ("0 0 0 ? * 6L", ["2026-02-27 00:00:00", "2026-03-27 00:00:00"]),
        ("0 0 0 ? * FRIL", ["2026-02-27 00:00:00", "2026-03-27 00:00:00"]),
        ("0 0 0 ? * L", ["2026-02-07 00:00:00", "2026-02-14 00:00:00"]),
        ("0 0 0 ? * 6#3", ["2026-02-20 00:00:00", "2026-03-20 00:00:00"]),
        ("0 0 0 ? * MON#5", ["2026-03-30 00:00:00", "2026-06-29 00:00:00"]),
        ("0 0 0 29 2 ?", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("5,35 0 0 1 jan ? 2027-2028", ["2027-01-01 00:00:05", "2027-01-01 00:00:35"]),
        ("*/20 * * * * *", ["2026-01-31 12:00:20", "2026-01-31 12:00:40"]),
    ],
)
def test_an_expression_is_due_when_quartz_says_so(expression: str, expected: list[str]):
    assert due(expression, "2026-01-31 12:00:00", 2) == expected


def test_what_is_never_due_again_has_no_next_moment():
    assert due("0 0 0 30 2 ?", "2026-01-01") == []
    assert due("0 0 0 1 1 ? 2025", "2026-01-01") == []
    assert due("59 59 23 31 12 ? 2099", "2099-12-31 23:59:58", 3) == ["2099-12-31 23:59:59"]


def test_a_due_moment_is_not_its_own_next_one():
    assert due("0 0 12 * * ?", "2026-01-31 12:00:00") == ["2026-02-01 12:00:00"]
    assert due("0 0 12 * * ?", "2026-01-31 11:59:59.999") == ["2026-01-31 12:00:00"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "six or seven fields"),
        ("* * * * *", "six or seven fields"),
        ("0 0 0 ? * ?", "both"),
        ("0 0 0 1 * 2", "write [?] for one"),
        ("60 * * * * ?", "seconds: 60 is out of range; write 0 to 59"),
        ("0 0 24 * * ?", "hours"),
        ("0 0 0 0 * ?", "day-of-month"),
        ("0 0 0 32W * ?", "day-of-month"),
        ("0 0 0 L-31 * ?", "day-of-month"),
        ("0 0 0 1,L * ?", "day-of-month"),
        ("0 0 0 * 13 ?", "month: 13 is out of range; write 1 to 12, or JAN to DEC"),
        ("0 0 0 ? * 8", "day-of-week"),
        ("0 0 0 ? * 6#6", "day-of-week"),
        ("0 0 0 ? * FRI,6L", "day-of-week"),
        ("0 0/0 * * * ?", "step"),
        ("0 0/61 * * * ?", "step"),
        ("0 1-2-3 * * * ?", "minutes"),
        ("0 1, * * * ?", "minutes: an empty entry"),
        ("0 ٣ * * * ?", "minutes"),
        ("0 0 0 1 1 ? 1969", "year"),
        ("0 0 0 1 1 ? 2030-2027", "ends before"),
        ("0 " * 400, "six or seven"),
    ],
)
def test_what_quartz_does_not_know_is_refused_by_its_field(expression: str, said: str):
    with pytest.raises(CronError, match=said):
        parse(expression)


@given(st.text("0123456789*?/,-#LWMONJAN ", max_size=40))
def test_any_text_is_read_or_refused(text: str):
    try:
        found = parse(text).next_after(at("2026-01-01"))
    except CronError:
        return
    assert found is None or found > at("2026-01-01")


@pytest.mark.parametrize("seconds", [1, 3, 30, 60, 300, 900, 3600, 7200, 86400])
def test_what_a_poller_is_said_to_run_by_is_due_so_often(seconds: int):
    written = quartz.every(seconds)
    assert written is not None
    first = parse(written).next_after(at("2026-02-28 23:59:30"))
    assert first is not None
    assert parse(written).next_after(first) == first + seconds * 1000


def field(low: int, high: int):
    """A field as text, beside the numbers that it stands for."""
    number = st.integers(low, high)
    one = number.map(lambda n: (str(n), {n}))
    spans = st.tuples(number, number).map(sorted).map(lambda ab: (f"{ab[0]}-{ab[1]}", set(range(ab[0], ab[1] + 1))))
    steps = st.tuples(number, st.integers(1, high - low + 1)).map(
        lambda ns: (f"{ns[0]}/{ns[1]}", {n for n in range(low, high + 1) if n >= ns[0] and (n - ns[0]) % ns[1] == 0})
    )
    all_ = st.just(("*", set(range(low, high + 1))))
    lists = st.lists(st.one_of(one, spans), min_size=1, max_size=3).map(
        lambda parts: (",".join(text for text, _ in parts), set.union(*(numbers for _, numbers in parts)))
    )
    return st.one_of(one, spans, steps, all_, lists)


def weekdays_left(day: datetime) -> int:
    """How many later days of its month are the same weekday."""
    return (calendar.monthrange(day.year, day.month)[1] - day.day) // 7


def nearest(day: datetime, number: int) -> bool:
    """Whether of the month's weekdays this one is nearest to the day of that number."""
    last = calendar.monthrange(day.year, day.month)[1]
    if number > last:
        return False
    weekdays = [n for n in range(1, last + 1) if calendar.weekday(day.year, day.month, n) < 5]
    return day.day == min(weekdays, key=lambda n: (abs(n - number), n))


DAYS = st.one_of(
    field(1, 31).map(lambda f: (f[0], "?", lambda d: d.day in f[1])),
    field(1, 7).map(lambda f: ("?", f[0], lambda d: (d.weekday() + 1) % 7 + 1 in f[1])),
    st.integers(0, 27).map(
        lambda n: (f"L-{n}" if n else "L", "?", lambda d: (d + timedelta(n)).month == d.month and last_after(d, n))
    ),
    st.integers(1, 31).map(lambda n: (f"{n}W", "?", lambda d: nearest(d, n))),
    st.just(("LW", "?", lambda d: nearest(d, calendar.monthrange(d.year, d.month)[1]))),
    st.integers(0, 6).map(lambda n: ("?", f"{n + 1}L", lambda d: d.weekday() == (n - 1) % 7 and not weekdays_left(d))),
    st.tuples(st.integers(0, 6), st.integers(1, 5)).map(
        lambda nk: (
            "?",
            f"{NAMES[nk[0]]}#{nk[1]}",
            lambda d: d.weekday() == (nk[0] - 1) % 7 and (d.day + 6) // 7 == nk[1],
        )
    ),
)


def last_after(day: datetime, n: int) -> bool:
    return (day + timedelta(n + 1)).month != day.month


@settings(max_examples=200, deadline=None)
@given(
    field(0, 59),
    field(0, 59),
    field(0, 23),
    DAYS,
    field(1, 12),
    st.datetimes(datetime(2023, 1, 1), datetime(2033, 1, 1)),
)
def test_the_next_due_moment_is_the_one_that_a_search_through_the_calendar_finds(
    second, minute, hour, days, month, start
):
    start = start.replace(tzinfo=UTC)
    day_of_month, day_of_week, matches = days
    found = parse(f"{second[0]} {minute[0]} {hour[0]} {day_of_month} {month[0]} {day_of_week}").next_after(
        int(start.timestamp() * 1000)
    )
    first = start.replace(microsecond=0) + timedelta(seconds=1)
    expected = None
    for nth in range(3000):
        day = first.replace(hour=0, minute=0, second=0) + timedelta(nth)
        if day.month not in month[1] or not matches(day):
            continue
        times = (
            day.replace(hour=h, minute=m, second=s)
            for h in sorted(hour[1])
            for m in sorted(minute[1])
            for s in sorted(second[1])
        )
        if (expected := next((each for each in times if each >= first), None)) is not None:
            break
    if expected is None:
        assert found is None or found > int((first + timedelta(2999)).timestamp() * 1000)
    else:
        assert found == int(expected.timestamp() * 1000)
