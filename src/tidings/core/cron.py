"""When is a Quartz cron expression due? Six or seven fields, seconds first; in UTC (spec platform.md 5.6)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tidings.core.model import Moment

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2099
_LONGEST: Final = 500
_MONTHS: Final = dict(
    zip(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), range(1, 13), strict=True)
)
_WEEKDAYS: Final = dict(zip(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), range(1, 8), strict=True))
_SATURDAY, _SUNDAY = 5, 6  # as Python counts them
_PART: Final = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)?(?:/(\d+))?", re.ASCII)

DaysOf = Callable[[int, int], set[int]]
"""The days of a month, given its year and number."""


class CronError(ValueError):
    """An expression cannot be read; the message names the field and says what can be written."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is due: the moments, in UTC, whose parts are all among these; its days depend on the month."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: tuple[int, ...]
    days_of: DaysOf

    def next_after(self, moment: Moment) -> Moment | None:
        """The first due moment that is later; None when there is none until the end of 2099.

        >>> parse("0 0/15 * 1/1 * ? *").next_after(1_502_131_598_999)
        1502132400000
        """
        at = datetime.fromtimestamp(moment // 1000, UTC) + timedelta(seconds=1)
        for day in self._days_from(at.date()):
            for hour, minute, second in self._times_from(at if day == at.date() else None):
                found = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
                return int(found.timestamp()) * 1000
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in self.years:
            if year < first.year:
                continue
            for month in sorted(self.months):
                if (year, month) < (first.year, first.month):
                    continue
                for number in sorted(self.days_of(year, month)):
                    if (day := date(year, month, number)) >= first:
                        yield day

    def _times_from(self, at: datetime | None) -> Iterator[tuple[int, int, int]]:
        earliest = (0, 0, 0) if at is None else (at.hour, at.minute, at.second)
        for hour in self.hours:
            if hour < earliest[0]:
                continue
            for minute in self.minutes:
                if (hour, minute) < earliest[:2]:
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= earliest:
                        yield hour, minute, second


def parse(text: str) -> Cron:
    """The schedule that an expression writes. Raises CronError.

    Fields are seconds, minutes, hours, day of month, month, day of week (1 or SUN to 7 or SAT) and, if wanted, year.
    Each takes `*`, numbers, names, `a-b` (also around the end, as `FRI-MON`), `a/step` and lists; days of the month
    take `L`, `L-3`, `15W` and `LW`, days of the week `6L` and `6#3`. One of the two kinds of day is `?`; a `*` is too
    where the other says something.
    """
    fields = text.upper().split()
    if len(text) > _LONGEST or len(fields) not in (6, 7):
        raise CronError("write six or seven fields: seconds minutes hours day-of-month month day-of-week [year]")
    second, minute, hour, day, month, weekday, *year = fields
    return Cron(
        seconds=tuple(sorted(_numbers("seconds", second, 0, 59))),
        minutes=tuple(sorted(_numbers("minutes", minute, 0, 59))),
        hours=tuple(sorted(_numbers("hours", hour, 0, 23))),
        months=frozenset(_numbers("month", month, 1, 12, _MONTHS)),
        years=tuple(sorted(_numbers("year", year[0] if year else "*", FIRST_YEAR, LAST_YEAR))),
        days_of=_days(day, weekday),
    )


def _days(day: str, weekday: str) -> DaysOf:
    if day == weekday == "?":
        raise CronError("day-of-month and day-of-week are both ?; only one of them can be")
    if weekday in ("?", "*"):
        return _days_of_month("*" if day == "?" else day)
    if day in ("?", "*"):
        return _days_of_week(weekday)
    raise CronError(f"day-of-month is {day} and day-of-week is {weekday}; write ? for one of them")


def _days_of_month(text: str) -> DaysOf:
    from_last = re.fullmatch(r"L(?:-(\d{1,2}))?(W)?", text, re.ASCII)
    if from_last is not None:
        before, to_weekday = int(from_last[1] or 0), from_last[2] is not None
        if before > 30:
            raise CronError(f"day-of-month: L-{before} is before the first of any month; write L-30 at the most")
        return lambda year, month: _near(year, month, _last(year, month) - before, to_weekday=to_weekday)
    if (near := re.fullmatch(r"(\d{1,2})W", text, re.ASCII)) is not None:
        (number,) = _numbers("day-of-month", near[1], 1, 31)
        return lambda year, month: _near(year, month, number, to_weekday=True)
    numbers = _numbers("day-of-month", text, 1, 31)
    return lambda year, month: {each for each in numbers if each <= _last(year, month)}


def _days_of_week(text: str) -> DaysOf:
    if text == "L":
        text = "7"
    if (last := re.fullmatch(r"(\w+?)L", text, re.ASCII)) is not None:
        (wanted,) = _numbers("day-of-week", last[1], 1, 7, _WEEKDAYS)
        return lambda year, month: {max(_of_weekday(year, month, wanted))}
    if (nth := re.fullmatch(r"(\w+)#([1-5])", text, re.ASCII)) is not None:
        (wanted,) = _numbers("day-of-week", nth[1], 1, 7, _WEEKDAYS)
        place = int(nth[2]) - 1
        return lambda year, month: set(_of_weekday(year, month, wanted)[place : place + 1])
    every = _numbers("day-of-week", text, 1, 7, _WEEKDAYS)
    return lambda year, month: {day for each in every for day in _of_weekday(year, month, each)}


def _last(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _of_weekday(year: int, month: int, weekday: int) -> list[int]:
    """The days of the month that are that weekday, 1 for Sunday."""
    first_weekday, last = calendar.monthrange(year, month)
    first = 1 + ((weekday + 5) % 7 - first_weekday) % 7
    return list(range(first, last + 1, 7))


def _near(year: int, month: int, day: int, *, to_weekday: bool) -> set[int]:
    """The day, or the weekday next to it within the month; nothing where the month has no such day."""
    last = _last(year, month)
    if not 1 <= day <= last:
        return set()
    weekday = calendar.weekday(year, month, day)
    if not to_weekday or weekday < _SATURDAY:
        return {day}
    if weekday == _SUNDAY:
        return {day + 1 if day < last else day - 2}
    return {day - 1 if day > 1 else day + 2}


def _numbers(field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        read = _PART.fullmatch(part)
        if not part or read is None:
            raise CronError(
                f"{field}: {part or 'an empty entry'} cannot be read; write *, a number, a-b, a/step or a list"
            )
        star, first, last, step = read.groups()
        begin = low if star or first is None else _number(field, first, low, high, names)
        if last is not None:
            end = _number(field, last, low, high, names)
        else:
            end = begin if step is None and not star else high
        size = 1 if step is None else int(step)
        if not 1 <= size <= max(high - low, 1) + 1:
            raise CronError(f"{field}: the step /{step} must be from 1 to {high - low + 1}")
        if end < begin:  # around the end, as from Friday to Monday
            if field == "year":
                raise CronError(f"{field}: {part} ends before it begins")
            end += high - low + 1
        found |= {low + (number - low) % (high - low + 1) for number in range(begin, end + 1, size)}
    return found


def _number(field: str, text: str, low: int, high: int, names: Mapping[str, int] | None) -> int:
    if names is not None and text in names:
        return names[text]
    if not text.isdigit() or len(text) > 4 or not low <= int(text) <= high:
        or_names = f", or {next(iter(names))} to {list(names)[-1]}" if names else ""
        raise CronError(f"{field}: {text} is out of range; write {low} to {high}{or_names}")
    return int(text)
