"""What one letter of a Java date pattern writes, reads and counts in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from whenever import Instant, PlainDateTime

from tidings.core import zones

EPOCH: Final = "milliseconds"
STATED: Final = "O"  # stands for an offset written out at the end of a pattern; no letter of Java's that we take

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Unit(IntEnum):
    """The units of a date, from coarse to fine."""

    YEAR = 0
    MONTH = 1
    DAY = 2
    HOUR = 3
    MINUTE = 4
    SECOND = 5
    MILLISECOND = 6
    MICROSECOND = 7
    NANOSECOND = 8

    def shift(self, clock: PlainDateTime, count: int) -> PlainDateTime:
        """The clock's reading `count` units on (or back), by the calendar, without a zone."""
        match self:
            case Unit.YEAR:
                return clock.add(years=count)
            case Unit.MONTH:
                return clock.add(months=count)
            case Unit.DAY:
                return clock.add(days=count)
        nanoseconds = count * _NANOSECONDS[self]
        return clock.add(nanoseconds=nanoseconds, naive_arithmetic_ok=True)


_NANOSECONDS: Final = {
    Unit.HOUR: 3_600_000_000_000,
    Unit.MINUTE: 60_000_000_000,
    Unit.SECOND: 1_000_000_000,
    Unit.MILLISECOND: 1_000_000,
    Unit.MICROSECOND: 1_000,
    Unit.NANOSECOND: 1,
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: the longest run of it, the unit it counts in, how a run is written, and what it reads.

    `reads` is a regular expression for a run of the length given; numbers that touch the next number
    (`yyyyMMdd`) are read at exactly their own width instead.
    """

    longest: int
    unit: Unit | None
    writes: Callable[[zones.Reading, int], str]
    reads: Callable[[int], str]
    numeric: bool = True


def _number(longest: int, unit: Unit, part: Callable[[PlainDateTime], int], reads: str = r"\d{1,2}") -> Letter:
    return Letter(longest, unit, lambda reading, run: str(part(reading.clock)).zfill(run), lambda run: reads)


def _year(reading: zones.Reading, run: int) -> str:
    year = reading.clock.year
    return f"{year % 100:02d}" if run == 2 else str(year).zfill(run)


def _month(reading: zones.Reading, run: int) -> str:
    month = reading.clock.month
    return str(month).zfill(run) if run < 3 else _MONTHS[month - 1][: 3 if run == 3 else None]


def _day_name(reading: zones.Reading, run: int) -> str:
    return _DAYS[reading.clock.date().day_of_week().value - 1][: 3 if run < 4 else None]


def _offset(reading: zones.Reading, run: int) -> str:
    if reading.offset == 0:
        return "Z"
    text = zones.offset_text(reading.offset, ":" if run == 3 else "")
    # SimpleDateFormat would cut +0530 to +05, and the text would stand for another instant.
    return text.removesuffix("00") if run == 1 else text


def _epoch(reading: zones.Reading, run: int) -> str:
    return str(zones.Zone("", reading.offset).instant(reading.clock).timestamp(unit="millisecond"))


_ZONE_TEXT: Final = r"(?:GMT|UTC)?[+-][\d:]{1,5}|[A-Z]+(?:/[A-Z0-9_/+-]+)?"

LETTERS: Final[Mapping[str, Letter]] = {
    "y": Letter(4, Unit.YEAR, _year, lambda run: r"\d{4}" if run == 4 else r"\d{4}|\d{2}"),
    "M": Letter(4, Unit.MONTH, _month, lambda run: r"\d{1,2}" if run < 3 else r"[A-Z]{3,9}\.?"),
    "d": _number(2, Unit.DAY, lambda clock: clock.day),
    "H": _number(2, Unit.HOUR, lambda clock: clock.hour),
    "h": _number(2, Unit.HOUR, lambda clock: (clock.hour - 1) % 12 + 1),
    "m": _number(2, Unit.MINUTE, lambda clock: clock.minute),
    "s": _number(2, Unit.SECOND, lambda clock: clock.second),
    "S": Letter(9, None, lambda reading, run: f"{reading.clock.nanosecond:09d}"[:run], lambda run: r"\d{1,9}"),
    "a": Letter(2, None, lambda reading, run: "AM" if reading.clock.hour < 12 else "PM", lambda run: "AM|PM", False),
    "E": Letter(4, None, _day_name, lambda run: r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[A-Z]*\.?", False),
    "Z": Letter(3, None, lambda reading, run: zones.offset_text(reading.offset, ""), lambda run: _ZONE_TEXT, False),
    "X": Letter(3, None, _offset, lambda run: _ZONE_TEXT, False),
    "z": Letter(3, None, lambda reading, run: reading.abbreviation, lambda run: _ZONE_TEXT, False),
    STATED: Letter(0, None, lambda reading, run: zones.offset_text(reading.offset, ""), lambda run: _ZONE_TEXT, False),
    EPOCH: Letter(0, Unit.MILLISECOND, _epoch, lambda run: r"-?\d{1,17}", False),
}

INSTEAD: Final[Mapping[str, str]] = {
    "Y": "is the year of a week: write yyyy",
    "D": "is the day of the year: write dd",
    "L": "is not in use: write MM",
    "k": "counts hours from 1 to 24: write HH",
    "K": "counts hours from 0 to 11: write HH, or hh with a",
    "u": "is not in use: write EEE",
    "T": "is literal text: write 'T', with its quotes",
}


def unit(letter: str, run: int) -> Unit | None:
    """The smallest whole unit that a run of the letter renders; None for names and zones."""
    if letter == "S":
        return (Unit.SECOND, Unit.MILLISECOND, Unit.MICROSECOND, Unit.NANOSECOND)[run // 3]
    return LETTERS[letter].unit


def instant(parts: Mapping[str, str], around: zones.Zone) -> Instant:
    """The instant that the texts read for each letter stand for, on the clock of `around` unless they name a zone.

    Parts that are not there are those of 1970-01-01T00:00; two-digit years run from 1970 to 2069. Raises
    ValueError.
    """
    if EPOCH in parts:
        return Instant.from_timestamp(int(parts[EPOCH]), unit="millisecond")
    hour = int(parts.get("H", 0))
    if "h" in parts:
        hour = int(parts["h"]) % 12 + (12 if parts["a"].upper() == "PM" else 0)
    clock = PlainDateTime(
        _full_year(parts.get("y", "1970")),
        _month_number(parts.get("M", "1")),
        int(parts.get("d", 1)),
        hour,
        int(parts.get("m", 0)),
        int(parts.get("s", 0)),
        nanosecond=nanosecond(parts.get("S", "")),
    )
    stated = next((parts[letter] for letter in (STATED, "X", "Z", "z") if letter in parts), None)
    return around.instant(clock) if stated is None else zones.instant_in(stated, clock, around)


def nanosecond(fraction: str) -> int:
    """The nanoseconds of a decimal fraction of a second, given its digits: 123 for `000000123`, 5e8 for `5`."""
    return int(fraction.ljust(9, "0")[:9])


def _full_year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (1900 if year >= 70 else 2000)


def _month_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    name = text.rstrip(".").lower()
    for number, month in enumerate(_MONTHS, 1):
        if month.lower().startswith(name):
            return number
    raise ValueError(f"`{text}` is not a month")
